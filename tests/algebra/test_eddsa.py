"""BLAKE-512 and EdDSA-Poseidon against circomlibjs."""

import json
from pathlib import Path

import pytest

from zkroll.algebra import babyjubjub, eddsa
from zkroll.algebra.blake512 import blake512
from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.reference import eddsa as reference
from zkroll.errors import InputError

VECTORS = json.loads((Path(__file__).parents[1] / "fixtures/circomlibjs/eddsa.json").read_text())
SECRET = bytes(range(32))
KEY = eddsa.public_key(SECRET)
MESSAGE = 12345
R8, S = eddsa.sign(SECRET, MESSAGE)


@pytest.mark.parametrize("vector", VECTORS["blake512"], ids=lambda v: f"{len(v['data']) // 2} bytes")
def test_blake512_equals_the_package_that_circomlibjs_uses(vector: dict) -> None:
    assert blake512(bytes.fromhex(vector["data"])).hex() == vector["digest"]


@pytest.mark.parametrize("vector", VECTORS["signatures"], ids=lambda v: f"message {v['message'][:8]}")
def test_keys_and_signatures_equal_circomlibjs(vector: dict) -> None:
    secret, message = bytes.fromhex(vector["private_key"]), int(vector["message"])
    signature = ((int(vector["R8"][0]), int(vector["R8"][1])), int(vector["S"]))
    key = eddsa.public_key(secret)
    assert list(key) == [int(x) for x in vector["public_key"]]
    assert eddsa.sign(secret, message) == signature
    assert eddsa.verify(key, *signature, message)
    assert eddsa.pack_signature(signature).hex() == vector["packed_signature"]
    assert eddsa.unpack_signature(bytes.fromhex(vector["packed_signature"])) == signature


def test_reference_signs_and_verifies_alike() -> None:
    assert reference.public_key(SECRET) == KEY
    assert reference.sign(SECRET, MESSAGE) == (R8, S)
    assert reference.verify(KEY, R8, S, MESSAGE)
    assert not reference.verify(KEY, R8, S, MESSAGE + 1)
    assert not reference.verify(KEY, R8, S + babyjubjub.SUBGROUP_ORDER, MESSAGE)


@pytest.mark.parametrize(
    ("key", "r8", "s", "message"),
    [
        (KEY, R8, S, MESSAGE + 1),
        (KEY, R8, S, MESSAGE + R_MODULUS),
        (KEY, R8, S, -1),
        (KEY, R8, S + 1, MESSAGE),
        (KEY, R8, S + babyjubjub.SUBGROUP_ORDER, MESSAGE),
        (KEY, R8, -1, MESSAGE),
        (KEY, babyjubjub.negate(R8), S, MESSAGE),
        (KEY, (R8[0], R8[1] + 1), S, MESSAGE),
        (KEY, (R8[0] + R_MODULUS, R8[1]), S, MESSAGE),
        (babyjubjub.negate(KEY), R8, S, MESSAGE),
        ((0, 0), R8, S, MESSAGE),
        (eddsa.public_key(b"another"), R8, S, MESSAGE),
    ],
)
def test_tampered_signatures_are_not_accepted(
    key: tuple[int, int], r8: tuple[int, int], s: int, message: int
) -> None:
    assert not eddsa.verify(key, r8, s, message)


@pytest.mark.parametrize("message", [-1, R_MODULUS])
def test_messages_outside_the_field_are_not_signed(message: int) -> None:
    with pytest.raises(InputError, match="message"):
        eddsa.sign(SECRET, message)


def test_packed_signatures_with_a_large_s_or_bad_length_are_refused() -> None:
    packed = eddsa.pack_signature((R8, S))
    large = packed[:32] + (S + babyjubjub.SUBGROUP_ORDER).to_bytes(32, "little")
    for data in (large, packed[:-1], packed + b"\0"):
        with pytest.raises(InputError, match="eddsa signature"):
            eddsa.unpack_signature(data)
