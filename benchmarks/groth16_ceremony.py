"""The verbs of ceremonies beside those of snarkjs, which run as whole programs; ours do, and in this process too."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from contest import PeerError, paired
from groth16_circuits import Files, circuit_files
from groth16_contestants import OURS, Program
from groth16_rounds import Bench, say
from groth16_table import Line

from zkroll.prover.ceremony.powers import contribute
from zkroll.prover.ceremony.powers_prepare import prepare
from zkroll.prover.ceremony.zkey_contribute import contribute_zkey
from zkroll.prover.ceremony.zkey_new import new_zkey

RATIO, ASKED_LOG = 10.0, 16
TOLD = ("--name", "a", "--entropy", "b")
SNARKJS_TOLD = ("--name=a", "-e=b")
WORK: dict[str, Callable[..., object]] = {
    "zkey new": new_zkey,
    "zkey contribute": contribute_zkey,
    "ptau contribute": contribute,
    "ptau prepare": prepare,
}


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

    def in_process(self, threads: int) -> int:
        """Do the verb's work in this process, with kernels compiled, and return its nanoseconds."""
        told = {"name": TOLD[1], "entropy": TOLD[3]} if self.told else {}
        start = time.perf_counter_ns()
        WORK[" ".join(self.ours)](*self.inputs, self.out, **told, threads=threads)
        return time.perf_counter_ns() - start

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
        yield from _measured(bench, verb, log_n)


def _measured(bench: Bench, verb: Verb, log_n: int) -> Iterator[Line]:
    """Run ours, after once to have kernels compiled, and snarkjs's in turns."""
    what, size = " ".join(verb.ours), f"2^{log_n}"
    inside = f"{what}, in process"
    ours = Program(bench.runner, verb.command(bench.threads))
    ours.once()
    verb.in_process(bench.threads)
    if bench.snarkjs is None:
        yield Line(inside, size, median(verb.in_process(bench.threads) for _ in range(bench.rounds)))
        yield Line(what, size, median(ours.once() for _ in range(bench.rounds)))
        return
    verb.their_out.unlink(missing_ok=True)
    theirs = bench.snarkjs.program(bench.runner, verb.their_words())
    here, spent, their_spent = [], [], []
    for _ in range(bench.snarkjs_rounds or 1):
        here.append(verb.in_process(bench.threads))
        spent.append(ours.once())
        their_spent.append(theirs.once())
    if not verb.their_out.exists():
        raise PeerError(f"snarkjs: {what}: it wrote nothing")
    wrong = (
        "its file differs from ours" if verb.same and _digest(verb.out) != _digest(verb.their_out) else None
    )
    asked = RATIO if verb.asked and log_n == ASKED_LOG and not bench.portable else None
    for name, times in ((inside, here), (what, spent)):
        ratio, their = paired(their_spent, times), median(their_spent)
        yield Line(name, size, median(times), "ns", "snarkjs", their, ratio, asked, wrong=wrong)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()
