"""Cursors over big-endian bytes: `ByteReader` never reads past its end, `ByteWriter` is its twin.

Every structure of a file that is not an entropy-coded stream goes through these two classes, so
that each refusal names the section, the byte, what was expected and what was found. The module is
a leaf: it imports nothing of the package but the errors, and any room may use it.
"""

from __future__ import annotations

import mmap
import operator
import struct
from typing import SupportsIndex, TypeAlias

from pyggc.errors import BitstreamError, TruncatedStream

BytesLike: TypeAlias = bytes | bytearray | memoryview | mmap.mmap

_F32 = struct.Struct(">f")
_VARINT_MAX_BYTES = 10  # ceil(64 / 7)


def as_bytes_view(data: BytesLike, name: str = "data") -> memoryview:
    """Look at a contiguous buffer as read-only bytes, without a copy.

    Parameters
    ----------
    data : bytes-like
        Any object with a C-contiguous buffer: bytes, bytearray, memoryview, mmap, an array.
    name : str
        The argument's name in the message of an error.

    Returns
    -------
    memoryview
        One-dimensional, format ``"B"``, read-only.

    Raises
    ------
    TypeError
        If `data` has no buffer, or one that is not contiguous.

    Examples
    --------
    >>> bytes(as_bytes_view(bytearray(b"abc"))[1:])
    b'bc'
    """
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"{name}: expected a bytes-like object, got {type(data).__name__}") from None
    if not view.c_contiguous:
        raise TypeError(f"{name}: expected a contiguous buffer, got a strided one; pass a copy")
    if view.nbytes == 0:  # cast() refuses a shape with a zero in it
        return memoryview(b"")
    return view.cast("B").toreadonly()


class ByteReader:
    r"""A cursor over the bytes of one section.

    Parameters
    ----------
    data : bytes-like
        The bytes of the section. They are not copied.
    label : str
        What the messages call the section, for example ``"section COLR"``. A cursor that goes from one part
        of a file to the next may be given another.
    base : int
        The offset of the section's first byte in the file, in bytes, for the messages.

    Examples
    --------
    >>> reader = ByteReader(b"\x01\x02\x03", "section COLR", base=412)
    >>> reader.u16(), reader.offset, reader.remaining
    (258, 414, 1)
    >>> reader.u32()
    Traceback (most recent call last):
    ...
    pyggc.errors.TruncatedStream: section COLR at byte 414: needs 4 bytes, 1 remain
    """

    __slots__ = ("_base", "_data", "_position", "label")

    def __init__(self, data: BytesLike, label: str, base: int = 0) -> None:
        self._data = as_bytes_view(data)
        self._base = base
        self._position = 0
        self.label = label

    @property
    def offset(self) -> int:
        """Offset in the file of the next byte, in bytes."""
        return self._base + self._position

    @property
    def remaining(self) -> int:
        """Number of bytes that have not been read."""
        return len(self._data) - self._position

    def error(self, message: str, at: int | None = None) -> BitstreamError:
        """Make, not raise, an error that names this section and a byte.

        Parameters
        ----------
        message : str
            What was expected and what was found.
        at : int or None
            The byte's offset in the file; None means the next byte.
        """
        return BitstreamError(f"{self.label} at byte {self.offset if at is None else at}: {message}")

    def take(self, size: int) -> memoryview:
        """Read the next `size` bytes as a read-only view.

        Raises
        ------
        TruncatedStream
            If fewer bytes remain. The cursor does not move.
        ValueError
            If `size` is negative.
        """
        if size < 0:
            raise ValueError(f"size: expected 0 or more bytes, got {size}")
        if size > self.remaining:
            raise TruncatedStream(f"{self.label} at byte {self.offset}: needs {size} bytes, {self.remaining} remain")
        start = self._position
        self._position += size
        return self._data[start : self._position]

    def u8(self) -> int:
        """Read an unsigned integer of 8 bits. `TruncatedStream` if too few bytes remain."""
        return self.take(1)[0]

    def u16(self) -> int:
        """Read a big-endian unsigned integer of 16 bits. `TruncatedStream` if too few bytes remain."""
        return int.from_bytes(self.take(2), "big")

    def u32(self) -> int:
        """Read a big-endian unsigned integer of 32 bits. `TruncatedStream` if too few bytes remain."""
        return int.from_bytes(self.take(4), "big")

    def u64(self) -> int:
        """Read a big-endian unsigned integer of 64 bits. `TruncatedStream` if too few bytes remain."""
        return int.from_bytes(self.take(8), "big")

    def f32(self) -> float:
        """Read a big-endian IEEE-754 binary32, which may be infinite or NaN. `TruncatedStream` as above."""
        value: float = _F32.unpack(self.take(4))[0]
        return value

    def varint(self) -> int:
        """Read an unsigned LEB128 integer below 2**64, in its shortest form.

        Raises
        ------
        TruncatedStream
            If the bytes end before the integer does.
        BitstreamError
            If the integer is not in its shortest form, or reaches 2**64.
        """
        start, value = self.offset, 0
        for index in range(_VARINT_MAX_BYTES):
            byte = self.u8()
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                # One value has one encoding, so that equal contents mean equal bytes.
                if byte == 0 and index > 0:
                    raise self.error(
                        f"expected the shortest form of a varint, found {index + 1} bytes for {value}", start
                    )
                if value >= 1 << 64:
                    break
                return value
        raise self.error("expected a varint below 2**64, found a larger one", start)

    def finish(self) -> None:
        """Check that every byte has been read.

        Raises
        ------
        BitstreamError
            If bytes remain.
        """
        if self.remaining:
            raise self.error(f"expected the end, found {self.remaining} more bytes")


