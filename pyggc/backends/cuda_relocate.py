"""Relocation on a GPU: the Gaussians that are needed least go where the error is. Nothing here needs CuPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc._native import _fit
from pyggc.backends.cuda_device import Array, blocks
from pyggc.backends.cuda_kernels import KERNELS
from pyggc.backends.fit_protocol import Bounds, Relocation

if TYPE_CHECKING:
    from pyggc.backends.cuda_search import Search

_WARP = 32


class Relocator:
    """The memory and the launches of relocations.

    Parameters
    ----------
    fit : Search
        Whose Gaussians move.
    """

    def __init__(self, fit: Search) -> None:
        device, (images, height, _, stride), count = fit.device, fit.targets.shape, fit.count
        self.fit = fit
        self.cells = _cells(fit.bounds, count)
        self.counts = device.zeros((images, self.cells), np.uint32)
        self.starts = device.empty((images, self.cells + 1), np.uint32)
        self.order = device.empty((images, count), np.uint32)
        self.log_size, self.costs = (device.empty((images, count), np.float32) for _ in range(2))
        self.ranks = device.empty((images, count), np.int32)
        self.weights, self.spread = (device.empty((images, height, stride), np.float32) for _ in range(2))
        self.row_sums = device.empty((images, height), np.float64)
        self.row_starts = device.empty((images, height + 1), np.float64)
        #: The products of the residual and the Gaussians, where the gradient does not have them.
        self.products = fit.gradient if fit.is_plain else device.empty(fit.gradient.shape, np.float32)

    def queue(self, how: Relocation, products: Array) -> None:
        """Write the relocated state to the slot that is on trial."""
        self._rank(products, how.neighbors)
        pixels = self.fit.device.empty((self.fit.images, how.moved), np.int64)
        self._weigh(how.sigma)
        self._draw(how.moved, how.seed, pixels)
        fit, scalars = self.fit, (np.float32(how.scale), np.float32(how.share))
        moved = self.ranks, pixels, np.int32(how.moved), fit.residual
        grid = blocks(fit.count, KERNELS["ggc_fit_relocate"].block // _WARP)
        fit.launch("ggc_fit_relocate", grid, fit.params, *moved, *scalars, fit.natural, fit.direction)

    def _rank(self, products: Array, neighbors: int) -> None:
        """How many Gaussians are needed less than each."""
        fit, grid = self.fit, blocks(self.fit.count, KERNELS["ggc_fit_cells_count"].block)
        fit.launch("ggc_fit_cells_count", grid, fit.params, self.counts, by_channels=False)
        fit.device.launch("ggc_bin_scan", (1, fit.images), (self.counts, self.starts, np.int32(self.cells)))
        cells = self.starts, self.order, self.log_size
        fit.launch("ggc_fit_cells_fill", grid, fit.params, self.counts, *cells, by_channels=False)
        arguments = fit.params, products, *cells, np.int32(neighbors), self.costs
        grid = blocks(fit.count, KERNELS["ggc_fit_removal"].block)
        fit.launch("ggc_fit_removal", grid, *arguments, by_channels=False)
        rank_blocks = blocks(fit.count, KERNELS["ggc_fit_rank"].block)
        fit.device.launch("ggc_fit_rank", (rank_blocks, fit.images), (fit.problem, self.costs, self.ranks))

    def _weigh(self, sigma: float) -> None:
        """The squared error, blurred."""
        self._per_pixel("ggc_fit_energy", self.fit.residual, self.weights)
        self._per_pixel("ggc_fit_blur", self.weights, self.spread, np.float64(sigma), np.int32(0))
        self._per_pixel("ggc_fit_blur", self.spread, self.weights, np.float64(sigma), np.int32(1))

    def _draw(self, count: int, seed: int, pixels: Array) -> None:
        """Distinct pixels in proportion to the weights."""
        fit, height = self.fit, self.fit.targets.shape[1]
        launch, images = fit.device.launch, fit.images
        launch("ggc_fit_row_sums", (height, images), (fit.problem, self.weights, self.row_sums))
        launch("ggc_fit_row_starts", (1, images), (fit.problem, self.row_sums, self.row_starts))
        drawn = np.int32(count), np.int64(seed), pixels
        grid = blocks(count, KERNELS["ggc_fit_pick"].block // _WARP), images
        launch("ggc_fit_pick", grid, (fit.problem, self.weights, self.row_starts, *drawn))
        launch("ggc_fit_distinct", (1, images), (fit.problem, np.int32(count), pixels))

    def _per_pixel(self, name: str, *args: Any) -> None:
        grid = blocks(self.fit.width * self.fit.targets.shape[1], KERNELS[name].block), self.fit.images
        self.fit.device.launch(name, grid, (self.fit.problem, *args))


def _cells(bounds: Bounds, count: int) -> int:
    """The number of cells that `ggc_cells_of` makes."""
    across, down = _fit.grid(bounds.width, bounds.height, count)
    return across * down
