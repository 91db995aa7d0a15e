"""What `zkroll.algebra` offers by name."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import zkroll.algebra


@pytest.mark.parametrize("name", zkroll.algebra.__all__)
def test_every_public_name_is_that_of_its_module(name: str) -> None:
    home = import_module(f"zkroll.algebra.{zkroll.algebra._HOMES[name]}")
    assert getattr(zkroll.algebra, name) is getattr(home, name)


def test_all_lists_each_name_that_has_a_home() -> None:
    assert sorted(zkroll.algebra.__all__) == sorted(zkroll.algebra._HOMES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        zkroll.algebra.no_such_name  # noqa: B018


def test_importing_the_package_loads_no_compiler() -> None:
    script = "import sys, zkroll.algebra; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
