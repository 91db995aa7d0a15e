"""Number-theoretic transforms of block arrays: whole blocks as the elements.

`transform` has the two halves of a four-step transform (see `zkroll.algebra.ntt` for the indices): in the first
all lanes of a block take the same factors, in the second, after an exchange of lanes and positions, each lane
its own. Factors are prepared ones (`fixed_product`); entry m + j of a table belongs to butterfly j of the layer
that joins transforms of length m.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zkroll.algebra.kernels.emit import BLOCK_BYTES, LANES, Backend
from zkroll.algebra.kernels.fixed_product import COMPACT_BYTES, VECTOR_BYTES
from zkroll.algebra.kernels.jit import family, helper, kernel
from zkroll.algebra.kernels.ntt_blocks import ntt_blocks

BLOCK = BLOCK_BYTES
TILE = LANES * BLOCK  # eight blocks side by side, whose lanes and positions are exchanged
NEAR = 64  # blocks that stay in the first-level cache while their first layers run
STREAM = 1 << 16  # blocks that do not fit the last cache: results go past it
PREPARING = 8  # rows of so many tiles have their points prepared
COLUMNS, ROWS = 1, 2  # stages of `transform`
FORWARD, INVERSE, COSET = 0, 1, 2  # modes of `transform`


@dataclass(frozen=True)
class NttKernels:
    """The kernels, compiled on first use."""

    transform: Any  # see below
    small: Any  # (data, scratch, twiddles, log_n, begin, end): columns of 2^log_n blocks, lanes apart
    prepare: Any  # (out: two blocks each, a, begin, end): prepared factors, lane by lane


@family
def ntt_kernels(backend: Backend) -> NttKernels:
    """Return the kernels on `backend`."""
    b = ntt_blocks(backend)
    two = b.two
    four = b.four
    four_past = b.four_past
    four_ones = b.four_ones
    two_vector = b.two_vector
    four_vector = b.four_vector
    prefetch = b.prefetch
    exchange = b.exchange
    entry = b.entry
    square = b.square
    turn = b.turn
    twist = b.twist
    scale_block = b.scale
    finish = b.finish
    finish_coset = b.finish_coset
    finish_one = b.finish_one
    prepare_block = b.prepare
    settle_block = b.settle
    copy = b.copy

    @helper
    def middle(base: int, twiddles: int, size: int, start: int, end: int) -> None:
        """Join transforms of length `start` into transforms of length `end` inside `size` blocks."""
        m = start
        while m < end:
            for group in range(0, size, 4 * m):
                at = base + BLOCK * group
                for j in range(m):
                    w, x = twiddles + COMPACT_BYTES * j, at + BLOCK * j
                    y = x + BLOCK * m
                    u = y + BLOCK * m
                    v = u + BLOCK * m
                    four(
                        x,
                        y,
                        u,
                        v,
                        x,
                        y,
                        u,
                        v,
                        w + COMPACT_BYTES * m,
                        w + COMPACT_BYTES * 2 * m,
                        w + COMPACT_BYTES * 3 * m,
                    )
            m *= 4

    @helper
    def column(
        dst: int,
        place: int,
        src: int,
        stride: int,
        scratch: int,
        order: Any,
        twiddles: int,
        log_n1: int,
        n2: int,
        ones: int,
        past: int,
        ahead: int,
    ) -> None:
        """Transform the 2^log_n1 >= 8 blocks at src, `stride` bytes apart, into tiles at dst."""
        n1 = 1 << log_n1
        odd = log_n1 & 1
        first = 2 if odd else 4
        reach = first
        while reach * 4 <= NEAR and reach * 4 < n1:
            reach *= 4
        for chunk in range(0, n1, reach):
            for i in range(chunk, chunk + reach, first):
                at = scratch + BLOCK * i
                x, y = src + stride * order[i], src + stride * order[i + 1]
                prefetch(x + ahead)
                prefetch(y + ahead)
                if odd:
                    two(x, y, at, at + BLOCK, twiddles + COMPACT_BYTES)
                else:
                    u, v = src + stride * order[i + 2], src + stride * order[i + 3]
                    prefetch(u + ahead)
                    prefetch(v + ahead)
                    if ones:
                        four_ones(x, y, u, v, at, twiddles + 3 * COMPACT_BYTES)
                    else:
                        four(
                            x,
                            y,
                            u,
                            v,
                            at,
                            at + BLOCK,
                            at + 2 * BLOCK,
                            at + 3 * BLOCK,
                            twiddles + COMPACT_BYTES,
                            twiddles + 2 * COMPACT_BYTES,
                            twiddles + 3 * COMPACT_BYTES,
                        )
            middle(scratch + BLOCK * chunk, twiddles, reach, first, reach)
        middle(scratch, twiddles, n1, reach, n1 // 4)
        m = n1 // 4
        for j in range(m):
            at, w = scratch + BLOCK * j, twiddles + COMPACT_BYTES * j
            to = dst + BLOCK * ((j >> 3) * LANES * n2 + place * LANES + (j & 7))
            further = dst + BLOCK * (((j + m) >> 3) * LANES * n2 + place * LANES + ((j + m) & 7))
            third = dst + BLOCK * (((j + 2 * m) >> 3) * LANES * n2 + place * LANES + ((j + 2 * m) & 7))
            fourth = dst + BLOCK * (((j + 3 * m) >> 3) * LANES * n2 + place * LANES + ((j + 3 * m) & 7))
            if past:
                four_past(
                    at,
                    at + BLOCK * m,
                    at + 2 * BLOCK * m,
                    at + 3 * BLOCK * m,
                    to,
                    further,
                    third,
                    fourth,
                    w + COMPACT_BYTES * m,
                    w + COMPACT_BYTES * 2 * m,
                    w + COMPACT_BYTES * 3 * m,
                )
            else:
                four(
                    at,
                    at + BLOCK * m,
                    at + 2 * BLOCK * m,
                    at + 3 * BLOCK * m,
                    to,
                    further,
                    third,
                    fourth,
                    w + COMPACT_BYTES * m,
                    w + COMPACT_BYTES * 2 * m,
                    w + COMPACT_BYTES * 3 * m,
                )

    @helper
    def row_layers(base: int, factors: int, size: int, start: int, end: int) -> None:
        """As `middle`, on tiles instead of blocks and with factors lane by lane."""
        m = start
        while m < end:
            for group in range(0, size, 4 * m):
                for j in range(m):
                    at, w = base + TILE * (group + j), factors + VECTOR_BYTES * j
                    for l in range(LANES):
                        four_vector(
                            at + BLOCK * l,
                            TILE * m,
                            w + VECTOR_BYTES * m,
                            w + VECTOR_BYTES * 2 * m,
                            w + VECTOR_BYTES * 3 * m,
                        )
            m *= 4

    @helper
    def tile_rows(
        dst: int,
        out_step: int,
        step: int,
        at: int,
        scratch: int,
        points: int,
        eighth: int,
        bases: int,
        turns: int,
        roots: int,
        scales: int,
        mode: int,
        log_n2: int,
    ) -> None:
        """Transform eight rows of 2^log_n2 blocks and join their lanes."""
        n2 = 1 << log_n2
        for i in range(n2):
            exchange(at + TILE * i)
        if log_n2:
            power, factors = scratch, scratch + BLOCK
            copy(power, eighth)
            m = n2
            while m > 1:
                m //= 2
                if 2 * m < n2:
                    square(power, power)
                for j in range(m):
                    entry(factors + VECTOR_BYTES * (m + j), power, bases + COMPACT_BYTES * (m + j))
            m = 1
            if log_n2 & 1:
                for i in range(0, n2, 2):
                    for l in range(LANES):
                        two_vector(at + TILE * i + BLOCK * l, TILE, factors + VECTOR_BYTES)
                m = 2
            reach = m
            while reach < n2 and reach * 4 * LANES <= NEAR:
                reach *= 4
            for chunk in range(0, n2, reach):
                row_layers(at + TILE * chunk, factors, reach, m, reach)
            row_layers(at, factors, n2, reach, n2)
        prepared, joined = scratch + BLOCK * (2 * n2 + 1), scratch + BLOCK * (2 * n2 + 17)
        if n2 >= PREPARING:
            for l in range(LANES):
                prepare_block(prepared + VECTOR_BYTES * l, points + BLOCK * l)
        for i in range(n2):
            x = at + TILE * i
            if mode == FORWARD:
                settle_block(x)
            elif mode == INVERSE:
                scale_block(x, points)
            for l in range(int(mode != COSET), LANES):
                factor = turns + COMPACT_BYTES * (LANES * i + l)
                if n2 >= PREPARING:
                    twist(x + BLOCK * l, factor, prepared + VECTOR_BYTES * l)
                else:
                    if i:
                        turn(x + BLOCK * l, factor)
                    scale_block(x + BLOCK * l, points + BLOCK * l)
            to, w4 = dst + step * i, roots + 2 * COMPACT_BYTES
            four_ones(x, x + 4 * BLOCK, x + 2 * BLOCK, x + 6 * BLOCK, joined, w4)
            four_ones(x + BLOCK, x + 5 * BLOCK, x + 3 * BLOCK, x + 7 * BLOCK, joined + 4 * BLOCK, w4)
            if mode == COSET:
                for k in range(4):
                    y, root = joined + BLOCK * k, roots + COMPACT_BYTES * k
                    finish_coset(
                        to + out_step * k, out_step, y, y + 4 * BLOCK, root, scales + COMPACT_BYTES * k
                    )
            else:
                finish_one(to, out_step, joined, joined + 4 * BLOCK)
                for k in range(1, 4):
                    y, root = joined + BLOCK * k, roots + COMPACT_BYTES * k
                    finish(to + out_step * k, out_step, y, y + 4 * BLOCK, root)

    @kernel(
        "void(int64,int64,int64,int64,int64[::1],int64[::1],int64,int64,int64,int64,int64,int64,int64,int64,"
        "int64,int64,int64,int64,int64,int64)",
        name=f"{backend}_ntt_transform",
    )
    def transform(
        data: int,
        columns: int,
        between: int,
        scratch: int,
        order: Any,
        places: Any,
        twiddles: int,
        points: int,
        eighths: int,
        bases: int,
        turns: int,
        roots: int,
        scales: int,
        mode: int,
        ones: int,
        log_n1: int,
        log_n2: int,
        stages: int,
        begin: int,
        end: int,
    ) -> None:
        """Run `stages` on `columns` columns of 2^(log_n1 + log_n2) blocks, one after the other.

        begin, end: the blocks of the first stage or the tiles of the second, for a stage alone; order and
        places: bit reversals; scratch: n1 blocks, or 2·n2 + 25 (the greater); mode: FORWARD; INVERSE, with 1/n in
        `points`; or COSET, with the powers that undo a shift in `points`, `turns` and `scales`.
        """
        n1, n2 = 1 << log_n1, 1 << log_n2
        tiles = n1 // LANES
        for k in range(columns):
            at = data + BLOCK * n1 * n2 * k
            if stages & COLUMNS:
                first, stop = (0, n2) if stages & ROWS else (begin, end)
                for i in range(first, stop):
                    column(
                        between,
                        places[i],
                        at + BLOCK * i,
                        BLOCK * n2,
                        scratch,
                        order,
                        twiddles,
                        log_n1,
                        n2,
                        ones,
                        int(n1 * n2 >= STREAM),
                        BLOCK,
                    )
            if stages & ROWS:
                first, stop = (0, tiles) if stages & COLUMNS else (begin, end)
                for i in range(first, stop):
                    tile_rows(
                        at + BLOCK * i,
                        BLOCK * tiles * n2,
                        BLOCK * tiles,
                        between + TILE * n2 * i,
                        scratch,
                        points + TILE * i,
                        eighths + BLOCK * i,
                        bases,
                        turns,
                        roots,
                        scales,
                        mode,
                        log_n2,
                    )

    @kernel("void(int64,int64,int64,int64,int64,int64)", name=f"{backend}_ntt_small")
    def small(data: int, scratch: int, twiddles: int, log_n: int, begin: int, end: int) -> None:
        n = 1 << log_n
        for k in range(begin, end):
            at = data + BLOCK * n * k
            for i in range(n):
                back, rest = 0, i
                for _ in range(log_n):
                    back, rest = 2 * back + (rest & 1), rest >> 1
                copy(scratch + BLOCK * back, at + BLOCK * i)
            m = 1
            while m < n:
                for group in range(0, n, 2 * m):
                    for j in range(m):
                        x = scratch + BLOCK * (group + j)
                        y = x + BLOCK * m
                        two(x, y, x, y, twiddles + COMPACT_BYTES * (m + j))
                m *= 2
            for i in range(n):
                copy(at + BLOCK * i, scratch + BLOCK * i)

    @kernel("void(int64,int64,int64,int64)", name=f"{backend}_ntt_prepare")
    def prepare(out: int, a: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            prepare_block(out + VECTOR_BYTES * i, a + BLOCK * i)

    return NttKernels(transform=transform, small=small, prepare=prepare)
