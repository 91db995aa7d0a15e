"""The permutation Keccak-f[1600], one round a row, on spread chunks of 16 digits (see ``digits``).

A permutation is 25 rows: row 0 absorbs a block into the state, rows 1 to 24 are the rounds. Lane p = X + 5 Y.
The state after a row is never normalised; its lanes are the sums

    S_p = N_p + M_p (+ RC for p = 0),      digits 0..2 (0..3 for p = 0), the bit is the parity,

where N_p is the lane before chi (in a round) or the absorbed lane (row 0, where M = 0), and
M_p = ~N_{X+1} & N_{X+2}.

Columns (cells of spread chunks unless said otherwise; a chunk covers 16 digits, four make a lane):
  is_round, absorb, keep   bits: a round; an absorbing row; an absorbing row that continues a message
  round, last, rc[4]       the round's number, whether it is 24, its constant (from the ROUND table)
  message, count, block    the message that the permutation belongs to, how often that is hashed, and which of
                           its blocks is absorbed
  n[124]                   N by pieces: each lane also has a cut where its rho rotation wraps around
  m[100]                   M
  c[25], c_two[20], c_four[20]   column parities of S: sum_y S = c + 2 c_two + 4 (c_four + h), h not a cell;
                           the top digit of each c lane is a cell of its own
  d[20], d_carry[15]       theta's D = c[x-1] xor rot(c[x+1], 1): their sum = d + 2 carry
  carry[76]                of the sum S + D (or S + block): N of the next row + 2 carry

Constraints and interactions, where theta = is_round.next, on row t about the step to row t + 1:
  1. is_round, absorb, keep are bits; not both round and absorb; keep only with absorb; the first row is
     no round and continues no message; round is 0 outside of rounds
  2. is_round.next = absorb + is_round - last: a permutation runs through to its last round; round counts up
  3. keep follows a last round; message and count stay within a message; messages are 0, 1, 2, … in order,
     with no padding before one (so a table that begins with padding has none); block starts at 0, stays within a permutation and counts up at keep
  4. every cell above is a spread number of its width (piece u of s digits under w of 16 - s: u 12^(16-s), w
     and u + w 12^s are spread numbers of 16 digits, which bounds u and w by their widths)
  5. in a round 1 - N_{X+1} + N_{X+2} - 2 M is spread, chunk by chunk: M is the carry, i.e. ~b & c
  6. M = 0 in absorbing rows
  7. theta: (sum_y S - c - 2 c_two - 4 c_four) / 4 is spread
  8. theta: (c[x-1] + rot(c[x+1], 1) - d - 2 d_carry) / 2 12^48 is spread (its lower chunks are cells)
  9. theta: (S_q + D - rho^-1(N.next of q's place after pi) - 2 carry) / 2 12^48 is spread; for lane 0, whose
     sum reaches 4, chunk by chunk with a second carry
 10. absorbing: each of the 17 lanes N.next + keep.next (2 carry - S) is taken ``count`` times from LANES, the
     eight others are zero; cells of c_two, c_four and d, idle in last rounds, hold the missing carry chunks
 11. a last round that is not continued hands S_0..S_3 to SQUEEZE, ``count`` times

Sound because both sides of 5 and 7 to 10 are numbers with digits below 12, and below r, so they agree digit
by digit, and each digit's parity and carry are unique (c_four and h, and the two carries of lane 0, may swap:
only their sum matters). Cells that 7 to 10 leave free in a last round before a new message are read by
nothing. There is one chain of permutations per message number, so whoever sends lanes under a number sends
the lanes of that chain, all of them equally often, and gets its SQUEEZE: equal messages share one chain,
others cannot.

Lookups cost a third of a cell, so with the bus helpers a row has about 620 columns: 15.6 thousand cells a
permutation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import ClassVar, Final

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.keccak import ROTATIONS
from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import Expr, total, weighted
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.chips.keccak.digits import BASE, CHUNK, DIGITS16, LANE, LANES, ROUND, SQUEEZE

RATE_LANES: Final = 17
ROWS: Final = 25  # per permutation
CHUNKS: Final = 4
CHUNK_WEIGHT: Final = BASE**CHUNK
ONES: Final = sum(BASE**i for i in range(CHUNK))

#: PLACE[q] is where pi moves lane q; ROTATION[p] by how much rho has turned the lane that arrives at p
PLACE: Final = tuple(q // 5 + 5 * ((2 * (q % 5) + 3 * (q // 5)) % 5) for q in range(25))
ROTATION: Final = tuple(ROTATIONS[PLACE.index(p)] for p in range(25))


def _pieces(rotation: int) -> tuple[tuple[int, int], ...]:
    """(first digit, digits) of a lane's pieces: cut at every chunk and where the rotation wraps around."""
    cuts = sorted({*range(0, LANE + 1, CHUNK), rotation})
    return tuple((start, stop - start) for start, stop in pairwise(cuts))


