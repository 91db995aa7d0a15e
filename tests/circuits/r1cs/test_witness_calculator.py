"""Witnesses by circom's calculators are those of snarkjs; strange calculators and inputs end in one line."""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import wasmtime
from support.calculators import CIRCOM, LOOP, NEWEST, VERSIONS, calculator
from support.npm import FOLDER, needs_packages, snarkjs
from support.section_files import FIXTURES

from zkroll.algebra.constants import R_MODULUS as R
from zkroll.circuits.r1cs.formats import strict_json
from zkroll.circuits.r1cs.formats.input_json import flat_inputs, parse_inputs, read_inputs
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs
from zkroll.circuits.r1cs.formats.wtns import read_wtns, read_wtns_words, write_wtns
from zkroll.circuits.r1cs.wasm_sandbox import Sandbox
from zkroll.circuits.r1cs.witness_calculator import MOST_LOGGED, WitnessCalculator
from zkroll.errors import ConstraintViolation, InputError

INPUTS = read_inputs(CIRCOM / "input.json")
VIOLATED = {
    "inverse": ({**INPUTS, "a": 0}, "Inverse"),
    "assert": ({**INPUTS, "b": [1, 2, 3, 4, 5, 13]}, "Table"),
}


def refusal(code: bytes, inputs: dict | None = None, **limits: float) -> str:
    with pytest.raises(InputError) as caught:
        WitnessCalculator(code, **limits).calculate({"x": 1} if inputs is None else inputs)
    return str(caught.value)


