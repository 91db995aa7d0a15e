"""JSON that a stranger may have made: objects, arrays and numbers written as decimal strings, nothing else.

Size, number of values and nesting are bounded before the decoder sees the text (some libraries raise Python's recursion limit so
far that deep nesting would overflow the C stack). No key stands twice, and there are no floats, no escapes, no
byte order mark and no other encoding than UTF-8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any, NoReturn

import numpy as np

from zkroll.errors import InputError

DEEPEST = 8
MOST_PARTS = 1 << 24  # each takes up to 130 bytes of memory, however short it is in the file
MOST_DIGITS = 78  # of q and r: 77
_SHOWN = 80
_CHUNK = 1 << 20  # bytes looked at together
_STRING = re.compile(rb'"[^"]*"')
_DECIMAL = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1


def parse(text: bytes, place: str, integer: Callable[[str], int] | None = None) -> Any:
    """Return the document in `text`: dictionaries, lists, strings, and integers of at most ten digits.

    Where `integer` is given, it reads the integers instead, from the text of each. Raises InputError for
    anything else; `place` begins its message.
    """
    if b"\\" in text:
        raise InputError(f"{place}: expected JSON without escapes, got a backslash at byte {text.index(92)}")
    parts = sum(map(text.count, (b",", b":", b"[", b"{")))
    if parts > MOST_PARTS:
        raise InputError(f"{place}: expected at most {MOST_PARTS} values, names and arrays, got {parts}")
    _check_depth(_STRING.sub(b"", text), place)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                raise InputError(f"{place}: key {shown(key)} stands twice")
            found[key] = value
        return found

    def small_integer(digits: str) -> int:
        if len(digits) > 10 or digits.startswith("-"):
            raise InputError(f"{place}: expected numbers as strings of digits, got {shown(digits)}")
        return int(digits)

    def refuse(what: str) -> NoReturn:
        raise InputError(f"{place}: expected numbers as strings of digits, got {shown(what)}")

    try:
        decoded = text.decode()
        if decoded.startswith("\ufeff"):
            raise InputError(f"{place}: expected UTF-8 without a byte order mark")
        return json.loads(
            decoded,
            object_pairs_hook=pairs,
            parse_int=integer or small_integer,
            parse_float=refuse,
            parse_constant=refuse,
        )
    except UnicodeDecodeError as error:
        raise InputError(
            f"{place}: expected UTF-8, got byte {text[error.start]:#x} at {error.start}"
        ) from error
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: expected JSON: {error.msg} at character {error.pos}") from error


def _check_depth(text: bytes, place: str) -> None:
    """Raise InputError when brackets are nested too deeply in a text without strings."""
    octets, depth = np.frombuffer(text, dtype=np.uint8), 0
    for begin in range(0, len(octets), _CHUNK):
        depths = depth + np.cumsum(_STEPS[octets[begin : begin + _CHUNK]], dtype=np.int64)
        if int(depths.max()) > DEEPEST:
            raise InputError(f"{place}: nested too deeply: expected at most {DEEPEST} levels")
        depth = int(depths[-1])


def members(
    value: Any, place: str, needed: Collection[str], optional: Collection[str] = ()
) -> dict[str, Any]:
    """Return an object with all keys needed and none but those and the optional ones, or raise InputError."""
    if not isinstance(value, dict):
        raise InputError(f"{place}: expected an object, got {shown(value)}")
    for key in needed:
        if key not in value:
            raise InputError(f"{place}: {key} is missing")
    for key in value:
        if key not in needed and key not in optional:
            raise InputError(f"{place}: expected only {', '.join([*needed, *optional])}, got {shown(key)}")
    return value


def array(value: Any, place: str, length: int | None = None) -> list[Any]:
    """Return an array, of this length if one is given, or raise InputError."""
    if not isinstance(value, list):
        raise InputError(f"{place}: expected an array, got {shown(value)}")
    if length is not None and len(value) != length:
        raise InputError(f"{place}: expected {length} elements, got {len(value)}")
    return value


def decimal(value: Any, place: str, below: int) -> int:
    """Return a number written as a string of decimal digits, below a limit, or raise InputError."""
    if not isinstance(value, str) or len(value) > MOST_DIGITS or not _DECIMAL.fullmatch(value):
        raise InputError(f"{place}: expected a string of decimal digits, got {shown(value)}")
    number = int(value)
    if number >= below:
        raise InputError(f"{place}: expected a number below {below}, got {number}")
    return number


def constant(value: Any, place: str, expected: str) -> None:
    """Raise InputError unless the value is this string."""
    if value != expected or not isinstance(value, str):
        raise InputError(f"{place}: expected {expected!r}, got {shown(value)}")


def shown(value: Any) -> str:
    """A value as part of a message."""
    text = repr(value) if not isinstance(value, dict | list) else type(value).__name__
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def dump(value: Any) -> bytes:
    """Return a document as snarkjs writes it: one space a level, nothing behind the last bracket."""
    return "".join(_dump(value, "\n")).encode()


def _dump(value: Any, line: str) -> list[str]:
    if not isinstance(value, dict | list | tuple):
        return [json.dumps(value, ensure_ascii=False, allow_nan=False)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    entries = (
        [
            [json.dumps(key, ensure_ascii=False), ": ", *_dump(entry, line + " ")]
            for key, entry in value.items()
        ]
        if isinstance(value, dict)
        else [_dump(entry, line + " ") for entry in value]
    )
    text = [opening]
    for i, entry in enumerate(entries):
        text += [",", line + " "] if i else [line + " "]
        text += entry
    return [*text, line, closing]
