"""The toy machine wrapped: inner proofs, circuits, keys, and runs of the protocol that open nothing true."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256

from support.chips import fill
from support.toy import RESULT, machine, result
from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.algebra.field import fr
from zkroll.algebra.kzg import development_srs
from zkroll.algebra.msm import msm_g1
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.program import WitnessProgram, witness_program
from zkroll.circuits.wrap.circuit import ChunkItems, bound, chunk_items
from zkroll.circuits.wrap.inputs import WrapInputs, wrap_inputs
from zkroll.circuits.wrap.publics import Publics
from zkroll.prover.keys import ProvingKey, make_proving_key
from zkroll.prover.prove import prove
from zkroll.prover.wrap.key import WrapKey, insecure_wrap_key
from zkroll.prover.wrap.target import WrapTarget
from zkroll.verifier.arithmetic import Element, ElementArithmetic, elements
from zkroll.verifier.packing import CommitStage
from zkroll.verifier.proof import InnerProof
from zkroll.verifier.protocol import Messages, Points, Rounds, Statement, replay
from zkroll.verifier.transcript import Point
from zkroll.verifier.wrap import WrapChunk

__all__ = ["fill", "machine", "prove", "sha256"]

ROWS, HEIGHTS = 20, {"power": 32, "table": 16}
POWERS = 512
#: the result, and two values that only the transcript binds
PUBLICS = Publics(("result", "number", "half"), (254, 64, 128), lambda v: [(RESULT, (7, v[0]))])


def values(rows: int = ROWS) -> list[int]:
    """The public values of so many rows."""
    return [result(rows), 5, 1 << 127]


@cache
def inner_key() -> ProvingKey:
    return make_proving_key(machine(), development_srs(POWERS))


@cache
def inner_proof(rows: int = ROWS) -> InnerProof:
    return prove(inner_key(), fill(machine().chips, source=rows), values(rows))


@cache
def target(chunks: int = 1) -> WrapTarget:
    return WrapTarget("toy", inner_key().vk, HEIGHTS, PUBLICS, chunks)


@cache
def circuit(chunks: int = 1) -> Circuit:
    return target(chunks).circuit()


@cache
def program(chunks: int = 1) -> WitnessProgram:
    return witness_program(circuit(chunks))


@cache
def wrap_key() -> WrapKey:
    return insecure_wrap_key(target())


def honest_inputs(*rows: int) -> WrapInputs:
    """Inputs of the circuit for proofs of so many rows each."""
    goal = target(len(rows) or 1)
    proofs = [(inner_proof(n), values(n)) for n in rows or (ROWS,)]
    return wrap_inputs(goal.shape, goal.inner.digest, PUBLICS, proofs)


def broken(made: Circuit, of: WitnessProgram, inputs: dict[str, int | Sequence[int]]) -> str | None:
    """The name of the first constraint that the witness of these inputs breaks, or None."""
    violation = made.first_violation(FrVector.from_array(of.run(inputs)))
    return None if violation is None else made.constraint_name(violation.constraint)


# ---- a circuit that leaves fields out of the hash ------------------------------------------------------------


@cache
def masked_circuit() -> tuple[Circuit, WitnessProgram]:
    """The wrap circuit with a public `keep` (0 or 1) for each field of the hash: a field not kept counts as zero.

    Fields: the public values, then the words of `ChunkItems`.
    """

    def define(c: Builder) -> None:
        digest = c.public_input("digest")
        goal = target()
        items = chunk_items(c, goal.shape, goal.inner.digest, PUBLICS, 0)
        every = (*items.statement, *items.words)
        keep = c.public_inputs("keep", len(every))
        kept = [replace(item, value=item.value * flag) for item, flag in zip(every, keep, strict=True)]
        n = len(items.statement)
        masked = ChunkItems(tuple(kept[:n]), tuple(kept[n:]))
        c.assert_equal(bound(c, goal.inner.digest, [masked]), digest, "digest")

    made = compile_circuit(define)
    return made, witness_program(made)


# ---- runs of the protocol for false statements ----------------------------------------------------------------


class Recording(ElementArithmetic):
    """Arithmetic that writes down what should be zero instead of refusing it."""

    def __init__(self) -> None:
        self.residues: list[int] = []

    def require_zero(self, value: Element, what: str) -> None:
        self.residues.append(int(value))


@dataclass(frozen=True)
class FalseRun:
    """A statement that is false, and messages for which all equations of the field hold: what fails is that the
    commitments open as claimed. polynomials: coefficients of each group's F and, last, of W."""

    values: list[int]
    sums: list[int]
    evaluations: list[list[list[int]]]
    polynomials: list[list[int]]
    chunk: WrapChunk

    def inputs(self, digest: int) -> dict[str, int | Sequence[int]]:
        """Inputs of the circuit."""
        flat = [value for group in self.evaluations for point in group for value in point]
        return {
            "digest": digest, "chunk 0/public values": self.values, "chunk 0/digests": self.chunk.digests,
            "chunk 0/sums": self.sums, "chunk 0/evaluations": flat,
        }  # fmt: skip

    @property
    def excess(self) -> int:
        """L(y), which is zero in an honest run."""
        return value_at(self.combined(self.chunk), self.chunk.y)

    def combined(self, chunk: WrapChunk) -> list[int]:
        """L as coefficients, with the scalars of a chunk."""
        total = [-c % R_MODULUS for c in self.polynomials[-1]]
        for scalar, polynomial in zip(chunk.scalars, self.polynomials, strict=False):
            total = add(total, polynomial, scalar)
        return add(total, [1], -chunk.rho)


