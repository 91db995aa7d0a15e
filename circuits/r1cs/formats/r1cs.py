""".r1cs files: the constraints of a circuit, as circom writes them.

Sections (see `zkroll.algebra.iden3` for the container): 1, the header (bytes of an element, prime, wires,
public outputs, public inputs, private inputs (4 bytes each), labels (8 bytes), constraints (4 bytes)); 2, for
each constraint its three linear combinations A, B, C: the number of terms (4 bytes), then wire (4 bytes) and
coefficient (32 bytes, canonical) of each; 3, for each wire its label (8 bytes); 4 and 5, custom gates, which only
PLONK has. Source: iden3/r1csfile, doc/r1cs_bin_format.md.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.iden3 import FIELD_BYTES, Octets, SectionFile, open_sections, write_sections
from zkroll.algebra.kernels import r1cs_kernels as kernels
from zkroll.algebra.kernels.r1cs_kernels import COUNT_BYTES, MATRICES, TERM_BYTES, WORDS
from zkroll.algebra.kernels.threads import map_ranges
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.circuits.r1cs.system import R1CS, check_counts
from zkroll.errors import InputError

VERSION = 1
HEADER, CONSTRAINTS, LABELS, GATES, GATE_USES = range(1, 6)
LABEL_BYTES = 8

_GRAIN = 4096  # constraints
_CHUNK_BYTES = 1 << 24  # of constraints, written at once
_NAMES = "ABC"


def read_r1cs(path: Path | str, threads: int | None = None) -> R1CS:
    """Return the constraint system in a .r1cs file.

    Raises InputError for a damaged file, another prime than r of BN254, custom gates, and (with the
    constraint's number) a wire that does not exist or a coefficient that is not below r. Nothing is allocated
    that the file is not long enough for.
    """
    file = open_sections(path, "r1cs", [VERSION], [HEADER, CONSTRAINTS, LABELS])
    _refuse_gates(file)
    header = file.fields(HEADER)
    header.prime(R_MODULUS, "r", "prime")
    n_wires, n_outputs, n_public, n_private = (
        header.u32(name) for name in ("wires", "public outputs", "public inputs", "private inputs")
    )
    n_labels, n_constraints = header.integer(8, "labels"), header.u32("constraints")
    header.end()
    try:
        check_counts(n_wires, n_outputs, n_public, n_private, n_labels)
    except InputError as error:
        raise file.error(HEADER, str(error)) from error
    labels = file.exactly(LABELS, LABEL_BYTES * n_wires).copy().view("<u8").astype(np.uint64, copy=False)
    if bool((labels >= max(n_labels, 1)).any()):
        at = int(np.argmax(labels >= max(n_labels, 1)))
        raise file.error(LABELS, f"wire {at}: expected a label below {n_labels}, got {labels[at]}")
    a, b, c = _read_matrices(file, n_constraints, n_wires, threads)
    return R1CS(n_wires, n_outputs, n_public, n_private, a, b, c, n_labels, labels)


def _refuse_gates(file: SectionFile) -> None:
    for number in (GATES, GATE_USES):
        if number in file and file.content(number).any():
            raise file.error(number, "expected no custom gates: they exist in PLONK only, not in Groth16")


def _read_matrices(
    file: SectionFile, n: int, n_wires: int, threads: int | None
) -> tuple[SparseMatrix, SparseMatrix, SparseMatrix]:
    data = file.content(CONSTRAINTS)
    if len(data) < MATRICES * COUNT_BYTES * n:
        raise file.error(
            CONSTRAINTS,
            f"expected {MATRICES * COUNT_BYTES * n} bytes at least for {n} constraints, got {len(data)}",
        )
    begins = np.zeros(n + 1, dtype=np.int64)
    starts = np.zeros((MATRICES, n + 1), dtype=np.int64)
    status = np.zeros(kernels.STATUS, dtype=np.int64)
    kernels.scan(data, begins, starts, status)
    if status[0] != kernels.FINE:
        _refuse(file, data, status, n_wires)
    if begins[n] != len(data):
        raise file.error(CONSTRAINTS, f"expected {begins[n]} bytes for {n} constraints, got {len(data)}")
    a, b, c = (_read_matrix(file, data, begins, starts[i], i, n_wires, threads) for i in range(MATRICES))
    return a, b, c


def _read_matrix(
    file: SectionFile,
    data: Octets,
    begins: NDArray[np.int64],
    starts: NDArray[np.int64],
    matrix: int,
    n_wires: int,
    threads: int | None,
) -> SparseMatrix:
    terms = int(starts[-1])
    wires = np.empty(terms, dtype=np.uint32)
    coefficients = np.empty((terms, WORDS), dtype=np.uint64)
    found: list[NDArray[np.int64]] = []
    lock = threading.Lock()

    def run(begin: int, end: int) -> None:
        status = np.zeros(kernels.STATUS, dtype=np.int64)
        kernels.fill(data, begins, starts, matrix, n_wires, wires, coefficients, status, begin, end)
        if status[0] != kernels.FINE:
            with lock:
                found.append(status)

    map_ranges(run, len(begins) - 1, threads, _GRAIN)
    if found:
        _refuse(file, data, min(found, key=lambda status: int(status[1])), n_wires)
    return SparseMatrix(np.ascontiguousarray(starts), wires, coefficients)


def _refuse(file: SectionFile, data: Octets, status: NDArray[np.int64], n_wires: int) -> None:
    kind, constraint, matrix, at = (int(value) for value in status)
    place = f"constraint {constraint}, {_NAMES[matrix]}"
    if kind == kernels.TRUNCATED:
        raise file.error(
            CONSTRAINTS,
            f"{place}: expected its terms in the {len(data) - at} bytes left, got more: truncated",
        )
    wire = int.from_bytes(data[at : at + 4].tobytes(), "little")
    if kind == kernels.WIRE_TOO_LARGE:
        raise file.error(CONSTRAINTS, f"{place}: expected a wire below {n_wires}, got {wire}")
    value = int.from_bytes(data[at + 4 : at + TERM_BYTES].tobytes(), "little")
    raise file.error(CONSTRAINTS, f"{place}, wire {wire}: expected a coefficient below r, got {value}")


# ---- writing -----------------------------------------------------------------------------------------------


def write_r1cs(system: R1CS, path: Path | str) -> None:
    """Write a constraint system as a .r1cs file, in the order of sections that circom has.

    A system without labels gets those of a circuit that was not optimised: wire i is label i. Raises
    InputError when the file cannot be written.
    """
    labels = system.labels if len(system.labels) else np.arange(system.n_wires, dtype=np.uint64)
    n_labels = system.n_labels if len(system.labels) else max(system.n_labels, system.n_wires)
    if bool((labels >= n_labels).any()):
        raise InputError(f"R1CS: expected labels below {n_labels}, got {int(labels.max())}")
    header = FIELD_BYTES.to_bytes(4, "little") + R_MODULUS.to_bytes(FIELD_BYTES, "little")
    counts = (system.n_wires, system.n_outputs, system.n_public_inputs, system.n_private_inputs)
    header += b"".join(count.to_bytes(4, "little") for count in counts)
    header += n_labels.to_bytes(8, "little") + system.n_constraints.to_bytes(4, "little")
    write_sections(
        path,
        "r1cs",
        VERSION,
        [(CONSTRAINTS, _chunks(system)), (HEADER, [header]), (LABELS, [labels.astype("<u8")])],
    )


def _chunks(system: R1CS) -> Iterator[Octets]:
    """The bytes of the constraints, so many constraints at a time that they take about _CHUNK_BYTES."""
    n = system.n_constraints
    for matrix in system.matrices:
        matrix.check()
    terms = system.A.starts + system.B.starts + system.C.starts
    ends = TERM_BYTES * terms + MATRICES * COUNT_BYTES * np.arange(n + 1)
    begin = 0
    while begin < n:
        last = int(np.searchsorted(ends, ends[begin] + _CHUNK_BYTES, side="right")) - 1
        end = min(n, max(begin + 1, last))
        data = np.empty(int(ends[end] - ends[begin]), dtype=np.uint8)
        at = np.ascontiguousarray(ends[begin:end] - ends[begin])
        for matrix in system.matrices:
            kernels.put(data, at, matrix.starts, matrix.wires, matrix.coefficients, begin, end)
        yield data
        begin = end
