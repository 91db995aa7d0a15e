"""The prover of the inner proof, one step per round of ``zkroll.verifier.protocol``."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import ntt
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.msm import msm_g1
from zkroll.circuits.air.layout import GAMMA
from zkroll.circuits.air.logup import ALPHA, BETA, SUM_PER_ROW
from zkroll.circuits.air.witness import ChipTrace, empty_trace
from zkroll.errors import ProvingError
from zkroll.prover.keys import ProvingKey
from zkroll.prover.polynomials import (
    Blocks,
    divide_by_linear,
    divide_by_points,
    interleave,
    interpolate,
    slot_runs,
    split,
)
from zkroll.prover.quotient import helper_columns, quotient_pieces
from zkroll.verifier.arithmetic import ELEMENTS, Element, elements
from zkroll.verifier.packing import CommitStage, Group
from zkroll.verifier.proof import InnerProof
from zkroll.verifier.protocol import Opening, Points, Rounds, open_groups
from zkroll.verifier.shape import proof_shape
from zkroll.verifier.transcript import Point, Transcript, points_digest

#: (stage, fraction done in [0, 1], the chip about to be worked on or "")
Progress = Callable[[str, float, str], None]
Sampler = Callable[[int], Sequence[int]]
#: [group][point][slot]
Evaluations = tuple[tuple[tuple[int, ...], ...], ...]


def sample_scalars(count: int) -> list[int]:
    """Uniform field elements from the system's randomness."""
    return [secrets.randbelow(R_MODULUS) for _ in range(count)]


def prove(
    key: ProvingKey,
    traces: Mapping[str, ChipTrace],
    public_values: Sequence[int],
    *,
    heights: Mapping[str, int] | None = None,
    progress: Progress = lambda _stage, _fraction, _chip: None,
    sample: Sampler = sample_scalars,
    transcript: Transcript[Element] | None = None,
) -> InnerProof:
    """A proof that the filled chips satisfy the machine of ``key`` for these public values.

    ``heights`` are those that named chips must have: they are padded with rows of zeros, and included without
    rows where they are not in ``traces``; chips of fixed height always are. Raises ProvingError where a chip has
    more rows. Nothing else is checked here: an unsatisfied trace gives a proof that the verifier refuses.
    ``sample`` gives the blinding coefficients, ``transcript`` is exchanged by tests only.
    """
    run = _Run(key, fitted(key, traces, heights or {}), sample, progress)
    rounds = Rounds(ELEMENTS, transcript)
    rounds.statement(Element(key.vk.digest), elements(public_values), run.shape.log_heights)

    main = run.commit_main()
    alpha, beta = rounds.main(_digest(main))
    challenges = {ALPHA: int(alpha), BETA: int(beta)}
    helper, sums = run.commit_helpers(challenges)
    challenges[GAMMA] = int(rounds.helpers(_digest(helper), elements(sums)))
    quotient = run.commit_quotients(challenges, sums)
    points = Points(run.shape, rounds.quotient(_digest(quotient)))
    evaluations = run.evaluate(points)
    as_elements = [[elements(point) for point in group] for group in evaluations]
    nu = rounds.evaluations(as_elements)
    w = run.open(evaluations, points, int(nu))
    opening = run.commit(w)
    y = rounds.opening(_digest([opening]))
    final = run.open_at(w, open_groups(ELEMENTS, points, as_elements, nu, y))

    return InnerProof(
        run.shape.log_heights,
        tuple(main),
        tuple(helper),
        tuple(quotient),
        tuple(sums),
        evaluations,
        opening,
        final,
    )


