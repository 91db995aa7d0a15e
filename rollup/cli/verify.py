"""zkroll verify: check a proof against the roots and data that L1 holds."""

from __future__ import annotations

from zkroll.rollup.cli.arguments import (
    ContractOption,
    JsonOption,
    L1Option,
    ProofArgument,
    SrsOption,
    connect,
    load_proof,
    load_srs,
)
from zkroll.rollup.cli.console import emit, facts, say, warn


def verify_command(
    proof: ProofArgument,
    l1: L1Option,
    contract: ContractOption = None,
    srs: SrsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Accept a proof (exit 0), or say why not (exit 1)."""
    loaded = load_proof(proof, judged=True)
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
