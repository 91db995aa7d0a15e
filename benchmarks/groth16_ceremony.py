"""The verbs of ceremonies beside snarkjs's, as whole programs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from contest import PeerError, paired
from groth16_circuits import circuit_files
from groth16_contestants import OURS, Program
from groth16_rounds import Bench, say
from groth16_table import Line

CEREMONY_RATIO = 10.0


def ceremony(bench: Bench, log_n: int) -> list[Line]:
    """The verbs of both phases as whole programs, on a chain that fills 2^log_n rows."""
    files = circuit_files(f"chain-{log_n}", bench.cache, bench.threads)
    folder = bench.cache / f"ceremony-{log_n}"
    folder.mkdir(exist_ok=True)
    new, powers = folder / "new.ptau", folder / "powers.ptau"
    if not powers.exists():
        say("ceremony: powers of tau")
        part = folder / "part.ptau"
        bench.runner.run([*OURS, "ptau", "new", str(log_n), str(new)])
        bench.runner.run([*OURS, "ptau", "contribute", str(new), str(part), "--name", "a", "--entropy", "b"])
        part.replace(powers)
    ready, initial = folder / "ours-ready.ptau", folder / "ours-initial.zkey"
    said = ["--name", "a", "--entropy", "b"]
    snarkjs_said = ["--name=a", "-e=b"]
    rows: Sequence[tuple[str, str, Sequence[object], Sequence[object], bool]] = [
        ("ptau contribute", "contributed.ptau", ["ptau", "contribute", new, "OUT", *said],
         ["powersoftau", "contribute", new, "OUT", *snarkjs_said], False),
        ("ptau prepare", "ready.ptau", ["ptau", "prepare", powers, "OUT"],
         ["powersoftau", "prepare", "phase2", powers, "OUT"], True),
        ("zkey new", "initial.zkey", ["zkey", "new", files.r1cs, ready, "OUT"],
         ["zkey", "new", files.r1cs, ready, "OUT"], True),
        ("zkey contribute", "contributed.zkey", ["zkey", "contribute", initial, "OUT", *said],
         ["zkey", "contribute", initial, "OUT", *snarkjs_said], False),
    ]  # fmt: skip
    lines = []
    for what, name, command, other, same in rows:
        say(f"ceremony: {what}")
        lines.append(
            _verb(bench, f"2^{log_n}", what, folder / f"ours-{name}", command, folder / name, other, same)
        )
    return lines


def _verb(
    bench: Bench, size: str, what: str, out: Path, command: Sequence[object], their_out: Path,
    other: Sequence[object], same: bool,
) -> Line:  # fmt: skip
    """Run a verb of ours, after once to have kernels compiled, and snarkjs's, in turns; `same`: equal files."""

    def program(run: Callable[[Sequence[object]], Program], words: Sequence[object], target: Path) -> Program:
        return run([target if word == "OUT" else word for word in words])

    ours = program(lambda words: Program(bench.runner, [*OURS, *map(str, words)]), command, out)
    ours.once()
    snarkjs = bench.snarkjs
    if snarkjs is None:
        spent = [ours.once() for _ in range(bench.rounds)]
        return Line(what, size, median(spent))
    theirs = program(lambda words: snarkjs.program(bench.runner, words), other, their_out)
    spent, their_spent = [], []
    for _ in range(bench.snarkjs_rounds or 1):
        spent.append(ours.once())
        their_spent.append(theirs.once())
    if not their_out.exists():
        raise PeerError(f"snarkjs: {what}: it wrote nothing")
    wrong = "its file differs from ours" if same and _digest(out) != _digest(their_out) else None
    asked = CEREMONY_RATIO if not bench.portable else None
    ratio = paired(their_spent, spent)
    return Line(what, size, median(spent), "ns", "snarkjs", median(their_spent), ratio, asked, wrong=wrong)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()
