"""Witnesses by a kernel: the steps of a circuit as flat arrays, which can be saved.

`Circuit.witness` walks through Python objects, a microsecond or three a constraint. A program does the same steps
in compiled code, some 0.15 µs a constraint, and is read from its file in a moment: nobody has to build a circuit
again to prove with its key. Steps whose hints the kernel does not know (see `hints`) cannot be turned into one.

File: a .npz of the arrays below and of the inputs' names; a note of the caller's says what it is for. Nothing depends
on it but whether a proof comes out right: a witness is checked by whoever uses it.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import address
from zkroll.algebra.files import read_regular_file, replace_file
from zkroll.algebra.kernels import witness_kernels as kernels
from zkroll.algebra.kernels.jit import host_backend
from zkroll.circuits.r1cs import hints
from zkroll.circuits.r1cs.circuit import Circuit, Inputs, Signals, Step, element
from zkroll.errors import InputError

Words = NDArray[np.uint64]

_KINDS: Final = {
    hints.xor3: kernels.XOR3, hints.majority: kernels.MAJORITY, hints.chi: kernels.CHI,
    hints.inverse: kernels.INVERSE, hints.same: kernels.SAME,
}  # fmt: skip
_LARGEST: Final = 1 << 31  # bytes of a file
_MONTGOMERY: Final = 1 << 256
_DAMAGE: Final = (
    *(KeyError, TypeError, ValueError, OSError, EOFError, MemoryError, RecursionError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
_ARRAYS: Final = {"steps": 2, "starts": 1, "entries": 1, "table": 2, "order": 1}


@dataclass(frozen=True, eq=False)
class WitnessProgram:
    """steps: (n, COLUMNS) int64, see `witness_kernels`; starts: where each sum's entries begin; entries: wire and
    2^32 times a row of the table; table: (coefficients, 4) words of c·2^256 mod r; order: the value that each wire
    of the R1CS is; inputs: the values of each input; note: what the program is for."""

    steps: NDArray[np.int64]
    starts: NDArray[np.int64]
    entries: Words
    table: Words
    order: NDArray[np.int64]
    inputs: Signals
    n_values: int
    note: Mapping[str, Any]

    def run(self, inputs: Inputs) -> Words:
        """Return the value of each wire, (wires, 4) canonical words, as `Circuit.witness` does.

        Raises InputError for missing, unknown or malformed inputs.
        """
        values = np.zeros((self.n_values, kernels.WORDS), dtype=np.uint64)
        values[0, 0] = 1
        self._place(values, inputs)
        scratch = np.zeros((kernels.SCRATCH_ROWS, kernels.WORDS), dtype=np.uint64)
        squared = _words([_MONTGOMERY * _MONTGOMERY % R_MODULUS])
        kernels.witness_kernels(host_backend()).steps(
            values,
            address(values),
            scratch,
            address(scratch),
            address(squared),
            address(self.table),
            address(self.entries),
            self.starts,
            self.steps,
            0,
            len(self.steps),
        )
        return values[self.order]

    def _place(self, values: Words, inputs: Inputs) -> None:
        for name in inputs:
            if name not in self.inputs:
                raise InputError(f"inputs: expected {', '.join(self.inputs) or 'none'}, got {name!r:.80}")
        wires: list[int] = []
        given: list[int] = []
        for name, places in self.inputs.items():
            if name not in inputs:
                raise InputError(f"input {name}: expected a value, got none")
            value = inputs[name]
            if isinstance(places, int):
                wires.append(places)
                given.append(element(name, value))
                continue
            if isinstance(value, (int, str, bytes)) or len(value) != len(places):
                got = len(value) if isinstance(value, Sequence) else type(value).__name__
                raise InputError(f"input {name}: expected {len(places)} values, got {got}")
            wires += places
            given += [element(f"{name}[{i}]", part) for i, part in enumerate(value)]
        if wires:
            values[np.array(wires)] = _words(given)

    def save(self, path: Path | str) -> None:
        """Write the program. Raises InputError when the file cannot be written."""
        head = json.dumps({"inputs": self.inputs, "n_values": self.n_values, "note": dict(self.note)})
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        with replace_file(path) as file:
            np.savez(file, head=np.frombuffer(head.encode(), dtype=np.uint8), **arrays)

    @staticmethod
    def load(path: Path | str) -> WitnessProgram:
        """Read a program; raises InputError for a file that is not one, or one whose numbers do not fit."""
        content = read_regular_file(path, _LARGEST)
        try:
            if not content.startswith(b"PK"):
                raise ValueError("expected an archive of arrays")
            with np.load(io.BytesIO(content), allow_pickle=False) as found:
                head = json.loads(found["head"].tobytes())
                arrays = {name: np.ascontiguousarray(found[name]) for name in _ARRAYS}
            program = WitnessProgram(
                **arrays, inputs=dict(head["inputs"]), n_values=int(head["n_values"]), note=dict(head["note"])
            )
            program._check()
        except _DAMAGE as error:
            raise InputError(f"{path}: not a witness program: {error}") from error
        return program

    def _check(self) -> None:
        """Raise ValueError unless every index stays inside its array: the kernel does not look."""
        for name, dimensions in _ARRAYS.items():
            array = getattr(self, name)
            expected = np.uint64 if name in ("entries", "table") else np.int64
            if array.ndim != dimensions or array.dtype != expected:
                raise ValueError(f"{name}: expected {dimensions} dimensions of {np.dtype(expected)}")
        steps, starts, entries = self.steps, self.starts, self.entries
        if (
            steps.shape[1] != kernels.COLUMNS
            or self.table.shape[1] != kernels.WORDS
            or not 0 < self.n_values < 1 << 32
        ):
            raise ValueError("expected other numbers of columns")
        if len(starts) == 0 or starts[0] != 0 or starts[-1] != len(entries) or (np.diff(starts) < 0).any():
            raise ValueError("starts: expected to rise from 0 to the entries")
        wires, codes = entries & np.uint64(0xFFFFFFFF), entries >> np.uint64(32)
        count = np.where(steps[:, 0] == kernels.BITS, steps[:, 2], 1)
        listed = [
            wire for wires in self.inputs.values() for wire in (wires if isinstance(wires, list) else [wires])
        ]
        fits = (
            (len(entries) == 0 or (int(wires.max()) < self.n_values and int(codes.max()) < len(self.table)))
            and _within(steps[:, 0], kernels.SAME + 1)
            and _within(steps[:, 3:], len(starts) - 1)
            and _within(count, 257)
            and _within(steps[:, 1], self.n_values)
            and _within(steps[:, 1] + count, self.n_values + 1)
            and _within(self.order, self.n_values)
            and all(isinstance(wire, int) and 0 <= wire < self.n_values for wire in listed)
        )
        if not fits:
            raise ValueError("an index lies outside its array")


def witness_program(circuit: Circuit, note: Mapping[str, Any] | None = None) -> WitnessProgram:
    """Return the program of a circuit. Raises InputError for a hint that the kernel does not know."""
    sums: dict[int, int] = {}
    kept: list[tuple[tuple[int, int], ...]] = [()]
    codes: dict[int, int] = {}
    entries: list[int] = []
    starts = [0, 0]
    rows: list[tuple[int, int, int, int, int, int]] = []

    def number(terms: tuple[tuple[int, int], ...]) -> int:
        if not terms:
            return 0
        found = sums.get(id(terms))
        if found is None:
            for wire, coefficient in terms:
                code = codes.setdefault(coefficient, len(codes))
                entries.append(wire | code << 32)
            starts.append(len(entries))
            kept.append(terms)  # holds it, so that its id stays its own
            found = sums[id(terms)] = len(starts) - 2
        return found

    for step in circuit.steps:
        rows.append(_row(step, number))
    table = _words([coefficient * _MONTGOMERY % R_MODULUS for coefficient in codes] or [0])
    return WitnessProgram(
        steps=np.array(rows, dtype=np.int64).reshape(-1, kernels.COLUMNS),
        starts=np.array(starts, dtype=np.int64),
        entries=np.array(entries, dtype=np.uint64),
        table=table,
        order=np.array(circuit.order, dtype=np.int64),
        inputs=circuit.input_signals,
        n_values=circuit.n_values,
        note=note or {},
    )


def _row(step: Step, number: Any) -> tuple[int, int, int, int, int, int]:
    first, count, a, b, c = step
    if count is None:
        if a is b:
            return kernels.SQUARE, first, 1, number(a), 0, number(c)
        return kernels.PRODUCT, first, 1, number(a), number(b), number(c)
    if isinstance(a, hints.Bits) and a.n == count:
        return kernels.BITS, first, count, number(b[0]), 0, 0
    kind = _KINDS.get(a)
    if kind is None or count >= 0:
        raise InputError(f"witness program: expected a known hint for value {first}, got {a!r:.80}")
    read = [*map(number, b), 0, 0][:3]
    return kind, first, 1, read[0], read[1], read[2]


def _within(numbers: NDArray[Any], limit: int) -> bool:
    return numbers.size == 0 or (int(numbers.min()) >= 0 and int(numbers.max()) < limit)


def _words(values: Sequence[int]) -> Words:
    data = b"".join(value.to_bytes(32, "little") for value in values)
    return np.frombuffer(data, dtype="<u8").astype(np.uint64).reshape(-1, kernels.WORDS)
