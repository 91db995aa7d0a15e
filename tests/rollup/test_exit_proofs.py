"""Balance proofs and signatures on L1: what the contract accepts is what the state and the L2's keys say, no more.

Every case runs on the EVM in this process, and on anvil where the marker is asked for.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.anvil import Anvil, needs_anvil, running_anvil
from support.evm import intrinsic_gas
from support.solc import FOLDER, needs_solc
from web3 import Web3

from zkroll.algebra.babyjubjub import BASE8, IDENTITY, ORDER, SUBGROUP_ORDER, add, multiply
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.eddsa import secret_scalar, verify
from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError, RollupError, VerificationError
from zkroll.rollup.l1.exit_proofs import (
    BalanceProof,
    balance_place,
    check_signature,
    deploy_exit_proofs,
    deployer,
    exit_proofs_artifact,
    message_of,
    prove_balance,
    sign_digest,
)
from zkroll.rollup.l1.inbox import Receipt
from zkroll.rollup.l1.node import EmbeddedNode
from zkroll.rollup.l1.poseidon_contract import INPUTS, poseidon_creation, poseidon_runtime
from zkroll.rollup.l1.yul import creation_code
from zkroll.rollup.state.hashing import poseidon
from zkroll.rollup.state.smt import MAX_DEPTH
from zkroll.rollup.state.state import Field, Place, State, tree_keys, tree_values
from zkroll.rollup.testing.chain import LocalChain
from zkroll.rollup.transaction import Point, address_of
from zkroll.rollup.wallet import Wallet, insecure_dev_wallet

CONTRACTS = Path(__file__).resolve().parents[2] / "rollup/l1/contracts"
EDDSA_FIXTURE = Path(__file__).resolve().parents[1] / "fixtures/circomlibjs/eddsa.json"
WORD = 32
TOKEN = 0x70CE4
LARGEST_ETHER = (1 << 128) - 1
BALANCES = {0: 10**18, 1: 1, 2: LARGEST_ETHER, 3: 5}
TOKEN_BALANCES = {0: 7, 1: (1 << 256) - 1, 2: 1 << 128}
DIGEST = keccak256(b"leave with everything")

ARTIFACT = exit_proofs_artifact()
FULL_ORDER: tuple[int, int] = (
    995203441582195749578291179787384436505546430278305826713579947235728471134,
    5472060717959818805561601436314318772137091100104008585924551046643952123905,
)
"""A point of the order of the whole curve, 8 times that of Base8."""


def address(number: int) -> str:
    return f"0x{number:040x}"


@dataclass(frozen=True)
class ExitProofs:
    """The deployed contract; `ask` gives "" where a call succeeds, else why it fails."""

    ask: Callable[[bytes], str]

    def balance(self, proof: BalanceProof, data: bytes | None = None) -> str:
        """verifyBalance of a proof, whose bytes may be replaced."""
        call = ARTIFACT.encode_call(
            "verifyBalance", proof.root.to_bytes(WORD, "big"), address(proof.account), address(proof.token),
            proof.balance, proof.data if data is None else data,
        )  # fmt: skip
        return self.ask(call)

    def signature(self, account: int, digest: bytes, signature: bytes) -> str:
        """verifySignature."""
        return self.ask(ARTIFACT.encode_call("verifySignature", address(account), digest, signature))


def described(failure: str, data: bytes) -> str:
    return ARTIFACT.describe_error(data) if data else failure


def on_local_chain(chain: LocalChain) -> ExitProofs:
    return asking(chain, address(deploy_exit_proofs(lambda creation: int(chain.deploy(creation), 16))))


def asking(chain: LocalChain, at: str) -> ExitProofs:
    def ask(data: bytes) -> str:
        answer = chain.call(at, data)
        if answer.failure is None:
            assert answer.output == b""
            return ""
        return described(answer.failure, answer.output)

    return ExitProofs(ask)


def on_anvil(anvil: Anvil) -> ExitProofs:
    at = Web3.to_checksum_address(
        address(deploy_exit_proofs(lambda creation: int(anvil.deploy(creation), 16)))
    )

    def ask(data: bytes) -> str:
        answer = anvil.call(at, data)
        if answer.error is None:
            assert answer.output == b""
            return ""
        found = re.search(r"0x([0-9a-f]{8,})", answer.error)
        return described(answer.error, bytes.fromhex(found[1]) if found else b"")

    return ExitProofs(ask)


@pytest.fixture(scope="module")
def chain() -> LocalChain:
    return LocalChain()


@pytest.fixture(
    scope="module", params=["local", pytest.param("anvil", marks=[pytest.mark.anvil, needs_anvil])]
)
def contract(request: pytest.FixtureRequest, chain: LocalChain) -> Iterator[ExitProofs]:
    if request.param == "local":
        yield on_local_chain(chain)
        return
    with running_anvil() as anvil:
        yield on_anvil(anvil)


@pytest.fixture(scope="module")
def local(chain: LocalChain) -> ExitProofs:
    return on_local_chain(chain)


def owner(index: int) -> int:
    return insecure_dev_wallet(index).address


def state_of(balances: dict[int, int], tokens: dict[int, int]) -> State:
    """A state of wallets' balances by index."""
    state = State()
    rows = [(balance_place(owner(index)), balance) for index, balance in balances.items()]
    rows += [(balance_place(owner(index), TOKEN), balance) for index, balance in tokens.items()]
    state.apply(rows, keep_zeros=True)
    return state


