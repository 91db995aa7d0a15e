"""The registry of accounts: 32-bit indices that stand for addresses in the batch data.

The word of place (index, REGISTRY) is the address; it is written once and never changes. An address may have
several indices: the lowest one is its own. The zero address has none, as a place never written holds zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from zkroll.errors import InputError

if TYPE_CHECKING:
    from zkroll.rollup.state.state import State
    from zkroll.rollup.transaction import Transaction

INDEX_BITS = 32

#: an index and the address that it stands for from the batch on
Registration = tuple[int, int]


class Registry:
    """Which address an index stands for, and which index an address has."""

    def __init__(self, entries: Iterable[Registration] = ()) -> None:
        """Raises InputError for an entry out of range and for an index given twice."""
        self._addresses: dict[int, int] = {}
        self._indices: dict[int, int] = {}
        self._free = 0
        for index, address in entries:
            self.add(index, address)

    @classmethod
    def of_state(cls, state: State) -> Registry:
        """The registry in a state; what is added to it does not change the state."""
        return cls(state.registrations().items())

    def copy(self) -> Registry:
        """The same registry, to add to."""
        other = Registry()
        other._addresses, other._indices = dict(self._addresses), dict(self._indices)
        other._free = self._free
        return other

    def __len__(self) -> int:
        return len(self._addresses)

    def address(self, index: int) -> int:
        """The address that an index stands for; raises InputError for an index that is not registered."""
        known = self._addresses.get(index)
        if known is None:
            raise InputError(f"registry: expected a registered index, got {index}")
        return known

    def index(self, address: int) -> int:
        """The lowest index of an address; raises InputError where it has none."""
        known = self._indices.get(address)
        if known is None:
            raise InputError(f"registry: expected an account with an index, got {address:#042x}")
        return known

    def add(self, index: int, address: int) -> None:
        """Let an index stand for an address, from now on (for the zero address that is no change).

        Raises InputError for an index above 32 bits or taken, and for an address above 160 bits.
        """
        if not 0 <= index < 1 << INDEX_BITS or not 0 <= address < 1 << 160:
            raise InputError(f"registry: expected a 32-bit index and an address, got {index}, {address:#x}")
        if index in self._addresses:
            raise InputError(
                f"registry: index {index} stands for {self._addresses[index]:#042x}, got {address:#042x}"
            )
        if address:
            self._addresses[index] = address
            self._indices[address] = min(index, self._indices.get(address, index))

    def register(self, transactions: Sequence[Transaction]) -> tuple[Registration, ...]:
        """Give every sender and recipient an index and say which are new, in their order of appearance.

        The lowest free indices are taken. Raises InputError for the zero address and when none is free.
        """
        new: list[Registration] = []
        for number, transaction in enumerate(transactions):
            for name, address in (("from", transaction.sender), ("to", transaction.to)):
                if not address:
                    raise InputError(f"transaction {number}: {name}: the zero address has no index")
                if address not in self._indices:
                    while self._free in self._addresses:
                        self._free += 1
                    self.add(self._free, address)
                    new.append((self._free, address))
        return tuple(new)


def register_accounts(state: State, transactions: Sequence[Transaction]) -> tuple[Registration, ...]:
    """The registrations that a batch of these transactions needs on this state, as `Registry.register`."""
    return Registry.of_state(state).register(transactions)
