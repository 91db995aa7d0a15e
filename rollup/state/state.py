"""Account fields and storage slots as words, with the tree that commits to them.

Every word has a place (address, field, slot); the slot is 0 for all fields but STORAGE. In the tree

    key   = Poseidon(address, field, slot_hi, slot_lo)
    value = 0 for the word 0, else Poseidon(hi, lo)

The registry of accounts lies in the same tree: its index stands in place of the address, and the word is the
address registered under it.

The words stand beside the tree in the store. A place without a leaf means the word 0; a leaf once made is
kept, with value 0 when its word becomes 0 again.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError
from zkroll.rollup.state.hashing import halves, poseidon, poseidon_many
from zkroll.rollup.state.smt import SparseMerkleTree, TreeUpdate
from zkroll.rollup.state.store import MemoryStore, Put, Store, Table

CODE_CHUNK_BYTES = 31
MAX_CODE_BYTES = 24576  # EIP-170


class Field(enum.IntEnum):
    """The fields of an account, as they enter the tree key; REGISTRY is the one of an index."""

    NONCE = 0
    BALANCE = 1
    CODE_POSEIDON = 2
    CODE_KECCAK = 3
    CODE_SIZE = 4
    STORAGE = 5
    REGISTRY = 6


class Place(NamedTuple):
    """Where a word lives."""

    address: int
    field: Field
    slot: int = 0


@dataclass(frozen=True, slots=True)
class TouchedWord:
    """One place that a batch touched, its word before and after the batch, and the tree step that says so."""

    place: Place
    first: int
    last: int
    update: TreeUpdate


class State:
    """The present words, their tree and the code, over a store.

    Changes stay in memory until `commit`.
    """

    def __init__(self, store: Store | None = None) -> None:
        self.store: Store = MemoryStore() if store is None else store
        self._words: dict[Place, int] = {}
        self._codes: dict[int, bytes] = {}
        self._registrations: dict[int, int] | None = None
        self._tree = SparseMerkleTree(self._load_node, root=self.meta_number("root", default=0))

    @property
    def root(self) -> int:
        """The root of the present tree (0 for the empty state)."""
        return self._tree.root

    def word(self, place: Place) -> int:
        """The word at a place, 0 where there is none."""
        known = self._words.get(place)
        if known is not None:
            return known
        stored = self.store.get(Table.WORD, _word_key(place))
        if stored is not None and len(stored) != 32:
            raise InputError(
                f"state store: word of {place.address:#042x}: expected 32 bytes, got {len(stored)}"
            )
        return 0 if stored is None else int.from_bytes(stored, "big")

    def code(self, address: int) -> bytes:
        """The account's code, empty where it has none."""
        digest = self.word(Place(address, Field.CODE_POSEIDON))
        if digest == 0:
            return b""
        code = self._codes.get(digest)
        if code is None:
            code = self.store.get(Table.CODE, digest.to_bytes(32, "big"))
        if code is None:
            raise InputError(f"state store: code of {address:#042x} is missing")
        return code

    def apply(
        self, writes: Iterable[tuple[Place, int]], *, keep_zeros: bool = False
    ) -> tuple[TouchedWord, ...]:
        """Set each place (once at most) to its word and give the tree steps, in the order of the tree keys.

        A place that is only read is given the word it has. With `keep_zeros` a zero word makes a leaf too.
        Raises InputError for a place given twice or a word out of range; then nothing has changed.
        """
        rows = list(writes)
        if len({place for place, _ in rows}) != len(rows):
            raise InputError("state: a place is written twice in one step")
        for place, word in rows:
            if not 0 <= word < 1 << 256:
                raise InputError(
                    f"state: {place.field.name} of {place.address:#042x}: expected a 256-bit word"
                )
        keys = tree_keys([place for place, _ in rows])
        values = tree_values([word for _, word in rows])
        order = sorted(range(len(rows)), key=keys.__getitem__)
        updates = self._tree.touch_many([(keys[i], values[i]) for i in order], keep_zero=keep_zeros)
        touched = tuple(
            TouchedWord(rows[i][0], self.word(rows[i][0]), rows[i][1], update)
            for i, update in zip(order, updates, strict=True)
        )
        self._words.update(rows)
        if self._registrations is not None:
            self._registrations.update(
                (place.address, word) for place, word in rows if word and place.field is Field.REGISTRY
            )
        return touched

    def add_code(self, code: bytes) -> None:
        """Keep a contract's code so that `code` finds it by its Poseidon hash."""
        self._codes[code_poseidon(code)] = code

    def commit(self, **meta: int) -> None:
        """Write all that changed, with the root and the named numbers, in one transaction of the store."""
        puts: list[Put] = [
            (Table.NODE, digest.to_bytes(32, "big"), data) for digest, data in self._tree.unsaved()
        ]
        puts += [
            (Table.WORD, _word_key(place), word.to_bytes(32, "big")) for place, word in self._words.items()
        ]
        puts += [(Table.CODE, digest.to_bytes(32, "big"), code) for digest, code in self._codes.items()]
        meta["root"] = self.root
        puts += [(Table.META, name.encode(), number.to_bytes(32, "big")) for name, number in meta.items()]
        self.store.commit(puts)
        self._tree.forget()
        self._words.clear()
        self._codes.clear()

    def meta_number(self, name: str, default: int) -> int:
        """A number kept by an earlier `commit`."""
        stored = self.store.get(Table.META, name.encode())
        return default if stored is None else int.from_bytes(stored, "big")

    def prove(self, place: Place) -> TouchedWord:
        """The word at a place with its path in the present tree; changes nothing."""
        return self.apply([(place, self.word(place))])[0]

    def has_leaf(self, place: Place) -> bool:
        """Whether the tree holds a leaf for the place (it may hold the word 0)."""
        return self._tree.get(tree_keys([place])[0]) is not None

    def registrations(self) -> Mapping[int, int]:
        """The address registered under each index: read from the store once, then kept as words are applied."""
        if self._registrations is None:
            kind = bytes([Field.REGISTRY])
            found = {
                _place_of(key): int.from_bytes(word, "big")
                for key, word in self.store.items(Table.WORD)
                if key[20:21] == kind
            }
            found |= {place: word for place, word in self._words.items() if place.field is Field.REGISTRY}
            self._registrations = {place.address: word for place, word in found.items() if word}
        return self._registrations

    def places(self) -> list[Place]:
        """All places ever written, in order; for export and inspection."""
        found = {_place_of(key) for key, _ in self.store.items(Table.WORD)} | set(self._words)
        return sorted(place for place in found if self.has_leaf(place))

    def _load_node(self, digest: int) -> bytes | None:
        return self.store.get(Table.NODE, digest.to_bytes(32, "big"))


