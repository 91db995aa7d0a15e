// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IProofVerifier} from "./IProofVerifier.sol";

/// @title Verifier of wrap proofs: one Groth16 proof and, for each batch, the curve side of its inner proof.
/// @notice A wrap proof covers `chunks` batches. Its Groth16 part shows that the field side of every inner verifier
/// comes to the scalars written beside it: the transcript, the constraints of all chips at the evaluation point, the
/// balance of all buses, the point y, rho and the scalars s_g. The one public input is SHA-256 of all of that, which
/// `_digest` computes again from what the caller gives. What is left of an inner verifier is done here, with
/// C_g the commitments of its groups and W, W' those of its two opening polynomials:
///
///     L = sum of s_g C_g - rho [1]_1 - W,      e(L + y W', [1]_2) = e(W', [tau]_2).
///
/// @dev Bytes of a proof, every number big-endian: Groth16 A (64), B (128, imaginary parts first), C (64); then for
/// each chunk the commitments of the stages main, helper and quotient (64 each), W (64), W' (64), y (32), rho (32) and
/// s_g (32 each) of all groups, the preprocessed ones first.
///
/// All equations are joined into one product of five pairings. Let E_0 be the quotient of both sides of the Groth16
/// equation and E_c, for c = 1, 2, ..., that of the opening of chunk c, all of them in the group of order r that
/// pairings map to. What is checked is E_0 * E_1^w * E_2^(w^2) * ... = 1, where w is a hash of the whole proof and the
/// digest. Each E is fixed before w is: it depends on A, B, C, the digest (which binds key digest, statements,
/// commitments, W and all scalars), W' and the contract's constants, and on nothing else. If any E is not 1, then the
/// exponents are a polynomial in w that is not 0, of degree `chunks` at most, so that at most `chunks` of the 2^253
/// values of w make the product 1: to have two invalid parts cancel takes some 2^253 / `chunks` trials of the hash.
/// That the E lie in the group of order r is what the precompiled contracts see to: A, B and C go to the pairing
/// contract as they are, which refuses points that are off the curve and a B outside G2; each C_g, W and W' is
/// multiplied by the contract of EIP-196, which refuses points off the curve (G1 has no points of other orders), even
/// where the scalar is 0.
///
/// Pairs whose second point is the same are added up first. gamma, the point of G2 that belongs to the public input
/// in the Groth16 equation, is [1]_2 in every key of a ceremony of snarkjs' kind, and so shares a pair with L + y W'.
/// Key points stand here with the sign that the product needs: all are negated but those of beta and the commitments.
///
/// Every failure reverts, and so does want of gas: only `InvalidProof`, and the errors of range, speak of the proof
/// for certain. As all failing precompiled contracts, one that is given an invalid point takes the gas it was given.
/// Sources: EIP-196, EIP-197; Groth, "On the Size of Pairing-based Non-interactive Arguments" (2016); Gabizon and
/// Williamson, "fflonk" (2021).
contract WrapVerifier is IProofVerifier {
    /// Order of the field that coordinates are in, and that of the scalars.
    uint256 private constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    uint256 private constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// [1]_2 with the imaginary parts first.
    uint256 private constant G2_X1 = 11559732032986387107991004021392285783925812861821192530917403151452391805634;
    uint256 private constant G2_X0 = 10857046999023057135944570762232829481370756359578518086990519993285655852781;
    uint256 private constant G2_Y1 = 4082367875863433681332203403145435568316851327593401208105741076214120093531;
    uint256 private constant G2_Y0 = 8495653923123431417604973247489272438418190587263600148770280649306958101930;

    uint256 private constant STATEMENT_BYTES = 236;
    uint256 private constant GROTH16_BYTES = 0x100;
    uint256 private constant MAX_PREPROCESSED = 4;
    uint256 private constant MAX_GROUPS = 255;
    uint256 private constant MAX_CHUNKS = 64;

    uint256 private constant SHA256 = 2;
    uint256 private constant EC_ADD = 6;
    uint256 private constant EC_MUL = 7;
    uint256 private constant PAIRING = 8;

    uint256 public immutable override chunks;
    uint256 public immutable override keyDigest;
    bool public immutable override insecure;
    /// Commitments of the stages, and those of the key.
    uint256 public immutable mainGroups;
    uint256 public immutable helperGroups;
    uint256 public immutable quotientGroups;
    uint256 public immutable preprocessedGroups;
    /// The only length of proofs, in bytes.
    uint256 public immutable proofLength;

    uint256 private immutable _negAlphaX;
    uint256 private immutable _negAlphaY;
    uint256 private immutable _betaX1;
    uint256 private immutable _betaX0;
    uint256 private immutable _betaY1;
    uint256 private immutable _betaY0;
    uint256 private immutable _negDeltaX1;
    uint256 private immutable _negDeltaX0;
    uint256 private immutable _negDeltaY1;
    uint256 private immutable _negDeltaY0;
    uint256 private immutable _negIc0X;
    uint256 private immutable _negIc0Y;
    uint256 private immutable _negIc1X;
    uint256 private immutable _negIc1Y;
    uint256 private immutable _negTauX1;
    uint256 private immutable _negTauX0;
    uint256 private immutable _negTauY1;
    uint256 private immutable _negTauY0;
    uint256 private immutable _fixed0X;
    uint256 private immutable _fixed0Y;
    uint256 private immutable _fixed1X;
    uint256 private immutable _fixed1Y;
    uint256 private immutable _fixed2X;
    uint256 private immutable _fixed2Y;
    uint256 private immutable _fixed3X;
    uint256 private immutable _fixed3Y;

    error BadConstants();
    error WrongProofLength(uint256 expected, uint256 got);
    error WrongStatementsLength(uint256 expected, uint256 got);
    /// The position is the byte of the proof at which the refused point or number begins.
    error CoordinateNotBelowQ(uint256 position);
    error PointAtInfinity(uint256 position);
    error ScalarNotBelowR(uint256 position);
    /// A precompiled contract failed: a point is not on its curve or outside G2, or there was too little gas.
    error PrecompileFailed(uint256 precompile);
    error InvalidProof();

    /// @param points Of the Groth16 key [alpha]_1, [beta]_2, [delta]_2 and the two points ic_0 and ic_1 of the one and
    /// the digest (gamma is [1]_2), then [tau]_2 of the string that the inner proofs' commitments are made with. Points
    /// are (x, y), and their coordinates in G2 have the imaginary part first.
    /// @param preprocessed The commitments that belong to the machine, at most four. `keyDigest_` binds them.
    /// @param groups Numbers of commitments of the stages main, helper and quotient.
    constructor(
        uint256[18] memory points,
        uint256[2][] memory preprocessed,
        uint256[3] memory groups,
        uint256 chunks_,
        uint256 keyDigest_,
        bool insecure_
    ) {
        uint256 n = preprocessed.length;
        bool shaped = chunks_ != 0 && chunks_ <= MAX_CHUNKS && n <= MAX_PREPROCESSED && keyDigest_ < R;
        for (uint256 i = 0; i < 3; i++) shaped = shaped && groups[i] != 0 && groups[i] <= MAX_GROUPS;
        for (uint256 i = 0; i < 18; i++) shaped = shaped && points[i] < Q;
        for (uint256 i = 0; i < n; i++) shaped = shaped && preprocessed[i][0] < Q && preprocessed[i][1] < Q;
        // Without ic_1 the digest would bind nothing; with delta or tau of 1, anybody could make proofs.
        shaped = shaped && points[0] | points[1] != 0 && points[10] | points[11] != 0 && points[12] | points[13] != 0;
        shaped = shaped && points[2] | points[3] | points[4] | points[5] != 0;
        for (uint256 i = 6; i < 18; i += 8) {
            (uint256 x1, uint256 x0, uint256 y1) = (points[i], points[i + 1], points[i + 2]);
            shaped = shaped && x1 | x0 | y1 | points[i + 3] != 0 && !(x1 == G2_X1 && x0 == G2_X0);
        }
        if (!shaped) revert BadConstants();

        chunks = chunks_;
        keyDigest = keyDigest_;
        insecure = insecure_;
        (mainGroups, helperGroups, quotientGroups) = (groups[0], groups[1], groups[2]);
        preprocessedGroups = n;
        uint256 committed = groups[0] + groups[1] + groups[2];
        proofLength = GROTH16_BYTES + chunks_ * (64 * (committed + 2) + 32 * (committed + n + 2));

        (_negAlphaX, _negAlphaY) = (points[0], _negated(points[1]));
        (_betaX1, _betaX0, _betaY1, _betaY0) = (points[2], points[3], points[4], points[5]);
        (_negDeltaX1, _negDeltaX0) = (points[6], points[7]);
        (_negDeltaY1, _negDeltaY0) = (_negated(points[8]), _negated(points[9]));
        (_negIc0X, _negIc0Y) = (points[10], _negated(points[11]));
        (_negIc1X, _negIc1Y) = (points[12], _negated(points[13]));
        (_negTauX1, _negTauX0) = (points[14], points[15]);
        (_negTauY1, _negTauY0) = (_negated(points[16]), _negated(points[17]));
        (_fixed0X, _fixed0Y) = n > 0 ? (preprocessed[0][0], preprocessed[0][1]) : (0, 0);
        (_fixed1X, _fixed1Y) = n > 1 ? (preprocessed[1][0], preprocessed[1][1]) : (0, 0);
        (_fixed2X, _fixed2Y) = n > 2 ? (preprocessed[2][0], preprocessed[2][1]) : (0, 0);
        (_fixed3X, _fixed3Y) = n > 3 ? (preprocessed[3][0], preprocessed[3][1]) : (0, 0);
    }

    /// @inheritdoc IProofVerifier
    function verify(bytes calldata proof, bytes calldata statements) external view {
        unchecked {
            if (proof.length != proofLength) revert WrongProofLength(proofLength, proof.length);
            if (statements.length != chunks * STATEMENT_BYTES) {
                revert WrongStatementsLength(chunks * STATEMENT_BYTES, statements.length);
            }

            // The proof stands in memory from `start`, with a word behind it for the digest.
            uint256 start;
            assembly ("memory-safe") {
                start := mload(0x40)
                calldatacopy(start, proof.offset, proof.length)
                mstore(0x40, add(start, add(proof.length, 0x20)))
            }
            _checkRanges(start);
            uint256 digest = _digest(start, proof, statements);
            uint256 weight;
            assembly ("memory-safe") {
                mstore(add(start, proof.length), digest)
                weight := shr(3, keccak256(start, add(proof.length, 0x20)))
            }
            _checkEquations(start, digest, weight);
        }
    }

    /// Every coordinate is below q, every scalar below r, and no point is the one at infinity, (0, 0).
    function _checkRanges(uint256 start) private view {
        unchecked {
            uint256 place = start + 0xc0;
            _checkPoints(start, start, start + 0x40);
            _checkTwist(start);
            uint256 committed = mainGroups + helperGroups + quotientGroups;
            uint256 scalars = 2 + preprocessedGroups + committed;
            // C stands right before the points of the first chunk.
            uint256 points = 3 + committed;
            for (uint256 i = 0; i < chunks; i++) {
                uint256 end = place + 64 * points;
                _checkPoints(start, place, end);
                place = end + 32 * scalars;
                _checkScalars(start, end, place);
                points = 2 + committed;
            }
        }
    }

    function _checkPoints(uint256 start, uint256 place, uint256 end) private pure {
        uint256 x;
        uint256 y;
        assembly ("memory-safe") {
            for {} lt(place, end) { place := add(place, 0x40) } {
                x := mload(place)
                y := mload(add(place, 0x20))
                if iszero(and(and(lt(x, Q), lt(y, Q)), gt(or(x, y), 0))) { break }
            }
        }
        if (place < end) {
            if (x >= Q || y >= Q) revert CoordinateNotBelowQ(place - start);
            revert PointAtInfinity(place - start);
        }
    }

    /// The point B.
    function _checkTwist(uint256 start) private pure {
        unchecked {
            uint256 place = start + 0x40;
            uint256 any = 0;
            for (; place < start + 0xc0; place += 0x20) {
                uint256 coordinate = _word(place);
                if (coordinate >= Q) revert CoordinateNotBelowQ(place - start);
                any |= coordinate;
            }
            if (any == 0) revert PointAtInfinity(0x40);
        }
    }

    function _checkScalars(uint256 start, uint256 place, uint256 end) private pure {
        assembly ("memory-safe") {
            for {} and(lt(place, end), lt(mload(place), R)) {} { place := add(place, 0x20) }
        }
        if (place < end) revert ScalarNotBelowR(place - start);
    }

    /// The public input of the Groth16 proof: SHA-256, without its lowest three bits, of the key digest and of each
    /// chunk's statement, digests of its commitments by stage and of W, y, rho and s_g.
    function _digest(uint256 start, bytes calldata proof, bytes calldata statements)
        private
        view
        returns (uint256 digest)
    {
        unchecked {
            uint256 buffer;
            assembly ("memory-safe") {
                buffer := mload(0x40)
            }
            uint256 end = buffer + 0x20;
            _put(buffer, keyDigest);
            uint256 place = start + GROTH16_BYTES;
            uint256 scalarBytes = 32 * (2 + preprocessedGroups + mainGroups + helperGroups + quotientGroups);
            for (uint256 i = 0; i < chunks; i++) {
                assembly ("memory-safe") {
                    calldatacopy(end, add(statements.offset, mul(i, STATEMENT_BYTES)), STATEMENT_BYTES)
                    end := add(end, STATEMENT_BYTES)
                }
                _put(end, _sha256(place, 64 * mainGroups));
                place += 64 * mainGroups;
                _put(end + 0x20, _sha256(place, 64 * helperGroups));
                place += 64 * helperGroups;
                _put(end + 0x40, _sha256(place, 64 * quotientGroups));
                place += 64 * quotientGroups;
                _put(end + 0x60, _sha256(place, 64));
                place += 128; // W, W'
                end += 0x80;
                assembly ("memory-safe") {
                    calldatacopy(end, add(proof.offset, sub(place, start)), scalarBytes)
                }
                place += scalarBytes;
                end += scalarBytes;
            }
            digest = _sha256(buffer, end - buffer);
        }
    }

    /// Two sums are kept, each in five words of memory: the sum itself, and a term of it with its factor. `sum` pairs
    /// with [1]_2 and `last` with [tau]_2.
    function _checkEquations(uint256 start, uint256 digest, uint256 weight) private view {
        unchecked {
            uint256 sum;
            assembly ("memory-safe") {
                sum := mload(0x40)
                // two sums and the factors of the preprocessed commitments, all zero at first
                calldatacopy(sum, calldatasize(), 0x1c0)
                mstore(0x40, add(sum, 0x1c0))
            }
            uint256 last = sum + 0xa0;
            uint256 fixedFactors = sum + 0x140;
            uint256 rho = _addChunks(start + GROTH16_BYTES, sum, last, fixedFactors, weight);

            uint256 n = preprocessedGroups;
            if (n > 0) _addMultiple(sum, _fixed0X, _fixed0Y, _word(fixedFactors));
            if (n > 1) _addMultiple(sum, _fixed1X, _fixed1Y, _word(fixedFactors + 0x20));
            if (n > 2) _addMultiple(sum, _fixed2X, _fixed2Y, _word(fixedFactors + 0x40));
            if (n > 3) _addMultiple(sum, _fixed3X, _fixed3Y, _word(fixedFactors + 0x60));
            _addMultiple(sum, 1, 2, R - rho);
            _addMultiple(sum, _negIc1X, _negIc1Y, digest);
            _put(sum + 0x40, _negIc0X);
            _put(sum + 0x60, _negIc0Y);
            _addTerm(sum);

            uint256[30] memory pairs = [
                _word(start), _word(start + 0x20), // A
                _word(start + 0x40), _word(start + 0x60), _word(start + 0x80), _word(start + 0xa0), // B
                _negAlphaX, _negAlphaY,
                _betaX1, _betaX0, _betaY1, _betaY0,
                _word(start + 0xc0), _word(start + 0xe0), // C
                _negDeltaX1, _negDeltaX0, _negDeltaY1, _negDeltaY0,
                _word(sum), _word(sum + 0x20),
                G2_X1, G2_X0, G2_Y1, G2_Y0,
                _word(last), _word(last + 0x20),
                _negTauX1, _negTauX0, _negTauY1, _negTauY0
            ];
            bool ok;
            uint256 product;
            assembly ("memory-safe") {
                ok := staticcall(gas(), PAIRING, pairs, 0x3c0, 0x00, 0x20)
                ok := and(ok, eq(returndatasize(), 0x20))
                product := mload(0x00)
            }
            if (!ok) revert PrecompileFailed(PAIRING);
            if (product != 1) revert InvalidProof();
        }
    }

    /// Adds, for chunk c with v = weight^c, the points v * (sum of s_g C_g - W + y W') to `sum`, but for the
    /// preprocessed commitments whose v * s_g are added to `fixedFactors`, and v * W' to `last`.
    /// Returns the sum of v * rho.
    function _addChunks(uint256 place, uint256 sum, uint256 last, uint256 fixedFactors, uint256 weight)
        private
        view
        returns (uint256 rhos)
    {
        unchecked {
            uint256 committed = mainGroups + helperGroups + quotientGroups;
            uint256 v = 1;
            for (uint256 i = 0; i < chunks; i++) {
                v = mulmod(v, weight, R);
                uint256 openings = place + 64 * committed;
                uint256 scalar = openings + 0xc0; // behind W, W', y and rho

                _addMultiple(last, _word(openings + 0x40), _word(openings + 0x60), v);
                _addMultiple(sum, _word(last + 0x40), _word(last + 0x60), _word(openings + 0x80));
                _addMultiple(sum, _word(openings), _word(openings + 0x20), R - v);
                rhos = addmod(rhos, mulmod(v, _word(openings + 0xa0), R), R);

                uint256 end = fixedFactors + 32 * preprocessedGroups;
                for (uint256 factor = fixedFactors; factor < end; factor += 0x20) {
                    _put(factor, addmod(_word(factor), mulmod(v, _word(scalar), R), R));
                    scalar += 0x20;
                }
                _addCommitments(sum, place, openings, scalar, v);
                place = scalar + 32 * committed;
            }
        }
    }

    /// Add the points from `place` to `end`, times v and their scalars, to the point at `sum`.
    function _addCommitments(uint256 sum, uint256 place, uint256 end, uint256 scalar, uint256 v) private view {
        bool ok = true;
        assembly ("memory-safe") {
            let term := add(sum, 0x40)
            for {} lt(place, end) { place := add(place, 0x40) } {
                mstore(term, mload(place))
                mstore(add(term, 0x20), mload(add(place, 0x20)))
                mstore(add(term, 0x40), mulmod(v, mload(scalar), R))
                scalar := add(scalar, 0x20)
                ok := staticcall(gas(), EC_MUL, term, 0x60, term, 0x40)
                ok := and(ok, eq(returndatasize(), 0x40))
                ok := and(ok, staticcall(gas(), EC_ADD, sum, 0x80, sum, 0x40))
                ok := and(ok, eq(returndatasize(), 0x40))
                if iszero(ok) { break }
            }
        }
        if (!ok) revert PrecompileFailed(EC_MUL);
    }

    /// Add factor * (x, y) to the point at `sum`; the term is left in the two words behind it.
    function _addMultiple(uint256 sum, uint256 x, uint256 y, uint256 factor) private view {
        bool ok;
        assembly ("memory-safe") {
            let term := add(sum, 0x40)
            mstore(term, x)
            mstore(add(sum, 0x60), y)
            mstore(add(sum, 0x80), factor)
            ok := staticcall(gas(), EC_MUL, term, 0x60, term, 0x40)
            ok := and(ok, eq(returndatasize(), 0x40))
        }
        if (!ok) revert PrecompileFailed(EC_MUL);
        _addTerm(sum);
    }

    /// Add the point in the two words behind `sum` to it.
    function _addTerm(uint256 sum) private view {
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), EC_ADD, sum, 0x80, sum, 0x40)
            ok := and(ok, eq(returndatasize(), 0x40))
        }
        if (!ok) revert PrecompileFailed(EC_ADD);
    }

    function _sha256(uint256 place, uint256 size) private view returns (uint256 digest) {
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(gas(), SHA256, place, size, 0x00, 0x20)
            ok := and(ok, eq(returndatasize(), 0x20))
            digest := shr(3, mload(0x00))
        }
        if (!ok) revert PrecompileFailed(SHA256);
    }

    function _negated(uint256 coordinate) private pure returns (uint256) {
        return coordinate == 0 ? 0 : Q - coordinate;
    }

    function _word(uint256 place) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(place)
        }
    }

    function _put(uint256 place, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(place, word)
        }
    }
}
