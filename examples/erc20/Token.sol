// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A fixed-supply ERC-20 token for the rollup's example batch.
/// @notice There is no constructor: a genesis writes the supply and the first balances into storage, at the slots
/// that the layout below fixes. Name, symbol and decimals are code, so storage holds amounts only.
contract Token {
    // slot 0
    uint256 public totalSupply;
    // slot of an owner: keccak256(owner . 1)
    mapping(address owner => uint256) public balanceOf;
    // slot of an allowance: keccak256(spender . keccak256(owner . 2))
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error BalanceTooLow(address owner, uint256 balance, uint256 needed);
    error AllowanceTooLow(address spender, uint256 allowance, uint256 needed);
    error ZeroRecipient();

    function name() external pure returns (string memory) {
        return "Rolling Stone";
    }

    function symbol() external pure returns (string memory) {
        return "ROLL";
    }

    function decimals() external pure returns (uint8) {
        return 18;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    /// An allowance of 2^256 - 1 is not used up.
    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) {
            if (allowed < value) revert AllowanceTooLow(msg.sender, allowed, value);
            unchecked {
                allowance[from][msg.sender] = allowed - value;
            }
        }
        _move(from, to, value);
        return true;
    }

    function _move(address from, address to, uint256 value) private {
        if (to == address(0)) revert ZeroRecipient();
        uint256 balance = balanceOf[from];
        if (balance < value) revert BalanceTooLow(from, balance, value);
        // The sum of all balances is the total supply, so a credit cannot overflow.
        unchecked {
            balanceOf[from] = balance - value;
            balanceOf[to] += value;
        }
        emit Transfer(from, to, value);
    }
}
