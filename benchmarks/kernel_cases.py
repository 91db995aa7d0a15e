"""The rows of the kernel benchmark: what is run, how many field multiplications that is, the figure to reach.

Multiplications are counted as the method needs them, whatever the code does: a product whose reduction is
shared with others counts like any. One in Fq2 counts three, a square in Fq2 two.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from contest import Contestant, Local, Process, repeated
from kernel_inputs import Inputs, checksum, hex_point, hex_point_g2

from zkroll.algebra import ntt
from zkroll.algebra.curve import GENERATOR, G1Points, G2Points, fixed_base_g1, fixed_base_g2
from zkroll.algebra.field import Block, PrimeField, address, fq, fr
from zkroll.algebra.kernels.msm_kernels import window_count
from zkroll.algebra.msm import Scalars, choose_window, msm_g1, msm_g2
from zkroll.algebra.pairing import pairing_product_is_one, products_are_one
from zkroll.algebra.poseidon import poseidon_hash
from zkroll.algebra.reference.poseidon import FULL_ROUNDS, round_constants

MS = 1e6  # nanoseconds
AFFINE_ADDITION = {1: 6, 2: 17}  # by degree: 5 products and a square, the inversion shared by the whole batch
BUCKET_SUM = {1: 24, 2: 72}  # two complete additions of 12 products
FIXED_BASE_WINDOW = 10  # bits that one addition from the table deals with
GROTH16_PAIRS = 4  # in the check of one proof
FULL_BITS = 253  # of min(s, r - s)
PORTABLE = Path(__file__).parent / "peers" / "portable.py"
AVX2_ONLY = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+bmi2"}


@dataclass(frozen=True)
class Case:
    """One row, ready to run. Times are shown per unit; `work` is multiplications per unit, None where they do
    not set the time."""

    ours: Contestant
    units: int
    work: float | None
    why: str  # the derivation of `work`
    goal: float | None  # nanoseconds per unit
    threads: int
    goal_ratio: float | None = None  # of the best peer's time to ours
    task: tuple[str, ...] = ()  # for peers: TASK and its arguments; empty: there is nothing to compare


@dataclass(frozen=True)
class Row:
    """A name and a size, and how to make the case; long ones are left out of a quick run."""

    name: str
    size: str
    make: Callable[[Inputs, int], Case]
    long: bool = False

    @property
    def label(self) -> str:
        return f"{self.name} {self.size}"


# ---- counts ------------------------------------------------------------------------------------------------


def msm_work(n: int, bits: int, degree: int = 1) -> tuple[float, str]:
    """Multiplications of a bucket MSM of n points with the window that zkroll chooses, and why."""
    window = choose_window(n, bits)
    windows, buckets = window_count(bits, window), 1 << (window - 1)
    addition, total = AFFINE_ADDITION[degree], BUCKET_SUM[degree]
    work = windows * (addition * max(0, n - buckets) + total * buckets)
    why = f"windows: {windows} × ({addition}·(n - {buckets} first points) + {total}·{buckets} buckets)"
    return float(work), why


def fixed_base_work(degree: int) -> tuple[float, str]:
    """Multiplications of one multiple of a fixed point, and why."""
    windows, addition = window_count(FULL_BITS, FIXED_BASE_WINDOW), AFFINE_ADDITION[degree]
    return float(addition * windows), f"{windows} additions × {addition}, {FIXED_BASE_WINDOW} bits each"


def ntt_work(log_n: int, columns: int = 1) -> float:
    """n/2·log2 n butterflies of one multiplication, for each column."""
    return float(columns * (log_n << log_n) / 2)


def poseidon_work(width: int) -> tuple[int, str]:
    """Multiplications of one permutation with sparse matrices in the partial rounds, and why."""
    partial = len(round_constants(width)) - FULL_ROUNDS
    work = FULL_ROUNDS * (3 * width + width * width) + partial * (3 + 2 * width - 1)
    why = f"{FULL_ROUNDS} full rounds × (3·{width} + {width}²) + {partial} partial ones × (3 + 2·{width} - 1)"
    return work, why


def pairing_work(pairs: int) -> tuple[int, str]:
    """Multiplications of one check of a product of pairings, and why.

    6x + 2 has 66 signed digits, 22 of them not zero. A line takes 25 to double or 41 to add (Aranha and others,
    2011) and 39 to multiply into the product. The final exponentiation has three powers to x, each of 62
    cyclotomic squarings of 18 and 16 products of 54, 15 more products, 4 squarings, 6 Frobenius maps of 15, and
    an inversion of about 400.
    """
    lines = 65 * (25 + 39) + (21 + 2) * (41 + 39)
    final = 3 * (62 * 18 + 16 * 54) + 15 * 54 + 4 * 18 + 6 * 15 + 400
    why = f"{pairs} pairs × {lines} in lines + 64 squarings × 36 + {final} in the final exponentiation"
    return pairs * lines + 64 * 36 + final, why


# ---- field -------------------------------------------------------------------------------------------------


def _elementwise(field: PrimeField, operation: str, log_n: int) -> Callable[[Inputs, int], Case]:
    def make(inputs: Inputs, threads: int) -> Case:
        del threads
        n = 1 << log_n
        passes = (1 << 22) // n
        a, b = (inputs.elements(field, n, label) for label in "ab")
        out = np.empty_like(a)
        loop = repeated(getattr(field.kernels, operation))
        files = (inputs.element_file(field, value, n, label) for value, label in ((a, "a"), (b, "b")))
        multiplies = operation == "mul"
        return Case(
            ours=Local(
                lambda: loop(address(out), address(a), address(b), len(out), passes),
                lambda _: checksum(field, out, n),
            ),
            units=n * passes,
            work=1.0 if multiplies else None,
            why="itself" if multiplies else "none",
            goal=3.2 if multiplies else None,
            threads=1,
            task=(f"{operation}-{field.params.name}", str(passes), *files),
        )

    return make


def _inverse(inputs: Inputs, threads: int) -> Case:
    del threads
    n, passes = 1 << 16, 8
    a = inputs.elements(fr, n, "a")
    out = np.empty_like(a)

    def run() -> None:
        for _ in range(passes):
            fr.batch_inverse(a, out=out, threads=1)

    file = inputs.element_file(fr, a, n, "a")
    return Case(
        ours=Local(run, lambda _: checksum(fr, out, n)), units=n * passes, work=3.0,
        why="3: a running product, and two on the way back", goal=None, threads=1,
        task=("inverse-fr", str(passes), file, file),
    )  # fmt: skip


def _portable(environment: dict[str, str]) -> Callable[[Inputs, int], Case]:
    def make(inputs: Inputs, threads: int) -> Case:
        del threads
        n, passes = 1 << 12, 1 << 8
        files = [inputs.element_file(fr, inputs.elements(fr, n, label), n, label) for label in "ab"]
        command = [sys.executable, str(PORTABLE), "mul-fr", "1", str(passes), *files]
        return Case(
            ours=Process(command, {"ZKROLL_BACKEND": "portable", **environment}),
            units=n * passes, work=None, why="one, by other instructions than the rate's", goal=None, threads=1,
            goal_ratio=1 / 1.3,
            task=("mul-fr-scalar", str(passes), *files),
        )  # fmt: skip

    return make


# ---- groups ------------------------------------------------------------------------------------------------


def _msm_g1(log_n: int, goal_ms: float | None, bits: int = FULL_BITS) -> Callable[[Inputs, int], Case]:
    def make(inputs: Inputs, threads: int) -> Case:
        n = 1 << log_n
        points: G1Points = inputs.points_g1(n)
        scalars: Scalars = inputs.elements(fr, n, "scalars")
        if bits < FULL_BITS:
            scalars = np.random.default_rng(n).integers(0, 1 << bits, n).astype(np.uint64)
        block: Block = scalars if scalars.ndim == 3 else fr.from_array(scalars)
        files = (inputs.points_g1_file(n), inputs.element_file(fr, block, n, f"scalars{bits}"))
        work, why = msm_work(n, bits)
        return Case(
            ours=Local(lambda: msm_g1(points, scalars, n, threads), hex_point),
            units=1, work=work, why=why, goal=None if goal_ms is None else goal_ms * MS, threads=threads,
            goal_ratio=None if bits < FULL_BITS else 3.0, task=("msm-g1", *files),
        )  # fmt: skip

    return make


def _msm_g2(log_n: int, goal_ms: float) -> Callable[[Inputs, int], Case]:
    def make(inputs: Inputs, threads: int) -> Case:
        n = 1 << log_n
        points, scalars = inputs.points_g2(n), inputs.elements(fr, n, "scalars")
        files = (inputs.points_g2_file(n), inputs.element_file(fr, scalars, n, f"scalars{FULL_BITS}"))
        work, why = msm_work(n, FULL_BITS, 2)
        return Case(
            ours=Local(lambda: msm_g2(points, scalars, n, threads), hex_point_g2), units=1, work=work, why=why,
            goal=goal_ms * MS, threads=threads, task=("msm-g2", *files),
        )  # fmt: skip

    return make


def _pairing(inputs: Inputs, threads: int) -> Case:
    pairs = inputs.pairs(GROTH16_PAIRS)
    work, why = pairing_work(GROTH16_PAIRS)
    return Case(
        ours=Local(lambda: pairing_product_is_one(pairs, threads=threads), lambda one: f"{int(one):02x}"), units=1,
        work=float(work), why=why, goal=1.5 * MS, threads=threads,
        task=("pairing-checks", inputs.pair_file(GROTH16_PAIRS), str(GROTH16_PAIRS)),
    )  # fmt: skip


def _pairing_batch(inputs: Inputs, threads: int) -> Case:
    proofs = 100
    pairs = inputs.pairs(GROTH16_PAIRS) * proofs
    left, right = G1Points.from_ints(p for p, _ in pairs), G2Points.from_ints(q for _, q in pairs)
    work, why = pairing_work(GROTH16_PAIRS)
    return Case(
        ours=Local(
            lambda: products_are_one(left, right, GROTH16_PAIRS, threads=threads),
            lambda flags: bytes(flags.astype(np.uint8)).hex(),
        ),
        units=proofs, work=float(work), why=why, goal=0.3 * MS, threads=threads,
        task=("pairing-checks", inputs.pair_file(GROTH16_PAIRS, proofs), str(GROTH16_PAIRS)),
    )  # fmt: skip


def _fixed_base_g1(inputs: Inputs, threads: int) -> Case:
    del threads
    n = 1 << 16
    scalars = inputs.elements(fr, n, "scalars")
    ones = np.ones(n, dtype=np.uint8)
    work, why = fixed_base_work(1)
    return Case(
        ours=Local(
            lambda: fixed_base_g1(scalars, n, GENERATOR, 1), lambda points: hex_point(msm_g1(points, ones))
        ),
        units=n, work=work, why=why, goal=1200.0, threads=1,
        task=("fixed-base-g1", inputs.element_file(fr, scalars, n, f"scalars{FULL_BITS}")),
    )  # fmt: skip


def _fixed_base_g2(inputs: Inputs, threads: int) -> Case:
    del threads
    n = 1 << 16
    scalars = inputs.elements(fr, n, "scalars")
    ones = np.ones(n, dtype=np.uint8)
    work, why = fixed_base_work(2)
    return Case(
        ours=Local(
            lambda: fixed_base_g2(scalars, n, threads=1), lambda points: hex_point_g2(msm_g2(points, ones))
        ),
        units=n, work=work, why=why, goal=None, threads=1,
        task=("fixed-base-g2", inputs.element_file(fr, scalars, n, f"scalars{FULL_BITS}")),
    )  # fmt: skip


# ---- transforms and hashes ---------------------------------------------------------------------------------


def _ntt(log_n: int, columns: int, goal_ms: float) -> Callable[[Inputs, int], Case]:
    def make(inputs: Inputs, threads: int) -> Case:
        n = columns << log_n
        source = inputs.elements(fr, n, "column")
        data = source.reshape(columns, -1, *source.shape[1:]).copy()
        return Case(
            ours=Local(
                lambda: ntt.forward(data, 1, threads),
                lambda _: checksum(fr, data, n),
                lambda: np.copyto(data, source.reshape(data.shape)),
            ),
            units=1, work=ntt_work(log_n, columns), why=f"{columns} × n/2·log₂ n", goal=goal_ms * MS,
            threads=threads, task=("ntt", inputs.element_file(fr, source, n, "column"), str(log_n)),
        )  # fmt: skip

    return make


def _poseidon(inputs: Inputs, threads: int) -> Case:
    del threads
    n = 1 << 13
    columns = [inputs.elements(fr, n, label) for label in "ab"]
    work, why = poseidon_work(3)
    return Case(
        ours=Local(lambda: poseidon_hash(columns, n, 1), lambda out: checksum(fr, out, n)), units=n,
        work=float(work), why=why, goal=2000.0, threads=1,
    )  # fmt: skip


def rows() -> Sequence[Row]:
    """All rows that this machine and this version can run."""
    found = [
        Row("Fr multiplication, L1", "2^8", _elementwise(fr, "mul", 8)),
        Row("Fr multiplication, L2", "2^12", _elementwise(fr, "mul", 12)),
        Row("Fq multiplication, L1", "2^8", _elementwise(fq, "mul", 8)),
        Row("Fq multiplication, L2", "2^12", _elementwise(fq, "mul", 12)),
        Row("Fr addition, L2", "2^12", _elementwise(fr, "add", 12)),
        Row("Fr batch inverse", "2^16", _inverse),
        Row("portable Fr multiplication", "2^12", _portable({})),
    ]
    if platform.machine() == "x86_64":
        found.append(Row("portable Fr multiplication, AVX2", "2^12", _portable(AVX2_ONLY)))
    return [
        *found,
        Row("MSM G1", "2^16", _msm_g1(16, 40.0)),
        Row("MSM G1", "2^18", _msm_g1(18, None)),
        Row("MSM G1", "2^20", _msm_g1(20, 480.0), long=True),
        Row("MSM G1, 8-bit scalars", "2^20", _msm_g1(20, 60.0, 8), long=True),
        Row("MSM G2", "2^16", _msm_g2(16, 100.0)),
        Row("MSM G2", "2^18", _msm_g2(18, 350.0), long=True),
        Row("pairing check, 4 pairs", "1", _pairing),
        Row("pairing check, 4 pairs", "100", _pairing_batch),
        Row("fixed-base G1", "2^16", _fixed_base_g1),
        Row("fixed-base G2", "2^16", _fixed_base_g2),
        Row("NTT", "2^20", _ntt(20, 1, 33.0)),
        Row("NTT", "64 × 2^16", _ntt(16, 64, 110.0)),
        Row("Poseidon t = 3", "2^13", _poseidon),
    ]
