"""Begin a data folder: name its L1, or make an embedded one whose development accounts have ether."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

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

    Raises InputError where the folder names another L1, or the endpoint cannot be reached.
    """
    folder = DataFolder(data)
    folder.create()
    folder.set_l1(url)
    with open_l1(folder.l1_target(), create=url is None) as chain:
        accounts = []
        if url is None:
            for index in range(FUNDED_ACCOUNTS):
                address = int(insecure_development_account(index).address, 16)
                node = chain.node
                if isinstance(node, Web3Node) and not node.balance(address):
                    node.send(address, b"", FUNDED_WEI)
                accounts.append(address)
        return StartedL1(chain.name, chain.node.chain_id, tuple(accounts))