# ---- calculators of circom ---------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_the_witness_is_that_of_snarkjs(version: str, tmp_path: Path) -> None:
    logged: list[str] = []
    made = WitnessCalculator(CIRCOM / f"table_{version}.wasm", log=logged.append)
    for _ in range(2):
        write_wtns(made.calculate(INPUTS), tmp_path / "w.wtns")
        assert (tmp_path / "w.wtns").read_bytes() == (CIRCOM / "table.wtns").read_bytes()
    assert logged == ["31", "31"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", VIOLATED)
def test_inputs_that_break_the_circuit_are_a_clean_no_with_the_place(version: str, case: str) -> None:
    inputs, template = VIOLATED[case]
    with pytest.raises(
        ConstraintViolation, match=rf"assert failed: Error in template {template}_\d+ line: \d+"
    ):
        WitnessCalculator(CIRCOM / f"table_{version}.wasm").calculate(inputs)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"a": []}, "got 0|got 6"),
        ({"b": [1, 2, 3, 4, 5]}, "got 5|got 6"),
        ({"b": [1, 2, 3, 4, 5, 6, 7]}, "got 7|got 8"),
        ({"z": 1}, "no input signal 'z'|got 8"),
        ({"é": 1}, "no input signal 'é'|got 8"),
        ({"z": 1, "a": []}, "'z'.* not found|no input signal 'z'|'a': expected 1"),
    ],
)
def test_inputs_of_another_shape_are_refused_by_name(version: str, changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        WitnessCalculator(CIRCOM / f"table_{version}.wasm").calculate({**INPUTS, **changes})


def test_members_of_buses_and_pieces_of_log_lines(tmp_path: Path) -> None:
    logged: list[str] = []
    made = WitnessCalculator((CIRCOM / "buses.wasm").read_bytes(), log=logged.append)
    write_wtns(made.calculate(read_inputs(CIRCOM / "buses.json")), tmp_path / "w.wtns")
    assert (tmp_path / "w.wtns").read_bytes() == (CIRCOM / "buses.wtns").read_bytes()
    assert logged == ["t is 15 and c is 151"]


def test_a_witness_satisfies_its_circuit_and_reports_progress() -> None:
    events: list[tuple[str, float]] = []
    words = WitnessCalculator(CIRCOM / "cells.wasm").calculate(
        {"a": 3, "b": ["11", -1]}, lambda stage, fraction, _detail: events.append((stage, fraction))
    )
    assert np.array_equal(words, read_wtns_words(FIXTURES / "cells.wtns"))
    assert read_r1cs(FIXTURES / "cells.r1cs").first_violation(read_wtns(FIXTURES / "cells.wtns")) is None
    assert [fraction for _, fraction in events] == sorted(fraction for _, fraction in events)
    assert events[-1] == ("witness", 1.0)


def test_other_fields_are_refused() -> None:
    assert "field of 8 words, as BN254's, got one of 2" in refusal((CIRCOM / "goldilocks.wasm").read_bytes())
    assert "got the prime 97" in refusal(calculator(prime=97))


# ---- calculators of strangers ------------------------------------------------------------------------------


def test_the_calculator_written_by_hand_works() -> None:
    words = WitnessCalculator(calculator(wires=200_000)).calculate({"x": 5})
    assert (len(words), words.sum()) == (200_000, 200_000)


def test_calculators_of_circom_1_are_refused_as_such() -> None:
    code = wasmtime.wat2wasm(
        '(module (import "env" "memory" (memory 1)) (func (export "getFrLen") (result i32) (i32.const 40))'
        ' (func (export "getPRawPrime") (result i32) (i32.const 8)))'
    )
    assert "got one of circom 1" in refusal(bytes(code))
    assert "got one of circom 1" in refusal(calculator(version=1))
    assert "got one of circom 3" in refusal(calculator(version=3))


@pytest.mark.parametrize(
    ("imports", "message"),
    [
        (
            '(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))',
            "fd_write",
        ),
        ('(import "env" "memory" (memory 1))', "env.memory"),
        ('(import "runtime" "exceptionHandler" (func (param i64)))', "exceptionHandler"),
        ('(import "runtime" "exceptionHandler" (global i32))', "exceptionHandler"),
        ('(import "runtime" "log\\1b[31m" (func))', "log\\x1b[31m"),
    ],
)
def test_other_imports_are_refused_by_name(imports: str, message: str) -> None:
    memory = "(func)" if "memory 1" in imports else ""
    code = calculator(imports=imports) if not memory else wasmtime.wat2wasm(f"(module {imports})")
    assert message in refusal(bytes(code))


@pytest.mark.parametrize("name", ["getVersion", "setInputSignal", "getWitness", "getMessageChar", "init"])
def test_missing_functions_are_named(name: str) -> None:
    assert f"expected the function {name}, got none" in refusal(calculator(without=name))


def test_functions_of_another_type_are_named() -> None:
    more = '(func (export "getInputSignalSize") (param i64 i32) (result i32) (i32.const 1))'
    assert "getInputSignalSize: expected 2 parameters of 32 bits" in refusal(calculator(more=more))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"init": "unreachable"}, "unreachable"),
        (
            {"set_input": "(call $init (i32.const 0)) (drop (i32.load (i32.const 0x7fffffff)))"},
            "memory fault",
        ),
        (
            {"set_input": "(call $setInputSignal (i32.const 0) (i32.const 0) (i32.const 0))"},
            "stack exhausted",
        ),
        (
            {"get": "(memory.fill (i32.const 0) (i32.const 255) (i32.const 32))"},
            "wire 0: expected a value below r",
        ),
        ({"wires": 0}, "wires, got 0"),
        ({"wires": -1}, "wires, got 4294967295"),
        ({"inputs": -1}, "expected 4294967295 values"),
        ({"memory": "65537"}, "memory"),
        ({"more": "(table 2000000 funcref)"}, "table"),
    ],
)
def test_code_that_fails_says_why_in_one_line(changes: dict, message: str) -> None:
    line = refusal(calculator(**changes))
    assert message in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "changes",
    [
        {"init": LOOP},
        {"set_input": LOOP},
        {"get": LOOP},
        {"more": f"(func $start {LOOP}) (start $start)"},
        {
            "imports": '(import "runtime" "writeBufferMessage" (func $log))',
            "init": "(loop $l (call $log) (br $l))",
        },
        {
            "imports": '(import "runtime" "writeBufferMessage" (func $log))',
            "init": "(loop $l (call $log) (br $l))",
            "message": "(i32.const 65)",
        },
    ],
)
def test_code_without_end_is_stopped(changes: dict) -> None:
    lines: list[str] = []
    with pytest.raises(InputError, match=r"expected to end within 0\.2 s, got stopped"):
        WitnessCalculator(calculator(**changes), seconds=0.2, log=lines.append).calculate({"x": 1})
    assert sum(map(len, lines)) <= MOST_LOGGED + 100
    assert not [thread for thread in threading.enumerate() if thread.name == "wasm"]


def test_compiling_is_bounded_in_time() -> None:
    body = "(block (br_if 0 (i32.const 0)))" * 50_000
    code = calculator(more=f"(func {body})")
    with pytest.raises(InputError, match="expected to end within"):
        WitnessCalculator(code, seconds=0.001)
    for thread in threading.enumerate():  # it goes on until the function is compiled
        if thread.name == "wasm":
            thread.join()


