"""The contests of the Groth16 benchmark: proofs, verification, the start, and the verbs of ceremonies."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from contest import Contestant, Local, Rate, Samples, contest, paired
from groth16_circuits import Files, circuit_files, multiplications
from groth16_contestants import (
    OURS,
    Program,
    Resident,
    Runner,
    Snarkjs,
    checked,
    close_all,
    folder_of,
    our_prover,
    rapidsnark,
)
from groth16_table import Line

from zkroll.circuits.r1cs.formats.groth16_json import write_proof, write_public
from zkroll.circuits.r1cs.formats.wtns import read_wtns_words
from zkroll.prover.groth16 import open_proving_key, prove_zk
from zkroll.verifier.groth16 import Proof, verify, verify_batch

SECOND = 1e9
MAPPED, WHOLE, MEMORY = "prove, key mapped", "prove, whole process", "peak memory, whole process"
KEY, OPENED = "size of the key", "opening the key"
ORDER = (MAPPED, WHOLE, MEMORY, KEY, OPENED)
ASKED = {
    (MAPPED, "rapidsnark"): 6.0, (MAPPED, "gnark"): 3.5, (MAPPED, "snarkjs"): 25.0, (WHOLE, "rapidsnark"): 5.5,
}  # fmt: skip
PORTABLE_ASKED = {(MAPPED, "rapidsnark"): 1 / 1.3}
WHOLE_SIZE = "chain-20"  # what is asked of the whole process, and of memory, is asked at this size
ASKED_SIZES = ("chain-16", "chain-18", WHOLE_SIZE)
MEMORY_OVER_KEY = 2.0
VERIFY_SECONDS, BATCH_SECONDS, START_SECONDS = 2e-3, 0.4e-3, 1.0
BATCH, CALLS = 100, 20
VERIFIED, STARTED = "chain-10", "chain-3"
QUICK_LOG = 16  # snarkjs runs three rounds up to this size


@dataclass
class Bench:
    """What the contests share: how to run, and against whom."""

    runner: Runner
    cache: Path
    threads: int
    rounds: int
    rate: Rate
    portable: bool
    rapidsnark: str | None = None
    gnark: str | None = None
    snarkjs: Snarkjs | None = None
    snarkjs_rounds: int = 0

    def asked(self, what: str, peer: str, size: str) -> float | None:
        """The ratio asked of a figure, where one is asked."""
        goals = PORTABLE_ASKED if self.portable else ASKED
        sizes = (WHOLE_SIZE,) if what == WHOLE else ASKED_SIZES
        return goals.get((what, peer)) if size in sizes else None


def say(text: str) -> None:
    """Tell what is being done."""
    print(f"{text} …", file=sys.stderr, flush=True)


def warm_up(bench: Bench) -> None:
    """Prove something small, so that kernels are compiled and loaded."""
    say("kernels")
    files = circuit_files(STARTED, bench.cache, bench.threads)
    prove_zk(open_proving_key(files.zkey), read_wtns_words(files.wtns), threads=bench.threads)


def proofs(bench: Bench, name: str) -> list[Line]:
    """Everyone proves one circuit."""
    say(f"{name}: files")
    files = circuit_files(name, bench.cache, bench.threads)
    start = time.perf_counter_ns()
    key = open_proving_key(files.zkey, threads=bench.threads)
    opened = time.perf_counter_ns() - start
    words, own = read_wtns_words(files.wtns), folder_of(files.folder, "zkroll")

    def write(made: tuple[Proof, list[int]]) -> str:
        write_proof(made[0].parts, own / "proof.json")
        write_public(made[1], own / "public.json")
        return checked(own, files.key)

    ours = Local(lambda: prove_zk(key, words, threads=bench.threads), write)
    process = our_prover(
        bench.runner,
        files.zkey,
        files.wtns,
        folder_of(files.folder, "zkroll process"),
        files.key,
        bench.threads,
    )
    rivals: dict[str, Contestant] = {"zkroll": process}
    try:
        if bench.rapidsnark is not None:
            folder = folder_of(files.folder, "rapidsnark")
            rivals["rapidsnark"] = rapidsnark(
                bench.runner, bench.rapidsnark, files.zkey, files.wtns, folder, files.key, bench.threads
            )
        if bench.gnark is not None and name.startswith("chain-"):
            say(f"{name}: gnark's keys")
            rivals["gnark"] = _gnark(bench, "groth16-chain", files, int(name.removeprefix("chain-")))
        say(f"{name}: {', '.join(rivals)}")
        lines = _compared(bench, name, ours, rivals, bench.rounds)
    finally:
        close_all(rivals)
    if bench.snarkjs is not None:
        lines += _against_snarkjs(bench, bench.snarkjs, files, ours, process)
    ours.close()
    size = os.path.getsize(files.zkey)
    most = MEMORY_OVER_KEY * size if name == WHOLE_SIZE else None
    lines += [
        Line(MEMORY, name, process.peak_bytes, "bytes", most=most),
        Line(KEY, name, size, "bytes"),
        Line(OPENED, name, opened),
    ]
    return sorted(lines, key=lambda line: ORDER.index(line.what))


def _gnark(bench: Bench, task: str, files: Files, log_n: int) -> Resident:
    """gnark proves a chain of its own with its own keys; its proofs are checked with the key it says."""
    assert bench.gnark is not None
    folder = folder_of(files.folder, "gnark")
    command = [bench.gnark, task, str(bench.threads), str(multiplications(log_n)), str(folder)]
    check = None if task == "groth16-verify" else lambda: checked(folder, folder / "verification_key.json")
    return Resident(command, bench.threads, check)


def _compared(
    bench: Bench, size: str, ours: Local, rivals: Mapping[str, Contestant], rounds: int
) -> list[Line]:
    """The prover in this process and the whole program "zkroll", each beside every peer that is of its kind."""
    samples = contest(ours, rivals, bench.rate, rounds)
    wrong = wrong_results(ours, rivals, samples)
    process = rivals["zkroll"]
    assert isinstance(process, Program)
    spent = samples.peers["zkroll"]
    lines = [
        Line(MAPPED, size, median(samples.ours), wrong=wrong.get("")),
        Line(WHOLE, size, median(spent), wrong=wrong.get("zkroll")),
    ]
    for peer, rival in rivals.items():
        if rival is process:
            continue
        theirs, bad = samples.peers[peer], wrong.get(peer)
        kinds = (
            [(MAPPED, samples.ours), (WHOLE, spent)]
            if isinstance(rival, Program)
            else [(MAPPED, samples.ours)]
        )
        for what, mine in kinds:
            ratio, asked = paired(theirs, mine), bench.asked(what, peer, size)
            lines.append(Line(what, size, median(mine), "ns", peer, median(theirs), ratio, asked, wrong=bad))
        if isinstance(rival, Program):
            held = process.peak_bytes
            lines.append(Line(MEMORY, size, held, "bytes", peer, rival.peak_bytes, rival.peak_bytes / held))
    return lines


def wrong_results(ours: Contestant, rivals: Mapping[str, Contestant], samples: Samples) -> dict[str, str]:
    """What is wrong with the first or the last result of whom; "" is ours."""
    expected = ours.result()
    found = {"": expected} if expected.startswith("refused") else {}
    for name, rival in rivals.items():
        result = rival.result()
        if result.startswith("refused"):
            found[name] = result
        elif result != expected or name in samples.wrong:
            found[name] = "its public signals or its first proof are not ours"
    return found


def _against_snarkjs(
    bench: Bench, snarkjs: Snarkjs, files: Files, ours: Local, process: Program
) -> list[Line]:
    """A contest of fewer rounds with snarkjs, as a whole program and as a process that stays."""
    log_n = (os.path.getsize(files.zkey) >> 9).bit_length()  # about 512 bytes to a row
    rounds = bench.snarkjs_rounds or (3 if log_n <= QUICK_LOG + 1 else 1)
    folder, resident = (folder_of(files.folder, name) for name in ("snarkjs", "snarkjs resident"))
    say(f"{files.name}: snarkjs")
    outputs = (folder / "proof.json", folder / "public.json")
    command = ["groth16", "prove", files.zkey, files.wtns, *outputs]
    rivals: dict[str, Contestant] = {
        "zkroll": process,
        "snarkjs": snarkjs.program(bench.runner, command, lambda: checked(folder, files.key)),
        "snarkjs, resident": snarkjs.resident(
            "groth16-prove", bench.threads, [files.zkey, files.wtns, resident],
            lambda: checked(resident, files.key),
        ),
    }  # fmt: skip
    try:
        return _compared(bench, files.name, ours, rivals, rounds)[2:]
    finally:
        close_all(rivals)


def verification(bench: Bench) -> list[Line]:
    """One proof, a batch of BATCH, and the programs that verify one."""
    say("verification")
    files = circuit_files(VERIFIED, bench.cache, bench.threads)
    key, words = open_proving_key(files.zkey, threads=bench.threads), read_wtns_words(files.wtns)
    made = [prove_zk(key, words, threads=bench.threads) for _ in range(BATCH)]
    proof, public = made[0]
    folder = folder_of(files.folder, "verified")
    write_proof(proof.parts, folder / "proof.json")
    write_public(public, folder / "public.json")
    statements = [(signals, each) for each, signals in made]

    def calls() -> bool:
        return all(verify(key.vk, public, proof) for _ in range(CALLS))

    def accepted(yes: object) -> str:
        return "valid" if yes else "refused"

    documents = [files.key, folder / "public.json", folder / "proof.json"]
    one = Local(calls, accepted)
    rivals: dict[str, Contestant] = {"batch": Local(lambda: verify_batch(key.vk, statements), accepted)}
    programs: dict[str, Contestant] = {}
    if bench.gnark is not None:
        rivals["gnark"] = Says("valid", _gnark(bench, "groth16-verify", files, int(VERIFIED[6:])))
    if bench.rapidsnark is not None:
        beside = Path(bench.rapidsnark).with_name("verifier")
        if beside.exists():
            programs["rapidsnark"] = Program(bench.runner, [str(beside), *map(str, documents)])
    if bench.snarkjs is not None:
        rivals["snarkjs, resident"] = bench.snarkjs.resident("groth16-verify", bench.threads, documents, None)
        programs["snarkjs"] = bench.snarkjs.program(bench.runner, ["groth16", "verify", *documents])
    try:
        inside = contest(one, rivals, bench.rate, bench.rounds)
        program = Program(bench.runner, [*OURS, "groth16", "verify", *map(str, documents)])
        outside = contest(program, programs, bench.rate, bench.rounds)
    finally:
        close_all({**rivals, **programs})
    single = [ns / CALLS for ns in inside.ours]
    each = [ns / BATCH for ns in inside.peers.pop("batch")]
    wrong = wrong_results(one, {}, inside).get("") or ("refused" if "batch" in inside.wrong else None)
    most = {True: (None, None), False: (VERIFY_SECONDS * SECOND, BATCH_SECONDS * SECOND)}[bench.portable]
    what, whole = "verify one, in process", "verify, whole process"
    lines = [
        Line(what, files.name, median(single), most=most[0], wrong=wrong),
        Line(f"verify in a batch of {BATCH}, each", files.name, median(each), most=most[1], wrong=wrong),
    ]
    for peer, spent in inside.peers.items():
        refused = "it refuses our proof" if peer in inside.wrong else None
        lines.append(
            Line(
                what,
                files.name,
                median(single),
                "ns",
                peer,
                median(spent),
                paired(spent, single),
                wrong=refused,
            )
        )
    lines += [
        Line(whole, files.name, median(outside.ours), "ns", peer, median(spent), paired(spent, outside.ours))
        for peer, spent in outside.peers.items()
    ]
    return lines if outside.peers else [*lines, Line(whole, files.name, median(outside.ours))]


@dataclass
class Says:
    """A contestant whose results, whatever they are, count as this one: it fails when its work does."""

    text: str
    inner: Contestant

    def once(self) -> float:
        return self.inner.once()

    def result(self) -> str:
        return self.text

    def close(self) -> None:
        self.inner.close()


def start(bench: Bench) -> list[Line]:
    """What the command takes when there is next to nothing to prove: Python, imports, loading kernels."""
    say("start")
    files = circuit_files(STARTED, bench.cache, bench.threads)
    folder = folder_of(files.folder, "zkroll process")
    program = our_prover(bench.runner, files.zkey, files.wtns, folder, files.key, bench.threads)
    program.once()
    spent = [program.once() for _ in range(max(3, bench.rounds))]
    wrong = program.result()
    return [
        Line("prove, all but the proof", files.name, median(spent), most=START_SECONDS * SECOND,
             wrong=wrong if wrong.startswith("refused") else None)
    ]  # fmt: skip
