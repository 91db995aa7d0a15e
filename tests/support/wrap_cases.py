"""Wrap proofs for the contract: valid ones, and ones with the reason for which each has to be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from support.groups import outside
from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.constants import R_MODULUS as R
from zkroll.circuits.buses import PUBLIC_BITS
from zkroll.rollup.testing.simulated_wrap import SimulatedWrap
from zkroll.verifier.wrap import WrapChunk, WrapProof, packed_statement

BITS = tuple(PUBLIC_BITS.values())
STATEMENT = 236
ADD, MULTIPLY, PAIRING = (f"PrecompileFailed(precompile={number})" for number in (6, 7, 8))
INVALID = "InvalidProof()"


class Case(NamedTuple):
    """Bytes of a proof and of statements, and the contract's reason to refuse them; None for a valid proof."""

    name: str
    proof: bytes
    statements: bytes
    reason: str | None


def values(k: int) -> list[int]:
    """Public values of a chunk."""
    return [(i + 1) * 0x1234567 ** (k + 2) % min(1 << bits, R) for i, bits in enumerate(BITS)]


def packed(chunks: int) -> list[bytes]:
    return [packed_statement(values(k), BITS) for k in range(chunks)]


def valid(wrap: SimulatedWrap) -> Case:
    statements = packed(wrap.chunks)
    chunks = [wrap.chunk(k) for k in range(wrap.chunks)]
    return Case("valid", wrap.seal(statements, chunks).to_bytes(), b"".join(statements), None)


def point_places(wrap: SimulatedWrap) -> dict[str, int]:
    """Where each point of G1 begins in a proof."""
    places, at = {"A": 0, "C": 0xC0}, 0x100
    shape = wrap.key.shape
    for k in range(wrap.chunks):
        stages = (("main", wrap.main), ("helper", wrap.helper), ("quotient", wrap.quotient))
        names = [f"{stage} {i}" for stage, count in stages for i in range(count)] + ["W", "W'"]
        places |= {f"chunk {k} {name}": at + 64 * i for i, name in enumerate(names)}
        at += shape.chunk_bytes
    return places


def scalar_places(wrap: SimulatedWrap) -> dict[str, int]:
    """Where each scalar stands in a proof."""
    shape, places = wrap.key.shape, {}
    for k in range(wrap.chunks):
        at = 0x100 + k * shape.chunk_bytes + 64 * (wrap.main + wrap.helper + wrap.quotient + 2)
        names = ["y", "rho", *(f"s {g}" for g in range(shape.scalars))]
        places |= {f"chunk {k} {name}": at + 32 * i for i, name in enumerate(names)}
    return places


def flipped(data: bytes, bit: int) -> bytes:
    """The data with one bit changed, counted from the end."""
    return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")


def word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 32], "big")


