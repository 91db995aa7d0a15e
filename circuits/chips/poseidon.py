"""Chips ``poseidon2`` … ``poseidon5``: circomlib's Poseidon of 2 to 5 inputs, one row per distinct request.

Columns (t = inputs + 1; 81, 88, 100 and 108 of them for t = 3, 4, 5, 6)
    count         how many callers ask for this row
    x[i]          the inputs
    full[k]       outputs of the S-boxes of the full rounds, round by round, those of the last round left out;
                  the first round has t - 1, for its first S-box works on a constant
    partial[r]    output of the one S-box of partial round r
    out           the hash: element 0 of the last round's linear layer

Constraints
    1. "full round r, element i": full = x^5, x being linear in the columns of the rounds before
    2. "partial round r": partial = x^5 likewise
    3. "out": out = sum_j M[0][j] x_j^5 over the S-boxes of the last round
Interactions
    4. receives (x, out) ``count`` times

Every column is the only solution of its constraint given the columns before it, so (x, out) is the graph of
the function. ``count`` is free: a tuple that nobody asks for unbalances the bus. Rows of the padding hash the
last request again with count 0.

The linear layers stand in the expressions. Between the partial rounds only one element is not linear, so the
others are kept in a basis that moves with the rounds (u, below), which makes a partial round cost 2t - 1
multiplications instead of t^2 (the idea of appendix B of the Poseidon paper, ePrint 2019/458).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.poseidon import poseidon_hash
from zkroll.algebra.reference.poseidon import FULL_ROUNDS, PARTIAL_ROUNDS, mds, round_constants
from zkroll.circuits.air.chip import AirBuilder, Bus, Chip
from zkroll.circuits.air.expr import Expr, lift
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import POSEIDON2, POSEIDON3, POSEIDON4, POSEIDON5

U64 = NDArray[np.uint64]
HALF: Final = FULL_ROUNDS // 2

Matrix = tuple[tuple[int, ...], ...]
#: an S-box: (element, "full" or "partial", round, index of the element) -> element^5
SBox = Callable[[Any, str, int, int], Any]


@dataclass(frozen=True)
class PartialRounds:
    """Partial rounds with the elements 1.. of the state written as B^r u + constants, B being M without its
    first row and column.

        y = x^5        x' = M[0][0] y + look[r] . u + add[r]        u' = u + feed[r] y

    After the last round the elements 1.. are ``leave`` u + ``rest``; ``add`` has the round constant of x'.
    """

    look: Matrix
    feed: Matrix
    add: tuple[int, ...]
    leave: Matrix
    rest: tuple[int, ...]


@lru_cache(maxsize=8)
def partial_rounds(t: int) -> PartialRounds:
    """The partial rounds of width t in the moving basis."""
    matrix, constants, count = mds(t), round_constants(t), PARTIAL_ROUNDS[t]
    block = tuple(row[1:] for row in matrix[1:])
    inverse = _invert(block)
    power = tuple(tuple(int(i == j) for j in range(t - 1)) for i in range(t - 1))  # B^r
    column = tuple(row[0] for row in matrix[1:])
    known = (0,) * (t - 1)  # the constants gathered in elements 1..
    look, feed, add = [], [], []
    for r in range(count):
        column = _apply(inverse, column)
        known = tuple((k + c) % R_MODULUS for k, c in zip(known, constants[HALF + r][1:], strict=True))
        look.append(_apply(tuple(zip(*power, strict=True)), matrix[0][1:]))
        feed.append(column)
        following = constants[HALF + r + 1][0] if r + 1 < count else 0
        add.append((_dot(matrix[0][1:], known) + following) % R_MODULUS)
        known = _apply(block, known)
        power = tuple(_apply_row(row, block) for row in power)
    return PartialRounds(tuple(look), tuple(feed), tuple(add), power, known)


def _dot(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True)) % R_MODULUS


def _apply(matrix: Matrix, vector: Sequence[int]) -> tuple[int, ...]:
    return tuple(_dot(row, vector) for row in matrix)


def _apply_row(row: Sequence[int], matrix: Matrix) -> tuple[int, ...]:
    return tuple(_dot(row, column) for column in zip(*matrix, strict=True))


def _invert(matrix: Matrix) -> Matrix:
    """The inverse over Fr of a small matrix, by Gauss-Jordan elimination."""
    n = len(matrix)
    rows = [[*row, *(int(i == j) for j in range(n))] for i, row in enumerate(matrix)]
    for c in range(n):
        pivot = next(r for r in range(c, n) if rows[r][c])
        rows[c], rows[pivot] = rows[pivot], rows[c]
        scale = pow(rows[c][c], -1, R_MODULUS)
        rows[c] = [v * scale % R_MODULUS for v in rows[c]]
        for r in range(n):
            if r != c and rows[r][c]:
                factor = rows[r][c]
                rows[r] = [(v - factor * w) % R_MODULUS for v, w in zip(rows[r], rows[c], strict=True)]
    return tuple(tuple(row[n:]) for row in rows)


def hash_with(inputs: Sequence[Any], sbox: SBox) -> Any:
    """Poseidon of ``inputs``, things that know ``+`` and ``*`` with themselves and integers.

    ``sbox`` is called for every S-box that works on something other than a constant.
    """
    t = len(inputs) + 1
    matrix, constants, partial = mds(t), round_constants(t), partial_rounds(t)
    state: list[Any] = [0, *inputs]

    def full(state: list[Any], r: int) -> list[Any]:
        powers: list[Any] = []
        for i, (element, constant) in enumerate(zip(state, constants[r], strict=True)):
            known = isinstance(element, int)
            powers.append(
                pow(element + constant, 5, R_MODULUS) if known else sbox(element + constant, "full", r, i)
            )
        return powers

    for r in range(HALF):
        powers = full(state, r)
        state = [_combine(row, powers) for row in matrix]
    x, u = state[0] + constants[HALF][0], state[1:]
    for r in range(PARTIAL_ROUNDS[t]):
        y = sbox(x, "partial", r, 0)
        x = _combine(partial.look[r], u) + y * matrix[0][0] + partial.add[r]
        u = [element + y * weight for element, weight in zip(u, partial.feed[r], strict=True)]
    state = [x, *(_combine(row, u) + known for row, known in zip(partial.leave, partial.rest, strict=True))]
    for r in range(HALF + PARTIAL_ROUNDS[t], FULL_ROUNDS + PARTIAL_ROUNDS[t]):
        powers = full(state, r)
        if r == FULL_ROUNDS + PARTIAL_ROUNDS[t] - 1:
            return _combine(matrix[0], powers)
        state = [_combine(row, powers) for row in matrix]
    return state[0]


def _combine(weights: Sequence[int], terms: Sequence[Any]) -> Any:
    constant = 0
    result: Any = None
    for weight, term in zip(weights, terms, strict=True):
        if isinstance(term, int):
            constant += weight * term
        else:
            result = term * weight if result is None else result + term * weight
    return result + constant % R_MODULUS if constant else result


class _Vector:
    """A block array with operators."""

    __slots__ = ("block",)

    def __init__(self, block: U64) -> None:
        self.block = block

    def __add__(self, other: _Vector | int) -> _Vector:
        return _Vector(fr.add(self.block, other.block if isinstance(other, _Vector) else other))

    def __mul__(self, other: _Vector | int) -> _Vector:
        return _Vector(fr.mul(self.block, other.block if isinstance(other, _Vector) else other))

    def fifth_power(self) -> _Vector:
        square = fr.square(self.block)
        return _Vector(fr.mul(fr.square(square), self.block))


def poseidon_blocks(inputs: Sequence[U64], keep: SBox | None = None) -> U64:
    """Poseidon of block arrays (nb, 5, 8), elementwise; ``keep`` sees each S-box's output as it is made."""

    def sbox(x: _Vector, kind: str, r: int, i: int) -> _Vector:
        y = x.fifth_power()
        if keep is not None:
            keep(y.block, kind, r, i)
        return y

    result: _Vector = hash_with([_Vector(block) for block in inputs], sbox)
    return result.block


