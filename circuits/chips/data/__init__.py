"""The published batch data: its units and their grammar, registrations and packed amounts."""

from __future__ import annotations

from zkroll.circuits.chips.data.published import DataChip

__all__ = ["DataChip"]
