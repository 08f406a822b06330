"""Coarse to fine: most of the work on a small image, the rest on the large one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pyggc.fit.fitter import Fitter
from pyggc.fit.losses import LossWeights
from pyggc.fit.windows import WindowedFitter
from pyggc.gaussians import Gaussians2D

if TYPE_CHECKING:
    from numpy.typing import NDArray

AnyFitter: TypeAlias = Fitter | WindowedFitter

#: Pixels up to which an image is not halved, and up to which it is fitted as a whole.
MOST_PIXELS = 1 << 18
MOST_WHOLE = 1 << 22
#: Rows halved at a time, so that the temporary arrays of a large image stay small.
STRIP_ROWS = 256


def halve(image: NDArray[Any], scale: float = 1.0) -> NDArray[np.float32]:
    """Average squares of two by two pixels; an odd last row or column counts twice.

    Parameters
    ----------
    image : ndarray, shape (H, W, C)
    scale : float
        What samples are multiplied by.

    Returns
    -------
    ndarray of float32, shape (ceil(H / 2), ceil(W / 2), C)
    """
    height, width, channels = image.shape
    columns = np.minimum(np.arange(width + width % 2), width - 1)
    halved = np.empty(((height + 1) // 2, (width + 1) // 2, channels), np.float32)
    for top in range(0, height, STRIP_ROWS):
        strip = np.multiply(image[top : top + STRIP_ROWS], np.float32(scale), dtype=np.float32)
        across = strip[:, columns[::2]] + strip[:, columns[1::2]]
        across *= np.float32(0.25)
        rows = np.minimum(np.arange(len(strip) + len(strip) % 2), len(strip) - 1)
        halved[top // 2 : (top + STRIP_ROWS) // 2] = across[rows[::2]] + across[rows[1::2]]
    return halved


def make_fitters(
    samples: NDArray[Any], scale: float, *, loss: LossWeights | None = None, seed: int = 0, threads: int | None = None
) -> list[AnyFitter]:
    """Make fitters of an image and of its halves, until one is small; smallest first, the image itself last.

    Parameters
    ----------
    samples : ndarray, shape (H, W, C)
        The image.
    scale : float
        What makes its white 1.
    loss, seed, threads
        As for `Fitter`.

    Returns
    -------
    list of Fitter and WindowedFitter
        Not initialized.
    """
    fitters: list[AnyFitter] = []
    while True:
        pixels = samples.shape[0] * samples.shape[1]
        if pixels > MOST_WHOLE:
            fitters.insert(0, WindowedFitter(samples, scale, loss=loss, seed=seed, threads=threads))
        else:
            image = np.multiply(samples, np.float32(scale), dtype=np.float32)
            fitters.insert(0, Fitter(image, loss=loss, seed=seed, threads=threads))
        if pixels <= MOST_PIXELS:
            return fitters
        samples, scale = halve(samples, scale), 1.0


def enlarge(gaussians: Gaussians2D, width: int, height: int) -> Gaussians2D:
    """What was fitted to the half of an image, for the image of that size itself."""
    double = gaussians.scaled(2.0, 2.0)
    bounds = np.array([width, height], np.float32) - np.float32(0.5)
    means = np.clip(double.means, np.float32(-0.5), bounds)
    return Gaussians2D(means, double.cholesky, double.colors, width=width, height=height)
