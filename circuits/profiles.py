"""Profiles: the heights of every chip under a name, so that one wrap circuit serves every batch that fits.

``small`` holds a demonstration batch (six transactions with one or two ERC-20 calls, two deposits, two
withdrawals) at the least cost, ``medium`` a full batch of 64 transactions, half of them ERC-20 calls, and
``large`` four times as many rows as ``medium``. A batch that fits no profile is split, not proven.

Where the numbers come from: ``python benchmarks/profile_heights.py`` executes those batches and prints the rows of every
chip and the power of two that holds them. The heights below are that, or the next one where it costs little, and a
few rows for chips that these batches leave empty, so that other contracts than the token find room; ``state_path`` and
``poseidon2`` have twice as many in ``medium``, enough for a full batch on a state of some thousand leaves (on greater
ones a batch holds fewer transactions). ``medium`` has few different heights: a group of columns that are read in the
next row is opened at one more point for each, and every evaluation is hashed in the wrap circuit. A height is part of what a wrap key is made for, so a change here makes new
wrap keys necessary.

``MESSAGES`` bounds what L1 may force into one batch: so many messages fit the profile whatever they are (the costliest
are exits of tokens: three Keccak permutations each, and one less for the tree of their withdrawals). Were it more,
somebody could queue messages that no batch can take. They may be of accounts that somebody searched for, whose places
in the state tree have paths of OWNER_LEVELS, each of a token whose supply has a path of SUPPLY_LEVELS.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from zkroll.circuits.air.witness import ChipTrace, Shape
from zkroll.circuits.machine import batch_machine
from zkroll.errors import InputError, UnprovableError

#: names in ascending order of their heights
PROFILES: Final = ("small", "medium", "large")

#: binary logarithms of the heights, small and medium
_LOG_HEIGHTS: Final[Mapping[str, tuple[int, int]]] = {
    "cpu": (9, 13),
    "log": (4, 8),
    "stack_drain": (3, 8),
    "bad_jump": (3, 5),
    "storage_ops": (5, 8),
    "selfbalance": (3, 5),
    "storage_cell": (5, 8),
    "transaction": (3, 8),
    "statement": (3, 5),
    "l1_message": (3, 5),
    "withdrawal": (3, 8),
    "withdrawal_leaf": (4, 8),
    "withdrawal_node": (4, 8),
    "expansion": (4, 8),
    "calldataload": (4, 8),
    "copy": (3, 8),
    "copy_tail": (3, 5),
    "keccak_sponge": (8, 11),
    "window": (4, 8),
    "memory_unaligned": (3, 5),
    "memory_aligned": (7, 11),
    "memory_init": (5, 10),
    "keccak_f": (9, 12),
    "data": (6, 10),
    "bytecode": (11, 12),
    "state_leaf": (6, 8),
    "state_path": (9, 12),
    "signature": (3, 8),
    "signature_ladder": (9, 12),
    "canonical": (6, 8),
    "exp": (3, 8),
    "shift": (4, 8),
    "extract": (3, 5),
    "signed_division": (3, 5),
    "divmod": (4, 8),
    "mul": (3, 8),
    "compare": (4, 8),
    "add": (4, 8),
    "bitwise": (4, 8),
    "poseidon5": (3, 8),
    "poseidon4": (6, 8),
    "poseidon3": (7, 10),
    "poseidon2": (10, 13),
}
#: chips of one row whatever the batch
_CONSTANT: Final = ("statement",)
_LARGE_FACTOR: Final = 4
#: two places of 80 levels, or one of 40 beside a given place, take 2^40 hashes to find
OWNER_LEVELS: Final = 80
SUPPLY_LEVELS: Final = 40
#: messages that fit a batch of the profile whatever they are
MESSAGES: Final[Mapping[str, int]] = MappingProxyType({"small": 4, "medium": 16, "large": 64})


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
        if chip.fixed_height:
            heights[chip.name] = chip.fixed_height
            continue
        small, medium = _LOG_HEIGHTS[chip.name]
        factor = 1 if name != "large" or chip.name in _CONSTANT else _LARGE_FACTOR
        heights[chip.name] = factor << (small if name == "small" else medium)
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


__all__ = [
    "MESSAGES",
    "OWNER_LEVELS",
    "PROFILES",
    "SUPPLY_LEVELS",
    "misfits",
    "profile",
    "shape",
    "smallest_profile",
]
