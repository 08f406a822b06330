"""Relocation on a GPU: the Gaussians that are needed least go where the error is. Nothing here needs CuPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc._native import _fit
from pyggc.backends.cuda_device import Array
from pyggc.backends.cuda_draw import Drawing
from pyggc.backends.cuda_kernels import KERNELS
from pyggc.backends.fit_protocol import Bounds, Relocation

if TYPE_CHECKING:
    from pyggc.backends.cuda_search import Search


class Relocator:
    """The memory and the launches of relocations.

    Parameters
    ----------
    search : Search
        Whose Gaussians move.
    """

    def __init__(self, search: Search) -> None:
        device, images, count = search.device, search.images, search.count
        self.cells = _cells(search.bounds, count)
        self.counts = device.zeros((images, self.cells), np.uint32)
        self.starts = device.empty((images, self.cells + 1), np.uint32)
        self.order = device.empty((images, count), np.uint32)
        self.log_size, self.costs = (device.empty((images, count), np.float32) for _ in range(2))
        self.ranks = device.empty((images, count), np.int32)
        self.drawing = Drawing(device, search.problem, search.targets.shape, search.width)
        #: The products of the residual and the Gaussians, where the gradient does not have them.
        self.products = search.gradient if search.is_plain else device.empty(search.gradient.shape, np.float32)

    def queue(self, search: Search, how: Relocation, products: Array) -> None:
        """Write the relocated state to the slot that is on trial."""
        self._rank(search, products, how.neighbors)
        self.drawing.energy(search.residual)
        self.drawing.blur(how.sigma)
        pixels = self.drawing.draw(how.moved, how.seed)
        moved = self.ranks, pixels, np.int32(how.moved), search.residual
        scalars = np.float32(how.scale), np.float32(how.share)
        grid = KERNELS["ggc_fit_relocate"].by_warp(search.count)
        search.launch("ggc_fit_relocate", grid, search.params, *moved, *scalars, search.natural, search.direction)

    def _rank(self, search: Search, products: Array, neighbors: int) -> None:
        """How many Gaussians are needed less than each."""

        def launch(name: str, *args: Any) -> None:
            grid = KERNELS[name].by_thread(search.count)
            search.launch(name, grid, search.params, *args, by_channels=False)

        cells = self.starts, self.order, self.log_size
        launch("ggc_fit_cells_count", self.counts)
        search.device.launch("ggc_bin_scan", (1, search.images), (self.counts, self.starts, np.int32(self.cells)))
        launch("ggc_fit_cells_fill", self.counts, *cells)
        launch("ggc_fit_removal", products, *cells, np.int32(neighbors), self.costs)
        grid = KERNELS["ggc_fit_rank"].by_thread(search.count), search.images
        search.device.launch("ggc_fit_rank", grid, (search.problem, self.costs, self.ranks))


def _cells(bounds: Bounds, count: int) -> int:
    """The number of cells that `ggc_cells_of` makes."""
    across, down = _fit.grid(bounds.width, bounds.height, count)
    return across * down
