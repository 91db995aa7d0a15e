"""zkroll wrap: inner proofs of consecutive batches as one proof that L1 verifies."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from zkroll.algebra.files import check_writable, write_atomically
from zkroll.errors import InputError
from zkroll.rollup.cli.arguments import JsonOption, KeyOption, SrsOption, ThreadsOption, load_proof, load_srs
from zkroll.rollup.cli.console import bytes_text, emit, facts, warn
from zkroll.rollup.cli.progress import work_progress

if TYPE_CHECKING:
    from zkroll.rollup.proof import BatchProof


def wrap_command(
    proofs: Annotated[
        list[str],
        typer.Argument(metavar="PROOF.zkp...", help="Proofs of consecutive batches.", show_default=False),
    ],
    key: KeyOption = None,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="WRAPPED", help="Where to write the wrapped batches.")
    ] = "wrapped.zkw",
    srs: SrsOption = None,
    threads: ThreadsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Wrap the proofs of one or more consecutive batches, made with --profile; progress goes to stderr."""
    check_writable(output, *proofs)
    loaded = [load_proof(path) for path in proofs]

    from zkroll.rollup.operator.wrap_prover import open_prover
    from zkroll.rollup.wrapped import WrappedBatches, check_consecutive, verify_wrapped

    check_consecutive([proof.public_values for proof in loaded])
    profile = profile_of(loaded)
    start = time.perf_counter()
    with work_progress() as progress:
        prover = open_prover(profile, len(loaded), key, load_srs(srs), progress, threads=threads)
        opened = time.perf_counter()
        made = prover.wrap(loaded, lambda stage, percent, _: progress(stage, percent / 100, ""))
    done = time.perf_counter()
    wrapped = WrappedBatches.of(profile, loaded, made)
    verify_wrapped(wrapped, prover.key)
    write_atomically(output, wrapped.to_bytes())
    if prover.key.insecure:
        warn("INSECURE key: everyone can forge proofs under it")
    numbers = [proof.batch_number for proof in loaded]
    document = {
        "wrapped": output,
        "profile": profile,
        "batches": numbers,
        "proof_bytes": len(made),
        "insecure": prover.key.insecure,
        "key_seconds": round(opened - start, 3),
        "prove_seconds": round(done - opened, 3),
    }
    shown = {
        **document,
        "proof_bytes": bytes_text(len(made)),
        "batches": ", ".join(map(str, numbers)),
    }
    emit(document, as_json, lambda: facts(shown))


def profile_of(proofs: list[BatchProof]) -> str:
    """The profile whose heights all these proofs have. Raises InputError where there is none."""
    from zkroll.circuits.profiles import PROFILES, profile

    known = {name: dict(profile(name)) for name in PROFILES}
    found = []
    for k, proof in enumerate(proofs):
        heights = proof.heights()
        names = [name for name in PROFILES if known[name] == heights]
        if not names:
            raise InputError(
                f"proof {k}: expected the heights of a profile ({', '.join(PROFILES)}): prove with --profile NAME"
            )
        found.append(names[0])
    if len(set(found)) != 1:
        raise InputError(f"wrap: expected proofs of one profile, got {', '.join(found)}")
    return found[0]
