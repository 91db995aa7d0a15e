"""Who pushed a stack word: the order of pushes by context, slot and clock, for the chips that pop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.circuits.air.witness import Requests
from zkroll.errors import ProvingError

I64 = NDArray[np.int64]

_CLOCK_BITS: Final = 38
_SLOT_BITS: Final = 11


@dataclass(frozen=True)
class StackHistory:
    """Pushes sorted by (context, slot, clock)."""

    contexts: I64  # distinct, ascending
    keys: I64  # ascending
    order: I64  # place in the order given, by place in ``keys``
    clocks: I64  # by place in ``keys``

    @staticmethod
    def of(context: NDArray[Any], slot: NDArray[Any], clock: NDArray[Any]) -> StackHistory:
        """All pushes of a batch, in any order. Raises ProvingError where numbers exceed the keys' room."""
        context, slot, clock = (np.asarray(x).astype(np.int64) for x in (context, slot, clock))
        contexts = np.unique(context)
        if (
            len(contexts) >> (63 - _CLOCK_BITS - _SLOT_BITS)
            or (slot.size and (int(slot.max()) >> _SLOT_BITS or int(slot.min()) < 0))
            or (clock.size and int(clock.max()) >> _CLOCK_BITS)
        ):
            raise ProvingError("stack: more contexts, slots or clock ticks than a batch can have")
        keys = _keys(np.searchsorted(contexts, context), slot, clock)
        order = np.argsort(keys, kind="stable")
        return StackHistory(contexts, keys[order], order, clock[order])

    @staticmethod
    def of_requests(pushes: Requests) -> StackHistory:
        """The pushes that chips sent on STACK."""
        return StackHistory.of(pushes.small("ctx"), pushes.small("slot"), pushes.small("clk"))

    def before(self, context: NDArray[Any], slot: NDArray[Any], clock: NDArray[Any]) -> tuple[I64, I64]:
        """(index, clock) of the last push to each (context, slot) before each clock; else (-1, 0)."""
        context, slot, clock = (np.asarray(x).astype(np.int64) for x in (context, slot, clock))
        place = np.searchsorted(self.contexts, context)
        place = np.minimum(place, max(len(self.contexts) - 1, 0))
        at = np.searchsorted(self.keys, _keys(place, slot, clock)) - 1
        if not self.keys.size:
            return np.full(at.shape, -1), np.zeros(at.shape, dtype=np.int64)
        found = (
            (at >= 0)
            & (self.contexts[place] == context)
            & (self.keys[at] >> _CLOCK_BITS == _keys(place, slot, clock) >> _CLOCK_BITS)
        )
        return np.where(found, self.order[at], -1), np.where(found, self.clocks[at], 0)


def _keys(context: I64, slot: I64, clock: I64) -> I64:
    keys: I64 = (context << (_CLOCK_BITS + _SLOT_BITS)) | (slot << _CLOCK_BITS) | clock
    return keys
