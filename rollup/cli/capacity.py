"""zkroll capacity: how much of the circuits a batch takes, before any proving."""

from __future__ import annotations

from zkroll.rollup.cli.arguments import BatchArgument, JsonOption
from zkroll.rollup.cli.console import bytes_text, emit, facts, say, table


def capacity_command(batch: BatchArgument, as_json: JsonOption = False) -> None:
    """Rows per chip, in all and per transaction, the cells and memory of a proof, and the profile that fits."""
    from zkroll.rollup.batch import read_batch

    loaded = read_batch(batch)

    from zkroll.rollup.prove import capacity

    measured = capacity(loaded)

    def show() -> None:
        columns = ("rows", "height", "columns", "cells", "degree")
        table(
            "chips",
            ("chip", *columns),
            [(name, *(chip[c] for c in columns)) for name, chip in measured["chips"].items()],
        )
        say()
        transactions = measured["transactions"]
        chips = sorted({name for rows in transactions for name in rows})
        used = [name for name in chips if any(rows.get(name) for rows in transactions)]
        table(
            "rows per transaction",
            ("transaction", *used),
            [(at, *(rows.get(name, 0) for name in used)) for at, rows in enumerate(transactions)],
        )
        say()
        facts(
            {
                "cells": f"{measured['cells']:,}",
                "memory": bytes_text(measured["memory_bytes"]),
                "profile": measured["profile"] or f"none: {measured['misfit']}",
            }
        )

    emit(measured, as_json, show)
