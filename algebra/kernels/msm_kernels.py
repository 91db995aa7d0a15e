"""Multi-scalar multiplication by buckets (Pippenger), with signed digits and affine sums.

Per window the points are sorted by |digit|. A bucket's points are cut into segments, and as many segments as fit
the workspace are summed side by side, a point each at a time (`curve_sums`); then the segments of a bucket are
added pairwise. Σ j·bucket_j comes from running sums over eight ranges of buckets, one a lane; the buckets are
visited in the order in which those take them.
Source: Bernstein, Doumen, Lange, Oosterwijk, "Faster batch forgery identification" (2012), section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from zkroll.algebra.kernels.bucket_order import (
    STAGE,
    codes_of,
    fill_block,
    move_lanes,
    sort_entries,
    swap_lanes,
)
from zkroll.algebra.kernels.curve_projective import projective_helpers
from zkroll.algebra.kernels.curve_sums import sum_helpers
from zkroll.algebra.kernels.emit import LANES, Backend
from zkroll.algebra.kernels.groups import G1, G2, Group
from zkroll.algebra.kernels.jit import family, helper, kernel
from zkroll.algebra.kernels.scalar_digits import window_count
from zkroll.algebra.kernels.word_digits import digit_kernels, digit_offset

__all__ = [
    "MAX_WINDOW",
    "STAGE",
    "MsmKernels",
    "digit_kernels",
    "digit_offset",
    "msm_kernels",
    "window_count",
]

MAX_WINDOW = 15  # digits are int16
_LEAST_SEGMENT = 8


@dataclass(frozen=True)
class MsmKernels:
    """The kernels of one group, compiled on first use.

    A job is one window over some points: entries (piece) are rows of `pieces`: job, digit row, first and last
    column, row of the first column's point. Jobs are numbered from 0 and their pieces come in order.
    """

    buckets: Any  # (sums (jobs, point words), rows address, digits, pieces, c, order, ends, lengths, work)
    combine: Any  # (result: point words, sums (parts, point words), first sum of each window and the end, c)
    work_words: int  # size of `work`
    segments: int  # segments that are summed side by side


@cache
def msm_kernels(group: Group, backend: Backend) -> MsmKernels:
    """Return the kernels of `group` on `backend`."""
    points = projective_helpers(group, backend)
    set_infinity, add, double, add_rows = points.infinity, points.add, points.double, points.add_rows
    helpers = sum_helpers(group, backend)
    begin_sums, add_points, end_sums = helpers.begin, helpers.add, helpers.end
    row_bytes, row_words = group.row_bytes, group.row_bytes // 8
    point_words = group.point_bytes // 8

    sum_bytes = 2 * group.element_bytes
    # Segments side by side: they and their points stay in the second-level cache
    most = 1536 if group.degree == 1 else 1024
    blocks = most // LANES
    # The parts of `work`, in words; those that hold vectors come first and are multiples of 64 bytes.
    sizes = {
        "sums": blocks * 2 * group.element_bytes // 8,
        "rows": (most + 2 * LANES) * row_words,  # of the segments; then eight to write to, and zeros
        "points": 4 * point_words,
        "codes": 2 * most,
        "out": 2 * most,
        "starts": most,
        "sizes": most,
        "sorted": most,
        "places": most,
        "groups": 3 * most,
        "stage": STAGE * most,
        "state": LANES,
        "scratch": helpers.words * blocks + helpers.fixed_words,
    }
    at: dict[str, int] = {}
    total_words = 0
    for name, size in sizes.items():
        at[name] = total_words
        total_words += -(-size // LANES) * LANES
    sums_at, rows_at, points_at, codes_at = at["sums"], at["rows"], at["points"], at["codes"]
    out_at, starts_at, sizes_at, sorted_at = at["out"], at["starts"], at["sizes"], at["sorted"]
    places_at, groups_at, state_at, scratch_at = at["places"], at["groups"], at["state"], at["scratch"]
    stage_at = at["stage"]

    @helper
    def sum_segments(rows: int, order: Any, count: Any, lengths: Any, work: Any) -> None:
        """Row s of the workspace becomes the sum of segment s, for s < count."""
        starts, sizes = work[starts_at : starts_at + most], work[sizes_at : sizes_at + most]
        places, perm = work[places_at : places_at + most], work[sorted_at : sorted_at + most]
        scratch = work[scratch_at:]
        base = work.ctypes.data
        sums, area = base + 8 * sums_at, base + 8 * rows_at
        # Longest first: those that still have points to add are always the first ones.
        longest = np.int64(0)
        for s in range(count):
            longest = max(longest, sizes[s])
        for length in range(longest + 2):
            lengths[length] = 0
        for s in range(count):
            lengths[sizes[s]] += 1
        above = np.int64(0)
        for length in range(longest, -1, -1):
            here = lengths[length]
            lengths[length] = above
            above += here
        for s in range(count):
            place = lengths[sizes[s]]
            lengths[sizes[s]] = place + 1
            perm[place] = area + row_bytes * s
            places[place] = starts[s]
        for i in range(count, LANES * ((count + LANES - 1) // LANES)):
            perm[i] = area + row_bytes * (most + i % LANES)
        # now lengths[l] counts those of at least l points
        stage = work[stage_at : stage_at + STAGE * most]
        now, then = work[codes_at : codes_at + most], work[codes_at + most : codes_at + 2 * most]
        blocks = codes_of(now, np.int64(0), count, rows, row_bytes, order, places, stage)
        active = lengths[2] if longest >= 2 else np.int64(0)
        following = codes_of(then, np.int64(1), active, rows, row_bytes, order, places, stage)
        begin_sums(sums, now.ctypes.data, then.ctypes.data, following, blocks)
        still = np.int64(count)
        for length in range(2, longest + 1):
            now, then = then, now
            # Lanes of finished segments go on adding, to no purpose, as long as one of their block does
            active = lengths[length]
            if active < still:
                done, until = active // LANES, (still + LANES - 1) // LANES
                end_sums(sums + sum_bytes * done, perm.ctypes.data + 64 * done, until - done)
                for i in range(active, LANES * until):
                    perm[i] = area + row_bytes * (most + i % LANES)
                still = active
            adding = following
            if length < longest:
                active = lengths[length + 1]
                following = codes_of(then, np.int64(length), active, rows, row_bytes, order, places, stage)
            add_points(sums, now.ctypes.data, then.ctypes.data, following - 1, adding, scratch)
        blocks = (still + LANES - 1) // LANES
        end_sums(sums, perm.ctypes.data, blocks)

    @helper
    def join_segments(count: Any, work: Any) -> None:
        """Put the codes of the sums of `count` buckets of several segments in their places."""
        codes, others = work[codes_at : codes_at + most], work[codes_at + most : codes_at + 2 * most]
        items = work[places_at : places_at + most]
        targets, firsts = work[groups_at : groups_at + most], work[groups_at + most : groups_at + 2 * most]
        counts = work[groups_at + 2 * most : groups_at + 3 * most]
        base = work.ctypes.data
        area, sums = base + 8 * rows_at, base + 8 * sums_at
        scratch = work[scratch_at:]
        total = np.int64(0)
        for k in range(count):
            for i in range(counts[k]):
                items[total] = area + row_bytes * (firsts[k] + i)
                total += 1
        while True:
            pairs = read = write = np.int64(0)
            for k in range(count):
                size = counts[k]
                half = size >> 1
                for j in range(half):
                    codes[pairs] = items[read + 2 * j]
                    others[pairs] = items[read + 2 * j + 1]
                    items[write + j] = codes[pairs]
                    pairs += 1
                if size & 1:
                    items[write + half] = items[read + size - 1]
                read += size
                counts[k] = half + (size & 1)
                write += counts[k]
            if pairs == 0:
                break
            blocks = fill_block(codes, pairs)
            fill_block(others, pairs)
            begin_sums(sums, codes.ctypes.data, others.ctypes.data, blocks, blocks)
            add_points(sums, others.ctypes.data, others.ctypes.data, blocks - 1, blocks, scratch)
            for i in range(pairs, LANES * blocks):
                codes[i] = area + row_bytes * (most + i % LANES)
            end_sums(sums, codes.ctypes.data, blocks)
        out = work[out_at : out_at + 2 * most]
        for k in range(count):
            out[targets[k]] = items[k]

    @helper
    def finish_job(result: Any, groups: int, work: Any) -> None:
        """From the sums of each lane to Σ j·bucket_j, in every lane of `result`."""
        # slices and not a view of other shape and type, which Numba would take most of a second to compile
        running = work[points_at : points_at + point_words]
        total = work[points_at + point_words : points_at + 2 * point_words]
        moved = work[points_at + 2 * point_words : points_at + 3 * point_words]
        infinity = work[points_at + 3 * point_words : points_at + 4 * point_words]
        running_at, total_at, moved_at = running.ctypes.data, total.ctypes.data, moved.ctypes.data
        set_infinity(infinity.ctypes.data)
        # Lane l holds R_l and T_l = Σ (j + 1)·S_(l·groups + j); wanted are Σ T_l + groups·Σ l·R_l, and
        # Σ l·R_l = Σ_(k>0) Σ_(l>=k) R_l.
        for distance in (1, 2, 4):
            move_lanes(moved, running, infinity, distance)
            add(running_at, running_at, moved_at)
        for row in range(0, running.shape[0], LANES):
            running[row] = infinity[row]
        while groups > 1:
            double(running_at, running_at)
            groups >>= 1
        add(total_at, total_at, running_at)
        for distance in (4, 2, 1):
            swap_lanes(moved, total, distance)
            add(total_at, total_at, moved_at)
        for i in range(point_words):
            result[i] = total[i]

    @helper
    def settle(
        sums: Any,
        rows: int,
        order: Any,
        job_groups: Any,
        count: Any,
        joined: Any,
        ready: Any,
        lengths: Any,
        work: Any,
    ) -> None:
        """Sum the collected segments, and take the `ready` buckets into the sums of their jobs."""
        if count:
            sum_segments(rows, order, count, lengths, work)
        if joined:
            join_segments(joined, work)
        state = work[state_at : state_at + LANES]
        out = work[out_at : out_at + 2 * most]
        base = work.ctypes.data
        zero = base + 8 * rows_at + row_bytes * (most + LANES)
        running_at = base + 8 * points_at
        total_at = running_at + 8 * point_words
        job, done, started = state[0], state[1], state[2]
        for g in range(ready // LANES):
            if done == 0:
                set_infinity(running_at)
                set_infinity(total_at)
                started = 0
            empty = True
            for lane in range(LANES):
                if out[LANES * g + lane] != zero:
                    empty = False
            if not empty:
                add_rows(running_at, base + 8 * (out_at + LANES * g), 8)
                started = 1
            if started:
                add(total_at, total_at, running_at)
            done += 1
            if done == job_groups[job]:
                finish_job(sums[job], done, work)
                done = 0
                job += 1
                while job < job_groups.shape[0] and job_groups[job] == 0:
                    job += 1
        state[0], state[1], state[2] = job, done, started

    @kernel(
        "void(uint64[:, ::1], int64, const_int16[:, ::1], const_int64[:, ::1], uint32[::1], uint32[:, ::1], "
        "int64[::1], int64[::1])",
        name=f"{backend}_{group.name}_msm_buckets",
    )
    def buckets(
        sums: Any, rows: int, digits: Any, pieces: Any, order: Any, ends: Any, lengths: Any, work: Any
    ) -> None:
        jobs = sums.shape[0]
        base = work.ctypes.data
        zero = base + 8 * rows_at + row_bytes * (most + LANES)
        for i in range(rows_at + row_words * (most + LANES), rows_at + row_words * (most + 2 * LANES)):
            work[i] = 0
        job_groups = np.zeros(jobs, dtype=np.int64)
        job_entries = np.zeros(jobs, dtype=np.int64)
        job_used = np.zeros(jobs, dtype=np.int64)
        free = np.int64(0)
        first = np.int64(0)
        for job in range(jobs):
            last = first
            while last < pieces.shape[0] and pieces[last, 0] == job:
                last += 1
            job_groups[job], job_entries[job], job_used[job] = sort_entries(
                digits, pieces, first, last, ends[job], order, free
            )
            free += job_entries[job]
            if job_groups[job] == 0:
                set_infinity(sums[job].ctypes.data)
            first = last
        out = work[out_at : out_at + 2 * most]
        starts, sizes = work[starts_at : starts_at + most], work[sizes_at : sizes_at + most]
        targets, firsts = work[groups_at : groups_at + most], work[groups_at + most : groups_at + 2 * most]
        counts = work[groups_at + 2 * most : groups_at + 3 * most]
        state = work[state_at : state_at + LANES]
        start_job = np.int64(0)
        while start_job < jobs and job_groups[start_job] == 0:
            start_job += 1
        state[0], state[1], state[2] = start_job, 0, 0
        count = joined = ready = np.int64(0)
        place = np.int64(0)
        for job in range(jobs):
            groups = job_groups[job]
            if groups == 0:
                continue
            bucket_ends = ends[job]
            top = bucket_ends.shape[0] - 1
            # A segment has at least so many points that all of them fit, and no more than buckets mostly have.
            usual = 5 * job_entries[job] // (4 * job_used[job]) + 4
            length = max(np.int64(_LEAST_SEGMENT), min(usual, free // most))
            share = most // min(np.int64(LANES), job_used[job])
            for j in range(groups - 1, -1, -1):
                needed = np.int64(0)
                before = place
                for lane in range(LANES):
                    m = lane * groups + j + 1
                    if m <= top:
                        size = np.int64(bucket_ends[m]) - before
                        before += size
                        if size > length:
                            needed += min(share, (size + length - 1) // length)
                        elif size > 1:
                            needed += 1
                if count + needed > most or ready + LANES > 2 * most:
                    settle(sums, rows, order, job_groups, count, joined, ready, lengths, work)
                    count = joined = ready = np.int64(0)
                for lane in range(LANES):
                    m = lane * groups + j + 1
                    size = np.int64(bucket_ends[m]) - place if m <= top else np.int64(0)
                    if size == 0:
                        out[ready] = zero
                    elif size == 1:
                        entry = np.int64(order[place])
                        out[ready] = rows + row_bytes * (entry >> 1) + (entry & 1)
                    elif size <= length:
                        out[ready] = base + 8 * rows_at + row_bytes * count
                        starts[count], sizes[count] = place, size
                        count += 1
                    else:
                        segments = min(share, (size + length - 1) // length)
                        targets[joined], firsts[joined], counts[joined] = ready, count, segments
                        joined += 1
                        part, extra = size // segments, size % segments
                        here = place
                        for k in range(segments):
                            starts[count] = here
                            sizes[count] = part + (1 if k < extra else 0)
                            here += sizes[count]
                            count += 1
                    place += size
                    ready += 1
        settle(sums, rows, order, job_groups, count, joined, ready, lengths, work)

    @kernel(
        "void(uint64[::1], const_uint64[:, ::1], const_int64[::1], int64)",
        name=f"{backend}_{group.name}_msm_combine",
    )
    def combine(result: Any, sums: Any, edges: Any, window: int) -> None:
        at = result.ctypes.data
        set_infinity(at)
        for w in range(edges.shape[0] - 2, -1, -1):
            for _ in range(window):
                double(at, at)
            for part in range(edges[w], edges[w + 1]):
                add(at, at, sums[part].ctypes.data)

    return MsmKernels(buckets, combine, total_words, most)


@family
def g1_msm_kernels(backend: Backend) -> MsmKernels:
    """The kernels of G1."""
    return msm_kernels(G1, backend)


@family
def g2_msm_kernels(backend: Backend) -> MsmKernels:
    """The kernels of G2."""
    return msm_kernels(G2, backend)
