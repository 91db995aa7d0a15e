// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The rollup's inbox on L1: batches of L2 transactions, in order, with the state roots claimed for them.
/// @notice The inbox orders batches and makes their data public. It does not check that a new root follows from
/// the old root and the data: posted is not finalised. Whoever wants to rely on a posted root has to check a proof
/// against what is stored here (`zkroll verify`), because this contract pays nobody and verifies no proof.
contract RollupInbox {
    /// A batch as posted. `root` is the claimed state root after it; batch 0 is the genesis and has no data.
    struct Batch {
        bytes32 root;
        bytes32 dataHash;
        uint64 timestamp;
        uint64 postedInBlock;
    }

    /// Order of the BN254 scalar field: a state root is an element of it.
    uint256 public constant FIELD_ORDER =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// Selector, five head words (one of them the offset of `data`) and the length word of `data`.
    uint256 private constant DATA_START = 4 + 6 * 32;
    /// The data of a batch is a header and units.
    uint256 private constant HEADER_BYTES = 32;
    uint256 private constant UNIT_BYTES = 16;

    /// Chain id of the rollup, which its transactions sign.
    uint64 public immutable l2ChainId;
    /// The only account that may post.
    address public immutable sequencer;
    /// Number that the next batch has to carry; batches are numbered from 1.
    uint256 public nextBatchNumber = 1;
    mapping(uint256 batchNumber => Batch) public batches;

    /// Carries the whole batch data, so that a log query is enough to rebuild the rollup's state.
    event BatchPosted(
        uint256 indexed batchNumber,
        bytes32 indexed oldRoot,
        bytes32 indexed newRoot,
        bytes32 dataHash,
        bytes data
    );

    error ZeroGenesisRoot();
    error ZeroChainId();
    error ZeroSequencer();
    error RootNotInField(bytes32 root);
    error NotSequencer(address caller);
    error WrongBatchNumber(uint256 expected, uint256 got);
    error WrongOldRoot(bytes32 expected, bytes32 got);
    error WrongDataHash(bytes32 expected, bytes32 got);
    error NotWholeUnits(uint256 length);
    error NonCanonicalCalldata(uint256 expectedLength, uint256 gotLength);
    error TimestampBeforeParent(uint64 parent, uint64 got);
    error TimestampInFuture(uint256 latest, uint64 got);

    constructor(bytes32 genesisRoot, uint64 l2ChainId_, address sequencer_) {
        if (genesisRoot == 0) revert ZeroGenesisRoot();
        if (l2ChainId_ == 0) revert ZeroChainId();
        if (sequencer_ == address(0)) revert ZeroSequencer();
        _requireFieldElement(genesisRoot);
        l2ChainId = l2ChainId_;
        sequencer = sequencer_;
        batches[0] = Batch(genesisRoot, 0, 0, uint64(block.number));
    }

    /// @notice Post the next batch: its number, the root it starts from, the root claimed after it, and its data.
    /// @param dataHash keccak256 of `data`, which the proof of the batch commits to as well.
    /// @param data A header word (64-bit timestamp, 32-bit transaction count, 160-bit coinbase), then registrations
    /// and transactions in units of 16 bytes.
    function postBatch(
        uint256 batchNumber,
        bytes32 oldRoot,
        bytes32 newRoot,
        bytes32 dataHash,
        bytes calldata data
    ) external {
        if (msg.sender != sequencer) revert NotSequencer(msg.sender);
        if (batchNumber != nextBatchNumber) revert WrongBatchNumber(nextBatchNumber, batchNumber);
        Batch storage parent = batches[batchNumber - 1];
        if (oldRoot != parent.root) revert WrongOldRoot(parent.root, oldRoot);
        _requireFieldElement(newRoot);

        // One batch has one calldata: no gap before the data, nothing but zero padding to a whole word after it.
        if (data.length < HEADER_BYTES || data.length % UNIT_BYTES != 0) revert NotWholeUnits(data.length);
        uint256 end = DATA_START + (data.length + 31) / 32 * 32;
        uint256 dataStart;
        assembly ("memory-safe") {
            dataStart := data.offset
        }
        bool padded = data.length % 32 == 0 || bytes16(msg.data[DATA_START + data.length:]) == 0;
        if (dataStart != DATA_START || msg.data.length != end || !padded) {
            revert NonCanonicalCalldata(end, msg.data.length);
        }
        bytes32 computed = keccak256(data);
        if (computed != dataHash) revert WrongDataHash(computed, dataHash);

        uint64 timestamp = uint64(bytes8(data[:8]));
        if (timestamp < parent.timestamp) revert TimestampBeforeParent(parent.timestamp, timestamp);
        if (timestamp > block.timestamp) revert TimestampInFuture(block.timestamp, timestamp);

        nextBatchNumber = batchNumber + 1;
        batches[batchNumber] = Batch(newRoot, dataHash, timestamp, uint64(block.number));
        emit BatchPosted(batchNumber, oldRoot, newRoot, dataHash, data);
    }

    function _requireFieldElement(bytes32 root) private pure {
        if (uint256(root) >= FIELD_ORDER) revert RootNotInField(root);
    }
}
