"""Rank-1 constraint systems: sparse matrices over Fr and the file formats of circom and snarkjs."""
