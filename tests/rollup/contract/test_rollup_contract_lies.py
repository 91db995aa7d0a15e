"""A node that leaves out or changes what the rollup contract logged is found out by the client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from support.l1_world import Rollup

from zkroll.errors import InputError, RollupError
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.inbox import Log, Node


class LyingNode:
    """A node whose logs go through `lie`."""

    def __init__(self, node: Node, lie: Callable[[Log], list[Log]]) -> None:
        self._node = node
        self._lie = lie

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    def logs(self, address: int, block: int, topics: tuple[bytes, ...]) -> list[Log]:
        return [told for log in self._node.logs(address, block, topics) for told in self._lie(log)]


def told(rollup: Rollup, lie: Callable[[Log], list[Log]]) -> Bridge:
    node: Any = LyingNode(rollup.world.node("alice"), lie)
    return Bridge(node, rollup.bridge.address)


def with_byte(at: int) -> Callable[[Log], list[Log]]:
    """Change one byte of the log's data."""
    return lambda log: [replace(log, data=log.data[:at] + bytes([log.data[at] ^ 1]) + log.data[at + 1 :])]


def test_left_out_events_are_missed(rollup: Rollup) -> None:
    rollup.by("alice").deposit_ether(5, 10)
    rollup.commit()
    silent = told(rollup, lambda log: [])
    for read in (lambda: silent.message(0), lambda: silent.batch(1)):
        with pytest.raises(RollupError, match="expected its event in block"):
            read()
    with pytest.raises(RollupError, match="queued no message"):
        silent.deposit_ether(5, 10)


@pytest.mark.parametrize("at", [31, 96, 96 + 40])
def test_changed_data_of_a_batch_is_found_out(rollup: Rollup, at: int) -> None:
    """The queue's end, and the data: what comes before and between is the encoding's own."""
    rollup.commit()
    with pytest.raises(RollupError, match="not what the contract stores a hash of"):
        told(rollup, with_byte(at)).batch(1)
    assert told(rollup, lambda log: [log]).batch(1) == rollup.bridge.batch(1)


@pytest.mark.parametrize("word", range(4), ids=["kind", "token", "recipient", "amount"])
def test_changed_message_is_found_out(rollup: Rollup, word: int) -> None:
    rollup.by("alice").request_exit(0, 10, 5)
    with pytest.raises(RollupError, match=r"stores a hash of|has no message"):
        told(rollup, with_byte(32 * word + 31)).message(0)


def test_changed_account_of_a_message_is_found_out(rollup: Rollup) -> None:
    rollup.by("alice").deposit_ether(5, 10)

    def other(log: Log) -> list[Log]:
        return [replace(log, topics=(*log.topics[:2], (6).to_bytes(32, "big"), *log.topics[3:]))]

    with pytest.raises(RollupError, match="not what the contract stores a hash of"):
        told(rollup, other).message(0)
    with pytest.raises(RollupError, match="the log has no message"):
        told(rollup, lambda log: [replace(log, topics=log.topics[:2])]).message(0)


def test_cut_log_is_refused(rollup: Rollup) -> None:
    rollup.by("alice").deposit_ether(5, 10)
    rollup.commit()
    cut = told(rollup, lambda log: [replace(log, data=log.data[:40])])
    for read in (lambda: cut.message(0), lambda: cut.batch(1)):
        with pytest.raises(InputError, match="expected values of types"):
            read()


def test_exchanged_messages_are_found_out(rollup: Rollup) -> None:
    first = rollup.by("alice").deposit_ether(5, 10)
    second = rollup.by("alice").deposit_ether(6, 20)
    topics = (rollup.bridge._artifact.event_topic("MessageQueued"),)
    (other,) = rollup.world.node("bob").logs(rollup.bridge.address, second.receipt.block_number, topics)
    with pytest.raises(RollupError, match="not what the contract stores a hash of"):
        told(rollup, lambda log: [other]).message(first.index)
