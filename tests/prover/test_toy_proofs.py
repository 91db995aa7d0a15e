"""The inner proof on a toy machine: completeness, soundness of every message, hiding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from support.chips import cell, fill, prank
from support.toy import RESULT, machine, result

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.kzg import development_srs
from zkroll.circuits.air.expr import Stage
from zkroll.errors import InputError, VerificationError
from zkroll.prover.keys import ProvingKey, make_proving_key
from zkroll.prover.prove import prove
from zkroll.verifier.arithmetic import ELEMENTS, Element
from zkroll.verifier.proof import InnerProof
from zkroll.verifier.transcript import Transcript
from zkroll.verifier.verify import decode, verify

ROWS = 20
VALUES = [11, 22]


@cache
def key(powers: int = 512) -> ProvingKey:
    return make_proving_key(machine(), development_srs(powers))


def traces(rows: int = ROWS) -> dict[str, Any]:
    return fill(machine().chips, source=rows)


@cache
def proof() -> InnerProof:
    return prove(key(), traces(), VALUES)


def accept(data: bytes, values: Sequence[int] = VALUES, expected: int | None = None, **kwargs: Any) -> None:
    tuples = [(RESULT, (7, result(ROWS) if expected is None else expected))]
    verify(key().vk, data, values, tuples, **kwargs)


def refuse(data: bytes, match: str | None = None, **kwargs: Any) -> None:
    with pytest.raises(VerificationError, match=match):
        accept(data, **kwargs)


def test_an_honest_proof_is_accepted() -> None:
    accept(proof().to_bytes())


@pytest.mark.parametrize("rows", [1, 8, 9])
def test_all_heights_prove(rows: int) -> None:
    made = prove(key(), traces(rows), VALUES)
    verify(key().vk, made.to_bytes(), VALUES, [(RESULT, (7, result(rows)))])


def test_short_strings_suffice_and_give_another_key() -> None:
    small = key(64)
    made = prove(small, traces(), VALUES)
    assert small.vk.digest != key().vk.digest
    verify(small.vk, made.to_bytes(), VALUES, [(RESULT, (7, result(ROWS)))])


def test_a_string_too_short_for_the_height_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="needs at least 64 powers"):
        prove(key(32), traces(), VALUES)


@pytest.mark.parametrize("values", [[11, 23], [22, 11], [11], [11, 22, 0], [12, 22]])
def test_other_public_values_are_refused(values: list[int]) -> None:
    refuse(proof().to_bytes(), values=values)


@pytest.mark.parametrize("value", [R_MODULUS, R_MODULUS + 11, -1, 2**256 - 1])
def test_public_values_outside_the_field_are_refused(value: int) -> None:
    refuse(proof().to_bytes(), "expected an integer in", values=[value, 22])


def test_another_public_tuple_leaves_the_buses_unbalanced() -> None:
    refuse(proof().to_bytes(), "bus balance", expected=result(ROWS) + 1)


@pytest.mark.parametrize(
    ("chip", "column"), [("power", "x"), ("power", "step"), ("power", "live"), ("table", "count")]
)
def test_a_proof_of_a_wrong_trace_is_refused(chip: str, column: str) -> None:
    good = traces()
    bad = prank(good, chip, column, 3, cell(good, chip, column, 3) + 1)
    refuse(prove(key(), bad, VALUES).to_bytes())


def test_a_table_chip_cannot_be_left_out() -> None:
    bad = {"power": traces()["power"]}
    refuse(prove(key(), bad, VALUES).to_bytes(), "bus balance")


ITEMS = ["key digest", "public values", "heights", "main commitments", "helper commitments", "sums",
         "quotient commitments", "evaluations", "opening commitment"]  # fmt: skip


class Forgetful(Transcript[Element]):
    """A prover's transcript that leaves one item out."""

    def __init__(self, item: str) -> None:
        super().__init__(ELEMENTS)
        self.item = item
        self.seen: list[str] = []

    def absorb(self, name: str, values: Sequence[Element]) -> None:
        self.seen.append(name)
        if name != self.item:
            super().absorb(name, values)


@pytest.mark.parametrize("item", ITEMS)
def test_a_prover_that_skips_a_transcript_item_is_refused(item: str) -> None:
    transcript = Forgetful(item)
    made = prove(key(), traces(), VALUES, transcript=transcript)
    assert transcript.seen == ITEMS
    refuse(made.to_bytes())


