"""The compiler of verifiers: what it makes does what solc's code does, and it refuses whatever it does not know."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from support.solc import compile_contracts, needs_solc

from zkroll.algebra.constants import Q_MODULUS, R_MODULUS
from zkroll.circuits.r1cs.formats.groth16_json import read_proof, read_public, read_verification_key
from zkroll.errors import InputError
from zkroll.rollup.l1.yul import LARGEST_CODE, compile_contract
from zkroll.rollup.l1.yul_text import LARGEST_TEXT, OPCODES
from zkroll.rollup.testing.chain import Answer, DeployedVerifier, LocalChain
from zkroll.verifier.groth16 import Proof, VerifyingKey
from zkroll.verifier.groth16.solidity import solidity_verifier

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests/fixtures/snarkjs"
M = 1 << 256


def contract(block: str, parameters: str = "uint256[3] calldata x", name: str = "C") -> str:
    return (
        f"// SPDX-License-Identifier: MIT\npragma solidity ^0.8.20;\ncontract {name} {{\n"
        f"function f({parameters}) external view returns (bool) {{\n"
        f'assembly ("memory-safe") {{\n{block}\n}}\n}}\n}}\n'
    )


def giving(expression: str) -> str:
    return f"mstore(0x00, {expression}) return(0x00, 0x20)"


@pytest.fixture(scope="module")
def chain() -> LocalChain:
    return LocalChain()


def run(chain: LocalChain, source: str, *values: int, **options: int) -> Answer:
    compiled = compile_contract(source)
    address = chain.deploy(compiled.creation)
    assert bytes(chain.w3.eth.get_code(address)) == compiled.runtime
    return chain.call(address, compiled.selector + b"".join(v.to_bytes(32, "big") for v in values), **options)


def value(answer: Answer) -> int:
    assert answer.failure is None
    return int.from_bytes(answer.output, "big")


def signed(x: int) -> int:
    return x - M if x >> 255 else x


MEANINGS = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "sub": lambda a, b: a - b,
    "div": lambda a, b: a // b if b else 0,
    "mod": lambda a, b: a % b if b else 0,
    "addmod": lambda a, b, c: (a + b) % c if c else 0,
    "mulmod": lambda a, b, c: a * b % c if c else 0,
    "exp": lambda a, b: pow(a, b, M),
    "lt": lambda a, b: a < b,
    "gt": lambda a, b: a > b,
    "slt": lambda a, b: signed(a) < signed(b),
    "sgt": lambda a, b: signed(a) > signed(b),
    "eq": lambda a, b: a == b,
    "iszero": lambda a: a == 0,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "not": lambda a: ~a,
    "byte": lambda a, b: b.to_bytes(32, "big")[a] if a < 32 else 0,
    "shl": lambda a, b: b << a if a < 256 else 0,
    "shr": lambda a, b: b >> a if a < 256 else 0,
    "sar": lambda a, b: signed(b) >> min(a, 255),
}


def test_instructions_take_their_arguments_in_order(chain: LocalChain) -> None:
    parts = ["calldataload(x)", "calldataload(add(x, 0x20))", "calldataload(add(x, 64))"]
    samples = [(7, 3, 5), (2, M - 9, 11), (M - 1, 200, 13), (0, 0, 0)]
    stores, meanings = [], list(MEANINGS.values())
    for i, (name, meaning) in enumerate(MEANINGS.items()):
        count = meaning.__code__.co_argcount
        stores.append(f"mstore(add(m, {32 * i}), {name}({', '.join(parts[:count])}))")
    source = contract("let m := mload(0x40)\n" + "\n".join(stores) + f"\nreturn(m, {32 * len(stores)})")
    for sample in samples:
        output = run(chain, source, *sample).output
        for i, meaning in enumerate(meanings):
            got = int.from_bytes(output[32 * i : 32 * i + 32], "big")
            assert got == int(meaning(*sample[: meaning.__code__.co_argcount])) % M, list(MEANINGS)[i]


PROGRAMS = {
    "variables": "let a := calldataload(x) let b := add(a, 1) a := mul(b, b) let c := sub(a, b) "
    + giving("add(c, a)"),
    "blocks": "let a := 1 { let b := 2 a := add(a, b) { let c := b a := mul(a, c) } } let d := 9 "
    + giving("sub(d, a)"),
    "conditions": "let a := calldataload(x) if gt(a, 5) { let t := mul(a, 2) a := t } if lt(a, 3) { a := 77 } "
    + giving("a"),
    "nested": "let a := calldataload(x) if a { if gt(a, 5) { let u := 5 if eq(a, 6) { a := add(u, a) } } } "
    + giving("a"),
    "leaving": "if calldataload(x) { mstore(0, 3) return(0, 32) } revert(0, 0)",
    "reverting": "if gt(calldataload(x), 5) { mstore(0, 3) revert(0x1c, 4) } " + giving("callvalue()"),
    "many variables": " ".join(f"let v{i} := {i}" for i in range(14)) + " v0 := 99 " + giving("add(v0, v13)"),
    "order": "mstore(0x20, 5) " + giving("sub(staticcall(gas(), 4, 0x20, 32, 0, 32), mload(0))"),
    "memory": "mstore8(0, 0xff01) calldatacopy(1, 4, 31) " + giving("keccak256(0, mload(0x40))"),
    "returned": "pop(staticcall(gas(), 4, 0, 0x60, 0x80, 0x60)) returndatacopy(0x20, 0x40, 0x20) "
    + giving("add(mload(0x20), returndatasize())"),
    "literals": giving("add(0xFf, add(115792089237316195423570985008687907853269984665640564039457584007913129639935, true))"),
    "comments": "// let a := 1\n/* } */ " + giving("calldatasize() // { \n"),
}  # fmt: skip


def test_programs_give_what_their_text_says(chain: LocalChain) -> None:
    def gives(name: str, x: int) -> int:
        return value(run(chain, contract(PROGRAMS[name]), x, 0, 0))

    assert gives("variables", 4) == 25 - 5 + 25
    assert gives("blocks", 0) == 9 - 6
    assert [gives("conditions", x) for x in (2, 4, 6)] == [77, 4, 12]
    assert [gives("nested", x) for x in (0, 4, 6, 7)] == [0, 4, 11, 7]
    assert gives("leaving", 8) == 3
    assert run(chain, contract(PROGRAMS["leaving"]), 0, 0, 0).failure == "Revert"
    assert run(chain, contract(PROGRAMS["reverting"]), 6, 0, 0).output == (3).to_bytes(4, "big")
    assert gives("many variables", 0) == 99 + 13
    # the last argument comes first: memory is still empty when it is read
    assert gives("order", 0) == 1
    assert gives("returned", 0) == 0x80 + 0x60
    assert gives("literals", 0) == 0xFF
    assert gives("comments", 0) == 4 + 96


def test_the_call_is_checked_before_the_block_runs(chain: LocalChain) -> None:
    source = contract(giving("7"))
    compiled = compile_contract(source)
    address = chain.deploy(compiled.creation)
    words = bytes(96)
    assert value(chain.call(address, compiled.selector + words)) == 7
    assert value(chain.call(address, compiled.selector + words + b"more")) == 7
    for data in (b"", b"\0", compiled.selector[:3], compiled.selector, compiled.selector + words[:-1]):
        assert chain.call(address, data).failure == "Revert"
    other = bytes([compiled.selector[0] ^ 1]) + compiled.selector[1:]
    assert chain.call(address, other + words).failure == "Revert"
    assert chain.call(address, compiled.selector + words, value=1).failure == "Revert"


REFUSED = {
    "for { } 1 { } { } " + giving("1"): "instruction of the EVM that is known here, got 'for'",
    "switch 1 case 0 { }" + giving("1"): "instruction of the EVM that is known here, got 'switch'",
    "function g() { } " + giving("1"): "got 'function'",
    "sstore(0, 1) " + giving("1"): "got 'sstore'",
    "pop(call(gas(), 1, 0, 0, 0, 0, 0)) " + giving("1"): "got 'call'",
    "selfdestruct(0)": "got 'selfdestruct'",
    giving("sload(0)"): "got 'sload'",
    giving("nothing"): "got 'nothing'",
    giving("mstore(0, 0)"): "that gives a value, got 'mstore'",
    "add(1, 2) " + giving("1"): "that gives none (or pop), got 'add'",
    giving("add(1)"): "add: expected 2 arguments, got 1",
    giving("add(1, 2, 3)"): "add: expected 2 arguments, got 3",
    giving("add(1 2)"): "expected ','",
    giving("add(, 2)"): "expected an expression",
    giving("0x"): "expected a number of at most 256 bits, got '0x'",
    giving("1_0"): "expected a number of at most 256 bits",
    giving("1e3"): "expected a number",
    giving("007"): "expected a number",
    giving(str(M)): "expected a number",
    giving("-1"): "expected an expression, got '-'",
    giving('"text"'): "expected an expression, got '\"text\"'",
    "let a := 1 let a := 2 " + giving("a"): "expected the name of a new variable, got 'a'",
    "let x := 1 " + giving("1"): "expected the name of a new variable, got 'x'",
    "let add := 1 " + giving("1"): "expected the name of a new variable, got 'add'",
    "let true := 0 " + giving("true"): "expected the name of a new variable, got 'true'",
    "let if := 1 " + giving("1"): "expected the name of a new variable, got 'if'",
    "let a " + giving("1"): "expected ':='",
    "{ let a := 1 } " + giving("a"): "got 'a'",
    "let a := a " + giving("a"): "got 'a'",
    "x := 1 " + giving("1"): "expected a variable to assign to, got 'x'",
    "b := 1 " + giving("1"): "expected a variable to assign to, got 'b'",
    "if 1 pop(1) " + giving("1"): "expected '{'",
    "pop(1)": "expected the block to end with return or revert",
    "if 1 { return(0, 0) }": "expected the block to end with return or revert",
    giving("1") + " pop(2)": "expected the block to end with return or revert",
    "": "expected the block to end with return or revert",
    giving("1") + " }": "expected the end of the text after one contract of one function, got '}'",
    " ".join(f"let v{i} := {i}" for i in range(17)) + " " + giving("v0"): "variable v0: expected at most 15 values above it, got 16",
    "/* open " + giving("1"): "expected a comment that ends",
    giving("1 // \r)"): "expected printable ASCII, got '\\r'",
    giving("é"): "expected printable ASCII",
    giving("not(" * 100 + "1" + ")" * 100): "expected at most 64 calls or blocks",
    "{" * 5000: "expected at most 64 calls or blocks",
}  # fmt: skip


@pytest.mark.parametrize("block", REFUSED, ids=[text[:30] for text in REFUSED])
def test_a_block_of_other_language_is_refused_with_its_line(block: str) -> None:
    with pytest.raises(InputError) as caught:
        compile_contract(contract(block))
    assert REFUSED[block] in str(caught.value)
    assert str(caught.value).startswith("contract: line ")


GOOD = contract(giving("1"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("contract C", "library C", "line 3: expected 'contract', got 'library'"),
        ("contract C", "abstract contract C", "expected 'contract'"),
        ("contract C", "contract C is D", "line 3: expected '{', got 'is'"),
        ("function f", "uint256 constant k = 1; function f", "expected 'function', got 'uint256'"),
        ("function f", "constructor() {} function f", "expected 'function'"),
        ("external view", "external payable", "expected 'view' or 'pure', got 'payable'"),
        ("external view", "internal view", "expected 'public' or 'external', got 'internal'"),
        ("external view", "external view virtual", "expected 'returns', got 'virtual'"),
        ("returns (bool)", "returns (uint256)", "expected 'bool'"),
        ("returns (bool)", "returns (bool ok)", "expected ')', got 'ok'"),
        ("uint256[3]", "uint256", "expected an array of uint256"),
        ("uint256[3]", "uint256[]", "expected the array's length"),
        ("uint256[3]", "uint256[0]", "expected the array's length"),
        ("uint256[3]", "uint256[70000]", "expected the array's length"),
        ("uint256[3]", f"uint256[{'9' * 5000}]", "expected the array's length"),
        ("uint256[3]", "uint256[999][999]", "less than 65536"),
        ("uint256[3]", "bytes", "expected an array of uint256, got 'bytes'"),
        ("calldata x", "memory x", "expected 'calldata', got 'memory'"),
        ("calldata x", "calldata add", "expected another name for a parameter, got 'add'"),
        ("calldata x", "calldata x, uint[1] calldata x", "expected another name for a parameter, got 'x'"),
        ('("memory-safe")', '("evmasm")', "memory-safe"),
        ("assembly", "return true; assembly", "expected 'assembly', got 'return'"),
        ("}\n}\n}\n", "}\n return true; }\n}\n", "expected '}', got 'return'"),
        ("}\n}\n}\n", "}\n}\n}\ncontract D {}", "one contract of one function, got 'contract'"),
        ("}\n}\n}\n", "}\n}\n", "got the end of the text"),
        ("pragma solidity ^0.8.20;", "pragma solidity", "expected ';'"),
    ],
)
def test_other_contracts_are_refused(old: str, new: str, message: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(InputError) as caught:
        compile_contract(GOOD.replace(old, new))
    assert message in str(caught.value)


def test_every_cut_of_a_text_is_refused() -> None:
    for end in range(len(GOOD.rstrip())):
        with pytest.raises(InputError):
            compile_contract(GOOD[:end])


def test_a_text_that_is_far_too_long_is_refused_unread() -> None:
    with pytest.raises(InputError, match="expected a text of at most"):
        compile_contract("{" * (LARGEST_TEXT + 1))


def test_changed_texts_are_compiled_or_refused_in_one_line() -> None:
    key, _, _ = cells()
    text, rng = solidity_verifier(key), random.Random(3)
    pieces = [
        "{",
        "}",
        "(",
        ")",
        "let",
        "if",
        ":=",
        "9" * 90,
        "/*",
        "//",
        "\r",
        '"',
        "x",
        "_pA",
        ",",
        "[",
        "\0",
        "",
        "",
        "",
    ]
    refused: list[str] = []
    for _ in range(150):
        start = rng.randrange(len(text))
        end = start + rng.choice([0, 1, 5, 40, 400])
        try:
            compile_contract(text[:start] + rng.choice(pieces) + text[end:])
        except InputError as error:
            refused.append(str(error))
    assert 50 < len(refused) < 150
    assert all("\n" not in line and len(line) < 250 for line in refused)


def test_code_above_the_limit_of_the_chain_is_refused() -> None:
    with pytest.raises(InputError, match=f"expected at most {LARGEST_CODE} bytes of code"):
        compile_contract(contract(f"mstore(0, {M - 1})\n" * 1000 + giving("1")))


def test_the_abi_says_what_the_text_declares() -> None:
    compiled = compile_contract(contract(giving("1"), "uint[2] calldata a, uint256[2][3] calldata b"))
    (entry,) = compiled.abi
    assert [(field["name"], field["type"]) for field in entry["inputs"]] == [
        ("a", "uint256[2]"),
        ("b", "uint256[2][3]"),
    ]
    assert (entry["stateMutability"], entry["outputs"][0]["type"]) == ("view", "bool")


def test_no_known_instruction_changes_state_or_reads_the_code() -> None:
    forbidden = {
        "sstore",
        "tstore",
        "call",
        "delegatecall",
        "create",
        "create2",
        "log0",
        "selfdestruct",
        "codecopy",
    }
    assert not forbidden & OPCODES.keys()


# ---- the verifier ------------------------------------------------------------------------------------------


def cells() -> tuple[VerifyingKey, bytes, list[int]]:
    key = VerifyingKey.from_parts(read_verification_key(FIXTURES / "cells.verification_key.json"))
    proof = Proof.from_parts(read_proof(FIXTURES / "cells.proof.json"))
    return key, proof.to_bytes(), read_public(FIXTURES / "cells.public.json")


def calls() -> list[bytes]:
    """Calldata of a valid proof and of many others, without the selector."""
    _, proof, public = cells()
    words = [int.from_bytes(proof[i : i + 32], "big") for i in range(0, 256, 32)] + public
    rng = random.Random(5)
    found = [words]
    for i in range(len(words)):
        modulus = Q_MODULUS if i < 8 else R_MODULUS
        for other in (
            0,
            words[i] ^ 1,
            words[i] + modulus,
            modulus,
            M - 1,
            words[i] ^ 1 << rng.randrange(256),
        ):
            found.append([*words[:i], other % M, *words[i + 1 :]])
    found += [[0] * 8 + public, [0, 0, *words[2:]], [*words[:6], 0, 0, *public]]
    data = [b"".join(word.to_bytes(32, "big") for word in row) for row in found]
    return [*data, data[0][:-1], data[0] + b"\0", b""]


def test_the_exported_verifier_runs_without_solc() -> None:
    key, proof, public = cells()
    deployed = DeployedVerifier(key)
    answers = [deployed.chain.call(deployed.address, deployed._selector + data) for data in calls()]
    assert [value(answer) for answer in answers[:-3]] == [1] + [0] * (len(answers) - 4)
    assert [answer.failure for answer in answers[-3:]] == ["Revert"] * 3
    assert deployed.accepts(proof, public)


@pytest.mark.oracle
@needs_solc
def test_programs_do_what_they_do_with_solc(chain: LocalChain) -> None:
    rng = random.Random(1)
    sources = {f"C{i}": contract(block, name=f"C{i}") for i, block in enumerate(PROGRAMS.values())}
    compiled = compile_contracts(sources)
    for name, source in sources.items():
        ours = compile_contract(source)
        addresses = [chain.deploy(compiled[name].init), chain.deploy(ours.creation)]
        for x in [0, 2, 4, 5, 6, 7, M - 1, rng.randrange(M)]:
            data = ours.selector + b"".join(v.to_bytes(32, "big") for v in (x, rng.randrange(M), 1))
            for call in (data, data + b"\1", data[:-1], data[:4], data[:2], b""):
                answers = [chain.call(address, call) for address in addresses]
                assert len({(answer.output, answer.failure) for answer in answers}) == 1, (name, x, call)


@pytest.mark.oracle
@needs_solc
def test_the_verifier_answers_as_with_solc() -> None:
    key, _, _ = cells()
    deployed = DeployedVerifier(key)
    theirs = compile_contracts({"Groth16Verifier": solidity_verifier(key)})["Groth16Verifier"]
    (entry,) = theirs.abi
    assert [field["type"] for field in entry["inputs"]] == [f["type"] for f in deployed.abi[0]["inputs"]]
    chain = deployed.chain
    address = chain.deploy(theirs.init)
    for data in calls():
        ours, other = (chain.call(place, deployed._selector + data) for place in (deployed.address, address))
        assert (ours.output, ours.failure) == (other.output, other.failure)
    data = deployed._selector + calls()[0]
    for gas in [*range(30_000, 250_000, 4_000), 300_000, 1_000_000]:
        ours, other = (chain.call(place, data, gas) for place in (deployed.address, address))
        for answer in (ours, other):
            assert (answer.failure is not None) or value(answer) == 1
    with pytest.raises(InputError, match="256 bytes"):
        deployed.accepts(b"", [])


NAMES = """
    byte uint256 uint8 bytes32 address contract mapping public this super abstract assembly _ switch let if hex unchecked
    virtual emit type var alias immutable match null of static typeof receive fallback constructor days wei
