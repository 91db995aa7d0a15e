"""The prover of the inner proof, one step per round of ``zkroll.verifier.protocol``."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zkroll.algebra import ntt
from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.algebra.field import fr
from zkroll.algebra.msm import msm_g1
from zkroll.circuits.air.layout import GAMMA, ChipLayout
from zkroll.circuits.air.witness import ChipTrace
from zkroll.errors import ProvingError
from zkroll.prover.keys import ProvingKey
from zkroll.prover.polynomials import Blocks, divide_by_linear, divide_by_pair, interleave, interpolate, pad
from zkroll.prover.quotient import helper_columns, quotient_pieces
from zkroll.verifier.packing import BLINDING, CommitStage, Group, pack_all
from zkroll.verifier.proof import InnerProof
from zkroll.verifier.protocol import Rounds, chip_challenges, opening_terms
from zkroll.verifier.transcript import Point, Transcript

#: (stage, fraction done in [0, 1], the chip about to be worked on or "")
Progress = Callable[[str, float, str], None]
Sampler = Callable[[int], Sequence[int]]


def sample_scalars(count: int) -> list[int]:
    """Uniform field elements from the system's randomness."""
    return [secrets.randbelow(R_MODULUS) for _ in range(count)]


def prove(
    key: ProvingKey,
    traces: Mapping[str, ChipTrace],
    public_values: Sequence[int],
    *,
    progress: Progress = lambda _stage, _fraction, _chip: None,
    sample: Sampler = sample_scalars,
    transcript: Transcript | None = None,
) -> InnerProof:
    """A proof that the filled chips satisfy the machine of ``key`` for these public values.

    Nothing is checked here: an unsatisfied trace gives a proof that the verifier refuses. ``sample`` gives the
    blinding coefficients, ``transcript`` is exchanged by tests only.
    """
    run = _Run(key, traces, sample, progress)
    rounds = Rounds(transcript or Transcript())
    rounds.statement(key.vk.digest, public_values, run.log_heights)

    main = run.commit_main()
    challenges = rounds.main(main)
    helper, sums = run.commit_helpers(challenges)
    challenges[GAMMA] = rounds.helpers(helper, sums)
    quotient = run.commit_quotients(challenges, sums)
    zeta = rounds.quotient(quotient)
    evaluations = run.evaluate(zeta)
    nu = rounds.evaluations(evaluations)
    opening, combined = run.open(evaluations, zeta, nu)
    y = rounds.opening(opening)
    final = run.open_at(combined, evaluations, zeta, nu, y)

    return InnerProof(
        tuple(run.log_heights), tuple(main), tuple(helper), tuple(quotient), tuple(sums), tuple(evaluations),
        opening, final,
    )  # fmt: skip


@dataclass(frozen=True)
class _Combined:
    """sum_g nu^g F_g per shape (height, arity) as slot coefficients, and W's coefficients (size/8, 5, 8)."""

    shapes: dict[tuple[int, int], Blocks]
    w: Blocks
    size: int


Evaluations = list[tuple[tuple[int, ...], tuple[int, ...]]]


