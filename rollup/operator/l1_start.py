"""Begin a data folder: name its L1, or make an embedded one whose development accounts have ether."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from zkroll.errors import InputError
from zkroll.rollup.l1 import open_l1
from zkroll.rollup.l1.keys import insecure_development_account
from zkroll.rollup.l1.node import Web3Node
from zkroll.rollup.operator.folder import DataFolder

FUNDED_ACCOUNTS: Final = 4
FUNDED_WEI: Final = 10_000 * 10**18


@dataclass(frozen=True)
class StartedL1:
    """The L1 of a data folder, and the INSECURE accounts that have ether there."""

    name: str
    chain_id: int
    accounts: tuple[int, ...]


def start_l1(data: str | os.PathLike[str], url: str | None = None) -> StartedL1:
    """Make or open the L1 of a data folder; accounts that have their ether already get no more.

    The folder names the L1 only once it is there. Raises InputError where a rollup of the folder is on another L1, or
    the endpoint cannot be reached.
    """
    folder = DataFolder(data)
    folder.create()
    target = str(folder.l1_folder) if url is None else url
    with open_l1(target, create=url is None) as chain:
        if folder.has_deployment() and chain.node.chain_id != folder.deployment().l1_chain_id:
            raise InputError(
                f"{folder.path}: its rollup is on chain {folder.deployment().l1_chain_id}, "
                f"{chain.name} is chain {chain.node.chain_id}: use another folder"
            )
        folder.set_l1(url)
        accounts = []
        if url is None:
            for index in range(FUNDED_ACCOUNTS):
                address = int(insecure_development_account(index).address, 16)
                node = chain.node
                if isinstance(node, Web3Node) and not node.balance(address):
                    node.send(address, b"", FUNDED_WEI)
                accounts.append(address)
        return StartedL1(chain.name, chain.node.chain_id, tuple(accounts))
