"""Whatever bytes a file has: it is read, or refused with InputError and its path. Nothing else happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.section_files import FIXTURES

from zkroll.circuits.r1cs.formats.groth16_json import read_proof, read_public, read_verification_key
from zkroll.circuits.r1cs.formats.r1cs import read_r1cs
from zkroll.circuits.r1cs.formats.sym import read_names
from zkroll.circuits.r1cs.formats.wtns import read_wtns
from zkroll.circuits.r1cs.formats.zkey import read_zkey
from zkroll.errors import InputError

READERS = {
    "cells.r1cs": read_r1cs,
    "cells.wtns": read_wtns,
    "cells.zkey": read_zkey,
    "cells.sym": read_names,
    "cells.proof.json": read_proof,
    "cells.public.json": read_public,
    "cells.verification_key.json": read_verification_key,
}
CONTENTS = {name: (FIXTURES / name).read_bytes() for name in READERS}
EDIT = st.tuples(
    st.integers(0, 2**16),
    st.integers(0, 12),
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\xff" * 8, b"\0" * 8, (1 << 63).to_bytes(8, "little")]),
        st.sampled_from([b'"', b"[", b"]", b"{", b"}", b",", b"-1", b"0", b"\n"]),
    ),
)


@pytest.mark.parametrize("name", list(READERS))
@settings(deadline=None, max_examples=60)
@given(edits=st.lists(EDIT, min_size=1, max_size=3))
def test_edited_files_are_read_or_refused(name: str, edits, tmp_path_factory) -> None:
    data = CONTENTS[name]
    for at, removed, inserted in edits:
        at %= len(data) + 1
        data = data[:at] + inserted + data[at + removed :]
    path = tmp_path_factory.getbasetemp() / f"edited.{name}"
    path.write_bytes(data)
    _read_or_refuse(name, path)


@pytest.mark.parametrize("name", list(READERS))
@settings(deadline=None, max_examples=60)
@given(bits=st.lists(st.integers(0, 2**20), min_size=1, max_size=4))
def test_files_with_flipped_bits_are_read_or_refused(name: str, bits, tmp_path_factory) -> None:
    data = bytearray(CONTENTS[name])
    for bit in bits:
        data[bit // 8 % len(data)] ^= 1 << bit % 8
    path = tmp_path_factory.getbasetemp() / f"flipped.{name}"
    path.write_bytes(data)
    _read_or_refuse(name, path)


def _read_or_refuse(name: str, path: Path) -> None:
    try:
        READERS[name](path)
    except InputError as error:
        if str(path) not in str(error):
            raise AssertionError(f"expected the path in: {error}") from error