def false_run(seed: int) -> FalseRun:
    """Random commitments, and evaluations that solve the equations of a wrong result."""
    rng = random.Random(seed)
    goal = target()
    shape, claimed = goal.shape, [rng.randrange(R_MODULUS), 5, 1 << 127]
    polynomials = [
        preprocessed_polynomial()
        if group.stage is CommitStage.PREPROCESSED
        else [rng.randrange(R_MODULUS) for _ in range(3)]
        for group in shape.ordered
    ]
    polynomials.append([rng.randrange(R_MODULUS) for _ in range(3)])
    points = [commit(polynomial) for polynomial in polynomials]
    main, helper, quotient = (
        tuple(p for group, p in zip(shape.ordered, points, strict=False) if group.stage is stage)
        for stage in (CommitStage.MAIN, CommitStage.HELPER, CommitStage.QUOTIENT)
    )
    chunk = WrapChunk(main, helper, quotient, points[-1], (1, 2), 0, 0, ())
    digests = elements(chunk.digests)
    sums = [0] * len(shape.summed)
    evaluations = [
        [[rng.randrange(R_MODULUS) for _ in range(group.arity)] for _ in range(group.points)]
        for group in shape.ordered
    ]
    known = elements(claimed)
    statement = Statement(Element(goal.inner.digest), known, PUBLICS.tuples(known))

    def run() -> tuple[list[int], WrapChunk]:
        ops = Recording()
        messages = Messages(
            digests[0], digests[1], digests[2], digests[3], elements(sums),
            [[elements(point) for point in group] for group in evaluations],
        )  # fmt: skip
        opening = replay(ops, shape, statement, messages)
        done = replace(
            chunk, y=int(opening.y), rho=int(opening.rho), scalars=tuple(map(int, opening.scalars))
        )
        return ops.residues, done

    sums[0] = -run()[0][0] % R_MODULUS
    rounds: Rounds[Element] = Rounds(Recording())
    rounds.statement(statement.key_digest, known, shape.log_heights)
    rounds.main(digests[0])
    rounds.helpers(digests[1], elements(sums))
    at = Points(shape, rounds.quotient(digests[2]))
    for layout in shape.layouts:
        (place,) = shape.places[layout.name, CommitStage.QUOTIENT, 0]
        evaluations[place.group][0][place.position] = 0
    for layout, residue in zip(shape.layouts, run()[0][1:], strict=True):
        (place,) = shape.places[layout.name, CommitStage.QUOTIENT, 0]
        vanishing = int(at.chip_vanishing(shape.heights[layout.name]))
        evaluations[place.group][0][place.position] = residue * pow(vanishing, -1, R_MODULUS) % R_MODULUS
    residues, finished = run()
    assert not any(residues)
    return FalseRun(claimed, sums, evaluations, polynomials, finished)


