"""What .ptau and .zkey files say alike of a contribution: whether it is a beacon's, whose it is, and the beacon.

Type (u32, 0 a person's, 1 a beacon's), length of the parameters (u32), and parameters in rising order, each led by its
number (a byte), none twice: 1, length (a byte), a name in UTF-8; 2, a beacon's exponent (a byte); 3, length (a byte),
the seed of a beacon. Source: snarkjs 0.7.6, src/powersoftau_utils.js and src/zkey_utils.js.
"""

from __future__ import annotations

from typing import NamedTuple

from zkroll.algebra.iden3 import Fields
from zkroll.errors import InputError

_NAME, _EXPONENT, _SEED = 1, 2, 3
_NAME_UNITS = 64  # of UTF-16
_MOST_BYTES = 255


class Parameters(NamedTuple):
    """The name, and of a beacon the exponent and the seed; both are None of another contribution."""

    name: str
    exponent: int | None
    seed: bytes | None

    def to_bytes(self) -> bytes:
        """Return type, length and parameters; of the name, what `cut_name` keeps.

        Raises InputError for a seed of more than 255 bytes and an exponent above 255.
        """
        parameters = b""
        if self.name:
            parameters += _led(_NAME, cut_name(self.name).encode())
        if self.exponent is not None:
            if not 0 <= self.exponent <= _MOST_BYTES:
                raise InputError(f"contribution: expected an exponent of a byte, got {self.exponent}")
            parameters += bytes([_EXPONENT, self.exponent])
        if self.seed is not None:
            parameters += _led(_SEED, self.seed)
        is_beacon = self.exponent is not None
        return is_beacon.to_bytes(4, "little") + len(parameters).to_bytes(4, "little") + parameters


def cut_name(name: str) -> str:
    """Return what is kept of a contribution's name: 64 units of UTF-16, as JavaScript counts characters."""
    units = name.encode("utf-16-le", "surrogatepass")[: 2 * _NAME_UNITS]
    return units.decode("utf-16-le", "replace")


def read_parameters(fields: Fields, place: str) -> Parameters:
    """Read type, length and parameters. What is not UTF-8 in a name is replaced, as it is shown by snarkjs.

    Raises InputError for anything that `Parameters.to_bytes` does not write, but for the length of a name.
    """
    kind = fields.u32(f"{place}: type")
    if kind not in (0, 1):
        raise fields.error(f"{place}: expected type 0 or 1, got {kind}")
    length = fields.u32(f"{place}: parameters")
    end = fields.left - length
    if end < 0:
        raise fields.error(f"{place}: expected {length} bytes of parameters, got {fields.left}")
    last, name, exponent, seed = 0, "", None, None
    while fields.left > end:
        number = fields.integer(1, f"{place}: parameter")
        if not last < number <= _SEED:
            raise fields.error(f"{place}: expected parameters 1 to {_SEED} in rising order, got {number}")
        last = number
        if number == _EXPONENT:
            exponent = fields.integer(1, f"{place}: exponent")
            continue
        size = fields.integer(1, f"{place}: length")
        if size > fields.left - end:
            raise fields.error(f"{place}: parameter {number}: expected {size} bytes, got {fields.left - end}")
        data = fields.octets(size, f"{place}: parameter {number}").tobytes()
        if number == _NAME:
            name = data.decode("utf-8", "replace")
        else:
            seed = data
    if fields.left != end:
        raise fields.error(
            f"{place}: expected {length} bytes of parameters, got {length + end - fields.left}"
        )
    if (exponent is not None, seed is not None) != (kind == 1,) * 2:
        raise fields.error(
            f"{place}: expected the exponent and the seed of a beacon for a beacon, and for nothing else"
        )
    return Parameters(name, exponent, seed)


def _led(number: int, data: bytes) -> bytes:
    if len(data) > _MOST_BYTES:
        raise InputError(
            f"contribution: expected at most {_MOST_BYTES} bytes of a parameter, got {len(data)}"
        )
    return bytes([number, len(data)]) + data
