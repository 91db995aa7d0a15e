""".r1cs, .wtns and .sym files of circom, back and forth, and every kind of damage to them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.section_files import FIXTURES, content, damages, patched, sections, with_section

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.formats.export import constraint_lines, r1cs_json, wtns_json
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs, write_r1cs
from zkroll.circuits.r1cs.formats.sym import LONGEST_LINE, Symbol, read_names, read_sym, write_sym
from zkroll.circuits.r1cs.formats.wtns import read_wtns, read_wtns_words, write_wtns
from zkroll.circuits.r1cs.sparse import SparseMatrix
from zkroll.circuits.r1cs.system import R1CS
from zkroll.errors import ConstraintViolation, InputError

R1CS_DATA = (FIXTURES / "cells.r1cs").read_bytes()
WTNS_DATA = (FIXTURES / "cells.wtns").read_bytes()
NAMES = read_names(FIXTURES / "cells.sym")
SYSTEM = read_r1cs(FIXTURES / "cells.r1cs")
WITNESS = read_wtns(FIXTURES / "cells.wtns")
EDGES = st.one_of(st.sampled_from([0, 1, R_MODULUS - 1]), st.integers(0, R_MODULUS - 1))
ROWS = st.lists(st.lists(st.tuples(st.integers(0, 5), EDGES), max_size=4), min_size=3, max_size=3)


def test_a_circuit_of_circom_is_read() -> None:
    counts = (SYSTEM.n_wires, SYSTEM.n_outputs, SYSTEM.n_public_inputs, SYSTEM.n_private_inputs)
    assert counts == (10, 2, 1, 2)
    assert (SYSTEM.n_constraints, SYSTEM.n_labels, SYSTEM.n_public) == (6, 14, 3)
    assert SYSTEM.labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 9, 11, 13]
    assert SYSTEM.C.row(2) == [(0, 7), (4, R_MODULUS - 3), (6, R_MODULUS - 1)]


def test_files_of_circom_and_snarkjs_are_written_back_byte_for_byte(tmp_path: Path) -> None:
    write_r1cs(SYSTEM, tmp_path / "a.r1cs")
    assert (tmp_path / "a.r1cs").read_bytes() == R1CS_DATA
    write_wtns(WITNESS, tmp_path / "a.wtns")
    assert (tmp_path / "a.wtns").read_bytes() == WTNS_DATA
    out = io.BytesIO()
    write_sym(read_sym(FIXTURES / "cells.sym"), out)
    assert out.getvalue() == (FIXTURES / "cells.sym").read_bytes()


def test_exports_are_those_of_snarkjs() -> None:
    assert "".join(r1cs_json(SYSTEM)) == (FIXTURES / "cells.r1cs.json").read_text()
    assert "".join(wtns_json(WITNESS)) == (FIXTURES / "cells.wtns.json").read_text()


def test_private_inputs_need_no_wire() -> None:
    system = read_r1cs(FIXTURES / "unused_inputs.r1cs")
    assert (system.n_wires, system.n_private_inputs) == (3, 11)


def test_custom_gates_are_refused() -> None:
    with pytest.raises(InputError, match="section 4: expected no custom gates"):
        read_r1cs(FIXTURES / "custom_gates.r1cs")


@settings(deadline=None, max_examples=40)
@given(st.lists(ROWS, max_size=6), st.sampled_from([1, 2]))
def test_any_system_is_read_as_it_was_written(tmp_path_factory, constraints, threads) -> None:
    path = tmp_path_factory.mktemp("round") / "a.r1cs"
    matrices = [SparseMatrix.from_rows([row[i] for row in constraints]) for i in range(3)]
    write_r1cs(R1CS(6, 1, 2, 1, *matrices), path)
    again = read_r1cs(path, threads)
    assert (again.n_wires, again.n_outputs, again.n_public_inputs, again.n_private_inputs) == (6, 1, 2, 1)
    assert again.labels.tolist() == list(range(6))
    for matrix, expected in zip(again.matrices, matrices, strict=True):
        for name in ("starts", "wires", "coefficients"):
            assert np.array_equal(getattr(matrix, name), getattr(expected, name))


def test_many_constraints_are_written_in_pieces_and_read_by_several_threads(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("zkroll.circuits.r1cs.formats.r1cs._CHUNK_BYTES", 1000)
    n = 10_000
    matrices = [SparseMatrix.from_rows([{(i * k) % 50: i} for i in range(n)]) for k in (1, 3, 7)]
    write_r1cs(R1CS(50, 0, 0, 0, *matrices), tmp_path / "a.r1cs")
    again = read_r1cs(tmp_path / "a.r1cs", 2)
    for matrix, expected in zip(again.matrices, matrices, strict=True):
        assert np.array_equal(matrix.wires, expected.wires)
        assert np.array_equal(matrix.coefficients, expected.coefficients)


@settings(deadline=None, max_examples=20)
@given(st.lists(EDGES, min_size=1, max_size=30))
def test_any_witness_is_read_as_it_was_written(tmp_path_factory, values) -> None:
    path = tmp_path_factory.mktemp("round") / "a.wtns"
    write_wtns(FrVector.from_ints(values), path)
    assert read_wtns(path).to_ints() == values
    assert read_wtns_words(path)[:, 0].tolist() == [value % 2**64 for value in values]


# ---- damage ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(damages(R1CS_DATA)))
def test_damaged_r1cs_files_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.r1cs"
    path.write_bytes(damages(R1CS_DATA)[name])
    with pytest.raises(InputError, match=r"bad\.r1cs: "):
        read_r1cs(path)


@pytest.mark.parametrize("name", list(damages(WTNS_DATA)))
def test_damaged_wtns_files_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.wtns"
    path.write_bytes(damages(WTNS_DATA)[name])
    with pytest.raises(InputError, match=r"bad\.wtns: "):
        read_wtns(path)


def _r1cs_contents() -> dict[str, tuple[bytes, str]]:
    header, rows = content(R1CS_DATA, 1), content(R1CS_DATA, 2)
    u32 = lambda n: n.to_bytes(4, "little")  # noqa: E731
    words = lambda n: n.to_bytes(32, "little")  # noqa: E731

    def head(at: int, new: bytes) -> bytes:
        return with_section(R1CS_DATA, 1, patched(header, at, new))

    def body(at: int, new: bytes) -> bytes:
        return with_section(R1CS_DATA, 2, patched(rows, at, new))

    return {
        "elements of 64 bytes": (head(0, u32(64)), "section 1: prime: expected elements of 32 bytes"),
        "another prime": (head(4, words(Q_MODULUS)), "section 1: prime: expected BN254's r"),
        "no wires": (head(36, u32(0)), "section 1: .*expected 1 to"),
        "fewer wires": (head(36, u32(9)), "section 3: expected 72 bytes"),
        "2^32 - 1 wires": (head(36, u32(2**32 - 1)), "section 3: expected"),
        "2^32 - 1 outputs": (head(40, u32(2**32 - 1)), "section 1: .*outputs"),
        "2^32 - 1 public inputs": (head(44, u32(2**32 - 1)), "section 1: .*public inputs"),
        "2^63 labels": (head(52, (2**63).to_bytes(8, "little")), "labels"),
        "13 labels": (head(52, (13).to_bytes(8, "little")), "section 3: wire 9: expected a label below 13"),
        "no constraints": (head(60, u32(0)), "section 2: expected 0 bytes for 0 constraints"),
        "one constraint less": (head(60, u32(5)), "section 2: expected .* bytes for 5 constraints"),
        "one constraint more": (head(60, u32(7)), "section 2: constraint 6, A: .*truncated"),
        "2^32 - 1 constraints": (head(60, u32(2**32 - 1)), "section 2: expected 51539607540 bytes at least"),
        "2^32 - 1 terms": (body(0, u32(2**32 - 1)), "section 2: constraint 0, A: .*truncated"),
        "terms to the end": (body(0, u32(23)), "section 2: constraint 0, B: .*truncated"),
        "wire 10 of 10": (body(4, u32(10)), "section 2: constraint 0, A: expected a wire below 10, got 10"),
        "wire 2^32 - 1": (body(44, u32(2**32 - 1)), "section 2: constraint 0, B: expected a wire below 10"),
        "coefficient r": (
            body(8, words(R_MODULUS)),
            "constraint 0, A, wire 3: expected a coefficient below r",
        ),
        "coefficient 2^256 - 1": (
            body(48, b"\xff" * 32),
            "constraint 0, B, wire 3: expected a coefficient below",
        ),
    }


@pytest.mark.parametrize("name", list(_r1cs_contents()))
def test_hostile_headers_and_constraints_are_refused_with_their_place(name: str, tmp_path: Path) -> None:
    data, message = _r1cs_contents()[name]
    path = tmp_path / "bad.r1cs"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_r1cs(path)


@pytest.mark.parametrize(
    ("at", "new", "message"),
    [
        (0, (31).to_bytes(4, "little"), "elements of 32 bytes"),
        (4, Q_MODULUS.to_bytes(32, "little"), "BN254's r"),
        (36, bytes(4), "at least one value"),
        (36, (11).to_bytes(4, "little"), "section 2: expected 352 bytes, got 320"),
        (36, b"\xff" * 4, "section 2: expected 137438953440 bytes"),
    ],
)
def test_hostile_witness_headers_are_refused(at: int, new: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.wtns"
    path.write_bytes(with_section(WTNS_DATA, 1, patched(content(WTNS_DATA, 1), at, new)))
    with pytest.raises(InputError, match=message):
        read_wtns(path)


@pytest.mark.parametrize("value", [R_MODULUS, R_MODULUS + 3, 2**256 - 1])
def test_witness_values_that_are_not_below_r_are_refused_with_their_wire(value: int, tmp_path: Path) -> None:
    path = tmp_path / "bad.wtns"
    values = content(WTNS_DATA, 2)
    path.write_bytes(with_section(WTNS_DATA, 2, patched(values, 32 * 9, value.to_bytes(32, "little"))))
    with pytest.raises(InputError, match="section 2: wire 9: expected a value below r"):
        read_wtns(path)


def test_a_flipped_bit_never_does_more_than_change_a_number(tmp_path: Path) -> None:
    path = tmp_path / "flipped.r1cs"
    for at in range(0, len(R1CS_DATA), 7):
        path.write_bytes(patched(R1CS_DATA, at, bytes([R1CS_DATA[at] ^ 1 << at % 8])))
        try:
            system = read_r1cs(path)
        except InputError:
            continue
        assert system.n_wires == len(system.labels)
        if system.n_wires == len(WITNESS):
            system.evaluate(WITNESS)


# ---- the check of a witness --------------------------------------------------------------------------------


def test_the_witness_of_the_circuit_satisfies_it() -> None:
    SYSTEM.check(WITNESS)
    assert SYSTEM.first_violation(WITNESS, threads=1) is None


@pytest.mark.parametrize(
    ("wire", "constraint"), [(1, 4), (2, 0), (3, 0), (4, 1), (5, 3), (6, 2), (7, 1), (9, 3)]
)
def test_the_first_broken_constraint_is_named_with_its_values(wire: int, constraint: int) -> None:
    values = WITNESS.to_ints()
    values[wire] = (values[wire] + 1) % R_MODULUS
    violation = SYSTEM.first_violation(FrVector.from_ints(values))
    assert violation is not None
    assert violation.constraint == constraint
    expected = [sum(values[w] * v for w, v in m.row(constraint)) % R_MODULUS for m in SYSTEM.matrices]
    assert list(violation.values) == expected
    assert wire in violation.wires
    assert f"{NAMES[wire]} = " in violation.describe(NAMES)
    assert f"w[{wire}] = " in violation.describe()
    with pytest.raises(ConstraintViolation, match=f"constraint {constraint}: "):
        SYSTEM.check(FrVector.from_ints(values))


def test_wire_0_must_be_one() -> None:
    system = R1CS(2, 0, 0, 0, *[SparseMatrix.from_rows([])] * 3)
    system.check(FrVector.from_ints([1, 5]))
    with pytest.raises(ConstraintViolation, match="wire 0: expected 1, got 2"):
        system.check(FrVector.from_ints([2, 5]))


@pytest.mark.parametrize("n", [0, 1, 9, 11])
def test_witnesses_of_another_circuit_are_refused(n: int) -> None:
    with pytest.raises(InputError, match=f"expected 10 values, one for each wire, got {n}"):
        SYSTEM.check(FrVector.from_ints([1] * n))


def test_systems_that_contradict_themselves_are_refused() -> None:
    one, two = SparseMatrix.from_rows([{0: 1}]), SparseMatrix.from_rows([{0: 1}, {1: 1}])
    with pytest.raises(InputError, match="one height"):
        R1CS(2, 0, 0, 0, one, two, one)
    with pytest.raises(InputError, match="B: expected wires below 1, got 1"):
        R1CS(1, 0, 0, 0, SparseMatrix.from_rows([{}, {}]), two, two)
    with pytest.raises(InputError, match="outputs"):
        R1CS(2, 1, 1, 0, one, one, one)
    with pytest.raises(InputError, match="labels"):
        R1CS(2, 0, 0, 0, one, one, one, 5, np.zeros(3, dtype=np.uint64))


def test_constraints_read_as_equations() -> None:
    assert (
        list(constraint_lines(SYSTEM, NAMES))[2] == "2: (-main.u.t) · (main.a) = 7 - 3·main.b[0] - main.u.z"
    )
    assert list(constraint_lines(SYSTEM))[5] == "5: (0) · (0) = 5 + w[6] - w[8]"


# ---- names -------------------------------------------------------------------------------------------------


def test_names_are_those_of_the_wires_asked_for() -> None:
    assert read_names(FIXTURES / "cells.sym", [4, 9, 77]) == {4: "main.b[0]", 9: "main.v.t"}
    assert read_names(FIXTURES / "cells.sym", []) == {}
    assert next(read_sym(FIXTURES / "cells.sym")) == Symbol(1, 1, 1, "main.c")


def test_names_are_found_across_the_pieces_that_are_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("zkroll.circuits.r1cs.formats.sym._CHUNK_BYTES", 7)
    assert read_names(FIXTURES / "cells.sym") == NAMES


@pytest.mark.parametrize(
    "line",
    [
        b"1,1,1",
        b"1,1,1,",
        b"1,1,1,a,b",
        b"+1,1,1,a",
        b"01,1,1,a",
        b" 1,1,1,a",
        b"1_0,1,1,a",
        b"1,-2,1,a",
        b"1,1,1,a\x1b[2J",
        b"1,1,1,\xff\xfe",
        b"\xef\xbb\xbf1,1,1,a",
        "١,1,1,a".encode(),
        b"9" * 20 + b",1,1,a",
        b"",
    ],
)
def test_malformed_lines_are_refused_with_their_number(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.sym"
    path.write_bytes(b"1,1,1,main.a\n" + line + b"\n2,2,2,main.b\n")
    with pytest.raises(InputError, match=r"bad\.sym: line 2: "):
        list(read_sym(path))


def test_endless_lines_are_refused(tmp_path: Path) -> None:
    for end in (b"", b"\n", b"\n" * 3 + b"x"):
        path = tmp_path / "long.sym"
        path.write_bytes(b"1,1,1,a\n1,1,1," + b"a" * LONGEST_LINE + end)
        with pytest.raises(InputError, match=f"line 2: expected at most {LONGEST_LINE} bytes"):
            list(read_sym(path))
    with pytest.raises(InputError, match="regular file"):
        list(read_sym("/dev/zero"))


def test_sections_of_the_fixtures_stand_in_circoms_order() -> None:
    assert [number for number, _, _ in sections(R1CS_DATA)] == [2, 1, 3]
