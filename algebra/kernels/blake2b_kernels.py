"""The compression function of BLAKE2b on the consecutive blocks of one message.

A row of the 4×4 state is a vector of four words, so a step of G works on a whole row, and the message words of a
step are one shuffle of the block (vpermt2q where there is AVX-512). The diagonals are brought under one another by
turning the rows a, c and d past b, because b is what the next step waits for.

Source: RFC 7693, sections 2.7, 3.1 and 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.emit import FR, I64, VECTOR, Emitter, block_intrinsic, declared
from zkroll.algebra.kernels.jit import kernel

BLOCK = 128  # bytes
STATE_WORDS = 8

#: Fractions of the square roots of the first eight primes, as in SHA-512.
INITIAL = (
    0x6A09E667F3BCC908,
    0xBB67AE8584CAA73B,
    0x3C6EF372FE94F82B,
    0xA54FF53A5F1D36F1,
    0x510E527FADE682D1,
    0x9B05688C2B3E6C1F,
    0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
)
_ORDER = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
_ROUNDS = 12
_ROWS = 4  # words in a row of the state, and rows
_ROTATIONS = ((32, 24), (16, 63))  # to the right: of d and of b, in the first and second half of G
_ROW = ir.VectorType(I64, _ROWS)
_I32 = ir.IntType(32)


def _emit_block(e: Emitter, state: ir.Value, block: ir.Value, counter: ir.Value, last: ir.Value) -> None:
    """Compress one block into the eight words at `state`; `last` is -1 for the last block, else 0."""
    b: Any = e.builder
    message = [b.load(e.pointer(block, 64 * i, VECTOR), align=1) for i in range(2)]
    h = [b.load(e.pointer(state, 32 * i, _ROW), align=8) for i in range(2)]
    low, high = _constant(INITIAL[:_ROWS]), _constant(INITIAL[_ROWS:])
    for place, word in ((0, counter), (2, last)):
        old = b.extract_element(high, ir.Constant(_I32, place))
        high = b.insert_element(high, b.xor(old, word), ir.Constant(_I32, place))
    rows = [*h, low, high]
    for turn in range(_ROUNDS):
        order = _ORDER[turn % len(_ORDER)]
        rows = _step(b, rows, message, order[:8:2], order[1:8:2])
        rows = [_turned(b, row, places) for row, places in zip(rows, (3, 0, 1, 2), strict=True)]
        # diagonal i stands in the lane of its word of b, i + 1
        first, second = (_last_first(order[at::2]) for at in (8, 9))
        rows = _step(b, rows, message, first, second)
        rows = [_turned(b, row, places) for row, places in zip(rows, (1, 0, 3, 2), strict=True)]
    for i in range(2):
        b.store(b.xor(h[i], b.xor(rows[i], rows[i + 2])), e.pointer(state, 32 * i, _ROW), align=8)


def _step(
    b: Any, rows: Sequence[ir.Value], message: Sequence[ir.Value], first: Sequence[int], second: Sequence[int]
) -> list[ir.Value]:
    """G on the four columns, with the words of the block at these places."""
    r0, r1, r2, r3 = rows
    for places, (of_d, of_b) in zip((first, second), _ROTATIONS, strict=True):
        words = b.shuffle_vector(message[0], message[1], ir.Constant(ir.VectorType(_I32, _ROWS), list(places)))
        r0 = b.add(b.add(r0, words), r1)
        r3 = _rotated_right(b, b.xor(r3, r0), of_d)
        r2 = b.add(r2, r3)
        r1 = _rotated_right(b, b.xor(r1, r2), of_b)
    return [r0, r1, r2, r3]


def _rotated_right(b: Any, row: ir.Value, count: int) -> ir.Value:
    function = declared(b.module, f"llvm.fshr.v{_ROWS}i64", ir.FunctionType(_ROW, [_ROW] * 3))
    return b.call(function, [row, row, _constant([count] * _ROWS)])


def _turned(b: Any, row: ir.Value, places: int) -> ir.Value:
    """The row whose lane i is lane i + places of this one."""
    lanes = [(i + places) % _ROWS for i in range(_ROWS)]
    return b.shuffle_vector(row, row, ir.Constant(ir.VectorType(_I32, _ROWS), lanes))


def _last_first(places: Sequence[int]) -> list[int]:
    return [places[-1], *places[:-1]]


def _constant(words: Sequence[int]) -> ir.Value:
    return ir.Constant(_ROW, [ir.Constant(I64, word) for word in words])


_block = block_intrinsic(FR, _emit_block, backend="portable")


@kernel("void(int64, int64, int64, int64, int64)", name="blake2b")
def blake2b_blocks(state: int, data: int, blocks: int, counter: int, last: int) -> None:
    """Compress `blocks` blocks of 128 bytes at the address `data` into the eight words at `state`.

    `counter` is the number of bytes of the message up to and with the first of them, `last` -1 if it is the last
    block of all (then there is one), else 0.
    """
    for i in range(blocks):
        _block(state, data + BLOCK * i, counter + BLOCK * i, last)
