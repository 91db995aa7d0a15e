"""The contract that verifies wrap proofs, `contracts/WrapVerifier.sol`: its constants, deployment and calls."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from typing import Any, Final

from zkroll.algebra.curve import GENERATOR_G2, G1Points, G2Points, is_in_subgroup, is_on_curve
from zkroll.errors import InputError, RollupError, VerificationError
from zkroll.rollup.l1.artifact import Artifact, parse_artifact
from zkroll.rollup.l1.inbox import Node, Receipt, Reverted, hex_address
from zkroll.verifier.key import G2Point
from zkroll.verifier.transcript import Point
from zkroll.verifier.wrap import WrapVerifyingKey

#: bytes of a statement in the contract
STATEMENT_BYTES: Final = 236
MOST_PREPROCESSED: Final = 4
MOST_GROUPS: Final = 255  # of a stage

#: Chains whose money is play money: those of hardhat and anvil, of ganache and geth --dev, and of eth-tester, which
#: is the embedded L1's.
DEVELOPMENT_CHAINS: Final = frozenset({31337, 1337, 131277322940537})


@functools.cache
def wrap_verifier_artifact() -> Artifact:
    """The compiled contract."""
    folder = resources.files(__package__).joinpath("contracts")
    return parse_artifact(folder.joinpath("WrapVerifier.json").read_bytes())


def constructor_arguments(key: WrapVerifyingKey) -> tuple[object, ...]:
    """The arguments of the contract's constructor: points, preprocessed commitments, groups, chunks, digest, flag.

    Raises InputError for a key that the contract cannot stand for: gamma_2 is not the generator of G2 (the contract
    adds up pairs because it is, as in every key of a ceremony), statements are not those of a rollup, there are more
    groups than it holds, points are off the curve, or tau is 0 or 1.
    """
    shape, groth = key.shape, key.groth16
    if shape.statement_bytes != STATEMENT_BYTES:
        raise InputError(
            f"wrap verifier: expected statements of {STATEMENT_BYTES} bytes, got {shape.statement_bytes}"
        )
    if shape.preprocessed > MOST_PREPROCESSED:
        raise InputError(
            f"wrap verifier: expected at most {MOST_PREPROCESSED} preprocessed groups, got {shape.preprocessed}"
        )
    groups = {"main": shape.main, "helper": shape.helper, "quotient": shape.quotient}
    for stage, count in groups.items():
        if not 1 <= count <= MOST_GROUPS:
            raise InputError(f"wrap verifier: expected 1 to {MOST_GROUPS} {stage} groups, got {count}")
    if groth.gamma_2 != GENERATOR_G2:
        raise InputError("wrap verifier: gamma_2: expected the generator of G2, got another point")
    _check_tau(key.tau_g2)
    _check_preprocessed(key.preprocessed)
    points = [
        *_words(groth.alpha_1), *_twist_words(groth.beta_2), *_twist_words(groth.delta_2),
        *_words(groth.ic[0]), *_words(groth.ic[1]), *_twist_words(key.tau_g2),
    ]  # fmt: skip
    preprocessed = [list(point) for point in key.preprocessed]
    return points, preprocessed, list(groups.values()), shape.chunks, key.key_digest, key.insecure


def creation_code(key: WrapVerifyingKey) -> bytes:
    """The data of the transaction that deploys the key's verifier. Raises as `constructor_arguments`."""
    return wrap_verifier_artifact().encode_constructor(*constructor_arguments(key))


def deployed_code(creation: bytes) -> bytes:
    """The code that a deploying transaction with this data leaves, found by running it on an EVM in this process.

    Raises InputError when the constructor refuses.
    """
    from eth.vm.spoof import SpoofTransaction

    from zkroll.rollup.l1.embedded import BLOCK_GAS_LIMIT, ChainBackend
    from zkroll.rollup.l1.keys import insecure_development_deployer

    deployer = insecure_development_deployer()
    chain: Any = ChainBackend(deployer)
    vm = chain.chain.get_vm(at_header=chain.chain.get_canonical_head())
    unsigned = vm.create_unsigned_transaction(
        nonce=0, gas_price=vm.state.base_fee, gas=BLOCK_GAS_LIMIT, to=b"", value=0, data=creation
    )
    done = vm.state.apply_transaction(SpoofTransaction(unsigned, from_=bytes.fromhex(deployer.address[2:])))
    if done.is_error:
        raise InputError(f"contract: the constructor refused: {type(done.error).__name__}")
    return bytes(done.output)


