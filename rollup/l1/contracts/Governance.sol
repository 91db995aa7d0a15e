// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IProofVerifier} from "./IProofVerifier.sol";
import {TokenVault} from "./TokenVault.sol";

/// @title What may change in a rollup, and how slowly.
/// @notice The owner schedules a change and may carry it out after `upgradeDelay`, which is longer than any user
/// needs to leave. Nothing else can be changed by anybody: no root, no delay, no money. A rollup without an owner
/// (address 0) never changes.
abstract contract Governance is TokenVault {
    /// What a change sets: the verifier, the sequencer or the owner to `subject`, or binds the token `subject` on
    /// L1 to `l2Token`.
    enum Change {
        Verifier,
        Sequencer,
        Owner,
        Token
    }

    /// Seconds between the schedule of a change and the first moment at which it can be carried out. A change
    /// that was not carried out for as long again lapses: nobody keeps one in reserve.
    uint256 public immutable upgradeDelay;

    address public owner;
    /// The only account that commits batches.
    address public sequencer;
    IProofVerifier public verifier;
    /// When a scheduled change can be carried out, in seconds; 0 where none is scheduled.
    mapping(bytes32 changeId => uint256) public executableFrom;

    event ChangeScheduled(
        Change indexed change, address indexed subject, address indexed l2Token, uint256 from, uint256 until
    );
    event ChangeCancelled(Change indexed change, address indexed subject, address indexed l2Token);
    event VerifierSet(IProofVerifier indexed verifier, uint256 keyDigest, uint256 chunks, bool insecure);
    event SequencerSet(address indexed sequencer);
    event OwnerSet(address indexed owner);

    error NotOwner(address caller);
    error NotScheduled();
    error TooEarly(uint256 from, uint256 now_);
    error Lapsed(uint256 until, uint256 now_);
    error InsecureVerifier(uint256 l1ChainId);

    constructor(uint256 upgradeDelay_, address owner_, address sequencer_, IProofVerifier verifier_) {
        upgradeDelay = upgradeDelay_;
        _setOwner(owner_);
        _setSequencer(sequencer_);
        _setVerifier(verifier_);
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    /// @notice Announce a change. Announcing it again starts its delay again.
    function scheduleChange(Change change, address subject, address l2Token) external onlyOwner {
        uint256 from = block.timestamp + upgradeDelay;
        executableFrom[changeId(change, subject, l2Token)] = from;
        emit ChangeScheduled(change, subject, l2Token, from, from + upgradeDelay);
    }

    /// @notice Give up a scheduled change.
    function cancelChange(Change change, address subject, address l2Token) external onlyOwner {
        bytes32 id = changeId(change, subject, l2Token);
        if (executableFrom[id] == 0) revert NotScheduled();
        delete executableFrom[id];
        emit ChangeCancelled(change, subject, l2Token);
    }

    /// @notice Carry out a change whose delay is over. In escape mode nothing changes any more.
    function executeChange(Change change, address subject, address l2Token) external onlyOwner {
        _requireChangeable();
        bytes32 id = changeId(change, subject, l2Token);
        uint256 from = executableFrom[id];
        if (from == 0) revert NotScheduled();
        if (block.timestamp < from) revert TooEarly(from, block.timestamp);
        if (block.timestamp > from + upgradeDelay) revert Lapsed(from + upgradeDelay, block.timestamp);
        delete executableFrom[id];
        if (change == Change.Verifier) _setVerifier(IProofVerifier(subject));
        else if (change == Change.Sequencer) _setSequencer(subject);
        else if (change == Change.Owner) _setOwner(subject);
        else _bindToken(subject, l2Token);
    }

    /// @notice The name of a change in `executableFrom`.
    function changeId(Change change, address subject, address l2Token) public pure returns (bytes32) {
        return keccak256(abi.encode(change, subject, l2Token));
    }

    function _requireChangeable() internal view virtual;

    /// Keys whose secrets are public are good on chains whose money is play money, and nowhere else.
    function _setVerifier(IProofVerifier verifier_) private {
        if (address(verifier_).code.length == 0) revert NoCode(address(verifier_));
        bool insecure = verifier_.insecure();
        if (insecure && !_isDevelopmentChain()) revert InsecureVerifier(block.chainid);
        verifier = verifier_;
        emit VerifierSet(verifier_, verifier_.keyDigest(), verifier_.chunks(), insecure);
    }

    function _setSequencer(address sequencer_) private {
        if (sequencer_ == address(0)) revert ZeroAddress();
        sequencer = sequencer_;
        emit SequencerSet(sequencer_);
    }

    function _setOwner(address owner_) private {
        owner = owner_;
        emit OwnerSet(owner_);
    }

    /// Anvil and Hardhat, Ganache and geth's development mode, and the chain in zkroll's own process (eth-tester).
    function _isDevelopmentChain() private view returns (bool) {
        return block.chainid == 31337 || block.chainid == 1337 || block.chainid == 131277322940537;
    }
}
