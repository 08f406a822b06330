"""Tiles without loss: the smaller of what the coders make of one."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from pyggc.cursor import ByteReader, BytesLike
from pyggc.errors import BitstreamError
from pyggc.pixels import converted
from pyggc.residual import packed, predictive, transform
from pyggc.residual.samples import Samples, Shape, base_of, check_form, tile_of

__all__ = ["decode_lossless_tile", "encode_lossless_tile"]

# The first byte.
_PREDICTIVE, _PACKED, _TRANSFORM = 0, 1, 2

# LZMA takes ten times as long as the predictive coder, and has no chance where there is noise. It is tried where few
# bits are left, or where some of the rows, packed by its faster relative, come close.
_FEW_BITS_A_SAMPLE = 0.3
_PROBED_ROWS = 4  # one part of so many
_CLOSE = 1.25

# Rows and columns in the middle of a tile by which it is decided whether to predict from the base.
_TRIED_SIDE = 128


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
    below = base_of(base, tile)
    predicted = predictive.encode_tile(tile, below if below is not None and _helps(below, tile) else None)
    best = bytes([_PREDICTIVE]) + predicted
    if below is not None:
        coded, _, _ = transform.encode_exact_tile(tile, converted(below, np.uint16))
        best = min(best, bytes([_TRANSFORM]) + coded, key=len)
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
    if mode == _TRANSFORM:
        form, kind = check_form(shape, dtype)
        tile = np.empty(form, kind)
        below = base_of(base, tile)
        if below is None:
            raise BitstreamError(f"{section} at byte 0: expected a mode that needs no base, found {mode}")
        transform.decode_tiles([(rest, converted(below, np.uint16), tile, section)], None)
        return tile.reshape(shape)
    raise BitstreamError(f"{section} at byte 0: expected a mode from 0 to 2, found {mode}")


def _helps(base: Samples, tile: Samples) -> bool:
    """Whether prediction from the base pays, by the middle of the tile: it is noise where samples repeat exactly."""
    top, left = (max(0, (side - _TRIED_SIDE) // 2) for side in tile.shape[:2])
    middle = np.s_[top : top + _TRIED_SIDE, left : left + _TRIED_SIDE]
    part, below = tile[middle], base[middle]
    return len(predictive.encode_tile(part, below)) < len(predictive.encode_tile(part))


def _may_repeat(tile: Samples, size: int) -> bool:
    """Whether the packed mode has a chance against `size` bytes."""
    if 8 * size < _FEW_BITS_A_SAMPLE * tile.size:
        return True
    rows = -(-len(tile) // _PROBED_ROWS)
    start = (len(tile) - rows) // 2
    some = tile[start : start + rows]
    # Rows of two bytes a sample mean nothing to zlib before they are filtered.
    probe = len(zlib.compress(some.tobytes(), 1)) / _CLOSE if tile.itemsize == 1 else len(packed.encode_tile(some))
    return probe * len(tile) < size * rows
