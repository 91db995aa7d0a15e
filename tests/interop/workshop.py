"""What the tests between zkroll and snarkjs share: the two sides with the same verbs, and files made once.

Each side is a program that is called on files: zkroll by its command line in this process, snarkjs and circom2
as processes of node. Files are made once for all workers of a run, under a lock.
"""

from __future__ import annotations

import fcntl
import json
import subprocess
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Protocol

from support.npm import FOLDER

from zkroll.rollup.cli import run

ROOT = Path(__file__).resolve().parents[2]
CIRCUITS = Path(__file__).parent / "circuits"
BEACON = "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


class Side(Protocol):
    """A program with the verbs of a circom user. What a verb writes comes last among its files."""

    name: str

    def new_powers(self, power: int, out: Path) -> None: ...
    def contribute_powers(self, source: Path, out: Path) -> None: ...
    def beacon_powers(self, source: Path, out: Path) -> None: ...
    def prepare(self, source: Path, out: Path) -> None: ...
    def accepts_powers(self, file: Path) -> bool: ...
    def new_key(self, circuit: Path, powers: Path, out: Path) -> None: ...
    def contribute_key(self, source: Path, out: Path) -> None: ...
    def beacon_key(self, source: Path, out: Path) -> None: ...
    def accepts_key(self, circuit: Path, powers: Path, key: Path) -> bool: ...
    def export_key(self, key: Path, out: Path) -> None: ...
    def calculate(self, calculator: Path, inputs: Path, out: Path) -> bool: ...
    def accepts_witness(self, circuit: Path, witness: Path) -> bool: ...
    def prove(self, key: Path, witness: Path, proof: Path, public: Path) -> None: ...
    def accepts(self, key: Path, public: Path, proof: Path) -> bool: ...


class Zkroll:
    """The commands of this package, by their exit codes."""

    name = "zkroll"

    def do(self, *arguments: object) -> None:
        code, output = self.call(*arguments)
        assert code == 0, f"zkroll {arguments}: exit code {code}: {output}"

    def decide(self, *arguments: object) -> bool:
        code, output = self.call(*arguments)
        assert code in (0, 1), f"zkroll {arguments}: exit code {code}: {output}"
        return code == 0

    def call(self, *arguments: object) -> tuple[int, str]:
        with redirect_stdout(StringIO()) as output:
            code = run([str(argument) for argument in arguments])
        return code, output.getvalue()

    def new_powers(self, power: int, out: Path) -> None:
        self.do("ptau", "new", power, out)

    def contribute_powers(self, source: Path, out: Path) -> None:
        self.do("ptau", "contribute", source, out, "--name", "of zkroll", "--entropy", "some")

    def beacon_powers(self, source: Path, out: Path) -> None:
        self.do("ptau", "beacon", source, out, BEACON, 10, "--name", "beacon")

    def prepare(self, source: Path, out: Path) -> None:
        self.do("ptau", "prepare", source, out)

    def accepts_powers(self, file: Path) -> bool:
        return self.decide("ptau", "verify", file)

    def new_key(self, circuit: Path, powers: Path, out: Path) -> None:
        self.do("zkey", "new", circuit, powers, out)

    def contribute_key(self, source: Path, out: Path) -> None:
        self.do("zkey", "contribute", source, out, "--name", "of zkroll", "--entropy", "some")

    def beacon_key(self, source: Path, out: Path) -> None:
        self.do("zkey", "beacon", source, out, BEACON, 10, "--name", "beacon")

    def accepts_key(self, circuit: Path, powers: Path, key: Path) -> bool:
        return self.decide("zkey", "verify", circuit, powers, key)

    def export_key(self, key: Path, out: Path) -> None:
        self.do("zkey", "export", "verificationkey", key, out)

    def calculate(self, calculator: Path, inputs: Path, out: Path) -> bool:
        return self.decide("wtns", "calculate", calculator, inputs, out)

    def accepts_witness(self, circuit: Path, witness: Path) -> bool:
        return self.decide("wtns", "check", circuit, witness)

    def prove(self, key: Path, witness: Path, proof: Path, public: Path) -> None:
        self.do("groth16", "prove", key, witness, proof, public)

    def accepts(self, key: Path, public: Path, proof: Path) -> bool:
        return self.decide("groth16", "verify", key, public, proof)


