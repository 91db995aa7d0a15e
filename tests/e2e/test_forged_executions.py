"""A prover whose executor breaks a rule: the chips, filled from that execution, do not balance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from zkroll.circuits.air.check import Violation, check
from zkroll.circuits.source import BatchTrace
from zkroll.errors import ProvingError
from zkroll.rollup import executor
from zkroll.rollup.batch import Batch
from zkroll.rollup.development import DEVELOPMENT_CHAIN_ID, development_genesis
from zkroll.rollup.prove import execute, fill, public_tuples
from zkroll.rollup.transaction import SignedTransaction, Transaction
from zkroll.rollup.wallet import insecure_dev_wallet

SENDER, RECEIVER, OTHER = (insecure_dev_wallet(i) for i in range(3))
GAS_PRICE = 10**9


def transfer(nonce: int, value: int = 10**18, **changes: Any) -> Transaction:
    plain = Transaction(SENDER.address, RECEIVER.address, value, nonce, 21_000, GAS_PRICE)
    return replace(plain, **changes)


def batch(*transactions: SignedTransaction) -> Batch:
    return Batch(
        chain_id=DEVELOPMENT_CHAIN_ID,
        batch_number=1,
        rollup_address=0xABC,
        timestamp=1_750_000_000,
        coinbase=0xC0FFEE,
        pre_state=development_genesis(),
        transactions=transactions,
    )


def sign(transaction: Transaction) -> SignedTransaction:
    return SENDER.sign(transaction, DEVELOPMENT_CHAIN_ID)


def violations(trace: BatchTrace) -> list[Violation]:
    return check(fill(trace), public_tuples(trace.public_values()))


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """An executor that takes any transaction: no signature, nonce, balance or gas check."""
    monkeypatch.setattr(executor._Execution, "_check", lambda *_: None)
    monkeypatch.setattr(SignedTransaction, "check_signature", lambda *_: None)
    return lambda: None


def test_the_honest_execution_balances() -> None:
    _, trace = execute(batch(sign(transfer(0)), sign(transfer(1))))
    assert violations(trace) == []


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("nonces", [(0, 0), (0, 2), (1,), (1, 0)])
def test_a_nonce_replayed_or_skipped_does_not_balance(nonces: tuple[int, ...]) -> None:
    _, trace = execute(batch(*(sign(transfer(nonce)) for nonce in nonces)))
    assert violations(trace)


@pytest.mark.usefixtures("lenient")
def test_a_signature_of_another_key_or_message_does_not_balance() -> None:
    stolen = replace(sign(transfer(0)), public_key=OTHER.public_key)
    forged = replace(sign(transfer(0)), signature=sign(transfer(0, value=1)).signature)
    foreign_chain = SENDER.sign(transfer(0), DEVELOPMENT_CHAIN_ID + 1)
    for signed in (stolen, forged, foreign_chain):
        _, trace = execute(batch(signed))
        assert violations(trace)


@pytest.mark.usefixtures("lenient")
def test_gas_below_the_intrinsic_gas_does_not_balance() -> None:
    _, trace = execute(batch(sign(transfer(0, gas_limit=20_999))))
    with pytest.raises(ProvingError, match="gas_left does not fit"):  # no columns exist for negative gas
        fill(trace)


Change = Callable[[BatchTrace], BatchTrace]


def _data(change: Callable[[bytes], bytes]) -> Change:
    def apply(trace: BatchTrace) -> BatchTrace:
        from zkroll.algebra.keccak import keccak256

        data = change(trace.data)
        return replace(trace, data=data, data_hash=int.from_bytes(keccak256(data), "big"))

    return apply


REGISTERED = 32  # behind the header: sender and receiver, 32 bytes each
HEADER, SIZE = REGISTERED + 64, 16
STATEMENTS: dict[str, Change] = {
    "old root": lambda t: replace(t, old_root=t.old_root + 1),
    "new root": lambda t: replace(t, new_root=t.old_root),
    "batch number": lambda t: replace(t, batch_number=2),
    "chain id": lambda t: replace(t, chain_id=t.chain_id + 1),
    "timestamp": lambda t: replace(t, timestamp=t.timestamp + 1),
    "a transaction dropped": _data(lambda d: d[: HEADER + SIZE]),
    "a transaction doubled": _data(lambda d: d + d[HEADER : HEADER + SIZE]),
    "transactions reordered": _data(lambda d: d[:HEADER] + d[HEADER + SIZE :] + d[HEADER : HEADER + SIZE]),
    "a value changed": _data(lambda d: d[: HEADER + 12] + bytes([d[HEADER + 12] ^ 1]) + d[HEADER + 13 :]),
    "a gas price changed": _data(
        lambda d: d[: HEADER + 15] + bytes([d[HEADER + 15] ^ 16]) + d[HEADER + 16 :]
    ),
    "a recipient changed": _data(lambda d: d[: HEADER + 8] + bytes([d[HEADER + 8] ^ 1]) + d[HEADER + 9 :]),
    "a registration dropped": _data(lambda d: d[:REGISTERED] + d[REGISTERED + 32 :]),
    "a registration changed": _data(lambda d: d[: HEADER - 1] + bytes([d[HEADER - 1] ^ 1]) + d[HEADER:]),
    "the coinbase changed": _data(lambda d: d[:31] + bytes([d[31] ^ 1]) + d[32:]),
    "one more unit": _data(lambda d: d + bytes(16)),
    "the count lowered": _data(lambda d: d[:11] + bytes([d[11] - 1]) + d[12:]),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_unlike_the_execution_does_not_balance(name: str) -> None:
    _, trace = execute(batch(sign(transfer(0)), sign(transfer(1, value=5))))
    stated = STATEMENTS[name](trace)
    assert check(fill(trace), public_tuples(stated.public_values()))
