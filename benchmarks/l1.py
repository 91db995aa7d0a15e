"""Measure what L1 takes for a wrap proof: gas by the number of commitments (groups) and of batches in one proof.

    python benchmarks/l1.py [--json FILE]

Proofs are simulated (`zkroll.rollup.testing.simulated_wrap`): the contract does for them what it does for all others,
and its gas depends on the shape alone, never on what a batch holds. Each is verified in a transaction on an EVM in
this process; gas is that of the whole transaction.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.buses import PUBLIC_BITS
from zkroll.rollup.l1.wrap_verifier import creation_code, verify_calldata
from zkroll.rollup.testing.chain import LocalChain
from zkroll.rollup.testing.simulated_wrap import SimulatedWrap
from zkroll.verifier.wrap import WrapShape, packed_statement

#: what the project asks of one batch's verification, with its calldata
MOST_GAS = 450_000

_TRANSACTION = 21_000
_PAIRING = 45_000 + 5 * 34_000  # EIP-1108
_MULTIPLY, _ADD = 6_000, 150
_CALL = 100  # of a warm account (EIP-2929)

#: (preprocessed, main, helper, quotient, chunks)
SHAPES = [
    (1, 2, 1, 2, 1), (1, 3, 2, 2, 1), (1, 4, 3, 2, 1), (1, 5, 3, 3, 1), (2, 6, 4, 4, 1),
    (1, 5, 3, 3, 2), (1, 5, 3, 3, 4), (1, 5, 3, 3, 8),
]  # fmt: skip


@dataclass(frozen=True)
class Verification:
    """Gas of one verification; `own` is what the contract itself takes, its calls' 100 each and hashes included."""

    chunks: int
    groups: int
    proof_bytes: int
    total: int
    calldata: int
    pairing: int
    curve: int

    @property
    def own(self) -> int:
        return self.total - _TRANSACTION - self.calldata - self.pairing - self.curve

    @property
    def met(self) -> bool | None:
        """Whether what is asked of one batch is reached."""
        return self.total <= MOST_GAS if self.chunks == 1 else None


def multiplications(shape: WrapShape) -> int:
    """Multiples of points that a verification takes."""
    committed = shape.main + shape.helper + shape.quotient
    # for each chunk W and twice W'; preprocessed commitments, [1]_1 and ic_1 once for all chunks
    return shape.chunks * (committed + 3) + shape.preprocessed + 2


def measure(chain: LocalChain, shape: Sequence[int]) -> Verification:
    """Verify one proof of this shape."""
    wrap = SimulatedWrap(*shape)
    values = [[7**index % min(R_MODULUS, 1 << bits) for index, bits in enumerate(PUBLIC_BITS.values(), 50)]]
    values *= wrap.chunks
    data = verify_calldata(
        wrap.prove(values).to_bytes(), [packed_statement(v, tuple(PUBLIC_BITS.values())) for v in values]
    )
    answer = chain.call(chain.deploy(creation_code(wrap.key)), data)
    if answer.failure is not None or answer.output:
        raise SystemExit(f"shape {tuple(shape)}: expected a valid proof, got {answer.failure}")
    multiples = multiplications(wrap.key.shape)
    return Verification(
        chunks=wrap.chunks,
        groups=wrap.key.shape.scalars,
        proof_bytes=wrap.key.shape.proof_bytes,
        total=answer.gas,
        calldata=sum(16 if byte else 4 for byte in data),
        pairing=_PAIRING + _CALL,
        curve=multiples * (_MULTIPLY + _CALL) + (multiples + 1) * (_ADD + _CALL),
    )


def table_of(rows: Iterable[Verification]) -> Table:
    """The figures as a table."""
    table = Table(title="Verification of a wrap proof on L1, gas")
    heads = (
        "batches",
        "groups",
        "proof bytes",
        "total",
        "a batch",
        "calldata",
        "pairing",
        "ecMul, ecAdd",
        "rest",
        "asked",
        "met",
    )
    for head in heads:
        table.add_column(head, justify="right")
    for row in rows:
        figures = (
            row.proof_bytes,
            row.total,
            row.total // row.chunks,
            row.calldata,
            row.pairing,
            row.curve,
            row.own,
        )
        asked = f"≤ {MOST_GAS:,}" if row.chunks == 1 else "–"
        met = {True: "yes", False: "NO", None: "–"}[row.met]
        table.add_row(str(row.chunks), str(row.groups), *(f"{figure:,}" for figure in figures), asked, met)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description="Gas of wrap proofs on L1.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    chain = LocalChain()
    rows = [measure(chain, shape) for shape in SHAPES]
    Console(width=140).print(table_of(rows))
    if arguments.json is not None:
        document = [{**asdict(row), "own": row.own, "met": row.met} for row in rows]
        arguments.json.write_text(json.dumps({"verification": document}, indent=2) + "\n")


if __name__ == "__main__":
    main()
