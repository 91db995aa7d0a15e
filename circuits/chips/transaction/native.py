"""Chip ``transaction``: one row per native transaction: who signed it, its gas, and every balance it moves.

Columns
    active, tx, begin, end   number of the transaction; clocks of its BEGIN and END rows (``begin`` is its
    ctx) chain_id, number, timestamp, coinbase_hi, coinbase_lo   the block
    length, gas_limit, from_index, to_index, gas_price, value, message, nonzero
                         from the data; nonzero bytes of calldata
    nonce                of the sender
    from_hi, from_lo, to_hi, to_lo   the addresses in the registry: high 32 and low 128 bits
    fold[3]              the message's fold after each word of the head
    small[2], ordinary   products that tell whether the recipient is below 11, and their inverse
    not_last             inverse of nonce - (2^64 - 1)
    key_x, key_y, key_hash, key_rest[6]  the public key, its hash, and the hash's bits from 160 up, in limbs
    gas[2]               limbs of the gas left to run
    gas_left, refund, success  what END says; refund is the counter, not yet capped
    fifth[2], fifth_rest a fifth of the gas used, rounded down, and the remainder
    capped, applied, spare[3]  whether the cap bites; the refund paid; how far cap and counter are apart
    payer, payee, undone, settled, rewarded   balances before the accesses of these names
    payer_after[8], payee_after[8], reward_after[8]   limbs of balances after
    code, code_size      the word of the recipient's code hash, the code's length in bytes
    (access)_before, (access)_wait[3]   of the nine accesses
    bridge (+ _inverse)  the recipient is BRIDGE_ADDRESS
    spans, asked[11]     how often TX_SPAN and the words of CONTEXT are asked for

Constraints
    1. "active is a bit", "capped is a bit"
    2. "gas to run": gas = gas_limit - 21000 - 4 length - 12 nonzero
    3. "a fifth of the gas": gas_limit - gas_left = 5 fifth + fifth_rest, "the rest is below 5"
    4. "the refund is capped": applied = capped ? fifth : refund; "spare": what is not applied is not less
    5. "payer/payee/coinbase balance": the balances after, as limbs
    6. "…: time goes up" for each access; "padding has … 0"
    7. "recipient from 0 to 4/8", "recipient above 10": not the zero address and no precompile; "not the last
       nonce"
    8. "bridge …": bridge is 1 where the recipient is BRIDGE_ADDRESS and 0 elsewhere; "the bridge has no code"
Interactions
    9. TX_HEAD, TX_PART for what the data says; POSEIDON3 for the head's words of the message; BLOCK for the block; SIGNATURE for the signed message
   10. POSEIDON2 of the key, CANONICAL: its hash is (rest * 2^32 + from_hi, from_lo) in halves
   11. receives TX_BEGIN, TX_END from ``cpu``, with the code hash read from the state
   12. STATE: the registry of both indices; sender's nonce + 1; sender's balance - gas_limit * price - value; recipient's + value;
      recipient's
       code hash; on failure recipient's - value; sender's + (gas_left + applied) * price (+ value on
       failure); coinbase's + (gas used - applied) * price
   13. serves TX_SPAN and CONTEXT; LENGTH of the code as often as CODESIZE is asked
   14. BRIDGE_CALL to ``withdrawal`` where bridge is 1, and only there
   15. limbs are in the 16-bit table

The sender is the key's: halves are canonical, so from_lo and the low 32 bits of the high half are the
address, which must be the one registered under the index. Amounts: gas_limit < 2^32, gas_price < 2^64, value
< 2^128 by the bytes of the data, addresses and nonce by those of the state (7. keeps the nonce below 2^64), so
the head's words are those that were signed, nothing wraps, and a balance after payment that fits 128 bits was not negative. Credits are checked where they could
pass 2^128; the take-back and the settlement need no check: they give back at most what payment and credit of
the same transaction moved, and nothing in between changes a balance. In this order also sender = recipient
works out. The number of rows and their tx are those of the data, in which 0, 1, … come once each; ``cpu``
counts its BEGIN rows the same way, so each transaction runs once, in the data's order. Fifth: 5 * 2^32 + 4
does not wrap, so quotient and rest are unique; ``success`` is a bit because ``cpu`` sends one. All counts
are free: an answer that nobody asked for unbalances its bus. So is code_size where CODESIZE does not run.
Without code a transaction to the bridge succeeds, so what ``withdrawal`` makes of it needs no undoing.
Padding rows are zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zkroll.circuits.air.chip import AirBuilder, Chip, Word
from zkroll.circuits.air.expr import Expr, lift, weighted
from zkroll.circuits.air.gadgets import range16
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import (
    BRIDGE_ADDRESS,
    CONTEXT,
    FIELD_BALANCE,
    FIELD_CODE_POSEIDON,
    FIELD_NONCE,
    FIELD_REGISTRY,
    LENGTH,
    POSEIDON2,
    POSEIDON3,
    SIGNATURE,
    SPACE_CODE,
    TX_BEGIN,
    TX_END,
    TX_SPAN,
)
from zkroll.circuits.chips.bridge.accounts import zero_flag
from zkroll.circuits.chips.bridge.buses import BRIDGE_CALL
from zkroll.circuits.chips.canonical import CANONICAL
from zkroll.circuits.chips.transaction import access as at
from zkroll.circuits.chips.transaction.access import access
from zkroll.circuits.chips.transaction.buses import (
    BLOCK,
    PART_AMOUNTS,
    PART_MESSAGE,
    TX_HEAD,
    TX_PART,
)
from zkroll.circuits.chips.transaction.fill import fill_transactions
from zkroll.circuits.native_rules import (
    LARGEST_NONCE,
    LAST_PRECOMPILE,
    NATIVE_TYPE,
    NONZERO_BYTE_GAS,
    REFUND_QUOTIENT,
    TRANSACTION_GAS,
    ZERO_BYTE_GAS,
)

#: opcodes that CONTEXT answers, in the order of the column ``asked``
CONTEXT_OPCODES = (0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3A, 0x41, 0x42, 0x43, 0x46)
CODESIZE = 0x38


class TransactionChip(Chip):
    """Native transactions."""

    name = "transaction"
    context_columns = ("tx",)

    def define(self, b: AirBuilder) -> None:
        active, tx, begin, end = b.bit("active"), b.column("tx"), b.column("begin"), b.column("end")
        chain_id, number, timestamp = b.column("chain_id"), b.column("number"), b.column("timestamp")
        coinbase = Word(b.column("coinbase_hi"), b.column("coinbase_lo"))
        length, gas_limit, nonce = b.column("length"), b.column("gas_limit"), b.column("nonce")
        sender = Word(b.column("from_hi"), b.column("from_lo"))
        to = Word(b.column("to_hi"), b.column("to_lo"))
        price, value = b.column("gas_price"), b.column("value")
        message, nonzero = b.column("message"), b.column("nonzero")
        from_index, to_index = b.column("from_index"), b.column("to_index")

        first = active * (NATIVE_TYPE << 120) + length * 2**96 + gas_limit * 2**64 + nonce
        second = sender.hi * 2**96 + to.hi * 2**64 + price
        words_of_head = (Word(first, second), Word(sender.lo, to.lo), _amount(value))
        folded = _folded(b, chain_id, words_of_head, active)
        b.send("head", TX_HEAD, (tx, begin, folded, length, gas_limit, from_index, to_index), active)
        b.send("amounts", TX_PART, (tx, PART_AMOUNTS, value, price), active)
        b.send("message and bytes", TX_PART, (tx, PART_MESSAGE, message, nonzero), active)
        b.send("block", BLOCK, (chain_id, number, timestamp, coinbase.hi, coinbase.lo), active)
        self._signer(b, sender, message, active)
        self._refused(b, _joined(to), nonce, active)
        bridge = zero_flag(b, "bridge", _joined(to) - active * BRIDGE_ADDRESS, active)
        b.send("withdrawal", BRIDGE_CALL, (begin, sender.hi, sender.lo, value, length), bridge)

        gas = _limbs(b, "gas", 2, active)
        byte_gas = length * ZERO_BYTE_GAS + nonzero * (NONZERO_BYTE_GAS - ZERO_BYTE_GAS)
        b.constrain("gas to run", gas - (gas_limit - active * TRANSACTION_GAS - byte_gas))
        gas_left, refund, success = b.column("gas_left"), b.column("refund"), b.column("success")
        applied = self._refund(b, gas_limit - gas_left, refund, active)

        code, code_size = b.word("code"), b.column("code_size")
        b.constrain("the bridge has no code, high half", bridge * code.hi)
        b.constrain("the bridge has no code, low half", bridge * code.lo)
        b.receive("begins", TX_BEGIN, (tx, begin, _joined(code), gas), active)
        b.receive("ends", TX_END, (tx, end, gas_left, refund, success), active)

        start, stop = begin * 8, end * 8
        payer, payee, undone = b.column("payer"), b.column("payee"), b.column("undone")
        settled, rewarded = b.column("settled"), b.column("rewarded")
        back = (1 - success) * value
        after_pay = _balance(b, "payer", payer - gas_limit * price - value, active)
        after_credit = _balance(b, "payee", payee + value, active)
        after_reward = _balance(b, "reward", rewarded + (gas_limit - gas_left - applied) * price, active)
        payer_place = (_joined(sender), FIELD_BALANCE, 0, 0)
        payee_place = (_joined(to), FIELD_BALANCE, 0, 0)
        coinbase_place = (_joined(coinbase), FIELD_BALANCE, 0, 0)
        nonce_place = (_joined(sender), FIELD_NONCE, 0, 0)
        code_place = (_joined(to), FIELD_CODE_POSEIDON, 0, 0)
        after_settle = settled + (gas_left + applied) * price + back
        for name, place, time, old, new in (
            ("nonce", nonce_place, start + at.BEGIN_NONCE, nonce, nonce + 1),
            ("pay", payer_place, start + at.BEGIN_PAY, payer, after_pay),
            ("credit", payee_place, start + at.BEGIN_CREDIT, payee, after_credit),
            ("undo", payee_place, stop + at.END_UNDO, undone, undone - back),
            ("settle", payer_place, stop + at.END_SETTLE, settled, after_settle),
            ("reward", coinbase_place, stop + at.END_REWARD, rewarded, after_reward),
        ):
            access(b, name, place, time=time, old=_amount(old), new=_amount(new), when=active)
        from_place, to_place = (from_index, FIELD_REGISTRY, 0, 0), (to_index, FIELD_REGISTRY, 0, 0)
        access(b, "from", from_place, time=start + at.BEGIN_FROM, old=sender, new=sender, when=active)
        access(b, "to", to_place, time=start + at.BEGIN_TO, old=to, new=to, when=active)
        access(b, "code", code_place, time=start + at.BEGIN_CODE, old=code, new=code, when=active)

        spans, asked = b.column("spans"), b.columns("asked", len(CONTEXT_OPCODES))
        b.receive("span of the context", TX_SPAN, (begin, _joined(to), end, success), active * spans)
        words = (
            to, sender, sender, _amount(value), _amount(length), _amount(code_size), _amount(price), coinbase,
            _amount(timestamp), _amount(number), _amount(chain_id),
        )  # fmt: skip
        for opcode, word, count in zip(CONTEXT_OPCODES, words, asked, strict=True):
            b.receive(f"context {opcode:#x}", CONTEXT, (begin, opcode, word.hi, word.lo), active * count)
        sizes = active * asked[CONTEXT_OPCODES.index(CODESIZE)]
        b.send("length of the code", LENGTH, (SPACE_CODE, _joined(code), code_size), sizes)
        b.zero_in_padding(active)

    @staticmethod
    def _signer(b: AirBuilder, sender: Word, message: Expr, active: Expr) -> None:
        """The sender's address is that of the key that signed."""
        key = b.column("key_x"), b.column("key_y")
        key_hash = b.column("key_hash")
        rest = _limbs(b, "key_rest", 6, active)
        b.send("hash of the key", POSEIDON2, (*key, key_hash), active)
        b.send("address of the key", CANONICAL, (key_hash, rest * 2**32 + sender.hi, sender.lo), active)
        b.send("signed message", SIGNATURE, (*key, message), active)

    @staticmethod
    def _refused(b: AirBuilder, to: Expr, nonce: Expr, active: Expr) -> None:
        """The recipient is an account that can be called, and the nonce is not the last one."""
        four, eight = b.columns("small", 2)
        ordinary, not_last = b.column("ordinary"), b.column("not_last")
        b.constrain("recipient from 0 to 4", four - _product(to, range(5)))
        b.constrain("recipient from 0 to 8", eight - four * _product(to, range(5, 9)))
        b.constrain("recipient above 10", eight * _product(to, (9, LAST_PRECOMPILE)) * ordinary - active)
        b.constrain("not the last nonce", (nonce - LARGEST_NONCE) * not_last - active)

    @staticmethod
    def _refund(b: AirBuilder, used: Expr, refund: Expr, active: Expr) -> Expr:
        """The refund counter, but not more than a fifth of the gas used."""
        fifth, rest, capped = _limbs(b, "fifth", 2, active), b.column("fifth_rest"), b.bit("capped")
        applied, spare = b.column("applied"), _limbs(b, "spare", 3, active)
        b.constrain("a fifth of the gas", used - fifth * REFUND_QUOTIENT - rest)
        b.constrain("the rest is below 5", rest * (rest - 1) * (rest - 2) * (rest - 3) * (rest - 4))
        b.constrain("the refund is capped", applied - refund - capped * (fifth - refund))
        b.constrain("spare", spare - (1 - capped * 2) * (fifth - refund))
        return applied

    def fill(self, ctx: FillContext) -> dict[str, ColumnData] | None:
        return fill_transactions(ctx, CONTEXT_OPCODES)


