"""Batch files: round trips, the published schema, and refusals with their place."""

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rollup_batches import CHAIN, alice, batch, signed

import zkroll.rollup
from zkroll.errors import InputError
from zkroll.rollup import batch_format
from zkroll.rollup.batch import (
    Batch,
    accounts_to_json,
    parse_accounts,
    parse_batch,
    read_batch,
)
from zkroll.rollup.genesis import Account
from zkroll.rollup.state.state import Field, Place


@pytest.fixture(scope="module")
def example() -> Batch:
    emptied = frozenset({Place(7, Field.STORAGE, 3), Place(7, Field.BALANCE), Place(7, Field.NONCE)})
    accounts = [
        Account(alice(0), balance=10**18, nonce=1),
        Account(7, code=b"\x60\x00", storage={1 << 255: 2, 0: 1}, emptied=emptied),
    ]
    return batch([signed(to=7, value=3, nonce=1, data=b"\x00\x01"), signed(1, to=alice(0))], accounts)


@pytest.fixture(scope="module")
def content(example: Batch) -> Any:
    return json.loads(example.to_json())


def test_a_batch_survives_its_file(example: Batch, tmp_path: Path) -> None:
    path = tmp_path / "batch.json"
    path.write_bytes(example.to_json())
    assert read_batch(path) == example
    assert read_batch(path).to_json() == example.to_json()


def test_the_state_may_stand_in_a_file_beside_the_batch(
    example: Batch, content: dict[str, Any], tmp_path: Path
) -> None:
    assert parse_accounts(accounts_to_json(example.pre_state)) == example.pre_state
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "state.json").write_bytes(accounts_to_json(example.pre_state))
    (tmp_path / "batch.json").write_text(json.dumps({**content, "pre_state": "sub/state.json"}))
    assert read_batch(tmp_path / "batch.json") == example
    with pytest.raises(InputError, match="no folder"):
        parse_batch((tmp_path / "batch.json").read_bytes())


@pytest.mark.parametrize(
    "name",
    ["../state.json", "/etc/passwd", "link.json", "sub/../../state.json", "none.json", "sub", "a\x00b"],
)
def test_a_state_file_outside_the_folder_is_refused(
    content: dict[str, Any], tmp_path: Path, name: str
) -> None:
    (tmp_path / "state.json").write_text('{"accounts": {}}')
    folder = tmp_path / "batch"
    (folder / "sub").mkdir(parents=True)
    (folder / "link.json").symlink_to(tmp_path / "state.json")
    (folder / "batch.json").write_text(json.dumps({**content, "pre_state": name}))
    with pytest.raises(InputError):
        read_batch(folder / "batch.json")


def test_folders_devices_fifos_and_missing_files_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", Path("/dev/zero"), Path("/dev/null"), tmp_path / "none"):
        with pytest.raises(InputError, match=path.name):
            read_batch(path)


def test_registrations_and_indices_survive_the_file(example: Batch) -> None:
    accounts = tuple(
        dataclasses.replace(account, indices=(3, 2**32 - 1)) if account.address == 7 else account
        for account in example.pre_state
    )
    for registrations in ((), ((0, alice(0)), (1, alice(1)))):
        made = dataclasses.replace(example, pre_state=accounts, registrations=registrations)
        assert parse_batch(made.to_json()) == made
    assert example.registrations is None
    assert b"registrations" not in example.to_json()


@pytest.mark.parametrize(
    "registrations",
    [
        None,
        [{"index": "0"}],
        [{"index": str(2**32), "address": "0x" + "00" * 20}],
        [{"index": "0", "address": "0x" + "00" * 21}],
        [{"index": 0, "address": "0x" + "00" * 20}],
        [{"index": "0", "address": "0x" + "00" * 20, "more": "1"}],
    ],
)
def test_registrations_that_are_none_are_refused(content: dict[str, Any], registrations: Any) -> None:
    with pytest.raises(InputError):
        parse_batch(json.dumps({**content, "registrations": registrations}).encode())


def test_the_published_schema_is_that_of_the_reader() -> None:
    folder = Path(zkroll.rollup.__file__).parent
    published = json.loads((folder / "schema" / "batch.schema.json").read_text())
    assert published == batch_format.batch_schema()


def change(content: dict[str, Any], path: str, value: Any) -> bytes:
    changed = json.loads(json.dumps(content))
    spot = changed
    *parents, last = path.split(".")
    for name in parents:
        spot = spot[int(name)] if isinstance(spot, list) else spot[name]
    if isinstance(spot, list):
        spot[int(last)] = value
    else:
        spot[last] = value
    return json.dumps(changed).encode()


