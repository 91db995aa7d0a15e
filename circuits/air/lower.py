"""Lowering of expression DAGs to straight-line code: first SSA, then kernel programs with few registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.program import Program
from zkroll.circuits.air.expr import Expr, Selector, Stage

Leaf = tuple[Any, ...]


@dataclass(frozen=True)
class Ssa:
    """Straight-line code: ``nodes[i]`` is ("add"|"sub"|"mul", j, k) with j, k < i, or a leaf:
    ("const", v), ("col", stage, index, rotation), ("challenge", name, power), ("selector", which)."""

    nodes: tuple[Leaf, ...]
    outputs: tuple[int, ...]

    def evaluate(self, leaf: Mapping[Leaf, Any]) -> list[Any]:
        """The outputs for leaf values of any kind with ``+ - *`` (constants, which are integers, need not be
        given): the verifier's and the wrap circuit's interpreter."""
        values: list[Any] = []
        for node in self.nodes:
            op = node[0]
            if op == "add":
                values.append(values[node[1]] + values[node[2]])
            elif op == "sub":
                values.append(values[node[1]] - values[node[2]])
            elif op == "mul":
                values.append(values[node[1]] * values[node[2]])
            elif op == "const":
                values.append(node[1])
            else:
                values.append(leaf[node])
        return [values[i] for i in self.outputs]


def lower(outputs: Sequence[Expr]) -> Ssa:
    """Number the nodes under ``outputs`` depth first, sharing equal subexpressions."""
    nodes: list[Leaf] = []
    by_key: dict[Leaf, int] = {}
    by_id: dict[int, int] = {}

    def number(key: Leaf) -> int:
        if key not in by_key:
            by_key[key] = len(nodes)
            nodes.append(key)
        return by_key[key]

    for root in outputs:
        stack = [root]
        while stack:
            expr = stack[-1]
            if id(expr) in by_id:
                stack.pop()
                continue
            if expr.op in ("add", "sub", "mul"):
                a, b = expr.args
                pending = [c for c in (b, a) if id(c) not in by_id]
                if pending:
                    stack.extend(pending)  # type: ignore[arg-type]
                    continue
                i, j = by_id[id(a)], by_id[id(b)]
                if expr.op != "sub" and i > j:
                    i, j = j, i
                by_id[id(expr)] = number((expr.op, i, j))
            else:
                by_id[id(expr)] = number((expr.op, *expr.args))
            stack.pop()
    return Ssa(tuple(nodes), tuple(by_id[id(root)] for root in outputs))


@dataclass(frozen=True)
class ColumnOrder:
    """Where each column leaf stands in the list of columns given to a kernel program."""

    widths: tuple[int, int, int]

    @property
    def count(self) -> int:
        """All columns: the three stages, then the three selectors."""
        return sum(self.widths) + len(Selector)

    def position(self, stage: int, index: int) -> int:
        return sum(self.widths[: int(stage)]) + index

    def selector(self, which: int) -> int:
        return sum(self.widths) + which


@dataclass(frozen=True)
class Compiled:
    """A kernel program and how to make its constants from the challenges."""

    program: Program
    constants: tuple[Leaf, ...]

    def resolve(self, challenges: Mapping[str, int]) -> list[int]:
        """The constant table for these challenge values."""
        return [
            leaf[1] if leaf[0] == "const" else pow(challenges[leaf[1]], leaf[2], R_MODULUS)
            for leaf in self.constants
        ]


_OPCODES = {"add": 0, "sub": 1, "mul": 2}
_STORE = 3


def compile_program(outputs: Sequence[Expr], order: ColumnOrder) -> Compiled:
    """Register-allocate ``outputs`` into a kernel program; output i is ``outputs[i]``."""
    ssa = lower(outputs)
    last_use = {node: i for i, key in enumerate(ssa.nodes) if key[0] in _OPCODES for node in key[1:]}
    wanted: dict[int, list[int]] = {}
    for out, node in enumerate(ssa.outputs):
        wanted.setdefault(node, []).append(out)
    constants: dict[Leaf, int] = {}
    for key in ssa.nodes:
        if key[0] in ("const", "challenge"):
            constants[key] = len(constants)

    # Operands are registers (kept as they are), or leaves marked by (space, index) until R is known.
    operand: dict[int, tuple[int, int]] = {}
    free: list[int] = []
    registers = 0
    code: list[tuple[int, tuple[int, int], tuple[int, int], tuple[int, int]]] = []
    for i, key in enumerate(ssa.nodes):
        if key[0] in _OPCODES:
            a, b = operand[key[1]], operand[key[2]]
            for node in {key[1], key[2]}:
                if last_use[node] == i and operand[node][0] == 0:
                    free.append(operand[node][1])
            if free:
                destination = free.pop()
            else:
                destination, registers = registers, registers + 1
            operand[i] = (0, destination)
            code.append((_OPCODES[key[0]], (0, destination), a, b))
        elif key[0] in ("const", "challenge"):
            operand[i] = (1, constants[key])
        elif key[0] == "col":
            operand[i] = (2 + key[3], order.position(key[1], key[2]))
        else:
            operand[i] = (2, order.selector(key[1]))
        for out in wanted.get(i, ()):
            code.append((_STORE, (0, out), operand[i], (0, 0)))
        if i in wanted and i not in last_use and operand[i][0] == 0:
            free.append(operand[i][1])

    registers = max(registers, 1)
    base = (0, registers, registers + len(constants), registers + len(constants) + order.count)
    rows = [(op, d[1], base[a[0]] + a[1], base[b[0]] + b[1]) for op, d, a, b in code]
    program = Program(
        n_registers=registers,
        code=np.array(rows, dtype=np.int32).reshape(-1, 4),
        n_constants=len(constants),
        n_columns=order.count,
        n_outputs=len(outputs),
    )
    return Compiled(program, tuple(constants))


def column_order(widths: Mapping[Stage, int]) -> ColumnOrder:
    """The order preprocessed, main, helper, selectors."""
    return ColumnOrder((widths[Stage.PREPROCESSED], widths[Stage.MAIN], widths[Stage.HELPER]))
