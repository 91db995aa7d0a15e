"""Native transactions: the public statement, each transaction's checks and balances, account fields in
time."""

from zkroll.circuits.chips.transaction.native import TransactionChip
from zkroll.circuits.chips.transaction.statement import StatementChip

__all__ = ["StatementChip", "TransactionChip"]
