"""Tiles without loss: the smaller of what the coders make of one."""

from __future__ import annotations

import zlib

from numpy.typing import ArrayLike, DTypeLike

from pyggc.cursor import ByteReader, BytesLike
from pyggc.errors import BitstreamError
from pyggc.residual import packed, predictive
from pyggc.residual.tiles import Samples, Shape, tile_of

__all__ = ["decode_lossless_tile", "encode_lossless_tile"]

# The first byte.
_PREDICTIVE, _PACKED = 0, 1

# LZMA takes ten times as long as the predictive coder, and has no chance where there is noise. It is tried where few
# bits are left, or where some of the rows, packed by its faster relative, come close.
_FEW_BITS_A_SAMPLE = 0.3
_PROBED_ROWS = 4  # one part of so many
_CLOSE = 1.25


def encode_lossless_tile(samples: ArrayLike, base: ArrayLike | None = None) -> bytes:
    """Code a tile without loss, in the mode that takes fewer bytes.

    Parameters
    ----------
    samples : array, ``(H, W)`` or ``(H, W, C)``, uint8 or uint16
        1 to 4 channels, any values.
    base : array of the same shape and type, optional
        An image that the decoder has too: the predictive mode's additional predictor.

    Returns
    -------
    bytes
        The tile, without its shape and type.

    Raises
    ------
    ValueError
        If an argument is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> tile = np.arange(64, dtype=np.uint8).reshape(8, 8)
    >>> bool((decode_lossless_tile(encode_lossless_tile(tile), (8, 8), "uint8") == tile).all())
    True
    """
    tile = tile_of(samples)
    best = bytes([_PREDICTIVE]) + predictive.encode_tile(tile, base)
    if _may_repeat(tile, len(best)):
        best = min(best, bytes([_PACKED]) + packed.encode_tile(tile), key=len)
    return best


def decode_lossless_tile(
    data: BytesLike, shape: Shape, dtype: DTypeLike, base: ArrayLike | None = None, section: str = "lossless tile"
) -> Samples:
    """Decode a tile of `encode_lossless_tile`.

    Parameters
    ----------
    data : bytes-like
        All of the tile and no more.
    shape : tuple of int
        ``(H, W)`` or ``(H, W, C)``. The caller limits it: memory and time depend on it alone.
    dtype : dtype-like
        uint8 or uint16.
    base : array of that shape and type, optional
        The one that the encoder had.
    section : str
        What errors call the tile.

    Returns
    -------
    array of `shape` and `dtype`

    Raises
    ------
    BitstreamError
        If the bytes are no tile of that shape and type: `TruncatedStream` if they end early.
    ValueError
        If an argument is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> decode_lossless_tile(encode_lossless_tile(np.full((2, 2), 7, np.uint16)), (2, 2), "uint16").tolist()
    [[7, 7], [7, 7]]
    """
    reader = ByteReader(data, section)
    mode = reader.u8()
    rest = reader.take(reader.remaining)
    if mode == _PREDICTIVE:
        return predictive.decode_tile(rest, shape, dtype, base, section)
    if mode == _PACKED:
        return packed.decode_tile(rest, shape, dtype, section)
    raise BitstreamError(f"{section} at byte 0: expected a mode of 0 or 1, found {mode}")


def _may_repeat(tile: Samples, size: int) -> bool:
    """Whether the packed mode has a chance against `size` bytes."""
    if 8 * size < _FEW_BITS_A_SAMPLE * tile.size:
        return True
    rows = -(-len(tile) // _PROBED_ROWS)
    start = (len(tile) - rows) // 2
    probe = zlib.compress(tile[start : start + rows].tobytes(), 1)
    return len(probe) * len(tile) < _CLOSE * size * rows
