"""The circuits of this folder with inputs, and what the algebra of zkroll says of their public signals."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.smt import step, tree

from zkroll.algebra.eddsa import public_key, sign
from zkroll.algebra.reference.poseidon import poseidon_hash

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A circuit whose powers of τ are 2^power, inputs, the signals they give, and inputs it refuses."""

    name: str
    power: int
    inputs: Inputs
    public: list[int]
    refused: Inputs | None


def commitment() -> Case:
    values = [5, 2**200 + 1]
    digest = poseidon_hash([77, *values])
    return Case("commitment", 9, {"salt": "77", "values": list(map(str, values))}, [digest, 77], None)


def eddsa() -> Case:
    secret, message = bytes(range(32)), 2**250 + 12345
    (ax, ay), (r8, s) = public_key(secret), sign(secret, message)
    inputs = {"enabled": 1, "Ax": ax, "Ay": ay, "S": s, "R8x": r8[0], "R8y": r8[1], "M": message}
    given = {name: str(value) for name, value in inputs.items()}
    return Case("eddsa", 13, given, [ax, ay, message], {**given, "M": str(message + 1)})


def smt() -> Case:
    made, new = step(tree(3), 77, 1234)
    inputs = {
        "oldRoot": made["root"],
        "siblings": made["siblings"],
        "oldKey": made["old_key"],
        "oldValue": made["old_value"],
        "isOld0": made["is_old0"],
        "newKey": made["key"],
        "newValue": made["value"],
        "fnc": [made["f0"], made["f1"]],
    }
    given = {
        name: list(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in inputs.items()
    }
    return Case(
        "smt", 13, given, [new, made["root"], made["key"]], {**given, "oldRoot": str(made["root"] + 1)}
    )


def sha256() -> Case:
    secret = b"eight by"
    digest = hashlib.sha256(secret).digest()
    halves = [int.from_bytes(digest[at : at + 16], "big") for at in (0, 16)]
    number = int.from_bytes(secret, "big")
    return Case("sha256", 15, {"secret": str(number)}, halves, {"secret": str(2**64)})


def merkle() -> Case:
    leaf, index, siblings = 4321, 0b101101, [10**i for i in range(6)]
    node = leaf
    for i, sibling in enumerate(siblings):
        node = poseidon_hash([sibling, node] if index >> i & 1 else [node, sibling])
    given = {"root": str(node), "leaf": str(leaf), "index": str(index), "siblings": list(map(str, siblings))}
    return Case("merkle", 11, given, [node], {**given, "index": str(index ^ 1)})


CASES: dict[str, Callable[[], Case]] = {
    made.__name__: made for made in (commitment, merkle, eddsa, smt, sha256)
}
