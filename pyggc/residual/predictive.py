"""Tiles without loss, predicted: every sample's error from an adaptive prediction, under mixed adaptive models.

For photographs and anything else with noise or gradients; on flat tiles its contexts also learn what repeats nearby.
About 3 decisions a sample, each a mix of six contexts' probabilities; the kernels are in ``_native/_predict.pyx``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from pyggc._native import _predict
from pyggc.cursor import ByteReader, BytesLike, ByteWriter
from pyggc.entropy import RangeDecoder, RangeEncoder, zigzag_decode, zigzag_encode
from pyggc.errors import BitstreamError
from pyggc.residual.samples import Samples, Shape, base_of, check_form, tile_of

__all__ = ["decode_tile", "encode_tile"]

# The first byte: the color transform, and whether the two other parts are there.
_KIND = 0x03
_RANKED = 0x04
_BASED = 0x08

Values = NDArray[np.int64]


def encode_tile(samples: ArrayLike, base: ArrayLike | None = None) -> bytes:
    """Code a tile without loss.

    Parameters
    ----------
    samples : array, ``(H, W)`` or ``(H, W, C)``, uint8 or uint16
        1 to 4 channels, any values.
    base : array of the same shape and type, optional
        An image that the decoder has too: one more predictor.

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
    >>> tile = np.arange(64, dtype=np.uint8).reshape(8, 8)
    >>> bool((decode_tile(encode_tile(tile), (8, 8), "uint8") == tile).all())
    True
    """
    tile = tile_of(samples)
    based = base_of(base, tile)
    counts = np.bincount(tile.reshape(-1))
    values = np.flatnonzero(counts)
    ranked = 2 * len(values) <= len(counts)
    maximum = len(values) - 1 if ranked else len(counts) - 1
    integers = _ranks(tile, values) if ranked else tile.astype(np.uint16, copy=False)
    kind = _predict.choose_kind(integers) if tile.shape[2] >= 3 else 0
    writer = ByteWriter()
    writer.u8(kind | _RANKED * ranked | _BASED * (based is not None))
    if ranked:
        table = _encode_values(values)
        writer.varint(len(table))
        writer.put(table)
    else:
        writer.u16(maximum)
    based_integers = _base(based, values if ranked else None, maximum)
    return writer.getvalue() + _predict.encode(integers, maximum, kind, based_integers)


def decode_tile(
    data: BytesLike, shape: Shape, dtype: DTypeLike, base: ArrayLike | None = None, section: str = "predicted tile"
) -> Samples:
    """Decode a tile of `encode_tile`.

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
    >>> decode_tile(encode_tile(np.full((2, 2), 7, np.uint16)), (2, 2), "uint16").tolist()
    [[7, 7], [7, 7]]
    """
    full, found = check_form(shape, dtype)
    out = np.zeros(full, np.uint16)
    reader = ByteReader(data, section)
    flags = reader.u8()
    kind = flags & _KIND
    if flags & ~(_KIND | _RANKED | _BASED) or (kind and full[2] < 3):
        raise BitstreamError(f"{section} at byte 0: expected flags for {full[2]} channels, found {flags:#04x}")
    based = base_of(base, np.broadcast_to(np.zeros((), found), full)) if flags & _BASED else None
    if flags & _BASED and based is None:
        raise BitstreamError(f"{section} at byte 0: expected a tile without a base image, found one that needs it")
    largest = int(np.iinfo(found).max)
    values = _decode_values(reader.take(reader.varint()), largest, section) if flags & _RANKED else None
    maximum = reader.u16() if values is None else len(values) - 1
    if maximum > largest:
        raise BitstreamError(f"{section} at byte 1: expected samples of at most {largest}, found {maximum}")
    rest = bytes(reader.take(reader.remaining))
    _predict.decode(rest, out, maximum, kind, _base(based, values, maximum), section)
    samples = out if values is None else values[out]
    return samples.astype(found, copy=False).reshape(shape)


def _ranks(tile: Samples, values: Values) -> NDArray[np.uint16]:
    """The number of each sample among the values."""
    ranks = np.zeros(int(values[-1]) + 1, np.uint16)
    ranks[values] = np.arange(len(values), dtype=np.uint16)
    return ranks[tile]


def _base(base: Samples | None, values: Values | None, maximum: int) -> NDArray[np.uint16] | None:
    """A base image in the coder's integers: the rank of the first value that is not smaller."""
    if base is None:
        return None
    integers = base if values is None else np.searchsorted(values, base)
    return np.minimum(integers, maximum).astype(np.uint16)


def _encode_values(values: Values) -> bytes:
    """The used values, by how much each distance differs from the one before."""
    steps = np.diff(np.diff(values, prepend=-1), prepend=1)
    encoder = RangeEncoder()
    encoder.push_exp_golomb([len(values) - 1])
    encoder.push_exp_golomb(zigzag_encode(steps))
    return encoder.finish()


def _decode_values(data: bytes | memoryview, largest: int, section: str) -> Values:
    decoder = RangeDecoder(data, section=f"{section}, values")
    count = int(decoder.pop_exp_golomb(1)[0]) + 1
    if count > largest + 1:
        raise BitstreamError(f"{section}, values: expected at most {largest + 1}, found {count}")
    steps = zigzag_decode(decoder.pop_exp_golomb(count)).astype(np.int64)
    decoder.finish()
    distances = 1 + np.cumsum(steps)  # below 2^49, and their sum is below 2^63 only once they are checked
    if (distances < 1).any() or distances.max() > largest + 1 or int(distances.sum()) > largest + 1:
        raise BitstreamError(f"{section}, values: expected rising values of at most {largest}, found others")
    return np.cumsum(distances) - 1
