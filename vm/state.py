"""The state that an execution reads and changes.

A store of any kind offers the five reads of `StateReader`; `JournaledState` lays every change over it, with
snapshots that a failing frame returns to and with what lives for one transaction only (warm sets, transient
storage, refund counter, logs, original values). `changes()` hands the writes back to the store. `MemoryState`
is the store of plain dictionaries. Addresses, slots and words are Python integers (160, 256 and 256 bits),
balances are in wei.
"""

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from ..algebra.keccak import keccak256
from ..errors import InputError

Slot = tuple[int, int]
"""(address, slot)."""

_ABSENT: Final = object()


EMPTY_CODE_HASH: Final = int.from_bytes(keccak256(b""), "big")


class StateReader(Protocol):
    """What a store must answer. An account that the store does not have reads as zeros and empty code."""

    def nonce(self, address: int) -> int:
        """The account's nonce."""
        ...

    def balance(self, address: int) -> int:
        """The account's balance in wei."""
        ...

    def code(self, address: int) -> bytes:
        """The account's code, empty where it has none."""
        ...

    def storage(self, address: int, slot: int) -> int:
        """The word in one of the account's storage slots."""
        ...


@runtime_checkable
class StorageOwner(Protocol):
    """A store that also knows whether an account has any storage; a tree under hashed keys does not."""

    def has_storage(self, address: int) -> bool:
        """Whether any slot of the account holds a word other than zero."""
        ...


class Log(NamedTuple):
    """One event: the emitting address, zero to four topic words and the data."""

    address: int
    topics: tuple[int, ...]
    data: bytes


class Snapshot(NamedTuple):
    """A point of the journal to return to."""

    journal: int
    logs: int


@dataclass(frozen=True, slots=True)
class StateChanges:
    """The last value of everything written over the store, and the addresses that EIP-161 calls touched."""

    nonces: dict[int, int]
    balances: dict[int, int]
    codes: dict[int, bytes]
    storage: dict[Slot, int]
    touched: frozenset[int]


