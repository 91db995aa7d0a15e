"""benchmarks/l1.py: batches posted on a real EVM, tables with what is asked, and what is said of figures missed."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import l1 as bench  # noqa: E402
import l1_batches as batches  # noqa: E402
import l1_proofs as proofs  # noqa: E402

MEASURED = proofs.Proofs(
    profile="medium",
    cores=2,
    fresh_inner=proofs.Fresh(19.0, 1 << 30),
    fresh_wrap=proofs.Fresh(7.0, 1 << 29),
    warm=proofs.Warm(0.5, 12.0, [10.0, 9.0], [0.5, 0.25], [0.5, 0.5], [1.0, 1.5]),
    constraints={"small": 900_000, "medium": 1_000_000, "large": 1_500_000},
)


@pytest.fixture(scope="module")
def posted() -> tuple[list[batches.Posted], batches.Plain]:
    return batches.full_batches(transactions=3, accounts=2, profile="small")


def text_of(table) -> str:
    console = Console(width=200, record=True)
    console.print(table)
    return console.export_text()


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if name in line)


def test_a_posted_batch_has_a_header_and_one_unit_for_each_native_transfer(posted):
    native, mixed, _ = posted[0]
    assert native.data_bytes == 32 + 16 * 3
    assert mixed.data_bytes == 32 + 16 + 2 * (
        3 * 16 + 80
    )  # two calls, with 68 bytes of calldata in whole units
    assert native.bytes_each == pytest.approx(80 / 3)


def test_the_gas_of_a_batch_is_that_of_its_three_transactions(posted):
    for batch in posted[0]:
        assert batch.total == batch.commit + batch.prove + batch.finalise
        assert min(batch.commit, batch.prove, batch.finalise) > 21_000
        assert batch.each * 3 == pytest.approx(batch.total)


def test_proving_a_batch_on_l1_takes_the_same_whatever_is_in_it(posted):
    native, mixed, _ = posted[0]
    assert native.prove == pytest.approx(mixed.prove, abs=100)  # zero bytes of roots are cheaper
    assert native.commit < mixed.commit


def test_withdrawals_and_deposits_take_storage_and_nothing_else_does(posted):
    native, _, withdrawing = posted[0]
    # the root of the withdrawals goes to storage, and the hash of the queue is read from it
    assert 20_000 < withdrawing.prove - native.prove < 25_000


def test_plain_transfers_are_measured_on_the_same_chain(posted):
    plain = posted[1]
    assert plain.ether == 21_000
    assert plain.ether < plain.token < plain.token_first


def test_a_batch_that_does_not_fit_its_profile_is_not_measured():
    with pytest.raises(SystemExit, match=r"64 native transfers: chip .* rows, profile small has"):
        batches.full_batches(transactions=64, accounts=4, profile="small")


def test_a_proof_of_a_key_of_the_profile_s_shape_is_verified():
    row = bench.measure(bench.LocalChain(), batches.simulated_wrap("small"), "small")
    assert (row.profile, row.chunks, row.met) == ("small", 1, row.total <= bench.MOST_GAS)
    assert row.own == row.total - 21_000 - row.calldata - row.pairing - row.curve > 0


def test_the_ratio_is_of_the_fastest_wrap_and_the_fastest_inner_proof():
    assert MEASURED.warm.wrap == [2.0, 2.25]
    assert MEASURED.warm.ratio == pytest.approx(2.0 / 9.0)


def test_the_table_tells_figures_that_are_met_from_those_that_are_not(posted):
    native = posted[0][0]
    met = text_of(
        bench.asked_table([replace(native, transactions=4, data_bytes=80, prove=450_000)], MEASURED)
    )
    assert "yes" in line_of(met, "data of a native transfer")
    assert "yes" in line_of(met, "proveBatches of 3 native transfers")
    assert "yes" in line_of(met, "wrap circuit, medium")
    assert "yes" in line_of(met, "wrap over inner proof")
    slow = replace(MEASURED, warm=replace(MEASURED.warm, inner=[7.0, 8.0]), constraints={"medium": 1_000_001})
    missed = text_of(bench.asked_table([replace(native, transactions=4, data_bytes=81, prove=450_001)], slow))
    assert "NO" in line_of(missed, "data of a native transfer")
    assert "NO" in line_of(missed, "proveBatches of 3 native transfers")
    assert "NO" in line_of(missed, "wrap circuit, medium")
    assert "NO" in line_of(missed, "wrap over inner proof")


def test_the_bench_without_proofs_prints_its_tables_and_writes_its_figures(
    posted, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(bench, "CASES", [("small", 1, 1 << 20)])
    monkeypatch.setattr(bench, "full_batches", lambda: posted)
    bench.main(["--no-prove", "--json", str(tmp_path / "figures.json")])
    printed = capsys.readouterr().out
    assert "3 native transfers" in printed
    assert "wrap over inner proof" not in printed
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["proofs"] is None
    assert [batch["transactions"] for batch in figures["batches"]] == [3, 3, 3]
