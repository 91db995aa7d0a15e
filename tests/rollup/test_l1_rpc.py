"""The JSON-RPC node, against a local endpoint that serves an embedded chain, honestly and otherwise."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from web3.exceptions import ContractLogicError

from zkroll.algebra.keccak import keccak256
from zkroll.errors import InputError, RollupError
from zkroll.rollup.l1 import open_l1
from zkroll.rollup.l1.embedded import EmbeddedChain
from zkroll.rollup.l1.keys import insecure_development_deployer

DATA = (1_750_000_000).to_bytes(8, "big") + bytes(24)

Answer = Callable[[dict[str, Any]], tuple[int, dict[str, str], bytes]]


class Endpoint:
    """A JSON-RPC server whose answers can be replaced."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self.chain = chain
        self.answer: Answer = self.honest
        self.requests: list[str] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.requests.append(request["method"])
                status, headers, body = endpoint.answer(request)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Be quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://user:secret@127.0.0.1:{self.server.server_address[1]}/token"

    def honest(self, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        document: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        method, params = request["method"], request["params"]
        try:
            if method == "eth_sendRawTransaction":
                document["result"] = "0x" + self.chain.submit(bytes.fromhex(params[0][2:])).hex()
            else:
                document["result"] = self.chain.w3.manager.request_blocking(method, params)
        except ContractLogicError as error:
            document["error"] = {"code": 3, "message": "execution reverted", "data": error.data}
        return 200, {"Content-Type": "application/json"}, json.dumps(document, default=_plain).encode()


def _plain(value: object) -> object:
    return "0x" + bytes(value).hex() if isinstance(value, bytes) else dict(value)  # type: ignore[call-overload]


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    chain = EmbeddedChain(tmp_path / "L1", create=True)
    served = Endpoint(chain)
    thread = threading.Thread(target=served.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("ZKROLL_L1_KEY", bytes(insecure_development_deployer().key).hex())
    yield served
    served.server.shutdown()
    thread.join()
    served.server.server_close()
    chain.close()


def test_batch_is_posted_and_read_back_over_json_rpc(endpoint: Endpoint) -> None:
    with open_l1(endpoint.url) as l1:
        address = l1.deploy(5, 7).rollup_address
        l1.post_batch(address, 1, 5, 6, data_hash=keccak256(DATA), data=DATA)
        posted = l1.read_batch(1, address)
    assert (posted.old_root, posted.new_root, posted.data) == (5, 6, DATA)


def test_reason_of_a_refusal_comes_through_and_nothing_is_sent(endpoint: Endpoint) -> None:
    with open_l1(endpoint.url) as l1:
        address = l1.deploy(5, 7).rollup_address
        endpoint.requests.clear()
        with pytest.raises(RollupError, match="WrongOldRoot"):
            l1.post_batch(address, 1, 4, 6, data_hash=keccak256(DATA), data=DATA)
    assert "eth_sendRawTransaction" not in endpoint.requests


def test_endpoint_that_fails_after_accepting_a_transaction_does_not_double_it(endpoint: Endpoint) -> None:
    with open_l1(endpoint.url) as l1:
        address = l1.deploy(5, 7).rollup_address

        def fail_after_sending(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
            answer = endpoint.honest(request)
            return (502, {}, b"") if request["method"] == "eth_sendRawTransaction" else answer

        endpoint.answer = fail_after_sending
        endpoint.requests.clear()
        l1.post_batch(address, 1, 5, 6, data_hash=keccak256(DATA), data=DATA)
        assert endpoint.requests.count("eth_sendRawTransaction") == 1
        assert l1.status(address)["batches"] == 1


def test_endpoint_with_changed_data_is_found_out(endpoint: Endpoint) -> None:
    with open_l1(endpoint.url) as l1:
        address = l1.deploy(5, 7).rollup_address
        l1.post_batch(address, 1, 5, 6, data_hash=keccak256(DATA), data=DATA)

        def lie(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
            status, headers, body = endpoint.honest(request)
            if request["method"] == "eth_getLogs":
                body = body.replace(DATA.hex().encode(), (DATA[:-1] + b"\1").hex().encode())
            return status, headers, body

        endpoint.answer = lie
        with pytest.raises(RollupError, match="not of the stored hash"):
            l1.read_batch(1, address)


def test_endpoint_without_the_event_is_found_out(endpoint: Endpoint) -> None:
    with open_l1(endpoint.url) as l1:
        address = l1.deploy(5, 7).rollup_address
        l1.post_batch(address, 1, 5, 6, data_hash=keccak256(DATA), data=DATA)

        def forget(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
            if request["method"] != "eth_getLogs":
                return endpoint.honest(request)
            return 200, {}, json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": []}).encode()

        endpoint.answer = forget
        with pytest.raises(RollupError, match="expected one event"):
            l1.read_batch(1, address)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {}, b""),
        (200, {}, b"<html>"),
        (200, {}, b"[]"),
        (200, {}, b"null"),
        (200, {}, b'{"jsonrpc":"2.0","id":0}'),
        (200, {}, b'{"jsonrpc":"2.0","id":0,"result":"soon"}'),
        (200, {}, b'{"jsonrpc":"2.0","id":0,"result":{}}'),
        (200, {}, b'{"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"no\\u001b[31m\\nway"}}'),
        (200, {}, b'{"jsonrpc":"2.0","id":0,"result":' + b"[" * 100_000),
        (500, {}, b"{}"),
        (302, {"Location": "http://127.0.0.1:9/"}, b""),
    ],
)
def test_unusable_answer_is_an_input_error(
    endpoint: Endpoint, status: int, headers: dict[str, str], body: bytes
) -> None:
    endpoint.answer = lambda _: (status, headers, body)
    with pytest.raises(InputError, match=r"^http://127.0.0.1:\d+: "):
        open_l1(endpoint.url)


def test_what_an_endpoint_says_of_a_refusal_is_told_on_one_line(endpoint: Endpoint) -> None:
    endpoint.answer = lambda _: (
        200,
        {},
        b'{"jsonrpc":"2.0","id":0,"error":{"code":-1,"message":"no\\nfunds"}}',
    )
    with pytest.raises(InputError, match=r"^http://127.0.0.1:\d+: refused: no funds$"):
        open_l1(endpoint.url)


def test_senseless_port_is_refused() -> None:
    with pytest.raises(InputError, match="L1: expected a port of 0 to 65535"):
        open_l1("http://127.0.0.1:99999")


def test_secrets_of_the_url_are_not_shown(endpoint: Endpoint) -> None:
    endpoint.answer = lambda _: (500, {}, b"")
    with pytest.raises(InputError) as error:
        open_l1(endpoint.url)
    assert "secret" not in str(error.value)
    assert "token" not in str(error.value)


@pytest.mark.parametrize("target", ["ws://127.0.0.1", "ipc:///tmp/x", "file:///tmp", "http://", "://", ""])
def test_other_kinds_of_access_are_refused(target: str) -> None:
    with pytest.raises(InputError, match="L1: expected a folder or an http"):
        open_l1(target)


def test_unreachable_endpoint_is_an_input_error() -> None:
    with pytest.raises(InputError, match="cannot be reached"):
        open_l1("http://127.0.0.1:9")


@pytest.mark.parametrize("key", ["", "0x", "00" * 32, "ff" * 32, "zz" * 32, "11" * 31, "１" * 64])
def test_unusable_key_is_refused_without_showing_it(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("ZKROLL_L1_KEY", key)
    with open_l1(endpoint.url) as l1, pytest.raises(InputError) as error:
        l1.deploy(5, 7)
    assert not key.removeprefix("0x") or key not in str(error.value)


def test_key_files_in_hexadecimal_and_as_keystore_are_read(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eth_account import Account

    monkeypatch.delenv("ZKROLL_L1_KEY")
    key = bytes(insecure_development_deployer().key)
    (tmp_path / "hex").write_text(f"0x{key.hex()}\n")
    (tmp_path / "keystore").write_text(json.dumps(Account.encrypt(key, "open", kdf="pbkdf2", iterations=2)))
    monkeypatch.setenv("ZKROLL_L1_PASSWORD", "open")
    for name in ("hex", "keystore"):
        with open_l1(endpoint.url, key_file=tmp_path / name) as l1:
            assert l1.node.sender == int(insecure_development_deployer().address, 16)
    monkeypatch.setenv("ZKROLL_L1_PASSWORD", "sesame")
    with (
        open_l1(endpoint.url, key_file=tmp_path / "keystore") as l1,
        pytest.raises(InputError, match="keystore"),
    ):
        l1.deploy(5, 7)
