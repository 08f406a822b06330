"""Pixels drawn in proportion to a weight, on a GPU: where the error is, or where an image changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyggc.backends.cuda_device import Array, Device
from pyggc.backends.cuda_kernels import KERNELS


class Drawing:
    """The weights of a batch of images, and the memory to draw by them.

    Parameters
    ----------
    device : Device
        Where to compute.
    problem : array of the device
        A `cuda_layout.PROBLEM`; it says the sizes of the images, and where weights may be.
    shape : tuple of int
        That of the images' planes, (B, H, C, S).
    width : int
        Their width.

    Attributes
    ----------
    weights : array of the device, float32, shape (B, H, S)
        Not negative.
    """

    def __init__(self, device: Device, problem: Array, shape: tuple[int, ...], width: int) -> None:
        self.device, self.problem, self.width = device, problem, width
        self.images, self.height, _, stride = shape
        self.weights, self._spread = (device.empty((self.images, self.height, stride), np.float32) for _ in range(2))
        self._row_sums = device.empty((self.images, self.height), np.float64)
        self._row_starts = device.empty((self.images, self.height + 1), np.float64)

    def energy(self, image: Array) -> None:
        """Weights: the sum of squares over the channels."""
        self._launch("ggc_fit_energy", self._pixels, image, self.weights)

    def edges(self, image: Array) -> None:
        """Weights: the magnitude of the gradient."""
        self._launch("ggc_fit_edges", self._pixels, image, self.weights)

    def blur(self, sigma: float) -> None:
        """Filter the weights with a Gaussian of at most 7 pixels, and clear them where no mean may be."""
        self._launch("ggc_fit_blur", self._pixels, self.weights, self._spread, np.float64(sigma), np.int32(0))
        self._launch("ggc_fit_blur", self._pixels, self._spread, self.weights, np.float64(sigma), np.int32(1))

    def level(self, share: float) -> None:
        """Scale the weights to sum up to `share`, and add the rest of 1 in equal parts."""
        self._sum_rows()
        self._launch("ggc_fit_level", self._pixels, self._row_starts, np.float32(share), self.weights)

    def draw(self, count: int, seed: int) -> Array:
        """Return distinct pixels, y * width + x, one in each of equal parts of an image's sum, shape (B, count)."""
        self._sum_rows()
        pixels = self.device.empty((self.images, count), np.int64)
        grid = KERNELS["ggc_fit_pick"].by_warp(count)
        self._launch("ggc_fit_pick", grid, self.weights, self._row_starts, np.int32(count), np.int64(seed), pixels)
        self._launch("ggc_fit_distinct", 1, np.int32(count), pixels)
        return pixels

    def look(self, plane: Array, pixels: Array) -> Array:
        """Return what planes of one channel have at pixels, shape (B, count)."""
        values = self.device.empty(pixels.shape, np.float32)
        grid = KERNELS["ggc_fit_look"].by_thread(pixels.shape[1])
        self._launch("ggc_fit_look", grid, plane, pixels, np.int32(pixels.shape[1]), values)
        return values

    def _sum_rows(self) -> None:
        self._launch("ggc_fit_row_sums", self.height, self.weights, self._row_sums)
        self._launch("ggc_fit_row_starts", 1, self._row_sums, self._row_starts)

    @property
    def _pixels(self) -> int:
        """Blocks whose threads have a pixel each."""
        return KERNELS["ggc_fit_energy"].by_thread(self.width * self.height)

    def _launch(self, name: str, grid: int, *args: Any) -> None:
        self.device.launch(name, (grid, self.images), (self.problem, *args))
