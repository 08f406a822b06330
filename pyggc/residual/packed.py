"""Tiles without loss, packed: filtered rows through LZMA, for what repeats further away than contexts see.

Screenshots and line art: a filter turns samples to differences, which running sums undo, and colors of which there are
few become numbers of a palette first.
"""

from __future__ import annotations

import lzma
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from pyggc.cursor import ByteReader, BytesLike
from pyggc.errors import BitstreamError, TruncatedStream
from pyggc.residual.samples import Samples, Shape, check_form, tile_of

__all__ = ["decode_tile", "encode_tile"]

# The first byte: which axes are filtered, and whether there is a palette.
_FILTERED_ACROSS = 0x01
_FILTERED_DOWN = 0x02
_FILTERS = _FILTERED_ACROSS | _FILTERED_DOWN
_PALETTE = 0x04

_MAX_PALETTE = 256
_MIN_DICTIONARY, _MAX_DICTIONARY = 1 << 12, 1 << 26


def encode_tile(samples: ArrayLike) -> bytes:
    """Code a tile without loss, trying the filters.

    Parameters
    ----------
    samples : array, ``(H, W)`` or ``(H, W, C)``, uint8 or uint16
        1 to 4 channels, any values.

    Returns
    -------
    bytes
        The tile, without its shape and type.

    Raises
    ------
    ValueError
        If the argument is none of these.

    Examples
    --------
    >>> tile = np.tile(np.eye(8, dtype=np.uint8), (8, 8))
    >>> bool((decode_tile(encode_tile(tile), (64, 64), "uint8") == tile).all())
    True
    """
    tile = tile_of(samples)
    numbered = _numbers(tile)
    candidates = [] if numbered is None else [_pack(numbered[1], 0, numbered[0])]
    # A palette's numbers tell no distance, so nothing is gained by their differences.
    filters = (0, _FILTERS) if numbered is None else ()
    candidates += [_pack(tile, across_down, None) for across_down in filters]
    return min(candidates, key=len)


def decode_tile(data: BytesLike, shape: Shape, dtype: DTypeLike, section: str = "packed tile") -> Samples:
    """Decode a tile of `encode_tile`.

    Parameters
    ----------
    data : bytes-like
        All of the tile and no more.
    shape : tuple of int
        ``(H, W)`` or ``(H, W, C)``. The caller limits it: memory and time depend on it alone.
    dtype : dtype-like
        uint8 or uint16.
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
    >>> decode_tile(encode_tile(np.full((2, 2), 7, np.uint16)), (2, 2), "uint16").tolist()
    [[7, 7], [7, 7]]
    """
    full, found = check_form(shape, dtype)
    reader = ByteReader(data, section)
    flags = reader.u8()
    if flags & ~(_FILTERS | _PALETTE):
        raise BitstreamError(f"{section} at byte 0: expected flags below 8, found {flags}")
    colors = None
    if flags & _PALETTE:
        size = reader.u8() + 1
        raw = reader.take(size * full[2] * found.itemsize)
        colors = np.frombuffer(raw, found.newbyteorder(">")).astype(found).reshape(size, full[2])
    stored, kept = ((*full[:2], 1), np.dtype(np.uint8)) if colors is not None else (full, found)
    raw_size = int(np.prod(stored, dtype=np.int64)) * kept.itemsize
    plain = _inflate(bytes(reader.take(reader.remaining)), raw_size, _lzma_filters(stored[2], kept, raw_size), section)
    differences = np.frombuffer(plain, kept.newbyteorder(">")).astype(kept).reshape(stored)
    tile = _unfilter(differences, flags & _FILTERS)
    if colors is None:
        return tile.reshape(shape)
    numbers = tile[..., 0]
    if numbers.max() >= len(colors):
        raise BitstreamError(f"{section}: expected numbers of {len(colors)} colors, found {numbers.max()}")
    return colors[numbers].reshape(shape)


def _pack(tile: Samples, filters: int, colors: Samples | None) -> bytes:
    head = bytes([filters | _PALETTE * (colors is not None)])
    if colors is not None:
        head += bytes([len(colors) - 1]) + colors.astype(colors.dtype.newbyteorder(">")).tobytes()
    plain = _filter(tile, filters).astype(tile.dtype.newbyteorder(">")).tobytes()
    settings = _lzma_filters(tile.shape[2], tile.dtype, len(plain))
    return head + lzma.compress(plain, format=lzma.FORMAT_RAW, filters=settings)


def _lzma_filters(channels: int, dtype: np.dtype[Any], size: int) -> list[dict[str, int]]:
    """LZMA2 whose contexts know which byte of a pixel it is, where that is a power of two."""
    stride = channels * dtype.itemsize
    position = {1: 0, 2: 1, 4: 2, 8: 3}.get(stride, 0)
    dictionary = min(max(size, _MIN_DICTIONARY), _MAX_DICTIONARY)
    literal = min(position, 2)
    return [
        {
            "id": lzma.FILTER_LZMA2,
            "preset": 6,
            "dict_size": dictionary,
            "lc": min(3, 4 - literal),
            "lp": literal,
            "pb": position,
        }
    ]


def _inflate(data: bytes, size: int, settings: list[dict[str, int]], section: str) -> bytes:
    """Exactly `size` bytes; neither more memory nor more output than that, whatever the stream says."""
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=settings)
    try:
        plain = decoder.decompress(data, size)
        while len(plain) < size and not decoder.eof and not decoder.needs_input:
            more = decoder.decompress(b"", size - len(plain))
            if not more:
                break
            plain += more
        if len(plain) == size and not decoder.eof:
            plain += decoder.decompress(b"", 1)
    except (lzma.LZMAError, EOFError) as error:
        raise BitstreamError(f"{section}: expected an LZMA2 stream, found something else: {error}") from None
    if not decoder.eof and len(plain) <= size:
        raise TruncatedStream(f"{section}: expected {size} bytes of samples and an end, found {len(plain)} and none")
    if len(plain) != size or decoder.unused_data:
        raise BitstreamError(
            f"{section}: expected {size} bytes of samples, found {len(plain)} or more bytes after them"
        )
    return plain


def _filter(tile: Samples, filters: int) -> Samples:
    """Differences to the left and above, modulo the range of the type."""
    for flag, axis in ((_FILTERED_ACROSS, 1), (_FILTERED_DOWN, 0)):
        if filters & flag:
            tile = np.diff(tile, axis=axis, prepend=tile.dtype.type(0))
    return tile


def _unfilter(differences: Samples, filters: int) -> Samples:
    for flag, axis in ((_FILTERED_ACROSS, 1), (_FILTERED_DOWN, 0)):
        if filters & flag:
            differences = np.cumsum(differences, axis=axis, dtype=differences.dtype)
    return differences


def _numbers(tile: Samples) -> tuple[Samples, NDArray[np.uint8]] | None:
    """The colors of a tile, in order, and the number of each pixel's; None where there are too many."""
    height, width, channels = tile.shape
    if channels == 1 and tile.dtype == np.uint8:
        return None  # these are numbers already
    key = np.zeros((height, width), np.uint64)
    for channel in range(channels):
        key = key << np.uint64(16) | tile[..., channel]
    keys, first, numbers = np.unique(key, return_index=True, return_inverse=True)
    if len(keys) > _MAX_PALETTE:
        return None
    return tile.reshape(-1, channels)[first], numbers.reshape(height, width, 1).astype(np.uint8)
