"""Profiles: the heights of every chip under a name, so that one wrap circuit serves every batch that fits.

``small`` holds a demonstration batch (six transactions with one or two ERC-20 calls, two deposits, two
withdrawals) at the least cost, ``medium`` a full batch of 64 transactions, half of them ERC-20 calls, and
``large`` four times as many rows as ``medium``. A batch that fits no profile is split, not proven.

Where the numbers come from: ``python benchmarks/profiles.py`` executes those batches, takes the rows of every
chip and prints the next power of two; a chip that the batch leaves empty gets ``SPARE`` rows of the profile,
so that a contract other than the token finds room. A height is part of the verifying key's statement, so a
change here makes new wrap keys necessary.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from zkroll.circuits.air.witness import MIN_HEIGHT, ChipTrace, Shape
from zkroll.circuits.machine import batch_machine
from zkroll.errors import InputError, UnprovableError

#: names in ascending order of their heights
PROFILES: Final = ("small", "medium", "large")

#: binary logarithms of the heights, small and medium
_LOG_HEIGHTS: Final[Mapping[str, tuple[int, int]]] = {
    "cpu": (9, 13),
    "log": (3, 6),
    "stack_drain": (3, 7),
    "bad_jump": (3, 5),
    "storage_ops": (5, 8),
    "selfbalance": (3, 5),
    "storage_cell": (5, 7),
    "transaction": (4, 6),
    "statement": (3, 3),
    "expansion": (4, 6),
    "calldataload": (4, 8),
    "copy": (3, 6),
    "copy_tail": (3, 5),
    "keccak_sponge": (8, 10),
    "window": (4, 7),
    "memory_unaligned": (3, 5),
    "memory_aligned": (6, 10),
    "memory_init": (5, 8),
    "keccak_f": (9, 12),
    "data": (6, 9),
    "bytecode": (11, 12),
    "state_leaf": (6, 8),
    "state_path": (9, 11),
    "signature": (3, 6),
    "signature_ladder": (9, 12),
    "canonical": (6, 8),
    "exp": (3, 6),
    "shift": (4, 7),
    "extract": (3, 5),
    "signed_division": (3, 5),
    "divmod": (4, 7),
    "mul": (3, 6),
    "compare": (4, 8),
    "add": (4, 8),
    "bitwise": (4, 8),
    "poseidon5": (3, 6),
    "poseidon4": (6, 8),
    "poseidon3": (7, 10),
    "poseidon2": (9, 12),
}
#: chips of one row whatever the batch
_CONSTANT: Final = ("statement",)
_LARGE_FACTOR: Final = 4
#: rows of a chip that the measured batch leaves empty, by profile: small, medium
SPARE: Final = (MIN_HEIGHT, 32)
#: what a chip without a measured height gets, small and medium
_UNMEASURED: Final = (6, 8)


def profile(name: str) -> Mapping[str, int]:
    """Heights by chip name, one for every chip of the batch machine. Raises InputError for another name."""
    return shape(name).heights


@cache
def shape(name: str) -> Shape:
    """The profile as a shape to fill chips in. Raises InputError for a name that is no profile."""
    if name not in PROFILES:
        raise InputError(f"profile: expected {', '.join(PROFILES)}, got {name!r:.60}")
    heights = {}
    for chip in batch_machine().chips:
        small, medium = _LOG_HEIGHTS.get(chip.name, _UNMEASURED)
        factor = 1 if name != "large" or chip.name in _CONSTANT else _LARGE_FACTOR
        heights[chip.name] = chip.fixed_height or factor << (small if name == "small" else medium)
    return Shape(name, MappingProxyType(heights))


def misfits(name: str, traces: Mapping[str, ChipTrace]) -> list[tuple[str, int, int]]:
    """The chips with more rows than the profile has, as (chip, rows, height of the profile)."""
    heights = profile(name)
    return [(chip, trace.rows, heights[chip]) for chip, trace in traces.items() if trace.rows > heights[chip]]


def smallest_profile(traces: Mapping[str, ChipTrace]) -> str:
    """The first profile that has room for the rows of every chip.

    Raises UnprovableError, with the first chip of the largest profile that has not, where there is none.
    """
    for name in PROFILES:
        if not misfits(name, traces):
            return name
    chip, rows, height = misfits(PROFILES[-1], traces)[0]
    raise UnprovableError(
        f"batch does not fit profile {PROFILES[-1]}: chip {chip} needs {rows:,} rows, the profile has {height:,}"
    )


__all__ = ["PROFILES", "SPARE", "misfits", "profile", "shape", "smallest_profile"]
