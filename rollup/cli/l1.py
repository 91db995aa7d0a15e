"""zkroll l1: start an L1, put a rollup (or an inbox alone) on it, and see where it stands."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zkroll.errors import InputError
from zkroll.rollup.cli.arguments import (
    ContractOption,
    JsonOption,
    KeyFileOption,
    L1Option,
    ProofArgument,
    SrsOption,
    connect,
    load_proof,
    load_srs,
)
from zkroll.rollup.cli.console import emit, facts, table
from zkroll.rollup.cli.session import DEFAULT_DATA

app = typer.Typer(help="The rollup's contracts on L1.", no_args_is_help=False)

_AnyL1Option = Annotated[
    str | None,
    typer.Option(
        "--l1",
        metavar="L1",
        help="Folder of an embedded chain, or an http(s) JSON-RPC URL; without --data, for an inbox alone.",
        show_default=False,
        envvar="ZKROLL_L1",
    ),
]
_DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help=f"The operator's folder; {DEFAULT_DATA} where no L1 is named.",
        show_default=False,
        envvar="ZKROLL_DATA",
    ),
]


def _seconds(text: str) -> Any:
    return typer.Option(min=0, metavar="SECONDS", help=text)


@app.command("start")
def start_command(
    data: Annotated[
        str, typer.Option("--data", metavar="DIR", help="The operator's folder.", envvar="ZKROLL_DATA")
    ] = DEFAULT_DATA,
    l1: Annotated[
        str | None,
        typer.Option("--l1", metavar="URL", help="A JSON-RPC L1; else an embedded one in the folder."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make the operator's folder with an embedded L1 and INSECURE accounts that have ether, or name another L1."""
    from zkroll.rollup.operator.l1_start import start_l1

    started = start_l1(data, l1)
    document = {
        "data": data,
        "l1": started.name,
        "l1_chain_id": started.chain_id,
        "accounts": [f"0x{address:040x}" for address in started.accounts],
    }

    def show() -> None:
        facts({name: value for name, value in document.items() if name != "accounts"})
        for index, address in enumerate(started.accounts):
            facts({f"INSECURE account {index}": f"0x{address:040x}"})

    emit(document, as_json, show)


@app.command("deploy")
def deploy_command(
    l1: _AnyL1Option = None,
    data: _DataOption = None,
    batch: Annotated[
        str | None,
        typer.Option(
            "--batch",
            metavar="BATCH.json",
            help="An inbox starts from this batch's state and chain id; else development genesis.",
        ),
    ] = None,
    sequencer: Annotated[
        str | None,
        typer.Option(
            "--sequencer", metavar="ADDRESS", help="The account that may post; else the deploying one."
        ),
    ] = None,
    *,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="small, medium or large.")
    ] = "small",
    chunks: Annotated[int, typer.Option("--chunks", min=1, help="Batches in one proof.")] = 1,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY.zkey", help="Wrap key; else the INSECURE development one."),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option("--owner", metavar="ADDRESS", help="Who may announce changes; else nobody can ever."),
    ] = None,
    forced_deadline: Annotated[
        int, _seconds("How long a message may wait; then batches have to take it.")
    ] = 86_400,
    escape_delay: Annotated[int, _seconds("How long nothing may be finalised before anybody can end it.")] = 7
    * 86_400,
    upgrade_delay: Annotated[
        int, _seconds("From a change's announcement to it; beyond the other two, so that all can leave.")
    ] = 30 * 86_400,
    finalisation_delay: Annotated[int, _seconds("From a proof to finality; less than the escape delay.")] = 0,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy a rollup with its verifier, exit proofs and a demo token; with --l1 and no --data, an inbox alone."""
    if l1 is None or data is not None:
        from zkroll.rollup.cli.l1_deploy import deploy_document

        if batch is not None:
            raise InputError(
                "l1 deploy: --batch is for an inbox; a rollup begins with the folder's genesis.json"
            )
        delays = (forced_deadline, escape_delay, upgrade_delay, finalisation_delay)
        deployed = deploy_document(
            data or DEFAULT_DATA, l1, (profile, chunks, key), sequencer, owner, delays, key_file
        )
        emit(deployed, as_json, lambda: show_deployed(deployed))
        return
    from zkroll.rollup.l1 import hex_address, parse_address
    from zkroll.rollup.l1.inbox import receipt_report

    genesis_root, chain_id = _genesis(batch)
    poster = None if sequencer is None else parse_address(sequencer)
    with connect(l1, create=True, key_file=key_file) as chain:
        deployment = chain.deploy(genesis_root, chain_id, poster)
    document = {
        "l1": chain.name,
        "contract": hex_address(deployment.rollup_address),
        "genesis_root": f"0x{genesis_root:064x}",
        "chain_id": chain_id,
        "sequencer": hex_address(deployment.sequencer),
        **receipt_report(deployment.receipt),
    }
    emit(document, as_json, lambda: facts(document))


@app.command("post")
def post_command(
    proof: ProofArgument,
    l1: L1Option,
    *,
    contract: ContractOption = None,
    key_file: KeyFileOption = None,
    srs: SrsOption = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Post without verifying the proof first.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Verify a proof, then post its batch: number, roots, data hash and data. Posted is not finalised."""
    from zkroll.rollup.l1 import hex_address
    from zkroll.rollup.l1.inbox import receipt_report

    loaded = load_proof(proof)
    if not unchecked:
        # The contract takes any root from its sequencer, and a wrong one can never be taken back.
        from zkroll.rollup.verify import verify_proof

        verify_proof(loaded, load_srs(srs))
    with connect(l1, contract, key_file=key_file) as chain:
        receipt = chain.post(loaded)
    document = {
        "l1": chain.name,
        "contract": hex_address(loaded.rollup_address),
        "batch_number": loaded.batch_number,
        "old_root": f"0x{loaded.old_root:064x}",
        "new_root": f"0x{loaded.new_root:064x}",
        "data_bytes": len(loaded.data),
        **receipt_report(receipt),
    }
    emit(document, as_json, lambda: facts(document))


@app.command("status")
def status_command(
    l1: _AnyL1Option = None,
    data: _DataOption = None,
    contract: ContractOption = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY.zkey",
            help="Compare the rollup's verifier on L1, constants included, with this wrap key's.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show where the rollup of a data folder stands; with --l1 and no --data, an inbox."""
    if l1 is None or data is not None:
        from zkroll.rollup.cli.l1_deploy import status_document

        document = status_document(data or DEFAULT_DATA, l1, key)
        emit(document, as_json, lambda: facts(document))
        return
    with connect(l1, contract) as chain:
        status = chain.status()
    emit(status, as_json, lambda: facts(status))


def show_deployed(document: dict[str, Any]) -> None:
    """Print what `deploy_document` gave."""
    table("deployed", ("contract", "address", "gas"), [tuple(row.values()) for row in document["contracts"]])
    facts({name: value for name, value in document.items() if name != "contracts"})


def _genesis(batch: str | None) -> tuple[int, int]:
    """Genesis root and chain id: a batch file's, or those of the development chain."""
    if batch is None:
        from zkroll.rollup.development import DEVELOPMENT_CHAIN_ID, development_genesis_root

        return development_genesis_root(), DEVELOPMENT_CHAIN_ID
    from zkroll.rollup.batch import read_batch
    from zkroll.rollup.genesis import build_state

    loaded = read_batch(batch)
    return build_state(loaded.pre_state).root, loaded.chain_id
