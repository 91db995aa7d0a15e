"""Files of field elements that are used where they lie, mapped into memory.

A header of 128 bytes, then the blocks of `zkroll.algebra.field` as they are in memory::

    0    16  magic
    16   32  modulus p of the field, little endian
    48    8  number of elements n, little endian
    56    8  1 when a digest follows, else 0
    64   32  BLAKE2b-256 of the blocks, or zeros
    96   32  zeros
    128      ceil(n/8) blocks of 320 bytes; elements from n on are zero

Only little-endian machines write and read them. A file is written beside its place, flushed and renamed, so
that its place never holds half of it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from zkroll.algebra.conversion import Block, Conversions, blocks_for
from zkroll.algebra.files import open_regular, replace_file
from zkroll.algebra.kernels.emit import BLOCK_BYTES, LANES, LIMBS
from zkroll.errors import InputError

MAGIC = b"zkroll vector 1\n"
HEADER_BYTES = 128


def write_vector(
    path: Path | str, field: Conversions, blocks: Block, n: int, *, digest: bool = False
) -> None:
    """Write n elements, which fill the block array (nb, 5, 8) up to zeros, to `path`.

    Raises InputError when the file cannot be written.
    """
    data = np.ascontiguousarray(blocks)
    header = (
        MAGIC
        + field.modulus.to_bytes(32, "little")
        + n.to_bytes(8, "little")
        + int(digest).to_bytes(8, "little")
        + (_digest(data) if digest else bytes(32))
    ).ljust(HEADER_BYTES, b"\0")
    with replace_file(path) as file:
        file.write(header)
        file.write(data.data)


def map_vector(path: Path | str, field: Conversions, *, check: bool = True) -> tuple[Block, int]:
    """Return the blocks of `path`, mapped read-only, and the number of elements.

    With `check`, every element is read once: the digest is compared if there is one, and a residue not below
    2p or a limb of more than 52 bits is refused. Without it, such residues give wrong sums and products and
    nothing worse. Raises InputError for a file that cannot be read, is no regular file, is truncated or
    longer than its header says, or holds another field or something else.
    """
    path = Path(path)
    with open_regular(path) as (file, size):
        return _map(file, size, path, field, check)


def _map(file: BinaryIO, size: int, path: Path, field: Conversions, check: bool) -> tuple[Block, int]:
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[:16] != MAGIC:
        raise InputError(f"{path}: expected a vector file of zkroll, got {header[:16]!r}")
    modulus = int.from_bytes(header[16:48], "little")
    if modulus != field.modulus:
        raise InputError(f"{path}: expected elements of {field.params.name}, got those modulo {modulus}")
    n, flag = int.from_bytes(header[48:56], "little"), int.from_bytes(header[56:64], "little")
    expected = HEADER_BYTES + blocks_for(n) * BLOCK_BYTES
    if size != expected:
        raise InputError(f"{path}: expected {expected} bytes for {n} elements, got {size}")
    if flag not in (0, 1) or any(header[96:]) or (flag == 0 and any(header[64:96])):
        raise InputError(f"{path}: expected zeros in the unused bytes of the header")
    shape = (blocks_for(n), LIMBS, LANES)
    if n == 0:
        blocks: Block = np.zeros(shape, dtype=np.uint64)
    else:
        blocks = np.memmap(file, dtype=np.uint64, mode="r", offset=HEADER_BYTES, shape=shape)
    if n % LANES and blocks[-1, :, n % LANES :].any():
        raise InputError(f"{path}: expected zeros behind element {n - 1}")
    if check:
        try:
            field.check_range(blocks, "vector file")
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        if flag and _digest(blocks) != header[64:96]:
            raise InputError(f"{path}: the elements do not have the digest in the header")
    return blocks, n


def _digest(blocks: Block) -> bytes:
    return hashlib.blake2b(blocks.reshape(-1).view(np.uint8).data, digest_size=32).digest()
