"""The optimizer: nonlinear conjugate gradients, preconditioned by each Gaussian's closed-form Gauss-Newton block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyggc.fit import density
from pyggc.fit.optimizer import HostOptimizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.backends.fit_protocol import Params
    from pyggc.fit.objective import Objective

    Floats = NDArray[np.float32]

#: The first step, in units of the natural gradient: a third of what a Gaussian without neighbors should take.
FIRST_STEP = 0.3
#: A step this much beyond the expected one is what the caps of a direction allow for.
HEADROOM = 1.5
#: How much a line search changes its step at most, and how far from the parabola's minimum it accepts at once.
MAX_CHANGE = 3.0
NEAR = 0.5
#: Evaluations a line search has.
MAX_TRIALS = 4
#: A line search that failed does not start below this.
LEAST_STEP = 1e-3
#: The most that a Gaussian's area counts in the amplitude penalty: GGC_FIT_MAX_AREA.
MAX_AREA = 4096.0


class NaturalGradient(HostOptimizer):
    """Preconditioned conjugate gradients (Polak-Ribière) with a line search on the true loss.

    The loss that it makes small is `Objective.samples` times the objective's, plus `penalty` times the sum of
    l1 l2 |c|². It never rises from one accepted state to the next.

    Parameters
    ----------
    objective : Objective
        What to make small.
    params : Params
        Where to start.

    Attributes
    ----------
    params : Params
        The accepted state.
    loss : float
        Its loss, penalty included.
    penalty : float
        Weight of the amplitudes, which `set_penalty` sets.
    """

    def __init__(self, objective: Objective, params: Params) -> None:
        self.penalty = 0.0
        self._step = FIRST_STEP
        super().__init__(objective, params)

    def restart(self, params: Params) -> None:
        """Go on from other parameters, of which nothing is known."""
        shape = (len(params.means), self.objective.channels + 5)
        self._memory: tuple[Floats, Floats, float] | None = None
        self._nothing = np.zeros(shape, np.float32)
        self._accept(params, _amplitude(params))

    def _accept(self, params: Params, amplitude: float) -> None:
        self.params = params
        self._amplitude = amplitude
        self._gradient: Floats | None = None
        self.loss = self._loss(params, amplitude)

    def _loss(self, params: Params, amplitude: float) -> float:
        return self.objective.evaluate(params).loss * self.objective.samples + self.penalty * amplitude

    def gradient(self) -> Floats:
        """Return the half gradient of the loss without penalty, shape (N, C + 5); not to be written to."""
        if self._gradient is None:
            self._gradient = self.objective.gradient(self.params)
        return self._gradient

    def set_penalty(self, weight: float) -> None:
        """Penalize amplitudes anew, in units of the mean squared error or the loss, whichever is less.

        The conjugate direction is kept.
        """
        self.penalty = weight * min(self.value)
        self.loss = self._loss(self.params, self._amplitude)

    def relocate(self, count: int, rng: np.random.Generator) -> int:
        """Put the least needed Gaussians where the error is; return how many."""
        self.replace(*density.relocated(self.objective, self.params, self.gradient(), count, rng))
        return count

    def replace(self, params: Params, moved: NDArray[np.int64]) -> None:
        """Continue with some Gaussians put elsewhere; the direction of the others is kept."""
        if self._memory is not None:
            direction, natural, product = self._memory
            direction[moved] = 0.0
            natural[moved] = 0.0
            self._memory = direction, natural, product
        self._accept(params, _amplitude(params))

    def step(self) -> bool:
        """Take one step; False if no point along the direction had a lower loss."""
        direction, slope = self._direction()
        step = self._step
        for trial in range(MAX_TRIALS):
            params, amplitude = self.objective.kernels.retract(self.params, direction, step, self.objective.bounds)
            loss = self._loss(params, amplitude)
            best = _minimum(step, loss - self.loss, slope)
            if loss < self.loss and (trial > 0 or abs(best / step - 1.0) < NEAR):
                self._accept(params, amplitude)
                self._step = best
                return True
            step = best if loss < self.loss else min(best, 0.5 * step)
        self._memory = None
        self._step = max(step, LEAST_STEP)
        return False

    def _direction(self) -> tuple[Floats, float]:
        """The next direction, and twice its product with the half gradient: the slope of the loss."""
        kernels, params = self.objective.kernels, self.params
        gradient = self.gradient().copy()
        direction, previous, before = self._memory or (self._nothing.copy(), self._nothing, 0.0)
        natural, product, overlap = kernels.natural(params, gradient, previous, self.penalty)
        beta = min(max((product - overlap) / before, 0.0), 1.0) if before > 0.0 else 0.0
        slope = kernels.conjugate(
            params,
            gradient,
            natural,
            direction,
            beta=beta,
            reach=HEADROOM * self._step,
            min_scale=self.objective.bounds.min_scale,
        )
        self._memory = direction, natural, product
        return direction, 2.0 * slope


def _minimum(step: float, rise: float, slope: float) -> float:
    """Where the parabola through loss 0 with that slope, and `rise` after `step`, is least, within bounds."""
    curvature = rise - slope * step
    best = -0.5 * slope * step * step / curvature if curvature > 0.0 else MAX_CHANGE * step
    return min(max(best, step / MAX_CHANGE), MAX_CHANGE * step)


def _amplitude(params: Params) -> float:
    """The sum of min(l1 l2, 64²) |c|²: what `FitKernels.retract` returns."""
    area = np.minimum(params.cholesky[:, 0].astype(np.float64) * params.cholesky[:, 1], MAX_AREA)
    return float(area @ np.square(params.colors, dtype=np.float64).sum(axis=1))
