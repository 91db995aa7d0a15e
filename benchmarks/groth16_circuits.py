"""The circuits of the Groth16 benchmark, and their files: made once with a development key, then kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zkroll.algebra import eddsa
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference.poseidon import poseidon_hash as plain_poseidon
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.builder import Builder, compile_circuit
from zkroll.circuits.r1cs.formats.groth16_json import write_verification_key
from zkroll.circuits.r1cs.formats.r1cs import write_r1cs
from zkroll.circuits.r1cs.formats.wtns import write_wtns
from zkroll.circuits.r1cs.formats.zkey import write_zkey
from zkroll.circuits.r1cs.gadgets.bits import to_bits
from zkroll.circuits.r1cs.gadgets.eddsa import verify_eddsa
from zkroll.circuits.r1cs.gadgets.poseidon import poseidon_hash
from zkroll.circuits.r1cs.gadgets.select import select
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.circuits.r1cs.system import R1CS
from zkroll.errors import InputError
from zkroll.prover.groth16 import setup_insecure, to_zkey

START = 3  # x of the chain
#: rows of a chain's domain that are left for wire one, the public signals and a constraint of the peer's own
ROOM = 4
DEPTH = 20  # levels of a Merkle path
_FORMAT = "1"  # of the folders of files

Made = tuple[R1CS, FrVector]


@dataclass(frozen=True)
class Files:
    """The files of one circuit in a folder."""

    name: str
    folder: Path

    @property
    def r1cs(self) -> Path:
        return self.folder / "circuit.r1cs"

    @property
    def zkey(self) -> Path:
        return self.folder / "circuit.zkey"

    @property
    def wtns(self) -> Path:
        return self.folder / "witness.wtns"

    @property
    def key(self) -> Path:
        return self.folder / "verification_key.json"


def multiplications(log_n: int) -> int:
    """How many a chain has whose domain is of 2^log_n."""
    return (1 << log_n) - ROOM


def chain(length: int) -> Made:
    """y_0 = x, y_i+1 = y_i·(y_i + x); the last one is the output, x a public input.

    Wires: one, the last, x, y_1, … Every wire is in A and in B, and values are as large as the field's.
    """
    values, y = [1, 0, START], START
    for _ in range(length):
        y = y * (y + START) % R_MODULUS
        values.append(y)
    values[1] = values.pop()
    wires = np.arange(2, length + 3, dtype=np.uint32)
    wires[-1] = 1
    one_each = np.arange(length + 1, dtype=np.int64)
    y_and_x = np.stack([wires[:-1], np.full(length, 2, dtype=np.uint32)], axis=1).ravel()
    return (
        R1CS(
            length + 2, 1, 1, 0,
            SparseMatrix(one_each, wires[:-1].copy(), _ones(length)),
            SparseMatrix(2 * one_each, y_and_x, _ones(2 * length)),
            SparseMatrix(one_each, wires[1:].copy(), _ones(length)),
        ),
        FrVector.from_ints(values),
    )  # fmt: skip


def signatures(count: int) -> Made:
    """For each of `count` signed messages: the signature, and its leaf's path in a Merkle tree of 2^DEPTH leaves."""
    secret = b"benchmark".ljust(32, b"\0")
    key = eddsa.public_key(secret)

    def define(c: Builder) -> None:
        a = c.public_inputs("key", 2)
        roots = []
        for i in range(count):
            message = c.private_input(f"message{i}")
            verify_eddsa(
                c, a, c.private_inputs(f"r8_{i}", 2), c.private_input(f"s{i}"), message, name=f"sig{i}"
            )
            bits = to_bits(c, c.private_input(f"place{i}"), DEPTH, f"place{i} bits")
            node = poseidon_hash(c, [message, a[0]], f"leaf{i}")
            for level, (bit, beside) in enumerate(
                zip(bits, c.private_inputs(f"path{i}", DEPTH), strict=True)
            ):
                left = select(c, bit, beside, node, f"left{i} {level}")
                node = poseidon_hash(c, [left, node + beside - left], f"node{i} {level}")
            roots.append(node)
        c.outputs("roots", roots)

    inputs: dict[str, int | list[int]] = {"key": list(key)}
    for i in range(count):
        message = plain_poseidon([i, count])
        r8, s = eddsa.sign(secret, message)
        inputs |= {
            f"message{i}": message,
            f"r8_{i}": list(r8),
            f"s{i}": s,
            f"place{i}": 12345 * i % (1 << DEPTH),
        }
        inputs[f"path{i}"] = [plain_poseidon([i, level]) for level in range(DEPTH)]
    circuit = compile_circuit(define)
    return circuit.r1cs, circuit.witness(inputs)


def circuit_named(name: str) -> Callable[[], Made]:
    """The maker of `chain-LOG` or `eddsa-COUNT`. Raises InputError for another name."""
    kind, _, number = name.partition("-")
    if not (number.isascii() and number.isdigit()):
        raise InputError(f"circuit: expected chain-LOG or eddsa-COUNT, got {name!r}")
    size = int(number)
    if kind == "chain" and 3 <= size <= 24:
        return lambda: chain(multiplications(size))
    if kind == "eddsa" and 1 <= size <= 256:
        return lambda: signatures(size)
    raise InputError(f"circuit: expected chain-3 to chain-24 or eddsa-1 to eddsa-256, got {name!r}")


def circuit_files(name: str, cache: Path, threads: int) -> Files:
    """The files of a circuit in the folder `cache`, made if they are not there. Raises InputError for its name."""
    made, files = circuit_named(name), Files(name, cache / name)
    stamp = files.folder / "format"
    if stamp.exists() and stamp.read_text() == _FORMAT:
        return files
    shutil.rmtree(files.folder, ignore_errors=True)
    files.folder.mkdir(parents=True)
    r1cs, witness = made()
    r1cs.check(witness)
    write_r1cs(r1cs, files.r1cs)
    write_wtns(witness, files.wtns)
    zkey = to_zkey(setup_insecure(r1cs, b"benchmark", threads=threads), r1cs, threads)
    write_zkey(zkey, files.zkey)
    write_verification_key(zkey.verification_key, files.key)
    stamp.write_text(_FORMAT)
    return files


def _ones(n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    rows = np.zeros((n, 4), dtype=np.uint64)
    rows[:, 0] = 1
    return rows