def with_word(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + value.to_bytes(32, "big") + data[at + 32 :]


def flipped_words(wrap: SimulatedWrap) -> Iterator[Case]:
    """Every word of the proof with one flipped bit, three times over."""
    proof, statements = valid(wrap)[1:3]
    scalars = set(scalar_places(wrap).values())
    points = {at + half: at for at in point_places(wrap).values() for half in (0, 32)}
    for at in range(0, len(proof), 32):
        for turn, bit in enumerate((at // 32 % 252, 253 - at // 32 % 200, 255)):
            value = word(proof, at) ^ 1 << bit
            if at in scalars:
                reason = INVALID if value < R else f"ScalarNotBelowR(position={at})"
            elif value >= Q:
                reason = f"CoordinateNotBelowQ(position={points.get(at, at)})"
            else:
                reason = PAIRING if at < 0x100 else MULTIPLY  # off the curve
            yield Case(f"word {at:#x} flipped ({turn})", with_word(proof, at, value), statements, reason)


def flipped_statements(wrap: SimulatedWrap) -> Iterator[Case]:
    """Every byte of the statements with one flipped bit."""
    proof, statements = valid(wrap)[1:3]
    for at in range(len(statements)):
        other = flipped(statements, 8 * (len(statements) - 1 - at) + at % 8)
        yield Case(f"statement byte {at} flipped", proof, other, INVALID)


def out_of_range(wrap: SimulatedWrap) -> Iterator[Case]:
    """Numbers that are equal to valid ones modulo r or q, in proofs that are valid but for them."""
    statements = packed(wrap.chunks)
    chunks = [wrap.chunk(k) for k in range(wrap.chunks)]
    joined = b"".join(statements)
    for k, chunk in enumerate(chunks):
        for name in ("y", "rho"):
            for multiple in (1, (2**256 - 1 - getattr(chunk, name)) // R):
                other = replace(chunk, **{name: getattr(chunk, name) + multiple * R})
                yield _sealed(wrap, chunks, k, other, f"{name} + {multiple} r", _scalar(wrap, k, name))
        for g in range(wrap.key.shape.scalars):
            scalars = tuple(s + R * (i == g) for i, s in enumerate(chunk.scalars))
            other = replace(chunk, scalars=scalars)
            yield _sealed(wrap, chunks, k, other, f"s {g} + r", _scalar(wrap, k, f"s {g}"))
    proof = valid(wrap).proof
    for name, place in point_places(wrap).items():
        for at in (place, place + 32):
            if word(proof, at) + Q < 1 << 256:
                changed = with_word(proof, at, word(proof, at) + Q)
                yield Case(
                    f"{name} + q at {at:#x}", changed, joined, f"CoordinateNotBelowQ(position={place})"
                )
            yield Case(
                f"{name}: q at {at:#x}",
                with_word(proof, at, Q),
                joined,
                f"CoordinateNotBelowQ(position={place})",
            )
    for at in range(0x40, 0xC0, 32):
        changed = with_word(proof, at, word(proof, at) + Q)
        yield Case(f"B + q at {at:#x}", changed, joined, f"CoordinateNotBelowQ(position={at})")


def _scalar(wrap: SimulatedWrap, k: int, name: str) -> str:
    return f"ScalarNotBelowR(position={scalar_places(wrap)[f'chunk {k} {name}']})"


def _sealed(
    wrap: SimulatedWrap, chunks: list[WrapChunk], k: int, other: WrapChunk, name: str, reason: str | None
) -> Case:
    """A proof whose digest is that of the changed chunk."""
    statements = packed(wrap.chunks)
    changed = [*chunks[:k], other, *chunks[k + 1 :]]
    return Case(f"chunk {k}: {name}", wrap.seal(statements, changed).to_bytes(), b"".join(statements), reason)


def infinities(wrap: SimulatedWrap) -> Iterator[Case]:
    """Points at infinity for which both equations hold all the same."""
    statements = packed(wrap.chunks)
    joined, shape = b"".join(statements), wrap.key.shape
    chunks = [wrap.chunk(k) for k in range(wrap.chunks)]
    places = point_places(wrap)
    for name, position in {"A": 0, "B": 0x40, "C": 0xC0}.items():
        proof = wrap.seal(statements, chunks, given={name: 0})
        yield Case(f"{name} at infinity", proof.to_bytes(), joined, f"PointAtInfinity(position={position})")
    for k in range(wrap.chunks):
        committed = [name for name in places if name.startswith(f"chunk {k} ")]
        for i, name in enumerate(committed[:-2]):
            other = wrap.chunk(k, given={f"C {shape.preprocessed + i}": 0})
            yield _sealed(
                wrap, chunks, k, other, f"{name} at infinity", f"PointAtInfinity(position={places[name]})"
            )
        other = wrap.chunk(k, given={"W": 0})
        position = places[f"chunk {k} W"]
        yield _sealed(wrap, chunks, k, other, "W at infinity", f"PointAtInfinity(position={position})")
        zero = {"rho": 0, "W": 0} | {f"s {g}": 0 for g in range(shape.scalars)}
        other = wrap.chunk(k, given=zero | {"W": 1, "rho": R - 1})
        position = places[f"chunk {k} W'"]
        yield _sealed(wrap, chunks, k, other, "W' at infinity", f"PointAtInfinity(position={position})")


def off_curve(wrap: SimulatedWrap) -> Iterator[Case]:
    """Points that are in no group, also where the scalar that multiplies them is zero."""
    valid_case = valid(wrap)
    proof, joined = valid_case.proof, valid_case.statements
    for name, at in point_places(wrap).items():
        reason = PAIRING if at < 0x100 else MULTIPLY
        changed = with_word(with_word(proof, at, 1), at + 32, 3)
        yield Case(f"{name} is (1, 3)", changed, joined, reason)
    chunks = [wrap.chunk(k) for k in range(wrap.chunks)]
    for k in range(wrap.chunks):
        first = wrap.chunk(k, given={f"s {wrap.key.shape.preprocessed}": 0})
        other = replace(first, main=((1, 3), *first.main[1:]))
        yield _sealed(wrap, chunks, k, other, "a commitment off the curve, times zero", MULTIPLY)
        silent = wrap.chunk(k, given={"y": 0})
        other = replace(silent, final=(1, 3))
        yield _sealed(wrap, chunks, k, other, "W' off the curve, y zero", MULTIPLY)
    (x0, x1), (y0, y1) = outside(1)[0]
    twisted = proof
    for at, value in zip(range(0x40, 0xC0, 32), (x1, x0, y1, y0), strict=True):
        twisted = with_word(twisted, at, value)
    yield Case("B outside G2", twisted, joined, PAIRING)
    swapped = proof[:0x40] + proof[0x60:0x80] + proof[0x40:0x60] + proof[0x80:]
    yield Case("the parts of B's x swapped", swapped, joined, PAIRING)


def lengths(wrap: SimulatedWrap) -> Iterator[Case]:
    """Proofs and statements of other lengths."""
    proof, statements = valid(wrap)[1:3]
    for name, other in {
        "nothing": b"", "a byte less": proof[:-1], "a byte more": proof + b"\0", "a word less": proof[:-32],
        "a word more": proof + bytes(32), "twice": proof * 2, "the Groth16 proof alone": proof[:0x100],
        "a point less": proof[:0x100] + proof[0x140:],
    }.items():  # fmt: skip
        reason = f"WrongProofLength(expected={len(proof)}, got={len(other)})"
        yield Case(f"proof: {name}", other, statements, reason)
    for name, other in {
        "none": b"", "a byte less": statements[:-1], "a byte more": statements + b"\0",
        "another": statements + statements[-STATEMENT:], "one less": statements[STATEMENT:],
    }.items():  # fmt: skip
        reason = f"WrongStatementsLength(expected={len(statements)}, got={len(other)})"
        yield Case(f"statements: {name}", proof, other, reason)


def foreign(wrap: SimulatedWrap) -> Iterator[Case]:
    """Parts of valid proofs put together in another way."""
    proof, joined = valid(wrap)[1:3]
    statements = packed(wrap.chunks)
    chunks = [wrap.chunk(k) for k in range(wrap.chunks)]
    other = wrap.seal(statements, [wrap.chunk(k, "other") for k in range(wrap.chunks)], "other").to_bytes()
    yield Case("another proof of the same", other, joined, None)
    yield Case("Groth16 part of another proof", other[:0x100] + proof[0x100:], joined, INVALID)
    yield Case("chunks of another proof", proof[:0x100] + other[0x100:], joined, INVALID)
    stranger = SimulatedWrap(
        wrap.preprocessed, wrap.main, wrap.helper, wrap.quotient, wrap.chunks, seed="stranger"
    )
    yield Case("a proof for another key", valid(stranger).proof, joined, INVALID)
    mixed = stranger.seal(statements, chunks)
    yield Case("chunks of this key, Groth16 of another", mixed.to_bytes(), joined, INVALID)
    mixed = wrap.seal(statements, [stranger.chunk(k) for k in range(wrap.chunks)])
    yield Case("Groth16 of this key, chunks of another", mixed.to_bytes(), joined, INVALID)
    moved = replace(chunks[0], final=chunks[0].opening)
    yield _sealed(wrap, chunks, 0, moved, "W' is W", INVALID)
    first, second = chunks[0].main[:2]
    swapped = replace(chunks[0], main=(second, first, *chunks[0].main[2:]))
    yield _sealed(wrap, chunks, 0, swapped, "two commitments swapped", INVALID)


def cancelling(wrap: SimulatedWrap) -> Iterator[Case]:
    """Invalid parts whose errors sum to zero: without a weight for each they would make a valid whole."""
    statements = packed(wrap.chunks)
    joined = b"".join(statements)
    for k in range(wrap.chunks):
        chunks = [wrap.chunk(i, error=7 * (i == k)) for i in range(wrap.chunks)]
        name = f"Groth16 against the opening of chunk {k}"
        yield Case(name, _joined_error(wrap, statements, chunks, 7), joined, INVALID)
    if wrap.chunks > 1:
        chunks = [wrap.chunk(i, error=(9, R - 9)[i] if i < 2 else 0) for i in range(wrap.chunks)]
        yield Case("two openings", wrap.seal(statements, chunks).to_bytes(), joined, INVALID)


def _joined_error(wrap: SimulatedWrap, statements: list[bytes], chunks: list[WrapChunk], error: int) -> bytes:
    proof: WrapProof = wrap.seal(statements, chunks, error=R - error)
    return proof.to_bytes()


def all_cases(wrap: SimulatedWrap) -> Iterator[Case]:
    """All of them; those of flipped bits are by far the most."""
    yield valid(wrap)
    for make in (
        lengths, out_of_range, infinities, off_curve, foreign, cancelling, flipped_words, flipped_statements,
    ):  # fmt: skip
        yield from make(wrap)