@pytest.fixture(scope="module")
def state() -> State:
    return state_of(BALANCES, TOKEN_BALANCES)


@pytest.fixture(scope="module", params=[0, TOKEN], ids=["ether", "token"])
def proof(request: pytest.FixtureRequest, state: State) -> BalanceProof:
    found = prove_balance(state, owner(0), request.param)
    assert len(found.siblings) >= 2
    return found


# ---- balances ----------------------------------------------------------------------------------------------


def test_every_balance_of_a_state_is_accepted(contract: ExitProofs, state: State) -> None:
    for token, balances in ((0, BALANCES), (TOKEN, TOKEN_BALANCES)):
        for index, balance in balances.items():
            proof = prove_balance(state, owner(index), token)
            assert (proof.balance, proof.root) == (balance, state.root)
            proof.check()
            assert contract.balance(proof) == ""


@settings(max_examples=8, deadline=None)
@given(
    balances=st.dictionaries(st.integers(0, 30), st.integers(0, LARGEST_ETHER), min_size=1, max_size=12),
    tokens=st.dictionaries(st.integers(0, 30), st.integers(0, (1 << 256) - 1), max_size=6),
    other=st.integers(0, 30),
)
def test_random_states_prove_their_balances_and_no_others(
    local: ExitProofs, balances: dict[int, int], tokens: dict[int, int], other: int
) -> None:
    state = state_of(balances, tokens)
    index, balance = next(iter(balances.items()))
    proof = prove_balance(state, owner(index))
    assert local.balance(proof) == ""
    assert "WrongRoot" in local.balance(replace(proof, balance=balance ^ 1))
    if other != index:
        assert "WrongRoot" in local.balance(replace(proof, account=owner(other)))
    for index in list(tokens)[:1]:
        assert local.balance(prove_balance(state, owner(index), TOKEN)) == ""


def test_flipped_bit_in_any_sibling_is_refused(contract: ExitProofs, proof: BalanceProof) -> None:
    for place in range(len(proof.data)):
        if place % WORD in (0, 7, 31):
            data = bytearray(proof.data)
            data[place] ^= 1 << place % 8
            assert re.search("WrongRoot|NotInField", contract.balance(proof, bytes(data)))


