"""Wrap keys: made from powers of tau or, for development, from public secrets; kept in files; refused when stale.

Three files belong together: KEY.zkey (a Groth16 key in snarkjs's form, to which the ceremony's verbs contribute),
KEY.json (`description`) and KEY.program (how the witness is computed, see `zkroll.circuits.r1cs.program`). The last
one is made again where it is missing, which takes as long as building the circuit.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zkroll.algebra.files import check_writable
from zkroll.algebra.progress import Progress, portion, quiet
from zkroll.circuits.r1cs.builder import without_collection
from zkroll.circuits.r1cs.circuit import Circuit
from zkroll.circuits.r1cs.formats.r1cs import write_r1cs
from zkroll.circuits.r1cs.formats.zkey import HASH_BYTES, ZKey, read_zkey, write_zkey
from zkroll.circuits.r1cs.program import WitnessProgram, witness_program
from zkroll.errors import InputError
from zkroll.prover.ceremony.prepared import open_prepared
from zkroll.prover.ceremony.zkey_new import SECTION_ORDER, initial_key
from zkroll.prover.groth16 import Key, setup_insecure, to_zkey
from zkroll.prover.groth16.mapped_key import MappedKey
from zkroll.prover.wrap.description import WrapDescription
from zkroll.prover.wrap.target import WrapTarget
from zkroll.verifier.groth16 import VerifyingKey
from zkroll.verifier.wrap import WrapVerifyingKey

#: what the secrets of development keys are hashes of: everyone can forge proofs under such keys
INSECURE_SEED = b"zkroll INSECURE development wrap key"


@dataclass(frozen=True, eq=False)
class WrapKey:
    """What it takes to wrap: the target, a Groth16 key of its circuit, and the witness program."""

    target: WrapTarget
    description: WrapDescription
    groth16: Key
    program: WitnessProgram

    @property
    def vk(self) -> WrapVerifyingKey:
        """What verifiers need, L1's contract among them."""
        return _verifying_key(self.target, self.groth16.vk, self.description)


def description_path(key: Path | str) -> Path:
    """Where the description of a key stands: KEY.json beside KEY.zkey."""
    return Path(key).with_suffix(".json")


def program_path(key: Path | str) -> Path:
    """Where the witness program of a key stands: KEY.program beside KEY.zkey."""
    return Path(key).with_suffix(".program")


def new_wrap_key(
    target: WrapTarget,
    powers: Path | str,
    output: Path | str,
    *,
    r1cs: Path | str | None = None,
    threads: int | None = None,
    progress: Progress = quiet,
) -> WrapDescription:
    """Write the first key of a target's circuit, from a prepared .ptau file, with its description and program.

    Nobody has contributed to it: proofs need a contribution first. `r1cs`: where to write the constraints, for
    `zkroll zkey verify`. Raises InputError as `zkey_new.initial_key` does, and for files that cannot be written.
    """
    _check_outputs(output, *([r1cs] if r1cs is not None else []), reads=[powers])
    prepared = open_prepared(powers)
    progress("building the circuit", 0.0, "")
    circuit = target.circuit()
    if r1cs is not None:
        write_r1cs(circuit.r1cs, r1cs)
    key = initial_key(circuit.r1cs, prepared, threads=threads, progress=portion(progress, 0.1, 0.9))
    description = WrapDescription.of(target, circuit.r1cs, key.ceremony.circuit_hash, insecure=False)
    progress("writing the key", 0.9, "")
    write_zkey(key, output, SECTION_ORDER)
    _write_beside(output, description, circuit)
    progress("writing the key", 1.0, "")
    return description


def insecure_wrap_key(
    target: WrapTarget,
    output: Path | str | None = None,
    *,
    threads: int | None = None,
    progress: Progress = quiet,
) -> WrapKey:
    """Make the INSECURE development key of a target, the same each time, and write its files if a place is given.

    Everyone knows its secrets. Raises InputError for files that cannot be written.
    """
    if output is not None:
        _check_outputs(output)
    progress("building the circuit", 0.0, "")
    with without_collection():  # in one go: a search after the circuit would go through all of it
        circuit = target.circuit()
        description = WrapDescription.of(target, circuit.r1cs, bytes(HASH_BYTES), insecure=True)
        program = _program(circuit, description)
    progress("insecure setup", 0.5, f"{circuit.r1cs.n_constraints} constraints")
    key = setup_insecure(circuit.r1cs, INSECURE_SEED, threads=threads)
    if output is not None:
        progress("writing the key", 0.8, "")
        write_zkey(to_zkey(key, circuit.r1cs, threads), output)
        program.save(program_path(output))
        description.save(description_path(output))
    progress("insecure key", 1.0, "")
    return WrapKey(target, description, key, program)


