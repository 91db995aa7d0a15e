"""A development setup for Groth16, from secrets that anyone can derive again. Not for anything of value."""

from __future__ import annotations

import hashlib

import numpy as np

from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.algebra.curve import Point, fixed_base_g1, fixed_base_g2
from zkroll.algebra.field import Block, fr
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.circuits.r1cs.system import R1CS
from zkroll.errors import InputError
from zkroll.prover.groth16.key import ProvingKey, Wires, log_domain_of, with_public_rows
from zkroll.verifier.groth16 import VerifyingKey


def setup_insecure(r1cs: R1CS, seed: bytes, *, threads: int | None = None) -> ProvingKey:
    """Return a proving key (with its verifying key as `vk`) whose secrets are hashes of the seed.

    Whoever knows the seed can forge proofs: this is for tests and development. As in a .zkey file, γ is 1.
    Raises InputError for more constraints than the field has room for.
    """
    log_domain = log_domain_of(r1cs)
    n, wires, public = 1 << log_domain, r1cs.n_wires, r1cs.n_public
    tau, alpha, beta, delta = (_secret(seed, name, 2 * n) for name in ("tau", "alpha", "beta", "delta"))
    matrix_a = with_public_rows(r1cs.A, public)

    lagrange = fr.to_limbs(_lagrange(tau, log_domain, 1), n, threads)
    u, v, w = (_at_tau(matrix, wires, lagrange, threads) for matrix in (matrix_a, r1cs.B, r1cs.C))
    combined = u * beta + v * alpha + w
    inverse = pow(delta, -1, R_MODULUS)
    h = FrVector(_lagrange(tau, log_domain + 1, root_of_unity(log_domain + 1)), n) * inverse

    alpha_1, beta_1, delta_1 = _points([alpha, beta, delta])
    beta_2, gamma_2, delta_2 = fixed_base_g2(fr.from_ints([beta, 1, delta]), 3).to_ints()
    head, tail = combined[: public + 1], combined[public + 1 :] * inverse
    a_wires, in_a = _occurring(u)
    b_wires, in_b = _occurring(v)
    ic = tuple(fixed_base_g1(head.blocks, len(head), threads=threads).to_ints())
    return ProvingKey(
        vk=VerifyingKey(alpha_1, beta_2, gamma_2, delta_2, ic),
        log_domain=log_domain,
        n_wires=wires,
        beta_1=beta_1,
        delta_1=delta_1,
        products_a=matrix_a.plan,
        products_b=r1cs.B.plan,
        a_wires=a_wires,
        a=fixed_base_g1(in_a, len(a_wires), threads=threads),
        b_wires=b_wires,
        b_1=fixed_base_g1(in_b, len(b_wires), threads=threads),
        b_2=fixed_base_g2(in_b, len(b_wires), threads=threads),
        c=fixed_base_g1(tail.blocks, len(tail), threads=threads),
        h=fixed_base_g1(h.blocks, n, threads=threads),
    )


def _secret(seed: bytes, name: str, order: int) -> int:
    """A field element other than 0 whose power to `order` (that of a domain) is not one."""
    for counter in range(256):
        data = b"zkroll insecure Groth16 setup: " + name.encode() + bytes([counter]) + seed
        value = int.from_bytes(hashlib.sha512(data).digest(), "big") % R_MODULUS
        if value and pow(value, order, R_MODULUS) != 1:
            return value
    raise InputError("setup: no secret of this seed can be used")


def _occurring(values: FrVector) -> tuple[Wires, Block]:
    """The wires whose values are not zero, and these values."""
    wires = np.flatnonzero(~fr.is_zero(values.blocks, len(values)))
    if len(wires) == len(values):
        return wires, values.blocks
    return wires, fr.from_array(values.to_limbs()[wires])


def _points(scalars: list[int]) -> list[Point]:
    return fixed_base_g1(fr.from_ints(scalars), len(scalars)).to_ints()


def _lagrange(tau: int, log_domain: int, shift: int) -> Block:
    """The Lagrange polynomials of the domain of 2^log_domain at τ: those of all its points ω^i for shift 1,
    those of every second point shift·ω^2i otherwise, for shift = ω.

    L_x(τ) = x·(τ^n - 1)/(n·(τ - x)).
    """
    n = 1 << log_domain
    if shift == 1:
        points, count = fr.powers(root_of_unity(log_domain), n), n
    else:
        count = n // 2
        points = fr.mul(fr.powers(root_of_unity(log_domain - 1), count), shift)
    factor = (pow(tau, n, R_MODULUS) - 1) * pow(n, -1, R_MODULUS)
    return fr.mul(fr.mul(points, factor), fr.batch_inverse(fr.sub(tau, points)))


def _at_tau(matrix: SparseMatrix, wires: int, lagrange: Block, threads: int | None) -> FrVector:
    """Σ_j M_ji·L_j(τ) for every wire i."""
    order = np.argsort(matrix.wires, kind="stable")
    starts = np.zeros(wires + 1, dtype=np.int64)
    np.cumsum(np.bincount(matrix.wires, minlength=wires), out=starts[1:])
    rows = np.repeat(np.arange(matrix.n_rows, dtype=np.uint32), np.diff(matrix.starts))
    transposed = SparseMatrix(starts, rows[order], np.ascontiguousarray(matrix.coefficients[order]))
    return transposed.plan.run(lagrange, threads)
