"""Amounts, accounts, deployments and folders as people and crashes leave them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zkroll.errors import InputError
from zkroll.rollup.batch import Batch
from zkroll.rollup.l1.keys import insecure_development_account
from zkroll.rollup.operator import folder as operator_folder
from zkroll.rollup.operator.accounts import (
    add_transaction,
    load_wallet,
    make_wallet,
    parse_account,
    withdrawal_call,
)
from zkroll.rollup.operator.amounts import amount_text, parse_amount
from zkroll.rollup.operator.deployment import Deployment, TokenPair
from zkroll.rollup.operator.folder import DataFolder
from zkroll.rollup.operator.l1_start import start_l1
from zkroll.rollup.transaction import Transaction
from zkroll.rollup.wallet import insecure_dev_wallet

DEPLOYMENT = Deployment(
    chain_id=1, l1_chain_id=2, rollup="0x" + "11" * 20, verifier="0x" + "22" * 20, exit_proofs="0x" + "33" * 20,
    sequencer="0x" + "44" * 20, genesis_root="0x" + "55" * 32, key_digest="0x66", profile="small", chunks=1,
    insecure=True, block=7, tokens=(TokenPair("ROLL", "0x" + "aa" * 20, "0x" + "bb" * 20),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1", 10**18), ("0.5", 5 * 10**17), ("1.000000000000000001", 10**18 + 1), ("7wei", 7), ("0", 0), ("2.50", 25 * 10**17)],
)  # fmt: skip
def test_amounts_are_of_eighteen_decimals_or_of_wei(text: str, amount: int) -> None:
    assert parse_amount(text) == amount


@pytest.mark.parametrize(
    "text", ["", ".", "1,5", "-1", "1e18", "1.5wei", "wei", "0x10", "1.0000000000000000001", "٣", "1" * 30, "1 "]
)  # fmt: skip
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="amount: expected"):
        parse_amount(text)


@given(st.integers(0, 2**128 - 1))
def test_amounts_survive_their_text(amount: int) -> None:
    assert parse_amount(amount_text(amount)) == amount
    assert parse_amount(f"{amount}wei") == amount


def test_accounts_are_development_wallets_files_and_addresses(tmp_path: Path) -> None:
    path = str(tmp_path / "key")
    wallet = make_wallet(path)
    assert load_wallet(path) == wallet
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert parse_account(path) == wallet.address
    assert parse_account("dev:3") == insecure_dev_wallet(3).address
    assert parse_account("0x" + "0a" * 20) == int("0a" * 20, 16)
    assert parse_account("0X" + "0A" * 20) == int("0a" * 20, 16)
    with pytest.raises(InputError, match="a key would be lost"):
        make_wallet(path)
    with pytest.raises(InputError, match="cannot be written"):
        make_wallet(str(tmp_path / "none" / "key"))


def test_an_address_with_one_wrong_digit_breaks_its_checksum() -> None:
    address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # of EIP-55
    assert (
        parse_account(address) == parse_account(address.lower()) == parse_account("0x" + address[2:].upper())
    )
    with pytest.raises(InputError, match="EIP-55"):
        parse_account(address[:-1] + "e")


@pytest.mark.parametrize("name", ["", "0x" + "0b" * 20, "0x12"])
def test_an_address_is_no_wallet(name: str) -> None:
    with pytest.raises(InputError, match="wallet: expected dev:N or a file with a secret"):
        load_wallet(name)


@pytest.mark.parametrize(
    "name", ["dev:", "dev:-1", "dev:x", "dev:99999999", "0x12", "0x" + "zz" * 20, "0x" + "1_" * 20]
)
def test_other_accounts_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="expected"):
        parse_account(name)


@pytest.mark.parametrize("content", ["", "abc", "0x12", "zz" * 32, "12" * 33])
def test_a_file_that_is_no_wallet_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)
    with pytest.raises(InputError, match="expected a secret of 64 hex digits"):
        load_wallet(str(tmp_path / "key"))


def test_a_withdrawal_is_the_value_or_three_words() -> None:
    assert withdrawal_call(0, 5, 7) == (7, (5).to_bytes(32, "big"))
    value, data = withdrawal_call(9, 5, 7)
    assert (value, len(data), data[63], data[95]) == (0, 96, 9, 7)
    with pytest.raises(InputError, match="recipient: expected an address on L1 other than zero"):
        withdrawal_call(0, 0, 7)


def test_development_accounts_of_l1_differ() -> None:
    assert len({insecure_development_account(index).address for index in range(5)}) == 5
    with pytest.raises(InputError, match="L1 account: expected an index from 0"):
        insecure_development_account(-1)


def test_a_deployment_survives_its_file() -> None:
    assert Deployment.from_json(DEPLOYMENT.to_json(), "file") == DEPLOYMENT
    assert DEPLOYMENT.l2_token(None) == DEPLOYMENT.l2_token("ETH") == 0
    l1, l2 = int("aa" * 20, 16), int("bb" * 20, 16)
    assert {DEPLOYMENT.l2_token(name) for name in ("roll", "0x" + "AA" * 20, "0x" + "bb" * 20)} == {l2}
    assert (DEPLOYMENT.l1_token(l2), DEPLOYMENT.l1_token(0)) == (l1, 0)
    assert (DEPLOYMENT.token_name(0), DEPLOYMENT.token_name(l2), DEPLOYMENT.token_name(5)) == (
        "ether",
        "ROLL",
        "0x5",
    )
    with pytest.raises(InputError, match="token: expected one of ether, ROLL, got 'DAI'"):
        DEPLOYMENT.l2_token("DAI")
    with pytest.raises(InputError, match="token: expected one that the rollup bridges"):
        DEPLOYMENT.l1_token(5)


@pytest.mark.parametrize(
    "change", [{"rollup": "0x12"}, {"genesis_root": 5}, {"verifier": "0x" + "zz" * 20}, {"unknown": 1}, {"chunks": "1"}, {"chunks": 0},
               {"chain_id": -1}, {"l1_chain_id": 0}, {"block": -1},
               {"tokens": [{"name": "x", "l1": "0x", "l2": "0x"}]}]
)  # fmt: skip
def test_a_deployment_of_another_form_is_refused(change: dict[str, object]) -> None:
    document = json.loads(DEPLOYMENT.to_json()) | change
    with pytest.raises(InputError, match="file"):
        Deployment.from_json(json.dumps(document).encode(), "file")


def test_a_folder_says_what_it_lacks(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    for missing, verb in (
        (folder.l1_target, "l1 start"), (folder.deployment, "l1 deploy"), (lambda: folder.batch(1), "batch build"),
        (lambda: folder.withdrawals(1), "zkroll sync"), (lambda: folder.read(1, "wrapped.zkw", "zkroll batch prove"), "prove"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=verb):
            missing()
    assert folder.pending() == []


@pytest.mark.parametrize("content", [b"{", b"[]", b"5", b'{"l1": 5}', b"\xff"])
def test_a_damaged_file_of_the_l1_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "l1.json").write_bytes(content)
    with pytest.raises(InputError, match=r"l1\.json: expected"):
        DataFolder(tmp_path).l1_target()


def test_the_l1_of_a_folder_is_its_own_or_an_endpoint(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.set_l1(None)
    assert folder.l1_target() == str(tmp_path / "data" / "l1")
    folder.set_l1("http://127.0.0.1:8545")
    assert folder.l1_target() == "http://127.0.0.1:8545"
    folder.set_l1("elsewhere/l1")  # a folder, whatever the working directory of the next verb is
    assert folder.l1_target() == str(Path.cwd() / "elsewhere/l1")


def test_an_l1_that_is_not_there_is_not_named(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        start_l1(tmp_path, "http://127.0.0.1:1")
    assert not DataFolder(tmp_path).has_l1()


def test_the_l1_of_a_rollup_is_not_changed_for_another_chain(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.set_l1("http://127.0.0.1:8545")
    folder.set_deployment(DEPLOYMENT)
    with pytest.raises(InputError, match="its rollup is on chain 2"):
        start_l1(tmp_path)
    assert folder.l1_target() == "http://127.0.0.1:8545"


def test_pending_files_are_numbered_after_the_last_one_whoever_adds_them(tmp_path: Path) -> None:
    folder, other = DataFolder(tmp_path), DataFolder(tmp_path)
    wallet = insecure_dev_wallet(0)
    signed = [wallet.sign(Transaction(wallet.address, 5, 0, n, 21_000, 1, b""), 1) for n in range(3)]
    places = [folder.add_pending(signed[0]), other.add_pending(signed[1]), folder.add_pending(signed[2])]
    assert [place.name for place in places] == ["00000001.json", "00000002.json", "00000003.json"]
    assert [found for _, found in folder.pending()] == signed
    folder.reject(places[1], "reason")
    assert [found for _, found in folder.pending()] == [signed[0], signed[2]]
    assert (tmp_path / "rejected" / "00000002.reason").read_text() == "reason\n"


def test_a_damaged_pending_transaction_is_named(tmp_path: Path) -> None:
    (tmp_path / "pending").mkdir()
    (tmp_path / "pending" / "00000001.json").write_text("{}")
    with pytest.raises(InputError, match=r"00000001\.json: transaction"):
        DataFolder(tmp_path).pending()


def test_damaged_pending_files_are_put_aside_and_the_others_stay(tmp_path: Path) -> None:
    folder, wallet = DataFolder(tmp_path), insecure_dev_wallet(0)
    for name in ("00000001.json", "7x.json", "notes.json"):
        (tmp_path / "pending").mkdir(exist_ok=True)
        (tmp_path / "pending" / name).write_text("[]")
    good = folder.add_pending(wallet.sign(Transaction(wallet.address, 5, 0, 0, 21_000, 1, b""), 1))
    assert [place.name for place in folder.reject_damaged()] == ["00000001.json"]
    assert [file for file, _ in folder.pending()] == [good]
    assert "transaction" in (tmp_path / "rejected" / "00000001.reason").read_text()


def test_a_rejected_transaction_is_never_overwritten_by_a_later_one(tmp_path: Path) -> None:
    folder, wallet = DataFolder(tmp_path), insecure_dev_wallet(0)
    signed = [wallet.sign(Transaction(wallet.address, 5, 0, n, 21_000, 1, b""), 1) for n in range(2)]
    folder.reject(folder.add_pending(signed[0]), "first")
    folder.reject(folder.add_pending(signed[1]), "second")
    reasons = sorted(file.read_text() for file in (tmp_path / "rejected").glob("*.reason"))
    assert reasons == ["first\n", "second\n"]


def test_a_batch_file_of_another_number_is_refused_by_name(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    content = Batch(1, 4, 2, 3, 5, (), ()).to_json()
    for number in (4, 5):
        folder.batch_folder(number).mkdir(parents=True)
        folder.write(number, "batch.json", content)
    assert folder.batch(4).batch_number == 4
    with pytest.raises(InputError, match=r"000005/batch\.json: expected batch 5, got batch 4"):
        folder.batch(5)
    folder.write(4, "batch.json", b"x")
    with pytest.raises(InputError, match=r"000004/batch\.json: batch"):
        folder.batch(4)


def test_two_that_choose_nonces_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_folder, "_LOCK_SECONDS", 0.0)
    folder = DataFolder(tmp_path)
    with (
        folder.pending_lock(),
        pytest.raises(InputError, match="using these pending transactions"),
        folder.pending_lock(),
    ):
        pass
    with folder.pending_lock():
        pass


@pytest.mark.parametrize("to", [0, 1, 10])
def test_what_no_batch_can_have_is_refused_before_it_waits(tmp_path: Path, to: int) -> None:
    with pytest.raises(InputError, match="to: expected neither zero nor a precompile"):
        add_transaction(DataFolder(tmp_path), insecure_dev_wallet(0), to, 1)
    assert DataFolder(tmp_path).pending() == []


def test_a_damaged_genesis_is_named(tmp_path: Path) -> None:
    (tmp_path / "genesis.json").write_text("[]")
    with pytest.raises(InputError, match=r"genesis\.json: state"):
        DataFolder(tmp_path).genesis()
