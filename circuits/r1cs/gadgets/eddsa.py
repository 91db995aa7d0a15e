"""EdDSA-Poseidon signatures over BabyJubJub, as circomlib's EdDSAPoseidonVerifier accepts them.

For the public key A, the signature (R8, S) and the message M, with h = Poseidon(R8, A, M):
1. A and R8 are on the curve (circomlib leaves this to the caller).                                      (6)
2. S has 251 bits and is at most ℓ - 1: there is one S to a signature.                                 (384)
3. h in 254 bits, those of its representative below r: other bits would be another multiple of A.
4. 8·A is not the identity; so ℓ divides its order, as `multiply_large` needs.                          (18)
5. S·Base8 = R8 + h·(8·A), both coordinates.
Where `enabled` is 0, A, R8 and S are replaced by constants and 5 is not demanded: any values pass.      (+ 5)
"""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.reference.babyjubjub import BASE8, IDENTITY, SUBGROUP_ORDER
from zkroll.circuits.r1cs.builder import Builder
from zkroll.circuits.r1cs.gadgets.babyjubjub import add, on_curve
from zkroll.circuits.r1cs.gadgets.bits import Bit, assert_at_most, constant_bit, to_bits, to_bits_canonical
from zkroll.circuits.r1cs.gadgets.poseidon import poseidon_hash
from zkroll.circuits.r1cs.gadgets.scalar_mul import clear_cofactor, multiply_base, multiply_large
from zkroll.circuits.r1cs.gadgets.select import select
from zkroll.circuits.r1cs.linear import Operand

Coordinates = Sequence[Operand]


def verify_eddsa(
    c: Builder,
    key: Coordinates,
    r8: Coordinates,
    s: Operand,
    message: Operand,
    enabled: Bit | None = None,
    name: str = "eddsa",
) -> None:
    """Demand that ((R8x, R8y), S) signs a message for the public key (Ax, Ay), unless `enabled` is 0."""
    on = enabled if enabled is not None else constant_bit(c, 1)
    (key_x, key_y), (r8_x, r8_y) = key, r8
    with c.scope(name):
        point = on_curve(
            c, select(c, on, key_x, BASE8[0], "Ax"), select(c, on, key_y, BASE8[1], "Ay"), "A on curve"
        )
        nonce = on_curve(
            c,
            select(c, on, r8_x, IDENTITY[0], "R8x"),
            select(c, on, r8_y, IDENTITY[1], "R8y"),
            "R8 on curve",
        )
        s_bits = to_bits(c, select(c, on, s, 0, "S"), SUBGROUP_ORDER.bit_length(), "S")
        assert_at_most(c, s_bits, SUBGROUP_ORDER - 1, "S below the order")

        h = poseidon_hash(c, [*nonce, *point, message], "h")
        right = add(
            c, nonce, multiply_large(c, to_bits_canonical(c, h, "h"), clear_cofactor(c, point), "h·8A")
        )
        left = multiply_base(c, s_bits, BASE8, "S·Base8")
        c.constrain(on, left.x - right.x, 0, "signature x")
        c.constrain(on, left.y - right.y, 0, "signature y")