def preprocessed_polynomial() -> list[int]:
    """The coefficients of the toy's one preprocessed column, 0 to 15."""
    inverse = pow(root_of_unity(4), -1, R_MODULUS)
    scale = pow(16, -1, R_MODULUS)
    return [scale * sum(i * pow(inverse, i * k, R_MODULUS) for i in range(16)) % R_MODULUS for k in range(16)]


def commit(coefficients: Sequence[int]) -> Point:
    """The commitment of a polynomial other than zero."""
    point = msm_g1(inner_key().srs.g1[: len(coefficients)], fr.from_ints(list(coefficients)))
    assert point is not None
    return point


# ---- polynomials over Fr as lists of coefficients ------------------------------------------------------------


def add(left: Sequence[int], right: Sequence[int], factor: int = 1) -> list[int]:
    """left + factor·right."""
    size = max(len(left), len(right))
    pad = [0] * size
    return [
        (x + factor * y) % R_MODULUS for x, y in zip([*left, *pad][:size], [*right, *pad][:size], strict=True)
    ]


def value_at(polynomial: Sequence[int], x: int) -> int:
    total = 0
    for coefficient in reversed(polynomial):
        total = (total * x + coefficient) % R_MODULUS
    return total


def divided(polynomial: Sequence[int], x: int) -> list[int]:
    """polynomial/(X - x), for a root x."""
    quotient, carry = [], 0
    for coefficient in reversed(polynomial):
        carry = (carry * x + coefficient) % R_MODULUS
        quotient.append(carry)
    assert quotient.pop() == 0
    return quotient[::-1]


def a_root(polynomial: Sequence[int], rng: random.Random) -> int | None:
    """A root, or None where there is none in the field (Cantor and Zassenhaus)."""
    split = _gcd(add(_power_of_x([0, 1], R_MODULUS, polynomial), [0, 1], -1), list(polynomial))
    while len(split) > 2:
        shift = [rng.randrange(R_MODULUS), 1]
        part = _gcd(add(_power_of_x(shift, (R_MODULUS - 1) // 2, split), [1], -1), split)
        if 1 < len(part) < len(split):
            split = part
    if len(split) < 2:
        return None
    return -split[0] * pow(split[1], -1, R_MODULUS) % R_MODULUS


def _power_of_x(base: Sequence[int], exponent: int, modulus: Sequence[int]) -> list[int]:
    result = [1]
    for bit in bin(exponent)[2:]:
        result = _remainder(_times(result, result), modulus)
        if bit == "1":
            result = _remainder(_times(result, base), modulus)
    return result


def _times(left: Sequence[int], right: Sequence[int]) -> list[int]:
    out = [0] * (len(left) + len(right) - 1)
    for i, x in enumerate(left):
        for j, y in enumerate(right):
            out[i + j] = (out[i + j] + x * y) % R_MODULUS
    return out


def _remainder(left: Sequence[int], right: Sequence[int]) -> list[int]:
    rest, size = _trimmed(left), len(_trimmed(right))
    inverse = pow(_trimmed(right)[-1], -1, R_MODULUS)
    while len(rest) >= size:
        factor, offset = rest[-1] * inverse % R_MODULUS, len(rest) - size
        rest = _trimmed(add(rest, [0] * offset + list(_trimmed(right)), -factor))
    return rest


def _gcd(left: Sequence[int], right: Sequence[int]) -> list[int]:
    a, b = _trimmed(left), _trimmed(right)
    while b:
        a, b = b, _remainder(a, b)
    return a


def _trimmed(polynomial: Sequence[int]) -> list[int]:
    out = list(polynomial)
    while out and not out[-1]:
        out.pop()
    return out
