"""Run single chips in tests: stub chips put tuples on buses, ``prank`` tampers one cell, ``broken`` says what fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.air.check import Violation, check_buses, check_constraints
from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import Stage
from zkroll.circuits.air.witness import ChipTrace, FillContext, fill_chips


def limbs(values: Iterable[int], count: int = 4) -> np.ndarray:
    """Integers (reduced modulo r for four limbs) as (rows, count) uint64 limbs."""
    mask = 2**64 - 1
    data = [[(v >> (64 * k)) & mask for k in range(count)] for v in values]
    return np.array(data, dtype=np.uint64).reshape(-1, count)


class Stub(Chip):
    """Puts (sign +1) or takes (-1) the given tuples on one bus, with a multiplicity each."""

    def __init__(
        self, bus: Bus, tuples: Sequence[Sequence[int]], multiplicities: Sequence[int] | None, sign: int
    ) -> None:
        super().__init__()
        self.bus, self.tuples, self.sign = bus, [tuple(t) for t in tuples], sign
        self.multiplicities = list(multiplicities) if multiplicities is not None else [1] * len(self.tuples)
        self.name = f"stub_{'send' if sign > 0 else 'receive'}_{bus.name}"  # type: ignore[misc]

    def define(self, b: AirBuilder) -> None:
        m = b.column("multiplicity")
        entries = [b.column(f) for f in self.bus.fields]
        (b.send if self.sign > 0 else b.receive)("stub", self.bus, entries, m)

    def fill(self, ctx: FillContext) -> dict[str, Any] | None:
        if not self.tuples:
            return None
        out: dict[str, Any] = {"multiplicity": np.array(self.multiplicities, dtype=np.int64)}
        for k, name in enumerate(self.bus.fields):
            out[name] = limbs([t[k] % R_MODULUS for t in self.tuples])
        return out


def sends(bus: Bus, tuples: Sequence[Sequence[int]], multiplicities: Sequence[int] | None = None) -> Stub:
    """A stub caller that sends ``tuples`` on ``bus``."""
    return Stub(bus, tuples, multiplicities, 1)


def receives(bus: Bus, tuples: Sequence[Sequence[int]], multiplicities: Sequence[int] | None = None) -> Stub:
    """A stub server that receives ``tuples`` from ``bus``."""
    return Stub(bus, tuples, multiplicities, -1)


def fill(
    chips: Sequence[Chip], source: Any = None, public_values: Sequence[int] = ()
) -> dict[str, ChipTrace]:
    """Fill chips in order; the traces by chip name."""
    return fill_chips(chips, FillContext(source, public_values))


def broken(
    traces: Mapping[str, ChipTrace],
    closed: Iterable[Bus] = (),
    public: Sequence[tuple[Bus, tuple[int, ...]]] = (),
) -> list[Violation]:
    """All constraint violations, and imbalances of the buses named in ``closed``."""
    names = {bus.name for bus in closed}
    found = [v for trace in traces.values() for v in check_constraints(trace)]
    found += [
        v for v in check_buses(traces.values(), public) if any(f"on bus {n}:" in v.detail for n in names)
    ]
    return found


def names(violations: Iterable[Violation]) -> set[str]:
    """The names of the broken constraints and interactions."""
    return {v.name for v in violations}


def broken_buses(violations: Iterable[Violation]) -> set[str]:
    """The names of the unbalanced buses."""
    return {v.detail.split("on bus ")[1].split(":")[0] for v in violations if v.kind == "bus"}


def prank(
    traces: Mapping[str, ChipTrace], chip: str, column: str, row: int, value: int
) -> dict[str, ChipTrace]:
    """The traces with one main cell of one chip replaced (``column`` as in ``column_names``: x, x[3], x.hi)."""
    trace = traces[chip]
    index = list(trace.chip.air.column_names[Stage.MAIN]).index(column)
    old = trace.columns[index]
    rows = max(trace.rows, row + 1)
    wide = np.zeros((rows, 4), dtype=np.uint64)
    if old.ndim == 1:
        values = [int(v) % R_MODULUS for v in old]
    else:
        values = [sum(int(x) << (64 * k) for k, x in enumerate(r)) for r in old]
    wide[: len(values)] = limbs(values)
    wide[row] = limbs([value % R_MODULUS])[0]
    return {**traces, chip: trace.replace(index, wide)}


def cell(traces: Mapping[str, ChipTrace], chip: str, column: str, row: int) -> int:
    """The value of one main cell."""
    trace = traces[chip]
    data = trace.columns[list(trace.chip.air.column_names[Stage.MAIN]).index(column)]
    if row >= data.shape[0]:
        return 0
    return (
        int(data[row]) % R_MODULUS
        if data.ndim == 1
        else sum(int(x) << (64 * k) for k, x in enumerate(data[row]))
    )
