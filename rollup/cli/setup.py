"""zkroll setup: the reference string that proofs are made and checked with."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zkroll.rollup.cli.arguments import JsonOption
from zkroll.rollup.cli.console import emit, facts, warn

app = typer.Typer(
    help="Make a development reference string, or import one of a ceremony.", no_args_is_help=False
)

_OutputOption = Annotated[
    str | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write it.", show_default=False)
]
_PowerOption = Annotated[
    int, typer.Option("--power", min=8, max=28, help="Base-2 logarithm of the number of powers of tau.")
]


@app.command("dev")
def development_command(
    output: _OutputOption = None, power: _PowerOption = 20, as_json: JsonOption = False
) -> None:
    """Make the INSECURE development string: everyone knows its tau and can forge proofs under it."""
    from zkroll.algebra import kzg
    from zkroll.algebra.files import check_writable

    if output is None:
        from zkroll.rollup.prove import cache_folder

        path = str(cache_folder() / "development-insecure.srs")
    else:
        path = output
        check_writable(path)
    srs = kzg.development_srs(1 << power, path)
    warn("INSECURE development setup: everyone knows tau; proofs under it prove nothing to others")
    _show(path, srs, as_json)


@app.command("import")
def import_command(
    ptau: Annotated[str, typer.Argument(metavar="FILE.ptau", help="A file of the powers of tau ceremony.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Where to write it.")],
    power: Annotated[
        int | None, typer.Option("--power", min=1, max=28, help="Keep 2^POWER powers; all by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Import the powers of a .ptau file (snarkjs format), checking that they are consecutive powers."""
    from zkroll.algebra import kzg
    from zkroll.algebra.files import check_writable
    from zkroll.algebra.ptau import import_ptau

    check_writable(output)
    srs = import_ptau(ptau, None if power is None else 1 << power)
    kzg.save(srs, output)
    _show(output, srs, as_json)


def _show(path: str, srs: Any, as_json: bool) -> None:
    document = {
        "file": path,
        "powers": srs.n,
        "insecure": srs.insecure,
        "digest": "0x" + srs.digest.hex(),
    }
    emit(document, as_json, lambda: facts({**document, "insecure": "INSECURE" if srs.insecure else "no"}))
