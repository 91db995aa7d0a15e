"""What the verbs print: results on stdout as text or as one JSON document, errors on stderr.

Text of a stranger (calldata, file names, an L1's answers) never reaches the terminal with control characters,
and is never read as markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

_LONGEST_LINE = 2000
_WIDEST_TABLE = 10_000  # characters: the terminal may wrap lines, but no cell is cut


def emit_json(document: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n")
    sys.stdout.flush()


def emit(document: Mapping[str, Any], as_json: bool, show: Callable[[], None]) -> None:
    """Print a result: the document with --json, else whatever `show` prints."""
    if as_json:
        emit_json(document)
    else:
        show()


def say(line: str = "") -> None:
    """Print one line of a result."""
    sys.stdout.write(printable(line) + "\n")


def warn(line: str) -> None:
    """Print one line on stderr, named as zkroll's."""
    sys.stderr.write(f"zkroll: {one_line(line)}\n")
    sys.stderr.flush()


def facts(rows: Mapping[str, object]) -> None:
    """Print names and values in two columns."""
    width = max((len(name) for name in rows), default=0)
    for name, value in rows.items():
        say(f"{name.replace('_', ' '):<{width}}  {value}")


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, grouped: bool = True
) -> None:
    """Print a table; columns of numbers are right-aligned, their digits in groups of three when `grouped`."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [list(row) for row in rows]
    shown = Table(title=Text(printable(title)), title_justify="left", box=None, pad_edge=False)
    for at, column in enumerate(columns):
        numeric = all(isinstance(row[at], int | float) for row in cells) and bool(cells)
        shown.add_column(Text(column), justify="right" if numeric else "left", no_wrap=True)
    for row in cells:
        shown.add_row(*(Text(_cell(cell, grouped)) for cell in row))
    console = Console(file=sys.stdout, width=_WIDEST_TABLE, highlight=False)
    with console.capture() as captured:
        console.print(shown)
    sys.stdout.writelines(line.rstrip() + "\n" for line in captured.get().splitlines())


def printable(text: str) -> str:
    """The text with every control, format and invalid character shown as an escape."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def one_line(text: str) -> str:
    """The text as one printable line of bounded length."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + "..."


def bytes_text(count: int) -> str:
    """A number of bytes with a unit."""
    if count < 1 << 10:
        return f"{count} bytes"
    for unit, size in (("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)):
        if count < size << 10 or unit == "GiB":
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _cell(cell: object, grouped: bool) -> str:
    if isinstance(cell, float):
        return f"{cell:,.3f}"
    return f"{cell:,}" if isinstance(cell, int) and grouped else printable(str(cell))
