"""The field side of the verifier: transcript order, points, scalars of the opening, refusals."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, reduce
from typing import Any

import pytest
from support import mixed
from support.chips import fill

from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.algebra.kzg import development_srs
from zkroll.algebra.reference.poseidon import poseidon_hash as reference_poseidon
from zkroll.circuits.air.chip import Bus, Interaction
from zkroll.circuits.air.expr import ONE, const
from zkroll.circuits.air.logup import ALPHA, BETA, fingerprint
from zkroll.circuits.air.lower import lower
from zkroll.errors import VerificationError
from zkroll.prover.keys import make_proving_key
from zkroll.prover.prove import prove
from zkroll.verifier.arithmetic import ELEMENTS, Element, ElementArithmetic, elements
from zkroll.verifier.key import VerifyingKey
from zkroll.verifier.protocol import (
    Messages,
    Points,
    Powers,
    Rounds,
    Statement,
    open_groups,
    points_digest,
    public_term,
    replay,
)
from zkroll.verifier.shape import ProofShape, proof_shape
from zkroll.verifier.transcript import Transcript
from zkroll.verifier.verify import decode, messages_of

ROWS = 20
HEIGHTS = {"walk": 64, "echo": 16, "tiny": 8, "tall": mixed.TALL}


@cache
def shape() -> ProofShape:
    return proof_shape(mixed.machine(), HEIGHTS, 1 << 14)


@cache
def proven() -> tuple[VerifyingKey, ProofShape, Messages[Element]]:
    key = make_proving_key(mixed.machine(), development_srs(1 << 14))
    made = prove(key, fill(mixed.machine().chips, source=ROWS), [7])
    own_shape, decoded = decode(key.vk, made.to_bytes())
    return key.vk, own_shape, messages_of(decoded)


def statement(key: VerifyingKey, value: int = 7) -> Statement[Element]:
    return Statement(Element(key.digest), elements([value]), [(mixed.TOTAL, (mixed.total(ROWS),))])


# the pieces


def test_the_digest_of_points_is_the_upper_253_bits_of_sha256() -> None:
    digest = hashlib.sha256(b"".join(v.to_bytes(32, "big") for v in (1, 2, 3, 4))).digest()
    assert points_digest([(1, 2), (3, 4)]) == int.from_bytes(digest, "big") // 8
    assert points_digest([(1, 2)]) != points_digest([(2, 1)])


def test_the_transcript_is_a_chain_of_poseidon_over_fifteen_elements() -> None:
    transcript = Transcript(ELEMENTS)
    transcript.absorb("a", elements(range(20)))
    first = reference_poseidon([0, 20, *range(14)])
    assert int(transcript.challenge()) == reference_poseidon([first, *range(14, 20), *[0] * 9])
    empty = int(transcript.challenge())
    assert empty == reference_poseidon([reference_poseidon([first, *range(14, 20), *[0] * 9]), *[0] * 15])


def test_rounds_refuse_to_be_called_out_of_order() -> None:
    rounds = Rounds(ELEMENTS)
    with pytest.raises(RuntimeError, match="round 2 after round 0"):
        rounds.main(Element(1))
    rounds.statement(Element(1), [], [3])
    with pytest.raises(RuntimeError, match="round 1 after round 1"):
        rounds.statement(Element(1), [], [3])


def test_every_height_changes_the_challenges() -> None:
    def first(log_heights: Sequence[int]) -> Element:
        rounds = Rounds(ELEMENTS)
        rounds.statement(Element(1), elements([2]), log_heights)
        return rounds.main(Element(3))[0]

    heights = [3 + i % 5 for i in range(70)]
    variants = [heights, [*heights, 3], *([*heights[:i], -1, *heights[i + 1 :]] for i in (0, 30, 31, 69))]
    assert len({first(variant) for variant in variants}) == len(variants)


def test_alpha_and_beta_differ() -> None:
    rounds = Rounds(ELEMENTS)
    rounds.statement(Element(1), [], [3])
    alpha, beta = rounds.main(Element(3))
    assert alpha != beta


@pytest.mark.parametrize("exponent", [1, 2, 3, 15, 16, 100, 65536])
def test_powers_are_powers(exponent: int) -> None:
    assert int(Powers(Element(7))(exponent)) == pow(7, exponent, R_MODULUS)


def test_a_public_term_is_the_inverse_of_the_chips_fingerprint() -> None:
    bus = Bus("b", 9, ("x", "y"))
    challenges = {ALPHA: Powers(Element(1234)), BETA: Powers(Element(98765))}
    ssa = lower([fingerprint(Interaction("i", bus, (const(5), const(6)), ONE, 1))])
    leaves = {node: challenges[node[1]](node[2]) for node in ssa.nodes if node[0] == "challenge"}
    (expected,) = ssa.evaluate(leaves)
    assert public_term(ELEMENTS, bus, (5, 6), challenges[ALPHA], challenges[BETA]) * expected == Element(1)


def test_a_public_tuple_with_a_vanishing_fingerprint_is_refused() -> None:
    bus = Bus("b", 9, ("x",))
    with pytest.raises(
        VerificationError, match="fingerprint of a public tuple on bus b: expected a value other"
    ):
        public_term(ELEMENTS, bus, (5,), Powers(Element(-9 - 5 * 3)), Powers(Element(3)))


@pytest.mark.parametrize(
    "operation", ["a + b", "a - b", "a * b", "a + 5", "5 + a", "a - 5", "5 - a", "a * 5", "5 * a"]
)
def test_elements_compute_modulo_r(operation: str) -> None:
    a, b = R_MODULUS - 3, R_MODULUS - 2**200
    expected = eval(operation, {"a": a, "b": b}) % R_MODULUS
    assert int(eval(operation, {"a": Element(a), "b": Element(b)})) == expected


# points and openings


@pytest.mark.parametrize("heights", [HEIGHTS, HEIGHTS | {"walk": 4096}, HEIGHTS | {"walk": 8192}])
def test_pieces_are_opened_where_their_chip_is_evaluated(heights: dict[str, int]) -> None:
    found = proof_shape(mixed.machine(), heights, 1 << 14)
    points = Points(found, Element(123456789))
    for group in found.ordered:
        z, *others = points.group(group)
        for slot in group.slots:
            height = found.heights[slot.chip]
            assert int(z) == pow(int(points.chip(height)), slot.pieces, R_MODULUS)
            if group.shifts:
                x_next = int(points.chip(height)) * root_of_unity(height.bit_length() - 1)
                there = others[group.shifts.index(slot.height)]
                assert int(there) == pow(x_next, slot.pieces, R_MODULUS)
            assert points.chip_vanishing(height) + 1 == Powers(points.chip(height))(height)


def _evaluate(coefficients: Sequence[int], x: int) -> int:
    return reduce(lambda acc, c: (acc * x + c) % R_MODULUS, reversed(coefficients), 0)


def _interpolate(nodes: Sequence[int], values: Sequence[int], x: int) -> int:
    total = 0
    for j, (node, value) in enumerate(zip(nodes, values, strict=True)):
        for k, other in enumerate(nodes):
            if k != j:
                value = value * (x - other) * pow(node - other, -1, R_MODULUS) % R_MODULUS
        total += value
    return total % R_MODULUS


def _random_evaluations(rng: random.Random) -> list[list[list[int]]]:
    return [
        [[rng.randrange(R_MODULUS) for _ in range(group.arity)] for _ in range(group.points)]
        for group in shape().ordered
    ]


def test_scalars_and_rho_are_those_of_the_definition() -> None:
    rng = random.Random(5)
    evaluations = _random_evaluations(rng)
    zeta, nu, y = (rng.randrange(R_MODULUS) for _ in range(3))
    points = Points(shape(), Element(zeta))
    found = open_groups(
        ELEMENTS, points, [[elements(p) for p in g] for g in evaluations], Element(nu), Element(y)
    )
    rho = 0
    for g, (group, values) in enumerate(zip(shape().ordered, evaluations, strict=True)):
        nodes = [int(p) for p in points.group(group)]
        yt = pow(y, group.arity, R_MODULUS)
        vanishing = reduce(lambda acc, p: acc * (yt - p) % R_MODULUS, nodes, 1)
        scalar = pow(nu, g, R_MODULUS) * pow(vanishing, -1, R_MODULUS) % R_MODULUS
        remainders = [_interpolate(nodes, [at[i] for at in values], yt) for i in range(group.arity)]
        assert int(found.scalars[g]) == scalar
        rho += scalar * _evaluate(remainders, y)
    assert int(found.rho) == rho % R_MODULUS


def test_a_last_point_that_is_a_root_of_an_opened_set_is_refused() -> None:
    evaluations = [[elements(p) for p in g] for g in _random_evaluations(random.Random(6))]
    y = Element(77)
    first = shape().ordered[0]
    assert shape().group_exponent(first) == 1
    with pytest.raises(VerificationError, match="root of an opened set"):
        open_groups(ELEMENTS, Points(shape(), Powers(y)(first.arity)), evaluations, Element(3), y)
    with pytest.raises(VerificationError, match="zeta: expected a value other than 0"):
        open_groups(ELEMENTS, Points(shape(), Element(0)), evaluations, Element(3), y)


# the replay of a whole proof


class Steered(ElementArithmetic):
    """Arithmetic in which the n-th hash that ends a round gives a chosen value."""

    def __init__(self, values: dict[int, int]) -> None:
        self.values, self.count = values, 0

    def hash(self, inputs: Sequence[Element]) -> Element:
        self.count += 1
        chosen = self.values.get(self.count)
        return super().hash(inputs) if chosen is None else Element(chosen)


def test_an_honest_proof_replays() -> None:
    key, found, messages = proven()
    opening = replay(ELEMENTS, found, statement(key), messages)
    assert len(opening.scalars) == len(found.ordered)
    assert opening.scalars[0] != opening.scalars[1]


@pytest.mark.parametrize("root", [1, root_of_unity(12), root_of_unity(3)])
def test_a_zeta_inside_a_domain_is_refused(root: int) -> None:
    key, found, messages = proven()
    # hashes before zeta: statement and main digest, beta, helper digest and sums, quotient digest
    with pytest.raises(VerificationError, match="zeta lies in a domain"):
        replay(Steered({4: root}), found, statement(key), messages)


def test_another_statement_does_not_replay() -> None:
    key, found, messages = proven()
    with pytest.raises(VerificationError):
        replay(ELEMENTS, found, statement(key, 8), messages)
    other = replace(statement(key), public_tuples=[(mixed.TOTAL, (mixed.total(ROWS) + 1,))])
    with pytest.raises(VerificationError, match="bus balance"):
        replay(ELEMENTS, found, other, messages)


@pytest.mark.parametrize("item", ["main", "helper", "quotient"])
def test_a_changed_digest_changes_what_is_evaluated(item: str) -> None:
    key, found, messages = proven()
    with pytest.raises(VerificationError):
        replay(ELEMENTS, found, statement(key), replace(messages, **{item: getattr(messages, item) + 1}))


def test_a_changed_digest_of_the_opening_moves_the_last_point() -> None:
    key, found, messages = proven()
    honest = replay(ELEMENTS, found, statement(key), messages)
    moved = replay(ELEMENTS, found, statement(key), replace(messages, opening=messages.opening + 1))
    assert moved.y != honest.y


def test_every_evaluation_matters() -> None:
    key, found, messages = proven()
    honest = replay(ELEMENTS, found, statement(key), messages)
    for g, group in enumerate(found.ordered):
        for p in range(group.points):
            for i in {0, group.arity - 1}:
                changed: Any = [[list(point) for point in values] for values in messages.evaluations]
                changed[g][p][i] = changed[g][p][i] + 1
                try:
                    other = replay(ELEMENTS, found, statement(key), replace(messages, evaluations=changed))
                except VerificationError:
                    continue
                assert other.rho != honest.rho
                assert other.y != honest.y
