"""Between .zkey files and proving keys."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.curve import G1Points, G2Points, is_in_subgroup
from zkroll.algebra.field import address
from zkroll.algebra.iden3 import Octets
from zkroll.algebra.point_encoding import read_iden3
from zkroll.circuits.r1cs.coefficients import collect, scaled
from zkroll.circuits.r1cs.formats.zkey import COEFFICIENT, HASH_BYTES, Ceremony, ZKey, read_zkey
from zkroll.circuits.r1cs.sparse import ProductPlan, SparseMatrix
from zkroll.circuits.r1cs.system import R1CS
from zkroll.errors import InputError
from zkroll.prover.groth16.key import ProvingKey, Wires, with_public_rows
from zkroll.verifier.groth16 import VerifyingKey

P = TypeVar("P", G1Points, G2Points)

# A file has value·2^512 mod r.
_FILE_FACTOR = (1 << 512) % R_MODULUS
_MOSTLY = 3 / 4  # of the points of a section: less are copied, so as not to hold memory for all


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
    products_a, products_b = _products(zkey, threads)

    def points(kind: type[P], part: Octets, name: str, *, finite: bool = True) -> tuple[Wires, P]:
        return _read_points(kind, part, name, finite=finite, check=check, threads=threads)

    a_wires, a = points(G1Points, zkey.a, "A")
    b_wires, b_1 = points(G1Points, zkey.b1, "B1")
    b_2_wires, b_2 = points(G2Points, zkey.b2, "B2")
    if not np.array_equal(b_wires, b_2_wires):
        raise InputError("zkey: B1 and B2: expected infinity at the same wires")
    _, c = points(G1Points, zkey.c, "C", finite=False)
    _, h = points(G1Points, zkey.h, "H", finite=False)
    return ProvingKey(
        vk=vk,
        log_domain=zkey.power,
        n_wires=zkey.n_wires,
        beta_1=zkey.beta1,
        delta_1=zkey.delta1,
        products_a=products_a,
        products_b=products_b,
        a_wires=a_wires,
        a=a,
        b_wires=b_wires,
        b_1=b_1,
        b_2=b_2,
        c=c,
        h=h,
    )


def _products(zkey: ZKey, threads: int | None) -> list[ProductPlan]:
    """A and B ready for products."""
    try:
        matrices = collect(zkey.coefficients, zkey.domain_size, zkey.n_wires, threads)
    except InputError as error:
        raise InputError(f"zkey: coefficients: {error}") from error
    release(zkey.coefficients)
    factor = pow(_FILE_FACTOR, -1, R_MODULUS)
    return [
        ProductPlan.of_entries(starts, entries, scaled(values, factor), zkey.n_wires)
        for starts, entries, values in matrices
    ]


def _read_points(
    kind: type[P],
    part: Octets,
    name: str,
    *,
    finite: bool,
    check: bool,
    threads: int | None,
    out: NDArray[np.uint64] | None = None,
) -> tuple[Wires, P]:
    """The points of a section, with `finite` only those other than infinity and which they are.

    Raises InputError for the first that is not on its curve or, with `check`, not of order r.
    """
    try:
        rows, numbers = read_iden3(
            kind.group,
            part,
            finite=finite,
            threads=threads,
            out=out,
            done=lambda first, last: release(part[first:last]),
        )
    except InputError as error:
        raise InputError(f"zkey: {name}: {error}: a damaged file") from error
    if out is None and len(rows) < _MOSTLY * len(part):
        rows = rows.copy()  # lets go of the memory behind the last of them
    points = kind(rows)
    if check and kind is G2Points:  # of the points on its curve, not all are of order r
        right = is_in_subgroup(points, threads)
        if not right.all():
            at = int(np.argmin(right))
            number = int(numbers[at]) if finite else at
            raise InputError(f"zkey: {name}: point {number}: expected a point of order r")
    return numbers, points


def _with_infinity(points: P, numbers: Wires, n: int) -> P:
    """The n points of which those that are not infinity have these numbers."""
    if points.n == n:
        return points
    rows = np.zeros((n, points.row_words()), dtype=np.uint64)
    rows[numbers] = points.rows
    return type(points)(rows)


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
    rows["value"] = scaled(matrix.coefficients, _FILE_FACTOR)
    return rows


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
