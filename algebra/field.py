"""Vectors over the two BN254 fields, as block arrays.

A block array is a C-contiguous uint64 array of shape (..., nb, 5, 8): nb blocks of eight elements, each block
five rows of 52-bit limbs in Montgomery form (R = 2^260), residues below 2p. Element i is lane i % 8 of block
i // 8. `fr` and `fq` hold the operations; `zkroll.algebra.vector` wraps an array and its length.

>>> a = fr.from_ints([1, 2, 3])
>>> fr.to_ints(fr.mul(a, a), 3)
[1, 4, 9]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.kernels.emit import FQ, FR, LANES, LIMBS, Backend, FieldParams, split_limbs
from zkroll.algebra.kernels.field_kernels import CHAINS, FieldKernels, field_kernels
from zkroll.algebra.kernels.jit import host_backend
from zkroll.algebra.kernels.threads import map_ranges, thread_count
from zkroll.errors import InputError

Block = NDArray[np.uint64]
Operand = Block | int

_GRAIN = 256  # blocks: less is faster on one thread than handed to another


def address(array: NDArray[Any]) -> int:
    """Return the address of the first byte of `array`; the caller keeps the array alive."""
    return int(array.__array_interface__["data"][0])


def blocks_for(n: int) -> int:
    """Return how many blocks hold n elements."""
    return -(-n // LANES)


class PrimeField:
    """The elementwise operations of one field on one back end (default: what this processor does best).

    Arguments are only read. `out`, where given, is a writable C-contiguous block array of the result's shape
    and may be an argument itself. Every method raises InputError for arrays that are not block arrays.
    """

    def __init__(self, params: FieldParams, backend: Backend | None = None):
        self.params = params
        self.modulus = params.modulus
        self.backend: Backend = backend or host_backend()

    @property
    def kernels(self) -> FieldKernels:
        """The field's kernels, compiled on first use."""
        return field_kernels(self.params, self.backend)

    def __repr__(self) -> str:
        return f"PrimeField({self.params.name}, {self.backend})"

    # ---- making and reading block arrays ------------------------------------------------------------------

    def zeros(self, shape: int | Sequence[int]) -> Block:
        """Return zeros: for n, an array of n elements; for (k, ..., n), k·… of them of n elements each."""
        *outer, n = (shape,) if isinstance(shape, int) else tuple(shape)
        return np.zeros((*outer, blocks_for(n), LIMBS, LANES), dtype=np.uint64)

    def full(self, n: int, value: int) -> Block:
        """Return n elements (and the padding up to the next block) equal to `value`."""
        out = np.empty((blocks_for(n), LIMBS, LANES), dtype=np.uint64)
        out[:] = self._constant_block(value)
        return out

    def from_ints(self, values: Iterable[int]) -> Block:
        """Return the block array of Python integers, each taken modulo p."""
        p = self.modulus
        data = b"".join((value % p).to_bytes(32, "little") for value in values)
        return self.from_array(np.frombuffer(data, dtype="<u8").reshape(-1, 4))

    def to_ints(self, a: Block, n: int | None = None) -> list[int]:
        """Return the first n elements (default: all, padding included) as canonical Python integers."""
        data = self.to_limbs(a, n).tobytes()
        return [int.from_bytes(data[i : i + 32], "little") for i in range(0, len(data), 32)]

    def from_array(self, a: NDArray[Any], threads: int | None = None) -> Block:
        """Return the block array of machine integers, padded with zeros to whole blocks.

        `a` is (n,) of bool, unsigned or signed integers (negative -x becomes p - x), or (n, k) uint64 with k
        in 2..4 little-endian words. Raises InputError for other shapes and dtypes and for values not below p.
        """
        a = np.asarray(a)
        signed = False
        if a.ndim == 1 and a.dtype.kind in "bui":
            signed = a.dtype.kind == "i"
            words = np.ascontiguousarray(a, dtype=np.int64 if signed else np.uint64).reshape(-1, 1)
        elif a.ndim == 2 and a.dtype == np.uint64 and 2 <= a.shape[1] <= 4:
            words = np.ascontiguousarray(a)
        else:
            raise InputError(
                f"{self.params.name}.from_array: expected (n,) integers or (n, 2..4) uint64, "
                f"got {a.shape} {a.dtype}"
            )
        n, k = words.shape
        out = np.empty((blocks_for(n), LIMBS, LANES), dtype=np.uint64)
        bad: list[int] = []

        def run(begin: int, end: int) -> None:
            bad.append(self.kernels.read(address(out), address(words), k, int(signed), n, begin, end))

        map_ranges(run, len(out), threads, _GRAIN)
        if any(bad):
            at, value = next((i, v) for i, v in enumerate(_row_ints(words)) if v >= self.modulus)
            raise InputError(
                f"{self.params.name}.from_array: row {at}: expected a value below p, got {value:#x}"
            )
        return out

    def to_limbs(self, a: Block, n: int | None = None, threads: int | None = None) -> NDArray[np.uint64]:
        """Return the first n elements as (n, 4) uint64, canonical, least significant word first."""
        a = self._check(a, "to_limbs").reshape(-1, LIMBS, LANES)
        n = len(a) * LANES if n is None else n
        if not 0 <= n <= len(a) * LANES:
            raise InputError(f"{self.params.name}.to_limbs: expected 0 <= n <= {len(a) * LANES}, got {n}")
        out = np.empty((n, 4), dtype=np.uint64)
        map_ranges(
            lambda begin, end: self.kernels.write(address(out), address(a), n, begin, end),
            blocks_for(n),
            threads,
            _GRAIN,
        )
        return out

    # ---- arithmetic ---------------------------------------------------------------------------------------

    def add(self, a: Operand, b: Operand, out: Block | None = None, threads: int | None = None) -> Block:
        """Return a + b; one of them may be an integer, or `b` may lack leading dimensions of `a`."""
        return self._binary(self.kernels.add, a, b, out, threads)

    def sub(self, a: Operand, b: Operand, out: Block | None = None, threads: int | None = None) -> Block:
        """Return a - b; one of them may be an integer, or `b` may lack leading dimensions of `a`."""
        return self._binary(self.kernels.sub, a, b, out, threads)

    def mul(self, a: Operand, b: Operand, out: Block | None = None, threads: int | None = None) -> Block:
        """Return a·b; one of them may be an integer, or `b` may lack leading dimensions of `a`."""
        return self._binary(self.kernels.mul, a, b, out, threads)

    def neg(self, a: Block, out: Block | None = None, threads: int | None = None) -> Block:
        """Return -a."""
        return self._binary(self.kernels.sub, 0, a, out, threads)

    def square(self, a: Block, out: Block | None = None, threads: int | None = None) -> Block:
        """Return a²."""
        return self._binary(self.kernels.mul, a, a, out, threads)

    def pow(self, a: Block, exponent: int, out: Block | None = None, threads: int | None = None) -> Block:
        """Return a^exponent; a negative exponent inverts (zero stays zero), exponent 0 gives ones."""
        a = self._check(a, "pow")
        if exponent < 0:
            a, exponent = self.batch_inverse(a, threads=threads), -exponent
        if exponent == 0:
            result = self._output(a.shape, out)
            result[...] = self._constant_block(1)
            return result
        power = a.copy()
        for bit in bin(exponent)[3:]:
            self.square(power, out=power, threads=threads)
            if bit == "1":
                self.mul(power, a, out=power, threads=threads)
        if out is None:
            return power
        result = self._output(a.shape, out)
        result[...] = power
        return result

    def batch_inverse(self, a: Block, out: Block | None = None, threads: int | None = None) -> Block:
        """Return the inverse of every element, zero for zero (about three multiplications each)."""
        a = self._check(a, "batch_inverse")
        result = self._output(a.shape, out)
        source = a.copy() if np.shares_memory(a, result) else a
        kernels = self.kernels

        def run(begin: int, end: int) -> None:
            running = self.full(CHAINS * LANES, 1)
            kernels.products(address(result), address(source), address(running), begin, end)
            running[:] = self.from_ints(_inverses(self.to_ints(running), self.modulus))
            kernels.unwind(address(result), address(source), address(running), begin, end)

        map_ranges(run, source.size // (LIMBS * LANES), threads, _GRAIN)
        return result

    def inner_product(self, a: Block, b: Block, threads: int | None = None) -> int:
        """Return Σ a_i·b_i over all elements, padding included, as a canonical integer."""
        a, b = self._check(a, "inner_product"), self._check(b, "inner_product")
        if a.shape != b.shape:
            raise InputError(
                f"{self.params.name}.inner_product: expected equal shapes, got {a.shape}, {b.shape}"
            )
        kernel = self.kernels.inner
        return self._accumulate(
            lambda total, begin, end: kernel(total, address(a), address(b), begin, end), a, threads
        )

    def sum(self, a: Block, threads: int | None = None) -> int:
        """Return Σ a_i over all elements, padding included, as a canonical integer."""
        a = self._check(a, "sum")
        return self._accumulate(
            lambda total, begin, end: self.kernels.total(total, address(a), begin, end), a, threads
        )

    def powers(self, x: int, n: int, threads: int | None = None) -> Block:
        """Return 1, x, x², …, x^(n-1), and further powers up to the end of the last block."""
        nb = blocks_for(n)
        out = np.empty((nb, LIMBS, LANES), dtype=np.uint64)
        if nb == 0:
            return out
        p = self.modulus
        first = [1]
        for _ in range(LANES - 1):
            first.append(first[-1] * x % p)
        out[:1] = self.from_ints(first)
        done, step = 1, pow(x, LANES, p)
        while done < nb:
            count = min(done, nb - done)
            self.mul(out[:count], step, out=out[done : done + count], threads=threads)
            done, step = done + count, step * step % p
        return out

    def prefix_sum(self, a: Block, n: int | None = None, threads: int | None = None) -> Block:
        """Return the exclusive prefix sums: element i becomes a_0 + … + a_{i-1}, for each vector of `a`.

        Elements at n and beyond (default: none) are set to the sum of the first n.
        """
        a = self._check(a, "prefix_sum")
        if a.ndim > 3:
            return np.stack([self.prefix_sum(vector, n, threads) for vector in a])
        size = len(a) * LANES
        if n is not None and not 0 <= n <= size:
            raise InputError(f"{self.params.name}.prefix_sum: expected 0 <= n <= {size}, got {n}")
        if n is not None and n < size:
            a = a.copy()
            a[n // LANES, :, n % LANES :] = 0
            a[n // LANES + 1 :] = 0
        out = np.empty_like(a)
        parts = max(1, min(thread_count(threads), len(a) // _GRAIN))
        edges = [len(a) * i // parts for i in range(parts + 1)]
        kernel, carries = self.kernels.scan, [0]
        sums = self._range_sums(a, edges[:-1])
        for total in sums:
            carries.append((carries[-1] + total) % self.modulus)

        def run(begin: int, end: int) -> None:
            for part in range(begin, end):
                carry = self.full(LANES, carries[part])
                kernel(address(out), address(a), address(carry), edges[part], edges[part + 1])

        map_ranges(run, parts, threads, 1)
        return out

    # ---- comparisons and moves ----------------------------------------------------------------------------

    def is_zero(self, a: Block, n: int | None = None, threads: int | None = None) -> NDArray[np.bool_]:
        """Return for each of the first n elements (default: all) whether it is zero modulo p."""
        a = self._check(a, "is_zero")
        bits = np.empty(a.size // (LIMBS * LANES), dtype=np.uint8)
        map_ranges(
            lambda begin, end: self.kernels.zeros(address(bits), address(a), begin, end),
            len(bits),
            threads,
            _GRAIN,
        )
        return np.unpackbits(bits, bitorder="little", count=n).astype(np.bool_)

    def equal(self, a: Block, b: Block, threads: int | None = None) -> bool:
        """Return whether a and b have the same shape and the same elements modulo p, padding included."""
        a, b = self._check(a, "equal"), self._check(b, "equal")
        if a.shape != b.shape:
            return False
        differing: list[int] = []

        def run(begin: int, end: int) -> None:
            differing.append(self.kernels.differences(address(a), address(b), begin, end))

        map_ranges(run, a.size // (LIMBS * LANES), threads, _GRAIN)
        return not any(differing)

    def roll(self, a: Block, n: int, shift: int) -> Block:
        """Return the first n elements rotated: element i goes to (i + shift) mod n, as `numpy.roll`."""
        a = self._check(a, "roll")
        if not 0 <= n <= a.shape[-3] * LANES:
            raise InputError(f"{self.params.name}.roll: expected 0 <= n <= {a.shape[-3] * LANES}, got {n}")
        if n == a.shape[-3] * LANES and shift % LANES == 0:
            return np.roll(a, shift // LANES, axis=-3)
        rows = np.swapaxes(a, -1, -2).reshape(*a.shape[:-3], -1, LIMBS)
        out = np.zeros_like(rows)
        out[..., :n, :] = np.roll(rows[..., :n, :], shift, axis=-2)
        return np.ascontiguousarray(np.swapaxes(out.reshape(*a.shape[:-2], LANES, LIMBS), -1, -2))

    # ---- inside -------------------------------------------------------------------------------------------

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

    def _output(self, shape: tuple[int, ...], out: Block | None) -> Block:
        if out is None:
            return np.empty(shape, dtype=np.uint64)
        fits = out.shape == shape and out.dtype == np.uint64
        if not (fits and out.flags.c_contiguous and out.flags.writeable):
            raise InputError(
                f"{self.params.name}: out: expected a writable contiguous {shape} uint64, "
                f"got {out.shape} {out.dtype}"
            )
        return out

    def _constant_block(self, value: int) -> Block:
        limbs = np.array(split_limbs(self.params.to_montgomery(value % self.modulus)), dtype=np.uint64)
        return np.repeat(limbs, LANES).reshape(1, LIMBS, LANES)

    def _binary(self, kernel: Any, a: Operand, b: Operand, out: Block | None, threads: int | None) -> Block:
        left, a_step = (
            (self._constant_block(a), 0) if isinstance(a, int) else (self._check(a, "left operand"), 1)
        )
        right, b_step = (
            (self._constant_block(b), 0) if isinstance(b, int) else (self._check(b, "right operand"), 1)
        )
        shape = right.shape if a_step == 0 else left.shape
        if a_step and b_step and left.shape != right.shape:
            lacking = left.ndim - right.ndim
            if lacking <= 0 or left.shape[lacking:] != right.shape:
                raise InputError(
                    f"{self.params.name}: expected operands of one shape, got {left.shape}, {right.shape}"
                )
            result = self._output(shape, out)
            for part, into in zip(left, result, strict=True):
                self._binary(kernel, part, right, into, threads)
            return result
        result = self._output(shape, out)
        where, x, y = address(result), address(left), address(right)
        map_ranges(
            lambda begin, end: kernel(where, x, a_step, y, b_step, begin, end),
            result.size // (LIMBS * LANES),
            threads,
            _GRAIN,
        )
        return result

    def _accumulate(self, run: Callable[[int, int, int], None], a: Block, threads: int | None) -> int:
        totals: list[Block] = []

        def part(begin: int, end: int) -> None:
            total = self.zeros(LANES)
            totals.append(total)
            run(address(total), begin, end)

        map_ranges(part, a.size // (LIMBS * LANES), threads, _GRAIN)
        return sum(sum(self.to_ints(total)) for total in totals) % self.modulus

    def _range_sums(self, a: Block, edges: list[int]) -> list[int]:
        sums = [0] * (len(edges) - 1)

        def run(begin: int, end: int) -> None:
            for part in range(begin, end):
                sums[part] = self.sum(a[edges[part] : edges[part + 1]], threads=1)

        map_ranges(run, len(sums), None, 1)
        return sums


def _row_ints(words: NDArray[Any]) -> Iterable[int]:
    return (sum(int(word) << (64 * i) for i, word in enumerate(row)) for row in words)


def _inverses(values: list[int], p: int) -> list[int]:
    """Invert non-zero integers modulo p with one modular inversion."""
    before, product = [], 1
    for value in values:
        before.append(product)
        product = product * value % p
    inverse = pow(product, -1, p)
    out = [0] * len(values)
    for i in range(len(values) - 1, -1, -1):
        out[i] = inverse * before[i] % p
        inverse = inverse * values[i] % p
    return out


fr = PrimeField(FR)
fq = PrimeField(FQ)
