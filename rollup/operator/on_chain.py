"""Have the verifier contract itself judge wrapped batches, as `proveBatches` will, without sending anything."""

from __future__ import annotations

from typing import Any

from zkroll.circuits.buses import PUBLIC_BITS, PUBLIC_VALUES
from zkroll.errors import VerificationError
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.wrap_verifier import verify_on_chain
from zkroll.rollup.wrapped import WrappedBatches
from zkroll.verifier.wrap import packed_statement


def verify_wrapped_on_chain(bridge: Bridge, wrapped: WrappedBatches) -> dict[str, Any]:
    """Accept wrapped batches of a rollup, and say what was accepted.

    What the rollup has committed of them must agree with their statements. Raises VerificationError with the value that
    differs, or with the contract's reason.
    """
    status = bridge.status()
    numbers = []
    for values in wrapped.public_values:
        named = dict(zip(PUBLIC_VALUES, values, strict=True))
        number = named["batch_number"]
        numbers.append(number)
        known = {"rollup_address": bridge.address, "chain_id": status.chain_id}
        halves: dict[str, bytes] = {}
        if 1 <= number <= status.last_committed:
            posted = bridge.batch(number)
            halves = {
                "data_hash": posted.data_hash,
                "queue_before": posted.queue_before,
                "queue_after": posted.queue_after,
            }
            for name, root in (("old_root", posted.old_root), ("new_root", posted.new_root)):
                known[name] = named[name] if root is None else root
        for name, word in halves.items():
            known |= {
                f"{name}_hi": int.from_bytes(word[:16], "big"),
                f"{name}_lo": int.from_bytes(word[16:], "big"),
            }
        for name, expected in known.items():
            if named[name] != expected:
                raise VerificationError(
                    f"batch {number}: {name}: L1 has {expected:#x}, the proof {named[name]:#x}"
                )
    statements = [packed_statement(values, tuple(PUBLIC_BITS.values())) for values in wrapped.public_values]
    verify_on_chain(bridge.node, status.verifier, wrapped.proof, statements)
    return {
        "batches": numbers,
        "verifier": f"0x{status.verifier:040x}",
        "proof_bytes": len(wrapped.proof),
        "l1": bridge.node.name,
        "committed": max(numbers) <= status.last_committed,
    }
