"""A rollup contract on each kind of L1: in this process, and on anvil."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from support.anvil import needs_anvil
from support.l1_world import Rollup, World, anvil_world, deploy_rollup, evm_world

WORLDS = [
    pytest.param(lambda: nullcontext(evm_world()), id="evm"),
    pytest.param(anvil_world, id="anvil", marks=[pytest.mark.anvil, needs_anvil]),
]


@pytest.fixture(scope="session", params=WORLDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with request.param() as opened:
        yield opened


@pytest.fixture(scope="session")
def deployed(world: World) -> Rollup:
    return deploy_rollup(world)


@pytest.fixture
def rollup(deployed: Rollup) -> Iterator[Rollup]:
    """A rollup that nobody has used; what a test does to it and to its L1 is taken back."""
    take_back = deployed.world.snapshot()
    yield deployed
    take_back()
