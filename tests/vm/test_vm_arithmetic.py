"""Arithmetic, comparison and bit operations against plain integers."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

M = 1 << 256
TOP = M - 1
MIN = 1 << 255  # −2^255 as a word
EDGES = (0, 1, 2, 31, 32, 255, 256, (1 << 128) - 1, 1 << 128, MIN - 1, MIN, MIN + 1, TOP - 1, TOP)
Result = Callable[..., int]

words = st.one_of(st.sampled_from(EDGES), st.integers(0, TOP), st.integers(0, 300))
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def signed(word: int) -> int:
    return word if word < MIN else word - M


def towards_zero(a: int, b: int) -> int:
    magnitude = abs(a) // abs(b)
    return magnitude if (a >= 0) == (b >= 0) else -magnitude


def sign_extended(k: int, x: int) -> int:
    if k >= 31:
        return x
    bits = 8 * (k + 1)
    low = x % (1 << bits)
    return (low if low < 1 << (bits - 1) else low - (1 << bits)) % M


BINARY: dict[str, Callable[[int, int], int]] = {
    "ADD": lambda a, b: (a + b) % M,
    "MUL": lambda a, b: a * b % M,
    "SUB": lambda a, b: (a - b) % M,
    "DIV": lambda a, b: a // b if b else 0,
    "SDIV": lambda a, b: towards_zero(signed(a), signed(b)) % M if b else 0,
    "MOD": lambda a, b: a % b if b else 0,
    "SMOD": lambda a, b: (signed(a) - signed(b) * towards_zero(signed(a), signed(b))) % M if b else 0,
    "EXP": lambda a, b: pow(a, b, M),
    "SIGNEXTEND": sign_extended,
    "LT": lambda a, b: int(a < b),
    "GT": lambda a, b: int(a > b),
    "SLT": lambda a, b: int(signed(a) < signed(b)),
    "SGT": lambda a, b: int(signed(a) > signed(b)),
    "EQ": lambda a, b: int(a == b),
    "AND": lambda a, b: a & b,
    "OR": lambda a, b: a | b,
    "XOR": lambda a, b: a ^ b,
    "BYTE": lambda i, x: x.to_bytes(32, "big")[i] if i < 32 else 0,
    "SHL": lambda s, x: x * 2**s % M if s < 256 else 0,
    "SHR": lambda s, x: x // 2**s if s < 256 else 0,
    "SAR": lambda s, x: signed(x) // 2 ** min(s, 256) % M,
}


@pytest.mark.parametrize("name", BINARY)
@quick
@given(a=words, b=words)
def test_two_operands_give_what_integers_give(result_of: Result, name: str, a: int, b: int) -> None:
    assert result_of(name, a, b) == BINARY[name](a, b)


@quick
@given(a=words, b=words, n=words)
def test_addmod_and_mulmod_do_not_wrap_before_the_remainder(
    result_of: Result, a: int, b: int, n: int
) -> None:
    assert result_of("ADDMOD", a, b, n) == ((a + b) % n if n else 0)
    assert result_of("MULMOD", a, b, n) == (a * b % n if n else 0)


@quick
@given(a=words)
def test_one_operand_gives_what_integers_give(result_of: Result, a: int) -> None:
    assert result_of("ISZERO", a) == int(a == 0)
    assert result_of("NOT", a) == TOP - a


@pytest.mark.parametrize("name", ["DIV", "SDIV", "MOD", "SMOD"])
def test_division_by_zero_is_zero(result_of: Result, name: str) -> None:
    assert result_of(name, 17, 0) == 0


def test_sdiv_of_the_least_number_by_minus_one_wraps(result_of: Result) -> None:
    assert result_of("SDIV", MIN, TOP) == MIN


def test_smod_has_the_sign_of_its_first_operand(result_of: Result) -> None:
    assert result_of("SMOD", M - 8, 3) == M - 2
    assert result_of("SMOD", 8, M - 3) == 2


@pytest.mark.parametrize(("exponent", "size"), [(0, 0), (1, 1), (255, 1), (256, 2), (TOP, 32)])
def test_exp_costs_fifty_per_byte_of_the_exponent(
    run: Callable[..., object], exponent: int, size: int
) -> None:
    step = run(f"PUSH32 {exponent} PUSH1 3 EXP").step("EXP")  # type: ignore[attr-defined]
    assert step.gas_cost == 10 + 50 * size