class WrapVerifier:
    """The verifier at an address of an L1. `node` says where; calls cost nothing."""

    def __init__(self, node: Node, address: int) -> None:
        self.node = node
        self.address = address
        self._artifact = wrap_verifier_artifact()

    @classmethod
    def deploy(cls, node: Node, key: WrapVerifyingKey) -> tuple[WrapVerifier, Receipt]:
        """Deploy the verifier of a key.

        Raises InputError as `constructor_arguments` does, and for an insecure key on a chain that is not one for
        development; RollupError when no contract came of it.
        """
        if key.insecure and node.chain_id not in DEVELOPMENT_CHAINS:
            raise InputError(
                f"{node.name}: expected a wrap key from ceremonies on chain {node.chain_id}, got an insecure "
                "development key: anybody can forge proofs for it"
            )
        try:
            receipt = node.send(None, creation_code(key))
        except Reverted as error:
            raise RollupError(
                f"{node.name}: wrap verifier: {wrap_verifier_artifact().describe_error(error.data)}"
            ) from None
        if receipt.created is None:
            raise RollupError(f"{node.name}: wrap verifier: expected a contract, got none")
        return cls(node, receipt.created), receipt

    def check_key(self, key: WrapVerifyingKey) -> None:
        """Raise VerificationError unless the code at the address is the verifier of this key, every constant included."""
        code = self.node.code(self.address)
        place = f"{self.node.name}: {hex_address(self.address)}"
        if not self._artifact.is_code(code):
            raise VerificationError(f"{place}: expected a wrap verifier, got other code ({len(code)} bytes)")
        if code != deployed_code(creation_code(key)):
            raise VerificationError(f"{place}: expected the wrap verifier of this key, got one of another")

    def verify(self, proof: bytes, statements: Sequence[bytes]) -> None:
        """Have the contract verify a proof of packed statements; raises VerificationError with its reason.

        A node that runs calls with too little gas, or without the precompiled contracts, refuses valid proofs.
        """
        data = verify_calldata(proof, statements)
        place = f"{self.node.name}: {hex_address(self.address)}"
        try:
            output = self.node.call(self.address, data)
        except Reverted as error:
            raise VerificationError(f"{place}: {self._artifact.describe_error(error.data)}") from None
        # An account without code answers every call, with nothing: so does a valid proof.
        if output or not self._artifact.is_code(self.node.code(self.address)):
            raise VerificationError(f"{place}: expected a wrap verifier's answer, got {len(output)} bytes")

    @property
    def chunks(self) -> int:
        """How many batches a proof covers."""
        return int(self._read("chunks"))

    @property
    def key_digest(self) -> int:
        """The digest of the inner verifying key."""
        return int(self._read("keyDigest"))

    @property
    def insecure(self) -> bool:
        """Whether the key's secrets are publicly known."""
        return bool(self._read("insecure"))

    def _read(self, function: str) -> Any:
        output = self.node.call(self.address, self._artifact.encode_call(function))
        return self._artifact.decode_result(function, output)[0]


def verify_calldata(proof: bytes, statements: Sequence[bytes]) -> bytes:
    """The data of a call of the contract's `verify`."""
    return wrap_verifier_artifact().encode_call("verify", proof, b"".join(statements))


def verify_on_chain(node: Node, address: int, proof: bytes, statements: Sequence[bytes]) -> None:
    """Raise VerificationError unless the verifier at the address accepts the proof of these packed statements."""
    WrapVerifier(node, address).verify(proof, statements)


def _check_tau(tau: G2Point) -> None:
    if tau == GENERATOR_G2:
        raise InputError("wrap verifier: [tau]_2: expected powers of a secret tau, got tau = 1")
    points = G2Points.from_ints([tau])
    if points.to_ints() == [None] or not is_in_subgroup(points, threads=1).all():
        raise InputError("wrap verifier: [tau]_2: expected a point of order r, got another one")


def _check_preprocessed(points: Sequence[Point]) -> None:
    for i, point in enumerate(points):
        if point == (0, 0) or not is_on_curve(G1Points.from_ints([point]), threads=1).all():
            raise InputError(f"wrap verifier: preprocessed commitment {i}: expected a point of the curve")


def _words(point: Point | None) -> Point:
    if point is None:
        raise InputError("wrap verifier: expected points other than infinity in the Groth16 key")
    return point


def _twist_words(point: G2Point | None) -> tuple[int, int, int, int]:
    """Coordinates with the imaginary part first (EIP-197)."""
    if point is None:
        raise InputError("wrap verifier: expected points other than infinity in the Groth16 key")
    (x0, x1), (y0, y1) = point
    return x1, x0, y1, y0
