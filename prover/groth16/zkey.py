"""Between .zkey files and proving keys."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np

from zkroll.algebra.curve import G1Points, G2Points
from zkroll.algebra.iden3 import Octets
from zkroll.circuits.r1cs.formats.zkey import HASH_BYTES, Ceremony, ZKey, coefficient_rows, read_zkey
from zkroll.circuits.r1cs.system import R1CS
from zkroll.errors import InputError
from zkroll.prover.groth16.key import ProvingKey, Wires, with_public_rows
from zkroll.prover.groth16.mapped_key import MappedKey

P = TypeVar("P", G1Points, G2Points)


def open_proving_key(path: Path | str, *, check: bool = False, threads: int | None = None) -> ProvingKey:
    """Return the proving key in a .zkey file.

    Points are brought into the form that sums need, a section at a time, and the file's memory is given back:
    the key takes as much memory as its points do in the file; `map_proving_key` takes less. All points must be
    on their curve; `check` looks whether they are of order r as well, which takes longer than a proof does.
    Raises InputError as `read_zkey` does, for a point that is not on its curve, and for keys without a
    contribution.
    """
    return from_zkey(read_zkey(path), check=check, threads=threads)


def from_zkey(zkey: ZKey, *, check: bool = False, threads: int | None = None) -> ProvingKey:
    """Return the proving key of a .zkey file that has been read; see `open_proving_key`."""
    mapped = MappedKey.of(zkey, check=check, threads=threads)
    reader = mapped.reader(threads, keep=True)
    a, a_wires = reader.finite_g1("a")
    b_1, b_wires = reader.finite_g1("b_1")
    b_2, _ = reader.g2()
    return ProvingKey(
        **mapped.head,
        a_wires=a_wires,
        a=a,
        b_wires=b_wires,
        b_1=b_1,
        b_2=b_2,
        c=reader.g1("c")[0],
        h=reader.g1("h")[0],
    )


def map_proving_key(path: Path | str, *, check: bool = False, threads: int | None = None) -> MappedKey:
    """Return the proving key in a .zkey file, whose points stay there: each proof reads them anew.

    That takes a twentieth of the time of a proof, and memory for one section of points instead of all of them.
    A point that is not on its curve is found by the proof that reads it. Otherwise as `open_proving_key`.
    """
    return MappedKey.of(read_zkey(path), check=check, threads=threads)


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
        coefficients=coefficient_rows(with_public_rows(r1cs.A, r1cs.n_public), r1cs.B),
        a=octets(key.a, key.a_wires),
        b1=octets(key.b_1, key.b_wires),
        b2=octets(key.b_2, key.b_wires),
        c=octets(key.c),
        h=octets(key.h),
        ceremony=Ceremony(bytes(HASH_BYTES)),
    )


def _with_infinity(points: P, numbers: Wires, n: int) -> P:
    """The n points of which those that are not infinity have these numbers."""
    if points.n == n:
        return points
    rows = np.zeros((n, points.row_words()), dtype=np.uint64)
    rows[numbers] = points.rows
    return type(points)(rows)
