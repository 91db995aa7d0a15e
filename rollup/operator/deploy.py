"""Put a rollup on L1: the contracts of exit proofs, the verifier of a wrap key, a token to try, the rollup itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from zkroll.circuits.buses import BRIDGE_ADDRESS
from zkroll.circuits.profiles import MESSAGES
from zkroll.errors import InputError, RollupError
from zkroll.rollup.batch import accounts_to_json
from zkroll.rollup.development import DEVELOPMENT_CHAIN_ID, TOKEN_ADDRESS, bridge_genesis
from zkroll.rollup.genesis import Account, build_state
from zkroll.rollup.l1.artifact import load_artifact
from zkroll.rollup.l1.bridge import Bridge
from zkroll.rollup.l1.bridge_types import Delays, RollupConfig
from zkroll.rollup.l1.exit_proofs import deploy_exit_proofs
from zkroll.rollup.l1.inbox import Node, Receipt, Reverted, hex_address
from zkroll.rollup.l1.wrap_verifier import WrapVerifier
from zkroll.rollup.operator.deployment import Deployment, TokenPair
from zkroll.rollup.operator.folder import DataFolder
from zkroll.verifier.wrap import WrapVerifyingKey

DAY: Final = 86_400  # seconds
#: exits within a day, escape after a week, changes after a month, final as soon as proven
DEFAULT_DELAYS: Final = Delays(forced=DAY, escape=7 * DAY, upgrade=30 * DAY, finalisation=0)
DEMO_SYMBOL: Final = "ROLL"
DEMO_SUPPLY: Final = 10**6 * 10**18

#: told of every contract as it is there: name, address, gas
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Terms:
    """What can be chosen of a rollup. owner 0: nothing can ever change; sequencer None: the deploying account;
    messages_per_batch None: what a batch of the profile holds whatever the messages are."""

    delays: Delays = DEFAULT_DELAYS
    owner: int = 0
    sequencer: int | None = None
    chain_id: int = DEVELOPMENT_CHAIN_ID
    messages_per_batch: int | None = None


def deploy_rollup(
    folder: DataFolder,
    node: Node,
    key: WrapVerifyingKey,
    profile: str,
    terms: Terms | None = None,
    report: Report = lambda _name, _address, _gas: None,
) -> Deployment:
    """Deploy everything that a rollup needs and keep what was deployed in the folder.

    The genesis is the folder's, and without one the development token and no money. Raises InputError for an
    insecure key on a chain that is not one for development, for more messages than a batch holds, and for a genesis
    with money that nobody locked or with code at the bridge; ContractRefused for terms that the contract refuses.
    """
    terms = terms or Terms()
    messages_per_batch = terms.messages_per_batch or MESSAGES[profile]
    if messages_per_batch > MESSAGES[profile]:
        raise InputError(
            f"messages per batch: profile {profile} holds {MESSAGES[profile]} whatever they are, "
            f"got {messages_per_batch}: a full queue would let no batch be committed"
        )
    if not (folder.path / "genesis.json").exists():
        folder.set_genesis(accounts_to_json(bridge_genesis()))
    genesis = folder.genesis()
    check_genesis(genesis, development=key.insecure)
    genesis_root = build_state(genesis).root
    sequencer = node.sender if terms.sequencer is None else terms.sequencer
    deploy = _Deployer(node)
    exit_proofs = deploy_exit_proofs(deploy)
    report("exit proofs", exit_proofs, deploy.gas)
    verifier, receipt = WrapVerifier.deploy(node, key)
    report("wrap verifier", verifier.address, receipt.gas_used)
    token, receipt = deploy_demo_token(node)
    report("demo token", token, receipt.gas_used)
    config = RollupConfig(
        genesis_root=genesis_root,
        chain_id=terms.chain_id,
        sequencer=sequencer,
        owner=terms.owner,
        verifier=verifier.address,
        exit_proofs=exit_proofs,
        delays=terms.delays,
        tokens=((token, TOKEN_ADDRESS),),
        messages_per_batch=messages_per_batch,
    )
    bridge, receipt = Bridge.deploy(node, config)
    report("rollup", bridge.address, receipt.gas_used)
    deployment = Deployment(
        chain_id=terms.chain_id,
        l1_chain_id=node.chain_id,
        rollup=hex_address(bridge.address),
        verifier=hex_address(verifier.address),
        exit_proofs=hex_address(exit_proofs),
        sequencer=hex_address(sequencer),
        genesis_root=f"0x{genesis_root:064x}",
        key_digest=f"0x{key.key_digest:064x}",
        profile=profile,
        chunks=key.shape.chunks,
        insecure=key.insecure,
        block=receipt.block_number,
        tokens=(TokenPair(DEMO_SYMBOL, hex_address(token), f"0x{TOKEN_ADDRESS:040x}"),),
    )
    folder.set_deployment(deployment)
    return deployment


def check_genesis(accounts: Iterable[Account], *, development: bool) -> None:
    """Refuse a genesis whose users could not all leave.

    Raises InputError for code at the bridge, which would keep everybody from withdrawing, and, but for development,
    for ether or tokens: what nobody locked on L1 is paid with the money of those who come later.
    """
    for account in accounts:
        if account.address == BRIDGE_ADDRESS and account.code:
            raise InputError(f"genesis: the bridge {BRIDGE_ADDRESS:#042x}: expected no code, got some")
        if account.balance and not development:
            raise InputError(
                f"genesis: account {account.address:#042x}: expected no ether, as none is locked, "
                f"got {account.balance} wei"
            )
        if account.address == TOKEN_ADDRESS and account.storage and not development:
            raise InputError(
                f"genesis: token {TOKEN_ADDRESS:#042x}: expected no balances, as none are locked"
            )


def deploy_demo_token(node: Node) -> tuple[int, Receipt]:
    """A token whose whole supply the node's account has; gives its address and the receipt."""
    receipt = node.send(None, load_artifact("DemoToken").encode_constructor(DEMO_SUPPLY))
    if receipt.created is None:
        raise RollupError(f"{node.name}: demo token: expected a contract, got none")
    return receipt.created, receipt


class _Deployer:
    """Sends creation code and counts the gas."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.gas = 0

    def __call__(self, creation: bytes) -> int:
        try:
            receipt = self._node.send(None, creation)
        except Reverted as error:
            raise RollupError(f"{self._node.name}: exit proofs: the deployment reverted: {error}") from None
        if receipt.created is None:
            raise RollupError(f"{self._node.name}: exit proofs: expected a contract, got none")
        self.gas += receipt.gas_used
        return receipt.created


__all__ = [
    "DAY",
    "DEFAULT_DELAYS",
    "DEMO_SYMBOL",
    "Terms",
    "check_genesis",
    "deploy_demo_token",
    "deploy_rollup",
]
