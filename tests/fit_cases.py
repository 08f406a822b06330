"""Gaussians and images that the tests of the fit share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyggc.backends.fit_protocol import Params


def crowd(seed: int, count: int, width: int, height: int, channels: int) -> Params:
    """Gaussians small and large, thin and round, some beyond the border."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(-0.1, 1.1, (count, 2)) * [width, height]
    cholesky = np.exp(rng.uniform(np.log(0.4), np.log(15.0), (count, 3)))
    cholesky[:, 2] *= rng.choice([-1.0, 1.0, 0.1], count)
    colors = rng.normal(0.0, 0.5, (count, channels))
    return Params(*(np.ascontiguousarray(array, np.float32) for array in (means, cholesky, colors)))


def planes_of(image: NDArray[np.float32], padding: int = 16) -> NDArray[np.float32]:
    """An image (H, W, C) as planes."""
    height, width, channels = image.shape
    planes = np.zeros((height, channels, -(-(width + padding) // padding) * padding), np.float32)
    planes[:, :, :width] = image.transpose(0, 2, 1)
    return planes


def image_of(planes: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    return planes[:, :, :width].transpose(0, 2, 1)


def ssim_float64(target: NDArray[np.floating], render: NDArray[np.floating]) -> float:
    """SSIM over all whole windows (Wang et al., 2004), each window cut to what fits, straight from the definition."""
    radii = [min(5, (side - 1) // 2) for side in target.shape[:2]]
    sides = [np.exp(-np.square(np.arange(-r, r + 1)) / 4.5) for r in radii]
    window = np.outer(*[side / side.sum() for side in sides])

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        views = np.lib.stride_tricks.sliding_window_view(values, window.shape, axis=(0, 1))
        return np.einsum("yxcij,ij->yxc", views, window)

    x, y = target.astype(np.float64), render.astype(np.float64)
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = 1e-4, 9e-4
    ratio = (2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(ratio.mean())
