"""The documents of ``zkroll l1 deploy`` and ``zkroll l1 status`` for a rollup."""

from __future__ import annotations

from typing import Any

from zkroll.rollup.cli.console import warn
from zkroll.rollup.cli.progress import work_progress
from zkroll.rollup.cli.session import Session, open_node, open_rollup


def deploy_document(
    data: str,
    l1: str | None,
    proving: tuple[str, int, str | None],
    sequencer: str | None,
    owner: str | None,
    delays: tuple[int, int, int, int],
    key_file: str | None,
) -> dict[str, Any]:
    """Deploy a rollup and say what was deployed. proving: profile, chunks, file of the wrap key; delays: forced,
    escape, upgrade, finalisation, in seconds."""
    from zkroll.errors import InputError
    from zkroll.rollup.l1 import parse_address
    from zkroll.rollup.l1.bridge_types import Delays
    from zkroll.rollup.operator.deploy import Terms, deploy_rollup
    from zkroll.rollup.operator.folder import DataFolder
    from zkroll.rollup.operator.l1_start import start_l1
    from zkroll.rollup.operator.wrap_prover import open_prover

    folder = DataFolder(data)
    if folder.has_deployment():
        raise InputError(f"{folder.path}: a rollup is deployed already: {folder.deployment().rollup}")
    if l1 is not None or not folder.has_l1():
        start_l1(data, l1)
    profile, chunks, key = proving
    terms = Terms(
        delays=Delays(*delays),
        owner=0 if owner is None else parse_address(owner),
        sequencer=None if sequencer is None else parse_address(sequencer),
    )
    with open_node(data, None, key_file) as (_, node):
        _ = node.sender  # who pays is asked for before the key is made
    with work_progress() as progress:
        prover = open_prover(profile, chunks, key, progress=progress)
    contracts: list[dict[str, Any]] = []

    def report(name: str, address: int, gas: int) -> None:
        contracts.append({"contract": name, "address": f"0x{address:040x}", "gas_used": gas})

    with open_node(data, None, key_file) as (_, node):
        deployment = deploy_rollup(folder, node, prover.key, profile, terms, report)
        name = node.name
    if deployment.insecure:
        warn("INSECURE development keys: anybody can forge proofs; only chains for development take them")
    return {
        "l1": name,
        "contract": deployment.rollup,
        "genesis_root": deployment.genesis_root,
        "chain_id": deployment.chain_id,
        "sequencer": deployment.sequencer,
        "profile": profile,
        "chunks": chunks,
        "insecure": deployment.insecure,
        "contracts": contracts,
    }


def status_document(data: str, l1: str | None, key: str | None = None) -> dict[str, Any]:
    """Where the rollup of a data folder stands.

    Raises VerificationError unless its verifier's code, constants included, is that of the wrap key, if one is given.
    """
    from zkroll.rollup.operator.amounts import amount_text

    with open_rollup(data, l1) as session:
        status = session.bridge.status()
        if key is not None:
            _check_verifier(session, status.verifier, key)
        locked = {
            session.deployment.token_name(token): amount_text(
                session.bridge.locked(session.deployment.l1_token(token))
            )
            for token in (0, *(int(pair.l2, 16) for pair in session.deployment.tokens))
        }
    return {
        "l1": session.node.name,
        "contract": session.deployment.rollup,
        "chain_id": status.chain_id,
        "sequencer": f"0x{status.sequencer:040x}",
        "verifier": f"0x{status.verifier:040x}",
        **({} if key is None else {"verifier_is_of_key": True}),
        "last_committed": status.last_committed,
        "last_proven": status.last_proven,
        "last_finalised": status.last_finalised,
        "root": f"0x{status.last_root:064x}",
        "messages": status.messages,
        "messages_taken": status.messages_taken,
        "messages_per_batch": status.messages_per_batch,
        "forced_deadline_seconds": status.delays.forced,
        "escape_delay_seconds": status.delays.escape,
        "upgrade_delay_seconds": status.delays.upgrade,
        "finalisation_delay_seconds": status.delays.finalisation,
        "escape_from": status.escape_from,
        "escaped_at": status.escaped_at,
        **{f"locked {name}": amount for name, amount in locked.items()},
    }


def _check_verifier(session: Session, verifier: int, key: str) -> None:
    """Compare the code on L1 with what the sources and the key give."""
    from zkroll.prover.wrap.key import open_verifying_key
    from zkroll.rollup.l1.wrap_verifier import WrapVerifier
    from zkroll.rollup.operator.wrap_prover import batch_target

    target = batch_target(session.deployment.profile, session.deployment.chunks)
    WrapVerifier(session.node, verifier).check_key(open_verifying_key(key, target))
