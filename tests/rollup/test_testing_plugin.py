"""The assertions hold where they must and fail where they must, and the plugin's fixtures work in tests of users."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from rollup_batches import CHAIN, alice, batch, signed
from support.npm import FOLDER, needs_packages

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.kernels.jit_cache import cache_folder
from zkroll.circuits.buses import PUBLIC_VALUES
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.errors import ConstraintViolation, InputError, RollupError, VerificationError
from zkroll.prover.groth16 import setup_insecure
from zkroll.rollup.proof import BatchProof
from zkroll.rollup.testing import (
    CircomFiles,
    CircomProver,
    CircuitProver,
    DeployedVerifier,
    LocalChain,
    Proven,
    Verifier,
    assert_batch_proves,
    assert_batch_rejects,
    assert_proves,
    assert_rejects,
    prover_of,
)

pytest_plugins = ["pytester"]

KERNELS = str(cache_folder())
ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests/fixtures/snarkjs"
WASM = ROOT / "tests/fixtures/circom"
CELLS = CircomFiles(
    FIXTURES / "cells.zkey", WASM / "cells.wasm", FIXTURES / "cells.r1cs", FIXTURES / "cells.sym"
)
CELL_INPUTS = {"a": 3, "b": ["10", 20]}


def squares(c: Builder) -> None:
    x = c.private_input("x")
    c.constrain(x, x, c.public_input("square"), "squared")
    c.outputs("powers", [x * x * x, x * x * x * x])


def bare(c: Builder) -> None:
    x = c.private_input("x")
    c.constrain(x, x, 49, "is 49")


GOOD = {"x": 3, "square": 9}


@pytest.fixture(scope="module")
def chain() -> LocalChain:
    return LocalChain()


@pytest.fixture(scope="module")
def prover() -> CircuitProver:
    return CircuitProver(squares)


@pytest.fixture(scope="module")
def l1(prover, chain) -> DeployedVerifier:
    return DeployedVerifier(prover.verifying_key, chain)


@pytest.fixture(scope="module")
def cells() -> CircomProver:
    return CircomProver(CELLS)


class Yes:
    """A verifier that takes whatever it is shown, but for what `but` names."""

    name = "yes"

    def __init__(self, key, but=lambda _proof, _public: False):
        self.key, self._but = key, but

    def accepts(self, proof, public=None):
        return not self._but(proof, public)


def failure(function, *arguments, **options) -> str:
    with pytest.raises(AssertionError) as caught:
        function(*arguments, **options)
    return str(caught.value)


# ---- assert_proves -----------------------------------------------------------------------------------------


def test_what_is_true_is_proven(prover, l1) -> None:
    proven = assert_proves(prover, GOOD, {"powers": [27, 81], "square": 9}, l1=l1)
    assert proven.public == (27, 81, 9)
    assert_proves(
        prover, {"x": R_MODULUS - 3, "square": 9}, {"powers[0]": -27}, public=(R_MODULUS - 27, 81, 9)
    )


def test_a_circuit_without_public_values_is_proven(chain) -> None:
    prover = CircuitProver(bare)
    assert_proves(prover, {"x": 7}, public=[], l1=DeployedVerifier(prover.verifying_key, chain))
    assert_rejects(prover, {"x": 8}, match="is 49")


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        ({"x": 3, "square": 8}, {}, "expected a proof, got ConstraintViolation: squared:"),
        (GOOD, {"outputs": {"powers": [27, 82]}}, r"output powers\[1\]: expected 82, got 81"),
        (GOOD, {"outputs": {"power": 27}}, "InputError: power: expected a public signal of squares"),
        (GOOD, {"outputs": {"powers": [27, 81, 0]}}, r"InputError: powers\[2\]: expected a public signal"),
        (GOOD, {"outputs": {"square": "nine"}}, "InputError: square: expected an integer, got 'nine'"),
        (
            GOOD,
            {"outputs": {"square": 9.0}},
            "InputError: square: expected an integer or an array, got float",
        ),
        (
            GOOD,
            {"outputs": {"square": b"9"}},
            "InputError: square: expected an integer or an array, got bytes",
        ),
        (GOOD, {"outputs": {"x": 3}}, "InputError: x: expected a public signal"),
        (GOOD, {"public": [27, 81]}, r"public values: expected \[27, 81\], got \[27, 81, 9\]"),
        ({"x": 3}, {}, "InputError: input square: expected a value, got none"),
    ],
)
def test_what_is_not_so_is_not_proven(prover, inputs, options, message) -> None:
    with pytest.raises(AssertionError, match=message) as caught:
        assert_proves(prover, inputs, **options)
    assert str(caught.value).startswith("assert_proves(squares): ")


def test_a_verifier_that_takes_or_refuses_everything_shows_nothing(prover) -> None:
    key = prover.verifying_key
    assert "yes: public value 0: expected 28 to be refused" in failure(
        assert_proves, prover, GOOD, l1=Yes(key)
    )
    refuses = Yes(key, but=lambda *_: True)
    assert "yes: expected the proof to be accepted, got refusal" in failure(
        assert_proves, prover, GOOD, l1=refuses
    )
    blind = Yes(key, but=lambda _, public: list(public) != [27, 81, 9])
    assert "A and C swapped" in failure(assert_proves, prover, GOOD, l1=blind)


def test_a_contract_of_another_key_is_told(prover, chain) -> None:
    other = setup_insecure(prover.circuit.r1cs, b"another seed")
    deployed = DeployedVerifier(other.vk, chain)
    for claim in (
        lambda: assert_proves(prover, GOOD, l1=deployed),
        lambda: assert_rejects(prover, {"x": 3, "square": 8}, l1=deployed),
        lambda: assert_rejects(prover, prover.prove(GOOD), public={0: 5}, l1=deployed),
    ):
        assert "solidity: expected a verifier of the same key" in failure(claim)


# ---- assert_rejects ----------------------------------------------------------------------------------------


def test_a_broken_constraint_is_refused_at_every_level(prover, l1) -> None:
    assert assert_rejects(prover, {"x": 3, "square": 8}, l1=l1).startswith("squared: ")
    assert_rejects(prover, GOOD, tamper={"powers[1]": 82}, l1=l1, match=r"powers\[1\]")
    # what a prover does that makes up for a bad input by other changes is shown as a witness
    witness = prover.witness({"x": 4, "square": 9}, {"powers[0]": 27})
    assert_rejects(prover, witness, l1=l1, match="squared")


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        (GOOD, {}, r"expected a broken constraint, got a witness that satisfies all; public \(27, 81, 9\)"),
        (GOOD, {"tamper": {"powers[1]": 81}}, r"expected other values of powers\[1\], got those"),
        (
            {"x": 4, "square": 9},
            {"tamper": {"powers[1]": 5}},
            "tamper: expected inputs that satisfy the circuit",
        ),
        (GOOD, {"tamper": {"power": 5}}, "got InputError: wire 'power'"),
        ({"x": 4, "square": 9}, {"match": "cubed"}, "expected a reason like 'cubed', got: squared"),
        ({"x": 3}, {}, "expected a refusal, got InputError: input square"),
        ({"x": 3, "square": 9, "y": 1}, {}, "expected a refusal, got InputError"),
    ],
)
def test_a_refusal_for_another_reason_is_a_failure(prover, inputs, options, message) -> None:
    with pytest.raises(AssertionError, match=message) as caught:
        assert_rejects(prover, inputs, **options)
    assert str(caught.value).startswith("assert_rejects(squares): ")


def test_a_missing_constraint_is_seen_by_the_verifiers(prover, monkeypatch) -> None:
    """A circuit whose check is right and whose key is for a weaker one: the proof is accepted."""
    accepting = Yes(prover.verifying_key)
    text = failure(assert_rejects, prover, {"x": 3, "square": 8}, l1=accepting)
    assert "yes: expected refusal of a witness that breaks squared" in text


def test_changed_statements_and_proofs_are_refused(prover, l1) -> None:
    proven = prover.prove(GOOD)
    for changed in ({0: 28}, {2: 10}, {1: 81 + R_MODULUS}, [27, 81, 0], [81, 27, 9], {0: (1 << 256) - 1}):
        assert assert_rejects(prover, proven, public=changed, l1=l1) == "refused by groth16 and solidity"
    data = proven.proof.to_bytes()
    another = prover.prove({"x": 4, "square": 16}).proof
    for proof in (
        another,
        bytes(256),
        data[:63] + bytes([data[63] ^ 1]) + data[64:],
        data[192:] + data[64:192] + data[:64],
    ):
        assert_rejects(Verifier(prover.verifying_key), proven, proof=proof, l1=l1)
    high = (int.from_bytes(data[:32], "big") + Q_MODULUS).to_bytes(32, "big") + data[32:]
    assert assert_rejects(l1, proven, proof=high) == "refused by solidity"


def test_a_change_that_is_none_is_a_failure(prover, l1) -> None:
    proven = prover.prove(GOOD)
    same = "expected another proof or other public values"
    assert same in failure(assert_rejects, prover, proven, public=[27, 81, 9])
    assert same in failure(assert_rejects, prover, proven, proof=proven.proof)
    assert same in failure(assert_rejects, prover, proven, public={})
    assert "expected 3 values, got 2: no verifier" in failure(assert_rejects, l1, proven, public=[27, 81])
    assert "expected an index below 3, got 3" in failure(assert_rejects, l1, proven, public={3: 1})
    assert "expected 256 bytes, got 255" in failure(assert_rejects, l1, proven, proof=bytes(255))
    assert "got InputError: public input 0" in failure(assert_rejects, l1, proven, public={0: 1 << 256})
    false = Proven(proven.proof, (27, 81, 10))
    text = failure(assert_rejects, prover, false, public={0: 5})
    assert "expected a valid proof to change, got one that is refused as it is" in text
    again = prover.prove(GOOD)  # other random values, the same statement
    assert "expected refusal, got acceptance" in failure(assert_rejects, prover, proven, proof=again.proof)


def test_claims_that_say_nothing_are_errors(prover) -> None:
    proven = prover.prove(GOOD)
    for options in ({}, {"tamper": {"x": 1}}, {"public": {0: 1}, "match": "x"}):
        with pytest.raises(TypeError, match="expected public= or proof="):
            assert_rejects(prover, proven, **options)
    for subject, case, options in [
        (prover, GOOD, {"public": [1, 2, 3]}),
        (prover, GOOD, {"proof": proven.proof}),
        (Verifier(prover.verifying_key), GOOD, {}),
    ]:
        with pytest.raises(TypeError, match="expected a Proven"):
            assert_rejects(subject, case, **options)
    with pytest.raises(TypeError, match="tamper"):
        assert_rejects(prover, GOOD, tamper={})
    with pytest.raises(TypeError, match="tamper"):
        assert_rejects(prover, prover.witness(GOOD), tamper={"powers[0]": 1})


def test_a_contract_that_reverts_has_not_refused(prover, l1, monkeypatch) -> None:
    proven = prover.prove(GOOD)
    call = LocalChain.call
    starved = lambda self, address, data, gas=0, value=0: call(self, address, data, 60_000)  # noqa: E731
    monkeypatch.setattr(LocalChain, "call", starved)
    with pytest.raises(RollupError, match="verifyProof: expected true or false, got Revert"):
        l1.accepts(proven)
    text = failure(assert_rejects, prover, {"x": 3, "square": 8}, l1=l1)
    assert "solidity: expected yes or no, got RollupError" in text


# ---- provers and verifiers ---------------------------------------------------------------------------------


def test_files_of_circom_prove(cells, chain) -> None:
    l1 = DeployedVerifier(cells.verifying_key, chain)
    proven = assert_proves(cells, CELL_INPUTS, {"d": 9, "a": 3}, l1=l1)
    assert proven.public[1:] == (9, 3)
    assert_rejects(cells, CELL_INPUTS, tamper={"u.t": 5}, l1=l1, match="u.t = 5")
    assert_rejects(cells, CELL_INPUTS, tamper={"d": 5}, match="d = 5")
    assert_rejects(cells, proven, public={1: 10}, l1=l1)


def test_a_key_of_another_circuit_shows_nothing() -> None:
    def shifted(c: Builder) -> None:
        x = c.private_input("x")
        c.constrain(x, x + 1, c.public_input("square"), "not squared")
        c.outputs("powers", [x * x * x, x * x * x * x])

    other = CircuitProver(squares, setup_insecure(prover_of(shifted).circuit.r1cs, b"another"))
    text = failure(assert_rejects, other, GOOD, tamper={"powers[1]": 82})
    assert "groth16: tamper: expected a proof without it to be accepted" in text


def test_inputs_may_be_files(cells, tmp_path) -> None:
    (tmp_path / "input.json").write_text(json.dumps(CELL_INPUTS))
    assert cells.prove(tmp_path / "input.json").public == cells.prove(CELL_INPUTS).public
    stored = CircomProver(CircomFiles(FIXTURES / "cells.zkey"))
    public = [int(value) for value in json.loads((FIXTURES / "cells.public.json").read_text())]
    assert_proves(stored, FIXTURES / "cells.wtns", public=public)


def test_without_the_constraints_the_proof_tells(cells) -> None:
    less = CircomProver(CircomFiles(CELLS.zkey, CELLS.wasm, sym=CELLS.sym))
    assert_proves(less, CELL_INPUTS, {"d": 9})
    assert_rejects(less, CELL_INPUTS, tamper={"u.t": 5}, match="satisfies the circuit of the key")


def test_a_calculator_that_refuses_is_a_refusal() -> None:
    prover = CircomProver(CircomFiles(CELLS.zkey, WASM / "table_2.2.3.wasm"))
    inputs = {"a": 0, "b": [[1, 2, 3], [4, 5, 6]]}
    assert_rejects(prover, inputs, match="do not satisfy the circuit: assert failed")
    assert "expected a witness to change, got none" in failure(
        assert_rejects, prover, inputs, tamper={"a": 1}
    )
    assert "got InputError" in failure(assert_rejects, prover, {**inputs, "b": 3})


@pytest.mark.parametrize(
    ("files", "inputs", "message"),
    [
        (CircomFiles("absent.zkey"), FIXTURES / "cells.wtns", "absent.zkey"),
        (CircomFiles(CELLS.zkey), "absent.wtns", "absent.wtns"),
        (CircomFiles(CELLS.zkey), CELL_INPUTS, "expected a .wasm file"),
        (CircomFiles(CELLS.zkey, "absent.wasm"), CELL_INPUTS, "absent.wasm"),
        (CircomFiles(CELLS.zkey, CELLS.wasm, "absent.r1cs"), CELL_INPUTS, "absent.r1cs"),
        (CELLS, {"a": 3}, "expected 3 values, as the circuit takes, got 1"),
        (CircomFiles(FIXTURES / "cells_uncontributed.zkey", CELLS.wasm), CELL_INPUTS, "phase 2"),
    ],
)
def test_missing_files_prove_and_refuse_nothing(files, inputs, message) -> None:
    for claim in (assert_proves, assert_rejects):
        with pytest.raises((AssertionError, InputError), match=message):
            claim(CircomProver(files), inputs)


def test_names_need_the_symbols() -> None:
    prover = CircomProver(CircomFiles(CELLS.zkey, CELLS.wasm))
    assert "expected a .sym file" in failure(assert_proves, prover, CELL_INPUTS, {"d": 9})
    assert "expected a .sym file" in failure(assert_rejects, prover, CELL_INPUTS, tamper={"d": 9})
    assert "nothing: expected a signal in" in failure(
        assert_rejects, CircomProver(CELLS), CELL_INPUTS, tamper={"nothing": 9}
    )


def test_the_verifier_answers_what_the_contract_answers(prover, l1) -> None:
    proven = prover.prove(GOOD)
    verifier, data = Verifier(prover.verifying_key), proven.proof.to_bytes()
    questions = [
        (data, [27, 81, 9]),
        (data, [27 + R_MODULUS, 81, 9]),
        (bytes(256), [27, 81, 9]),
        (b"\xff" * 256, [0, 0, 0]),
    ]
    questions += [(data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :], [27, 81, 9]) for i in range(31, 256, 32)]
    answers = [(verifier.accepts(*question), l1.accepts(*question)) for question in questions]
    assert answers == [(True, True)] + [(False, False)] * (len(questions) - 1)
    for bad in (
        (data, [27, 81]),
        (data[:-1], [27, 81, 9]),
        (data, [True, 81, 9]),
        (data, None),
        (proven, [27, 81, 9]),
    ):
        for one in (verifier, l1):
            with pytest.raises(InputError):
                one.accepts(*bad)


def test_a_verifier_is_read_from_its_file(cells) -> None:
    verifier = Verifier.from_file(FIXTURES / "cells.verification_key.json")
    assert verifier.key == cells.verifying_key
    assert verifier.accepts(cells.prove(CELL_INPUTS))


def test_what_is_no_circuit_is_refused() -> None:
    with pytest.raises(
        InputError, match="expected a circuit, a function that defines one, or CircomFiles, got str"
    ):
        prover_of("circuit.zkey")
    given = CircuitProver(compile_circuit(squares))
    assert prover_of(given) is given
    assert given.name == "the circuit"
    with pytest.raises(ConstraintViolation, match="squared"):
        given.prove({"x": 3, "square": 8})


# ---- chain -------------------------------------------------------------------------------------------------


def test_both_sets_of_precompiles_answer_and_cost_the_same(cells) -> None:
    proven = cells.prove(CELL_INPUTS)
    data = proven.proof.to_bytes()
    machines = [DeployedVerifier(cells.verifying_key, LocalChain(which)) for which in ("zkroll", "py-evm")]
    off_curve = data[:63] + bytes([data[63] ^ 1]) + data[64:]
    for question in [(data, list(proven.public)), (off_curve, list(proven.public)), (data, [1, 9, 3])]:
        ours, theirs = (m.chain.call(m.address, m.calldata(*question)) for m in machines)
        assert (ours, ours.failure) == (theirs, None)
    with pytest.raises(InputError, match="precompiles: expected zkroll or py-evm"):
        LocalChain("geth")


def test_contracts_of_users_can_call_the_verifier(prover, l1) -> None:
    proven = prover.prove(GOOD)
    (ax, ay), ((bx0, bx1), (by0, by1)), (cx, cy) = proven.proof.a, proven.proof.b, proven.proof.c
    call = l1.contract.functions.verifyProof(
        [ax, ay], [[bx1, bx0], [by1, by0]], [cx, cy], list(proven.public)
    )
    assert call.call() is True
    assert call.estimate_gas() >= l1.gas(proven)
    sent = l1.w3.eth.send_transaction({"to": l1.address, "data": l1.calldata(proven), "gas": 400_000})
    receipt = l1.w3.eth.get_transaction_receipt(sent)
    assert (receipt["status"], receipt["gasUsed"]) == (1, l1.gas(proven))


def test_a_text_exported_for_another_key_is_seen(prover, chain) -> None:
    key = prover.verifying_key
    exported = DeployedVerifier(key, chain).source
    assert_proves(prover, GOOD, l1=DeployedVerifier(key, chain, source=exported))
    other = setup_insecure(prover.circuit.r1cs, b"another seed").vk
    stale = DeployedVerifier(key, chain, source=DeployedVerifier(other, chain).source)
    text = failure(assert_proves, prover, GOOD, l1=stale)
    assert "solidity: expected the proof to be accepted, got refusal" in text
    with pytest.raises(InputError, match="contract: line 1"):
        DeployedVerifier(key, chain, source="library L {}")


def test_files_that_change_are_other_files(tmp_path) -> None:
    copy = tmp_path / "c.zkey"
    files = CircomFiles(copy, tmp_path / "absent.wasm")
    before = files.state()
    assert before == [None, None, None, None]
    shutil.copy(CELLS.zkey, copy)
    assert files.state() != before
    assert files.state()[1:] == before[1:]


def test_code_that_does_not_deploy_is_told(chain, l1) -> None:
    with pytest.raises(RollupError, match="deployment: expected a contract"):
        chain.deploy(bytes.fromhex("5f5ffd"))
    with pytest.raises(RollupError, match="expected one that a block can hold"):
        chain.call(l1.address, b"", gas=20_000)


# ---- the plugin --------------------------------------------------------------------------------------------


PLUGIN = "zkroll.rollup.testing.plugin"


@pytest.fixture
def pytester(pytester, monkeypatch):
    """Runs of pytest with this plugin alone. Their home is another, but compiled kernels stay where they are."""
    monkeypatch.setenv("ZKROLL_CACHE_DIR", KERNELS)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


def run(pytester, *arguments):
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", PLUGIN, *arguments)


def test_the_installed_package_brings_the_plugin() -> None:
    found = entry_points(group="pytest11", name="zkroll")
    if not found:
        pytest.skip("the package is installed without its entry points")
    assert [point.value for point in found] == [PLUGIN]


def test_the_example_passes(pytester) -> None:
    shutil.copy(ROOT / "examples/testing/test_multiplier.py", pytester.path)
    run(pytester).assert_outcomes(passed=5)


def test_fixtures_serve_several_circuits_and_keep_what_they_made(pytester) -> None:
    pytester.makepyfile(
        f"""
        import pytest
        from zkroll.rollup.testing import CircomFiles, assert_proves

        def square(c):
            x = c.private_input("x")
            c.output("y", x * x)

        CELLS = CircomFiles({str(CELLS.zkey)!r}, {str(CELLS.wasm)!r})
        CASES = [(square, {{"x": 3}}), (CELLS, {CELL_INPUTS!r})]
        seen = {{}}

        @pytest.fixture(params=CASES, ids=["square", "cells"])
        def case(request):
            return request.param

        @pytest.fixture
        def zkroll_circuit(case):
            return case[0]

        @pytest.mark.parametrize("time", [1, 2])
        def test_all(case, time, zkroll_prover, zkroll_verifier, zkroll_l1, zkroll_chain):
            proven = assert_proves(zkroll_prover, case[1], l1=zkroll_l1)
            assert zkroll_verifier.accepts(proven) and zkroll_l1.accepts(proven)
            assert zkroll_l1.chain is zkroll_chain
            assert zkroll_l1.gas(proven) < 260_000
            assert seen.setdefault(case[0], (zkroll_prover, zkroll_l1)) == (zkroll_prover, zkroll_l1)

        def test_circuits_do_not_share():
            assert len({{id(part) for pair in seen.values() for part in pair}}) == 4

        class TestOfAClass:
            @pytest.fixture
            def zkroll_circuit(self):
                return square

            def test_all(self, zkroll_prover):
                assert zkroll_prover is seen[square][0]
        """
    )
    run(pytester).assert_outcomes(passed=6)


def test_failures_name_the_level_and_the_reason(pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        from zkroll.rollup.testing import assert_proves, assert_rejects, check_circuit

        def square(c):
            x = c.private_input("x")
            c.constrain(x, x, c.public_input("y"), "squared")

        @pytest.fixture
        def zkroll_circuit():
            return square

        def test_proves(zkroll_prover):
            assert_proves(zkroll_prover, {"x": 3, "y": 10})

        def test_rejects(zkroll_prover, zkroll_l1):
            assert_rejects(zkroll_prover, {"x": 3, "y": 9}, l1=zkroll_l1)

        def test_check():
            check_circuit(square, valid=[{"x": 3, "y": 9}], invalid=[{"x": 3, "y": 9}])
        """
    )
    result = run(pytester, "--tb=short")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: assert_proves(square): expected a proof, got ConstraintViolation: squared:*",
            "*AssertionError: assert_rejects(square): expected a broken constraint, got a witness*",
            "*ConstraintViolation: invalid case 0: expected a broken constraint, got none",
        ]
    )
    assert "assertions.py" not in result.stdout.str()


