"""The batch file as JSON: types, strict reading, writing, and the published schema.

Every number is a string, `0x` hex or decimal, without leading zeros, signs or separators; JSON numbers,
unknown fields, missing fields and keys given twice are refused.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, NoReturn, TypeVar

import msgspec

from zkroll.errors import InputError
from zkroll.rollup.json_depth import check_depth

FORMAT = "zkroll-batch-1"
LARGEST_FILE = 64 << 20
LARGEST_TRANSACTIONS = 1 << 16
LARGEST_REGISTRATIONS = (1 << 16) - 1  # their times on the STATE bus are before any transaction's

LARGEST_MESSAGES = (1 << 16) - 1  # likewise
NO_ADDRESS = "0x" + "00" * 20
NO_HASH = "0x" + "00" * 32

_T = TypeVar("_T")

_QUANTITY = r"^(0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})|0|[1-9][0-9]{0,77})$"

Quantity = Annotated[str, msgspec.Meta(pattern=_QUANTITY, max_length=80, description="0x hex or decimal")]
Address = Annotated[str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{40}$", description="20 bytes as 0x hex")]
HexBytes = Annotated[str, msgspec.Meta(pattern=r"^0x([0-9a-fA-F]{2})*$", description="bytes as 0x hex")]


class PointFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An affine BabyJubJub point."""

    x: Quantity
    y: Quantity


class SignatureFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An EdDSA-Poseidon signature."""

    r8: PointFile
    s: Quantity


class TransactionFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A signed native transaction; its sender is the address of the public key."""

    public_key: PointFile
    to: Address
    value: Quantity
    nonce: Quantity
    gas_limit: Quantity
    gas_price: Quantity
    data: HexBytes
    signature: SignatureFile


class EmptiedFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """Places written once that hold zero now, and keep their leaf in the state tree."""

    nonce: bool = False
    balance: bool = False
    slots: list[Quantity] = []


class AccountFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """An account of the state before the batch."""

    balance: Quantity = "0"
    nonce: Quantity = "0"
    code: HexBytes = "0x"
    storage: dict[Quantity, Quantity] = {}
    emptied: EmptiedFile = EmptiedFile()
    indices: list[Quantity] = []


class StateFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """All accounts of a state, by address."""

    accounts: dict[Address, AccountFile]


class RegistrationFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An index that stands for an address from this batch on."""

    index: Quantity
    address: Address


class MessageFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A message of L1's queue; `token` is a contract on L2, 0 for ether, `recipient` is 0 in deposits."""

    kind: Literal["deposit", "exit"]
    token: Address
    account: Address
    amount: Quantity
    recipient: Address = NO_ADDRESS


class BatchFile(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """One batch with the state it starts from, inline or as the name of a file beside the batch.

    Without `registrations` the batch makes those that its transactions need. `queue_before` is the hash of the
    queue of L1 messages before the batch.
    """

    format: Annotated[str, msgspec.Meta(pattern=f"^{FORMAT}$")]
    chain_id: Quantity
    batch_number: Quantity
    rollup_address: Address
    timestamp: Quantity
    coinbase: Address
    pre_state: StateFile | Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    transactions: Annotated[list[TransactionFile], msgspec.Meta(max_length=LARGEST_TRANSACTIONS)]
    registrations: (
        Annotated[list[RegistrationFile], msgspec.Meta(max_length=LARGEST_REGISTRATIONS)] | msgspec.UnsetType
    ) = msgspec.UNSET
    messages: Annotated[list[MessageFile], msgspec.Meta(max_length=LARGEST_MESSAGES)] = []
    queue_before: Annotated[
        str, msgspec.Meta(pattern=r"^0x[0-9a-fA-F]{64}$", description="32 bytes as 0x hex")
    ] = NO_HASH


def parse_batch_file(text: bytes) -> BatchFile:
    """The typed content of a batch file; raises InputError with the place of what is wrong."""
    return _convert(text, BatchFile, "batch")


def parse_state_file(text: bytes) -> StateFile:
    """The typed content of a state file; raises InputError with the place of what is wrong."""
    return _convert(text, StateFile, "state")


def parse_transaction_file(text: bytes) -> TransactionFile:
    """The typed content of a file with one transaction; raises InputError with the place of what is wrong."""
    return _convert(text, TransactionFile, "transaction")


def batch_schema() -> dict[str, Any]:
    """The JSON schema of batch files (the committed schema is this, as text)."""
    schema = msgspec.json.schema(BatchFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "zkroll batch file", **schema}


def to_text(content: BatchFile | StateFile | TransactionFile) -> bytes:
    """The file's bytes, indented, ending in a newline; the same content gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def number(text: str, bits: int, place: str) -> int:
    """The number in a Quantity; raises InputError when it takes more than `bits` bits."""
    # A pattern's $ also accepts a last newline, int() signs, blanks and underscores: only these remain here.
    if not text.isascii() or not text.isalnum():
        raise InputError(f"{place}: expected a hex or decimal number, got {text[:90]!r}")
    value = int(text, 16 if text[:2] == "0x" else 10)
    if value >> bits:
        raise InputError(f"{place}: expected a number of at most {bits} bits, got {text}")
    return value


def raw_bytes(text: str, place: str) -> bytes:
    """The bytes in a HexBytes or Address."""
    if not text.isascii() or not text.isalnum():
        raise InputError(f"{place}: expected bytes as 0x hex")
    return bytes.fromhex(text[2:])


def address(text: str, place: str) -> int:
    """The number that an Address stands for."""
    return int.from_bytes(raw_bytes(text, place), "big")


def _convert(text: bytes, kind: type[_T], name: str) -> _T:
    if len(text) > LARGEST_FILE:
        raise InputError(f"{name}: expected at most {LARGEST_FILE} bytes, got {len(text)}")
    check_depth(text, name)
    try:
        plain = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_refuse_number,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
        return msgspec.convert(plain, kind)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: expected UTF-8, got byte {text[error.start]:#04x} at {error.start}"
        ) from error
    except json.JSONDecodeError as error:
        raise InputError(f"{name}: line {error.lineno} column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise InputError(f"{name}: nested too deeply") from error
    except msgspec.ValidationError as error:
        raise InputError(f"{name}: {_printable(str(error))}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InputError(f"batch: key {twice[:80]!r} is given twice in one object")
    return found


def _refuse_number(text: str) -> NoReturn:
    raise InputError(f"batch: expected numbers as strings, got {text[:40]}")


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:300]
