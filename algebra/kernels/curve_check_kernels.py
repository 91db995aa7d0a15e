"""Whether points lie on their curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.kernels.curve_rows import load_points
from zkroll.algebra.kernels.emit import I64, LANES, VECTOR, Backend, Mask, splat
from zkroll.algebra.kernels.groups import G1, G2, Coordinate, CoordinateEmitter, Group
from zkroll.algebra.kernels.jit import family, kernel

# b of the twist, 3/(9 + u) = 3·(9 - u)/82
TWIST_B = tuple(3 * part * pow(82, -1, Q_MODULUS) % Q_MODULUS for part in (9, -1))


@dataclass(frozen=True)
class CheckKernels:
    """The kernels by group, compiled on first use; bit i of masks[k] is point 8k + i, ranges are in blocks."""

    on_curve: dict[str, Any]  # (masks: uint8, rows: address, n, begin, end)


@family
def check_kernels(backend: Backend) -> CheckKernels:
    """Return the kernels on `backend`."""
    return CheckKernels({group.name: _on_curve(group, backend) for group in (G1, G2)})


def on_curve_mask(e: CoordinateEmitter, x: Coordinate, y: Coordinate) -> Mask:
    """Return the mask of the lanes where y² = x³ + b; infinity is not among them."""
    constant = e.constant(3) if e.degree == 1 else e.constant(*TWIST_B)
    return e.equal(e.sqr(y), e.add(e.mul(e.sqr(x), x), constant))


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
        return e.mask_or(e.mask_and(e.is_zero(x), e.is_zero(y)), on_curve_mask(e, x, y))

    block = group.intrinsic(emit, backend, inline=False, returns_mask=True)

    @kernel("void(uint8[::1],int64,int64,int64,int64)", name=f"{backend}_{group.name}_on_curve")
    def on_curve(masks: Any, rows: int, n: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            masks[i] = block(rows, n, i)

    return on_curve
