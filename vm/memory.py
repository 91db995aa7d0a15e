"""Memory of one frame: bytes that grow by whole 32-byte words and start as zeros."""


class Memory:
    """Byte-addressed memory. Offsets and lengths are bytes; callers grow it (and pay) before use."""

    __slots__ = ("_bytes",)

    def __init__(self) -> None:
        self._bytes = bytearray()

    @property
    def size(self) -> int:
        """Size in words."""
        return len(self._bytes) >> 5

    def grow(self, size: int) -> None:
        """Make the memory at least `size` words long."""
        missing = (size << 5) - len(self._bytes)
        if missing > 0:
            self._bytes.extend(bytes(missing))

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`; nothing at all where the length is 0."""
        return bytes(self._bytes[offset : offset + length]) if length else b""

    def write(self, offset: int, data: bytes) -> None:
        """Put `data` at `offset`."""
        if data:
            self._bytes[offset : offset + len(data)] = data

    def window(self, offset: int, length: int) -> tuple[int, bytes]:
        """(index of the first word, bytes of all the words) that `length` > 0 bytes at `offset` lie in."""
        first = offset >> 5
        last = (offset + length + 31) >> 5
        return first, bytes(self._bytes[first << 5 : last << 5])