def open_wrap_key(
    path: Path | str, target: WrapTarget, *, threads: int | None = None, progress: Progress = quiet
) -> WrapKey:
    """Return the key in a .zkey file, whose points stay there, if it was made for this target.

    Raises InputError for a stale key, by name, for a damaged file, and for a key that nobody has contributed to.
    """
    progress("reading the key", 0.0, "")
    description, zkey = _read(path, target)
    key = MappedKey.of(zkey, threads=threads)
    progress("reading the key", 1.0, "")
    return WrapKey(target, description, key, _stored_program(path, target, description, progress))


def open_verifying_key(path: Path | str, target: WrapTarget) -> WrapVerifyingKey:
    """Return what verifiers need of the key in a .zkey file. Raises InputError as `open_wrap_key` does."""
    description, zkey = _read(path, target)
    return _verifying_key(target, VerifyingKey.from_parts(zkey.verification_key), description)


def _read(path: Path | str, target: WrapTarget) -> tuple[WrapDescription, ZKey]:
    """A key and what it is for, checked against the target and each other."""
    description = described(path)
    description.check(target)
    zkey = read_zkey(path)
    if zkey.ceremony.circuit_hash.hex() != description.circuit_hash:
        raise InputError(f"{path}: the key is of another circuit than {description_path(path)} describes")
    if zkey.n_wires != description.wires or zkey.n_public != 1:
        raise InputError(
            f"{path}: expected {description.wires} wires and one public input, got {zkey.n_wires}"
        )
    if not zkey.ceremony.contributions:
        # whatever the description says: nobody's secret is in it but those that everyone knows
        description = replace(description, insecure=True)
    return description, zkey


def _verifying_key(target: WrapTarget, vk: VerifyingKey, description: WrapDescription) -> WrapVerifyingKey:
    inner = target.inner
    return WrapVerifyingKey(
        shape=target.wrap_shape,
        key_digest=inner.digest,
        preprocessed=inner.preprocessed,
        tau_g2=inner.tau_g2,
        groth16=vk,
        insecure=description.insecure or inner.insecure,
    )


def described(path: Path | str) -> WrapDescription:
    """The description beside a .zkey file. Raises InputError when there is none, or something else."""
    beside = description_path(path)
    if not beside.exists():
        raise InputError(
            f"{beside}: missing: expected the description of the wrap key, which zkroll setup wrap writes "
            "beside the first key (copy it for later contributions)"
        )
    return WrapDescription.load(beside)


def _stored_program(
    path: Path | str, target: WrapTarget, description: WrapDescription, progress: Progress
) -> WitnessProgram:
    stored = program_path(path)
    note = _note(description)
    if stored.exists():
        try:
            program = WitnessProgram.load(stored)
        except InputError:
            program = None
        if program is not None and dict(program.note) == note and len(program.order) == description.wires:
            return program
    progress("building the circuit", 0.5, "")
    circuit = target.circuit()
    if (circuit.r1cs.n_constraints, circuit.r1cs.n_wires) != (description.constraints, description.wires):
        raise InputError(
            f"wrap key of profile {description.profile}: made for a circuit of {description.constraints} constraints, "
            f"this is one of {circuit.r1cs.n_constraints}; run zkroll setup wrap"
        )
    made = _program(circuit, description)
    with contextlib.suppress(InputError):  # a folder that cannot be written: it is made again next time
        made.save(stored)
    return made


def _program(circuit: Circuit, description: WrapDescription) -> WitnessProgram:
    with without_collection():
        return witness_program(circuit, _note(description))


def _note(description: WrapDescription) -> dict[str, Any]:
    """What a program is for: contributions change neither it nor this."""
    return {
        "profile": description.profile, "chunks": description.chunks, "key_digest": description.key_digest,
        "heights": dict(description.heights), "constraints": description.constraints,
    }  # fmt: skip


def _check_outputs(output: Path | str, *others: Path | str, reads: list[Path | str] | None = None) -> None:
    paths = [Path(output), description_path(output), program_path(output), *map(Path, others)]
    if Path(output).suffix != ".zkey":
        raise InputError(f"{output}: expected a name that ends in .zkey: its description stands beside it")
    for i, path in enumerate(paths):
        check_writable(path, *paths[:i], *(reads or []))


def _write_beside(output: Path | str, description: WrapDescription, circuit: Circuit) -> None:
    _program(circuit, description).save(program_path(output))
    description.save(description_path(output))
