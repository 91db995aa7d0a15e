"""Anvil, an Ethereum node, as a separate program: in build/anvil, or the folder that ZKROLL_ANVIL names.

To install it:  npm install --no-save --prefix build/anvil @foundry-rs/anvil
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractLogicError, Web3RPCError

from support.evm import Call

FOLDER = Path(os.environ.get("ZKROLL_ANVIL", Path(__file__).resolve().parents[2] / "build/anvil"))
PROGRAM = FOLDER / "node_modules/.bin/anvil"

needs_anvil = pytest.mark.skipif(
    shutil.which("node") is None or not PROGRAM.exists(),
    reason="needs node and the npm package @foundry-rs/anvil in build/anvil",
)


class Anvil:
    """A running node with unlocked accounts."""

    def __init__(self, address: str) -> None:
        self.w3 = Web3(HTTPProvider(address, request_kwargs={"timeout": 60}))
        self.sender = self.w3.eth.accounts[0]

    def deploy(self, init: bytes) -> str:
        """Deploy a contract; gives its address."""
        sent = self.w3.eth.send_transaction({"from": self.sender, "data": init, "gas": 10_000_000})
        receipt = self.w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        assert receipt["status"] == 1
        return str(receipt["contractAddress"])

    def verdict(self, to: str, data: bytes, gas: int = 10_000_000, value: int = 0) -> bool | None:
        """What eth_call at this gas limit gives as a bool; None where it fails."""
        return self.call(to, data, gas, value).verdict

    def call(self, to: str, data: bytes, gas: int = 10_000_000, value: int = 0) -> Call:
        """The output of eth_call at this gas limit, or the error; its gas is not known."""
        request = {"from": self.sender, "to": to, "data": data, "gas": gas, "value": value}
        try:
            return Call(bytes(self.w3.eth.call(request)), 0, None)
        except (ContractLogicError, Web3RPCError) as error:
            return Call(b"", 0, str(error))

    def gas(self, to: str, data: bytes) -> int:
        """Gas of a mined transaction with this calldata."""
        sent = self.w3.eth.send_transaction({"from": self.sender, "to": to, "data": data, "gas": 10_000_000})
        receipt = self.w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        assert receipt["status"] == 1
        return int(receipt["gasUsed"])


@contextmanager
def running_anvil() -> Iterator[Anvil]:
    """Start a node on a free port with Prague's rules, and stop it at the end."""
    command = [str(PROGRAM), "--port", "0", "--hardfork", "prague", "--accounts", "2"]
    node = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert node.stdout is not None
        printed = ""
        for line in node.stdout:
            printed += line
            if found := re.search(r"Listening on ([0-9.]+:[0-9]+)", line):
                # a node whose output nobody reads stops when the pipe is full
                Thread(target=deque, args=(node.stdout, 0), daemon=True).start()
                yield Anvil(f"http://{found[1]}")
                break
        else:
            raise AssertionError(f"anvil did not start: {printed}")
    finally:
        node.terminate()
        node.wait(timeout=20)
