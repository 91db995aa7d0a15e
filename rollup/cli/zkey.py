"""zkroll zkey: proving keys of Groth16, from the powers of tau to the verifier's contract."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zkroll.errors import InputError
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
from zkroll.rollup.cli.console import emit, facts, warn
from zkroll.rollup.cli.progress import work_progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zkroll.circuits.r1cs.formats.zkey import Contribution, ZKey
    from zkroll.prover.ceremony.zkey_contribute import Contributed

app = typer.Typer(
    help="Make proving keys (.zkey) for circuits of circom, contribute to them, and verify them.",
    no_args_is_help=False,
)
export = typer.Typer(help="Write what a key holds in another format.", no_args_is_help=False)
app.add_typer(export, name="export")

_CircuitArgument = Annotated[
    str, typer.Argument(metavar="CIRCUIT.r1cs", help="The constraints.", show_default=False)
]
_PowersArgument = Annotated[
    str,
    typer.Argument(metavar="POWERS.ptau", help="Powers of tau, prepared for phase 2.", show_default=False),
]
_KeyArgument = Annotated[str, typer.Argument(metavar="KEY.zkey", help="The proving key.", show_default=False)]
_NewKeyArgument = Annotated[
    str, typer.Argument(metavar="OUTPUT.zkey", help="Where to write the key.", show_default=False)
]


@app.command("new")
def new_command(
    circuit: _CircuitArgument,
    powers: _PowersArgument,
    output: _NewKeyArgument,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the first key of a circuit. Nobody has contributed to it yet: do not use it as it is.

    The file has the same bytes as that of snarkjs zkey new.
    """
    from zkroll.algebra.files import check_writable
    from zkroll.prover.ceremony.zkey_new import new_zkey

    start = time.perf_counter()
    check_writable(output, circuit, powers)
    with work_progress() as progress:
        key = new_zkey(circuit, powers, output, threads=threads, progress=progress)
    document = {
        "file": output,
        **_sizes(key),
        "circuit_hash": key.ceremony.circuit_hash.hex(),
        "seconds": round(time.perf_counter() - start, 3),
    }
    emit(document, as_json, lambda: show_document(document, "circuit_hash"))


