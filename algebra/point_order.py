"""Whether all of many points of the twist are of order r, by random sums instead of one test a point.

The twist has r·c points for the cofactor c = 2q - r, whose least prime factor is 10069. Take a point whose component in
the part of order c is not zero. Two weights below 10069 never give it the same multiple there, so for any choice of the other
weights at most one of 2^13 weights brings the sum Σ w_i·Q_i into the subgroup of order r. Ten sums with fresh weights
all lie there with probability at most 2^-130, and take an eighth of the time of a test for each point.
"""

from __future__ import annotations

import secrets

import numpy as np

from zkroll.algebra.kernels.emit import Backend
from zkroll.algebra.msm import msm_g2
from zkroll.algebra.point_checks import rows_in_group
from zkroll.algebra.points import G2Points

_WEIGHT_BITS = 13
_SUMS = 10

#: points from which on sums take less time than a test of each
MANY = 1 << 11


def all_of_order_r(points: G2Points, threads: int | None = None, backend: Backend | None = None) -> bool:
    """Return whether every point, which must be on the twist, is infinity or of order r.

    Wrong with a chance below 2^-130 if one is not, whoever chose the points.
    """
    sums = []
    for _ in range(_SUMS):
        words = np.frombuffer(secrets.token_bytes(2 * points.n), dtype="<u2")
        weights = (words >> (16 - _WEIGHT_BITS)).astype(np.uint64)
        sums.append(msm_g2(points, weights, None, threads, backend, bits=_WEIGHT_BITS))
    found = G2Points.from_ints(sums)
    return bool(rows_in_group(found.group, found.rows, threads, backend).all())
