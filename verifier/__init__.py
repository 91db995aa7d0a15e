"""The verifier: protocol description, proofs as bytes, keys and the check itself. Needs no prover and no VM."""
