"""`Fitter`: a fit that a caller drives phase by phase."""

from __future__ import annotations

import copy
import functools
import operator
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pyggc.backends import Backend, backend_of, on_host
from pyggc.backends.fit_protocol import Params
from pyggc.fit import density, integers, quantized
from pyggc.fit.adam import Adam
from pyggc.fit.initialize import INITIALIZERS
from pyggc.fit.losses import LossWeights
from pyggc.fit.natural import NaturalGradient
from pyggc.fit.objective import Objective, Value
from pyggc.fit.optimizer import Optimizer
from pyggc.fit.progress import Callback, FitProgress, Watch
from pyggc.fit.resident import ResidentGradient
from pyggc.gaussians import Gaussians2D

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pyggc.backends.fit_protocol import Resident
    from pyggc.quantize import CompactQuantizer

Initialization: TypeAlias = "str | Gaussians2D"


def _natural(objective: Objective, params: Params) -> Optimizer:
    """The natural gradient, where the arrays are."""
    resident = objective.kernels.resident
    return NaturalGradient(objective, params) if resident is None else ResidentGradient([objective], [params], resident)


#: The optimizers by name.
OPTIMIZERS: dict[str, Callable[[Objective, Params], Optimizer]] = {"natural": _natural, "adam": Adam}

#: Iterations from one relocation to the next, the part of a run after which there are none, and the share of the
#: Gaussians that the first and the last of them move; it falls geometrically.
RELOCATE_EVERY = 15
RELOCATE_UNTIL = 0.8
FIRST_SHARE = 0.14
LAST_SHARE = 0.02

#: Weight of the amplitudes in units of the mean squared error; see `Fitter`.
AMPLITUDE_PENALTY = 2.0

#: Line searches in a row that must fail for a fit to count as converged.
MAX_STALLS = 3

#: The least gain, in decibels, that keeps a fit with `patience` going.
TOLERANCE = 0.01


