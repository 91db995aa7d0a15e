"""The container of iden3's binary files (.r1cs, .wtns, .ptau, .zkey): numbered sections of bytes.

The file: four bytes that name the kind, the version and the number of sections (4 bytes each), then sections:
number (4 bytes), length (8 bytes), content. Integers are little endian. Sections come in any order, fill the
file exactly, and each stands once.

A file is mapped into memory and read where it lies; lengths in it are compared with its size before anything
is read or allocated. It must not be cut short while it is in use: the operating system would end the process.
Source: iden3/binfileutils and iden3/r1csfile, doc/r1cs_bin_format.md.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from zkroll.algebra.files import open_regular, replace_file
from zkroll.errors import InputError

Octets = NDArray[np.uint8]
Buffer = bytes | NDArray[Any]

MOST_SECTIONS = 64
FIELD_BYTES = 32
_HEAD = 12  # bytes of the file's head, and of a section's


@dataclass(frozen=True)
class Section:
    """Where the content of a section starts in the file, and its length, in bytes."""

    start: int
    length: int


class SectionFile:
    """A file of sections, mapped read-only; made by `open_sections`."""

    def __init__(self, path: Path, version: int, sections: dict[int, Section], octets: Octets):
        self.path = path
        self.version = version
        self.sections = sections
        self._octets = octets

    def __contains__(self, number: int) -> bool:
        return number in self.sections

    def error(self, number: int, message: str) -> InputError:
        """Return the error that says what is wrong in a section."""
        return InputError(f"{self.path}: section {number}: {message}")

    def content(self, number: int) -> Octets:
        """Return the bytes of a section, read-only and not copied. Raises InputError when it is missing."""
        section = self.sections.get(number)
        if section is None:
            raise InputError(f"{self.path}: section {number} is missing")
        return self._octets[section.start : section.start + section.length]

    def exactly(self, number: int, length: int) -> Octets:
        """Return the bytes of a section, raising InputError unless it has this length."""
        found = self.content(number)
        if len(found) != length:
            raise self.error(number, f"expected {length} bytes, got {len(found)}")
        return found

    def fields(self, number: int) -> Fields:
        """Return a reader of the section's values, from its start."""
        return Fields(self, number)


class Fields:
    """Reads the values of one section in order; going beyond its end raises InputError."""

    def __init__(self, file: SectionFile, number: int):
        self._file, self._number = file, number
        self._octets, self._at = file.content(number), 0

    @property
    def left(self) -> int:
        """How many bytes have not been read."""
        return len(self._octets) - self._at

    def octets(self, length: int, what: str) -> Octets:
        """Return the next bytes, not copied."""
        if length > self.left:
            raise self.error(f"{what}: expected {length} bytes, got {self.left}")
        self._at += length
        return self._octets[self._at - length : self._at]

    def integer(self, length: int, what: str) -> int:
        """Return the next bytes as an unsigned integer."""
        return int.from_bytes(self.octets(length, what).tobytes(), "little")

    def u32(self, what: str) -> int:
        """Return the next four bytes as an unsigned integer."""
        return self.integer(4, what)

    def prime(self, expected: int, field: str, what: str) -> None:
        """Read the length of an element and a prime, raising InputError unless they are those of BN254."""
        length = self.u32(f"{what}: bytes of an element")
        if length != FIELD_BYTES:
            raise self.error(f"{what}: expected elements of {FIELD_BYTES} bytes, as in BN254, got {length}")
        found = self.integer(FIELD_BYTES, what)
        if found != expected:
            raise self.error(f"{what}: expected BN254's {field} = {expected}, got {found}")

    def end(self) -> None:
        """Raise InputError unless everything has been read."""
        if self.left:
            raise self.error(f"expected {self._at} bytes, got {len(self._octets)}")

    def error(self, message: str) -> InputError:
        """Return the error that says what is wrong in this section."""
        return self._file.error(self._number, message)


# ---- reading -----------------------------------------------------------------------------------------------


