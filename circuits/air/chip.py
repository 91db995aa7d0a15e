"""Chips: tables of columns with named constraints and named bus interactions.

A chip subclass states its table once in ``define``; everything else (debug checker, prover, verifier, wrap
circuit) reads the ``Air`` made from it. ``fill`` turns a trace, or the requests that other chips put on a
bus, into columns; it is never needed to verify.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.expr import ONE, Expr, ExprLike, Selector, Stage, column, lift, selector

if TYPE_CHECKING:
    from zkroll.circuits.air.witness import ColumnData, FillContext

MAX_DEGREE: Final = 5


@dataclass(frozen=True)
class Bus:
    """A channel of tuples: everything sent on it must be received, counted with multiplicity.

    ``index`` is the bus's own number in the fingerprint, ``fields`` names the tuple's entries.
    """

    name: str
    index: int
    fields: tuple[str, ...]

    @property
    def arity(self) -> int:
        return len(self.fields)


@dataclass(frozen=True)
class Word:
    """An EVM word in two columns of 128 bits each."""

    hi: Expr
    lo: Expr

    @property
    def next(self) -> Word:
        return Word(self.hi.next, self.lo.next)


@dataclass(frozen=True)
class ColumnSpec:
    """One declared name: a scalar, an array of scalars or a word; ``start`` is its first column."""

    name: str
    stage: Stage
    start: int
    width: int
    kind: str  # "scalar", "array" or "word"


@dataclass(frozen=True)
class Constraint:
    """``expr`` is zero on every row (selectors are part of the expression)."""

    name: str
    expr: Expr


@dataclass(frozen=True)
class Interaction:
    """``multiplicity`` copies of ``values`` put on (``sign`` +1) or taken from (-1) ``bus`` in every row."""

    name: str
    bus: Bus
    values: tuple[Expr, ...]
    multiplicity: Expr
    sign: int


@dataclass(frozen=True)
class Air:
    """What a chip's ``define`` declared, frozen."""

    name: str
    specs: tuple[ColumnSpec, ...]
    column_names: Mapping[Stage, tuple[str, ...]]
    constraints: tuple[Constraint, ...]
    interactions: tuple[Interaction, ...]
    fixed_height: int | None

    def width(self, stage: Stage) -> int:
        """Number of columns of a stage."""
        return len(self.column_names[stage])


