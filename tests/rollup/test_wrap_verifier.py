"""The contract that verifies wrap proofs, on an EVM in this process: what it accepts, refuses and costs."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from eth.exceptions import OutOfGas
from support import wrap_cases
from support.evm import Evm, intrinsic_gas, place
from support.groth16 import system
from support.groups import outside
from support.solc import compile_contracts, needs_solc
from support.wrap_cases import MULTIPLY, PAIRING, all_cases, cancelling, packed, valid, values

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.curve import GENERATOR_G2
from zkroll.algebra.field import fr
from zkroll.algebra.kzg import commit, development_srs
from zkroll.algebra.vector import FrVector
from zkroll.errors import InputError, VerificationError
from zkroll.prover.groth16 import prove_zk, setup_insecure
from zkroll.rollup.l1.inbox import Reverted
from zkroll.rollup.l1.machine import QuickVM
from zkroll.rollup.l1.node import Web3Node
from zkroll.rollup.l1.wrap_verifier import (
    DEVELOPMENT_CHAINS,
    WrapVerifier,
    constructor_arguments,
    creation_code,
    deployed_code,
    verify_calldata,
    verify_on_chain,
    wrap_verifier_artifact,
)
from zkroll.rollup.testing.chain import LocalChain
from zkroll.rollup.testing.simulated_wrap import SimulatedWrap
from zkroll.verifier.wrap import WrapChunk, WrapProof, WrapShape, verify_wrap, wrap_digest

SOURCE = Path(__file__).resolve().parents[2] / "rollup/l1/contracts/WrapVerifier.sol"

#: one chunk with twelve groups, and two chunks with as few as there can be and with more groups of the key
ONE = SimulatedWrap(preprocessed=1, main=5, helper=3, quotient=3)
TWO = SimulatedWrap(preprocessed=3, main=2, helper=1, quotient=1, chunks=2)
both = pytest.mark.parametrize("wrap", [ONE, TWO], ids=["one chunk", "two chunks"])


@cache
def chain():
    return LocalChain()


@cache
def deployed(key):
    return chain().deploy(creation_code(key))


def ask(wrap, proof, statements, key=None, **options):
    """The contract's reason to refuse, or None where it accepts."""
    answer = chain().call(deployed(key or wrap.key), verify_calldata(proof, [statements]), **options)
    if answer.failure is None:
        assert answer.output == b""
        return None
    return wrap_verifier_artifact().describe_error(answer.output) if answer.output else answer.failure


def check(case, wrap):
    assert ask(wrap, case.proof, case.statements) == case.reason, case.name


# verdicts


@both
def test_a_valid_proof_is_accepted_and_python_says_the_same(wrap):
    case = valid(wrap)
    check(case, wrap)
    verify_wrap(wrap.key, [values(k) for k in range(wrap.chunks)], case.proof)


@pytest.mark.parametrize("shape", [(0, 1, 1, 1, 1), (4, 2, 3, 1, 1), (2, 1, 1, 4, 3)], ids=str)
def test_every_number_of_groups_and_chunks_is_served(shape):
    wrap = SimulatedWrap(*shape)
    check(valid(wrap), wrap)
    for case in cancelling(wrap):
        check(case, wrap)


@both
def test_every_word_of_the_proof_with_a_flipped_bit_is_refused(wrap):
    cases = list(wrap_cases.flipped_words(wrap))
    assert len(cases) == 3 * len(valid(wrap).proof) // 32
    for case in cases:
        check(case, wrap)


@pytest.mark.parametrize("wrap", [ONE, pytest.param(TWO, marks=pytest.mark.slow)], ids=["one", "two"])
def test_every_byte_of_the_statements_with_a_flipped_bit_is_refused(wrap):
    cases = list(wrap_cases.flipped_statements(wrap))
    assert len(cases) == 236 * wrap.chunks
    for case in cases:
        check(case, wrap)


@pytest.mark.parametrize(
    "kind", ["lengths", "out_of_range", "infinities", "off_curve", "foreign", "cancelling"]
)
@both
def test_what_is_malformed_foreign_or_made_to_cancel_is_refused_with_its_reason(wrap, kind):
    cases = list(getattr(wrap_cases, kind)(wrap))
    assert cases
    for case in cases:
        check(case, wrap)


@both
def test_python_refuses_whatever_the_contract_refuses_for_its_numbers_and_points(wrap):
    statements = [values(k) for k in range(wrap.chunks)]
    for kind in ("out_of_range", "infinities", "off_curve", "cancelling"):
        for case in getattr(wrap_cases, kind)(wrap):
            with pytest.raises(VerificationError):
                verify_wrap(wrap.key, statements, case.proof)


