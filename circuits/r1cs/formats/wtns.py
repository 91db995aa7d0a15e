""".wtns files: the value of each wire of a circuit, as snarkjs and circom's witness calculators write them.

Sections: 1, bytes of an element, prime, number of values (4 bytes); 2, the values, 32 bytes each, canonical and
little endian. Wire 0 is one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.constants import R_MODULUS
from zkroll.algebra.iden3 import FIELD_BYTES, SectionFile, open_sections, write_sections
from zkroll.algebra.vector import FrVector
from zkroll.circuits.r1cs.sparse import below_r
from zkroll.circuits.r1cs.system import rows_of_words

VERSION = 2
HEADER, VALUES = 1, 2


def read_wtns(path: Path | str) -> FrVector:
    """Return the witness in a .wtns file.

    Raises InputError for a damaged file, another prime than r of BN254, a witness of no values, and a value
    that is not below r, with its wire.
    """
    return FrVector.from_array(read_wtns_words(path))


def read_wtns_words(path: Path | str) -> NDArray[np.uint64]:
    """Return the values as rows (n, 4) of little-endian words below r, in the file where it is aligned.

    Raises InputError as `read_wtns` does.
    """
    file = open_sections(path, "wtns", [VERSION], [HEADER, VALUES])
    header = file.fields(HEADER)
    header.prime(R_MODULUS, "r", "prime")
    count = header.u32("number of values")
    header.end()
    if count == 0:
        raise file.error(HEADER, "expected at least one value, got none")
    words = rows_of_words(file.exactly(VALUES, FIELD_BYTES * count))
    _check_range(file, words)
    return words


def _check_range(file: SectionFile, words: NDArray[np.uint64]) -> None:
    below = below_r(words)
    if not below.all():
        at = int(np.argmin(below))
        value = int.from_bytes(words[at].tobytes(), "little")
        raise file.error(VALUES, f"wire {at}: expected a value below r, got {value}")


def write_wtns(witness: FrVector | NDArray[np.uint64], path: Path | str) -> None:
    """Write a witness as a .wtns file: a vector, or rows (n, 4) of little-endian words below r.

    Raises InputError when the file cannot be written.
    """
    words = witness.to_limbs() if isinstance(witness, FrVector) else witness
    header = FIELD_BYTES.to_bytes(4, "little") + R_MODULUS.to_bytes(FIELD_BYTES, "little")
    header += len(witness).to_bytes(4, "little")
    write_sections(path, "wtns", VERSION, [(HEADER, [header]), (VALUES, [words])])
