"""Contestants of the Groth16 benchmark: provers in this process, in others that stay, and as whole programs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from contest import Contestant, PeerError, Process

from zkroll.circuits.r1cs.formats.groth16_json import read_proof, read_public, read_verification_key
from zkroll.errors import ZkrollError
from zkroll.verifier.groth16 import Proof, VerifyingKey, verify

MEASURED = Path(__file__).with_name("measured.py")
OURS = (sys.executable, "-m", "zkroll")


def pinned(command: Sequence[str], threads: int) -> list[str]:
    """The command on the first cores only, if it is to have fewer than there are: provers take all they see."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    taskset = shutil.which("taskset")
    if taskset is None or len(cores) <= threads:
        return list(command)
    return [taskset, "--cpu-list", ",".join(map(str, cores[:threads])), *command]


class Runner:
    """The small process that runs and measures whole programs."""

    def __init__(self, threads: int):
        self._child = subprocess.Popen(
            pinned([sys.executable, "-S", str(MEASURED)], threads),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run a program and return `ns` and `peak_bytes`. Raises PeerError when it fails."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(
            json.dumps({"command": list(command), "environment": dict(environment or {})}) + "\n"
        )
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            raise PeerError(f"{command[0]}: could not be started")
        found: dict[str, Any] = json.loads(line)
        if found["code"] != 0:
            raise PeerError(f"{' '.join(command)}: exit code {found['code']}: {found['said'].strip()}")
        return found

    def close(self) -> None:
        if self._child.stdin is not None:
            self._child.stdin.close()
        self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()


def _nothing() -> str:
    return ""


class Program:
    """A whole program, from its start to its end; `peak_bytes` is the most that a run of it held."""

    def __init__(
        self,
        runner: Runner,
        command: Sequence[str],
        check: Callable[[], str] = _nothing,
        environment: Mapping[str, str] | None = None,
    ):
        self._runner, self._command, self._check, self._environment = runner, command, check, environment
        self.peak_bytes = 0

    def once(self) -> float:
        found = self._runner.run(self._command, self._environment)
        self.peak_bytes = max(self.peak_bytes, found["peak_bytes"])
        return float(found["ns"])

    def result(self) -> str:
        return self._check()

    def close(self) -> None:
        pass


class Resident:
    """A peer's process that stays (peers/README.md); results are what `check` finds in the files it writes."""

    def __init__(self, command: Sequence[str], threads: int, check: Callable[[], str] | None = None):
        self._process = Process(pinned(command, threads))
        self._check = check

    def once(self) -> float:
        return self._process.once()

    def result(self) -> str:
        return self._process.result() if self._check is None else self._check()

    def close(self) -> None:
        self._process.close()


def checked(folder: Path, key: Path) -> str:
    """The public signals in a folder, if the proof beside them is valid for these and the key; else what is wrong."""
    try:
        vk = VerifyingKey.from_parts(read_verification_key(key))
        signals = read_public(folder / "public.json")
        valid = verify(vk, signals, Proof.from_parts(read_proof(folder / "proof.json")))
    except ZkrollError as error:
        return f"refused: {error}"
    return " ".join(map(str, signals)) if valid else "refused: the proof is not valid"


def our_prover(runner: Runner, zkey: Path, wtns: Path, folder: Path, key: Path, threads: int) -> Program:
    """`zkroll groth16 prove` as a whole program."""
    outputs = (folder / "proof.json", folder / "public.json")
    command = [*OURS, "groth16", "prove", *map(str, (zkey, wtns, *outputs)), "--threads", str(threads)]
    return Program(runner, command, lambda: checked(folder, key))


def rapidsnark(
    runner: Runner, prover: str, zkey: Path, wtns: Path, folder: Path, key: Path, threads: int
) -> Program:
    """rapidsnark's `prover` as a whole program."""
    outputs = (folder / "proof.json", folder / "public.json")
    return Program(
        runner, [prover, *map(str, (zkey, wtns, *outputs))], lambda: checked(folder, key),
        {"OMP_NUM_THREADS": str(threads)},
    )  # fmt: skip


class Snarkjs:
    """Where snarkjs is: a folder with node_modules, and node. Raises PeerError when one is missing."""

    def __init__(self, folder: Path):
        self.modules = folder / "node_modules"
        found = shutil.which("node")
        if found is None or not (self.modules / "snarkjs").is_dir():
            raise PeerError(f"snarkjs: expected node, and snarkjs in {self.modules}")
        self.node = found
        self.cli = [found, str((self.modules / "snarkjs/build/cli.cjs").resolve())]

    def program(
        self, runner: Runner, arguments: Sequence[object], check: Callable[[], str] = _nothing
    ) -> Program:
        """The command line as a whole program."""
        return Program(runner, [*self.cli, *map(str, arguments)], check)

    def resident(
        self, task: str, threads: int, arguments: Sequence[object], check: Callable[[], str] | None
    ) -> Resident:
        """The adapter, which keeps what it loaded."""
        script = Path(__file__).parent / "peers" / "snarkjs" / "groth16.cjs"
        command = [self.node, str(script), str(self.modules), task, str(threads), *map(str, arguments)]
        return Resident(command, threads, check)


def folder_of(parent: Path, name: str) -> Path:
    """A folder for the files that one contestant writes."""
    folder = parent / name.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("proof.json", "public.json"):
        (folder / old).unlink(missing_ok=True)
    return folder


def close_all(contestants: Mapping[str, Contestant]) -> None:
    """Close them all."""
    for contestant in contestants.values():
        contestant.close()
