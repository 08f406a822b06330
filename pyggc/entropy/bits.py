"""Raw bits in bytes of their own, most significant bit first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyggc._native import _entropy
from pyggc.errors import BitstreamError, TruncatedStream

__all__ = ["pack_bits", "unpack_bits"]

MAX_WIDTH = 64


def _as_widths(widths: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    array = np.asarray(widths)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"widths must hold integers, not {array.dtype}")
    if array.size and (array.min() < 0 or array.max() > MAX_WIDTH):
        raise ValueError(f"widths must lie in [0, {MAX_WIDTH}]")
    return np.ascontiguousarray(array, np.uint8)


def pack_bits(values: npt.ArrayLike, widths: npt.ArrayLike) -> bytes:
    """Concatenate values of given widths, most significant bit first.

    Parameters
    ----------
    values : array_like of int, any shape
        Values in [0, 2^width), taken in C order.
    widths : array_like of int, broadcast against values
        Bits of each value, 0 to 64.

    Returns
    -------
    bytes
        ceil(sum of widths / 8) bytes; the unused low bits of the last are zero.

    Raises
    ------
    ValueError
        If a width is out of range or a value does not fit its width.
    TypeError
        If they are not integers.

    Examples
    --------
    >>> pack_bits([1, 2, 3], [1, 3, 4]).hex()
    'a3'
    """
    numbers = np.asarray(values)
    if numbers.size and numbers.dtype.kind not in "iu":
        raise TypeError(f"values must hold integers, not {numbers.dtype}")
    numbers, bits = np.broadcast_arrays(numbers, _as_widths(widths))
    if numbers.size and numbers.min() < 0:
        raise ValueError("values must not be negative")
    unsigned = numbers.astype(np.uint64).ravel()
    bits = np.ascontiguousarray(bits).ravel()
    # NumPy leaves a shift by 64 undefined; every value fits that width.
    if (unsigned[bits < MAX_WIDTH] >> bits[bits < MAX_WIDTH]).any():
        raise ValueError("values must fit their widths")
    return _entropy.pack_bits(unsigned, bits, (int(bits.sum(dtype=np.int64)) + 7) // 8)


def unpack_bits(
    data: bytes | bytearray | memoryview, widths: npt.ArrayLike, *, section: str = "raw bits"
) -> npt.NDArray[np.uint64]:
    r"""Split what `pack_bits` concatenated.

    Parameters
    ----------
    data : bytes-like
        All bytes of the concatenation.
    widths : array_like of int, any shape
        Bits of each value, 0 to 64.
    section : str
        What to call the data in error messages.

    Returns
    -------
    ndarray of uint64, shape of widths
        The values.

    Raises
    ------
    TruncatedStream
        If there are fewer bytes than the widths need.
    BitstreamError
        If there are more, or the padding is not zero.
    ValueError
        If a width is out of range.
    TypeError
        If the widths are not integers.

    Examples
    --------
    >>> unpack_bits(b"\xa3", [1, 3, 4]).tolist()
    [1, 2, 3]
    """
    view = bytes(data)
    bits = _as_widths(widths)
    total = int(bits.sum(dtype=np.int64))
    needed = (total + 7) // 8
    if len(view) < needed:
        raise TruncatedStream(f"{section} at byte {len(view)}: expected {needed} bytes, found {len(view)}")
    if len(view) > needed:
        raise BitstreamError(f"{section} at byte {needed}: expected the end, found {len(view) - needed} more bytes")
    padding = needed * 8 - total
    if padding and view[-1] & ((1 << padding) - 1):
        raise BitstreamError(f"{section} at byte {needed - 1}: expected {padding} zero bits of padding, found others")
    values = np.zeros(np.shape(widths), np.uint64)
    _entropy.unpack_bits(view, bits.ravel(), values.reshape(-1))
    return values
