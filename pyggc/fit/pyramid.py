"""Coarse to fine: most of the work on a small image, the rest on the large one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pyggc.fit.fitter import Fitter
from pyggc.fit.halves import halve
from pyggc.fit.losses import LossWeights
from pyggc.fit.windows import WindowedFitter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.backends import Backend

AnyFitter: TypeAlias = Fitter | WindowedFitter

#: Pixels up to which an image is not halved, and up to which it is fitted as a whole.
MOST_PIXELS = 1 << 18
MOST_WHOLE = 1 << 22


def make_fitters(
    samples: NDArray[Any],
    scale: float,
    *,
    loss: LossWeights | None = None,
    seed: int = 0,
    threads: int | None = None,
    backend: Backend | None = None,
) -> list[AnyFitter]:
    """Make fitters of an image and of its halves, until one is small; smallest first, the image itself last.

    Parameters
    ----------
    samples : ndarray, shape (H, W, C)
        The image.
    scale : float
        What makes its white 1.
    loss, seed, threads, backend
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
            fitters.insert(0, WindowedFitter(samples, scale, loss=loss, seed=seed, threads=threads, backend=backend))
        else:
            image = np.multiply(samples, np.float32(scale), dtype=np.float32)
            fitters.insert(0, Fitter(image, loss=loss, seed=seed, threads=threads, backend=backend))
        if pixels <= MOST_PIXELS:
            return fitters
        samples, scale = halve(samples, scale), 1.0
