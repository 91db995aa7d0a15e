"""zkroll ptau: powers of tau, the first phase of a trusted setup, in the files that snarkjs has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zkroll.rollup.cli.arguments import JsonOption
from zkroll.rollup.cli.console import emit, facts, say
from zkroll.rollup.cli.progress import work_progress

if TYPE_CHECKING:
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
_NameOption = Annotated[
    str, typer.Option("--name", "-n", metavar="NAME", help="Who contributes; 64 characters are kept.")
]
_ThreadsOption = Annotated[
    int | None, typer.Option("--threads", metavar="N", min=1, help="Threads to use; default every core.")
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
    emit(document, as_json, lambda: facts(document))


@app.command("contribute")
def contribute_command(
    powers: _InputArgument,
    output: _OutputArgument,
    name: _NameOption = "",
    entropy: Annotated[
        str,
        typer.Option(
            "--entropy", "-e", metavar="TEXT", help="Added to the system's randomness, never used alone."
        ),
    ] = "",
    threads: _ThreadsOption = None,
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
    _tell(made, output, as_json)


@app.command("beacon")
def beacon_command(
    powers: _InputArgument,
    output: _OutputArgument,
    seed: Annotated[
        str,
        typer.Argument(
            metavar="HEX", help="Public randomness that nobody could foresee.", show_default=False
        ),
    ],
    exponent: Annotated[
        int,
        typer.Argument(metavar="EXPONENT", help="Hash it 2^EXPONENT times, 10 to 63.", show_default=False),
    ],
    name: _NameOption = "",
    threads: _ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close the ceremony with a beacon: a contribution that everyone can compute again."""
    from zkroll.algebra.files import check_writable
    from zkroll.errors import InputError
    from zkroll.prover.ceremony.powers import beacon

    digits = seed.removeprefix("0x")
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        octets = b""
    if len(octets) * 2 != len(digits) or not octets:
        raise InputError(f"beacon: expected hexadecimal digits, two for each byte, got {seed!r}")
    check_writable(output)
    with work_progress() as progress:
        made = beacon(powers, output, octets, exponent, name=name, threads=threads, progress=progress)
    _tell(made, output, as_json)


@app.command("prepare")
def prepare_command(
    powers: _InputArgument,
    output: _OutputArgument,
    threads: _ThreadsOption = None,
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
    max_exponent: Annotated[
        int | None,
        typer.Option(
            "--max-exponent", metavar="E", min=0, help="Compute beacons of up to 2^E hashes; default 32."
        ),
    ] = None,
    threads: _ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verify every contribution, every point and every Lagrange basis; exit code 1 and what is wrong if not."""
    from zkroll.prover.ceremony.beacon import DEFAULT_MAX_EXPONENT
    from zkroll.prover.ceremony.powers_check import verify

    limit = DEFAULT_MAX_EXPONENT if max_exponent is None else max_exponent
    with work_progress() as progress:
        checked = verify(powers, max_exponent=limit, threads=threads, progress=progress)
    contributions = [
        _described(i + 1, one.contribution, one.response_hash) for i, one in enumerate(checked.contributions)
    ]
    document: dict[str, Any] = {
        "ok": True,
        "file": powers,
        "power": checked.power,
        "ceremony_power": checked.ceremony_power,
        "prepared": checked.is_prepared,
        "next_challenge": checked.next_challenge.hex(),
        "contributions": contributions,
    }
    emit(document, as_json, lambda: _show(document, contributions))


@app.command("info")
def info_command(powers: _InputArgument, as_json: JsonOption = False) -> None:
    """Show the size of the powers and who contributed; nothing is verified."""
    from zkroll.algebra.ptau import open_ptau
    from zkroll.prover.ceremony.powers import response_of

    file = open_ptau(powers)
    contributions = [_described(i + 1, one, response_of(one)) for i, one in enumerate(file.contributions)]
    document: dict[str, Any] = {
        "file": powers,
        "curve": "bn128",
        "power": file.power,
        "ceremony_power": file.ceremony_power,
        "prepared": file.is_prepared,
        "contributions": contributions,
    }
    emit(document, as_json, lambda: _show(document, contributions))


@export.command("challenge")
def export_challenge_command(
    powers: _InputArgument,
    output: Annotated[
        str, typer.Argument(metavar="CHALLENGE", help="Where to write it.", show_default=False)
    ],
    threads: _ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the challenge that the next contribution answers, for other programs to contribute to."""
    from zkroll.algebra.files import check_writable
    from zkroll.prover.ceremony.powers_response import export_challenge

    check_writable(output)
    with work_progress() as progress:
        challenge = export_challenge(powers, output, threads=threads, progress=progress)
    document = {"file": output, "challenge": challenge.hex()}
    emit(document, as_json, lambda: facts(document))


@app.command("import")
def import_command(
    powers: _InputArgument,
    response: Annotated[
        str,
        typer.Argument(metavar="RESPONSE", help="What another program answered.", show_default=False),
    ],
    output: _OutputArgument,
    name: _NameOption = "",
    threads: _ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the contribution in a response file; it must answer the last challenge and prove its secrets."""
    from zkroll.algebra.files import check_writable
    from zkroll.prover.ceremony.powers_response import import_response

    check_writable(output)
    with work_progress() as progress:
        made = import_response(powers, response, output, name=name, threads=threads, progress=progress)
    _tell(made, output, as_json)


def _tell(made: Contributed, output: str, as_json: bool) -> None:
    document = {
        "file": output,
        "response_hash": made.response_hash.hex(),
        "next_challenge": made.contribution.next_challenge.hex(),
    }
    emit(document, as_json, lambda: facts(document))


def _described(number: int, made: Any, response_hash: bytes) -> dict[str, Any]:
    document: dict[str, Any] = {"number": number, "name": made.name}
    if made.is_beacon:
        document |= {"beacon": made.beacon.hex(), "exponent": made.exponent}
    return document | {"response_hash": response_hash.hex(), "next_challenge": made.next_challenge.hex()}


def _show(document: dict[str, Any], contributions: Sequence[dict[str, Any]]) -> None:
    facts({**document, "contributions": len(contributions)})
    for one in contributions:
        say()
        facts({"contribution": one["number"], **{k: v for k, v in one.items() if k != "number"}})
