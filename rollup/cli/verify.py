"""zkroll verify: check a proof against the roots and data that L1 holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zkroll.errors import InputError
from zkroll.rollup.cli.arguments import (
    ContractOption,
    JsonOption,
    KeyOption,
    ProofArgument,
    SrsOption,
    connect,
    load_proof,
    load_srs,
    load_wrapped,
)
from zkroll.rollup.cli.console import emit, facts, say, warn
from zkroll.rollup.cli.session import DEFAULT_DATA, DataOption, open_rollup

if TYPE_CHECKING:
    from zkroll.rollup.wrapped import WrappedBatches


def verify_command(
    proof: ProofArgument,
    l1: Annotated[
        str | None,
        typer.Option(
            "--l1",
            metavar="L1",
            help="Folder of an embedded chain, or an http(s) JSON-RPC URL; with --on-chain, the folder's.",
            show_default=False,
            envvar="ZKROLL_L1",
        ),
    ] = None,
    contract: ContractOption = None,
    srs: SrsOption = None,
    key: KeyOption = None,
    *,
    on_chain: Annotated[
        bool, typer.Option("--on-chain", help="Let the rollup's verifier contract judge wrapped batches.")
    ] = False,
    data: DataOption = DEFAULT_DATA,
    as_json: JsonOption = False,
) -> None:
    """Accept a proof (exit 0), or say why not (exit 1). Wrapped batches are verified with --key, without an L1."""
    wrapped = load_wrapped(proof)
    if wrapped is not None:
        if on_chain:
            _verify_on_chain(wrapped, data, l1, as_json)
        else:
            _verify_wrapped(wrapped, key, srs, as_json)
        return
    if on_chain:
        raise InputError(f"{proof}: --on-chain: expected wrapped batches, which zkroll batch prove writes")
    loaded = load_proof(proof, judged=True)
    if l1 is None:
        raise InputError("verify: expected --l1, the L1 that has the batch")
    reference_string = load_srs(srs)
    with connect(l1, contract) as chain:
        # A folder knows its own inboxes, an endpoint cannot list them.
        known = chain.inboxes()
        if contract is None and not known:
            warn("contract taken from the proof; name the one you trust with --contract")
        from zkroll.rollup.verify import verify_on_l1

        verdict = verify_on_l1(loaded, chain, reference_string)

    def show() -> None:
        say("accepted")
        facts({name: value for name, value in verdict.items() if name != "accepted"})

    emit({"accepted": True, **verdict}, as_json, show)


def _verify_on_chain(wrapped: WrappedBatches, data: str, l1: str | None, as_json: bool) -> None:
    """Let the verifier contract of the data folder's rollup judge wrapped batches."""
    from zkroll.rollup.operator.on_chain import verify_wrapped_on_chain

    with open_rollup(data, l1) as session:
        found = verify_wrapped_on_chain(session.bridge, wrapped)
    document = {"accepted": True, **found}

    def show() -> None:
        say("accepted")
        facts(found)

    emit(document, as_json, show)


def _verify_wrapped(wrapped: WrappedBatches, key: str | None, srs: str | None, as_json: bool) -> None:
    """Verify wrapped batches by their own claims, with the Groth16 key of a .zkey file."""
    from zkroll.prover.wrap.key import open_verifying_key
    from zkroll.rollup.operator.wrap_prover import batch_target, development_key_path
    from zkroll.rollup.wrapped import verify_wrapped

    target = batch_target(wrapped.profile, len(wrapped.data), load_srs(srs))
    held = open_verifying_key(key or development_key_path(target), target)
    verify_wrapped(wrapped, held)
    if held.insecure:
        warn("INSECURE key: everyone can forge proofs under it")
    document = {"accepted": True, **wrapped.describe(), "insecure": held.insecure}

    def show() -> None:
        say("accepted")
        facts({name: value for name, value in document.items() if name not in ("accepted", "batches")})

    emit(document, as_json, show)
