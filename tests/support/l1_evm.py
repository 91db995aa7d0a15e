"""An L1 without blocks to mine, transactions to sign or JSON between: contracts' rules tested at full speed.

Transactions run on one py-evm state, each in a block of its own. Its gas is only about right, because places that
an earlier transaction warmed stay warm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eth.exceptions import Revert
from eth.vm.spoof import SpoofTransaction
from eth_utils.exceptions import ValidationError

from zkroll.errors import InputError
from zkroll.rollup.l1.embedded import BLOCK_GAS_LIMIT, GENESIS_TIMESTAMP, ChainBackend
from zkroll.rollup.l1.inbox import Log, Receipt, Reverted
from zkroll.rollup.l1.keys import insecure_development_deployer


class EvmMachine:
    """The state, clock and logs that nodes of different accounts share."""

    def __init__(self, chain_id: int | None = None) -> None:
        backend: Any = ChainBackend(insecure_development_deployer())
        if chain_id is not None:
            backend.chain.chain_id = chain_id
        self._vm = backend.chain.get_vm(at_header=backend.chain.header)
        self._context = self._vm.state.execution_context
        self.chain_id = int(self._context.chain_id)
        # An empty account is deleted after each transaction, and no snapshot goes back over two deletions.
        for address in (self._context.coinbase, *(_bytes(precompile) for precompile in range(1, 11))):
            self.state.set_balance(address, 1)
        self.times = [GENESIS_TIMESTAMP]
        self.logs: list[list[tuple[bytes, Log]]] = [[]]

    @property
    def state(self) -> Any:
        return self._vm.state

    def run(self, sender: int, to: int | None, data: bytes, value: int) -> tuple[Any, int]:
        """Run a transaction in the next block; gives its computation and gas, and keeps what it did."""
        self._context._timestamp = self.times[-1] + 1
        self._context._block_number = len(self.times)
        address = _bytes(sender)
        unsigned = self._vm.create_unsigned_transaction(
            nonce=self.state.get_nonce(address), gas_price=self.state.base_fee, gas=BLOCK_GAS_LIMIT,
            to=b"" if to is None else _bytes(to), value=value, data=data,
        )  # fmt: skip
        try:
            done = self.state.apply_transaction(SpoofTransaction(unsigned, from_=address))
        except ValidationError as error:
            raise InputError(f"evm: {error}") from error
        return done, BLOCK_GAS_LIMIT - int(done.get_gas_remaining())

    def snapshot(self) -> Callable[[], None]:
        """What takes everything back to now."""
        kept = self.state.snapshot(), len(self.times)

        def go_back() -> None:
            self.state.revert(kept[0])
            del self.times[kept[1] :], self.logs[kept[1] :]

        return go_back

    def advance(self, seconds: int) -> None:
        """Let seconds pass before an empty block."""
        self.times.append(self.times[-1] + seconds)
        self.logs.append([])


class EvmNode:
    """The machine as one account sees it."""

    name = "evm"

    def __init__(self, machine: EvmMachine, sender: int) -> None:
        self.machine = machine
        self.chain_id = machine.chain_id
        self.sender = sender

    def call(self, to: int, data: bytes, sender: int | None = None) -> bytes:
        go_back = self.machine.state.snapshot()
        try:
            done, _ = self.machine.run(self.sender if sender is None else sender, to, data, 0)
        finally:
            self.machine.state.revert(go_back)
        return _output(done)

    def code(self, address: int) -> bytes:
        return bytes(self.machine.state.get_code(_bytes(address)))

    def balance(self, address: int) -> int:
        return int(self.machine.state.get_balance(_bytes(address)))

    def block_number(self) -> int:
        return len(self.machine.times) - 1

    def block_timestamp(self, block: int) -> int:
        return self.machine.times[block]

    def send(self, to: int | None, data: bytes, value: int = 0) -> Receipt:
        go_back = self.machine.state.snapshot()
        done, gas = self.machine.run(self.sender, to, data, value)
        if done.is_error:
            self.machine.state.revert(go_back)
            _output(done)
        number = len(self.machine.times)
        name = number.to_bytes(32, "big")
        self.machine.times.append(int(self.machine.state.timestamp))
        self.machine.logs.append(
            [
                (bytes(emitter), Log(tuple(topic.to_bytes(32, "big") for topic in topics), content, name))
                for emitter, topics, content in done.get_log_entries()
            ]
        )
        created = int.from_bytes(done.msg.storage_address, "big") if to is None else None
        return Receipt(name, number, gas, created)

    def logs(self, address: int, block: int, topics: tuple[bytes, ...]) -> list[Log]:
        return [
            log
            for emitter, log in self.machine.logs[block]
            if emitter == _bytes(address) and log.topics[: len(topics)] == topics
        ]

    def created(self) -> list[int] | None:
        return None

    def close(self) -> None:
        """Nothing to give back."""


def _bytes(address: int) -> bytes:
    return address.to_bytes(20, "big")


def _output(done: Any) -> bytes:
    if done.is_error:
        raise Reverted(bytes(done.output) if isinstance(done.error, Revert) else b"")
    return bytes(done.output)
