"""What lies under a residual: the exact image of the Gaussians, in samples of 16 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyggc.render import near_rows, rasterize

if TYPE_CHECKING:
    from pyggc.gaussians import Gaussians2D
    from pyggc.render import Region
    from pyggc.residual.transform import Base

#: Without Gaussians the base is gray.
GRAY = 0x8080


def render_base(
    gaussians: Gaussians2D, size: tuple[int, int], region: Region | None = None, *, threads: int | None = None
) -> Base:
    """Draw the base of a region of the original.

    Parameters
    ----------
    gaussians : Gaussians2D
    size : (int, int)
        Width and height of the original.
    region : (int, int, int, int), optional
        Left, top, width and height; by default all of it.
    threads : int, optional
        The most to use.

    Returns
    -------
    ndarray of uint16, shape (H, W, C)
    """
    region = region or (0, 0, *size)
    shape = region[3], region[2], gaussians.colors.shape[1]
    if len(gaussians) == 0:
        return np.full(shape, GRAY, np.uint16)
    if region[3] < size[1]:
        gaussians = gaussians[near_rows(gaussians, size[1], region[1], region[3])]
    return rasterize(gaussians, *size, region=region, dtype=np.uint16, threads=threads).reshape(shape)
