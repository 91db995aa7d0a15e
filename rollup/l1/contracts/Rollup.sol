// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Governance} from "./Governance.sol";
import {IExitProofs} from "./IExitProofs.sol";
import {IProofVerifier} from "./IProofVerifier.sol";
import {MessageQueue} from "./MessageQueue.sol";

/// @title The rollup on L1: it orders batches, accepts their state roots with a proof only, and holds the money.
/// @notice A batch is committed (its data is public and fixed), proven (its roots follow from the data), and
/// finalised (withdrawals can be claimed). When no batch is finalised for `escapeDelay`, or a message waits too
/// long, anyone can switch to escape mode: batches end, and every user leaves with a proof of the balance in the
/// last finalised root. Escape mode has no way back.
contract Rollup is MessageQueue, Governance {
    struct Config {
        bytes32 genesisRoot;
        uint64 chainId;
        address sequencer;
        address owner;
        IProofVerifier verifier;
        IExitProofs exitProofs;
        TokenPair[] tokens;
        Delays delays;
        uint256 maxMessagesPerBatch;
    }

    struct TokenPair {
        address l1Token;
        address l2Token;
    }

    /// All in seconds.
    struct Delays {
        uint64 forcedDeadline;
        uint64 escapeDelay;
        uint64 upgradeDelay;
        uint64 finalisationDelay;
    }

    /// `root` and `withdrawalsRoot` are 0 until the batch is proven. `timestamp` is the batch's own, `inBlock` the L1
    /// block that has its data. It takes the messages from number `queueStart` on, and those up to it together the
    /// first `queueEnd`. The last five share a slot.
    struct Batch {
        bytes32 root;
        bytes32 dataHash;
        bytes32 withdrawalsRoot;
        uint64 timestamp;
        uint48 queueEnd;
        uint48 inBlock;
        uint48 provenAt;
        uint48 queueStart;
    }

    /// Order of the BN254 scalar field: a state root is an element of it.
    uint256 public constant FIELD_ORDER =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// With less, a message sent just before a batch would keep the batch out, and a message in every block all of
    /// them.
    uint256 public constant MIN_FORCED_DEADLINE = 1 minutes;
    /// The longest that the two delays before a user is out may be together.
    uint256 public constant MAX_EXIT_TIME = 365 days;
    /// The deepest tree of withdrawals.
    uint256 public constant MAX_WITHDRAWAL_DEPTH = 32;

    /// Selector, three head words (one of them the offset of `data`) and the length word of `data`.
    uint256 private constant DATA_START = 4 + 4 * 32;
    uint256 private constant HEADER_BYTES = 32;
    uint256 private constant UNIT_BYTES = 16;

    /// Seconds after which a message has to be in the next batch that is committed.
    uint256 public immutable forcedDeadline;
    /// Seconds without a finalised batch, or of a message beyond its deadline, that allow escape mode.
    uint256 public immutable escapeDelay;
    /// Seconds between the proof of a batch and its finalisation.
    uint256 public immutable finalisationDelay;
    /// A batch that takes so many messages may leave overdue ones to the next.
    uint256 public immutable maxMessagesPerBatch;

    mapping(uint256 batchNumber => Batch) public batches;
    /// Batches are numbered from 1; batch 0 is the genesis, finalised at deployment. These five share a slot.
    uint48 public lastCommitted;
    uint48 public lastProven;
    uint48 public lastFinalised;
    /// When the last batch was finalised, in seconds.
    uint48 public lastFinalisedAt;
    /// When escape mode began, in seconds; 0 while the rollup is alive.
    uint48 public escapedAt;
    /// Whether an account has left with its balance of a token (on L2).
    mapping(address account => mapping(address token => bool)) public escaped;
    mapping(uint256 batchNumber => mapping(uint256 word => uint256)) private _claimed;

    event RollupDeployed(
        bytes32 genesisRoot, uint64 l2ChainId, IExitProofs exitProofs, Delays delays, uint256 maxMessagesPerBatch
    );
    /// Carries the whole batch data, so that logs are enough to rebuild the rollup's state.
    event BatchCommitted(uint256 indexed batchNumber, bytes32 indexed dataHash, uint256 queueEnd, bytes data);
    event BatchProven(uint256 indexed batchNumber, bytes32 newRoot, bytes32 withdrawalsRoot);
    event BatchesFinalised(uint256 indexed upTo, bytes32 root);
    event BatchesReverted(uint256 indexed from, uint256 upTo);
    event Withdrawn(
        uint256 indexed batchNumber,
        uint256 indexed generalisedIndex,
        address indexed recipient,
        address token,
        uint256 amount
    );
    event EscapeActivated(uint256 indexed lastFinalised, bytes32 root);
    event Escaped(address indexed account, address indexed token, address indexed recipient, uint256 balance);
    event DepositRefunded(uint256 indexed index, address indexed depositor, address token, uint256 amount);

    error ZeroGenesisRoot();
    error RootNotInField(bytes32 root);
    error SenselessDelays();
    error NotSequencer(address caller);
    error WrongBatchNumber(uint256 expected, uint256 got);
    error WrongDataLength(uint256 got);
    error NonCanonicalCalldata(uint256 expectedLength, uint256 gotLength);
    error TimestampBeforeParent(uint64 parent, uint64 got);
    error TimestampInFuture(uint256 latest, uint64 got);
    error TimestampTooOld(uint256 earliest, uint64 got);
    error WrongQueueEnd(uint256 least, uint256 most, uint256 got);
    error OverdueMessage(uint256 index);
    error WrongCount(uint256 expected, uint256 got);
    error NotFinalised(uint256 last, uint256 got);
    error AlreadyFinalised(uint256 last, uint256 got);
    error WrongWithdrawalProof();
    error AlreadyClaimed(uint256 batchNumber, uint256 generalisedIndex);
    error EscapeMode();
    error NotInEscapeMode();
    error StillAlive(uint256 escapeFrom);
    error AlreadyEscaped(address account, address token);
    error NotAccount(address account, address caller);
    error NotRefundable(uint256 index);
    error WrongMessage(uint256 index);

    constructor(Config memory config)
        MessageQueue(config.exitProofs, config.chainId)
        Governance(config.delays.upgradeDelay, config.owner, config.sequencer, config.verifier)
    {
        if (config.genesisRoot == 0) revert ZeroGenesisRoot();
        _requireFieldElement(config.genesisRoot);
        Delays memory delays = config.delays;
        // Whoever disagrees with a change leaves before it, by an exit that is paid after so long or by escape, and
        // has as long to notice and to claim.
        uint256 exitTime = uint256(delays.forcedDeadline) + delays.escapeDelay;
        if (
            delays.forcedDeadline < MIN_FORCED_DEADLINE || exitTime > MAX_EXIT_TIME
                || delays.upgradeDelay < 2 * exitTime || delays.escapeDelay <= delays.finalisationDelay
                || config.maxMessagesPerBatch == 0
        ) revert SenselessDelays();
        forcedDeadline = delays.forcedDeadline;
        escapeDelay = delays.escapeDelay;
        finalisationDelay = delays.finalisationDelay;
        maxMessagesPerBatch = config.maxMessagesPerBatch;
        for (uint256 i = 0; i < config.tokens.length; ++i) {
            _bindToken(config.tokens[i].l1Token, config.tokens[i].l2Token);
        }
        batches[0].root = config.genesisRoot;
        batches[0].inBlock = uint48(block.number);
        lastFinalisedAt = uint48(block.timestamp);
        emit RollupDeployed(
            config.genesisRoot, config.chainId, config.exitProofs, delays, config.maxMessagesPerBatch
        );
    }

    // ---- batches ---------------------------------------------------------------------------------------------

    /// @notice Make the data of the next batch public and fix which messages it takes.
    /// @param queueEnd Number of messages that all batches up to this one take.
    /// @param data 16-byte units: a header (64-bit timestamp, 32-bit count, 160-bit coinbase), registrations and
    /// transactions. Its hash is a public value of the batch's proof.
    function commitBatch(uint256 batchNumber, uint256 queueEnd, bytes calldata data) external {
        _requireAlive();
        if (msg.sender != sequencer) revert NotSequencer(msg.sender);
        if (batchNumber != lastCommitted + 1) revert WrongBatchNumber(lastCommitted + 1, batchNumber);
        _requireCanonical(data);
        Batch storage parent = batches[batchNumber - 1];
        uint64 timestamp = uint64(bytes8(data[:8]));
        if (timestamp < parent.timestamp) revert TimestampBeforeParent(parent.timestamp, timestamp);
        if (timestamp > block.timestamp) revert TimestampInFuture(block.timestamp, timestamp);
        // The clock of L2 cannot be stopped: contracts there have deadlines too.
        if (timestamp + escapeDelay < block.timestamp) {
            revert TimestampTooOld(block.timestamp - escapeDelay, timestamp);
        }
        _requireDueMessages(parent.queueEnd, queueEnd);

        bytes32 dataHash = keccak256(data);
        lastCommitted = uint48(batchNumber);
        // The roots are 0 still, even where a batch of this number was reverted: none is that was proven.
        Batch storage batch = batches[batchNumber];
        batch.dataHash = dataHash;
        batch.timestamp = timestamp;
        batch.queueStart = parent.queueEnd;
        batch.queueEnd = uint48(queueEnd);
        batch.inBlock = uint48(block.number);
        emit BatchCommitted(batchNumber, dataHash, queueEnd, data);
    }

    /// @notice Drop the committed batches from number `from` on; their messages are in the queue again.
    /// @dev Proven ones stay: they can only be finalised or, in escape mode, forgotten.
    function revertBatches(uint256 from) external {
        _requireAlive();
        if (msg.sender != sequencer) revert NotSequencer(msg.sender);
        if (from <= lastProven || from > lastCommitted) revert WrongBatchNumber(lastProven + 1, from);
        emit BatchesReverted(from, lastCommitted);
        lastCommitted = uint48(from - 1);
    }

    /// @notice Prove the next committed batches, as many as one proof of the verifier covers. Anyone may.
    /// @dev What a proof says is taken from storage; the caller only names the roots, which the proof binds.
    function proveBatches(
        uint256 first,
        bytes32[] calldata newRoots,
        bytes32[] calldata withdrawalsRoots,
        bytes calldata proof
    ) external {
        _requireAlive();
        uint256 count = newRoots.length;
        if (first != lastProven + 1) revert WrongBatchNumber(lastProven + 1, first);
        if (count == 0 || count > lastCommitted - lastProven) revert WrongCount(lastCommitted - lastProven, count);
        if (withdrawalsRoots.length != count) revert WrongCount(count, withdrawalsRoots.length);
        bytes memory statements;
        for (uint256 i = 0; i < count; ++i) {
            _requireFieldElement(newRoots[i]);
            Batch storage batch = batches[first + i];
            batch.root = newRoots[i];
            if (withdrawalsRoots[i] != 0) batch.withdrawalsRoot = withdrawalsRoots[i];
            batch.provenAt = uint48(block.timestamp);
            statements = bytes.concat(statements, _statement(first + i, newRoots[i], withdrawalsRoots[i]));
            emit BatchProven(first + i, newRoots[i], withdrawalsRoots[i]);
        }
        lastProven = uint48(first + count - 1);
        verifier.verify(proof, statements);
    }

    /// @notice Finalise the proven batches up to number `upTo`, once `finalisationDelay` is over. Anyone may.
    function finaliseBatches(uint256 upTo) external {
        _requireAlive();
        if (upTo <= lastFinalised) revert AlreadyFinalised(lastFinalised, upTo);
        if (upTo > lastProven) revert WrongBatchNumber(lastProven, upTo);
        // Batches are proven in order, so none before this one was proven later.
        uint256 from = batches[upTo].provenAt + finalisationDelay;
        if (block.timestamp < from) revert TooEarly(from, block.timestamp);
        lastFinalised = uint48(upTo);
        lastFinalisedAt = uint48(block.timestamp);
        emit BatchesFinalised(upTo, batches[upTo].root);
    }

    // ---- ways out --------------------------------------------------------------------------------------------

    /// @notice Pay a withdrawal of a finalised batch to its recipient, once. Anyone may.
    /// @param generalisedIndex 2^depth | position of the withdrawal in the batch's tree.
    /// @param proof The siblings from the leaf up. A leaf hashes 96 bytes and a node 64, so no node is a leaf.
    function withdraw(
        uint256 batchNumber,
        uint256 generalisedIndex,
        bytes32[] calldata proof,
        address token,
        address recipient,
        uint256 amount
    ) external nonReentrant {
        if (batchNumber > lastFinalised) revert NotFinalised(lastFinalised, batchNumber);
        if (proof.length > MAX_WITHDRAWAL_DEPTH || generalisedIndex >> proof.length != 1) {
            revert WrongWithdrawalProof();
        }
        bytes32 node = keccak256(abi.encode(token, recipient, amount));
        for (uint256 i = 0; i < proof.length; ++i) {
            node = generalisedIndex >> i & 1 == 0
                ? keccak256(abi.encode(node, proof[i]))
                : keccak256(abi.encode(proof[i], node));
        }
        if (node != batches[batchNumber].withdrawalsRoot) revert WrongWithdrawalProof();
        if (isClaimed(batchNumber, generalisedIndex)) revert AlreadyClaimed(batchNumber, generalisedIndex);
        _claimed[batchNumber][generalisedIndex >> 8] |= 1 << (generalisedIndex & 0xff);
        emit Withdrawn(batchNumber, generalisedIndex, recipient, token, amount);
        _pay(_requireL1Token(token), recipient, amount);
    }

    /// @notice Whether a withdrawal was paid.
    function isClaimed(uint256 batchNumber, uint256 generalisedIndex) public view returns (bool) {
        return _claimed[batchNumber][generalisedIndex >> 8] >> (generalisedIndex & 0xff) & 1 == 1;
    }

    /// @notice The first moment, in seconds, at which anyone can switch to escape mode if nothing is finalised.
    function escapeFrom() public view returns (uint256 from) {
        from = lastFinalisedAt + escapeDelay;
        uint256 waiting = batches[lastFinalised].queueEnd;
        if (waiting < messageCount) {
            uint256 overdue = messages[waiting].time + forcedDeadline + escapeDelay;
            if (overdue < from) from = overdue;
        }
    }

    /// @notice End the rollup because nobody finalises batches, or not with the oldest message. Anyone may.
    function activateEscape() external {
        _requireAlive();
        uint256 from = escapeFrom();
        if (block.timestamp <= from) revert StillAlive(from);
        escapedAt = uint48(block.timestamp);
        emit EscapeActivated(lastFinalised, batches[lastFinalised].root);
    }

    /// @notice Leave with the whole balance of a token (on L2, 0 is ether) in the last finalised root, once.
    /// @param proof For `IExitProofs.verifyBalance`.
    /// @param signature Empty where the caller is the account, else the account's EdDSA signature of
    /// `escapeMessage`.
    function escapeWithdraw(
        address account,
        address token,
        uint256 balance,
        address recipient,
        bytes calldata proof,
        bytes calldata signature
    ) external nonReentrant {
        if (escapedAt == 0) revert NotInEscapeMode();
        if (escaped[account][token]) revert AlreadyEscaped(account, token);
        if (recipient == address(0)) revert ZeroAddress();
        escaped[account][token] = true;
        if (signature.length != 0) {
            exitProofs.verifySignature(account, escapeMessage(account, token, balance, recipient), signature);
        } else if (msg.sender != account) {
            revert NotAccount(account, msg.sender);
        }
        exitProofs.verifyBalance(batches[lastFinalised].root, account, token, balance, proof);
        emit Escaped(account, token, recipient, balance);
        _pay(_requireL1Token(token), recipient, balance);
    }

    /// @notice What an account signs for `escapeWithdraw`: this chain, contract, function and every value.
    function escapeMessage(address account, address token, uint256 balance, address recipient)
        public
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                this.escapeWithdraw.selector,
                block.chainid,
                address(this),
                l2ChainId,
                account,
                token,
                balance,
                recipient
            )
        );
    }

    /// @notice In escape mode, give a deposit that no finalised batch took back to its depositor, once.
    function cancelDeposit(uint256 index, address token, address account, uint256 amount) external nonReentrant {
        if (escapedAt == 0) revert NotInEscapeMode();
        Message storage message = messages[index];
        if (index < batches[lastFinalised].queueEnd || index >= messageCount || message.refunded) {
            revert NotRefundable(index);
        }
        if (_hashAfter(index, DEPOSIT, token, account, address(0), amount) != message.hashAfter) {
            revert WrongMessage(index);
        }
        message.refunded = true;
        address depositor = message.sender;
        emit DepositRefunded(index, depositor, token, amount);
        _pay(_requireL1Token(token), depositor, amount);
    }

    // ---- rules -----------------------------------------------------------------------------------------------

    function _requireAlive() internal view override {
        if (escapedAt != 0) revert EscapeMode();
    }

    function _requireChangeable() internal view override {
        _requireAlive();
    }

    /// The public values of a batch, packed in 236 bytes.
    function _statement(uint256 batchNumber, bytes32 newRoot, bytes32 withdrawalsRoot)
        private
        view
        returns (bytes memory)
    {
        Batch storage batch = batches[batchNumber];
        return abi.encodePacked(
            batches[batchNumber - 1].root,
            newRoot,
            uint64(batchNumber),
            l2ChainId,
            address(this),
            batch.timestamp,
            batch.dataHash,
            queueHash(batch.queueStart),
            queueHash(batch.queueEnd),
            withdrawalsRoot
        );
    }

    /// Whole units, and one calldata for one batch: no gap before the data, nothing but zero padding after it.
    function _requireCanonical(bytes calldata data) private pure {
        uint256 length = data.length;
        if (length < HEADER_BYTES || length % UNIT_BYTES != 0) revert WrongDataLength(length);
        uint256 end = DATA_START + (length + 31) / 32 * 32;
        uint256 start;
        assembly ("memory-safe") {
            start := data.offset
        }
        bool padded = length % 32 == 0 || bytes16(msg.data[DATA_START + length:]) == 0;
        if (start != DATA_START || msg.data.length != end || !padded) {
            revert NonCanonicalCalldata(end, msg.data.length);
        }
    }

    function _requireDueMessages(uint256 queueStart, uint256 queueEnd) private view {
        uint256 count = messageCount;
        if (queueEnd < queueStart || queueEnd > count) revert WrongQueueEnd(queueStart, count, queueEnd);
        if (queueEnd == count || queueEnd - queueStart >= maxMessagesPerBatch) return;
        if (messages[queueEnd].time + forcedDeadline < block.timestamp) revert OverdueMessage(queueEnd);
    }

    function _requireFieldElement(bytes32 root) private pure {
        if (uint256(root) >= FIELD_ORDER) revert RootNotInField(root);
    }
}
