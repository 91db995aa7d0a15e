"""An L1 for development: an EVM chain in this process (py-evm), kept in a folder as a journal.

Every account's ether belongs to one deployer whose key is public. Each transaction gets a block of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth.exceptions import Revert, VMError
from eth.vm.spoof import SpoofTransaction
from eth_keys.datatypes import PrivateKey
from eth_tester import EthereumTester, PyEVMBackend
from eth_utils.exceptions import ValidationError
from web3 import EthereumTesterProvider, Web3
from web3.exceptions import ContractCustomError

from zkroll.errors import InputError
from zkroll.rollup.l1.journal import JOURNAL, Block, FolderLock, Journal, read_journal, write_journal
from zkroll.rollup.l1.keys import insecure_development_deployer
from zkroll.rollup.l1.machine import QuickVM

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

GENESIS_TIMESTAMP = 1_735_689_600  # 2025-01-01, before any block of an embedded chain
LARGEST_TIMESTAMP = (1 << 63) - 1
BLOCK_GAS_LIMIT = 30_000_000
DEPLOYER_WEI = 10**27


class EmbeddedChain:
    """The chain of one folder, locked for this process until `close`."""

    def __init__(
        self,
        folder: Path,
        *,
        create: bool,
        clock: Callable[[], float] = time.time,
        wait_seconds: float = 10.0,
    ) -> None:
        """Open the chain of `folder` and replay its journal; with `create`, make an absent one.

        Raises InputError when there is no chain, when another process holds it for longer than
        `wait_seconds`, and when the journal does not replay to the hashes it names.
        """
        self.folder = folder
        self.deployer: LocalAccount = insecure_development_deployer()
        self._clock = clock
        self._ahead = 0
        self._backend = ChainBackend(self.deployer, clock=self._now)
        self.w3 = Web3(EthereumTesterProvider(EthereumTester(self._backend)))
        present = _has_chain(folder)
        if not present:
            _prepare_folder(folder, create)
        self._lock = FolderLock(folder, wait_seconds)
        try:
            if not _has_chain(folder):
                write_journal(folder, Journal.empty(self._backend.head_hash()))
            self._journal = read_journal(folder)
            self._replay()
        except BaseException:
            self._lock.release()
            raise

    def submit(self, raw_transaction: bytes) -> bytes:
        """Put a signed transaction into a block of its own and keep it; gives the transaction's hash.

        Raises InputError for one that no block can hold, and when the journal cannot be written; then nothing
        is kept and the chain has to be opened anew.
        """
        self._check_open()
        timestamp = self._backend.next_timestamp()
        try:
            transaction_hash, block_hash = self._backend.add_block(raw_transaction, timestamp)
        except (ValidationError, VMError) as error:
            raise InputError(f"{self.folder}: transaction refused: {error}") from error
        journal = self._journal.with_block(Block(timestamp, raw_transaction.hex(), block_hash))
        try:
            write_journal(self.folder, journal)
        except BaseException:
            self.close()
            raise
        self._journal = journal
        return transaction_hash

    def advance(self, seconds: int) -> None:
        """Let time pass for this opened chain: its next blocks come so much later. Raises InputError below 0."""
        if seconds < 0:
            raise InputError(f"{self.folder}: seconds to advance: expected 0 or more, got {seconds}")
        self._ahead += seconds

    def _now(self) -> int:
        return int(self._clock()) + self._ahead

    def deployed(self) -> list[str]:
        """Checksum addresses of all contracts that transactions of this chain created, in order."""
        self._check_open()
        found = []
        for number in range(1, len(self._journal.blocks) + 1):
            for transaction in self.w3.eth.get_block(number)["transactions"]:
                address = self.w3.eth.get_transaction_receipt(bytes(transaction))["contractAddress"]  # type: ignore[arg-type]
                if address is not None:
                    found.append(str(address))
        return found

    def close(self) -> None:
        """Give the folder back; safe to call twice."""
        self._lock.release()
        self._closed = True

    _closed = False

    def _check_open(self) -> None:
        if self._closed:
            raise InputError(f"{self.folder}: this embedded L1 is closed")

    def _replay(self) -> None:
        place = self.folder / JOURNAL
        if self._journal.genesis != self._backend.head_hash():
            raise InputError(
                f"{place}: genesis: expected {self._backend.head_hash()}, got {self._journal.genesis[:80]}"
            )
        for number, block in enumerate(self._journal.blocks, start=1):
            if not self._backend.head_timestamp() < block.timestamp <= LARGEST_TIMESTAMP:
                raise InputError(
                    f"{place}: block {number}: expected a later timestamp, got {block.timestamp}"
                )
            try:
                _, replayed = self._backend.add_block(block.raw_transaction(), block.timestamp)
            except (
                Exception
            ) as error:  # rlp and py-evm have no common root for what a damaged transaction raises
                raise InputError(f"{place}: block {number}: corrupted transaction: {error}") from error
            if replayed != block.hash:
                raise InputError(f"{place}: block {number}: expected hash {replayed}, got {block.hash[:80]}")


class ChainBackend(PyEVMBackend):  # type: ignore[misc]
    """eth-tester's chain with nothing random in it, so that blocks can be replayed.

    `deployer` owns all ether; `machine` is py-evm's class of the EVM that runs. `clock` gives the time of the
    next block, in seconds; without one it comes a second after the newest.
    """

    def __init__(
        self,
        deployer: LocalAccount,
        machine: type = QuickVM,
        clock: Callable[[], int] = lambda: 0,
    ) -> None:
        owner = {"balance": DEPLOYER_WEI, "nonce": 0, "code": b"", "storage": {}}
        super().__init__(
            genesis_parameters=PyEVMBackend.generate_genesis_params(
                {"timestamp": GENESIS_TIMESTAMP, "gas_limit": BLOCK_GAS_LIMIT}
            ),
            genesis_state={bytes.fromhex(deployer.address[2:]): owner},
            vm_configuration=((0, machine),),
        )
        self._clock = clock
        # web3 fills in the first account as the sender of calls, and only this one can pay for them.
        self.account_keys = (PrivateKey(bytes(deployer.key)),)

    def head_hash(self) -> str:
        """Hash of the newest block."""
        return str(self.chain.get_canonical_head().hash.hex())

    def head_timestamp(self) -> int:
        """Seconds since 1970 in the newest block."""
        return int(self.chain.get_canonical_head().timestamp)

    def next_timestamp(self) -> int:
        """Seconds since 1970 in the next block."""
        return max(self.head_timestamp() + 1, self._clock())

    def add_block(self, raw_transaction: bytes, timestamp: int) -> tuple[bytes, str]:
        """Mine a block with this transaction at this time; gives both hashes."""
        self.chain.header = self.chain.header.copy(timestamp=timestamp)
        transaction_hash = bytes(self.send_raw_transaction(raw_transaction))
        (block_hash,) = self.mine_blocks()
        return transaction_hash, block_hash.hex()

    def mine_blocks(self, num_blocks: int = 1, coinbase: bytes = bytes(20)) -> tuple[bytes, ...]:
        return tuple(
            self.chain.mine_block(coinbase=coinbase, mix_hash=bytes(32), blob_gas_used=0).hash
            for _ in range(num_blocks)
        )

    def call(self, transaction: dict[str, Any], block_number: int | str = "latest") -> bytes:
        """Like eth_call in the next block, but a revert keeps its data, as JSON-RPC nodes give it."""
        if block_number not in ("latest", "pending"):
            raise InputError("embedded L1: calls read the newest block only")
        return bytes(self._run(transaction).output)

    def estimate_gas(self, transaction: dict[str, Any], block_number: int | str = "latest") -> int:
        """Gas that a transaction uses in the next block, before refunds; reverts as `call` does.

        A contract that holds back more than a 64th of its gas from those it calls may need more.
        """
        if block_number not in ("latest", "pending"):
            raise InputError("embedded L1: estimates are for the next block only")
        computation = self._run(transaction)
        return int(transaction.get("gas", BLOCK_GAS_LIMIT)) - int(computation.get_gas_remaining())

    def _run(self, transaction: dict[str, Any]) -> Any:
        header = self.chain.header.copy(timestamp=self.next_timestamp())
        state = self.chain.get_vm(at_header=header).state
        try:
            computation = state.apply_transaction(self._spoofed(transaction))
        except ValidationError as error:  # of the transaction itself: a sender who cannot pay, too little gas
            raise InputError(f"transaction refused: {error}") from error
        if computation.is_error:
            data = computation.output if isinstance(computation.error, Revert) else b""
            raise ContractCustomError(
                f"execution reverted: {type(computation.error).__name__}", "0x" + data.hex()
            )
        return computation

    def _spoofed(self, transaction: dict[str, Any]) -> SpoofTransaction:
        whole = {"gas": BLOCK_GAS_LIMIT, **transaction}
        unsigned = self._get_normalized_and_unsigned_evm_transaction(whole)
        return SpoofTransaction(unsigned, from_=transaction["from"])


def _has_chain(folder: Path) -> bool:
    return (folder / JOURNAL).exists()


def _prepare_folder(folder: Path, create: bool) -> None:
    """Make the folder of a new chain; raises InputError where one must exist or something else is."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: expected the folder of an embedded L1, got a file")
    if not create:
        raise InputError(
            f"{folder}: expected the folder of an embedded L1; make one with zkroll l1 start or l1 deploy"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(entry.name != "lock" for entry in folder.iterdir()):
            raise InputError(
                f"{folder}: expected an empty folder or an embedded L1, got a folder of other files"
            )
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror or error}") from error
