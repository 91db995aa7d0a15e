"""Distinct coefficients numbered, and the matrices of .zkey files collected from their coefficients.

The public twins are in `zkroll.circuits.r1cs.sparse`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zkroll.algebra.kernels.jit import helper, kernel
from zkroll.algebra.kernels.r1cs_kernels import FINE, is_below_r

#: 32-bit words of a coefficient in a .zkey file
COEFFICIENT_WORDS = 11

# What `gather` leaves in `status`: FINE and how many values there are, or one of these and the coefficient
MATRIX_OUTSIDE, ROW_OUTSIDE, WIRE_OUTSIDE, VALUE_TOO_LARGE, FALLING, NO_ROOM = range(1, 7)
GATHER_STATUS = 2


@helper
def _number(
    w0: Any, w1: Any, w2: Any, w3: Any, factors: Any, shift: int, slots: Any, values: Any, found: int
) -> Any:
    """The number of these four words, from 1: found + 1 if they are new, or 0 if there is no room for them.

    See `distinct` for the arguments; `found` are known so far.
    """
    mixed = w0 * factors[0]
    mixed = (mixed ^ (mixed >> np.uint64(32)) ^ w1) * factors[1]
    mixed = (mixed ^ (mixed >> np.uint64(32)) ^ w2) * factors[2]
    mixed = (mixed ^ (mixed >> np.uint64(32)) ^ w3) * factors[3]
    mixed ^= mixed >> np.uint64(32)
    at = np.int64(mixed >> np.uint64(shift))
    mask = slots.shape[0] - 1
    while True:
        known = np.int64(slots[at])
        if known < 0:
            if found == values.shape[0]:
                return 0
            slots[at] = found
            values[found, 0] = w0
            values[found, 1] = w1
            values[found, 2] = w2
            values[found, 3] = w3
            return found + 1
        if (
            values[known, 0] == w0
            and values[known, 1] == w1
            and values[known, 2] == w2
            and values[known, 3] == w3
        ):
            return known + 1
        at = (at + 1) & mask


@kernel(
    "int64(const_uint64[:, ::1], const_uint64[::1], int64, int32[::1], uint32[::1], uint64[:, ::1])",
    name="r1cs_distinct",
)
def distinct(rows: Any, factors: Any, shift: int, slots: Any, codes: Any, values: Any) -> Any:
    """Number the distinct rows from 1 in the order in which they appear; returns how many there are, or -1.

    rows: (n, 4); slots: 2^(64 - shift) places of -1, at most half of them taken; codes: (n,), the number of
    each row; values: the row of each number, their length the most that there may be. -1 stands for
    more than that. `factors` are four odd numbers that whoever made the rows cannot know.
    """
    found: Any = 0
    for i in range(rows.shape[0]):
        number = _number(rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3], factors, shift, slots, values, found)
        if number == 0:
            return -1
        found = max(found, number)
        codes[i] = number
    return found


@kernel(
    "int64(const_uint32[:, ::1], int64, int64, int64, const_uint64[::1], int64, int32[::1], uint64[:, ::1],"
    " int64[::1], uint64[::1], int64[::1], int64, int64)",
    name="r1cs_gather",
)
def gather(
    rows: Any,
    matrix: int,
    n_rows: int,
    n_wires: int,
    factors: Any,
    shift: int,
    slots: Any,
    values: Any,
    starts: Any,
    entries: Any,
    status: Any,
    begin: int,
    end: int,
) -> Any:
    """Check the coefficients begin..end of a .zkey file and collect those of one matrix; returns how many.

    rows: (n, 11), each a matrix, a row, a wire and the eight halves of a value. starts: (n_rows + 1,), where
    each row begins in entries, which is 1 (starts[0], set before) and what came before; entries: for
    `product_kernels`, entry 0 is left alone; the other arguments as in `distinct`. Of a matrix that is neither
    0 nor 1 nothing is collected. Stops at a coefficient of which a part is out of range, where rows fall, and
    where values are more than there is room for; `status` says which.
    """
    found: Any = 0
    at: Any = 1
    done: Any = 0
    for i in range(begin, end):
        here = np.int64(rows[i, 0])
        row = np.int64(rows[i, 1])
        wire = np.int64(rows[i, 2])
        w0 = np.uint64(rows[i, 3]) | np.uint64(rows[i, 4]) << np.uint64(32)
        w1 = np.uint64(rows[i, 5]) | np.uint64(rows[i, 6]) << np.uint64(32)
        w2 = np.uint64(rows[i, 7]) | np.uint64(rows[i, 8]) << np.uint64(32)
        w3 = np.uint64(rows[i, 9]) | np.uint64(rows[i, 10]) << np.uint64(32)
        wrong = FINE
        number: Any = 0
        if here > 1:
            wrong = MATRIX_OUTSIDE
        elif row >= n_rows:
            wrong = ROW_OUTSIDE
        elif wire >= n_wires:
            wrong = WIRE_OUTSIDE
        elif not is_below_r(w0, w1, w2, w3):
            wrong = VALUE_TOO_LARGE
        elif here == matrix:
            if row < done:
                wrong = FALLING
            else:
                number = _number(w0, w1, w2, w3, factors, shift, slots, values, found)
                if number == 0:
                    wrong = NO_ROOM
        if wrong != FINE:
            status[0] = wrong
            status[1] = i
            return at - 1
        if number > 0:
            found = max(found, number)
            while done < row:
                done += 1
                starts[done] = at
            entries[at] = np.uint64(wire) | np.uint64(number) << np.uint64(32)
            at += 1
    if matrix <= 1:
        while done < n_rows:
            done += 1
            starts[done] = at
    status[1] = found
    return at - 1
