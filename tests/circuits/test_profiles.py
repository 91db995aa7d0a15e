"""Profiles: every chip has a height in each and is sound when empty; padding hides no rows."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from support.chips import names

from zkroll.circuits.air.check import check, check_constraints
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.witness import FREE, ChipTrace, FillContext, Shape, empty_trace, make_trace
from zkroll.circuits.machine import batch_machine
from zkroll.circuits.profiles import (
    MESSAGES,
    OWNER_LEVELS,
    PROFILES,
    SUPPLY_LEVELS,
    misfits,
    profile,
    shape,
    smallest_profile,
)
from zkroll.errors import InputError, UnprovableError
from zkroll.rollup.batch import Batch
from zkroll.rollup.development import DEVELOPMENT_CHAIN_ID, TOKEN_ADDRESS, development_genesis
from zkroll.rollup.l1.messages import L1Message
from zkroll.rollup.prove import DEVELOPMENT_POWERS, capacity, execute, fill, public_tuples
from zkroll.rollup.transaction import Transaction
from zkroll.rollup.wallet import insecure_dev_wallet
from zkroll.verifier.shape import proof_shape

CHIPS = {chip.name: chip for chip in batch_machine().chips}
#: chips that fill their own padding rows
PADDED = ("canonical", "poseidon2", "poseidon3", "poseidon4", "poseidon5")
#: chips with a row in every batch: the roots of the state, the header of the data
NEVER_EMPTY = ("state_leaf", "data")


def token_batch() -> Batch:
    """One ERC-20 transfer and one of ether."""
    wallet, other = insecure_dev_wallet(0), insecure_dev_wallet(1).address
    data = bytes.fromhex("a9059cbb") + other.to_bytes(32, "big") + (10**18).to_bytes(32, "big")
    unsigned = (
        Transaction(wallet.address, TOKEN_ADDRESS, 0, 0, 100_000, 10**9, data),
        Transaction(wallet.address, other, 10**15, 1, 21_000, 10**9, b""),
    )
    signed = tuple(wallet.sign(transaction, DEVELOPMENT_CHAIN_ID) for transaction in unsigned)
    return Batch(DEVELOPMENT_CHAIN_ID, 1, 0xAA, 1_750_000_000, 0xBB, development_genesis(), signed)


@pytest.fixture(scope="module")
def executed():
    return execute(token_batch())[1]


@pytest.fixture(scope="module")
def free(executed) -> dict[str, ChipTrace]:
    return fill(executed)


@pytest.mark.parametrize("name", [name for name in CHIPS if name not in (*PADDED, *NEVER_EMPTY)])
def test_a_chip_without_rows_breaks_no_constraint(name):
    chip = CHIPS[name]
    trace = empty_trace(chip, chip.fixed_height or 16)
    assert trace.rows == 0
    assert not names(check_constraints(trace))


@pytest.mark.parametrize("name", PADDED)
def test_a_chip_with_its_own_padding_answers_nobody_when_empty(name):
    chip, shape_of_one = CHIPS[name], Shape("test", {name: 16})
    trace = make_trace(chip, chip.fill(FillContext(None, shape=shape_of_one)), shape_of_one)
    assert trace is not None
    assert trace.height == 16
    assert not names(check_constraints(trace))
    assert chip.air.column_names[Stage.MAIN][0] == "count"
    assert not np.any(trace.columns[0])


def test_every_chip_is_in_the_trace_of_a_profile_and_everything_balances(executed):
    traces = fill(executed, profile="small")
    assert {name: trace.height for name, trace in traces.items()} == dict(profile("small"))
    assert not traces["exp"].rows
    assert check(traces, public_tuples(executed.public_values())) == []


#: a chip whose rows must begin in the first row, and what breaks when padding stands before them
HIDDEN = {
    "cpu": "BEGIN follows END",
    "bytecode": "a code starts behind another",
    "memory_init": "active rows come first",
    "keccak_f": "no message after padding",
    "state_leaf": "active rows come first",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_rows_behind_padding_are_found(name, free):
    trace = free[name]
    columns = []
    for data in trace.columns:
        full = np.zeros((2 * trace.height, *data.shape[1:]), dtype=data.dtype)
        full[1 : data.shape[0] + 1] = data
        columns.append(full)
    hidden = ChipTrace(trace.chip, trace.rows + 1, 2 * trace.height, columns)
    assert HIDDEN[name] in names(check_constraints(hidden))


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_names_every_chip_with_a_power_of_two(name):
    heights = profile(name)
    assert list(heights) == list(CHIPS)
    for chip in CHIPS.values():
        height = heights[chip.name]
        assert height >= 8
        assert height & (height - 1) == 0
        assert chip.fixed_height in (None, height)


@pytest.mark.parametrize("name", PROFILES)
def test_the_development_reference_string_is_long_enough_for_a_profile(name):
    assert (
        proof_shape(batch_machine(), profile(name), DEVELOPMENT_POWERS).heights["cpu"] == profile(name)["cpu"]
    )


def test_a_batchs_capacity_names_the_profile_that_it_fits():
    measured = capacity(token_batch())
    assert (measured["profile"], measured["misfit"]) == ("small", None)


def test_profiles_grow():
    for smaller, greater in pairwise(PROFILES):
        assert all(profile(smaller)[name] <= profile(greater)[name] for name in CHIPS)


def test_a_batch_that_does_not_fit_names_the_chip(executed, free):
    tight = Shape("tight", {"keccak_f": 8})
    message = f"batch does not fit profile tight: chip keccak_f needs {free['keccak_f'].rows} rows, the profile has 8"
    chip = CHIPS["keccak_f"]
    filled = {spec.name: np.zeros((free["keccak_f"].rows, spec.width) if spec.kind == "array" else
              free["keccak_f"].rows, dtype=np.uint8) for spec in chip.air.specs}  # fmt: skip
    with pytest.raises(UnprovableError, match=message):
        make_trace(chip, filled, tight)


@pytest.mark.parametrize("name", ["poseidon2", "canonical", "state_leaf"])
def test_chips_with_their_own_padding_refuse_too_many_rows(name, executed, free):
    ctx = FillContext(executed, executed.public_values(), Shape("tight", {name: 2}))
    ctx.traces.update({k: v for k, v in free.items() if k != name})
    with pytest.raises(
        UnprovableError, match=rf"profile tight: chip {name} needs \d+ rows, the profile has 2"
    ):
        CHIPS[name].fill(ctx)


def test_the_smallest_profile_with_room_is_found(free):
    assert smallest_profile(free) == "small"
    cpu = free["cpu"]
    rows = profile("small")["cpu"] + 1
    longer = {**free, "cpu": ChipTrace(cpu.chip, rows, 2 * rows, cpu.columns)}
    assert misfits("small", longer) == [("cpu", rows, profile("small")["cpu"])]
    assert smallest_profile(longer) == "medium"
    rows = profile("large")["cpu"] + 1
    longest = {**free, "cpu": ChipTrace(cpu.chip, rows, 2 * rows, cpu.columns)}
    with pytest.raises(UnprovableError, match="does not fit profile large: chip cpu"):
        smallest_profile(longest)


def test_other_names_are_refused():
    with pytest.raises(InputError, match="profile: expected small, medium, large, got 'huge'"):
        profile("huge")


def test_without_a_shape_heights_follow_the_rows():
    assert FREE.height(CHIPS["cpu"], 9) == 16
    assert FREE.height(CHIPS["tables"], 3) == 2**16
    assert shape("small").height(CHIPS["cpu"], 9) == profile("small")["cpu"]


@pytest.mark.parametrize("name", ["small", "medium"])
def test_as_many_messages_as_l1_may_force_fit_the_profile_whatever_they_are(name):
    owners = [insecure_dev_wallet(index).address for index in range(16)]
    exits = tuple(
        L1Message.exit(TOKEN_ADDRESS, owner, 0xA0 + i, 10**18)
        for i, owner in enumerate(owners[: MESSAGES[name]])
    )
    batch = replace(token_batch(), transactions=(), messages=exits)
    traces = fill(execute(batch)[1])
    assert misfits(name, traces) == []


@pytest.mark.parametrize("name", PROFILES)
def test_forced_messages_of_accounts_with_deep_places_fit_the_profile(name):
    """An account whose key shares its low bits with another one's costs an attacker only hashes."""
    count = MESSAGES[name]
    owners = [insecure_dev_wallet(index).address for index in range(count)]
    exits = tuple(L1Message.exit(TOKEN_ADDRESS, owner, 0xA0, 10**18) for owner in owners)
    traces = fill(execute(replace(token_batch(), transactions=(), messages=exits))[1])
    path, hashes = traces["state_path"], traces["poseidon2"]
    starts = path.columns[path.chip.air.column_names[Stage.MAIN].index("start")]
    assert np.count_nonzero(starts) == count + 1  # the balances, and the supply of the one token
    levels = count * (OWNER_LEVELS + SUPPLY_LEVELS)
    values = 2 * (count - 1)  # of further supplies, before and after
    assert levels <= profile(name)["state_path"]
    assert hashes.rows + 2 * (levels - path.rows) + values <= profile(name)["poseidon2"]
