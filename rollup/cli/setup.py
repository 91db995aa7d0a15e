"""zkroll setup: the reference string of inner proofs, and keys of wrap proofs."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from zkroll.errors import InputError
from zkroll.rollup.cli.arguments import JsonOption, SrsOption, ThreadsOption, load_srs
from zkroll.rollup.cli.console import emit, facts, warn
from zkroll.rollup.cli.progress import work_progress

app = typer.Typer(
    help="Make or import reference strings, and make keys of wrap proofs.", no_args_is_help=False
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


@app.command("wrap")
def wrap_command(
    profile: Annotated[
        str,
        typer.Option(
            "--profile", metavar="NAME", help="Heights of the inner proofs: small, medium or large."
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="KEY.zkey", help="Where to write the key.", show_default=False
        ),
    ] = None,
    chunks: Annotated[
        int, typer.Option("--chunks", min=1, metavar="K", help="Batches in one wrap proof.")
    ] = 1,
    ptau: Annotated[
        str | None,
        typer.Option(
            "--ptau", metavar="FILE.ptau", help="Powers of tau, prepared for phase 2.", show_default=False
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option(
            "--insecure-dev", help="Make the INSECURE development key, from secrets that everyone knows."
        ),
    ] = False,
    r1cs: Annotated[
        str | None,
        typer.Option("--r1cs", metavar="FILE", help="Write the constraints too, for `zkroll zkey verify`."),
    ] = None,
    srs: SrsOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the Groth16 key of the wrap circuit for a profile, with KEY.json and KEY.program beside it.

    A key from powers of tau needs contributions before anything can be proved: zkroll zkey contribute, then beacon.
    Copy KEY.json beside the last one: it says what the key is for.
    """
    if insecure == (ptau is not None):
        raise InputError("setup wrap: expected either --ptau FILE or --insecure-dev")
    if ptau is not None and output is None:
        raise InputError("setup wrap: expected -o KEY.zkey, where to write the key")
    if insecure and r1cs is not None:
        raise InputError("setup wrap: --r1cs belongs to a key from powers of tau")
    from zkroll.prover.wrap.key import insecure_wrap_key, new_wrap_key
    from zkroll.rollup.operator.wrap_prover import batch_target, development_key_path

    start = time.perf_counter()
    target = batch_target(profile, chunks, load_srs(srs))
    if output is None:
        kept = development_key_path(target)
        kept.parent.mkdir(parents=True, exist_ok=True)
    path = output or str(kept)
    with work_progress() as progress:
        if ptau is None:
            made = insecure_wrap_key(target, path, threads=threads, progress=progress).description
        else:
            made = new_wrap_key(target, ptau, path, r1cs=r1cs, threads=threads, progress=progress)
    if ptau is None:
        warn("INSECURE development key: everyone knows its secrets and can forge proofs under it")
    document = {
        "file": path,
        "profile": made.profile,
        "chunks": made.chunks,
        "key_digest": made.key_digest,
        "constraints": made.constraints,
        "wires": made.wires,
        "circuit_hash": made.circuit_hash,
        "insecure": made.insecure,
        "seconds": round(time.perf_counter() - start, 3),
    }
    emit(document, as_json, lambda: facts({**document, "insecure": "INSECURE" if made.insecure else "no"}))


def _show(path: str, srs: Any, as_json: bool) -> None:
    document = {
        "file": path,
        "powers": srs.n,
        "insecure": srs.insecure,
        "digest": "0x" + srs.digest.hex(),
    }
    emit(document, as_json, lambda: facts({**document, "insecure": "INSECURE" if srs.insecure else "no"}))
