"""Filling ``keccak_f``: every row of every permutation at once, on dense 64-bit words, spread at the end."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.keccak import keccak_f1600, keccak_f_rounds
from zkroll.algebra.reference.keccak import ROTATIONS, ROUND_CONSTANTS
from zkroll.circuits.air.witness import ColumnData, Requests
from zkroll.circuits.chips.keccak.digits import CHUNK, gather_lanes, spread_bits
from zkroll.circuits.chips.keccak.keccak_f import C_PIECES, PIECES, PLACE, RATE_LANES, ROWS
from zkroll.errors import ProvingError

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
_TURN: Final = np.array(ROTATIONS, dtype=np.uint64)
_SOURCE: Final = np.argsort(np.array(PLACE))
_RC: Final = np.array([0, *ROUND_CONSTANTS], dtype=np.uint64)


def fill_permutations(asked: Requests) -> dict[str, ColumnData] | None:
    """The columns of ``keccak_f`` for the lanes of all messages, (message, index) in any order."""
    if not len(asked):
        return None
    message, count, block, blocks = _blocks(asked.unique())
    inputs = absorbed_states(block, blocks)
    perms = inputs.shape[0]
    continued = np.zeros(perms, dtype=bool)
    continued[:-1] = message[1:] == message[:-1]

    n = np.empty((perms, ROWS, 25), dtype=np.uint64)
    n[:, 0] = inputs
    n[:, 1:] = _theta_rho_pi(keccak_f_rounds(inputs))
    planes = n.reshape(perms, ROWS, 5, 5)
    m = (~np.roll(planes, -1, axis=3) & np.roll(planes, -2, axis=3)).reshape(n.shape)
    m[:, 0] = 0
    rc = np.broadcast_to(_RC, (perms, ROWS))

    c, two, four = _parities(n, m, rc)
    d, d_carry = _mix(c)
    addend = d[:, :, np.arange(25) % 5]
    addend[:, -1] = 0
    addend[:-1, -1, :RATE_LANES] = np.where(continued[:-1, None], blocks[1:], 0)
    carry = _majority(n, m, addend)
    # lane 0 has the round constant as a fourth addend: its two carries are told apart as "one" and "both"
    first, second = _lane0_carries(n[:, :, 0], m[:, :, 0], addend[:, :, 0], rc)
    carry[:, :, 0] = first
    for part in (c, two, four, d, d_carry):
        part[:, -1] = 0
    carry[~continued, -1] = 0
    second[~continued, -1] = 0

    rows = perms * ROWS

    def flat(a: U64) -> U64:
        return a.reshape(rows, *a.shape[2:])

    columns = {
        "n": _cells(flat(n), [[(s, w) for s, w in PIECES[p]] for p in range(25)]),
        "m": _cells(flat(m), [_whole()] * 25),
        "c": _cells(flat(c), [list(C_PIECES)] * 5),
        "c_two": _cells(flat(two), [_whole()] * 5),
        "c_four": _cells(flat(four), [_whole()] * 5),
        "d": _cells(flat(d), [_whole()] * 5),
        "d_carry": _cells(flat(d_carry), [_whole(3)] * 5),
        "carry": _cells(flat(carry), [_whole(4 if q == 0 else 3) for q in range(25)]),
        "rc": _cells(flat(rc[:, :, None]), [_whole()]),
    }
    # the carry chunks of absorbing steps that have no cell of their own
    last = np.arange(perms) * ROWS + ROWS - 1
    top = spread_bits(carry[:, -1, 1:], 3 * CHUNK, CHUNK)
    columns["c_two"][last] = top[:, :20]
    columns["c_four"][last[:, None], np.arange(4)] = top[:, 20:]
    for j in range(4):
        columns["d"][last, j] = spread_bits(second[:, -1], CHUNK * j, CHUNK)

    step = np.tile(np.arange(ROWS), perms)
    starts = np.ones(perms, dtype=bool)
    starts[1:] = ~continued[:-1]
    return {
        **columns,
        "is_round": step > 0,
        "absorb": step == 0,
        "keep": (step == 0) & ~np.repeat(starts, ROWS),
        "round": step,
        "last": step == ROWS - 1,
        "message": np.repeat(message, ROWS),
        "count": np.repeat(count, ROWS),
        "block": np.repeat(block, ROWS),
    }


def digest_carries(inputs: U64) -> U64:
    """The carries (m, 4) of the lanes that SQUEEZE takes, from the states (m, 25) last absorbed into."""
    n = _theta_rho_pi(keccak_f_rounds(inputs)[:, -1])
    row = n[:, :5]
    m = ~np.roll(row, -1, axis=1) & np.roll(row, -2, axis=1)
    constant = np.zeros(4, dtype=np.uint64)
    constant[0] = _RC[-1]
    return _majority(row[:, :4], m[:, :4], constant)


def _blocks(asked: Requests) -> tuple[U64, I64, U64, U64]:
    """message, count, block (P,) each, and the dense lanes (P, 17) of every block, in order."""
    message, index = asked.small("message"), asked.small("index")
    order = np.lexsort((index, message))
    message, index = message[order], index[order]
    if len(order) % RATE_LANES:
        raise ProvingError(f"chip keccak_f: {len(order)} lanes do not make whole blocks of {RATE_LANES}")
    lanes = gather_lanes(asked.field("lane")[order]).reshape(-1, RATE_LANES)
    message, index = message.reshape(-1, RATE_LANES), index.reshape(-1, RATE_LANES)
    block = index[:, 0] // np.uint64(RATE_LANES)
    expected = block[:, None] * np.uint64(RATE_LANES) + np.arange(RATE_LANES, dtype=np.uint64)
    if (index != expected).any() or (message != message[:, :1]).any():
        raise ProvingError("chip keccak_f: the lanes of a message are not 0, 1, 2, … once each")
    follows = np.zeros(block.shape[0], dtype=np.uint64)
    follows[1:] = np.where(message[1:, 0] == message[:-1, 0], block[:-1] + np.uint64(1), 0)
    if (block != follows).any():
        raise ProvingError("chip keccak_f: a message lacks a block")
    return message[:, 0], asked.multiplicity[order][::RATE_LANES], block, lanes


def absorbed_states(block: U64, blocks: U64) -> U64:
    """The state (P, 25) after absorbing each block: the k-th blocks of all messages together.

    block: (P,); blocks: (P, 17). Block k of a message stands in the row after its block k - 1.
    """
    states = np.zeros((blocks.shape[0], 25), dtype=np.uint64)
    states[:, :RATE_LANES] = blocks
    order = np.argsort(block, kind="stable")
    edges = np.searchsorted(block[order], np.arange(int(block.max(initial=0)) + 2))
    for k in range(1, len(edges) - 1):
        here = order[edges[k] : edges[k + 1]]
        states[here] ^= keccak_f1600(states[here - 1])
    return states


def _rotate(lanes: U64, turn: Any) -> U64:
    turn = np.asarray(turn, dtype=np.uint64)
    out: U64 = lanes << turn | lanes >> (np.uint64(64) - turn & np.uint64(63))
    return out


def _theta_rho_pi(states: U64) -> U64:
    planes = states.reshape(*states.shape[:-1], 5, 5)  # (…, y, x)
    parity = np.bitwise_xor.reduce(planes, axis=-2)
    mix = np.roll(parity, 1, axis=-1) ^ _rotate(np.roll(parity, -1, axis=-1), 1)
    mixed = (planes ^ mix[..., None, :]).reshape(states.shape)
    return np.ascontiguousarray(_rotate(mixed, _TURN)[..., _SOURCE])


def _parities(n: U64, m: U64, rc: U64) -> tuple[U64, U64, U64]:
    """Per column x the bits c, two, four of the count of set bits of S: c + 2 two + 4 (four + h)."""
    shape = (*n.shape[:2], 5)
    counter: list[U64] = [np.zeros(shape, dtype=np.uint64) for _ in range(4)]
    constant = np.zeros(shape, dtype=np.uint64)
    constant[:, :, 0] = rc
    for y in range(5):
        for part in (n, m):
            _count(counter, part[:, :, 5 * y : 5 * y + 5])
    _count(counter, constant)
    four: U64 = counter[2] | counter[3]
    return counter[0], counter[1], four  # 8 is counted by both four and h


def _count(counter: list[U64], bits: U64) -> None:
    """Add one bit to a counter of bit slices."""
    for k in range(len(counter)):
        counter[k], bits = counter[k] ^ bits, counter[k] & bits


def _mix(c: U64) -> tuple[U64, U64]:
    left, right = np.roll(c, 1, axis=2), _rotate(np.roll(c, -1, axis=2), 1)
    return left ^ right, left & right


def _majority(a: U64, b: U64, c: U64) -> U64:
    out: U64 = a & b | a & c | b & c
    return out


def _lane0_carries(n: U64, m: U64, addend: U64, rc: U64) -> tuple[U64, U64]:
    first = _majority(n, m, addend)
    second = (n ^ m ^ addend) & rc
    return first | second, first & second


def _whole(count: int = 4) -> list[tuple[int, int]]:
    return [(CHUNK * j, CHUNK) for j in range(count)]


def _cells(words: U64, pieces: list[list[tuple[int, int]]]) -> NDArray[np.uint64]:
    """(rows, lanes) words as the spread cells of each lane's pieces, (rows, cells)."""
    cells = [
        spread_bits(words[:, lane], start, size) for lane, cuts in enumerate(pieces) for start, size in cuts
    ]
    return np.stack(cells, axis=1)
