"""Several images of one size, fitted at once where that pays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyggc.fit.fitter import Fitter, join
from pyggc.fit.progress import FitResult, Watch
from pyggc.fit.whole import result_of
from pyggc.gaussians import Gaussians2D

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pyggc.backends import Backend
    from pyggc.fit.losses import LossWeights


def fit_batch(
    images: Sequence[ArrayLike],
    num_gaussians: int,
    *,
    loss: LossWeights | None = None,
    init: str = "content",
    max_iterations: int = 500,
    seed: int = 0,
    threads: int | None = None,
    backend: Backend | None = None,
) -> list[FitResult]:
    """Fit Gaussians to each of several images of one size.

    On a GPU all are fitted at once, which keeps it busier than one image after the other can; the results are those of
    `fit` with the same arguments.

    Parameters
    ----------
    images : sequence of array_like, each of shape (H, W) or (H, W, C)
        Floating-point samples within [0, 1], 1 to 4 channels.
    num_gaussians : int
        How many for each, at least 0.
    loss, init, max_iterations, seed, threads, backend
        As for `fit`.

    Returns
    -------
    list of FitResult
        One for each image; the time is that of all.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as said above, or the images differ in size.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.fit import fit_batch
    >>> y, x = np.mgrid[:24, :32]
    >>> images = [0.5 + 0.5 * np.sin(x / width) * np.cos(y / 6.0) for width in (4.0, 6.0)]
    >>> [len(result.gaussians) for result in fit_batch(images, 20, max_iterations=20)]
    [20, 20]
    """
    watch = Watch(max_iterations)
    fitters = [Fitter(image, loss=loss, seed=seed, threads=threads, backend=backend) for image in images]
    if len({fitter.shape for fitter in fitters}) > 1:
        raise ValueError(f"images must be of one size, got {sorted({fitter.shape for fitter in fitters})}")
    for fitter in fitters:
        fitter.initialize(num_gaussians, init, max_iterations=max_iterations)
    done = {fitter.iterations for fitter in fitters}
    if not fitters or not num_gaussians or len(done) > 1 or fitters[0].resident is None:
        return [result_of(one, watch, one.run(max_iterations - one.iterations)) for one in fitters]
    return _run_together(fitters, max_iterations, watch)


def _run_together(fitters: list[Fitter], max_iterations: int, watch: Watch) -> list[FitResult]:
    """One fitter's run drives the optimizer of all images."""
    lead, optimizer = join(fitters)
    done = lead.iterations
    lead.run(max_iterations - done)
    results = []
    for image, (fitter, state) in enumerate(zip(fitters, optimizer.states(), strict=True)):
        value, iterations = optimizer.value_of(image), done + state.steps
        gaussians = Gaussians2D(*optimizer.params_of(image), width=fitter.shape[1], height=fitter.shape[0])
        stopped = "iterations" if iterations == max_iterations else "converged"
        results.append(FitResult(gaussians, value.psnr, value.loss, iterations, watch.elapsed, stopped))
    return results
