"""Runs the self-test's checks, and longer ones, in a process of its own; prints what they found as JSON.

    python kernel_checks.py [--guard after|before] [NAME ...]

With --guard, arrays that the library allocates lie beside a page that cannot be read or written, so that an
access beyond that end, by whatever address, ends the process.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from zkroll.algebra import selftest
from zkroll.algebra.kernels import jit

PAGE = mmap.PAGESIZE


def guarded(shape: Any, dtype: Any, *, before: bool) -> Any:
    """Return a zeroed array that a forbidden page follows, or precedes."""
    kind = np.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    pages = -(-size // PAGE)
    memory = mmap.mmap(-1, (pages + 1) * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(start if before else start + pages * PAGE), PAGE, 0):
        raise OSError(ctypes.get_errno(), "mprotect")
    offset = PAGE if before else pages * PAGE - size
    return np.frombuffer(memory, dtype=np.uint8, count=size, offset=offset).view(kind).reshape(shape)


def guard_allocations(*, before: bool) -> None:
    """Make np.empty and np.zeros give guarded arrays of whatever is not empty."""

    def instead(original: Callable[..., Any]) -> Callable[..., Any]:
        def allocate(shape: Any, dtype: Any = float, **options: Any) -> Any:
            if options or int(np.prod(shape)) == 0 or np.dtype(dtype).hasobject:
                return original(shape, dtype, **options)
            return guarded(shape, dtype, before=before)

        return allocate

    np.empty, np.zeros = instead(np.empty), instead(np.zeros)


def main() -> None:
    """Run the checks named on the command line, or all."""
    names = sys.argv[1:]
    if names[:1] == ["--guard"]:
        jit.warm_up()  # Numba looks at np.zeros too
        guard_allocations(before=names[1] == "before")
        names = names[2:]
    checks = names or [*selftest.CHECKS, *selftest.LONGER]
    print(json.dumps({outcome.name: outcome.message for outcome in selftest.run(checks)}))


if __name__ == "__main__":
    main()
