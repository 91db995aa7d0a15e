"""The Groth16 prover: keys, a development setup, and proofs from witnesses.

Source: J. Groth, "On the size of pairing-based non-interactive arguments", EUROCRYPT 2016, section 3.2.
"""

from zkroll.prover.groth16.key import Key, ProvingKey
from zkroll.prover.groth16.mapped_key import MappedKey
from zkroll.prover.groth16.prove import prove, prove_zk, public_inputs
from zkroll.prover.groth16.setup import setup_insecure
from zkroll.prover.groth16.zkey import from_zkey, map_proving_key, open_proving_key, to_zkey

__all__ = [
    "Key",
    "MappedKey",
    "ProvingKey",
    "from_zkey",
    "map_proving_key",
    "open_proving_key",
    "prove",
    "prove_zk",
    "public_inputs",
    "setup_insecure",
    "to_zkey",
]
