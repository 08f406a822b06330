"""Relocation on a GPU: the Gaussians that are needed least go where the error is. Nothing here needs CuPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyggc._native import _fit
from pyggc.backends.cuda_device import Array, blocks
from pyggc.backends.cuda_draw import Drawing
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
        device, images, count = fit.device, fit.images, fit.count
        self.fit = fit
        self.cells = _cells(fit.bounds, count)
        self.counts = device.zeros((images, self.cells), np.uint32)
        self.starts = device.empty((images, self.cells + 1), np.uint32)
        self.order = device.empty((images, count), np.uint32)
        self.log_size, self.costs = (device.empty((images, count), np.float32) for _ in range(2))
        self.ranks = device.empty((images, count), np.int32)
        self.drawing = Drawing(device, fit.problem, fit.targets.shape, fit.width)
        #: The products of the residual and the Gaussians, where the gradient does not have them.
        self.products = fit.gradient if fit.is_plain else device.empty(fit.gradient.shape, np.float32)

    def queue(self, how: Relocation, products: Array) -> None:
        """Write the relocated state to the slot that is on trial."""
        self._rank(products, how.neighbors)
        self.drawing.energy(self.fit.residual)
        self.drawing.blur(how.sigma)
        pixels = self.drawing.draw(how.moved, how.seed)
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


def _cells(bounds: Bounds, count: int) -> int:
    """The number of cells that `ggc_cells_of` makes."""
    across, down = _fit.grid(bounds.width, bounds.height, count)
    return across * down
