"""The code of every contract that runs: a row per byte, and 33 zero rows behind its end.

Columns: ``active``, ``start`` (first row of a code), ``end`` (its last), ``real`` (a byte of the code, not
one of the zeros behind it), ``code_hash``, ``length``, ``index``, ``byte``;
of the instruction that the byte belongs to: ``pc``, ``opcode``, ``is_code`` (this byte is the opcode),
``push_size`` (of the byte, were it an opcode), ``left`` (bytes still to come), ``high`` (left >= 16),
``last`` (left = 0), ``push`` (push data so far);
of the 32-byte word: ``word_left``, ``word_high``, ``word_last``, ``word`` (so far);
of the 31-byte chunk: ``chunk_left``, ``chunk_high`` (unused), ``chunk_last``, ``chunk`` (so far),
``absorbing`` (the chunk began inside the code), ``h`` (sponge state before the chunk);
``fetches``, ``byte_uses``, ``word_uses``, ``length_uses``: how often a row is asked for.

1. rows: a code starts in the first row (or the table is empty) or behind another's end; its rows count the index from 0 and carry
   hash and length; ``real`` falls exactly at index = length; the end is at index = length + 32; bytes
   behind the code are zero
2. instructions: the first byte is one; the byte after an instruction's last is one; PUSH_SIZE and LEFT say
   how many bytes follow; push data is gathered in two halves of 16 bytes by the weight of the byte
3. words and chunks count down from 31 and 30 and gather their bytes
4. sponge: h starts at the length, takes POSEIDON2(h, chunk) at the end of every chunk that began inside the
   code, and is the code hash at the end
5. rows that are not active are 0

Soundness: PUSH_SIZE admits bytes only, so the gathered halves are below 2^128 and chunks below 2^248. The
sponge absorbs length and bytes, so one code belongs to a hash; two tables of one code serve the same
tuples. BYTECODE is served on the last byte of an instruction only, hence never for push data. 33 zeros
suffice: a fetch past the code (STOP) happens at most behind a PUSH32 in its last byte, at index length +
32; the last word and the last chunk need 31 and 30 zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.field import fr
from zkroll.algebra.kernels.bytecode_kernels import bytecode_scan
from zkroll.algebra.poseidon import poseidon_hash
from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import Expr
from zkroll.circuits.air.witness import ColumnData, FillContext, Requests
from zkroll.circuits.buses import BYTECODE, CODE_BYTE, LENGTH, POSEIDON2, SPACE_CODE, WORDS
from zkroll.circuits.chips.opcodes import LEFT, PUSH_SIZE, push_sizes
from zkroll.errors import ProvingError

PADDING: Final = 33
WORD_BYTES: Final = 32
CHUNK_BYTES: Final = 31
_INVERSE_OF_32: Final = pow(WORD_BYTES, -1, R_MODULUS)


class BytecodeChip(Chip):
    """Serves instructions, bytes, words and lengths of the codes that a batch runs."""

    name: ClassVar[str] = "bytecode"
    context_columns: ClassVar[tuple[str, ...]] = ("index", "byte")

    def define(self, b: AirBuilder) -> None:
        """Columns, then the four groups of constraints, then the buses."""
        active, start, end, real = (b.bit(name) for name in ("active", "start", "end", "real"))
        code_hash, length, index, byte = (b.column(name) for name in ("code_hash", "length", "index", "byte"))
        inside = active - end  # rows whose next row is of the same code

        b.first("the first row starts a code or is padding", active - start)
        b.last("the last row ends a code", inside)
        b.transition("rows continue or start", active.next - inside - start.next)
        b.transition("a code starts behind another", start.next * (1 - end))
        b.constrain("the start is active", start * (1 - active))
        b.constrain("the end is active", end * (1 - active))
        b.constrain("the index starts at 0", start * index)
        b.constrain("the index counts", inside * (index.next - index - 1))
        b.constrain("the code hash stays", inside * (code_hash.next - code_hash))
        b.constrain("the length stays", inside * (length.next - length))
        b.constrain("the first byte is real", start * (1 - real))
        b.constrain("the code ends at its length", inside * (real - real.next) * (index.next - length))
        b.constrain("the end is behind the code", end * real)
        b.constrain("the end is 32 behind the length", end * (index - length - PADDING + 1))
        b.constrain("zeros behind the code", (active - real) * byte)

        row = _Row(active, start, end, real, inside, code_hash, length, index, byte)
        is_code = _instructions(b, row)
        _words(b, row)
        _sponge(b, row)

        shared = {"real": real, "code_hash": code_hash, "length": length, "index": index, "byte": byte}
        _zero_in_padding(b, active, shared)
        byte_uses, length_uses = b.column("byte_uses"), b.column("length_uses")
        b.constrain("bytes are served in active rows", byte_uses * (1 - active))
        b.constrain("the length is served at the start", length_uses * (1 - start))
        b.receive("serve a byte", CODE_BYTE, (code_hash, index, byte, is_code), byte_uses)
        b.receive("serve the length", LENGTH, (SPACE_CODE, code_hash, length), length_uses)

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        """The codes that somebody asks for, one behind the other, and the counts of what is asked."""
        asked = {bus.name: ctx.requests(bus) for bus in (BYTECODE, CODE_BYTE, WORDS, LENGTH)}
        for name in (WORDS.name, LENGTH.name):
            asked[name] = asked[name].select(asked[name].field("space")[:, 0] == SPACE_CODE)
        fields = {
            BYTECODE.name: "code_hash",
            CODE_BYTE.name: "code_hash",
            WORDS.name: "id",
            LENGTH.name: "id",
        }
        hashes = np.unique(np.concatenate([asked[name].field(key) for name, key in fields.items()]), axis=0)
        if not len(hashes):
            return None
        known = codes_by_hash(ctx)
        codes = []
        for row in hashes:
            code_hash = limbs_to_int(row)
            if not known.get(code_hash):
                raise ProvingError(f"chip bytecode: no code with hash {code_hash:#x} in the batch")
            codes.append(known[code_hash])
        rows = _Rows(codes)
        uses = {
            name: rows.count(requests, _find(hashes, requests.field(fields[name])), name)
            for name, requests in asked.items()
        }
        return {
            **rows.columns(hashes),
            "fetches": uses[BYTECODE.name],
            "byte_uses": uses[CODE_BYTE.name],
            "word_uses": uses[WORDS.name],
            "length_uses": uses[LENGTH.name],
        }


@dataclass(frozen=True)
class _Row:
    """Columns that all groups of constraints speak of; ``inside``: the next row is of the same code."""

    active: Expr
    start: Expr
    end: Expr
    real: Expr
    inside: Expr
    code_hash: Expr
    length: Expr
    index: Expr
    byte: Expr


def _zero_in_padding(b: AirBuilder, active: Expr, cells: Mapping[str, Expr]) -> None:
    """Rows that are not active hold zeros: ``last`` = 0 keeps them from serving, the rest from being free."""
    for name, cell in cells.items():
        b.constrain(f"padding has {name} 0", (1 - active) * cell)


def _instructions(b: AirBuilder, row: _Row) -> Expr:
    """Group 2; gives the column ``is_code``."""
    active, start, inside, index, byte = row.active, row.start, row.inside, row.index, row.byte
    pc, opcode, is_code, size = (b.column(name) for name in ("pc", "opcode", "is_code", "push_size"))
    left, high, last = (b.column(name) for name in ("left", "high", "last"))
    push = b.word("push")
    uses = b.column("fetches")
    more = 1 - last  # the next byte is push data
    b.constrain("the first byte is an instruction", start * (1 - is_code))
    b.constrain("an instruction follows the last byte", inside * (is_code.next - last))
    b.constrain("the first instruction's size", start * (left - size))
    b.constrain("bytes left", inside * (left.next - last * size.next - more * (left - 1)))
    b.constrain("the first instruction's pc", start * pc)
    b.constrain("pc", inside * (pc.next - last * index.next - more * pc))
    b.constrain("the first opcode", start * (opcode - byte))
    b.constrain("opcode", inside * (opcode.next - last * byte.next - more * opcode))
    b.constrain("push data starts at 0, hi", start * push.hi)
    b.constrain("push data starts at 0, lo", start * push.lo)
    b.constrain(
        "push data, hi",
        inside * (push.next.hi - more * (push.hi + high.next * (255 * push.hi + byte.next))),
    )
    b.constrain(
        "push data, lo", inside * (push.next.lo - more * (1 - high.next) * (256 * push.lo + byte.next))
    )
    cells = {"pc": pc, "opcode": opcode, "is_code": is_code, "push_size": size, "left": left, "high": high}
    _zero_in_padding(b, active, {**cells, "last": last, "push.hi": push.hi, "push.lo": push.lo})
    b.constrain("instructions are served at their last byte", uses * (1 - last))
    b.send("look up the push size", PUSH_SIZE, (byte, size), active)
    b.send("look up the bytes left", LEFT, (left, high, last), active)
    b.receive("serve an instruction", BYTECODE, (row.code_hash, pc, opcode, push.hi, push.lo), uses)
    return is_code


def _words(b: AirBuilder, row: _Row) -> None:
    """The words of group 3."""
    active, start, inside, byte = row.active, row.start, row.inside, row.byte
    left, high, last = (b.column(name) for name in ("word_left", "word_high", "word_last"))
    word = b.word("word")
    uses = b.column("word_uses")
    hi, lo = (1 - last) * word.hi, (1 - last) * word.lo
    b.constrain("the first word", start * (left - WORD_BYTES + 1))
    b.constrain("word bytes left", inside * (left.next - (1 - last) * (left - 1) - last * (WORD_BYTES - 1)))
    b.constrain("the first word's byte, hi", start * (word.hi - byte))
    b.constrain("the first word's byte, lo", start * word.lo)
    b.constrain("word, hi", inside * (word.next.hi - hi - high.next * (255 * hi + byte.next)))
    b.constrain("word, lo", inside * (word.next.lo - (1 - high.next) * (256 * lo + byte.next)))
    cells = {"word_left": left, "word_high": high, "word_last": last, "word.hi": word.hi, "word.lo": word.lo}
    _zero_in_padding(b, active, cells)
    b.constrain("words are served at their last byte", uses * (1 - last))
    b.send("look up the word bytes left", LEFT, (left, high, last), active)
    word_index = (row.index - WORD_BYTES + 1) * _INVERSE_OF_32
    b.receive("serve a word", WORDS, (SPACE_CODE, row.code_hash, word_index, word.hi, word.lo), uses)


def _sponge(b: AirBuilder, row: _Row) -> None:
    """The chunks of group 3, and group 4."""
    active, start, inside, byte, real = row.active, row.start, row.inside, row.byte, row.real
    left, high, last = (b.column(name) for name in ("chunk_left", "chunk_high", "chunk_last"))
    chunk, absorbing, h = (b.column(name) for name in ("chunk", "absorbing", "h"))
    absorbs = last * absorbing
    b.constrain("the first chunk", start * (left - CHUNK_BYTES + 1))
    b.constrain("chunk bytes left", inside * (left.next - (1 - last) * (left - 1) - last * (CHUNK_BYTES - 1)))
    b.constrain("the first chunk's byte", start * (chunk - byte))
    b.constrain("chunk", inside * (chunk.next - (1 - last) * 256 * chunk - byte.next))
    b.constrain("the first chunk is absorbed", start * (1 - absorbing))
    b.constrain(
        "chunks that begin in the code are absorbed",
        inside * (absorbing.next - last * real.next - (1 - last) * absorbing),
    )
    cells = {"chunk_left": left, "chunk_high": high, "chunk_last": last}
    _zero_in_padding(b, active, {**cells, "chunk": chunk, "absorbing": absorbing, "h": h})
    b.constrain("the sponge starts at the length", start * (h - row.length))
    b.constrain("the sponge waits", inside * (1 - absorbs) * (h.next - h))
    b.constrain("the sponge ends at the code hash", row.end * (h - row.code_hash))
    b.send("look up the chunk bytes left", LEFT, (left, high, last), active)
    b.send("absorb", POSEIDON2, (h, chunk, h.next), absorbs)


class _Rows:
    """The padded codes end to end, with what a scan over their bytes gives."""

    def __init__(self, codes: list[bytes]) -> None:
        self.codes = codes
        self.lengths = np.array([len(code) for code in codes], dtype=np.int64)
        sizes = self.lengths + PADDING
        self.offsets = np.cumsum(sizes) - sizes
        self.total = int(sizes.sum())
        self.owner = np.repeat(np.arange(len(codes)), sizes)
        self.byte = np.frombuffer(b"".join(code + bytes(PADDING) for code in codes), dtype=np.uint8)
        self.index = np.arange(self.total) - self.offsets[self.owner]
        self.scan = scan(self.byte, self.index)

    def count(self, requests: Requests, owner: NDArray[np.int64], bus: str) -> NDArray[np.int64]:
        """How often each row is asked for; requests beyond a code's rows find none and stay unanswered."""
        entry = {BYTECODE.name: "pc", CODE_BYTE.name: "index", WORDS.name: "word_index"}.get(bus)
        place = np.zeros(len(requests), dtype=np.uint64) if entry is None else requests.field(entry)[:, 0]
        limit = (self.lengths + PADDING)[owner]
        inside = place < limit.astype(np.uint64)
        at = place[inside].astype(np.int64) * (WORD_BYTES if bus == WORDS.name else 1)
        at += WORD_BYTES - 1 if bus == WORDS.name else 0
        row = self.offsets[owner[inside]] + np.minimum(at, limit[inside] - 1)
        if bus == BYTECODE.name:  # an instruction is served at its last byte
            row = np.minimum(row + push_sizes()[self.byte[row]], self.total - 1)
        uses = np.zeros(self.total, dtype=np.int64)
        np.add.at(uses, row, requests.multiplicity[inside])
        return uses

    def columns(self, hashes: NDArray[np.uint64]) -> dict[str, ColumnData]:
        """Everything but the counts."""
        ones = np.ones(self.total, dtype=np.int64)
        length = self.lengths[self.owner]
        word_left = WORD_BYTES - 1 - self.index % WORD_BYTES
        chunk_left = CHUNK_BYTES - 1 - self.index % CHUNK_BYTES
        chunk_start = self.index // CHUNK_BYTES * CHUNK_BYTES
        left = self.scan["left"]
        return {
            "active": ones,
            "start": self.index == 0,
            "end": self.index == length + PADDING - 1,
            "real": self.index < length,
            "code_hash": hashes[self.owner],
            "length": length,
            "index": self.index,
            "byte": self.byte,
            "pc": self.scan["pc"],
            "opcode": self.byte[self.scan["pc"] + self.offsets[self.owner]],
            "is_code": self.scan["pc"] == self.index,
            "push_size": push_sizes()[self.byte],
            "left": left,
            "high": left >= 16,
            "last": left == 0,
            "push": self.scan["push"],
            "word_left": word_left,
            "word_high": word_left >= 16,
            "word_last": word_left == 0,
            "word": self.scan["word"],
            "chunk_left": chunk_left,
            "chunk_high": chunk_left >= 16,
            "chunk_last": chunk_left == 0,
            "chunk": self.scan["chunk"],
            "absorbing": chunk_start < length,
            "h": self._states(),
        }

    def _states(self) -> NDArray[np.uint64]:
        """The sponge state before each row's chunk, (rows, 4) limbs; all codes advance together."""
        chunks = -(-self.lengths // CHUNK_BYTES)
        ends = np.minimum(
            np.arange(1, int(chunks.max()) + 1) * CHUNK_BYTES, (self.lengths + PADDING)[:, None]
        )
        gathered = self.scan["chunk"][self.offsets[:, None] + ends - 1]  # (codes, chunks, 4)
        states = np.zeros((len(self.codes), int(chunks.max()) + 1, 4), dtype=np.uint64)
        states[:, 0, 0] = self.lengths
        for k in range(int(chunks.max())):
            inputs = [fr.from_array(np.ascontiguousarray(part)) for part in (states[:, k], gathered[:, k])]
            after = fr.to_limbs(poseidon_hash(inputs, len(self.codes)), len(self.codes))
            states[:, k + 1] = np.where((k < chunks)[:, None], after, states[:, k])
        rows: NDArray[np.uint64] = states[
            self.owner, np.minimum(self.index // CHUNK_BYTES, chunks[self.owner])
        ]
        return rows


def scan(
    byte: NDArray[np.uint8], index: NDArray[np.int64]
) -> dict[str, NDArray[np.uint64] | NDArray[np.int64]]:
    """Instructions, words and chunks of padded codes end to end (``index`` is 0 where a code starts).

    Returns ``pc`` and ``left`` (rows,), ``push``, ``word`` and ``chunk`` (rows, 4) limbs: what has been
    gathered up to and including the row.
    """
    rows = byte.shape[0]
    pc, left = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    push, word, chunk = (np.zeros((rows, 4), dtype=np.uint64) for _ in range(3))
    bytecode_scan(
        np.ascontiguousarray(byte), np.ascontiguousarray(index, dtype=np.int64), pc, left, push, word, chunk
    )
    return {"pc": pc, "left": left, "push": push, "word": word, "chunk": chunk}


def codes_by_hash(ctx: FillContext) -> Mapping[int, bytes]:
    """The codes of the batch by their Poseidon hash."""
    codes: Mapping[int, bytes] = ctx.source.codes
    return codes


def limbs_to_int(limbs: NDArray[np.uint64]) -> int:
    """(k,) limbs, least significant first, as an integer."""
    return int.from_bytes(np.ascontiguousarray(limbs, dtype="<u8").tobytes(), "little")


def is_instruction(code: bytes) -> NDArray[np.bool_]:
    """Which bytes of a code are opcodes and not push data."""
    places = np.arange(len(code), dtype=np.int64)
    pc = scan(np.frombuffer(code, dtype=np.uint8), places)["pc"]
    return np.asarray(pc == places.astype(pc.dtype))


def _find(table: NDArray[np.uint64], keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The row of ``table`` (distinct rows) that equals each key, which must be there."""
    _, inverse = np.unique(np.concatenate([table, keys]), axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    place = np.empty(len(table), dtype=np.int64)
    place[inverse[: len(table)]] = np.arange(len(table))
    return place[inverse[len(table) :]]


__all__ = ["BytecodeChip", "codes_by_hash", "is_instruction", "limbs_to_int", "scan"]
