"""Between .zkey files and proving keys."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.curve import G1Points, G2Points, is_on_curve
from zkroll.algebra.field import address, fr
from zkroll.algebra.iden3 import Octets
from zkroll.circuits.r1cs.formats.zkey import COEFFICIENT, HASH_BYTES, Ceremony, ZKey, read_zkey
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.circuits.r1cs.system import R1CS
from zkroll.errors import InputError
from zkroll.prover.groth16.key import ProvingKey, Wires, with_public_rows
from zkroll.verifier.groth16 import VerifyingKey

P = TypeVar("P", G1Points, G2Points)

# A file has value·2^512 mod r.
_FILE_FACTOR = (1 << 512) % R_MODULUS
_CHUNK = 1 << 18  # coefficients that are converted together
_POINTS = 1 << 13  # points that are converted together: they stay in the second-level cache


def open_proving_key(path: Path | str, *, check: bool = False, threads: int | None = None) -> ProvingKey:
    """Return the proving key in a .zkey file.

    Points are brought into the form that sums need, a section at a time, and the file's memory is given back:
    the key takes as much memory as its points do in the file. All of them must be on their curve; `check` looks
    whether they are of order r as well, which takes longer than a proof does. Raises InputError as `read_zkey`
    does, for a point that is not on its curve, and for keys without a contribution.
    """
    return from_zkey(read_zkey(path), check=check, threads=threads)


def from_zkey(zkey: ZKey, *, check: bool = False, threads: int | None = None) -> ProvingKey:
    """Return the proving key of a .zkey file that has been read; see `open_proving_key`."""
    vk = VerifyingKey.from_parts(zkey.verification_key)
    products = [_matrix(zkey, number).plan for number in (0, 1)]
    release(zkey.coefficients)

    def points(kind: type[P], part: Octets, name: str) -> tuple[Wires, P]:
        return _finite_points(kind, part, name, check, threads)

    a_wires, a = points(G1Points, zkey.a, "A")
    b_wires, b_1 = points(G1Points, zkey.b1, "B1")
    b_2_wires, b_2 = points(G2Points, zkey.b2, "B2")
    if not np.array_equal(b_wires, b_2_wires):
        raise InputError("zkey: B1 and B2: expected infinity at the same wires")
    c_wires, c = points(G1Points, zkey.c, "C")
    h_numbers, h = points(G1Points, zkey.h, "H")
    return ProvingKey(
        vk=vk,
        log_domain=zkey.power,
        n_wires=zkey.n_wires,
        beta_1=zkey.beta1,
        delta_1=zkey.delta1,
        products_a=products[0],
        products_b=products[1],
        a_wires=a_wires,
        a=a,
        b_wires=b_wires,
        b_1=b_1,
        b_2=b_2,
        c=_with_infinity(c, c_wires, len(zkey.c)),
        h=_with_infinity(h, h_numbers, len(zkey.h)),
    )


def _finite_points(
    kind: type[P], part: Octets, name: str, check: bool, threads: int | None
) -> tuple[Wires, P]:
    """The points other than infinity, and which they are."""
    rows = np.empty((len(part), kind.row_words()), dtype=np.uint64)  # what stays unused is not touched
    numbers = np.empty(len(part), dtype=np.int64)
    count = 0
    for first in range(0, len(part), _POINTS):
        last = min(len(part), first + _POINTS)
        found = _points(kind, part[first:last], first, name, check, threads)
        finite = np.flatnonzero(found.any(axis=1))
        rows[count : count + len(finite)] = found if len(finite) == len(found) else found[finite]
        numbers[count : count + len(finite)] = first + finite
        count += len(finite)
        release(part[first:last])
    return numbers[:count], kind(rows[:count])


def _with_infinity(points: P, numbers: Wires, n: int) -> P:
    """The n points of which those that are not infinity have these numbers."""
    if points.n == n:
        return points
    rows = np.zeros((n, points.row_words()), dtype=np.uint64)
    rows[numbers] = points.rows
    return type(points)(rows)


def _points(
    kind: type[P], part: Octets, first: int, name: str, check: bool, threads: int | None
) -> NDArray[np.uint64]:
    """The rows of points that follow `first` others; raises InputError for the first that is not on its curve."""
    try:
        found = kind.from_bytes(part, "iden3", check=check, threads=threads)
    except InputError as error:
        raise InputError(f"zkey: {name}: from point {first} on: {error}") from error
    on_curve = is_on_curve(found, threads)
    if not on_curve.all():
        at = first + int(np.argmin(on_curve))
        raise InputError(f"zkey: {name}: point {at}: expected one on the curve, got another: a damaged file")
    return found.rows


def to_zkey(key: ProvingKey, r1cs: R1CS, threads: int | None = None) -> ZKey:
    """Return a development key in the form of a .zkey file, with no record of a ceremony.

    `r1cs` is the system that the key was set up for. snarkjs proves and verifies with the file, and rightly
    refuses it in `zkey verify`. Raises InputError for a system of other sizes than the key's.
    """
    if (r1cs.n_wires, r1cs.n_public) != (key.n_wires, key.n_public) or r1cs.n_constraints > key.n:
        raise InputError(
            f"to_zkey: expected the key's system of {key.n_wires} wires with {key.n_public} public ones, "
            f"got {r1cs.n_wires} and {r1cs.n_public}"
        )
    matrices = (with_public_rows(r1cs.A, r1cs.n_public), r1cs.B)

    def octets(points: P, wires: Wires | None = None) -> Octets:
        every = points if wires is None else _with_infinity(points, wires, key.n_wires)
        data = np.frombuffer(every.to_bytes("iden3", threads), dtype=np.uint8)
        return data.reshape(every.n, 8 * every.row_words())

    return ZKey(
        n_wires=key.n_wires,
        n_public=key.n_public,
        domain_size=key.n,
        alpha1=key.vk.alpha_1,
        beta1=key.beta_1,
        beta2=key.vk.beta_2,
        gamma2=key.vk.gamma_2,
        delta1=key.delta_1,
        delta2=key.vk.delta_2,
        ic=key.vk.ic,
        coefficients=np.concatenate([_rows(matrix, number) for number, matrix in enumerate(matrices)]),
        a=octets(key.a, key.a_wires),
        b1=octets(key.b_1, key.b_wires),
        b2=octets(key.b_2, key.b_wires),
        c=octets(key.c),
        h=octets(key.h),
        ceremony=Ceremony(bytes(HASH_BYTES)),
    )


def _rows(matrix: SparseMatrix, number: int) -> NDArray[np.void]:
    rows = np.empty(matrix.n_terms, dtype=COEFFICIENT)
    rows["matrix"] = number
    rows["constraint"] = np.repeat(np.arange(matrix.n_rows, dtype=np.uint32), np.diff(matrix.starts))
    rows["wire"] = matrix.wires
    rows["value"] = _scaled(matrix.coefficients, _FILE_FACTOR)
    return rows


def _matrix(zkey: ZKey, number: int) -> SparseMatrix:
    """A (0) or B (1) by rows, from entries in any order."""
    rows = zkey.coefficients
    chosen = np.flatnonzero(rows["matrix"] == number)
    constraints = rows["constraint"][chosen]
    if (constraints[1:] < constraints[:-1]).any():
        order = np.argsort(constraints, kind="stable")
        chosen, constraints = chosen[order], constraints[order]
    starts = np.zeros(zkey.domain_size + 1, dtype=np.int64)
    np.cumsum(np.bincount(constraints, minlength=zkey.domain_size), out=starts[1:])
    values = np.empty((len(chosen), 4), dtype=np.uint64)
    factor = pow(_FILE_FACTOR, -1, R_MODULUS)
    for begin in range(0, len(chosen), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        values[part] = _scaled(rows["value"][chosen[part]], factor)
    return SparseMatrix(starts, rows["wire"][chosen].astype(np.uint32), values)


def _scaled(words: NDArray[np.uint64], factor: int) -> NDArray[np.uint64]:
    """factor·x for each row of words below r."""
    blocks = fr.from_array(np.ascontiguousarray(words, dtype=np.uint64))
    return fr.to_limbs(fr.mul(blocks, factor), len(words))


def release(part: NDArray[Any]) -> None:
    """Give back the memory of a part of a file that is mapped for reading: it is read again if it is used again.

    Nothing happens to other arrays.
    """
    whole: Any = part
    while isinstance(whole, np.ndarray) and not isinstance(whole, np.memmap):
        whole = whole.base
    mapping = getattr(whole, "_mmap", None)
    if not isinstance(mapping, mmap.mmap) or whole.mode != "r" or not hasattr(mapping, "madvise"):
        return
    base = np.frombuffer(mapping, dtype=np.uint8)
    start = address(part) - address(base)
    begin = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
    size = (start + part.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE - begin
    if size > 0:
        mapping.madvise(mmap.MADV_DONTNEED, begin, size)
