"""The protocol: which message binds what, in which order, and the equations that end it.

Prover and verifier run the same ``Rounds`` over the same messages; neither names a transcript item itself.

    1  key digest, public values, presence and height of every chip
    2  main commitments                        -> alpha, beta   (bus fingerprints)
    3  helper commitments, sums of the chips   -> gamma         (folds the constraints)
    4  quotient commitments                    -> zeta          (evaluation point)
    5  all evaluations at zeta and zeta w      -> nu            (joins the openings)
    6  opening commitment W                    -> y             (point of the last opening)
    7  final commitment W'

The statement holds if for each chip folded(zeta) = Z_H(zeta) * quotient(zeta), the sums of all chips and of
the public tuples add up to zero, and e(L + y W', [1]_2) = e(W', [tau]_2) with L from ``opening_terms``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.circuits.air.expr import Selector, Stage
from zkroll.circuits.air.layout import GAMMA, ChipLayout
from zkroll.circuits.air.logup import ALPHA, BETA, SUM_PER_ROW
from zkroll.verifier.packing import CommitStage, Group
from zkroll.verifier.transcript import Point, Transcript

#: evaluations of a group's slots (blinding slot included) at zeta and at zeta * w
GroupEvaluations = tuple[Sequence[int], Sequence[int]]


@dataclass
class Rounds:
    """One run of the protocol. Each method is one round; they refuse to be called out of order."""

    transcript: Transcript = field(default_factory=Transcript)
    _round: int = 0

    def _enter(self, number: int) -> None:
        if self._round != number - 1:
            raise RuntimeError(f"protocol: round {number} after round {self._round}")
        self._round = number

    def statement(self, key_digest: int, public_values: Sequence[int], log_heights: Sequence[int]) -> None:
        """Round 1. ``log_heights`` has one entry per chip of the machine, -1 for an absent chip."""
        self._enter(1)
        self.transcript.absorb("key digest", [key_digest])
        self.transcript.absorb("public values", public_values)
        self.transcript.absorb("heights", [h + 1 for h in log_heights])

    def main(self, commitments: Sequence[Point]) -> dict[str, int]:
        """Round 2: alpha and beta."""
        self._enter(2)
        self.transcript.absorb_points("main commitments", commitments)
        return {ALPHA: self.transcript.challenge(), BETA: self.transcript.challenge()}

    def helpers(self, commitments: Sequence[Point], sums: Sequence[int]) -> int:
        """Round 3: gamma."""
        self._enter(3)
        self.transcript.absorb_points("helper commitments", commitments)
        self.transcript.absorb("sums", sums)
        return self.transcript.challenge()

    def quotient(self, commitments: Sequence[Point]) -> int:
        """Round 4: zeta."""
        self._enter(4)
        self.transcript.absorb_points("quotient commitments", commitments)
        return self.transcript.challenge()

    def evaluations(self, evaluations: Sequence[GroupEvaluations]) -> int:
        """Round 5: nu."""
        self._enter(5)
        self.transcript.absorb("evaluations", [v for pair in evaluations for side in pair for v in side])
        return self.transcript.challenge()

    def opening(self, w: Point) -> int:
        """Round 6: y."""
        self._enter(6)
        self.transcript.absorb_points("opening commitment", [w])
        return self.transcript.challenge()


def chip_challenges(challenges: Mapping[str, int], chip_sum: int, height: int) -> dict[str, int]:
    """The challenges as a chip's constraints read them: its own sum is spread over its rows."""
    return {**challenges, SUM_PER_ROW: chip_sum * pow(height, -1, R_MODULUS) % R_MODULUS}


def selectors_at(point: int, height: int) -> dict[Selector, int]:
    """Z_H/(n (X - 1)), Z_H/(n w (X - w^-1)) and X - w^-1 at a point outside the domain of n rows.

    The first two are 1 in their row, as in the trace: they may be multiplicities.
    """
    vanishing = (pow(point, height, R_MODULUS) - 1) * pow(height, -1, R_MODULUS)
    last_root = pow(root_of_unity(height.bit_length() - 1), -1, R_MODULUS)
    return {
        Selector.FIRST: vanishing * pow(point - 1, -1, R_MODULUS) % R_MODULUS,
        Selector.LAST: vanishing * last_root * pow(point - last_root, -1, R_MODULUS) % R_MODULUS,
        Selector.TRANSITION: (point - last_root) % R_MODULUS,
    }


def identity_difference(
    layout: ChipLayout,
    height: int,
    at_zeta: Callable[[CommitStage, int], int],
    at_next: Callable[[CommitStage, int], int],
    challenges: Mapping[str, int],
    zeta: int,
) -> int:
    """folded(zeta) - Z_H(zeta) * sum_k zeta^(k n) q_k(zeta): zero for an honest proof."""
    leaves: dict[tuple[object, ...], int] = {}
    selectors = selectors_at(zeta, height)
    for node in layout.folded_ssa.nodes:
        if node[0] == "col":
            read = at_next if node[3] else at_zeta
            leaves[node] = read(CommitStage(node[1]), node[2])
        elif node[0] == "challenge":
            leaves[node] = pow(challenges[node[1]], node[2], R_MODULUS)
        elif node[0] == "selector":
            leaves[node] = selectors[Selector(node[1])]
    (folded,) = layout.folded_ssa.evaluate(leaves)
    step = pow(zeta, height, R_MODULUS)
    quotient = 0
    for k in reversed(range(layout.quotient_pieces)):
        quotient = (quotient * step + at_zeta(CommitStage.QUOTIENT, k)) % R_MODULUS
    return (folded - (step - 1) * quotient) % R_MODULUS


@dataclass(frozen=True)
class OpeningTerm:
    """What one group adds to L: scalar * C_g - scalar * remainder * [1]_1."""

    scalar: int
    remainder: int


def opening_terms(
    groups: Sequence[Group], evaluations: Sequence[GroupEvaluations], zeta: int, nu: int, y: int
) -> list[OpeningTerm]:
    """s_g = nu^g / Z_g(y) with Z_g = (X^t - zeta)(X^t - zeta w), and r_g(y).

    r_g(X) = sum_i X^i r_i(X^t), r_i the line through (zeta, f_i(zeta)) and (zeta w, f_i(zeta w)).
    Raises ZeroDivisionError where y happens to be a root of some Z_g.
    """
    terms = []
    power = 1
    for group, (here, there) in zip(groups, evaluations, strict=True):
        shifted = zeta * root_of_unity(group.height.bit_length() - 1) % R_MODULUS
        yt = pow(y, group.arity, R_MODULUS)
        vanishing = (yt - zeta) * (yt - shifted) % R_MODULUS
        if vanishing == 0:
            raise ZeroDivisionError("the last opening point is a root of an opened set")
        span = pow(shifted - zeta, -1, R_MODULUS)
        remainder = 0
        for a, b in zip(reversed(here), reversed(there), strict=True):
            line = (a + (yt - zeta) * span % R_MODULUS * (b - a)) % R_MODULUS
            remainder = (remainder * y + line) % R_MODULUS
        terms.append(OpeningTerm(power * pow(vanishing, -1, R_MODULUS) % R_MODULUS, remainder))
        power = power * nu % R_MODULUS
    return terms


__all__ = [
    "GAMMA", "GroupEvaluations", "OpeningTerm", "Rounds", "Stage", "chip_challenges", "identity_difference",
    "opening_terms", "selectors_at",
]  # fmt: skip
