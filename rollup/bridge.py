"""What L1 messages and withdrawals do to the state.

A token of L1 is a contract on L2 that keeps balances as the example ERC-20 does: the balance of `owner` in slot
keccak256(owner . 1), the supply in slot 0. Deposits add to both, exits and withdrawals subtract from both; no code
of the contract runs.

A transaction to BRIDGE_ADDRESS withdraws, and is invalid in any other form:

    calldata recipient (32 bytes)                     withdraws the transaction's value, which stays at the bridge
    calldata recipient, token, amount (96 bytes)      withdraws `amount` of a token; the value is 0
"""

from __future__ import annotations

from dataclasses import dataclass

from zkroll.algebra.keccak import keccak256
from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.errors import InputError, UnprovableError
from zkroll.rollup.accesses import Cause, Ledger
from zkroll.rollup.l1.messages import ETHER, L1Message, MessageKind
from zkroll.rollup.l1.withdrawals import Withdrawal
from zkroll.rollup.state.state import Field, Place
from zkroll.rollup.transaction import Transaction
from zkroll.vm.state import JournaledState

BALANCES_SLOT = 1
SUPPLY_SLOT = 0
ETHER_LIMIT = 1 << 128

_WORD = 1 << 256


@dataclass(frozen=True, slots=True)
class MessageResult:
    """What a message found (words before it; slot and supply 0 for ether) and how much it moved."""

    message: L1Message
    slot: int
    old_balance: int
    old_supply: int
    moved: int

    @property
    def withdrawal(self) -> Withdrawal | None:
        """What an exit withdraws; None for a deposit."""
        message = self.message
        if message.kind != MessageKind.EXIT:
            return None
        return Withdrawal(message.token, message.recipient, self.moved)


@dataclass(frozen=True, slots=True)
class WithdrawalResult:
    """What a transaction withdraws, and the words that it found (0 for ether)."""

    transaction: int
    withdrawal: Withdrawal
    slot: int
    old_balance: int
    old_supply: int


def balance_slot(owner: int) -> int:
    """The storage slot of an owner's balance in a token contract."""
    preimage = owner.to_bytes(32, "big") + BALANCES_SLOT.to_bytes(32, "big")
    return int.from_bytes(keccak256(preimage), "big")


def withdraw_ether_data(recipient: int) -> bytes:
    """The calldata of a transaction that withdraws its value to an L1 address."""
    return recipient.to_bytes(32, "big")


def withdraw_token_data(recipient: int, token: int, amount: int) -> bytes:
    """The calldata of a transaction that withdraws tokens (by their L2 contract) to an L1 address."""
    return b"".join(word.to_bytes(32, "big") for word in (recipient, token, amount))


def requested_withdrawal(transaction: Transaction) -> Withdrawal | None:
    """What a transaction withdraws; None where it does not go to the bridge. Raises InputError if malformed."""
    if transaction.to != BRIDGE_ADDRESS:
        return None
    data = transaction.data
    if len(data) not in (32, 96):
        raise InputError(f"withdrawal: expected 32 or 96 bytes of calldata, got {len(data)}")
    words = [int.from_bytes(data[at : at + 32], "big") for at in range(0, len(data), 32)]
    if len(words) == 1:
        return Withdrawal(ETHER, words[0], transaction.value)
    if transaction.value:
        raise InputError(f"withdrawal of a token: value: expected 0, got {transaction.value}")
    recipient, token, amount = words
    if token == ETHER:
        raise InputError("withdrawal of a token: token: expected the address of a contract, got 0")
    return Withdrawal(token, recipient, amount)


class Bridge:
    """Applies messages and withdrawals to a journal, and records every access."""

    def __init__(self, journal: JournaledState, ledger: Ledger) -> None:
        self._journal = journal
        self._ledger = ledger

    def consume(self, message: L1Message) -> MessageResult:
        """Credit a deposit, or debit what an exit finds.

        Raises UnprovableError for an ether balance of 2^128 wei or more, which no L1 can lock.
        """
        deposit = message.kind == MessageKind.DEPOSIT
        if message.token == ETHER:
            slot, balance, supply = 0, self._journal.balance(message.account), 0
        else:
            slot, balance, supply = self._token_words(message.token, message.account)
        moved = message.amount if deposit else min(message.amount, balance)
        change = moved if deposit else -moved
        if message.token == ETHER:
            if balance + change >= ETHER_LIMIT:
                raise UnprovableError(
                    f"L1 message: balance of {message.account:#042x}: expected less than 2^128 wei after it"
                )
            self._journal.set_balance(message.account, balance + change)
            place = Place(message.account, Field.BALANCE)
            self._ledger.write(Cause.MESSAGE, place, balance + change)
        else:
            self._set(Cause.MESSAGE, message.token, slot, balance + change)
            self._set(Cause.MESSAGE, message.token, SUPPLY_SLOT, supply + change)
        return MessageResult(message, slot, balance, supply, moved)

    def check(self, sender: int, withdrawal: Withdrawal) -> None:
        """Raise InputError where the sender has too little of a token."""
        if withdrawal.token != ETHER:
            balance = self._token_words(withdrawal.token, sender)[1]
            if balance < withdrawal.amount:
                raise InputError(
                    f"withdrawal: balance of token {withdrawal.token:#042x}: "
                    f"expected at least {withdrawal.amount}, got {balance}"
                )

    def withdraw(self, index: int, sender: int, withdrawal: Withdrawal) -> WithdrawalResult:
        """Debit a token's balance and supply; ether has been moved by the transaction itself."""
        if withdrawal.token == ETHER:
            return WithdrawalResult(index, withdrawal, 0, 0, 0)
        slot, balance, supply = self._token_words(withdrawal.token, sender)
        self._set(Cause.WITHDRAWAL, withdrawal.token, slot, balance - withdrawal.amount)
        self._set(Cause.WITHDRAWAL, withdrawal.token, SUPPLY_SLOT, supply - withdrawal.amount)
        return WithdrawalResult(index, withdrawal, slot, balance, supply)

    def _token_words(self, token: int, owner: int) -> tuple[int, int, int]:
        slot = balance_slot(owner)
        return slot, self._journal.storage(token, slot), self._journal.storage(token, SUPPLY_SLOT)

    def _set(self, cause: Cause, token: int, slot: int, word: int) -> None:
        word %= _WORD
        self._journal.set_storage(token, slot, word)
        self._ledger.write(cause, Place(token, Field.STORAGE, slot), word)