def poseidon_limbs(*inputs: NDArray[Any]) -> U64:
    """Poseidon row by row of (rows,) integers or (rows, k) limbs: (rows, 4) limbs."""
    rows = inputs[0].shape[0]
    if rows == 0:
        return np.zeros((0, 4), dtype=np.uint64)
    return fr.to_limbs(poseidon_hash([fr.from_array(data) for data in inputs], rows), rows)


class PoseidonChip(Chip):
    """Poseidon of a fixed number of inputs."""

    inputs: ClassVar[int]
    bus: ClassVar[Bus]

    def define(self, b: AirBuilder) -> None:
        t = self.inputs + 1
        last = FULL_ROUNDS + PARTIAL_ROUNDS[t] - 1
        count = b.column("count")
        x = b.columns("x", self.inputs)
        full = iter(b.columns("full", full_columns(t)))
        partial = b.columns("partial", PARTIAL_ROUNDS[t])
        out = b.column("out")

        def sbox(value: Expr, kind: str, r: int, i: int) -> Expr:
            power = _fifth(value)
            if r == last and kind == "full":
                return power
            if kind == "partial":
                b.constrain(f"partial round {r}", partial[r] - power)
                return partial[r]
            box = next(full)
            b.constrain(f"full round {r}, element {i}", box - power)
            return box

        b.constrain("out", out - lift(hash_with(x, sbox)))
        b.receive("answers a hash request", self.bus, (*x, out), count)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        requests = ctx.requests(self.bus).unique()
        rows = len(requests)
        if not rows and self.name not in ctx.shape.heights:
            return None
        # a row of padding is an answer that nobody asks for: the last one again, or the hash of zeros
        height = ctx.shape.height(self, rows)
        values = requests.values if rows else np.zeros((1, self.inputs, 4), dtype=np.uint64)
        chosen = np.minimum(np.arange(height), max(rows - 1, 0))
        x = [np.ascontiguousarray(values[chosen, i]) for i in range(self.inputs)]
        columns: dict[str, list[U64]] = {"full": [], "partial": []}
        last = FULL_ROUNDS + PARTIAL_ROUNDS[self.inputs + 1] - 1

        def keep(block: U64, kind: str, r: int, _element: int) -> None:
            if r != last or kind == "partial":
                columns[kind].append(fr.to_limbs(block, height))

        out = poseidon_blocks([fr.from_array(data) for data in x], keep)
        count = np.zeros(height, dtype=np.int64)
        count[:rows] = requests.multiplicity
        return {"count": count, "x": x, **columns, "out": fr.to_limbs(out, height)}


def full_columns(t: int) -> int:
    """S-boxes of the full rounds with a column: all but the very first and those of the last round."""
    return (FULL_ROUNDS - 1) * t - 1


def _fifth(x: Expr) -> Expr:
    square = x * x
    return square * square * x


class Poseidon2Chip(PoseidonChip):
    """Poseidon of two field elements."""

    name = "poseidon2"
    inputs = 2
    bus = POSEIDON2


class Poseidon3Chip(PoseidonChip):
    """Poseidon of three field elements."""

    name = "poseidon3"
    inputs = 3
    bus = POSEIDON3


class Poseidon4Chip(PoseidonChip):
    """Poseidon of four field elements."""

    name = "poseidon4"
    inputs = 4
    bus = POSEIDON4


class Poseidon5Chip(PoseidonChip):
    """Poseidon of five field elements."""

    name = "poseidon5"
    inputs = 5
    bus = POSEIDON5
