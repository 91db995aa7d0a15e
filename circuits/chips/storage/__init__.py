"""Contract storage: SLOAD and SSTORE with their gas, over one cell per slot and transaction."""

from zkroll.circuits.chips.storage.cell import StorageCellChip
from zkroll.circuits.chips.storage.operations import StorageOperationsChip

__all__ = ["StorageCellChip", "StorageOperationsChip"]
