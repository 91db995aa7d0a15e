"""zkroll inspect: what is in a proof file, a file of wrapped batches or a batch file."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from zkroll.algebra.files import read_regular_file
from zkroll.rollup.cli.arguments import LARGEST_PROOF, JsonOption, load_proof, load_wrapped
from zkroll.rollup.cli.console import emit, facts, say, table


def inspect_command(
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="A proof, wrapped batches or a batch file.", show_default=False),
    ],
    as_json: JsonOption = False,
) -> None:
    """Show roots, sizes, rows per chip and key digest of a proof, or the header and transactions of a batch.

    Nothing is proved or verified.
    """
    from zkroll.rollup.proof import MAGIC

    content = read_regular_file(file, LARGEST_PROOF)
    wrapped = load_wrapped(file)
    if wrapped is not None:
        found = wrapped.describe()
    else:
        found = load_proof(file).describe() if content.startswith(MAGIC) else _batch(file)

    def show() -> None:
        facts({name: value for name, value in found.items() if not isinstance(value, dict | list)})
        for name, value in found.items():
            if isinstance(value, dict):
                say(f"{name.replace('_', ' ')}:")
                facts({f"  {key}": entry for key, entry in value.items()})
            elif isinstance(value, list) and value:
                say()
                table(name, tuple(value[0]), [tuple(row.values()) for row in value])

    emit(found, as_json, show)


def _batch(file: str) -> dict[str, Any]:
    from zkroll.rollup.batch import read_batch
    from zkroll.rollup.genesis import build_state
    from zkroll.rollup.l1 import hex_address

    batch = read_batch(file)
    data = batch.encode_data()
    return {
        "kind": "batch",
        "chain_id": batch.chain_id,
        "batch_number": batch.batch_number,
        "rollup_address": hex_address(batch.rollup_address),
        "timestamp": batch.timestamp,
        "coinbase": hex_address(batch.coinbase),
        "accounts": len(batch.pre_state),
        "old_root": f"0x{build_state(batch.pre_state).root:064x}",
        "data_bytes": len(data),
        "data_hash": "0x" + batch.data_hash().hex(),
        "transactions": [
            {
                "from": hex_address(signed.transaction.sender),
                "to": hex_address(signed.transaction.to),
                "value": str(signed.transaction.value),
                "nonce": signed.transaction.nonce,
                "gas_limit": signed.transaction.gas_limit,
                "gas_price": str(signed.transaction.gas_price),
                "calldata_bytes": len(signed.transaction.data),
            }
            for signed in batch.transactions
        ],
    }
