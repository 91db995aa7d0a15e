"""What is known of a rollup on L1: its contracts, tokens and keys, as the file ``deployment.json``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from zkroll.errors import InputError

LARGEST_DEPLOYMENT = 1 << 20  # bytes

_Natural = Annotated[int, msgspec.Meta(ge=0)]
_Positive = Annotated[int, msgspec.Meta(ge=1)]
_ChainId = _Positive


class TokenPair(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A token's contract on L1 and the account that stands for it on L2, as 0x addresses."""

    name: str
    l1: str
    l2: str


class Deployment(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One rollup. Addresses and 32-byte words are 0x hex; ``chain_id`` is the rollup's, ``l1_chain_id`` the L1's.

    profile, chunks: what a wrap proof covers; key_digest: the machine that its verifier accepts; block: where the
    rollup was deployed, before which nothing has to be looked for.
    """

    chain_id: _ChainId
    l1_chain_id: _ChainId
    rollup: str
    verifier: str
    exit_proofs: str
    sequencer: str
    genesis_root: str
    key_digest: str
    profile: str
    chunks: _Positive
    insecure: bool
    block: _Natural
    tokens: tuple[TokenPair, ...] = ()

    @property
    def rollup_address(self) -> int:
        """The rollup contract as a number."""
        return int(self.rollup, 16)

    def to_json(self) -> bytes:
        """The file's bytes."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @staticmethod
    def from_json(text: bytes, place: str) -> Deployment:
        """Read the file; raises InputError with the place of what is wrong."""
        try:
            deployment = msgspec.json.decode(text, type=Deployment)
        except msgspec.MsgspecError as error:
            raise InputError(f"{place}: {error}") from error
        words = {"rollup": 40, "verifier": 40, "exit_proofs": 40, "sequencer": 40, "genesis_root": 64}
        for name, digits in words.items():
            _require_hex(getattr(deployment, name), digits, f"{place}: {name}")
        for token in deployment.tokens:
            _require_hex(token.l1, 40, f"{place}: token {token.name}: l1")
            _require_hex(token.l2, 40, f"{place}: token {token.name}: l2")
        return deployment

    def l2_token(self, name: str | None) -> int:
        """The L2 address of a token by its name or address; 0, ether, for None, ``ether`` and 0.

        Raises InputError for a token that the rollup does not bridge.
        """
        if name is None or name.lower() in ("ether", "eth", "0", "0x0"):
            return 0
        for token in self.tokens:
            if name.lower() in (token.name.lower(), token.l1.lower(), token.l2.lower()):
                return int(token.l2, 16)
        known = ", ".join(["ether", *(token.name for token in self.tokens)])
        raise InputError(f"token: expected one of {known}, got {name!r:.60}")

    def l1_token(self, l2_token: int) -> int:
        """The L1 contract of a token, given its L2 address; 0 is ether on both."""
        if not l2_token:
            return 0
        for token in self.tokens:
            if int(token.l2, 16) == l2_token:
                return int(token.l1, 16)
        raise InputError(f"token: expected one that the rollup bridges, got {l2_token:#042x}")

    def token_name(self, l2_token: int) -> str:
        """The name of a token, given its L2 address."""
        if not l2_token:
            return "ether"
        return next((token.name for token in self.tokens if int(token.l2, 16) == l2_token), hex(l2_token))


def _require_hex(text: str, digits: int, place: str) -> None:
    body = text[2:]
    if text[:2] != "0x" or len(body) != digits or not body.isalnum() or not body.isascii():
        raise InputError(f"{place}: expected 0x and {digits} hex digits, got {text!r:.90}")
    try:
        int(body, 16)
    except ValueError:
        raise InputError(f"{place}: expected 0x and {digits} hex digits, got {text!r:.90}") from None
