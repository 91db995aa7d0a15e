"""BLAKE2b with 64-byte digests and without a key, whose state can be kept in a file and taken up again.

`hashlib` has the same hash, but not its state between two blocks, which .ptau files hold: every contribution
records the state of its response hash before the public key. That record is 216 bytes: the block that is being
filled (128), the eight words of the chaining value, how many bytes are hashed into it, how many of the block are
filled, and zero (8 each, little endian). What stands in the block behind the filled part means nothing, but
snarkjs writes what it happens to have there; so does this class, as long as it is given the same pieces, each a
multiple of four bytes. The zero is not looked at.

Source: RFC 7693; snarkjs 0.7.6, src/misc.js.

>>> Blake2b().update(b"abc").digest().hex()[:16]
'ba80a53f981c4d0d'
>>> Blake2b.from_state(Blake2b().update(b"ab").state()).update(b"c").digest() == Blake2b(b"abc").digest()
True
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.conversion import Bytes, address
from zkroll.algebra.kernels.blake2b_kernels import BLOCK, STATE_WORDS, blake2b_blocks
from zkroll.algebra.reference.blake import INITIAL
from zkroll.errors import InputError

DIGEST_BYTES = 64
STATE_BYTES = BLOCK + 8 * STATE_WORDS + 24

_PARAMETERS = 0x0101_0000 | DIGEST_BYTES  # fan-out and depth one, no key
_MOST = 2**53  # bytes: beyond that, the lengths of snarkjs are not exact


class Blake2b:
    """A message that is being hashed, and `data` its beginning."""

    __slots__ = ("_block", "_filled", "_h", "_length")

    def __init__(self, data: Bytes = b""):
        self._h = np.array(INITIAL, dtype=np.uint64)
        self._h[0] ^= np.uint64(_PARAMETERS)
        self._block: NDArray[np.uint8] = np.zeros(BLOCK, dtype=np.uint8)
        self._filled = 0
        self._length = 0  # of the message, with the filled part of the block
        self.update(data)

    def update(self, data: Bytes) -> Self:
        """Append bytes, or an array of them, to the message. Returns the hash itself.

        Raises InputError for an array of anything else.
        """
        octets = data.reshape(-1) if isinstance(data, np.ndarray) else np.frombuffer(data, dtype=np.uint8)
        if octets.dtype != np.uint8:
            raise InputError(f"Blake2b: expected an array of uint8, got {octets.dtype}")
        octets = np.ascontiguousarray(octets)
        size, at = len(octets), 0
        while at < size:
            if self._filled == BLOCK:  # more is to come, so this was not the last block
                self._compress(self._block, 0, 1)
                self._filled = 0
            left = size - at
            if self._filled == 0 and left > BLOCK:  # all blocks but the last, which may be the last of all
                blocks = (left - 1) // BLOCK
                self._length += BLOCK
                self._compress(octets, at, blocks)
                self._length += BLOCK * (blocks - 1)
                at += BLOCK * blocks
                continue
            take = min(BLOCK - self._filled, left)
            self._block[self._filled : self._filled + take] = octets[at : at + take]
            self._filled += take
            self._length += take
            at += take
        return self

    def digest(self) -> bytes:
        """Return the 64 bytes of the hash of the message so far, which may go on afterwards."""
        last = np.zeros(BLOCK, dtype=np.uint8)
        last[: self._filled] = self._block[: self._filled]
        h = self._h.copy()
        blake2b_blocks(address(h), address(last), 1, self._length, -1)
        return h.astype("<u8", copy=False).tobytes()

    def copy(self) -> Blake2b:
        """Return the same state, to be continued by itself."""
        other = Blake2b()
        other._h[:], other._block[:] = self._h, self._block
        other._filled, other._length = self._filled, self._length
        return other

    def state(self) -> bytes:
        """Return the state in the 216 bytes that .ptau files hold."""
        words = np.array([self._length - self._filled, self._filled, 0], dtype="<u8")
        return self._block.tobytes() + self._h.astype("<u8", copy=False).tobytes() + words.tobytes()

    @classmethod
    def from_state(cls, data: Bytes) -> Self:
        """Return the hash that goes on from such a state.

        Raises InputError for another length, or counts that no message gives: more bytes in the block than it
        holds, an empty block behind others, or hashed bytes that are no whole blocks or more than 2^53.
        """
        octets = np.frombuffer(bytes(data), dtype=np.uint8)
        if len(octets) != STATE_BYTES:
            raise InputError(f"state of Blake2b: expected {STATE_BYTES} bytes, got {len(octets)}")
        words = octets[BLOCK:].view("<u8")
        hashed, filled = (int(word) for word in words[STATE_WORDS : STATE_WORDS + 2])
        if filled > BLOCK or (filled == 0 and hashed):
            first = 1 if hashed else 0
            raise InputError(
                f"state of Blake2b: expected {first} to {BLOCK} bytes in the block, got {filled}"
            )
        if hashed % BLOCK or hashed + filled > _MOST:
            raise InputError(
                f"state of Blake2b: expected a multiple of {BLOCK} bytes hashed, up to 2^53, got {hashed}"
            )
        state = cls()
        state._block[:] = octets[:BLOCK]
        state._h[:] = words[:STATE_WORDS]
        state._filled, state._length = filled, hashed + filled
        return state

    def _compress(self, octets: NDArray[np.uint8], at: int, blocks: int) -> None:
        """Compress blocks of the array; the length is that of the message with the first of them."""
        blake2b_blocks(address(self._h), address(octets) + at, blocks, self._length, 0)
