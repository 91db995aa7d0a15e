"""A compiled circuit: its constraint system, the names of its signals, and the computation of witnesses.

Witnesses are computed with Python integers, step by step: about 1 µs a constraint between bits, 3 µs where
combinations are long and values large (a Poseidon of two inputs takes 0.8 ms, Keccak-256 of a block 70 ms).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.formats.sym import Symbol
from zkroll.circuits.r1cs.linear import Terms
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.circuits.r1cs.system import R1CS, Violation
from zkroll.errors import ConstraintViolation, InputError

if TYPE_CHECKING:
    from zkroll.circuits.r1cs.builder import Builder

Inputs = Mapping[str, int | Sequence[int]]
Signals = dict[str, list[int] | int]


class Circuit:
    """What `Builder.compile` makes. `r1cs` has circom's order: one, outputs, public inputs, private ones, the rest."""

    r1cs: R1CS

    def __init__(self, builder: Builder):
        self._constraint_names = list(builder.constraint_names)
        groups = [builder.outputs_made, builder.public_inputs_made, builder.private_inputs_made]
        parts = [list(_wires_of(group)) for group in groups]
        self._output_signals, self._public_signals, self._private_signals = (dict(group) for group in groups)
        named = [0, *(wire for part in parts for wire in part)]
        n = len(builder.wire_names)
        rest = np.ones(n, dtype=np.bool_)
        rest[named] = False
        order = np.concatenate([np.array(named, dtype=np.int64), np.flatnonzero(rest)])
        places = np.empty(n, dtype=np.uint32)
        places[order] = np.arange(n, dtype=np.uint32)
        self._order: list[int] = order.tolist()
        self._places = places
        self._wire_scopes, self._wire_names = list(builder.wire_scopes), list(builder.wire_names)
        self._steps, self._n_values = _program(builder.steps, n)
        rows = _Rows(builder.constraints)
        matrices = [rows.matrix(k, places) for k in range(3)]
        self.r1cs = R1CS(
            n_wires=n,
            n_outputs=len(parts[0]),
            n_public_inputs=len(parts[1]),
            n_private_inputs=len(parts[2]),
            A=matrices[0],
            B=matrices[1],
            C=matrices[2],
            n_labels=n,
            labels=np.arange(n, dtype=np.uint64),
        )
        self._refuse_loose_wires()

    def __repr__(self) -> str:
        return f"Circuit of {self.r1cs.n_constraints} constraints, {self.r1cs.n_wires} wires"

    # ---- witnesses -----------------------------------------------------------------------------------------

    def witness(self, inputs: Inputs, overrides: Mapping[str, int] | None = None) -> FrVector:
        """Return the value of each wire, in the order of `r1cs`. It may break constraints: see `check`.

        inputs: the value in [0, r) of each input, a sequence for an array. overrides: values for wires by
        name, instead of what the circuit computes; later wires follow from them. Raises InputError for
        missing, unknown or malformed inputs and unknown wires.
        """
        values = self._start(inputs)
        forced: dict[int, int] = {}
        for name, value in (overrides or {}).items():
            forced[self._order[self.wire(name)]] = value % R_MODULUS
        self._run(values, forced)
        return FrVector.from_ints([values[wire] for wire in self._order])

    def witnesses(self, many: Iterable[Inputs]) -> Iterator[FrVector]:
        """Give the witness of each set of inputs."""
        for inputs in many:
            yield self.witness(inputs)

    def first_violation(self, witness: FrVector) -> Violation | None:
        """Return the first constraint that the witness breaks, or None."""
        return self.r1cs.first_violation(witness)

    def check(self, witness: FrVector) -> None:
        """Raise ConstraintViolation unless the witness satisfies all constraints.

        The line has the constraint's name, its linear combinations with the names of their wires, and values.
        """
        violation = self.first_violation(witness)
        if violation is not None:
            name = self.constraint_name(violation.constraint) if violation.constraint >= 0 else "one"
            names = {wire: self.wire_name(wire) for wire in violation.wires}
            raise ConstraintViolation(f"{name}: {violation.describe(names)}")

    def outputs(self, witness: FrVector) -> dict[str, int | list[int]]:
        """Return the outputs in a witness by name."""
        return self._by_name(self._output_signals, witness)

    def public_values(self, witness: FrVector) -> list[int]:
        """Return the values of the public signals: outputs, then public inputs, in the order of a verifier."""
        return witness[1 : 1 + self.r1cs.n_public].to_ints()

    # ---- for programs --------------------------------------------------------------------------------------

    @property
    def steps(self) -> Sequence[Step]:
        """What computes the witness, in order; see `_program`."""
        return self._steps

    @property
    def n_values(self) -> int:
        """How many values the steps work on: those of the wires, then combinations that several steps use."""
        return self._n_values

    @property
    def order(self) -> Sequence[int]:
        """The value that each wire of `r1cs` is."""
        return self._order

    @property
    def input_signals(self) -> Signals:
        """The values of each input by name, public ones first."""
        return {**self._public_signals, **self._private_signals}

    # ---- names ---------------------------------------------------------------------------------------------

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, public ones first."""
        return [*self._public_signals, *self._private_signals]

    def constraint_name(self, i: int) -> str:
        """The name of constraint i, scopes first."""
        scope, name = self._constraint_names[i]
        return f"{scope}/{name}" if scope else name

    def wire_name(self, wire: int) -> str:
        """The name of a wire of `r1cs`, scopes first; one without a name is wire#number."""
        made = self._order[wire]
        scope, name = self._wire_scopes[made], self._wire_names[made] or f"wire#{made}"
        return f"{scope}/{name}" if scope else name

    def wire(self, name: str) -> int:
        """Return the wire of `r1cs` with a name. Raises InputError when none or several have it."""
        found = self._wires_by_name.get(name, [])
        if len(found) != 1:
            raise InputError(f"wire {name!r:.80}: expected one with that name, got {len(found)}")
        return found[0]

    def symbols(self) -> Iterator[Symbol]:
        """Give the lines of a .sym file, for `formats.sym.write_sym`."""
        for wire in range(1, self.r1cs.n_wires):
            yield Symbol(wire, wire, 0, "main." + self.wire_name(wire).replace("/", "."))

    @cached_property
    def _wires_by_name(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for wire in range(self.r1cs.n_wires):
            found.setdefault(self.wire_name(wire), []).append(wire)
        return found

    # ---- other witnesses -----------------------------------------------------------------------------------

    def hint_steps(self) -> Iterator[int]:
        """Give the numbers of the steps that are hints."""
        return (i for i, step in enumerate(self._steps) if step[1] is not None)

    def other_witnesses(self, inputs: Inputs, step: int, rng: random.Random) -> Iterator[FrVector]:
        """Give witnesses in which a hint has other values, and all later steps follow from them.

        The values: the hint's own for inputs that are r more, its own negated, and random ones. Where a hint
        raises an error on such values there is no witness.
        """
        first, count, function, read, _ = self._steps[step]
        if count is None:
            return
        base = self._start(inputs)
        self._run(base, {}, 0, step)
        given = [_value(terms, base) % R_MODULUS for terms in read]
        n = abs(count)
        own = _answer(function, given, count)
        more = _answer_or_none(function, [value + R_MODULUS for value in given], count)
        for answer in (more, [-value for value in own], [rng.randrange(R_MODULUS) for _ in range(n)]):
            if answer is None or len(answer) != n:
                continue
            values = list(base)
            values[first : first + n] = [value % R_MODULUS for value in answer]
            if self._runs(values, step + 1):
                yield FrVector.from_ints([values[wire] for wire in self._order])

    # ---- inside --------------------------------------------------------------------------------------------

    def _start(self, inputs: Inputs) -> list[int]:
        values = [0] * self._n_values
        values[0] = 1
        signals = self.input_signals
        for name in inputs:
            if name not in signals:
                raise InputError(f"inputs: expected {', '.join(signals) or 'none'}, got {name!r:.80}")
        for name, wires in signals.items():
            if name not in inputs:
                raise InputError(f"input {name}: expected a value, got none")
            given = inputs[name]
            if isinstance(wires, int):
                values[wires] = element(name, given)
                continue
            if isinstance(given, (int, str, bytes)) or len(given) != len(wires):
                got = len(given) if isinstance(given, Sequence) else type(given).__name__
                raise InputError(f"input {name}: expected {len(wires)} values, got {got}")
            for i, (wire, value) in enumerate(zip(wires, given, strict=True)):
                values[wire] = element(f"{name}[{i}]", value)
        return values

    def _run(
        self, values: list[int], forced: Mapping[int, int], start: int = 0, stop: int | None = None
    ) -> None:
        """Compute the wires of steps start..stop in place; `forced` wires have the values given."""
        for wire, value in forced.items():
            values[wire] = value
        for first, count, a, b, c in self._steps[start:stop]:
            if count is None:
                if b is a:
                    x = _value(a, values)
                    values[first] = (x * x + _value(c, values)) % R_MODULUS
                else:
                    values[first] = (_value(a, values) * _value(b, values) + _value(c, values)) % R_MODULUS
            elif count < 0:
                values[first] = a(*[_value(terms, values) % R_MODULUS for terms in b]) % R_MODULUS
            else:
                results = a(*[_value(terms, values) % R_MODULUS for terms in b])
                if len(results) != count:
                    raise InputError(
                        f"hint {self.wire_name(int(self._places[first]))}: "
                        f"expected {count} values, got {len(results)}"
                    )
                values[first : first + count] = [value % R_MODULUS for value in results]
            if forced:
                for wire in range(first, first + max(count or 1, 1)):
                    if wire in forced:
                        values[wire] = forced[wire]

    def _runs(self, values: list[int], start: int) -> bool:
        """Whether the steps from `start` on run on values that no honest prover has."""
        try:
            self._run(values, {}, start)
        except Exception:
            return False
        return True

    def _by_name(self, signals: Signals, witness: FrVector) -> dict[str, int | list[int]]:
        if len(witness) != self.r1cs.n_wires:
            raise InputError(f"witness: expected {self.r1cs.n_wires} values, got {len(witness)}")
        place = self._places
        return {
            name: witness[int(place[wires])]
            if isinstance(wires, int)
            else [witness[int(place[wire])] for wire in wires]
            for name, wires in signals.items()
        }

    def _refuse_loose_wires(self) -> None:
        used = np.zeros(self.r1cs.n_wires, dtype=np.bool_)
        for matrix in self.r1cs.matrices:
            used[matrix.wires] = True
        inputs = slice(1 + self.r1cs.n_outputs, 1 + self.r1cs.n_public + self.r1cs.n_private_inputs)
        used[0], used[inputs] = True, True
        if not used.all():
            loose = int(np.argmin(used))
            raise InputError(f"wire {self.wire_name(loose)}: expected a constraint that uses it, got none")


Step = tuple[int, int | None, Any, Any, Any]
_SHORT = 4  # terms: longer combinations that are used again are evaluated once


def _program(made: list[tuple[Any, ...]], n_wires: int) -> tuple[list[Step], int]:
    """The builder's steps with combinations as tuples of terms, and the number of values they work on.

    A product: (wire, None, a, b, plus). Hints: (wire, count or -1, function, inputs, None). A value beyond the
    wires is a combination that several steps use: (value, None, terms, one, ()).
    """
    steps: list[Step] = []
    uses = Counter(
        id(terms)
        for step in made
        for terms in (
            step[3] if not isinstance(step[0], dict) else step[1:2] if step[1] is step[2] else step[1:]
        )
        if len(terms) > _SHORT
    )
    slots: dict[int, tuple[tuple[int, int], ...]] = {}

    def prepared(terms: Terms) -> tuple[tuple[int, int], ...]:
        if len(terms) <= _SHORT or uses[id(terms)] < 2:
            return tuple(terms.items())
        if id(terms) not in slots:
            slot = n_wires + len(slots)
            steps.append((slot, None, tuple(terms.items()), ((0, 1),), ()))
            slots[id(terms)] = ((slot, 1),)
        return slots[id(terms)]

    for step in made:
        if isinstance(step[0], dict):
            out, a, b, rest = step
            left = prepared(a)
            steps.append((next(iter(out)), None, left, left if b is a else prepared(b), prepared(rest)))
        else:
            first, count, function, read = step
            terms = tuple(prepared(t) for t in read)
            steps.append((first, -1 if count is None else count, function, terms, None))
    return steps, n_wires + len(slots)


def _value(terms: tuple[tuple[int, int], ...], values: list[int]) -> int:
    """Σ coefficient·value, not reduced."""
    total = 0
    for wire, coefficient in terms:
        total += coefficient * values[wire]
    return total


def _answer(function: Any, inputs: Sequence[int], count: int) -> list[int]:
    """What a hint says, as a list."""
    return [function(*inputs)] if count < 0 else list(function(*inputs))


def _answer_or_none(function: Any, inputs: Sequence[int], count: int) -> list[int] | None:
    """What a hint says, or None where it raises an error."""
    try:
        return _answer(function, inputs, count)
    except Exception:
        return None


class _Codes(dict[int, int]):
    """Coefficients by number, in the order in which they are met."""

    def __missing__(self, value: int) -> int:
        self[value] = code = len(self)
        return code


class _Rows:
    """Combinations as flat arrays, each once: most stand in several constraints, long ones in three."""

    def __init__(self, constraints: Sequence[tuple[Terms, ...]]):
        self._constraints = constraints
        distinct = {id(terms): terms for row in constraints for terms in row}
        self._numbers = {key: number for number, key in enumerate(distinct)}
        rows = list(distinct.values())
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        self._starts = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(lengths, out=self._starts[1:])
        count = int(self._starts[-1])
        self._wires = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=count)
        codes = _Codes()
        values = chain.from_iterable(map(dict.values, rows))
        self._codes = np.fromiter(map(codes.__getitem__, values), dtype=np.int64, count=count)
        data = b"".join([(value % R_MODULUS).to_bytes(32, "little") for value in codes])
        self._table = np.frombuffer(data, dtype="<u8").astype(np.uint64).reshape(-1, 4)

    def matrix(self, k: int, places: np.ndarray[Any, np.dtype[np.uint32]]) -> SparseMatrix:
        """The matrix A, B or C (k = 0, 1, 2), with wires numbered anew."""
        numbers = self._numbers
        chosen = np.fromiter(
            (numbers[id(row[k])] for row in self._constraints), dtype=np.int64, count=len(self._constraints)
        )
        lengths = self._starts[chosen + 1] - self._starts[chosen]
        starts = np.zeros(len(chosen) + 1, dtype=np.int64)
        np.cumsum(lengths, out=starts[1:])
        terms = np.arange(int(starts[-1])) + np.repeat(self._starts[chosen] - starts[:-1], lengths)
        return SparseMatrix(starts, places[self._wires[terms]], self._table[self._codes[terms]])


def _wires_of(signals: Signals) -> Iterator[int]:
    for wires in signals.values():
        if isinstance(wires, int):
            yield wires
        else:
            yield from wires


def element(name: str, value: Any) -> int:
    """Return the value of an input if it is an integer in [0, r). Raises InputError."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < R_MODULUS:
        raise InputError(f"input {name}: expected an integer in [0, r), got {value!r:.80}")
    return value