class JournaledState:
    """Changes laid over a store, which can be undone back to any snapshot of the running transaction."""

    def __init__(self, reader: StateReader) -> None:
        self._reader = reader
        self._nonces: dict[int, int] = {}
        self._balances: dict[int, int] = {}
        self._codes: dict[int, bytes] = {}
        self._storage: dict[Slot, int] = {}
        self._touched: dict[int, bool] = {}
        self._journal: list[tuple[dict[Any, Any], Any, Any]] = []
        self._originals: dict[Slot, int] = {}
        self._transient: dict[Slot, int] = {}
        self._warm_addresses: dict[int, bool] = {}
        self._warm_slots: dict[Slot, bool] = {}
        self._created: dict[int, bool] = {}
        self._destroyed: dict[int, bool] = {}
        self._counters: dict[str, int] = {"refund": 0}
        self._logs: list[Log] = []

    # --- one transaction after another

    def begin_transaction(self) -> None:
        """Forget what lives for one transaction; nothing before this point can be undone any more."""
        self._journal.clear()
        for scope in (
            self._originals,
            self._transient,
            self._warm_addresses,
            self._warm_slots,
            self._created,
            self._destroyed,
        ):
            scope.clear()
        self._counters["refund"] = 0
        self._logs = []

    def end_transaction(self) -> None:
        """Remove the accounts that destroyed themselves in the transaction that created them (EIP-6780)."""
        for address in self._destroyed:
            self._nonces[address] = 0
            self._balances[address] = 0
            self._codes[address] = b""
            self._touched[address] = True
            for key in self._storage:
                if key[0] == address:
                    self._storage[key] = 0

    def changes(self) -> StateChanges:
        """Everything written so far, as copies."""
        return StateChanges(
            dict(self._nonces),
            dict(self._balances),
            dict(self._codes),
            dict(self._storage),
            frozenset(self._touched),
        )

    # --- the journal

    def snapshot(self) -> Snapshot:
        """A point to which `revert` can return within this transaction."""
        return Snapshot(len(self._journal), len(self._logs))

    def revert(self, snapshot: Snapshot) -> None:
        """Undo everything since `snapshot`, warmth, refunds and logs included."""
        journal = self._journal
        while len(journal) > snapshot.journal:
            scope, key, old = journal.pop()
            if old is _ABSENT:
                del scope[key]
            else:
                scope[key] = old
        del self._logs[snapshot.logs :]

    def _set(self, scope: dict[Any, Any], key: Any, value: Any) -> None:
        self._journal.append((scope, key, scope.get(key, _ABSENT)))
        scope[key] = value

    # --- accounts

    def nonce(self, address: int) -> int:
        """The account's nonce."""
        found = self._nonces.get(address)
        return self._reader.nonce(address) if found is None else found

    def balance(self, address: int) -> int:
        """The account's balance in wei."""
        found = self._balances.get(address)
        return self._reader.balance(address) if found is None else found

    def code(self, address: int) -> bytes:
        """The account's code, empty where it has none."""
        found = self._codes.get(address)
        return self._reader.code(address) if found is None else found

    def is_empty(self, address: int) -> bool:
        """Whether nonce, balance and code are all zero (EIP-161), which to the EVM is the same as absent."""
        return self.nonce(address) == 0 and self.balance(address) == 0 and not self.code(address)

    def code_hash(self, address: int) -> int:
        """Keccak of the account's code, zero for an empty account (EIP-1052)."""
        if self.is_empty(address):
            return 0
        code = self.code(address)
        return int.from_bytes(keccak256(code), "big") if code else EMPTY_CODE_HASH

    def set_nonce(self, address: int, nonce: int) -> None:
        """Write the account's nonce."""
        self.touch(address)
        self._set(self._nonces, address, nonce)

    def set_balance(self, address: int, balance: int) -> None:
        """Write the account's balance in wei."""
        self.touch(address)
        self._set(self._balances, address, balance)

    def set_code(self, address: int, code: bytes) -> None:
        """Write the account's code."""
        self.touch(address)
        self._set(self._codes, address, code)

    def add_balance(self, address: int, amount: int) -> None:
        """Credit `amount` wei; zero still touches the account."""
        self.set_balance(address, self.balance(address) + amount)

    def transfer(self, source: int, target: int, amount: int) -> None:
        """Move `amount` wei; InputError if the source has less, which callers check first."""
        balance = self.balance(source)
        if balance < amount:
            raise InputError(
                f"transfer from {source:#042x}: expected a balance of {amount} wei, got {balance}"
            )
        self.set_balance(source, balance - amount)
        self.add_balance(target, amount)

    def touch(self, address: int) -> None:
        """Note that the account took part, so that it is removed if it ends up empty."""
        if address not in self._touched:
            self._set(self._touched, address, True)

    # --- storage

    def storage(self, address: int, slot: int) -> int:
        """The current word of a storage slot."""
        found = self._storage.get((address, slot))
        return self._reader.storage(address, slot) if found is None else found

    def original_storage(self, address: int, slot: int) -> int:
        """The word that the slot had when the transaction began."""
        found = self._originals.get((address, slot))
        return self.storage(address, slot) if found is None else found

    def has_storage(self, address: int) -> bool:
        """Whether the store knows of any storage of the account (EIP-7610)."""
        return isinstance(self._reader, StorageOwner) and self._reader.has_storage(address)

    def set_storage(self, address: int, slot: int, word: int) -> None:
        """Write a storage slot."""
        key = (address, slot)
        if key not in self._originals:
            self._originals[key] = self.storage(address, slot)
        self._set(self._storage, key, word)

    def transient(self, address: int, slot: int) -> int:
        """The word of a transient storage slot (EIP-1153)."""
        return self._transient.get((address, slot), 0)

    def set_transient(self, address: int, slot: int, word: int) -> None:
        """Write a transient storage slot."""
        self._set(self._transient, (address, slot), word)

    # --- what lives for one transaction

    def is_warm_address(self, address: int) -> bool:
        """Whether the account was accessed before in this transaction (EIP-2929)."""
        return address in self._warm_addresses

    def warm_address(self, address: int) -> bool:
        """Make the account warm; says whether it already was."""
        if address in self._warm_addresses:
            return True
        self._set(self._warm_addresses, address, True)
        return False

    def is_warm_slot(self, address: int, slot: int) -> bool:
        """Whether the slot was accessed before in this transaction (EIP-2929)."""
        return (address, slot) in self._warm_slots

    def warm_slot(self, address: int, slot: int) -> bool:
        """Make the slot warm; says whether it already was."""
        if (address, slot) in self._warm_slots:
            return True
        self._set(self._warm_slots, (address, slot), True)
        return False

    @property
    def refund(self) -> int:
        """The transaction's refund counter, in gas."""
        return self._counters["refund"]

    def add_refund(self, amount: int) -> None:
        """Change the refund counter by `amount`, which may be negative."""
        self._set(self._counters, "refund", self._counters["refund"] + amount)

    @property
    def logs(self) -> tuple[Log, ...]:
        """The events of this transaction that were not undone, in order."""
        return tuple(self._logs)

    def add_log(self, log: Log) -> None:
        """Append an event."""
        self._logs.append(log)

    def mark_created(self, address: int) -> None:
        """Note that the account's code is being created in this transaction."""
        self._set(self._created, address, True)

    def is_created(self, address: int) -> bool:
        """Whether the account was created in this transaction."""
        return address in self._created

    def mark_destroyed(self, address: int) -> None:
        """Note that the account disappears at the end of this transaction."""
        self._set(self._destroyed, address, True)