def test_flipped_bit_in_every_argument_is_refused(contract: ExitProofs, proof: BalanceProof) -> None:
    for bit in (0, 127, 128, 160, 253, 255):
        assert "WrongRoot" in contract.balance(replace(proof, root=proof.root ^ 1 << bit))
    for bit in (0, 80, 159):
        assert "WrongRoot" in contract.balance(replace(proof, account=proof.account ^ 1 << bit))
        assert "WrongRoot" in contract.balance(replace(proof, token=proof.token ^ 1 << bit))
    for bit in (0, 64, 127):
        assert "WrongRoot" in contract.balance(replace(proof, balance=proof.balance ^ 1 << bit))
    for balance in (0, proof.balance - 1, proof.balance + 1, LARGEST_ETHER):
        assert "WrongRoot" in contract.balance(replace(proof, balance=balance))


def test_sibling_or_root_plus_r_is_refused(contract: ExitProofs, proof: BalanceProof) -> None:
    for place, sibling in enumerate(proof.siblings):
        siblings = (*proof.siblings[:place], sibling + R_MODULUS, *proof.siblings[place + 1 :])
        assert f"NotInField(got={sibling + R_MODULUS})" in contract.balance(replace(proof, siblings=siblings))
    assert "WrongRoot" in contract.balance(replace(proof, root=proof.root + R_MODULUS))


def test_one_sibling_more_or_less_is_refused(contract: ExitProofs, proof: BalanceProof) -> None:
    first, last = proof.siblings[0], proof.siblings[-1]
    changed = [proof.siblings[1:], proof.siblings[:-1], (), (0, *proof.siblings), (*proof.siblings, 0)]
    changed += [(first, *proof.siblings), (*proof.siblings, last), proof.siblings[::-1]]
    for siblings in changed:
        if siblings != proof.siblings:
            assert "WrongRoot" in contract.balance(replace(proof, siblings=siblings))


def test_proof_of_broken_words_is_refused(contract: ExitProofs, proof: BalanceProof) -> None:
    for data in (proof.data[:-1], proof.data + b"\0", b"\0"):
        assert f"NotWholeSiblings(length={len(data)})" in contract.balance(proof, data)


def test_other_token_of_the_same_account_is_refused(contract: ExitProofs, state: State) -> None:
    ether, token = prove_balance(state, owner(0)), prove_balance(state, owner(0), TOKEN)
    assert "WrongRoot" in contract.balance(replace(ether, token=TOKEN))
    assert "WrongRoot" in contract.balance(replace(token, token=0))
    # the leaf of the other with this one's balance
    assert "WrongRoot" in contract.balance(replace(ether, balance=token.balance))


def test_other_field_of_the_account_is_no_balance(contract: ExitProofs) -> None:
    state = State()
    places = [Place(owner(0), field) for field in (Field.NONCE, Field.CODE_SIZE)]
    state.apply([(place, 9) for place in places])
    for place in places:
        update = state.prove(place).update
        assert "WrongRoot" in contract.balance(BalanceProof(state.root, owner(0), 0, 9, update.siblings))


def test_other_slot_of_the_token_is_no_balance(contract: ExitProofs) -> None:
    for slot in (0, 1, owner(0)):
        state = State()
        state.apply([(Place(TOKEN, Field.STORAGE, slot), 9)])
        assert "WrongRoot" in contract.balance(BalanceProof(state.root, owner(0), TOKEN, 9, ()))


def test_inner_node_is_no_leaf(contract: ExitProofs) -> None:
    (key,) = tree_keys([balance_place(owner(0))])
    (value,) = tree_values([10**18])
    claim = BalanceProof(poseidon(key, value), owner(0), 0, 10**18, ())
    assert "WrongRoot" in contract.balance(claim)
    assert contract.balance(replace(claim, root=poseidon(key, value, 1))) == ""


def test_empty_state_proves_nothing(contract: ExitProofs) -> None:
    for balance in (0, 1):
        assert "WrongRoot" in contract.balance(BalanceProof(0, owner(0), 0, balance, ()))


