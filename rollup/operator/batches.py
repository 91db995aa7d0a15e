"""The operator's work: build batches of messages and transactions, prove them, and move them through L1.

Each step can be repeated after a crash: a batch is written before the state moves behind it, transactions leave
``pending`` after that, and posting begins where L1 stands.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from zkroll.circuits.buses import PUBLIC_VALUES
from zkroll.circuits.profiles import PROFILES, misfits
from zkroll.errors import InputError, RollupError, UnprovableError
from zkroll.rollup.batch import Batch
from zkroll.rollup.executor import ExecutedBatch, execute_batch
from zkroll.rollup.genesis import export_accounts
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.bridge_types import CommittedBatch, ContractRefused, RollupStatus
from zkroll.rollup.l1.inbox import Receipt
from zkroll.rollup.l1.withdrawals import Withdrawal
from zkroll.rollup.operator.folder import BATCH_NUMBER, QUEUE_END, QUEUE_HASH, DataFolder
from zkroll.rollup.operator.provers import BatchProver, Progress
from zkroll.rollup.proof import BatchProof
from zkroll.rollup.state.state import State
from zkroll.rollup.transaction import SignedTransaction
from zkroll.rollup.wrapped import WrappedBatches

PROOF: Final = "proof.zkp"
WRAPPED: Final = "wrapped.zkw"
BUILT: Final = "built.json"
_NAMED = re.compile(r"^transaction (\d+): ?(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Built:
    """A batch that was built: what it took, what it made and what it left out (transaction, reason).

    damaged: pending files that hold no transaction, put aside; postponed: transactions that wait for the next batch.
    """

    number: int
    old_root: int
    new_root: int
    transactions: int
    messages: int
    queue_end: int
    withdrawals: tuple[Withdrawal, ...]
    data_bytes: int
    left_out: tuple[tuple[SignedTransaction, str], ...]
    postponed: int
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Posted:
    """One transaction on L1: what it did, for which batches, and its receipt."""

    step: str
    batches: tuple[int, ...]
    receipt: Receipt


# ---- build -----------------------------------------------------------------------------------------------------


def build_batch(
    folder: DataFolder, bridge: Bridge, coinbase: int, limit: int | None = None, *, allow_empty: bool = False
) -> Built:
    """Build the next batch of the messages that wait on L1 and the pending transactions, oldest first.

    Transactions that cannot be executed, or fit no batch, are put aside; those that would not fit the rollup's profile
    beside others wait for the next batch, as do those beyond ``limit``, and messages that do not fit together: somebody
    may have searched for accounts with deep places in the state tree. Raises InputError when there is nothing to put into a batch, unless
    an empty one is allowed (which a wrap proof of several batches may wait for), RollupError where the folder's
    rollup is not the one on L1, and UnprovableError when a single message does not fit.
    """
    deployment = folder.deployment()
    state = folder.open_state()
    try:
        number = 1 + state.meta_number(BATCH_NUMBER, 0)
        start = state.meta_number(QUEUE_END, 0)
        status = bridge.status()
        parent = bridge.batch(number - 1) if 1 < number <= status.last_committed + 1 else None
        _check_rollup(folder, state, number, status, parent)
        end = min(status.messages, start + status.messages_per_batch)
        damaged = folder.reject_damaged()
        pending = folder.pending()
        if end == start and not pending and not allow_empty:
            raise InputError(f"{folder.path}: nothing to put into batch {number}: no message, no transaction")
        node = bridge.node
        queued = bridge.messages(start, end)
        batch = Batch(
            chain_id=deployment.chain_id,
            batch_number=number,
            rollup_address=deployment.rollup_address,
            timestamp=max(parent.timestamp if parent else 0, node.block_timestamp(node.block_number())),
            coinbase=coinbase,
            pre_state=export_accounts(state),
            transactions=(),
            messages=tuple(message.message for message in queued),
            queue_before=state.meta_number(QUEUE_HASH, 0),
        )
        chosen, rejected, executed, state = _choose(batch, pending[:limit], state, deployment.profile)
        taken = len(executed.batch.messages)
        if taken and int.from_bytes(queued[taken - 1].hash_after, "big") != executed.queue_after:
            raise RollupError(f"batch {number}: its messages do not follow those of the batch before it")
        end = start + taken
        _keep(folder, executed, end)
        state.commit(**{BATCH_NUMBER: number, QUEUE_END: end, QUEUE_HASH: executed.queue_after})
    finally:
        state.store.close()
    for file, _ in chosen:
        file.unlink(missing_ok=True)
    for file, _, reason in rejected:
        folder.reject(file, reason)
    return Built(
        number=number,
        old_root=executed.old_root,
        new_root=executed.new_root,
        transactions=len(chosen),
        messages=end - start,
        queue_end=end,
        withdrawals=tuple(executed.withdrawals),
        data_bytes=len(executed.data),
        left_out=tuple((signed, reason) for _, signed, reason in rejected),
        postponed=len(pending) - len(chosen) - len(rejected),
        damaged=tuple(str(file) for file in damaged),
    )


def _check_rollup(
    folder: DataFolder, state: State, number: int, status: RollupStatus, parent: CommittedBatch | None
) -> None:
    """Refuse to build batch ``number`` on a state that is not the rollup's: no proof of it would ever be taken."""
    place = f"{folder.path}: batch {number}"
    if status.chain_id != folder.deployment().chain_id:
        raise RollupError(
            f"{place}: chain id: the rollup has {status.chain_id}, deployment.json {folder.deployment().chain_id}"
        )
    if number <= status.last_committed:
        raise RollupError(
            f"{place}: L1 has {status.last_committed} batches already: the folder is behind, or another rollup's"
        )
    root = status.genesis_root if number == 1 else parent and parent.new_root
    if root is not None and root != state.root:
        raise RollupError(f"{place}: old root: L1 has {root:#066x}, the folder {state.root:#066x}")


