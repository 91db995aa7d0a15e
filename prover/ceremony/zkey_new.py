"""The proving key of a circuit before any contribution: phase 2 begins.

From the Lagrange points of a .ptau file, with A_i, B_i, C_i the polynomials of wire i over the domain:

    A, B1  [A_i(τ)]₁, [B_i(τ)]₁     B2  [B_i(τ)]₂     IC, C  [β·A_i(τ) + α·B_i(τ) + C_i(τ)]₁     H  [L_(2j+1)(τ)]₁ of twice the domain

γ = δ = 1, so that anyone can forge proofs for this key until somebody has contributed. It depends on nothing else,
and the file has the same bytes as snarkjs's. Source: snarkjs, src/zkey_new.js (read for the layout).
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np

from zkroll.algebra.curve import GENERATOR, GENERATOR_G2, G1Points, G2Points
from zkroll.algebra.iden3 import Octets
from zkroll.algebra.progress import Progress, quiet
from zkroll.algebra.ptau import ALPHA_TAU_G1, BETA_TAU_G1, TAU_G1, TAU_G2
from zkroll.algebra.sparse_points import Terms, sparse_sums
from zkroll.circuits.r1cs.formats import zkey as formats
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs
from zkroll.circuits.r1cs.formats.zkey import Ceremony, ZKey, coefficient_rows, write_zkey
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.circuits.r1cs.system import R1CS
from zkroll.errors import InputError
from zkroll.prover.ceremony.circuit_hash import KeyParts, circuit_hash
from zkroll.prover.ceremony.prepared import PreparedPowers, open_prepared
from zkroll.prover.groth16.key import log_domain_of, with_public_rows

P = TypeVar("P", G1Points, G2Points)

#: the order in which snarkjs writes the sections of a new key
SECTION_ORDER = (
    *(formats.PROTOCOL, formats.HEADER, formats.COEFFICIENTS, formats.IC, formats.H),
    *(formats.C, formats.A, formats.B1, formats.B2, formats.CONTRIBUTIONS),
)


def new_zkey(
    circuit: Path | str,
    powers: Path | str,
    output: Path | str,
    *,
    threads: int | None = None,
    progress: Progress = quiet,
) -> ZKey:
    """Write the first .zkey of a circuit (.r1cs) from prepared powers of τ (.ptau), and return the key.

    Raises InputError for a damaged file, powers that are not prepared or too few, and an output that cannot be
    written; then no file is left.
    """
    progress("reading the powers", 0.0, "")
    prepared = open_prepared(powers)
    progress("reading the circuit", 0.01, "")
    key = initial_key(read_r1cs(circuit, threads), prepared, threads=threads, progress=progress)
    progress("writing the key", 0.95, "")
    write_zkey(key, output, SECTION_ORDER)
    progress("writing the key", 1.0, "")
    return key


def initial_key(
    system: R1CS,
    powers: PreparedPowers,
    *,
    threads: int | None = None,
    progress: Progress = quiet,
) -> ZKey:
    """Return the key of a circuit before any contribution.

    Raises InputError for powers that do not reach for the circuit, with the power that would, and for points of
    the .ptau file that are outside their groups.
    """
    log_domain = max(1, log_domain_of(system))  # as snarkjs has it
    if log_domain > powers.power:
        raise InputError(
            f"{powers.file.path}: the circuit has {system.n_constraints} constraints and {system.n_public} public "
            f"signals: expected powers of tau of power {log_domain} at least, got power {powers.power}"
        )
    domain, wires, public = 1 << log_domain, system.n_wires, system.n_public
    matrix_a = with_public_rows(system.A, public)

    progress("Lagrange points", 0.05, "")
    basis, of_alpha, of_beta = (
        powers.lagrange(G1Points, section, log_domain, threads)
        for section in (TAU_G1, ALPHA_TAU_G1, BETA_TAU_G1)
    )
    progress("IC and C", 0.15, f"{matrix_a.n_terms + system.B.n_terms + system.C.n_terms} terms")
    combined = sparse_sums(
        [_terms(of_beta, matrix_a), _terms(of_alpha, system.B), _terms(basis, system.C)], wires, threads
    )
    del of_alpha, of_beta
    progress("A", 0.4, f"{matrix_a.n_terms} terms")
    a = sparse_sums([_terms(basis, matrix_a)], wires, threads)
    progress("B1", 0.5, f"{system.B.n_terms} terms")
    b1 = sparse_sums([_terms(basis, system.B)], wires, threads)
    del basis
    progress("B2", 0.6, f"{system.B.n_terms} terms")
    b2 = sparse_sums(
        [_terms(powers.lagrange(G2Points, TAU_G2, log_domain, threads), system.B)], wires, threads
    )
    progress("H", 0.85, f"{domain} points")
    h = powers.quotient_points(log_domain, threads)
    parts = KeyParts(combined[: public + 1], combined[public + 1 :], a, b1, b2)
    progress("circuit hash", 0.9, "")
    digest = circuit_hash(parts, powers, domain, threads)
    return ZKey(
        n_wires=wires,
        n_public=public,
        domain_size=domain,
        alpha1=powers.alpha,
        beta1=powers.beta,
        beta2=powers.beta_2,
        gamma2=GENERATOR_G2,
        delta1=GENERATOR,
        delta2=GENERATOR_G2,
        ic=tuple(parts.ic.to_ints()),
        coefficients=coefficient_rows(matrix_a, system.B),
        a=_octets(a, threads),
        b1=_octets(b1, threads),
        b2=_octets(b2, threads),
        c=_octets(parts.c, threads),
        h=h,
        ceremony=Ceremony(digest),
    )


def _terms(points: P, matrix: SparseMatrix) -> Terms[P]:
    at = np.repeat(np.arange(matrix.n_rows, dtype=np.uint32), np.diff(matrix.starts))
    return Terms(points, at, matrix.wires, matrix.coefficients)


def _octets(points: P, threads: int | None) -> Octets:
    data = np.frombuffer(points.to_bytes("iden3", threads), dtype=np.uint8)
    return data.reshape(points.n, 8 * points.row_words())
