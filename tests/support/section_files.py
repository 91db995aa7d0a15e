"""Files of sections, taken apart and put together again with damage."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures/snarkjs"


def sections(data: bytes) -> list[tuple[int, int, int]]:
    """(number, where its head starts, length of its content) of every section."""
    found, at = [], 12
    while at < len(data):
        number, length = (
            int.from_bytes(data[at : at + 4], "little"),
            int.from_bytes(data[at + 4 : at + 12], "little"),
        )
        found.append((number, at, length))
        at += 12 + length
    return found


def content(data: bytes, number: int) -> bytes:
    """The content of a section."""
    return next(data[at + 12 : at + 12 + length] for n, at, length in sections(data) if n == number)


def assemble(kind: bytes, version: int, parts: Iterable[tuple[int, bytes]]) -> bytes:
    """A file of these sections."""
    listed = list(parts)
    out = kind + version.to_bytes(4, "little") + len(listed).to_bytes(4, "little")
    return out + b"".join(n.to_bytes(4, "little") + len(c).to_bytes(8, "little") + c for n, c in listed)


def with_section(data: bytes, number: int, new: bytes) -> bytes:
    """The file with another content in one section."""
    parts = [(n, new if n == number else content(data, n)) for n, _, _ in sections(data)]
    return assemble(data[:4], int.from_bytes(data[4:8], "little"), parts)


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """The bytes with others at one place."""
    return data[:at] + new + data[at + len(new) :]


def cuts(data: bytes) -> dict[str, bytes]:
    """The file cut or lengthened at every boundary of a section, and one byte before and after."""
    edges = {0, 4, 8, 12, len(data)}
    for _, at, length in sections(data):
        edges |= {at, at + 4, at + 12, at + 12 + length}
    sizes = sorted({edge + d for edge in edges for d in (-1, 0, 1)} - {len(data), -1})
    return {f"cut at {size}": (data + bytes(8))[:size] for size in sizes}


def damages(data: bytes) -> dict[str, bytes]:
    """Files whose container is damaged in one place."""
    out = cuts(data)
    out["magic"] = patched(data, 0, b"glTF")
    for version in (0, 3, 2**32 - 1):
        out[f"version {version}"] = patched(data, 4, version.to_bytes(4, "little"))
    count = int.from_bytes(data[8:12], "little")
    for n in (0, count - 1, count + 1, 2**32 - 1):
        out[f"{n} sections"] = patched(data, 8, n.to_bytes(4, "little"))
    for number, at, length in sections(data):
        for wrong in {0, max(0, length - 1), length + 1, length + 12, 2**40, 2**63, 2**64 - 1}:
            out[f"section {number}: length {wrong}"] = patched(data, at + 4, wrong.to_bytes(8, "little"))
        other = next(n for n, _, _ in sections(data) if n != number)
        out[f"section {number} called {other}"] = patched(data, at, other.to_bytes(4, "little"))
        out[f"section {number} missing"] = patched(data, at, (77).to_bytes(4, "little"))
        kept = content(data, number)
        for name, new in (("longer", kept + b"\0"), ("shorter", kept[:-1]), ("empty", b"")):
            out[f"section {number} {name}"] = with_section(data, number, new)
        twice = [(n, content(data, n)) for n, _, _ in sections(data)] + [(number, kept)]
        out[f"section {number} twice"] = assemble(data[:4], data[4], twice)
    return {name: damaged for name, damaged in out.items() if damaged != data}
