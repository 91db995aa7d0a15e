"""Chip ``signature``: S B8 = R8 + 8 h A with h = Poseidon5(R8, A, message), one row per signature.

This is circomlibjs's ``verifyPoseidon``: A and R8 on the curve, S below the order of the subgroup.

Columns
    active               a row with a signature
    key_x, key_y, message, r_x, r_y   A, the signed message, R8
    both_x, both_y       B8 - A
    challenge, h_lo      h and its low half
    carry[3]             bits of the carry of 8 h_lo over 2^128
    s_hi, s_lo           halves of S
    borrow, below_hi[8], below_lo[8]  limbs of the halves of order - 1 - S

Constraints
    1. "active/borrow/carry is a bit"
    2. "the key is on the curve", "R8 is on the curve"
    3. "B8 - A, x/y": the sum of B8 and (-key_x, key_y); its factor cannot vanish on the curve
    4. "S is below the order, low/high half": below = (order - 1) - S with a borrow between the halves
    5. "padding has … 0"
Interactions
    6. POSEIDON5 for the challenge, CANONICAL for its halves
    7. LADDER for the upper halves of S and 8 h, and for the lower ones with the sum R8
    8. limbs of ``below`` are in the 16-bit table
    9. receives SIGNATURE (key, message)

The ladder makes the halves of S and the low half of 8 h integers below 2^128. As 8 h_lo = carry 2^128 + low
and h is canonical, the ladder's 8 h is the integer 8 h. By 4. S is an integer below the order: no second S
exists for the same R8, and S + order is refused. Padding rows are zero.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.reference.babyjubjub import BASE8, SUBGROUP_ORDER, A, D
from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import weighted
from zkroll.circuits.air.gadgets import limbs16, range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import POSEIDON5, SIGNATURE
from zkroll.circuits.chips.canonical import CANONICAL
from zkroll.circuits.chips.limbs import halves, limbs_of, subtract
from zkroll.circuits.chips.poseidon import poseidon_limbs
from zkroll.circuits.chips.signature.curve import add_affine, affine, on_curve
from zkroll.circuits.chips.signature.ladder import LADDER
from zkroll.errors import ProvingError

TOP_HI, TOP_LO = (SUBGROUP_ORDER - 1) >> 128, (SUBGROUP_ORDER - 1) % 2**128
_PER_2_128 = pow(2**128, -1, R_MODULUS)


class SignatureChip(Chip):
    """The signature equation."""

    name = "signature"

    def define(self, b: AirBuilder) -> None:
        active = b.bit("active")
        kx, ky, message = b.column("key_x"), b.column("key_y"), b.column("message")
        rx, ry = b.column("r_x"), b.column("r_y")
        bx, by = b.column("both_x"), b.column("both_y")
        challenge, h_lo, carries = b.column("challenge"), b.column("h_lo"), b.bits("carry", 3)
        s_hi, s_lo, borrow = b.column("s_hi"), b.column("s_lo"), b.bit("borrow")
        below_hi, below_lo = b.columns("below_hi", 8), b.columns("below_lo", 8)

        b.constrain("the key is on the curve", on_curve(kx, ky, active))
        b.constrain("R8 is on the curve", on_curve(rx, ry, active))
        c = kx * ky * (BASE8[0] * BASE8[1] * D)
        b.constrain("B8 - A, x", bx * (1 - c) - (ky * BASE8[0] - kx * BASE8[1]))
        b.constrain("B8 - A, y", by * (1 + c) - (ky * BASE8[1] + kx * (BASE8[0] * A)))

        low = weighted(below_lo, 2**16) - active * TOP_LO + s_lo - borrow * 2**128
        b.constrain("S is below the order, low half", low)
        high = weighted(below_hi, 2**16) - active * TOP_HI + s_hi + borrow
        b.constrain("S is below the order, high half", high)
        for name, limbs in (("below_hi", below_hi), ("below_lo", below_lo)):
            for i, limb in enumerate(limbs):
                range16(b, f"{name}[{i}]", limb, active)

        h_hi, carry = (challenge - h_lo) * _PER_2_128, weighted(carries, 2)
        b.send("challenge", POSEIDON5, (rx, ry, kx, ky, message, challenge), active)
        b.send("halves of the challenge", CANONICAL, (challenge, h_hi, h_lo), active)
        points = (kx, ky, bx, by)
        b.send("upper bits", LADDER, (challenge, 0, *points, s_hi, h_hi * 8 + carry, 0, 0), active)
        b.send("lower bits", LADDER, (challenge, 1, *points, s_lo, h_lo * 8 - carry * 2**128, rx, ry), active)
        b.receive("a signed message", SIGNATURE, (kx, ky, message), active)
        b.zero_in_padding(active)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        requests = ctx.requests(SIGNATURE)
        count = len(requests)
        if not count:
            return None
        signatures = [tx.signature for tx in ctx.source.transactions]
        if len(signatures) != count:
            raise ProvingError(f"chip signature: expected {len(signatures)} requests, got {count}")
        kx, ky, message = (np.ascontiguousarray(requests.field(name)) for name in SIGNATURE.fields)
        rx, ry, s = (limbs_of(values) for values in zip(*signatures, strict=True))
        base = (fr.full(count, BASE8[0]), fr.full(count, BASE8[1]), fr.full(count, 1))
        both = affine(add_affine(base, fr.neg(fr.from_array(kx)), fr.from_array(ky)))
        challenge = poseidon_limbs(rx, ry, kx, ky, message)
        h_lo = halves(challenge)[1]
        below, too_large = subtract(limbs_of([SUBGROUP_ORDER - 1] * count), s)
        if too_large.any():
            row = int(too_large.argmax())
            raise ProvingError(f"chip signature, row {row}: S is not below the subgroup order")
        below_hi, below_lo = halves(below)
        s_hi, s_lo = halves(s)
        _, borrow = subtract(halves(limbs_of([TOP_LO] * count))[1], s_lo)
        carry = (h_lo[:, 1] >> np.uint64(61))[:, None] >> np.arange(3, dtype=np.uint64) & np.uint64(1)
        return {
            "active": np.ones(count, dtype=np.uint8),
            "key_x": kx,
            "key_y": ky,
            "message": message,
            "r_x": rx,
            "r_y": ry,
            "both_x": fr.to_limbs(both[0], count),
            "both_y": fr.to_limbs(both[1], count),
            "challenge": challenge,
            "h_lo": h_lo,
            "carry": carry,
            "s_hi": s_hi,
            "s_lo": s_lo,
            "borrow": borrow,
            "below_hi": limbs16(below_hi, 8),
            "below_lo": limbs16(below_lo, 8),
        }
