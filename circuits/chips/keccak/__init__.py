"""Keccak-256: the sponge over message words, the permutation on spread digits, and their tables."""
