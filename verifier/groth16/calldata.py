"""Calldata of the Solidity verifier's function, as bytes for transactions and as text for consoles.

Sources: the contract ABI specification; EIP-197 for the order of coordinates (imaginary part first).
"""

from __future__ import annotations

from collections.abc import Sequence

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.keccak import keccak256
from zkroll.errors import InputError
from zkroll.verifier.groth16.proof import Proof

_WORD = 32


def verify_signature(n_public: int) -> str:
    """Return the function's signature for so many public inputs; without any it has three parameters."""
    last = f",uint256[{n_public}]" if n_public else ""
    return f"verifyProof(uint256[2],uint256[2][2],uint256[2]{last})"


def verify_selector(n_public: int) -> bytes:
    """Return the four bytes that name the function in calldata."""
    return keccak256(verify_signature(n_public).encode())[:4]


def verify_calldata(proof: Proof, public: Sequence[int]) -> bytes:
    """Return the calldata of verifyProof: selector, A, B, C and the public inputs, 4 + 256 + 32·N bytes.

    Raises InputError for public inputs that are not integers in 0..r-1.
    """
    words = b"".join(value.to_bytes(_WORD, "big") for value in _checked(public))
    return verify_selector(len(public)) + proof.to_bytes() + words


def remix_arguments(proof: Proof, public: Sequence[int]) -> str:
    """Return the arguments of verifyProof as consoles such as Remix take them: one line, without its newline.

    Source: what `snarkjs zkey export soliditycalldata` prints, the same for every proof without points at
    infinity; those are zeros here, as the contract takes them. Raises InputError as `verify_calldata` does.
    """
    data = proof.to_bytes()
    words = [f'"0x{data[at : at + _WORD].hex()}"' for at in range(0, len(data), _WORD)]
    a, b_x, b_y, c = (", ".join(words[at : at + 2]) for at in range(0, len(words), 2))
    inputs = ",".join(f'"0x{value:064x}"' for value in _checked(public))
    return f"[{a}],[[{b_x}],[{b_y}]],[{c}],[{inputs}]"


def _checked(public: Sequence[int]) -> list[int]:
    values = list(public)
    for i, value in enumerate(values):
        if type(value) is not int or not 0 <= value < R_MODULUS:
            got = hex(value)[:80] if isinstance(value, int) else type(value).__name__
            raise InputError(f"public inputs: input {i}: expected an integer in 0..r-1, got {got}")
    return values
