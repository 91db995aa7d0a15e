"""What the verbs of a deployed rollup share: the data folder, its L1, and who pays there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from zkroll.rollup.l1.bridge import Bridge
    from zkroll.rollup.l1.inbox import Node, Receipt
    from zkroll.rollup.operator.deployment import Deployment
    from zkroll.rollup.operator.folder import DataFolder

DataOption = Annotated[
    str,
    typer.Option("--data", metavar="DIR", help="The folder of this operator or node.", envvar="ZKROLL_DATA"),
]
DEFAULT_DATA = "zkroll-data"
OtherL1Option = Annotated[
    str | None,
    typer.Option("--l1", metavar="L1", help="Another L1 than the data folder names: a folder or a URL."),
]
PayerOption = Annotated[
    int | None,
    typer.Option(
        "--l1-account", min=0, metavar="N", help="Pay on a development L1 with its INSECURE account N."
    ),
]
TokenOption = Annotated[
    str | None, typer.Option("--token", metavar="TOKEN", help="Name or address of a token; else ether.")
]
WalletOption = Annotated[
    str,
    typer.Option(
        "--from", metavar="WALLET", help="dev:N, an INSECURE development wallet, or a file of 64 hex digits."
    ),
]
LeaverOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="WALLET",
        help="dev:N, an INSECURE development wallet, or a file of 64 hex digits; else the L1 account's own address.",
    ),
]


@dataclass(frozen=True)
class Session:
    """A rollup as a verb sees it."""

    folder: DataFolder
    deployment: Deployment
    node: Node
    bridge: Bridge


@contextlib.contextmanager
def open_node(
    data: str, l1: str | None = None, key_file: str | None = None, payer: int | None = None
) -> Iterator[tuple[DataFolder, Node]]:
    """The data folder and the L1 that it, or the option, names."""
    from zkroll.errors import InputError
    from zkroll.rollup.l1 import open_l1
    from zkroll.rollup.l1.keys import insecure_development_account
    from zkroll.rollup.l1.node import Web3Node
    from zkroll.rollup.l1.wrap_verifier import DEVELOPMENT_CHAINS
    from zkroll.rollup.operator.folder import DataFolder

    folder = DataFolder(data)
    with open_l1(l1 or folder.l1_target(), key_file=key_file) as chain:
        node: Any = chain.node
        if payer is not None:
            if node.chain_id not in DEVELOPMENT_CHAINS or not isinstance(node, Web3Node):
                raise InputError(
                    f"{node.name}: --l1-account: expected a development chain, got {node.chain_id}"
                )
            node = node.for_account(insecure_development_account(payer))
        yield folder, node


@contextlib.contextmanager
def open_rollup(
    data: str, l1: str | None = None, key_file: str | None = None, payer: int | None = None
) -> Iterator[Session]:
    """The rollup of a data folder, on its L1. Raises InputError where the L1 is another chain."""
    from zkroll.errors import InputError
    from zkroll.rollup.l1.bridge import Bridge

    with open_node(data, l1, key_file, payer) as (folder, node):
        deployment = folder.deployment()
        if node.chain_id != deployment.l1_chain_id:
            raise InputError(
                f"{node.name}: expected chain {deployment.l1_chain_id}, on which the rollup is, got {node.chain_id}"
            )
        yield Session(folder, deployment, node, Bridge(node, deployment.rollup_address))


def spent(receipt: Receipt) -> dict[str, Any]:
    """A transaction on L1, for documents."""
    return {
        "transaction": "0x" + receipt.transaction_hash.hex(),
        "l1_block": receipt.block_number,
        "gas_used": receipt.gas_used,
    }
