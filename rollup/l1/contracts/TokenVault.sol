// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IERC20 {
    function balanceOf(address owner) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

/// @title The money of the rollup: ether and tokens that were deposited and not yet paid out.
/// @notice `locked` is the only account of what may be paid out: ether or tokens that reach this contract by other
/// ways belong to nobody. A token here and its contract on L2 belong to each other alone and for ever, so that no
/// token can be paid out for another one.
abstract contract TokenVault {
    /// Less than this much of every token is locked, so that no balance on L2 outgrows its 128 bits.
    uint256 public constant LOCKED_LIMIT = 1 << 127;

    address internal constant ETHER = address(0);

    /// Wei or token units locked, by the token's address on L1 (0 is ether).
    mapping(address l1Token => uint256) public locked;
    mapping(address l2Token => address) public l1TokenOf;
    mapping(address l1Token => address) public l2TokenOf;

    bool private _entered;

    event TokenBound(address indexed l1Token, address indexed l2Token);

    error Reentered();
    error ZeroAddress();
    error ZeroAmount();
    error NoCode(address account);
    error TokenAlreadyBound(address l1Token, address l2Token);
    error UnknownToken(address token);
    error TooMuchLocked(uint256 limit, uint256 got);
    error NotEnoughLocked(address l1Token, uint256 locked, uint256 needed);
    error WrongAmountReceived(uint256 expected, uint256 got);
    error TransferFailed(address l1Token, address to);

    /// A token or a recipient that calls back finds every function that moves money shut.
    modifier nonReentrant() {
        if (_entered) revert Reentered();
        _entered = true;
        _;
        _entered = false;
    }

    function _bindToken(address l1Token, address l2Token) internal {
        if (l2Token == ETHER) revert ZeroAddress();
        if (l1Token.code.length == 0) revert NoCode(l1Token);
        if (l1TokenOf[l2Token] != address(0) || l2TokenOf[l1Token] != address(0)) {
            revert TokenAlreadyBound(l1Token, l2Token);
        }
        l1TokenOf[l2Token] = l1Token;
        l2TokenOf[l1Token] = l2Token;
        emit TokenBound(l1Token, l2Token);
    }

    /// The token on L1 of a token on L2; ether is itself.
    function _requireL1Token(address l2Token) internal view returns (address l1Token) {
        l1Token = l1TokenOf[l2Token];
        if (l1Token == address(0) && l2Token != ETHER) revert UnknownToken(l2Token);
    }

    function _requireL2Token(address l1Token) internal view returns (address l2Token) {
        l2Token = l2TokenOf[l1Token];
        if (l2Token == address(0)) revert UnknownToken(l1Token);
    }

    function _lock(address l1Token, uint256 amount) internal {
        if (amount == 0) revert ZeroAmount();
        // Compared before the sum, which could not be formed for the largest amounts.
        if (amount >= LOCKED_LIMIT || locked[l1Token] + amount >= LOCKED_LIMIT) {
            revert TooMuchLocked(LOCKED_LIMIT, amount);
        }
        locked[l1Token] += amount;
    }

    /// Take exactly `amount` from the caller: what a token keeps for itself on the way would be missing later.
    function _take(address l1Token, uint256 amount) internal {
        uint256 before = IERC20(l1Token).balanceOf(address(this));
        _callToken(l1Token, address(this), abi.encodeCall(IERC20.transferFrom, (msg.sender, address(this), amount)));
        uint256 afterwards = IERC20(l1Token).balanceOf(address(this));
        if (afterwards != before + amount) revert WrongAmountReceived(before + amount, afterwards);
    }

    /// Pay out of what is locked. Everything that this call decides is stored before it gives control away.
    function _pay(address l1Token, address to, uint256 amount) internal {
        uint256 available = locked[l1Token];
        if (amount > available) revert NotEnoughLocked(l1Token, available, amount);
        if (amount == 0) return;
        locked[l1Token] = available - amount;
        if (l1Token == ETHER) {
            (bool paid,) = to.call{value: amount}("");
            if (!paid) revert TransferFailed(l1Token, to);
        } else {
            _callToken(l1Token, to, abi.encodeCall(IERC20.transfer, (to, amount)));
        }
    }

    /// A token may answer with true or with nothing; whatever else it does is a refusal.
    function _callToken(address l1Token, address to, bytes memory data) private {
        // A call of an account without code would succeed as well, and pay nothing.
        if (l1Token.code.length == 0) revert NoCode(l1Token);
        (bool done, bytes memory answer) = l1Token.call(data);
        bool agreed = answer.length == 0 || (answer.length == 32 && uint256(bytes32(answer)) == 1);
        if (!done || !agreed) revert TransferFailed(l1Token, to);
    }
}
