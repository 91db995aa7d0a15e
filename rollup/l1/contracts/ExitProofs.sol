// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IExitProofs} from "./IExitProofs.sol";

/// @title Checks the proofs with which users leave when nobody runs the rollup: of a balance, and of being its owner.
/// @notice Without state, owner and ether. Poseidon is computed by four contracts that zkroll generates, one for
/// each number of inputs; the constructor takes only contracts with exactly the code that is expected.
contract ExitProofs is IExitProofs {
    /// Order r of the BN254 scalar field, over which Poseidon and BabyJubJub are.
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// Circuits know paths up to this depth.
    uint256 public constant MAX_DEPTH = 124;

    // Fields of an account in the state tree.
    uint256 private constant BALANCE = 1;
    uint256 private constant STORAGE = 5;
    /// The slot of the mapping of balances in a token's storage.
    uint256 private constant BALANCES_SLOT = 1;

    // BabyJubJub: a x^2 + y^2 = 1 + d x^2 y^2 with a square a and a d that is none, hence the complete addition law.
    uint256 private constant A = 168700;
    uint256 private constant D = 168696;
    /// Order of the subgroup that the point Base8 generates; the curve has eight times as many points.
    uint256 private constant SUBGROUP_ORDER =
        2736030358979909402780800718157159386076813972158567259200215660948447373041;
    uint256 private constant BASE8_X = 5299619240641551281634865583518297030282874472190772894086521144482721001553;
    uint256 private constant BASE8_Y = 16950150798460657717958625567821834550301663161624707787222815936182638968203;

    // What `zkroll.rollup.l1.poseidon_contract` generates, as keccak256 of the code.
    bytes32 private constant CODE2 = 0xc9a5ffb29c82f136ccd227a2cf137b0c8e657786288a8830e738bd1a00cea4e0;
    bytes32 private constant CODE3 = 0xed69701a5724208b79a44b597dcc033f42c5c530ce9e51173ebf7fa965ae1cdd;
    bytes32 private constant CODE4 = 0x53248a8fc2de784e348efc23170261c13bae47bb2cae4a93dad4cbccdf0f94ce;
    bytes32 private constant CODE5 = 0xe905e3521bf0e01be5ed81cd07ad04c836a23105cfc0cb93c37dd95e474d84b1;

    /// Poseidon of two, three, four and five inputs.
    address public immutable poseidon2;
    address public immutable poseidon3;
    address public immutable poseidon4;
    address public immutable poseidon5;

    error NotPoseidon(uint256 inputs, address got);
    error PoseidonFailed(address poseidon);
    error NotInField(uint256 got);
    error NotWholeSiblings(uint256 length);
    error PathTooLong(uint256 most, uint256 got);
    error BalanceTooLarge(uint256 got);
    error WrongRoot(bytes32 expected, bytes32 got);
    error WrongSignatureLength(uint256 expected, uint256 got);
    error NotOnCurve(uint256 x, uint256 y);
    error ScalarTooLarge(uint256 got);
    error WrongAccount(address expected, address got);
    error WrongSignature();

    constructor(address poseidon2_, address poseidon3_, address poseidon4_, address poseidon5_) {
        if (poseidon2_.codehash != CODE2) revert NotPoseidon(2, poseidon2_);
        if (poseidon3_.codehash != CODE3) revert NotPoseidon(3, poseidon3_);
        if (poseidon4_.codehash != CODE4) revert NotPoseidon(4, poseidon4_);
        if (poseidon5_.codehash != CODE5) revert NotPoseidon(5, poseidon5_);
        poseidon2 = poseidon2_;
        poseidon3 = poseidon3_;
        poseidon4 = poseidon4_;
        poseidon5 = poseidon5_;
    }

    // ---- balances ---------------------------------------------------------------------------------------------

    /// @inheritdoc IExitProofs
    /// @dev A leaf is Poseidon(key, value, 1), a node Poseidon(left, right), with different constants for the two,
    /// so that no node is a leaf. The path is the key's bits from the lowest, 0 to the left. An absent place has the
    /// balance 0 and no leaf, so there is nothing to prove of it.
    function verifyBalance(bytes32 root, address account, address token, uint256 balance, bytes calldata proof)
        external
        view
    {
        if (proof.length % 32 != 0) revert NotWholeSiblings(proof.length);
        if (proof.length > MAX_DEPTH * 32) revert PathTooLong(MAX_DEPTH, proof.length / 32);
        if (token == address(0) && balance >> 128 != 0) revert BalanceTooLarge(balance);

        uint256 key = _balanceKey(account, token);
        // The word 0 has the value 0, in a leaf that had another word once.
        uint256 value = balance == 0 ? 0 : _poseidon(poseidon2, 2, [balance >> 128, uint128(balance), 0, 0, 0]);
        uint256 leaf = _poseidon(poseidon3, 3, [key, value, 1, 0, 0]);
        bytes32 got = bytes32(_climb(key, leaf, proof));
        if (got != root) revert WrongRoot(root, got);
    }

    /// Poseidon(address, field, high and low half of the slot) of an account's ether or of its balance in a token.
    function _balanceKey(address account, address token) private view returns (uint256) {
        if (token == address(0)) return _poseidon(poseidon4, 4, [uint256(uint160(account)), BALANCE, 0, 0, 0]);
        uint256 slot = uint256(keccak256(abi.encode(account, BALANCES_SLOT)));
        return _poseidon(poseidon4, 4, [uint160(token), STORAGE, slot >> 128, uint128(slot), 0]);
    }

    /// The root that follows from a leaf and the siblings on the path of `key`.
    function _climb(uint256 key, uint256 node, bytes calldata proof) private view returns (uint256) {
        address poseidon = poseidon2;
        for (uint256 depth = proof.length / 32; depth > 0;) {
            bool failed;
            uint256 sibling;
            assembly ("memory-safe") {
                depth := sub(depth, 1)
                sibling := calldataload(add(proof.offset, shl(5, depth)))
                let side := shl(5, and(shr(depth, key), 1))
                mstore(side, node)
                mstore(xor(side, 0x20), sibling)
                // A call of an account without code would succeed as well, and return nothing.
                failed := iszero(staticcall(gas(), poseidon, 0x00, 0x40, 0x00, 0x20))
                failed := or(failed, iszero(eq(returndatasize(), 0x20)))
                node := mload(0x00)
            }
            if (failed) {
                if (sibling >= R) revert NotInField(sibling);
                revert PoseidonFailed(poseidon);
            }
        }
        return node;
    }

    // ---- signatures -------------------------------------------------------------------------------------------

    /// @inheritdoc IExitProofs
    /// @dev Accepted when S·Base8 = R8 + 8·h·A with h = Poseidon(R8, A, message >> 3), S below the order of the
    /// subgroup and A and R8 on the curve: what the rollup's circuit accepts for transactions. As there, A need not
    /// lie in the subgroup; the account of a key of small order has no owner, anybody can sign for it.
    function verifySignature(address account, bytes32 message, bytes calldata signature) external view {
        if (signature.length != 160) revert WrongSignatureLength(160, signature.length);
        (uint256[2] memory key, uint256[2] memory r8, uint256 s) =
            abi.decode(signature, (uint256[2], uint256[2], uint256));
        _requirePoint(key);
        _requirePoint(r8);
        if (s >= SUBGROUP_ORDER) revert ScalarTooLarge(s);

        address owner = address(uint160(_poseidon(poseidon2, 2, [key[0], key[1], 0, 0, 0])));
        if (owner != account) revert WrongAccount(account, owner);

        uint256 challenge = _poseidon(poseidon5, 5, [r8[0], r8[1], key[0], key[1], uint256(message) >> 3]);
        // 8·A lies in the subgroup, so that h counts modulo its order.
        if (!_isSum(key, r8, s, challenge % SUBGROUP_ORDER)) revert WrongSignature();
    }

    function _requirePoint(uint256[2] memory point) private pure {
        (uint256 x, uint256 y) = (point[0], point[1]);
        if (x >= R) revert NotInField(x);
        if (y >= R) revert NotInField(y);
        uint256 xx = mulmod(x, x, R);
        uint256 yy = mulmod(y, y, R);
        uint256 left = addmod(mulmod(A, xx, R), yy, R);
        if (left != addmod(1, mulmod(mulmod(D, xx, R), yy, R), R)) revert NotOnCurve(x, y);
    }

    /// Whether s·Base8 - h·(8·A) = R8, for scalars below the subgroup's order and points on the curve.
    /// @dev Points are X, Y, Z, T with x = X/Z, y = Y/Z, T = XY/Z, 0x20 bytes each, and in the table d·T after them.
    /// Source: Hisil, Wong, Carter, Dawson, "Twisted Edwards curves revisited" (2008): the unified addition, which
    /// is complete here, and the doubling. Of two bits of s and two of h at a time, i and j, the table's entry
    /// i + 4j is i·Base8 - j·(8·A). Sums of up to five elements below R fit in a word, so few need a reduction.
    function _isSum(uint256[2] memory a, uint256[2] memory r8, uint256 s, uint256 h)
        private
        pure
        returns (bool equal)
    {
        assembly ("memory-safe") {
            // [X : Y : Z] at p doubled in place, with T.
            function double(p) {
                let x := mload(p)
                let y := mload(add(p, 0x20))
                let both := add(x, y)
                both := mulmod(both, both, R)
                x := mulmod(x, x, R)
                y := mulmod(y, y, R)
                let e := sub(add(both, add(R, R)), add(x, y)) // 2 X Y
                let z := mload(add(p, 0x40))
                z := mulmod(z, z, R)
                x := mulmod(A, x, R)
                let g := add(x, y) // a X^2 + Y^2
                let f := sub(add(g, add(R, R)), add(z, z)) // G - 2 Z^2
                let n := sub(add(x, R), y) // a X^2 - Y^2
                mstore(p, mulmod(e, f, R))
                mstore(add(p, 0x20), mulmod(g, n, R))
                mstore(add(p, 0x40), mulmod(f, g, R))
                mstore(add(p, 0x60), mulmod(e, n, R))
            }
            // p + q of a point and an entry of the table, to `to`, which may be p.
            function addEntry(to, p, q) {
                let x := mload(p)
                let y := mload(add(p, 0x20))
                let qx := mload(q)
                let qy := mload(add(q, 0x20))
                let xx := mulmod(x, qx, R)
                let yy := mulmod(y, qy, R)
                let e := sub(add(mulmod(add(x, y), add(qx, qy), R), add(R, R)), add(xx, yy))
                let n := sub(add(yy, R), mulmod(A, xx, R))
                let c := mulmod(mload(add(p, 0x60)), mload(add(q, 0x80)), R) // d T1 T2
                let z := mulmod(mload(add(p, 0x40)), mload(add(q, 0x40)), R)
                let g := add(z, c)
                let f := sub(add(z, R), c)
                mstore(to, mulmod(e, f, R))
                mstore(add(to, 0x20), mulmod(g, n, R))
                mstore(add(to, 0x40), mulmod(f, g, R))
                mstore(add(to, 0x60), mulmod(e, n, R))
            }
            function affine(to, x, y) {
                mstore(to, x)
                mstore(add(to, 0x20), y)
                mstore(add(to, 0x40), 1)
                mstore(add(to, 0x60), mulmod(x, y, R))
            }
            function finish(entry) {
                mstore(add(entry, 0x80), mulmod(D, mload(add(entry, 0x60)), R))
            }

            // Sixteen entries of 0xa0 bytes, then the running point. Nothing is allocated: no Solidity follows.
            let table := mload(0x40)
            let point := add(table, 0xa00)
            affine(table, 0, 1)
            finish(table)
            let base := add(table, 0xa0)
            affine(base, BASE8_X, BASE8_Y)
            finish(base)
            for { let entry := add(base, 0xa0) } lt(entry, add(table, 0x280)) { entry := add(entry, 0xa0) } {
                addEntry(entry, sub(entry, 0xa0), base)
                finish(entry)
            }
            let key := add(table, 0x280)
            affine(key, sub(R, mload(a)), mload(add(a, 0x20)))
            double(key)
            double(key)
            double(key)
            finish(key)
            for { let entry := add(key, 0xa0) } lt(entry, point) { entry := add(entry, 0xa0) } {
                addEntry(entry, sub(entry, 0x280), key)
                finish(entry)
            }

            affine(point, 0, 1)
            // From bits 251 and 250 of s and h, which are below 2^251, down to bits 1 and 0.
            for { let shift := 252 } shift {} {
                shift := sub(shift, 2)
                double(point)
                double(point)
                let digits := or(and(shr(shift, s), 3), shl(2, and(shr(shift, h), 3)))
                addEntry(point, point, add(table, mul(digits, 0xa0)))
            }
            let z := mload(add(point, 0x40))
            equal := eq(mload(point), mulmod(mload(r8), z, R))
            equal := and(equal, eq(mload(add(point, 0x20)), mulmod(mload(add(r8, 0x20)), z, R)))
        }
    }

    // ---- Poseidon ---------------------------------------------------------------------------------------------

    /// Poseidon of the first `count` inputs by the contract for so many, which refuses those that are not below R.
    function _poseidon(address poseidon, uint256 count, uint256[5] memory inputs)
        private
        view
        returns (uint256 digest)
    {
        bool done;
        assembly ("memory-safe") {
            done := staticcall(gas(), poseidon, inputs, shl(5, count), 0x00, 0x20)
            done := and(done, eq(returndatasize(), 0x20))
            digest := mload(0x00)
        }
        if (!done) revert PoseidonFailed(poseidon);
    }
}
