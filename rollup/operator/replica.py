"""The rollup's state, rebuilt from L1 alone: data and messages of every batch, executed anew and compared.

A replica needs no operator: with the genesis and an L1 it ends at the last finalised root, from which anybody can
prove a balance or claim a withdrawal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zkroll.errors import InputError, RollupError
from zkroll.rollup.batch import Batch
from zkroll.rollup.batch_data import decode_data, resolve
from zkroll.rollup.executor import ExecutedBatch, execute_batch
from zkroll.rollup.genesis import Account, build_state
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.bridge_types import CommittedBatch
from zkroll.rollup.l1.withdrawals import Withdrawal, withdrawals_root
from zkroll.rollup.operator.batches import withdrawals_json
from zkroll.rollup.operator.folder import BATCH_NUMBER, QUEUE_END, QUEUE_HASH, DataFolder
from zkroll.rollup.state.state import State
from zkroll.rollup.state.store import LmdbStore, MemoryStore, Store
from zkroll.rollup.transaction import Point, Signature, SignedTransaction

_NO_SIGNATURE: Final = Signature(Point(0, 1), 0)


@dataclass(frozen=True)
class Synced:
    """Where a replica ended: the last finalised batch, its root, and the withdrawals of each batch read."""

    number: int
    root: int
    withdrawals: dict[int, tuple[Withdrawal, ...]]


class Replica:
    """A state that follows L1, in a folder or in memory. Close it, or use it as a context manager."""

    def __init__(self, genesis: Sequence[Account], folder: str | os.PathLike[str] | None = None) -> None:
        """Begin with the genesis, or where the folder's state stands."""
        self.store: Store = MemoryStore() if folder is None else LmdbStore(Path(folder))
        try:
            self.state = State(self.store)
            if not self.state.root and not self.number:
                self.state = build_state(genesis, self.store)
                self.state.commit(batch_number=0)
        except BaseException:
            self.store.close()
            raise

    @property
    def number(self) -> int:
        """The batch after which the state is."""
        return self.state.meta_number(BATCH_NUMBER, 0)

    def sync(self, bridge: Bridge, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Synced:
        """Execute every finalised batch that L1 has beyond the replica's; ends at the finalised root.

        Raises RollupError for a genesis other than L1's, and when an execution gives another root or other
        withdrawals than were proven: then nothing of that batch is kept.
        """
        status = bridge.status()
        if self.number == 0 and self.state.root != status.genesis_root:
            raise RollupError(
                f"{bridge.node.name}: genesis: expected root {self.state.root:#066x}, "
                f"L1 has {status.genesis_root:#066x}"
            )
        if self.number > status.last_finalised:
            raise RollupError(
                f"{bridge.node.name}: the state is after batch {self.number}, L1 has finalised {status.last_finalised}"
            )
        withdrawals = {}
        for number in range(self.number + 1, status.last_finalised + 1):
            progress(number, status.last_finalised)
            executed = self._replay(bridge.batch(number), bridge.address, status.chain_id)
            withdrawals[number] = tuple(executed.withdrawals)
        if self.state.root != status.last_root:
            raise RollupError(
                f"{bridge.node.name}: expected the finalised root {status.last_root:#066x}, "
                f"the state has {self.state.root:#066x}"
            )
        return Synced(self.number, self.state.root, withdrawals)

    def _replay(self, posted: CommittedBatch, rollup: int, chain_id: int) -> ExecutedBatch:
        """Execute one batch of L1 and keep the state after it."""
        place = f"batch {posted.number}"
        data = decode_data(posted.data)
        state = State(self.store)
        transactions = resolve(data, state)
        batch = Batch(
            chain_id=chain_id,
            batch_number=posted.number,
            rollup_address=rollup,
            timestamp=data.timestamp,
            coinbase=data.coinbase,
            pre_state=(),
            transactions=tuple(
                SignedTransaction(transaction, _NO_SIGNATURE.r8, _NO_SIGNATURE)
                for transaction in transactions
            ),
            registrations=data.registrations,
            messages=tuple(queued.message for queued in posted.messages),
            queue_before=int.from_bytes(posted.queue_before, "big"),
        )
        try:
            executed = execute_batch(batch, state, proven=True)
        except InputError as error:
            raise RollupError(f"{place}: what L1 has cannot be executed: {error}") from error
        if executed.new_root != posted.new_root:
            raise RollupError(
                f"{place}: new root: L1 has {posted.new_root or 0:#066x}, execution gives {executed.new_root:#066x}"
            )
        if withdrawals_root(executed.withdrawals) != posted.withdrawals_root:
            raise RollupError(f"{place}: the withdrawals are not those whose root L1 has")
        after = int.from_bytes(posted.queue_after, "big")
        state.commit(**{BATCH_NUMBER: posted.number, QUEUE_END: posted.queue_end, QUEUE_HASH: after})
        self.state = State(self.store)
        return executed

    def close(self) -> None:
        """Give the folder back."""
        self.store.close()

    def __enter__(self) -> Replica:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def open_replica(folder: DataFolder) -> Replica:
    """The replica that a data folder keeps beside its operator's state."""
    return Replica(folder.genesis(), folder.path / "node")


def keep_withdrawals(folder: DataFolder, synced: Synced) -> None:
    """Write the withdrawals of the batches that were read, so that they can be claimed."""
    for number, withdrawals in synced.withdrawals.items():
        folder.keep_withdrawals(number, withdrawals_json(withdrawals))
