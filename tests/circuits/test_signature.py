"""The signature chips agree with EdDSA-Poseidon and refuse everything else."""

import hashlib
from types import SimpleNamespace

import pytest
from support.chips import broken, broken_buses, cell, fill, names, prank, sends

from zkroll.algebra.babyjubjub import BASE8, SUBGROUP_ORDER, add, multiply, negate
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.eddsa import public_key, sign
from zkroll.algebra.reference.poseidon import poseidon_hash
from zkroll.circuits.air.mutate import mutate
from zkroll.circuits.air.witness import ChipTrace
from zkroll.circuits.buses import POSEIDON5, SIGNATURE
from zkroll.circuits.chips.canonical import CANONICAL, CanonicalChip
from zkroll.circuits.chips.poseidon import Poseidon5Chip
from zkroll.circuits.chips.signature import SignatureChip, SignatureLadderChip
from zkroll.circuits.chips.signature.ladder import LADDER
from zkroll.errors import ProvingError

CLOSED = [SIGNATURE, LADDER, CANONICAL, POSEIDON5]
Traces = dict[str, ChipTrace]
Signed = tuple[tuple[int, int], int, tuple[int, int, int]]


def secret(i: int) -> bytes:
    return hashlib.sha256(b"signature chip %d" % i).digest()


def signed(i: int, message: int) -> Signed:
    r8, s = sign(secret(i), message)
    return public_key(secret(i)), message, (*r8, s)


def traces_of(items: list[Signed]) -> Traces:
    source = SimpleNamespace(transactions=[SimpleNamespace(signature=signature) for _, _, signature in items])
    requests = [(*key, message) for key, message, _ in items]
    chips = [
        sends(SIGNATURE, requests),
        SignatureChip(),
        SignatureLadderChip(),
        CanonicalChip(),
        Poseidon5Chip(),
    ]
    return fill(chips, source)


@pytest.fixture(scope="module")
def traces() -> Traces:
    return traces_of([signed(1, 5), signed(2, R_MODULUS - 1), signed(1, 2**200 + 7)])


def test_signatures_hold_and_take_64_rows_each(traces: Traces) -> None:
    assert broken(traces, CLOSED) == []
    assert traces["signature_ladder"].rows == 3 * 64
    assert traces["signature_ladder"].height == 256


def test_the_challenge_with_bit_256_holds() -> None:
    items = [signed(3, message) for message in range(12)]
    chosen = [x for x in items if poseidon_hash([*x[2][:2], *x[0], x[1]]) >> 253]
    assert chosen, "no challenge above 2^253 among the samples"
    made = traces_of([chosen[0]])
    assert broken(made, CLOSED) == []
    assert cell(made, "signature_ladder", "h", 0) == 1


def test_another_message_or_response_is_refused() -> None:
    key, message, (rx, ry, s) = signed(1, 9)
    for item in ((key, message + 1, (rx, ry, s)), (key, message, (rx, ry, s - 1))):
        assert broken_buses(broken(traces_of([item]), CLOSED)) == {"ladder"}


def test_a_response_of_another_key_is_refused() -> None:
    _, message, signature = signed(1, 9)
    assert "ladder" in broken_buses(broken(traces_of([(public_key(secret(2)), message, signature)]), CLOSED))


def test_the_response_plus_the_order_is_refused() -> None:
    key, message, (rx, ry, s) = signed(1, 9)
    with pytest.raises(ProvingError, match="not below the subgroup order"):
        traces_of([(key, message, (rx, ry, s + SUBGROUP_ORDER))])


def test_points_off_the_curve_are_refused() -> None:
    key, message, (rx, ry, s) = signed(1, 9)
    assert "R8 is on the curve" in names(broken(traces_of([(key, message, (rx + 1, ry, s))])))
    assert "the key is on the curve" in names(
        broken(traces_of([((key[0], key[1] + 1), message, (rx, ry, s))]))
    )


def test_a_key_with_a_part_of_small_order_is_treated_as_circomlibjs_does() -> None:
    """A + T with T of order two: 8 h T vanishes, so the signature of A's owner over that key holds."""
    scalar, torsion = 12345, (0, R_MODULUS - 1)
    key = add(multiply(BASE8, scalar), torsion)
    r8 = multiply(BASE8, 777)
    challenge = poseidon_hash([*r8, *key, 4])
    s = (777 + 8 * challenge * scalar) % SUBGROUP_ORDER
    assert broken(traces_of([(key, 4, (*r8, s))]), CLOSED) == []