def test_state_of_one_leaf_has_an_empty_proof(contract: ExitProofs) -> None:
    proof = prove_balance(state_of({0: 3}, {}), owner(0))
    assert proof.data == b""
    assert contract.balance(proof) == ""


def test_balance_that_became_zero_is_proven_as_zero_only(contract: ExitProofs) -> None:
    state = state_of({0: 3, 1: 4}, {})
    state.apply([(balance_place(owner(0)), 0)])
    proof = prove_balance(state, owner(0))
    assert proof.balance == 0
    assert contract.balance(proof) == ""
    assert "WrongRoot" in contract.balance(replace(proof, balance=3))


def test_absent_balance_has_no_proof(contract: ExitProofs, state: State) -> None:
    with pytest.raises(InputError, match="to have a balance of ether, got no leaf"):
        prove_balance(state, owner(9))
    with pytest.raises(InputError, match=r"to have a balance of token 0x0+70ce4, got no leaf"):
        prove_balance(state, owner(3), TOKEN)
    update = state.prove(balance_place(owner(9))).update
    assert "WrongRoot" in contract.balance(BalanceProof(state.root, owner(9), 0, 0, update.siblings))


def test_ether_above_128_bits_is_refused_by_name(contract: ExitProofs, state: State) -> None:
    proof = replace(prove_balance(state, owner(0)), balance=1 << 128)
    assert f"BalanceTooLarge(got={1 << 128})" in contract.balance(proof)


def deep(account: int, depth: int) -> BalanceProof:
    """A proof of this depth, with a root that fits."""
    (key,) = tree_keys([balance_place(account)])
    siblings = tuple(poseidon(number) for number in range(depth))
    node = poseidon(key, tree_values([1])[0], 1)
    for level in reversed(range(depth)):
        node = poseidon(siblings[level], node) if key >> level & 1 else poseidon(node, siblings[level])
    return BalanceProof(node, account, 0, 1, siblings)


def test_deepest_path_is_accepted_and_one_more_refused(contract: ExitProofs) -> None:
    assert contract.balance(deep(owner(0), MAX_DEPTH)) == ""
    assert "PathTooLong(most=124, got=125)" in contract.balance(deep(owner(0), MAX_DEPTH + 1))


def test_dirty_bits_above_an_address_are_refused(contract: ExitProofs, proof: BalanceProof) -> None:
    data = ARTIFACT.encode_call(
        "verifyBalance", proof.root.to_bytes(WORD, "big"), address(proof.account), address(proof.token),
        proof.balance, proof.data,
    )  # fmt: skip
    assert contract.ask(data) == ""
    for argument in (1, 2):
        dirty = bytearray(data)
        dirty[4 + WORD * argument + 11] ^= 1
        assert contract.ask(bytes(dirty)) != ""


def test_python_check_refuses_what_the_contract_refuses(proof: BalanceProof) -> None:
    wrong = [
        replace(proof, root=proof.root ^ 1),
        replace(proof, account=proof.account ^ 1),
        replace(proof, balance=proof.balance + 1),
        replace(proof, siblings=proof.siblings[1:]),
        replace(proof, siblings=(proof.siblings[0] + R_MODULUS, *proof.siblings[1:])),
        replace(proof, balance=1 << 256),
        replace(proof, balance=-1),
        deep(owner(0), MAX_DEPTH + 1),
    ]
    for claim in wrong:
        with pytest.raises(VerificationError, match="balance proof: "):
            claim.check()
    with pytest.raises(InputError, match="account: expected an address of 160 bits"):
        balance_place(1 << 160)


# ---- signatures --------------------------------------------------------------------------------------------


def packed(key: tuple[int, int], r8: tuple[int, int], s: int) -> bytes:
    return b"".join(word.to_bytes(WORD, "big") for word in (*key, *r8, s))


