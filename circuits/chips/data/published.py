"""Chip ``data``: the batch data as published on L1, one unit of 16 bytes a row, in order.

    header        A [timestamp 8 | transactions 4 | coinbase >> 128, 4]   B [coinbase mod 2^128]
    registration  A [kind 3 | index 4 | 0, 7 | address >> 128, 4]         B [address mod 2^128]
    transfer      [kind 1 | from 4 | to 4 | mantissa, exponent: 35 + 5 bits | of the gas price: 12 + 4 bits]
    call          A [kind 2 | calldata length 3 | gas limit 4 | from 4 | to 4]
                  B [value 16]   C [gas price 8 | 0, 8]   then its calldata, zeros to whole units

Columns
    header_a, header_b, register_a, register_b, transfer, call_a, call_b, call_c, body
                         what the unit is; one of them in used rows, none in padding
    ends, last           the last unit of a call; the last unit of all
    even, opens          the unit begins a 32-byte word of the data; of calldata
    index, tx, ctx       the unit's number; transactions begun so far; clock of the transaction's BEGIN row
    byte[16], zero[16]   the bytes, big-endian, and whether each is zero
    flag[16]             transfer: the bits of bytes 13 and 15, low ones first; last unit of calldata: flag i
                         says that byte i is its last one
    before, after        the signed message's fold before and after this unit
    left, position       bytes of calldata from this unit on; words of calldata before this unit
    nonzero              nonzero bytes of calldata before this unit
    scaled, scaled_price the mantissas times 10^(the low three bits of their exponents)
    value, price         value and gas price (transfer, call B)
    data_reads, reads    how often the word begun here is asked for as data; as calldata, or (first unit of a
                         transaction) the length of calldata

Constraints, where a record is a registration or a transaction
    1. "… is a bit", "at most one kind"; "the first row is the header"; "the header comes once"
    2. "a row goes on in a used row" unless it is last; "the data ends at the last row", "… with the last unit"
    3. "… follows" for each unit of a record but its last; "a record follows" a header or record, "only a
       header or record is last"; "registrations come first"; "only calls end", at C or in their calldata
    4. "index counts units", "the header has index 0"; "even units alternate", "the first unit is even"; "tx
       counts transactions", "no transaction in the header"
    5. within a call: "ctx goes on", "the message goes on" (before' = after), "left goes down" by 16 in its
       calldata, "nonzero bytes add up"; "calldata opens a word" and then "every other unit opens one",
       "only calldata opens words", "position counts words"
    6. "kind of a …", "zeros of a registration/call"; "length", "a transfer has no calldata", "position 0",
       "no bytes counted", "calldata is empty where the head ends"; "only words change the message"
    7. transfer: "bits of the value/price", "exponent at most 27", "scaled value/price"; "value", "price"
    8. last unit of calldata: "one last byte", "the last byte is number left - 1", "padding is zero"
    9. unused cells: "no … outside of transactions", "reads only of calldata and length", "padding has … 0"
Interactions
   10. BYTE for each byte
   11. serves WORDS and LENGTH of the calldata (space 1, id ctx) and WORDS of the data (space 3)
   12. POSEIDON3 for the fold of a word of calldata
   13. STATE: a registration takes the zero of its index's place of time 0 and puts the address there at time
       4 index + 7, which is 8 (1 + i) + 7 for the i-th one
   14. receives TX_HEAD, TX_PART from ``transaction``, FRAME from ``statement``

Rows form one stretch by 1. and 2. Its kinds follow the grammar by 3.; ``left`` starts below 2^24, drops by
16 a row and must be 1 … 16 where calldata ends (0 where it is empty), so the number of rows is the length's.
``tx`` numbers the transactions 0, 1, … and ``transaction`` asks for each number once. A word is its unit and
the next one; the data's last unit or a call's, if it begins a word, is followed by zeros. The padding's bytes
are checked only for being zero in the last unit, and zero bytes do not count as nonzero: the intrinsic gas
needs only length and nonzero bytes.

A mantissa is what its bytes and bits say, so a value is below 2^35 10^27 < 2^128 and a gas price at most
4095 10^15 < 2^64: nothing wraps. As a place has one tuple of time 0, no index is registered twice, nor after
it was read. Read counts are free: an unasked answer unbalances the bus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.air.chip import AirBuilder, Chip
from zkroll.circuits.air.expr import Expr, ExprLike, lift, total, weighted
from zkroll.circuits.air.witness import ColumnData, FillContext
from zkroll.circuits.buses import (
    BYTE,
    FIELD_REGISTRY,
    LENGTH,
    POSEIDON3,
    SPACE_CALLDATA,
    SPACE_DATA,
    STATE,
    WORDS,
)
from zkroll.circuits.chips.data.fill import CALL, REGISTRATION, TRANSFER, UNIT, fill_data
from zkroll.circuits.chips.transaction.buses import (
    FRAME,
    FRAME_END,
    FRAME_HEADER,
    PART_AMOUNTS,
    PART_MESSAGE,
    TX_HEAD,
    TX_PART,
)
from zkroll.circuits.native_rules import TRANSACTION_GAS

KINDS = (
    "header_a", "header_b", "register_a", "register_b", "transfer", "call_a", "call_b", "call_c", "body",
)  # fmt: skip

_HALF = pow(2, -1, R_MODULUS)  # a word begins at an even unit: its number is exactly half of that


def _number(octets: Sequence[Expr]) -> Expr:
    """Big-endian bytes as a number."""
    return weighted(octets[::-1], 256)


def _power(bits: Sequence[Expr], first: int = 0) -> Expr:
    """10^n for n = sum bit_i 2^(first + i)."""
    result = lift(1)
    for i, bit in enumerate(bits):
        result = result * (1 + bit * (10 ** (1 << (first + i)) - 1))
    return result


class DataChip(Chip):
    """The published batch data."""

    name = "data"
    context_columns = ("index", "tx")

    def define(self, b: AirBuilder) -> None:
        kind = {name: b.bit(name) for name in KINDS}
        ends, last, even, opens = b.bit("ends"), b.bit("last"), b.bit("even"), b.bit("opens")
        header, register, transfer = kind["header_a"], kind["register_a"], kind["transfer"]
        call, middle, body = kind["call_a"], kind["call_b"], kind["body"]
        used = total(kind.values())
        used_next = total(flag.next for flag in kind.values())
        index, tx, ctx = b.column("index"), b.column("tx"), b.column("ctx")
        octets, zero = b.columns("byte", UNIT), b.columns("zero", UNIT)
        flags = b.bits("flag", UNIT)
        before, after = b.column("before"), b.column("after")
        left, position, nonzero = b.column("left"), b.column("position"), b.column("nonzero")
        unit = _number(octets)
        unit_next = _number([octet.next for octet in octets])
        counted = nonzero + body * total(1 - flag for flag in zero)
        goes_on = used - last
        begun = transfer + call

        b.constrain("at most one kind", used * (used - 1))
        b.first("the first row is the header", 1 - header)
        b.transition("the header comes once", header.next)
        b.constrain("a row goes on in a used row", goes_on * (1 - used_next))
        b.transition("the data ends with the last unit", (1 - goes_on) * used_next)
        b.last("the data ends at the last row", goes_on)
        self._grammar(b, kind, ends, last)

        b.constrain("index counts units", goes_on * (index.next - index - 1))
        b.constrain("the header has index 0", header * index)
        b.constrain("even units alternate", goes_on * (even.next + even - 1))
        b.constrain("the first unit is even", header * (1 - even))
        b.constrain("tx counts transactions", goes_on * (tx.next - tx - transfer.next - call.next))
        b.constrain("no transaction in the header", header * tx)
        inside = call + middle + kind["call_c"] + body - ends
        b.constrain("ctx goes on", inside * (ctx.next - ctx))
        b.constrain("the message goes on", inside * (before.next - after))
        b.constrain("left goes down", inside * (left.next - left + body * UNIT))
        b.constrain("position counts words", inside * (position.next - position - body + opens))
        b.constrain("nonzero bytes add up", inside * (nonzero.next - counted))
        b.constrain("calldata opens a word", kind["call_c"] * (1 - ends) * (1 - opens.next))
        b.constrain("every other unit opens one", body * (1 - ends) * (opens.next + opens - 1))
        b.constrain("only calldata opens words", opens * (1 - body))
        b.constrain("only words change the message", (1 - opens) * (after - before))

        b.constrain("kind of a registration", register * (octets[0] - REGISTRATION))
        b.constrain("kind of a transfer", transfer * (octets[0] - TRANSFER))
        b.constrain("kind of a call", call * (octets[0] - CALL))
        b.constrain("zeros of a registration", register * total(octets[5:12]))
        b.constrain("zeros of a call", kind["call_c"] * total(octets[8:]))
        b.constrain("length", call * (left - _number(octets[1:4])))
        b.constrain("a transfer has no calldata", transfer * left)
        b.constrain("position 0", begun * position)
        b.constrain("no bytes counted", begun * nonzero)
        b.constrain("calldata is empty where the head ends", kind["call_c"] * ends * left)
        self._calldata_end(b, octets, flags, left, body, body * ends, transfer)
        value, price = self._amounts(b, octets, flags, transfer, middle)

        for i in range(UNIT):
            b.send(f"byte {i}", BYTE, (octets[i], zero[i]), used)
        data_reads, reads = b.column("data_reads"), b.column("reads")
        word = (index * _HALF, unit, unit_next * (1 - last))
        b.receive("a word of the data", WORDS, (SPACE_DATA, 0, *word), even * data_reads)
        word = (position, unit, unit_next * (1 - ends))
        b.receive("a word of calldata", WORDS, (SPACE_CALLDATA, ctx, *word), opens * reads)
        b.receive("length of calldata", LENGTH, (SPACE_CALLDATA, ctx, left), begun * reads)
        b.send("message fold", POSEIDON3, (before, *word[1:], after), opens)
        place = (_number(octets[1:5]), FIELD_REGISTRY, 0, 0)
        b.receive("index before", STATE, (*place, 0, 0, 0), register)
        address = (_number(octets[12:]), unit_next)
        b.send("index after", STATE, (*place, index * 4 + 7, *address), register)

        gas_limit = transfer * TRANSACTION_GAS + call * _number(octets[4:8])
        sender = transfer * _number(octets[1:5]) + call * _number(octets[8:12])
        to = transfer * _number(octets[5:9]) + call * _number(octets[12:])
        b.receive("head", TX_HEAD, (tx - 1, ctx, before, left, gas_limit, sender, to), begun)
        b.receive("amounts", TX_PART, (tx - 1, PART_AMOUNTS, value, price), transfer + middle)
        b.receive("message and bytes", TX_PART, (tx - 1, PART_MESSAGE, after, counted), transfer + ends)
        frame = (_number(octets[:8]), _number(octets[8:12]), _number(octets[12:]), unit_next)
        b.receive("header of the data", FRAME, (FRAME_HEADER, *frame), header)
        b.receive("end of the data", FRAME, (FRAME_END, index + 1, tx, 0, 0), last)

        outside = used - begun - middle - kind["call_c"] - body
        for name, column in (
            ("ctx", ctx),
            ("fold", before),
            ("left", left),
            ("position", position),
            ("nonzero", nonzero),
        ):
            b.constrain(f"no {name} outside of transactions", outside * column)
        b.constrain("data reads only of words", (used - even) * data_reads)
        b.constrain("reads only of calldata and length", (used - opens - begun) * reads)
        b.zero_in_padding(used)

    @staticmethod
    def _grammar(b: AirBuilder, kind: Mapping[str, Expr], ends: Expr, last: Expr) -> None:
        """What unit follows on what unit."""
        for one, other in (
            ("header_a", "header_b"), ("register_a", "register_b"), ("call_a", "call_b"), ("call_b", "call_c"),
        ):  # fmt: skip
            b.constrain(f"{other} follows {one}", kind[one] * (1 - kind[other].next))
        closed = kind["header_b"] + kind["register_b"] + kind["transfer"] + ends
        begins = total(kind[name].next for name in ("register_a", "transfer", "call_a"))
        b.constrain("calldata follows", (kind["call_c"] + kind["body"] - ends) * (1 - kind["body"].next))
        b.constrain("a record follows", (closed - last) * (1 - begins))
        b.constrain("registrations come first", (kind["transfer"] + ends) * kind["register_a"].next)
        b.constrain("only calls end", ends * (1 - kind["call_c"] - kind["body"]))
        b.constrain("only a header or record is last", last * (1 - closed))

    @staticmethod
    def _calldata_end(
        b: AirBuilder,
        octets: Sequence[Expr],
        flags: Sequence[Expr],
        left: Expr,
        body: Expr,
        closes: Expr,
        transfer: Expr,
    ) -> None:
        """The last byte of calldata; zeros after it."""
        b.constrain("one last byte", (1 - transfer) * (total(flags) - closes))
        number = total(flag * i for i, flag in enumerate(flags))
        b.constrain("the last byte is number left - 1", (1 - transfer) * (closes * (left - 1) - number))
        behind: ExprLike = 0
        for i, octet in enumerate(octets):
            behind = behind + octet * total(flags[:i])
        b.constrain("padding is zero", body * behind)

    @staticmethod
    def _amounts(
        b: AirBuilder, octets: Sequence[Expr], flags: Sequence[Expr], transfer: Expr, middle: Expr
    ) -> tuple[Expr, Expr]:
        """Value and gas price of a transfer or a call."""
        low, high = flags[:8], flags[8:]
        b.constrain("bits of the value", transfer * (octets[13] - weighted(low, 2)))
        b.constrain("bits of the price", transfer * (octets[15] - weighted(high, 2)))
        b.constrain("exponent at most 27", transfer * low[2] * low[3] * low[4])
        mantissa = _number(octets[9:13]) * 8 + weighted(low[5:], 2)
        price_mantissa = octets[14] * 16 + weighted(high[4:], 2)
        scaled, scaled_price = b.column("scaled"), b.column("scaled_price")
        value, price = b.column("value"), b.column("price")
        b.constrain("scaled value", scaled - transfer * mantissa * _power(low[:3]))
        b.constrain("scaled price", scaled_price - transfer * price_mantissa * _power(high[:3]))
        b.constrain("value", value - scaled * _power(low[3:5], 3) - middle * _number(octets))
        next_price = _number([octet.next for octet in octets[:8]])
        b.constrain("price", price - scaled_price * _power(high[3:4], 3) - middle * next_price)
        return value, price

    def fill(self, ctx: FillContext) -> Mapping[str, ColumnData] | None:
        return fill_data(ctx)
