"""input.json: the values of a circuit's input signals, as circom's users write them.

{"a": 3, "b": ["5", "0x1f", "-1"], "c": [["1", "2"], ["3", "4"]]}

Numbers stand for themselves modulo r, arrays for the elements of a signal's array in row-major order. Signals of
a bus are members of an object ("p": {"x": …} is the signal p.x), and those of an array of buses have their index
in brackets (p[0].x). snarkjs rounds numbers above 2^53 that stand without quotes; here they are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.files import read_regular_file
from zkroll.circuits.r1cs.formats import strict_json
from zkroll.circuits.r1cs.formats.strict_json import shown
from zkroll.errors import InputError

LARGEST = 1 << 29  # bytes
MOST_EXACT = 2**53 - 1  # what a number without quotes can be where numbers are doubles
_MOST_CHARACTERS = 160  # 512 bits in decimal
_NUMBER = re.compile(r"-?[0-9]+|0x[0-9a-fA-F]+", re.ASCII)

#: values 0..r-1 of each signal, by its name
Signals = dict[str, list[int]]


def read_inputs(path: Path | str) -> Signals:
    """Return the values in an input.json by signal. Raises InputError for anything that is not one."""
    return parse_inputs(read_regular_file(path, LARGEST), str(path))


def parse_inputs(text: bytes, place: str = "inputs") -> Signals:
    """Return the values in a JSON text by signal.

    Raises InputError for JSON that is damaged, too deep or has a key twice, and for values that are no integers.
    """

    def integer(digits: str) -> int:
        if len(digits) > 17 or abs(int(digits)) > MOST_EXACT:
            raise InputError(
                f"{place}: expected a number of more than 53 bits in quotes, got {shown(digits)} without"
            )
        return int(digits)

    document = strict_json.parse(text, place, integer)
    if not isinstance(document, dict):
        raise InputError(f"{place}: expected an object with a member for each signal, got {shown(document)}")
    return flat_inputs(document, place)


def flat_inputs(inputs: Mapping[str, Any], place: str = "inputs") -> Signals:
    """Return the values of each signal, flattened and reduced modulo r.

    `inputs` has a value for each signal's name: an integer, a string of decimal digits (perhaps with a minus
    sign) or of hexadecimal ones behind 0x, an array, or a mapping for a bus. Raises InputError for other values,
    for arrays nested too deeply and for a signal that is given twice.
    """
    signals: Signals = {}
    for name, value in inputs.items():
        _add(signals, str(name), value, place, 0)
    return signals


def _add(signals: Signals, name: str, value: Any, place: str, depth: int) -> None:
    if depth > strict_json.DEEPEST:
        raise InputError(f"{place}: signal {shown(name)}: nested too deeply")
    if isinstance(value, Mapping):
        for key, member in value.items():
            _add(signals, f"{name}.{key}", member, place, depth + 1)
    elif _has_buses(value):
        for i, element in enumerate(value):
            _add(signals, f"{name}[{i}]", element, place, depth + 1)
    elif name in signals:
        raise InputError(f"{place}: signal {shown(name)} is given twice")
    else:
        signals[name] = []
        try:
            _flatten(value, signals[name], strict_json.DEEPEST)
        except ValueError as error:
            at = f" value {len(signals[name])}:" if isinstance(value, list | tuple) else ""
            raise InputError(f"{place}: signal {shown(name)}:{at} {error}") from error


def _has_buses(value: Any) -> bool:
    """Whether the first element of an array, of an array in it, …, is a mapping."""
    for _ in range(strict_json.DEEPEST + 1):
        if not isinstance(value, list | tuple) or not value:
            return False
        value = value[0]
        if isinstance(value, Mapping):
            return True
    return False


def _flatten(value: Any, into: list[int], levels: int) -> None:
    if isinstance(value, list | tuple):
        if levels == 0:
            raise ValueError("nested too deeply")
        for element in value:
            _flatten(element, into, levels - 1)
    elif isinstance(value, str):
        if len(value) > _MOST_CHARACTERS or not _NUMBER.fullmatch(value):
            raise ValueError(f"expected an integer, decimal or hexadecimal behind 0x, got {shown(value)}")
        into.append(int(value, 16 if value.startswith("0x") else 10) % R_MODULUS)
    elif isinstance(value, int) and not isinstance(value, bool):
        into.append(value % R_MODULUS)
    else:
        raise ValueError(f"expected an integer, got {shown(value)}")  # noqa: TRY004
