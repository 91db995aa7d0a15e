"""The protocol: which message binds what, in which order, and the equations that end it.

    1  key digest, public values, presence and height of every chip
    2  digest of the main commitments                        -> alpha, beta   (bus fingerprints)
    3  digest of the helper commitments, sums of the chips   -> gamma         (folds the constraints)
    4  digest of the quotient commitments                    -> zeta          (evaluation points)
    5  all evaluations                                       -> nu            (joins the openings)
    6  digest of the opening commitment W                    -> y             (point of the last opening)
    7  final commitment W'

The statement holds if the sums of all chips and of the public tuples add up to zero, for each chip of height n

    folded(x) = (x^n - 1) * quotient(x) at its point x     (see ``zkroll.verifier.packing`` for x),

and e(L + y W', [1]_2) = e(W', [tau]_2) with L = sum_g s_g C_g - rho [1]_1 - W. ``replay`` is everything but this
last equation and the digests of points: the field side. It runs on any arithmetic, so that the Python verifier and
the wrap circuit read the same lines; a prover runs the same ``Rounds`` with its own messages in between. What is
multiplied costs a constraint there, so powers are taken once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic

from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.circuits.air.chip import Bus
from zkroll.circuits.air.expr import Selector
from zkroll.circuits.air.layout import GAMMA, ChipLayout
from zkroll.circuits.air.logup import ALPHA, BETA, SUM_PER_ROW
from zkroll.circuits.air.lower import Leaf
from zkroll.verifier.arithmetic import ELEMENTS, Arithmetic, Element, T, Value
from zkroll.verifier.packing import CommitStage, Group
from zkroll.verifier.shape import ProofShape, proof_shape
from zkroll.verifier.transcript import Transcript, points_digest

#: log heights in one element of the transcript, a byte each
_HEIGHTS_PER_ELEMENT: Final = 31

#: [group][point][slot], groups in transcript order, points z first, blinding slots included
Evaluations = Sequence[Sequence[Sequence[T]]]


@dataclass(frozen=True)
class Statement(Generic[T]):
    """What is claimed, under which key: public_tuples are what the verifier itself puts on the buses."""

    key_digest: T
    public_values: Sequence[T]
    public_tuples: Sequence[tuple[Bus, Sequence[T | int]]]


@dataclass(frozen=True)
class Messages(Generic[T]):
    """What a prover says, commitments as digests; sums of the chips with interactions, in machine order."""

    main: T
    helper: T
    quotient: T
    opening: T
    sums: Sequence[T]
    evaluations: Evaluations[T]


@dataclass(frozen=True)
class Opening(Generic[T]):
    """What is left for the curve: L = sum_g scalars[g] C_g - rho [1]_1 - W, opened at y."""

    y: T
    rho: T
    scalars: tuple[T, ...]


class Rounds(Generic[T]):
    """One run of the protocol. Each method is one round; they refuse to be called out of order."""

    def __init__(self, ops: Arithmetic[T], transcript: Transcript[T] | None = None) -> None:
        self._ops = ops
        self._transcript = transcript or Transcript(ops)
        self._round = 0

    def _enter(self, number: int) -> None:
        if self._round != number - 1:
            raise RuntimeError(f"protocol: round {number} after round {self._round}")
        self._round = number

    def statement(self, key_digest: T, public_values: Sequence[T], log_heights: Sequence[int]) -> None:
        """Round 1. ``log_heights`` has one entry per chip of the machine, -1 for an absent chip."""
        self._enter(1)
        self._transcript.absorb("key digest", [key_digest])
        self._transcript.absorb("public values", public_values)
        step = _HEIGHTS_PER_ELEMENT
        parts = [log_heights[i : i + step] for i in range(0, len(log_heights), step)]
        packed = [sum((h + 1) << (8 * i) for i, h in enumerate(part)) for part in parts]
        self._transcript.absorb("heights", [self._ops.constant(value) for value in packed])

    def main(self, digest: T) -> tuple[T, T]:
        """Round 2: alpha and beta."""
        self._enter(2)
        self._transcript.absorb("main commitments", [digest])
        return self._transcript.challenge(), self._transcript.challenge()

    def helpers(self, digest: T, sums: Sequence[T]) -> T:
        """Round 3: gamma."""
        self._enter(3)
        self._transcript.absorb("helper commitments", [digest])
        self._transcript.absorb("sums", sums)
        return self._transcript.challenge()

    def quotient(self, digest: T) -> T:
        """Round 4: zeta."""
        self._enter(4)
        self._transcript.absorb("quotient commitments", [digest])
        return self._transcript.challenge()

    def evaluations(self, evaluations: Evaluations[T]) -> T:
        """Round 5: nu."""
        self._enter(5)
        flat = [value for group in evaluations for point in group for value in point]
        self._transcript.absorb("evaluations", flat)
        return self._transcript.challenge()

    def opening(self, digest: T) -> T:
        """Round 6: y."""
        self._enter(6)
        self._transcript.absorb("opening commitment", [digest])
        return self._transcript.challenge()


class Powers(Generic[T]):
    """Powers of one value, by squarings and products that are each done once."""

    def __init__(self, value: T) -> None:
        self._found = {1: value}

    def __call__(self, exponent: int) -> T:
        """value^exponent for exponent >= 1."""
        if exponent not in self._found:
            low = 1 << (exponent.bit_length() - 1)
            a, b = (exponent // 2, exponent // 2) if low == exponent else (low, exponent - low)
            self._found[exponent] = self(a) * self(b)
        return self._found[exponent]


class Points(Generic[T]):
    """The evaluation points that zeta gives for a shape."""

    def __init__(self, shape: ProofShape, zeta: T) -> None:
        self.shape = shape
        self.zeta = Powers(zeta)

    def chip(self, height: int) -> T:
        """x, where the columns of a chip of this height are evaluated."""
        return self.zeta(self.shape.chip_exponent(height))

    def chip_vanishing(self, height: int) -> T:
        """x^n - 1."""
        return self.zeta(self.shape.chip_exponent(height) * height) - 1

    def group(self, group: Group) -> list[T]:
        """Where the slots of a group are opened: z, then z * w_h for its shifts h."""
        z = self.zeta(self.shape.group_exponent(group))
        return [z, *(z * _root(height) for height in group.shifts)]


def replay(
    ops: Arithmetic[T], shape: ProofShape, statement: Statement[T], messages: Messages[T]
) -> Opening[T]:
    """The field side of the verifier: the transcript, all equations of the field, and what is left to open.

    What does not hold is refused by ``ops`` (in a circuit it has no witness).
    """
    rounds = Rounds(ops)
    rounds.statement(statement.key_digest, statement.public_values, shape.log_heights)
    alpha, beta = rounds.main(messages.main)
    gamma = rounds.helpers(messages.helper, messages.sums)
    zeta = rounds.quotient(messages.quotient)
    nu = rounds.evaluations(messages.evaluations)
    y = rounds.opening(messages.opening)

    challenges = {ALPHA: Powers(alpha), BETA: Powers(beta), GAMMA: Powers(gamma)}
    total = sum(messages.sums, ops.constant(0))
    for bus, values in statement.public_tuples:
        total = total + public_term(ops, bus, values, challenges[ALPHA], challenges[BETA])
    ops.require_zero(total, "bus balance of all chips and public tuples")

    points = Points(shape, zeta)
    ops.inverse(points.zeta(shape.tallest) - 1, "zeta^N - 1, zero where zeta lies in a domain")
    identities = _Identities(ops, points, challenges, messages.evaluations)
    sums = dict(zip((layout.name for layout in shape.summed), messages.sums, strict=True))
    for layout in shape.layouts:
        identities.require(layout, sums.get(layout.name))
    return open_groups(ops, points, messages.evaluations, nu, y)


def public_term(
    ops: Arithmetic[T], bus: Bus, values: Sequence[T | int], alpha: Powers[T], beta: Powers[T]
) -> T:
    """1 / (alpha + bus + sum_k beta^(k+1) value_k): a tuple that the verifier itself sends.

    The same sum as ``zkroll.circuits.air.logup.fingerprint``.
    """
    denominator = alpha(1) + bus.index
    for k, value in enumerate(values):
        denominator = denominator + beta(k + 1) * value
    return ops.inverse(denominator, f"fingerprint of a public tuple on bus {bus.name}")


class _Identities(Generic[T]):
    """folded(x) - (x^n - 1) * quotient(x) = 0 for one chip after the other; shared values are kept."""

    def __init__(
        self,
        ops: Arithmetic[T],
        points: Points[T],
        challenges: dict[str, Powers[T]],
        evaluations: Evaluations[T],
    ) -> None:
        self._ops = ops
        self._points = points
        self._challenges = challenges
        self._evaluations = evaluations
        self._inverses: dict[tuple[int, int], T] = {}
        self._selectors: dict[tuple[int, Selector], T] = {}

    def require(self, layout: ChipLayout, chip_sum: T | None) -> None:
        """The identity of one chip; its own sum, if it has interactions, is spread over its rows."""
        height = self._points.shape.heights[layout.name]
        leaves: dict[Leaf, T] = {}
        for node in layout.folded_ssa.nodes:
            if node[0] == "col":
                leaves[node] = self._column(layout.name, height, CommitStage(node[1]), node[2], node[3])
            elif node[0] == "challenge" and node[1] == SUM_PER_ROW and chip_sum is not None:
                leaves[node] = chip_sum * pow(height, -1, R_MODULUS)
            elif node[0] == "challenge":
                leaves[node] = self._challenges[node[1]](node[2])
            elif node[0] == "selector":
                leaves[node] = self._selector(height, Selector(node[1]))
        (folded,) = layout.folded_ssa.evaluate(leaves)
        vanishing = self._points.chip_vanishing(height)
        step = vanishing + 1
        parts = [
            self._column(layout.name, height, CommitStage.QUOTIENT, k, 0)
            for k in range(layout.quotient_pieces)
        ]
        self._ops.require_zero(
            folded - vanishing * _horner(parts, step),
            f"chip {layout.name}: folded constraints - Z_H * quotient at its point",
        )

    def _column(self, chip: str, height: int, stage: CommitStage, index: int, rotation: int) -> T:
        """f(x), or f(x w) for the next row, from f = sum_k Y^k f_k(Y^s)."""
        places = self._points.shape.places[chip, stage, index]
        values = []
        for place in places:
            group = self._points.shape.ordered[place.group]
            point = 1 + group.shifts.index(place.slot.height) if rotation else 0
            values.append(self._evaluations[place.group][point][place.position])
        if len(values) == 1:
            return values[0]
        x = self._points.chip(height)
        return _horner(values, x * _root(height) if rotation else x)

    def _selector(self, height: int, which: Selector) -> T:
        """Z_H/(n (X - 1)), Z_H/(n w (X - w^-1)) and X - w^-1 at the chip's point.

        The first two are 1 in their row, as in the trace: they may be multiplicities.
        """
        last_root = pow(_root(height), -1, R_MODULUS)
        per_row = pow(height, -1, R_MODULUS)
        key = (height, which)
        if key not in self._selectors:
            vanishing = self._points.chip_vanishing(height)
            if which is Selector.FIRST:
                self._selectors[key] = vanishing * per_row * self._distance_inverse(height, 1)
            elif which is Selector.LAST:
                scale = per_row * last_root % R_MODULUS
                self._selectors[key] = vanishing * scale * self._distance_inverse(height, last_root)
            else:
                self._selectors[key] = self._points.chip(height) - last_root
        return self._selectors[key]

    def _distance_inverse(self, height: int, root: int) -> T:
        """1/(x - root) for a root of unity, kept by the power of zeta that x is."""
        key = (self._points.shape.chip_exponent(height), root)
        if key not in self._inverses:
            self._inverses[key] = self._ops.inverse(
                self._points.chip(height) - root, "distance of zeta from a root of unity"
            )
        return self._inverses[key]


def open_groups(
    ops: Arithmetic[T], points: Points[T], evaluations: Evaluations[T], nu: T, y: T
) -> Opening[T]:
    """s_g = nu^g / Z_g(y) with Z_g = prod_p (X^t - p), and rho = sum_g s_g r_g(y).

    r_g(X) = sum_i X^i r_i(X^t), r_i interpolating the values of slot i. With d_p = y^t - p, Lagrange's formula gives

        s_g r_g(y) = nu^g * sum_p (sum_i y^i v_(p,i)) / (d_p * prod_(q != p) (p - q)),

    and p - q is z times a constant for the points p = z * w, q = z * w' of one group.
    """
    powers = Powers(y)
    inverses: dict[int, T] = {}
    rho: T = ops.constant(0)
    scalars: list[T] = []
    factor = ops.constant(1)
    for group, values in zip(points.shape.ordered, evaluations, strict=True):
        yt = powers(group.arity)
        distances = [
            ops.inverse(yt - p, "y^t - p, zero where y is a root of an opened set")
            for p in points.group(group)
        ]
        scalar = factor
        for distance in distances:
            scalar = scalar * distance
        scalars.append(scalar)
        if len(distances) == 1:
            rho = rho + scalar * _horner(values[0], y)
        else:
            roots = [1, *map(_root, group.shifts)]
            total: T = ops.constant(0)
            for j, (distance, at_point) in enumerate(zip(distances, values, strict=True)):
                weight = 1
                for k, other in enumerate(roots):
                    if k != j:
                        weight = weight * (roots[j] - other) % R_MODULUS
                total = total + distance * _horner(at_point, y) * pow(weight, -1, R_MODULUS)
            exponent = points.shape.group_exponent(group)
            if exponent not in inverses:
                inverses[exponent] = ops.inverse(points.zeta(exponent), "zeta")
            for _ in group.shifts:
                total = total * inverses[exponent]
            rho = rho + factor * total
        factor = factor * nu
    return Opening(y, rho, tuple(scalars))


def _horner(coefficients: Sequence[T], x: T) -> T:
    """sum_i coefficients[i] x^i."""
    result = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        result = result * x + coefficient
    return result


def _root(height: int) -> int:
    """w_h, of order h."""
    return root_of_unity(height.bit_length() - 1)


__all__ = [
    "ELEMENTS", "Arithmetic", "Element", "Evaluations", "Messages", "Opening", "Points", "Powers", "ProofShape",
    "Rounds", "Statement", "Transcript", "Value", "open_groups", "points_digest", "proof_shape", "public_term",
    "replay",
]  # fmt: skip
