// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IExitProofs} from "./IExitProofs.sol";
import {TokenVault} from "./TokenVault.sol";

/// @title The queue of messages to L2: deposits and forced exits, which batches have to take in order.
/// @notice A message is three words, and the queue a chain of Keccak hashes (`|` joins bits, left ones above):
///
///     w1 = kind << 224 | token[159:128] << 192 | account[159:128] << 160 | recipient[159:128] << 128 | token[127:0]
///     w2 = account[127:0] | recipient[127:0]
///     w3 = amount
///     hash_0 = 0,  hash_{i+1} = keccak256(hash_i | w1 | w2 | w3)
///
/// A deposit (kind 1) credits `amount` of `token` (the contract on L2, 0 is ether) to `account` and has recipient 0.
/// An exit (kind 2) takes the smaller of `amount` and the account's balance and makes a withdrawal of it to
/// `recipient` on L1. Neither can fail on L2, so that no message can keep a batch from being proven.
abstract contract MessageQueue is TokenVault {
    struct Message {
        bytes32 hashAfter;
        address sender;
        uint40 time;
        uint40 inBlock;
        bool refunded;
    }

    /// Where ether that is withdrawn goes on L2: nobody's account.
    address public constant BRIDGE = address(0x627269646765);

    uint256 internal constant DEPOSIT = 1;
    uint256 internal constant EXIT = 2;

    /// Checks users' own signatures and balance proofs.
    IExitProofs public immutable exitProofs;
    /// Chain id of the rollup, which its transactions sign.
    uint64 public immutable l2ChainId;

    uint256 public messageCount;
    mapping(uint256 index => Message) public messages;
    /// Number of signed exits of an account so far; the next signature has to contain it.
    mapping(address account => uint256) public exitNonces;

    event MessageQueued(
        uint256 indexed index,
        address indexed account,
        address indexed sender,
        uint256 kind,
        address token,
        address recipient,
        uint256 amount,
        bytes32 hashAfter
    );

    error ZeroChainId();
    error AmountTooLarge(uint256 limit, uint256 got);
    error NobodysAccount(address account);

    constructor(IExitProofs exitProofs_, uint64 l2ChainId_) {
        if (address(exitProofs_).code.length == 0) revert NoCode(address(exitProofs_));
        if (l2ChainId_ == 0) revert ZeroChainId();
        exitProofs = exitProofs_;
        l2ChainId = l2ChainId_;
    }

    /// @notice Lock the ether sent and have it credited to `account` on L2.
    function depositEther(address account) external payable nonReentrant returns (uint256 index) {
        _requireAlive();
        _requireSomebody(account);
        _lock(ETHER, msg.value);
        index = _enqueue(DEPOSIT, ETHER, account, address(0), msg.value);
    }

    /// @notice Lock `amount` of a token, which has to be approved before, and have it credited to `account` on L2.
    function depositToken(address l1Token, address account, uint256 amount)
        external
        nonReentrant
        returns (uint256 index)
    {
        _requireAlive();
        _requireSomebody(account);
        address l2Token = _requireL2Token(l1Token);
        _lock(l1Token, amount);
        index = _enqueue(DEPOSIT, l2Token, account, address(0), amount);
        _take(l1Token, amount);
    }

    /// @notice Force an exit of up to `amount` of `token` from the caller's own account on L2.
    function requestExit(address token, uint256 amount, address recipient) external nonReentrant returns (uint256) {
        return _requestExit(token, msg.sender, amount, recipient);
    }

    /// @notice Force an exit from the account on L2 whose EdDSA key signed `exitMessage` of these values.
    /// @dev Anyone may send it: the signature names the recipient, and its nonce is good for one exit.
    function requestExitSigned(
        address token,
        address account,
        uint256 amount,
        address recipient,
        bytes calldata signature
    ) external nonReentrant returns (uint256) {
        bytes32 message = exitMessage(token, account, amount, recipient, exitNonces[account]);
        ++exitNonces[account];
        exitProofs.verifySignature(account, message, signature);
        return _requestExit(token, account, amount, recipient);
    }

    /// @notice What an account signs for `requestExitSigned`: this chain, contract, function and every value.
    function exitMessage(address token, address account, uint256 amount, address recipient, uint256 nonce)
        public
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                this.requestExitSigned.selector,
                block.chainid,
                address(this),
                l2ChainId,
                token,
                account,
                amount,
                recipient,
                nonce
            )
        );
    }

    /// @notice Hash of the queue after its first `count` messages.
    function queueHash(uint256 count) public view returns (bytes32) {
        return count == 0 ? bytes32(0) : messages[count - 1].hashAfter;
    }

    /// Reverts once the rollup is in escape mode.
    function _requireAlive() internal view virtual;

    function _hashAfter(
        uint256 index,
        uint256 kind,
        address token,
        address account,
        address recipient,
        uint256 amount
    ) internal view returns (bytes32) {
        uint256 t = uint160(token);
        uint256 a = uint160(account);
        uint256 r = uint160(recipient);
        uint256 tops = kind << 224 | (t >> 128) << 192 | (a >> 128) << 160 | (r >> 128) << 128;
        return keccak256(abi.encode(queueHash(index), tops | uint128(t), a << 128 | uint128(r), amount));
    }

    /// What the bridge or a token's own contract had on L2, nobody could ever bring back.
    function _requireSomebody(address account) private view {
        if (account == BRIDGE || l1TokenOf[account] != address(0)) revert NobodysAccount(account);
    }

    function _requestExit(address token, address account, uint256 amount, address recipient)
        private
        returns (uint256)
    {
        _requireAlive();
        // A contract on L2 that is no bridged token need not have a supply in slot 0 to subtract from.
        _requireL1Token(token);
        if (amount == 0) revert ZeroAmount();
        if (amount > type(uint128).max) revert AmountTooLarge(type(uint128).max, amount);
        if (recipient == address(0)) revert ZeroAddress();
        return _enqueue(EXIT, token, account, recipient, amount);
    }

    function _enqueue(uint256 kind, address token, address account, address recipient, uint256 amount)
        private
        returns (uint256 index)
    {
        if (account == address(0)) revert ZeroAddress();
        index = messageCount;
        bytes32 hashAfter = _hashAfter(index, kind, token, account, recipient, amount);
        messageCount = index + 1;
        messages[index] = Message(hashAfter, msg.sender, uint40(block.timestamp), uint40(block.number), false);
        emit MessageQueued(index, account, msg.sender, kind, token, recipient, amount, hashAfter);
    }
}
