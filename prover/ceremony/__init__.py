"""The two phases of the trusted setup: contributions, beacons and their verification, as snarkjs has them."""
