"""The exported Solidity verifier on an in-process EVM: what it accepts, what it refuses, and what that costs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from eth.exceptions import OutOfGas
from eth.vm.forks.prague.computation import PragueComputation
from eth_abi import encode
from eth_utils import keccak
from support.evm import Evm, intrinsic_gas, place
from support.npm import needs_packages, snarkjs
from support.solc import compile_contracts, needs_solc
from support.solidity_cases import Simulated, cases, malformed, simulated, snarkjs_verifier

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.algebra.reference import curve
from zkroll.circuits.r1cs.formats.groth16_json import read_proof, read_public, read_verification_key
from zkroll.circuits.r1cs.formats.zkey import read_zkey
from zkroll.errors import InputError
from zkroll.rollup.l1.yul import compile_contract
from zkroll.verifier.groth16 import Proof, VerifyingKey, verify_reference
from zkroll.verifier.groth16.calldata import remix_arguments, verify_calldata, verify_selector
from zkroll.verifier.groth16.solidity import GAS_GUARD, PAIRING_GAS, solidity_verifier

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
BUILDS = ("optimised", "plain")  # solc with and without its optimiser
#: for tests that take a second with each
both_builds = pytest.mark.parametrize("build", [BUILDS[0], pytest.param(BUILDS[1], marks=pytest.mark.slow)])

PAIRING, ADD, MULTIPLY = 8, 6, 7

#: what the block of assembly may consist of: other programs than solc compile it
OPCODES = [
    "add",
    "sub",
    "mod",
    "lt",
    "eq",
    "and",
    "iszero",
    "mload",
    "mstore",
    "calldataload",
    "calldatasize",
]
OPCODES += ["calldatacopy", "returndatasize", "gas", "staticcall", "revert", "return"]
NAMES = ["_pA", "_pB", "_pC", "_pubSignals", "q", "r", "m", "l", "ok"]


@cache
def cells() -> Simulated:
    """The key, public inputs and proof that snarkjs made (3 inputs)."""
    folder = FIXTURES / "snarkjs"
    key = VerifyingKey.from_parts(read_verification_key(folder / "cells.verification_key.json"))
    proof = Proof.from_parts(read_proof(folder / "cells.proof.json"))
    return Simulated(key, read_public(folder / "cells.public.json"), proof)


@cache
def artifact():
    return json.loads((FIXTURES / "solidity/cells_verifier.json").read_text())


@cache
def contract(build="optimised"):
    """An EVM with the committed contract, and its address."""
    evm = Evm()
    return evm, evm.deploy(bytes.fromhex(artifact()[build]["init"]))


@cache  # py-evm takes half a second for a valid proof
def ask(data, build="optimised", **options):
    evm, address = contract(build)
    return evm.call(address, data, **options)


def valid_data():
    return verify_calldata(cells().proof, cells().public)


def floor(data, n):
    """Gas that no verifier of n inputs goes below."""
    return PAIRING_GAS + 6_150 * n + intrinsic_gas(data)


# the text


def test_the_committed_contract_is_the_exported_text():
    assert solidity_verifier(cells().key) == (FIXTURES / "solidity/cells_verifier.sol").read_text()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_the_block_of_assembly_keeps_to_its_part_of_yul(n):
    text = solidity_verifier(simulated(n).key)
    assert text.count("assembly") == 1
    block = text[text.index('assembly ("memory-safe") {') :].split("{", 1)[1]
    block = re.sub("//.*", "", block)
    words = set(re.findall(r"[A-Za-z_$][\w$]*", re.sub(r"\b0x[0-9a-f]+", "", block)))
    assert words <= {*OPCODES, *NAMES, "let", "if"}
    assert set(re.findall(r"[^\w\s]", block)) == set("(){},:=")
    # statements in braces stand right below the block, and none of them declares a variable
    assert all("let" not in body and "{" not in body for body in re.findall(r"if[^{]*{([^}]*)}", block))


def test_the_contract_has_the_name_it_is_given():
    assert "contract Swap$1_ {" in solidity_verifier(cells().key, "Swap$1_")


@pytest.mark.parametrize("name", ["", "1A", "A B", "A{}", "A\n", "Ä", "A/**/", "a" * 101, None, 7])
def test_a_name_that_is_no_identifier_is_refused(name):
    with pytest.raises(InputError, match="expected a contract's name"):
        solidity_verifier(cells().key, name)


@pytest.mark.parametrize("name", ["contract", "address", "uint8", "this", "_", "static", "verifyProof"])
def test_a_name_that_solc_would_refuse_is_refused(name):
    with pytest.raises(InputError, match=f"a contract's name that Solidity has left, got '{name}'"):
        solidity_verifier(cells().key, name)


def test_keys_that_must_not_be_deployed_are_refused():
    with pytest.raises(InputError, match=r"nobody contributed|expected a contribution"):
        VerifyingKey.from_parts(read_zkey(FIXTURES / "snarkjs/cells_uncontributed.zkey").verification_key)
    key = cells().key
    with pytest.raises(InputError, match="phase 2 was skipped"):
        solidity_verifier(replace(key, gamma_2=key.delta_2))
    with pytest.raises(InputError, match="ic 1: expected a point other than infinity"):
        solidity_verifier(replace(key, ic=(key.ic[0], None, *key.ic[2:])))
    with pytest.raises(InputError, match="expected a VerifyingKey, got VerificationKey"):
        solidity_verifier(key.parts)


# calldata


@pytest.mark.parametrize("n", [0, 1, 3])
def test_calldata_is_what_the_abi_says(n):
    _, public, proof = simulated(n)
    (x0, x1), (y0, y1) = proof.b
    types = ["uint256[2]", "uint256[2][2]", "uint256[2]", *([f"uint256[{n}]"] if n else [])]
    values = [proof.a, [[x1, x0], [y1, y0]], proof.c, *([public] if n else [])]
    selector = keccak(text=f"verifyProof({','.join(types)})")[:4]
    assert verify_calldata(proof, public) == selector + encode(types, values)
    assert verify_selector(n) == selector


def test_arguments_for_consoles_are_those_of_snarkjs():
    expected = (FIXTURES / "solidity/cells_calldata.txt").read_text().strip()
    assert remix_arguments(cells().proof, cells().public) == expected


@pytest.mark.parametrize("bad", [R, -1, 2**256, True, 1.0, "1"])
def test_public_inputs_that_are_not_below_r_have_no_calldata(bad):
    for write in (verify_calldata, remix_arguments):
        with pytest.raises(InputError, match=r"input 1: expected an integer in 0\.\.r-1"):
            write(cells().proof, [1, bad])


# verdicts


@both_builds
def test_a_proof_of_snarkjs_is_accepted_and_one_of_another_statement_is_not(build):
    _, public, proof = cells()
    assert ask(valid_data(), build).verdict is True
    assert ask(verify_calldata(proof, [public[0], public[1], public[2] + 1]), build).verdict is False


@pytest.mark.parametrize("build", BUILDS)
def test_numbers_that_are_not_below_their_modulus_are_refused_before_any_work(build):
    found = [case for case in cases(cells()) if case.decided == "contract"]
    assert len(found) > 50
    for case in found:
        call = ask(case.data, build)
        assert call.verdict is False, case.name
        assert call.gas < intrinsic_gas(case.data) + 2_000, case.name


def test_what_is_no_point_of_its_group_is_refused():
    found = [case for case in cases(cells()) if case.decided == "precompile"]
    # py-evm looks at C after a pairing of some 0.3 s: a few of those will do, anvil takes them all
    chosen = [case for i, case in enumerate(found) if not case.name.startswith("c.") or i % 5 == 0]
    assert len(chosen) > 40
    for case in chosen:
        assert ask(case.data).verdict is False, case.name


@pytest.mark.parametrize("name", ["a, b and c at infinity", "a negated", "another proof: -A, -B"])  # fmt: skip
def test_proofs_at_the_edges_of_the_groups_get_their_verdict(name):
    (case,) = (case for case in cases(cells()) if case.name == name)
    assert ask(case.data).verdict is case.verdict


@pytest.mark.parametrize("build", BUILDS)
def test_calldata_of_another_length_or_selector_reverts(build):
    for case in malformed(cells()):
        found = ask(case.data, build)
        assert (found.error, found.output) == ("Revert", b""), case.name


@pytest.mark.parametrize("build", BUILDS)
def test_ether_is_not_taken(build):
    assert ask(valid_data(), build, value=1).error == "Revert"


# gas


@pytest.mark.parametrize("build", BUILDS)
def test_a_verification_costs_at_most_a_tenth_more_than_its_parts(build):
    data = valid_data()
    gas = ask(data, build).gas
    assert floor(data, 3) < gas <= 1.1 * floor(data, 3)


@both_builds
def test_too_little_gas_is_no_verdict(build):
    data = valid_data()
    enough = ask(data, build).gas + GAS_GUARD - PAIRING_GAS + 100
    assert ask(data, build, gas=enough).verdict is True
    limits = [
        *range(intrinsic_gas(data) + 1, enough - 5000, 9_001),
        *range(enough - 4000, enough - 1000, 250),
    ]
    for gas in limits:
        assert ask(data, build, gas=gas).verdict is None, gas


def test_an_invalid_proof_is_refused_with_the_gas_that_a_valid_one_needs():
    data = valid_data()
    enough = ask(data).gas + GAS_GUARD - PAIRING_GAS + 100
    outside = next(case for case in cases(cells()) if case.name == "b outside G2")
    off_curve = next(case for case in cases(cells()) if case.name == "a is (1, 3)")
    for case in (outside, off_curve):
        assert ask(case.data, gas=enough).verdict is False
        for gas in range(enough - 8_000, enough - 1000, 1_500):
            assert ask(case.data, gas=gas).verdict is None, (case.name, gas)


def test_a_number_not_below_r_is_refused_with_any_gas_that_gives_a_verdict():
    case = next(case for case in cases(cells()) if case.name == "input 2 is r + x")
    verdicts = [ask(case.data, gas=intrinsic_gas(case.data) + gas).verdict for gas in range(0, 4_000, 20)]
    assert set(verdicts) == {None, False}
    assert verdicts == sorted(verdicts, key=lambda verdict: verdict is False)


# chains whose precompiled contracts are missing or give something else


def answer(output):
    """A precompiled contract that takes little gas and gives this."""

    def precompile(computation):
        computation.consume_gas(100, reason="test")
        computation.output = output
        return computation

    return precompile


ONE = (1).to_bytes(32, "big")


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize(
    ("precompiles", "expected"),
    [
        ({PAIRING: None}, None),
        ({ADD: None}, None),
        ({MULTIPLY: None}, None),
        ({PAIRING: answer(b"")}, None),
        ({PAIRING: answer(ONE[:31])}, None),
        ({PAIRING: answer(ONE + b"\0")}, None),
        ({ADD: answer(bytes(63))}, None),
        ({MULTIPLY: answer(bytes(96))}, None),
        ({PAIRING: answer(bytes(32))}, False),
        ({PAIRING: answer(bytes(31) + b"\2")}, False),
        ({PAIRING: answer(bytes(31) + b"\3")}, False),
        ({PAIRING: answer(b"\xff" * 32)}, False),
        ({PAIRING: answer(ONE)}, True),
    ],
)
def test_only_the_pairing_contracts_own_one_is_acceptance(precompiles, expected, build):
    evm = Evm(precompiles)
    address = evm.put(b"\x22" * 20, bytes.fromhex(artifact()[build]["runtime"]))
    assert evm.call(address, valid_data()).verdict is expected


def failing(computation):
    raise OutOfGas("test")


@pytest.mark.parametrize("fault", [answer(bytes(32)), answer(bytes(65)), failing])
@pytest.mark.parametrize("number", [ADD, MULTIPLY])
@pytest.mark.parametrize("call", [0, 1, 2])
def test_each_call_of_a_precompiled_contract_is_checked(number, call, fault):
    calls = count()

    def faulty(computation):
        found = fault if next(calls) == call else PragueComputation._precompiles[place(number)]
        return found(computation)

    evm = Evm({number: faulty, PAIRING: answer(ONE)})
    address = evm.put(b"\x22" * 20, bytes.fromhex(artifact()["optimised"]["runtime"]))
    assert evm.call(address, valid_data()).verdict is None
    assert next(calls) == 3


def test_verdicts_do_not_depend_on_what_memory_held_before():
    dirt = "".join(f"mstore({at}, {2**256 - 1})\n" for at in (0, 32, *range(0x80, 0x480, 32)))
    text = solidity_verifier(cells().key).replace("let q :=", f"{dirt}let q :=")
    evm = Evm()
    address = evm.deploy(compile_contract(text).creation)
    chosen = {case.name: case for case in cases(cells())}
    for name in (
        "valid",
        "input 2 is x + 1",
        "input 2 is r + x",
        "a.y + q",
        "a is (1, 3)",
    ):
        assert evm.call(address, chosen[name].data).verdict is chosen[name].verdict, name


def test_the_pairing_gets_the_four_pairs_of_the_equation_and_nothing_else():
    seen = []

    def record(computation):
        seen.append(bytes(computation.msg.data))
        return answer(ONE)(computation)

    evm = Evm({PAIRING: record})
    address = evm.put(b"\x22" * 20, bytes.fromhex(artifact()["optimised"]["runtime"]))
    assert evm.call(address, valid_data()).verdict is True
    key, public, proof = cells()
    L = key.ic[0]
    for x, point in zip(public, key.ic[1:], strict=True):
        L = curve.add(L, curve.multiply(point, x))
    pairs = [
        (curve.negate(proof.a), proof.b),
        (proof.c, key.delta_2),
        (key.alpha_1, key.beta_2),
        (L, key.gamma_2),
    ]
    assert seen == [b"".join(Proof(p, q, None).to_bytes()[:192] for p, q in pairs)]


# against the compiler, and snarkjs's contract


@pytest.mark.oracle
@needs_solc
def test_the_committed_code_is_what_the_compiler_makes():
    for build in BUILDS:
        made = compile_contracts(
            {"Groth16Verifier": solidity_verifier(cells().key)}, optimise=build == "optimised"
        )
        made = made["Groth16Verifier"]
        assert made.abi == artifact()["abi"]
        assert [made.init.hex(), made.runtime.hex()] == [
            artifact()[build][part] for part in ("init", "runtime")
        ]
        assert made.messages == []


@pytest.mark.oracle
@needs_solc
@needs_packages
def test_interface_and_verdicts_are_those_of_the_contract_that_snarkjs_exports(tmp_path):
    exported = tmp_path / "theirs.sol"
    done = snarkjs("zkey", "export", "solidityverifier", FIXTURES / "snarkjs/cells.zkey", exported)
    assert done.returncode == 0, done.stdout
    theirs = compile_contracts({"Theirs": exported.read_text()})["Theirs"]
    assert theirs.abi == artifact()["abi"]
    evm, ours = contract()
    address = evm.deploy(theirs.init)
    chosen = [
        case for case in cases(cells()) if case.name.startswith(("valid", "another", "a ", "b ", "input 1"))
    ]
    assert len(chosen) > 20
    for case in chosen:
        assert evm.call(address, case.data).verdict is case.verdict, case.name
        assert evm.call(ours, case.data).verdict is case.verdict, case.name


@pytest.mark.oracle
@needs_solc
@needs_packages
def test_gas_stays_near_its_floor_for_every_number_of_inputs(capsys):
    numbers = (0, 1, 2, 8, 32)
    made = {n: simulated(n) for n in numbers}
    sources = {f"Ours{n}": solidity_verifier(made[n].key, f"Ours{n}") for n in numbers}
    # Solidity has no array without entries: snarkjs's contract does not compile without public inputs
    theirs = {f"Theirs{n}": snarkjs_verifier(made[n].key) for n in numbers if n}
    builds = {
        "optimised": compile_contracts({**sources, **theirs}),
        "plain": compile_contracts(sources, optimise=False),
        "through IR": compile_contracts(sources, via_ir=True),
    }
    evm = Evm()
    rows = []
    for n, (_, public, proof) in made.items():
        data = verify_calldata(proof, public)
        found = {}
        for build, contracts in builds.items():
            for name in contracts:
                if name in (f"Ours{n}", f"Theirs{n}"):
                    call = evm.call(evm.deploy(contracts[name].init), data)
                    assert call.verdict is True, (name, build)
                    found[name.rstrip("0123456789"), build] = call.gas
        limit = floor(data, n)
        for (whose, build), gas in found.items():
            assert whose == "Theirs" or limit < gas <= 1.1 * limit, (n, build)
        rows.append((n, limit, found))
    with capsys.disabled():
        columns = [("Ours", build) for build in builds] + [("Theirs", "optimised")]
        print(
            "\ninputs   floor",
            *(f"{'snarkjs' if whose == 'Theirs' else build:>18}" for whose, build in columns),
        )
        for n, limit, found in rows:
            cells_ = (
                f"{found[c]:>9} ({found[c] / limit - 1:6.2%})" if c in found else " " * 18 for c in columns
            )
            print(f"{n:>6} {limit:>7}", *cells_)


def test_simulated_proofs_are_valid():
    key, public, proof = simulated(1)
    assert verify_reference(key, public, proof)