def test_a_missing_circuit_is_explained(pytester) -> None:
    pytester.makepyfile("def test_it(zkroll_prover): pass")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["zkroll_circuit: expected a fixture of that name in your tests*"])


def test_the_plugin_loads_nothing_until_it_is_used() -> None:
    code = (
        "import sys, pytest, zkroll.rollup.testing.plugin as p\n"
        "heavy = {'numpy', 'numba', 'eth', 'web3', 'wasmtime', 'zkroll.algebra', 'zkroll.circuits'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


# ---- batches -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_batch_is_proven_and_no_other() -> None:
    given = batch([signed(to=alice(1), value=5)])
    proof = assert_batch_proves(given, {"batch_number": 1, "chain_id": CHAIN})
    assert "bus balance" in assert_batch_rejects(proof, public={"new_root": proof.old_root})
    assert_batch_rejects(proof, data=proof.data + b"\0")
    assert_batch_rejects(proof, inner=proof.inner[:-1] + bytes([proof.inner[-1] ^ 1]))
    assert "new_root: expected 0x5" in failure(assert_batch_proves, given, {"new_root": 5})


def test_claims_about_batches_fail_for_their_reason(monkeypatch) -> None:
    """Whatever the verifier says of a proof, with the verifier in the test's hands."""
    proof = BatchProof(1, tuple(range(len(PUBLIC_VALUES))), b"data", b"inner")
    answers: list[Exception | None] = []

    def answer(_proof, _srs=None):
        found = answers.pop(0)
        if found is not None:
            raise found

    monkeypatch.setattr("zkroll.rollup.testing.batches.verify_proof", answer)
    answers[:] = [None, VerificationError("new_root: other")]
    assert assert_batch_rejects(proof, public={"new_root": 77}) == "new_root: other"
    for said, text in [
        ([None, None], "expected a refusal, got acceptance"),
        ([None, InputError("no such file")], "expected a refusal, got InputError: no such file"),
        ([VerificationError("no")], "expected a valid proof to change, got one that is refused"),
    ]:
        answers[:] = said
        assert text in failure(assert_batch_rejects, proof, inner=b"other")
    for options in ({}, {"data": b"data"}, {"public": {"old_root": proof.old_root}}):
        assert "expected a change of the proof, got none" in failure(assert_batch_rejects, proof, **options)
    with pytest.raises(TypeError, match="public: expected old_root"):
        assert_batch_rejects(proof, public={"root": 1})
    monkeypatch.setattr("zkroll.rollup.testing.batches.prove_batch", lambda *_: proof)
    answers[:] = [VerificationError("no")]
    assert "expected a proof, got VerificationError: no" in failure(assert_batch_proves, None)
    answers[:] = [None]
    assert "chain_id: expected 0x7" in failure(assert_batch_proves, None, {"chain_id": 7})


# ---- slow --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_workers_of_xdist_have_sessions_of_their_own(pytester) -> None:
    shutil.copy(ROOT / "examples/testing/test_multiplier.py", pytester.path)
    done = pytester.runpytest_subprocess("-p", "xdist", "-n", "2", "-p", "no:cacheprovider", "-p", PLUGIN)
    done.assert_outcomes(passed=5)


@pytest.mark.oracle
@needs_packages
def test_the_example_of_circom_passes(pytester) -> None:
    folder, build = pytester.path, pytester.path / "build"
    build.mkdir()
    for name in ("multiplier.circom", "test_multiplier_circom.py"):
        shutil.copy(ROOT / "examples/testing" / name, folder)

    def run_command(*command: object) -> None:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run_command(
        "node", FOLDER / ".bin/circom2", "multiplier.circom", "--r1cs", "--wasm", "--sym", "-o", "build"
    )
    for line in (folder / "test_multiplier_circom.py").read_text().splitlines():
        if line.strip().startswith("zkroll "):
            run_command(sys.executable, "-m", *line.split())
    run(pytester).assert_outcomes(passed=4)