def test_chunks_and_statements_hold_in_their_order_only():
    case, size = valid(TWO), TWO.key.shape.chunk_bytes
    head, first, second = case.proof[:0x100], case.proof[0x100 : 0x100 + size], case.proof[0x100 + size :]
    turned = case.statements[236:] + case.statements[:236]
    for proof, statements in (
        (case.proof, turned),
        (head + second + first, case.statements),
        (head + second + first, turned),
        (head + first + first, case.statements),
        (case.proof, case.statements[:236] * 2),
    ):
        assert ask(TWO, proof, statements) == "InvalidProof()"


def test_a_proof_is_refused_by_the_contract_of_another_key():
    case, key = valid(ONE), ONE.key
    stranger = SimulatedWrap(1, 5, 3, 3, seed="stranger").key
    for other in (
        replace(key, key_digest=key.key_digest ^ 1),
        replace(key, tau_g2=stranger.tau_g2),
        replace(key, preprocessed=stranger.preprocessed),
        replace(key, groth16=stranger.groth16),
        replace(key, groth16=replace(key.groth16, ic=stranger.groth16.ic)),
        replace(key, groth16=replace(key.groth16, delta_2=stranger.groth16.delta_2)),
        replace(key, groth16=replace(key.groth16, beta_2=stranger.groth16.beta_2)),
        replace(key, groth16=replace(key.groth16, alpha_1=stranger.groth16.alpha_1)),
        replace(key, shape=replace(key.shape, main=3, quotient=5)),
    ):
        assert ask(ONE, case.proof, case.statements, other) == "InvalidProof()"
    for other in (replace(key.shape, main=4), replace(key.shape, chunks=2)):
        reason = f"WrongProofLength(expected={other.proof_bytes}, got={len(case.proof)})"
        assert ask(ONE, case.proof, case.statements, replace(key, shape=other)) == reason


def test_openings_of_polynomials_and_a_groth16_proof_of_a_circuit_are_accepted():
    srs, size, shape = development_srs(16), 16, ONE.key.shape
    draw = iter(ONE._secret(f"polynomials {i}") for i in count())
    polynomials = [[next(draw) for _ in range(size)] for _ in range(shape.scalars + 1)]
    points = [commit(srs, fr.from_ints(f), size) for f in polynomials]
    y, scalars = next(draw), [next(draw) for _ in range(shape.scalars)]
    sums = [
        (sum(s * f[i] for s, f in zip(scalars, polynomials, strict=False)) - polynomials[-1][i]) % R_MODULUS
        for i in range(size)
    ]
    rho = sum(c * pow(y, i, R_MODULUS) for i, c in enumerate(sums)) % R_MODULUS
    quotient = [0] * size  # (sums - rho) / (X - y)
    for i in range(size - 1, 0, -1):
        quotient[i - 1] = (sums[i] + y * quotient[i]) % R_MODULUS
    final = commit(srs, fr.from_ints(quotient), size)
    chunk = WrapChunk(
        tuple(points[1:6]), tuple(points[6:9]), tuple(points[9:12]), points[12], final, y, rho, tuple(scalars)
    )
    digest = wrap_digest(ONE.key.key_digest, packed(1), [chunk])
    square = system([({1: 1}, {1: 1}, {2: 1})], 3, 0, 1)
    made = setup_insecure(square, b"wrap verifier")
    proof, _ = prove_zk(made, FrVector.from_ints([1, digest, digest * digest % R_MODULUS]))
    key = replace(ONE.key, preprocessed=tuple(points[:1]), tau_g2=srs.g2[1], groth16=made.vk)
    data = WrapProof(proof, (chunk,)).to_bytes()
    verify_wrap(key, [values(0)], data)
    assert ask(ONE, data, packed(1)[0], key) is None
    wrong = WrapProof(proof, (replace(chunk, rho=(rho + 1) % R_MODULUS),)).to_bytes()
    assert ask(ONE, wrong, packed(1)[0], key) == "InvalidProof()"


# calldata


def test_calldata_that_is_none_of_verify_reverts():
    case = valid(ONE)
    data = verify_calldata(case.proof, [case.statements])
    at = chain().call(deployed(ONE.key), data)
    assert at.failure is None
    head, words = data[:4], data[4:]
    for other in (
        b"", data[:3], head, data[:-32], words, b"\0" * 4 + words,
        head + (2**255).to_bytes(32, "big") + words[32:],  # a proof far away
        head + words[:32] + (2**64).to_bytes(32, "big") + words[64:],
        head + words[:64] + (2**256 - 1).to_bytes(32, "big") + words[96:],  # its length
    ):  # fmt: skip
        assert chain().call(deployed(ONE.key), other).failure == "Revert"
    assert chain().call(deployed(ONE.key), data, value=1).failure == "Revert"


