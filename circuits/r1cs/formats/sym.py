""".sym files: the names of a circuit's signals, as circom writes them.

A line for each signal: its label, its wire (-1 where the compiler removed it), its component and its name,
separated by commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from zkroll.algebra.files import open_regular
from zkroll.errors import InputError

LONGEST_LINE = 1 << 16  # bytes
_CHUNK_BYTES = 1 << 20
_NUMBER = rb"(0|[1-9][0-9]{0,18})"
_LINE = re.compile(_NUMBER + rb",(-1|0|[1-9][0-9]{0,18}),(0|-1|[1-9][0-9]{0,18}),([^,\x00-\x1f\x7f]+)")


class Symbol(NamedTuple):
    """A signal; wire is -1 where it has none."""

    label: int
    wire: int
    component: int
    name: str


def read_sym(path: Path | str) -> Iterator[Symbol]:
    """Give the signals of a .sym file in its order, holding about a megabyte of it at a time.

    Raises InputError for a file that cannot be read or is no regular file, and with the number of the line for
    one that is longer than LONGEST_LINE bytes, not UTF-8 or malformed.
    """
    for number, line in _lines(path):
        match = _LINE.fullmatch(line)
        name = _decode(match[4]) if match else None
        if match is None or name is None:
            raise InputError(f"{path}: line {number}: expected label,wire,component,name, got {line[:100]!r}")
        yield Symbol(int(match[1]), int(match[2]), int(match[3]), name)


def _decode(text: bytes) -> str | None:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return None


def read_names(path: Path | str, wires: Iterable[int] | None = None) -> dict[int, str]:
    """Return the names of wires (default: of all) in a .sym file; the first signal of a wire names it.

    Wires that the file does not have are not in the result. Raises InputError as `read_sym` does, for the
    lines up to the one that holds the last wire asked for.
    """
    wanted = None if wires is None else set(wires)
    found: dict[int, str] = {}
    if wanted is not None and not wanted:
        return found
    for symbol in read_sym(path):
        if symbol.wire >= 0 and symbol.wire not in found and (wanted is None or symbol.wire in wanted):
            found[symbol.wire] = symbol.name
            if wanted is not None and len(found) == len(wanted):
                break
    return found


def write_sym(symbols: Iterable[Symbol], file: BinaryIO) -> None:
    """Write signals as lines. Raises InputError for a name that cannot stand in one."""
    for symbol in symbols:
        line = f"{symbol.label},{symbol.wire},{symbol.component},{symbol.name}".encode()
        if _LINE.fullmatch(line) is None or len(line) > LONGEST_LINE:
            raise InputError(
                f"signal {symbol.label}: expected a name without commas and controls, got {line!r}"
            )
        file.write(line + b"\n")


def _lines(path: Path | str) -> Iterator[tuple[int, bytes]]:
    with open_regular(path, "a .sym file") as (file, _):
        yield from _split(file, path)


def _split(file: BinaryIO, path: Path | str) -> Iterator[tuple[int, bytes]]:
    rest, number = b"", 1
    while chunk := file.read(_CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if len(line) > LONGEST_LINE:
                raise _too_long(path, number)
            yield number, line.removesuffix(b"\r")
            number += 1
        if len(rest) > LONGEST_LINE:
            raise _too_long(path, number)
    if rest:
        yield number, rest.removesuffix(b"\r")


def _too_long(path: Path | str, number: int) -> InputError:
    return InputError(f"{path}: line {number}: expected at most {LONGEST_LINE} bytes")
