"""Slow renderers to hold the fast one against, in plain NumPy: every Gaussian at every pixel, no tiles, no extents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyggc.backends.cpu import KERNEL

if TYPE_CHECKING:
    from numpy.typing import NDArray


def rasterize_float64(
    means: NDArray[np.float32],
    cholesky: NDArray[np.float32],
    colors: NDArray[np.float32],
    region: tuple[int, int, int, int],
) -> NDArray[np.float64]:
    """Evaluate the renderer's kernel in binary64 with the true exponential.

    The kernel is (exp(-q/2) - exp(-9/2)) / (1 - exp(-9/2)) where q < 9, and 0 elsewhere.

    Parameters
    ----------
    means, cholesky, colors : ndarray of float32, shapes (N, 2), (N, 3), (N, C)
        Gaussians in output pixels.
    region : (x, y, width, height)
        Pixels to evaluate.

    Returns
    -------
    ndarray of float64, shape (height, width, C)
        The sums, not rounded and not clipped; white is 1.
    """
    x, y, width, height = region
    columns, rows = np.arange(x, x + width, dtype=np.float64), np.arange(y, y + height, dtype=np.float64)[:, None]
    image = np.zeros((height, width, colors.shape[1]))
    q_max = float(KERNEL["Q_MAX"])
    edge = np.exp(-0.5 * q_max)
    for (mx, my), (l1, l2, l3), color in zip(
        means.astype(np.float64), cholesky.astype(np.float64), colors.astype(np.float64), strict=True
    ):
        u1 = (columns - mx) / l1
        u2 = (rows - my - l3 * u1) / l2
        q = np.minimum(u1 * u1 + u2 * u2, q_max)
        image += ((np.exp(-0.5 * q) - edge) / (1.0 - edge))[:, :, None] * color
    return image


def rasterize_reference(
    means: NDArray[np.float32],
    cholesky: NDArray[np.float32],
    colors: NDArray[np.float32],
    region: tuple[int, int, int, int],
) -> NDArray[np.int32]:
    """Evaluate the specification step by step in binary32: the same bits as the fast renderer.

    Parameters
    ----------
    means, cholesky, colors, region
        As for `rasterize_float64`.

    Returns
    -------
    ndarray of int32, shape (height, width, C)
        The accumulators, in units of 2^-20.
    """
    f32 = np.float32
    p1, p2, p3, p4, q_max, edge, scale = (
        f32(KERNEL[name]) for name in ("P1", "P2", "P3", "P4", "Q_MAX", "EDGE", "COLOR_SCALE")
    )
    x, y, width, height = region
    columns = np.arange(x, x + width).astype(f32)
    rows = np.arange(y, y + height).astype(f32)[:, None]
    sums = np.zeros((height, width, colors.shape[1]), np.int64)
    # q overflows to infinity far away, as it may.
    with np.errstate(over="ignore", under="ignore"):
        for (mx, my), (l1, l2, l3), color in zip(means, cholesky, colors, strict=True):
            i1 = f32(1.0) / l1
            i2 = f32(1.0) / l2
            s = l3 * i2
            u1 = (columns - mx) * i1
            t = (rows - my) * i2
            u2 = t - s * u1
            q = np.minimum(u1 * u1 + u2 * u2, q_max)
            p = p4 * q + p3
            p = p * q + p2
            p = p * q + p1
            p = p * q + f32(1.0)
            e = p * p
            e = e * e
            e = e * e
            w = e - edge
            sums += np.rint(w[:, :, None] * (color * scale)).astype(np.int64)
    return sums.astype(np.uint32).view(np.int32)