def test_only_the_bytes_that_calldata_names_matter():
    case = valid(ONE)
    data = verify_calldata(case.proof, [case.statements])
    padding = 4 + 3 * 32 + len(case.proof)
    assert len(data) == padding + 32 + 256
    dirty = data[: padding + 32 + 236] + b"\xff" * 20
    assert chain().call(deployed(ONE.key), dirty).failure is None
    # both parameters at one place: the proof is no statement
    same = data[:36] + data[4:36] + data[68:]
    assert chain().call(deployed(ONE.key), same).failure == "Revert"


# gas and precompiled contracts


def floor(wrap):
    """Gas of the precompiled contracts alone."""
    shape = wrap.key.shape
    own = shape.scalars - shape.preprocessed
    multiples = shape.preprocessed + 2 + wrap.chunks * (own + 3)
    return 45_000 + 5 * 34_000 + 6_000 * multiples + 150 * (multiples + 1)


@both
def test_a_verification_costs_at_most_seven_hundredths_more_than_its_curve_arithmetic(wrap):
    case = valid(wrap)
    data = verify_calldata(case.proof, [case.statements])
    gas = chain().call(deployed(wrap.key), data).gas - intrinsic_gas(data)
    assert floor(wrap) < gas < 1.07 * floor(wrap)


def test_one_chunk_of_twelve_groups_costs_less_than_390_000_gas_with_its_calldata():
    case = valid(ONE)
    data = verify_calldata(case.proof, [case.statements])
    assert chain().call(deployed(ONE.key), data).gas < 390_000


def test_too_little_gas_reverts_and_never_accepts():
    case = valid(ONE)
    data = verify_calldata(case.proof, [case.statements])
    invalid = verify_calldata(case.proof, [b"\1" + case.statements[1:]])
    used = chain().call(deployed(ONE.key), data).gas
    for gas in [
        *range(intrinsic_gas(data) + 24_000, used, 17_777),
        *range(used - 3_000, used, 499),
        used - 1,
    ]:
        assert chain().call(deployed(ONE.key), data, gas=gas).failure is not None, gas
        assert chain().call(deployed(ONE.key), invalid, gas=gas).failure is not None, gas
    # the pairing is given 63/64 of what is left
    assert chain().call(deployed(ONE.key), data, gas=used + 4_000).failure is None


def answer(output):
    """A precompiled contract that takes little gas and gives this."""

    def precompile(computation):
        computation.consume_gas(100, reason="test")
        computation.output = output
        return computation

    return precompile


def failing(computation):
    raise OutOfGas("test")


QUICK = QuickVM._state_class.computation_class._precompiles
PRECOMPILES = {number: QUICK[place(number)] for number in (2, 6, 7, 8)}
WORD_1 = (1).to_bytes(32, "big")


def outcome(precompiles, wrap=ONE):
    case = valid(wrap)
    evm = Evm(PRECOMPILES | precompiles)
    address = evm.put(b"\x22" * 20, deployed_code(creation_code(wrap.key)))
    return evm.call(address, verify_calldata(case.proof, [case.statements])).error


@pytest.mark.parametrize(
    ("precompiles", "expected"),
    [
        ({}, None),
        ({8: answer(WORD_1)}, None),
        ({8: answer(bytes(32))}, "Revert"),
        ({8: answer(bytes(31) + b"\2")}, "Revert"),
        ({8: answer(b"\xff" * 32)}, "Revert"),
        ({8: answer(b"")}, "Revert"),
        ({8: answer(WORD_1[:31])}, "Revert"),
        ({8: answer(WORD_1 + b"\0")}, "Revert"),
        ({8: None}, "Revert"),
        ({7: None}, "Revert"),
        ({6: None}, "Revert"),
        ({2: None}, "Revert"),
    ],
)
def test_only_the_pairing_contracts_own_one_is_acceptance(precompiles, expected):
    assert outcome(precompiles) == expected


