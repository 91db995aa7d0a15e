"""Arguments that several verbs take, and the files that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zkroll.algebra.files import read_regular_file
from zkroll.errors import InputError, VerificationError

if TYPE_CHECKING:
    from zkroll.algebra.kzg import SRS
    from zkroll.rollup.l1 import L1
    from zkroll.rollup.proof import BatchProof
    from zkroll.rollup.wrapped import WrappedBatches

LARGEST_PROOF = 1 << 28  # bytes

BatchArgument = Annotated[
    str, typer.Argument(metavar="BATCH.json", help="The batch file.", show_default=False)
]
ProofArgument = Annotated[
    str, typer.Argument(metavar="PROOF.zkp", help="The proof file.", show_default=False)
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY.zkey",
        help="Key of `zkroll setup wrap`; else the INSECURE development one, made if the cache has none.",
        show_default=False,
    ),
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", metavar="N", min=1, help="Threads to use; default every core.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
L1Option = Annotated[
    str,
    typer.Option(
        "--l1",
        metavar="L1",
        help="Folder of an embedded chain, or an http(s) JSON-RPC URL.",
        show_default=False,
        envvar="ZKROLL_L1",
    ),
]
ContractOption = Annotated[
    str | None,
    typer.Option(
        "--contract", metavar="ADDRESS", help="Insist on this inbox contract.", envvar="ZKROLL_CONTRACT"
    ),
]
KeyFileOption = Annotated[
    str | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="Key that pays on a JSON-RPC L1: hexadecimal or a keystore. Else taken from ZKROLL_L1_KEY.",
    ),
]
SrsOption = Annotated[
    str | None,
    typer.Option(
        "--srs", metavar="FILE", help="Reference string of `zkroll setup`; else the INSECURE development one."
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Fixed heights (small, medium or large) that a wrap proof needs; else as few rows as possible.",
    ),
]


def load_proof(path: str, *, judged: bool = False) -> BatchProof:
    """The proof in a file; raises InputError when there is no such file or something else in it.

    When the proof is `judged`, one that begins like a proof and is malformed is a bad proof, not a bad file:
    then it raises VerificationError.
    """
    from zkroll.rollup.proof import MAGIC, BatchProof

    content = read_regular_file(path, LARGEST_PROOF)
    try:
        return BatchProof.from_bytes(content)
    except VerificationError as error:
        if judged and content.startswith(MAGIC):
            raise
        raise InputError(f"{path}: not a proof file: {error}") from error


def load_wrapped(path: str) -> WrappedBatches | None:
    """The wrapped batches in a file, or None for a file that does not begin like one.

    Raises InputError when there is no such file, VerificationError for one that is malformed behind its beginning.
    """
    from zkroll.rollup.wrapped import MAGIC, WrappedBatches

    content = read_regular_file(path, LARGEST_PROOF)
    return WrappedBatches.from_bytes(content) if content.startswith(MAGIC) else None


def load_srs(path: str | None) -> SRS | None:
    """The reference string in a file, or None for the development one."""
    if path is None:
        return None
    from zkroll.algebra import kzg

    return kzg.load(path)


def connect(
    target: str, contract: str | None = None, *, create: bool = False, key_file: str | None = None
) -> L1:
    """The L1 that the options name."""
    from zkroll.rollup.l1 import open_l1, parse_address

    insisted = None if contract is None else parse_address(contract)
    return open_l1(target, create=create, contract=insisted, key_file=key_file)
