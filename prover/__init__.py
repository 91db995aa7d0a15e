"""The prover of the inner proof: keys, commitments, rounds."""
