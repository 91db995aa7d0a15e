"""Gadgets accept what circomlib's templates accept, give their outputs, and cost no more.

Needs node and the npm packages circom2 and circomlib in build/snarkjs, or in the folder that ZKROLL_SNARKJS
names:  npm install --no-save --prefix build/snarkjs circom2 circomlib
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.npm import FOLDER, needs_packages
from support.smt import Inputs, present, processor, proof, step, tree, verifier

from zkroll.algebra import babyjubjub as curve
from zkroll.algebra import eddsa
from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs
from zkroll.circuits.r1cs.gadgets.babyjubjub import Point
from zkroll.circuits.r1cs.gadgets.bits import Bit, boolean, to_bits_canonical
from zkroll.circuits.r1cs.gadgets.eddsa import verify_eddsa
from zkroll.circuits.r1cs.gadgets.mimc import mimc7_hash, mimc_sponge
from zkroll.circuits.r1cs.gadgets.poseidon import poseidon_hash
from zkroll.circuits.r1cs.gadgets.scalar_mul import multiply, multiply_base
from zkroll.circuits.r1cs.gadgets.sha256 import sha256

pytestmark = [pytest.mark.oracle, needs_packages]

# reads cases from a file, writes the outputs of each or null where a constraint is broken
RUNNER = """
const fs = require("fs");
(async () => {
  const [calculator, wasm, cases, count] = process.argv.slice(2);
  const made = await require(calculator)(fs.readFileSync(wasm));
  console.error = () => {};
  const results = [];
  for (const inputs of JSON.parse(fs.readFileSync(cases))) {
    try {
      const witness = await made.calculateWitness(inputs, true);
      results.push(witness.slice(1, 1 + Number(count)).map(String));
    } catch (_) { results.push(null); }
  }
  console.log(JSON.stringify(results));
})();
"""


class Template:
    """A circuit that circom compiled."""

    def __init__(self, folder: Path, source: str, n_outputs: int):
        self.folder, self.n_outputs = folder, n_outputs
        (folder / "program.circom").write_text(f"pragma circom 2.0.0;\n{source}\n")
        (folder / "run.cjs").write_text(RUNNER)
        shutil.copytree(
            FOLDER / "circomlib/circuits", folder / "lib"
        )  # circom2 reads below its own folder only
        self._node(FOLDER / ".bin/circom2", "program.circom", "--wasm", "--r1cs", "--O2", "-l", "lib")
        self.n_constraints = read_r1cs(folder / "program.r1cs").n_constraints

    def results(self, cases: Sequence[Inputs]) -> list[list[int] | None]:
        texts = [{k: _text(v) for k, v in case.items()} for case in cases]
        (self.folder / "cases.json").write_text(json.dumps(texts))
        base = self.folder / "program_js"
        (base / "witness_calculator.js").rename(base / "witness_calculator.cjs")
        printed = self._node(
            "run.cjs", base / "witness_calculator.cjs", base / "program.wasm", "cases.json", self.n_outputs
        )
        return [
            None if row is None else [int(x) for x in row] for row in json.loads(printed.splitlines()[-1])
        ]

    def _node(self, *arguments: object) -> str:
        command = ["node", *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, check=False, cwd=self.folder
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


def _text(value: Any) -> Any:
    return [str(x) for x in value] if isinstance(value, (list, tuple)) else str(value)


def ours(circuit: Circuit, cases: Sequence[Inputs]) -> list[list[int] | None]:
    """The outputs of each case, None where a constraint is broken."""
    found: list[list[int] | None] = []
    for case in cases:
        witness = circuit.witness(case)
        broken = circuit.first_violation(witness) is not None
        found.append(None if broken else circuit.public_values(witness)[: circuit.r1cs.n_outputs])
    return found


def mutated(given: Inputs, rng: random.Random) -> Inputs:
    """The inputs with up to two of them changed."""
    changed = dict(given)
    for name in rng.sample(sorted(changed), rng.choice([0, 1, 1, 2])):
        value = changed[name]
        if name == "siblings":
            row, i = list(value), rng.randrange(len(value))
            row[i] = rng.choice([0, 1, rng.randrange(R_MODULUS), row[i - 1]])
            changed[name] = row
        elif value in (0, 1) and name in ("is_old0", "absent", "on", "f0", "f1"):
            changed[name] = 1 - value
        elif name.endswith("key"):
            changed[name] = rng.choice(
                [changed["key"], changed["old_key"], changed["key"] ^ 64, rng.randrange(128)]
            )
        else:
            changed[name] = rng.choice([0, (value + 1) % R_MODULUS, changed["value"]])
    return changed


def test_proofs_of_sparse_merkle_trees(tmp_path: Path) -> None:
    rng = random.Random(5)
    cases = []
    for seed in range(4):
        made = tree(seed)
        for key in [*rng.sample(range(128), 8), *present(made)]:
            cases += [mutated(proof(made, key), rng) for _ in range(6)]
    theirs = Template(tmp_path, 'include "smt/smtverifier.circom";\ncomponent main = SMTVerifier(8);', 0)
    names = {
        "enabled": "on", "root": "root", "siblings": "siblings", "oldKey": "old_key", "oldValue": "old_value",
        "isOld0": "is_old0", "key": "key", "value": "value", "fnc": "absent",
    }  # fmt: skip
    expected = theirs.results([{name: case[key] for name, key in names.items()} for case in cases])
    assert 50 < expected.count(None) < len(cases) - 50
    assert ours(verifier(), cases) == expected
    assert verifier().r1cs.n_constraints < theirs.n_constraints


def test_changes_of_sparse_merkle_trees(tmp_path: Path) -> None:
    rng = random.Random(6)
    cases = []
    for seed in range(4):
        made = tree(seed, 0)
        for _ in range(14):
            given, root = step(made, rng.getrandbits(5), 1 + rng.randrange(R_MODULUS - 1))
            back = [given | {"root": root, "f1": 1}] if given["f0"] else []
            cases += [mutated(one, rng) for one in (given, *back) for _ in range(4)]
    theirs = Template(tmp_path, 'include "smt/smtprocessor.circom";\ncomponent main = SMTProcessor(8);', 1)
    names = {
        "oldRoot": "root", "siblings": "siblings", "oldKey": "old_key", "oldValue": "old_value",
        "isOld0": "is_old0", "newKey": "key", "newValue": "value",
    }  # fmt: skip
    expected = theirs.results(
        [
            {name: case[key] for name, key in names.items()} | {"fnc": [case["f0"], case["f1"]]}
            for case in cases
        ]
    )
    assert 50 < expected.count(None) < len(cases) - 50
    assert ours(processor(), cases) == expected
    assert processor().r1cs.n_constraints < theirs.n_constraints


def test_signatures(tmp_path: Path) -> None:
    def define(c: Builder) -> None:
        on = boolean(c, c.private_input("on"))
        verify_eddsa(
            c,
            c.private_inputs("a", 2),
            c.private_inputs("r", 2),
            c.private_input("s"),
            c.private_input("m"),
            on,
        )

    cases: list[Inputs] = []
    for k in range(4):
        secret = bytes([k]) * 32
        key, (r8, s) = eddsa.public_key(secret), eddsa.sign(secret, k)
        good = {"a": key, "r": r8, "s": s, "m": k, "on": 1}
        bad = {"a": curve.negate(key), "r": curve.BASE8, "s": (s + 1) % curve.SUBGROUP_ORDER, "m": k + 1}
        cases += [good, *(good | {name: value} for name, value in bad.items())]
        cases += [
            good | {"on": 0, "m": 7},
            good | {"a": curve.IDENTITY},
            good | {"s": s + curve.SUBGROUP_ORDER},
        ]
    theirs = Template(
        tmp_path, 'include "eddsaposeidon.circom";\ncomponent main = EdDSAPoseidonVerifier();', 0
    )
    expected = theirs.results([
        {"enabled": x["on"], "Ax": x["a"][0], "Ay": x["a"][1], "S": x["s"], "R8x": x["r"][0], "R8y": x["r"][1], "M": x["m"]}
        for x in cases
    ])  # fmt: skip
    assert expected.count([]) == 8
    circuit = compile_circuit(define)
    assert ours(circuit, cases) == expected
    assert circuit.r1cs.n_constraints < theirs.n_constraints


Define = Callable[[Builder], object]
E253, E254 = (random.Random(n).getrandbits(n) for n in (253, 254))
POINT = curve.multiply(curve.BASE8, 12345)
PROGRAMS: dict[str, tuple[str, Define, list[Inputs]]] = {
    "poseidon": (
        'include "poseidon.circom";\ncomponent main = Poseidon(5);',
        lambda c: c.output("out", poseidon_hash(c, c.private_inputs("inputs", 5))),
        [{"inputs": [1, 2, 3, 4, 5]}, {"inputs": [0, R_MODULUS - 1, 0, 7, 8]}],
    ),
    "mimc7": (
        'include "mimc.circom";\ncomponent main = MultiMiMC7(3, 91);',
        lambda c: c.output("out", mimc7_hash(c, c.private_inputs("in", 3), c.private_input("k"))),
        [{"in": [1, 2, 3], "k": 4}, {"in": [0, R_MODULUS - 1, 0], "k": 0}],
    ),
    "mimcsponge": (
        'include "mimcsponge.circom";\ncomponent main = MiMCSponge(3, 220, 2);',
        lambda c: c.outputs("outs", mimc_sponge(c, c.private_inputs("ins", 3), c.private_input("k"), 2)),
        [{"ins": [1, 2, 3], "k": 4}, {"ins": [0, R_MODULUS - 1, 0], "k": 0}],
    ),
    "sha256": (
        'include "sha256/sha256.circom";\ncomponent main = Sha256(256);',
        lambda c: c.outputs("out", sha256(c, [Bit(b) for b in c.private_inputs("in", 256)])),
        [{"in": [i * i % 7 % 2 for i in range(256)]}, {"in": [1] * 256}],
    ),
    "bits": (
        'include "bitify.circom";\ncomponent main = Num2Bits_strict();',
        lambda c: c.outputs("out", to_bits_canonical(c, c.private_input("in"))),
        [{"in": x} for x in (0, 1, R_MODULUS - 1, 1 << 253)],
    ),
    "fixed": (
        'include "escalarmulfix.circom";\ncomponent main = EscalarMulFix(253, '
        f"[{curve.BASE8[0]}, {curve.BASE8[1]}]);",
        lambda c: c.outputs("out", multiply_base(c, [Bit(b) for b in c.private_inputs("e", 253)])),
        [{"e": [s >> i & 1 for i in range(253)]} for s in (0, 1, E253, (1 << 253) - 1, curve.SUBGROUP_ORDER)],
    ),
    "any": (
        'include "escalarmulany.circom";\ncomponent main = EscalarMulAny(254);',
        lambda c: c.outputs(
            "out",
            multiply(c, [Bit(b) for b in c.private_inputs("e", 254)], Point(*c.private_inputs("p", 2))),
        ),
        [{"e": [s >> i & 1 for i in range(254)], "p": list(POINT)} for s in (1, E254, (1 << 254) - 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_functions_equal_templates(name: str, tmp_path: Path) -> None:
    source, define, cases = PROGRAMS[name]
    circuit = compile_circuit(define)
    theirs = Template(tmp_path, source, circuit.r1cs.n_outputs)
    expected = theirs.results(cases)
    assert None not in expected
    assert ours(circuit, cases) == expected
    # an output that is a sum costs a constraint here, where circom's simplification eliminates a wire for it
    assert circuit.r1cs.n_constraints <= theirs.n_constraints + circuit.r1cs.n_outputs
