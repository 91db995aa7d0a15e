"""Have the verifier contract itself judge a wrapped batch, as `proveBatches` will, without sending anything."""

from __future__ import annotations

from typing import Any

from zkroll.circuits.buses import PUBLIC_BITS, PUBLIC_VALUES
from zkroll.errors import VerificationError
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.inbox import Node
from zkroll.rollup.l1.wrap_verifier import verify_on_chain
from zkroll.rollup.operator.batches import WRAP, batch_proof
from zkroll.rollup.operator.folder import DataFolder
from zkroll.verifier.wrap import packed_statement


def verify_batch_on_chain(folder: DataFolder, bridge: Bridge, node: Node, number: int) -> dict[str, Any]:
    """Accept the wrap proof that covers a batch, and say what was accepted.

    The statements are those of the folder's inner proofs; what L1 has committed of them must agree. Raises
    VerificationError with the value that differs or the contract's reason.
    """
    chunks = folder.deployment().chunks
    first = number - (number - 1) % chunks
    status = bridge.status()
    statements = []
    for at in range(first, first + chunks):
        values = batch_proof(folder, at).public_values
        named = dict(zip(PUBLIC_VALUES, values, strict=True))
        if at <= status.last_committed:
            posted = bridge.batch(at)
            data_hash = named["data_hash_hi"] << 128 | named["data_hash_lo"]
            queue = named["queue_after_hi"] << 128 | named["queue_after_lo"]
            expected = {
                "data hash": (data_hash, int.from_bytes(posted.data_hash, "big")),
                "queue": (queue, int.from_bytes(posted.queue_after, "big")),
                "new root": (named["new_root"], posted.new_root or named["new_root"]),
            }
            for name, (got, known) in expected.items():
                if got != known:
                    raise VerificationError(
                        f"batch {at}: {name}: L1 has {known:#066x}, the proof {got:#066x}"
                    )
        statements.append(packed_statement(values, tuple(PUBLIC_BITS.values())))
    wrapped = folder.read(first, WRAP, "zkroll batch prove")
    verify_on_chain(node, status.verifier, wrapped, statements)
    return {
        "batches": list(range(first, first + chunks)),
        "verifier": f"0x{status.verifier:040x}",
        "proof_bytes": len(wrapped),
        "l1": node.name,
        "committed": first + chunks - 1 <= status.last_committed,
    }