def unpacked(signature: bytes) -> list[int]:
    return [int.from_bytes(signature[at : at + WORD], "big") for at in range(0, len(signature), WORD)]


def signed(key: tuple[int, int], scalar: int, nonce: int, digest: bytes) -> bytes:
    """A signature for a public key scalar/8·Base8 + T with 8·T = 0, as `zkroll.algebra.eddsa.sign` makes them."""
    r8 = multiply(BASE8, nonce)
    challenge = poseidon(*r8, *key, message_of(digest))
    return packed(key, r8, (nonce + challenge * scalar) % SUBGROUP_ORDER)


def small_order_points() -> list[tuple[int, int]]:
    generator = multiply(FULL_ORDER, SUBGROUP_ORDER)
    return [multiply(generator, count) for count in range(8)]


def test_every_wallet_signs_for_itself_and_no_other(contract: ExitProofs) -> None:
    for index in range(4):
        signature = sign_digest(insecure_dev_wallet(index), DIGEST)
        check_signature(owner(index), DIGEST, signature)
        assert contract.signature(owner(index), DIGEST, signature) == ""
        assert "WrongAccount" in contract.signature(owner(index + 1), DIGEST, signature)


@settings(max_examples=12, deadline=None)
@given(secret=st.binary(min_size=32, max_size=32), digest=st.binary(min_size=32, max_size=32))
def test_random_keys_sign_random_digests(local: ExitProofs, secret: bytes, digest: bytes) -> None:
    wallet = Wallet(secret)
    signature = sign_digest(wallet, digest)
    assert local.signature(wallet.address, digest, signature) == ""
    other = bytes([digest[0] ^ 0x80, *digest[1:]])
    assert "WrongSignature" in local.signature(wallet.address, other, signature)


def test_signatures_of_circomlibjs_are_accepted(contract: ExitProofs) -> None:
    found = 0
    for case in json.loads(EDDSA_FIXTURE.read_text())["signatures"]:
        message = int(case["message"])
        if message >> 253:
            continue  # no digest has it
        key = Point(*map(int, case["public_key"]))
        x, y = map(int, case["R8"])
        signature = packed(key, (x, y), int(case["S"]))
        assert contract.signature(address_of(key), (message << 3).to_bytes(WORD, "big"), signature) == ""
        found += 1
    assert found >= 3


def test_flipped_bit_anywhere_in_a_signature_is_refused(contract: ExitProofs) -> None:
    signature = sign_digest(insecure_dev_wallet(0), DIGEST)
    for place in range(len(signature)):
        if place % WORD in (0, 9, 31):
            changed = bytearray(signature)
            changed[place] ^= 1 << place % 8
            why = contract.signature(owner(0), DIGEST, bytes(changed))
            assert re.match("NotInField|NotOnCurve|ScalarTooLarge|WrongSignature", why), (place, why)


def test_every_bit_of_a_digest_but_the_lowest_three_is_signed(contract: ExitProofs) -> None:
    signature = sign_digest(insecure_dev_wallet(0), DIGEST)
    for bit in (0, 1, 2, 3, 4, 100, 252, 255):
        digest = (int.from_bytes(DIGEST, "big") ^ 1 << bit).to_bytes(WORD, "big")
        why = contract.signature(owner(0), digest, signature)
        assert (why == "") is (bit < 3), bit


def test_words_of_a_signature_have_one_form(contract: ExitProofs) -> None:
    words = unpacked(sign_digest(insecure_dev_wallet(0), DIGEST))
    for place, name in enumerate(("NotInField",) * 4 + ("ScalarTooLarge",)):
        order = SUBGROUP_ORDER if place == 4 else R_MODULUS
        changed = [*words[:place], words[place] + order, *words[place + 1 :]]
        why = contract.signature(
            owner(0), DIGEST, packed((changed[0], changed[1]), (changed[2], changed[3]), changed[4])
        )
        assert why == f"{name}(got={words[place] + order})"


