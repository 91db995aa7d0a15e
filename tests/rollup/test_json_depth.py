"""The bound on JSON nesting."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zkroll.errors import InputError
from zkroll.rollup.json_depth import check_depth

FINE = [
    b"",
    b"[]",
    b"[[[]]]",
    b'{"a": [{"b": "[[[[[[[["}]}',
    rb'["\"[[[[[[", "\\", "]"]',
    b"]]]]",
    b'"[[[[[[',
    b'"[[[\\',
]
TOO_DEEP = [b"[[[[", b'{"a":{"a":{"a":{}}}}', rb'["\\", [[["x"]]]]', b"[" * 100_000]


@pytest.mark.parametrize("text", FINE)
def test_shallow_text_passes_whatever_its_strings_hold(text: bytes) -> None:
    check_depth(text, "file", 3)


@pytest.mark.parametrize("text", TOO_DEEP)
def test_deeper_text_is_refused_with_the_place(text: bytes) -> None:
    with pytest.raises(InputError, match="file: nested too deeply: expected at most 3 levels"):
        check_depth(text, "file", 3)


@given(st.binary(max_size=60))
def test_any_bytes_get_an_answer(text: bytes) -> None:
    check_depth(text, "file", 60)


def test_many_escapes_without_an_end_take_linear_time() -> None:
    check_depth(b'"' + b'\\"' * 2_000_000, "file")


def test_deep_batch_is_refused_even_where_a_library_has_raised_the_recursion_limit() -> None:
    program = """
import sys
from zkroll.rollup.batch import parse_batch
from zkroll.errors import InputError
sys.setrecursionlimit(10**6)
try:
    parse_batch(b"[" * 10**6)
except InputError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert result.stdout.startswith("batch: nested too deeply")
