"""`fit`: a fit from start to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyggc.fit.fitter import TOLERANCE, Fitter, Initialization
from pyggc.fit.progress import Callback, FitResult, Watch

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pyggc.backends import Backend
    from pyggc.fit.losses import LossWeights


def fit(
    image: ArrayLike,
    num_gaussians: int,
    *,
    loss: LossWeights | None = None,
    optimizer: str = "natural",
    init: Initialization = "content",
    max_iterations: int = 500,
    max_time_seconds: float | None = None,
    patience: int | None = None,
    tolerance: float = TOLERANCE,
    callback: Callback | None = None,
    seed: int = 0,
    threads: int | None = None,
    backend: Backend | None = None,
) -> FitResult:
    """Fit Gaussians to an image.

    Parameters
    ----------
    image : array_like, shape (H, W) or (H, W, C)
        Floating-point samples within [0, 1], 1 to 4 channels.
    num_gaussians : int
        How many, at least 0.
    loss : LossWeights, optional
        What to make small; by default the mean squared error.
    optimizer : str
        ``"natural"``: preconditioned conjugate gradients and relocation; ``"adam"`` for comparison.
    init : str or Gaussians2D
        ``"content"`` (where the image changes), ``"random"``, ``"superpixel"`` (needs the extra of that name),
        ``"multiscale"`` (few on a coarse image, more on each finer one), or `num_gaussians` Gaussians to start from;
        see `Fitter.initialize`.
    max_iterations : int
        The most iterations, those on coarse images among them.
    max_time_seconds : float, optional
        Start no iteration after so long; initialization counts.
    patience, tolerance : int and float, optional
        End when `patience` iterations together gained less than `tolerance` decibels.
    callback : callable, optional
        Gets a `FitProgress` after every iteration; returning True ends the fit.
    seed : int
        All chance comes from it. Without a time limit, the same arguments give the same bytes.
    threads : int, optional
        The most threads to use; by default what OpenMP offers. Never changes the result.
    backend : Backend, optional
        Where to compute; by default where the image is. Without callback and patience, a GPU is waited for every 15
        iterations only, which is then also when time is up.

    Returns
    -------
    FitResult
        The Gaussians, how good they are, and why the fit ended.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as said above; the message names it.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.fit import fit
    >>> y, x = np.mgrid[:24, :32]
    >>> image = 0.5 + 0.5 * np.sin(x / 5.0) * np.cos(y / 6.0)
    >>> result = fit(image, 40, max_iterations=60)
    >>> result.gaussians
    Gaussians2D(40 Gaussians, 1 channel, 32x24)
    >>> result.psnr > 30.0
    True
    """
    fitter = Fitter(image, loss=loss, optimizer=optimizer, seed=seed, threads=threads, backend=backend)
    watch = Watch(max_iterations, max_time_seconds)
    stopped = fitter.initialize(
        num_gaussians, init, max_iterations=max_iterations, max_time_seconds=max_time_seconds, callback=callback
    ) or fitter.run(
        max_iterations - fitter.iterations,
        max_time_seconds=watch.remaining,
        patience=patience,
        tolerance=tolerance,
        callback=callback,
    )
    return result_of(fitter, watch, stopped)


def result_of(fitter: Fitter, watch: Watch, stopped: str) -> FitResult:
    """What a fitter has come to, in the time that was watched."""
    return FitResult(fitter.gaussians, fitter.psnr, fitter.loss, fitter.iterations, watch.elapsed, stopped)
