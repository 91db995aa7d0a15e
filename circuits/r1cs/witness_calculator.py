"""Witnesses from circom's calculators, the .wasm files that `circom --wasm` writes (circom 2).

A calculator computes everything when its last input is set. Its functions move one 32-bit word at a time, so a
small module of our own that is linked to it does the loops: inputs go in and the witness comes out in chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import wasmtime
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.files import read_regular_file
from zkroll.algebra.progress import Progress, quiet
from zkroll.circuits.r1cs.formats.input_json import Signals, flat_inputs
from zkroll.circuits.r1cs.formats.strict_json import shown
from zkroll.circuits.r1cs.sparse import below_r
from zkroll.circuits.r1cs.wasm_sandbox import (
    LARGEST_MEMORY,
    LONGEST_RUN,
    Exports,
    Sandbox,
    check_function,
)
from zkroll.errors import ConstraintViolation, InputError

Words = NDArray[np.uint64]

LARGEST_CODE: Final = 1 << 30  # bytes
MOST_LOGGED: Final = 1 << 20  # characters of the circuit's own messages
_VALUE = 32  # bytes
_WORDS = 8
_CHUNK = 1 << 16  # values moved together
_MESSAGE_AT, _MOST_CHARACTERS = _CHUNK * _VALUE, 1 << 15
_MOST_ERROR_LINES = 8

_EXPORTS = (
    ("getVersion", 0, 1),
    ("getFieldNumLen32", 0, 1),
    ("getRawPrime", 0, 0),
    ("readSharedRWMemory", 1, 1),
    ("writeSharedRWMemory", 2, 0),
    ("getMessageChar", 0, 1),
    ("init", 1, 0),
    ("getInputSize", 0, 1),
    ("setInputSignal", 3, 0),
    ("getWitnessSize", 0, 1),
    ("getWitness", 1, 0),
)
_OPTIONAL_EXPORTS = (("getMinorVersion", 0, 1), ("getPatchVersion", 0, 1), ("getInputSignalSize", 2, 1))
_LOOPED = ("readSharedRWMemory", "writeSharedRWMemory", "getMessageChar", "setInputSignal", "getWitness")

#: what a calculator may import from `runtime`, with the number of parameters; none has a result
_IMPORTS = {"exceptionHandler": 1, "printErrorMessage": 0, "writeBufferMessage": 0, "showSharedRWMemory": 0}

#: of the code that circom's exceptionHandler is given
_ERRORS = {
    1: "signal not found",
    2: "too many signals set",
    3: "signal already set",
    4: "assert failed",
    5: "not enough memory",
    6: "input signal array access exceeds the size",
}
_ASSERT_FAILED = 4

_MOVER = f"""
(module
  (import "calculator" "readSharedRWMemory" (func $read (param i32) (result i32)))
  (import "calculator" "writeSharedRWMemory" (func $write (param i32 i32)))
  (import "calculator" "getMessageChar" (func $character (result i32)))
  (import "calculator" "setInputSignal" (func $set (param i32 i32 i32)))
  (import "calculator" "getWitness" (func $get (param i32)))
  (memory (export "memory") {(_MESSAGE_AT + _MOST_CHARACTERS) // 65536 + 1})

  (func $load (export "load") (param $to i32) (local $i i32)
    (loop $words
      (i32.store
        (i32.add (local.get $to) (i32.shl (local.get $i) (i32.const 2)))
        (call $read (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $words (i32.lt_u (local.get $i) (i32.const {_WORDS})))))

  (func $store (param $from i32) (local $i i32)
    (loop $words
      (call $write
        (local.get $i)
        (i32.load (i32.add (local.get $from) (i32.shl (local.get $i) (i32.const 2)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $words (i32.lt_u (local.get $i) (i32.const {_WORDS})))))

  (func (export "set") (param $high i32) (param $low i32) (param $first i32) (param $count i32) (local $i i32)
    (loop $values
      (if (i32.ge_u (local.get $i) (local.get $count)) (then (return)))
      (call $store (i32.mul (local.get $i) (i32.const {_VALUE})))
      (call $set (local.get $high) (local.get $low) (i32.add (local.get $first) (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $values)))

  (func (export "get") (param $first i32) (param $count i32) (local $i i32)
    (loop $values
      (if (i32.ge_u (local.get $i) (local.get $count)) (then (return)))
      (call $get (i32.add (local.get $first) (local.get $i)))
      (call $load (i32.mul (local.get $i) (i32.const {_VALUE})))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $values)))

  (func (export "message") (result i32) (local $i i32) (local $c i32)
    (loop $characters
      (local.set $c (call $character))
      (if (i32.eqz (local.get $c)) (then (return (local.get $i))))
      (i32.store8 (i32.add (i32.const {_MESSAGE_AT}) (local.get $i)) (local.get $c))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $characters (i32.lt_u (local.get $i) (i32.const {_MOST_CHARACTERS}))))
    (local.get $i)))
"""


class WitnessCalculator:
    """A circuit's calculator, compiled: `calculate` gives the witness of inputs, any number of times.

    `wasm` is the file or its content. `memory` (bytes) and `seconds` bound what its code may use, each time;
    `log` gets the lines that the circuit's log() prints. Raises InputError for a file that is no calculator of
    circom 2.
    """

    def __init__(
        self,
        wasm: bytes | Path | str,
        *,
        memory: int = LARGEST_MEMORY,
        seconds: float = LONGEST_RUN,
        log: Callable[[str], None] = lambda _line: None,
    ):
        self.place = "calculator" if isinstance(wasm, bytes) else str(wasm)
        code = wasm if isinstance(wasm, bytes) else read_regular_file(wasm, LARGEST_CODE)
        if not code.startswith(b"\0asm"):
            raise InputError(f"{self.place}: expected WebAssembly, got a file that begins with {code[:4]!r}")
        self._log, self._sandbox = log, Sandbox(self.place, memory, seconds)
        self._module = self._sandbox.run(lambda: wasmtime.Module(self._sandbox.engine, code))
        self._mover = wasmtime.Module(self._sandbox.engine, _MOVER)
        _check_interface(self._module, self.place)

    def calculate(
        self,
        inputs: Mapping[str, Any],
        progress: Progress = quiet,
    ) -> Words:
        """Return the witness as rows (n, 4) of little-endian words below r.

        `inputs` are as in input.json (see formats/input_json). Raises InputError for inputs that are not those
        of the circuit, and when the code fails or exceeds its limits; ConstraintViolation, with circom's
        message, when the inputs do not satisfy the circuit.
        """
        signals, store = flat_inputs(inputs), self._sandbox.store()

        def work() -> Words:
            host, linker = _Host(self.place, self._log), wasmtime.Linker(self._sandbox.engine)
            try:
                for name, parameters in _IMPORTS.items():
                    kind = wasmtime.FuncType([wasmtime.ValType.i32()] * parameters, [])
                    linker.define_func("runtime", name, kind, getattr(host, name), access_caller=True)
                calculator = Exports(store, linker.instantiate(store, self._module))
                for name in _LOOPED:
                    linker.define(store, "calculator", name, calculator.function(name))
                host.mover = mover = Exports(store, linker.instantiate(store, self._mover))
                run = _Run(host, calculator, mover)
                progress("inputs", 0.0, "")
                run.set_inputs(signals)
                return run.witness(self._sandbox.memory // _VALUE, progress)
            finally:
                # what the store keeps of the host refers back to it, and its memory would stay
                linker.close()
                store.close()

        return self._sandbox.run(work)


class _Host:
    """The functions that a calculator imports, and what it has told them."""

    def __init__(self, place: str, log: Callable[[str], None]):
        self.place, self._log = place, log
        self.mover: Exports | None = None
        self.signal = ""
        self.one_value_a_line = False
        self._errors: list[str] = []
        self._line: list[str] = []
        self._logged = 0

    def exceptionHandler(self, caller: wasmtime.Caller, code: int) -> None:
        """End the calculation with what circom says about it."""
        if not self._errors:
            self.printErrorMessage(caller)
        parts = [_ERRORS.get(code, f"error {code}"), *self._errors[:_MOST_ERROR_LINES]]
        message = ": ".join(part.strip() for part in parts if part.strip())
        if code == _ASSERT_FAILED:
            raise ConstraintViolation(f"{self.place}: the inputs do not satisfy the circuit: {message}")
        raise InputError(f"{self.place}: signal {shown(self.signal)}: {message}")

    def printErrorMessage(self, caller: wasmtime.Caller) -> None:
        """Keep a line that belongs to the error that will follow, from the innermost component outwards."""
        message = self._message(caller)
        if len(self._errors) < _MOST_ERROR_LINES:
            self._errors.append(message)

    def writeBufferMessage(self, caller: wasmtime.Caller) -> None:
        """Log a piece of a line, or end the line."""
        message = self._message(caller)
        if message == "\n":
            self._end_line()
        else:
            self._add(message)

    def showSharedRWMemory(self, caller: wasmtime.Caller) -> None:
        """Log a value."""
        if self.mover is not None and self._logged <= MOST_LOGGED:
            self.mover.call("load", _MESSAGE_AT, caller=caller)
            self._add(str(int.from_bytes(self.mover.read(_MESSAGE_AT, _VALUE, caller), "little")))
            if self.one_value_a_line:
                self._end_line()

    def _message(self, caller: wasmtime.Caller) -> str:
        if self.mover is None:
            return ""
        length = self.mover.call("message", caller=caller)
        return self.mover.read(_MESSAGE_AT, length, caller).decode("latin-1")

    def _add(self, piece: str) -> None:
        self._logged += len(piece) + 1
        if self._logged <= MOST_LOGGED:
            self._line.append(piece)

    def _end_line(self) -> None:
        if self._logged <= MOST_LOGGED:
            self._log(" ".join(self._line))
        elif self._logged < 2 * MOST_LOGGED:
            self._log("(further messages of the circuit are not shown)")
            self._logged = 2 * MOST_LOGGED
        self._line = []


class _Run:
    """One instance of a calculator, and of the module that moves its values."""

    def __init__(self, host: _Host, calculator: Exports, mover: Exports):
        self._host, self._calculator, self._mover = host, calculator, mover
        place = host.place
        version = [
            calculator.call(name) if name in calculator else 0
            for name in ("getVersion", "getMinorVersion", "getPatchVersion")
        ]
        if version[0] != 2:
            raise InputError(f"{place}: expected a calculator of circom 2, got one of circom {version[0]}")
        host.one_value_a_line = version < [2, 0, 7]
        if (words := calculator.call("getFieldNumLen32")) != _WORDS:
            raise InputError(f"{place}: expected a field of {_WORDS} words, as BN254's, got one of {words}")
        calculator.call("getRawPrime")
        mover.call("load", 0)
        if (prime := int.from_bytes(mover.read(0, _VALUE), "little")) != R_MODULUS:
            raise InputError(f"{place}: expected BN254's r = {R_MODULUS}, got the prime {prime}")
        calculator.call("init", 0)

    def set_inputs(self, signals: Signals) -> None:
        """Set every input; with the last one the calculator computes the witness."""
        for name, values in signals.items():
            self._check_length(name, len(values))
        total = sum(map(len, signals.values()))
        expected = self._calculator.call("getInputSize") % (1 << 32)
        if total != expected:
            raise InputError(f"inputs: expected {expected} values, as the circuit takes, got {total}")
        for name, values in signals.items():
            self._host.signal = name
            high, low = divmod(_name_hash(name), 1 << 32)
            for first in range(0, len(values), _CHUNK):
                chunk = values[first : first + _CHUNK]
                self._mover.write(0, b"".join([value.to_bytes(_VALUE, "little") for value in chunk]))
                self._mover.call("set", high, low, first, len(chunk))

    def _check_length(self, name: str, count: int) -> None:
        """Raise InputError unless the circuit has this input, of so many values."""
        if "getInputSignalSize" not in self._calculator:  # before circom 2.0.6
            return
        size = self._calculator.call("getInputSignalSize", *divmod(_name_hash(name), 1 << 32))
        if size < 0 or (size == 0 and count > 0):
            raise InputError(f"inputs: the circuit has no input signal {shown(name)}")
        if size != count:
            raise InputError(f"inputs: signal {shown(name)}: expected {size} values, got {count}")

    def witness(self, most: int, progress: Progress) -> Words:
        """Return the value of each wire."""
        n = self._calculator.call("getWitnessSize") % (1 << 32)
        if not 1 <= n <= most:
            raise InputError(f"{self._host.place}: expected 1 to {most} wires, got {n}")
        words = np.empty((n, 4), dtype=np.uint64)
        for first in range(0, n, _CHUNK):
            progress("witness", 0.5 + 0.5 * first / n, f"{n} wires")
            count = min(_CHUNK, n - first)
            self._mover.call("get", first, count)
            chunk = np.frombuffer(self._mover.read(0, count * _VALUE), dtype="<u8").reshape(count, 4)
            below = below_r(chunk)
            if not below.all():
                at = first + int(np.argmin(below))
                raise InputError(f"{self._host.place}: wire {at}: expected a value below r, got another")
            words[first : first + count] = chunk
        progress("witness", 1.0, f"{n} wires")
        return words


def _check_interface(module: wasmtime.Module, place: str) -> None:
    """Raise InputError unless the module takes and gives what calculators of circom 2 do."""
    exports = {export.name: export.type for export in module.exports}
    if "getFrLen" in exports and "getPRawPrime" in exports:
        raise InputError(
            f"{place}: expected a calculator of circom 2, got one of circom 1: compile the circuit again"
        )
    for entry in module.imports:
        name = str(entry.name)
        if entry.module != "runtime" or name not in _IMPORTS:
            raise InputError(
                f"{place}: expected a calculator of circom 2, got code that imports "
                f"{shown(f'{entry.module}.{name}')}"
            )
        check_function(place, name, entry.type, _IMPORTS[name], 0)
    for name, parameters, results in _EXPORTS:
        check_function(place, name, exports.get(name), parameters, results)
    for name, parameters, results in _OPTIONAL_EXPORTS:
        if name in exports:
            check_function(place, name, exports[name], parameters, results)


def _name_hash(name: str) -> int:
    """FNV-1a of 64 bits, by which calculators know their signals' names."""
    value = 0xCBF29CE484222325
    for character in name.encode("utf-8", "replace"):
        value = (value ^ character) * 0x100000001B3 % (1 << 64)
    return value
