"""Proving keys as JSON, as `snarkjs zkey export json` writes them: large, and for reading by other programs only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.curve import G1Points, G2Points
from zkroll.algebra.field import fr
from zkroll.algebra.files import replace_file
from zkroll.algebra.iden3 import FIELD_BYTES, Octets
from zkroll.algebra.reference.curve import Point
from zkroll.algebra.reference.pairing import G2Point
from zkroll.circuits.r1cs.formats.zkey import FILE_FACTOR, ZKey

_TOGETHER = 1 << 12  # elements of a list that are text at a time


def export_zkey_json(key: ZKey, path: Path | str) -> None:
    """Write a key as JSON, a piece at a time. Raises InputError for a point that is not one, or a failed write."""
    with replace_file(path) as file:
        for piece in zkey_json(key):
            file.write(piece.encode())


def zkey_json(key: ZKey) -> Iterator[str]:
    """Give the text in pieces."""
    head = {
        "protocol": "groth16",
        "n8q": FIELD_BYTES,
        "q": str(Q_MODULUS),
        "n8r": FIELD_BYTES,
        "r": str(R_MODULUS),
        "nVars": key.n_wires,
        "nPublic": key.n_public,
        "domainSize": key.domain_size,
        "power": key.power,
        "vk_alpha_1": _g1(key.alpha1),
        "vk_beta_1": _g1(key.beta1),
        "vk_beta_2": _g2(key.beta2),
        "vk_gamma_2": _g2(key.gamma2),
        "vk_delta_1": _g1(key.delta1),
        "vk_delta_2": _g2(key.delta2),
        "IC": [_g1(point) for point in key.ic],
    }
    yield json.dumps(head, indent=1)[:-2]
    public = key.n_public + 1
    lists: dict[str, tuple[int, Callable[[int, int], list[Any]]]] = {
        "ccoefs": (len(key.coefficients), lambda begin, end: _coefficients(key, begin, end)),
        "A": (key.n_wires, _reader(key.a)),
        "B1": (key.n_wires, _reader(key.b1)),
        "B2": (key.n_wires, _reader(key.b2)),
        "C": (key.n_wires, _reader(key.c, public)),
        "hExps": (key.domain_size, _reader(key.h)),
    }
    for name, (count, part) in lists.items():
        yield f',\n "{name}": ['
        for begin in range(0, count, _TOGETHER):
            text = json.dumps(part(begin, min(count, begin + _TOGETHER)), indent=1)[1:-2]
            yield ("," if begin else "") + text.replace("\n", "\n ")
        yield "\n ]"
    yield "\n}"


def _coefficients(key: ZKey, begin: int, end: int) -> list[Any]:
    rows = key.coefficients[begin:end]
    factor = pow(FILE_FACTOR, -1, R_MODULUS)
    values = fr.to_ints(fr.mul(fr.from_array(rows["value"].copy()), factor), len(rows))
    names = ("matrix", "constraint", "signal")
    columns = zip(rows["matrix"].tolist(), rows["constraint"].tolist(), rows["wire"].tolist(), strict=True)
    return [
        {**dict(zip(names, column, strict=True)), "value": str(value)}
        for column, value in zip(columns, values, strict=True)
    ]


def _reader(octets: Octets, missing: int = 0) -> Callable[[int, int], list[Any]]:
    """Gives elements of a list that begins with `missing` nulls."""

    def part(begin: int, end: int) -> list[Any]:
        nulls = max(0, min(end, missing) - begin)
        chosen = octets[max(begin - missing, 0) : max(end - missing, 0)]
        if octets.shape[1] == G1Points.group.row_bytes:
            return [None] * nulls + [_g1(point) for point in G1Points.from_bytes(chosen, "iden3").to_ints()]
        return [None] * nulls + [_g2(point) for point in G2Points.from_bytes(chosen, "iden3").to_ints()]

    return part


def _g1(point: Point) -> list[str]:
    return ["0", "1", "0"] if point is None else [str(point[0]), str(point[1]), "1"]


def _g2(point: G2Point) -> list[list[str]]:
    if point is None:
        return [["0", "0"], ["1", "0"], ["0", "0"]]
    return [*([str(part) for part in pair] for pair in point), ["1", "0"]]
