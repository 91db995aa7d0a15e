"""Chip ``signature_ladder``: S B8 - 8 h A by 64 rows per signature, each doubling and adding four times.

Bits of S and of 8 h are taken together from bit 255 down (Straus): a step doubles, then adds the identity,
B8, -A or ``both`` = B8 - A. Bit 256, which only 8 h can have, is in the first doubling. The 64 rows are two
halves of 32, so that the bits can be handed over as integers below 2^128 (the upper half of 8 h has 129
bits). Four steps share a row because the columns that only carry the signature's points along cost as much
as any other.

Columns
    active, half         a row of a ladder; 0 in its upper and 1 in its lower half
    turn, done           the last row of the upper and of the lower half
    row                  0 … 31 within the half
    challenge, key_x, key_y, both_x, both_y   h and the points, the same in all rows of a ladder
    s_bit[4], h_bit[4]   bits of S and 8 h, the highest first
    s, h                 the bits of this half in the rows before, as numbers
    double_x[4], double_y[4]   twice the sum of the step before
    chosen_x[4], chosen_y[4]   what is added
    sum_x[4], sum_y[4]

Constraints; a ladder *goes on* in active rows that are not done, a half in those that are not turn either;
a row after one that does not go on is a *start*
    1. "… is a bit"; "turn/done rows are active", "the upper half turns", "the lower half is done"
    2. "the last row does not go on", "a ladder goes on in an active row"
    3. "rows count up", "a half has 32 rows", "a lower half starts at row 0", "a ladder starts at row 0"
    4. "the half goes on", "the lower half comes after the turn", "a ladder starts with its upper half"
    5. "… goes on" for challenge, key and both
    6. "s bits go on": s' = 16 s + the row's bits, likewise h; "no s/h bits before the lower half", "no s bits
       at the start", "bit 256 is a bit": h is 0 or 1 at the start
    7. "step i: double x/y": with (x, y) the sum of the step before,
           double_x (a x^2 + y^2) = 2 x y        double_y (2 - a x^2 - y^2) = y^2 - a x^2
       and with (x, y) = -A (bit 256 set) or the identity "at the start"
    8. "step i: chosen x/y": by s_bit and h_bit
    9. "step i: sum x/y": with c = d double_x double_y chosen_x chosen_y,
           sum_x (1 + c) = double_x chosen_y + double_y chosen_x
           sum_y (1 - c) = double_y chosen_y - a double_x chosen_x
   10. "padding has … 0"
Interaction
   11. turn and done rows: receive LADDER (h, half, key, both, S and 8 h of the half, sum in the lower half)

All points are on the curve if A is (which ``signature`` proves), so no factor on the left of 7. and 9.
vanishes and each point is determined. The challenge ties both halves of one ladder to one signature: rows of
``signature`` with the same challenge have the same R8, key and message, and any S that satisfies one
satisfies the other. Padding rows are zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from zkroll.algebra.field import fr
from zkroll.algebra.reference.babyjubjub import BASE8, A, D
from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import ONE, Expr, weighted
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.chips.limbs import U64
from zkroll.circuits.chips.signature.curve import Block, Projective, add_affine, affine, double, lanes

LADDER: Final = Bus(
    "ladder", 73, ("challenge", "half", "key_x", "key_y", "both_x", "both_y", "s", "h", "sum_x", "sum_y")
)

BITS: Final = 256
STEPS: Final = 4  # in one row
ROWS: Final = BITS // STEPS
HALF: Final = ROWS // 2


Point = tuple[Expr, Expr]


def _is_double(twice: Point, point: Point) -> Point:
    """Two expressions that are zero where ``twice`` is 2 ``point`` (and where all is zero)."""
    (dx, dy), (x, y) = twice, point
    xx, yy = x * x * A, y * y
    return dx * (xx + yy) - x * y * 2, dy * (2 - xx - yy) - (yy - xx)


class SignatureLadderChip(Chip):
    """Joint double-and-add ladders."""

    name = "signature_ladder"
    context_columns = ("half", "row")

    def define(self, b: AirBuilder) -> None:
        active, half, turn, done = (b.bit(name) for name in ("active", "half", "turn", "done"))
        row = b.column("row")
        challenge, kx, ky = b.column("challenge"), b.column("key_x"), b.column("key_y")
        bx, by = b.column("both_x"), b.column("both_y")
        s_bits, h_bits, s, h = b.bits("s_bit", STEPS), b.bits("h_bit", STEPS), b.column("s"), b.column("h")
        doubles = list(zip(b.columns("double_x", STEPS), b.columns("double_y", STEPS), strict=True))
        chosen = list(zip(b.columns("chosen_x", STEPS), b.columns("chosen_y", STEPS), strict=True))
        sums = list(zip(b.columns("sum_x", STEPS), b.columns("sum_y", STEPS), strict=True))

        goes_on = active - done
        half_goes_on = goes_on - turn
        start = (1 - goes_on) * active.next
        b.constrain("turn rows are active", turn * (1 - active))
        b.constrain("done rows are active", done * (1 - active))
        b.constrain("the upper half turns", turn * half)
        b.constrain("the lower half is done", done * (1 - half))
        b.last("the last row does not go on", goes_on)
        b.constrain("a ladder goes on in an active row", goes_on * (1 - active.next))

        b.constrain("rows count up", half_goes_on * (row.next - row - 1))
        b.constrain("a half has 32 rows", (turn + done) * (row - (HALF - 1)))
        b.constrain("a lower half starts at row 0", turn * row.next)
        b.constrain("a ladder starts at row 0", start * row.next)
        b.constrain("the half goes on", half_goes_on * (half.next - half))
        b.constrain("the lower half comes after the turn", turn * (1 - half.next))
        b.constrain("a ladder starts with its upper half", start * half.next)

        for name, column in (
            ("the challenge", challenge), ("key x", kx), ("key y", ky), ("both x", bx), ("both y", by),
        ):  # fmt: skip
            b.constrain(f"{name} goes on", goes_on * (column.next - column))

        numbers = []
        for name, number, bits in (("s", s, s_bits), ("h", h, h_bits)):
            numbers.append(number * 2**STEPS + weighted(bits[::-1], 2))
            b.constrain(f"{name} bits go on", half_goes_on * (number.next - numbers[-1]))
            b.constrain(f"no {name} bits before the lower half", turn * number.next)
        b.constrain("no s bits at the start", start * s.next)
        b.constrain("bit 256 is a bit", start * h.next * (h.next - 1))

        first = (doubles[0][0].next, doubles[0][1].next)
        self._first_double(b, first, (kx.next, ky.next, h.next, active.next), 1 - goes_on)
        for i in range(STEPS):
            before, twice = sums[i - 1], doubles[i] if i else first
            x, y = _is_double(twice, before)
            when: Expr = ONE if i else goes_on
            b.constrain(f"step {i}: double x", when * x)
            b.constrain(f"step {i}: double y", when * y)
            self._chosen(b, i, chosen[i], (s_bits[i], h_bits[i]), (kx, ky, bx, by, active))
            (dx, dy), (px, py), (sx, sy) = doubles[i], chosen[i], sums[i]
            c = dx * dy * px * py * D
            b.constrain(f"step {i}: sum x", sx * (1 + c) - (dx * py + dy * px))
            b.constrain(f"step {i}: sum y", sy * (1 - c) - (dy * py - dx * px * A))

        points = (kx, ky, bx, by)
        answer = (challenge, half, *points, *numbers, half * sums[-1][0], half * sums[-1][1])
        b.receive("half of a ladder", LADDER, answer, turn + done)
        b.zero_in_padding(active)

    @staticmethod
    def _first_double(b: AirBuilder, twice: Point, given: tuple[Expr, ...], when: Expr) -> None:
        """The first doubling of a ladder: of -A where ``top`` is set, else of the identity."""
        kx, ky, top, active = given
        xx, yy = kx * kx * A, ky * ky
        b.constrain("double x at the start", when * (twice[0] * (xx + yy) + top * kx * ky * 2))
        y = twice[1] * (2 - xx - yy) - (active - top) * (2 - xx - yy) - top * (yy - xx)
        b.constrain("double y at the start", when * y)

    @staticmethod
    def _chosen(b: AirBuilder, i: int, point: Point, bits: Point, given: tuple[Expr, ...]) -> None:
        """The identity, B8, -A or both."""
        kx, ky, bx, by, active = given
        s, h = bits
        only_s, only_h, both, neither = s * (1 - h), h * (1 - s), s * h, (1 - s) * (1 - h)
        b.constrain(f"step {i}: chosen x", point[0] - (only_s * BASE8[0] - only_h * kx + both * bx))
        y = neither * active + only_s * BASE8[1] + only_h * ky + both * by
        b.constrain(f"step {i}: chosen y", point[1] - y)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        requests = ctx.requests(LADDER)
        half = requests.small("half") if len(requests) else np.zeros(0, dtype=np.uint64)
        upper, lower = requests.select(half == 0), requests.select(half == 1)
        count = len(upper)
        if not count:
            return None
        h8_high, h8_low = upper.field("h"), lower.field("h")
        s_bits = np.concatenate([_bits(upper.field("s")), _bits(lower.field("s"))])
        h_bits = np.concatenate([_bits(h8_high), _bits(h8_low)])
        top = h8_high[:, 2]
        key = (fr.from_array(_own(upper.field("key_x"))), fr.from_array(_own(upper.field("key_y"))))
        both = (fr.from_array(_own(upper.field("both_x"))), fr.from_array(_own(upper.field("both_y"))))
        chosen, doubles, sums = climb(key, both, s_bits, h_bits, top)

        def rows(block: Block) -> U64:
            """(256, nb, 5, 8) as (64 count, 4 steps, 4), ladder after ladder."""
            each = np.stack([fr.to_limbs(part, count) for part in block])
            return np.ascontiguousarray(each.transpose(1, 0, 2)).reshape(-1, STEPS, 4)

        at = np.tile(np.arange(ROWS), count)
        constant = {
            name: np.repeat(_own(upper.field(name)), ROWS, axis=0)
            for name in ("challenge", "key_x", "key_y", "both_x", "both_y")
        }
        return {
            "active": np.ones(ROWS * count, dtype=np.uint8),
            "half": (at >= HALF).astype(np.uint8),
            "turn": (at == HALF - 1).astype(np.uint8),
            "done": (at == ROWS - 1).astype(np.uint8),
            "row": (at % HALF).astype(np.uint8),
            **constant,
            "s_bit": s_bits.T.reshape(-1, STEPS),
            "h_bit": h_bits.T.reshape(-1, STEPS),
            "s": _running(s_bits, np.zeros_like(top)),
            "h": _running(h_bits, top),
            "double_x": rows(doubles[0]),
            "double_y": rows(doubles[1]),
            "chosen_x": rows(chosen[0]),
            "chosen_y": rows(chosen[1]),
            "sum_x": rows(sums[0]),
            "sum_y": rows(sums[1]),
        }


Pair = tuple[Block, Block]


def climb(key: Pair, both: Pair, s_bits: U64, h_bits: U64, top: U64) -> tuple[Pair, Pair, Pair]:
    """The added points, the doubles and the sums of all ladders, x and y of shape (256, nb, 5, 8) each.

    ``key`` and ``both`` are (nb, 5, 8) each; bits (256, n) from bit 255 down; ``top`` (n,) is bit 256 of 8 h.
    """
    blocks = key[0].shape[0]
    one, zero = fr.full(8 * blocks, 1), fr.zeros(8 * blocks)
    base = (fr.full(8 * blocks, BASE8[0]), fr.full(8 * blocks, BASE8[1]))
    minus_x = fr.neg(key[0])
    s_mask, h_mask = lanes(s_bits != 0, blocks), lanes(h_bits != 0, blocks)
    chosen = (
        np.where(s_mask, np.where(h_mask, both[0], base[0]), np.where(h_mask, minus_x, zero)),
        np.where(s_mask, np.where(h_mask, both[1], base[1]), np.where(h_mask, key[1], one)),
    )
    set_top = lanes(top != 0, blocks)
    point: Projective = (np.where(set_top, minus_x, zero), np.where(set_top, key[1], one), one)
    doubled = [np.empty_like(chosen[0]) for _ in range(3)]
    summed = [np.empty_like(chosen[0]) for _ in range(3)]
    for row in range(BITS):
        point = double(point)
        for store, part in zip(doubled, point, strict=True):
            store[row] = part
        point = add_affine(point, chosen[0][row], chosen[1][row])
        for store, part in zip(summed, point, strict=True):
            store[row] = part
    return chosen, _flat_affine(doubled), _flat_affine(summed)


def _flat_affine(stored: list[Block]) -> Pair:
    shape = stored[0].shape
    x, y = affine((*(part.reshape(-1, 5, 8) for part in stored),))  # type: ignore[arg-type]
    return x.reshape(shape), y.reshape(shape)


def _own(values: U64) -> U64:
    return np.ascontiguousarray(values)


def _bits(values: U64) -> U64:
    """The 128 low bits of (n, 4) limbs, highest first: (128, n)."""
    low = np.ascontiguousarray(values[:, :2], dtype="<u8").view(np.uint8)
    bits = np.unpackbits(low, axis=1, bitorder="little")[:, ::-1]
    return np.ascontiguousarray(bits.T).astype(np.uint64)


def _running(bits: U64, top: U64) -> U64:
    """Per row the number made of the bits of its half before it: (64 n, 4) limbs, ladder after ladder."""
    count, shift, keep = bits.shape[1], np.uint64(STEPS), np.uint64(64 - STEPS)
    weights = np.uint64(1) << np.arange(STEPS, dtype=np.uint64)[::-1]
    added = (bits.reshape(ROWS, STEPS, count) * weights[None, :, None]).sum(axis=1, dtype=np.uint64)
    out = np.zeros((ROWS, count, 4), dtype=np.uint64)
    out[0, :, 0] = top
    for row in range(1, ROWS):
        if row == HALF:
            continue
        before = out[row - 1]
        out[row, :, 0] = before[:, 0] << shift | added[row - 1]
        out[row, :, 1] = before[:, 1] << shift | before[:, 0] >> keep
        out[row, :, 2] = before[:, 2] << shift | before[:, 1] >> keep
    return np.ascontiguousarray(out.transpose(1, 0, 2)).reshape(-1, 4)
