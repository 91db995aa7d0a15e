"""Circuits over sparse Merkle trees, and trees that give inputs for them."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.gadgets.bits import boolean
from zkroll.circuits.r1cs.gadgets.smt import process_smt, verify_smt
from zkroll.rollup.state.smt import SparseMerkleTree, Touch

LEVELS = 8
Inputs = dict[str, Any]


@cache
def verifier(n: int = LEVELS) -> Circuit:
    def define(c: Builder) -> None:
        empty, absent, on = (boolean(c, c.private_input(name)) for name in ("is_old0", "absent", "on"))
        root, key, value, old_key, old_value = (
            c.private_input(name) for name in ("root", "key", "value", "old_key", "old_value")
        )
        verify_smt(
            c, root, c.private_inputs("siblings", n), key, value,
            old_key=old_key, old_value=old_value, is_old0=empty, exclusion=absent, enabled=on,
        )  # fmt: skip

    return compile_circuit(define)


@cache
def processor(n: int = LEVELS) -> Circuit:
    def define(c: Builder) -> None:
        empty, first, second = (boolean(c, c.private_input(name)) for name in ("is_old0", "f0", "f1"))
        root, key, value, old_key, old_value = (
            c.private_input(name) for name in ("root", "key", "value", "old_key", "old_value")
        )
        siblings = c.private_inputs("siblings", n)
        new = process_smt(c, root, siblings, old_key, old_value, empty, key, value, (first, second))
        c.output("new_root", new)

    return compile_circuit(define)


def tree(seed: int, n: int = 6, bits: int = 7) -> SparseMerkleTree:
    rng = random.Random(seed)
    made = SparseMerkleTree(lambda _: None)
    made.touch_many([(rng.getrandbits(bits), 1 + rng.randrange(R_MODULUS - 1)) for _ in range(n)])
    return made


def proof(made: SparseMerkleTree, key: int) -> Inputs:
    """Inputs of the verifier for a key: that it is in, or that it is not."""
    found = made.touch(key, made.get(key) or 0)
    siblings = list(found.siblings)
    return {
        "root": made.root,
        "key": key,
        "value": found.old_value,
        "siblings": siblings + [0] * (LEVELS - len(siblings)),
        "old_key": found.other_key,
        "old_value": found.other_value,
        "is_old0": int(found.kind is Touch.ABSENT_EMPTY),
        "absent": int(found.kind is not Touch.UPDATE),
        "on": 1,
    }


def present(made: SparseMerkleTree) -> list[int]:
    return [key for key in range(128) if made.get(key) is not None]


def step(made: SparseMerkleTree, key: int, value: int) -> tuple[Inputs, int]:
    """Inputs of the processor for setting a key, and the root afterwards."""
    done = made.touch(key, value)
    siblings = list(done.siblings)
    update = done.kind is Touch.UPDATE
    return {
        "root": done.old_root,
        "siblings": siblings + [0] * (LEVELS - len(siblings)),
        "key": key,
        "value": value,
        "old_key": key if update else done.other_key,
        "old_value": done.old_value if update else done.other_value,
        "is_old0": int(done.kind is Touch.INSERT_EMPTY),
        "f0": int(not update),
        "f1": int(update),
    }, done.new_root
