// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What the rollup asks of a verifier of wrap proofs.
interface IProofVerifier {
    /// @notice Returns, without a value, if and only if `proof` shows every statement, and reverts otherwise.
    /// @param proof A wrap proof's bytes. Proofs are malleable and identify nothing.
    /// @param statements The public values of `chunks()` batches, 236 bytes each, packed in order: old root 32, new
    /// root 32, batch number 8, chain id 8, rollup 20, timestamp 8, data hash 32, queue before 32, queue after 32,
    /// withdrawals root 32. What these values have to be is the caller's to check.
    function verify(bytes calldata proof, bytes calldata statements) external view;

    /// @notice How many batches one proof covers.
    function chunks() external view returns (uint256);

    /// @notice The digest of the inner verifying key: which machine the proofs speak of.
    function keyDigest() external view returns (uint256);

    /// @notice Whether the keys come from secrets that are publicly known, so that anybody can forge proofs.
    function insecure() external view returns (bool);
}
