"""Poseidon over Fr with circomlib's parameters, on whole columns of inputs.

The partial rounds use the equivalent form with sparse matrices of `zkroll.algebra.reference.poseidon_sparse`.

>>> one, two = fr.from_ints([1]), fr.from_ints([2])
>>> hex(fr.to_ints(poseidon_hash([one, two], 1), 1)[0])[:18]
'0x115cc0f5e7d69041'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.field import Block, address, blocks_for, fr
from zkroll.algebra.kernels.emit import LANES, LIMBS
from zkroll.algebra.kernels.poseidon_kernels import GROUPS, WIDEST, poseidon_kernels
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.reference.poseidon_sparse import sparse_form
from zkroll.errors import InputError


def poseidon_hash(
    inputs: Sequence[Block], n: int, threads: int | None = None, out: Block | None = None
) -> Block:
    """Return circomlib's Poseidon of k inputs, row by row, as a block array of n elements.

    `inputs` are k = 1..16 block arrays of n elements each, (nb, 5, 8), which are only read. `out`, where given,
    is a writable C-contiguous array of the same shape and receives the result. Raises InputError otherwise.
    """
    if n < 0:
        raise InputError(f"poseidon_hash: expected n >= 0, got {n}")
    if not 1 <= len(inputs) < WIDEST:
        raise InputError(f"poseidon_hash: expected 1..{WIDEST - 1} inputs, got {len(inputs)}")
    blocks = blocks_for(n)
    held = []
    for i, column in enumerate(inputs):
        _check(column, blocks, f"input {i}")
        held.append(np.ascontiguousarray(column))
    width = len(held) + 1
    tables = _tables(width)
    addresses = np.array([address(column) for column in held], dtype=np.int64)
    if out is None:
        out = aligned.empty((blocks, LIMBS, LANES))
    _check(out, blocks, "out")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise InputError("poseidon_hash: out: expected a writable contiguous array, got another")
    to = address(out)
    kernel = poseidon_kernels(fr.backend).hash

    def run(begin: int, end: int) -> None:
        scratch = aligned.empty((2 * GROUPS * width, LIMBS, LANES))
        kernel(
            to,
            addresses,
            address(scratch),
            address(tables.constants),
            address(tables.matrices),
            address(tables.scalars),
            address(tables.rows),
            address(tables.columns),
            len(tables.scalars),
            begin,
            end,
        )

    map_ranges(run, blocks, threads, GROUPS)
    return out


@dataclass(frozen=True)
class _Tables:
    """Compact tables (rows of five limbs), as the kernel reads them."""

    constants: NDArray[np.uint64]
    matrices: NDArray[np.uint64]
    scalars: NDArray[np.uint64]
    rows: NDArray[np.uint64]
    columns: NDArray[np.uint64]


@lru_cache(maxsize=WIDEST)
def _tables(width: int) -> _Tables:
    form = sparse_form(width)
    return _Tables(
        constants=_compact([c for row in form.constants for c in row]),
        matrices=_compact([c for part in (form.matrix, form.before) for row in part for c in row]),
        scalars=_compact(form.scalars),
        rows=_compact([c for row in form.rows for c in row]),
        columns=_compact([c for column in form.columns for c in column]),
    )


def _check(array: Block, blocks: int, place: str) -> None:
    if not isinstance(array, np.ndarray) or array.shape != (blocks, LIMBS, LANES) or array.dtype != np.uint64:
        got = f"{array.shape} {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(f"poseidon_hash: {place}: expected ({blocks}, 5, 8) uint64, got {got}")


def _compact(values: Sequence[int]) -> NDArray[np.uint64]:
    blocks = fr.from_ints(values)
    return np.ascontiguousarray(np.swapaxes(blocks, -1, -2).reshape(-1, LIMBS)[: len(values)])
