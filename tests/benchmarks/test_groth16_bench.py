"""benchmarks/groth16.py: its circuits, its measurement of programs, its table, and peers that are wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.npm import FOLDER, needs_packages
from support.section_files import FIXTURES

from zkroll.errors import InputError
from zkroll.prover.groth16.key import log_domain_of

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import contest as turns  # noqa: E402
import groth16 as bench  # noqa: E402
import groth16_ceremony as ceremony  # noqa: E402
import groth16_circuits as circuits  # noqa: E402
import groth16_contestants as contestants  # noqa: E402
import groth16_rounds as rounds  # noqa: E402
import groth16_table as table  # noqa: E402

KEY, WITNESS = (FIXTURES / f"cells.{kind}" for kind in ("zkey", "wtns"))
VK, PROOF, PUBLIC = (FIXTURES / f"cells.{name}.json" for name in ("verification_key", "proof", "public"))


@pytest.fixture
def runner():
    made = contestants.Runner(1)
    yield made
    made.close()


def script(path: Path, text: str) -> str:
    """An executable Python program."""
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return str(path)


class Fixed:
    """A contestant with one result."""

    def __init__(self, result: str):
        self._result = result

    def once(self) -> float:
        return 1.0

    def result(self) -> str:
        return self._result

    def close(self) -> None:
        pass


@pytest.mark.parametrize("log_n", [3, 5, 8])
def test_a_chain_fills_its_domain_and_every_wire_is_multiplied(log_n):
    length = circuits.multiplications(log_n)
    r1cs, witness = circuits.chain(length)
    r1cs.check(witness)
    assert log_domain_of(r1cs) == log_n
    assert length + 1 + r1cs.n_public + 1 <= 1 << log_n, "no room for a peer's own constraint"
    values = witness.to_ints()
    y = circuits.START
    for _ in range(length):
        y = y * (y + circuits.START) % circuits.R_MODULUS
    assert values[:3] == [1, y, circuits.START]
    assert len(set(values)) == r1cs.n_wires
    assert set(r1cs.A.wires.tolist()) | set(r1cs.B.wires.tolist()) == set(range(r1cs.n_wires)) - {0, 1}
    values[4] += 1
    assert r1cs.first_violation(circuits.FrVector.from_ints(values)) is not None


def test_signatures_and_paths_are_a_satisfied_circuit():
    r1cs, witness = circuits.signatures(1)
    r1cs.check(witness)
    assert r1cs.n_public == 3
    assert r1cs.n_constraints > 5000


@pytest.mark.parametrize(
    "name", ["chain", "chain-2", "chain-25", "eddsa-0", "eddsa-", "chain-²", "other-3", ""]
)
def test_other_circuits_are_refused(name):
    with pytest.raises(InputError, match="circuit: expected chain-"):
        circuits.circuit_named(name)


def test_the_files_of_a_circuit_are_made_once(tmp_path):
    files = circuits.circuit_files("chain-3", tmp_path, 1)
    before = files.zkey.stat().st_mtime_ns
    assert circuits.circuit_files("chain-3", tmp_path, 1) == files
    assert files.zkey.stat().st_mtime_ns == before
    (files.folder / "format").unlink()  # as after an interruption
    files.wtns.unlink()
    assert circuits.circuit_files("chain-3", tmp_path, 1).wtns.exists()


def test_the_peak_of_a_program_is_its_own(runner, tmp_path):
    ballast = bytearray(256 << 20)
    ballast[:: 1 << 12] = b"x" * len(ballast[:: 1 << 12])
    small = runner.run([script(tmp_path / "small", "")])
    large = runner.run([script(tmp_path / "large", "a = b'x' * (96 << 20)")])
    assert small["peak_bytes"] < 64 << 20 < 96 << 20 < large["peak_bytes"] < len(ballast)
    assert small["ns"] > 0


def test_a_program_that_fails_says_why(runner, tmp_path):
    failing = script(tmp_path / "failing", "import sys; sys.exit('no such witness')")
    with pytest.raises(turns.PeerError, match=r"exit code 1: no such witness"):
        contestants.Program(runner, [failing]).once()
    fine = script(tmp_path / "fine", "import os, sys; sys.exit(os.environ['ANSWER'] != '42')")
    program = contestants.Program(runner, [fine], environment={"ANSWER": "42"})
    assert program.once() > 0
    assert program.peak_bytes > 0


def test_a_program_that_is_not_there_is_an_error(tmp_path):
    runner = contestants.Runner(1)
    with pytest.raises(turns.PeerError, match="could not be started"):
        runner.run([str(tmp_path / "absent")])
    runner.close()


def test_fewer_threads_than_cores_bind_a_program(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {5, 2, 7}, raising=False)
    monkeypatch.setattr(contestants.shutil, "which", lambda _: "/bin/taskset")
    assert contestants.pinned(["p", "a"], 2) == ["/bin/taskset", "--cpu-list", "2,5", "p", "a"]
    assert contestants.pinned(["p", "a"], 3) == ["p", "a"]


def test_results_are_the_signals_of_valid_proofs(tmp_path):
    signals = json.loads(PUBLIC.read_text())
    for kind, path in (("proof", PROOF), ("public", PUBLIC)):
        (tmp_path / f"{kind}.json").write_text(path.read_text())
    assert contestants.checked(tmp_path, VK) == " ".join(signals)
    (tmp_path / "public.json").write_text(json.dumps([*signals[:-1], "7"]))
    assert contestants.checked(tmp_path, VK) == "refused: the proof is not valid"
    (tmp_path / "proof.json").unlink()
    assert contestants.checked(tmp_path, VK).startswith("refused: ")


def test_files_of_an_earlier_run_do_not_count(tmp_path):
    folder = contestants.folder_of(tmp_path, "a peer")
    (folder / "proof.json").write_text("old")
    assert not list(contestants.folder_of(tmp_path, "a peer").iterdir())


def test_wrong_results_are_told_apart():
    samples = turns.Samples(wrong=["first"])
    rivals = {name: Fixed(result) for name, result in
              {"good": "5 3", "first": "5 3", "other": "6 3", "refused": "refused: not valid"}.items()}  # fmt: skip
    found = rounds.wrong_results(Fixed("5 3"), rivals, samples)
    assert set(found) == {"first", "other", "refused"}
    assert found["refused"] == "refused: not valid"
    assert rounds.wrong_results(Fixed("refused: x"), {}, turns.Samples()) == {"": "refused: x"}


def test_what_is_asked_depends_on_figure_peer_size_and_back_end(runner):
    fast = rounds.Bench(runner, Path(), 1, 1, rate=None, portable=False)
    slow = rounds.Bench(runner, Path(), 1, 1, rate=None, portable=True)
    assert fast.asked(rounds.MAPPED, "rapidsnark", "chain-16") == 6
    assert fast.asked(rounds.MAPPED, "gnark", "chain-20") == 3.5
    assert fast.asked(rounds.MAPPED, "gnark", "chain-12") is None
    assert fast.asked(rounds.WHOLE, "rapidsnark", "chain-18") is None
    assert fast.asked(rounds.WHOLE, "rapidsnark", "chain-20") == 5.5
    assert slow.asked(rounds.MAPPED, "rapidsnark", "chain-20") == pytest.approx(1 / 1.3)
    assert slow.asked(rounds.MAPPED, "gnark", "chain-20") is None


def test_a_line_is_met_by_its_ratio_or_its_amount():
    def ratio(found: float | None) -> table.Line:
        return table.Line("prove", "2^16", 2e8, "ns", "peer", 1e9, found, 5.0)

    assert [ratio(x).met for x in (5.0, 4.99, None)] == [True, False, False]
    assert [table.Line("memory", "", x, "bytes", most=10).met for x in (10, 11)] == [True, False]
    assert table.Line("size", "", 5, "bytes").met is None
    assert ratio(5.0).cells() == ["prove", "2^16", "200 ms", "peer", "1 s", "5.00", "≥ 5×", "yes"]
    held = table.Line("memory", "s", 3 << 20, "bytes", most=1 << 20)
    assert held.cells() == ["memory", "s", "3 MiB", "–", "–", "–", "≤ 1 MiB", "NO"]
    bad = table.Line("prove", "s", 1, peer="peer", wrong="it lies")
    assert bad.cells()[-1] == "WRONG"
    assert table.wrong_ones([bad, bad, held]) == ["s: peer: it lies"]
    assert table.markdown([bad]).splitlines()[-1].endswith("| – | – | – | WRONG |")
    assert ratio(4.0).document()["met"] is False


def test_the_portable_back_end_is_measured_as_without_avx512():
    assert bench.backend_environment(None) == {}
    assert bench.backend_environment("ifma") == {"ZKROLL_BACKEND": "ifma"}
    assert bench.backend_environment("portable") == {"ZKROLL_BACKEND": "portable", **bench.AVX2_ONLY}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sizes", "2"], "expected chain-3 to chain-24"),
        (["--sizes", "x"], "expected chain-LOG"),
        (["--circuit", "sha-1"], "expected chain-3"),
        (["--only", "proof"], "expected parts of"),
        (["--threads", "0"], "at least 1"),
        (["--rapidsnark", "/nonexistent"], "expected an executable"),
        (["--gnark", "/"], "expected an executable"),
    ],
)
def test_bad_arguments_are_refused(arguments, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        bench._arguments(arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


LIAR = """
import json, subprocess, sys
key, witness, proof, public = sys.argv[1:]
subprocess.run([sys.executable, "-m", "zkroll", "groth16", "prove", key, witness, proof, public], check=True)
signals = json.load(open(public))
json.dump([signals[0], "4"], open(public, "w"))
"""

STAYS = """
import json, pathlib, shutil, subprocess, sys
task, threads, length, folder = sys.argv[1:]
folder, files = pathlib.Path(folder), pathlib.Path(folder).parent
assert (task, threads, length) == ("groth16-chain", "1", "4"), sys.argv
shutil.copy(files / "verification_key.json", folder)
print('{"ready": "test"}', flush=True)
for line in sys.stdin:
    for name in ("proof.json", "public.json"):
        shutil.copy(files / "zkroll-process" / name, folder)
    print(json.dumps({"ns": [int(line) * 5000000], "result": "any"}), flush=True)
