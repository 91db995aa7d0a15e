"""The compiled contract that the package carries: ABI, bytecode, codec for calls, events and errors."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from zkroll.errors import InputError

JsonObject = Mapping[str, Any]


@dataclass(frozen=True)
class Artifact:
    """One contract as `make contracts` wrote it.

    `runtime` has zeros where the constructor puts immutable values: the (start, length) spans `immutables`.
    """

    name: str
    abi: tuple[JsonObject, ...]
    bytecode: bytes
    runtime: bytes
    immutables: tuple[tuple[int, int], ...]

    def is_code(self, code: bytes) -> bool:
        """Whether `code` is this contract's deployed code, whatever its immutable values."""
        if len(code) != len(self.runtime):
            return False
        masked = bytearray(code)
        for start, length in self.immutables:
            masked[start : start + length] = bytes(length)
        return bytes(masked) == self.runtime

    def encode_constructor(self, *arguments: object) -> bytes:
        """The data of the transaction that deploys the contract."""
        (entry,) = (entry for entry in self.abi if entry["type"] == "constructor")
        return self.bytecode + _encode(_types(entry["inputs"]), arguments)

    def encode_call(self, function: str, *arguments: object) -> bytes:
        """Calldata of a call of `function`; raises InputError for values that its types cannot hold."""
        entry = self._entry("function", function)
        return _selector(entry) + _encode(_types(entry["inputs"]), arguments)

    def selector(self, function: str) -> bytes:
        """The 4 bytes that calldata of `function` begins with."""
        return _selector(self._entry("function", function))

    def decode_result(self, function: str, data: bytes) -> tuple[Any, ...]:
        """What `function` returned; raises InputError when `data` is not of its return types."""
        types = _types(self._entry("function", function)["outputs"])
        return _decode(types, data, f"{self.name}.{function}")

    def event_topic(self, event: str) -> bytes:
        """The first topic of the event's logs."""
        return _keccak(_signature(self._entry("event", event)))

    def decode_event(self, event: str, data: bytes) -> tuple[Any, ...]:
        """The event's values that are not topics, from a log's data."""
        inputs = [field for field in self._entry("event", event)["inputs"] if not field["indexed"]]
        return _decode(_types(inputs), data, f"{self.name}.{event}")

    def decode_error(self, data: bytes) -> tuple[str, dict[str, Any]] | None:
        """The custom error of a revert with its values by name; None where it is none of this contract's."""
        for entry in self.abi:
            if entry["type"] == "error" and _selector(entry) == data[:4]:
                values = _decode(_types(entry["inputs"]), data[4:], entry["name"])
                names = [field["name"] for field in entry["inputs"]]
                return entry["name"], dict(zip(names, values, strict=True))
        return None

    def describe_error(self, data: bytes) -> str:
        """A revert's reason in words: the custom error with its values by name, or the reason string."""
        if not data:
            return "reverted without a reason"
        if data[:4] == bytes.fromhex("08c379a0"):
            return f"reverted: {_decode(['string'], data[4:], 'Error')[0]!r}"
        error = self.decode_error(data)
        if error is None:
            return f"reverted with unknown error 0x{data[:4].hex()}"
        name, values = error
        return f"{name}({', '.join(f'{field}={_show(value)}' for field, value in values.items())})"

    def _entry(self, kind: str, name: str) -> JsonObject:
        (entry,) = (entry for entry in self.abi if entry["type"] == kind and entry["name"] == name)
        return entry


@functools.cache
def load_artifact(name: str) -> Artifact:
    """A contract that the package carries, by the name of its file in `contracts`."""
    return parse_artifact(resources.files(__package__).joinpath("contracts", f"{name}.json").read_bytes())


def inbox_artifact() -> Artifact:
    """The inbox contract, `contracts/RollupInbox.sol`."""
    return load_artifact("RollupInbox")


def parse_artifact(content: bytes) -> Artifact:
    """Read an artifact written by `contracts/compile.mjs`; raises InputError when it is not one."""
    try:
        raw = json.loads(content)
        return Artifact(
            name=raw["contract"],
            abi=tuple(raw["abi"]),
            bytecode=bytes.fromhex(raw["bytecode"].removeprefix("0x")),
            runtime=bytes.fromhex(raw["runtime_bytecode"].removeprefix("0x")),
            immutables=tuple((span["start"], span["length"]) for span in raw["immutable_references"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"contract artifact: expected the JSON written by make contracts: {error}"
        ) from error


def _types(fields: Sequence[JsonObject]) -> list[str]:
    return [_type(field) for field in fields]


def _type(field: JsonObject) -> str:
    """A type as signatures write it: a struct as its fields' types in parentheses."""
    name: str = field["type"]
    return f"({','.join(_types(field['components']))}){name[5:]}" if name.startswith("tuple") else name


def _signature(entry: JsonObject) -> str:
    return f"{entry['name']}({','.join(_types(entry['inputs']))})"


def _selector(entry: JsonObject) -> bytes:
    return _keccak(_signature(entry))[:4]


def _keccak(text: str) -> bytes:
    from Crypto.Hash import keccak

    digest: bytes = keccak.new(digest_bits=256, data=text.encode()).digest()
    return digest


def _encode(types: Sequence[str], values: Sequence[object]) -> bytes:
    from eth_abi.abi import encode
    from eth_abi.exceptions import EncodingError

    try:
        return encode(types, values)
    except (EncodingError, OverflowError) as error:
        raise InputError(f"contract call: expected values of types ({','.join(types)}): {error}") from error


def _decode(types: Sequence[str], data: bytes, place: str) -> tuple[Any, ...]:
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError

    try:
        return tuple(decode(types, data))
    except (DecodingError, OverflowError, UnicodeDecodeError) as error:
        raise InputError(
            f"{place}: expected values of types ({','.join(types)}), got {len(data)} bytes"
        ) from error


def _show(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
