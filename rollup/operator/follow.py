"""Make a data folder of somebody who only follows a rollup: all that L1 says of it, and the genesis that it began with.

With it an account leaves without its operator: deposits, forced exits, claims and escapes need no more than this folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from zkroll.algebra.keccak import keccak256
from zkroll.errors import RollupError
from zkroll.rollup.batch import accounts_to_json
from zkroll.rollup.genesis import Account, build_state
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.inbox import Node, Reverted, hex_address
from zkroll.rollup.l1.wrap_verifier import WrapVerifier
from zkroll.rollup.operator.deployment import Deployment, TokenPair
from zkroll.rollup.operator.folder import DataFolder

_SYMBOL: Final = keccak256(b"symbol()")[:4]
_LONGEST_SYMBOL: Final = 32  # characters


def adopt_genesis(folder: DataFolder, bridge: Bridge, accounts: Sequence[Account]) -> None:
    """Keep the accounts of batch 0, once they are known to be those of the rollup on L1.

    Raises RollupError for others, and then leaves the folder as it was.
    """
    root, known = build_state(accounts).root, bridge.status().genesis_root
    if root != known:
        raise RollupError(
            f"{bridge.node.name}: genesis: L1 has root {known:#066x}, these accounts {root:#066x}"
        )
    folder.set_genesis(accounts_to_json(accounts))


def follow(folder: DataFolder, bridge: Bridge, accounts: Iterable[Account], target: str | None) -> Deployment:
    """Write ``deployment.json`` and the name of the L1 into a folder that has no rollup yet.

    target: the L1 as ``open_l1`` takes it, None where the folder names it already. The profile stays unknown: L1 has
    only the heights' digest, and nobody but an operator needs it.
    """
    status = bridge.status()
    verifier = WrapVerifier(bridge.node, status.verifier)
    deployment = Deployment(
        chain_id=status.chain_id,
        l1_chain_id=bridge.node.chain_id,
        rollup=hex_address(bridge.address),
        verifier=hex_address(status.verifier),
        exit_proofs=hex_address(status.exit_proofs),
        sequencer=hex_address(status.sequencer),
        genesis_root=f"0x{status.genesis_root:064x}",
        key_digest=f"0x{verifier.key_digest:064x}",
        profile="unknown",
        chunks=verifier.chunks,
        insecure=verifier.insecure,
        block=0,
        tokens=tuple(_bridged(bridge, accounts)),
    )
    if target is not None:
        folder.set_l1(target)
    folder.set_deployment(deployment)
    return deployment


def _bridged(bridge: Bridge, accounts: Iterable[Account]) -> Iterable[TokenPair]:
    """The contracts of the genesis that L1 bridges a token for."""
    for account in accounts:
        l1_token = bridge.l1_token(account.address) if account.code else 0
        if l1_token:
            l2 = hex_address(account.address)
            yield TokenPair(_symbol(bridge.node, l1_token) or l2, hex_address(l1_token), l2)


def _symbol(node: Node, token: int) -> str:
    """What a token on L1 calls itself, empty where that is no short printable word that could not be mistaken."""
    try:
        answer = node.call(token, _SYMBOL)
    except Reverted:
        return ""
    length = int.from_bytes(answer[32:64], "big") if answer[:32] == (32).to_bytes(32, "big") else 0
    text = answer[64 : 64 + min(length, _LONGEST_SYMBOL)].decode("ascii", "replace")
    return (
        text if text.isalnum() and text.isascii() and text.lower() not in ("eth", "ether", "0x0", "0") else ""
    )


__all__ = ["adopt_genesis", "follow"]
