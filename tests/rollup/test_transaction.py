"""Native transactions: the fixed layout, signatures that bind every part."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.poseidon import poseidon_hash
from zkroll.errors import InputError
from zkroll.rollup.transaction import (
    Point,
    Signature,
    Transaction,
    address_of,
)
from zkroll.rollup.wallet import Wallet, insecure_dev_wallet

CHAIN = 1337
EXAMPLE = Transaction(
    sender=0x1111111122222222333333334444444455555555,
    to=0x66666666777777778888888899999999AAAAAAAA,
    value=5,
    nonce=6,
    gas_limit=0x77777,
    gas_price=8,
    data=b"\x01\x00\x02",
)

transactions = st.builds(
    Transaction,
    sender=st.integers(0, 2**160 - 1),
    to=st.integers(0, 2**160 - 1),
    value=st.integers(0, 2**128 - 1),
    nonce=st.integers(0, 2**64 - 1),
    gas_limit=st.integers(0, 2**32 - 1),
    gas_price=st.integers(0, 2**64 - 1),
    data=st.binary(max_size=70),
)


def test_the_layout_is_the_fixed_one() -> None:
    assert EXAMPLE.encode().hex() == (
        "01" "000003" "00077777" "0000000000000006" "11111111" "66666666" "0000000000000008"
        "22222222333333334444444455555555" "777777778888888899999999aaaaaaaa"
        "00000000000000000000000000000000" "00000000000000000000000000000005"
        "010002" + "00" * 29
    )  # fmt: skip
    assert EXAMPLE.words()[1] == (EXAMPLE.sender % 2**128, EXAMPLE.to % 2**128)
    assert EXAMPLE.intrinsic_gas() == 21000 + 2 * 16 + 4
    assert EXAMPLE.up_front_cost() == 5 + 0x77777 * 8


def test_the_message_folds_chain_id_and_words() -> None:
    folded = CHAIN
    for hi, lo in EXAMPLE.words():
        folded = poseidon_hash([folded, hi, lo])
    assert EXAMPLE.message(CHAIN) == folded
    assert EXAMPLE.message(CHAIN + 1) != folded


@settings(max_examples=60, deadline=None)
@given(transactions)
def test_the_words_hold_every_field_in_its_place(transaction: Transaction) -> None:
    first, second, third, *calldata = (hi << 128 | lo for hi, lo in transaction.words())
    assert (first >> 248, first >> 224 & 0xFFFFFF) == (1, len(transaction.data))
    assert (first >> 192 & 0xFFFFFFFF, first >> 128 & (2**64 - 1)) == (
        transaction.gas_limit,
        transaction.nonce,
    )
    assert first % 2**64 == transaction.gas_price
    assert (first >> 96 & 0xFFFFFFFF) << 128 | second >> 128 == transaction.sender
    assert (first >> 64 & 0xFFFFFFFF) << 128 | second % 2**128 == transaction.to
    assert third == transaction.value
    padded = b"".join(word.to_bytes(32, "big") for word in calldata)
    assert padded == transaction.data + bytes(-len(transaction.data) % 32)


@pytest.mark.parametrize(
    "change",
    [
        {"sender": 2**160},
        {"to": -1},
        {"value": 2**128},
        {"nonce": 2**64},
        {"gas_limit": 2**32},
        {"gas_price": 2**64},
        {"data": bytes(2**24)},
        {"nonce": True},
        {"value": 1.0},
    ],
)
def test_fields_out_of_range_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        dataclasses.replace(EXAMPLE, **change)


def test_a_signature_holds_for_this_sender_chain_and_content_only() -> None:
    wallet = insecure_dev_wallet(0)
    assert wallet.address == address_of(wallet.public_key)
    signed = wallet.sign(dataclasses.replace(EXAMPLE, sender=wallet.address), CHAIN)
    signed.check_signature(CHAIN)
    with pytest.raises(InputError, match="not made by"):
        signed.check_signature(CHAIN + 1)
    changes: list[dict[str, Any]] = [
        {"value": 6},
        {"nonce": 7},
        {"gas_limit": 1},
        {"gas_price": 9},
        {"to": 1},
        {"data": b"\x01\x00\x02\x00"},
    ]
    for change in changes:
        other = dataclasses.replace(signed, transaction=dataclasses.replace(signed.transaction, **change))
        with pytest.raises(InputError, match="not made by"):
            other.check_signature(CHAIN)


def test_tampered_signatures_and_keys_are_refused() -> None:
    wallet, stranger = insecure_dev_wallet(0), insecure_dev_wallet(1)
    signed = wallet.sign(dataclasses.replace(EXAMPLE, sender=wallet.address), CHAIN)
    (x, y), s = signed.signature
    order = 2736030358979909402780800718157159386076813972158567259200215660948447373041
    for signature in (
        Signature(Point(x, y), s + 1),
        Signature(Point(x, y), s + order),
        Signature(Point(x, y), s - order),
        Signature(Point(x + 1, y), s),
        Signature(Point(R_MODULUS - x, y), s),
        Signature(Point(x + R_MODULUS, y), s),
        Signature(Point(0, 1), 0),
    ):
        with pytest.raises(InputError, match="signature"):
            dataclasses.replace(signed, signature=signature).check_signature(CHAIN)
    with pytest.raises(InputError, match="expected a key of sender"):
        dataclasses.replace(signed, public_key=stranger.public_key).check_signature(CHAIN)
    shifted = dataclasses.replace(
        signed, public_key=Point(wallet.public_key.x + R_MODULUS, wallet.public_key.y)
    )
    with pytest.raises(InputError, match="in \\[0, r\\)"):
        shifted.check_signature(CHAIN)


def test_a_key_off_the_curve_signs_nothing() -> None:
    key = Point(5, 7)
    transaction = dataclasses.replace(EXAMPLE, sender=address_of(key))
    signed = insecure_dev_wallet(0).sign(
        dataclasses.replace(EXAMPLE, sender=insecure_dev_wallet(0).address), CHAIN
    )
    with pytest.raises(InputError, match="not made by"):
        dataclasses.replace(signed, transaction=transaction, public_key=key).check_signature(CHAIN)


@pytest.mark.parametrize("chain", [0, -1, 2**64])
def test_chain_ids_out_of_range_are_refused(chain: int) -> None:
    with pytest.raises(InputError, match="chain id"):
        EXAMPLE.message(chain)


def test_wallets_refuse_bad_secrets_and_foreign_transactions() -> None:
    for secret in (b"", bytes(31), bytes(33)):
        with pytest.raises(InputError, match="32 bytes"):
            Wallet(secret)
    with pytest.raises(InputError, match="sender"):
        insecure_dev_wallet(0).sign(EXAMPLE, CHAIN)


def test_a_wallet_does_not_show_its_secret() -> None:
    secret = bytes(range(32))
    assert secret.hex() not in repr(Wallet(secret)) + str(Wallet(secret))
    assert repr(secret) not in repr(Wallet(secret))
