"""Groth16 proofs: a deterministic core that takes r and s, and the wrapper that samples them.

A = [α]₁ + Σ w_i·[A_i]₁ + r·[δ]₁        B = [β]₂ + Σ w_i·[B_i]₂ + s·[δ]₂
C = Σ_{private} w_i·[(β·A_i + α·B_i + C_i)/δ]₁ + [h·Z/δ]₁ + s·A + r·B₁ - r·s·[δ]₁
"""

from __future__ import annotations

import secrets

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra import ntt
from zkroll.algebra.constants import R_MODULUS, root_of_unity
from zkroll.algebra.curve import G1Points, G2Points, Point, combination
from zkroll.algebra.field import Block, blocks_for, fr
from zkroll.algebra.kernels.emit import LANES
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.algebra.msm import msm_g1, msm_g2
from zkroll.algebra.progress import Progress, quiet
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.sparse import below_r
from zkroll.circuits.r1cs.system import R1CS
from zkroll.errors import InputError, ProvingError, UnprovableError
from zkroll.prover.groth16.key import Key, Wires
from zkroll.verifier.groth16 import Proof, verify

Words = NDArray[np.uint64]
Witness = FrVector | Words


_CONVERTED = 1 << 10  # blocks of values that are converted together: they stay in the second-level cache

#: share of the time before each stage, for 2^20 constraints and a witness of long values
_BEFORE = {"quotient": 0.0, "H": 0.08, "A": 0.23, "B1": 0.38, "B2": 0.54, "C": 0.85, "done": 1.0}


def prove(
    key: Key,
    witness: Witness,
    r: int,
    s: int,
    *,
    threads: int | None = None,
    progress: Progress = quiet,
) -> Proof:
    """Return the proof that r and s, uniform in 0..r-1, blind; the same arguments give the same proof.

    `witness` has a value for each wire: a vector, or rows of four words below r that may be mapped from a file.
    An unsatisfied one gives a proof that verifiers refuse; `prove_zk` finds that.
    Raises InputError for a witness of another length, with values not below r or a wire 0 that is not one.
    """
    w = _witness_words(key, witness)
    reader = key.reader(threads)
    progress("quotient", _BEFORE["quotient"], "")
    h = quotient_values(key, w, threads)
    progress("H", _BEFORE["H"], "")
    points, _ = reader.g1("h")
    H = msm_g1(points, h, n=key.n, threads=threads)
    del h
    values = fr.zeros(len(w))
    progress("A", _BEFORE["A"], "")
    points, wires = reader.g1("a")
    A_w = msm_g1(points, _scalars(values, w, wires, threads), points.n, threads)
    A = _sum([key.vk.alpha_1, A_w, key.delta_1], [1, 1, r])
    progress("B1", _BEFORE["B1"], "")
    points, wires = reader.g1("b_1")
    in_b = _scalars(values, w, wires, threads)
    B_1 = _sum([key.beta_1, msm_g1(points, in_b, points.n, threads), key.delta_1], [1, 1, s])
    progress("B2", _BEFORE["B2"], "")
    points_2, _ = reader.g2()
    B_w = msm_g2(points_2, in_b, points_2.n, threads)
    B = combination(G2Points.from_ints([key.vk.beta_2, B_w, key.vk.delta_2]), [1, 1, s])[0]
    progress("C", _BEFORE["C"], "")
    points, _ = reader.g1("c")
    C_w = msm_g1(points, _scalars(values, w[key.n_public + 1 :], None, threads), points.n, threads)
    C = _sum([C_w, H, A, B_1, key.delta_1], [1, 1, s, r, -r * s])
    progress("done", _BEFORE["done"], "")
    return Proof(A, B, C)


