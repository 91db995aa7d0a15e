"""What proving and wrapping a full batch takes: seconds and memory of fresh processes, and of one that is warm.

    python benchmarks/l1_proofs.py PROFILE FIGURES.json      (what the bench runs in a process of its own)

The batch is the one that the profile's heights are chosen by (`profile_heights.full_batch`). The wrap key is the
INSECURE development key of the cache, which is made before anything is measured where it is missing.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from groth16_contestants import OURS, Runner
from profile_heights import demo_batch, full_batch

from zkroll.algebra.kernels.threads import thread_count
from zkroll.circuits.profiles import PROFILES
from zkroll.circuits.wrap.inputs import wrap_inputs
from zkroll.prover.groth16 import prove_zk
from zkroll.prover.wrap.key import open_wrap_key
from zkroll.rollup.batch import Batch
from zkroll.rollup.operator.wrap_prover import batch_target, development_key_path, open_prover
from zkroll.rollup.prove import prove_batch
from zkroll.verifier.verify import decode

ROUNDS = 3
_T = TypeVar("_T")


@dataclass(frozen=True)
class Warm:
    """Seconds in one process. The lists have one entry for each round; `first_inner` and the key come before them."""

    open_key: float
    first_inner: float
    inner: list[float]
    replay: list[float]
    witness: list[float]
    groth16: list[float]

    @property
    def wrap(self) -> list[float]:
        """Seconds of the wrap by round."""
        return [sum(parts) for parts in zip(self.replay, self.witness, self.groth16, strict=True)]

    @property
    def ratio(self) -> float:
        """The wrap's seconds over the inner proof's, the fastest of each."""
        return min(self.wrap) / min(self.inner)


@dataclass(frozen=True)
class Fresh:
    """One process from start to result on disk."""

    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Proofs:
    """cells: committed by the inner proof; constraints: of the wrap circuit by profile."""

    profile: str
    cores: int
    fresh_inner: Fresh
    fresh_wrap: Fresh
    warm: Warm
    constraints: dict[str, int]


def batch_of(profile: str) -> Batch:
    """The batch that fills a profile."""
    return demo_batch() if profile == "small" else full_batch()


def warm_seconds(profile: str, rounds: int = ROUNDS) -> Warm:
    """Prove and wrap the full batch in this process, inner proofs and wraps in turn."""
    target, batch = batch_target(profile), batch_of(profile)
    key, opened = _timed(lambda: open_wrap_key(development_key_path(target), target))
    proof, first = _timed(lambda: prove_batch(batch, profile=profile))
    warm = Warm(opened, first, [], [], [], [])
    for _ in range(rounds):
        proof, seconds = _timed(lambda: prove_batch(batch, profile=profile))
        warm.inner.append(seconds)
        inner, values = decode(target.inner, proof.inner)[1], proof.public_values
        made, seconds = _timed(
            lambda: wrap_inputs(target.shape, target.inner.digest, target.publics, [(inner, values)])  # noqa: B023
        )
        warm.replay.append(seconds)
        witness, seconds = _timed(lambda: key.program.run(made.inputs))  # noqa: B023
        warm.witness.append(seconds)
        _, seconds = _timed(lambda: prove_zk(key.groth16, witness))  # noqa: B023
        warm.groth16.append(seconds)
    return warm


def constraints(profiles: Sequence[str] = PROFILES) -> dict[str, int]:
    """Constraints of the wrap circuits, for one batch each."""
    return {profile: batch_target(profile).circuit().r1cs.n_constraints for profile in profiles}


def measure(profile: str) -> Proofs:
    """All figures. Raises PeerError when one of the processes fails."""
    open_prover(profile)  # makes key, reference string and compiled kernels where they are missing
    runner = Runner(thread_count(None))
    with tempfile.TemporaryDirectory(prefix="zkroll-bench-") as place:
        folder = Path(place)
        (folder / "batch.json").write_bytes(batch_of(profile).to_json())

        def fresh(*words: str) -> Fresh:
            found = runner.run([*OURS, *(str(folder / w) if "." in w else w for w in words)])
            return Fresh(found["ns"] / 1e9, found["peak_bytes"])

        try:
            inner = fresh("prove", "batch.json", "-o", "proof.zkp", "--profile", profile)
            wrap = fresh("wrap", "proof.zkp", "-o", "wrapped.zkw")
            runner.run([sys.executable, __file__, profile, str(folder / "warm.json")])
        finally:
            runner.close()
        warm = Warm(**json.loads((folder / "warm.json").read_text()))
    return Proofs(profile, thread_count(None), inner, wrap, warm, constraints())


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    begun = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begun


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(asdict(warm_seconds(sys.argv[1]))))
