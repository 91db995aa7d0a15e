"""Keccak-f[1600] on eight states and SHA-256 on sixteen states side by side, and the sponges over messages.

The permutation and the compression are emitted as vectors of 8 x 64 and 16 x 32 bits with LLVM's generic
rotations: on AVX-512 a rotation and a three-input function are one instruction each (vprolq, vpternlogq), and
another processor gets narrower vectors from the same IR. Nothing here depends on the back end of the fields.

Sources: the Keccak reference (version 3.0, section 1), FIPS 180-4 (sections 5.1.1, 6.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from zkroll.algebra.kernels.emit import FR, I64, VECTOR, Emitter, block_intrinsic, declared
from zkroll.algebra.kernels.jit import kernel
from zkroll.algebra.reference.keccak import ROTATIONS

KECCAK_LANES = 8
KECCAK_WORDS = 25
KECCAK_RATE = 136  # bytes
KECCAK_RATE_WORDS = 17
KECCAK_ROUNDS = 24
DIGEST_WORDS = 4
SHA_LANES = 16
SHA_BLOCK = 64  # bytes
SHA_WORDS = 8
SHA_BLOCK_WORDS = 16
SHA_ROUNDS = 64

I32 = ir.IntType(32)
WIDE = ir.VectorType(I32, SHA_LANES)
ROW = 64  # bytes of a vector of either kind


ZERO, NONE = np.uint64(0), np.uint32(0)
KECCAK_PAD, KECCAK_LAST = np.uint64(1), np.uint64(1 << 63)
SHA_PAD = np.uint32(1 << 31)
THIRTY_TWO, LOW_HALF = np.uint64(32), np.uint64(0xFFFFFFFF)


# ---- emitted: Keccak --------------------------------------------------------------------------------------


def _rotated(b: Any, kind: ir.VectorType, x: ir.Value, count: int) -> ir.Value:
    """x rotated left by `count` bits in every lane."""
    width = kind.element.width
    if count % width == 0:
        return x
    name = f"llvm.fshl.v{kind.count}i{width}"
    amount = ir.Constant(kind, [ir.Constant(kind.element, count % width)] * kind.count)
    return b.call(declared(b.module, name, ir.FunctionType(kind, [kind] * 3)), [x, x, amount])


def _xor(b: Any, values: Sequence[ir.Value]) -> ir.Value:
    total = values[0]
    for value in values[1:]:
        total = b.xor(total, value)
    return total


def _emit_keccak(
    e: Emitter,
    state: ir.Value,
    words: ir.Value,
    absorbed: ir.Value,
    constants: ir.Value,
    first: ir.Value,
    last: ir.Value,
) -> None:
    """Xor the first `absorbed` rows of `words` into those of `state`, then do the rounds first <= r < last."""
    b: Any = e.builder
    slots: Any = cgutils
    with slots.for_range(b, absorbed) as loop:
        at = b.mul(loop.index, ir.Constant(I64, ROW))
        into = e.pointer(b.add(state, at), 0, VECTOR)
        word = b.load(e.pointer(b.add(words, at), 0, VECTOR), align=8)
        b.store(b.xor(b.load(into, align=8), word), into, align=8)
    places = [
        slots.alloca_once_value(b, b.load(e.pointer(state, ROW * i, VECTOR), align=8))
        for i in range(KECCAK_WORDS)
    ]
    with slots.for_range(b, last, start=first) as loop:
        where = b.add(constants, b.mul(loop.index, ir.Constant(I64, 8)))
        constant = e.broadcast(b.load(e.pointer(where, 0, I64), align=8))
        after = _keccak_round(b, [b.load(place) for place in places], constant)
        for place, value in zip(places, after, strict=True):
            b.store(value, place)
    for i, place in enumerate(places):
        b.store(b.load(place), e.pointer(state, ROW * i, VECTOR), align=8)


def _keccak_round(b: Any, a: Sequence[ir.Value], constant: ir.Value) -> list[ir.Value]:
    """Theta, rho, pi, chi, iota; lane (x, y) is word x + 5·y."""
    parity = [_xor(b, [a[x + 5 * y] for y in range(5)]) for x in range(5)]
    mix = [b.xor(parity[(x - 1) % 5], _rotated(b, VECTOR, parity[(x + 1) % 5], 1)) for x in range(5)]
    out = []
    for row in range(5):
        moved = []
        for column in range(5):  # the lane (x, y) that pi takes to (y, 2x + 3y) = (column, row)
            y = column
            x = (row - 3 * y) * 3 % 5
            mixed = b.xor(a[x + 5 * y], mix[x])
            moved.append(_rotated(b, VECTOR, mixed, ROTATIONS[x + 5 * y]))
        for x in range(5):
            off = b.and_(b.not_(moved[(x + 1) % 5]), moved[(x + 2) % 5])
            out.append(b.xor(moved[x], off))
    out[0] = b.xor(out[0], constant)
    return out


def _emit_gather_words(e: Emitter, target: ir.Value, source: ir.Value, count: ir.Value) -> None:
    """Copy `count` little-endian 64-bit words from any address to every 64th byte from `target`."""
    b: Any = e.builder
    slots: Any = cgutils
    with slots.for_range(b, count) as loop:
        at = b.add(source, b.mul(loop.index, ir.Constant(I64, 8)))
        word = b.load(e.pointer(at, 0, I64), align=1)
        to = b.add(target, b.mul(loop.index, ir.Constant(I64, ROW)))
        b.store(word, e.pointer(to, 0, I64), align=8)


_keccak = block_intrinsic(FR, _emit_keccak, backend="portable")
_gather_words = block_intrinsic(FR, _emit_gather_words, backend="portable")


# ---- emitted: SHA-256 -------------------------------------------------------------------------------------


def _emit_sha256(e: Emitter, state: ir.Value, words: ir.Value, constants: ir.Value) -> None:
    """Compress one block in every lane: `state` has 8 rows, `words` 16 rows, `constants` 64 numbers."""
    b: Any = e.builder
    slots: Any = cgutils

    def rows(address: ir.Value, count: int) -> list[ir.Value]:
        return [b.load(e.pointer(address, ROW * i, WIDE), align=8) for i in range(count)]

    def constant(base: ir.Value, i: int) -> ir.Value:
        word = b.load(e.pointer(base, 4 * i, I32), align=4)
        empty = ir.Constant(WIDE, ir.Undefined)
        lane0 = b.insert_element(empty, word, ir.Constant(I32, 0))
        return b.shuffle_vector(lane0, empty, ir.Constant(ir.VectorType(I32, SHA_LANES), [0] * SHA_LANES))

    start = rows(state, SHA_WORDS)
    held, w = start, rows(words, SHA_BLOCK_WORDS)
    for i in range(SHA_BLOCK_WORDS):
        held = _sha_round(b, held, b.add(w[i], constant(constants, i)))
    places = [slots.alloca_once_value(b, value) for value in (*held, *w)]
    turns = ir.Constant(I64, SHA_ROUNDS // SHA_BLOCK_WORDS)
    with slots.for_range(b, turns, start=ir.Constant(I64, 1)) as loop:
        base = b.add(constants, b.mul(loop.index, ir.Constant(I64, 4 * SHA_BLOCK_WORDS)))
        values = [b.load(place) for place in places]
        held, w = values[:SHA_WORDS], values[SHA_WORDS:]
        for i in range(SHA_BLOCK_WORDS):
            w[i] = _sha_next_word(b, w, i)
            held = _sha_round(b, held, b.add(w[i], constant(base, i)))
        for place, value in zip(places, (*held, *w), strict=True):
            b.store(value, place)
    for i, (before, place) in enumerate(zip(start, places[:SHA_WORDS], strict=True)):
        b.store(b.add(before, b.load(place)), e.pointer(state, ROW * i, WIDE), align=8)


def _sha_sigma(b: Any, x: ir.Value, counts: Sequence[int], shift: int | None = None) -> ir.Value:
    """Xor of x rotated right by each count, and shifted right by `shift` where given."""
    parts = [_rotated(b, WIDE, x, -count) for count in counts]
    if shift is not None:
        parts.append(b.lshr(x, ir.Constant(WIDE, [ir.Constant(I32, shift)] * SHA_LANES)))
    return _xor(b, parts)


def _sha_round(b: Any, state: Sequence[ir.Value], keyed: ir.Value) -> list[ir.Value]:
    """One round (FIPS 180-4, 6.2.2 step 3); `keyed` is W_t + K_t."""
    a, b_, c, d, e, f, g, h = state
    choice = b.xor(g, b.and_(e, b.xor(f, g)))
    majority = b.or_(b.and_(a, b_), b.and_(c, b.or_(a, b_)))
    first = b.add(b.add(h, keyed), b.add(_sha_sigma(b, e, (6, 11, 25)), choice))
    second = b.add(_sha_sigma(b, a, (2, 13, 22)), majority)
    return [b.add(first, second), a, b_, c, b.add(d, first), e, f, g]


def _sha_next_word(b: Any, w: Sequence[ir.Value], i: int) -> ir.Value:
    """W_t = σ1(W_{t-2}) + W_{t-7} + σ0(W_{t-15}) + W_{t-16}, with W_{t-16} at place i of a window of 16."""
    older = b.add(w[i], _sha_sigma(b, w[(i + 1) % SHA_BLOCK_WORDS], (7, 18), 3))
    newer = b.add(w[(i + 9) % SHA_BLOCK_WORDS], _sha_sigma(b, w[(i + 14) % SHA_BLOCK_WORDS], (17, 19), 10))
    return b.add(older, newer)


def _emit_gather_swapped(e: Emitter, target: ir.Value, source: ir.Value, count: ir.Value) -> None:
    """Copy `count` big-endian 32-bit words from any address to every 64th byte from `target`."""
    b: Any = e.builder
    slots: Any = cgutils
    swap = declared(b.module, "llvm.bswap.i32", ir.FunctionType(I32, [I32]))
    with slots.for_range(b, count) as loop:
        at = b.add(source, b.mul(loop.index, ir.Constant(I64, 4)))
        word = b.call(swap, [b.load(e.pointer(at, 0, I32), align=1)])
        to = b.add(target, b.mul(loop.index, ir.Constant(I64, ROW)))
        b.store(word, e.pointer(to, 0, I32), align=4)


_sha256 = block_intrinsic(FR, _emit_sha256, backend="portable")
_gather_swapped = block_intrinsic(FR, _emit_gather_swapped, backend="portable")


# ---- kernels ----------------------------------------------------------------------------------------------


@kernel(
    "void(const_uint8[::1], int64, const_int64[::1], const_int64[::1], const_int64[::1], uint64[:, ::1], int64, "
    "uint64[:, ::1], int64, uint64[:, ::1], int64, int64, int64)",
    name="keccak256",
)
def keccak256_messages(
    data: Any,
    data_at: int,
    offsets: Any,
    lengths: Any,
    order: Any,
    state: Any,
    state_at: int,
    words: Any,
    words_at: int,
    out: Any,
    constants_at: int,
    begin: int,
    end: int,
) -> None:
    """Keccak-256 of the messages order[8·begin] … order[8·end - 1], as far as there are so many.

    Message i is data[offsets[i]] on, lengths[i] bytes; out (n, 4) receives its digest. Scratch: state (25, 8)
    and words (17, 8); `…_at` are the addresses of the arrays, constants_at that of the 24 round constants.
    The messages of a group should be equally long: the group takes as many permutations as its longest.
    """
    for group in range(begin, end):
        lanes = min(KECCAK_LANES, len(order) - KECCAK_LANES * group)
        for lane in range(KECCAK_LANES):
            for i in range(KECCAK_WORDS):
                state[i, lane] = ZERO
        most = 0
        for lane in range(lanes):
            most = max(most, lengths[order[KECCAK_LANES * group + lane]] // KECCAK_RATE + 1)
        for k in range(most):
            for lane in range(lanes):
                message = order[KECCAK_LANES * group + lane]
                start = offsets[message] + KECCAK_RATE * k
                left = lengths[message] - KECCAK_RATE * k
                full = max(0, min(KECCAK_RATE_WORDS, left // 8))
                _gather_words(words_at + 8 * lane, data_at + start, full)
                if full < KECCAK_RATE_WORDS:
                    for i in range(full, KECCAK_RATE_WORDS):
                        words[i, lane] = ZERO
                    if left >= 0:
                        tail = KECCAK_PAD << np.uint64(8 * (left - 8 * full))
                        for i in range(left - 8 * full):
                            tail |= np.uint64(data[start + 8 * full + i]) << np.uint64(8 * i)
                        words[full, lane] = tail
                        words[KECCAK_RATE_WORDS - 1, lane] ^= KECCAK_LAST
            _keccak(state_at, words_at, KECCAK_RATE_WORDS, constants_at, 0, KECCAK_ROUNDS)
            for lane in range(lanes):
                message = order[KECCAK_LANES * group + lane]
                if lengths[message] // KECCAK_RATE == k:
                    for i in range(DIGEST_WORDS):
                        out[message, i] = state[i, lane]


@kernel(
    "void(const_uint64[:, ::1], uint64[:, ::1], int64, int64, uint64[:, :, ::1], int64, int64)",
    name="keccak_f1600",
)
def keccak_permutations(
    states: Any, state: Any, state_at: int, constants_at: int, out: Any, begin: int, end: int
) -> None:
    """Keccak-f[1600] of the groups begin..end of eight of the (m, 25) states.

    out (m, 1, 25) receives the permuted states, (m, 24, 25) the states before each round. Scratch: state
    (25, 8); `…_at` as in `keccak256_messages`.
    """
    kept = out.shape[1]
    step = KECCAK_ROUNDS if kept == 1 else 1
    for group in range(begin, end):
        first = KECCAK_LANES * group
        lanes = min(KECCAK_LANES, len(states) - first)
        for lane in range(lanes):
            for i in range(KECCAK_WORDS):
                state[i, lane] = states[first + lane, i]
        for number in range(0, KECCAK_ROUNDS, step):
            if kept > 1:
                for lane in range(lanes):
                    for i in range(KECCAK_WORDS):
                        out[first + lane, number, i] = state[i, lane]
            _keccak(state_at, state_at, 0, constants_at, number, number + step)
        if kept == 1:
            for lane in range(lanes):
                for i in range(KECCAK_WORDS):
                    out[first + lane, 0, i] = state[i, lane]


@kernel(
    "void(const_uint8[::1], int64, const_int64[::1], const_int64[::1], const_int64[::1], uint32[:, ::1], int64, "
    "uint32[:, ::1], int64, uint32[:, ::1], const_uint32[::1], int64, int64, int64)",
    name="sha256",
)
def sha256_messages(
    data: Any,
    data_at: int,
    offsets: Any,
    lengths: Any,
    order: Any,
    state: Any,
    state_at: int,
    words: Any,
    words_at: int,
    out: Any,
    initial: Any,
    constants_at: int,
    begin: int,
    end: int,
) -> None:
    """SHA-256 of the messages order[16·begin] … order[16·end - 1], as far as there are so many.

    As `keccak256_messages`, with out (n, 8) for the digest as eight numbers, scratch state (8, 16) and words
    (16, 16), `initial` the eight words of the first state, and constants_at the address of the 64 constants.
    """
    for group in range(begin, end):
        lanes = min(SHA_LANES, len(order) - SHA_LANES * group)
        most = 0
        for lane in range(lanes):
            most = max(most, (lengths[order[SHA_LANES * group + lane]] + 8) // SHA_BLOCK + 1)
        for i in range(SHA_WORDS):
            for lane in range(SHA_LANES):
                state[i, lane] = initial[i]
        for k in range(most):
            for lane in range(lanes):
                message = order[SHA_LANES * group + lane]
                start = offsets[message] + SHA_BLOCK * k
                left = lengths[message] - SHA_BLOCK * k
                full = max(0, min(SHA_BLOCK_WORDS, left // 4))
                _gather_swapped(words_at + 4 * lane, data_at + start, full)
                if full < SHA_BLOCK_WORDS:
                    for i in range(full, SHA_BLOCK_WORDS):
                        words[i, lane] = NONE
                    if left >= 0:
                        tail = SHA_PAD >> np.uint32(8 * (left - 4 * full))
                        for i in range(left - 4 * full):
                            tail |= np.uint32(data[start + 4 * full + i]) << np.uint32(24 - 8 * i)
                        words[full, lane] = tail
                    if left < SHA_BLOCK - 8:
                        bits = np.uint64(8 * lengths[message])
                        words[SHA_BLOCK_WORDS - 2, lane] = np.uint32(bits >> THIRTY_TWO)
                        words[SHA_BLOCK_WORDS - 1, lane] = np.uint32(bits & LOW_HALF)
            _sha256(state_at, words_at, constants_at)
            for lane in range(lanes):
                message = order[SHA_LANES * group + lane]
                if (lengths[message] + 8) // SHA_BLOCK == k:
                    for i in range(SHA_WORDS):
                        out[message, i] = state[i, lane]
