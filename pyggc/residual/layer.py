"""The residual layer of a file: tiles, each by itself, over what the Gaussians make of the image."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc.cursor import ByteReader, ByteWriter
from pyggc.pixels import converted
from pyggc.residual.lossless import decode_lossless_tile, encode_lossless_tile
from pyggc.residual.plan import LossyPlan
from pyggc.residual.tiles import Grid, Tile
from pyggc.residual.transform import Base, Coded, Samples, decode_tiles, encode_tile

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from numpy.typing import NDArray

    from pyggc.cursor import BytesLike

    Region = tuple[int, int, int, int]


@dataclass(frozen=True)
class Layer:
    """A residual layer that is written.

    Attributes
    ----------
    data : bytes
        Of its section.
    decoded : ndarray, shape (H, W, C)
        What a decoder makes of it.
    squared_error : float
        The sum over all samples, in squares of their unit.
    step : int
        Of the plan; 0 for lossless.
    """

    data: bytes
    decoded: Samples
    squared_error: float
    step: int


def write_layer(
    samples: Samples,
    base: Base,
    plan: LossyPlan | None,
    side: int,
    *,
    thorough: bool = False,
    threads: int | None = None,
) -> Layer:
    """Code what a base leaves of an image.

    Parameters
    ----------
    samples : ndarray of uint8 or uint16, shape (H, W, C)
        The image; 1 to 4 channels.
    base : ndarray of uint16, the same shape
        What the Gaussians make of it.
    plan : LossyPlan or None
        None for lossless.
    side : int
        Of tiles in pixels: a multiple of 32 up to 1024.
    thorough : bool
        Try more for fewer bytes, in twice the time.
    threads : int, optional
        The most to use; by default as many as there are processors.

    Returns
    -------
    Layer
    """
    channels = samples.shape[2]
    steps = None if plan is None else plan.steps(channels)

    def write(tile: Tile) -> Coded:
        part, below = samples[tile.place], base[tile.place]
        if steps is None:
            return encode_lossless_tile(part, converted(below, part.dtype)), part, 0.0
        return encode_tile(part, below, steps, thorough=thorough)

    grid = Grid(samples.shape[1], samples.shape[0], side)
    writer = ByteWriter()
    if plan is not None:
        plan.write(writer)
    decoded, parts, errors = np.empty_like(samples), [], []
    for tile, (data, part, error) in zip(grid, _in_order(write, list(grid), threads), strict=True):
        decoded[tile.place] = part
        parts.append(data)
        errors.append(error)
        writer.varint(len(data))
    return Layer(b"".join((writer.getvalue(), *parts)), decoded, math.fsum(errors), 0 if plan is None else plan.step)


class LayerReader:
    """A residual layer that is read, of which any region can be decoded.

    Parameters
    ----------
    data : bytes-like
        Of the section.
    offset : int
        Where it lies in the file.
    size : (int, int)
        Width and height of the image.
    channels : int
        1 to 4.
    side : int
        Of tiles.
    lossless : bool

    Raises
    ------
    BitstreamError
        If it does not begin with a plan and the sizes of all tiles.
    """

    def __init__(
        self, data: BytesLike, offset: int, size: tuple[int, int], channels: int, side: int, *, lossless: bool
    ) -> None:
        reader = ByteReader(data, "section RESI", offset)
        self._grid = Grid(*size, side)
        self._steps = None if lossless else LossyPlan.read(reader).steps(channels)
        # A tile has a byte at least, so there are no more than there are bytes.
        if len(self._grid) > reader.remaining:
            raise reader.error(f"expected {len(self._grid)} tiles, found {reader.remaining} bytes")
        lengths = [reader.varint() for _ in range(len(self._grid))]
        self._tiles: list[tuple[int, memoryview]] = []
        for length in lengths:
            at = reader.offset
            self._tiles.append((at, reader.take(length)))
        reader.finish()

    def span(self, region: Region) -> Region:
        """Return the left, top, width and height of all tiles that have pixels in a region."""
        tiles = list(self._grid.within(region))
        left, top = tiles[0].left, tiles[0].top
        return left, top, tiles[-1].left + tiles[-1].width - left, tiles[-1].top + tiles[-1].height - top

    def decode(self, base: Base, region: Region, dtype: np.dtype[Any], threads: int | None = None) -> NDArray[Any]:
        """Decode the tiles of a region.

        Parameters
        ----------
        base : ndarray of uint16, shape (H, W, C)
            What the Gaussians make of `region`.
        region : (int, int, int, int)
            As `span` returns it.
        dtype : dtype
            uint8 or uint16: that of the image.
        threads : int, optional
            The most to use.

        Returns
        -------
        ndarray, shape (H, W, C)

        Raises
        ------
        BitstreamError
            If a tile is malformed.
        """
        left, top, width, height = region
        out = np.empty((height, width, base.shape[2]), dtype)
        tiles = []
        for tile in self._grid.within(region):
            y, x = tile.top - top, tile.left - left
            place = slice(y, y + tile.height), slice(x, x + tile.width)
            offset, data = self._tiles[tile.number]
            tiles.append((data, base[place], out[place], f"section RESI at byte {offset}: tile {tile.number}"))
        if self._steps is not None:
            decode_tiles(tiles, self._steps, threads)
            return out

        def read(tile: tuple[memoryview, Base, Samples, str]) -> None:
            data, below, place, where = tile
            below = converted(below, dtype)
            place[:] = decode_lossless_tile(data, below.shape, dtype, below, where)

        for _ in _in_order(read, tiles, threads):
            pass
        return out


def _in_order(work: Callable[[Any], Any], tiles: Collection[Any], threads: int | None) -> Iterable[Any]:
    """Results in the tiles' order; several at a time."""
    if len(tiles) == 1 or threads == 1:
        return map(work, tiles)
    with ThreadPoolExecutor(threads) as pool:
        # All are begun; the first error ends those that have not begun.
        try:
            return list(pool.map(work, tiles))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
