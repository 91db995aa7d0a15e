"""Witness columns: normalisation of what chips fill in, and the requests that chips put on buses.

Chips are filled in machine order. A chip that serves a bus asks for the tuples that the chips filled before
it have sent there (``FillContext.requests``); no chip keeps a list of its callers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import fr
from zkroll.algebra.program import run
from zkroll.circuits.air.chip import Air, Bus, Chip, ColumnSpec
from zkroll.circuits.air.expr import Expr, Stage
from zkroll.circuits.air.lower import column_order, compile_program
from zkroll.errors import ProvingError, UnprovableError

Array: TypeAlias = NDArray[Any]
#: a scalar column: (rows,) integers or (rows, k) uint64 limbs; an array of columns: (rows, width) integers or
#: a list of scalar columns; a word: (rows, 4) uint64 limbs, least significant first
ColumnData: TypeAlias = Array | Sequence[Array]

MIN_HEIGHT = 8


def split_columns(chip: str, spec: ColumnSpec, data: ColumnData) -> list[Array]:
    """The arrays of each column of a declared name: (rows,) integers or (rows, k) limbs."""
    where = f"chip {chip}, column {spec.name}"
    if spec.kind == "scalar":
        return [_column(where, np.asarray(data))]
    if spec.kind == "word":
        word = np.asarray(data)
        if word.ndim != 2 or word.shape[1] != 4:
            raise ProvingError(f"{where}: a word is filled with (rows, 4) limbs, got shape {word.shape}")
        return [_column(where, word[:, 2:]), _column(where, word[:, :2])]
    if isinstance(data, np.ndarray):
        if data.ndim not in (2, 3) or data.shape[1] != spec.width:
            raise ProvingError(f"{where}: expected (rows, {spec.width}[, limbs]), got shape {data.shape}")
        return [_column(where, data[:, i]) for i in range(spec.width)]
    if len(data) != spec.width:
        raise ProvingError(f"{where}: expected {spec.width} columns, got {len(data)}")
    return [_column(where, np.asarray(column)) for column in data]


def _column(where: str, data: Array) -> Array:
    if data.dtype.kind not in "iub" or data.ndim not in (1, 2):
        raise ProvingError(
            f"{where}: expected integers of shape (rows,) or (rows, limbs), got {data.dtype} {data.shape}"
        )
    return data


@dataclass
class ChipTrace:
    """The main columns of one chip for one batch: ``columns[i]`` has ``rows`` rows, padded on demand."""

    chip: Chip
    rows: int
    height: int
    columns: list[Array]

    @cached_property
    def main(self) -> NDArray[np.uint64]:
        """Main columns as block arrays (width, height/8, 5, 8), padding rows zero."""
        return blocks(self.columns, self.height)

    @cached_property
    def preprocessed(self) -> NDArray[np.uint64]:
        """Preprocessed columns as block arrays."""
        return preprocessed_blocks(self.chip)

    def replace(self, column: int, data: Array) -> ChipTrace:
        """A copy with one main column exchanged (for tests that tamper)."""
        columns = list(self.columns)
        columns[column] = data
        return ChipTrace(self.chip, self.rows, self.height, columns)


def blocks(columns: Sequence[Array], height: int) -> NDArray[np.uint64]:
    """Raw columns as block arrays (len(columns), height/8, 5, 8), zero below their rows."""
    out = np.zeros((len(columns), height // 8, 5, 8), dtype=np.uint64)
    for i, data in enumerate(columns):
        part = fr.from_array(data)
        out[i, : part.shape[0]] = part
    return out


def preprocessed_blocks(chip: Chip) -> NDArray[np.uint64]:
    """The preprocessed columns of a chip as block arrays (width, height/8, 5, 8)."""
    air = chip.air
    if not air.width(Stage.PREPROCESSED):
        return np.zeros((0, 0, 5, 8), dtype=np.uint64)
    data = chip.preprocessed()
    arrays: list[Array] = []
    for spec in air.specs:
        if spec.stage is Stage.PREPROCESSED:
            arrays.extend(split_columns(chip.name, spec, data[spec.name]))
    return blocks(arrays, chip.fixed_height or 0)


def chip_height(air: Air, rows: int) -> int:
    """The height of a chip with this many rows: its fixed one, or the next power of two."""
    return air.fixed_height or max(MIN_HEIGHT, 1 << (rows - 1).bit_length())


@dataclass(frozen=True)
class Shape:
    """Heights that chips are given whatever their rows, under a name that errors tell.

    Every chip with a height is there, empty or not; a chip that is not named has the height of its rows.
    """

    name: str
    heights: Mapping[str, int]

    def height(self, chip: Chip, rows: int) -> int:
        """The height of a chip with this many rows. Raises UnprovableError where they are too many."""
        given = self.heights.get(chip.name)
        if given is None:
            return chip_height(chip.air, rows)
        if rows > given:
            raise UnprovableError(
                f"batch does not fit profile {self.name}: chip {chip.name} needs {rows:,} rows, "
                f"the profile has {given:,}"
            )
        return given


#: heights by rows alone
FREE: Final = Shape("free", {})


def empty_trace(chip: Chip, height: int) -> ChipTrace:
    """A table of padding rows that are zero; for chips that give no padding of their own."""
    zeros = [np.zeros(1, dtype=np.uint8)] * chip.air.width(Stage.MAIN)
    return ChipTrace(chip, 0, height, zeros)


def make_trace(chip: Chip, filled: Mapping[str, ColumnData] | None, shape: Shape = FREE) -> ChipTrace | None:
    """Check what ``fill`` gave and order it.

    A chip without rows is None, or empty where the shape gives it a height. Raises UnprovableError for more
    rows than that height.
    """
    air = chip.air
    if filled is None:
        return empty_trace(chip, shape.heights[chip.name]) if chip.name in shape.heights else None
    expected = {spec.name for spec in air.specs if spec.stage is Stage.MAIN}
    if set(filled) != expected:
        missing, extra = sorted(expected - set(filled)), sorted(set(filled) - expected)
        raise ProvingError(f"chip {chip.name}: fill left out columns {missing} and gave unknown ones {extra}")
    arrays: list[Array] = []
    for spec in air.specs:
        if spec.stage is Stage.MAIN:
            arrays.extend(split_columns(chip.name, spec, filled[spec.name]))
    lengths = {a.shape[0] for a in arrays}
    if len(lengths) != 1:
        raise ProvingError(f"chip {chip.name}: columns of different lengths {sorted(lengths)}")
    rows = lengths.pop()
    if rows == 0:
        return make_trace(chip, None, shape)
    height = shape.height(chip, rows)
    if rows > height:
        raise ProvingError(f"chip {chip.name}: {rows} rows, its table has {height}")
    return ChipTrace(chip, rows, height, arrays)


def selectors_on_trace(height: int) -> NDArray[np.uint64]:
    """The three selectors on the trace domain as indicators: first row, last row, all but the last."""
    first, last = np.zeros(height, dtype=np.uint64), np.zeros(height, dtype=np.uint64)
    first[0] = last[-1] = 1
    return blocks([first, last, 1 - last], height)


def evaluate_rows(trace: ChipTrace, outputs: Sequence[Expr]) -> NDArray[np.uint64]:
    """Expressions over main and preprocessed columns in every row: (len(outputs), height/8, 5, 8)."""
    air: Air = trace.chip.air
    widths = {stage: air.width(stage) for stage in Stage}
    compiled = compile_program(outputs, column_order(widths))
    columns = [*trace.preprocessed, *trace.main, *selectors_on_trace(trace.height)]
    return run(compiled.program, compiled.resolve({}), columns, trace.height)


@dataclass(frozen=True)
class Requests:
    """Tuples sent on a bus with nonzero multiplicity.

    values: (m, arity, 4) uint64 limbs; multiplicity: (m,) int64.
    """

    bus: Bus
    values: NDArray[np.uint64]
    multiplicity: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.multiplicity.shape[0])

    def field(self, name: str) -> NDArray[np.uint64]:
        """One entry of every tuple as (m, 4) limbs."""
        return self.values[:, self.bus.fields.index(name)]

    def small(self, name: str) -> NDArray[np.uint64]:
        """One entry of every tuple, known to fit 64 bits, as (m,)."""
        limbs = self.field(name)
        if limbs[:, 1:].any():
            raise ProvingError(f"bus {self.bus.name}: an entry {name} does not fit 64 bits")
        return limbs[:, 0]

    def word(self, hi: str, lo: str) -> NDArray[np.uint64]:
        """Two 128-bit entries as the (m, 4) limbs of a word."""
        return np.concatenate([self.field(lo)[:, :2], self.field(hi)[:, :2]], axis=1)

    def select(self, rows: NDArray[Any]) -> Requests:
        """The tuples at a mask or index array."""
        return Requests(self.bus, self.values[rows], self.multiplicity[rows])

    def unique(self) -> Requests:
        """Equal tuples joined, multiplicities added; in lexicographic order of their limbs."""
        if not len(self):
            return self
        flat = np.ascontiguousarray(self.values.reshape(len(self), -1))
        _, first, inverse = np.unique(
            flat.view([("", flat.dtype)] * flat.shape[1]).ravel(), return_index=True, return_inverse=True
        )
        counts = np.zeros(first.shape[0], dtype=np.int64)
        np.add.at(counts, inverse, self.multiplicity)
        return Requests(self.bus, self.values[first], counts)


def tuples_of(trace: ChipTrace, interactions: Iterable[Any], bus: Bus) -> Requests:
    """The tuples with nonzero multiplicity of the given interactions of one filled chip."""
    chosen = list(interactions)
    n, arity = trace.height, bus.arity
    cells = _Cells(trace, [e for i in chosen for e in (i.multiplicity, *i.values)])
    active: dict[int, tuple[NDArray[np.int64], NDArray[Any]]] = {}  # by expression: selectors are shared
    for interaction in chosen:
        key = id(interaction.multiplicity)
        if key not in active:
            limbs = np.zeros((n, 4), dtype=np.uint64)
            cells.write(interaction.multiplicity, np.arange(n), limbs)
            multiplicity = signed(limbs, trace.chip.name, interaction.name)
            active[key] = (multiplicity, np.flatnonzero(multiplicity))
    places = [active[id(interaction.multiplicity)] for interaction in chosen]
    values = np.zeros((sum(rows.shape[0] for _, rows in places), arity, 4), dtype=np.uint64)
    start = 0
    for interaction, (_, rows) in zip(chosen, places, strict=True):
        for k, value in enumerate(interaction.values):
            cells.write(value, rows, values[start : start + rows.shape[0], k])
        start += rows.shape[0]
    counts = [multiplicity[rows] for multiplicity, rows in places]
    return Requests(bus, values, np.concatenate(counts) if counts else np.zeros(0, dtype=np.int64))


class _Cells:
    """Canonical limbs of expressions in chosen rows; a column that was filled with limbs or unsigned integers is
    read as it was filled, everything else is evaluated (once each)."""

    def __init__(self, trace: ChipTrace, exprs: Sequence[Expr]) -> None:
        self._trace = trace
        computed = {id(e): e for e in exprs if self._filled(e) is None}
        self._place = {key: k for k, key in enumerate(computed)}
        self._table = evaluate_rows(trace, list(computed.values())) if computed else None

    def _filled(self, expr: Expr) -> Array | None:
        if expr.op != "col" or expr.args[0] != Stage.MAIN or expr.args[2] != 0:
            return None
        data = self._trace.columns[int(expr.args[1])]  # type: ignore[call-overload]
        return None if data.dtype.kind == "i" else data

    def write(self, expr: Expr, rows: NDArray[Any], out: NDArray[np.uint64]) -> None:
        """Set ``out`` (len(rows), 4), zero before, to the expression's limbs in ascending ``rows``."""
        data = self._filled(expr)
        if data is None and self._table is not None:
            data = fr.to_limbs(self._table[self._place[id(expr)]], self._trace.height)
        if data is None:
            raise ProvingError(f"chip {self._trace.chip.name}: an expression was not evaluated")
        if rows.shape[0] == self._trace.height:
            picked = data
        else:
            picked = data[rows[: np.searchsorted(rows, data.shape[0])]]  # rows of the padding stay zero
        if picked.ndim == 1:
            out[: picked.shape[0], 0] = picked
        else:
            out[: picked.shape[0], : picked.shape[1]] = picked


