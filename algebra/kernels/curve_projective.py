"""Projective arithmetic on eight points of a group at a time, with formulas that hold for all points.

(X : Y : Z) with x = X/Z, y = Y/Z; infinity is (0 : 1 : 0). Source: Renes, Costello, Batina, "Complete
addition formulas for prime order elliptic curves" (2016), algorithms 7 to 9 (a = 0). They hold for all points
of a curve without points of order two; both orders, r and r·(2q - r), are odd.

A point here is three element blocks (X, Y, Z); lane i of the three is point i.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import ir

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.kernels.curve_rows import load_codes, load_points
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.groups import Coordinate, CoordinateEmitter, Group
from zkroll.algebra.kernels.jit import helper

_Triple = tuple[Coordinate, Coordinate, Coordinate]

# 3·b of the twist, b = 3/(9 + u) = 3·(9 - u)/82
_TWIST_3B = tuple(9 * part * pow(82, -1, Q_MODULUS) % Q_MODULUS for part in (9, -1))


@dataclass(frozen=True)
class ProjectiveHelpers:
    """Helpers on addresses of points; the output may be an input."""

    infinity: Any  # (out)
    add: Any  # (out, a, b)
    double: Any  # (out, a)
    add_rows: Any  # (point, codes, stride): adds the rows of eight codes, `stride` bytes apart


@cache
def projective_helpers(group: Group, backend: Backend) -> ProjectiveHelpers:
    """Return the helpers of `group` on `backend`."""
    emitted = {
        emit: group.intrinsic(emit, backend, inline=False)
        for emit in (_emit_infinity, _emit_add, _emit_double, _emit_add_rows)
    }
    infinity_block, add_block = emitted[_emit_infinity], emitted[_emit_add]
    double_block, add_rows_block = emitted[_emit_double], emitted[_emit_add_rows]

    @helper
    def infinity(out: int) -> None:
        infinity_block(out)

    @helper
    def add(out: int, a: int, b: int) -> None:
        add_block(out, a, b)

    @helper
    def double(out: int, a: int) -> None:
        double_block(out, a)

    @helper
    def add_rows(point: int, codes: int, stride: int) -> None:
        add_rows_block(point, codes, stride)

    return ProjectiveHelpers(infinity, add, double, add_rows)


def _load(e: CoordinateEmitter, address: ir.Value) -> _Triple:
    return e.load(address), e.load(address, e.element_bytes), e.load(address, 2 * e.element_bytes)


def _store(e: CoordinateEmitter, point: _Triple, address: ir.Value) -> None:
    for i, coordinate in enumerate(point):
        e.store(coordinate, address, e.element_bytes * i)


def _times_3b(e: CoordinateEmitter, value: Coordinate) -> Coordinate:
    return e.times(value, 9) if e.degree == 1 else e.mul(value, e.constant(*_TWIST_3B))


def _combine(e: CoordinateEmitter, t: tuple[Coordinate, ...], z: Coordinate) -> _Triple:
    """The common end of both additions.

    t: x1·x2, y1·y2, x1·y2 + x2·y1, y1·z2 + y2·z1, x1·z2 + x2·z1; z = z1·z2.
    """
    xx, yy, xy, yz, xz = t
    xx3, z3b, xz3b = e.times(xx, 3), _times_3b(e, z), _times_3b(e, xz)
    plus, minus = e.add(yy, z3b), e.sub(yy, z3b)
    return (
        e.sub(e.mul(xy, minus), e.mul(yz, xz3b)),
        e.add(e.mul(xz3b, xx3), e.mul(minus, plus)),
        e.add(e.mul(plus, yz), e.mul(xx3, xy)),
    )


def _emit_infinity(e: CoordinateEmitter, out: ir.Value) -> None:
    _store(e, (e.zero(), e.constant(1), e.zero()), out)


def _emit_add(e: CoordinateEmitter, out: ir.Value, a: ir.Value, b: ir.Value) -> None:
    x1, y1, z1 = _load(e, a)
    x2, y2, z2 = _load(e, b)
    xx, yy, zz = e.mul(x1, x2), e.mul(y1, y2), e.mul(z1, z2)
    xy = e.sub(e.mul(e.add(x1, y1), e.add(x2, y2)), e.add(xx, yy))
    yz = e.sub(e.mul(e.add(y1, z1), e.add(y2, z2)), e.add(yy, zz))
    xz = e.sub(e.mul(e.add(x1, z1), e.add(x2, z2)), e.add(xx, zz))
    _store(e, _combine(e, (xx, yy, xy, yz, xz), zz), out)


def _emit_double(e: CoordinateEmitter, out: ir.Value, a: ir.Value) -> None:
    x, y, z = _load(e, a)
    yy, zz3b = e.sqr(y), _times_3b(e, e.sqr(z))
    yy8 = e.times(yy, 8)
    less = e.sub(yy, e.times(zz3b, 3))
    _store(
        e,
        (
            e.double(e.mul(less, e.mul(x, y))),
            e.add(e.mul(zz3b, yy8), e.mul(less, e.add(yy, zz3b))),
            e.mul(e.mul(y, z), yy8),
        ),
        out,
    )


def _emit_add_rows(e: CoordinateEmitter, point: ir.Value, codes: ir.Value, stride: ir.Value) -> None:
    x1, y1, z1 = _load(e, point)
    x2, y2 = load_points(e, load_codes(e, codes, stride))
    infinite = e.mask_and(e.is_zero(x2), e.is_zero(y2))
    xx, yy = e.mul(x1, x2), e.mul(y1, y2)
    xy = e.sub(e.mul(e.add(x1, y1), e.add(x2, y2)), e.add(xx, yy))
    yz, xz = e.add(e.mul(y2, z1), y1), e.add(e.mul(x2, z1), x1)
    x3, y3, z3 = (e.reduce(value) for value in _combine(e, (xx, yy, xy, yz, xz), z1))
    _store(e, (e.select(infinite, x1, x3), e.select(infinite, y1, y3), e.select(infinite, z1, z3)), point)