def test_runs_leave_no_memory_behind() -> None:
    made = WitnessCalculator(
        calculator(memory="1600", init="(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x6000000))")
    )
    before = resident()
    for _ in range(5):
        made.calculate({"x": 1})
    assert resident() - before < 150 << 20


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_is_bounded() -> None:
    grow = "(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then unreachable))"
    made = WitnessCalculator(calculator(init=grow), memory=200 << 20)
    assert len(made.calculate({"x": 1})) == 2
    assert "unreachable" in refusal(calculator(init=grow), memory=20 << 20)


def test_logged_text_is_bounded_and_errors_of_the_hand_are_kept() -> None:
    imports = '(import "runtime" "showSharedRWMemory" (func $show)) (import "runtime" "exceptionHandler" (func $e (param i32)))'
    lines: list[str] = []
    many = (
        "(local $i i32) (loop $l (call $show) (local.set $i (i32.add (local.get $i) (i32.const 1)))"
        " (br_if $l (i32.lt_u (local.get $i) (i32.const 20000))))"
    )
    WitnessCalculator(calculator(imports=imports, init=many), log=lines.append).calculate({"x": 1})
    assert sum(map(len, lines)) <= MOST_LOGGED + 100
    assert lines[-1] == "(further messages of the circuit are not shown)"
    assert "error 77" in refusal(calculator(imports=imports, set_input="(call $e (i32.const 77))"))
    assert "signal 'x': too many signals set" in refusal(
        calculator(imports=imports, set_input="(call $e (i32.const 2))")
    )


def test_what_the_log_raises_comes_through() -> None:
    def full(_line: str) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        WitnessCalculator(NEWEST, log=full).calculate(INPUTS)


def test_damaged_files_are_refused_or_fail_cleanly() -> None:
    code, rng = NEWEST.read_bytes(), random.Random(7)
    for length in (0, 3, 4, 7, 8, 9, *(rng.randrange(10, len(code)) for _ in range(25)), len(code) - 1):
        assert "\n" not in refusal(code[:length])
    for _ in range(25):
        changed = bytearray(code)
        changed[rng.randrange(8, len(code))] ^= 1 << rng.randrange(8)
        try:
            words = WitnessCalculator(bytes(changed), seconds=1, memory=1 << 28).calculate(INPUTS)
        except (InputError, ConstraintViolation):
            continue
        assert words.shape[1:] == (4,)


def test_files_that_are_no_code_are_refused(tmp_path: Path) -> None:
    for path in (
        tmp_path,
        tmp_path / "none.wasm",
        Path("/dev/zero"),
        CIRCOM / "table.circom",
        FIXTURES / "cells.zkey",
    ):
        with pytest.raises(InputError, match=str(path)):
            WitnessCalculator(path)


def test_a_sandbox_passes_results_and_errors_on() -> None:
    sandbox = Sandbox("place", seconds=5)
    assert sandbox.run(lambda: 5) == 5
    with pytest.raises(KeyError):
        sandbox.run(lambda: {}["x"])


@pytest.mark.parametrize(
    "limits", [{"seconds": 0}, {"seconds": float("nan")}, {"memory": 0}, {"memory": 1 << 33}]
)
def test_limits_that_are_none_are_refused(limits: dict) -> None:
    with pytest.raises(InputError, match="expected a limit of"):
        Sandbox("place", **limits)


# ---- input.json --------------------------------------------------------------------------------------------


def test_numbers_stand_for_themselves_modulo_r() -> None:
    text = f'{{"a": [0, -1, "007", "-3", "0xfF", "{R}", "{2**256 - 1}", {2**53 - 1}], "b": [[[]]], "c": "5"}}'
    values = parse_inputs(text.encode())
    assert values == {"a": [0, R - 1, 7, R - 3, 255, 0, (2**256 - 1) % R, 2**53 - 1], "b": [], "c": [5]}
    assert flat_inputs({"a": (1, [R + 2]), "b": 2**300}) == {"a": [1, 2], "b": [2**300 % R]}