def fitted(
    key: ProvingKey, traces: Mapping[str, ChipTrace], heights: Mapping[str, int]
) -> dict[str, ChipTrace]:
    """The traces in machine order with at least these heights, and empty tables for chips that must be there."""
    machine = key.vk.machine
    unknown = (set(traces) | set(heights)) - {chip.name for chip in machine.chips}
    if unknown:
        raise ProvingError(f"prove: the machine {machine.name} has no chips {sorted(unknown)}")
    found = {}
    for chip in machine.chips:
        trace = traces.get(chip.name)
        height = heights.get(chip.name, chip.fixed_height)
        if trace is None and height is not None:
            trace = empty_trace(chip, height)
        elif trace is not None and height is not None and trace.height != height:
            if trace.rows > height:
                raise ProvingError(
                    f"prove: chip {chip.name}: expected at most {height} rows, got {trace.rows}"
                )
            trace = ChipTrace(chip, trace.rows, height, trace.columns)
        if trace is not None:
            found[chip.name] = trace
    return found


def _digest(points: Sequence[Point]) -> Element:
    return Element(points_digest(points))


class _Run:
    """The prover's state between rounds: coefficients of all columns by stage and chip."""

    def __init__(
        self, key: ProvingKey, traces: Mapping[str, ChipTrace], sample: Sampler, progress: Progress
    ) -> None:
        self.key = key
        self.traces = traces
        self.sample = sample
        self.progress = progress
        self.shape = proof_shape(
            key.vk.machine, {name: trace.height for name, trace in traces.items()}, key.vk.capacity
        )
        self.coefficients: dict[tuple[CommitStage, str], Blocks] = {}
        self.slots: dict[tuple[CommitStage, str], Blocks] = {}
        self.blinding: dict[Group, Blocks] = {}
        for name, columns in key.preprocessed.items():
            self._keep(CommitStage.PREPROCESSED, name, columns, 1)

    def _keep(self, stage: CommitStage, name: str, columns: Blocks, pieces: int | None = None) -> None:
        """Columns by their coefficients, and the slots that they are committed in."""
        self.coefficients[stage, name] = columns
        self.slots[stage, name] = split(
            columns, pieces or max(1, self.shape.heights[name] // self.shape.base)
        )

    # rounds 2 to 4

    def commit_main(self) -> list[Point]:
        for i, layout in enumerate(self.shape.layouts):
            self.progress("main columns", i / len(self.shape.layouts), layout.name)
            self._keep(CommitStage.MAIN, layout.name, interpolate(self.traces[layout.name].main))
        return self._commit(CommitStage.MAIN, "main commitments")

    def commit_helpers(self, challenges: Mapping[str, int]) -> tuple[list[Point], list[int]]:
        sums = []
        for i, layout in enumerate(self.shape.layouts):
            self.progress("bus columns", i / len(self.shape.layouts), layout.name)
            if not layout.logup.width:
                continue
            values, chip_sum = helper_columns(layout, self.traces[layout.name], challenges)
            self._keep(CommitStage.HELPER, layout.name, interpolate(values))
            sums.append(chip_sum)
        return self._commit(CommitStage.HELPER, "bus commitments"), sums

    def commit_quotients(self, challenges: Mapping[str, int], sums: Sequence[int]) -> list[Point]:
        by_name = dict(zip((layout.name for layout in self.shape.summed), sums, strict=True))
        for i, layout in enumerate(self.shape.layouts):
            self.progress("quotients", i / len(self.shape.layouts), layout.name)
            height = self.shape.heights[layout.name]
            per_row = by_name.get(layout.name, 0) * pow(height, -1, R_MODULUS) % R_MODULUS
            empty = np.zeros((0, height // 8, 5, 8), dtype=np.uint64)
            stages = [
                self.coefficients.get((stage, layout.name), empty)
                for stage in (CommitStage.PREPROCESSED, CommitStage.MAIN, CommitStage.HELPER)
            ]
            pieces = quotient_pieces(layout, stages, height, {**challenges, SUM_PER_ROW: per_row})
            self._keep(CommitStage.QUOTIENT, layout.name, pieces)
        self.coefficients.clear()  # the slots have them all
        return self._commit(CommitStage.QUOTIENT, "quotient commitments")

    def _runs(self, group: Group) -> list[Blocks]:
        """Coefficients of a group's slots by height, the blinding slot (made on first use) last; the caller's own."""
        runs = slot_runs(group, lambda s: self.slots[group.stage, s.chip][s.index * s.pieces + s.piece])
        if group.blinding:
            if group not in self.blinding:
                self.blinding[group] = fr.from_ints(list(self.sample(group.blinding)))[None]
            runs.append(_padded(self.blinding[group]))
        return runs

    def _commit(self, stage: CommitStage, label: str) -> list[Point]:
        points: list[Point] = []
        for i, group in enumerate(self.shape.groups[stage]):
            self.progress(label, i / len(self.shape.groups[stage]), "")
            points.append(self._msm(interleave(self._runs(group))))
        return points

    def commit(self, coefficients: Blocks) -> Point:
        """The commitment to a polynomial."""
        return self._msm(fr.to_limbs(coefficients))

    def _msm(self, limbs: NDArray[np.uint64]) -> Point:
        point = msm_g1(self.key.srs.g1[: limbs.shape[0]], limbs)
        if point is None:
            raise ProvingError(
                "prove: a commitment is the point at infinity; prove again with fresh blinding"
            )
        return point

    # rounds 5 to 7

    def evaluate(self, points: Points[Element]) -> Evaluations:
        """Every slot of every group at all points of the group."""
        result = []
        for i, group in enumerate(self.shape.ordered):
            self.progress("evaluations", i / len(self.shape.ordered), "")
            runs = self._runs(group)
            result.append(
                tuple(
                    tuple(value for run in runs for value in ntt.evaluate(run, int(point)))
                    for point in points.group(group)
                )
            )
        return tuple(result)

    def open(self, evaluations: Evaluations, points: Points[Element], nu: int) -> Blocks:
        """W = sum_g nu^g (F_g - r_g)/Z_g."""
        w = fr.zeros(max(group.size for group in self.shape.ordered))
        power = 1
        for i, (group, values) in enumerate(zip(self.shape.ordered, evaluations, strict=True)):
            self.progress("openings", 0.6 * i / len(self.shape.ordered), "")
            at = [int(point) for point in points.group(group)]
            quotients = []
            start = 0
            for run in self._runs(group):
                stop = start + len(run)
                of_run = [at_point[start:stop] for at_point in values]
                quotients.append(divide_by_points(run, at, of_run, power))
                start = stop
            # they come times Y = X^t, so t coefficients too far up
            _add_into(w, fr.from_array(interleave(quotients)[group.arity :]))
            power = power * nu % R_MODULUS
        return w

    def open_at(self, w: Blocks, opening: Opening[Element]) -> Point:
        """W' = (sum_g s_g F_g - rho - W)/(X - y)."""
        numerator = fr.neg(w)
        for i, (group, scalar) in enumerate(zip(self.shape.ordered, opening.scalars, strict=True)):
            self.progress("openings", 0.6 + 0.2 * i / len(self.shape.ordered), "")
            _add_into(numerator, fr.mul(fr.from_array(interleave(self._runs(group))), int(scalar)))
        numerator[:1] = fr.sub(numerator[:1], fr.from_ints([int(opening.rho)]))
        point = self._msm(divide_by_linear(numerator, int(opening.y)))
        self.progress("openings", 1.0, "")
        return point


def _add_into(total: Blocks, part: Blocks) -> None:
    head = total[: part.shape[0]]
    fr.add(head, part, out=head)


def _padded(blinding: Blocks) -> Blocks:
    """A copy of a blinding slot (1, blocks, 5, 8), with a power of two of coefficients, as transforms need."""
    blocks = blinding.shape[1]
    out: Blocks = np.zeros((1, 1 << (blocks - 1).bit_length(), *blinding.shape[2:]), dtype=np.uint64)
    out[:, :blocks] = blinding
    return out
