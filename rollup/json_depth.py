"""A bound on the nesting of JSON, checked before any decoder sees the text.

Decoders of the standard library and of msgspec recurse in C and rely on Python's recursion limit. Some
libraries (py_ecc, py-evm) raise that limit so far that deep nesting overflows the C stack, which ends the
process.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from zkroll.errors import InputError

DEEPEST: Final = 64

# An unterminated string ends with the text, so every quote is looked at once.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1


def check_depth(text: bytes, place: str, deepest: int = DEEPEST) -> None:
    """Raise InputError when arrays and objects are nested more than `deepest` deep."""
    steps = _STEPS[np.frombuffer(_STRING.sub(b"", text), dtype=np.uint8)]
    if steps.size and int(np.cumsum(steps, dtype=np.int64).max()) > deepest:
        raise InputError(f"{place}: nested too deeply: expected at most {deepest} levels")
