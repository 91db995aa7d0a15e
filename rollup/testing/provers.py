"""Provers for tests: of circuits of the builder, and of circom's files.

A prover computes witnesses, checks them and makes proofs. `witness` may give values that break the circuit and
`prove_anyway` makes a proof of them, as a dishonest prover would: verifiers have to refuse it.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.circuit import Circuit, Inputs
from zkroll.errors import ConstraintViolation, InputError, UnprovableError
from zkroll.prover.groth16 import ProvingKey, open_proving_key, prove_zk, setup_insecure
from zkroll.verifier.groth16 import Proof, VerifyingKey

if TYPE_CHECKING:
    from zkroll.circuits.r1cs.system import R1CS
    from zkroll.circuits.r1cs.witness_calculator import WitnessCalculator

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)|0x[0-9a-fA-F]+", re.ASCII)
_MOST_DIGITS = 80
_SEED = b"zkroll tests: INSECURE"

#: an expected value: a number (in a string of digits too, as circom's users have them), or those of an array
Expected = int | str | Sequence["Expected"]


@dataclass(frozen=True)
class Proven:
    """A proof and the public values it is for: what a verifier is asked about."""

    proof: Proof
    public: tuple[int, ...]


@dataclass(frozen=True)
class CircomFiles:
    """The files of a circom circuit: its proving key, and what there is of the others.

    wasm: computes witnesses; without it inputs are .wtns files. r1cs: names the constraint that a witness
    breaks. sym: names the signals, for `outputs` and `tamper`.
    """

    zkey: Path | str
    wasm: Path | str | None = None
    r1cs: Path | str | None = None
    sym: Path | str | None = None

    def state(self) -> list[tuple[int, int] | None]:
        """Size and time of change of each file that there is: other ones stand for other content."""
        found: list[tuple[int, int] | None] = []
        for path in (self.zkey, self.wasm, self.r1cs, self.sym):
            try:
                entry = None if path is None else os.stat(path)
            except OSError:  # said where the file is read
                entry = None
            found.append(None if entry is None else (entry.st_size, entry.st_mtime_ns))
        return found


class Prover(ABC):
    """Proves for one circuit. name: what messages call it."""

    name: str

    @cached_property
    @abstractmethod
    def key(self) -> ProvingKey:
        """The proving key."""

    @property
    def verifying_key(self) -> VerifyingKey:
        """The key of its verifiers."""
        return self.key.vk

    @abstractmethod
    def witness(self, inputs: Any, tamper: Mapping[str, int] | None = None) -> FrVector:
        """The value of each wire for these inputs, with the wires named in `tamper` at other values.

        It may break constraints. Raises ConstraintViolation where the computation itself finds the inputs
        unfit, and InputError for inputs that are not those of the circuit and for unknown wires.
        """

    @abstractmethod
    def check(self, witness: FrVector) -> None:
        """Raise ConstraintViolation unless the witness satisfies the circuit."""

    @abstractmethod
    def public_names(self) -> list[str]:
        """The names of the public values in their order, elements of arrays as name[index]."""

    def public(self, witness: FrVector) -> tuple[int, ...]:
        """The public values in a witness: outputs, then public inputs."""
        return tuple(witness[1 : 1 + self.key.n_public].to_ints())

    def prove(self, inputs: Any) -> Proven:
        """A proof for these inputs. Raises ConstraintViolation when they do not satisfy the circuit."""
        witness = self.witness(inputs)
        self.check(witness)
        return self.prove_anyway(witness)

    def prove_anyway(self, witness: FrVector) -> Proven:
        """A proof made of a witness that has not been checked. Raises InputError for one of another circuit."""
        proof, public = prove_zk(self.key, witness, check=False)
        return Proven(proof, tuple(public))

    def values(self, witness: FrVector, names: Mapping[str, Expected]) -> dict[str, tuple[int, int]]:
        """For each value expected of a public signal its name and (expected, got); arrays are taken apart.

        Raises InputError for names that are not public signals'.
        """
        if not names:
            return {}
        got = dict(zip(self.public_names(), self.public(witness), strict=True))
        found = {}
        for name, value in _flat(names):
            if name not in got:
                raise InputError(
                    f"{name}: expected a public signal of {self.name}: {', '.join(got) or 'none'}"
                )
            found[name] = (value % R_MODULUS, got[name])
        return found


class CircuitProver(Prover):
    """For a circuit of the builder, or the function that defines it, with an INSECURE development key."""

    def __init__(self, circuit: Circuit | Callable[[Builder], object], key: ProvingKey | None = None) -> None:
        """`key`: one that was set up for the circuit, instead of the development key."""
        self.circuit = circuit if isinstance(circuit, Circuit) else compile_circuit(circuit)
        self.name = getattr(circuit, "__name__", "the circuit")
        self._given = key

    @cached_property
    def key(self) -> ProvingKey:
        """The proving key, made when it is first used."""
        return self._given or setup_insecure(self.circuit.r1cs, _SEED)

    def witness(self, inputs: Inputs, tamper: Mapping[str, int] | None = None) -> FrVector:
        """See `Prover.witness`. Wires that depend on tampered ones follow from them."""
        return self.circuit.witness(inputs, tamper)

    def check(self, witness: FrVector) -> None:
        """Raise ConstraintViolation with the name of the constraint that the witness breaks."""
        self.circuit.check(witness)

    def public_names(self) -> list[str]:
        """The names of the public values, in their order."""
        return [self.circuit.wire_name(wire) for wire in range(1, 1 + self.circuit.r1cs.n_public)]


class CircomProver(Prover):
    """For a circom circuit, from its files."""

    def __init__(self, files: CircomFiles) -> None:
        self.files = files
        self.name = Path(files.zkey).name

    @cached_property
    def key(self) -> ProvingKey:
        """The key in the .zkey file, read when it is first used."""
        return open_proving_key(self.files.zkey)

    @cached_property
    def _calculator(self) -> WitnessCalculator:
        from zkroll.circuits.r1cs.witness_calculator import WitnessCalculator

        if self.files.wasm is None:
            raise InputError(f"{self.name}: expected a .wasm file to compute witnesses with, got none")
        return WitnessCalculator(self.files.wasm)

    @cached_property
    def _system(self) -> R1CS | None:
        from zkroll.circuits.r1cs.formats.r1cs import read_r1cs

        return None if self.files.r1cs is None else read_r1cs(self.files.r1cs)

    @cached_property
    def _names(self) -> list[tuple[int, str]]:
        from zkroll.circuits.r1cs.formats.sym import read_sym

        if self.files.sym is None:
            raise InputError(f"{self.name}: expected a .sym file to know signals by name, got none")
        symbols = read_sym(self.files.sym)
        return [(symbol.wire, symbol.name.removeprefix("main.")) for symbol in symbols if symbol.wire >= 0]

    @cached_property
    def _wires(self) -> dict[str, int]:
        return {name: wire for wire, name in self._names}

    def witness(
        self, inputs: Mapping[str, Any] | Path | str, tamper: Mapping[str, int] | None = None
    ) -> FrVector:
        """See `Prover.witness`. Inputs are values by signal, an input.json or a .wtns file.

        Tampered wires are signals of the .sym file; nothing else is computed anew.
        """
        witness = self._witness(inputs)
        if not tamper:
            return witness
        values = witness.to_ints()
        for name, value in tamper.items():
            if name not in self._wires:
                raise InputError(f"{name}: expected a signal in {self.files.sym}")
            values[self._wires[name]] = value % R_MODULUS
        return FrVector.from_ints(values)

    def _witness(self, inputs: Mapping[str, Any] | Path | str) -> FrVector:
        if isinstance(inputs, Mapping):
            return FrVector.from_array(self._calculator.calculate(inputs))
        if Path(inputs).suffix == ".wtns":
            from zkroll.circuits.r1cs.formats.wtns import read_wtns

            return read_wtns(inputs)
        from zkroll.circuits.r1cs.formats.input_json import read_inputs

        return FrVector.from_array(self._calculator.calculate(read_inputs(inputs)))

    def check(self, witness: FrVector) -> None:
        """Raise ConstraintViolation with the constraint that is broken; without an .r1cs file, only that one is."""
        if self._system is not None:
            violation = self._system.first_violation(witness)
            if violation is not None:
                names = None if self.files.sym is None else _first_names(self._names, violation.wires)
                raise ConstraintViolation(violation.describe(names))
            return
        try:
            prove_zk(self.key, witness)
        except UnprovableError as error:
            raise ConstraintViolation(str(error)) from error

    def public_names(self) -> list[str]:
        """The names of the public values in the .sym file, in their order."""
        wires = range(1, 1 + self.key.n_public)
        names = _first_names(self._names, wires)
        return [names.get(wire, f"wire {wire}") for wire in wires]


Provable = Prover | CircomFiles | Circuit | Callable[[Builder], object]


def prover_of(circuit: Provable) -> Prover:
    """The prover of a circuit of the builder, the function that defines one, or circom's files."""
    if isinstance(circuit, Prover):
        return circuit
    if isinstance(circuit, CircomFiles):
        return CircomProver(circuit)
    if isinstance(circuit, Circuit) or callable(circuit):
        return CircuitProver(circuit)
    raise InputError(
        f"circuit: expected a circuit, a function that defines one, or CircomFiles, got {type(circuit).__name__}"
    )


def _first_names(names: Sequence[tuple[int, str]], wires: Any) -> dict[int, str]:
    wanted, found = set(wires), {}
    for wire, name in names:
        if wire in wanted and wire not in found:
            found[wire] = name
    return found


def _flat(names: Mapping[str, Expected]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for name, value in names.items():
        if isinstance(value, int):
            found.append((name, value))
        elif isinstance(value, str):
            found.append((name, _integer(name, value)))
        elif isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
            found += _flat({f"{name}[{i}]": element for i, element in enumerate(value)})
        else:
            raise InputError(f"{name}: expected an integer or an array, got {type(value).__name__}")
    return found


def _integer(name: str, text: str) -> int:
    if len(text) > _MOST_DIGITS or not _NUMBER.fullmatch(text):
        raise InputError(f"{name}: expected an integer, got {text[:_MOST_DIGITS]!r}")
    return int(text, 0)
