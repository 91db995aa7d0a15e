"""The table of the Groth16 benchmark: our figure, a peer's, how they compare and what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kernels import time_text
from rich.console import Console
from rich.table import Table

MIB = 1 << 20
HEADS = ("what", "size", "ours", "peer", "peer's", "peer/ours", "asked", "met")


@dataclass(frozen=True)
class Line:
    """One comparison, or a figure of ours alone.

    `unit` is ns or bytes. With a peer, `ratio` is its figure over ours and at least `least_ratio` is asked; without
    one, at most `most` of the unit. What was asked is None where nothing was. `wrong` says why a result is no good.
    """

    what: str
    size: str
    ours: float
    unit: str = "ns"
    peer: str | None = None
    theirs: float | None = None
    ratio: float | None = None
    least_ratio: float | None = None
    most: float | None = None
    wrong: str | None = None

    @property
    def met(self) -> bool | None:
        """Whether what was asked is reached; None when nothing was asked."""
        if self.least_ratio is not None:
            return self.ratio is not None and self.ratio >= self.least_ratio
        return None if self.most is None else self.ours <= self.most

    def document(self) -> dict[str, Any]:
        """The line as JSON."""
        return {**asdict(self), "met": self.met}

    def cells(self) -> list[str]:
        """The line's text."""
        asked = "–"
        if self.least_ratio is not None:
            asked = f"≥ {self.least_ratio:.2g}×"
        elif self.most is not None:
            asked = f"≤ {amount_text(self.most, self.unit)}"
        return [
            self.what, self.size, amount_text(self.ours, self.unit), self.peer or "–",
            amount_text(self.theirs, self.unit), "–" if self.ratio is None else f"{self.ratio:.2f}", asked,
            "WRONG" if self.wrong else {True: "yes", False: "NO", None: "–"}[self.met],
        ]  # fmt: skip


def amount_text(amount: float | None, unit: str) -> str:
    """A time or a number of bytes, with a unit that fits."""
    if amount is not None and unit == "bytes":
        return f"{amount / MIB:,.0f} MiB"
    return time_text(amount)


def wrong_ones(lines: Sequence[Line]) -> list[str]:
    """What was wrong, each once."""
    return list(
        dict.fromkeys(f"{line.size}: {line.peer or 'ours'}: {line.wrong}" for line in lines if line.wrong)
    )


def show(lines: Sequence[Line], console: Console) -> None:
    """Print the table."""
    table = Table(title="Groth16, medians", title_justify="left")
    for i, head in enumerate(HEADS):
        table.add_column(head, justify="left" if i in {0, 1, 3} else "right", no_wrap=True)
    for line in lines:
        table.add_row(*line.cells())
    console.print(table)


def markdown(lines: Sequence[Line]) -> str:
    """The table as Markdown."""
    rows = [HEADS, ["---"] * len(HEADS), *(line.cells() for line in lines)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
