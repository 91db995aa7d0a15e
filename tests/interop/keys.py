"""Which side makes the powers and the key of which circuit.

snarkjs takes minutes to prepare 2^13 powers, so the larger circuits have powers that zkroll prepared.
"""

from __future__ import annotations

from pathlib import Path

from interop.cases import CASES
from interop.workshop import HERE, THERE, Side, Workshop

#: circuit, who prepares the powers, who begins the key and closes it, who contributes in between
KEYS: dict[str, tuple[str, Side, Side, Side]] = {
    "commitment, all by snarkjs": ("commitment", THERE, THERE, THERE),
    "commitment, all by zkroll": ("commitment", HERE, HERE, HERE),
    "commitment, begun by zkroll": ("commitment", THERE, HERE, THERE),
    "commitment, begun by snarkjs": ("commitment", HERE, THERE, HERE),
    "merkle, begun by snarkjs": ("merkle", HERE, THERE, HERE),
    "eddsa, begun by zkroll": ("eddsa", HERE, HERE, THERE),
    "smt, all by snarkjs": ("smt", HERE, THERE, THERE),
    "sha256, all by zkroll": ("sha256", HERE, HERE, HERE),
}


def made_key(workshop: Workshop, name: str) -> tuple[str, Path, Path]:
    """Return the circuit, the powers and the key of an entry of KEYS."""
    circuit, preparer, first, second = KEYS[name]
    powers = workshop.powers(preparer, CASES[circuit]().power)
    return circuit, powers, workshop.key(circuit, powers, first, second)
