"""The Solidity compiler of npm as a separate program: in build/solc, or the folder that ZKROLL_SOLC names.

To install it:  npm install --no-save --prefix build/solc solc@0.8.37
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("ZKROLL_SOLC", Path(__file__).resolve().parents[2] / "build/solc"))

needs_solc = pytest.mark.skipif(
    shutil.which("node") is None or not (FOLDER / "node_modules/solc").is_dir(),
    reason="needs node and the npm package solc in build/solc",
)

_PROGRAM = """
const { createRequire } = require("node:module");
const solc = createRequire(process.argv[1] + "/package.json")("solc");
let input = "";
process.stdin.on("data", (part) => (input += part));
process.stdin.on("end", () => process.stdout.write(solc.compile(input)));
"""


@dataclass(frozen=True)
class Compiled:
    """A contract: its ABI, the code that deploys it, its deployed code, and what the compiler had to say."""

    abi: list[dict[str, Any]]
    init: bytes
    runtime: bytes
    messages: list[str]


def compile_contracts(
    sources: dict[str, str], *, optimise: bool = True, via_ir: bool = False, evm_version: str = "shanghai"
) -> dict[str, Compiled]:
    """Compile the sources {name: text} in one run; gives {name: contract}, of that name or Groth16Verifier."""
    document = {
        "language": "Solidity",
        "sources": {f"{name}.sol": {"content": text} for name, text in sources.items()},
        "settings": {
            "evmVersion": evm_version,
            "viaIR": via_ir,
            "optimizer": {"enabled": optimise, "runs": 200},
            "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
        },
    }
    done = subprocess.run(
        ["node", "-e", _PROGRAM, str(FOLDER)],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)
    errors = [m["formattedMessage"] for m in output.get("errors", []) if m["severity"] == "error"]
    assert not errors, "\n".join(errors)
    found = {}
    for name in sources:
        contracts = output["contracts"][f"{name}.sol"]
        contract = contracts[name] if name in contracts else contracts["Groth16Verifier"]
        code = [bytes.fromhex(contract["evm"][part]["object"]) for part in ("bytecode", "deployedBytecode")]
        messages = [message["formattedMessage"] for message in output.get("errors", [])]
        about = [message for message in messages if f"{name}.sol" in message]
        found[name] = Compiled(contract["abi"], code[0], code[1], about)
    return found
