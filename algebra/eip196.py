"""Addition and multiplication in G1 as the precompiled contracts at 0x06 and 0x07 define them (EIP-196)."""

from __future__ import annotations

from zkroll.algebra.points import G1Points
from zkroll.algebra.scalar_mul import add, multiply

POINT_BYTES = 64
SCALAR_BYTES = 32


def eip196_add(data: bytes) -> bytes:
    """Return the sum of the two points in `data`, 64 bytes.

    Missing bytes count as zeros and bytes after the 128th are ignored. Raises InputError, which is the
    failure of the contract, for a coordinate that is not below q and for a point that is not on the curve.
    """
    points = G1Points.from_bytes(data[: 2 * POINT_BYTES].ljust(2 * POINT_BYTES, b"\0"))
    return add(points[:1], points[1:]).to_bytes()


def eip196_mul(data: bytes) -> bytes:
    """Return the multiple of the point in `data` by the number after it (any 256 bits), 64 bytes.

    Missing bytes count as zeros and bytes after the 96th are ignored. Raises InputError as `eip196_add`.
    """
    size = POINT_BYTES + SCALAR_BYTES
    padded = data[:size].ljust(size, b"\0")
    point = G1Points.from_bytes(padded[:POINT_BYTES])
    return multiply(point, int.from_bytes(padded[POINT_BYTES:], "big")).to_bytes()
