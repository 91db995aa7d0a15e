"""Measure what the rollup costs: gas of wrap proofs and of full batches on L1, and the seconds of their proofs.

    python benchmarks/l1.py [--no-prove] [--json FILE]          (or: make bench-l1)

On L1 proofs are simulated (`zkroll.rollup.testing.simulated_wrap`): the contract does for them what it does for all
others, and its gas depends on the shape alone, never on what a batch holds. Gas is that of whole transactions, with
their calldata, on an EVM in this process. The seconds are those of real proofs (`l1_proofs`). Figures stand beside
what the project asks, and the exit code says nothing of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from l1_batches import PROFILE, Plain, Posted, full_batches, simulated_wrap
from l1_proofs import Proofs
from l1_proofs import measure as measure_proofs
from rich.console import Console
from rich.table import Table

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.buses import PUBLIC_BITS
from zkroll.circuits.profiles import PROFILES
from zkroll.rollup.l1.wrap_verifier import creation_code, verify_calldata
from zkroll.rollup.prove import DEVELOPMENT_POWERS
from zkroll.rollup.testing.chain import LocalChain
from zkroll.rollup.testing.simulated_wrap import SimulatedWrap
from zkroll.verifier.wrap import WrapShape, packed_statement

#: what the project asks of one batch's verification, with its calldata
MOST_GAS = 450_000
#: of a native transfer's data in bytes, of the wrap circuit of the medium profile, of the inner proof's seconds
MOST_BYTES, MOST_CONSTRAINTS, MOST_RATIO = 20, 1_000_000, 0.25

_TRANSACTION = 21_000
_PAIRING = 45_000 + 5 * 34_000  # EIP-1108
_MULTIPLY, _ADD = 6_000, 150
_CALL = 100  # of a warm account (EIP-2929)

#: powers of tau that the development string does not have
LONG_STRING = 1 << 22
#: the profile whose proofs are verified, how many batches each covers, and the powers of tau of its reference string
CASES = [
    *((profile, 1, DEVELOPMENT_POWERS) for profile in PROFILES), (PROFILES[-1], 1, LONG_STRING),
    *((PROFILE, chunks, DEVELOPMENT_POWERS) for chunks in (2, 4, 8)),
]  # fmt: skip


@dataclass(frozen=True)
class Verification:
    """Gas of one verification; `own` is what the contract itself takes, its calls' 100 each and hashes included."""

    profile: str
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


def measure(chain: LocalChain, wrap: SimulatedWrap, profile: str = "") -> Verification:
    """Verify one proof of this key."""
    values = [[7**index % min(R_MODULUS, 1 << bits) for index, bits in enumerate(PUBLIC_BITS.values(), 50)]]
    values *= wrap.chunks
    data = verify_calldata(
        wrap.prove(values).to_bytes(), [packed_statement(v, tuple(PUBLIC_BITS.values())) for v in values]
    )
    answer = chain.call(chain.deploy(creation_code(wrap.key)), data)
    if answer.failure is not None or answer.output:
        raise SystemExit(f"{wrap.key.shape}: expected a valid proof, got {answer.failure}")
    multiples = multiplications(wrap.key.shape)
    return Verification(
        profile=profile,
        chunks=wrap.chunks,
        groups=wrap.key.shape.scalars,
        proof_bytes=wrap.key.shape.proof_bytes,
        total=answer.gas,
        calldata=sum(16 if byte else 4 for byte in data),
        pairing=_PAIRING + _CALL,
        curve=multiples * (_MULTIPLY + _CALL) + (multiples + 1) * (_ADD + _CALL),
    )


def _label(profile: str, powers: int) -> str:
    return profile if powers == DEVELOPMENT_POWERS else f"{profile}, 2^{powers.bit_length() - 1} powers"


def verification_table(rows: Iterable[Verification]) -> Table:
    """What the verifier contract takes, called by itself."""
    table = _table("Verification of a wrap proof on L1, gas", (
        "profile", "batches", "groups", "proof bytes", "total", "a batch", "calldata", "pairing", "ecMul, ecAdd",
        "rest", "asked", "met",
    ))  # fmt: skip
    for row in rows:
        figures = (
            row.proof_bytes, row.total, row.total // row.chunks, row.calldata, row.pairing, row.curve, row.own,
        )  # fmt: skip
        asked = f"≤ {MOST_GAS:,}" if row.chunks == 1 else "–"
        met = "–" if row.met is None else _met(row.met)
        names = (row.profile, str(row.chunks), str(row.groups))
        table.add_row(*names, *(f"{figure:,}" for figure in figures), asked, met)
    return table