"""
BUILT_IN = """
    timestamp chainid balance sload call delegatecall create log0 selfdestruct msize pc jump datasize linkersymbol
    msg block abi now require sha256 this type C f x
"""


def texts_with_taken_names() -> dict[str, str]:
    end = giving("1")
    found = {f"variable {name}": contract(f"let {name} := 1 {end}") for name in BUILT_IN.split()}
    for name in NAMES.split():
        found[f"contract {name}"] = contract(end, name=name)
        found[f"function {name}"] = contract(end).replace("function f(", f"function {name}(")
        found[f"parameter {name}"] = contract(end, f"uint256[1] calldata {name}")
    found["function as contract"] = contract(end, name="f")
    for pragma in ("foo", "experimental '/*'", "solidity '>=0.8'", "solidity {>=0.8}", "solidity >=0.8 /"):
        found[f"pragma {pragma}"] = contract(end).replace("pragma solidity ^0.8.20", f"pragma {pragma}")
    return found


def test_names_that_solidity_has_taken_are_refused() -> None:
    for what, text in texts_with_taken_names().items():
        with pytest.raises(InputError, match=r"^contract: line [0-9]+: expected "):
            compile_contract(text)
        assert what


@pytest.mark.oracle
@needs_solc
def test_names_beside_them_are_free_for_solc_too() -> None:
    free = ("sstore_", "verify", "gas2", "uint2x", "leave_", "error", "layout", "global", "from")
    good = {
        f"good{i}": contract(f"let {name} := 1 " + giving(name), name="Groth16Verifier")
        for i, name in enumerate(free)
    }
    for text in good.values():
        compile_contract(text)
    assert set(compile_contracts(good)) == set(good)
