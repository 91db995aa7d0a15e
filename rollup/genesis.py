"""Accounts as plain data, and the state that is built of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from zkroll.errors import InputError
from zkroll.rollup.registry import INDEX_BITS
from zkroll.rollup.state.state import Field, Place, State, code_words
from zkroll.rollup.state.store import Store

SUPPLY_LIMIT = 1 << 128


@dataclass(frozen=True, slots=True)
class Account:
    """One account: balance in wei, code as bytes, storage words by slot.

    `indices` are those registered for it. `emptied` names the places of this account that were written once and
    hold zero now: they have a leaf, unlike places never written. A state made by earlier batches has such places;
    a genesis has none.
    """

    address: int
    balance: int = 0
    nonce: int = 0
    code: bytes = b""
    storage: Mapping[int, int] = field(default_factory=dict)
    emptied: frozenset[Place] = frozenset()
    indices: tuple[int, ...] = ()

    def words(self) -> list[tuple[Place, int]]:
        """The nonzero words of this account; raises InputError for one out of range."""
        where = f"account {self.address:#042x}"
        if not 0 <= self.address < 1 << 160:
            raise InputError(f"account: expected a 160-bit address, got {self.address:#x}")
        if not 0 <= self.balance < SUPPLY_LIMIT:
            raise InputError(f"{where}: balance: expected less than 2^128, got {self.balance}")
        if not 0 <= self.nonce < 1 << 64:
            raise InputError(f"{where}: nonce: expected less than 2^64, got {self.nonce}")
        rows = [
            (Place(self.address, Field.NONCE), self.nonce),
            (Place(self.address, Field.BALANCE), self.balance),
        ]
        rows += code_words(self.address, self.code)
        for slot, word in self.storage.items():
            if not 0 <= slot < 1 << 256 or not 0 <= word < 1 << 256:
                raise InputError(
                    f"{where}: storage[{slot:#x}]: expected 256-bit slot and word, got {word:#x}"
                )
            rows.append((Place(self.address, Field.STORAGE, slot), word))
        for index in self.indices:
            if not 0 <= index < 1 << INDEX_BITS:
                raise InputError(f"{where}: indices: expected at most {INDEX_BITS} bits, got {index}")
            rows.append((Place(index, Field.REGISTRY), self.address))
        return [(place, word) for place, word in rows if word]


def build_state(accounts: Iterable[Account], store: Store | None = None) -> State:
    """A state that holds exactly these accounts, in an empty store (in memory when none is given).

    Raises InputError for an account or an index given twice, a supply of 2^128 or more, a place both emptied
    and held, and a store that is not empty. Nothing is committed.
    """
    everything = list(accounts)
    state = State(store)
    if state.root:
        raise InputError(f"genesis: expected an empty state store, got one with root {state.root:#x}")
    if len({account.address for account in everything}) != len(everything):
        raise InputError("genesis: an account is given twice")
    indices = [index for account in everything for index in account.indices]
    if len(set(indices)) != len(indices):
        raise InputError("genesis: an index is given twice")
    supply = sum(account.balance for account in everything)
    if supply >= SUPPLY_LIMIT:
        raise InputError(f"genesis: expected a supply below 2^128, got {supply}")
    held = [row for account in everything for row in account.words()]
    emptied = [place for account in everything for place in sorted(account.emptied)]
    for account in everything:
        if any(place.address != account.address for place in account.emptied):
            raise InputError(f"account {account.address:#042x}: emptied: a place of another account")
    if {place for place, _ in held} & set(emptied):
        raise InputError("genesis: a place is said to be emptied and has a word too")
    state.apply([*held, *[(place, 0) for place in emptied]], keep_zeros=True)
    for account in everything:
        if account.code:
            state.add_code(account.code)
    return state


def export_accounts(state: State) -> tuple[Account, ...]:
    """The accounts of a state, sorted by address: `build_state` of them has the same root."""
    by_address: dict[int, dict[Place, int]] = {}
    for place in state.places():
        word = state.word(place)
        owner = word if place.field is Field.REGISTRY else place.address
        by_address.setdefault(owner, {})[place] = word
    return tuple(_account(state, address, words) for address, words in sorted(by_address.items()))


def _account(state: State, address: int, words: Mapping[Place, int]) -> Account:
    return Account(
        address=address,
        balance=words.get(Place(address, Field.BALANCE), 0),
        nonce=words.get(Place(address, Field.NONCE), 0),
        code=state.code(address),
        storage={place.slot: word for place, word in words.items() if place.field is Field.STORAGE and word},
        emptied=frozenset(place for place, word in words.items() if not word),
        indices=tuple(place.address for place in words if place.field is Field.REGISTRY),
    )