def prove_zk(
    key: Key,
    witness: Witness,
    *,
    r1cs: R1CS | None = None,
    check: bool = True,
    threads: int | None = None,
    progress: Progress = quiet,
) -> tuple[Proof, list[int]]:
    """Return a proof blinded with fresh randomness, and the public inputs that it is for.

    With `r1cs` the witness is checked against it first, and UnprovableError names the first constraint that it
    breaks; without, `check` verifies the proof (about a millisecond) and says only that there is one.
    Raises InputError as `prove` does.
    """
    public = public_inputs(key, witness)
    if r1cs is not None:
        progress("checking the witness", 0.0, "")
        vector = witness if isinstance(witness, FrVector) else FrVector.from_array(witness)
        violation = r1cs.first_violation(vector, threads)
        if violation is not None:
            raise UnprovableError(f"witness: {violation.describe()}")
    r, s = secrets.randbelow(R_MODULUS), secrets.randbelow(R_MODULUS)
    proof = prove(key, witness, r, s, threads=threads, progress=progress)
    if check and not verify(key.vk, public, proof):
        if r1cs is not None:
            raise ProvingError("prove: the witness satisfies the circuit, but the key is for another one")
        raise UnprovableError("witness: expected one that satisfies the circuit of the key, got another")
    return proof, public


def public_inputs(key: Key, witness: Witness) -> list[int]:
    """Return the values of wires 1 to n_public. Raises InputError when there are not so many."""
    if len(witness) != key.n_wires:
        raise InputError(
            f"witness: expected {key.n_wires} values, one for each wire of the key, got {len(witness)}: "
            "it belongs to another circuit"
        )
    head = witness[1 : key.n_public + 1]
    if isinstance(head, FrVector):
        return head.to_ints()
    return [int.from_bytes(row.tobytes(), "little") for row in head.astype("<u8")]


def quotient_values(key: Key, w: Words, threads: int | None = None) -> Block:
    """Return (A·B - C)(ω_2n^(2j+1)), j < n, as Fr blocks, where C is the polynomial of the values of A·B.

    These are the scalars of `key.h`: A·B - C is zero on the domain itself, so that the values on the other
    half of the larger one determine it.
    """
    a, b = (plan.blocks(w, key.n, threads, check=False) for plan in (key.products_a, key.products_b))
    c = fr.mul(a, b, threads=threads)
    shift = root_of_unity(key.log_domain + 1)
    for column in (a, b, c):
        ntt.inverse(column, threads=threads, log_n=key.log_domain)
        ntt.forward(column, shift, threads, log_n=key.log_domain)
    fr.mul(a, b, out=a, threads=threads)
    return fr.sub(a, c, out=a, threads=threads)


def _witness_words(key: Key, witness: Witness) -> Words:
    """The witness as (n_wires, 4) canonical words, checked."""
    words = witness.to_limbs() if isinstance(witness, FrVector) else np.asarray(witness)
    if words.ndim != 2 or words.shape[1:] != (4,) or words.dtype != np.uint64:
        raise InputError(f"witness: expected rows (n, 4) uint64, got {words.shape} {words.dtype}")
    if len(words) != key.n_wires:
        raise InputError(
            f"witness: expected {key.n_wires} values, one for each wire of the key, got {len(words)}: "
            "it belongs to another circuit"
        )
    below = below_r(words)
    if not below.all():
        raise InputError(f"witness: wire {int(np.argmin(below))}: expected a value below r")
    if words[0].tolist() != [1, 0, 0, 0]:
        raise InputError("witness: wire 0: expected 1, got another value")
    return words


def _scalars(out: Block, w: Words, wires: Wires | None, threads: int | None) -> Block:
    """The values of these wires, or of all, as blocks at the start of `out`.

    Sums would convert them once for each few windows, and large arrays made anew cost more than all this does.
    """
    if wires is not None and len(wires) == len(w):
        wires = None
    n = len(w) if wires is None else len(wires)

    def run(begin: int, end: int) -> None:
        for start in range(begin, end, _CONVERTED):
            stop = min(end, start + _CONVERTED)
            part = slice(LANES * start, min(n, LANES * stop))
            out[start:stop] = fr.from_array(w[part] if wires is None else w.take(wires[part], axis=0), 1)

    map_ranges(run, blocks_for(n), threads, _CONVERTED)
    return out[: blocks_for(n)]


def _sum(points: list[Point], scalars: list[int]) -> Point:
    """Σ scalars[i]·points[i] of a few points."""
    return combination(G1Points.from_ints(points), scalars)[0]
