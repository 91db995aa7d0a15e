"""WebAssembly of a stranger, run with a limit on memory and time, and such that Ctrl-C ends it at once.

Modules see the functions that they are given and nothing of the machine: no files, no clock, no network. What
runs and compiles them does so in a thread of its own, for a thread that is inside compiled code notices neither
signals nor time; the engine's epoch is what stops it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

import wasmtime

from zkroll.errors import InputError

T = TypeVar("T")

LARGEST_MEMORY: Final = 1 << 32  # bytes, all that 32-bit WebAssembly can address
LONGEST_RUN: Final = 3600.0  # seconds
_MOST_SECONDS = 10**8
_MOST_TABLE_ELEMENTS = 1 << 20
_MOST_INSTANCES = 4
_STACK = 1 << 20  # bytes: what V8 gives
_GRACE = 0.5  # seconds in which code that is told to stop should


class Sandbox:
    """An engine, its limits, and the one thread at a time that is inside.

    Raises InputError for limits that are none.
    """

    def __init__(self, place: str, memory: int = LARGEST_MEMORY, seconds: float = LONGEST_RUN):
        if not 0 < seconds <= _MOST_SECONDS:
            raise InputError(
                f"{place}: expected a limit of more than 0 and at most {_MOST_SECONDS} s, got {seconds}"
            )
        if not 0 < memory <= LARGEST_MEMORY:
            raise InputError(f"{place}: expected a limit of 1 to {LARGEST_MEMORY} bytes, got {memory}")
        config = wasmtime.Config()
        config.epoch_interruption = True
        config.cranelift_opt_level = "none"  # compiling takes longer than running
        config.max_wasm_stack = _STACK
        config.wasm_memory64 = False
        config.wasm_threads = False
        config.wasm_multi_memory = False
        self.place, self.memory, self.seconds = place, memory, seconds
        self.engine = wasmtime.Engine(config)

    def store(self) -> wasmtime.Store:
        """Return a new store for instances, under the limits.

        Made before `run` begins, its code stops with that run wherever the run is.
        """
        store = wasmtime.Store(self.engine)
        store.set_limits(
            memory_size=self.memory,
            table_elements=_MOST_TABLE_ELEMENTS,
            instances=_MOST_INSTANCES,
            tables=_MOST_INSTANCES,
            memories=_MOST_INSTANCES,
        )
        store.set_epoch_deadline(1)
        return store

    def run(self, work: Callable[[], T]) -> T:
        """Return what `work` does, called in a thread of its own.

        Raises InputError when it takes longer than the limit, when its code is not WebAssembly and when that
        traps; whatever else it raises comes through. KeyboardInterrupt stops it.
        """
        results: list[T] = []
        errors: list[BaseException] = []
        done = threading.Event()

        def body() -> None:
            try:
                results.append(work())
            except BaseException as error:  # handed to the thread that waits
                errors.append(error)
            finally:
                done.set()

        threading.Thread(target=body, name="wasm", daemon=True).start()
        try:
            in_time = done.wait(self.seconds)
        except BaseException:
            self._stop(done)
            raise
        if not in_time:
            self._stop(done)
            raise InputError(f"{self.place}: expected to end within {self.seconds:g} s, got stopped")
        if errors:
            self._raise(errors[0])
        return results[0]

    def _stop(self, done: threading.Event) -> None:
        """End the code that runs. A compilation goes on, until the process ends or it does."""
        self.engine.increment_epoch()
        done.wait(_GRACE)

    def _raise(self, error: BaseException) -> None:
        if isinstance(error, wasmtime.Trap):
            raise InputError(f"{self.place}: the code failed: {_reason(error)}") from error
        if isinstance(error, wasmtime.WasmtimeError):
            raise InputError(f"{self.place}: {_reason(error)}") from error
        raise error


class Exports:
    """The exported functions and the memory of an instance."""

    def __init__(self, store: wasmtime.Store, instance: wasmtime.Instance):
        self._store, self._exports = store, instance.exports(store)

    def __contains__(self, name: str) -> bool:
        return name in self._exports

    def function(self, name: str) -> wasmtime.Func:
        """Return an exported function."""
        found = self._exports[name]
        if not isinstance(found, wasmtime.Func):
            raise InputError(f"expected {name} to be a function")
        return found

    def call(self, name: str, *arguments: int, caller: wasmtime.Caller | None = None) -> int:
        """Return the signed result of a function, or 0; its arguments are unsigned 32-bit integers.

        Within a function of the host, `caller` is what that was given.
        """
        signed = [value - (1 << 32) if value >> 31 else value for value in arguments]
        result = self.function(name)(caller or self._store, *signed)
        return 0 if result is None else int(result)

    def read(self, start: int, length: int, caller: wasmtime.Caller | None = None) -> bytearray:
        """Return a copy of the memory's bytes."""
        return self._memory().read(caller or self._store, start, start + length)

    def write(self, start: int, content: bytes) -> None:
        """Write bytes to the memory."""
        self._memory().write(self._store, content, start)

    def _memory(self) -> wasmtime.Memory:
        found = self._exports["memory"]
        if not isinstance(found, wasmtime.Memory):
            raise InputError("expected a memory")
        return found


def check_function(place: str, what: str, kind: object, parameters: int, results: int) -> None:
    """Raise InputError unless `kind` is the type of a function of so many 32-bit integers."""
    if not isinstance(kind, wasmtime.FuncType):
        raise InputError(f"{place}: expected the function {what}, got none")
    for found, expected, sort in (
        (kind.params, parameters, "parameters"),
        (kind.results, results, "results"),
    ):
        if [str(each) for each in found] != ["i32"] * expected:
            raise InputError(
                f"{place}: function {what}: expected {expected} {sort} of 32 bits, got {len(found)}: "
                f"{', '.join(map(str, found))}"
            )


def _reason(error: BaseException) -> str:
    """The line of a message that says why, not where."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if "Caused by:" in lines[:-1]:
        return lines[lines.index("Caused by:") + 1].removeprefix("0: ")
    return lines[0] if lines else type(error).__name__
