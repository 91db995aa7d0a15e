"""The exported Solidity verifier on anvil: every case, every gas limit, and beside the contract of snarkjs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.anvil import needs_anvil, running_anvil
from support.evm import intrinsic_gas
from support.npm import needs_packages
from support.solc import compile_contracts, needs_solc
from support.solidity_cases import Simulated, cases, malformed, simulated, snarkjs_verifier
from web3.exceptions import ContractLogicError

from zkroll.circuits.r1cs.formats.groth16_json import read_proof, read_public, read_verification_key
from zkroll.verifier.groth16 import Proof, VerifyingKey
from zkroll.verifier.groth16.calldata import verify_calldata
from zkroll.verifier.groth16.solidity import solidity_verifier

pytestmark = [pytest.mark.anvil, needs_anvil]

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
ARTIFACT = FIXTURES / "solidity/cells_verifier.json"
BUILDS = ("optimised", "plain")


@pytest.fixture(scope="module")
def anvil():
    with running_anvil() as node:
        yield node


@pytest.fixture(scope="module")
def cells():
    folder = FIXTURES / "snarkjs"
    key = VerifyingKey.from_parts(read_verification_key(folder / "cells.verification_key.json"))
    proof = Proof.from_parts(read_proof(folder / "cells.proof.json"))
    return Simulated(key, read_public(folder / "cells.public.json"), proof)


@pytest.fixture(scope="module", params=BUILDS)
def contract(request, anvil):
    return anvil.deploy(bytes.fromhex(json.loads(ARTIFACT.read_text())[request.param]["init"]))


def test_every_case_gets_its_verdict(anvil, contract, cells):
    for case in [*cases(cells), *malformed(cells)]:
        assert anvil.verdict(contract, case.data) is case.verdict, case.name


def test_web3_calls_the_contract_by_its_abi(anvil, contract, cells):
    _, public, proof = cells
    (x0, x1), (y0, y1) = proof.b
    verifier = anvil.w3.eth.contract(address=contract, abi=json.loads(ARTIFACT.read_text())["abi"])
    arguments = {"_pA": proof.a, "_pB": [[x1, x0], [y1, y0]], "_pC": proof.c}
    assert verifier.functions.verifyProof(**arguments, _pubSignals=public).call() is True
    assert verifier.functions.verifyProof(**arguments, _pubSignals=public[::-1]).call() is False
    with pytest.raises(ContractLogicError):
        anvil.w3.eth.call({"to": contract, "data": verify_calldata(proof, public)[:-1]})


def test_no_gas_limit_turns_a_valid_proof_into_a_false_one_or_the_other_way_round(anvil, contract, cells):
    found = {case.name: case for case in cases(cells)}
    valid = found["valid"]
    low, high = intrinsic_gas(valid.data) + 200, 300_000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if anvil.verdict(contract, valid.data, middle) else (middle, high)
    limits = [*range(22_000, high - 300, 1_499), *range(high - 300, high + 60, 3), 10**6, 10**7]
    names = ["valid", "b outside G2", "a is (1, 3)", "input 1 is x + 1", "a, b and c at infinity"]
    for name in names:
        case = found[name]
        # zero bytes of calldata cost less, so that the same limit leaves more gas
        shift = intrinsic_gas(case.data) - intrinsic_gas(valid.data)
        for gas in limits:
            expected = case.verdict if gas >= high else None
            assert anvil.verdict(contract, case.data, gas + shift) is expected, (name, gas, high)


def test_the_gas_that_the_node_estimates_is_enough_for_the_right_verdict(anvil, contract, cells):
    data = verify_calldata(cells.proof, cells.public)
    estimate = anvil.w3.eth.estimate_gas({"from": anvil.sender, "to": contract, "data": data})
    assert anvil.verdict(contract, data, estimate) is True
    wrong = verify_calldata(cells.proof, cells.public[::-1])
    estimate = anvil.w3.eth.estimate_gas({"from": anvil.sender, "to": contract, "data": wrong})
    assert anvil.verdict(contract, wrong, estimate) is False


@pytest.mark.oracle
@needs_solc
@needs_packages
@pytest.mark.parametrize("n", [1, 4])
def test_verdicts_are_those_of_the_contract_of_snarkjs(anvil, n):
    made = simulated(n, seed=n)
    built = compile_contracts(
        {"Ours": solidity_verifier(made.key, "Ours"), "Theirs": snarkjs_verifier(made.key)}
    )
    ours, theirs = (anvil.deploy(built[name].init) for name in ("Ours", "Theirs"))
    for case in cases(made):
        assert anvil.verdict(ours, case.data) is case.verdict, case.name
        assert anvil.verdict(theirs, case.data) is case.verdict, case.name
    for case in malformed(made):
        assert anvil.verdict(ours, case.data) is None, case.name
        # theirs takes calldata with more behind its end
        expected = True if case.name in ("a byte more", "a word more") else None
        assert anvil.verdict(theirs, case.data) is expected, case.name


@pytest.mark.oracle
@needs_solc
@pytest.mark.parametrize("n", [0, 32])
@pytest.mark.parametrize(
    "build", [{}, {"optimise": False}, {"via_ir": True}, {"evm_version": "istanbul"}], ids=str
)
def test_every_build_gives_every_verdict(anvil, n, build):
    made = simulated(n)
    contract = anvil.deploy(
        compile_contracts({"Ours": solidity_verifier(made.key, "Ours")}, **build)["Ours"].init
    )
    chosen = [case for i, case in enumerate(cases(made)) if n < 32 or case.verdict or i % 5 == 0]
    for case in [*chosen, *malformed(made)]:
        assert anvil.verdict(contract, case.data) is case.verdict, case.name


@pytest.mark.oracle
@needs_solc
def test_contracts_that_inherit_the_verifier_can_call_it_and_go_on(anvil, cells):
    text = solidity_verifier(cells.key)
    heir = """
contract Heir is Groth16Verifier {
    uint256 public count;
    function check(uint256[2] calldata a, uint256[2][2] calldata b, uint256[2] calldata c, uint256[3] calldata x)
        external returns (bool) { require(this.verifyProof(a, b, c, x)); count += 1; return count == 1; }
}
"""
    built = compile_contracts({"Heir": text + heir})["Heir"]
    contract = anvil.w3.eth.contract(address=anvil.deploy(built.init), abi=built.abi)
    _, public, proof = cells
    (x0, x1), (y0, y1) = proof.b
    arguments = [proof.a, [[x1, x0], [y1, y0]], proof.c]
    assert contract.functions.check(*arguments, public).call() is True
    with pytest.raises(ContractLogicError):
        contract.functions.check(*arguments, public[::-1]).call()
