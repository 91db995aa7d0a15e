"""From an executed batch to what the chips read."""

from __future__ import annotations

from zkroll.circuits.source import BatchTrace, LeafUpdate, MessageTrace, TransactionTrace, WithdrawalTrace
from zkroll.rollup.batch_data import Record
from zkroll.rollup.executor import ExecutedBatch, TransactionResult
from zkroll.rollup.l1.messages import next_hash
from zkroll.rollup.state.smt import Touch
from zkroll.rollup.state.state import Field, TouchedWord
from zkroll.rollup.transaction import SignedTransaction
from zkroll.vm.trace import Context

_KINDS = {
    Touch.UPDATE: "update",
    Touch.INSERT_EMPTY: "insert_empty",
    Touch.INSERT_BESIDE: "insert_split",
    Touch.ABSENT_EMPTY: "absent",
    Touch.ABSENT_BESIDE: "absent",
}
_BESIDE = (Touch.INSERT_BESIDE, Touch.ABSENT_BESIDE)


def batch_trace(executed: ExecutedBatch) -> BatchTrace:
    """The executed batch as the chips' source."""
    batch = executed.batch
    outer = [context for context in executed.trace.contexts if context.parent < 0]
    code_hashes = {
        word.place.address: word.first for word in executed.touched if word.place.field is Field.CODE_POSEIDON
    }
    refunds = [0] * len(batch.transactions)
    steps = executed.trace.steps
    for step, access in executed.trace.storage:
        if not steps[step].halt.is_exceptional:
            refunds[steps[step].transaction] += access.refund_delta
    return BatchTrace(
        chain_id=batch.chain_id,
        batch_number=batch.batch_number,
        rollup_address=batch.rollup_address,
        timestamp=batch.timestamp,
        coinbase=batch.coinbase,
        old_root=executed.old_root,
        new_root=executed.new_root,
        data=executed.data,
        data_hash=executed.data_hash,
        transactions=[
            _transaction(signed, result, record, context, code_hashes.get(signed.transaction.to, 0), refund)
            for signed, result, record, context, refund in zip(
                batch.transactions, executed.results, executed.published.records, outer, refunds, strict=True
            )
        ],
        steps=executed.trace,
        leaves=[_leaf(word) for word in executed.touched],
        codes=executed.codes,
        registrations=executed.published.registrations,
        messages=_messages(executed),
        queue_before=batch.queue_before,
        withdrawals=[
            WithdrawalTrace(
                transaction=made.transaction,
                token=made.withdrawal.token,
                recipient=made.withdrawal.recipient,
                amount=made.withdrawal.amount,
                slot=made.slot,
                old_balance=made.old_balance,
                old_supply=made.old_supply,
            )
            for made in executed.withdrawals_made
        ],
        withdrawals_root=executed.withdrawals_root,
    )


def _messages(executed: ExecutedBatch) -> list[MessageTrace]:
    digest, out = executed.batch.queue_before.to_bytes(32, "big"), []
    for result in executed.messages:
        message, before = result.message, digest
        digest = next_hash(before, message)
        out.append(
            MessageTrace(
                kind=int(message.kind),
                token=message.token,
                account=message.account,
                recipient=message.recipient,
                amount=message.amount,
                hash_before=int.from_bytes(before, "big"),
                hash_after=int.from_bytes(digest, "big"),
                slot=result.slot,
                old_balance=result.old_balance,
                old_supply=result.old_supply,
            )
        )
    return out


def _transaction(
    signed: SignedTransaction,
    result: TransactionResult,
    record: Record,
    context: Context,
    code_hash: int,
    refund: int,
) -> TransactionTrace:
    tx = signed.transaction
    return TransactionTrace(
        index=result.index,
        nonce=tx.nonce,
        gas_limit=tx.gas_limit,
        gas_price=tx.gas_price,
        sender=tx.sender,
        to=tx.to,
        value=tx.value,
        calldata=tx.data,
        words=[hi << 128 | lo for hi, lo in tx.words()],
        public_key=(signed.public_key.x, signed.public_key.y),
        signature=(signed.signature.r8.x, signed.signature.r8.y, signed.signature.s),
        message=result.message,
        code_hash=code_hash,
        code=context.message.code,
        intrinsic_gas=result.intrinsic_gas,
        gas_left=result.gas_left,
        refund=refund if result.success else 0,
        success=result.success,
        first_step=context.first_step,
        end_step=context.end_step,
        from_index=record.sender,
        to_index=record.to,
    )


def _leaf(word: TouchedWord) -> LeafUpdate:
    update = word.update
    return LeafUpdate(
        address=word.place.address,
        field=int(word.place.field),
        slot=word.place.slot,
        key=update.key,
        old_word=word.first,
        new_word=word.last,
        kind=_KINDS[update.kind],
        siblings=update.siblings,
        other=(update.other_key, update.other_value) if update.kind in _BESIDE else None,
        old_root=update.old_root,
        new_root=update.new_root,
    )
