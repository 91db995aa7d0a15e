"""What packages offer by names that are loaded on first use."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module

import pytest

PACKAGES = ["zkroll.algebra", "zkroll.circuits.r1cs", "zkroll.circuits.r1cs.gadgets", "zkroll.rollup.testing"]
NAMES = [(package, name) for package in PACKAGES for name in import_module(package).__all__]


def _named_for_type_checkers(package: str) -> dict[str, str]:
    """The module of each name, by the imports that only type checkers see."""
    found = {}
    for node in ast.walk(ast.parse(inspect.getsource(import_module(package)))):
        if (
            isinstance(node, ast.ImportFrom)
            and str(node.module).startswith("zkroll.")
            and node.module != "zkroll.lazy"
        ):
            found.update({alias.name: node.module for alias in node.names})
    return found


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_every_public_name_is_that_of_the_module_that_type_checkers_see(package: str, name: str) -> None:
    home = import_module(_named_for_type_checkers(package)[name])
    assert getattr(import_module(package), name) is getattr(home, name)


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_every_public_name_and_no_other(package: str) -> None:
    module = import_module(package)
    assert sorted(_named_for_type_checkers(package)) == sorted(module.__all__)
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", PACKAGES)
def test_an_unknown_name_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match=f"{package}.*no_such_name"):
        import_module(package).no_such_name  # noqa: B018


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_the_package_loads_no_compiler(package: str) -> None:
    script = f"import sys, {package}; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
