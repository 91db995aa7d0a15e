"""zkroll l1: deploy the inbox, post batches to it, and see where it stands."""

from __future__ import annotations

from typing import Annotated

import typer

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
from zkroll.rollup.cli.console import emit, facts

app = typer.Typer(help="The rollup's contract on L1.", no_args_is_help=False)


@app.command("deploy")
def deploy_command(
    l1: L1Option,
    batch: Annotated[
        str | None,
        typer.Option(
            "--batch",
            metavar="BATCH.json",
            help="Start from this batch's state and chain id; else development genesis.",
        ),
    ] = None,
    sequencer: Annotated[
        str | None,
        typer.Option(
            "--sequencer", metavar="ADDRESS", help="The account that may post; else the deploying one."
        ),
    ] = None,
    key_file: KeyFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy an inbox whose batch 0 is the genesis; makes the folder of an embedded L1 if absent."""
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
def status_command(l1: L1Option, contract: ContractOption = None, as_json: JsonOption = False) -> None:
    """Show the inbox's sequencer, genesis root, number of batches and last root."""
    with connect(l1, contract) as chain:
        status = chain.status()
    emit(status, as_json, lambda: facts(status))


def _genesis(batch: str | None) -> tuple[int, int]:
    """Genesis root and chain id: a batch file's, or those of the development chain."""
    if batch is None:
        from zkroll.rollup.development import DEVELOPMENT_CHAIN_ID, development_genesis_root

        return development_genesis_root(), DEVELOPMENT_CHAIN_ID
    from zkroll.rollup.batch import read_batch
    from zkroll.rollup.genesis import build_state

    loaded = read_batch(batch)
    return build_state(loaded.pre_state).root, loaded.chain_id
