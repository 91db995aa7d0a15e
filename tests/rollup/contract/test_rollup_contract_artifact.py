"""What is committed of the rollup contract and its test doubles is what the compiler makes, and can be deployed."""

from __future__ import annotations

from support.l1_world import FIXTURES, compiled_doubles
from support.solc import needs_solc

from zkroll.rollup.l1.bridge_types import rollup_artifact

CODE_LIMIT = 24_576  # bytes, EIP-170
INIT_LIMIT = 49_152  # bytes, EIP-3860


def test_code_fits_the_limits_of_a_contract() -> None:
    artifact = rollup_artifact()
    assert len(artifact.runtime) <= CODE_LIMIT
    assert len(artifact.bytecode) <= INIT_LIMIT - 4096  # room for the configuration and its tokens


@needs_solc
def test_doubles_are_what_the_compiler_makes() -> None:
    assert (FIXTURES / "doubles.json").read_text() == compiled_doubles()
