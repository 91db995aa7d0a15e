"""A few small kernels, for tests of compiling them; declared where wanted, not on import."""

from __future__ import annotations

from typing import Any

from zkroll.algebra.kernels import jit

NAMES = [f"toy_{at}" for at in range(5)]


def declare() -> dict[str, Any]:
    """Declare kernels that add 0 to 4, and return them by name."""
    return {name: _adder(name, at) for at, name in enumerate(NAMES)}


def forget() -> None:
    """Take them out of the list of kernels."""
    for name in NAMES:
        jit._REGISTRY.pop(name, None)


def _adder(name: str, constant: int) -> Any:
    @jit.kernel("int64(int64)", name=name)
    def add(x: int) -> int:
        return x + constant

    return add
