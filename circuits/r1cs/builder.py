"""Build rank-1 constraint systems from Python: signals, linear combinations, constraints, hints and scopes.

>>> def multiplier(c: Builder) -> None:
...     a, b = c.private_input("a"), c.private_input("b")
...     c.output("product", a * b)
>>> circuit = compile_circuit(multiplier)
>>> circuit.r1cs.n_constraints, circuit.outputs(circuit.witness({"a": 6, "b": 7}))
(1, {'product': 42})
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.r1cs.linear import LinearCombination, Operand, Terms, accumulate, check_constant, scaled
from zkroll.errors import InputError

if TYPE_CHECKING:
    from zkroll.circuits.r1cs.circuit import Circuit

Hint = Callable[..., Sequence[int]]
OneHint = Callable[..., int]

_FORBIDDEN = frozenset(",\n\r\t/")


class Builder:
    """A circuit under construction. Wires are numbered as they are made; `compile` puts them in circom's order.

    A name within a scope is "scope/inner/name". The witness follows the order of construction: `product`
    computes its wire from earlier ones, `hint` calls a function with the values of earlier combinations.
    """

    def __init__(self) -> None:
        self.one = LinearCombination(self, {0: 1})
        self.scope_name = ""
        self.wire_scopes: list[str] = [""]
        self.wire_names: list[str | None] = ["one"]
        self.public_inputs_made: dict[str, list[int] | int] = {}
        self.private_inputs_made: dict[str, list[int] | int] = {}
        self.outputs_made: dict[str, list[int] | int] = {}
        self.constraints: list[tuple[Terms, Terms, Terms]] = []
        self.constraint_names: list[tuple[str, str]] = []
        self.steps: list[tuple[object, ...]] = []
        self._inputs: set[int] = set()
        self._outputs: set[int] = set()
        self._scopes: dict[str, int] = {}

    # ---- signals -------------------------------------------------------------------------------------------

    def public_input(self, name: str) -> LinearCombination:
        """Return a new public input."""
        return self._input(self.public_inputs_made, name, None)[0]

    def public_inputs(self, name: str, n: int) -> list[LinearCombination]:
        """Return an array of n public inputs."""
        return self._input(self.public_inputs_made, name, n)

    def private_input(self, name: str) -> LinearCombination:
        """Return a new private input. Nothing is known of its value but what constraints say."""
        return self._input(self.private_inputs_made, name, None)[0]

    def private_inputs(self, name: str, n: int) -> list[LinearCombination]:
        """Return an array of n private inputs."""
        return self._input(self.private_inputs_made, name, n)

    def output(self, name: str, value: Operand) -> None:
        """Make a value a public output.

        The wire of a product or hint becomes the output itself; any other combination costs a constraint.
        """
        self.outputs_made[self._new_signal(name)] = self._output(name, value)

    def outputs(self, name: str, values: Sequence[Operand]) -> None:
        """Make an array of values public outputs."""
        self.outputs_made[self._new_signal(name)] = [
            self._output(f"{name}[{i}]", value) for i, value in enumerate(values)
        ]

    def constant(self, value: int) -> LinearCombination:
        """Return a constant, taken modulo r."""
        terms: Terms = {}
        accumulate(self, terms, check_constant(value), 1)
        return LinearCombination(self, terms)

    def lift(self, value: Operand) -> LinearCombination:
        """Return a combination as it is, an integer as a constant."""
        if not isinstance(value, LinearCombination):
            return self.constant(value)
        if value.builder is not self:
            raise InputError("LinearCombination: expected wires of one circuit, got wires of two")
        return value

    def sum(self, values: Iterable[Operand], factors: Iterable[int] | None = None) -> LinearCombination:
        """Return Σ factor·value (factors default to 1), in one pass."""
        terms: Terms = {}
        if factors is None:
            for value in values:
                accumulate(self, terms, value, 1)
        else:
            for value, factor in zip(values, factors, strict=True):
                accumulate(self, terms, value, check_constant(factor))
        return LinearCombination(self, terms)

    # ---- constraints ---------------------------------------------------------------------------------------

    def product(
        self, a: Operand, b: Operand, plus: Operand = 0, name: str | None = None
    ) -> LinearCombination:
        """Return a·b + plus: a new wire w with the constraint a·b = w - plus; folded where a or b is constant."""
        left, right, rest = self.lift(a), self.lift(b), self.lift(plus)
        for factor, value in ((left.constant, right), (right.constant, left)):
            if factor is not None:
                return scaled(value, factor) + rest
        out = self._wire(name)
        self.steps.append((out.terms, left.terms, right.terms, rest.terms))
        self._append(left, right, out - rest if rest.terms else out, name or "product")
        return out

    def constrain(self, a: Operand, b: Operand, c: Operand, name: str = "constraint") -> None:
        """Demand a·b = c. Raises InputError for constants that can never satisfy it."""
        left, right, result = self.lift(a), self.lift(b), self.lift(c)
        x, y, z = left.constant, right.constant, result.constant
        if z is not None and ((x is not None and y is not None) or 0 in (x, y)):
            if ((x or 0) * (y or 0) - z) % R_MODULUS:
                raise InputError(
                    f"constraint {self._full(name)}: expected a product of constants that is {z}, got {x}·{y}"
                )
            return
        self._append(left, right, result, name)

    def assert_equal(self, a: Operand, b: Operand, name: str = "equal") -> None:
        """Demand a = b, by the constraint a·1 = b."""
        self.constrain(a, 1, b, name)

    def assert_zero(self, a: Operand, name: str = "zero") -> None:
        """Demand a = 0."""
        self.constrain(a, 1, 0, name)

    # ---- hints ---------------------------------------------------------------------------------------------

    def hint(
        self, function: Hint, inputs: Sequence[Operand], n: int, name: str = "hint"
    ) -> list[LinearCombination]:
        """Return n new wires, whose values are `function` of the inputs' values (in [0, r)).

        The function returns n integers, taken modulo r, and must do so for any integers from 0. Nothing
        constrains these wires but what the caller adds.
        """
        read = tuple(self.lift(value).terms for value in inputs)
        outs = [self._wire(f"{name}[{i}]") for i in range(n)]
        first = len(self.wire_names) - n
        self.steps.append((first, n, function, read))
        return outs

    def hint_one(self, function: OneHint, inputs: Sequence[Operand], name: str = "hint") -> LinearCombination:
        """Return one new wire, whose value is `function` of the inputs' values: an integer, taken modulo r."""
        read = tuple(self.lift(value).terms for value in inputs)
        out = self._wire(name)
        self.steps.append((len(self.wire_names) - 1, None, function, read))
        return out

    # ---- scopes --------------------------------------------------------------------------------------------

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Put `name/` before the names made within. A name used again gets a number: name#2."""
        outer = self.scope_name
        full = f"{outer}/{name}" if outer else name
        self._scopes[full] = count = self._scopes.get(full, 0) + 1
        self.scope_name = full if count == 1 else f"{full}#{count}"
        try:
            yield
        finally:
            self.scope_name = outer

    # ---- compilation ---------------------------------------------------------------------------------------

    def compile(self) -> Circuit:
        """Return the circuit.

        Raises InputError when a wire of a hint or an output is in no constraint, as it could have any value.
        """
        from zkroll.circuits.r1cs.circuit import Circuit

        with without_collection():
            return Circuit(self)

    def _input(self, kind: dict[str, list[int] | int], name: str, n: int | None) -> list[LinearCombination]:
        full = self._new_signal(name)
        if n is not None and n < 0:
            raise InputError(f"input {full}: expected a length of at least 0, got {n}")
        made = [self._wire(name if n is None else f"{name}[{i}]") for i in range(1 if n is None else n)]
        wires = [next(iter(value.terms)) for value in made]
        self._inputs.update(wires)
        kind[full] = wires if n is not None else wires[0]
        return made

    def _output(self, name: str, value: Operand) -> int:
        held = self.lift(value)
        wire = held.wire
        if wire is None or wire in self._inputs or wire in self._outputs:
            out = self._wire(name)
            self.steps.append((out.terms, held.terms, {0: 1}, {}))
            self._append(held, self.one, out, f"output {name}")
            wire = next(iter(out.terms))
        self._outputs.add(wire)
        self.wire_scopes[wire], self.wire_names[wire] = self.scope_name, name
        return wire

    def _new_signal(self, name: str) -> str:
        full = self._full(name)
        if not name or _FORBIDDEN.intersection(name):
            raise InputError(f"signal: expected a name without commas, slashes and controls, got {name!r}")
        if full in self.public_inputs_made or full in self.private_inputs_made or full in self.outputs_made:
            raise InputError(f"signal: expected names that are used once, got {full} twice")
        return full

    def _wire(self, name: str | None) -> LinearCombination:
        wire = len(self.wire_names)
        self.wire_scopes.append(self.scope_name)
        self.wire_names.append(name)
        return LinearCombination(self, {wire: 1})

    def _append(self, a: LinearCombination, b: LinearCombination, c: LinearCombination, name: str) -> None:
        self.constraints.append((a.terms, b.terms, c.terms))
        self.constraint_names.append((self.scope_name, name))

    def _full(self, name: str) -> str:
        return f"{self.scope_name}/{name}" if self.scope_name else name


def compile_circuit(define: Callable[[Builder], object]) -> Circuit:
    """Return the circuit that a function defines on a new builder."""
    builder = Builder()
    with without_collection():
        define(builder)
        return builder.compile()


@contextmanager
def without_collection() -> Iterator[None]:
    """Pause the search for cycles of garbage: builders make millions of objects and no cycles, at half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
