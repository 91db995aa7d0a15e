"""Stage, percent and time left of long work, on stderr: one live line on a terminal, else lines now and then."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator

from zkroll.algebra.progress import Progress
from zkroll.rollup.cli.console import printable

_GAP = 2.0  # seconds between two lines of one stage
_SOONEST = 0.3  # seconds before which the time left is a guess
_LEAST = 0.01  # fraction before which it is


@contextlib.contextmanager
def work_progress() -> Iterator[Progress]:
    """Give a function that long work reports to, for as long as the block lasts.

    Every stage and the end are shown; of the reports within a stage, those that come more than two seconds after
    the last line. Nothing goes to stdout.
    """
    if sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb"):
        with _live_line() as report:
            yield report
    else:
        yield _lines()


def time_left(fraction: float, seconds: float) -> float | None:
    """Return the seconds left, when `seconds` have brought the work to `fraction`; None when it is too early."""
    if fraction < _LEAST or seconds < _SOONEST:
        return None
    return max(0.0, seconds / min(fraction, 1.0) - seconds)


def duration(seconds: float) -> str:
    """A time in words, as short as it can be understood."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _lines() -> Progress:
    start, last, shown = time.monotonic(), ("", False), 0.0

    def report(stage: str, fraction: float, detail: str) -> None:
        nonlocal last, shown
        now = time.monotonic()
        if (stage, fraction >= 1) == last and now - shown < _GAP:
            return
        last, shown = (stage, fraction >= 1), now
        left = time_left(fraction, now - start) if fraction < 1 else None
        parts = [f"{now - start:8.1f} s  {100 * fraction:5.1f} %  {stage}", detail]
        if left is not None:
            parts.append(f"{duration(left)} left")
        sys.stderr.write(printable(", ".join(part for part in parts if part)) + "\n")
        sys.stderr.flush()

    return report


@contextlib.contextmanager
def _live_line() -> Iterator[Progress]:
    """A bar that is gone when the work has ended."""
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
    from rich.progress import Progress as ProgressBar
    from rich.text import Text

    class Left(ProgressColumn):
        """The time left, counted down between reports."""

        def render(self, task: Task) -> Text:
            left = time_left(task.completed, task.fields["seconds"])
            if left is None:
                return Text("")
            since = time.monotonic() - start - task.fields["seconds"]
            return Text(f"{duration(max(0.0, left - since))} left")

    start = time.monotonic()
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:5.1f} %"),
        Left(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    with ProgressBar(
        *columns,
        console=Console(file=sys.stderr, highlight=False),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=True,  # other lines go above it
        refresh_per_second=4,
    ) as bar:
        task = bar.add_task("", total=1.0, seconds=0.0, detail="")

        def report(stage: str, fraction: float, detail: str) -> None:
            bar.update(
                task,
                description=printable(stage),
                completed=fraction,
                seconds=time.monotonic() - start,
                detail=printable(detail),
            )

        yield report
