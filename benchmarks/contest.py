"""Timing programs against each other in turns, on a machine whose speed drifts.

A contestant is a function of this process or a peer: another library's program (benchmarks/peers/README.md).
Every round runs all of them once, and before it the plain multiplication whose rate limits of kernels refer to.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Protocol

import numpy as np
from numba import njit

from zkroll.algebra.field import PrimeField, address
from zkroll.algebra.kernels.threads import map_ranges

RATE_ELEMENTS = 1 << 8  # two operands and the result fill 30 KiB: the first-level cache
RATE_PASSES = 1 << 14
FEWEST = 3  # rounds
PATIENCE = 30.0  # seconds for the rounds of one row, if there are more


class PeerError(Exception):
    """A peer did not take the task or did not keep to the protocol."""


class Contestant(Protocol):
    """Something that does one task again and again."""

    def once(self) -> float:
        """Do the task and return the nanoseconds it took."""

    def result(self) -> str:
        """Return the hex of the last result."""

    def close(self) -> None:
        """Free what the contestant holds."""


def _nothing() -> None:
    return None


@dataclass
class Local:
    """A function of this process; `prepare` and `show` are not timed."""

    run: Callable[[], Any]
    show: Callable[[Any], str]
    prepare: Callable[[], object] = _nothing
    _last: Any = None

    def once(self) -> float:
        self.prepare()
        start = time.perf_counter_ns()
        self._last = self.run()
        return time.perf_counter_ns() - start

    def result(self) -> str:
        return self.show(self._last)

    def close(self) -> None:
        self._last = None


class Process:
    """A resident program that speaks the peers' protocol. Raises PeerError when it does not, or refuses."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None):
        self._result = ""
        self._command = command[0]
        self._child = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
        try:
            self._read("ready")
        except PeerError:
            self.close()
            raise

    def _read(self, key: str) -> dict[str, Any]:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        try:
            answer = json.loads(line)
        except json.JSONDecodeError:
            answer = None
        if not isinstance(answer, dict) or key not in answer:
            said = answer.get("error", line) if isinstance(answer, dict) else line
            raise PeerError(f"{self._command}: expected a line with {key!r}, got {str(said).strip()!r}")
        return answer

    def once(self) -> float:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write("1\n")
            self._child.stdin.flush()
        except BrokenPipeError as error:
            raise PeerError(f"{self._command}: it ended early") from error
        answer = self._read("ns")
        self._result = str(answer["result"])
        return float(answer["ns"][0])

    def result(self) -> str:
        return self._result

    def close(self) -> None:
        if self._child.stdin is not None:
            self._child.stdin.close()
        self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()


class Rate:
    """Nanoseconds of one multiplication in Fr per thread, when so many threads multiply at once."""

    def __init__(self, fr: PrimeField, threads: int):
        values = fr.powers(7, RATE_ELEMENTS)
        self._threads = threads
        self._passes = repeated(fr.kernels.mul)
        self._arrays = [(values.copy(), values.copy(), np.empty_like(values)) for _ in range(threads)]
        self.once()

    def once(self) -> float:
        def run(begin: int, end: int) -> None:
            for thread in range(begin, end):
                a, b, out = self._arrays[thread]
                self._passes(address(out), address(a), address(b), len(out), RATE_PASSES)

        start = time.perf_counter_ns()
        map_ranges(run, self._threads, self._threads, 1)
        return (time.perf_counter_ns() - start) / (RATE_ELEMENTS * RATE_PASSES)


def repeated(kernel: Any) -> Any:
    """Return a compiled loop over a binary field kernel, so that calls from Python cost nothing."""
    single = njit(nogil=True, error_model="numpy")(kernel.py_func)  # a kernel is not linked into others

    @njit(nogil=True)
    def passes(out: int, a: int, b: int, blocks: int, times: int) -> None:
        for _ in range(times):
            single(out, a, 1, b, 1, 0, blocks)

    return passes


@dataclass
class Samples:
    """What a contest found, in nanoseconds as measured, an entry a round; `wrong` peers gave another result.

    The rate of a round is the mean of those before and after it.
    """

    rates: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    peers: dict[str, list[float]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def contest(ours: Contestant, peers: Mapping[str, Contestant], rate: Rate, rounds: int) -> Samples:
    """Run everyone once to warm up and compare results, then `rounds` times in turns, fewer if that takes long."""
    ours.once()
    expected = ours.result()
    samples = Samples()
    for name, peer in peers.items():
        peer.once()
        samples.peers[name] = []
        if peer.result() != expected:
            samples.wrong.append(name)
    end = time.perf_counter() + PATIENCE
    before = rate.once()
    for done in range(rounds):
        if done >= FEWEST and time.perf_counter() > end:
            break
        samples.ours.append(ours.once())
        for name, peer in peers.items():
            samples.peers[name].append(peer.once())
        after = rate.once()
        samples.rates.append((before + after) / 2)
        before = after
    return samples


def paired(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the rounds' ratios, in which a drift from round to round cancels."""
    return median(a / b for a, b in zip(above, below, strict=True))
