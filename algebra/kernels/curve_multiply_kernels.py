"""Many points by many scalars, eight points at a time, in Jacobian coordinates: x = X/Z², y = Y/Z³.

A scalar comes as the digits of its short parts (`decomposition_kernels`), a point as a table of its multiples
by 1 to 16 (affine rows). Horner's rule over the digits: five doublings, then one addition for each part, of
which the part's power of the endomorphism (`endomorphism`) is taken first.

No addition here meets equal or opposite points, so the formulas need not provide for them. Let S be the vector
of the parts summed so far and d the digit that is added in one place. Before, that place of S was a multiple
of 32, and |d| <= 16; so S ± d·e is zero only for S = 0 and d = 0, and where it is not zero, it is no vector of
the lattice (`endomorphism`), so that the sum is not infinity: the points have order r. That S = 0, infinity,
is kept as a mask of lanes: those that have had no digit but zero.

Source of the formulas: Hankerson, Menezes, Vanstone, "Guide to Elliptic Curve Cryptography", section 3.2.2,
for a = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.curve_rows import load_points, store_points
from zkroll.algebra.kernels.emit import I8, I64, LANES, VECTOR, Backend, Mask, splat
from zkroll.algebra.kernels.endomorphism import BETA, WINDOW, psi_factors, splitting
from zkroll.algebra.kernels.groups import G1, G2, Coordinate, CoordinateEmitter, Group
from zkroll.algebra.kernels.jit import family, kernel

GROUP = 4  # blocks that advance together, so that their latencies overlap
MULTIPLES = 1 << (WINDOW - 1)  # rows of a point's table
_BYTES = ir.VectorType(I8, LANES)
# Bounds of X, Y and Z between steps: nothing is reduced there.
_BOUNDS = (16, 4, 4)


@dataclass(frozen=True)
class MultiplyKernels:
    """The kernels of one group, compiled on first use; ranges and lengths in blocks of eight points.

    Digits are int8 (P·W, n), rows of `digit_stride` bytes, row j·W + w for digit w of part j; the multiples m = 1..16 of point i are rows at
    table + entry_stride·(m - 1) + row_bytes·i.
    """

    ladder: Any  # (sums, norms, table, entry_stride, digits, digit_stride, W, blocks, scratch: 2 elements, live: (4,))
    finish: Any  # (rows, sums, inverse norms, blocks)


@cache
def multiply_kernels(group: Group, backend: Backend) -> MultiplyKernels:
    """Return the kernels of `group` on `backend`."""
    fast = group.degree == 1
    fetch = group.intrinsic(_emit_fetch, backend, returns_mask=True)
    turns = [
        group.intrinsic(emit, backend, inline=False)
        for emit in ((_emit_phi,) * 3 if fast else (_emit_psi_1, _emit_psi_2, _emit_psi_3))
    ]
    turn_1, turn_2, turn_3 = turns
    clear = group.intrinsic(_emit_clear, backend)
    double = group.intrinsic(_emit_double, backend, inline=fast)
    add = group.intrinsic(_emit_add, backend, inline=fast)
    norm = group.intrinsic(_emit_norm, backend, inline=False)
    finish_block = group.intrinsic(_emit_finish, backend, inline=False)
    parts = splitting(group).parts
    point_bytes, rows_bytes = group.point_bytes, LANES * group.row_bytes

    @kernel(
        "void(int64,int64,int64,int64,int64,int64,int64,int64,int64,int64[::1])",
        name=f"{backend}_{group.name}_ladder",
    )
    def ladder(
        sums: int,
        norms: int,
        table: int,
        entry_stride: int,
        digits: int,
        digit_stride: int,
        windows: int,
        blocks: int,
        scratch: int,
        live: Any,
    ) -> None:
        for start in range(0, blocks, GROUP):
            end = min(start + GROUP, blocks)
            for i in range(start, end):
                clear(sums + point_bytes * i)
                live[i - start] = 0
            for w in range(windows - 1, -1, -1):
                if w < windows - 1:
                    for _ in range(WINDOW):
                        for i in range(start, end):
                            double(sums + point_bytes * i)
                for part in range(parts):
                    row = digits + digit_stride * (windows * part + w)
                    for i in range(start, end):
                        used = fetch(scratch, table + rows_bytes * i, entry_stride, row + LANES * i)
                        if used:
                            if part == 1:
                                turn_1(scratch)
                            elif part == 2:
                                turn_2(scratch)
                            elif part == 3:
                                turn_3(scratch)
                            add(sums + point_bytes * i, scratch, used, live[i - start])
                            live[i - start] |= used
            for i in range(start, end):
                norm(norms + 320 * i, sums + point_bytes * i)

    @kernel("void(int64,int64,int64,int64)", name=f"{backend}_{group.name}_finish")
    def finish(rows: int, sums: int, inverses: int, blocks: int) -> None:
        for i in range(blocks):
            finish_block(rows + rows_bytes * i, sums + point_bytes * i, inverses + 320 * i)

    return MultiplyKernels(ladder, finish)


@family
def both_multiply_kernels(backend: Backend) -> list[MultiplyKernels]:
    """The kernels of both groups."""
    return [multiply_kernels(group, backend) for group in (G1, G2)]


def _load(e: CoordinateEmitter, at: ir.Value) -> list[Coordinate]:
    return [e.load(at, e.element_bytes * i, bound=bound) for i, bound in enumerate(_BOUNDS)]


def _store(e: CoordinateEmitter, point: tuple[Coordinate, ...], at: ir.Value) -> None:
    for i, (coordinate, bound) in enumerate(zip(point, _BOUNDS, strict=True)):
        e.store(coordinate, at, e.element_bytes * i, bound=bound)


def _emit_clear(e: CoordinateEmitter, at: ir.Value) -> None:
    """Infinity."""
    _store(e, (e.constant(1), e.constant(1), e.zero()), at)


def _emit_norm(e: CoordinateEmitter, out: ir.Value, at: ir.Value) -> None:
    e.base.store(e.norm(_load(e, at)[2]), out)


def _emit_fetch(
    e: CoordinateEmitter, out: ir.Value, rows: ir.Value, stride: ir.Value, digits: ir.Value
) -> Mask:
    """Store the multiples that eight digits stand for; return the lanes whose digit is not zero."""
    b = e.builder
    digit = b.sext(b.load(e.base.pointer(digits, 0, _BYTES), align=1), VECTOR)
    negative = b.icmp_signed("<", digit, splat(0))
    used = b.icmp_signed("!=", digit, splat(0))
    size = b.select(negative, b.sub(splat(0), digit), digit)
    entry = b.sub(size, b.zext(used, VECTOR))  # zero stands for the first entry, which is then not used
    row_bytes = 2 * e.element_bytes // 10
    lanes = ir.Constant(VECTOR, [ir.Constant(I64, row_bytes * i) for i in range(LANES)])
    at = b.add(b.mul(entry, e.base.broadcast(stride)), b.add(e.base.broadcast(rows), lanes))
    codes = b.or_(at, b.zext(negative, VECTOR))
    x, y = load_points(e, [b.extract_element(codes, ir.Constant(ir.IntType(32), i)) for i in range(LANES)])
    e.store(x, out)
    e.store(y, out, e.element_bytes)
    return used


def _emit_phi(e: CoordinateEmitter, at: ir.Value) -> None:
    e.store(e.mul(e.load(at), e.constant(BETA)), at)


def _psi(e: CoordinateEmitter, at: ir.Value, power: int) -> None:
    x, y = e.load(at), e.load(at, e.element_bytes)
    if power % 2:
        x, y = e.conjugate(x), e.conjugate(y)
    results = []
    for value, factor in zip((x, y), psi_factors(power), strict=True):
        real = e.constant(*factor).c0
        results.append(e.mul(value, e.constant(*factor)) if factor[1] else e.scale(value, real))
    e.store(results[0], at)
    e.store(results[1], at, e.element_bytes)


def _emit_psi_1(e: CoordinateEmitter, at: ir.Value) -> None:
    _psi(e, at, 1)


def _emit_psi_2(e: CoordinateEmitter, at: ir.Value) -> None:
    _psi(e, at, 2)


def _emit_psi_3(e: CoordinateEmitter, at: ir.Value) -> None:
    _psi(e, at, 3)


def _difference(
    e: CoordinateEmitter, a: Coordinate, b: Coordinate, c: Coordinate, d: Coordinate
) -> Coordinate:
    """a·b - c·d, in G1 with one reduction."""
    if e.degree == 1:
        return e.sum_of_products([(a, b), (e.neg(c), d)])
    return e.sub(e.mul(a, b), e.mul(c, d))


def _emit_double(e: CoordinateEmitter, at: ir.Value) -> None:
    """M = 3·X², S = 4·X·Y²; X' = M² - 2·S, Y' = M·(S - X') - 8·Y⁴, Z' = 2·Y·Z."""
    x, y, z = _load(e, at)
    yy, m = e.tidy(e.sqr(y)), e.tidy(e.times(e.sqr(x), 3))
    s = e.times(e.mul(x, yy), 4)
    x3 = e.tidy(e.sub(e.sqr(m), e.double(s)))
    y3 = _difference(e, m, e.sub(s, x3), e.times(yy, 8), yy)
    _store(e, (x3, y3, e.double(e.mul(y, z))), at)


def _emit_add(e: CoordinateEmitter, at: ir.Value, other: ir.Value, used: ir.Value, live: ir.Value) -> None:
    """H = x2·Z1² - X1, R = y2·Z1³ - Y1; X' = R² - H³ - 2·X1·H², Y' = R·(X1·H² - X') - Y1·H³, Z' = Z1·H."""
    x1, y1, z1 = _load(e, at)
    x2, y2 = e.load(other), e.load(other, e.element_bytes)
    used, live = e.mask_from_bits(used), e.mask_from_bits(live)
    zz = e.sqr(z1)
    h = e.tidy(e.sub(e.mul(x2, zz), x1))
    r = e.tidy(e.sub(e.mul(e.mul(y2, z1), zz), y1))
    hh = e.tidy(e.sqr(h))
    hhh, v = e.tidy(e.mul(hh, h)), e.mul(x1, hh)
    x3 = e.tidy(e.sub(e.sqr(r), e.add(hhh, e.double(v))))
    y3 = _difference(e, r, e.sub(v, x3), y1, hhh)
    sums, points = (x3, y3, e.mul(z1, h)), (x2, y2, e.constant(1))
    results = []
    for total, point, old in zip(sums, points, (x1, y1, z1), strict=True):
        results.append(e.select(used, e.select(live, e.tidy(total), point), old))
    _store(e, tuple(results), at)


def _emit_finish(e: CoordinateEmitter, rows: ir.Value, at: ir.Value, inverse: ir.Value) -> None:
    """x = X/Z², y = Y/Z³; infinity, whose inverse norm is zero, becomes zeros."""
    x, y, z = _load(e, at)
    i = e.from_norm(z, e.base.load(inverse))
    ii = e.sqr(i)
    store_points(e, e.mul(x, ii), e.mul(e.mul(y, i), ii), rows)