def _mutations() -> list[tuple[str, InnerProof]]:
    p = proof()
    shape, _ = decode(key().vk, p.to_bytes())
    read_next = next(g for g, group in enumerate(shape.ordered) if group.shifts)
    return [
        ("sum", replace(p, sums=((p.sums[0] + 1) % R_MODULUS, *p.sums[1:]))),
        ("sums that cancel", replace(p, sums=((p.sums[0] + 1) % R_MODULUS, (p.sums[1] - 1) % R_MODULUS))),
        ("evaluation", replace(p, evaluations=_bump(p, 1, 0, 0))),
        ("next evaluation", replace(p, evaluations=_bump(p, read_next, 1, 0))),
        ("blinding evaluation", replace(p, evaluations=_bump(p, 1, 0, shape.ordered[1].arity - 1))),
        ("last group's evaluation", replace(p, evaluations=_bump(p, len(p.evaluations) - 1, 0, 0))),
        ("main for helper", replace(p, main=p.helper[:1] + p.main[1:])),
        ("quotient for helper", replace(p, helper=p.quotient[:1] + p.helper[1:])),
        ("opening", replace(p, opening=p.final)),
        ("final", replace(p, final=p.opening)),
        ("negated final", replace(p, final=(p.final[0], Q_MODULUS - p.final[1]))),
    ]


def _bump(p: InnerProof, group: int, point: int, slot: int) -> Any:
    evaluations = [[list(values) for values in points] for points in p.evaluations]
    evaluations[group][point][slot] = (evaluations[group][point][slot] + 1) % R_MODULUS
    return tuple(tuple(tuple(values) for values in points) for points in evaluations)


def test_every_changed_message_is_refused() -> None:
    for name, changed in _mutations():
        with pytest.raises(VerificationError):
            accept(changed.to_bytes())
        assert changed != proof(), name


def test_every_byte_of_the_header_and_one_of_each_word_matters() -> None:
    data = proof().to_bytes()
    for at in [*range(20), *range(30, len(data), 61)]:
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(VerificationError):
            accept(bytes(changed))


def test_truncated_and_extended_proofs_are_refused() -> None:
    data = proof().to_bytes()
    for cut in (0, 5, 12, 13, 14, 15, 50, len(data) - 1):
        refuse(data[:cut], "expected")
    refuse(data + b"\0", "more bytes")


def test_points_off_the_curve_and_coordinates_above_q_are_refused() -> None:
    data = proof().to_bytes()
    at = 13 + len(machine().chips)
    x = int.from_bytes(data[at : at + 32], "big")
    refuse(data[:at] + (x + 1).to_bytes(32, "big") + data[at + 32 :], "not on the curve")
    refuse(data[:at] + (x + Q_MODULUS).to_bytes(32, "big") + data[at + 32 :], "below q")
    refuse(data[:at] + bytes(64) + data[at + 64 :], "not on the curve")


def test_scalars_above_r_are_refused() -> None:
    p = proof()
    data = p.to_bytes()
    at = data.index(p.sums[0].to_bytes(32, "big"))
    refuse(data[:at] + (p.sums[0] + R_MODULUS).to_bytes(32, "big") + data[at + 32 :], "below r")


def test_heights_other_than_a_fixed_tables_are_refused() -> None:
    data = bytearray(proof().to_bytes())
    at = 13
    assert data[at + 1] == 4
    data[at + 1] = 5
    refuse(bytes(data), "height of chip table")
    data[at + 1] = 64
    refuse(bytes(data), "height of chip 1")


def test_a_proof_under_another_key_is_refused() -> None:
    with pytest.raises(VerificationError):
        verify(key(1024).vk, proof().to_bytes(), VALUES, [(RESULT, (7, result(ROWS)))])


def test_commitments_and_openings_hide_the_witness() -> None:
    one, other = prove(key(), traces(), VALUES), prove(key(), traces(), VALUES)
    assert set(one.main).isdisjoint(other.main)
    assert set(one.helper).isdisjoint(other.helper)
    assert one.opening != other.opening
    assert one.final != other.final


def test_bytes_round_trip_and_are_canonical() -> None:
    data = proof().to_bytes()
    _, decoded = decode(key().vk, data)
    assert decoded == proof()
    assert decoded.to_bytes() == data


def test_the_width_of_a_stage_is_the_declared_one() -> None:
    (power, table) = machine().layouts
    assert power.widths[Stage.MAIN] == 4
    assert table.widths[Stage.PREPROCESSED] == 1