def tree_keys(places: Sequence[Place]) -> list[int]:
    """Poseidon(address, field, slot_hi, slot_lo) of every place.

    Raises InputError for an address above 160 bits, a slot above 256 bits or a slot given to a plain field.
    """
    for place in places:
        if not 0 <= place.address < 1 << 160 or not 0 <= place.slot < 1 << 256:
            raise InputError(f"state: expected a 160-bit address and a 256-bit slot, got {place}")
        if place.slot and place.field is not Field.STORAGE:
            raise InputError(f"state: expected slot 0 for {place.field.name}, got {place.slot:#x}")
    return poseidon_many([(place.address, int(place.field), *halves(place.slot)) for place in places])


def tree_values(words: Sequence[int]) -> list[int]:
    """0 for the word 0, else Poseidon(hi, lo)."""
    hashes = iter(poseidon_many([halves(word) for word in words if word]))
    return [next(hashes) if word else 0 for word in words]


@lru_cache(maxsize=256)
def code_poseidon(code: bytes) -> int:
    """The circuits' code hash: h = Poseidon(h, chunk) over 31-byte big-endian chunks, from h = length."""
    digest = len(code)
    for start in range(0, len(code), CODE_CHUNK_BYTES):
        chunk = code[start : start + CODE_CHUNK_BYTES].ljust(CODE_CHUNK_BYTES, b"\x00")
        digest = poseidon(digest, int.from_bytes(chunk, "big"))
    return digest


def code_words(address: int, code: bytes) -> list[tuple[Place, int]]:
    """The three words that an account with code has; none for empty code.

    Raises InputError for code above 24,576 bytes (EIP-170).
    """
    if len(code) > MAX_CODE_BYTES:
        raise InputError(f"code of {address:#042x}: expected at most {MAX_CODE_BYTES} bytes, got {len(code)}")
    if not code:
        return []
    return [
        (Place(address, Field.CODE_POSEIDON), code_poseidon(code)),
        (Place(address, Field.CODE_KECCAK), int.from_bytes(keccak256(code), "big")),
        (Place(address, Field.CODE_SIZE), len(code)),
    ]


def _word_key(place: Place) -> bytes:
    return place.address.to_bytes(20, "big") + bytes([place.field]) + place.slot.to_bytes(32, "big")


def _place_of(key: bytes) -> Place:
    if len(key) != 53 or key[20] > max(Field):
        raise InputError(f"state store: expected a word key of 53 bytes, got {key[:60]!r}")
    return Place(int.from_bytes(key[:20], "big"), Field(key[20]), int.from_bytes(key[21:], "big"))
