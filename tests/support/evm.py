"""Contracts on an EVM in this process (py-evm), called at chosen gas limits and with chosen precompiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eth.chains.base import MiningChain
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState
from eth.vm.spoof import SpoofTransaction

SENDER = b"\x11" * 20
GAS = 10_000_000

Precompile = Callable[[Any], Any]


@dataclass(frozen=True)
class Call:
    """What a call gave: its output, the gas of its whole transaction, and the name of what stopped it, or None."""

    output: bytes
    gas: int
    error: str | None

    @property
    def verdict(self) -> bool | None:
        """The bool that was returned; None where there is none because the call failed."""
        if self.error is not None:
            return None
        assert len(self.output) == 32, self.output
        return bool(int.from_bytes(self.output, "big"))


def intrinsic_gas(data: bytes) -> int:
    """Gas of a transaction before its first opcode: 21,000, 4 for a zero byte and 16 for another. Source: EIP-2028."""
    return 21_000 + sum(16 if byte else 4 for byte in data)


def place(number: int) -> bytes:
    """The address of a precompiled contract."""
    return number.to_bytes(20, "big")


class Evm:
    """A chain with Prague's rules. `precompiles` replaces precompiled contracts, None takes them away."""

    def __init__(self, precompiles: Mapping[int, Precompile | None] | None = None) -> None:
        table = dict(PragueComputation._precompiles)
        for number, found in (precompiles or {}).items():
            if found is None:
                del table[place(number)]
            else:
                table[place(number)] = found
        computation = type("Computation", (PragueComputation,), {"_precompiles": table})
        state = type("State", (PragueState,), {"computation_class": computation})
        vm = type("VM", (PragueVM,), {"_state_class": state})
        chain = MiningChain.configure(vm_configuration=((0, vm),)).from_genesis(
            AtomicDB(),
            {"gas_limit": 100_000_000, "timestamp": 1_735_689_600, "difficulty": 0},
            {SENDER: {"balance": 10**30, "nonce": 0, "code": b"", "storage": {}}},
        )
        self._vm = chain.get_vm()

    def deploy(self, init: bytes) -> bytes:
        """Run the code that deploys a contract; gives the contract's address."""
        done = self._run(b"", init, GAS, 0)
        assert not done.is_error, done.error
        return bytes(done.msg.storage_address)

    def put(self, address: bytes, code: bytes) -> bytes:
        """Give the address this code."""
        self._vm.state.set_code(address, code)
        return address

    def code(self, address: bytes) -> bytes:
        """The code at the address."""
        return bytes(self._vm.state.get_code(address))

    def call(self, to: bytes, data: bytes, gas: int = GAS, value: int = 0) -> Call:
        """Call a contract as a transaction with this gas limit would, and forget what it changed."""
        snapshot = self._vm.state.snapshot()
        try:
            done = self._run(to, data, gas, value)
        finally:
            self._vm.state.revert(snapshot)
        error = type(done.error).__name__ if done.is_error else None
        return Call(bytes(done.output), intrinsic_gas(data) + done.get_gas_used(), error)

    def _run(self, to: bytes, data: bytes, gas: int, value: int) -> Any:
        transaction = self._vm.create_unsigned_transaction(
            nonce=self._vm.state.get_nonce(SENDER), gas_price=10**10, gas=gas, to=to, value=value, data=data
        )
        return self._vm.state.apply_transaction(SpoofTransaction(transaction, from_=SENDER))
