"""The pytest plugin: fixtures for a prover, a verifier and an L1 with the contract, for the circuit of your tests.

Say what the circuit is by a fixture of your own, in a test file, a class or conftest.py:

    @pytest.fixture(scope="session")
    def zkroll_circuit():
        return CircomFiles("c.zkey", wasm="c.wasm", sym="c.sym")   # or a circuit of the builder

and ask for what you need: `zkroll_prover`, `zkroll_verifier`, `zkroll_l1`. With params of pytest's the same tests
run for several circuits. Keys, compiled calculators and contracts are kept for the session (of each worker
where pytest-xdist runs several), however often the fixtures are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from zkroll.rollup.testing.chain import DeployedVerifier, LocalChain
    from zkroll.rollup.testing.provers import Provable, Prover
    from zkroll.rollup.testing.verifiers import Verifier

_EXAMPLE = """\
zkroll_circuit: expected a fixture of that name in your tests, got none. For example:

    @pytest.fixture(scope="session")
    def zkroll_circuit():
        return CircomFiles("circuit.zkey", wasm="circuit.wasm")  # from zkroll.rollup.testing

or one that returns a circuit of zkroll.circuits.r1cs.builder, or the function that defines it."""


class _Kept:
    """The provers and contracts of a session. Circuits are told apart as objects, files by name, size and time."""

    def __init__(self) -> None:
        self._provers: dict[Any, tuple[Any, Prover]] = {}
        self._deployed: dict[tuple[int, int], tuple[Prover, LocalChain, DeployedVerifier]] = {}

    def prover(self, circuit: Provable) -> Prover:
        from zkroll.rollup.testing.provers import CircomFiles, prover_of

        place = (circuit, *circuit.state()) if isinstance(circuit, CircomFiles) else id(circuit)
        if place not in self._provers:
            self._provers[place] = (circuit, prover_of(circuit))  # the circuit stays, and its id with it
        return self._provers[place][1]

    def deployed(self, prover: Prover, chain: LocalChain) -> DeployedVerifier:
        from zkroll.rollup.testing.chain import DeployedVerifier

        place = (id(prover), id(chain))
        if place not in self._deployed:
            self._deployed[place] = (prover, chain, DeployedVerifier(prover.verifying_key, chain))
        return self._deployed[place][2]


@pytest.fixture(scope="session")
def _zkroll_kept() -> _Kept:
    return _Kept()


@pytest.fixture(scope="session")
def zkroll_circuit() -> Provable:
    """What is proven in these tests; yours to define."""
    pytest.fail(_EXAMPLE, pytrace=False)


@pytest.fixture
def zkroll_prover(zkroll_circuit: Provable, _zkroll_kept: _Kept) -> Prover:
    """The prover of `zkroll_circuit`: `prove(inputs)`, and what `assert_proves` and `assert_rejects` take."""
    return _zkroll_kept.prover(zkroll_circuit)


@pytest.fixture
def zkroll_verifier(zkroll_prover: Prover) -> Verifier:
    """The verifier of the prover's key: `accepts(proof, public)`."""
    from zkroll.rollup.testing.verifiers import Verifier

    return Verifier(zkroll_prover.verifying_key)


@pytest.fixture(scope="session")
def zkroll_chain() -> LocalChain:
    """An EVM chain in this process, with `w3`. Define it anew for LocalChain("py-evm"), without zkroll's kernels."""
    from zkroll.rollup.testing.chain import LocalChain

    return LocalChain()


@pytest.fixture
def zkroll_l1(zkroll_prover: Prover, zkroll_chain: LocalChain, _zkroll_kept: _Kept) -> DeployedVerifier:
    """The exported Solidity verifier on the chain: `accepts(proof, public)`, `gas`, `address`, `contract`, `w3`."""
    return _zkroll_kept.deployed(zkroll_prover, zkroll_chain)