def test_members_of_buses_have_qualified_names() -> None:
    values = flat_inputs({"p": [{"x": 1}, {"x": [2, 3]}], "q": {"r": {"x": 4}}})
    assert values == {"p[0].x": [1], "p[1].x": [2, 3], "q.r.x": [4]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": {"b": 1}, "a.b": 2}', "given twice"),
        ('{"a": 1.0}', "got '1.0'"),
        ('{"a": 1e3}', "got '1e3'"),
        ('{"a": NaN}', "NaN"),
        ('{"a": true}', "got True"),
        ('{"a": null}', "got None"),
        ('{"a": "1_000"}', "got '1_000'"),
        ('{"a": [1, " 7"]}', "value 1: expected an integer"),
        ('{"a": "+7"}', "'+7'"),
        ('{"a": ""}', "got ''"),
        ('{"a": "0X1f"}', "0X1f"),
        ('{"a": "-0x1f"}', "-0x1f"),
        ('{"a": "\u0663"}', "expected an integer"),
        (f'{{"a": "{"9" * 5000}"}}', "expected an integer"),
        (f'{{"a": {"9" * 5000}}}', "in quotes"),
        (f'{{"a": {2**53}}}', "in quotes"),
        (f'{{"a": {"[" * 100_000}', "nested too deeply"),
        ('{"a": [1, {"x": 2}]}', "signal 'a': value 1: expected an integer, got dict"),
        ("[1, 2]", "expected an object"),
        ('{"a": 1} x', "expected JSON"),
        ('{"a": 1', "expected JSON"),
        ('\ufeff{"a": 1}', "byte order mark"),
        ('{"\\u0061": 1}', "escapes"),
    ],
)
def test_other_values_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_inputs(text.encode())
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["[" + "1," * 8 + "1]", "[" * 5 + "]" * 5, "[" + '{"b": 1},' * 3 + "1]"])
def test_the_number_of_values_is_bounded(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short values take some fifty times as much memory as in the file."""
    monkeypatch.setattr(strict_json, "MOST_PARTS", 6)
    assert parse_inputs(b'{"a": [1, 2, "3"]}') == {"a": [1, 2, 3]}
    with pytest.raises(InputError, match="expected at most 6 values, names and arrays"):
        parse_inputs(b'{"a": 1, "c": ' + text.encode() + b"}")


def test_nested_values_of_python_are_bounded() -> None:
    deep: list = []
    deep.append(deep)
    with pytest.raises(InputError, match="nested too deeply"):
        flat_inputs({"a": deep})
    loop: dict = {}
    loop["x"] = loop
    with pytest.raises(InputError, match="nested too deeply"):
        flat_inputs({"a": loop})


# ---- snarkjs and circom ------------------------------------------------------------------------------------

CIRCUIT = """
pragma circom 2.1.0;
include "poseidon.circom";
include "comparators.circom";
include "mimcsponge.circom";
template Main(n) {
  signal input secret[n][2]; signal input limit;
  signal output hash[n]; signal output small; signal output sponge;
  component h[n];
  for (var i = 0; i < n; i++) {
    h[i] = Poseidon(3);
    h[i].inputs[0] <== secret[i][0]; h[i].inputs[1] <== secret[i][1]; h[i].inputs[2] <== i;
    hash[i] <== h[i].out;
  }
  small <== LessThan(32)([secret[0][0], limit]);
  component m = MiMCSponge(2, 220, 1);
  m.ins <== secret[0]; m.k <== 0; sponge <== m.outs[0];
}
component main {public [limit]} = Main(8);
"""


@pytest.mark.oracle
@needs_packages
def test_witnesses_of_circomlib_circuits_are_those_of_snarkjs(tmp_path: Path) -> None:
    (tmp_path / "c.circom").write_text(CIRCUIT)
    libraries = FOLDER / "circomlib/circuits"
    command = [
        "node",
        FOLDER / ".bin/circom2",
        tmp_path / "c.circom",
        "-l",
        libraries,
        "--wasm",
        "-o",
        tmp_path,
    ]
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=300)
    rng, wasm = random.Random(3), tmp_path / "c_js/c.wasm"
    made = WitnessCalculator(wasm)
    for case in range(3):
        inputs = {
            "secret": [[str(rng.randrange(R)), hex(rng.randrange(R))] for _ in range(8)],
            "limit": rng.randrange(1 << 32),
        }
        inputs["secret"][0] = [case << 20, str(R - case)]
        (tmp_path / "i.json").write_text(json.dumps(inputs))
        done = snarkjs("wtns", "calculate", wasm, tmp_path / "i.json", tmp_path / "theirs.wtns")
        assert done.returncode == 0, done.stdout
        write_wtns(made.calculate(read_inputs(tmp_path / "i.json")), tmp_path / "ours.wtns")
        assert (tmp_path / "ours.wtns").read_bytes() == (tmp_path / "theirs.wtns").read_bytes()
    for changes in ({"secret": [[1, 2]]}, {"other": 1}):
        (tmp_path / "i.json").write_text(json.dumps({**inputs, **changes}))
        assert snarkjs("wtns", "calculate", wasm, tmp_path / "i.json", tmp_path / "w").returncode != 0
        with pytest.raises(InputError):
            made.calculate(read_inputs(tmp_path / "i.json"))
