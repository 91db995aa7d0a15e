"""Vectors over the two BN254 fields, as block arrays.

A block array is a C-contiguous uint64 array of shape (..., nb, 5, 8): nb blocks of eight elements, each block
five rows of 52-bit limbs in Montgomery form (R = 2^260), residues below 2p. Element i is lane i % 8 of block
i // 8. `fr` and `fq` hold the operations; `zkroll.algebra.vector` wraps an array and its length.

>>> a = fr.from_ints([1, 2, 3])
>>> fr.to_ints(fr.mul(a, a), 3)
[1, 4, 9]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.conversion import GRAIN, Block, Bytes, Conversions, Order, address, blocks_for
from zkroll.algebra.kernels.emit import FQ, FR, LANES, LIMBS
from zkroll.algebra.kernels.field_kernels import POWERS, SCRATCH, FieldKernels, field_kernels
from zkroll.algebra.kernels.threads import map_ranges, thread_count
from zkroll.errors import InputError

__all__ = ["Block", "Bytes", "Operand", "Order", "PrimeField", "address", "blocks_for", "fq", "fr"]

Operand = Block | int


class PrimeField(Conversions):
    """The elementwise operations of one field on one back end (default: what this processor does best).

    Arguments are only read. `out`, where given, is a writable C-contiguous block array of the result's shape
    and may be an argument itself, but not overlap one otherwise. Every method raises InputError for arrays
    that are not block arrays. `Conversions` has what makes and reads block arrays.
    """

    @property
    def kernels(self) -> FieldKernels:
        """The field's kernels, compiled on first use."""
        return field_kernels(self.params, self.backend)

    def __repr__(self) -> str:
        return f"PrimeField({self.params.name}, {self.backend})"

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
        a = self._check(a, "square")
        result = self._output(a.shape, out, a)
        where, x, kernel = address(result), address(a), self.kernels.square
        map_ranges(lambda begin, end: kernel(where, x, begin, end), _blocks(a), threads, GRAIN)
        return result

    def pow(self, a: Block, exponent: int, out: Block | None = None, threads: int | None = None) -> Block:
        """Return a^exponent; a negative exponent inverts (zero stays zero), exponent 0 gives ones."""
        a = self._check(a, "pow")
        if exponent < 0:
            a, exponent = self.batch_inverse(a, threads=threads), -exponent
        result = self._output(a.shape, out, a)
        if exponent == 0:
            result[...] = self._constant_block(1)
            return result
        bits = np.array([int(bit) for bit in bin(exponent)[3:]], dtype=np.uint8)
        kernel = self.kernels.pow

        def run(begin: int, end: int) -> None:
            scratch = self._scratch(POWERS)
            kernel(address(result), address(a), address(scratch), bits, len(bits), begin, end)

        map_ranges(run, _blocks(a), threads, POWERS)
        return result

    def batch_inverse(self, a: Block, out: Block | None = None, threads: int | None = None) -> Block:
        """Return the inverse of every element, zero for zero (about three multiplications each)."""
        a = self._check(a, "batch_inverse")
        result = self._output(a.shape, out, a)
        kernel = self.kernels.invert

        def run(begin: int, end: int) -> None:
            scratch = self._scratch(SCRATCH)
            kernel(address(result), address(a), address(scratch), begin, end)

        map_ranges(run, _blocks(a), threads, GRAIN)
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
        out, p = self._empty(n, "powers"), self.modulus
        step, kernel = pow(x, LANES, p), self.kernels.powers

        def run(begin: int, end: int) -> None:
            power, first = pow(step, begin, p), []
            for _ in range(LANES):
                first.append(power)
                power = power * x % p
            out[begin] = self.from_ints(first)[0]
            factor = self._constant_block(step)
            kernel(address(out), address(factor), begin, end)

        map_ranges(run, len(out), threads, GRAIN)
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
        out = aligned.empty(a.shape)
        parts = max(1, min(thread_count(threads), len(a) // GRAIN))
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
        n = self._count(a, n, "is_zero")
        bits = np.empty(_blocks(a), dtype=np.uint8)
        map_ranges(
            lambda begin, end: self.kernels.zeros(address(bits), address(a), begin, end),
            len(bits),
            threads,
            GRAIN,
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

        map_ranges(run, _blocks(a), threads, GRAIN)
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

    def _scratch(self, blocks: int) -> Block:
        return aligned.empty((blocks, LIMBS, LANES))

    def _output(self, shape: tuple[int, ...], out: Block | None, *operands: Block) -> Block:
        """Return `out`, which is an operand or overlaps none, or a new array."""
        if out is None:
            return aligned.empty(shape)
        fits = isinstance(out, np.ndarray) and out.shape == shape and out.dtype == np.uint64
        if not (fits and out.flags.c_contiguous and out.flags.writeable):
            raise InputError(
                f"{self.params.name}: out: expected a writable contiguous {shape} uint64, "
                f"got {getattr(out, 'shape', type(out).__name__)} {getattr(out, 'dtype', '')}"
            )
        for operand in operands:
            if np.may_share_memory(operand, out) and (
                operand.size != out.size or address(operand) != address(out)
            ):
                raise InputError(f"{self.params.name}: out: expected an operand or an array apart from them")
        return out

    def _operand(self, value: Operand, place: str) -> tuple[Block, int]:
        """Return a block array and how far it steps from block to block: 0 for one block that serves all."""
        if isinstance(value, int):
            return self._constant_block(value), 0
        return self._check(value, place), 1

    def _binary(self, kernel: Any, a: Operand, b: Operand, out: Block | None, threads: int | None) -> Block:
        left, a_step = self._operand(a, "left operand")
        right, b_step = self._operand(b, "right operand")
        if not (a_step or b_step):
            raise InputError(f"{self.params.name}: expected at least one block array, got two integers")
        shape = left.shape if a_step else right.shape
        result = self._output(shape, out, left, right)
        if a_step and b_step and left.shape != right.shape:
            lacking = left.ndim - right.ndim
            if lacking <= 0 or left.shape[lacking:] != right.shape:
                raise InputError(
                    f"{self.params.name}: expected operands of one shape, got {left.shape}, {right.shape}"
                )
            for part, into in zip(left, result, strict=True):
                self._binary(kernel, part, right, into, threads)
            return result
        where, x, y = address(result), address(left), address(right)
        map_ranges(
            lambda begin, end: kernel(where, x, a_step, y, b_step, begin, end),
            _blocks(result),
            threads,
            GRAIN,
        )
        return result

    def _accumulate(self, run: Callable[[int, int, int], None], a: Block, threads: int | None) -> int:
        totals: list[Block] = []

        def part(begin: int, end: int) -> None:
            total = self.zeros(LANES)
            totals.append(total)
            run(address(total), begin, end)

        map_ranges(part, _blocks(a), threads, GRAIN)
        return sum(sum(self.to_ints(total)) for total in totals) % self.modulus

    def _range_sums(self, a: Block, edges: list[int]) -> list[int]:
        sums = [0] * (len(edges) - 1)

        def run(begin: int, end: int) -> None:
            for part in range(begin, end):
                sums[part] = self.sum(a[edges[part] : edges[part + 1]], threads=1)

        map_ranges(run, len(sums), None, 1)
        return sums


def _blocks(a: Block) -> int:
    return a.size // (LIMBS * LANES)


fr = PrimeField(FR)
fq = PrimeField(FQ)
