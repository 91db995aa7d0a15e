"""Random numbers that nobody chose: those of a beacon's seed after a long chain of hashes.

The seed becomes public only after the last contribution (a future block's hash, say), and the chain of 2^exponent
times SHA-256 takes longer to compute than there is time to influence the seed. Everyone can repeat it.
Source: snarkjs 0.7.6, src/misc.js.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

from zkroll.algebra.progress import Progress, quiet
from zkroll.errors import InputError, VerificationError
from zkroll.prover.ceremony.chacha import ChaCha, from_digest

LEAST_EXPONENT, MOST_EXPONENT = 10, 63
MOST_SEED_BYTES = 255

#: Beacons are computed again up to 2^exponent hashes, all of a file together, unless more are asked for: half an hour.
DEFAULT_MAX_EXPONENT = 32


_STRIDE = 1 << 16  # hashes between two reports


def check_beacon(seed: bytes, exponent: int) -> None:
    """Raise InputError unless the seed has 1 to 255 bytes and the exponent is 10 to 63."""
    if not 1 <= len(seed) <= MOST_SEED_BYTES:
        raise InputError(f"beacon: expected a seed of 1 to {MOST_SEED_BYTES} bytes, got {len(seed)}")
    if not LEAST_EXPONENT <= exponent <= MOST_EXPONENT:
        raise InputError(
            f"beacon: expected an exponent of {LEAST_EXPONENT} to {MOST_EXPONENT}, got {exponent}"
        )


class Recorded(Protocol):
    """A contribution that may be a beacon's, as files record it."""

    @property
    def exponent(self) -> int | None:
        """Of a beacon: it is hashed 2^exponent times."""

    @property
    def beacon(self) -> bytes | None:
        """Of a beacon: its seed."""


def check_beacons(place: str, records: Sequence[Recorded], max_exponent: int) -> None:
    """Look at the beacons of all contributions in a file before any is computed again.

    Raises VerificationError for one that `check_beacon` refuses, InputError for more than 2^max_exponent hashes
    together.
    """
    total = 0
    for number, record in enumerate(records, 1):
        if record.beacon is None or record.exponent is None:
            continue
        try:
            check_beacon(record.beacon, record.exponent)
        except InputError as error:
            raise VerificationError(f"{place}: contribution {number}: {error}") from error
        total += 1 << record.exponent
    if total > 1 << max_exponent:
        raise InputError(
            f"{place}: expected beacons of at most 2^{max_exponent} hashes, got {total}: raise the limit to check them"
        )


def beacon_rng(seed: bytes, exponent: int, progress: Progress = quiet) -> ChaCha:
    """Return the generator seeded with SHA-256 applied 2^exponent times to `seed`.

    Takes about 2^exponent times 0.4 µs; `progress` hears of it. Raises InputError as `check_beacon` does.
    """
    check_beacon(seed, exponent)
    sha256, digest, count = hashlib.sha256, seed, 1 << exponent
    for done in range(0, count, _STRIDE):
        progress("beacon", done / count, f"{done} of 2^{exponent} hashes")
        for _ in range(min(_STRIDE, count - done)):
            digest = sha256(digest).digest()
    progress("beacon", 1.0, f"2^{exponent} hashes")
    return from_digest(digest)