@app.command("contribute")
def contribute_command(
    key: _KeyArgument,
    output: _NewKeyArgument,
    name: NameOption = "",
    entropy: EntropyOption = "",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Contribute to a key: multiply its delta by a secret that is then forgotten."""
    from zkroll.prover.ceremony.zkey_contribute import contribute_zkey

    with work_progress() as progress:
        made = contribute_zkey(key, output, name=name, entropy=entropy, threads=threads, progress=progress)
    _emit_contributed(made, output, as_json)


@app.command("beacon")
def beacon_command(
    key: _KeyArgument,
    output: _NewKeyArgument,
    seed: SeedArgument,
    exponent: ExponentArgument,
    name: NameOption = "",
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Contribute a public random beacon to a key, as the last contribution."""
    from zkroll.prover.ceremony.zkey_contribute import beacon_zkey

    value = beacon_seed(seed)
    with work_progress() as progress:
        made = beacon_zkey(key, output, value, exponent, name=name, threads=threads, progress=progress)
    _emit_contributed(made, output, as_json)


@app.command("verify")
def verify_command(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="CIRCUIT.r1cs POWERS.ptau KEY.zkey",
            help="The circuit (not with --init), prepared powers of tau and the key.",
            show_default=False,
        ),
    ],
    init: Annotated[
        str | None,
        typer.Option("--init", metavar="INIT.zkey", help="Compare with this first key, not with a circuit."),
    ] = None,
    max_exponent: MaxExponentOption = MAX_EXPONENT,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept a key (exit code 0) that is the circuit's and whose contributions all hold, or not (exit code 1).

    The line on stderr names the first thing that does not hold.
    """
    from zkroll.prover.ceremony.zkey_check import verify_zkey, verify_zkey_from_init

    expected = ["CIRCUIT.r1cs", "POWERS.ptau", "KEY.zkey"][0 if init is None else 1 :]
    if len(files) != len(expected):
        raise InputError(f"zkey verify: expected {' '.join(expected)}, got {len(files)} files")
    with work_progress() as progress:
        if init is None:
            checked = verify_zkey(*files, max_exponent=max_exponent, threads=threads, progress=progress)
        else:
            checked = verify_zkey_from_init(
                init, *files, max_exponent=max_exponent, threads=threads, progress=progress
            )
    document = {
        "accepted": True,
        "file": files[-1],
        "circuit_hash": checked.circuit_hash.hex(),
        "contributions": _entries((item.record, item.digest) for item in checked.contributions),
    }
    emit(document, as_json, lambda: show_document(document, "circuit_hash"))


@app.command("info")
def info_command(key: _KeyArgument, as_json: JsonOption = False) -> None:
    """Show how large a key is and who contributed to it. Nothing of that is verified."""
    from zkroll.circuits.r1cs.formats.zkey import read_zkey
    from zkroll.prover.ceremony.zkey_chain import contribution_hash

    found = read_zkey(key)
    document = {
        "file": key,
        "protocol": "groth16",
        "curve": "bn128",
        **_sizes(found),
        "phase_2": "skipped" if _is_skipped(found) else "done",
        "circuit_hash": found.ceremony.circuit_hash.hex(),
        "contributions": _entries(
            (record, contribution_hash(record)) for record in found.ceremony.contributions
        ),
    }
    emit(document, as_json, lambda: show_document(document, "circuit_hash"))


@export.command("verificationkey")
def export_verificationkey_command(
    key: _KeyArgument,
    output: Annotated[
        str, typer.Argument(metavar="VERIFICATION_KEY.json", help="Where to write it.")
    ] = "verification_key.json",
    as_json: JsonOption = False,
) -> None:
    """Write what a verifier needs of a key, as snarkjs does."""
    from zkroll.algebra.files import check_writable
    from zkroll.circuits.r1cs.formats.groth16_json import write_verification_key
    from zkroll.circuits.r1cs.formats.zkey import read_zkey

    check_writable(output, key)
    found = read_zkey(key)
    if _is_skipped(found):
        warn(f"{key}: phase 2 was skipped: anyone can forge proofs for this key")
    write_verification_key(found.verification_key, output)
    document = {"file": output, "public_signals": found.n_public}
    emit(document, as_json, lambda: facts(document))


@export.command("solidityverifier")
def export_solidityverifier_command(
    key: _KeyArgument,
    output: Annotated[
        str, typer.Argument(metavar="VERIFIER.sol", help="Where to write it.")
    ] = "verifier.sol",
    contract: Annotated[
        str, typer.Option("--contract", metavar="NAME", help="The contract's name.")
    ] = "Groth16Verifier",
    max_exponent: MaxExponentOption = MAX_EXPONENT,
    as_json: JsonOption = False,
) -> None:
    """Write the Solidity contract that verifies proofs of a key.

    A key that nobody contributed to, or whose contributions do not hold, is refused (exit code 1). Whether it is
    the circuit's key is for zkey verify.
    """
    from zkroll.algebra.files import check_writable, write_atomically
    from zkroll.circuits.r1cs.formats.zkey import read_zkey
    from zkroll.prover.ceremony.zkey_chain import check_chain
    from zkroll.rollup.l1.yul import compile_contract
    from zkroll.verifier.groth16 import VerifyingKey
    from zkroll.verifier.groth16.solidity import check_contract_name, solidity_verifier

    check_contract_name(contract)
    check_writable(output, key)
    found = read_zkey(key)
    with work_progress() as progress:
        checked = check_chain(found, max_exponent=max_exponent, progress=progress)
    text = solidity_verifier(VerifyingKey.from_parts(found.verification_key), contract)
    write_atomically(output, text.encode())
    try:
        compile_contract(text)
    except InputError as error:
        warn(f"{output}: {found.n_public} public signals are too many for Ethereum: {error}")
    document = {
        "file": output,
        "contract": contract,
        "public_signals": found.n_public,
        "contributions": len(checked),
    }
    emit(document, as_json, lambda: facts(document))


@export.command("json")
def export_json_command(
    key: _KeyArgument,
    output: Annotated[str, typer.Argument(metavar="KEY.json", help="Where to write it.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Write a whole key as JSON, as snarkjs does: some 500 bytes a constraint and wire."""
    from zkroll.algebra.files import check_writable
    from zkroll.circuits.r1cs.formats.zkey import read_zkey
    from zkroll.circuits.r1cs.formats.zkey_json import export_zkey_json

    check_writable(output, key)
    found = read_zkey(key)
    export_zkey_json(found, output)
    document = {"file": output, **_sizes(found)}
    emit(document, as_json, lambda: facts(document))


# ---- what is printed ---------------------------------------------------------------------------------------


def _sizes(key: ZKey) -> dict[str, int]:
    return {
        "wires": key.n_wires,
        "public_signals": key.n_public,
        "domain": key.domain_size,
        "power": key.power,
        "coefficients": len(key.coefficients),
    }


def _is_skipped(key: ZKey) -> bool:
    return not key.ceremony.contributions or key.delta2 == key.gamma2


def _entries(records: Iterable[tuple[Contribution, bytes]]) -> list[dict[str, Any]]:
    return [
        contribution_entry(number, record.name, record.beacon, record.exponent, hash=digest)
        for number, (record, digest) in enumerate(records, 1)
    ]


def _emit_contributed(made: Contributed, output: str, as_json: bool) -> None:
    document = {
        "file": output,
        "circuit_hash": made.circuit_hash.hex(),
        "contribution_hash": made.contribution_hash.hex(),
    }
    emit(document, as_json, lambda: show_document(document, "circuit_hash", "contribution_hash"))
