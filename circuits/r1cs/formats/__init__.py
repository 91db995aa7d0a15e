"""The file formats of circom and snarkjs: .r1cs, .wtns, .sym, .zkey, and JSON of keys and proofs."""
