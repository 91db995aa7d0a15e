"""Wrap proofs: keys of the wrap circuit and the prover. What verifies them is in `zkroll.verifier.wrap`."""
