"""Steps of a Miller loop on eight pairs of points: checks, doublings and additions with their lines, and one
inversion for eight lanes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from llvmlite import ir

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.kernels.emit import BLOCK_BYTES, LANES, Mask
from zkroll.algebra.kernels.tower import Pair, Tower, mask_routine, routine
from zkroll.algebra.kernels.twelve import frobenius_constant

BLOCK = BLOCK_BYTES
_TOTAL = 4  # bound of the sum of two halves
_TWIST_B = (  # 3/(9 + u)
    27 * pow(82, -1, Q_MODULUS) % Q_MODULUS,
    -3 * pow(82, -1, Q_MODULUS) % Q_MODULUS,
)


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
