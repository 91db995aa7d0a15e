"""No chip can be left out of a proof, and no part of the statement can be proven with another value."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.chips import cell, names, prank
from support.transactions import STORER, Sender, executed, words

from zkroll.algebra.reference.babyjubjub import SUBGROUP_ORDER
from zkroll.circuits.air.check import check, check_buses
from zkroll.circuits.air.witness import ChipTrace
from zkroll.circuits.source import BatchTrace
from zkroll.rollup.prove import fill, public_tuples


@pytest.fixture(scope="module")
def source() -> BatchTrace:
    """A transfer, a call that stores and one that stores and reverts."""
    a, b = Sender(0), Sender(1)
    return executed(
        [
            a.send(b.address, value=10**18, gas_limit=21000),
            b.send(STORER, value=3, data=words(11, 4, 0, 0)),
            b.send(STORER, value=3, data=words(11, 4, 5, 1)),
        ]
    )


@pytest.fixture(scope="module")
def traces(source: BatchTrace) -> dict[str, ChipTrace]:
    filled = fill(source)
    assert check(filled, public_tuples(source.public_values())) == []
    return filled


def test_every_chip_is_missed_where_it_is_left_out(traces: dict[str, ChipTrace]) -> None:
    # all buses balance with it, so what it alone leaves open is what the others lack
    unnoticed = [name for name, trace in traces.items() if not check_buses([trace])]
    assert unnoticed == []


@pytest.mark.parametrize("index", range(10))
def test_every_public_value_is_bound(source: BatchTrace, traces: dict[str, ChipTrace], index: int) -> None:
    values = list(source.public_values())
    values[index] += 1
    chips = [traces[name] for name in ("statement", "state_leaf")]
    honest = check_buses(chips, public_tuples(source.public_values()))
    forged = check_buses(chips, public_tuples(values))
    assert not [v for v in honest if "on bus public:" in v.detail]
    assert len([v for v in forged if "on bus public:" in v.detail]) == 2


@pytest.mark.parametrize("change", [{"timestamp": 1}, {"chain_id": 7}, {"new_root": 9}, {"old_root": 9}])
def test_another_statement_is_not_proven_by_the_same_data(source: BatchTrace, change: dict[str, int]) -> None:
    forged = replace(source, **change)
    assert check(fill(forged), public_tuples(forged.public_values()))


def test_a_signature_plus_the_order_is_refused(source: BatchTrace, traces: dict[str, ChipTrace]) -> None:
    s = (cell(traces, "signature", "s_hi", 0) << 128) + cell(traces, "signature", "s_lo", 0) + SUBGROUP_ORDER
    forged = prank(traces, "signature", "s_lo", 0, s % 2**128)
    forged = prank(forged, "signature", "s_hi", 0, s >> 128)
    found = names(check({"signature": forged["signature"]}))
    assert "S is below the order, low half" in found or "S is below the order, high half" in found
