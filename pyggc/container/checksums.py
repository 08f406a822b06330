"""CRC-32 (the polynomial of zlib, PNG and Ethernet) of the file's parts and of the original image."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

from pyggc.cursor import BytesLike
from pyggc.errors import ChecksumMismatch

# Strips of about this many bytes bound the copy that a strided or a big-endian image needs.
_STRIP_BYTES = 1 << 20

_SAMPLE_TYPES = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32))


def check_crc32(data: BytesLike, expected: int, label: str, start: int = 0) -> None:
    """Compare the CRC-32 of `data` with the stored one.

    Parameters
    ----------
    data : bytes-like
        The bytes that the checksum covers.
    expected : int
        The stored checksum.
    label : str
        The section and the byte where it is stored, for example ``"footer at byte 900"``.
    start : int
        The checksum of what comes before `data`.

    Raises
    ------
    ChecksumMismatch
        If they differ.
    """
    found = zlib.crc32(data, start)
    if found != expected:
        raise ChecksumMismatch(f"{label}: expected CRC-32 {expected:08x} as stored, found {found:08x} in the bytes")


def image_hash(image: npt.NDArray[np.generic]) -> int:
    """Compute the hash that the metadata keeps of the original image.

    It is the CRC-32 of the samples in row-major order, each in little-endian byte order, so it depends
    neither on the machine nor on the array's memory layout. It tells images apart by accident, not by
    intent: it is no cryptographic hash.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, C), dtype uint8, uint16 or float32
        The samples. (H, W) and (H, W, 1) give the same hash.

    Returns
    -------
    int
        0 to 2**32 - 1.

    Raises
    ------
    TypeError
        If the dtype is another.
    ValueError
        If the array has neither two nor three dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> hex(image_hash(np.arange(6, dtype=np.uint8).reshape(2, 3)))
    '0x30ebcf4a'
    """
    image = np.asarray(image)
    if image.dtype.newbyteorder("=") not in _SAMPLE_TYPES:
        raise TypeError(f"image: expected dtype uint8, uint16 or float32, got {image.dtype}")
    if image.ndim not in (2, 3):
        raise ValueError(f"image: expected shape (H, W) or (H, W, C), got {image.shape}")
    little_endian = image.dtype.newbyteorder("<")
    rows = max(1, _STRIP_BYTES // max(1, image[:1].nbytes))
    crc = 0
    for top in range(0, len(image), rows):
        crc = zlib.crc32(np.ascontiguousarray(image[top : top + rows], dtype=little_endian).data, crc)
    return crc
