"""Reads the GeneralStateTests of github.com/ethereum/tests and runs their Cancun cases on `zkroll.vm`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rlp
from trie import HexaryTrie
from zkroll.vm import gas
from zkroll.vm.environment import BlockEnvironment
from zkroll.vm.halts import MissingInstruction
from zkroll.vm.state import Account, JournaledState, Log, MemoryState, keccak256
from zkroll.vm.transaction import InvalidTransaction, Transaction, process_transaction

ROOT = Path(__file__).resolve().parents[3] / "shared" / "ethereum-tests" / "GeneralStateTests"


@dataclass(frozen=True)
class Case:
    """One (data, gas, value) choice of one test."""

    name: str
    test: dict[str, Any]
    post: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """`failure` is empty when roots and logs agree; `missing` names what the machine lacks."""

    failure: str = ""
    missing: str = ""


def files(*families: str) -> list[Path]:
    """The test files of the named families (folders), or of all."""
    if not ROOT.is_dir():
        return []
    roots = [ROOT / family for family in families] if families else [ROOT]
    return sorted(path for root in roots for path in root.rglob("*.json"))


def cases(path: Path) -> Iterator[Case]:
    """Every Cancun case of a file."""
    for name, test in json.loads(path.read_text()).items():
        for post in test["post"].get("Cancun", []):
            index = post["indexes"]
            yield Case(f"{name}[d{index['data']}g{index['gas']}v{index['value']}]", test, post)


def run(case: Case) -> Verdict:
    """Run one case and compare the state root and the hash of the logs."""
    store = MemoryState({number(a): account(fields) for a, fields in case.test["pre"].items()})
    state = JournaledState(store)
    logs: tuple[Log, ...] = ()
    refused = ""
    try:
        logs = process_transaction(state, block(case.test["env"]), transaction(case)).logs
        store.apply(state.changes())
    except InvalidTransaction as error:
        refused = str(error)
    except MissingInstruction as error:
        return Verdict(missing=str(error))
    if bool(refused) != ("expectException" in case.post):
        return Verdict(f"expected exception {case.post.get('expectException')}, got {refused or 'none'}")
    root = state_root(store)
    if root.hex() != case.post["hash"][2:]:
        return Verdict(f"state root: expected {case.post['hash']}, got 0x{root.hex()}")
    digest = logs_hash(logs)
    if digest.hex() != case.post["logs"][2:]:
        return Verdict(f"logs hash: expected {case.post['logs']}, got 0x{digest.hex()}")
    return Verdict()


def number(text: str) -> int:
    """A quantity, with or without digits after 0x."""
    return int(text, 16) if text != "0x" else 0


def account(fields: dict[str, Any]) -> Account:
    """An account of the pre-state."""
    storage = {number(slot): number(word) for slot, word in fields["storage"].items() if number(word)}
    return Account(
        number(fields["nonce"]), number(fields["balance"]), bytes.fromhex(fields["code"][2:]), storage
    )


def block(env: dict[str, str]) -> BlockEnvironment:
    """The block of a test; block hashes are what the test generators use, keccak of the decimal number."""
    height = number(env["currentNumber"])
    hashes = {
        n: int.from_bytes(keccak256(str(n).encode()), "big") for n in range(max(0, height - 256), height)
    }
    return BlockEnvironment(
        number=height,
        timestamp=number(env["currentTimestamp"]),
        coinbase=number(env["currentCoinbase"]),
        chain_id=1,
        gas_limit=number(env["currentGasLimit"]),
        base_fee=number(env["currentBaseFee"]),
        prev_randao=number(env["currentRandom"]),
        blob_base_fee=gas.blob_base_fee(number(env["currentExcessBlobGas"])),
        block_hashes=hashes,
    )


def transaction(case: Case) -> Transaction:
    """The transaction that the case's indexes choose."""
    fields, index = case.test["transaction"], case.post["indexes"]
    lists = fields.get("accessLists", [None])
    access = lists[index["data"]] if index["data"] < len(lists) else None
    price = fields.get("gasPrice")
    blobs = fields.get("blobVersionedHashes")
    return Transaction(
        sender=number(fields["sender"]),
        target=number(fields["to"]) if fields["to"] else None,
        nonce=number(fields["nonce"]),
        gas_limit=number(fields["gasLimit"][index["gas"]]),
        max_fee=number(price or fields["maxFeePerGas"]),
        max_priority_fee=number(price or fields["maxPriorityFeePerGas"]),
        value=number(fields["value"][index["value"]]),
        data=bytes.fromhex(fields["data"][index["data"]][2:]),
        access_list=tuple(
            (number(entry["address"]), tuple(number(key) for key in entry["storageKeys"]))
            for entry in access or []
        ),
        blob_hashes=None if blobs is None else tuple(number(item) for item in blobs),
        max_blob_fee=number(fields.get("maxFeePerBlobGas", "0x")),
    )


def quantity(value: int) -> bytes:
    """Big-endian bytes without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def state_root(store: MemoryState) -> bytes:
    """Root of Ethereum's hexary state trie."""
    trie = HexaryTrie({}, prune=True)
    for address, entry in store.accounts.items():
        storage = HexaryTrie({}, prune=True)
        for slot, word in entry.storage.items():
            storage[keccak256(slot.to_bytes(32, "big"))] = rlp.encode(quantity(word))
        leaf = [quantity(entry.nonce), quantity(entry.balance), storage.root_hash, keccak256(entry.code)]
        trie[keccak256(address.to_bytes(20, "big"))] = rlp.encode(leaf)
    return bytes(trie.root_hash)


def logs_hash(logs: tuple[Log, ...]) -> bytes:
    """Keccak of the RLP list of events."""
    return keccak256(
        rlp.encode(
            [
                [log.address.to_bytes(20, "big"), [topic.to_bytes(32, "big") for topic in log.topics], log.data]
                for log in logs
            ]
        )
    )