_Pending = tuple[Path, SignedTransaction]
_Rejected = tuple[Path, SignedTransaction, str]


def _choose(
    batch: Batch, pending: Sequence[_Pending], state: State, profile: str
) -> tuple[list[_Pending], list[_Rejected], ExecutedBatch, State]:
    """The transactions of the batch, those that cannot be executed, the execution, and the state after it.

    The batch that was executed has fewer messages than the one given where they do not fit together. A transaction
    that fits no batch must not stand in the way of others: beside messages it waits, with all of its sender; alone it
    is put aside.
    """
    waiting = list(pending)
    chosen = list(pending)
    rejected: list[_Rejected] = []
    while True:
        state = State(state.store)  # without what the last attempt changed
        whole = replace(batch, transactions=tuple(signed for _, signed in chosen))
        try:
            executed = execute_batch(whole, state)
            misfit = _misfit(executed, profile)
        except (InputError, UnprovableError) as error:
            named = _NAMED.match(str(error))
            if named is None or int(named[1]) >= len(chosen):
                raise
            refused = chosen.pop(int(named[1]))
            waiting.remove(refused)
            rejected.append((*refused, named[2]))
            continue
        if misfit is None:
            return chosen, rejected, executed, state
        if len(chosen) > 1:
            del chosen[len(chosen) // 2 :]
        elif chosen:
            (large,) = chosen
            if batch.messages:
                sender = large[1].transaction.sender
                waiting = [one for one in waiting if one[1].transaction.sender != sender]
            else:
                waiting.remove(large)
                rejected.append((*large, misfit))
            chosen = list(waiting)
        elif len(batch.messages) > 1:
            batch = replace(batch, messages=batch.messages[: len(batch.messages) // 2])
        else:
            raise UnprovableError(misfit)


def _misfit(executed: ExecutedBatch, profile: str) -> str | None:
    """Why an executed batch does not fit a profile, None where it does."""
    from zkroll.circuits.chips.cpu.support import check_supported
    from zkroll.rollup.prove import fill
    from zkroll.rollup.witness import batch_trace

    if profile not in PROFILES:
        raise InputError(f"profile: expected {', '.join(PROFILES)}, got {profile!r:.60}")
    check_supported(executed.trace)
    over = misfits(profile, fill(batch_trace(executed)))
    if not over:
        return None
    chip, rows, height = over[0]
    return (
        f"batch does not fit profile {profile}: chip {chip} needs {rows:,} rows, the profile has {height:,}"
    )


def _keep(folder: DataFolder, executed: ExecutedBatch, queue_end: int) -> None:
    number = executed.batch.batch_number
    built = {"queue_end": queue_end, "new_root": f"0x{executed.new_root:064x}"}
    folder.keep_batch(executed.batch, withdrawals_json(executed.withdrawals))
    folder.write(number, BUILT, (json.dumps(built, indent=2) + "\n").encode())


def withdrawals_json(withdrawals: Sequence[Withdrawal]) -> list[dict[str, str]]:
    """Withdrawals as plain data, for files and ``--json``."""
    return [
        {
            "token": f"0x{withdrawal.token:040x}",
            "recipient": f"0x{withdrawal.recipient:040x}",
            "amount": str(withdrawal.amount),
        }
        for withdrawal in withdrawals
    ]


def parse_withdrawals(rows: Sequence[dict[str, str]], place: str) -> tuple[Withdrawal, ...]:
    """Withdrawals of plain data; raises InputError for anything else."""
    try:
        return tuple(
            Withdrawal(int(row["token"], 16), int(row["recipient"], 16), int(row["amount"])) for row in rows
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{place}: expected token, recipient and amount: {error}") from error


# ---- prove -----------------------------------------------------------------------------------------------------


def prove_inner(
    folder: DataFolder, number: int, prover: BatchProver, progress: Progress | None = None
) -> BatchProof:
    """Prove a batch that was built and keep its inner proof. Raises InputError for a prover of another machine."""
    _check_prover(folder, prover)
    proof = prover.inner(folder.batch(number), progress)
    folder.write(number, PROOF, proof.to_bytes())
    return proof


def _check_prover(folder: DataFolder, prover: BatchProver) -> None:
    """Refuse, before any work, a prover whose proofs the rollup's verifier would refuse."""
    wanted, own = folder.deployment().key_digest, f"0x{prover.key.key_digest:064x}"
    if own != wanted:
        raise InputError(
            f"{folder.path}: the rollup's verifier is for machine {wanted:.18}…, the wrap key for {own:.18}…"
        )


def prove_wrap(
    folder: DataFolder, first: int, prover: BatchProver, progress: Progress | None = None
) -> WrappedBatches:
    """Wrap the inner proofs of the batches from number ``first`` on, as many as the key covers, and keep that."""
    proofs = [batch_proof(folder, first + i) for i in range(prover.key.shape.chunks)]
    wrapped = WrappedBatches.of(prover.profile, proofs, prover.wrap(proofs, progress))
    folder.write(first, WRAPPED, wrapped.to_bytes())
    return wrapped


def wrapped_batches(folder: DataFolder, first: int) -> WrappedBatches:
    """The wrapped batches from number ``first`` on."""
    return WrappedBatches.from_bytes(folder.read(first, WRAPPED, "zkroll batch prove"))


def batch_proof(folder: DataFolder, number: int) -> BatchProof:
    """The inner proof of a batch."""
    return BatchProof.from_bytes(folder.read(number, PROOF, "zkroll batch prove"))


# ---- post ------------------------------------------------------------------------------------------------------


def commit_batch(folder: DataFolder, bridge: Bridge, number: int) -> Posted:
    """Publish a batch's data on L1."""
    built = _built(folder, number)
    data = folder.batch(number).encode_data()
    return Posted("commit", (number,), bridge.commit(number, int(built["queue_end"]), data))


def prove_on_l1(bridge: Bridge, wrapped: WrappedBatches) -> Posted:
    """Hand a wrap proof to L1, with the roots that its statements name."""
    named = [dict(zip(PUBLIC_VALUES, values, strict=True)) for values in wrapped.public_values]
    numbers = tuple(values["batch_number"] for values in named)
    roots = [values["new_root"] for values in named]
    withdrawals = [
        (values["withdrawals_hi"] << 128 | values["withdrawals_lo"]).to_bytes(32, "big") for values in named
    ]
    return Posted("prove", numbers, bridge.prove(numbers[0], roots, withdrawals, wrapped.proof))


def post_batches(folder: DataFolder, bridge: Bridge) -> list[Posted]:
    """Do on L1 what is left to do for the batches of this folder: commit, prove and finalise them, in order.

    Batches without a proof are only committed, and those whose finalisation delay is not over only proven. Gives
    what was done; nothing, when L1 has everything.
    """
    chunks = folder.deployment().chunks
    done: list[Posted] = []
    status = bridge.status()
    last = last_built(folder)
    for number in range(status.last_committed + 1, last + 1):
        done.append(commit_batch(folder, bridge, number))
    first = status.last_proven + 1
    while first + chunks - 1 <= last and (folder.batch_folder(first) / WRAPPED).exists():
        done.append(prove_on_l1(bridge, wrapped_batches(folder, first)))
        first += chunks
    for up_to in range(first - 1, status.last_finalised, -1):
        try:
            done.append(finalise(bridge, up_to))
        except ContractRefused as error:
            if error.error != "TooEarly":
                raise
        else:
            break
    return done


def finalise(bridge: Bridge, up_to: int) -> Posted:
    """Finalise proven batches up to a number."""
    first = bridge.status().last_finalised + 1
    return Posted("finalise", tuple(range(first, up_to + 1)), bridge.finalise(up_to))


def _built(folder: DataFolder, number: int) -> dict[str, Any]:
    place = f"{folder.batch_folder(number)}/{BUILT}"
    try:
        built = json.loads(folder.read(number, BUILT, "zkroll batch build"))
        return {"queue_end": int(built["queue_end"]), "new_root": int(built["new_root"], 16)}
    except (ValueError, KeyError, TypeError) as error:
        raise RollupError(f"{place}: expected the end of the queue and a root: {error}") from error


# ---- which batches ---------------------------------------------------------------------------------------------


def last_built(folder: DataFolder) -> int:
    """The number of the last batch that was built, 0 before the first: the one after which the state is.

    A later batch in the folder is one whose building did not end.
    """
    state = folder.open_state()
    try:
        return state.meta_number(BATCH_NUMBER, 0)
    finally:
        state.store.close()


def revert_batches(folder: DataFolder, bridge: Bridge) -> list[Posted]:
    """Drop the batches that L1 has no proof of, there and here; their transactions are pending again.

    The state becomes that of the last finalised batch, rebuilt from L1. Gives what was sent to L1. Raises RollupError
    while proven batches wait to be finalised, which nothing can drop.
    """
    from zkroll.rollup.operator.replica import Replica

    status = bridge.status()
    if status.last_proven != status.last_finalised:
        raise RollupError(
            f"{bridge.node.name}: batch {status.last_proven} is proven: finalise it first (zkroll batch post)"
        )
    first, last = status.last_proven + 1, last_built(folder)
    done = []
    if status.last_committed >= first:
        numbers = tuple(range(first, status.last_committed + 1))
        done.append(Posted("revert", numbers, bridge.revert(first)))
    dropped = [signed for number in range(first, last + 1) for signed in folder.batch(number).transactions]
    waiting = folder.pending()
    with tempfile.TemporaryDirectory(dir=folder.path, prefix=".state-") as fresh:
        with Replica(folder.genesis(), fresh) as replica:
            replica.sync(bridge)
        # before the state: a crash in between leaves some pending twice, and a second one of a nonce is put aside
        for signed in (*dropped, *(signed for _, signed in waiting)):
            folder.add_pending(signed)
        for file, _ in waiting:
            file.unlink()
        folder.replace_state(Path(fresh))
    return done


def wrapped_from(folder: DataFolder, number: int, chunks: int) -> int | None:
    """The first batch of the wrap proof that covers a batch, once all of them have inner proofs; else None.

    Wrap proofs cover the batches 1 to k, k + 1 to 2k, and so on.
    """
    first = number - (number - 1) % chunks
    ready = all((folder.batch_folder(first + i) / PROOF).exists() for i in range(chunks))
    return first if ready else None
