"""The generated Poseidon contracts are circomlib's Poseidon, and the code they are written with is right."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.evm import intrinsic_gas

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.poseidon import poseidon_hash as poseidon_kernel
from zkroll.algebra.reference import poseidon as reference
from zkroll.errors import InputError, RollupError
from zkroll.rollup.l1.evm_stack import MODULUS, FieldStack
from zkroll.rollup.l1.poseidon_contract import INPUTS, poseidon_creation, poseidon_runtime
from zkroll.rollup.l1.poseidon_form import (
    characteristic_polynomial,
    inverse,
    poseidon_permutation,
    shift_form,
)
from zkroll.rollup.l1.yul import LARGEST_CODE, creation_code
from zkroll.rollup.testing.chain import Answer, LocalChain

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures/circomlibjs/poseidon.json"
MOST_GAS = {2: 12_000, 3: 15_600, 4: 21_700, 5: 28_200}  # of one hash

elements = st.one_of(
    st.sampled_from([0, 1, R_MODULUS - 1, R_MODULUS // 2]), st.integers(0, R_MODULUS - 1)
)  # fmt: skip


@pytest.fixture(scope="module")
def chain() -> LocalChain:
    return LocalChain()


@pytest.fixture(scope="module")
def contracts(chain: LocalChain) -> dict[int, str]:
    return {inputs: chain.deploy(poseidon_creation(inputs)) for inputs in INPUTS}


def words(values: list[int]) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


def hashed(chain: LocalChain, contracts: dict[int, str], values: list[int]) -> int:
    answer = chain.call(contracts[len(values)], words(values))
    assert answer.failure is None
    assert len(answer.output) == 32
    return int.from_bytes(answer.output, "big")


# ---- the form ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [3, 4, 5, 6, 9, 17])
def test_shift_form_computes_the_permutation(width: int) -> None:
    source = random.Random(width)
    for state in ([0] * width, [R_MODULUS - 1] * width, [source.randrange(R_MODULUS) for _ in range(width)]):
        assert poseidon_permutation(state) == reference.poseidon_permutation(state)


@pytest.mark.parametrize("width", [0, 2, 18])
def test_form_of_other_widths_is_refused(width: int) -> None:
    with pytest.raises(InputError, match="expected a width of 3 to 17"):
        shift_form(width)


def test_characteristic_polynomial_is_that_of_known_roots() -> None:
    # (z - 2)(z - 3)(z - 5), of a triangular matrix
    matrix = [[2, 7, 1], [0, 3, 9], [0, 0, 5]]
    assert characteristic_polynomial(matrix) == [-10 % R_MODULUS, 31, -30 % R_MODULUS]


def test_inverse_times_matrix_is_one_also_where_a_pivot_is_zero() -> None:
    matrix = [[0, 2, 1], [3, 0, 5], [1, 1, 1]]
    inverted = inverse(matrix)
    product = [
        [sum(a * b for a, b in zip(r, c, strict=True)) % R_MODULUS for c in zip(*matrix, strict=True)]
        for r in inverted
    ]
    assert product == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    with pytest.raises(InputError, match="expected an invertible one, got rank 1"):
        inverse([[1, 2], [2, 4]])


# ---- the contracts -----------------------------------------------------------------------------------------


def test_contracts_agree_with_circomlibjs(chain: LocalChain, contracts: dict[int, str]) -> None:
    cases = [case for case in json.loads(FIXTURE.read_text()) if len(case["inputs"]) in INPUTS]
    assert {len(case["inputs"]) for case in cases} == set(INPUTS)
    for case in cases:
        assert hashed(chain, contracts, [int(value) for value in case["inputs"]]) == int(case["hash"])


@pytest.mark.parametrize("inputs", INPUTS)
def test_contracts_agree_with_the_kernel(chain: LocalChain, contracts: dict[int, str], inputs: int) -> None:
    source = random.Random(inputs)
    rows = [[source.randrange(R_MODULUS) for _ in range(inputs)] for _ in range(8)]
    columns = [fr.from_ints(list(column)) for column in zip(*rows, strict=True)]
    expected = list(fr.to_ints(poseidon_kernel(columns, len(rows)), len(rows)))
    assert [hashed(chain, contracts, row) for row in rows] == expected


@settings(max_examples=20, deadline=None)
@given(values=st.lists(elements, min_size=2, max_size=5))
def test_contracts_agree_with_the_reference(
    chain: LocalChain, contracts: dict[int, str], values: list[int]
) -> None:
    assert hashed(chain, contracts, values) == reference.poseidon_hash(values)


@pytest.mark.parametrize("inputs", INPUTS)
def test_input_that_is_not_below_r_is_refused_in_every_place(
    chain: LocalChain, contracts: dict[int, str], inputs: int
) -> None:
    for place in range(inputs):
        for value in (R_MODULUS, R_MODULUS + 1, (1 << 256) - 1):
            values = [1] * inputs
            values[place] = value
            answer = chain.call(contracts[inputs], words(values))
            assert (answer.failure, answer.output) == ("Revert", b"")


@pytest.mark.parametrize("inputs", INPUTS)
def test_data_of_another_length_is_refused(chain: LocalChain, contracts: dict[int, str], inputs: int) -> None:
    for length in (0, 4, 32 * inputs - 32, 32 * inputs - 1, 32 * inputs + 1, 32 * inputs + 32):
        answer = chain.call(contracts[inputs], bytes(length))
        assert (answer.failure, answer.output) == ("Revert", b"")


@pytest.mark.parametrize("inputs", INPUTS)
def test_hash_never_comes_out_with_too_little_gas(
    chain: LocalChain, contracts: dict[int, str], inputs: int
) -> None:
    data = words(list(range(1, inputs + 1)))
    needed = chain.call(contracts[inputs], data).gas
    assert chain.call(contracts[inputs], data, needed).failure is None
    for gas in (needed - 1, needed - 100, intrinsic_gas(data) + 100):
        answer = chain.call(contracts[inputs], data, gas)
        assert (answer.failure, answer.output) == ("OutOfGas", b"")


@pytest.mark.parametrize("inputs", INPUTS)
def test_hash_costs_no_more_gas_than_documented(
    chain: LocalChain, contracts: dict[int, str], inputs: int
) -> None:
    data = words([R_MODULUS - 1] * inputs)
    assert chain.call(contracts[inputs], data).gas - intrinsic_gas(data) <= MOST_GAS[inputs]


@pytest.mark.parametrize("inputs", INPUTS)
def test_code_fits_and_is_the_same_every_time(inputs: int) -> None:
    code = poseidon_runtime(inputs)
    poseidon_runtime.cache_clear()
    assert poseidon_runtime(inputs) == code
    assert len(code) <= LARGEST_CODE


@pytest.mark.parametrize("inputs", [0, 1, 6])
def test_contract_of_other_numbers_of_inputs_is_refused(inputs: int) -> None:
    with pytest.raises(InputError, match="expected 2 to 5 inputs"):
        poseidon_runtime(inputs)


# ---- the writer of code ------------------------------------------------------------------------------------


def run(chain: LocalChain, stack: FieldStack) -> Answer:
    """The answer of code that leaves one value on top."""
    stack.push(0)
    stack.op("mstore")
    stack.push(32)
    stack.push(0)
    stack.op("return")
    return chain.call(chain.deploy(creation_code(bytes(stack.code))), b"")


@pytest.mark.parametrize("terms", range(2, 13))
def test_sums_of_any_length_are_right_for_the_largest_elements(chain: LocalChain, terms: int) -> None:
    stack = FieldStack({MODULUS: R_MODULUS})
    stack.push(R_MODULUS - 1)
    for _ in range(terms - 1):
        stack.push(R_MODULUS - 1)
        stack.add()
    stack.reduce()
    assert int.from_bytes(run(chain, stack).output, "big") == -terms % R_MODULUS


def test_value_of_unknown_size_is_not_added_without_reduction(chain: LocalChain) -> None:
    stack = FieldStack({MODULUS: R_MODULUS})
    stack.push((1 << 256) - 1)
    stack.push(5)
    stack.add()
    assert int.from_bytes(run(chain, stack).output, "big") == ((1 << 256) + 4) % R_MODULUS


def test_constant_beyond_reach_is_pushed_or_read_from_memory(chain: LocalChain) -> None:
    for kept in (False, True):
        stack = FieldStack({MODULUS: R_MODULUS, "far": 77})
        if kept:
            stack.keep("far", 64)
        stack.push(77, "far")
        for _ in range(20):
            stack.push(1)
        stack.fetch("far")
        assert int.from_bytes(run(chain, stack).output, "big") == 77


def test_element_beyond_reach_is_an_error() -> None:
    stack = FieldStack()
    stack.push(1, "far")
    for _ in range(16):
        stack.push(1)
    stack.bring("far")  # SWAP16
    stack.push(1)
    stack.push(1, "near")
    with pytest.raises(RollupError, match="expected lost in reach of DUP"):
        stack.fetch("lost")
    stack = FieldStack()
    stack.push(1, "far")
    for _ in range(17):
        stack.push(1)
    for reach in (stack.fetch, stack.bring):
        with pytest.raises(RollupError, match="expected far in reach of"):
            reach("far")
