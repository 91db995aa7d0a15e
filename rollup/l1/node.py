"""L1 nodes over web3.py: the embedded chain in this process, and any JSON-RPC endpoint."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from zkroll.errors import InputError, RollupError
from zkroll.rollup.json_depth import check_depth
from zkroll.rollup.l1.inbox import Log, Receipt, Reverted, hex_address
from zkroll.rollup.l1.keys import load_key

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3 import Web3

REQUEST_SECONDS = 30
RECEIPT_SECONDS = 180
GAS_MARGIN = (6, 5)  # of the estimate
CALLS_SENDER = 0


class Web3Node:
    """What both kinds share: reading, and sending one signed transaction."""

    def __init__(self, name: str, w3: Web3, submit: Callable[[bytes], bytes]) -> None:
        self.name = name
        self.w3 = w3
        self._submit = submit
        with self.errors():
            self.chain_id = int(w3.eth.chain_id)

    def account(self) -> LocalAccount:
        """The account that signs transactions; raises InputError when there is no key."""
        raise NotImplementedError

    def errors(self) -> contextlib.AbstractContextManager[None]:
        """Turns the libraries' errors into Reverted and InputError."""
        return _translated(self.name)

    @property
    def sender(self) -> int:
        return int(self.account().address, 16)

    def call(self, to: int, data: bytes, sender: int | None = None) -> bytes:
        fields: dict[str, Any] = {"to": _checksum(to), "data": data}
        if sender is not None:
            fields["from"] = _checksum(sender)
        with self.errors():
            return bytes(self.w3.eth.call(fields))  # type: ignore[arg-type]

    def code(self, address: int) -> bytes:
        with self.errors():
            return bytes(self.w3.eth.get_code(_checksum(address)))

    def block_number(self) -> int:
        with self.errors():
            return int(self.w3.eth.block_number)

    def logs(self, address: int, block: int, topics: tuple[bytes, ...]) -> list[Log]:
        with self.errors():
            found = self.w3.eth.get_logs(
                {
                    "address": _checksum(address),
                    "fromBlock": block,
                    "toBlock": block,
                    "topics": ["0x" + topic.hex() for topic in topics],
                }
            )
            return [
                Log(tuple(bytes(t) for t in log["topics"]), bytes(log["data"]), bytes(log["transactionHash"]))
                for log in found
            ]

    def block_timestamp(self, block: int) -> int:
        with self.errors():
            return int(self.w3.eth.get_block(block)["timestamp"])

    def balance(self, address: int) -> int:
        with self.errors():
            return int(self.w3.eth.get_balance(_checksum(address)))

    def for_account(self, account: LocalAccount) -> Web3Node:
        """The same L1 for another account that pays for transactions and signs them."""
        return AccountNode(self.name, self.w3, self._submit, account)

    def send(self, to: int | None, data: bytes, value: int = 0) -> Receipt:
        account = self.account()
        with self.errors():
            fields: dict[str, Any] = {"from": account.address, "data": data, "value": value}
            if to is not None:
                fields["to"] = _checksum(to)
            self.w3.eth.call(fields)  # type: ignore[arg-type] # tells the reason of a revert before anything is sent
            fields["gas"] = self._gas(fields)
            fields["nonce"] = self.w3.eth.get_transaction_count(account.address)
            fields["chainId"] = self.chain_id
            fields |= self._fees()
            signed = account.sign_transaction(fields)
            sent = bytes(self._submit(bytes(signed.raw_transaction)))
            receipt = self.w3.eth.wait_for_transaction_receipt(sent, timeout=RECEIPT_SECONDS)  # type: ignore[arg-type]
        if receipt["status"] != 1:
            raise RollupError(f"{self.name}: transaction 0x{sent.hex()} was mined but reverted")
        created = receipt["contractAddress"]
        return Receipt(
            sent,
            int(receipt["blockNumber"]),
            int(receipt["gasUsed"]),
            int(created, 16) if created and to is None else None,
        )

    def created(self) -> list[int] | None:
        return None

    def close(self) -> None:
        """Nothing to give back."""

    def _gas(self, fields: dict[str, Any]) -> int:
        return int(self.w3.eth.estimate_gas(fields)) * GAS_MARGIN[0] // GAS_MARGIN[1]  # type: ignore[arg-type]

    def _fees(self) -> dict[str, int]:
        base_fee = int(self.w3.eth.get_block("latest").get("baseFeePerGas", 0))
        tip = int(self.w3.eth.max_priority_fee)
        return {"maxPriorityFeePerGas": tip, "maxFeePerGas": 2 * base_fee + tip}


