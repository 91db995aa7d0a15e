"""Groth16 over BN254: keys, proofs and their verification, one by one or many at a time.

Source: J. Groth, "On the size of pairing-based non-interactive arguments", EUROCRYPT 2016, section 3.2.
"""

from zkroll.verifier.groth16.key import VerifyingKey
from zkroll.verifier.groth16.proof import PROOF_BYTES, Proof
from zkroll.verifier.groth16.reference import verify_reference
from zkroll.verifier.groth16.verify import check_public, verify, verify_batch

__all__ = [
    "PROOF_BYTES",
    "Proof",
    "VerifyingKey",
    "check_public",
    "verify",
    "verify_batch",
    "verify_reference",
]
