"""The state tree: touched places before and after the batch, and their paths."""

from zkroll.circuits.chips.state_tree.leaf import StateLeafChip
from zkroll.circuits.chips.state_tree.path import StatePathChip

__all__ = ["StateLeafChip", "StatePathChip"]
