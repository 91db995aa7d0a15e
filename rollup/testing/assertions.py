"""Assertions about proofs: what must be provable is, what must not be is refused, and for the reason given.

Each fails with AssertionError: the verifier or level, the circuit, and what was expected. An error that says nothing
of the claim (a missing file, inputs of another circuit, a call that reverts) is a failure too, never a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from zkroll.algebra.vector import FrVector
from zkroll.errors import ConstraintViolation, ZkrollError
from zkroll.rollup.testing.levels import other_statements
from zkroll.rollup.testing.provers import Expected, Proven, Prover
from zkroll.rollup.testing.verifiers import ProofVerifier, Verifier
from zkroll.verifier.groth16 import PROOF_BYTES, Proof


def assert_proves(
    prover: Prover,
    inputs: Any,
    outputs: Mapping[str, Expected] | None = None,
    *,
    public: Sequence[int] | None = None,
    l1: ProofVerifier | None = None,
) -> Proven:
    """Prove for these inputs and see the proof accepted, here and by the contract `l1`; gives the proof.

    outputs: values that public signals must have, by name. public: all public values, in their order. The proof
    must not be accepted for other public values, nor another one in its place.
    """
    __tracebackhide__ = True
    what = f"assert_proves({prover.name})"
    verifiers = _verifiers(what, prover, l1)
    try:
        witness = _witness(prover, inputs)
        prover.check(witness)
        compared = prover.values(witness, outputs or {})
        proven = prover.prove_anyway(witness)
    except ZkrollError as error:
        raise AssertionError(f"{what}: expected a proof, got {type(error).__name__}: {error}") from error
    for name, (expected, got) in compared.items():
        if expected != got:
            raise _failure(what, f"output {name}: expected {expected}, got {got}")
    if public is not None and tuple(public) != proven.public:
        raise _failure(what, f"public values: expected {list(public)}, got {list(proven.public)}")
    for verifier in verifiers:
        if not _ask(what, verifier, proven.proof, proven.public):
            raise _failure(what, f"{verifier.name}: expected the proof to be accepted, got refusal")
        for i, other in enumerate(other_statements(proven.public)):
            if _ask(what, verifier, proven.proof, other):
                raise _failure(
                    what,
                    f"{verifier.name}: public value {i}: expected {other[i]} to be refused, got acceptance",
                )
        swapped = Proof(proven.proof.c, proven.proof.b, proven.proof.a)
        if _ask(what, verifier, swapped, proven.public):
            raise _failure(what, f"{verifier.name}: expected a proof with A and C swapped to be refused")
    return proven


def assert_rejects(
    subject: Prover | ProofVerifier,
    case: Any,
    *,
    tamper: Mapping[str, int] | None = None,
    public: Sequence[int] | Mapping[int, int] | None = None,
    proof: Proof | bytes | None = None,
    l1: ProofVerifier | None = None,
    match: str | None = None,
) -> str:
    """See that something is refused, here and by the contract `l1`; gives the reason. Two kinds of claims:

    - `assert_rejects(prover, inputs)`: the witness of these inputs breaks a constraint, and a proof made of it all
      the same is refused. With `tamper` the inputs are good and the wires named have other values. A witness may
      stand for the inputs. match: a pattern that the reason has, such as a constraint's name. Where circom's
      calculator itself refuses the inputs there is no witness, and that is all that is shown: an assert() of
      circom makes no constraint, and a dishonest prover leaves it out. `tamper` shows what such a one cannot do.
    - `assert_rejects(prover or verifier, proven, public=…)` or `proof=…`: a valid proof from `assert_proves` is
      refused with public values changed (all of them, or some by index), or with another proof in its place.
    """
    __tracebackhide__ = True
    if isinstance(case, Proven):
        return _rejects_changed(subject, case, tamper, public, proof, l1, match)
    if not isinstance(subject, Prover) or public is not None or proof is not None:
        raise TypeError("assert_rejects: expected a Proven whose public values or proof are changed")
    if tamper is not None and (not tamper or isinstance(case, FrVector)):
        raise TypeError("assert_rejects: tamper: expected wires of a witness that is computed from inputs")
    what = f"assert_rejects({subject.name})"
    verifiers = _verifiers(what, subject, l1)
    try:
        reason, witness = _broken(what, subject, case, tamper)
        if tamper:  # else a key of another circuit would refuse whatever is tampered
            honest = subject.prove_anyway(_witness(subject, case))
            for verifier in verifiers:
                if not _ask(what, verifier, honest.proof, honest.public):
                    raise _failure(
                        what,
                        f"{verifier.name}: tamper: expected a proof without it to be accepted, got refusal",
                    )
        if witness is not None:
            proven = subject.prove_anyway(witness)
            for verifier in verifiers:
                if _ask(what, verifier, proven.proof, proven.public):
                    raise _failure(
                        what,
                        f"{verifier.name}: expected refusal of a witness that breaks {reason}, got acceptance",
                    )
    except ZkrollError as error:
        raise AssertionError(f"{what}: expected a refusal, got {type(error).__name__}: {error}") from error
    if match is not None and not re.search(match, reason):
        raise _failure(what, f"expected a reason like {match!r}, got: {reason}")
    return reason


def _broken(
    what: str, prover: Prover, inputs: Any, tamper: Mapping[str, int] | None
) -> tuple[str, FrVector | None]:
    """Why there is no proof, and the witness that breaks the circuit where there is one."""
    __tracebackhide__ = True
    try:
        witness = _witness(prover, inputs)
    except ConstraintViolation as error:
        if tamper:
            raise _failure(what, f"tamper: expected a witness to change, got none: {error}") from error
        return str(error), None
    if tamper:
        try:
            prover.check(witness)
        except ConstraintViolation as error:
            raise _failure(
                what, f"tamper: expected inputs that satisfy the circuit, got others: {error}"
            ) from error
        changed = prover.witness(inputs, tamper)
        if changed.to_ints() == witness.to_ints():
            raise _failure(
                what,
                f"tamper: expected other values of {', '.join(tamper)}, got those that the circuit computes",
            )
        witness = changed
    try:
        prover.check(witness)
    except ConstraintViolation as error:
        return str(error), witness
    raise _failure(
        what,
        f"expected a broken constraint, got a witness that satisfies all; public {prover.public(witness)}",
    )


def _rejects_changed(
    subject: Prover | ProofVerifier,
    proven: Proven,
    tamper: Mapping[str, int] | None,
    public: Sequence[int] | Mapping[int, int] | None,
    proof: Proof | bytes | None,
    l1: ProofVerifier | None,
    match: str | None,
) -> str:
    __tracebackhide__ = True
    if tamper is not None or match is not None or (public is None and proof is None):
        raise TypeError(
            "assert_rejects: expected public= or proof= for a valid proof, and neither tamper nor match"
        )
    what = f"assert_rejects({subject.name})"
    verifiers = _verifiers(what, subject, l1)
    values = list(proven.public)
    if isinstance(public, Mapping):
        for i, value in public.items():
            if not 0 <= i < len(values):
                raise _failure(what, f"public: expected an index below {len(values)}, got {i}")
            values[i] = value
    elif public is not None:
        values = list(public)
    other = proven.proof if proof is None else proof
    data = other.to_bytes() if isinstance(other, Proof) else bytes(other)
    if len(values) != len(proven.public):
        raise _failure(
            what, f"public: expected {len(proven.public)} values, got {len(values)}: no verifier can be asked"
        )
    if len(data) != PROOF_BYTES:
        raise _failure(
            what, f"proof: expected {PROOF_BYTES} bytes, got {len(data)}: no verifier can be asked"
        )
    if values == list(proven.public) and data == proven.proof.to_bytes():
        raise _failure(what, "expected another proof or other public values, got those of the valid proof")
    for verifier in verifiers:
        if not _ask(what, verifier, proven.proof, proven.public):
            raise _failure(
                what, f"{verifier.name}: expected a valid proof to change, got one that is refused as it is"
            )
        if _ask(what, verifier, data, values):
            raise _failure(
                what, f"{verifier.name}: expected refusal, got acceptance of public values {values}"
            )
    return f"refused by {' and '.join(verifier.name for verifier in verifiers)}"


def _witness(prover: Prover, inputs: Any) -> FrVector:
    return inputs if isinstance(inputs, FrVector) else prover.witness(inputs)


def _verifiers(what: str, subject: Prover | ProofVerifier, l1: ProofVerifier | None) -> list[ProofVerifier]:
    __tracebackhide__ = True
    first: ProofVerifier = Verifier(subject.verifying_key) if isinstance(subject, Prover) else subject
    if l1 is None:
        return [first]
    if l1.key != first.key:
        raise _failure(what, f"{l1.name}: expected a verifier of the same key, got one of another")
    return [first, l1]


def _ask(what: str, verifier: ProofVerifier, proof: Proof | bytes, public: Sequence[int]) -> bool:
    __tracebackhide__ = True
    try:
        return verifier.accepts(proof, public)
    except ZkrollError as error:
        raise AssertionError(
            f"{what}: {verifier.name}: expected yes or no, got {type(error).__name__}: {error}"
        ) from error


def _failure(what: str, message: str) -> AssertionError:
    return AssertionError(f"{what}: {message}")
