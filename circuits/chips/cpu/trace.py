"""Fills the cpu from a batch: the VM's steps as arrays, spread over rows between the BEGIN and END rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.field import fr
from zkroll.circuits.air.gadgets import limbs16
from zkroll.circuits.air.witness import ColumnData
from zkroll.circuits.buses import FIRST_CLOCK
from zkroll.circuits.chips.cpu.columns import flag_name
from zkroll.circuits.chips.cpu.expansion import expand
from zkroll.circuits.chips.opcode_families import (
    EXPANDING,
    FLAGS,
    LENGTH_SECOND,
    LENGTH_THIRD,
    PUSHING,
    TAKES_DEEP,
    TAKES_FIRST,
    TAKES_SECOND,
    TAKES_THIRD,
    Family,
    by_opcode,
    is_in,
)
from zkroll.circuits.chips.stack_history import StackHistory
from zkroll.circuits.source import BatchTrace
from zkroll.errors import ProvingError
from zkroll.vm import gas
from zkroll.vm.arrays import TraceArrays
from zkroll.vm.halts import HaltKind

I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

_EXCEPTIONS: Final = {
    "out_of_gas": HaltKind.OUT_OF_GAS,
    "underflow": HaltKind.STACK_UNDERFLOW,
    "overflow": HaltKind.STACK_OVERFLOW,
    "bad_jump": HaltKind.INVALID_JUMP,
}
_PUSH0: Final = 0x5F
_PER_WORD: Final = {
    Family.CALLDATACOPY: gas.COPY_WORD,
    Family.CODECOPY: gas.COPY_WORD,
    Family.KECCAK: gas.KECCAK256_WORD,
    Family.EXP: gas.EXP_BYTE,
}


def fill(source: BatchTrace) -> Mapping[str, ColumnData] | None:
    """All columns; None for a batch without transactions. Raises ProvingError where they miss the trace."""
    if not source.transactions:
        return None
    rows = _Rows(source)
    steps = _Steps(source.steps.arrays())
    steps.fetch_halted_pushes([t.code for t in source.transactions])
    return _columns(rows, steps)


class _Rows:
    """Where steps and transactions stand in the table."""

    def __init__(self, source: BatchTrace) -> None:
        transactions = source.transactions
        self.first = np.array([t.first_step for t in transactions], dtype=np.int64)
        self.end = np.array([t.end_step for t in transactions], dtype=np.int64)
        count = len(source.steps.steps)
        if (self.first[1:] != self.end[:-1]).any() or self.first[0] != 0 or self.end[-1] != count:
            raise ProvingError(f"chip cpu: transactions do not cover the {count} steps of the trace")
        sizes = self.end - self.first + 2
        self.total = int(sizes.sum())
        self.end_row = np.cumsum(sizes) - 1
        self.begin_row = self.end_row - sizes + 1
        self.owner = np.repeat(np.arange(len(transactions)), sizes)
        self.step_row = np.arange(count) + 2 * np.repeat(np.arange(len(transactions)), sizes - 2) + 1
        self.start_gas = np.array([t.gas_limit - t.intrinsic_gas for t in transactions], dtype=np.int64)
        self.gas_left = np.array([t.gas_left for t in transactions], dtype=np.int64)
        self.refund = np.array([t.refund for t in transactions], dtype=np.int64)
        self.success = np.array([t.success for t in transactions], dtype=np.int64)
        self.code_hash = _field_limbs([t.code_hash for t in transactions])

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """Per-step values in their rows, zeros elsewhere."""
        out = np.zeros((self.total, *values.shape[1:]), dtype=values.dtype)
        out[self.step_row] = values
        return out


class _Steps:
    """What each step has, by step."""

    def __init__(self, trace: TraceArrays) -> None:
        steps = trace.steps
        self.raw = steps
        self.opcode = steps.opcode.astype(np.int64)
        self.family = by_opcode("family")[self.opcode]
        self.pops = by_opcode("pops")[self.opcode]
        self.pushes = by_opcode("pushes")[self.opcode]
        self.static_gas = by_opcode("static_gas")[self.opcode]
        self.sp = steps.stack_before.astype(np.int64)
        self.gas = steps.gas_before.astype(np.int64)
        self.halt = steps.halt.astype(np.int64)
        self.exceptions = {name: self.halt == kind for name, kind in _EXCEPTIONS.items()}
        self.fails = np.logical_or.reduce([*self.exceptions.values(), self.of(Family.INVALID)])
        self.halts = self.halt != HaltKind.NONE
        self.runs = ~self.halts
        self.there = ~self.exceptions["underflow"]
        self.a, self.b, self.n = (
            steps.inputs[:, 0].copy(),
            steps.inputs[:, 1].copy(),
            steps.inputs[:, 2].copy(),
        )
        self.c = steps.outputs[:, 0].copy()
        dup = self.of(Family.DUP)  # the VM tells the n-th word alone; it is the cpu's second
        self.b[dup] = self.a[dup]
        self.n[~is_in(self.family, TAKES_THIRD)] = 0  # LOG's topics are popped elsewhere
        self.sentry = self.of(Family.SSTORE) & self.exceptions["out_of_gas"] & (self.gas <= gas.SSTORE_SENTRY)
        self._memory()
        self._storage(trace)
        self._exponents()
        self.cost = self._cost()
        self._results()
        self.taken = self.of(Family.JUMP) | (self.of(Family.JUMPI) & self.b.any(axis=1))
        self.advance = 1 + np.where(
            self.runs & is_in(self.family, (Family.KECCAK, *LENGTH_THIRD)), self.words, 0
        )

    def of(self, family: Family) -> NDArray[np.bool_]:
        """The steps of a family."""
        return np.asarray(self.family == family)

    def _memory(self) -> None:
        """EXPAND's answers; ``words`` and ``amount`` get other meanings for EXP and SSTORE below."""
        length = np.zeros_like(self.a)
        second, third = is_in(self.family, LENGTH_SECOND), is_in(self.family, LENGTH_THIRD)
        length[second], length[third] = self.b[second], self.n[third]
        length[is_in(self.family, (Family.MLOAD, Family.MSTORE)), 0] = 32
        length[self.of(Family.MSTORE8), 0] = 1
        asks = is_in(self.family, EXPANDING) & self.there
        length[~asks] = 0
        before = self.raw.memory_before.astype(np.int64)
        self.memory = before
        answer = expand(before, self.a, length)
        self.memory_after, self.dynamic_gas = answer.words_after, answer.gas
        self.words, self.amount = answer.length_words, answer.length_bytes

    def _storage(self, trace: TraceArrays) -> None:
        rows = trace.storage
        asked = self.there[rows.step] & ~self.sentry[rows.step]
        step = rows.step[asked]
        original, current, new = rows.original[asked], rows.current[asked], rows.new[asked]
        changes = (current != new).any(axis=1)
        fresh = (original == current).all(axis=1)
        empty = ~original.any(axis=1)
        warm, writes = rows.was_warm[asked], rows.is_write[asked]
        write = np.where(fresh & changes, np.where(empty, gas.SSTORE_SET, gas.SSTORE_RESET), gas.WARM_ACCESS)
        write = write + np.where(warm, 0, gas.COLD_SLOAD)
        read = np.where(warm, gas.WARM_ACCESS, gas.COLD_SLOAD)
        self.dynamic_gas[step] = np.where(writes, write, read)
        self.amount[step] = np.where(writes, rows.refund_delta[asked], 0)
        loads = ~writes
        self.c[step[loads]] = current[loads]

    def _exponents(self) -> None:
        exp = np.flatnonzero(self.of(Family.EXP) & self.there)
        exponent = np.ascontiguousarray(self.b[exp]).view(np.uint8).reshape(-1, 32)
        used = exponent[:, ::-1] != 0
        self.words[exp] = np.where(used.any(axis=1), 32 - used.argmax(axis=1), 0)
        # a step out of gas has no result in the trace, yet asks EXP for its price; one per transaction
        for i in exp[self.exceptions["out_of_gas"][exp]]:
            base, power = (int.from_bytes(word[i].tobytes(), "little") for word in (self.a, self.b))
            result = pow(base, power, 1 << 256)
            self.c[i] = np.frombuffer(result.to_bytes(32, "little"), dtype="<u8")

    def _results(self) -> None:
        """Results that the cpu itself relates to its columns, in halting steps too, which push none."""
        deep = is_in(self.family, TAKES_DEEP)
        self.c[deep] = self.b[deep]
        own = {
            Family.PC: self.raw.pc.astype(np.int64),
            Family.MSIZE: 32 * self.memory,
            Family.GAS: self.gas_value(),
        }
        for family, value in own.items():
            chosen = self.of(family)
            self.c[chosen] = 0
            self.c[chosen, 0] = value[chosen].astype(np.uint64)

    def fetch_halted_pushes(self, codes: Sequence[bytes]) -> None:
        """Set the data of PUSHes that halt: the fetch names it, though nothing is pushed."""
        for i in np.flatnonzero(self.of(Family.PUSH) & self.halts):
            code, size = codes[int(self.raw.transaction[i])], int(self.opcode[i]) - _PUSH0
            start = int(self.raw.pc[i]) + 1
            data = code[start : start + size].ljust(size, b"\0")
            self.c[i] = np.frombuffer(data.rjust(32, b"\0")[::-1], dtype="<u8")

    def _cost(self) -> I64:
        per_word = np.zeros(len(Family), dtype=np.int64)
        for family, price in _PER_WORD.items():
            per_word[family] = price
        per_byte = np.where(self.of(Family.LOG), gas.LOG_DATA_BYTE, 0)
        cost: I64 = (
            self.static_gas + self.dynamic_gas + per_word[self.family] * self.words + per_byte * self.amount
        )
        return cost

    def gas_value(self) -> I64:
        """Gas left, or what is missing less one where the step runs out of it; 0 after other exceptions."""
        left = np.where(self.fails, 0, self.gas - self.cost)
        missing = self.exceptions["out_of_gas"] & ~self.sentry
        return np.where(missing, self.cost - self.gas - 1, left)

    def stack_limb(self) -> I64:
        """The distance to the stack's limits, per step."""
        after = self.sp - self.pops + self.pushes
        limb = gas.STACK_LIMIT - after
        limb = np.where(self.exceptions["overflow"], after - gas.STACK_LIMIT - 1, limb)
        return np.where(self.exceptions["underflow"], self.pops - self.sp - 1, limb)


