"""The arithmetic of benchmarks/kernels.py, and its protocol with peers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.curve import G1Points
from zkroll.algebra.field import fr
from zkroll.algebra.reference import pairing as reference

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import contest as turns  # noqa: E402
import kernel_cases as cases  # noqa: E402
import kernel_inputs as inputs  # noqa: E402
import kernels as bench  # noqa: E402


class Scripted:
    """A contestant whose times and result are given; it notes when it ran."""

    def __init__(self, name: str, times: list[float], result: str, log: list[str]):
        self.name, self.times, self.log = name, iter(times), log
        self._result = result

    def once(self) -> float:
        self.log.append(self.name)
        return next(self.times)

    def result(self) -> str:
        return self._result

    def close(self) -> None:
        self.log.append(f"{self.name} closed")


def peer_program(folder: Path, answer: str, ready: str = '{"ready": "test"}') -> Path:
    """An executable that prints `ready`, then `answer` for every line."""
    path = folder / "peer"
    path.write_text(f"#!/bin/sh\necho '{ready}'\nwhile read line; do echo '{answer}'; done\n")
    path.chmod(0o755)
    return path


def test_counts_are_those_of_the_method():
    assert cases.ntt_work(20) == 10 * 2**20
    assert cases.ntt_work(16, 64) == 64 * 8 * 2**16
    assert cases.poseidon_work(3)[0] == 8 * (9 + 9) + 57 * (3 + 5) == 600
    assert cases.fixed_base_work(1)[0] == 26 * 6
    assert cases.pairing_work(4)[0] == 4 * 6000 + 2304 + 7312
    assert cases.msm_work(1 << 16, 8)[0] < cases.msm_work(1 << 16, 64)[0] < cases.msm_work(1 << 16, 253)[0]
    assert 2 < cases.msm_work(1 << 16, 253, 2)[0] / cases.msm_work(1 << 16, 253)[0] < 3


def test_every_round_runs_all_and_the_rate_stands_around_it():
    log: list[str] = []
    ours = Scripted("ours", [9, 10, 20, 30], "aa", log)
    peers = {
        "good": Scripted("good", [9, 30, 60, 90], "aa", log),
        "bad": Scripted("bad", [9, 1, 1, 1], "ab", log),
    }
    rate = Scripted("rate", [2, 4, 4, 8], "", log)
    samples = turns.contest(ours, peers, rate, 3)
    assert log == [*["ours", "good", "bad"], "rate", *["ours", "good", "bad", "rate"] * 3]
    assert samples.ours == [10, 20, 30]
    assert samples.rates == [3, 4, 6]
    assert samples.wrong == ["bad"]


def test_ratios_are_paired_by_round_so_a_drift_cancels():
    samples = turns.Samples(rates=[1, 2, 4], ours=[200, 400, 800], peers={"p": [600, 1200, 2400]})
    case = cases.Case(ours=Scripted("ours", [], "", []), units=10, work=30.0, why="", goal=None, threads=2)
    row = bench.figures(cases.Row("name", "size", lambda *_: case), case, samples)
    assert row["ns"] == 40
    assert row["least_ns"] == 20
    assert row["limit_ns"] == 30.0 * 2 / 2
    assert row["over_limit"] == pytest.approx(20 / 15)
    assert row["peers"]["p"]["ratio"] == 3
    assert row["peers"]["p"]["ratio_of_least"] == 3
    assert row["peers"]["p"]["agrees"]


def test_a_row_without_multiplications_has_no_limit():
    case = cases.Case(ours=Scripted("", [], "", []), units=1, work=None, why="", goal=None, threads=1)
    row = bench.figures(cases.Row("n", "s", lambda *_: case), case, turns.Samples(rates=[1], ours=[5]))
    assert row["limit_ns"] is None
    assert row["over_limit"] is None


def test_times_and_counts_are_written_with_three_digits():
    shown = [bench.time_text(ns) for ns in (None, 2.345, 1234.0, 35_240_000.0, 2.5e9)]
    assert shown == ["–", "2.35 ns", "1.23 µs", "35.2 ms", "2.5 s"]
    goals = [bench.goal_text(*goal) for goal in ((None, None), (4e7, None), (4e7, 3.0), (None, 0.77))]
    assert goals == ["–", "40 ms", "40 ms, peer/ours 3", "peer/ours 0.77"]
    assert [bench.count_text(n) for n in (None, 1.0, 65536.0, 9.338e6, 2e9)] == [
        "–",
        "1",
        "65,536",
        "9.34 M",
        "2 G",
    ]


def test_a_peer_answers_each_line_with_its_time_and_result(tmp_path):
    peer = turns.Process([str(peer_program(tmp_path, json.dumps({"ns": [17], "result": "00"})))])
    assert (peer.once(), peer.once(), peer.result()) == (17, 17, "00")
    peer.close()


@pytest.mark.parametrize("ready", ['{"error": "unknown task"}', "hello", "", "[]"])
def test_a_peer_that_is_not_ready_is_refused(tmp_path, ready):
    with pytest.raises(turns.PeerError, match="expected a line with 'ready'"):
        turns.Process([str(peer_program(tmp_path, "", ready))])


def test_a_peer_that_answers_something_else_is_an_error(tmp_path):
    peer = turns.Process([str(peer_program(tmp_path, '{"seconds": 1}'))])
    with pytest.raises(turns.PeerError, match="'ns'"):
        peer.once()
    peer.close()


def test_checksums_weigh_elements_by_their_place():
    values = [5, R_MODULUS - 1, 3]
    expected = (5 + 2 * (R_MODULUS - 1) + 3 * 3) % R_MODULUS
    assert inputs.checksum(fr, fr.from_ints(values), 3) == expected.to_bytes(32, "little").hex()
    assert inputs.hex_point(None) == "00" * 64
    assert inputs.hex_point((1, 2)) == "01" + "00" * 31 + "02" + "00" * 31
    assert inputs.hex_point_g2(None) == "00" * 128


def test_files_of_inputs_hold_canonical_words(tmp_path):
    made = inputs.Inputs(tmp_path)
    column = made.elements(fr, 20, "a")
    words = np.fromfile(made.element_file(fr, column, 20, "a"), dtype="<u8").reshape(-1, 4)
    assert np.array_equal(words, fr.to_limbs(column, 20))
    raw = Path(made.points_g1_file(9)).read_bytes()
    numbers = [int.from_bytes(raw[i : i + 32], "little") for i in range(0, len(raw), 32)]
    assert list(zip(numbers[::2], numbers[1::2], strict=True)) == made.points_g1(9).to_ints()
    assert made.points_g1(5).to_ints() == made.points_g1(9).to_ints()[:5]
    assert isinstance(made.points_g1(3), G1Points)
    assert max(numbers) < Q_MODULUS


def test_points_of_g2_are_distinct_and_in_the_group(tmp_path):
    made = inputs.Inputs(tmp_path)
    points = made.points_g2(3).to_ints()
    assert len(set(points)) == 3
    assert all(reference.is_in_g2(point) and point is not None for point in points)
    raw = Path(made.points_g2_file(3)).read_bytes()
    assert raw.hex() == "".join(map(inputs.hex_point_g2, points))


def test_pairs_have_the_product_one(tmp_path):
    made = inputs.Inputs(tmp_path)
    pairs = made.pairs(2)
    assert reference.pairing_product_is_one(pairs)
    assert not reference.pairing_product_is_one(made.pairs(3)[:2])
    raw = Path(made.pair_file(2)).read_bytes()
    assert len(raw) == 2 * 6 * 32
    assert int.from_bytes(raw[:32], "little") == pairs[0][0][0]


def test_the_portable_back_end_is_a_peer(tmp_path):
    made = inputs.Inputs(tmp_path)
    a, b = made.elements(fr, 16, "a"), made.elements(fr, 16, "b")
    files = [made.element_file(fr, values, 16, label) for values, label in ((a, "a"), (b, "b"))]
    command = [sys.executable, str(cases.PORTABLE), "mul-fr", "1", "2", *files]
    peer = turns.Process(command, {"ZKROLL_BACKEND": "portable"})
    assert peer.once() > 0
    assert peer.result() == inputs.checksum(fr, fr.mul(a, b), 16)
    peer.close()
    with pytest.raises(turns.PeerError, match="expected mul-fr"):
        turns.Process([sys.executable, str(cases.PORTABLE), "msm-g1"])


def test_the_benchmark_fails_when_a_peer_gives_another_result(tmp_path):
    peer = peer_program(tmp_path, json.dumps({"ns": [1000], "result": "00"}))
    out = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "kernels.py", "--quick", "--only", "Fr addition*", "--peer", f"other={peer}",
         "--threads", "1", "--json", out, "--markdown", tmp_path / "figures.md"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Fr addition, L2: other gives another result" in done.stderr
    assert "DIFFERS" in done.stdout
    assert "| Fr addition, L2 | 2^12 | 1 |" in (tmp_path / "figures.md").read_text()
    (row,) = json.loads(out.read_text())["kernels"]
    assert row["kernel"] == "Fr addition, L2"
    assert not row["peers"]["other"]["agrees"]


@pytest.mark.parametrize("word", ["nothing", "name=/nonexistent", "=/bin/sh", "folder=/"])
def test_a_peer_must_be_named_and_executable(word):
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "kernels.py", "--peer", word],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "expected NAME=PATH of an executable" in done.stderr
