"""What stands beside a wrap key: a JSON file that says which machine, heights and chunks it was made for.

A .zkey file holds a circuit's points, but not what the circuit is of. The description names it, and by the
hash of the circuit that every contribution repeats it belongs to one ceremony. It is believed only where the
present machine says the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from zkroll.algebra.files import read_regular_file, write_atomically
from zkroll.circuits.r1cs.system import R1CS
from zkroll.errors import InputError
from zkroll.prover.wrap.target import WrapTarget

KIND: Final = "zkroll wrap key 1"
_LARGEST: Final = 1 << 16  # bytes


@dataclass(frozen=True)
class WrapDescription:
    """key_digest: of the inner machine's key, as hexadecimal; circuit_hash: of the ceremony, as hexadecimal;
    insecure: the key's secrets are known to everyone."""

    kind: str
    profile: str
    chunks: int
    key_digest: str
    heights: Mapping[str, int]
    constraints: int
    wires: int
    circuit_hash: str
    insecure: bool

    @staticmethod
    def of(target: WrapTarget, system: R1CS, circuit_hash: bytes, *, insecure: bool) -> WrapDescription:
        """The description of a key made for `target`, whose circuit is `system`."""
        return WrapDescription(
            KIND, target.profile, target.chunks, digest_text(target.inner.digest), dict(target.heights),
            system.n_constraints, system.n_wires, circuit_hash.hex(), insecure,
        )  # fmt: skip

    def save(self, path: Path | str) -> None:
        """Write the file. Raises InputError when it cannot be written."""
        write_atomically(path, (json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n").encode())

    @staticmethod
    def load(path: Path | str) -> WrapDescription:
        """Read the file; raises InputError when it is missing or something else."""
        content = read_regular_file(path, _LARGEST)
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not the description of a wrap key: {error}") from error
        if not isinstance(document, dict) or document.get("kind") != KIND:
            raise InputError(f"{path}: expected the description of a wrap key ({KIND!r})")
        kinds: dict[str, Any] = {
            "profile": str, "chunks": int, "key_digest": str, "heights": dict, "constraints": int, "wires": int,
            "circuit_hash": str, "insecure": bool, "kind": str,
        }  # fmt: skip
        names = [field.name for field in fields(WrapDescription)]
        if sorted(document) != sorted(names):
            raise InputError(f"{path}: expected the members {', '.join(names)}")
        for name, kind in kinds.items():
            if type(document[name]) is not kind:
                raise InputError(f"{path}: {name}: expected {kind.__name__}, got {document[name]!r:.60}")
        return WrapDescription(**document)

    def check(self, target: WrapTarget) -> None:
        """Raise InputError, by name, unless the key was made for this machine, these heights and chunks."""
        name = f"wrap key of profile {self.profile}"
        again = "run zkroll setup wrap"
        if self.profile != target.profile:
            raise InputError(f"{name}: expected a key of profile {target.profile}")
        if self.chunks != target.chunks:
            raise InputError(f"{name}: expected a key for {target.chunks} chunks, got one for {self.chunks}")
        own = digest_text(target.inner.digest)
        if self.key_digest != own:
            raise InputError(f"{name}: made for machine {self.key_digest:.18}…, this is {own:.18}…; {again}")
        for chip, height in target.heights.items():
            if self.heights.get(chip) != height:
                raise InputError(
                    f"{name}: made for {self.heights.get(chip, 0)} rows of chip {chip}, the profile has {height}; {again}"
                )
        if len(self.heights) != len(target.heights):
            raise InputError(
                f"{name}: made for {len(self.heights)} chips, the machine has {len(target.heights)}; {again}"
            )


def digest_text(digest: int) -> str:
    """A digest as hexadecimal of 32 bytes."""
    return f"0x{digest:064x}"
