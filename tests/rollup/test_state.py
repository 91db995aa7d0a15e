"""Words, code and tree together: the fixed formats, commits, and genesis from accounts."""

from pathlib import Path

import pytest

from zkroll.algebra.keccak import keccak256
from zkroll.algebra.reference.poseidon import poseidon_hash
from zkroll.errors import InputError
from zkroll.rollup.genesis import Account, build_state, export_accounts
from zkroll.rollup.state.smt import Touch
from zkroll.rollup.state.state import Field, Place, State, code_poseidon, code_words, tree_keys, tree_values
from zkroll.rollup.state.store import LmdbStore

ALICE, TOKEN = 0xA11CE << 140, 0x70CE


def balance(address: int) -> Place:
    return Place(address, Field.BALANCE)


def test_keys_and_values_follow_the_fixed_format() -> None:
    slot, word = (3 << 128) + 4, (5 << 128) + 6
    assert tree_keys([Place(ALICE, Field.STORAGE, slot)]) == [poseidon_hash([ALICE, 5, 3, 4])]
    assert tree_keys([balance(ALICE)]) == [poseidon_hash([ALICE, 1, 0, 0])]
    assert tree_values([word, 0, 7]) == [poseidon_hash([5, 6]), 0, poseidon_hash([0, 7])]


def test_code_is_hashed_by_31_byte_chunks_from_its_length() -> None:
    code = bytes(range(1, 34))
    first = poseidon_hash([33, int.from_bytes(code[:31], "big")])
    second = poseidon_hash([first, int.from_bytes(code[31:] + bytes(29), "big")])
    assert code_poseidon(code) == second
    assert code_poseidon(code + b"\x00") != second
    assert code_words(TOKEN, b"") == []
    assert dict(code_words(TOKEN, code)) == {
        Place(TOKEN, Field.CODE_POSEIDON): second,
        Place(TOKEN, Field.CODE_KECCAK): int.from_bytes(keccak256(code), "big"),
        Place(TOKEN, Field.CODE_SIZE): 33,
    }


def test_touched_words_come_sorted_by_key_with_chained_roots() -> None:
    state = build_state([Account(ALICE, balance=10), Account(TOKEN, code=b"\x00", storage={1: 2, 3: 4})])
    old_root = state.root
    touched = state.apply(
        [
            (balance(ALICE), 0),
            (Place(ALICE, Field.NONCE), 1),
            (Place(TOKEN, Field.STORAGE, 1), 2),
            (Place(TOKEN, Field.STORAGE, 9), 0),
        ]
    )
    keys = [word.update.key for word in touched]
    assert keys == sorted(keys)
    roots = [old_root, *[word.update.new_root for word in touched]]
    assert [word.update.old_root for word in touched] == roots[:-1]
    assert roots[-1] == state.root
    for word in touched:
        assert word.update.recompute() == (word.update.old_root, word.update.new_root)
        assert word.update.old_value == tree_values([word.first])[0]
        assert word.update.new_value == tree_values([word.last])[0]
    kinds = {word.place: word.update.kind for word in touched}
    assert kinds[balance(ALICE)] is Touch.UPDATE
    assert kinds[Place(TOKEN, Field.STORAGE, 9)] in (Touch.ABSENT_EMPTY, Touch.ABSENT_BESIDE)
    assert state.has_leaf(balance(ALICE))
    assert not state.has_leaf(Place(TOKEN, Field.STORAGE, 9))


def test_a_committed_state_is_the_same_after_reopening(tmp_path: Path) -> None:
    accounts = [Account(ALICE, balance=10, nonce=2), Account(TOKEN, code=b"\x60\x00", storage={1 << 200: 5})]
    with LmdbStore(tmp_path) as store:
        state = build_state(accounts, store)
        state.apply([(balance(ALICE), 0)])
        state.commit(batch=7)
        root = state.root
        state.apply([(balance(ALICE), 99)])
    with LmdbStore(tmp_path) as store:
        state = State(store)
        assert (state.root, state.meta_number("batch", 0)) == (root, 7)
        assert state.word(balance(ALICE)) == 0
        assert state.has_leaf(balance(ALICE))
        assert state.word(Place(TOKEN, Field.STORAGE, 1 << 200)) == 5
        assert state.code(TOKEN) == b"\x60\x00"
        assert state.code(ALICE) == b""
        assert build_state(export_accounts(state)).root == root
        with pytest.raises(InputError, match="expected an empty state store"):
            build_state(accounts, store)


def test_the_empty_state_has_root_zero_and_proves_absence() -> None:
    state = State()
    assert (state.root, state.word(balance(ALICE)), state.code(ALICE)) == (0, 0, b"")
    assert state.prove(balance(ALICE)).update.kind is Touch.ABSENT_EMPTY
    assert build_state([Account(ALICE)]).root == 0


def test_an_emptied_place_keeps_its_leaf_through_export_and_json() -> None:
    plain, emptied = Account(ALICE, nonce=1), Account(ALICE, nonce=1, emptied=frozenset({balance(ALICE)}))
    assert build_state([plain]).root != build_state([emptied]).root
    assert export_accounts(build_state([emptied])) == (emptied,)


@pytest.mark.parametrize(
    ("accounts", "message"),
    [
        ([Account(ALICE, balance=1), Account(ALICE, balance=1)], "given twice"),
        ([Account(ALICE, balance=1 << 127), Account(TOKEN, balance=1 << 127)], "supply below 2\\^128"),
        ([Account(ALICE, balance=1 << 128)], "below 2\\^128"),
        ([Account(ALICE, balance=-1)], "balance"),
        ([Account(ALICE, nonce=1 << 64)], "nonce"),
        ([Account(1 << 160)], "160-bit address"),
        ([Account(ALICE, storage={1 << 256: 1})], "storage"),
        ([Account(ALICE, storage={1: 1 << 256})], "storage"),
        ([Account(ALICE, code=bytes(24577))], "at most 24576 bytes"),
        ([Account(ALICE, balance=1, emptied=frozenset({balance(ALICE)}))], "emptied and has a word"),
        ([Account(ALICE, emptied=frozenset({balance(TOKEN)}))], "another account"),
    ],
)
def test_accounts_that_no_genesis_may_have_are_refused(accounts: list[Account], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_state(accounts)


@pytest.mark.parametrize(
    ("place", "word"),
    [
        (Place(1 << 160, Field.NONCE), 1),
        (Place(-1, Field.NONCE), 1),
        (Place(ALICE, Field.BALANCE, 1), 1),
        (Place(ALICE, Field.STORAGE, 1 << 256), 1),
        (Place(ALICE, Field.STORAGE, 1), 1 << 256),
        (Place(ALICE, Field.STORAGE, 1), -1),
    ],
)
def test_a_refused_write_changes_nothing(place: Place, word: int) -> None:
    state = build_state([Account(ALICE, balance=1)])
    root = state.root
    with pytest.raises(InputError):
        state.apply([(balance(TOKEN), 5), (place, word)])
    assert (state.root, state.word(balance(TOKEN))) == (root, 0)


def test_a_place_written_twice_in_one_step_is_refused() -> None:
    with pytest.raises(InputError, match="twice"):
        State().apply([(balance(ALICE), 1), (balance(ALICE), 2)])
