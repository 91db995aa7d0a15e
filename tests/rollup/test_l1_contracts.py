"""The committed artifacts are what solc makes of the committed sources."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from zkroll.errors import InputError
from zkroll.rollup.development import token_code
from zkroll.rollup.l1.artifact import inbox_artifact, parse_artifact
from zkroll.vm.opcodes import CORE

ROOT = Path(__file__).resolve().parents[2]
COMPILE = ROOT / "rollup/l1/contracts/compile.mjs"
ARTIFACTS = [*sorted(COMPILE.parent.glob("*.json")), ROOT / "examples/erc20/Token.json"]
CONTRACTS = [artifact.with_suffix(".sol") for artifact in ARTIFACTS]

#: where `make contracts` installs solc, or another folder with node_modules/solc
SOLC_FOLDER = Path(os.environ.get("ZKROLL_SOLC", ROOT / "build/solc"))


@pytest.mark.parametrize("source", CONTRACTS, ids=lambda path: path.stem)
def test_artifact_is_what_the_compiler_makes(source: Path, tmp_path: Path) -> None:
    if shutil.which("node") is None or not (SOLC_FOLDER / "node_modules/solc").is_dir():
        pytest.skip("needs node and the npm package solc; make contracts installs it")
    compiled = tmp_path / "artifact.json"
    subprocess.run(["node", COMPILE, SOLC_FOLDER, source, compiled], check=True, timeout=120)
    assert compiled.read_bytes() == source.with_suffix(".json").read_bytes()


def test_token_uses_only_opcodes_that_the_circuits_have() -> None:
    code = token_code()
    at, missing = 0, set()
    while at < len(code):
        opcode = code[at]
        if opcode not in CORE:
            missing.add(hex(opcode))
        at += 1 + (opcode - 0x5F if 0x60 <= opcode <= 0x7F else 0)
    assert not missing


def test_token_of_the_development_genesis_is_the_compiled_one() -> None:
    artifact = parse_artifact((ROOT / "examples/erc20/Token.json").read_bytes())
    assert token_code() == artifact.runtime


def test_inbox_code_is_recognised_with_any_immutables_and_nothing_else() -> None:
    artifact = inbox_artifact()
    deployed = bytearray(artifact.runtime)
    for start, length in artifact.immutables:
        deployed[start : start + length] = b"\x5a" * length
    assert artifact.is_code(bytes(deployed))
    assert not artifact.is_code(b"")
    assert not artifact.is_code(bytes(deployed) + b"\0")
    deployed[10] ^= 1
    assert not artifact.is_code(bytes(deployed))


def test_every_error_of_the_inbox_is_described_with_its_values() -> None:
    artifact = inbox_artifact()
    call = artifact.encode_call("batches", 5)
    assert call[4:] == (5).to_bytes(32, "big")
    assert artifact.describe_error(b"") == "reverted without a reason"
    assert artifact.describe_error(b"\xde\xad\xbe\xef") == "reverted with unknown error 0xdeadbeef"
    reason = (
        bytes.fromhex("08c379a0")
        + (32).to_bytes(32, "big")
        + (2).to_bytes(32, "big")
        + b"no".ljust(32, b"\0")
    )
    assert artifact.describe_error(reason) == "reverted: 'no'"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"contract": 1}', b"\xff", b"null"])
def test_garbage_artifact_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="contract artifact"):
        parse_artifact(content)


@pytest.mark.parametrize("data", [b"", b"\0" * 31, b"\xff" * 32])
def test_result_of_other_types_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match=r"l2ChainId: expected values"):
        inbox_artifact().decode_result("l2ChainId", data)
