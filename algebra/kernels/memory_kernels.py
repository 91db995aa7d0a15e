"""A flat byte memory replayed access by access."""

from __future__ import annotations

from typing import Any

from zkroll.algebra.kernels.jit import kernel

SPAN = 64  # bytes each access sees: its word and the next


@kernel(
    "void(uint8[::1], const_int64[::1], const_int64[::1], const_uint8[:, ::1], uint8[:, ::1])",
    name="memory_replay",
)
def replay(memory: Any, address: Any, count: Any, data: Any, seen: Any) -> None:
    """For each access copy the 64 bytes from its word's start to `seen`, then write `count` bytes of `data`.

    memory: bytes, changed; address, count: (m,) in bytes; data: (m, 32); seen: (m, 64). The caller keeps
    every address + 64 inside the memory.
    """
    for i in range(address.shape[0]):
        start = address[i] & ~31
        for k in range(SPAN):
            seen[i, k] = memory[start + k]
        for k in range(count[i]):
            memory[address[i] + k] = data[i, k]
