"""zkroll ptau: powers of tau, the first phase of a trusted setup, in the files that snarkjs has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from zkroll.rollup.cli.arguments import JsonOption, ThreadsOption
from zkroll.rollup.cli.ceremony import (
    MAX_EXPONENT,
    EntropyOption,
    ExponentArgument,
    MaxExponentOption,
    NameOption,
    SeedArgument,
    beacon_seed,
    contribution_entry,
    show_document,
)
from zkroll.rollup.cli.console import emit, facts
from zkroll.rollup.cli.progress import work_progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zkroll.algebra.ptau_records import Contribution
    from zkroll.prover.ceremony.powers import Contributed

app = typer.Typer(help="Make, contribute to and verify powers of tau (.ptau).", no_args_is_help=False)
export = typer.Typer(help="Write what other programs contribute to.", no_args_is_help=False)
app.add_typer(export, name="export")

_InputArgument = Annotated[
    str, typer.Argument(metavar="POWERS.ptau", help="The powers of tau.", show_default=False)
]
_OutputArgument = Annotated[
    str, typer.Argument(metavar="OUTPUT.ptau", help="Where to write the new file.", show_default=False)
]


@app.command("new")
def new_command(
    power: Annotated[
        int,
        typer.Argument(
            metavar="POWER", help="For circuits of up to 2^POWER constraints.", show_default=False
        ),
    ],
    output: _OutputArgument,
    as_json: JsonOption = False,
) -> None:
    """Begin a ceremony: powers of tau = 1, to which contributions are to be made."""
    from zkroll.prover.ceremony.powers import new

    with work_progress() as progress:
        first = new(output, power, progress=progress)
    document = {"file": output, "power": power, "first_challenge": first.hex()}
    emit(document, as_json, lambda: show_document(document, "first_challenge"))


@app.command("contribute")
def contribute_command(
    powers: _InputArgument,
    output: _OutputArgument,
    name: NameOption = "",
    entropy: EntropyOption = "",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Multiply fresh secrets into the powers, and forget them.

    The secrets come from the operating system's randomness. Publish the response hash.
    """
    from zkroll.algebra.files import check_writable
    from zkroll.prover.ceremony.powers import contribute

    check_writable(output)
    with work_progress() as progress:
        made = contribute(powers, output, name=name, entropy=entropy, threads=threads, progress=progress)
    _emit_contributed(made, output, as_json)


@app.command("beacon")
def beacon_command(
    powers: _InputArgument,
    output: _OutputArgument,
    seed: SeedArgument,
    exponent: ExponentArgument,
    name: NameOption = "",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close the ceremony with a beacon: a contribution that everyone can compute again."""
    from zkroll.algebra.files import check_writable
    from zkroll.prover.ceremony.powers import beacon

    value = beacon_seed(seed)
    check_writable(output)
    with work_progress() as progress:
        made = beacon(powers, output, value, exponent, name=name, threads=threads, progress=progress)
    _emit_contributed(made, output, as_json)


@app.command("prepare")
def prepare_command(
    powers: _InputArgument,
    output: _OutputArgument,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prepare the powers for phase 2: add the Lagrange bases of every domain, which keys are made of."""
    from zkroll.algebra.files import check_writable
    from zkroll.prover.ceremony.powers_prepare import prepare

    check_writable(output)
    with work_progress() as progress:
        power = prepare(powers, output, threads=threads, progress=progress)
    document = {"file": output, "power": power}
    emit(document, as_json, lambda: facts(document))


@app.command("verify")
def verify_command(
    powers: _InputArgument,
    max_exponent: MaxExponentOption = MAX_EXPONENT,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify every contribution, every point and every Lagrange basis; exit code 1 and what is wrong if not."""
    from zkroll.prover.ceremony.powers_check import verify

    with work_progress() as progress:
        checked = verify(powers, max_exponent=max_exponent, threads=threads, progress=progress)
    document: dict[str, Any] = {
        "accepted": True,
        "file": powers,
        "power": checked.power,
        "ceremony_power": checked.ceremony_power,
        "prepared": checked.is_prepared,
        "next_challenge": checked.next_challenge.hex(),
        "contributions": _entries((one.contribution, one.response_hash) for one in checked.contributions),
    }
    emit(document, as_json, lambda: show_document(document, "next_challenge"))


@app.command("info")
def info_command(powers: _InputArgument, as_json: JsonOption = False) -> None:
    """Show the size of the powers and who contributed; nothing is verified."""
    from zkroll.algebra.ptau import open_ptau
    from zkroll.prover.ceremony.powers import response_of

    file = open_ptau(powers)
    document: dict[str, Any] = {
        "file": powers,
        "curve": "bn128",
        "power": file.power,
        "ceremony_power": file.ceremony_power,
        "prepared": file.is_prepared,
        "contributions": _entries((record, response_of(record)) for record in file.contributions),
    }
    emit(document, as_json, lambda: show_document(document))


@export.command("challenge")
def export_challenge_command(
    powers: _InputArgument,
    output: Annotated[
        str, typer.Argument(metavar="CHALLENGE", help="Where to write it.", show_default=False)
    ],
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the challenge that the next contribution answers, for other programs to contribute to."""
    from zkroll.algebra.files import check_writable
    from zkroll.prover.ceremony.powers_response import export_challenge

    check_writable(output, powers)
    with work_progress() as progress:
        challenge = export_challenge(powers, output, threads=threads, progress=progress)
    document = {"file": output, "challenge": challenge.hex()}
    emit(document, as_json, lambda: show_document(document, "challenge"))


@app.command("import")
def import_command(
    powers: _InputArgument,
    response: Annotated[
        str,
        typer.Argument(metavar="RESPONSE", help="What another program answered.", show_default=False),
    ],
    output: _OutputArgument,
    name: NameOption = "",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the contribution in a response file; it must answer the last challenge and prove its secrets."""
    from zkroll.algebra.files import check_writable
    from zkroll.prover.ceremony.powers_response import import_response

    check_writable(output, response)
    with work_progress() as progress:
        made = import_response(powers, response, output, name=name, threads=threads, progress=progress)
    _emit_contributed(made, output, as_json)


def _emit_contributed(made: Contributed, output: str, as_json: bool) -> None:
    document = {
        "file": output,
        "response_hash": made.response_hash.hex(),
        "next_challenge": made.contribution.next_challenge.hex(),
    }
    emit(document, as_json, lambda: show_document(document, "response_hash", "next_challenge"))


def _entries(records: Iterable[tuple[Contribution, bytes]]) -> list[dict[str, Any]]:
    return [
        contribution_entry(
            number,
            record.name,
            record.beacon,
            record.exponent,
            response_hash=digest,
            next_challenge=record.next_challenge,
        )
        for number, (record, digest) in enumerate(records, 1)
    ]