def _columns(rows: _Rows, s: _Steps) -> dict[str, ColumnData]:
    ones = np.ones(rows.total, dtype=np.int64)
    is_begin, is_end = np.zeros_like(ones), np.zeros_like(ones)
    is_begin[rows.begin_row], is_end[rows.end_row] = 1, 1
    advance = ones.copy()
    advance[rows.step_row] = s.advance
    clk = FIRST_CLOCK + np.cumsum(advance) - advance
    ctx = clk[rows.begin_row][rows.owner]
    ages = _ages(rows, s, clk, ctx)

    gas_now, refund, memory, verdict = (
        rows.spread(x) for x in (s.gas, _signed(s.raw.refund_before), s.memory, s.taken)
    )
    verdict = verdict.astype(np.int64)
    gas_now[rows.begin_row], gas_now[rows.end_row] = rows.start_gas, rows.gas_left
    refund[rows.end_row] = rows.refund
    runs_code = rows.code_hash.any(axis=1)
    last = rows.end - 1  # the step before each END, where there is one
    memory[rows.end_row] = np.where(
        rows.end > rows.first, s.memory_after[last] if s.memory_after.size else 0, 0
    )
    verdict[rows.begin_row], verdict[rows.end_row] = runs_code, rows.success

    scalars = {
        **{flag_name(family): s.of(family) for family in FLAGS},
        **s.exceptions,
        "sentry": s.sentry, "halts": s.halts, "pc": s.raw.pc, "sp": s.sp, "opcode": s.opcode, "pops": s.pops,
        "pushes": s.pushes, "static_gas": s.static_gas, "dynamic_gas": s.dynamic_gas, "words": s.words,
        "amount": s.amount, "stack_limb": s.stack_limb(),
    }  # fmt: skip
    words = {"a": s.a, "b": s.b, "n": s.n, "c": s.c}
    return {
        **{name: rows.spread(np.asarray(column)) for name, column in scalars.items()},
        **{name: rows.spread(word) for name, word in words.items()},
        **{f"{name}_age": limbs16(rows.spread(age), 2) for name, age in ages.items()},
        "gas_limbs": limbs16(rows.spread(s.gas_value().astype(np.uint64)), 3),
        "is_begin": is_begin,
        "is_end": is_end,
        "clk": clk,
        "tx": rows.owner,
        "ctx": ctx,
        "code_hash": rows.code_hash[rows.owner],
        "gas": gas_now,
        "refund": refund,
        "memory_words": memory,
        "verdict": verdict,
        "inverse": _inverses(rows, s),
    }


