"""Whether points lie on their curve, and points of the twist in the group of order r."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.kernels.curve_projective import projective_helpers
from zkroll.algebra.kernels.curve_rows import load_points
from zkroll.algebra.kernels.emit import I64, LANES, VECTOR, Backend, Mask, splat
from zkroll.algebra.kernels.endomorphism import CURVE_X, psi_factors
from zkroll.algebra.kernels.groups import G1, G2, CoordinateEmitter, Group
from zkroll.algebra.kernels.jit import family, kernel

GROUP = 4  # blocks that advance together, so that their latencies overlap
# b of the twist, 3/(9 + u) = 3·(9 - u)/82
TWIST_B = tuple(3 * part * pow(82, -1, Q_MODULUS) % Q_MODULUS for part in (9, -1))


def non_adjacent_form(value: int) -> tuple[int, ...]:
    """Return the digits -1, 0, 1 of `value`, no two neighbours other than zero, the most significant first."""
    digits = []
    while value:
        digit = 2 - value % 4 if value & 1 else 0
        digits.append(digit)
        value = (value - digit) >> 1
    return tuple(reversed(digits))


SUBGROUP_DIGITS = np.array(non_adjacent_form(CURVE_X), dtype=np.int8)


@dataclass(frozen=True)
class CheckKernels:
    """The kernels, compiled on first use; bit i of masks[k] is point 8k + i, ranges are in blocks."""

    on_curve: dict[str, Any]  # by group: (masks: uint8, rows: address, n, begin, end)
    in_subgroup: Any  # the same for G2, and SUBGROUP_DIGITS; the points must be on the twist


@family
def check_kernels(backend: Backend) -> CheckKernels:
    """Return the kernels on `backend`."""
    return CheckKernels({group.name: _on_curve(group, backend) for group in (G1, G2)}, _in_subgroup(backend))


def _on_curve(group: Group, backend: Backend) -> Any:
    row_bytes = group.row_bytes

    def emit(e: CoordinateEmitter, rows: ir.Value, n: ir.Value, block: ir.Value) -> Mask:
        b = e.builder
        number = b.add(
            e.base.broadcast(b.mul(block, ir.Constant(I64, LANES))),
            ir.Constant(VECTOR, [ir.Constant(I64, i) for i in range(LANES)]),
        )
        last = e.base.broadcast(b.sub(n, ir.Constant(I64, 1)))
        number = b.select(b.icmp_signed("<", number, last), number, last)
        codes = b.add(e.base.broadcast(rows), b.mul(number, splat(row_bytes)))
        x, y = load_points(
            e, [b.extract_element(codes, ir.Constant(ir.IntType(32), i)) for i in range(LANES)]
        )
        infinite = e.mask_and(e.is_zero(x), e.is_zero(y))
        constant = e.constant(3) if e.degree == 1 else e.constant(*TWIST_B)
        cubic = e.add(e.mul(e.sqr(x), x), constant)
        return e.mask_or(infinite, e.equal(e.sqr(y), cubic))

    block = group.intrinsic(emit, backend, inline=False, returns_mask=True)

    @kernel("void(uint8[::1],int64,int64,int64,int64)", name=f"{backend}_{group.name}_on_curve")
    def on_curve(masks: Any, rows: int, n: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            masks[i] = block(rows, n, i)

    return on_curve


def _in_subgroup(backend: Backend) -> Any:
    """[x + 1]Q + ψ([x]Q) + ψ²([x]Q) = ψ³([2x]Q) holds on the twist for the points of order r alone.

    Source: El Housni, Guillevic, Piellard, "Co-factor clearing and subgroup membership testing on
    pairing-friendly curves" (2022), section 3.2. ψ kills ψ² - t·ψ + q, and the norm of 1 + x + x·ψ + x·ψ² - 2x·ψ³ in
    Z[ψ] has no factor in common with the cofactor 2q - r.
    """
    points = projective_helpers(G2, backend)
    set_infinity, add, double, add_rows = points.infinity, points.add, points.double, points.add_rows
    psi = G2.intrinsic(_emit_psi, backend, inline=False)
    equal = G2.intrinsic(_emit_equal, backend, inline=False, returns_mask=True)
    row_bytes, point_words = G2.row_bytes, G2.point_bytes // 8

    @kernel("void(uint8[::1],int64,int64,int64,int64,const_int8[::1])", name=f"{backend}_g2_in_subgroup")
    def in_subgroup(masks: Any, rows: int, n: int, begin: int, end: int, digits: Any) -> None:
        codes = np.zeros((GROUP, 2, LANES), dtype=np.int64)  # the points and their opposites
        space = np.zeros((GROUP, 2, point_words), dtype=np.uint64)  # [x]Q, the left side
        for start in range(begin, end, GROUP):
            size = min(GROUP, end - start)
            for i in range(size):
                for lane in range(LANES):
                    codes[i, 0, lane] = rows + row_bytes * min(LANES * (start + i) + lane, n - 1)
                    codes[i, 1, lane] = codes[i, 0, lane] + 1
                set_infinity(space[i, 0].ctypes.data)
            for k in range(digits.shape[0]):
                for i in range(size):
                    multiple = space[i, 0].ctypes.data
                    double(multiple, multiple)
                    if digits[k] != 0:
                        add_rows(multiple, codes[i, 0 if digits[k] > 0 else 1].ctypes.data, 8)
                    if k == 0:
                        for word in range(point_words):
                            space[i, 1, word] = space[i, 0, word]
            for i in range(size):
                multiple, total = space[i, 0].ctypes.data, space[i, 1].ctypes.data
                for power in range(4):
                    target = total if power < 3 else multiple
                    add(target, target, multiple)
                    if power < 3:
                        psi(multiple)
                masks[start + i] = equal(total, multiple)

    return in_subgroup


def _emit_psi(e: CoordinateEmitter, at: ir.Value) -> None:
    """ψ of projective points, in place."""
    for i in range(3):
        value = e.conjugate(e.load(at, e.element_bytes * i))
        if i < 2:
            value = e.mul(value, e.constant(*psi_factors(1)[i]))
        e.store(value, at, e.element_bytes * i)


def _emit_equal(e: CoordinateEmitter, a: ir.Value, b: ir.Value) -> Mask:
    """The lanes where two projective points are the same; infinity is (0 : y : 0)."""
    z1, z2 = e.load(a, 2 * e.element_bytes), e.load(b, 2 * e.element_bytes)
    same = [e.equal(e.mul(e.load(a, at), z2), e.mul(e.load(b, at), z1)) for at in (0, e.element_bytes)]
    return e.mask_and(*same)