@pytest.mark.parametrize(("number", "size", "calls"), [(2, 32, 5), (6, 64, 18), (7, 64, 17), (8, 32, 1)])
def test_each_call_of_a_precompiled_contract_is_checked(number, size, calls):
    for fault in (answer(bytes(size - 1)), answer(bytes(size + 1)), failing):
        for call in range(calls):
            made = count()

            def faulty(computation, call=call, made=made, fault=fault):
                return (fault if next(made) == call else PRECOMPILES[number])(computation)

            # the pairing's answer says nothing of the others
            others = {} if number == 8 else {8: answer(WORD_1)}
            assert outcome(others | {number: faulty}) == "Revert", (number, call)
            assert next(made) == call + 1


def test_the_weight_of_the_openings_depends_on_the_whole_proof_and_the_statements():
    seen = []

    def record(computation):
        seen.append(bytes(computation.msg.data))
        return PRECOMPILES[8](computation)

    evm = Evm(PRECOMPILES | {8: record})
    address = evm.put(b"\x22" * 20, deployed_code(creation_code(ONE.key)))
    case = valid(ONE)
    places = {
        "valid": case,
        "C of another": case._replace(proof=case.proof[:0xC0] + case.proof[0x100:0x140] + case.proof[0x100:]),
        "A of another": case._replace(proof=case.proof[0x100:0x140] + case.proof[0x40:]),
        "statement": case._replace(statements=b"\1" + case.statements[1:]),
    }
    for other in places.values():
        evm.call(address, verify_calldata(other.proof, [other.statements]))
    # the last pair is (w * W', -[tau]_2), and W' is the same in all of them
    assert len({data[-192:-128] for data in seen}) == len(places)
    assert len({data[-128:] for data in seen}) == 1


# constants and deployment


def test_the_constants_of_the_field_and_the_curve_are_the_librarys():
    text = SOURCE.read_text()
    found = dict(re.findall(r"uint256 private constant (\w+) =\s*(\d+);", text))
    (x0, x1), (y0, y1) = GENERATOR_G2
    expected = {"Q": Q_MODULUS, "R": R_MODULUS, "G2_X1": x1, "G2_X0": x0, "G2_Y1": y1, "G2_Y0": y0}
    assert {name: int(found[name]) for name in expected} == expected


def test_keys_that_the_contract_cannot_stand_for_are_refused():
    key = ONE.key
    shape = key.shape
    for message, other in {
        "gamma_2: expected the generator": replace(key, groth16=replace(key.groth16, gamma_2=key.tau_g2)),
        "at most 4 preprocessed groups, got 5": replace(
            key, shape=replace(shape, preprocessed=5), preprocessed=key.preprocessed * 5
        ),
        "1 to 255 helper groups, got 0": replace(key, shape=replace(shape, helper=0)),
        "1 to 255 main groups, got 256": replace(key, shape=replace(shape, main=256)),
        "statements of 236 bytes, got 204": replace(
            key, shape=WrapShape(shape.public_bits[1:], 1, 5, 3, 3, 1)
        ),
        "got tau = 1": replace(key, tau_g2=GENERATOR_G2),
        "[tau]_2: expected a point of order r": replace(key, tau_g2=outside(1)[0]),
        "preprocessed commitment 0": replace(key, preprocessed=((1, 3),)),
        "preprocessed commitment 0: expected": replace(key, preprocessed=((0, 0),)),
    }.items():
        with pytest.raises(InputError, match=re.escape(message)):
            constructor_arguments(other)


def test_the_constructor_refuses_shapes_that_it_does_not_serve():
    points, fixed, groups, chunks, digest, insecure = constructor_arguments(ONE.key)
    artifact = wrap_verifier_artifact()
    for changed in (
        (points, fixed, groups, 0, digest, insecure),
        (points, fixed, groups, 65, digest, insecure),
        (points, fixed, [0, 3, 3], chunks, digest, insecure),
        (points, fixed, [5, 256, 3], chunks, digest, insecure),
        (points, fixed * 5, groups, chunks, digest, insecure),
        (points, fixed, groups, chunks, R_MODULUS, insecure),
        *(
            ([*points[:i], Q_MODULUS, *points[i + 1 :]], fixed, groups, chunks, digest, insecure)
            for i in range(18)
        ),
    ):
        with pytest.raises(InputError, match="constructor refused: Revert"):
            deployed_code(artifact.encode_constructor(*changed))


class LocalNode(Web3Node):
    def __init__(self):
        local = chain()
        super().__init__("local", local.w3, lambda raw: bytes(local.w3.eth.send_raw_transaction(raw)))

    def account(self):
        return chain().deployer


