"""Block arrays from and to Python integers, machine integers, bytes and words: the part of `PrimeField` that
crosses the border of the Montgomery form.

Outside an element is 32 bytes or four 64-bit words, canonical (below p) unless stated otherwise. With
`montgomery=True` the bytes hold x·2^256 mod p instead of x: the form of coordinates and coefficients in .zkey
and .ptau files (.wtns files are canonical).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.kernels.conversion_kernels import ROW_BYTES, WORDS, ConversionKernels, conversion_kernels
from zkroll.algebra.kernels.emit import LANES, LIMBS, Backend, FieldParams, split_limbs
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.errors import InputError

Block = NDArray[np.uint64]
Order = Literal["little", "big"]
Bytes = bytes | bytearray | memoryview | NDArray[np.uint8]

GRAIN = 256  # blocks: less is faster on one thread than handed to another


def address(array: NDArray[Any]) -> int:
    """Return the address of the first byte of `array`; the caller keeps the array alive."""
    return int(array.__array_interface__["data"][0])


def blocks_for(n: int) -> int:
    """Return how many blocks hold n elements."""
    return -(-n // LANES)


class Conversions:
    """What `PrimeField` can make and read; `params` is the field and `backend` what computes."""

    def __init__(self, params: FieldParams, backend: Backend | None = None):
        self.params = params
        self.modulus = params.modulus
        self.backend: Backend = backend or host_backend()

    @property
    def _conversions(self) -> ConversionKernels:
        return conversion_kernels(self.params, self.backend)

    # ---- making block arrays ------------------------------------------------------------------------------

    def zeros(self, shape: int | Sequence[int]) -> Block:
        """Return zeros: for n, an array of n elements; for (k, ..., n), k·… of them of n elements each."""
        *outer, n = (shape,) if isinstance(shape, int) else tuple(shape)
        if min(n, *outer, 0) < 0:
            raise InputError(f"{self.params.name}.zeros: expected lengths of zero and more, got {shape}")
        return aligned.zeros((*outer, blocks_for(n), LIMBS, LANES))

    def full(self, n: int, value: int) -> Block:
        """Return n elements (and the padding up to the next block) equal to `value`."""
        out = self._empty(n, "full")
        out[:] = self._constant_block(value)
        return out

    def from_ints(self, values: Iterable[int]) -> Block:
        """Return the block array of Python integers, each taken modulo p."""
        p = self.modulus
        data = b"".join((value % p).to_bytes(ROW_BYTES, "little") for value in values)
        return self.from_array(np.frombuffer(data, dtype="<u8").reshape(-1, WORDS))

    def from_array(
        self,
        a: NDArray[Any],
        threads: int | None = None,
        *,
        montgomery: bool = False,
        reduce: bool = False,
    ) -> Block:
        """Return the block array of machine integers, padded with zeros to whole blocks.

        `a` is (n,) of bool, unsigned or signed integers (negative -x becomes p - x), or (n, k) uint64 with k
        in 2..4 little-endian words. Raises InputError for other shapes and dtypes, and for a value not below
        p, with the first such row; with `reduce`, values of any size are taken modulo p. `montgomery` is for
        rows of words only: they hold x·2^256 mod p.
        """
        a = np.asarray(a)
        if a.ndim == 1 and a.dtype.kind in "bui" and not montgomery:
            return self._from_machine(a, threads)
        if not (a.ndim == 2 and a.dtype == np.uint64 and 2 <= a.shape[1] <= WORDS):
            raise InputError(
                f"{self.params.name}.from_array: expected (n,) integers or (n, 2..4) uint64, "
                f"got {a.shape} {a.dtype}"
            )
        n, k = a.shape
        if k < WORDS:
            a = np.concatenate([a, np.zeros((n, WORDS - k), dtype=np.uint64)], axis=1)
        words = np.ascontiguousarray(a)
        out = self._empty(n, "from_array")
        # a file's value is x·2^256 and becomes x·2^260; a plain one is multiplied by 2^260 (and one more R)
        factor = self._factor((1 << 264 if montgomery else self.params.r2) % self.modulus)
        kernel, first = self._conversions.read, []

        def run(begin: int, end: int) -> None:
            first.append(kernel(address(out), address(words), address(factor), begin, end))

        map_ranges(run, n // LANES, threads, GRAIN)
        if n % LANES:
            last = np.zeros((LANES, WORDS), dtype=np.uint64)
            last[: n % LANES] = words[n - n % LANES :]
            row = kernel(address(out[-1:]), address(last), address(factor), 0, 1)
            first.append(row if row < 0 else row + n - n % LANES)
        bad = min((row for row in first if row >= 0), default=-1)
        if bad >= 0 and not reduce:
            value = int.from_bytes(words[bad].tobytes(), "little")
            raise InputError(
                f"{self.params.name}.from_array: row {bad}: expected a value below p, got {value:#x}"
            )
        return out

    def from_bytes(
        self,
        data: Bytes,
        order: Order = "little",
        *,
        montgomery: bool = False,
        reduce: bool = False,
        threads: int | None = None,
    ) -> Block:
        """Return the block array of elements of 32 bytes each; see `from_array` for the options.

        Raises InputError when the length is no multiple of 32 bytes or an element is not below p.
        """
        flat = data.ravel() if isinstance(data, np.ndarray) else np.frombuffer(data, dtype=np.uint8)
        if flat.dtype != np.uint8 or len(flat) % ROW_BYTES:
            raise InputError(
                f"{self.params.name}.from_bytes: expected a multiple of {ROW_BYTES} bytes, "
                f"got {len(flat)} of {flat.dtype}"
            )
        words = np.ascontiguousarray(flat).view(np.uint64).reshape(-1, WORDS)
        if _is_big(order):
            words = words[:, ::-1].byteswap()
        return self.from_array(words, threads, montgomery=montgomery, reduce=reduce)

    # ---- reading block arrays -----------------------------------------------------------------------------

    def to_ints(self, a: Block, n: int | None = None) -> list[int]:
        """Return the first n elements (default: all, padding included) as canonical Python integers."""
        data = self.to_limbs(a, n).tobytes()
        return [int.from_bytes(data[i : i + ROW_BYTES], "little") for i in range(0, len(data), ROW_BYTES)]

    def to_limbs(
        self, a: Block, n: int | None = None, threads: int | None = None, *, montgomery: bool = False
    ) -> NDArray[np.uint64]:
        """Return the first n elements as (n, 4) uint64, canonical, least significant word first.

        With `montgomery` the words are those of x·2^256 mod p.
        """
        a = self._check(a, "to_limbs").reshape(-1, LIMBS, LANES)
        n = self._count(a, n, "to_limbs")
        out = np.empty((n, WORDS), dtype=np.uint64)
        factor = self._factor((1 << 256) % self.modulus if montgomery else 1)
        kernel = self._conversions.write
        map_ranges(
            lambda begin, end: kernel(address(out), address(a), address(factor), begin, end),
            n // LANES,
            threads,
            GRAIN,
        )
        if n % LANES:
            last = np.empty((LANES, WORDS), dtype=np.uint64)
            kernel(address(last), address(a[n // LANES :]), address(factor), 0, 1)
            out[n - n % LANES :] = last[: n % LANES]
        return out

    def to_bytes(
        self,
        a: Block,
        n: int | None = None,
        order: Order = "little",
        *,
        montgomery: bool = False,
        threads: int | None = None,
    ) -> bytes:
        """Return the first n elements as 32 bytes each, canonical, or with `montgomery` x·2^256 mod p."""
        big = _is_big(order)
        words = self.to_limbs(a, n, threads, montgomery=montgomery)
        return (words[:, ::-1].byteswap() if big else words).tobytes()

    def check_range(self, a: Block, place: str, threads: int | None = None) -> None:
        """Raise InputError unless every stored residue is below 2p, with limbs below 2^52.

        Operations on other residues give wrong elements (and nothing worse).
        """
        a = self._check(a, place)
        kernel, first = self._conversions.check, []
        map_ranges(
            lambda begin, end: first.append(kernel(address(a), begin, end)),
            a.size // (LIMBS * LANES),
            threads,
            GRAIN,
        )
        bad = min((element for element in first if element >= 0), default=-1)
        if bad >= 0:
            limbs = [int(x) for x in a.reshape(-1, LIMBS, LANES)[bad // LANES, :, bad % LANES]]
            raise InputError(
                f"{self.params.name}.{place}: element {bad}: expected five limbs of 52 bits with a value "
                f"below 2p, got {[hex(limb) for limb in limbs]}"
            )

    # ---- inside -------------------------------------------------------------------------------------------

    def _from_machine(self, a: NDArray[Any], threads: int | None) -> Block:
        signed = a.dtype.kind == "i"
        padded = np.zeros(blocks_for(len(a)) * LANES, dtype=np.int64 if signed else np.uint64)
        padded[: len(a)] = a
        out = self._empty(len(a), "from_array")
        kernel = self._conversions.read_machine
        map_ranges(
            lambda begin, end: kernel(address(out), address(padded), int(signed), begin, end),
            len(out),
            threads,
            GRAIN,
        )
        return out

    def _empty(self, n: int, place: str) -> Block:
        if n < 0:
            raise InputError(f"{self.params.name}.{place}: expected a length of zero or more, got {n}")
        return aligned.empty((blocks_for(n), LIMBS, LANES))

    def _factor(self, value: int) -> NDArray[np.uint64]:
        return np.array(split_limbs(value), dtype=np.uint64)

    def _constant_block(self, value: int) -> Block:
        limbs = self._factor(self.params.to_montgomery(value % self.modulus))
        return np.repeat(limbs, LANES).reshape(1, LIMBS, LANES)

    def _count(self, a: Block, n: int | None, place: str) -> int:
        """Return n, or the number of elements in the blocks of `a`; raises InputError beyond them."""
        size = a.size // LIMBS
        if n is None:
            return size
        if not 0 <= n <= size:
            raise InputError(f"{self.params.name}.{place}: expected 0 <= n <= {size}, got {n}")
        return n

    def _check(self, a: Block, place: str) -> Block:
        if (
            not isinstance(a, np.ndarray)
            or a.dtype != np.uint64
            or a.ndim < 3
            or a.shape[-2:] != (LIMBS, LANES)
        ):
            got = f"{a.shape} {a.dtype}" if isinstance(a, np.ndarray) else type(a).__name__
            raise InputError(
                f"{self.params.name}.{place}: expected a block array (..., nb, 5, 8) uint64, got {got}"
            )
        return np.ascontiguousarray(a)


def _is_big(order: Order) -> bool:
    if order not in ("little", "big"):
        raise InputError(f"byte order: expected 'little' or 'big', got {order!r}")
    return order == "big"
