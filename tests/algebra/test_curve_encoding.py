"""Points from and to bytes: the three forms against integers, and every kind of bytes that is refused."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.groups import GROUPS, TestGroup, outside, square_root

from zkroll.algebra.constants import Q_MODULUS as Q
from zkroll.algebra.curve import G1Points, G2Points
from zkroll.algebra.field import fq
from zkroll.algebra.kernels import jit
from zkroll.algebra.kernels.groups import G1, G2
from zkroll.algebra.point_encoding import FORMS, Form, _root_of, read_iden3
from zkroll.errors import InputError

RANDOM = random.Random(9)
# The generators as gnark-crypto writes them, compressed.
GENERATORS = {
    "g1": "8000000000000000000000000000000000000000000000000000000000000001",
    "g2": "998e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed",
}


def parts_of(point: Any) -> list[list[int]]:
    """The coordinates, each with its imaginary part first."""
    return [[value] if isinstance(value, int) else [value[1], value[0]] for value in point]


def expected_bytes(group: TestGroup, point: Any, form: Form) -> bytes:
    size = 64 if group.name == "g1" else 128
    if point is None:
        return bytes([0x40]) + bytes(size // 2 - 1) if form == "compressed" else bytes(size)
    x, y = parts_of(point)
    if form == "iden3":
        return b"".join((v * 2**256 % Q).to_bytes(32, "little") for parts in (x, y) for v in reversed(parts))
    if form == "eip196":
        return b"".join(v.to_bytes(32, "big") for v in (*x, *y))
    deciding = next(v for v in y if v) if any(y) else 0
    data = bytearray(b"".join(v.to_bytes(32, "big") for v in x))
    data[0] |= 0xC0 if deciding > (Q - 1) // 2 else 0x80
    return bytes(data)


def sample(group: TestGroup) -> list[Any]:
    return [None, *(group.multiple(k) for k in (1, -1, 2, -2, 3, 5, 8, 13, RANDOM.getrandbits(250))), None]


@pytest.mark.parametrize("name", ["g1", "g2"])
@pytest.mark.parametrize("form", FORMS)
def test_points_become_the_bytes_of_the_form_and_come_back(name: str, form: Form) -> None:
    group = GROUPS[name]
    points = sample(group)
    expected = b"".join(expected_bytes(group, point, form) for point in points)
    assert group.kind.from_ints(points).to_bytes(form) == expected
    for data in (expected, bytearray(expected), memoryview(expected), np.frombuffer(expected, np.uint8)):
        assert group.kind.from_bytes(data, form).to_ints() == points
    assert group.kind.from_bytes(b"", form).n == 0
    assert group.kind.from_ints([]).to_bytes(form) == b""


@pytest.mark.parametrize("name", ["g1", "g2"])
def test_generators_have_the_compressed_form_of_gnark_crypto(name: str) -> None:
    group = GROUPS[name]
    data = bytes.fromhex(GENERATORS[name])
    assert group.kind.from_ints([group.generator]).to_bytes("compressed") == data
    assert group.kind.from_bytes(data, "compressed")[0] == group.generator
    opposite = bytes([data[0] | 0x40]) + data[1:]
    assert group.kind.from_bytes(opposite, "compressed")[0] == group.negate(group.generator)


@settings(max_examples=40, deadline=None)
@given(x=st.integers(0, Q - 1), larger=st.booleans())
def test_decompression_finds_a_root_exactly_where_there_is_one(x: int, larger: bool) -> None:
    data = bytearray(x.to_bytes(32, "big"))
    data[0] |= 0xC0 if larger else 0x80
    cubic = (x**3 + 3) % Q
    y = pow(cubic, (Q + 1) // 4, Q)
    if y * y % Q != cubic:
        with pytest.raises(InputError, match="point 0: expected the x of a point on the curve"):
            G1Points.from_bytes(bytes(data), "compressed")
    else:
        y = max(y, Q - y) if larger else min(y, Q - y)
        assert G1Points.from_bytes(bytes(data), "compressed")[0] == (x, y)


def test_roots_of_quadratic_elements_of_every_kind() -> None:
    numbers = [(0, 0), (1, 0), (Q - 1, 0), (2, 0), (3, 0), (0, 1), (0, Q - 1), (0, 5), (4, 3)]
    numbers += [(RANDOM.randrange(Q), RANDOM.randrange(Q)) for _ in range(23)]
    blocks = [fq.from_ints(value[i] for value in numbers) for i in range(2)]
    roots, found = _root_of(G2, blocks, None)
    for i, (a, b) in enumerate(numbers):
        assert bool(found[i]) == (square_root((a, b)) is not None)
        if found[i]:
            c, d = (fq.to_ints(root)[i] for root in roots)
            assert ((c * c - d * d) % Q, 2 * c * d % Q) == (a, b)
    _, found = _root_of(G1, [blocks[0]], None)
    assert found[: len(numbers)].tolist() == [pow(a, (Q - 1) // 2, Q) in (0, 1) for a, _ in numbers]


@pytest.mark.parametrize("name", ["g1", "g2"])
def test_points_of_the_twist_outside_the_group_are_refused_unless_asked_for(name: str) -> None:
    group = GROUPS[name]
    wrong = outside(1)[0] if name == "g2" else (1, 3)
    for form in FORMS if name == "g2" else FORMS[:2]:
        data = group.kind.from_ints([group.generator, None, wrong]).to_bytes(form)
        with pytest.raises(InputError, match=f"{name} points: point 2: expected a point o"):
            group.kind.from_bytes(data, form)
        assert group.kind.from_bytes(data, form, check=False).to_ints()[2] == wrong


@pytest.mark.parametrize("name", ["g1", "g2"])
@pytest.mark.parametrize("form", FORMS)
def test_coordinates_not_below_q_are_refused(name: str, form: Form) -> None:
    group = GROUPS[name]
    good = group.kind.from_ints([group.generator] * 3).to_bytes(form)
    size = len(good) // 3
    flag = 0x80 if form == "compressed" else 0
    for value in (Q, 2**256 - 1) if form != "compressed" else (Q, 2**254 - 1):
        for at in range(0, size, 32):
            data = bytearray(good)
            order: Any = "little" if form == "iden3" else "big"
            data[size + at : size + at + 32] = value.to_bytes(32, order)
            if at == 0:
                data[size] |= flag
            with pytest.raises(InputError, match=f"{name} points: point 1: expected coordinates below q"):
                group.kind.from_bytes(bytes(data), form, check=False)


@pytest.mark.parametrize("name", ["g1", "g2"])
def test_wrong_flags_are_refused(name: str) -> None:
    kind = GROUPS[name].kind
    size = 32 if name == "g1" else 64
    good = bytes.fromhex(GENERATORS[name])
    with pytest.raises(InputError, match="point 1: expected a compressed point"):
        kind.from_bytes(good + bytes([good[0] & 0x3F]) + good[1:], "compressed")
    for data in (
        bytes([0x40]) + bytes(size - 2) + b"\1",
        bytes([0x41]) + bytes(size - 1),
        bytes([0x7F]) * size,
    ):
        with pytest.raises(InputError, match="point 0: expected zeros after the flags of infinity"):
            kind.from_bytes(data, "compressed")
    with pytest.raises(InputError, match="point 0: expected a compressed point"):
        kind.from_bytes(bytes(size), "compressed")


@pytest.mark.parametrize("kind", [G1Points, G2Points])
@pytest.mark.parametrize("form", FORMS)
def test_lengths_that_are_no_multiple_of_a_point_are_refused(kind: Any, form: Form) -> None:
    for size in (1, 31, 33, 63, 65, 127):
        with pytest.raises(InputError, match="expected a multiple of"):
            kind.from_bytes(bytes(size), form)
    with pytest.raises(InputError, match="expected a multiple of"):
        kind.from_bytes(np.zeros(128, np.uint16), form)


def test_unknown_forms_are_refused() -> None:
    for form in ("", "EIP196", "zcash", None):
        with pytest.raises(InputError, match="form: expected one of"):
            G1Points.from_bytes(b"", form)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="form: expected one of"):
            G1Points.from_ints([]).to_bytes(form)  # type: ignore[arg-type]


BACKENDS = ["portable", "ifma"] if jit.host_backend() == "ifma" else ["portable"]


def octets_of(group: TestGroup, points: list[Any], shift: int = 0) -> Any:
    """The points in the form iden3, at an address that is `shift` bytes behind a multiple of 16."""
    data = group.kind.from_ints(points).to_bytes("iden3")
    room = np.zeros(len(data) + shift, dtype=np.uint8)
    room[shift:] = np.frombuffer(data, dtype=np.uint8)
    return room[shift:].reshape(len(points), group.kind.group.row_bytes)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["g1", "g2"])
def test_points_of_files_are_read_from_any_address_with_or_without_infinity(name: str, backend: Any) -> None:
    group = GROUPS[name]
    finite = [group.multiple(k) for k in range(1, 12)]
    for n in (0, 1, 7, 8, 9, 16, 23, 40, 1100):
        points = [finite[RANDOM.randrange(11)] if RANDOM.random() < 0.7 else None for _ in range(n)]
        if n in (16, 23):
            points[:16] = [None] * 16
        octets, seen = octets_of(group, points, 3), np.zeros(n, dtype=np.int64)

        def done(first: int, last: int, seen: Any = seen) -> None:
            seen[first:last] += 1

        rows, numbers = read_iden3(group.kind.group, octets, backend=backend, threads=2, done=done)
        assert group.kind(rows).to_ints() == points
        assert len(numbers) == 0
        assert (seen[: n // 8 * 8] == 1).all()
        assert (rows[[i for i in range(n) if points[i] is None]] == 0).all()
        out = np.full((-(-n // 8) * 8, rows.shape[1]), 5, dtype=np.uint64)
        rows, numbers = read_iden3(group.kind.group, octets, finite=True, backend=backend, threads=2, out=out)
        assert numbers.tolist() == [i for i in range(n) if points[i] is not None]
        assert group.kind(rows).to_ints() == [points[i] for i in numbers]
        assert len(rows) == 0 or np.shares_memory(rows, out)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["g1", "g2"])
def test_the_first_wrong_point_of_a_file_is_named(name: str, backend: Any) -> None:
    group = GROUPS[name]
    good = octets_of(group, [group.multiple(k % 5 + 1) for k in range(1105)])
    for places in ([0], [7, 3], [1104, 1100], [800, 1104], [1088, 5, 700]):
        octets = good.copy()
        for at in places:
            octets[at, -32] ^= 1
        first = min(places)
        with pytest.raises(InputError, match=f"{name} points: point {first}: expected a point on the curve"):
            read_iden3(group.kind.group, octets, backend=backend, threads=2)
        read_iden3(group.kind.group, octets, curve=False, backend=backend)
        for part in range(octets.shape[1] // 32):
            for value in (Q, Q + 1, 2**256 - 1):
                octets = good.copy()
                octets[first, 32 * part : 32 * part + 32] = np.frombuffer(
                    value.to_bytes(32, "little"), np.uint8
                )
                with pytest.raises(
                    InputError, match=f"point {first}: expected coordinates below q, got {value:#x}"
                ):
                    read_iden3(group.kind.group, octets, curve=False, finite=True, backend=backend)


def test_room_of_another_size_is_refused() -> None:
    octets = np.zeros((9, 64), dtype=np.uint8)
    for out in (
        np.zeros((8, 8), np.uint64),
        np.zeros((16, 16), np.uint64),
        np.zeros((32, 8), np.uint64)[::2],
    ):
        with pytest.raises(InputError, match="room"):
            read_iden3(G1, octets, out=out)
    with pytest.raises(InputError, match="expected bytes"):
        read_iden3(G2, octets)
