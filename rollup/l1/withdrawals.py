"""Withdrawals of a batch: leaves, the Keccak tree over them, and the proofs that L1 takes.

    leaf = keccak256(token | recipient | amount), 32 bytes each
    node = keccak256(left | right), where a node without a right child has right = 0

Levels are paired from the left until one node is left: that is the root. The root of no withdrawals is 0, of one
it is the leaf. A leaf at `position` in a tree of `depth` levels below its root has the generalised index
g = 2^depth | position; the bits of g from the lowest say at each level whether the node is a right child. A leaf
hashes 96 bytes and a node 64, so no inner node is a leaf, and one leaf has one g: L1 marks (batch, g) as claimed.

>>> tree = WithdrawalTree([Withdrawal(0, 0xB0B, 5), Withdrawal(0, 0xA11CE, 7), Withdrawal(0, 0xB0B, 5)])
>>> [tree.generalised_index(position) for position in range(3)]
[4, 5, 6]
>>> proof_root(Withdrawal(0, 0xA11CE, 7), 5, tree.proof(1)) == tree.root
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError

EMPTY_ROOT: Final = bytes(32)
"""The root of a batch without withdrawals."""

MAX_DEPTH: Final = 32
"""The deepest tree that L1 takes a proof from."""

_NO_NODE: Final = bytes(32)


@dataclass(frozen=True)
class Withdrawal:
    """`amount` (wei or token units, below 2^128) of `token` (its L2 address, 0 for ether) to `recipient` on L1.

    Raises InputError for an address of more than 160 bits or an amount of more than 128.
    """

    token: int
    recipient: int
    amount: int

    def __post_init__(self) -> None:
        for field, bits in (("token", 160), ("recipient", 160), ("amount", 128)):
            value = getattr(self, field)
            if not 0 <= value < 1 << bits:
                raise InputError(f"withdrawal: {field}: expected {bits} bits, got {value:#x}")

    def leaf(self) -> bytes:
        """The leaf, 32 bytes."""
        return keccak256(
            b"".join(part.to_bytes(32, "big") for part in (self.token, self.recipient, self.amount))
        )


class WithdrawalTree:
    """The tree over the withdrawals of one batch, in the order in which the batch made them."""

    def __init__(self, withdrawals: Sequence[Withdrawal]) -> None:
        """Raises InputError for more than 2^32 withdrawals."""
        if len(withdrawals) > 1 << MAX_DEPTH:
            raise InputError(f"withdrawals: expected at most 2^{MAX_DEPTH}, got {len(withdrawals)}")
        self.withdrawals = tuple(withdrawals)
        self._levels = _levels([withdrawal.leaf() for withdrawal in withdrawals])

    @property
    def root(self) -> bytes:
        """The root, 32 bytes; 0 of no withdrawals."""
        return self._levels[-1][0] if self.withdrawals else EMPTY_ROOT

    @property
    def depth(self) -> int:
        """Levels below the root: 0 for one withdrawal or none."""
        return len(self._levels) - 1

    def generalised_index(self, position: int) -> int:
        """g = 2^depth | position; raises InputError when there is no such withdrawal."""
        self._require(position)
        return 1 << self.depth | position

    def proof(self, position: int) -> list[bytes]:
        """The siblings of the leaf at `position` and of the nodes above it, 32 bytes each, lowest first."""
        self._require(position)
        siblings = []
        for level in self._levels[:-1]:
            beside = position ^ 1
            siblings.append(level[beside] if beside < len(level) else _NO_NODE)
            position >>= 1
        return siblings

    def _require(self, position: int) -> None:
        if not 0 <= position < len(self.withdrawals):
            raise InputError(f"withdrawal: expected one of {len(self.withdrawals)}, got number {position}")


def withdrawals_root(withdrawals: Sequence[Withdrawal]) -> bytes:
    """The root of a batch's withdrawals, 32 bytes."""
    return WithdrawalTree(withdrawals).root


def proof_root(withdrawal: Withdrawal, generalised_index: int, proof: Sequence[bytes]) -> bytes:
    """The root that a proof leads to, as L1 computes it.

    Raises InputError when `generalised_index` is not of a leaf `len(proof)` levels below the root.
    """
    if generalised_index >> len(proof) != 1:
        raise InputError(
            f"withdrawal: generalised index: expected {len(proof) + 1} bits, as many as siblings and one, "
            f"got {generalised_index:#x}"
        )
    node = withdrawal.leaf()
    for level, sibling in enumerate(proof):
        if len(sibling) != 32:
            raise InputError(f"withdrawal: sibling {level}: expected 32 bytes, got {len(sibling)}")
        node = keccak256(sibling + node if generalised_index >> level & 1 else node + sibling)
    return node


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    levels = [leaves]
    while len(levels[-1]) > 1:
        below = levels[-1]
        padded = below + [_NO_NODE] * (len(below) % 2)
        levels.append(
            [keccak256(left + right) for left, right in zip(padded[::2], padded[1::2], strict=True)]
        )
    return levels