_R_LIMBS = np.array([(fr.modulus >> (64 * i)) & (2**64 - 1) for i in range(4)], dtype=np.uint64)


def signed(limbs: NDArray[np.uint64], chip: str, name: str) -> NDArray[np.int64]:
    """Field elements as small signed integers (p - 1 is -1); ProvingError where one is not small."""
    small = ~limbs[:, 1:].any(axis=1) & (limbs[:, 0] < 2**62)
    negated = _R_LIMBS[0] - limbs[:, 0]  # wraps; only read where the upper limbs are those of r
    negative = (limbs[:, 1:] == _R_LIMBS[1:]).all(axis=1) & (limbs[:, 0] <= _R_LIMBS[0]) & (negated < 2**62)
    if not (small | negative).all():
        row = int(np.flatnonzero(~(small | negative))[0])
        raise ProvingError(f"chip {chip}, row {row}, {name}: the multiplicity is not a small integer")
    return np.where(small, limbs[:, 0].astype(np.int64), -negated.astype(np.int64))


class FillContext:
    """What a chip may look at while it fills its columns."""

    def __init__(self, source: Any, public_values: Sequence[int] = (), shape: Shape = FREE) -> None:
        #: the executed batch (or, in tests, whatever the chips under test understand)
        self.source = source
        self.public_values = list(public_values)
        #: the heights that are given, for chips that fill their own padding rows
        self.shape = shape
        self.traces: dict[str, ChipTrace] = {}
        self._requests: dict[tuple[str, str], Requests] = {}

    def requests(self, bus: Bus) -> Requests:
        """All tuples sent on ``bus`` by the chips filled so far, in chip and interaction order."""
        parts = [self._sent(trace, bus) for trace in self.traces.values()]
        parts = [p for p in parts if len(p)]
        if not parts:
            return Requests(bus, np.zeros((0, bus.arity, 4), dtype=np.uint64), np.zeros(0, dtype=np.int64))
        if len(parts) == 1:
            return parts[0]
        return Requests(
            bus, np.concatenate([p.values for p in parts]), np.concatenate([p.multiplicity for p in parts])
        )

    def answers(self, bus: Bus) -> Requests:
        """All tuples received from ``bus`` by the chips filled so far: what those chips serve there."""
        parts = []
        for trace in self.traces.values():
            takes = [i for i in trace.chip.air.interactions if i.bus.name == bus.name and i.sign < 0]
            if takes:
                parts.append(tuples_of(trace, takes, bus))
        if not parts:
            return Requests(bus, np.zeros((0, bus.arity, 4), dtype=np.uint64), np.zeros(0, dtype=np.int64))
        return Requests(
            bus, np.concatenate([p.values for p in parts]), np.concatenate([p.multiplicity for p in parts])
        )

    def _sent(self, trace: ChipTrace, bus: Bus) -> Requests:
        key = (trace.chip.name, bus.name)
        if key not in self._requests:
            sends = [i for i in trace.chip.air.interactions if i.bus.name == bus.name and i.sign > 0]
            self._requests[key] = tuples_of(trace, sends, bus)
        return self._requests[key]


def fill_chips(
    chips: Sequence[Chip],
    ctx: FillContext,
    progress: Callable[[str, float, str], None] = lambda _stage, _fraction, _chip: None,
) -> dict[str, ChipTrace]:
    """Fill the chips in order; chips without rows are left out, or empty where ``ctx.shape`` has them.

    A chip is padded before the next one is filled: tables count what padding rows look up.
    """
    for i, chip in enumerate(chips):
        progress("witness", i / len(chips), chip.name)
        trace = make_trace(chip, chip.fill(ctx), ctx.shape)
        if trace is not None:
            ctx.traces[chip.name] = trace
    return ctx.traces


__all__ = [
    "FREE", "ChipTrace", "ColumnData", "FillContext", "Requests", "Shape", "blocks", "chip_height", "empty_trace",
    "evaluate_rows", "fill_chips", "make_trace", "preprocessed_blocks", "selectors_on_trace", "signed", "split_columns", "tuples_of",
]  # fmt: skip
