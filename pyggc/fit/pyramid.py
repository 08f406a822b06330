"""Coarse to fine: most of the work on a small image, the rest on the large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyggc.gaussians import Gaussians2D

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Pixels up to which an image is fitted as it is.
MOST_PIXELS = 1 << 20


def halve(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average squares of two by two pixels; an odd last row or column counts twice.

    Parameters
    ----------
    image : ndarray of float32, shape (H, W, C)

    Returns
    -------
    ndarray of float32, shape (ceil(H / 2), ceil(W / 2), C)
    """
    rows, columns = (np.minimum(np.arange(size + size % 2), size - 1) for size in image.shape[:2])
    across: NDArray[np.float32] = image[:, columns[::2]] + image[:, columns[1::2]]
    across *= np.float32(0.25)
    halved: NDArray[np.float32] = across[rows[::2]] + across[rows[1::2]]
    return halved


def pyramid(image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Halve an image until it is small; smallest first, the image itself last."""
    images = [image]
    while images[0].shape[0] * images[0].shape[1] > MOST_PIXELS:
        images.insert(0, halve(images[0]))
    return images


def enlarge(gaussians: Gaussians2D, width: int, height: int) -> Gaussians2D:
    """What was fitted to the half of an image, for the image of that size itself."""
    double = gaussians.scaled(2.0, 2.0)
    bounds = np.array([width, height], np.float32) - np.float32(0.5)
    means = np.clip(double.means, np.float32(-0.5), bounds)
    return Gaussians2D(means, double.cholesky, double.colors, width=width, height=height)
