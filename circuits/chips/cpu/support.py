"""Refuses, before any proving, what no chip can prove."""

from __future__ import annotations

import numpy as np

from zkroll.circuits.chips.opcode_families import SUPPORTED
from zkroll.errors import UnprovableError
from zkroll.vm.opcodes import name
from zkroll.vm.trace import Trace


def supported_opcodes() -> frozenset[int]:
    """The opcode bytes that the machine can prove, those that halt as undefined included."""
    return SUPPORTED


def check_supported(trace: Trace) -> None:
    """Raise UnprovableError at the first step that has no chip; names transaction, opcode and pc.

    A step inside an inner call is such a step too: the cpu proves one context per transaction.
    """
    supported = np.zeros(256, dtype=np.bool_)
    supported[list(SUPPORTED)] = True
    table = np.array([(s.opcode, s.depth) for s in trace.steps], dtype=np.int64).reshape(-1, 2)
    bad = np.flatnonzero(~supported[table[:, 0]] | (table[:, 1] > 0))
    if bad.size:
        step = trace.steps[int(bad[0])]
        raise UnprovableError(
            f"transaction {step.transaction}: opcode {name(step.opcode)} (0x{step.opcode:02x}) "
            f"at pc {step.pc}{' in an inner call' if step.depth else ''} has no chip"
        )
