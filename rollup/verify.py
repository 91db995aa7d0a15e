"""Verify a batch proof: its statement against the data and what L1 holds, then the inner proof itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zkroll.algebra.keccak import keccak256
from zkroll.circuits.buses import PUBLIC_VALUES
from zkroll.circuits.source import statement_values
from zkroll.errors import InputError, VerificationError
from zkroll.rollup.batch_data import decode_data
from zkroll.rollup.proof import BatchProof

if TYPE_CHECKING:
    from zkroll.algebra.kzg import SRS
    from zkroll.rollup.l1 import L1


def verify_on_l1(proof: BatchProof, l1: L1, srs: SRS | None = None) -> dict[str, Any]:
    """Accept a proof of the batch that L1 holds under its number, and say what was accepted.

    Roots, chain id, contract and data are read from L1, the data commitment and the timestamp computed from
    that data. Raises VerificationError with the value that differs, RollupError when the batch is not posted.
    """
    posted = l1.read_batch(proof.batch_number, proof.rollup_address)
    expected = statement(
        old_root=posted.old_root,
        new_root=posted.new_root,
        batch_number=posted.batch_number,
        chain_id=posted.chain_id,
        rollup_address=posted.rollup_address,
        data=posted.data,
    )
    compare(proof.public_values, expected, f"posted on {l1.name}")
    if proof.data != posted.data:
        raise VerificationError("data: the proof file carries other data than L1 holds")
    insecure = _verify_inner(proof, srs)
    return {
        "batch_number": posted.batch_number,
        "old_root": f"0x{posted.old_root:064x}",
        "new_root": f"0x{posted.new_root:064x}",
        "chain_id": posted.chain_id,
        "contract": f"0x{posted.rollup_address:040x}",
        "data_hash": f"0x{posted.data_hash:064x}",
        "transactions": len(decode_data(posted.data).records),
        "l1": l1.name,
        "l1_block": posted.posted_in_block,
        "insecure_setup": insecure,
    }


def verify_proof(proof: BatchProof, srs: SRS | None = None) -> None:
    """Accept a proof of its own statement, without an L1: for provers, before they post.

    Roots, number, chain id, contract, queue hashes and withdrawals are the proof's own claims. Raises VerificationError.
    """
    verify_statement(proof.public_values, proof.data)
    _verify_inner(proof, srs)


def verify_statement(public_values: Sequence[int], data: bytes) -> None:
    """Raise VerificationError unless public values are those of a batch with this data, as far as data says."""
    claimed = dict(zip(PUBLIC_VALUES, public_values, strict=True))
    expected = statement(
        old_root=claimed["old_root"],
        new_root=claimed["new_root"],
        batch_number=claimed["batch_number"],
        chain_id=claimed["chain_id"],
        rollup_address=claimed["rollup_address"],
        data=data,
        queue_before=claimed["queue_before_hi"] << 128 | claimed["queue_before_lo"],
        queue_after=claimed["queue_after_hi"] << 128 | claimed["queue_after_lo"],
        withdrawals_root=claimed["withdrawals_hi"] << 128 | claimed["withdrawals_lo"],
    )
    compare(public_values, expected, "of the proof's data")


def statement(
    *,
    old_root: int,
    new_root: int,
    batch_number: int,
    chain_id: int,
    rollup_address: int,
    data: bytes,
    queue_before: int = 0,
    queue_after: int = 0,
    withdrawals_root: int = 0,
) -> tuple[int, ...]:
    """The public values of a batch with this data; raises VerificationError for data that is no batch.

    The chips rely on the ranges checked here: CHAINID and NUMBER push these values as words.
    """
    for name, value, bits in (
        ("batch_number", batch_number, 64), ("chain_id", chain_id, 64), ("rollup_address", rollup_address, 160),
    ):  # fmt: skip
        if not 0 <= value < 1 << bits:
            raise VerificationError(f"{name}: expected at most {bits} bits, got {value:#x}")
    try:
        decoded = decode_data(data)
    except InputError as error:
        raise VerificationError(f"data: {error}") from error
    return statement_values(
        old_root=old_root,
        new_root=new_root,
        batch_number=batch_number,
        chain_id=chain_id,
        rollup_address=rollup_address,
        timestamp=decoded.timestamp,
        data_hash=int.from_bytes(keccak256(data), "big"),
        queue_before=queue_before,
        queue_after=queue_after,
        withdrawals_root=withdrawals_root,
    )


def compare(got: Sequence[int], expected: Sequence[int], source: str) -> None:
    """Raise VerificationError at the first public value that differs."""
    if len(got) != len(expected):
        raise VerificationError(f"public values: expected {len(expected)}, got {len(got)}")
    for name, is_, should in zip(PUBLIC_VALUES, got, expected, strict=True):
        if is_ != should:
            raise VerificationError(f"{name}: expected {should:#x} {source}, got {is_:#x}")


def _verify_inner(proof: BatchProof, srs: SRS | None) -> bool:
    """Check key and inner proof; gives whether the reference string is insecure."""
    from zkroll.rollup.prove import proving_key, public_tuples
    from zkroll.verifier.verify import verify

    key = proving_key(srs).vk
    if proof.key_digest != key.digest:
        raise VerificationError(f"key digest: expected {key.digest:#066x}, got {proof.key_digest:#066x}")
    verify(key, proof.inner, proof.public_values, public_tuples(list(proof.public_values)))
    return key.insecure
