"""zkroll sync: rebuild the state of a rollup from L1 alone."""

from __future__ import annotations

from typing import Annotated

import typer

from zkroll.rollup.cli.arguments import JsonOption
from zkroll.rollup.cli.console import emit, facts
from zkroll.rollup.cli.progress import work_progress
from zkroll.rollup.cli.session import DEFAULT_DATA, DataOption, OtherL1Option, open_node


def sync_command(
    data: DataOption = DEFAULT_DATA,
    l1: OtherL1Option = None,
    contract: Annotated[
        str | None,
        typer.Option("--contract", metavar="ADDRESS", help="The rollup, where the folder does not know it."),
    ] = None,
    genesis: Annotated[
        str | None,
        typer.Option("--genesis", metavar="STATE.json", help="The accounts of batch 0; else the folder's."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read data and messages of every finalised batch from L1, execute them, and end at the finalised root.

    A folder that has no rollup yet becomes one from which accounts can leave without an operator.
    """
    from zkroll.algebra.files import read_regular_file
    from zkroll.errors import InputError
    from zkroll.rollup.batch import parse_accounts
    from zkroll.rollup.development import bridge_genesis
    from zkroll.rollup.l1 import parse_address
    from zkroll.rollup.l1.bridge import Bridge
    from zkroll.rollup.operator.folder import LARGEST_FILE
    from zkroll.rollup.operator.follow import adopt_genesis, follow
    from zkroll.rollup.operator.replica import keep_withdrawals, open_replica

    with open_node(data, l1) as (folder, node):
        if contract is None and not folder.has_deployment():
            raise InputError(f"{folder.path}: no rollup is known here: name it with --contract")
        address = folder.deployment().rollup_address if contract is None else parse_address(contract)
        if folder.has_deployment() and address != folder.deployment().rollup_address:
            raise InputError(
                f"{folder.path}: expected its rollup {folder.deployment().rollup}, got {contract}"
            )
        bridge = Bridge(node, address)
        if genesis is not None:
            adopt_genesis(folder, bridge, parse_accounts(read_regular_file(genesis, LARGEST_FILE)))
        elif not (folder.path / "genesis.json").exists():
            adopt_genesis(folder, bridge, bridge_genesis())
        if not folder.has_deployment():
            follow(folder, bridge, folder.genesis(), l1)
        with work_progress() as progress, open_replica(folder) as replica:
            before = replica.number
            synced = replica.sync(
                bridge,
                lambda done, last: progress("executing", (done - before) / (last - before), f"batch {done}"),
            )
            keep_withdrawals(folder, synced)
    document = {
        "l1": node.name,
        "contract": f"0x{address:040x}",
        "batches_read": synced.number - before,
        "batch_number": synced.number,
        "root": f"0x{synced.root:064x}",
    }
    emit(document, as_json, lambda: facts(document))