def _folded(b: AirBuilder, start: Expr, words: Sequence[Word], active: Expr) -> Expr:
    """The message's fold over the words of the head."""
    for i, (word, after) in enumerate(zip(words, b.columns("fold", len(words)), strict=True)):
        b.send(f"word {i} of the message", POSEIDON3, (start, word.hi, word.lo, after), active)
        start = after
    return start


def _product(value: Expr, roots: Iterable[int]) -> Expr:
    """Zero where the value is one of the roots."""
    result = lift(1)
    for root in roots:
        result = result * (value - root)
    return result


def _limbs(b: AirBuilder, name: str, count: int, when: Expr) -> Expr:
    """A number below 2^(16 count), made of checked limbs."""
    limbs = b.columns(name, count)
    for i, limb in enumerate(limbs):
        range16(b, f"{name}[{i}]", limb, when)
    return weighted(limbs, 2**16)


def _balance(b: AirBuilder, name: str, value: Expr, active: Expr) -> Expr:
    """A balance after an access: ``value``, below 2^128."""
    after = _limbs(b, f"{name}_after", 8, active)
    b.constrain(f"{name} balance", after - value)
    return after


def _joined(word: Word) -> Expr:
    return word.hi * 2**128 + word.lo


def _amount(value: Expr) -> Word:
    return Word(lift(0), value)