def test_points_off_the_curve_are_refused(contract: ExitProofs) -> None:
    ax, ay, rx, ry, s = unpacked(sign_digest(insecure_dev_wallet(0), DIGEST))
    for point in ((0, 0), (ax, ax), (ax + 1, ay), (1, 1), (0, 2)):
        for key, r8 in ((point, (rx, ry)), ((ax, ay), point)):
            why = contract.signature(owner(0), DIGEST, packed(key, r8, s))
            assert why == f"NotOnCurve(x={point[0]}, y={point[1]})"


def test_negated_points_and_scalars_are_refused(contract: ExitProofs) -> None:
    ax, ay, rx, ry, s = unpacked(sign_digest(insecure_dev_wallet(0), DIGEST))
    negated = (R_MODULUS - rx, ry)
    for r8, scalar in (
        (negated, s),
        ((rx, ry), SUBGROUP_ORDER - s),
        (negated, SUBGROUP_ORDER - s),
        ((rx, ry), 0),
        (IDENTITY, 0),
        (IDENTITY, s),
        (add((rx, ry), small_order_points()[4]), s),
        (add((rx, ry), small_order_points()[1]), s),
    ):
        assert contract.signature(owner(0), DIGEST, packed((ax, ay), r8, scalar)) == "WrongSignature()"
    why = contract.signature(owner(0), DIGEST, packed((R_MODULUS - ax, ay), (rx, ry), s))
    assert "WrongAccount" in why


def test_r8_of_the_other_sign_is_refused_though_its_y_is_right(contract: ExitProofs) -> None:
    wallet = insecure_dev_wallet(0)
    nonce, (scalar, _) = 4321, secret_scalar(wallet.secret)
    r8 = multiply(BASE8, nonce)
    challenge = poseidon(*r8, *wallet.public_key, message_of(DIGEST))
    s = (challenge * scalar - nonce) % SUBGROUP_ORDER  # S·Base8 - 8·h·A = -R8
    assert not verify(wallet.public_key, r8, s, message_of(DIGEST))
    assert contract.signature(wallet.address, DIGEST, packed(wallet.public_key, r8, s)) == "WrongSignature()"


def test_signature_of_another_length_is_refused(contract: ExitProofs) -> None:
    signature = sign_digest(insecure_dev_wallet(0), DIGEST)
    for changed in (b"", signature[:-1], signature[:-WORD], signature + b"\0", signature + bytes(WORD)):
        why = contract.signature(owner(0), DIGEST, changed)
        assert why == f"WrongSignatureLength(expected=160, got={len(changed)})"
        with pytest.raises(VerificationError, match="signature: expected 160 bytes"):
            check_signature(owner(0), DIGEST, changed)


def test_keys_of_small_order_are_treated_as_on_l2(contract: ExitProofs) -> None:
    """Their accounts have no owner: for each, anybody makes signatures that L1 and L2 accept."""
    points = small_order_points()
    assert len(set(points)) == 8
    for key in points:
        nonce = 12345
        r8 = multiply(BASE8, nonce)
        account = address_of(Point(*key))
        assert verify(key, r8, nonce, message_of(DIGEST))
        assert contract.signature(account, DIGEST, packed(key, r8, nonce)) == ""
        assert contract.signature(account, DIGEST, packed(key, IDENTITY, 0)) == ""
        assert contract.signature(account, DIGEST, packed(key, r8, nonce + 1)) == "WrongSignature()"


def test_r8_of_small_order_is_refused_unless_it_is_the_identity(contract: ExitProofs) -> None:
    for key in (insecure_dev_wallet(0).public_key, Point(*small_order_points()[1])):
        for r8 in small_order_points()[1:]:
            assert not verify(key, r8, 0, message_of(DIGEST))
            why = contract.signature(address_of(key), DIGEST, packed(key, r8, 0))
            assert why == "WrongSignature()"


