"""Wrapped batches: the file, the order of batches, and the verbs `wrap` and `setup wrap`."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.verbs import refused, verb_runner

from zkroll.algebra.constants import R_MODULUS
from zkroll.circuits.buses import PUBLIC_BITS, PUBLIC_VALUES
from zkroll.circuits.machine import batch_machine
from zkroll.circuits.profiles import PROFILES, profile
from zkroll.errors import InputError, VerificationError
from zkroll.prover.wrap.key import insecure_wrap_key
from zkroll.rollup.batch import Batch
from zkroll.rollup.cli.wrap import profile_of
from zkroll.rollup.development import DEVELOPMENT_CHAIN_ID, TOKEN_ADDRESS, development_genesis
from zkroll.rollup.operator import wrap_prover
from zkroll.rollup.operator.wrap_prover import WrapProver, batch_target, development_key_path
from zkroll.rollup.proof import BatchProof
from zkroll.rollup.transaction import Transaction
from zkroll.rollup.wallet import insecure_dev_wallet
from zkroll.rollup.wrapped import MAGIC, WrappedBatches, check_consecutive, verify_wrapped
from zkroll.verifier.proof import MAGIC as INNER_MAGIC

NUMBER = PUBLIC_VALUES.index("batch_number")


def public(number: int, **changes: int) -> tuple[int, ...]:
    """Public values of batch `number`, whose root is 100 + number."""
    named = dict.fromkeys(PUBLIC_VALUES, 0)
    named |= {
        "old_root": 99 + number, "new_root": 100 + number, "batch_number": number, "chain_id": 5,
        "rollup_address": 6, "queue_before_lo": 3, "queue_after_lo": 3,
    }  # fmt: skip
    return tuple((named | changes).values())


def wrapped(**changes: Any) -> WrappedBatches:
    made = WrappedBatches("small", 77, (public(1), public(2)), (b"one", b""), b"proof")
    return replace(made, **changes)


def batch_proof(number: int = 1, heights: dict[str, int] | None = None) -> BatchProof:
    """A proof file whose inner proof is a header alone."""
    found = heights or dict(profile("small"))
    names = [layout.name for layout in batch_machine().layouts]
    logs = bytes(found[name].bit_length() - 1 if name in found else 255 for name in names)
    return BatchProof(77, public(number), b"", INNER_MAGIC + bytes([len(names)]) + logs)


def test_files_come_back_as_they_were() -> None:
    assert WrappedBatches.from_bytes(wrapped().to_bytes()) == wrapped()
    assert wrapped().describe()["batches"][1] == {
        "batch_number": 2, "old_root": f"0x{101:064x}", "new_root": f"0x{102:064x}", "data_bytes": 0,
    }  # fmt: skip


def test_files_cut_short_are_refused() -> None:
    content = wrapped().to_bytes()
    for end in range(len(content) - len(wrapped().proof)):
        with pytest.raises(VerificationError):
            WrappedBatches.from_bytes(content[:end])


def test_malformed_files_are_refused() -> None:
    content = wrapped().to_bytes()
    head = len(MAGIC)
    cases = {
        "expected the magic": b"z" + content[1:].replace(b"k", b"x", 1),
        "profile: expected": content[:head] + b"\5sma l" + content[head + 6 :],
        "expected 1 to 64 batches": content[: head + 38] + b"\0" + content[head + 39 :],
        "key digest": content[: head + 6] + R_MODULUS.to_bytes(32, "big") + content[head + 38 :],
    }
    for message, data in cases.items():
        with pytest.raises(VerificationError, match=message):
            WrappedBatches.from_bytes(data)


@pytest.mark.parametrize("name", [name for name, bits in PUBLIC_BITS.items() if bits < 254])
def test_values_wider_than_their_bits_are_refused(name: str) -> None:
    wide = wrapped(public_values=(public(1, **{name: 1 << PUBLIC_BITS[name]}), public(2)))
    with pytest.raises(VerificationError, match=f"batch 0, {name}: expected at most"):
        WrappedBatches.from_bytes(wide.to_bytes())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_number": 3}, "expected batch 2, got 3"),
        ({"old_root": 5}, "old_root: expected 0x65"),
        ({"queue_before_lo": 4}, "queue_before_lo"),
        ({"queue_before_hi": 4}, "queue_before_hi"),
        ({"chain_id": 4}, "chain_id"),
        ({"rollup_address": 4}, "rollup_address"),
    ],
)
def test_batches_that_do_not_follow_each_other_are_refused(change: dict[str, int], message: str) -> None:
    check_consecutive([public(1), public(2), public(3)])
    with pytest.raises(InputError, match=message):
        check_consecutive([public(1), public(2, **change)])


def test_the_profile_is_known_by_the_heights() -> None:
    for name in PROFILES:
        assert profile_of([batch_proof(heights=dict(profile(name)))]) == name
    with pytest.raises(InputError, match="proof 0: expected the heights of a profile"):
        profile_of([batch_proof(heights=dict(profile("small")) | {"cpu": 8})])
    with pytest.raises(InputError, match="expected proofs of one profile, got small, medium"):
        profile_of([batch_proof(), batch_proof(heights=dict(profile("medium")))])


def test_wrap_refuses_files_that_it_cannot_wrap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = verb_runner(capsys, "wrap")
    (tmp_path / "a").write_bytes(batch_proof(1).to_bytes())
    (tmp_path / "b").write_bytes(batch_proof(3).to_bytes())
    (tmp_path / "c").write_bytes(batch_proof(1, {"cpu": 8}).to_bytes())
    out = ["-o", tmp_path / "out"]
    refused(call(tmp_path / "none", *out), 2, "cannot read")
    refused(call(tmp_path / "a", tmp_path / "b", *out), 2, "expected batch 2, got 3")
    refused(call(tmp_path / "c", *out), 2, "prove with --profile NAME")
    refused(call(tmp_path / "a", "-o", tmp_path / "a"), 2, "which would be lost")
    refused(call(tmp_path / "a", "-o", tmp_path / "x" / "out"), 2, "cannot be written")
    assert not (tmp_path / "out").exists()


def test_setup_wrap_refuses_what_makes_no_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = verb_runner(capsys, "setup", "wrap")
    refused(call("--profile", "small"), 2, "either --ptau FILE or --insecure-dev")
    refused(
        call("--profile", "small", "--ptau", "x", "--insecure-dev"), 2, "either --ptau FILE or --insecure-dev"
    )
    refused(call("--profile", "small", "--ptau", "x"), 2, "expected -o KEY.zkey")
    refused(call("--profile", "small", "--insecure-dev", "--r1cs", "x"), 2, "--r1cs belongs to a key")
    assert call("--profile", "small", "--insecure-dev", "--chunks", "0").code == 2


# ---- a real batch ----------------------------------------------------------------------------------------------


@cache
def prover() -> WrapProver:
    return WrapProver(insecure_wrap_key(batch_target("small")))


@cache
def inner() -> BatchProof:
    """The proof of a batch with one ERC-20 transfer and one of ether."""
    wallet, other = insecure_dev_wallet(0), insecure_dev_wallet(1).address
    data = bytes.fromhex("a9059cbb") + other.to_bytes(32, "big") + (10**18).to_bytes(32, "big")
    unsigned = (
        Transaction(wallet.address, TOKEN_ADDRESS, 0, 0, 100_000, 10**9, data),
        Transaction(wallet.address, other, 10**15, 1, 21_000, 10**9, b""),
    )
    signed = tuple(wallet.sign(transaction, DEVELOPMENT_CHAIN_ID) for transaction in unsigned)
    batch = Batch(DEVELOPMENT_CHAIN_ID, 1, 0xAA, 1_750_000_000, 0xBB, development_genesis(), signed)
    return prover().inner(batch)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrap_prover, "open_prover", lambda *_args, **_options: prover())


@pytest.mark.slow
def test_a_batch_is_wrapped_and_verified(
    opened: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "proof").write_bytes(inner().to_bytes())
    made = verb_runner(capsys, "wrap")(tmp_path / "proof", "-o", tmp_path / "wrapped", "--json")
    assert made.code == 0
    assert '"insecure": true' in made.out
    content = (tmp_path / "wrapped").read_bytes()
    found = WrappedBatches.from_bytes(content)
    verify_wrapped(found, prover().key)
    assert found.profile == "small"
    shown = verb_runner(capsys, "inspect")(tmp_path / "wrapped")
    assert "wrapped batches" in shown.out

    for i, name in enumerate(PUBLIC_VALUES):
        claimed = list(found.public_values[0])
        claimed[i] ^= 1
        with pytest.raises(VerificationError):
            verify_wrapped(replace(found, public_values=(tuple(claimed),)), prover().key)
        assert name
    with pytest.raises(VerificationError):
        verify_wrapped(replace(found, data=(found.data[0] + bytes(16),)), prover().key)
    with pytest.raises(VerificationError, match="key digest"):
        verify_wrapped(replace(found, key_digest=found.key_digest ^ 1), prover().key)
    for at in range(0, len(found.proof), 32):
        damaged = bytearray(found.proof)
        damaged[at + 31] ^= 1
        with pytest.raises(VerificationError):
            verify_wrapped(replace(found, proof=bytes(damaged)), prover().key)


@pytest.mark.slow
def test_proofs_of_another_machine_are_not_wrapped() -> None:
    with pytest.raises(InputError, match="its proof is for machine"):
        prover().wrap([replace(inner(), key_digest=1)])
    values = list(inner().public_values)
    values[NUMBER] += 1
    with pytest.raises(VerificationError, match="bus balance"):
        prover().wrap([replace(inner(), public_values=tuple(values))])


@pytest.mark.slow
def test_the_circuit_of_the_small_profile_is_of_less_than_2_19_rows() -> None:
    """Beyond, proving takes twice as long; the issue allows a million for the medium profile."""
    assert prover()._key.description.constraints + 2 <= 1 << 19
    assert "small" in development_key_path(batch_target("small")).name