@pytest.mark.parametrize(
    "text",
    [
        "1_000",
        " 7",
        "7 ",
        "+7",
        "-7",
        "07",
        "",
        "0x",
        "0x07",
        "0X7",
        "7\n",
        "٣",
        "1e3",
        "1.0",
        "9" * 78,
        "9" * 5000,
        "0x" + "f" * 65,
        1,
        1.0,
        True,
        None,
        [],
        {},
    ],
)
def test_numbers_written_otherwise_are_refused(content: dict[str, Any], text: Any) -> None:
    for path in ("batch_number", "transactions.0.value", "transactions.1.signature.s"):
        with pytest.raises(InputError):
            parse_batch(change(content, path, text))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", "zkroll-batch-2"),
        ("chain_id", "0"),
        ("chain_id", str(2**64)),
        ("batch_number", str(2**64)),
        ("timestamp", str(2**64)),
        ("coinbase", "0x00"),
        ("rollup_address", "0x" + "g" * 40),
        ("transactions.0.gas_limit", str(2**32)),
        ("transactions.0.gas_price", str(2**64)),
        ("transactions.0.nonce", str(2**64)),
        ("transactions.0.value", str(2**128)),
        ("transactions.0.data", "0x0"),
        ("transactions.0.data", "0x00\n"),
        ("transactions.0.public_key.x", str(2**254 - 1)),
        ("transactions.0.signature.s", str(2**254)),
        ("transactions.1.surplus", "1"),
        ("pre_state.accounts.0x0000000000000000000000000000000000000009", {"balance": "1", "code_hash": "0"}),
        (
            "pre_state.accounts.0x0000000000000000000000000000000000000009",
            {"storage": {"0x1": "1", "1": "2"}},
        ),
        ("pre_state.accounts.0x0000000000000000000000000000000000000009", {"storage": {"01": "1"}}),
        (
            "pre_state.accounts.0x0000000000000000000000000000000000000009",
            {"emptied": {"slots": ["1", "0x1"]}},
        ),
        ("pre_state.accounts.0x09", {"balance": "1"}),
    ],
)
def test_values_out_of_range_and_unknown_fields_are_refused(
    content: dict[str, Any], path: str, value: Any
) -> None:
    with pytest.raises(InputError) as refusal:
        parse_batch(change(content, path, value))
    assert "\n" not in str(refusal.value)


def test_an_error_names_its_place(content: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"transactions\[1\]: gas_limit"):
        parse_batch(change(content, "transactions.1.gas_limit", str(2**32)))
    with pytest.raises(InputError, match=r"\$\.transactions\[1\]\.value"):
        parse_batch(change(content, "transactions.1.value", "x"))


def test_one_account_in_two_spellings_is_refused(content: dict[str, Any]) -> None:
    lower, upper = "0x" + "ab" * 20, "0x" + "AB" * 20
    accounts = {lower: {"balance": "1"}, upper: {"balance": "1"}}
    with pytest.raises(InputError, match="given twice"):
        parse_batch(json.dumps({**content, "pre_state": {"accounts": accounts}}).encode())


def test_missing_fields_are_refused_one_by_one(content: dict[str, Any]) -> None:
    for name in content.keys() - {"messages", "queue_before"}:  # absent: none, and an empty queue
        with pytest.raises(InputError):
            parse_batch(json.dumps({key: value for key, value in content.items() if key != name}).encode())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-3],
        lambda text: text + b"{}",
        lambda text: text.replace(b'"chain_id"', b'"chain_id": "1", "chain_id"', 1),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.decode().encode("utf-16"),
        lambda text: b"[" * 100_000,
        lambda text: b'{"a":' * 100_000,
        lambda text: b"",
        lambda text: b"null",
        lambda text: b'"\xff"',
        lambda text: b"NaN",
        lambda text: text.replace(b'"1337"', b"1337", 1),
        lambda text: b"9" * 10_000,
    ],
)
def test_text_that_is_no_batch_is_refused(content: dict[str, Any], spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(InputError):
        parse_batch(spoil(json.dumps(content).encode()))


def test_a_file_above_the_size_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(batch_format.LARGEST_FILE + 1)
    with pytest.raises(InputError, match="at most"):
        read_batch(path)


@pytest.mark.parametrize("field", ["batch_number", "rollup_address", "timestamp", "coinbase", "chain_id"])
def test_headers_out_of_range_are_refused(example: Batch, field: str) -> None:
    for value in (-1, 1 << 160):
        with pytest.raises(InputError, match=field.replace("_id", " id")):
            dataclasses.replace(example, **{field: value})  # type: ignore[arg-type]
    assert example.chain_id == CHAIN


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_spoiled_file_is_read_or_refused_with_one_line(example: Batch, data: st.DataObject) -> None:
    text = bytearray(example.to_json())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 30)))
        text[start:end] = data.draw(st.binary(max_size=6))
    outcome = "read"
    try:
        parse_batch(bytes(text))
    except InputError as refusal:
        outcome = str(refusal)
    assert "\n" not in outcome