def test_key_outside_the_subgroup_is_treated_as_on_l2(contract: ExitProofs) -> None:
    wallet = insecure_dev_wallet(0)
    scalar, _ = secret_scalar(wallet.secret)
    for torsion in small_order_points()[1:]:
        x, y = add(wallet.public_key, torsion)
        signature = signed((x, y), scalar, 999, DIGEST)
        words = unpacked(signature)
        assert verify((x, y), (words[2], words[3]), words[4], message_of(DIGEST))
        assert contract.signature(address_of(Point(x, y)), DIGEST, signature) == ""
        assert "WrongAccount" in contract.signature(wallet.address, DIGEST, signature)


def test_extreme_scalars_are_multiplied_right(contract: ExitProofs) -> None:
    """Keys and nonces whose scalars have all bits set, one, or none: exceptional cases of other addition laws."""
    largest = SUBGROUP_ORDER - 1
    for scalar in (8, 16, 8 * largest, 8 * (1 << 250)):
        key = multiply(BASE8, scalar // 8)
        for nonce in (0, 1, largest, (1 << 250) - 1):
            account = address_of(Point(*key))
            assert contract.signature(account, DIGEST, signed(key, scalar, nonce, DIGEST)) == ""


def test_python_check_refuses_what_the_contract_refuses_of_signatures() -> None:
    signature = sign_digest(insecure_dev_wallet(0), DIGEST)
    with pytest.raises(VerificationError, match="expected a key of"):
        check_signature(owner(1), DIGEST, signature)
    with pytest.raises(VerificationError, match="expected one of its key over this digest"):
        check_signature(owner(0), keccak256(b"other"), signature)
    with pytest.raises(VerificationError, match="expected one of its key over this digest"):
        check_signature(owner(0), DIGEST, b"\xff" * 160)
    for digest in (b"", DIGEST[:-1], DIGEST + b"\0"):
        with pytest.raises(InputError, match="digest: expected 32 bytes"):
            sign_digest(insecure_dev_wallet(0), digest)


def test_point_of_full_order_has_the_order_of_the_curve() -> None:
    assert multiply(FULL_ORDER, ORDER) == IDENTITY
    assert all(multiply(FULL_ORDER, ORDER // prime) != IDENTITY for prime in (2, SUBGROUP_ORDER))


# ---- deployment and gas ------------------------------------------------------------------------------------


def test_constructor_takes_the_generated_poseidon_contracts_only(chain: LocalChain) -> None:
    right = [chain.deploy(poseidon_creation(inputs)) for inputs in INPUTS]
    altered = bytearray(poseidon_creation(2))
    altered[-1] ^= 1
    wrong = [[*right[::-1]], [right[0]] * 4, [chain.deploy(bytes(altered)), *right[1:]]]
    for place in range(4):
        for nobody in (address(0), address(0xDEAD), chain.deployer.address):
            wrong.append([*right[:place], nobody, *right[place + 1 :]])
    for poseidons in wrong:
        with pytest.raises(RollupError, match="expected a contract, got a failed transaction"):
            chain.deploy(ARTIFACT.encode_constructor(*poseidons))
    chain.deploy(ARTIFACT.encode_constructor(*right))


@pytest.mark.parametrize("broken", INPUTS)
@pytest.mark.parametrize("code", [b"", bytes.fromhex("60205ffd")], ids=["no code", "reverts with a word"])
def test_poseidon_that_gives_no_hash_stops_the_call(
    chain: LocalChain, proof: BalanceProof, broken: int, code: bytes
) -> None:
    # The constructor lets no such contract pass: its check is gone round by putting another address into the code.
    poseidons = {inputs: chain.deploy(poseidon_creation(inputs)) for inputs in INPUTS}
    at = chain.deploy(ARTIFACT.encode_constructor(*poseidons.values()))
    stub = chain.deploy(creation_code(code)) if code else address(0xDEAD)
    whole = bytes(chain.w3.eth.get_code(Web3.to_checksum_address(at)))
    runtime = whole.replace(bytes.fromhex(poseidons[broken][2:]), bytes.fromhex(stub[2:]))
    assert runtime != whole
    contract = asking(chain, chain.deploy(creation_code(runtime)))
    failed = f"PoseidonFailed(poseidon={stub.lower()})"
    if broken != 5:
        # the balance 0 is not hashed: with it the first to ask Poseidon of two inputs is the path
        for balance in (0, proof.balance):
            assert contract.balance(replace(proof, balance=balance)) == failed
    if broken in (2, 5):
        signature = sign_digest(insecure_dev_wallet(0), DIGEST)
        assert contract.signature(owner(0), DIGEST, signature) == failed


def test_source_names_the_code_that_is_generated() -> None:
    source = (CONTRACTS / "ExitProofs.sol").read_text()
    for inputs in INPUTS:
        assert f"CODE{inputs} = 0x{keccak256(poseidon_runtime(inputs)).hex()};" in source


@needs_solc
def test_artifact_is_what_the_compiler_makes_of_the_source(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node is not None
    made = tmp_path / "ExitProofs.json"
    subprocess.run(
        [node, CONTRACTS / "compile.mjs", FOLDER, CONTRACTS / "ExitProofs.sol", made], check=True, timeout=120
    )
    assert made.read_bytes() == (CONTRACTS / "ExitProofs.json").read_bytes()


def test_calls_fail_at_every_limit_of_gas_that_is_too_low(chain: LocalChain, state: State) -> None:
    at = address(deploy_exit_proofs(lambda creation: int(chain.deploy(creation), 16)))
    proof = prove_balance(state, owner(0))
    calls = [
        ARTIFACT.encode_call(
            "verifyBalance", proof.root.to_bytes(WORD, "big"), address(proof.account), address(0),
            proof.balance, proof.data,
        ),
        ARTIFACT.encode_call("verifySignature", address(owner(0)), DIGEST, sign_digest(insecure_dev_wallet(0), DIGEST)),
    ]  # fmt: skip
    for data in calls:
        needed = chain.call(at, data).gas
        lowest = intrinsic_gas(data) + 100
        for gas in range(lowest, needed, (needed - lowest) // 12):
            assert chain.call(at, data, gas).failure in ("OutOfGas", "Revert")


def test_gas_is_what_is_documented(chain: LocalChain) -> None:
    at = address(deploy_exit_proofs(lambda creation: int(chain.deploy(creation), 16)))
    proof = deep(owner(0), 20)
    data = ARTIFACT.encode_call(
        "verifyBalance", proof.root.to_bytes(WORD, "big"), address(proof.account), address(0), proof.balance,
        proof.data,
    )  # fmt: skip
    balance = chain.call(at, data).gas
    signature = sign_digest(insecure_dev_wallet(0), DIGEST)
    data = ARTIFACT.encode_call("verifySignature", address(owner(0)), DIGEST, signature)
    assert balance <= 345_000
    assert chain.call(at, data).gas <= 250_000


def test_deployment_on_a_node_works_without_more(tmp_path: Path) -> None:
    node = EmbeddedNode(tmp_path / "l1", create=True)
    try:
        at = deploy_exit_proofs(deployer(node))
        call = ARTIFACT.encode_call(
            "verifySignature", address(owner(0)), DIGEST, sign_digest(insecure_dev_wallet(0), DIGEST)
        )
        assert node.call(at, call) == b""
        assert ARTIFACT.is_code(node.code(at))
    finally:
        node.close()


def test_node_that_creates_no_contract_is_an_error() -> None:
    class Empty:
        name = "empty"

        def send(self, to: int | None, data: bytes) -> Receipt:
            return Receipt(b"", 0, len(data), to)

    with pytest.raises(RollupError, match="empty: expected a contract"):
        deploy_exit_proofs(deployer(Empty()))  # type: ignore[arg-type]