#: per lane the pieces of n, and the index of the first one
PIECES: Final = tuple(_pieces(r) for r in ROTATION)
FIRST_PIECE: Final = tuple(sum(len(p) for p in PIECES[:i]) for i in range(25))
N_WIDTH: Final = sum(len(p) for p in PIECES)
#: pieces of a c lane: the top digit apart, because it turns to the bottom
C_PIECES: Final = ((0, 16), (16, 16), (32, 16), (48, 15), (63, 1))
#: index of the first carry cell of a lane: four for lane 0, three for the others
FIRST_CARRY: Final = (0, *(4 + 3 * i for i in range(24)))


def _inverse(value: int) -> int:
    return pow(value, -1, R_MODULUS)


def _at(cells: Sequence[Expr], pieces: Sequence[tuple[int, int]], turn: int = 0) -> Expr:
    """The lane of these pieces, turned left by ``turn`` digits."""
    places = [(start + turn) % LANE for start, _ in pieces]
    return total(cell * BASE**place for cell, place in zip(cells, places, strict=True))


class KeccakF(Chip):
    """Serves LANES and SQUEEZE: chains of permutations, one per message."""

    name: ClassVar[str] = "keccak_f"
    context_columns: ClassVar[tuple[str, ...]] = ("message", "block", "round")

    def define(self, b: AirBuilder) -> None:
        is_round, absorb, keep = b.bit("is_round"), b.bit("absorb"), b.bit("keep")
        round_, last, rc = b.column("round"), b.column("last"), b.columns("rc", 4)
        message, count, block = b.column("message"), b.column("count"), b.column("block")
        b.constrain("not both round and absorb", is_round * absorb)
        b.constrain("keep only with absorb", keep * (1 - absorb))
        b.first("the first row starts a message or is padding", is_round + keep)
        b.constrain("round is 0 outside of rounds", (1 - is_round) * round_)
        b.send("round constant", ROUND, (round_, last, *rc))

        b.constrain("a permutation runs through", is_round.next - absorb - is_round + last)
        b.constrain("rounds count up", is_round.next * (round_.next - round_ - 1))
        b.constrain("keep follows a last round", keep.next * (1 - last))
        within = is_round.next + keep.next
        b.constrain("message stays", within * (message.next - message))
        b.constrain("count stays", within * (count.next - count))
        b.first("messages count from 0", message)
        starts = absorb.next - keep.next
        b.transition("messages count up", starts * (message.next - message - 1))
        b.transition("no message after padding", starts * (1 - is_round - absorb))
        b.constrain("block starts at 0", (absorb - keep) * block)
        b.constrain("block stays within a permutation", is_round.next * (block.next - block))
        b.constrain("block counts up at keep", keep.next * (block.next - block - 1))

        cells = b.columns("n", N_WIDTH)
        n = [cells[FIRST_PIECE[p] : FIRST_PIECE[p] + len(PIECES[p])] for p in range(25)]
        for p in range(25):
            _pieces_are_spread(b, f"n lane {p}", n[p], PIECES[p])
        chunk = [_chunks(n[p], PIECES[p]) for p in range(25)]
        m = self._chi(b, chunk, is_round)
        b.constrain("nothing from chi when absorbing", absorb * total(x for lane in m for x in lane))

        state = [[chunk[p][j] + m[p][j] + (rc[j] if p == 0 else 0) for j in range(CHUNKS)] for p in range(25)]
        lanes = [weighted(chunks, CHUNK_WEIGHT) for chunks in state]
        after = [[piece.next for piece in n[p]] for p in range(25)]
        d, idle = self._theta(b, state, is_round.next)
        cells_of_carries = self._carries(b, state, d, after, is_round.next)
        carries = _with_idle_cells(cells_of_carries, [*idle, *d[0]])
        for p in range(25):
            absorbed = _at(after[p], PIECES[p])
            old = keep.next * (2 * carries[p] - lanes[p])
            if p < RATE_LANES:
                index = RATE_LANES * block.next + p
                lane = (message.next, index, absorbed + old)
                b.receive(f"absorb lane {p}", LANES, lane, absorb.next * count.next)
            else:
                b.constrain(f"nothing absorbed into lane {p}", absorb.next * absorbed + old)
        b.send("digest", SQUEEZE, (message, *lanes[:4]), (last - keep.next) * count)

    @staticmethod
    def _chi(b: AirBuilder, chunk: Sequence[Sequence[Expr]], is_round: Expr) -> list[list[Expr]]:
        """M_p = ~N_{X+1} & N_{X+2}, the carries of (1 - N_{X+1}) + N_{X+2}."""
        cells = b.columns("m", 25 * CHUNKS)
        m = [cells[CHUNKS * p : CHUNKS * (p + 1)] for p in range(25)]
        for p in range(25):
            x, row = p % 5, p - p % 5
            one, two = chunk[row + (x + 1) % 5], chunk[row + (x + 2) % 5]
            for j in range(CHUNKS):
                b.send(f"m lane {p} chunk {j} is spread", DIGITS16, (m[p][j],))
                rest = ONES - one[j] + two[j] - 2 * m[p][j]
                b.send(f"m lane {p} chunk {j} is the carry", DIGITS16, (rest,), is_round)
        return m

    @staticmethod
    def _theta(
        b: AirBuilder, state: Sequence[Sequence[Expr]], theta: Expr
    ) -> tuple[list[list[Expr]], list[Expr]]:
        """The four chunks of D per x, and the cells that last rounds leave idle."""
        c_cells, two, four = b.columns("c", 25), b.columns("c_two", 20), b.columns("c_four", 20)
        c = [c_cells[5 * x : 5 * x + 5] for x in range(5)]
        for x in range(5):
            _pieces_are_spread(b, f"c column {x}", c[x], C_PIECES)
            chunks = _chunks(c[x], C_PIECES)
            for j in range(CHUNKS):
                place = f"column {x} chunk {j}"
                b.send(f"c_two {place} is spread", DIGITS16, (two[CHUNKS * x + j],))
                b.send(f"c_four {place} is spread", DIGITS16, (four[CHUNKS * x + j],))
                count = total(state[x + 5 * y][j] for y in range(5))
                rest = count - chunks[j] - 2 * two[CHUNKS * x + j] - 4 * four[CHUNKS * x + j]
                b.send(f"c {place} is the parity", DIGITS16, (rest * _inverse(4),), theta)

        cells, carry = b.columns("d", 20), b.columns("d_carry", 15)
        d = [cells[CHUNKS * x : CHUNKS * (x + 1)] for x in range(5)]
        for x in range(5):
            mine = [carry[3 * x + j] for j in range(3)]
            for j in range(CHUNKS):
                b.send(f"d column {x} chunk {j} is spread", DIGITS16, (d[x][j],))
            for j in range(3):
                b.send(f"d_carry column {x} chunk {j} is spread", DIGITS16, (mine[j],))
            both = _at(c[(x + 4) % 5], C_PIECES) + _at(c[(x + 1) % 5], C_PIECES, 1)
            rest = both - weighted(d[x], CHUNK_WEIGHT) - 2 * weighted(mine, CHUNK_WEIGHT)
            b.send(f"d column {x} is the parity", DIGITS16, (rest * _inverse(2 * CHUNK_WEIGHT**3),), theta)
        return d, [*two, *four]

    @staticmethod
    def _carries(
        b: AirBuilder,
        state: Sequence[Sequence[Expr]],
        d: Sequence[Sequence[Expr]],
        after: Sequence[Sequence[Expr]],
        theta: Expr,
    ) -> list[list[Expr]]:
        """The carry cells per lane; with them rho^-1(N.next) is the parity of S + D."""
        cells = b.columns("carry", FIRST_CARRY[-1] + 3)
        carries = [cells[FIRST_CARRY[q] : FIRST_CARRY[q] + (3 if q else 4)] for q in range(25)]
        for q in range(25):
            for j, cell in enumerate(carries[q]):
                b.send(f"carry lane {q} chunk {j} is spread", DIGITS16, (cell,))
        next_chunks = _chunks(after[0], PIECES[0])
        for j in range(CHUNKS):
            rest = state[0][j] + d[0][j] - next_chunks[j] - 2 * carries[0][j]
            b.send(f"next lane 0 chunk {j} is the parity", DIGITS16, (rest * _inverse(2),), theta)
        for q in range(1, 25):
            p = PLACE[q]
            back = _at(after[p], PIECES[p], -ROTATION[p])
            mixed = weighted(state[q], CHUNK_WEIGHT) + weighted(d[q % 5], CHUNK_WEIGHT)
            rest = (mixed - back - 2 * weighted(carries[q], CHUNK_WEIGHT)) * _inverse(2 * CHUNK_WEIGHT**3)
            b.send(f"next lane {p} is the parity", DIGITS16, (rest,), theta)
        return carries

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        from zkroll.circuits.chips.keccak.permutations import fill_permutations

        return fill_permutations(ctx.requests(LANES))