def open_sections(
    path: Path | str, kind: str, versions: Sequence[int], needed: Sequence[int] = ()
) -> SectionFile:
    """Return the sections of a file of the given kind (four letters), all of it mapped and none of it read.

    Raises InputError for a file that cannot be read or is no regular file (a FIFO is not waited for), for
    another kind or version, for sections that stand twice, go beyond the end or leave bytes over, and when
    one of those `needed` is missing.
    """
    path = Path(path)
    with open_regular(path, f"a .{kind} file") as (file, size):
        version, sections = _sections(file, path, kind, versions, size)
        octets = np.memmap(file, dtype=np.uint8, mode="r", shape=(size,))
    for number in needed:
        if number not in sections:
            raise InputError(f"{path}: section {number} is missing")
    return SectionFile(path, version, sections, octets.view(np.ndarray))


def _sections(
    file: BinaryIO, path: Path, kind: str, versions: Sequence[int], size: int
) -> tuple[int, dict[int, Section]]:
    head = file.read(_HEAD)
    if len(head) < _HEAD or head[:4] != kind.encode():
        raise InputError(f"{path}: expected a .{kind} file, got one that begins with {head[:4]!r}")
    version, count = _u32(head[4:8]), _u32(head[8:])
    if version not in versions:
        expected = " or ".join(map(str, versions))
        raise InputError(f"{path}: expected a .{kind} file of version {expected}, got version {version}")
    if not 1 <= count <= MOST_SECTIONS:
        raise InputError(f"{path}: expected 1 to {MOST_SECTIONS} sections, got {count}")
    at, found = _HEAD, dict[int, Section]()
    for i in range(count):
        file.seek(at)
        head = file.read(_HEAD)
        if len(head) < _HEAD:
            raise InputError(f"{path}: expected {count} sections, got {i}: truncated file")
        number, length = _u32(head[:4]), int.from_bytes(head[4:], "little")
        at += _HEAD
        if number in found:
            raise InputError(f"{path}: section {number} stands twice")
        if length > size - at:
            raise InputError(
                f"{path}: section {number}: expected at most {size - at} bytes, as the file has, got {length}"
            )
        found[number] = Section(at, length)
        at += length
    if at != size:
        raise InputError(f"{path}: expected the last section to end the file at byte {at}, got {size} bytes")
    return version, found


def _u32(data: bytes) -> int:
    return int.from_bytes(data, "little")


def release(part: NDArray[Any]) -> None:
    """Give back the memory of a part of a file that is mapped for reading: it is read again if it is used again.

    Nothing happens to other arrays.
    """
    whole: Any = part
    while isinstance(whole, np.ndarray) and not isinstance(whole, np.memmap):
        whole = whole.base
    mapping = getattr(whole, "_mmap", None)
    if not isinstance(mapping, mmap.mmap) or whole.mode != "r" or not hasattr(mapping, "madvise"):
        return
    base = np.frombuffer(mapping, dtype=np.uint8)
    start = part.ctypes.data - base.ctypes.data
    begin = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
    size = (start + part.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE - begin
    if size > 0:
        mapping.madvise(mmap.MADV_DONTNEED, begin, size)


# ---- writing -----------------------------------------------------------------------------------------------


def write_sections(
    path: Path | str, kind: str, version: int, sections: Sequence[tuple[int, Iterable[Buffer]]]
) -> None:
    """Write a file of sections, each a number and the buffers of its content, taken one at a time.

    Lengths are filled in afterwards, so a section may be longer than memory. Raises InputError when the file
    cannot be written; then what was there stays.
    """
    with replace_file(path) as file:
        file.write(kind.encode() + _le(version, 4) + _le(len(sections), 4))
        for number, buffers in sections:
            write_section(file, number, buffers)


def write_section(file: BinaryIO, number: int, buffers: Iterable[Buffer]) -> tuple[int, int]:
    """Write a section whose length is filled in afterwards; returns where its content begins and ends in the file."""
    file.write(_le(number, 4) + bytes(8))
    start = file.tell()
    for buffer in buffers:
        write_buffer(file, buffer)
    end = file.tell()
    file.seek(start - 8)
    file.write(_le(end - start, 8))
    file.seek(end)
    return start, end


def write_buffer(file: BinaryIO, buffer: Buffer) -> None:
    """Write bytes, or those of an array, which is copied only if it is not contiguous."""
    if isinstance(buffer, bytes):
        file.write(buffer)
    elif buffer.size:
        file.write(np.ascontiguousarray(buffer).data.cast("B"))


def _le(value: int, length: int) -> bytes:
    return value.to_bytes(length, "little")
