"""The optimal ate pairing e: G1 × G2 → Fq12 of BN254, and checks that products of pairings are one.

Points are affine: G1 (x, y), G2 ((x0, x1), (y0, y1)) for x = x0 + x1·u, None for infinity; or vectors of them
(`curve.G1Points`, `curve.G2Points`). Every function here checks what it is given: coordinates below q, points
on their curves, G2 points of order r. The checks come out of the loop that evaluates the pairing and cost about
a hundredth of it, so there is no way to leave them out; what fails raises InputError.

An element of Fq12 is a tuple of twelve integers c in 0..q-1 that stands for Σ_{k<6} (c[2k] + c[2k+1]·u)·w^k with
u² = -1, w⁶ = 9 + u.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from zkroll.algebra import aligned
from zkroll.algebra.constants import Q_MODULUS
from zkroll.algebra.curve import G1Points, G2Points
from zkroll.algebra.field import Block, address, fq
from zkroll.algebra.kernels.emit import LANES, LIMB_MASK, LIMBS, Backend
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.pairing_kernels import (
    FINAL_BYTES,
    LINE_BYTES,
    STATE_BYTES,
    STATUS,
    pairing_kernels,
)
from zkroll.algebra.kernels.threads import map_ranges, thread_count
from zkroll.algebra.kernels.twelve import TWELVE_BYTES
from zkroll.algebra.pairing_layout import PARTS, WORDS, Flags, Layout, Words, best_layout
from zkroll.algebra.reference.curve import Point
from zkroll.algebra.reference.pairing import G2Point
from zkroll.errors import InputError

__all__ = [
    "Fq12",
    "eip197_check",
    "final_exponentiation",
    "miller_loop",
    "pairing",
    "pairing_product_is_one",
    "pairing_products_are_one",
    "products_are_one",
]

Fq12 = tuple[int, ...]

EIP197_PAIR_BYTES = 32 * PARTS
_TOWER_ORDER = (0, 2, 4, 1, 3, 5)  # the power of w that each element of Fq2 in memory stands before
_STATUS_TEXT = (
    "G1 point: expected one on y² = x³ + 3, got one off the curve",
    "G2 point: expected one on y² = x³ + 3/(9 + u), got one off the curve",
    "G2 point: expected one of order r, got one outside the subgroup",
)


# ---- one pairing ------------------------------------------------------------------------------------------


def pairing(P: Point, Q: G2Point, *, backend: Backend | None = None) -> Fq12:
    """Return e(P, Q) = f^((q^12 - 1)/r); it is one if P or Q is infinity."""
    return _single(P, Q, exponentiate=True, backend=backend)


def miller_loop(P: Point, Q: G2Point, *, backend: Backend | None = None) -> Fq12:
    """Return f with e(P, Q) = `final_exponentiation(f)`, fixed only up to factors that this removes."""
    return _single(P, Q, exponentiate=False, backend=backend)


def final_exponentiation(f: Fq12, *, backend: Backend | None = None) -> Fq12:
    """Return f^((q^12 - 1)/r), raising InputError unless f is a non-zero element of Fq12."""
    if len(f) != 2 * PARTS or any(not 0 <= part < Q_MODULUS for part in f) or not any(f):
        raise InputError(f"final_exponentiation: expected twelve integers in 0..q-1, not all zero, got {f}")
    words = np.zeros((2 * PARTS, LANES, WORDS), dtype=np.uint64)
    parts = b"".join(f[2 * k + half].to_bytes(32, "little") for k in _TOWER_ORDER for half in (0, 1))
    words[:, :] = np.frombuffer(parts, dtype="<u8").reshape(2 * PARTS, 1, WORDS)
    element = aligned.empty(TWELVE_BYTES // 8)
    element[:] = fq.from_array(words.reshape(-1, WORDS)).ravel()
    _exponentiate(element, Layout(1, 1, 1), 1, backend)
    return _to_ints(element)


def _single(P: Point, Q: G2Point, *, exponentiate: bool, backend: Backend | None) -> Fq12:
    layout = Layout(1, 1, 1)
    points = fq.from_array(layout.arrange(_words([(P, Q)], "pairing")))
    f = _miller(points, layout, 1, backend, lambda _: "pairing")
    if exponentiate:
        _exponentiate(f, layout, 1, backend)
    return _to_ints(f)


def _to_ints(f: Words) -> Fq12:
    values = fq.to_ints(f.reshape(2 * PARTS, LIMBS, LANES))[::LANES]
    out = [0] * (2 * PARTS)
    for i, k in enumerate(_TOWER_ORDER):
        out[2 * k], out[2 * k + 1] = values[2 * i], values[2 * i + 1]
    return tuple(out)


# ---- products of pairings ---------------------------------------------------------------------------------


def pairing_product_is_one(
    pairs: Iterable[tuple[Point, G2Point]], *, threads: int | None = None, backend: Backend | None = None
) -> bool:
    """Return whether Π e(P_i, Q_i) = 1, which an empty product is."""
    listed = list(pairs)
    words = _words(listed, "pairing_product_is_one")
    return bool(_products(words, 1, threads, backend, lambda i: f"pairing_product_is_one: pair {i}")[0])


def pairing_products_are_one(
    groups: Iterable[Sequence[tuple[Point, G2Point]]],
    *,
    threads: int | None = None,
    backend: Backend | None = None,
) -> Flags:
    """Return for each group of pairs whether its product is one; groups may differ in length."""
    listed = [list(group) for group in groups]
    size = max(map(len, listed), default=0)
    padding: list[tuple[Point, G2Point]] = [(None, None)] * size
    place = "pairing_products_are_one"
    words = _words([pair for group in listed for pair in group + padding[len(group) :]], place)
    return _products(
        words, len(listed), threads, backend, lambda i: f"{place}: group {i // size}, pair {i % size}"
    )


def products_are_one(
    left: G1Points,
    right: G2Points,
    size: int,
    *,
    threads: int | None = None,
    backend: Backend | None = None,
) -> Flags:
    """Return for each run of `size` pairs (left[i], right[i]) whether its product is one, (n/size,) of bool.

    Raises InputError when the lengths differ or are no multiple of `size`, besides what the points give.
    """
    if size < 1 or left.n != right.n or left.n % size:
        raise InputError(
            f"products_are_one: expected as many points of both groups, a multiple of size = {size}, "
            f"got {left.n} and {right.n}"
        )
    words = np.concatenate([left.rows, right.rows], axis=1).reshape(-1, PARTS, WORDS)
    return _products(
        words,
        left.n // size,
        threads,
        backend,
        lambda i: f"products_are_one: product {i // size}, pair {i % size}",
        montgomery=True,
    )


def eip197_check(data: bytes, *, threads: int | None = None, backend: Backend | None = None) -> bool:
    """Return what the precompile at address 8 does: whether the product over all pairs in `data` is one.

    A pair is 192 bytes: x and y of a G1 point, then x1, x0, y1, y0 of a G2 point, each 32 bytes, big-endian;
    infinity is zeros. Raises InputError where the precompile fails: another length, a coordinate of q or above,
    a point off its curve or outside G2. Source: EIP-197.
    """
    if len(data) % EIP197_PAIR_BYTES:
        raise InputError(f"eip197_check: expected a multiple of {EIP197_PAIR_BYTES} bytes, got {len(data)}")
    big_endian = np.frombuffer(data, dtype=">u8").reshape(-1, PARTS, WORDS)
    words = big_endian[:, (0, 1, 3, 2, 5, 4), ::-1].astype(np.uint64)

    def place(i: int) -> str:
        return f"eip197_check: pair {i}"

    _check_range(words, place)
    return bool(_products(words, 1, threads, backend, place)[0])


def _products(
    words: Words,
    groups: int,
    threads: int | None,
    backend: Backend | None,
    place: Callable[[int], str],
    *,
    montgomery: bool = False,
) -> Flags:
    """Return which of the groups of equally many pairs, (pairs, 6, 4), have a product of one.

    The words are canonical and below q, or with `montgomery` those of rows.
    """
    if len(words) == 0:
        return np.ones(groups, dtype=np.bool_)
    layout = best_layout(groups, len(words) // groups, thread_count(threads))
    points = _blocks(words, layout, montgomery=montgomery)
    f = _miller(points, layout, threads, backend, place)
    return _exponentiate(f, layout, threads, backend)


# ---- from points to blocks --------------------------------------------------------------------------------


def _words(pairs: Sequence[tuple[Point, G2Point]], place: str) -> Words:
    """Return the coordinates (pairs, 6, 4), zeros for infinity."""
    out = bytearray()
    for i, pair in enumerate(pairs):
        try:
            P, Q = pair
            x, y = (0, 0) if P is None else P
            (x0, x1), (y0, y1) = ((0, 0), (0, 0)) if Q is None else Q
            parts = (x, y, x0, x1, y0, y1)
            if not all(0 <= part < Q_MODULUS for part in parts):
                raise InputError(f"{place}: pair {i}: expected coordinates in 0..q-1, got {pair}")
            if (P is not None and not (x or y)) or (Q is not None and not any(parts[2:])):
                raise InputError(f"{place}: pair {i}: expected points of the curves, got zeros")
            for part in parts:
                out += part.to_bytes(32, "little")
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{place}: pair {i}: expected (x, y) and ((x0, x1), (y0, y1)) of integers, or None, got {pair}"
            ) from error
    return np.frombuffer(bytes(out), dtype="<u8").reshape(-1, PARTS, WORDS).astype(np.uint64, copy=False)


def _check_range(words: Words, place: Callable[[int], str]) -> None:
    """Raise InputError unless all coordinates are below q."""
    below = np.zeros(words.shape[:-1], dtype=np.bool_)
    for i in range(WORDS):
        limit, word = np.uint64((Q_MODULUS >> (64 * i)) & (2**64 - 1)), words[..., i]
        below = (word < limit) | ((word == limit) & below)
    if not below.all():
        i = int(np.argmin(below.all(axis=1)))
        got = [hex(int.from_bytes(part.tobytes(), "little")) for part in words[i]]
        raise InputError(f"{place(i)}: expected coordinates below q, got {got}")


def _blocks(words: Words, layout: Layout, *, montgomery: bool) -> Block:
    """Return the points as block arrays (blocks·rounds·6, 5, 8), from canonical words or those of rows."""
    arranged = layout.arrange(words)
    if not montgomery:
        return fq.from_array(arranged)
    blocks = _unpack(arranged)
    fq.check_range(blocks, "pairing")
    return blocks


def _unpack(words: Words) -> Block:
    """Return the block array of residues in four words each, a multiple of eight of them."""
    limbs = np.empty((len(words), LIMBS), dtype=np.uint64)
    limbs[:, 0] = words[:, 0]
    for j in range(1, WORDS):
        limbs[:, j] = words[:, j - 1] >> np.uint64(64 - 12 * j) | words[:, j] << np.uint64(12 * j)
    limbs[:, WORDS] = words[:, 3] >> np.uint64(16)
    limbs &= np.uint64(LIMB_MASK)
    return np.ascontiguousarray(limbs.reshape(-1, LANES, LIMBS).swapaxes(1, 2))


# ---- running the kernels ----------------------------------------------------------------------------------


def _miller(
    points: Block,
    layout: Layout,
    threads: int | None,
    backend: Backend | None,
    place: Callable[[int], str],
) -> Words:
    """Return the values of the Miller loops; raises InputError for the first pair that is no pair of points."""
    kernel = pairing_kernels(backend or host_backend()).miller
    f = aligned.empty(TWELVE_BYTES * layout.blocks // 8)
    status = np.empty((layout.blocks, layout.rounds, STATUS), dtype=np.int64)

    def run(begin: int, end: int) -> None:
        work = aligned.empty((LINE_BYTES + layout.rounds * STATE_BYTES) // 8)
        kernel(address(f), address(points), status, layout.rounds, begin, end, address(work))

    map_ranges(run, layout.blocks, threads, 1)
    if status[:, :, :3].any():
        bad = layout.restore(status)[:, :3]
        i = int(np.argmax(bad.any(axis=1)))
        raise InputError(f"{place(i)}: {_STATUS_TEXT[int(np.argmax(bad[i]))]}")
    return f


def _exponentiate(f: Words, layout: Layout, threads: int | None, backend: Backend | None) -> Flags:
    """Fold the blocks and lanes of each group, raise to (q^12 - 1)/r in place, and return which are one."""
    kernel = pairing_kernels(backend or host_backend()).final
    bits = np.empty(layout.tasks, dtype=np.uint8)

    def run(begin: int, end: int) -> None:
        work = aligned.empty(FINAL_BYTES // 8)
        kernel(bits, address(f), layout.depth, layout.inner, begin, end, address(work))

    map_ranges(run, layout.tasks, threads, 1)
    lanes = np.unpackbits(bits[:, None], axis=1, bitorder="little").astype(np.bool_)
    return lanes.reshape(-1, layout.inner)[: layout.groups, 0]
