"""EdDSA-Poseidon signatures: one row per signature, and a ladder of 64 rows beside it."""

from zkroll.circuits.chips.signature.equation import SignatureChip
from zkroll.circuits.chips.signature.ladder import SignatureLadderChip

__all__ = ["SignatureChip", "SignatureLadderChip"]
