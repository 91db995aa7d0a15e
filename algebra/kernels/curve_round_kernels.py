"""Many affine additions in rounds: element-wise sums, tables of multiples, multiples of one fixed base."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from zkroll.algebra.kernels.curve_pairs import pair_adder
from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.kernels.groups import G1, G2, Group
from zkroll.algebra.kernels.jit import family, kernel

CHUNK = 4096  # points that share inversions, a multiple of eight


@dataclass(frozen=True)
class RoundKernels:
    """The kernel, compiled on first use.

    Round t of `rounds` writes left + right for `count` <= CHUNK points to the rows at out + t·out_step, which
    have room up to the next multiple of eight. A side is three integers: a code (the address of a row, the
    lowest bit its sign), what is added to it for each round, and what for each point.

    With digits (int16, one row more than there are rounds) the right side of point k in round t is chosen by
    d = digits[t + 1, at + k] from table t + 1: the row at right + (t + 1)·step + (|d| - 1)·stride with the sign
    of d, or for d = 0 the row at `nothing`. In round 0 the left side is chosen likewise by digits[0] from
    table 0.
    """

    rounds: Any


@cache
def round_kernels(group: Group, backend: Backend) -> RoundKernels:
    """Return the kernels of `group` on `backend`."""
    add_pairs = pair_adder(group, backend)

    @kernel(
        "void(int64,int64,int64,int64,int64,int64,int64,int64,const_int16[:,::1],int64,int64,int64,int64,"
        "int64[::1],int64[::1],int64[::1])",
        name=f"{backend}_{group.name}_rounds",
    )
    def rounds(
        out: int,
        out_step: int,
        left: int,
        left_step: int,
        left_stride: int,
        right: int,
        right_step: int,
        right_stride: int,
        digits: Any,
        at: int,
        nothing: int,
        count: int,
        number: int,
        lefts: Any,
        rights: Any,
        scratch: Any,
    ) -> None:
        for t in range(number):
            for k in range(count):
                lefts[k] = left + left_step * t + left_stride * k
                rights[k] = right + right_step * t + right_stride * k
            if digits.shape[0] > 0:
                for side in range(0 if t == 0 else 1, 2):
                    table, row = right + right_step * (t + side), t + side
                    for k in range(count):
                        digit = int(digits[row, at + k])
                        code = nothing
                        if digit > 0:
                            code = table + right_stride * (digit - 1)
                        elif digit < 0:
                            code = table + right_stride * (-digit - 1) + 1
                        if side:
                            rights[k] = code
                        else:
                            lefts[k] = code
            add_pairs(lefts, rights, out + out_step * t, count, scratch)

    return RoundKernels(rounds)


@family
def both_round_kernels(backend: Backend) -> list[RoundKernels]:
    """The kernels of both groups."""
    return [round_kernels(group, backend) for group in (G1, G2)]
