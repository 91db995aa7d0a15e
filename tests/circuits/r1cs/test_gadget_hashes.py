"""SHA-256, Keccak-256 and MiMC in circuits, against plain hashes and circomlibjs."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from functools import cache

import pytest
from support.r1cs import check_constraints, survivors

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.keccak import keccak256
from zkroll.algebra.reference.keccak import keccak_f1600 as plain_keccak_f
from zkroll.algebra.reference.sha256 import INITIAL
from zkroll.algebra.reference.sha256 import compress as plain_compress
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.check import Case
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.determined import check_determined
from zkroll.circuits.r1cs.gadgets.bits import Bit, boolean, weighted
from zkroll.circuits.r1cs.gadgets.keccak import keccak256_bytes, keccak_f1600
from zkroll.circuits.r1cs.gadgets.mimc import mimc7, mimc7_hash, mimc_feistel, mimc_sponge
from zkroll.circuits.r1cs.gadgets.sha256 import compress, sha256, sha256_bytes
from zkroll.errors import InputError

Hash = Callable[[Builder, Sequence[Sequence[Bit]]], list[list[Bit]]]


@cache
def hashing(function: Hash, n: int) -> Circuit:
    """A circuit that hashes n bytes."""

    def define(c: Builder) -> None:
        bits = [boolean(c, b) for b in c.private_inputs("b", 8 * n)]
        digest = function(c, [bits[i : i + 8] for i in range(0, 8 * n, 8)])
        for i, byte in enumerate(digest):
            c.assert_equal(weighted(c, byte), c.public_input(f"d{i}"), f"digest {i}")

    return compile_circuit(define)


def given(data: bytes, digest: bytes) -> dict[str, int | list[int]]:
    bits = [byte >> i & 1 for byte in data for i in range(8)]
    return {"b": bits} | {f"d{i}": byte for i, byte in enumerate(digest)}


def words(bits: Sequence[Bit], width: int) -> list[list[Bit]]:
    return [list(bits[i : i + width]) for i in range(0, len(bits), width)]


@pytest.mark.parametrize("n", [3, 32, 55, 56])
def test_sha256_of_bytes(n: int) -> None:
    data = random.Random(n).randbytes(n)
    circuit = hashing(sha256_bytes, n)
    digest = hashlib.sha256(data).digest()
    circuit.check(circuit.witness(given(data, digest)))
    for i in range(0, 32, 5):
        wrong = bytes([*digest[:i], digest[i] ^ 0x80, *digest[i + 1 :]])
        violation = circuit.first_violation(circuit.witness(given(data, wrong)))
        assert violation is not None
        assert circuit.constraint_name(violation.constraint) == f"digest {i}"


def test_sha256_costs_less_than_circomlibs() -> None:
    assert hashing(sha256_bytes, 32).r1cs.n_constraints == 256 + 32 + 17064  # circomlib: 29380


def test_no_wire_of_a_sha256_is_free() -> None:
    circuit = hashing(sha256_bytes, 32)
    inputs = given(bytes(range(32)), hashlib.sha256(bytes(range(32))).digest())
    assert not survivors(circuit, circuit.witness(inputs), [1])


def test_sha256_compression_of_any_state() -> None:
    def define(c: Builder) -> None:
        state, block = (
            words([Bit(b) for b in c.private_inputs(name, n)], 32) for name, n in (("s", 256), ("m", 512))
        )
        c.outputs("out", [weighted(c, word) for word in compress(c, state, block)])

    circuit = compile_circuit(define)
    assert circuit.r1cs.n_constraints == 17576 + 8
    rng = random.Random(1)
    for s, m in (
        ([rng.getrandbits(32) for _ in range(8)], [rng.getrandbits(32) for _ in range(16)]),
        ([0xFFFFFFFF] * 8, [0xFFFFFFFF] * 16),
        ([0] * 8, [0] * 16),
    ):
        inputs = {
            "s": [word >> i & 1 for word in s for i in range(32)],
            "m": [word >> i & 1 for word in m for i in range(32)],
        }
        witness = circuit.witness(inputs)
        circuit.check(witness)
        block = b"".join(word.to_bytes(4, "big") for word in m)
        assert circuit.outputs(witness) == {"out": plain_compress(s, block)}
    check_determined(circuit, inputs)


def test_sha256_of_bits_that_are_no_bytes() -> None:
    # 5 bits 01101, padded by hand: one block
    bits = [0, 1, 1, 0, 1]
    block = bytes([0b01101100]) + bytes(62) + bytes([5])
    expected = plain_compress(INITIAL, block)
    circuit = compile_circuit(
        lambda c: c.outputs("d", sha256(c, [boolean(c, b) for b in c.private_inputs("b", 5)]))
    )
    digest = circuit.outputs(circuit.witness({"b": bits}))["d"]
    assert digest == [word >> (31 - i) & 1 for word in expected for i in range(32)]


def test_constants_are_hashed_without_constraints() -> None:
    c = Builder()
    data = [[Bit(c.constant(byte >> i & 1)) for i in range(8)] for byte in b"abc"]
    for function, expected in (
        (sha256_bytes, hashlib.sha256(b"abc").digest()),
        (keccak256_bytes, keccak256(b"abc")),
    ):
        assert bytes(weighted(c, byte).constant or 0 for byte in function(c, data)) == expected
    assert not c.constraints


def test_keccak256_of_a_block() -> None:
    data = random.Random(2).randbytes(64)
    circuit = hashing(keccak256_bytes, 64)
    digest = keccak256(data)
    circuit.check(circuit.witness(given(data, digest)))
    assert circuit.r1cs.n_constraints == 512 + 32 + 91712
    assert circuit.first_violation(circuit.witness(given(data, hashlib.sha3_256(data).digest()))) is not None
    forged = circuit.witness(given(data, digest))
    values = forged.to_ints()
    for name in ("keccak/block 0/round 9/theta", "keccak/block 0/round 23/chi"):
        wire = next(w for w in range(1, circuit.r1cs.n_wires) if circuit.wire_name(w) == name)
        changed = [*values[:wire], 1 - values[wire], *values[wire + 1 :]]
        violation = circuit.first_violation(type(forged).from_ints(changed))
        assert violation is not None
        assert circuit.constraint_name(violation.constraint).startswith(name[:20])


@pytest.mark.slow
def test_keccak256_of_two_blocks() -> None:
    data = random.Random(4).randbytes(136)
    c = Builder()
    known = [[Bit(c.constant(byte >> i & 1)) for i in range(8)] for byte in data]
    assert bytes(weighted(c, byte).constant or 0 for byte in keccak256_bytes(c, known)) == keccak256(data)


@pytest.mark.slow
def test_keccak_f_of_any_state_takes_one_constraint_a_bit_and_step() -> None:
    def define(c: Builder) -> None:
        state = words([Bit(b) for b in c.private_inputs("s", 1600)], 64)
        c.outputs("out", [weighted(c, lane) for lane in keccak_f1600(c, state)])

    circuit = compile_circuit(define)
    assert circuit.r1cs.n_constraints == 92160 + 25
    state = [random.Random(3).getrandbits(64) for _ in range(25)]
    witness = circuit.witness({"s": [lane >> i & 1 for lane in state for i in range(64)]})
    circuit.check(witness)
    assert circuit.outputs(witness) == {"out": plain_keccak_f(state)}


def test_bytes_of_another_width_are_refused() -> None:
    c = Builder()
    bits = [Bit(b) for b in c.private_inputs("b", 7)]
    for function in (sha256_bytes, keccak256_bytes):
        with pytest.raises(InputError, match="eight bits"):
            function(c, [bits])
    with pytest.raises(InputError, match="expected a Bit"):
        sha256(c, [c.private_input("x")])  # type: ignore[list-item]
    with pytest.raises(InputError, match="25 lanes"):
        keccak_f1600(c, [bits])
    with pytest.raises(InputError, match="16"):
        compress(c, [], [])


LAST = R_MODULUS - 1
# circomlibjs 0.1.7: mimc7.hash, mimc7.multiHash, mimcSponge.hash, mimcSponge.multiHash
MIMC7 = {(1, 2): 10594780656576967754230020536574539122676596303354946869887184401991294982664}
MIMC7_HASHES = {
    (1, 2, 3, 5): 13163980811655967845247683674972190540134157654624781608938699276260979162722,
    (LAST, 0, 0): 15364710781391658238955122091202298956752344257118739214500058984874298273027,
}
FEISTEL = (
    18444058245820418255538785847032978363886102372504864086197416499869253008979,
    2646733164649743153031645792459389637917704265581895142760676293265176296759,
)
SPONGES = {
    (1, 2, 3, 5): [
        442924910733877883107031311155334866855314694058670518513948137785899592748,
        6983535569617310954233562595080493314232098770594353730879080578560535859150,
    ],
    (LAST, 0, 0): [17213282743062460911904084529572654307771787952849391743036971884278820933960],
}


def test_mimc7_equals_circomlibjs() -> None:
    circuit = check_constraints(
        lambda c: c.output("y", mimc7(c, c.private_input("x"), c.private_input("k"))),
        valid=[Case({"x": x, "k": k}, {"y": y}) for (x, k), y in MIMC7.items()],
        invalid=[Case({"x": 1, "k": 2}, tamper={"y": 0})],
    )
    assert circuit.r1cs.n_constraints == 4 * 91 + 1
    assert not survivors(circuit, circuit.witness({"x": 1, "k": 2}))
    for (*values, key), expected in MIMC7_HASHES.items():
        c = Builder()
        assert mimc7_hash(c, values, key).constant == expected


def test_mimc_sponge_equals_circomlibjs() -> None:
    circuit = check_constraints(
        lambda c: c.outputs("y", mimc_feistel(c, *c.private_inputs("x", 2), c.private_input("k"))),
        valid=[Case({"x": [1, 2], "k": 3}, {"y": list(FEISTEL)})],
        invalid=[Case({"x": [1, 2], "k": 3}, tamper={"y[0]": 0})],
    )
    assert circuit.r1cs.n_constraints == 3 * 220
    assert not survivors(circuit, circuit.witness({"x": [1, 2], "k": 3}))
    for (*values, key), expected in SPONGES.items():
        c = Builder()
        assert [value.constant for value in mimc_sponge(c, values, key, len(expected))] == expected
    with pytest.raises(InputError, match="at least a value"):
        mimc_sponge(c, [])