def _signed(values: U64) -> I64:
    return values.astype(np.int64)


def _ages(rows: _Rows, s: _Steps, clk: I64, ctx: I64) -> dict[str, U64]:
    """clk - clk_push - 1 of every word taken; for SSTORE the third port holds its distance to the sentry."""
    at, context = clk[rows.step_row], ctx[rows.step_row]
    pushing, deep = is_in(s.family, PUSHING) & s.runs, is_in(s.family, TAKES_DEEP)
    back = deep & s.runs
    tops, lows = s.sp - s.pops + s.pushes - 1, s.sp - s.pops
    history = StackHistory.of(
        np.concatenate([context[pushing], context[back]]),
        np.concatenate([tops[pushing], lows[back]]),
        np.concatenate([at[pushing], at[back]]),
    )
    slots = {
        "a": (is_in(s.family, TAKES_FIRST), s.sp - 1),
        "b": (is_in(s.family, TAKES_SECOND) | deep, np.where(deep, lows, s.sp - 2)),
        "n": (is_in(s.family, TAKES_THIRD), s.sp - 3),
    }
    ages = {}
    for name, (takes, slot) in slots.items():
        takes = takes & s.there
        index, pushed = history.before(context, np.maximum(slot, 0), at)
        if (takes & (index < 0)).any():
            step = int(np.flatnonzero(takes & (index < 0))[0])
            raise ProvingError(f"chip cpu, step {step}: no push of the word in stack slot {int(slot[step])}")
        ages[name] = np.where(takes, at - pushed - 1, 0).astype(np.uint64)
    sstore = s.of(Family.SSTORE) & ~s.fails
    ages["n"][sstore] = (s.gas - gas.SSTORE_SENTRY - 1)[sstore]
    ages["n"][s.sentry] = (gas.SSTORE_SENTRY - s.gas)[s.sentry]
    return ages


def _inverses(rows: _Rows, s: _Steps) -> U64:
    """Inverses of the code hashes in BEGIN rows and of hi + lo of JUMPI's conditions, zero for zero."""
    tested = np.zeros((rows.total, 4), dtype=np.uint64)
    tested[rows.begin_row] = rows.code_hash
    jumpi = s.of(Family.JUMPI)
    b = s.b[jumpi]
    hi, lo = (np.ascontiguousarray(half) for half in (b[:, 2:], b[:, :2]))
    total = fr.to_limbs(fr.add(fr.from_array(hi), fr.from_array(lo)), b.shape[0])
    tested[rows.step_row[jumpi]] = total
    chosen = np.flatnonzero(tested.any(axis=1))
    out = np.zeros_like(tested)
    if chosen.size:
        out[chosen] = fr.to_limbs(fr.batch_inverse(fr.from_array(tested[chosen])), chosen.size)
    return out


def _field_limbs(values: list[int]) -> U64:
    joined = b"".join((value % fr.modulus).to_bytes(32, "little") for value in values)
    return np.frombuffer(joined, dtype="<u8").reshape(-1, 4)