"""


def test_every_proof_is_verified_and_a_liar_fails_the_run(tmp_path):
    out = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "groth16.py", "--sizes", "3", "--only", "proofs", "--rounds", "1",
         "--threads", "1", "--snarkjs", "none", "--cache", tmp_path / "cache", "--json", out,
         "--markdown", tmp_path / "table.md", "--rapidsnark", script(tmp_path / "liar", LIAR),
         "--gnark", script(tmp_path / "stays", STAYS)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "chain-3: rapidsnark: refused: the proof is not valid" in done.stderr
    assert "gnark: " not in done.stderr
    lines = json.loads(out.read_text())["lines"]
    by_peer = {(line["what"], line["peer"]): line for line in lines}
    assert by_peer[rounds.MAPPED, "rapidsnark"]["wrong"]
    assert by_peer[rounds.MAPPED, "gnark"]["theirs"] == 5000000
    assert by_peer[rounds.MAPPED, "gnark"]["wrong"] is None
    assert by_peer[rounds.WHOLE, None]["wrong"] is None
    assert (rounds.WHOLE, "gnark") not in by_peer
    assert by_peer[rounds.MEMORY, None]["ours"] > 10 << 20
    assert "WRONG" in (tmp_path / "table.md").read_text()


def test_verbs_of_ceremonies_take_the_same_inputs_as_those_of_snarkjs(tmp_path):
    files = circuits.Files("chain-16", tmp_path)
    new, last, contribute, prepare = ceremony.verbs(tmp_path / "c", files)
    key = str(tmp_path / "c" / "initial.zkey")
    assert contribute.their_words()[:2] == ["powersoftau", "contribute"]
    assert prepare.their_words()[:3] == ["powersoftau", "prepare", "phase2"]
    assert new.command(2)[3:5] == ["zkey", "new"]
    assert new.command(2)[5:7] == new.their_words()[2:4] == [str(files.r1cs), str(prepare.out)]
    assert last.command(2)[5:] == [key, str(last.out), "--name", "a", "--entropy", "b", "--threads", "2"]
    assert last.their_words()[2:] == [key, str(last.their_out), "--name=a", "-e=b"]
    assert [verb.same for verb in (contribute, prepare, new, last)] == [False, True, True, False]
    assert [verb.asked for verb in (contribute, prepare, new, last)] == [False, True, True, True]
    assert sorted(ceremony.WORK) == sorted(" ".join(verb.ours) for verb in (contribute, prepare, new, last))


@pytest.mark.oracle
@needs_packages
def test_files_of_ceremonies_are_those_of_snarkjs(tmp_path, runner):
    measured = rounds.Bench(
        runner, tmp_path, 1, 1, rate=None, portable=False, snarkjs=contestants.Snarkjs(FOLDER.parent)
    )
    lines = list(ceremony.ceremony(measured, 4))
    verbs = ["zkey new", "zkey contribute", "ptau contribute", "ptau prepare"]
    assert [line.what for line in lines] == [
        f"{verb}{where}" for verb in verbs for where in (", in process", "")
    ]
    assert all(line.wrong is None and line.theirs and line.least_ratio is None for line in lines)


@pytest.mark.oracle
@needs_packages
def test_snarkjs_that_stays_proves_and_verifies(tmp_path):
    snarkjs = contestants.Snarkjs(FOLDER.parent)
    prover = snarkjs.resident(
        "groth16-prove", 2, [KEY, WITNESS, tmp_path], lambda: contestants.checked(tmp_path, VK)
    )
    assert prover.once() > 0
    assert prover.once() > 0
    assert prover.result() == " ".join(json.loads(PUBLIC.read_text()))
    prover.close()
    verifier = snarkjs.resident("groth16-verify", 2, [VK, PUBLIC, tmp_path / "proof.json"], None)
    assert verifier.once() > 0
    assert verifier.result() == "valid"
    verifier.close()
    with pytest.raises(turns.PeerError, match="unknown task"):
        snarkjs.resident("plonk", 2, [], None)