@pytest.mark.parametrize(
    ("column", "delta", "expected"),
    [
        ("active", 1, "active is a bit"),
        ("borrow", 2, "borrow is a bit"),
        ("carry[1]", 2, "carry[1] is a bit"),
        ("key_x", 1, "the key is on the curve"),
        ("r_y", 1, "R8 is on the curve"),
        ("both_x", 1, "B8 - A, x"),
        ("both_y", 1, "B8 - A, y"),
        ("below_lo[2]", 1, "S is below the order, low half"),
        ("below_hi[2]", 1, "S is below the order, high half"),
    ],
)
def test_a_tampered_signature_row_breaks(traces: Traces, column: str, delta: int, expected: str) -> None:
    changed = prank(traces, "signature", column, 1, cell(traces, "signature", column, 1) + delta)
    assert expected in names(broken(changed))


@pytest.mark.parametrize(
    ("column", "bus"),
    [
        ("message", "signature"),
        ("challenge", "poseidon5"),
        ("h_lo", "canonical"),
        ("s_lo", "ladder"),
        ("s_hi", "ladder"),
        ("r_x", "ladder"),
        ("carry[0]", "ladder"),
    ],
)
def test_a_tampered_signature_row_unbalances(traces: Traces, column: str, bus: str) -> None:
    changed = prank(traces, "signature", column, 1, 1 - cell(traces, "signature", column, 1))
    assert bus in broken_buses(broken(changed, CLOSED))


@pytest.mark.parametrize(
    ("row", "column", "delta", "expected"),
    [
        (3, "active", 1, "active is a bit"),
        (3, "s_bit[2]", 2, "s_bit[2] is a bit"),
        (3, "h_bit[3]", 2, "h_bit[3] is a bit"),
        (194, "turn", 1, "turn rows are active"),
        (194, "done", 1, "done rows are active"),
        (50, "turn", 1, "the upper half turns"),
        (20, "done", 1, "the lower half is done"),
        (255, "active", 1, "the last row does not go on"),
        (80, "active", -1, "a ladder goes on in an active row"),
        (20, "row", 1, "rows count up"),
        (25, "turn", 1, "a half has 32 rows"),
        (32, "row", 1, "a lower half starts at row 0"),
        (64, "row", 1, "a ladder starts at row 0"),
        (16, "half", 1, "the half goes on"),
        (32, "half", -1, "the lower half comes after the turn"),
        (64, "half", 1, "a ladder starts with its upper half"),
        (22, "challenge", 1, "the challenge goes on"),
        (22, "key_x", 1, "key x goes on"),
        (22, "key_y", 1, "key y goes on"),
        (22, "both_x", 1, "both x goes on"),
        (22, "both_y", 1, "both y goes on"),
        (22, "s", 1, "s bits go on"),
        (22, "h", 1, "h bits go on"),
        (32, "s", 1, "no s bits before the lower half"),
        (32, "h", 1, "no h bits before the lower half"),
        (128, "s", 1, "no s bits at the start"),
        (128, "h", 2, "bit 256 is a bit"),
        (64, "double_x[0]", 1, "double x at the start"),
        (64, "double_y[0]", 1, "double y at the start"),
        *(
            (22, f"{column}_{axis}[{i}]", 1, f"step {i}: {column} {axis}")
            for column in ("double", "chosen", "sum")
            for axis in "xy"
            for i in range(4)
        ),
    ],
)
def test_a_tampered_ladder_breaks(traces: Traces, row: int, column: str, delta: int, expected: str) -> None:
    value = cell(traces, "signature_ladder", column, row) + delta
    assert expected in names(broken(prank(traces, "signature_ladder", column, row, value)))


def test_mutations_of_ladder_rows_are_noticed(traces: Traces) -> None:
    score = mutate(traces["signature_ladder"], [0, 1, 31, 32, 50, 63, 64, 150])
    assert score.survivors == ()


def test_a_ladder_nobody_asked_for_unbalances(traces: Traces) -> None:
    other = traces_of([signed(4, 4)])
    mixed = {**traces, "signature_ladder": other["signature_ladder"]}
    assert "ladder" in broken_buses(broken(mixed, CLOSED))


def test_ladder_points_are_the_multiples() -> None:
    key, message, (rx, ry, s) = signed(1, 5)
    made = traces_of([(key, message, (rx, ry, s))])
    h8 = 8 * poseidon_hash([rx, ry, *key, message])
    expected = add(multiply(BASE8, s >> 100), multiply(negate(key), h8 >> 100))
    row, step = divmod(255 - 100, 4)
    assert tuple(cell(made, "signature_ladder", f"sum_{axis}[{step}]", row) for axis in "xy") == expected
