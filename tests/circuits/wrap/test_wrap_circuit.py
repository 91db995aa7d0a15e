"""The wrap circuit on the toy machine: it accepts inner proofs, and nothing else for one public input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from support import wrapped
from support.wrapped import (
    PUBLICS,
    ROWS,
    broken,
    circuit,
    honest_inputs,
    inner_proof,
    program,
    target,
    values,
)

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.determined import check_determined, determinacy
from zkroll.circuits.wrap.circuit import chunk_items, wrap_circuit
from zkroll.circuits.wrap.digest import statement_bits, word_bits
from zkroll.circuits.wrap.inputs import wrap_inputs
from zkroll.errors import InputError, VerificationError
from zkroll.verifier.wrap import packed_statement, wrap_digest, wrap_preimage

NAMES = ("public values", "digests", "sums", "evaluations")


def changed(name: str, i: int, delta: int = 1) -> dict[str, int | Sequence[int]]:
    """The honest inputs with one private input changed."""
    inputs: dict[str, Any] = dict(honest_inputs().inputs)
    part = list(inputs[f"chunk 0/{name}"])
    part[i] = (part[i] + delta) % R_MODULUS
    return inputs | {f"chunk 0/{name}": part}


def test_the_witness_of_an_inner_proof_satisfies_the_circuit() -> None:
    assert broken(circuit(), program(), dict(honest_inputs().inputs)) is None


def test_the_program_computes_the_witness_of_the_circuit() -> None:
    inputs = honest_inputs().inputs
    assert (program().run(inputs) == circuit().witness(inputs).to_limbs()).all()


def test_another_public_digest_is_refused() -> None:
    inputs = dict(honest_inputs().inputs)
    digest = inputs["digest"]
    assert isinstance(digest, int)
    for other in ((digest + 1) % R_MODULUS, digest ^ 1 << 252, 0):
        assert broken(circuit(), program(), inputs | {"digest": other}) == "digest"


@pytest.mark.parametrize("name", NAMES)
def test_every_private_input_is_bound(name: str) -> None:
    own = honest_inputs().inputs[f"chunk 0/{name}"]
    assert not isinstance(own, int)
    for i in range(len(own)):
        assert broken(circuit(), program(), changed(name, i)) is not None, f"{name}[{i}]"


def test_another_valid_proof_of_the_statement_needs_another_digest() -> None:
    again = wrapped.prove(wrapped.inner_key(), wrapped.fill(wrapped.machine().chips, source=ROWS), values())
    goal = target()
    made = wrap_inputs(goal.shape, goal.inner.digest, PUBLICS, [(again, values())])
    assert broken(circuit(), program(), dict(made.inputs)) is None
    mixed = dict(made.inputs) | {"digest": honest_inputs().digest}
    assert broken(circuit(), program(), mixed) == "digest"


def test_a_value_has_no_second_bit_string() -> None:
    """The bits of x + r stand for the same wire: only the alias check refuses them."""
    honest = honest_inputs()
    chunk = honest.chunks[0]
    words = {"y": chunk.y, "rho": chunk.rho, **{f"s {i}": s for i, s in enumerate(chunk.scalars)}}
    name, value = next((n, v) for n, v in words.items() if v + R_MODULUS < 1 << 254)
    bits = {f"preimage 0/{name}[{i}]": (value + R_MODULUS) >> i & 1 for i in range(254)}
    preimage = wrap_preimage(target().inner.digest, [packed_statement(values(), PUBLICS.bits)], honest.chunks)
    aliased = preimage.replace(value.to_bytes(32, "big"), (value + R_MODULUS).to_bytes(32, "big"))
    assert aliased != preimage
    digest = int.from_bytes(wrapped.sha256(aliased).digest(), "big") >> 3
    witness = circuit().witness(dict(honest.inputs) | {"digest": digest}, bits)
    violation = circuit().first_violation(witness)
    assert violation is not None
    assert "alias" in circuit().constraint_name(violation.constraint)


def test_inputs_that_are_not_below_r_are_refused() -> None:
    inputs: dict[str, Any] = dict(honest_inputs().inputs)
    sums = list(inputs["chunk 0/sums"])
    with pytest.raises(InputError, match=r"sums\[0\]: expected an integer in \[0, r\)"):
        program().run(inputs | {"chunk 0/sums": [sums[0] + R_MODULUS, *sums[1:]]})


def test_what_the_circuit_hashes_is_determined_by_its_inputs() -> None:
    """The same wires, given out instead of hashed: no hint has a second answer that moves one of their bits."""

    def define(c: Builder) -> None:
        goal = target()
        items = chunk_items(c, goal.shape, goal.inner.digest, PUBLICS, 0)
        c.outputs("bits", [*statement_bits(c, items.statement), *word_bits(c, items.words[:6])])

    open_circuit = compile_circuit(define)
    inputs = {name: part for name, part in honest_inputs().inputs.items() if name != "digest"}
    check_determined(open_circuit, inputs)


@pytest.mark.slow
def test_no_wire_of_the_circuit_is_free() -> None:
    found = determinacy(circuit(), honest_inputs().inputs)
    assert (found.moved, found.suspected, found.free) == ((), (), ())


def test_the_digest_is_that_of_the_preimage_on_l1() -> None:
    honest = honest_inputs()
    statement = packed_statement(values(), PUBLICS.bits)
    assert statement == (
        values()[0].to_bytes(32, "big") + values()[1].to_bytes(8, "big") + values()[2].to_bytes(16, "big")
    )
    assert honest.digest == wrap_digest(target().inner.digest, [statement], honest.chunks)
    assert honest.digest < 1 << 253


@pytest.mark.parametrize(("i", "limit"), [(1, 1 << 64), (2, 1 << 128)])
def test_public_values_wider_than_their_bytes_are_refused(i: int, limit: int) -> None:
    wide = values()
    wide[i] = limit
    goal = target()
    with pytest.raises(VerificationError, match=f"public value {i}: expected a field element"):
        wrap_inputs(goal.shape, goal.inner.digest, PUBLICS, [(inner_proof(), wide)])
    assert broken(circuit(), program(), changed("public values", i, limit - values()[i])) is not None


def test_proofs_of_other_heights_are_refused() -> None:
    goal = target()
    with pytest.raises(InputError, match="expected an inner proof of the key's heights"):
        wrap_inputs(goal.shape, goal.inner.digest, PUBLICS, [(inner_proof(40), values(40))])


def test_a_false_inner_proof_is_refused_before_any_witness() -> None:
    goal = target()
    with pytest.raises(VerificationError, match="bus balance"):
        wrap_inputs(goal.shape, goal.inner.digest, PUBLICS, [(inner_proof(), values(ROWS + 1))])


def test_circuits_of_no_chunk_are_refused() -> None:
    goal = target()
    with pytest.raises(InputError, match="expected 1 to 64 chunks, got 0"):
        wrap_circuit(goal.shape, goal.inner.digest, PUBLICS, 0)


@pytest.mark.slow
def test_two_chunks_are_wrapped_in_one_circuit() -> None:
    made = honest_inputs(ROWS, 25)
    assert broken(circuit(2), program(2), dict(made.inputs)) is None
    swapped = {
        name.replace("chunk 0", "chunk _").replace("chunk 1", "chunk 0").replace("chunk _", "chunk 1"): part
        for name, part in made.inputs.items()
    }
    assert broken(circuit(2), program(2), swapped) == "digest"
