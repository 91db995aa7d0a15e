"""zkroll: prove EVM rollup batches over BN254 and verify them against the roots posted on L1."""

__version__ = "0.1.0"