def _with_idle_cells(carries: Sequence[Sequence[Expr]], idle: Sequence[Expr]) -> list[Expr]:
    """The carry of each lane when absorbing: the chunks without a cell of their own are in ``idle``."""
    lanes = [weighted([*carries[p], idle[p - 1]], CHUNK_WEIGHT) for p in range(1, 25)]
    return [weighted(carries[0], CHUNK_WEIGHT) + weighted(idle[40:44], CHUNK_WEIGHT), *lanes]


def _chunks(cells: Sequence[Expr], pieces: Sequence[tuple[int, int]]) -> list[Expr]:
    """The four chunks of a lane from its pieces."""
    return [
        total(
            cell * BASE ** (start % CHUNK)
            for cell, (start, _) in zip(cells, pieces, strict=True)
            if start // CHUNK == j
        )
        for j in range(CHUNKS)
    ]


def _pieces_are_spread(
    b: AirBuilder, name: str, cells: Sequence[Expr], pieces: Sequence[tuple[int, int]]
) -> None:
    """Each piece is a spread number of its own width."""
    for j in range(CHUNKS):
        here = [(c, size) for c, (start, size) in zip(cells, pieces, strict=True) if start // CHUNK == j]
        if len(here) == 1:
            b.send(f"{name} chunk {j} is spread", DIGITS16, (here[0][0],))
            continue
        (low, size), (high, _) = here
        b.send(f"{name} chunk {j} lower piece fits", DIGITS16, (low * BASE ** (CHUNK - size),))
        b.send(f"{name} chunk {j} upper piece is spread", DIGITS16, (high,))
        b.send(f"{name} chunk {j} is spread", DIGITS16, (low + high * BASE**size,))
