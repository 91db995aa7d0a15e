// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What the rollup asks of the contract that checks a user's own proofs, with no operator and no prover.
/// @notice Both functions return nothing and revert when what they are shown does not hold. Neither binds a call to
/// a rollup, a chain or a purpose: the caller does, by the root it passes and by what it hashes into the message.
interface IExitProofs {
    /// @notice Reverts unless the state of `root` says that `account` has exactly `balance` of `token`.
    /// @param root The rollup's state root, an element of the BN254 scalar field.
    /// @param token 0 for ether, else the token's contract on L2, whose mapping of balances is in slot 1.
    /// @param proof The siblings on the path to the balance's leaf, from the root down, 32 bytes each.
    function verifyBalance(bytes32 root, address account, address token, uint256 balance, bytes calldata proof)
        external
        view;

    /// @notice Reverts unless `signature` is an EdDSA-Poseidon signature by the key of `account` over `message >> 3`.
    /// @param message A digest of all that is agreed to. Its low three bits are dropped, which makes it an element
    /// of the field, so it has to come out of a hash function such as keccak256.
    /// @param signature Ax, Ay, R8x, R8y, S, 32 bytes each.
    function verifySignature(address account, bytes32 message, bytes calldata signature) external view;
}
