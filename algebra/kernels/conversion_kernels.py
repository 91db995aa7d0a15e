"""Between rows of 64-bit words and blocks in Montgomery form, and the range check of stored residues."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite import ir

from zkroll.algebra.kernels.emit import (
    BITS,
    BLOCK_BYTES,
    FQ,
    FR,
    LANES,
    LIMB_MASK,
    LIMBS,
    VECTOR,
    Backend,
    Emitter,
    FieldParams,
    Mask,
    Value,
    block_intrinsic,
    splat,
    split_limbs,
)
from zkroll.algebra.kernels.jit import family, kernel

WORDS = 4  # 64-bit words of an element outside
ROW_BYTES = 8 * WORDS
_I32 = ir.IntType(32)


@dataclass(frozen=True)
class ConversionKernels:
    """The kernels of one field; ranges are in blocks. Lane masks are 0 where nothing is wrong."""

    read: Any  # (out, words: uint64 (n, 4), factor: 5 words, begin, end) -> first row not below p, or -1
    read_machine: Any  # (out, words: uint64 (n,), signed, begin, end)
    write: Any  # (words: uint64 (n, 4), a, factor: 5 words, begin, end)
    check: Any  # (a, begin, end) -> first element whose stored residue is not below 2p, or -1


@cache
def conversion_kernels(field: FieldParams, backend: Backend) -> ConversionKernels:
    """Return the kernels of `field` on `backend`."""
    prefix = f"{backend}_{field.name}"

    def emit_read(e: Emitter, out: ir.Value, words: ir.Value, factor: ir.Value) -> Mask:
        limbs = _split(e, _columns_of_rows(e, _load_vectors(e, words, WORDS)))
        above = e.mask_not(below(e, limbs, field.modulus))
        value = Value(tuple(limbs), field.ceiling(64 * WORDS))
        e.store(e.mul(value, e.load_broadcast(factor, bound=1)), out)
        return above

    def emit_machine(e: Emitter, out: ir.Value, words: ir.Value, signed: ir.Value) -> None:
        b = e.builder
        (word,) = _load_vectors(e, words, 1)
        is_signed = b.icmp_signed("!=", e.broadcast(signed), splat(0))
        negative = b.and_(is_signed, b.icmp_signed("<", word, splat(0)))
        word = b.select(negative, b.sub(splat(0), word), word)
        limbs = _split(e, [word] + [splat(0)] * (WORDS - 1))
        form = e.mul(Value(tuple(limbs), field.ceiling(64)), e.raw(field.r2, 1))
        e.store(e.select(negative, e.tidy(e.neg(form)), form), out)

    def emit_write(e: Emitter, words: ir.Value, a: ir.Value, factor: ir.Value) -> None:
        b = e.builder
        limbs = e.canonical(e.mul(e.load(a), e.load_broadcast(factor, bound=1))).limbs
        columns = [
            b.or_(b.lshr(limbs[j], splat(12 * j)), b.shl(limbs[j + 1], splat(BITS - 12 * j)))
            for j in range(WORDS)
        ]
        for i, row in enumerate(_rows_of_columns(e, columns)):
            b.store(row, e.pointer(words, 8 * LANES * i, VECTOR), align=1)

    def emit_check(e: Emitter, a: ir.Value) -> Mask:
        b = e.builder
        limbs = e.load(a).limbs
        wide: ir.Value = splat(0)
        for limb in limbs:
            wide = b.or_(wide, b.lshr(limb, splat(BITS)))
        narrow = b.icmp_unsigned("==", wide, splat(0))
        return e.mask_not(e.mask_and(narrow, below(e, list(limbs), 2 * field.modulus)))

    read_block = block_intrinsic(field, emit_read, backend=backend, returns_mask=True)
    machine_block = block_intrinsic(field, emit_machine, backend=backend)
    write_block = block_intrinsic(field, emit_write, backend=backend)
    check_block = block_intrinsic(field, emit_check, backend=backend, returns_mask=True)

    @kernel("int64(int64,int64,int64,int64,int64)", name=f"{prefix}_read")
    def read(out: int, words: int, factor: int, begin: int, end: int) -> int:
        first = -1
        for i in range(begin, end):
            bad = read_block(out + BLOCK_BYTES * i, words + LANES * ROW_BYTES * i, factor)
            if bad and first < 0:
                first = LANES * i
                while not bad & 1:
                    bad >>= 1
                    first += 1
        return first

    @kernel("void(int64,int64,int64,int64,int64)", name=f"{prefix}_read_machine")
    def read_machine(out: int, words: int, signed: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            machine_block(out + BLOCK_BYTES * i, words + 8 * LANES * i, signed)

    @kernel("void(int64,int64,int64,int64,int64)", name=f"{prefix}_write")
    def write(words: int, a: int, factor: int, begin: int, end: int) -> None:
        for i in range(begin, end):
            write_block(words + LANES * ROW_BYTES * i, a + BLOCK_BYTES * i, factor)

    @kernel("int64(int64,int64,int64)", name=f"{prefix}_check")
    def check(a: int, begin: int, end: int) -> int:
        for i in range(begin, end):
            bad = check_block(a + BLOCK_BYTES * i)
            if bad:
                first = LANES * i
                while not bad & 1:
                    bad >>= 1
                    first += 1
                return first
        return -1

    return ConversionKernels(read=read, read_machine=read_machine, write=write, check=check)


def _load_vectors(e: Emitter, address: ir.Value, count: int) -> list[ir.Value]:
    return [e.builder.load(e.pointer(address, 8 * LANES * i, VECTOR), align=1) for i in range(count)]


def _pick(e: Emitter, x: ir.Value, y: ir.Value, lanes: list[int]) -> ir.Value:
    return e.builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(_I32, LANES), lanes))


def _columns_of_rows(e: Emitter, rows: list[ir.Value]) -> list[ir.Value]:
    """Four vectors, each with the four words of two elements, to four vectors with one word of all eight."""
    low = [_pick(e, rows[i], rows[i + 1], [0, 4, 8, 12, 1, 5, 9, 13]) for i in (0, 2)]
    high = [_pick(e, rows[i], rows[i + 1], [2, 6, 10, 14, 3, 7, 11, 15]) for i in (0, 2)]
    halves = ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15])
    return [_pick(e, pair[0], pair[1], half) for pair in (low, high) for half in halves]


def _rows_of_columns(e: Emitter, columns: list[ir.Value]) -> list[ir.Value]:
    """The reverse of `_columns_of_rows`."""
    halves = ([0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15])
    low = [_pick(e, columns[0], columns[1], half) for half in halves]
    high = [_pick(e, columns[2], columns[3], half) for half in halves]
    rows = []
    for i in (0, 1):
        rows.append(_pick(e, low[i], high[i], [0, 4, 8, 12, 1, 5, 9, 13]))
        rows.append(_pick(e, low[i], high[i], [2, 6, 10, 14, 3, 7, 11, 15]))
    return rows


def _split(e: Emitter, words: list[ir.Value]) -> list[ir.Value]:
    """Four 64-bit words of each lane as five 52-bit limbs."""
    b, limbs = e.builder, []
    for j in range(LIMBS):
        limb = b.lshr(words[j - 1], splat(64 - 12 * j)) if j else words[0]
        if 0 < j < WORDS:
            limb = b.or_(limb, b.shl(words[j], splat(12 * j)))
        limbs.append(b.and_(limb, splat(LIMB_MASK)))
    return limbs


def below(e: Emitter, limbs: list[ir.Value], limit: int) -> Mask:
    """The mask of the lanes whose value (limbs of 52 bits) is less than `limit`."""
    b = e.builder
    less = [b.sub(x, splat(m)) for x, m in zip(limbs, split_limbs(limit), strict=True)]
    top = e.tidy(Value(tuple(less), e.field.ceiling(260), tidy=False)).limbs[-1]
    return b.icmp_signed("<", top, splat(0))


@family
def scalar_conversion_kernels(backend: Backend) -> ConversionKernels:
    """The kernels of Fr."""
    return conversion_kernels(FR, backend)


@family
def base_conversion_kernels(backend: Backend) -> ConversionKernels:
    """The kernels of Fq."""
    return conversion_kernels(FQ, backend)
