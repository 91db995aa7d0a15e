"""Checks of points given as integers: coordinates below q, on the curve. One line for what is wrong."""

from __future__ import annotations

from typing import Any, cast

from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.curve import G2Point, Point
from zkroll.algebra.kernels.curve_check_kernels import TWIST_B
from zkroll.algebra.reference.curve import is_on_curve
from zkroll.errors import InputError


def check_g1(point: Any, place: str) -> Point:
    """Return the point (x, y), or None for infinity, if it is one of G1. Raises InputError.

    The curve of G1 has order r: a point on it is in the group.
    """
    if point is None:
        return None
    if not (isinstance(point, tuple) and len(point) == 2):
        raise InputError(f"{place}: expected a point (x, y) of integers, got {_short(point)}")
    _check_range(point, place)
    if not is_on_curve(cast(Point, point)):
        raise InputError(f"{place}: expected a point on y² = x³ + 3, got {_short(point)}")
    return cast(Point, point)


def check_twist(point: Any, place: str) -> G2Point:
    """Return the point ((x0, x1), (y0, y1)), or None for infinity, if it is on the twist. Raises InputError.

    The twist has more points than G2: whoever uses this has to check the order too.
    """
    if point is None:
        return None
    pairs = isinstance(point, tuple) and len(point) == 2
    if not (pairs and all(isinstance(part, tuple) and len(part) == 2 for part in point)):
        raise InputError(f"{place}: expected a point ((x0, x1), (y0, y1)) of integers, got {_short(point)}")
    (x0, x1), (y0, y1) = point
    _check_range((x0, x1, y0, y1), place)
    # (x0 + x1·u)³ + b0 + b1·u - (y0 + y1·u)², u² = -1
    real = x0 * (x0 * x0 - 3 * x1 * x1) + TWIST_B[0] - (y0 * y0 - y1 * y1)
    imaginary = x1 * (3 * x0 * x0 - x1 * x1) + TWIST_B[1] - 2 * y0 * y1
    if real % Q_MODULUS or imaginary % Q_MODULUS:
        raise InputError(f"{place}: expected a point on y² = x³ + 3/(9 + u), got {_short(point)}")
    return cast(G2Point, point)


def _check_range(parts: tuple[Any, ...], place: str) -> None:
    for part in parts:
        if type(part) is not int or not 0 <= part < Q_MODULUS:
            raise InputError(f"{place}: expected coordinates in 0..q-1, got {_short(part)}")
    if not any(parts):
        raise InputError(f"{place}: expected None for infinity, got zeros")


def _short(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"an integer of {value.bit_length()} bits" if value.bit_length() > 512 else hex(value)
    text = str(value) if not isinstance(value, tuple) else "(" + ", ".join(map(_short, value)) + ")"
    return text if len(text) <= 400 else f"{text[:400]}…"
