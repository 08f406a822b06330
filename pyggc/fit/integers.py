"""Quantization-aware fine-tuning of a file's integers: coordinate descent, one Gaussian after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyggc.fit.objective import MIN_SCALE
from pyggc.quantize.compact import MAX_COLOR_LEVEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.backends.fit_protocol import FitKernels
    from pyggc.quantize import CompactQuantizer


def refine(
    kernels: FitKernels,
    residual: NDArray[np.float32],
    width: int,
    levels: NDArray[np.int32],
    quantizer: CompactQuantizer,
    sweeps: int,
    seed: int,
) -> NDArray[np.int32]:
    """Move integers so that the squared error of what they stand for falls.

    A sweep visits every Gaussian once, in an order drawn at random. It moves the shape by a rounded step of the natural
    gradient and gives the colors nearest to their least-squares values, if the squared error falls by that; neighbors
    visited later make up for what rounding left. The steps that follow from a Gaussian's class stay as they are.

    Parameters
    ----------
    kernels : FitKernels
        Where to compute.
    residual : ndarray of float32, shape (H, C, S)
        Planes of what `levels` stand for minus the image; afterwards, those of the result.
    width : int
        Width of the image.
    levels : ndarray of int32, shape (N, C + 5)
        Where to start.
    quantizer : CompactQuantizer
        What the integers mean, for an image of this size.
    sweeps : int
        The most sweeps; fewer if nothing changes any more.
    seed : int
        Of the orders.

    Returns
    -------
    ndarray of int32, shape (N, C + 5)
    """
    levels = levels.copy()
    rng = np.random.default_rng(seed)
    for _ in range(sweeps):
        changed = kernels.refine(
            quantizer.native,
            levels,
            rng.permutation(len(levels)),
            residual,
            width,
            min_log_scale=32.0 * float(np.log2(MIN_SCALE)),
            color_limit=MAX_COLOR_LEVEL,
        )
        if not changed:
            break
    return levels