@dataclass(slots=True)
class Account:
    """One account of a `MemoryState`."""

    nonce: int = 0
    balance: int = 0
    code: bytes = b""
    storage: dict[int, int] = field(default_factory=dict)

    def is_empty(self) -> bool:
        """Whether EIP-161 calls the account empty; storage does not count."""
        return self.nonce == 0 and self.balance == 0 and not self.code


class MemoryState:
    """A store of accounts in a dictionary."""

    def __init__(self, accounts: dict[int, Account] | None = None) -> None:
        self.accounts: dict[int, Account] = {} if accounts is None else accounts

    def nonce(self, address: int) -> int:
        """The account's nonce."""
        account = self.accounts.get(address)
        return account.nonce if account else 0

    def balance(self, address: int) -> int:
        """The account's balance in wei."""
        account = self.accounts.get(address)
        return account.balance if account else 0

    def code(self, address: int) -> bytes:
        """The account's code, empty where it has none."""
        account = self.accounts.get(address)
        return account.code if account else b""

    def storage(self, address: int, slot: int) -> int:
        """The word in one of the account's storage slots."""
        account = self.accounts.get(address)
        return account.storage.get(slot, 0) if account else 0

    def has_storage(self, address: int) -> bool:
        """Whether any slot of the account holds a word other than zero."""
        account = self.accounts.get(address)
        return account is not None and any(account.storage.values())

    def apply(self, changes: StateChanges) -> None:
        """Take over what a `JournaledState` wrote; touched accounts that ended up empty go (EIP-161)."""
        for address, nonce in changes.nonces.items():
            self._account(address).nonce = nonce
        for address, balance in changes.balances.items():
            self._account(address).balance = balance
        for address, code in changes.codes.items():
            self._account(address).code = code
        for (address, slot), word in changes.storage.items():
            if word:
                self._account(address).storage[slot] = word
            else:
                self._account(address).storage.pop(slot, None)
        for address in changes.touched:
            account = self.accounts.get(address)
            if account is not None and account.is_empty():
                del self.accounts[address]

    def _account(self, address: int) -> Account:
        return self.accounts.setdefault(address, Account())
