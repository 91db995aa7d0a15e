"""The compression function of BLAKE2b on the consecutive blocks of one message.

All twelve rounds stand in a row, with the sixteen words of the state as scalars: measured on a processor with AVX-512,
rows of the state in vectors take 1.6 times as long, because one block gives them a single chain of operations that
wait for each other, where the four columns of scalars are independent.

Source: RFC 7693, sections 2.7, 3.1 and 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.emit import FR, I64, Emitter, block_intrinsic, declared
from zkroll.algebra.kernels.jit import kernel
from zkroll.algebra.reference.blake import INITIAL, PERMUTATIONS, QUARTERS

BLOCK = 128  # bytes
STATE_WORDS = 8
_ROUNDS = 12
_ROTATIONS = ((32, 24), (16, 63))  # to the right: of d and of b, in the first and second half of G


def _emit_block(e: Emitter, state: ir.Value, block: ir.Value, counter: ir.Value, last: ir.Value) -> None:
    """Compress one block into the eight words at `state`; `last` is -1 for the last block, else 0."""
    b: Any = e.builder
    message = [b.load(e.pointer(block, 8 * i, I64), align=1) for i in range(BLOCK // 8)]
    h = [b.load(e.pointer(state, 8 * i, I64), align=8) for i in range(STATE_WORDS)]
    v = [*h, *(ir.Constant(I64, word) for word in INITIAL)]
    v[12], v[14] = b.xor(v[12], counter), b.xor(v[14], last)
    for turn in range(_ROUNDS):
        order = PERMUTATIONS[turn % len(PERMUTATIONS)]
        for i, places in enumerate(QUARTERS):
            _mix(b, v, places, [message[at] for at in order[2 * i : 2 * i + 2]])
    for i in range(STATE_WORDS):
        b.store(b.xor(h[i], b.xor(v[i], v[i + STATE_WORDS])), e.pointer(state, 8 * i, I64), align=8)


def _mix(builder: Any, v: list[Any], places: Sequence[int], words: Sequence[ir.Value]) -> None:
    """G on the words of the state at `places`."""
    a, b, c, d = places
    rotate = declared(builder.module, "llvm.fshr.i64", ir.FunctionType(I64, [I64] * 3))
    for word, (of_d, of_b) in zip(words, _ROTATIONS, strict=True):
        v[a] = builder.add(builder.add(v[a], word), v[b])
        mixed = builder.xor(v[d], v[a])
        v[d] = builder.call(rotate, [mixed, mixed, ir.Constant(I64, of_d)])
        v[c] = builder.add(v[c], v[d])
        mixed = builder.xor(v[b], v[c])
        v[b] = builder.call(rotate, [mixed, mixed, ir.Constant(I64, of_b)])


_block = block_intrinsic(FR, _emit_block, backend="portable")


@kernel("void(int64, int64, int64, int64, int64)", name="blake2b")
def blake2b_blocks(state: int, data: int, blocks: int, counter: int, last: int) -> None:
    """Compress `blocks` blocks of 128 bytes at the address `data` into the eight words at `state`.

    `counter` is the number of bytes of the message up to and with the first of them, `last` -1 if it is the last
    block of all (then there is one), else 0.
    """
    for i in range(blocks):
        _block(state, data + BLOCK * i, counter + BLOCK * i, last)