class AccountNode(Web3Node):
    """Another account's view of a node, which stays with whoever opened it."""

    def __init__(self, name: str, w3: Web3, submit: Callable[[bytes], bytes], account: LocalAccount) -> None:
        super().__init__(name, w3, submit)
        self._account = account

    def account(self) -> LocalAccount:
        return self._account


class EmbeddedNode(Web3Node):
    """The chain of a folder; its transactions are paid by the insecure development deployer."""

    def __init__(self, folder: Path, *, create: bool) -> None:
        from zkroll.rollup.l1.embedded import EmbeddedChain

        self.chain = EmbeddedChain(folder, create=create)
        super().__init__(str(folder), self.chain.w3, self.chain.submit)

    def account(self) -> LocalAccount:
        return self.chain.deployer

    def created(self) -> list[int]:
        return [int(address, 16) for address in self.chain.deployed()]

    def close(self) -> None:
        self.chain.close()


class RpcNode(Web3Node):
    """A JSON-RPC endpoint over http or https. The user's key is read when the first transaction is signed."""

    def __init__(self, url: str, key_file: str | os.PathLike[str] | None = None) -> None:
        from web3 import HTTPProvider, Web3
        from web3.types import RPCResponse

        class Provider(HTTPProvider):
            """A provider that looks at an answer's nesting before decoding it."""

            @staticmethod
            def decode_rpc_response(raw_response: bytes) -> RPCResponse:
                check_depth(raw_response, "answer")
                return HTTPProvider.decode_rpc_response(raw_response)

        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"L1: expected a folder or an http(s) URL, got one of scheme {parts.scheme!r}")
        try:
            port = "" if parts.port is None else f":{parts.port}"
        except ValueError:
            raise InputError("L1: expected a port of 0 to 65535 in the URL") from None
        # An endpoint's path, query and user often hold a secret, so only host and port are ever shown.
        provider = Provider(
            url,
            request_kwargs={"timeout": REQUEST_SECONDS, "allow_redirects": False},
            exception_retry_configuration=None,
        )
        self._key_file = key_file
        self._account: LocalAccount | None = None
        w3 = Web3(provider)
        super().__init__(f"{parts.scheme}://{parts.hostname}{port}", w3, self._broadcast)

    def account(self) -> LocalAccount:
        if self._account is None:
            self._account = load_key(self._key_file)
        return self._account

    def _broadcast(self, raw_transaction: bytes) -> bytes:
        """Send; an endpoint that takes the transaction but fails to answer is asked for the receipt later."""
        from requests.exceptions import RequestException

        from zkroll.algebra.keccak import keccak256

        with contextlib.suppress(RequestException):
            self.w3.eth.send_raw_transaction(raw_transaction)
        return keccak256(raw_transaction)


@contextlib.contextmanager
def _translated(name: str) -> Iterator[None]:
    from requests.exceptions import RequestException
    from web3.exceptions import ContractLogicError, TimeExhausted, Web3Exception, Web3RPCError

    try:
        yield
    except ContractLogicError as error:
        raise Reverted(_revert_data(error.data)) from None
    except TimeExhausted as error:
        raise RollupError(f"{name}: no block took the transaction within {RECEIPT_SECONDS} s") from error
    except RequestException as error:
        raise InputError(f"{name}: cannot be reached: {type(error).__name__}") from error
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except Web3RPCError as error:
        raise InputError(
            f"{name}: refused: {_rpc_message(error.rpc_response) or _one_line(error)}"
        ) from error
    except (Web3Exception, ValueError, TypeError, KeyError, AttributeError) as error:
        # What web3 raises for an endpoint that answers with something else than JSON-RPC.
        raise InputError(f"{name}: unusable answer: {_one_line(error)}") from error


def _revert_data(data: object) -> bytes:
    """The revert data that a node gave, in whatever form it gave it."""
    if isinstance(data, dict):
        data = next((value for value in data.values() if isinstance(value, str)), "")
    if not isinstance(data, str):
        return b""
    try:
        return bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return b""


def _rpc_message(response: object) -> str:
    """What a node says of an error in its answer, empty where it says nothing."""
    error = response.get("error") if isinstance(response, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return " ".join(message.split())[:300] if isinstance(message, str) else ""


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def _checksum(address: int) -> Any:
    from eth_utils.address import to_checksum_address

    return to_checksum_address(hex_address(address))