class Fitter:
    """Gaussians being fitted to an image, phase by phase.

    Parameters
    ----------
    image : array_like, shape (H, W) or (H, W, C)
        Floating-point samples within [0, 1], 1 to 4 channels; NumPy's, CuPy's or any array that shows itself to CuPy.
        (Or an objective of one, with what else it fixes.)
    loss : LossWeights, optional
        What to make small; by default the mean squared error.
    optimizer : str
        ``"natural"``, or ``"adam"`` for comparison.
    seed : int or sequence of int
        All chance comes from it: the same calls give the same bytes, for any number of threads.
    amplitude_penalty : float
        To the loss, ``"natural"`` adds this times the current squared error times the mean over the image of
        ``l1 l2 |c|²``, summed over Gaussians: amplitudes that cancel between neighbors quantize badly.
    threads : int, optional
        The most threads to use; by default what OpenMP offers.
    backend : Backend, optional
        Where to compute; by default where the image is. On a GPU the steps and relocations of ``"natural"`` stay there,
        and the host looks on every 15 iterations; the rest is computed on the CPU.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as said above; the message names it.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.fit import Fitter
    >>> fitter = Fitter(np.linspace(0.0, 1.0, 600).reshape(20, 30))
    >>> fitter.initialize(12)
    >>> fitter.run(20)
    'iterations'
    >>> before = fitter.psnr
    >>> fitter.grow(4)
    >>> fitter.run(20)
    'iterations'
    >>> len(fitter.gaussians), fitter.psnr > before
    (16, True)
    """

    def __init__(
        self,
        image: ArrayLike | Objective,
        *,
        loss: LossWeights | None = None,
        optimizer: str = "natural",
        seed: int | Sequence[int] = 0,
        amplitude_penalty: float = AMPLITUDE_PENALTY,
        threads: int | None = None,
        backend: Backend | None = None,
    ) -> None:
        if optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {optimizer!r}")
        if not (0.0 <= amplitude_penalty < np.inf):
            raise ValueError(f"amplitude_penalty must be finite and not negative, got {amplitude_penalty}")
        if threads is not None and operator.index(threads) < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        kernels = (backend or backend_of(image)).fit
        self.iterations = 0
        self._penalty = amplitude_penalty
        self._rng = np.random.default_rng(seed)
        if isinstance(image, Objective):
            self._objective = image
        else:
            self._objective = Objective.of_image(on_host(image), loss or LossWeights(), kernels, threads or 0)
        empty = Params(*(np.zeros((0, columns), np.float32) for columns in (2, 3, self._objective.channels)))
        self._optimize = OPTIMIZERS[optimizer]
        self._optimizer: Optimizer = self._optimize(self._objective, empty)

    @property
    def gaussians(self) -> Gaussians2D:
        """The current state. Setting it restarts the optimizer; opacities become part of the colors."""
        return self._objective.to_gaussians(self._optimizer.params)

    @gaussians.setter
    def gaussians(self, value: Gaussians2D) -> None:
        self._optimizer.restart(self._objective.to_params(value))

    @property
    def num_gaussians(self) -> int:
        """How many Gaussians there are."""
        return self._optimizer.num_gaussians

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the image."""
        return self._objective.height, self._objective.width, self._objective.channels

    @property
    def resident(self) -> Resident | None:
        """Where the arrays of ``"natural"`` are kept, if not in the host's memory."""
        return self._objective.kernels.resident

    @property
    def value(self) -> Value:
        """The current state's weighted loss and mean squared error."""
        return self._optimizer.value

    @property
    def psnr(self) -> float:
        """The current state's PSNR in decibels, for a range of 1, before values are rounded or clipped."""
        return self.value.psnr

    @property
    def loss(self) -> float:
        """The current state's weighted loss, without the amplitude penalty."""
        return self.value.loss

    def residual(self) -> NDArray[np.float32]:
        """Return the current render minus the image, shape (H, W, C), white 1."""
        planes = self._objective.residual(self._optimizer.params)
        return np.ascontiguousarray(planes[:, :, : self._objective.width].transpose(0, 2, 1))

    def initialize(
        self,
        count: int,
        init: Initialization = "content",
        *,
        max_iterations: int | None = None,
        max_time_seconds: float | None = None,
        callback: Callback | None = None,
    ) -> str | None:
        """Start anew.

        Parameters
        ----------
        count : int
            Number of Gaussians, at least 0.
        init : str or Gaussians2D
            ``"content"``: one Gaussian of the mean color behind all, the others mostly where the image changes.
            ``"random"``: evenly, all of one size. ``"superpixel"``: one on each superpixel, of its shape and mean
            color; it needs scikit-image, the extra ``superpixel``. ``"multiscale"``: few on a coarse image, fitted,
            then more where the error is on each finer one. Or Gaussians to start from: exactly `count` of them.
        max_iterations, max_time_seconds : int and float, optional
            The iterations and the time that the whole fit may take. ``"multiscale"`` takes its steps on coarse images
            from them, and leaves an even share to the image itself; the others take no steps.
        callback : callable, optional
            Gets a `FitProgress` after each of these steps; returning True ends them.

        Returns
        -------
        str or None
            ``"callback"`` if that ended them; there are `count` Gaussians all the same.

        Raises
        ------
        ValueError
            If an argument is out of its range, or the Gaussians do not fit the image.
        ImportError
            If scikit-image is needed and missing.
        """
        count = _count("num_gaussians", count)
        if isinstance(init, Gaussians2D):
            if len(init) != count:
                raise ValueError(f"init must have num_gaussians = {count} Gaussians, got {len(init)}")
            self.gaussians = init
            return None
        if init not in INITIALIZERS:
            raise ValueError(f"init must be Gaussians2D or one of {', '.join(INITIALIZERS)}, got {init!r}")
        limit = sys.maxsize if max_iterations is None else max_iterations
        watch = Watch(limit, max_time_seconds, callback=callback)
        fit_coarse = functools.partial(self._fit_coarse, watch)
        self._optimizer.restart(INITIALIZERS[init](self._objective, count, self._rng, fit_coarse))
        return "callback" if watch.interrupted else None

    def _fit_coarse(self, watch: Watch, objective: Objective, params: Params, iterations: int, share: float) -> Params:
        """Fit to another image with the same settings; see `pyggc.fit.multiscale.FitCoarse`."""
        other = copy.copy(self)
        other._objective, other._optimizer = objective, self._optimize(objective, params)
        most = 0 if watch.interrupted else int(share * (watch.max_iterations - watch.iteration))
        seconds = None if watch.remaining is None else share * watch.remaining
        done, callback = watch.iteration, watch.callback

        def report(progress: FitProgress) -> bool | None:
            assert callback is not None
            whole = replace(
                progress, iteration=done + progress.iteration, max_iterations=done + progress.max_iterations
            )
            return callback(whole)

        stopped = other.run(min(iterations, most), max_time_seconds=seconds, callback=report if callback else None)
        watch.interrupted |= stopped == "callback"
        watch.iteration += other.iterations - self.iterations
        self.iterations = other.iterations
        return other._optimizer.params

    def step(self) -> bool:
        """Take one step of the optimizer; False if it found nothing better."""
        self._optimizer.begin()
        self.iterations += self._optimizer.advance(1)
        return self._optimizer.stalls == 0

    def run(
        self,
        iterations: int,
        *,
        relocate: bool = True,
        max_time_seconds: float | None = None,
        patience: int | None = None,
        tolerance: float = TOLERANCE,
        callback: Callback | None = None,
    ) -> str:
        """Take steps, with relocations in between, and end at the best state of them all.

        Parameters
        ----------
        iterations : int
            The most iterations.
        relocate : bool
            Whether to relocate Gaussians on the way: every 15 iterations, until 80 % of the run. Adam never does.
        max_time_seconds : float, optional
            The most time. With it, the schedule and thus the result depend on the clock.
        patience, tolerance : int and float, optional
            End when `patience` iterations together gained less than `tolerance` decibels.
        callback : callable, optional
            Gets a `FitProgress` after every iteration; returning True ends the run.

        Returns
        -------
        str
            Why it ended, as in `FitResult`.
        """
        watch = Watch(iterations, max_time_seconds, patience, tolerance, callback)
        optimizer = self._optimizer
        optimizer.begin()
        stopped = watch.exhausted()
        while stopped is None:
            if watch.iteration % RELOCATE_EVERY == 0:
                optimizer.set_penalty(self._penalty)
                if relocate and watch.iteration and watch.fraction < RELOCATE_UNTIL:
                    self.relocate(_share(watch.fraction))
            stopped = self._advance(watch)
        optimizer.finish()
        return stopped

    def _advance(self, watch: Watch) -> str | None:
        """Take a step, or as many as the optimizer likes before a relocation; return why the run ends, or None."""
        optimizer = self._optimizer
        most = min(RELOCATE_EVERY - watch.iteration % RELOCATE_EVERY, watch.max_iterations - watch.iteration)
        done = optimizer.advance(1 if watch.attended else min(optimizer.stride, most))
        self.iterations += done
        stopped = watch.finished(optimizer.value.psnr, optimizer.num_gaussians, done) or watch.exhausted()
        return "converged" if stopped is None and optimizer.stalls >= MAX_STALLS else stopped

    def run_quantized(
        self,
        quantizer: quantized.Quantizer,
        iterations: int,
        *,
        step: float = quantized.FIRST_STEP,
        max_time_seconds: float | None = None,
        callback: Callback | None = None,
    ) -> Gaussians2D:
        """Take quantization-aware steps, and end at the state whose quantized Gaussians are best.

        Parameters
        ----------
        quantizer : callable
            From `Gaussians2D` to what a decoder has in their place, one for one and in the same order.
        iterations : int
            The most iterations.
        step : float
            The first step, in units of the natural gradient.
        max_time_seconds, callback
            As for `run`.

        Returns
        -------
        Gaussians2D
            ``quantizer(fitter.gaussians)``: never worse than it was before.

        Raises
        ------
        ValueError
            If the quantizer changes the number of Gaussians, the channels or the size.
        """
        watch = Watch(iterations, max_time_seconds, callback=callback, phase="quantized")
        params, best, _ = quantized.tune(self._objective, self._optimizer.params, quantizer, watch, step)
        self.iterations += watch.iteration
        self._optimizer.restart(params)
        return best

    def refine(
        self, levels: NDArray[np.int32], quantizer: CompactQuantizer, sweeps: int, seed: int = 0
    ) -> NDArray[np.int32]:
        """Return integers near `levels` that stand for a better image; see `pyggc.fit.integers.refine`.

        The fitter's own Gaussians stay as they are.
        """
        objective = self._objective
        residual = objective.residual(objective.to_params(quantizer.dequantize(levels)))
        refined = integers.refine(objective.kernels, residual, objective.width, levels, quantizer, sweeps, seed)
        objective.forget()
        return refined

    def relocate(self, share: float) -> int:
        """Put the least needed Gaussians where the error is; return how many.

        Parameters
        ----------
        share : float
            Part of all Gaussians, within [0, 1].
        """
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share must be within [0, 1], got {share}")
        count = int(self.num_gaussians * share)
        return self._optimizer.relocate(count, self._rng) if count else 0

    def grow(self, count: int) -> None:
        """Add Gaussians where the error is."""
        total = self.num_gaussians + _count("count", count)
        self._optimizer.restart(density.grown(self._objective, self._optimizer.params, total, self._rng))

    def prune(self, count: int) -> None:
        """Remove the least needed Gaussians, at most all; the others keep their order."""
        old = self._optimizer.params
        keep = np.ones(len(old.means), bool)
        gradient = self._optimizer.gradient()
        keep[density.least_needed(self._objective, old, gradient, _count("count", count))] = False
        self._optimizer.restart(Params(*(array[keep] for array in old)))


def join(fitters: Sequence[Fitter]) -> tuple[Fitter, ResidentGradient]:
    """Return a fitter like the first, whose optimizer, returned as well, has the images and Gaussians of all."""
    lead = copy.copy(fitters[0])
    assert lead.resident is not None
    objectives = [fitter._objective for fitter in fitters]
    lead._optimizer = ResidentGradient(objectives, [fitter._optimizer.params for fitter in fitters], lead.resident)
    return lead, lead._optimizer


def _share(fraction: float) -> float:
    """The part of the Gaussians that moves when so much of the run is over."""
    return float(FIRST_SHARE * (LAST_SHARE / FIRST_SHARE) ** (fraction / RELOCATE_UNTIL))


def _count(name: str, value: int) -> int:
    try:
        count = operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name} must be an integer, got {value!r}") from error
    if count < 0:
        raise ValueError(f"{name} must not be negative, got {count}")
    return count
