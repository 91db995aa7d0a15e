"""EdDSA-Poseidon signatures: one row per signature, and 256 double-and-add rows in a ladder beside it."""

from zkroll.circuits.chips.signature.equation import SignatureChip
from zkroll.circuits.chips.signature.ladder import SignatureLadderChip

__all__ = ["SignatureChip", "SignatureLadderChip"]
