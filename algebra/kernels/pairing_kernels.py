"""The optimal ate pairing of BN254 on eight lanes: Miller loops, checks of the points, final exponentiation.

    e(P, Q) = (f_{6x+2,Q}(P) · l_{[6x+2]Q, ψ(Q)}(P) · l_{[6x+2]Q + ψ(Q), -ψ²(Q)}(P))^((q^12 - 1)/r)

A lane holds the product of the Miller loops of one or several pairs, so squarings are shared. ψ is the
Frobenius map of the curve brought to the twist: (x, y) → (x̄·ξ^((q-1)/3), ȳ·ξ^((q-1)/2)). Lines are those of
homogeneous projective coordinates, scaled by factors of Fq2, which the final exponentiation removes.

The loop also decides membership in G2, for the last point T that it reaches: Q on the twist has order r (or
is infinity) exactly if [6x+2]Q + ψ(Q) - ψ²(Q) = -ψ³(Q). Proof: ψ² - t·ψ + q = 0 on the twist; modulo that
relation the resultant N of f = 6x + 2 + X - X² + X³ is an integer combination of the two, so f(ψ)Q = 0 gives
N·Q = 0, and gcd(N, #E'(Fq2)) = r. Conversely f(ψ) vanishes on G2, where ψ is multiplication by q. Where an
addition meets T = ±Q or infinity, Z becomes and stays zero; that takes a point of order below 2^66, hence
not of order r, and Z = 0 counts as outside.

Sources: Vercauteren, "Optimal pairings" (2010); Aranha, Karabina, Longa, Gebotys, López, "Faster explicit
formulas for computing pairings over ordinary curves" (2011), for the lines; Scott, Benger, Charlemagne,
Dominguez Perez, Kachisa, "On the final exponentiation for calculating pairings on ordinary elliptic curves"
(2009); El Housni, Guillevic, Piellard, "Co-factor clearing and subgroup membership testing on
pairing-friendly curves" (2022), for tests by endomorphisms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zkroll.algebra.kernels.curve_inverse import SCRATCH_WORDS, invert_limbs
from zkroll.algebra.kernels.emit import BLOCK_BYTES, FQ, LIMBS, Backend, block_intrinsic
from zkroll.algebra.kernels.final_exponent import (
    CONJUGATE,
    FROBENIUS_1,
    FROBENIUS_2,
    FROBENIUS_3,
    MUL,
    PROGRAM,
    REGISTERS,
    SQR,
    X,
    signed_digits,
)
from zkroll.algebra.kernels.jit import family, kernel
from zkroll.algebra.kernels.pairing_steps import (
    add_step,
    double_step,
    first_image,
    fold_lanes,
    infinite,
    off_g1,
    off_g2,
    off_subgroup,
    second_image,
    sparse_mul,
    spread_inverse,
    start_pair,
)
from zkroll.algebra.kernels.tower import PAIR_BYTES, Routine, Tower
from zkroll.algebra.kernels.twelve import (
    INVERSION_BYTES,
    TWELVE_BYTES,
    twelve_conjugate,
    twelve_cyclotomic_sqr,
    twelve_frobenius_1,
    twelve_frobenius_2,
    twelve_frobenius_3,
    twelve_invert_begin,
    twelve_invert_end,
    twelve_is_one,
    twelve_move_lanes,
    twelve_mul,
    twelve_one,
    twelve_sqr,
)

BLOCK = BLOCK_BYTES
INPUT_BYTES = 6 * BLOCK  # eight pairs: x, y of P, then x0, x1, y0, y1 of Q
STATUS = 4  # lane masks per eight pairs: P off its curve, Q off its curve, Q not of order r, infinity
LINE_BYTES = 15 * BLOCK  # five elements of Fq2 with the sum of their halves
STATE_BYTES = 12 * BLOCK  # T (X, Y, Z), -y of Q, and an image of Q under Frobenius
FINAL_BYTES = REGISTERS * TWELVE_BYTES + INVERSION_BYTES + 4 * BLOCK

# from the second highest digit; the highest is one
_LOOP = np.array(signed_digits(6 * X + 2, 2)[-2::-1], dtype=np.int64)


@dataclass(frozen=True)
class PairingKernels:
    """The compiled-on-demand kernels; `work` is 64-byte aligned scratch."""

    # (f, points, status int64 (blocks, pairs, STATUS), pairs, begin, end, work): block i of `f` becomes the product
    # over the `pairs` inputs of block i.
    # `work`: LINE_BYTES + pairs·STATE_BYTES
    miller: Any
    # (bits uint8, f, depth, lanes, begin, end, work): folds `depth` blocks into one and then groups of
    # `lanes` lanes (1, 2, 4, 8), raises to (q^12 - 1)/r, leaves that at f[i·depth], and says which lanes are
    # one in bits[i]. `work`: FINAL_BYTES
    final: Any


@family
def pairing_kernels(backend: Backend) -> PairingKernels:
    """Return the kernels on `backend`."""

    def block(emit: Routine, *, returns_mask: bool = False) -> Any:
        return block_intrinsic(FQ, emit, backend=backend, returns_mask=returns_mask, extension=Tower)

    return PairingKernels(_miller(block, backend), _final(block, backend))


def _miller(block: Any, backend: Backend) -> Any:
    one, square, line_mul = block(twelve_one), block(twelve_sqr), block(sparse_mul)
    start, is_infinite = block(start_pair), block(infinite, returns_mask=True)
    g1_off, g2_off = block(off_g1, returns_mask=True), block(off_g2, returns_mask=True)
    tangent, chord = block(double_step), block(add_step)
    first, second, outside = block(first_image), block(second_image), block(off_subgroup, returns_mask=True)

    @kernel("void(int64,int64,int64[:,:,::1],int64,int64,int64,int64)", name=f"{backend}_pairing_miller")
    def miller(f: int, points: int, status: Any, pairs: int, begin: int, end: int, line: int) -> None:
        states = line + LINE_BYTES
        for i in range(begin, end):
            out, inputs = f + TWELVE_BYTES * i, points + INPUT_BYTES * pairs * i
            one(out)
            for j in range(pairs):
                p, state = inputs + INPUT_BYTES * j, states + STATE_BYTES * j
                status[i, j, 0] = g1_off(p)
                status[i, j, 1] = g2_off(p)
                status[i, j, 3] = is_infinite(p)
                start(state, p)
            for digit in _LOOP:
                square(out, out)
                for j in range(pairs):
                    p, state = inputs + INPUT_BYTES * j, states + STATE_BYTES * j
                    tangent(line, state, p, status[i, j, 3])
                    line_mul(out, line)
                if digit != 0:
                    for j in range(pairs):
                        p, state = inputs + INPUT_BYTES * j, states + STATE_BYTES * j
                        y = p + 4 * BLOCK if digit > 0 else state + 6 * BLOCK
                        chord(line, state, p + 2 * BLOCK, y, p, status[i, j, 3])
                        line_mul(out, line)
            for j in range(pairs):
                p, state = inputs + INPUT_BYTES * j, states + STATE_BYTES * j
                image = state + 8 * BLOCK
                for step in range(2):
                    if step == 0:
                        first(image, p)
                    else:
                        second(image, p)
                    chord(line, state, image, image + PAIR_BYTES, p, status[i, j, 3])
                    line_mul(out, line)
                status[i, j, 2] = outside(state, image, p)

    return miller


def _final(block: Any, backend: Backend) -> Any:
    mul, square, conjugate = block(twelve_mul), block(twelve_cyclotomic_sqr), block(twelve_conjugate)
    frobenius_1, frobenius_2 = block(twelve_frobenius_1), block(twelve_frobenius_2)
    frobenius_3, move_lanes = block(twelve_frobenius_3), block(twelve_move_lanes)
    invert_begin, invert_end = block(twelve_invert_begin), block(twelve_invert_end)
    is_one = block(twelve_is_one, returns_mask=True)
    fold, spread = block(fold_lanes), block(spread_inverse)

    @kernel("void(uint8[::1],int64,int64,int64,int64,int64,int64)", name=f"{backend}_pairing_final")
    def final(bits: Any, f: int, depth: int, lanes: int, begin: int, end: int, work: int) -> None:
        words = np.empty(LIMBS, dtype=np.int64)
        scratch = np.empty(SCRATCH_WORDS, dtype=np.int64)
        kept = work + TWELVE_BYTES * REGISTERS
        norm = kept + INVERSION_BYTES
        for i in range(begin, end):
            g = f + TWELVE_BYTES * depth * i
            steps = depth - 1
            distance = 1
            while distance < lanes:
                steps += 1
                distance *= 2
            distance = 1
            for j in range(steps):
                other = g + TWELVE_BYTES * (j + 1)
                if j >= depth - 1:
                    other = work
                    move_lanes(other, g, distance)
                    distance *= 2
                mul(g, g, other)
            for step in PROGRAM:
                out = g if step[1] == 0 else work + TWELVE_BYTES * step[1]
                a = g if step[2] == 0 else work + TWELVE_BYTES * step[2]
                b = g if step[3] == 0 else work + TWELVE_BYTES * step[3]
                if step[0] == MUL:
                    mul(out, a, b)
                elif step[0] == SQR:
                    square(out, a)
                elif step[0] == CONJUGATE:
                    conjugate(out, a)
                elif step[0] == FROBENIUS_1:
                    frobenius_1(out, a)
                elif step[0] == FROBENIUS_2:
                    frobenius_2(out, a)
                elif step[0] == FROBENIUS_3:
                    frobenius_3(out, a)
                else:
                    invert_begin(kept, norm, a)
                    fold(norm, words.ctypes.data)
                    invert_limbs(words, scratch)
                    spread(norm, words.ctypes.data)
                    invert_end(out, a, kept, norm)
            bits[i] = is_one(g)

    return final
