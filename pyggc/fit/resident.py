"""The optimizer where the arrays stay in a device's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyggc.backends.fit_protocol import Relocation, Weights
from pyggc.fit import density
from pyggc.fit.natural import FIRST_STEP
from pyggc.fit.objective import Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.backends.fit_protocol import Params, Resident, SearchState
    from pyggc.fit.objective import Objective


class ResidentGradient:
    """`pyggc.fit.natural.NaturalGradient` on a device: an `Optimizer` that waits for it only where the host asks.

    Parameters
    ----------
    objective : Objective
        What to make small; its image is copied to the device.
    params : Params
        Where to start.
    resident : Resident
        The device's searches.
    """

    #: Between two looks of the host the device should not run dry.
    stride = 1 << 30

    def __init__(self, objective: Objective, params: Params, resident: Resident) -> None:
        self.objective, self._resident = objective, resident
        self._target = resident.upload(objective.target[np.newaxis])
        own = objective.image is objective.target
        self._compared = None if own else resident.upload(objective.image[np.newaxis])
        self._step = FIRST_STEP
        self.restart(params)

    def restart(self, params: Params) -> None:
        """Go on from other parameters, of which nothing is known."""
        objective, weights = self.objective, self.objective.weights
        self._search = self._resident.search(
            self._target,
            objective.width,
            Weights(weights.l2, weights.l1, weights.ssim),
            objective.bounds,
            [params],
            step=self._step,
            compared=self._compared,
        )
        self.num_gaussians = len(params.means)
        self._params: Params | None = params
        self._state: SearchState | None = None

    def _read(self) -> SearchState:
        if self._state is None:
            (self._state,) = self._search.read()
            self._step = self._state.step
        return self._state

    def _forget(self) -> None:
        """Work was queued that changes the state."""
        self._params = self._state = None

    @property
    def params(self) -> Params:
        """The current state, copied to the host."""
        if self._params is None:
            self._params = self._search.download(0)
        return self._params

    @property
    def loss(self) -> float:
        """What is made small, the penalty included, times the samples."""
        return self._read().loss

    @property
    def value(self) -> Value:
        """The losses of the current state, without penalty."""
        state = self._read()
        return Value(state.value, state.squared / self.objective.samples)

    @property
    def stalls(self) -> int:
        """How many of the last steps of this run found nothing better."""
        return self._read().stalls

    def gradient(self) -> NDArray[np.float32]:
        """Return the half gradient of the loss without penalty, computed on the host."""
        return self.objective.gradient(self.params)

    def set_penalty(self, weight: float) -> None:
        """Penalize amplitudes anew, in units of the mean squared error or the loss, whichever is less."""
        self._search.weigh(weight)
        self._state = None

    def relocate(self, count: int, rng: np.random.Generator) -> int:
        """Put the least needed Gaussians where the error is; return how many."""
        self._search.relocate(relocation(self.objective, self.num_gaussians, count, rng))
        self._forget()
        return count

    def begin(self) -> None:
        """Begin a run."""
        self._search.begin()
        self._state = None

    def advance(self, steps: int) -> int:
        """Take steps, fewer if the run has converged; return how many."""
        before = self._read().steps
        self._search.advance(steps)
        self._forget()
        # Without Gaussians there is nothing to search for.
        return self._read().steps - before if self.num_gaussians else steps

    def finish(self) -> None:
        """End a run at the best of its states."""
        self._search.finish()
        self._forget()


def relocation(objective: Objective, num_gaussians: int, count: int, rng: np.random.Generator) -> Relocation:
    """Return how `count` of so many Gaussians are relocated; what else the chance is used for does not show in it."""
    scale, sigma = density.newcomer_scales(objective.bounds, num_gaussians + count)
    seed = int(rng.spawn(1)[0].integers(2**63))
    return Relocation(count, scale, sigma, density.NEW_COLOR, density.NEIGHBORS, seed)
