"""What Groth16 takes, beside other provers with the same keys and witnesses in the same run.

    python benchmarks/groth16.py [--sizes 16,18,20] [--circuit eddsa-8]... [--threads N] [--rounds N]
                                 [--rapidsnark PROVER] [--gnark PROGRAM] [--snarkjs FOLDER|none] [--snarkjs-rounds N]
                                 [--backend ifma|portable] [--ceremony] [--only proofs,verification,start]
                                 [--cache FOLDER] [--json FILE] [--markdown FILE]

Circuits are chains of multiplications that fill a domain of 2^size, and with --circuit other ones; their files,
with a development key, are made once and kept in the cache. Everyone proves in turns; each proof is verified by
zkroll and must be for the same public signals: the exit code is 1 if one is not. Ratios are the medians of the
rounds' ratios, in which a machine that drifts cancels. peers/README.md says what peers are.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from contest import PeerError, Rate
from groth16_ceremony import ceremony
from groth16_circuits import circuit_named
from groth16_contestants import Runner, Snarkjs
from groth16_rounds import Bench, proofs, start, verification, warm_up
from groth16_table import Line, markdown, show, wrong_ones
from kernel_cases import AVX2_ONLY
from rich.console import Console

from zkroll.algebra.field import fr
from zkroll.algebra.kernels.threads import core_count
from zkroll.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("proofs", "verification", "start")


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure Groth16 beside other provers.")
    parser.add_argument("--sizes", default="16,18,20", metavar="LOG,…", help="chains to prove; none: ''")
    parser.add_argument(
        "--circuit", action="append", default=[], metavar="NAME", help="also prove eddsa-COUNT"
    )
    parser.add_argument("--threads", type=int, default=core_count(), help="threads of everyone")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, of those that are quick")
    parser.add_argument("--rapidsnark", metavar="PROVER", help="the program `prover` of rapidsnark")
    parser.add_argument("--gnark", metavar="PROGRAM", help="a program around gnark, as peers/README.md says")
    parser.add_argument(
        "--snarkjs",
        metavar="FOLDER",
        help="where node_modules has snarkjs, default build/snarkjs; none: without",
    )
    parser.add_argument(
        "--snarkjs-rounds", type=int, default=0, metavar="N", help="default: 3, 1 beyond 2^16"
    )
    parser.add_argument("--backend", choices=("ifma", "portable"), help="portable: as if without AVX-512")
    parser.add_argument(
        "--ceremony",
        nargs="?",
        type=int,
        const=16,
        metavar="LOG",
        help="also the verbs of ceremonies, of 2^LOG",
    )
    parser.add_argument("--only", default=",".join(PARTS), metavar="PART,…", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--cache", default=str(ROOT / "build" / "bench-groth16"), help="folder of circuits")
    parser.add_argument("--json", metavar="FILE", help="also write the figures to a file")
    parser.add_argument("--markdown", metavar="FILE", help="also write the table to a file")
    found = parser.parse_args(argv)
    if min(found.threads, found.rounds, found.snarkjs_rounds + 1) < 1:
        parser.error("--threads and --rounds: expected at least 1")
    sizes = [size for size in found.sizes.split(",") if size]
    found.circuits = [*(f"chain-{size}" for size in sizes), *found.circuit]
    found.parts = [part for part in found.only.split(",") if part]
    unknown = [part for part in found.parts if part not in PARTS]
    if unknown:
        parser.error(f"--only: expected parts of {', '.join(PARTS)}, got {unknown[0]!r}")
    try:
        for name in found.circuits:
            circuit_named(name)
    except InputError as error:
        parser.error(str(error))
    for option in ("rapidsnark", "gnark"):
        path = getattr(found, option)
        if path is not None:
            if not os.access(path, os.X_OK) or os.path.isdir(path):
                parser.error(f"--{option}: expected an executable, got {path!r}")
            setattr(found, option, os.path.abspath(path))
    return found


def _snarkjs(wanted: str | None) -> Snarkjs | None:
    """snarkjs if it is there; one that was asked for must be."""
    if wanted == "none":
        return None
    try:
        return Snarkjs(Path(wanted or ROOT / "build" / "snarkjs"))
    except PeerError as error:
        if wanted is not None:
            sys.exit(f"--snarkjs: {error}")
        print(f"without snarkjs: {error}", file=sys.stderr)
        return None


def backend_environment(backend: str | None) -> Mapping[str, str]:
    """What to set for a back end: the portable one is measured as on a processor that has no AVX-512."""
    if backend is None:
        return {}
    return {"ZKROLL_BACKEND": backend, **(AVX2_ONLY if backend == "portable" else {})}


def main(argv: Sequence[str]) -> int:
    asked = _arguments(argv)
    wanted = backend_environment(asked.backend)
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.environ.update(wanted)  # Numba takes the processor from the environment when it is imported
        os.execv(sys.executable, [sys.executable, *([__file__, *argv])])
    runner = Runner(asked.threads)
    cache = Path(asked.cache).resolve()
    bench = Bench(
        runner=runner, cache=cache, threads=asked.threads, rounds=asked.rounds, rate=Rate(fr, asked.threads),
        portable=fr.backend == "portable", rapidsnark=asked.rapidsnark, gnark=asked.gnark,
        snarkjs=_snarkjs(asked.snarkjs), snarkjs_rounds=asked.snarkjs_rounds,
    )  # fmt: skip
    lines: list[Line] = []
    failed: list[str] = []
    try:
        warm_up(bench)
        if "proofs" in asked.parts:
            for name in asked.circuits:
                lines += proofs(bench, name)
        if "verification" in asked.parts:
            lines += verification(bench)
        if "start" in asked.parts:
            lines += start(bench)
        if asked.ceremony is not None:
            lines.extend(ceremony(bench, asked.ceremony))
    except (PeerError, InputError) as error:
        failed.append(f"bench-groth16: {error}")  # what was measured before is shown
    finally:
        runner.close()
    show(lines, Console(width=None if sys.stdout.isatty() else 160))
    report: dict[str, Any] = {
        "load_average": os.getloadavg()[0], "threads": asked.threads, "backend": fr.backend,
        "lines": [line.document() for line in lines],
    }  # fmt: skip
    if asked.json:
        Path(asked.json).write_text(json.dumps(report, indent=2) + "\n")
    if asked.markdown:
        Path(asked.markdown).write_text(markdown(lines))
    failed += wrong_ones(lines)
    for text in failed:
        print(text, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
