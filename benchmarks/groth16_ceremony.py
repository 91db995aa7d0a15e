"""The verbs of ceremonies beside snarkjs's, as whole programs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from contest import PeerError, paired
from groth16_circuits import Files, circuit_files
from groth16_contestants import OURS, Program
from groth16_rounds import Bench, say
from groth16_table import Line

RATIO, ASKED_LOG = 10.0, 16
TOLD = ("--name", "a", "--entropy", "b")
SNARKJS_TOLD = ("--name=a", "-e=b")


@dataclass(frozen=True)
class Verb:
    """A verb that reads files and writes `out`; what snarkjs writes with the same inputs may have to be the same."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    inputs: tuple[Path, ...]
    out: Path
    their_out: Path
    same: bool
    asked: bool
    told: bool

    def command(self, threads: int) -> list[str]:
        """Our command line."""
        told = TOLD if self.told else ()
        return [*OURS, *self.ours, *map(str, self.inputs), str(self.out), *told, "--threads", str(threads)]

    def their_words(self) -> list[str]:
        """What follows `snarkjs`."""
        told = SNARKJS_TOLD if self.told else ()
        return [*self.theirs, *map(str, self.inputs), str(self.their_out), *told]


def verbs(folder: Path, files: Files) -> Iterator[Verb]:
    """The first key, contributions to both phases, and the preparation, for which snarkjs takes longest, last."""
    ready, initial = folder / "ready.ptau", folder / "initial.zkey"

    def verb(ours: str, theirs: str, inputs: tuple[Path, ...], out: Path, asked: bool = True) -> Verb:
        told = ours.endswith("contribute")
        their_out = out.with_name(f"snarkjs-{out.name}")
        return Verb(tuple(ours.split()), tuple(theirs.split()), inputs, out, their_out, not told, asked, told)

    yield verb("zkey new", "zkey new", (files.r1cs, ready), initial)
    yield verb("zkey contribute", "zkey contribute", (initial,), folder / "final.zkey")
    yield verb(
        "ptau contribute",
        "powersoftau contribute",
        (folder / "new.ptau",),
        folder / "second.ptau",
        asked=False,
    )
    yield verb("ptau prepare", "powersoftau prepare phase2", (folder / "powers.ptau",), ready)


def ceremony(bench: Bench, log_n: int) -> Iterator[Line]:
    """The verbs of both phases, on a chain that fills 2^log_n rows; a line as soon as it is known."""
    files = circuit_files(f"chain-{log_n}", bench.cache, bench.threads)
    folder = bench.cache / f"ceremony-{log_n}"
    folder.mkdir(exist_ok=True)
    new, powers = folder / "new.ptau", folder / "powers.ptau"
    if not (folder / "ready.ptau").exists():
        say("ceremony: powers of tau")
        bench.runner.run([*OURS, "ptau", "new", str(log_n), str(new)])
        bench.runner.run([*OURS, "ptau", "contribute", str(new), str(powers), *TOLD])
        bench.runner.run([*OURS, "ptau", "prepare", str(powers), str(folder / "ready.ptau")])
    for verb in verbs(folder, files):
        say(f"ceremony: {' '.join(verb.ours)}")
        yield _measured(bench, verb, log_n)


def _measured(bench: Bench, verb: Verb, log_n: int) -> Line:
    """Run ours, after once to have kernels compiled, and snarkjs's in turns."""
    what, size = " ".join(verb.ours), f"2^{log_n}"
    ours = Program(bench.runner, verb.command(bench.threads))
    ours.once()
    if bench.snarkjs is None:
        return Line(what, size, median(ours.once() for _ in range(bench.rounds)))
    verb.their_out.unlink(missing_ok=True)
    theirs = bench.snarkjs.program(bench.runner, verb.their_words())
    spent, their_spent = [], []
    for _ in range(bench.snarkjs_rounds or 1):
        spent.append(ours.once())
        their_spent.append(theirs.once())
    if not verb.their_out.exists():
        raise PeerError(f"snarkjs: {what}: it wrote nothing")
    wrong = (
        "its file differs from ours" if verb.same and _digest(verb.out) != _digest(verb.their_out) else None
    )
    asked = RATIO if verb.asked and log_n == ASKED_LOG and not bench.portable else None
    ratio = paired(their_spent, spent)
    return Line(what, size, median(spent), "ns", "snarkjs", median(their_spent), ratio, asked, wrong=wrong)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()
