"""What the verbs of both phases of a ceremony, ptau and zkey, take and show alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from zkroll.errors import InputError
from zkroll.rollup.cli.console import facts, say

if TYPE_CHECKING:
    from collections.abc import Mapping

NameOption = Annotated[
    str, typer.Option("--name", "-n", metavar="TEXT", help="Who contributes; 64 characters are kept.")
]
EntropyOption = Annotated[
    str,
    typer.Option(
        "--entropy", "-e", metavar="TEXT", help="Added to the system's randomness, never used alone."
    ),
]
SeedArgument = Annotated[
    str,
    typer.Argument(metavar="HEX", help="Public randomness that nobody could foresee.", show_default=False),
]
ExponentArgument = Annotated[
    int, typer.Argument(metavar="EXPONENT", help="Hash it 2^EXPONENT times, 10 to 63.", show_default=False)
]
MaxExponentOption = Annotated[
    int,
    typer.Option(
        "--max-exponent",
        metavar="E",
        min=0,
        max=63,
        help="Compute beacons again up to 2^E hashes together, some half an hour for 32.",
    ),
]
#: what `MaxExponentOption` is without the option; that of the library, which is imported when it is used
MAX_EXPONENT = 32

#: what is no hash in an entry of a contribution
_PLAIN = ("number", "name", "kind", "beacon", "exponent")


def beacon_seed(text: str) -> bytes:
    """Return the bytes of a beacon's seed. Raises InputError for anything but pairs of hexadecimal digits."""
    digits = text.removeprefix("0x")
    # bytes.fromhex would skip spaces
    if len(digits) % 2 or not digits or any(c not in "0123456789abcdefABCDEF" for c in digits):
        raise InputError(f"beacon: expected pairs of hexadecimal digits, got {text[:80]!r}")
    return bytes.fromhex(digits)


def contribution_entry(
    number: int, name: str, beacon: bytes | None, exponent: int | None, **hashes: bytes
) -> dict[str, Any]:
    """Return what --json has of a contribution; `beacon` and `exponent` are None of one that is no beacon's."""
    entry: dict[str, Any] = {
        "number": number,
        "name": name,
        "kind": "contribution" if exponent is None else "beacon",
    }
    if exponent is not None:
        entry |= {"beacon": (beacon or b"").hex(), "exponent": exponent}
    return entry | {title: digest.hex() for title, digest in hashes.items()}


def show_document(document: Mapping[str, Any], *hashes: str) -> None:
    """Print a document of --json: its hashes in groups of digits, and what is known of each contribution."""
    contributions = document.get("contributions", [])
    counted = {"contributions": len(contributions)} if "contributions" in document else {}
    if document.get("accepted"):
        say("accepted")
    left_out = ("accepted", *hashes)
    facts({name: value for name, value in document.items() if name not in left_out} | counted)
    for name in hashes:
        show_hash(name.replace("_", " "), document[name])
    for entry in contributions:
        _show_contribution(entry)


def _show_contribution(entry: Mapping[str, Any]) -> None:
    title = f"contribution {entry['number']}" + (f" {entry['name']}" if entry["name"] else "")
    for name, digits in entry.items():
        if name not in _PLAIN:
            show_hash(title if name == "hash" else f"{title}, {name.replace('_', ' ')}", digits)
    if "exponent" in entry:
        say(f"    beacon {entry['beacon']}, hashed 2^{entry['exponent']} times")


def show_hash(title: str, digits: str) -> None:
    """Print a hash in hexadecimal digits in lines of four groups, as they are read aloud in ceremonies."""
    say(f"{title}:")
    groups = [digits[at : at + 8] for at in range(0, len(digits), 8)]
    for at in range(0, len(groups), 4):
        say("    " + " ".join(groups[at : at + 4]))