class Snarkjs:
    """snarkjs as a process of node, by what it prints: its exit codes do not always tell."""

    name = "snarkjs"

    def do(self, *arguments: object) -> str:
        done = self.call(*arguments)
        assert done.returncode == 0, f"snarkjs {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def decide(self, yes: str, no: Sequence[str], *arguments: object) -> bool:
        """Whether it says `yes`; what it says otherwise has one of the texts `no`, which a crash has not."""
        done = self.call(*arguments)
        said = done.stdout + done.stderr
        if yes in said:
            assert done.returncode == 0, said
            return True
        assert any(text in said for text in no), said
        return False

    def call(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        return node("snarkjs", *arguments)

    def new_powers(self, power: int, out: Path) -> None:
        self.do("powersoftau", "new", "bn128", power, out)

    def contribute_powers(self, source: Path, out: Path) -> None:
        self.do("powersoftau", "contribute", source, out, "--name=of snarkjs", "-e=some")

    def beacon_powers(self, source: Path, out: Path) -> None:
        self.do("powersoftau", "beacon", source, out, BEACON, 10, "--name=beacon")

    def prepare(self, source: Path, out: Path) -> None:
        self.do("powersoftau", "prepare", "phase2", source, out)

    def accepts_powers(self, file: Path) -> bool:
        refusals = ["INVALID", "not match", "no contribution"]
        return self.decide("Powers of Tau Ok!", refusals, "powersoftau", "verify", file)

    def new_key(self, circuit: Path, powers: Path, out: Path) -> None:
        self.do("zkey", "new", circuit, powers, out)

    def contribute_key(self, source: Path, out: Path) -> None:
        self.do("zkey", "contribute", source, out, "--name=of snarkjs", "-e=some")

    def beacon_key(self, source: Path, out: Path) -> None:
        self.do("zkey", "beacon", source, out, BEACON, 10, "--name=beacon")

    def accepts_key(self, circuit: Path, powers: Path, key: Path) -> bool:
        return self.decide(
            "ZKey Ok!", ["INVALID", "not identical", "not match"], "zkey", "verify", circuit, powers, key
        )

    def export_key(self, key: Path, out: Path) -> None:
        self.do("zkey", "export", "verificationkey", key, out)

    def calculate(self, calculator: Path, inputs: Path, out: Path) -> bool:
        done = self.call("wtns", "calculate", calculator, inputs, out)
        assert done.returncode == 0 or "Error in template" in done.stdout + done.stderr, done.stdout
        return done.returncode == 0

    def accepts_witness(self, circuit: Path, witness: Path) -> bool:
        return self.decide(
            "WITNESS IS CORRECT", ["WITNESS IS NOT CORRECT"], "wtns", "check", circuit, witness
        )

    def prove(self, key: Path, witness: Path, proof: Path, public: Path) -> None:
        self.do("groth16", "prove", key, witness, proof, public)

    def accepts(self, key: Path, public: Path, proof: Path) -> bool:
        return self.decide("OK!", ["Invalid proof"], "groth16", "verify", key, public, proof)


HERE, THERE = Zkroll(), Snarkjs()
SIDES: tuple[Side, Side] = (HERE, THERE)


def node(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program of the folder of packages. circom2 sees only what lies below its working folder, or /tmp."""
    command = ["node", str(FOLDER / ".bin" / program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, cwd=ROOT)


class Workshop:
    """A folder of files that are made when they are first asked for, by one worker of a run."""

    def __init__(self, folder: Path):
        self.folder = folder

    def made(self, name: str, maker: Callable[[Path], object]) -> Path:
        """Return the file or folder of this name, made by `maker` if there is none."""
        path, done = self.folder / name, self.folder / f"{name}.done"
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                maker(path)
                done.touch()
        return path

    def powers(self, side: Side, power: int) -> Path:
        """Powers of τ with one contribution of each side, prepared by `side`."""

        def make(out: Path) -> None:
            first, other = side, next(s for s in SIDES if s is not side)
            steps = [out.with_suffix(f".{i}") for i in range(3)]
            HERE.new_powers(power, steps[0])
            first.contribute_powers(steps[0], steps[1])
            if power <= 9:  # larger ones take the other side minutes
                other.contribute_powers(steps[1], steps[2])
            else:
                steps[2] = steps[1]
            side.prepare(steps[2], out)

        return self.made(f"{side.name}-{power}.ptau", make)

    def compiled(self, circuit: str) -> Path:
        """The folder in which circom2 compiled a circuit of ours."""

        def make(out: Path) -> None:
            out.mkdir()
            libraries = FOLDER / "circomlib/circuits"
            source = CIRCUITS / f"{circuit}.circom"
            done = node("circom2", source, "-l", libraries, "--r1cs", "--wasm", "--sym", "--O2", "-o", out)
            assert done.returncode == 0, done.stdout + done.stderr

        return self.made(circuit, make)

    def constraints(self, circuit: str) -> Path:
        return self.compiled(circuit) / f"{circuit}.r1cs"

    def calculator(self, circuit: str) -> Path:
        return self.compiled(circuit) / f"{circuit}_js/{circuit}.wasm"

    def inputs(self, circuit: str, values: object) -> Path:
        return self.made(f"{circuit}.input.json", lambda out: out.write_text(json.dumps(values)))

    def key(self, circuit: str, powers: Path, first: Side, second: Side) -> Path:
        """A key that `first` made, to which `second` contributed, and which `first` closed with a beacon."""

        def make(out: Path) -> None:
            steps = [out.with_suffix(f".{i}.zkey") for i in range(2)]
            first.new_key(self.constraints(circuit), powers, steps[0])
            second.contribute_key(steps[0], steps[1])
            first.beacon_key(steps[1], out)

        return self.made(f"{circuit}.{first.name}-{second.name}.zkey", make)
