"""An EVM chain in this process for tests, and verifiers that are deployed on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from eth.exceptions import Revert, VMError
from eth.vm.forks.prague import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_utils.exceptions import ValidationError

from zkroll.errors import InputError, RollupError
from zkroll.rollup.l1.embedded import BLOCK_GAS_LIMIT, ChainBackend
from zkroll.rollup.l1.keys import insecure_development_deployer
from zkroll.rollup.l1.machine import QuickVM
from zkroll.rollup.l1.yul import compile_contract
from zkroll.rollup.testing.provers import Proven
from zkroll.rollup.testing.verifiers import question
from zkroll.verifier.groth16 import Proof, VerifyingKey
from zkroll.verifier.groth16.solidity import solidity_verifier

if TYPE_CHECKING:
    from web3 import Web3
    from web3.contract import Contract

Precompiles = Literal["zkroll", "py-evm"]

_WORD: Final = 32


@dataclass(frozen=True)
class Answer:
    """What a call gave: the bytes returned, gas of the whole transaction, and why it failed, if it did."""

    output: bytes
    gas: int
    failure: str | None


class LocalChain:
    """A chain whose one account, `deployer`, owns all ether; each transaction gets a block of its own.

    precompiles: who computes on BN254. py-evm's own take 0.5 s for a pairing of four pairs; zkroll's are equal
    in what they give and cost (tests compare them), and take 1 ms.
    """

    def __init__(self, precompiles: Precompiles = "zkroll") -> None:
        if precompiles not in ("zkroll", "py-evm"):
            raise InputError(f"precompiles: expected zkroll or py-evm, got {precompiles!r:.40}")
        self.precompiles = precompiles
        self.deployer = insecure_development_deployer()
        self._backend = ChainBackend(self.deployer, QuickVM if precompiles == "zkroll" else PragueVM)

    @cached_property
    def w3(self) -> Web3:
        """The chain through web3.py, for contracts of your own."""
        from eth_tester import EthereumTester
        from web3 import EthereumTesterProvider, Web3

        w3 = Web3(EthereumTesterProvider(EthereumTester(self._backend)))
        w3.eth.default_account = w3.eth.accounts[0]
        return w3

    def deploy(self, creation: bytes) -> str:
        """Run the data of a deploying transaction; gives the contract's address.

        Raises RollupError when no contract came of it.
        """
        sent = self.w3.eth.send_transaction(
            {"from": self.deployer.address, "data": creation, "gas": BLOCK_GAS_LIMIT // 2}
        )
        receipt = self.w3.eth.get_transaction_receipt(sent)
        address = receipt["contractAddress"]
        if receipt["status"] != 1 or address is None:
            raise RollupError("deployment: expected a contract, got a failed transaction")
        return str(address)

    def call(self, address: str, data: bytes, gas: int = BLOCK_GAS_LIMIT, value: int = 0) -> Answer:
        """What a transaction with this data, limit of gas and wei would give, without sending it."""
        backend: Any = self._backend
        vm = backend.chain.get_vm(at_header=backend.chain.get_canonical_head())
        sender = bytes.fromhex(self.deployer.address[2:])
        unsigned = vm.create_unsigned_transaction(
            nonce=vm.state.get_nonce(sender), gas_price=vm.state.base_fee, gas=gas,
            to=bytes.fromhex(address[2:]), value=value, data=data,
        )  # fmt: skip
        try:
            computation = vm.state.apply_transaction(SpoofTransaction(unsigned, from_=sender))
        except (VMError, ValidationError) as error:
            raise RollupError(f"call: expected one that a block can hold, got: {error}") from error
        failure = type(computation.error).__name__ if computation.is_error else None
        kept = b"" if failure and not isinstance(computation.error, Revert) else bytes(computation.output)
        return Answer(kept, gas - int(computation.get_gas_remaining()), failure)


class DeployedVerifier:
    """The Solidity verifier of a key, compiled here from its text and deployed on a chain in this process.

    source: the Solidity text; one that was exported before may be given, and is taken as it is. address, abi: for contracts of your own that call it. chain: where it lies.
    """

    name = "solidity"

    def __init__(
        self, key: VerifyingKey, chain: LocalChain | None = None, *, source: str | None = None
    ) -> None:
        self.key = key
        self.chain = chain or LocalChain()
        self.source = solidity_verifier(key) if source is None else source
        compiled = compile_contract(self.source)
        self.abi = compiled.abi
        self.address = self.chain.deploy(compiled.creation)
        self._selector = compiled.selector

    @property
    def w3(self) -> Web3:
        """The chain through web3.py."""
        return self.chain.w3

    @cached_property
    def contract(self) -> Contract:
        """The contract through web3.py."""
        contract: Contract = self.w3.eth.contract(address=self.address, abi=list(self.abi))  # type: ignore[call-overload]
        return contract

    def calldata(self, proof: Proof | Proven | bytes, public: Sequence[int] | None = None) -> bytes:
        """The data of a call of verifyProof.

        A proof may be any 256 bytes, and public values any of 256 bits. Raises InputError for what no call of
        verifyProof can carry.
        """
        data, values = question(self.key, proof, public)
        return self._selector + data + b"".join(value.to_bytes(_WORD, "big") for value in values)

    def accepts(self, proof: Proof | Proven | bytes, public: Sequence[int] | None = None) -> bool:
        """Whether verifyProof returns true for a proof and public values; a `Proven` brings its own.

        Raises RollupError when it does not answer (it reverts), which says nothing of the proof, and InputError
        as `calldata` does.
        """
        return self._ask(proof, public)[0]

    def gas(self, proof: Proof | Proven | bytes, public: Sequence[int] | None = None) -> int:
        """Gas of a transaction that calls verifyProof: 21,000, its calldata and the verification."""
        return self._ask(proof, public)[1]

    def _ask(self, proof: Proof | Proven | bytes, public: Sequence[int] | None) -> tuple[bool, int]:
        answer = self.chain.call(self.address, self.calldata(proof, public))
        if answer.failure is not None or answer.output not in _BOOLEANS:
            got = answer.failure or f"{len(answer.output)} bytes"
            raise RollupError(f"verifyProof: expected true or false, got {got}")
        return answer.output == _BOOLEANS[1], answer.gas


_BOOLEANS: Final = (bytes(_WORD), bytes(_WORD - 1) + b"\x01")
