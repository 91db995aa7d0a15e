"""Proving keys whose points stay in their .zkey files."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import aligned
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.curve import G1Points, G2Points, is_in_subgroup
from zkroll.algebra.field import blocks_for
from zkroll.algebra.iden3 import Octets, release
from zkroll.algebra.kernels.emit import LANES
from zkroll.algebra.point_encoding import read_iden3
from zkroll.circuits.r1cs.coefficients import collect, scaled
from zkroll.circuits.r1cs.formats.zkey import FILE_FACTOR, ZKey
from zkroll.circuits.r1cs.sparse import ProductPlan
from zkroll.errors import InputError
from zkroll.prover.groth16.key import Key, Section, Wires
from zkroll.verifier.groth16 import VerifyingKey

P = TypeVar("P", G1Points, G2Points)

_MOSTLY = 3 / 4  # of the points of a section: less are copied, so as not to hold memory for all
_NAMES = {"a": "A", "b_1": "B1", "b_2": "B2", "c": "C", "h": "H"}


@dataclass(frozen=True)
class MappedKey(Key):
    """A key whose points are read from its file, a section at a time, by each proof that wants them.

    `check` looks whether points are of order r, beside whether they are on their curve.
    """

    zkey: ZKey
    check: bool = False

    @classmethod
    def of(cls, zkey: ZKey, *, check: bool = False, threads: int | None = None) -> MappedKey:
        """Return the key of a file that has been read.

        Raises InputError for coefficients out of range and for a key without a contribution.
        """
        vk = VerifyingKey.from_parts(zkey.verification_key)
        products_a, products_b = _products(zkey, threads)
        return cls(
            vk=vk,
            log_domain=zkey.power,
            n_wires=zkey.n_wires,
            beta_1=zkey.beta1,
            delta_1=zkey.delta1,
            products_a=products_a,
            products_b=products_b,
            zkey=zkey,
            check=check,
        )

    @property
    def head(self) -> dict[str, Any]:
        """The fields that all keys have."""
        return {field.name: getattr(self, field.name) for field in fields(Key)}

    def reader(self, threads: int | None = None, *, keep: bool = False) -> SectionReader:
        """Return what gives the points to one proof; with `keep` they stay valid."""
        return SectionReader(self.zkey, self.check, threads, keep=keep)


class SectionReader:
    """Reads the points of one section at a time, all into the same memory unless they are to be kept."""

    def __init__(self, zkey: ZKey, check: bool, threads: int | None, *, keep: bool):
        self._zkey, self._check, self._threads = zkey, check, threads
        self._memory: NDArray[np.uint64] | None = None
        if not keep:
            room = max(
                LANES * blocks_for(len(part)) * part.shape[1]
                for part in (zkey.a, zkey.b1, zkey.b2, zkey.c, zkey.h)
            )
            self._memory = aligned.empty(room // 8)
        self._b_wires: Wires | None = None

    def g1(self, section: Section) -> tuple[G1Points, Wires | None]:
        """Return the points of a section, and the wires whose values multiply them: None for all in order."""
        if section in ("a", "b_1"):
            return self.finite_g1(section)
        part = self._zkey.c if section == "c" else self._zkey.h
        return self._read(G1Points, part, section, finite=False)[0], None

    def finite_g1(self, section: Section) -> tuple[G1Points, Wires]:
        """Return the points of A or B1 other than infinity, and their wires."""
        points, wires = self._read(G1Points, self._zkey.a if section == "a" else self._zkey.b1, section)
        if section == "b_1":
            self._b_wires = wires
        return points, wires

    def g2(self) -> tuple[G2Points, Wires]:
        """Return the points of B2 other than infinity, and their wires: those of B1, or InputError is raised."""
        points, wires = self._read(G2Points, self._zkey.b2, "b_2")
        if self._b_wires is not None and not np.array_equal(wires, self._b_wires):
            raise InputError("zkey: B1 and B2: expected infinity at the same wires")
        return points, wires

    def _read(self, kind: type[P], part: Octets, section: str, *, finite: bool = True) -> tuple[P, Wires]:
        out = None
        if self._memory is not None:
            words = kind.row_words()
            out = self._memory[: LANES * blocks_for(len(part)) * words].reshape(-1, words)
        try:
            rows, numbers = read_iden3(
                kind.group,
                part,
                finite=finite,
                threads=self._threads,
                out=out,
                done=lambda first, last: release(part[first:last]),
            )
        except InputError as error:
            raise InputError(f"zkey: {_NAMES[section]}: {error}: a damaged file") from error
        if out is None and len(rows) < _MOSTLY * len(part):
            rows = rows.copy()  # lets go of the memory behind the last of them
        points = kind(rows)
        if self._check and kind is G2Points:  # of the points on its curve, not all are of order r
            right = is_in_subgroup(points, self._threads)
            if not right.all():
                number = int(numbers[int(np.argmin(right))])
                raise InputError(f"zkey: {_NAMES[section]}: point {number}: expected a point of order r")
        return points, numbers


def _products(zkey: ZKey, threads: int | None) -> list[ProductPlan]:
    """A and B ready for products."""
    try:
        matrices = collect(zkey.coefficients, zkey.domain_size, zkey.n_wires, threads)
    except InputError as error:
        raise InputError(f"zkey: coefficients: {error}") from error
    release(zkey.coefficients)
    factor = pow(FILE_FACTOR, -1, R_MODULUS)
    return [
        ProductPlan.of_entries(starts, entries, scaled(values, factor), zkey.n_wires)
        for starts, entries, values in matrices
    ]