class AirBuilder:
    """Collects the columns, constraints and interactions of one chip."""

    def __init__(self, chip_name: str) -> None:
        self.chip_name = chip_name
        self._specs: dict[str, ColumnSpec] = {}
        self._names: dict[Stage, list[str]] = {stage: [] for stage in Stage}
        self._constraints: dict[str, Constraint] = {}
        self._interactions: dict[str, Interaction] = {}

    # columns

    def column(self, name: str, stage: Stage = Stage.MAIN) -> Expr:
        """Declare one column."""
        return self._declare(name, stage, 1, "scalar")[0]

    def columns(self, name: str, width: int, stage: Stage = Stage.MAIN) -> list[Expr]:
        """Declare ``width`` columns ``name[0]``, ``name[1]``, …"""
        return self._declare(name, stage, width, "array")

    def word(self, name: str, stage: Stage = Stage.MAIN) -> Word:
        """Declare an EVM word: columns ``name.hi`` and ``name.lo``. Nothing bounds the halves yet."""
        hi, lo = self._declare(name, stage, 2, "word")
        return Word(hi, lo)

    def bit(self, name: str) -> Expr:
        """Declare a column that is 0 or 1."""
        value = self.column(name)
        self.constrain(f"{name} is a bit", value * (value - 1))
        return value

    def bits(self, name: str, width: int) -> list[Expr]:
        """Declare ``width`` columns that are 0 or 1."""
        values = self.columns(name, width)
        for i, value in enumerate(values):
            self.constrain(f"{name}[{i}] is a bit", value * (value - 1))
        return values

    def _declare(self, name: str, stage: Stage, width: int, kind: str) -> list[Expr]:
        if name in self._specs:
            raise ValueError(f"chip {self.chip_name}: column {name!r} is declared twice")
        names = self._names[stage]
        start = len(names)
        self._specs[name] = ColumnSpec(name, stage, start, width, kind)
        suffixes = {"scalar": [""], "word": [".hi", ".lo"]}.get(kind) or [f"[{i}]" for i in range(width)]
        names.extend(name + suffix for suffix in suffixes)
        return [column(stage, start + i) for i in range(width)]

    # constraints

    def constrain(self, name: str, expr: ExprLike) -> None:
        """``expr`` is zero on every row, the last and the padding included."""
        expr = lift(expr)
        if name in self._constraints:
            raise ValueError(f"chip {self.chip_name}: constraint {name!r} is declared twice")
        if expr.degree > MAX_DEGREE:
            raise ValueError(
                f"chip {self.chip_name}: constraint {name!r} has degree {expr.degree}, at most {MAX_DEGREE} is allowed"
            )
        self._constraints[name] = Constraint(name, expr)

    def first(self, name: str, expr: ExprLike) -> None:
        """``expr`` is zero on the first row."""
        self.constrain(name, selector(Selector.FIRST) * lift(expr))

    def last(self, name: str, expr: ExprLike) -> None:
        """``expr`` is zero on the last row."""
        self.constrain(name, selector(Selector.LAST) * lift(expr))

    def transition(self, name: str, expr: ExprLike) -> None:
        """``expr`` is zero on every row but the last (use it where ``.next`` must not wrap around)."""
        self.constrain(name, selector(Selector.TRANSITION) * lift(expr))

    def zero_in_padding(self, active: ExprLike, but: Sequence[str] = ()) -> None:
        """Every main column declared so far is 0 in rows with ``active`` = 0, except the names in ``but``.

        Nothing rests on such cells; it leaves no cell of a padding row free.
        """
        for index, name in enumerate(self._names[Stage.MAIN]):
            if name not in but:
                self.constrain(f"padding has {name} 0", (1 - lift(active)) * column(Stage.MAIN, index))

    # buses

    def send(self, name: str, bus: Bus, values: Sequence[ExprLike], multiplicity: ExprLike = ONE) -> None:
        """Put ``multiplicity`` copies of ``values`` on ``bus``: a request, or a write."""
        self._interact(name, bus, values, multiplicity, 1)

    def receive(self, name: str, bus: Bus, values: Sequence[ExprLike], multiplicity: ExprLike = ONE) -> None:
        """Take ``multiplicity`` copies of ``values`` from ``bus``: an answer, or a read."""
        self._interact(name, bus, values, multiplicity, -1)

    def _interact(
        self, name: str, bus: Bus, values: Sequence[ExprLike], multiplicity: ExprLike, sign: int
    ) -> None:
        if name in self._interactions:
            raise ValueError(f"chip {self.chip_name}: interaction {name!r} is declared twice")
        if len(values) != bus.arity:
            raise ValueError(
                f"chip {self.chip_name}: interaction {name!r} has {len(values)} values, bus {bus.name} takes {bus.arity}"
            )
        if any(_reads_transition(lift(expr)) for expr in (*values, multiplicity)):
            raise ValueError(
                f"chip {self.chip_name}: interaction {name!r} uses the transition selector, which is only zero or not"
            )
        self._interactions[name] = Interaction(
            name, bus, tuple(lift(v) for v in values), lift(multiplicity), sign
        )

    def build(self, fixed_height: int | None) -> Air:
        """Freeze what was declared."""
        return Air(
            name=self.chip_name,
            specs=tuple(self._specs.values()),
            column_names={stage: tuple(names) for stage, names in self._names.items()},
            constraints=tuple(self._constraints.values()),
            interactions=tuple(self._interactions.values()),
            fixed_height=fixed_height,
        )


def _reads_transition(expr: Expr) -> bool:
    stack, seen = [expr], set()
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.op == "selector" and node.args[0] == Selector.TRANSITION:
            return True
        stack.extend(arg for arg in node.args if isinstance(arg, Expr))
    return False


@dataclass
class Chip(ABC):
    """One table. Subclasses set ``name``, write ``define`` and ``fill``."""

    name: ClassVar[str]
    #: rows of a table with preprocessed columns; None where the trace decides
    fixed_height: ClassVar[int | None] = None
    #: columns that the debug checker prints beside a violation (pc, opcode, …)
    context_columns: ClassVar[tuple[str, ...]] = ()

    _cache: dict[str, object] = field(default_factory=dict, init=False, repr=False, compare=False)

    @abstractmethod
    def define(self, b: AirBuilder) -> None:
        """Declare columns, constraints and interactions."""

    def preprocessed(self) -> Mapping[str, ColumnData]:
        """The preprocessed columns of a chip with a fixed height."""
        return {}

    @abstractmethod
    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        """The main columns by declared name, all of one length; None (or no rows) leaves the chip out.

        Rows missing to the chip's height are filled with zeros, so an all-zero row must satisfy every
        constraint and have zero multiplicities (or the chip returns its own padding).
        """

    @cached_property
    def air(self) -> Air:
        """The frozen declaration."""
        builder = AirBuilder(self.name)
        self.define(builder)
        return builder.build(self.fixed_height)


U64Array = NDArray[np.uint64]
