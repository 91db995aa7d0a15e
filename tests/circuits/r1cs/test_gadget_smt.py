"""Sparse Merkle proofs and changes in circuits, against the tree of the rollup and circomlibjs."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from support.r1cs import survivors
from support.smt import LEVELS, Inputs, present, processor, proof, step, tree, verifier

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.determined import check_determined
from zkroll.errors import InputError
from zkroll.rollup.state.smt import SparseMerkleTree

FIXTURE = Path(__file__).parents[2] / "fixtures" / "circomlibjs_smt.json"


def accepts(circuit: Circuit, inputs: Inputs) -> bool:
    return circuit.first_violation(circuit.witness(inputs)) is None


@pytest.mark.parametrize("seed", range(2))
def test_proofs_of_presence_and_absence_are_accepted_for_what_they_prove(seed: int) -> None:
    made = tree(seed)
    kinds = set()
    for key in range(0, 128, 9):
        given = proof(made, key)
        kinds.add((given["absent"], given["is_old0"]))
        assert accepts(verifier(), given)
        assert not accepts(verifier(), given | {"absent": 1 - given["absent"]})
        assert not accepts(verifier(), given | {"root": (given["root"] + 1) % R_MODULUS})
        if not given["absent"]:
            assert not accepts(verifier(), given | {"value": (given["value"] + 1) % R_MODULUS})
            assert not accepts(verifier(), given | {"is_old0": 1})
        elif not given["is_old0"]:
            assert not accepts(verifier(), given | {"is_old0": 1})
            assert not accepts(verifier(), given | {"old_value": (given["old_value"] + 1) % R_MODULUS})
    assert len(kinds) >= 2


def test_a_present_key_cannot_be_shown_to_be_absent() -> None:
    made = tree(11)
    for key in present(made):
        given = proof(made, key)
        leaf = {"old_key": key, "old_value": given["value"]}
        for empty in (0, 1):
            assert not accepts(verifier(), given | leaf | {"absent": 1, "is_old0": empty})


def test_an_absent_key_cannot_be_shown_to_be_present() -> None:
    made = tree(12)
    for key in sorted(set(range(0, 128, 9)) - set(present(made))):
        given = proof(made, key)
        for value in (0, given["old_value"]):
            assert not accepts(verifier(), given | {"absent": 0, "is_old0": 0, "value": value})


def test_an_inner_node_is_no_leaf_and_the_path_is_the_keys() -> None:
    made = tree(13)
    key = present(made)[0]
    given = proof(made, key)
    siblings = list(given["siblings"])
    depth = next(i for i in reversed(range(LEVELS)) if siblings[i])
    for changed in (
        siblings[:depth] + [0] * (LEVELS - depth),  # shorter
        [*siblings[: depth + 1], 5, *siblings[depth + 2 :]],  # longer
        [siblings[0] + 1, *siblings[1:]],
        siblings[::-1],
    ):
        assert not accepts(verifier(), given | {"siblings": changed})
    assert not accepts(verifier(), given | {"key": key ^ 1})
    assert not accepts(verifier(), given | {"key": key + 128})


def test_the_last_sibling_is_zero() -> None:
    made = SparseMerkleTree(lambda _: None)
    made.touch_many([(0, 1), (1 << (LEVELS - 1), 2), (1 << (LEVELS - 2), 3)])
    assert not accepts(verifier(), proof(made, 0))  # its path is as long as there are levels
    made = SparseMerkleTree(lambda _: None)
    made.touch_many([(0, 1), (1 << (LEVELS - 2), 3)])
    assert accepts(verifier(), proof(made, 0))


def test_keys_of_edge_values_and_the_empty_tree() -> None:
    empty = SparseMerkleTree(lambda _: None)
    for key in (0, 5, R_MODULUS - 1):
        given = proof(empty, key)
        assert given["root"] == 0
        assert accepts(verifier(), given)
        assert not accepts(verifier(), given | {"absent": 0, "is_old0": 0})
    one = SparseMerkleTree(lambda _: None)
    one.touch(R_MODULUS - 1, R_MODULUS - 1)
    assert accepts(verifier(), proof(one, R_MODULUS - 1))
    assert accepts(verifier(), proof(one, 0))


def test_a_disabled_proof_may_be_anything() -> None:
    anything = {
        "root": 1,
        "key": 2,
        "value": 3,
        "siblings": [9] * LEVELS,
        "old_key": 2,
        "old_value": 5,
        "on": 0,
    }
    for absent in (0, 1):
        for empty in (0, 1):
            assert accepts(verifier(), anything | {"absent": absent, "is_old0": empty})
    assert not accepts(verifier(), anything | {"absent": 2, "is_old0": 0})
    assert not accepts(verifier(), anything | {"absent": 0, "is_old0": 0, "on": 2})


def test_no_wire_of_a_proof_is_free() -> None:
    made = tree(14)
    for key in (present(made)[0], 3):
        given = proof(made, key)
        witness = verifier().witness(given)
        # siblings that are zero have no one inverse; the nodes below the leaf are hashed for nothing
        free = {name for name in survivors(verifier(), witness, [1]) if not name.endswith("inverse")}
        assert not free
        check_determined(verifier(), given)


def result(inputs: Inputs) -> Any:
    witness = processor().witness(inputs)
    processor().check(witness)
    return processor().outputs(witness)["new_root"]


@pytest.mark.parametrize("seed", range(2))
def test_changes_lead_to_the_root_of_the_tree_and_back(seed: int) -> None:
    made, rng, seen = tree(seed, 0), random.Random(seed), set()
    for key in (3, 19, 3, 8, 24 + 64 * seed, 1):
        given, root = step(made, key, 1 + rng.randrange(R_MODULUS - 1))
        seen.add((given["f0"], given["is_old0"]))
        assert result(given) == root
        if given["f0"]:  # a deletion is the way back
            assert result(given | {"root": root, "f1": 1}) == given["root"]
            assert not accepts(processor(), given | {"f1": 1})
            assert not accepts(processor(), given | {"f0": 0, "f1": 1})
        else:
            back = given | {"root": root, "value": given["old_value"], "old_value": given["value"]}
            assert result(back) == given["root"]
        assert result(given | {"f0": 0, "f1": 0}) == given["root"]
        assert not accepts(processor(), given | {"root": (given["root"] + 1) % R_MODULUS})
    assert seen == {(0, 0), (1, 0), (1, 1)}


def test_false_changes_are_refused() -> None:
    made = tree(21, 5, 5)
    absent = next(key for key in range(32) if made.get(key) is None and proof(made, key)["is_old0"] == 0)
    key = present(made)[0]
    update, _ = step(tree(21, 5, 5), key, 9)
    insert, root = step(made, absent, 8)
    for wrong in (
        update | {"old_value": update["old_value"] + 1},
        update | {"old_key": key ^ 16},
        update | {"f0": 1},
        update | {"f0": 1, "f1": 0},
        update | {"siblings": [1, *update["siblings"][1:]]},
        insert | {"is_old0": 1},
        insert | {"old_value": insert["old_value"] + 1},
        insert | {"key": insert["old_key"]},  # the paths never part
        insert | {"root": root},
        insert | {"siblings": [*insert["siblings"][:-1], 4]},
    ):
        assert not accepts(processor(), wrong)


def test_leaves_that_part_below_the_last_level_are_refused() -> None:
    for split in (LEVELS - 2, LEVELS - 1, LEVELS):
        made = SparseMerkleTree(lambda _: None)
        made.touch(0, 5)
        given, root = step(made, 1 << split, 6)
        assert accepts(processor(), given) == (split < LEVELS)
        if split < LEVELS:
            assert result(given) == root


def test_no_wire_of_a_change_is_free() -> None:
    made = tree(31, 5, 5)
    for key in (present(made)[1], next(key for key in range(5, 32) if made.get(key) is None)):
        given, _ = step(made, key, 77)
        witness = processor().witness(given)
        processor().check(witness)
        assert {n for n in survivors(processor(), witness, [1]) if not n.endswith("inverse")} == set()
        check_determined(processor(), given)


def test_the_steps_of_circomlibjs_are_accepted() -> None:
    for done in json.loads(FIXTURE.read_text())["steps"][:40]:
        siblings = [int(x) for x in done["siblings"]]
        if done["op"] not in ("insert", "update") or len(siblings) >= LEVELS:
            continue
        given = {name: int(done[name]) for name in ("key", "value", "old_key", "old_value")}
        update = done["op"] == "update"
        given |= {"f0": int(not update), "f1": int(update), "is_old0": int(done["is_old0"])}
        old, new = int(done["old_root"]), int(done["new_root"])
        split = (given["key"] ^ given["old_key"]) & ((1 << LEVELS) - 1)
        if given["f0"] and not given["is_old0"] and not split:
            continue
        padded = siblings + [0] * (LEVELS - len(siblings))
        assert result(given | {"root": old, "siblings": padded}) == new


def test_trees_of_other_depths_are_refused() -> None:
    for n in (1, 255):
        with pytest.raises(InputError, match="expected 2 to 254 siblings"):
            verifier(n)