def batches_table(posted: Iterable[Posted], plain: Plain) -> Table:
    """What full batches take, beside what L1 takes for the same transfers."""
    table = _table(f"Full batches of profile {PROFILE} on L1 (simulated wrap proofs), gas", (
        "batch", "data bytes", "a transaction", "commitBatch", "proveBatches", "finaliseBatches", "all",
        "a transaction",
    ))  # fmt: skip
    for row in posted:
        table.add_row(
            row.name, f"{row.data_bytes:,}", f"{row.bytes_each:.1f} bytes", f"{row.commit:,}", f"{row.prove:,}",
            f"{row.finalise:,}", f"{row.total:,}", f"{row.each:,.0f} gas",
        )  # fmt: skip
    for name, gas in (
        ("plain transfer of ether on L1", plain.ether),
        ("ERC-20 transfer on L1", plain.token),
        ("the same, to an owner who had none", plain.token_first),
    ):
        table.add_row(name, *["–"] * 6, f"{gas:,} gas")
    return table


def asked_table(posted: Sequence[Posted], proofs: Proofs | None) -> Table:
    """Each other figure that the project asks for, and those around them; the first batch is of native transfers."""
    table = _table("Data and proofs beside what is asked", ("figure", "value", "asked", "met"))
    transfer = posted[0].bytes_each
    _row(
        table,
        "data of a native transfer, header included",
        f"{transfer:.1f} bytes",
        f"≤ {MOST_BYTES}",
        transfer <= MOST_BYTES,
    )
    for batch in posted:  # the verification, and what the rollup stores with it
        met = batch.prove <= MOST_GAS
        _row(table, f"proveBatches of {batch.name}", f"{batch.prove:,} gas", f"≤ {MOST_GAS:,}", met)
    if proofs is None:
        return table
    for profile, count in proofs.constraints.items():
        limit = (f"≤ {MOST_CONSTRAINTS:,}", count <= MOST_CONSTRAINTS) if profile == PROFILE else ("–", None)
        _row(table, f"constraints of the wrap circuit, {profile}", f"{count:,}", *limit)
    warm = proofs.warm
    share = (f"≤ {100 * MOST_RATIO:.0f} %", warm.ratio <= MOST_RATIO)
    _row(table, "wrap over inner proof, warm", f"{100 * warm.ratio:.1f} %", *share)
    for name, seconds in (
        (f"inner proof of the full batch, {proofs.profile}: first in a process", warm.first_inner),
        ("warm, fastest", min(warm.inner)),
        ("wrap, warm, fastest", min(warm.wrap)),
        ("of it: replay of the verifier", min(warm.replay)),
        ("of it: witness", min(warm.witness)),
        ("of it: Groth16", min(warm.groth16)),
        ("opening the wrap key", warm.open_key),
        ("`zkroll prove`, process start to file", proofs.fresh_inner.seconds),
        ("`zkroll wrap`, process start to file", proofs.fresh_wrap.seconds),
    ):
        _row(table, name, f"{seconds:.2f} s")
    for name, fresh in (("prove", proofs.fresh_inner), ("wrap", proofs.fresh_wrap)):
        _row(table, f"peak memory of `zkroll {name}`", f"{fresh.peak_bytes / 2**20:,.0f} MiB")
    _row(table, "cores", str(proofs.cores))
    return table


def _row(table: Table, name: str, value: str, asked: str = "–", met: bool | None = None) -> None:
    table.add_row(name, value, asked, "–" if met is None else _met(met))


def _table(title: str, heads: Iterable[str]) -> Table:
    table = Table(title=title)
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left", no_wrap=True)
    return table


def _met(met: bool) -> str:
    return "yes" if met else "NO"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Gas, bytes and seconds of batches and their wrap proofs.")
    parser.add_argument(
        "--prove", action=argparse.BooleanOptionalAction, default=True, help="measure proofs too"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args(arguments)
    chain, console = LocalChain(), Console(width=160)
    rows = [measure(chain, simulated_wrap(*case), _label(case[0], case[2])) for case in CASES]
    console.print(verification_table(rows))
    posted, plain = full_batches()
    console.print(batches_table(posted, plain))
    proofs = measure_proofs(PROFILE) if options.prove else None
    console.print(asked_table(posted, proofs))
    if options.json is not None:
        document = {
            "verification": [{**asdict(row), "own": row.own, "met": row.met} for row in rows],
            "batches": [asdict(row) for row in posted],
            "plain": asdict(plain),
            "proofs": None if proofs is None else {**asdict(proofs), "ratio": proofs.warm.ratio},
        }
        options.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