class ByteWriter:
    """Appends big-endian values to a growing buffer: the inverse of `ByteReader`.

    Every method raises ValueError for a value that its field cannot hold, and TypeError for one that is
    not a number.

    Examples
    --------
    >>> writer = ByteWriter()
    >>> writer.u16(258)
    >>> writer.varint(300)
    >>> writer.getvalue().hex()
    '0102ac02'
    """

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def __len__(self) -> int:
        return len(self._buffer)

    def _unsigned(self, value: SupportsIndex, size: int) -> None:
        number = operator.index(value)
        try:
            self._buffer += number.to_bytes(size, "big")
        except OverflowError:
            raise ValueError(f"value: expected 0 to {(1 << 8 * size) - 1}, got {number}") from None

    def u8(self, value: SupportsIndex) -> None:
        """Append an unsigned integer of 8 bits."""
        self._unsigned(value, 1)

    def u16(self, value: SupportsIndex) -> None:
        """Append a big-endian unsigned integer of 16 bits."""
        self._unsigned(value, 2)

    def u32(self, value: SupportsIndex) -> None:
        """Append a big-endian unsigned integer of 32 bits."""
        self._unsigned(value, 4)

    def u64(self, value: SupportsIndex) -> None:
        """Append a big-endian unsigned integer of 64 bits."""
        self._unsigned(value, 8)

    def f32(self, value: float) -> None:
        """Append a big-endian IEEE-754 binary32, rounded to nearest."""
        try:
            self._buffer += _F32.pack(value)
        except OverflowError:
            raise ValueError(f"value: expected a number within binary32's range, got {value}") from None
        except struct.error:
            raise TypeError(f"value: expected a number, got {type(value).__name__}") from None

    def varint(self, value: SupportsIndex) -> None:
        """Append an unsigned LEB128 integer below 2**64."""
        number = operator.index(value)
        if not 0 <= number < 1 << 64:
            raise ValueError(f"value: expected 0 to {(1 << 64) - 1}, got {number}")
        while number >= 0x80:
            self._buffer.append(number & 0x7F | 0x80)
            number >>= 7
        self._buffer.append(number)

    def put(self, data: BytesLike) -> None:
        """Append bytes as they are."""
        self._buffer += as_bytes_view(data)

    def getvalue(self) -> bytes:
        """Copy out all that was written."""
        return bytes(self._buffer)
