"""The rollup's L1: a folder with an embedded chain, or a JSON-RPC endpoint."""

from __future__ import annotations

import os
from pathlib import Path

from zkroll.errors import InputError
from zkroll.rollup.l1.inbox import L1, Deployment, PostedBatch, Receipt, hex_address, parse_address

__all__ = [
    "L1",
    "Deployment",
    "PostedBatch",
    "Receipt",
    "development_rollup_address",
    "hex_address",
    "open_l1",
    "parse_address",
]


def open_l1(
    target: str | os.PathLike[str],
    *,
    create: bool = False,
    contract: int | None = None,
    key_file: str | os.PathLike[str] | None = None,
) -> L1:
    """Open an L1: the folder of an embedded chain (made when `create`), or an http(s) JSON-RPC URL.

    `contract` is the inbox to insist on. Transactions on an endpoint are signed with the key in `key_file`
    or in the variable ZKROLL_L1_KEY; an embedded chain has its own public development key. Raises InputError.
    """
    from zkroll.rollup.l1.node import EmbeddedNode, RpcNode

    text = os.fspath(target)
    if not text or "\x00" in text:
        raise InputError("L1: expected a folder or an http(s) URL")
    if "://" in text:
        return L1(RpcNode(text, key_file), contract)
    return L1(EmbeddedNode(Path(text), create=create), contract)


def development_rollup_address() -> int:
    """Where the first inbox of a fresh embedded chain lies: its deployer's first CREATE."""
    import rlp

    from zkroll.algebra.keccak import keccak256
    from zkroll.rollup.l1.keys import insecure_development_deployer

    deployer = bytes.fromhex(insecure_development_deployer().address[2:])
    return int.from_bytes(keccak256(rlp.encode([deployer, 0]))[12:], "big")
