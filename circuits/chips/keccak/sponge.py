"""Keccak-256 of messages in memory or in read-only words: padding, lanes, digest. A row per 32-byte word.

Columns:
  absorb, digest       bits: a row that hands lanes to the permutation; the message's last row, its digest
  first, full, read    bits: the message's first row; all 32 bytes are message; at least one is (it is read)
  end[32]              in the row where the message ends: one-hot, the place of the first byte after it.
                       In digest rows end[0..15]: the 16-digit carry chunks of the four digest lanes
  last_lane[4]         one-hot in the last absorbing row: which of its lanes is the padded message's last
  bytes[32], spread[32]  the word (in digest rows the digest), most significant byte first, and spread
  message              names the message on LANES and SQUEEZE; equal messages have one name
  word                 index of the row in the message
  of_words             bit: the message is in a read-only space of WORDS, not in memory
  space, id, clk, offset_hi, offset, length   the request; space is 0 for memory

Constraints, with ends = sum end_k:
  1. all flags are bits, end_k too outside of digest rows; absorb and digest exclude each other; first and
     full only when absorbing; outside of absorbing and digest rows end and everywhere else last_lane are 0
  2. the first row starts a message or is padding; (next.absorb - next.first) + next.digest = absorb: every absorbing row is
     continued by one that is not first or by the digest row, nothing else is; the digest row comes exactly
     after the row with a last lane
  3. the request and message stay within the message; word counts up from 0
  4. an absorbing row is full, or has one end, or comes after it: first rows are full or end, a full row is
     followed by a full or ending one, others are not; length = 32 word + k at end_k
  5. read = full + the ends at k >= 1; a read row takes its word from WINDOW (memory, at clk + word, byte
     offset + 32 word) or WORDS (any other space, offset 0); offset_hi is 0 where anything is read; space is 0
     where the message is not of words
  6. (bytes, spread) are in the byte table
  7. lane j of an absorbing row, up to the last lane, goes to LANES as (message, 4 word + j, value): bytes
     before the end, 0x01 at the end, zero after it, and 0x80 added to the last lane's last byte
  8. at the last lane, in bytes: length + 136 - 8 (4 word + j + 1) is in [0, 136)
  9. a digest row takes SQUEEZE (message, spread + 2 carry, lane by lane), the carries being spread numbers,
     and answers KECCAK

Sound because ``keccak_f`` has one chain of permutations per name, which takes all lanes under it equally
often: messages of one name are equal, whatever names the prover picks. It takes lanes in blocks of 17, so
with 8 the message has floor(length / 136) + 1 blocks; by 4 there is one end, at byte ``length``; what is read
at or beyond it is multiplied by 0. A message of words in space 0 finds none, as no chip serves WORDS
there. Nothing reads end[16..31] in digest rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import Expr, total, weighted
from zkroll.circuits.air.gadgets import range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import KECCAK, SPACE_MEMORY, WINDOW, WORDS
from zkroll.circuits.chips.keccak.digits import BASE, CHUNK, DIGITS8, DIGITS16, LANES, SQUEEZE

RATE: Final = 136  # bytes
_FLAGS: Final = ("absorb", "digest", "first", "full", "read", "of_words")


class KeccakSponge(Chip):
    """Serves KECCAK."""

    name: ClassVar[str] = "keccak_sponge"
    context_columns: ClassVar[tuple[str, ...]] = ("message", "word", "clk")

    def define(self, b: AirBuilder) -> None:
        absorb, digest, first, full, read, of_words = (b.bit(name) for name in _FLAGS)
        end, last_lane = b.columns("end", 32), b.bits("last_lane", 4)
        cells, spread = b.columns("bytes", 32), b.columns("spread", 32)
        message, word = b.column("message"), b.column("word")
        space, id_, clk, offset_hi, offset, length = (
            b.column(name) for name in ("space", "id", "clk", "offset_hi", "offset", "length")
        )
        ends, lasts = total(end), total(last_lane)
        for k in range(32):
            b.constrain(f"end[{k}] is a bit", (1 - digest) * end[k] * (end[k] - 1))
            b.send(f"byte {k}", DIGITS8, (cells[k], spread[k]))
        b.constrain("absorb or digest", absorb * digest)
        b.constrain("first only when absorbing", first * (1 - absorb))
        b.constrain("full only when absorbing", full * (1 - absorb))
        b.constrain("no end in padding", (1 - absorb - digest) * ends)
        b.constrain("last lane only when absorbing", (1 - absorb) * lasts)

        b.first("the first row starts a message or is padding", absorb + digest - first)
        b.constrain("messages run through", absorb.next - first.next + digest.next - absorb)
        b.constrain("the digest follows the last lane", digest.next - lasts)
        carried = {"message": message, "of_words": of_words, "space": space, "id": id_, "clk": clk}
        carried |= {"offset_hi": offset_hi, "offset": offset, "length": length}
        for name, column in carried.items():
            b.constrain(f"{name} stays", absorb * (column.next - column))
        b.constrain("word starts at 0", first * word)
        b.constrain("word counts up", absorb * (word.next - word - 1))

        reaches_next = full.next + absorb.next * total(x.next for x in end)
        b.constrain("full or ending at the start", first * (full + ends - 1))
        b.constrain("full or ending after full", full * (reaches_next - 1))
        b.constrain("nothing after the end", absorb * (1 - full) * reaches_next)
        b.constrain("one end", absorb * ends * (ends - 1))
        b.constrain("full or ending", full * ends)
        place = 32 * word
        b.constrain("the end is at length", absorb * total(end[k] * (length - place - k) for k in range(32)))
        b.constrain("read where a byte is message", read - full - absorb * total(end[1:]))
        b.constrain("offsets fit", read * offset_hi)
        b.constrain("words are hashed from their start", of_words * offset)
        b.constrain("memory is space 0", (1 - of_words) * space)

        halves = (weighted(cells[15::-1], 256), weighted(cells[:15:-1], 256))
        b.send(
            "memory word",
            WINDOW,
            (SPACE_MEMORY, id_, clk + word, offset + place, *halves),
            read * (1 - of_words),
        )
        b.send("read-only word", WORDS, (space, id_, word, *halves), read * of_words)

        before = _before(last_lane)
        for j in range(4):
            kept = [spread[k] * (full + total(end[k + 1 :])) + end[k] for k in range(8 * j, 8 * j + 8)]
            lane = weighted(kept, BASE**8) + last_lane[j] * BASE**63
            b.send(f"lane {j}", LANES, (message, 4 * word + j, lane), absorb - before[j])
        tail = length + RATE - 32 * word - 8 * total((j + 1) * bit for j, bit in enumerate(last_lane))
        range16(b, "bytes in the last block", tail, lasts)
        range16(b, "room in the last block", RATE - 1 - tail, lasts)

        lanes = [
            weighted(spread[8 * j : 8 * j + 8], BASE**8) + 2 * weighted(end[4 * j : 4 * j + 4], BASE**CHUNK)
            for j in range(4)
        ]
        for k in range(16):
            b.send(f"carry chunk {k} is spread", DIGITS16, (end[k],), digest)
        b.receive("last state", SQUEEZE, (message, *lanes), digest)
        b.receive("digest", KECCAK, (space, id_, clk, offset_hi, offset, length, *halves), digest)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        from zkroll.circuits.chips.keccak.messages import fill_messages

        return fill_messages(ctx)


def _before(bits: list[Expr]) -> list[Expr]:
    """Sums of the bits before each."""
    return [total(bits[:j]) for j in range(len(bits))]
