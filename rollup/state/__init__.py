"""The rollup's state: a Poseidon sparse Merkle tree, the words beside it, and the store that keeps both."""
