"""The exact renderer on a GPU: which kernels, over how many blocks, with what memory. Nothing here needs CuPy.

No step waits for the device, so that a rendering can be captured as a CUDA graph: the size of the bins' list is chosen
beforehand, and a tile whose bin does not fit looks at all Gaussians instead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pyggc._native import _render
from pyggc.backends.cuda_device import Array, Device, blocks
from pyggc.backends.cuda_kernels import KERNELS, TILE_HEIGHT, TILE_WIDTH

_SAMPLE_TYPES = _render.sample_types()
_WARP = 32

# Entries of the bins' list: so many a Gaussian, and no fewer than that (1 MB). 2^30 is what the sums stop at.
_ENTRIES = 16
_ENTRIES_MIN = 2**18
_ENTRIES_MAX = 2**30


class Tiling(NamedTuple):
    """The region's pixels that are evaluated, and its tiles: `columns` in each of `rows`."""

    x0: int
    y0: int
    x1: int
    y1: int
    tile_width: int
    tile_height: int
    columns: int
    rows: int


def tiling_of(x: int, y: int, width: int, height: int, supersample: int) -> Tiling:
    """Return the tiles of a region given in output pixels, each of as many whole ones as fit."""
    k = supersample
    tile_width, tile_height = TILE_WIDTH // k, TILE_HEIGHT // k
    return Tiling(
        x * k,
        y * k,
        (x + width) * k,
        (y + height) * k,
        tile_width * k,
        tile_height * k,
        -(-width // tile_width),
        -(-height // tile_height),
    )


def list_capacity(count: int) -> int:
    """Return how many entries the bins' list has for so many Gaussians."""
    return min(max(_ENTRIES * count, _ENTRIES_MIN), _ENTRIES_MAX)


def rasterize(
    device: Device,
    means: Array,
    cholesky: Array,
    colors: Array,
    out: Array,
    *,
    x: int,
    y: int,
    supersample: int,
    clip: bool,
    capacity: int | None = None,
) -> None:
    """Queue a rendering; see `pyggc.backends.protocol.Backend.rasterize`.

    Parameters
    ----------
    device : Device
    means, cholesky, colors, out : arrays of the device
    x, y, supersample, clip
        As for the backend.
    capacity : int, optional
        Entries of the bins' list; by default what `list_capacity` says.
    """
    height, width, channels = out.shape
    count = len(means)
    if out.size == 0:
        return
    tiles = tiling_of(x, y, width, height, supersample)
    total = tiles.columns * tiles.rows
    capacity = list_capacity(count) if capacity is None else capacity
    counts, starts = device.zeros(total, np.uint32), device.empty(total + 1, np.uint32)
    entries = device.empty(capacity, np.uint32)
    where = tuple(np.int32(value) for value in tiles[:7])
    warps = blocks(count, KERNELS["ggc_bin_count"].block // _WARP)
    device.launch("ggc_bin_count", warps, (means, cholesky, np.int32(count), *where, counts))
    device.launch("ggc_bin_scan", 1, (counts, starts, np.int32(total)))
    bins = starts, entries, np.uint32(capacity)
    device.launch("ggc_bin_fill", warps, (means, cholesky, np.int32(count), *where, counts, *bins))
    place = (tiles.x0, tiles.y0, width, height, supersample, tiles.columns, _SAMPLE_TYPES[out.dtype.name], clip)
    gaussians = means, cholesky, colors, np.int32(count)
    device.launch("ggc_render_forward", total, (*gaussians, *bins, *map(np.int32, place), out), channels)


def render_work(device: Device, means: Array, cholesky: Array, *, x: int, y: int, width: int, height: int) -> int:
    """Return an upper bound of the covered pixels; see `pyggc.backends.protocol.Backend.render_work`."""
    total = device.zeros(1, np.float64)
    count = len(means)
    region = map(np.int32, (x, y, x + width, y + height))
    grid = blocks(count, KERNELS["ggc_render_work"].block)
    device.launch("ggc_render_work", grid, (means, cholesky, np.int32(count), *region, total))
    return int(device.download(total)[0])