def test_a_deployed_verifier_says_what_it_is_and_answers():
    node = LocalNode()
    for wrap in (ONE, TWO):
        contract, receipt = WrapVerifier.deploy(node, wrap.key)
        assert receipt.created == contract.address
        assert (contract.chunks, contract.key_digest, contract.insecure) == (
            wrap.chunks,
            wrap.key.key_digest,
            True,
        )
        contract.check_key(wrap.key)
        with pytest.raises(VerificationError, match="expected the wrap verifier of this key"):
            contract.check_key(replace(wrap.key, key_digest=1))
        case = valid(wrap)
        verify_on_chain(node, contract.address, case.proof, packed(wrap.chunks))
        with pytest.raises(VerificationError, match=r"local: 0x[0-9a-f]{40}: WrongProofLength\(expected="):
            contract.verify(case.proof[:-1], packed(wrap.chunks))
        with pytest.raises(VerificationError, match=r"InvalidProof\(\)"):
            contract.verify(case.proof, [flipped[::-1] for flipped in packed(wrap.chunks)])


def test_other_code_and_no_code_at_the_address_are_no_verifier():
    node, case = LocalNode(), valid(ONE)
    for address in (0x1234, 4):
        with pytest.raises(VerificationError, match="expected a wrap verifier"):
            verify_on_chain(node, address, case.proof, packed(1))
        with pytest.raises(VerificationError, match="expected a wrap verifier"):
            WrapVerifier(node, address).check_key(ONE.key)


class Elsewhere:
    name, chain_id = "mainnet", 1

    def send(self, to, data):
        raise Reverted(data)


def test_an_insecure_key_is_deployed_on_development_chains_only():
    with pytest.raises(InputError, match="mainnet: expected a wrap key from ceremonies on chain 1"):
        WrapVerifier.deploy(Elsewhere(), ONE.key)


def test_the_client_and_the_rollups_contract_name_the_same_development_chains():
    text = (SOURCE.parent / "Governance.sol").read_text()
    assert set(map(int, re.findall(r"block\.chainid == (\d+)", text))) == DEVELOPMENT_CHAINS
    assert chain().w3.eth.chain_id in DEVELOPMENT_CHAINS


# what each check is for: contracts without it, and the forgery they take


WITHOUT = {
    "weight": ("weight := shr(3, keccak256(start, add(proof.length, 0x20)))", "weight := 1", "cancelling"),
    "scalars": (
        "if (place < end) revert ScalarNotBelowR",
        "if (false) revert ScalarNotBelowR",
        "out_of_range",
    ),
    "points": ("gt(or(x, y), 0)", "1", "infinities"),
    "twist": ("if (any == 0)", "if (false)", "infinities"),
    "lengths": ("if (proof.length != proofLength)", "if (false)", "lengths"),
    "product": ("if (product != 1) revert InvalidProof();", "product;", "foreign"),
}


@pytest.mark.oracle
@needs_solc
@pytest.mark.parametrize("check", WITHOUT)
def test_a_contract_without_one_of_its_checks_takes_a_forgery(check):
    before, after, kind = WITHOUT[check]
    text = SOURCE.read_text().replace(
        'import {IProofVerifier} from "./IProofVerifier.sol";',
        (SOURCE.parent / "IProofVerifier.sol").read_text().split("pragma solidity 0.8.37;")[1],
    )
    assert text.count(before) == 1
    built = compile_contracts({"WrapVerifier": text.replace(before, after)})["WrapVerifier"]
    artifact = replace(wrap_verifier_artifact(), bytecode=built.init)
    address = chain().deploy(artifact.encode_constructor(*constructor_arguments(TWO.key)))
    taken = [
        case.name
        for case in getattr(wrap_cases, kind)(TWO)
        if case.reason is not None
        and chain().call(address, verify_calldata(case.proof, [case.statements])).failure is None
    ]
    assert taken


# other EVMs' precompiled contracts


@pytest.mark.slow
@both
def test_with_the_precompiled_contracts_of_py_evm_the_verdicts_are_the_same(wrap):
    evm = Evm()
    address = evm.put(b"\x22" * 20, deployed_code(creation_code(wrap.key)))
    chosen = (
        "valid",
        "another proof of the same",
        "B outside",
        "A is (1, 3)",
        "W' is W",
        "times zero",
        "two open",
    )
    cases = [case for case in all_cases(wrap) if any(part in case.name for part in chosen)]
    assert {case.reason for case in cases} >= {None, PAIRING, MULTIPLY, "InvalidProof()"}
    for case in cases:
        found = evm.call(address, verify_calldata(case.proof, [case.statements]))
        assert (found.error is None) is (case.reason is None), case.name
