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

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from llvmlite import ir

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.kernels.curve_inverse import SCRATCH_WORDS, invert_limbs
from zkroll.algebra.kernels.emit import BLOCK_BYTES, FQ, LANES, LIMBS, Backend, Mask, block_intrinsic
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
from zkroll.algebra.kernels.tower import (
    INVERSION_BYTES,
    PAIR_BYTES,
    TWELVE_BYTES,
    Pair,
    Routine,
    Tower,
    frobenius_constant,
    mask_routine,
    routine,
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
_TOTAL = 4  # bound of the sum of two halves
_TWIST_B = (  # 3/(9 + u)
    27 * pow(82, -1, Q_MODULUS) % Q_MODULUS,
    -3 * pow(82, -1, Q_MODULUS) % Q_MODULUS,
)


_LOOP = np.array(
    signed_digits(6 * X + 2, 2)[-2::-1], dtype=np.int64
)  # from the second, the highest being one


@dataclass(frozen=True)
class PairingKernels:
    """The compiled-on-demand kernels; `work` is 64-byte aligned scratch."""

    # (f, points, status int64 (blocks, pairs, STATUS), pairs, accumulate, begin, end, work): block i of `f` becomes the
    # product over the `pairs` inputs of block i; with accumulate = 0 only `status` is written.
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

    @kernel(
        "void(int64,int64,int64[:,:,::1],int64,int64,int64,int64,int64)", name=f"{backend}_pairing_miller"
    )
    def miller(
        f: int, points: int, status: Any, pairs: int, accumulate: int, begin: int, end: int, line: int
    ) -> None:
        states = line + LINE_BYTES
        for i in range(begin, end):
            out, inputs = f + TWELVE_BYTES * i, points + INPUT_BYTES * pairs * i
            if accumulate:
                one(out)
            for j in range(pairs):
                p, state = inputs + INPUT_BYTES * j, states + STATE_BYTES * j
                status[i, j, 0] = g1_off(p)
                status[i, j, 1] = g2_off(p)
                status[i, j, 3] = is_infinite(p)
                start(state, p)
            for digit in _LOOP:
                if accumulate:
                    square(out, out)
                for j in range(pairs):
                    p, state = inputs + INPUT_BYTES * j, states + STATE_BYTES * j
                    tangent(line, state, p, status[i, j, 3])
                    if accumulate:
                        line_mul(out, line)
                if digit != 0:
                    for j in range(pairs):
                        p, state = inputs + INPUT_BYTES * j, states + STATE_BYTES * j
                        y = p + 4 * BLOCK if digit > 0 else state + 6 * BLOCK
                        chord(line, state, p + 2 * BLOCK, y, p, status[i, j, 3])
                        if accumulate:
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
                    if accumulate:
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


# ---- points -----------------------------------------------------------------------------------------------


@mask_routine
def off_g1(t: Tower, points: ir.Value) -> Mask:
    """Return the lanes where P is neither infinity (zeros) nor on y² = x³ + 3."""
    e = t.base
    x, y = t.number(points), t.number(points, BLOCK)
    cube = t.add(t.dot([(t.dot([(x, x)]), x)]), t.constant(3))
    on_curve = e.equal(t.value(t.dot([(y, y)])), t.value(cube))
    return e.mask_not(e.mask_or(on_curve, _zero_g1(t, points)))


@mask_routine
def off_g2(t: Tower, points: ir.Value) -> Mask:
    """Return the lanes where Q is neither infinity (zeros) nor on y² = x³ + 3/ξ."""
    x, y = t.pair(points, 2 * BLOCK), t.pair(points, 4 * BLOCK)
    cube = t.add_pairs(t.products([(t.products([], [x]), x)]), t.constant_pair(_TWIST_B))
    off = _is_zero(t, t.sub_pairs(t.products([], [y]), cube))
    return t.base.mask_not(t.base.mask_or(off, _zero_g2(t, points)))


@mask_routine
def infinite(t: Tower, points: ir.Value) -> Mask:
    """Return the lanes where P or Q is infinity."""
    return t.base.mask_or(_zero_g1(t, points), _zero_g2(t, points))


def _is_zero(t: Tower, a: Pair) -> Mask:
    return t.base.mask_and(t.base.is_zero(t.value(a.c0)), t.base.is_zero(t.value(a.c1)))


def _zero_g1(t: Tower, points: ir.Value) -> Mask:
    return _is_zero(t, t.pair(points))


def _zero_g2(t: Tower, points: ir.Value) -> Mask:
    return t.base.mask_and(_is_zero(t, t.pair(points, 2 * BLOCK)), _is_zero(t, t.pair(points, 4 * BLOCK)))


@routine
def start_pair(t: Tower, state: ir.Value, points: ir.Value) -> None:
    """T = Q with Z = 1, and -y behind it."""
    x, y = t.pair(points, 2 * BLOCK), t.pair(points, 4 * BLOCK)
    t.store_pairs((x, y, t.constant_pair((1, 0)), t.neg_pair(y)), state)


def _image(t: Tower, x: Pair, y: Pair) -> tuple[Pair, Pair]:
    """ψ(x, y)"""
    return (
        t.products([(t.constant_pair(frobenius_constant(1, 2)), t.conjugate(x))]),
        t.products([(t.constant_pair(frobenius_constant(1, 3)), t.conjugate(y))]),
    )


@routine
def first_image(t: Tower, image: ir.Value, points: ir.Value) -> None:
    """image = ψ(Q)"""
    t.store_pairs(_image(t, t.pair(points, 2 * BLOCK), t.pair(points, 4 * BLOCK)), image)


@routine
def second_image(t: Tower, image: ir.Value, points: ir.Value) -> None:
    """image = -ψ²(Q) = (x·ξ^((q²-1)/3), y), as ξ^((q²-1)/2) = -1"""
    x, y = t.pair(points, 2 * BLOCK), t.pair(points, 4 * BLOCK)
    t.store_pairs((t.scale(x, t.constant(frobenius_constant(2, 2)[0])), y), image)


@mask_routine
def off_subgroup(t: Tower, state: ir.Value, image: ir.Value, points: ir.Value) -> Mask:
    """Return the lanes where Q is not infinity and T is not ψ(image) = -ψ³(Q)."""
    e = t.base
    X, Y, Z = t.pairs(state, 3)
    x, y = _image(t, *t.pairs(image, 2))
    same_x = _is_zero(t, t.sub_pairs(t.products([(Z, x)]), X))
    same_y = _is_zero(t, t.sub_pairs(t.products([(Z, y)]), Y))
    regular = e.mask_not(_is_zero(t, Z))
    inside = e.mask_and(regular, e.mask_and(same_x, same_y))
    return e.mask_not(e.mask_or(inside, _zero_g2(t, points)))


# ---- lines ------------------------------------------------------------------------------------------------
# A line is l0 + l1·w + l3·w³. In memory: l0, l1, l3, ξ·l1, ξ·l3, each with c0 + c1 behind it.


def _store_line(
    t: Tower, line: ir.Value, points: ir.Value, skip: ir.Value, parts: tuple[Pair, Pair, Pair]
) -> None:
    """Store parts[0]·yP + parts[1]·xP·w + parts[2]·w³, or one in the lanes of `skip`."""
    e = t.base
    l0, l1, l3 = t.scale(parts[0], t.number(points, BLOCK)), t.scale(parts[1], t.number(points)), parts[2]
    mask = e.mask_from_bits(skip)
    made = []
    for part, one in ((l0, 1), (l1, 0), (l3, 0)):
        instead = (e.constant(1) if one else e.zero(), e.zero())
        halves = []
        for half, other in zip((part.c0, part.c1), instead, strict=True):
            value = e.tidy(e.reduce(t.value(half)))
            halves.append(t._made(e.select(mask, other, value)))
        made.append(Pair(halves[0], halves[1]))
    for part in (made[1], made[2]):
        times_xi = t.times_xi(part)
        made.append(Pair(*(t._made(e.reduce(t.value(half))) for half in (times_xi.c0, times_xi.c1))))
    # the sums must be those of the halves as they are stored, hence reduced before
    for i, part in enumerate(made):
        t.store_pair(part, line, 3 * BLOCK * i)
        t.store(t.add(part.c0, part.c1), line, 3 * BLOCK * i + 2 * BLOCK, _TOTAL)


@routine
def double_step(t: Tower, line: ir.Value, state: ir.Value, points: ir.Value, skip: ir.Value) -> None:
    """T = 2·T and the tangent in T at P.

    B = Y², C = Z², E = 3·b'·C, F = 3·E: 2·T = (2·X·Y·(B - F) : (B + F)² - 12·E² : 4·B·H), H = 2·Y·Z;
    line H·yP - 3·X²·xP·w + (B - E)·w³.
    """
    X, Y, Z = t.pairs(state, 3)
    B, J = t.products([], [Y]), t.products([], [X])
    C3 = t.times_pair(t.products([], [Z]), 3)
    E = t.products([(t.constant_pair(_TWIST_B), C3)])
    F = t.times_pair(E, 3)
    H = t.products([(t.times_pair(Y, 2), Z)])
    XY2 = t.products([(t.times_pair(Y, 2), X)])
    minus_12E = t.neg_pair(t.times_pair(E, 12))
    new = (
        t.products([(t.sub_pairs(B, F), XY2)]),
        t.products([(minus_12E, E)], [t.add_pairs(B, F)]),
        t.products([(t.times_pair(B, 4), H)]),
    )
    _store_line(t, line, points, skip, (H, t.neg_pair(t.times_pair(J, 3)), t.sub_pairs(B, E)))
    t.store_pairs(new, state)


@routine
def add_step(
    t: Tower, line: ir.Value, state: ir.Value, x: ir.Value, y: ir.Value, points: ir.Value, skip: ir.Value
) -> None:
    """T = T + (x, y) and the line through both at P.

    O = Y - y·Z, L = X - x·Z, D = L², E = L·D, G = X·D, H = E + Z·O² - 2·G:
    T = (L·H : O·(G - H) - E·Y : E·Z); line L·yP - O·xP·w + (O·x - L·y)·w³.
    """
    X, Y, Z = t.pairs(state, 3)
    px, py = t.pair(x), t.pair(y)
    O = t.sub_pairs(Y, t.products([(Z, py)]))
    L = t.sub_pairs(X, t.products([(Z, px)]))
    C, D = t.products([], [O]), t.products([], [L])
    E, F, G = t.products([(D, L)]), t.products([(Z, C)]), t.products([(D, X)])
    H = t.sub_pairs(t.add_pairs(E, F), t.times_pair(G, 2))
    new = (
        t.products([(L, H)]),
        t.products([(O, t.sub_pairs(G, H)), (t.neg_pair(E), Y)]),
        t.products([(E, Z)]),
    )
    third = t.products([(O, px), (t.neg_pair(L), py)])
    _store_line(t, line, points, skip, (L, t.neg_pair(O), third))
    t.store_pairs(new, state)


@routine
def sparse_mul(t: Tower, f: ir.Value, line: ir.Value) -> None:
    """f = f·line"""
    c0, c2, c4, c1, c3, c5 = t.pairs(f, 6)
    l0, l1, l3, xi1, xi3 = (
        replace(t.pair(line, 3 * BLOCK * i), total=t.number(line, 3 * BLOCK * i + 2 * BLOCK, _TOTAL))
        for i in range(5)
    )
    t.store_pairs(
        [
            t.products(terms)
            for terms in (
                [(l0, c0), (xi1, c5), (xi3, c3)],
                [(l0, c2), (l1, c1), (xi3, c5)],
                [(l0, c4), (l1, c3), (l3, c1)],
                [(l0, c1), (l1, c0), (xi3, c4)],
                [(l0, c3), (l1, c2), (l3, c0)],
                [(l0, c5), (l1, c4), (l3, c2)],
            )
        ],
        f,
    )


# ---- one inversion for eight lanes ------------------------------------------------------------------------


def _swap(t: Tower, a: Any, distance: int) -> Any:
    return t.base.shuffle(a, [lane ^ distance for lane in range(LANES)])


@routine
def fold_lanes(t: Tower, block: ir.Value, words: ir.Value) -> None:
    """Products of 2, 4 and 8 lanes into three blocks behind `block`, that of all, canonical, into `words`."""
    e = t.base
    value = e.load(block)
    for i, distance in enumerate((1, 2, 4)):
        value = e.tidy(e.reduce(e.mul(value, _swap(t, value, distance))))
        e.store(value, block, BLOCK * (i + 1))
    for i, limb in enumerate(e.canonical(e.mul(value, e.raw(1, 1))).limbs):
        word = e.builder.extract_element(limb, ir.Constant(ir.IntType(32), 0))
        e.builder.store(word, e.pointer(words, 8 * i, ir.IntType(64)))


@routine
def spread_inverse(t: Tower, block: ir.Value, words: ir.Value) -> None:
    """Replace the lanes of `block` by their inverses, after `fold_lanes` and the inversion of `words`.

    1/a_i is the inverse of all eight times the products of the lanes that are not in the group of i.
    """
    e = t.base
    value = e.mul(e.load_broadcast(words, bound=1), e.raw(e.field.r2, 1))
    for i, distance in ((2, 4), (1, 2), (0, 1)):
        value = e.mul(value, _swap(t, e.load(block, BLOCK * i), distance))
    e.store(value, block)
