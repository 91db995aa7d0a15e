"""Witness calculators for tests: those of circom, and one written by hand that can be made to misbehave.

tests/fixtures/circom holds table.circom compiled by every version of circom 2 that the npm package circom2 has
had, at least the last of each minor one (`circom2 table.circom --wasm`), with the witness of input.json by
`snarkjs wtns calculate`; buses.circom by circom 2.2.3 with the witness of buses.json by circom's own
generate_witness.js; goldilocks.circom by `circom2 --wasm -p goldilocks`; and fixtures/snarkjs/cells.circom.
"""

from __future__ import annotations

from pathlib import Path

import wasmtime

from zkroll.algebra.constants import R_MODULUS

CIRCOM = Path(__file__).resolve().parents[1] / "fixtures/circom"
VERSIONS = ("2.0.3", "2.0.8", "2.1.3", "2.1.6", "2.1.9", "2.2.2", "2.2.3")
NEWEST = CIRCOM / f"table_{VERSIONS[-1]}.wasm"

LOOP = "(loop $again (br $again))"


def text(
    *,
    imports: str = "",
    version: int = 2,
    words: int = 8,
    prime: int = R_MODULUS,
    inputs: int = 1,
    wires: int = 2,
    init: str = "",
    set_input: str = "",
    get: str = "(i32.store (i32.const 0) (i32.const 1)) (memory.fill (i32.const 4) (i32.const 0) (i32.const 28))",
    message: str = "(i32.const 0)",
    memory: str = "1",
    more: str = "",
    without: str = "",
) -> str:
    """The text of a module with the functions of a calculator; every wire of it is one."""
    octets = "".join(f"\\{octet:02x}" for octet in prime.to_bytes(32, "little"))
    functions = {
        "getVersion": f"(result i32) (i32.const {version})",
        "getFieldNumLen32": f"(result i32) (i32.const {words})",
        "getRawPrime": "(memory.copy (i32.const 0) (i32.const 64) (i32.const 32))",
        "readSharedRWMemory": "(param $i i32) (result i32) (i32.load (i32.shl (local.get $i) (i32.const 2)))",
        "writeSharedRWMemory": (
            "(param $i i32) (param $v i32) (i32.store (i32.shl (local.get $i) (i32.const 2)) (local.get $v))"
        ),
        "getMessageChar": f"(result i32) {message}",
        "init": f"(param i32) {init}",
        "getInputSize": f"(result i32) (i32.const {inputs})",
        "setInputSignal": f"(param i32 i32 i32) {set_input}",
        "getWitnessSize": f"(result i32) (i32.const {wires})",
        "getWitness": f"(param i32) {get}",
    }
    bodies = [
        f'(func ${name} (export "{name}") {body})' for name, body in functions.items() if name != without
    ]
    data = f'(data (i32.const 64) "{octets}")'
    return f'(module {imports} (memory (export "memory") {memory}) {data} {" ".join(bodies)} {more})'


def calculator(**changes: object) -> bytes:
    """That module, changed, in the binary format."""
    return bytes(wasmtime.wat2wasm(text(**changes)))  # type: ignore[arg-type]