class _Run:
    """The prover's state between rounds: coefficients of all columns by stage and chip."""

    def __init__(
        self, key: ProvingKey, traces: Mapping[str, ChipTrace], sample: Sampler, progress: Progress
    ) -> None:
        self.key = key
        self.traces = traces
        self.sample = sample
        self.progress = progress
        layouts = key.vk.machine.layouts
        unknown = set(traces) - {layout.name for layout in layouts}
        if unknown:
            raise ProvingError(f"prove: the machine {key.vk.machine.name} has no chips {sorted(unknown)}")
        self.layouts: list[ChipLayout] = [layout for layout in layouts if layout.name in traces]
        self.heights = {layout.name: traces[layout.name].height for layout in self.layouts}
        self.log_heights = [
            self.heights[layout.name].bit_length() - 1 if layout.name in self.heights else -1
            for layout in layouts
        ]
        self.groups = pack_all(layouts, self.heights, key.vk.capacity)
        self.ordered = [group for stage in CommitStage for group in self.groups[stage]]
        self.coefficients: dict[tuple[CommitStage, str], Blocks] = {
            (CommitStage.PREPROCESSED, name): columns for name, columns in key.preprocessed.items()
        }
        self.helpers: dict[str, Blocks] = {}
        self.blinding: dict[Group, Blocks] = {}

    # rounds 2 to 4

    def commit_main(self) -> list[Point]:
        for i, layout in enumerate(self.layouts):
            self.progress("main columns", i / len(self.layouts), layout.name)
            self.coefficients[CommitStage.MAIN, layout.name] = interpolate(self.traces[layout.name].main)
        return self._commit(CommitStage.MAIN, "main commitments")

    def commit_helpers(self, challenges: Mapping[str, int]) -> tuple[list[Point], list[int]]:
        sums = []
        for i, layout in enumerate(self.layouts):
            self.progress("bus columns", i / len(self.layouts), layout.name)
            if not layout.logup.width:
                continue
            values, chip_sum = helper_columns(layout, self.traces[layout.name], challenges)
            self.coefficients[CommitStage.HELPER, layout.name] = interpolate(values)
            sums.append(chip_sum)
        return self._commit(CommitStage.HELPER, "bus commitments"), sums

    def commit_quotients(self, challenges: Mapping[str, int], sums: Sequence[int]) -> list[Point]:
        remaining = iter(sums)
        for i, layout in enumerate(self.layouts):
            self.progress("quotients", i / len(self.layouts), layout.name)
            height = self.heights[layout.name]
            chip_sum = next(remaining) if layout.logup.width else 0
            empty = np.zeros((0, height // 8, 5, 8), dtype=np.uint64)
            stages = [
                self.coefficients.get((stage, layout.name), empty)
                for stage in (CommitStage.PREPROCESSED, CommitStage.MAIN, CommitStage.HELPER)
            ]
            self.coefficients[CommitStage.QUOTIENT, layout.name] = quotient_pieces(
                layout, stages, height, chip_challenges(challenges, chip_sum, height)
            )
        return self._commit(CommitStage.QUOTIENT, "quotient commitments")

    def _slots(self, group: Group) -> list[Blocks]:
        """Coefficients of a group's polynomials, the blinding slot (made on first use) last."""
        slots = [self.coefficients[group.stage, slot.chip][slot.index] for slot in group.slots]
        if group.blinded:
            if group not in self.blinding:
                blinding = fr.zeros(group.height)
                blinding[:1] = fr.from_ints(list(self.sample(BLINDING)))
                self.blinding[group] = blinding
            slots.append(self.blinding[group])
        return slots

    def _commit(self, stage: CommitStage, label: str) -> list[Point]:
        points: list[Point] = []
        for i, group in enumerate(self.groups[stage]):
            self.progress(label, i / len(self.groups[stage]), "")
            points.append(self._msm(interleave(self._slots(group), group.height)))
        return points

    def _msm(self, limbs: np.ndarray[tuple[int, ...], np.dtype[np.uint64]]) -> Point:
        point = msm_g1(self.key.srs.g1[: limbs.shape[0]], limbs)
        if point is None:
            raise ProvingError(
                "prove: a commitment is the point at infinity; prove again with fresh blinding"
            )
        return point

    # rounds 5 to 7

    def evaluate(self, zeta: int) -> Evaluations:
        """Every slot of every group at zeta and at zeta * w."""
        result: Evaluations = []
        for i, group in enumerate(self.ordered):
            self.progress("evaluations", i / len(self.ordered), "")
            slots = np.stack(self._slots(group))
            shifted = zeta * root_of_unity(group.height.bit_length() - 1) % R_MODULUS
            result.append((tuple(ntt.evaluate(slots, zeta)), tuple(ntt.evaluate(slots, shifted))))
        return result

    def open(self, evaluations: Evaluations, zeta: int, nu: int) -> tuple[Point, _Combined]:
        """W = sum_g nu^g (F_g - r_g)/Z_g; groups of one shape are joined before the division."""
        self.progress("openings", 0.0, "")
        shapes: dict[tuple[int, int], Blocks] = {}
        values: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
        power = 1
        for group, (here, there) in zip(self.ordered, evaluations, strict=True):
            shape = (group.height, group.arity)
            term = fr.mul(np.stack(self._slots(group)), power)
            a, b = values.get(shape, ([0] * group.arity, [0] * group.arity))
            values[shape] = (
                [(x + power * v) % R_MODULUS for x, v in zip(a, here, strict=True)],
                [(x + power * v) % R_MODULUS for x, v in zip(b, there, strict=True)],
            )
            shapes[shape] = fr.add(shapes[shape], term) if shape in shapes else term
            power = power * nu % R_MODULUS
        size = 1 << (max(height * arity for height, arity in shapes) - 1).bit_length()
        w = fr.zeros(size)
        for shape, slots in shapes.items():
            quotient = divide_by_pair(slots, shape[0], *values[shape], zeta)
            w = fr.add(w, pad(interleave(list(quotient), shape[0]), size))
        return self._msm(fr.to_limbs(w, size)[: self.key.srs.n]), _Combined(shapes, w, size)

    def open_at(self, combined: _Combined, evaluations: Evaluations, zeta: int, nu: int, y: int) -> Point:
        """W' = (sum_g nu^g/Z_g(y) (F_g - r_g(y)) - W)/(X - y)."""
        self.progress("openings", 0.5, "")
        terms = opening_terms(self.ordered, evaluations, zeta, nu, y)
        constant = sum(term.scalar * term.remainder for term in terms) % R_MODULUS
        numerator = fr.neg(combined.w)
        done: set[tuple[int, int]] = set()
        power = 1
        for group, term in zip(self.ordered, terms, strict=True):
            shape = (group.height, group.arity)
            if shape not in done:
                done.add(shape)
                scale = term.scalar * pow(power, -1, R_MODULUS) % R_MODULUS
                part = pad(
                    interleave(list(fr.mul(combined.shapes[shape], scale)), group.height), combined.size
                )
                numerator = fr.add(numerator, part)
            power = power * nu % R_MODULUS
        numerator[:1] = fr.sub(numerator[:1], fr.from_ints([constant]))
        point = self._msm(
            fr.to_limbs(divide_by_linear(numerator, combined.size, y), combined.size)[: self.key.srs.n]
        )
        self.progress("openings", 1.0, "")
        return point
