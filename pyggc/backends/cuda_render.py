"""The exact renderer on a GPU: which kernels, over how many blocks, with what memory. Nothing here needs CuPy.

No step waits for the device, so that a rendering can be recorded: the size of the bins' list is chosen beforehand, and
a tile whose bin does not fit looks at all Gaussians instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pyggc._native import _quantize, _render
from pyggc.backends.cuda_device import Array, Device
from pyggc.backends.cuda_kernels import KERNELS, MAX_CHANNELS, TILE_HEIGHT, TILE_WIDTH
from pyggc.backends.fit_protocol import Params

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

_SAMPLE_TYPES = _render.sample_types()

# Entries of the bins' list: so many a Gaussian, and no fewer than that (1 MB). 2^30 is what the sums stop at.
_ENTRIES = 16
_ENTRIES_MIN = 2**18
_ENTRIES_MAX = 2**30 - 1

# Levels of a row beside the colors: two scales, the shear, two of the position.
_SHAPE_LEVELS = 5

#: Blocks of a launch in its first dimension.
_MAX_BLOCKS = 2**31 - 1


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
    columns, rows = -(-width // tile_width), -(-height // tile_height)
    return Tiling(x * k, y * k, (x + width) * k, (y + height) * k, tile_width * k, tile_height * k, columns, rows)


class Renderer:
    """Renders Gaussians of one number into one image, again and again, with memory of its own.

    Parameters
    ----------
    device : Device
    means, cholesky, colors : arrays of float32, shapes (N, 2), (N, 3), (N, C)
        The device's; they may change between renderings.
    out : array of uint8, uint16, float32 or int32, shape (height, width, C)
        Where the image is written.
    x, y, supersample, clip
        As for `pyggc.backends.protocol.Backend.rasterize`.
    capacity : int, optional
        Entries of the bins' list, four bytes each; by default 16 a Gaussian.

    Raises
    ------
    ValueError
        If the arrays do not fit together, or their types or layout are others.

    Examples
    --------
    On a machine with a GPU, thousands of frames a second::

        backend = get_backend("cuda")
        arrays = [backend.upload(array) for array in (means, cholesky, colors)]
        frame = backend.device.record(Renderer(backend.device, *arrays, backend.empty((512, 768, 3), np.uint8)).queue)
        frame()
    """

    def __init__(
        self,
        device: Device,
        means: Array,
        cholesky: Array,
        colors: Array,
        out: Array,
        *,
        x: int = 0,
        y: int = 0,
        supersample: int = 1,
        clip: bool = True,
        capacity: int | None = None,
    ) -> None:
        _check_gaussians(means, cholesky, colors)
        _check_image(out, colors.shape[1])
        height, width, self._channels = out.shape
        self._device = device
        self._arrays = means, cholesky, colors
        tiles = tiling_of(x, y, width, height, supersample)
        self._tiles = tiles.columns * tiles.rows
        if self._tiles > _MAX_BLOCKS:
            raise ValueError(f"out has {self._tiles} tiles, more than a GPU can count: render it in parts")
        count = np.int32(len(means))
        entries = min(max(_ENTRIES * len(means), _ENTRIES_MIN) if capacity is None else capacity, _ENTRIES_MAX)
        self._counts = device.empty(self._tiles, np.uint32)
        starts, listed = device.empty(self._tiles + 1, np.uint32), device.empty(entries, np.uint32)
        bins = starts, listed, np.uint32(entries)
        shapes = means, cholesky, count, *map(np.int32, tiles[:7]), self._counts
        frame = tiles.x0, tiles.y0, width, height, supersample, tiles.columns, _SAMPLE_TYPES[out.dtype.name], clip
        warps = KERNELS["ggc_bin_count"].by_warp(len(means))
        self._launches: tuple[tuple[str, int, tuple[Any, ...]], ...] = (
            ("ggc_bin_count", warps, shapes),
            ("ggc_bin_scan", 1, (self._counts, starts, np.int32(self._tiles))),
            ("ggc_bin_fill", warps, (*shapes, *bins)),
            ("ggc_render_forward", self._tiles, (means, cholesky, colors, count, *bins, *map(np.int32, frame), out)),
        )

    def queue(self) -> None:
        """Queue one rendering."""
        if not self._tiles:
            return
        self._device.clear(self._counts)
        for name, grid, args in self._launches:
            self._device.launch(name, grid, args, self._channels if KERNELS[name].by_channels else 0)


def render_work(device: Device, means: Array, cholesky: Array, *, x: int, y: int, width: int, height: int) -> int:
    """Return an upper bound of the covered pixels; see `pyggc.backends.protocol.Backend.render_work`."""
    _check_gaussians(means, cholesky)
    total = device.zeros(1, np.float64)
    region = map(np.int32, (x, y, x + width, y + height))
    grid = KERNELS["ggc_render_work"].by_thread(len(means))
    device.launch("ggc_render_work", grid, (means, cholesky, np.int32(len(means)), *region, total))
    return int(device.download(total)[0])


def dequantize(device: Device, plan: _quantize.Plan, levels: Array) -> Params:
    """Return the Gaussians of valid levels; see `pyggc.backends.protocol.Backend.dequantize`."""
    count, channels = len(levels), plan.channels
    _check("levels", levels, np.int32, (count, channels + _SHAPE_LEVELS))
    params = Params(*(device.empty((count, columns), np.float32) for columns in (2, 3, channels)))
    structure = device.upload(np.frombuffer(plan.to_bytes(), np.uint8))
    grid = KERNELS["ggc_compact_dequantize"].by_thread(count)
    device.launch("ggc_compact_dequantize", grid, (structure, levels, np.int32(count), *params))
    return params


def _check_gaussians(means: Array, cholesky: Array, colors: Array | None = None) -> None:
    count = len(means)
    _check("means", means, np.float32, (count, 2))
    _check("cholesky", cholesky, np.float32, (count, 3))
    if colors is not None:
        channels = colors.shape[-1]
        if not 1 <= channels <= MAX_CHANNELS:
            raise ValueError(f"colors must have 1 to {MAX_CHANNELS} channels, not {channels}")
        _check("colors", colors, np.float32, (count, channels))


def _check_image(out: Array, channels: int) -> None:
    if out.dtype.name not in _SAMPLE_TYPES:
        raise ValueError(f"out must be of {', '.join(_SAMPLE_TYPES)}, not {out.dtype}")
    _check("out", out, out.dtype, (*out.shape[:2], channels))


def _check(name: str, array: Array, dtype: DTypeLike, shape: tuple[int, ...]) -> None:
    """Kernels read what they are given: another type or layout would be nonsense, or another's memory."""
    if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
        wanted = f"{name} must be C-contiguous, of {np.dtype(dtype)} and shape {shape}"
        raise ValueError(f"{wanted}, not of {array.dtype} and {array.shape}")
