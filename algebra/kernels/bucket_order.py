"""The order in which a multi-scalar multiplication takes its points: helpers that know no group."""

from __future__ import annotations

from typing import Any

import numpy as np

from zkroll.algebra.kernels.emit import LANES
from zkroll.algebra.kernels.jit import helper

STAGE = 4  # entries of a segment that are fetched at once; `order` needs as much room beyond its entries


@helper
def move_lanes(out: Any, point: Any, fill: Any, distance: int) -> None:
    """Lane i of `out` takes lane i + distance of `point`, or lane i of `fill` where there is none."""
    for row in range(0, out.shape[0], LANES):
        for lane in range(LANES):
            there = lane + distance
            out[row + lane] = point[row + there] if there < LANES else fill[row + lane]


@helper
def swap_lanes(out: Any, point: Any, distance: int) -> None:
    """Lane i of `out` takes lane i xor distance of `point`."""
    for row in range(0, out.shape[0], LANES):
        for lane in range(LANES):
            out[row + lane] = point[row + (lane ^ distance)]


@helper
def sort_entries(
    digits: Any, pieces: Any, first: Any, last: Any, ends: Any, order: Any, free: Any
) -> tuple[Any, Any, Any]:
    """Sort the entries of pieces[first:last] by |digit| into order[free:].

    Buckets come in the order of the final sums: with g groups of eight, bucket lane·g + j + 1 for
    j = g-1..0 and each lane. ends[m] is where bucket m ends; an entry is 2·row + (digit < 0). Returns g,
    the number of entries and that of buckets with any.
    """
    buckets = ends.shape[0] - 1
    for m in range(buckets + 1):
        ends[m] = 0
    for p in range(first, last):
        source = digits[pieces[p, 1]]
        for i in range(pieces[p, 2], pieces[p, 3]):
            ends[abs(np.int64(source[i]))] += 1
    top = buckets
    while top > 0 and ends[top] == 0:
        top -= 1
    groups = 1
    while LANES * groups < top:
        groups *= 2
    if top == 0:
        return 0, 0, 0
    place = np.int64(free)
    used = 0
    for j in range(groups - 1, -1, -1):
        for lane in range(LANES):
            m = lane * groups + j + 1
            if m <= buckets:
                size = np.int64(ends[m])
                ends[m] = place
                place += size
                used += size != 0
    for p in range(first, last):
        source = digits[pieces[p, 1]]
        begin = pieces[p, 2]
        row = pieces[p, 4] - begin
        for i in range(begin, pieces[p, 3]):
            digit = np.int64(source[i])
            if digit != 0:
                bucket = abs(digit)
                here = ends[bucket]
                order[here] = 2 * (row + i) + np.int64(digit < 0)
                ends[bucket] = here + 1
    return groups, place - free, used


@helper
def fill_block(codes: Any, count: Any) -> Any:
    """Fill up the last block with the first code; return the number of blocks.

    So those lanes do what the first does: zeros would send their block the slow way.
    """
    blocks = (count + LANES - 1) // LANES
    for i in range(count, LANES * blocks):
        codes[i] = codes[0]
    return blocks


@helper
def codes_of(
    codes: Any, at: Any, count: Any, rows: int, row_bytes: int, order: Any, places: Any, stage: Any
) -> Any:
    """codes[i] becomes that of order[places[i] + at] for i < count; returns the blocks.

    `at` counts up from 0 and `count` down, so several entries can be fetched from a place at once.
    """
    kept = at % STAGE
    width = stage.shape[0] // STAGE
    if kept == 0:
        for i in range(count):
            place = places[i] + at
            for k in range(STAGE):
                stage[width * k + i] = order[place + k]
    fetched = stage[width * kept : width * (kept + 1)]
    for i in range(count):
        entry = np.int64(fetched[i])
        codes[i] = rows + row_bytes * (entry >> 1) + (entry & 1)
    return fill_block(codes, count)
