"""Proofs with which a user leaves without operator and prover, for the contract `contracts/ExitProofs.sol`.

A balance is shown by the siblings on the path to its leaf in the state tree, ownership by an EdDSA signature of a
digest. The contract drops the low three bits of a digest, which makes it an element of the field: so does `sign_digest`.

>>> from zkroll.rollup.development import development_genesis
>>> from zkroll.rollup.genesis import build_state
>>> from zkroll.rollup.wallet import insecure_dev_wallet
>>> state = build_state(development_genesis())
>>> proof = prove_balance(state, insecure_dev_wallet(0).address)
>>> proof.check()
>>> proof.root == state.root, proof.balance, len(proof.data) == 32 * len(proof.siblings)
(True, 1000000000000000000000, True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from zkroll.algebra.eddsa import sign, verify
from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError, RollupError, VerificationError
from zkroll.rollup.l1.artifact import Artifact, load_artifact
from zkroll.rollup.l1.inbox import Node
from zkroll.rollup.l1.messages import ETHER
from zkroll.rollup.l1.poseidon_contract import INPUTS, poseidon_creation
from zkroll.rollup.state.hashing import is_field_element, poseidon
from zkroll.rollup.state.smt import MAX_DEPTH, Touch
from zkroll.rollup.state.state import Field, Place, State, tree_keys, tree_values
from zkroll.rollup.transaction import Point, address_of
from zkroll.rollup.wallet import Wallet

DIGEST_BYTES: Final = 32
SIGNATURE_BYTES: Final = 160
BALANCES_SLOT: Final = 1
"""The slot of the mapping of balances in the storage of a token on L2."""

_WORD: Final = 32
_DROPPED_BITS: Final = 3
_ETHER_BITS: Final = 128


def exit_proofs_artifact() -> Artifact:
    """The compiled contract, `contracts/ExitProofs.sol`."""
    return load_artifact("ExitProofs")


# ---- balances --------------------------------------------------------------------------------------------------


def balance_place(account: int, token: int = ETHER) -> Place:
    """Where the state keeps an account's balance of a token (its L2 address, 0 for ether).

    Raises InputError for an address above 160 bits.
    """
    for name, address in (("account", account), ("token", token)):
        if not 0 <= address < 1 << 160:
            raise InputError(f"balance: {name}: expected an address of 160 bits, got {address:#x}")
    if token == ETHER:
        return Place(account, Field.BALANCE)
    slot = keccak256(account.to_bytes(_WORD, "big") + BALANCES_SLOT.to_bytes(_WORD, "big"))
    return Place(token, Field.STORAGE, int.from_bytes(slot, "big"))


@dataclass(frozen=True)
class BalanceProof:
    """That the state of `root` gives `account` a `balance` of `token`; siblings from the root down."""

    root: int
    account: int
    token: int
    balance: int
    siblings: tuple[int, ...]

    @property
    def data(self) -> bytes:
        """What `verifyBalance` takes as `proof`: 32 bytes for each sibling."""
        return b"".join(sibling.to_bytes(_WORD, "big") for sibling in self.siblings)

    def check(self) -> None:
        """Raise VerificationError where the contract would revert."""
        if len(self.siblings) > MAX_DEPTH:
            raise VerificationError(
                f"balance proof: expected at most {MAX_DEPTH} siblings, got {len(self.siblings)}"
            )
        bits = _ETHER_BITS if self.token == ETHER else 256
        if not 0 <= self.balance < 1 << bits:
            raise VerificationError(f"balance proof: expected a balance of {bits} bits, got {self.balance}")
        for depth, sibling in enumerate(self.siblings):
            if not is_field_element(sibling):
                raise VerificationError(f"balance proof: sibling {depth}: expected one below r")
        (key,) = tree_keys([balance_place(self.account, self.token)])
        (value,) = tree_values([self.balance])
        node = poseidon(key, value, 1)
        for depth in reversed(range(len(self.siblings))):
            sibling = self.siblings[depth]
            node = poseidon(sibling, node) if key >> depth & 1 else poseidon(node, sibling)
        if node != self.root:
            raise VerificationError(f"balance proof: expected root {self.root:#066x}, got {node:#066x}")


def prove_balance(state: State, account: int, token: int = ETHER) -> BalanceProof:
    """The proof of an account's balance in the present state, which does not change.

    Raises InputError where the tree has no leaf for it, which says that the balance is 0.
    """
    place = balance_place(account, token)
    touched = state.prove(place)
    if touched.update.kind is not Touch.UPDATE:
        name = "ether" if token == ETHER else f"token {token:#042x}"
        raise InputError(f"balance proof: expected {account:#042x} to have a balance of {name}, got no leaf")
    return BalanceProof(state.root, account, token, touched.last, touched.update.siblings)


# ---- signatures ------------------------------------------------------------------------------------------------


def message_of(digest: bytes) -> int:
    """The element that is signed for a digest: its upper 253 bits. Raises InputError unless it has 32 bytes."""
    if len(digest) != DIGEST_BYTES:
        raise InputError(f"digest: expected {DIGEST_BYTES} bytes, got {len(digest)}")
    return int.from_bytes(digest, "big") >> _DROPPED_BITS


def sign_digest(wallet: Wallet, digest: bytes) -> bytes:
    """What `verifySignature` takes as `signature`: Ax, Ay, R8x, R8y, S, 32 bytes each.

    `digest` has to be the output of a hash function, as three of its bits are not signed.
    """
    r8, s = sign(wallet.secret, message_of(digest))
    return b"".join(word.to_bytes(_WORD, "big") for word in (*wallet.public_key, *r8, s))


def check_signature(account: int, digest: bytes, signature: bytes) -> None:
    """Raise VerificationError where the contract would revert."""
    if len(signature) != SIGNATURE_BYTES:
        raise VerificationError(f"signature: expected {SIGNATURE_BYTES} bytes, got {len(signature)}")
    ax, ay, rx, ry, s = (
        int.from_bytes(signature[at : at + _WORD], "big") for at in range(0, SIGNATURE_BYTES, _WORD)
    )
    if not verify((ax, ay), (rx, ry), s, message_of(digest)):
        raise VerificationError("signature: expected one of its key over this digest")
    owner = address_of(Point(ax, ay))
    if owner != account:
        raise VerificationError(f"signature: expected a key of {account:#042x}, got one of {owner:#042x}")


# ---- the contracts ---------------------------------------------------------------------------------------------


def deploy_exit_proofs(deploy: Callable[[bytes], int]) -> int:
    """Deploy four Poseidon contracts and ExitProofs over them; gives the address of the latter.

    `deploy` sends a transaction with the data it is given and gives the address of the contract that came of it.
    """
    poseidons = [deploy(poseidon_creation(inputs)) for inputs in INPUTS]
    arguments = [f"0x{address:040x}" for address in poseidons]
    return deploy(exit_proofs_artifact().encode_constructor(*arguments))


def deployer(node: Node) -> Callable[[bytes], int]:
    """Deployment on a node, for `deploy_exit_proofs`; raises as the node's `send`."""

    def deploy(creation: bytes) -> int:
        receipt = node.send(None, creation)
        if receipt.created is None:
            raise RollupError(f"{node.name}: expected a contract, got a transaction that created none")
        return receipt.created

    return deploy
