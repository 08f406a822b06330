"""The optimizer where the arrays stay in a device's memory."""

from __future__ import annotations

from collections.abc import Sequence
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

    It may have several images of one size, each with as many Gaussians as the others: they take the same number of
    steps in the time of the slowest, and no result depends on what else is there.

    Parameters
    ----------
    objectives : sequence of Objective
        What to make small, of each image; they are copied to the device. All but the images are equal.
    params : sequence of Params
        Where to start, for each image.
    resident : Resident
        The device's searches.
    """

    #: Between two looks of the host the device should not run dry.
    stride = 1 << 30

    def __init__(self, objectives: Sequence[Objective], params: Sequence[Params], resident: Resident) -> None:
        self.objectives, self._resident = objectives, resident
        alone = len(objectives) == 1
        self._targets = (
            objectives[0].on_device if alone else resident.upload(np.stack([one.target for one in objectives]))
        )
        own = all(one.image is one.target for one in objectives)
        self._compared = None if own else resident.upload(np.stack([one.image for one in objectives]))
        self._step = FIRST_STEP
        self._start(params)

    def _start(self, params: Sequence[Params]) -> None:
        # What there was before gives its memory back first.
        vars(self).pop("_search", None)
        one = self.objectives[0]
        weights = Weights(one.weights.l2, one.weights.l1, one.weights.ssim)
        self._search = self._resident.search(
            self._targets, one.width, weights, one.bounds, params, step=self._step, compared=self._compared
        )
        self.num_gaussians = len(params[0].means)
        self._params: dict[int, Params] = dict(enumerate(params))
        self._states: list[SearchState] | None = None

    def states(self) -> list[SearchState]:
        """What is known of each image's current state."""
        if self._states is None:
            self._states = self._search.read()
            self._step = self._states[0].step
        return self._states

    def params_of(self, image: int) -> Params:
        """The current state of an image, copied to the host."""
        if image not in self._params:
            self._params[image] = self._search.download(image)
        return self._params[image]

    def value_of(self, image: int) -> Value:
        """The losses of an image's current state, without penalty."""
        state = self.states()[image]
        return Value(state.value, state.squared / self.objectives[0].samples)

    @property
    def params(self) -> Params:
        """The current state of the first image."""
        return self.params_of(0)

    @property
    def value(self) -> Value:
        """The mean losses of all images."""
        values = [self.value_of(image) for image in range(len(self.objectives))]
        return Value(*(sum(losses) / len(values) for losses in zip(*values, strict=True)))

    @property
    def stalls(self) -> int:
        """How many of the last steps of this run found nothing better for any image."""
        return min(state.stalls for state in self.states())

    def restart(self, params: Params) -> None:
        """Go on from other parameters of the only image, of which nothing is known."""
        self._start([params])

    def gradient(self) -> NDArray[np.float32]:
        """Return the half gradient of the first image's loss without penalty, computed on the host."""
        return self.objectives[0].gradient(self.params)

    def set_penalty(self, weight: float) -> None:
        """Penalize amplitudes anew, in units of the mean squared error or the loss, whichever is less."""
        self._search.weigh(weight)
        self._states = None

    def relocate(self, count: int, rng: np.random.Generator) -> int:
        """Put the least needed Gaussians where the error is; return how many."""
        scale, sigma = density.newcomer_scales(self.objectives[0].bounds, self.num_gaussians + count)
        # Not the next number, so that what an image's start took does not show.
        seed = int(rng.spawn(1)[0].integers(2**63))
        self._search.relocate(Relocation(count, scale, sigma, density.NEW_COLOR, density.NEIGHBORS, seed))
        self._forget()
        return count

    def begin(self) -> None:
        """Begin a run."""
        self._search.begin()
        self._states = None

    def advance(self, steps: int) -> int:
        """Take steps; return how many, fewer if all images have converged."""
        before = [state.steps for state in self.states()]
        self._search.advance(steps)
        self._forget()
        done = max(state.steps - first for state, first in zip(self.states(), before, strict=True))
        # Without Gaussians there is nothing to search for.
        return done if self.num_gaussians else steps

    def finish(self) -> None:
        """End a run at the best of its states."""
        self._search.finish()
        self._forget()

    def _forget(self) -> None:
        """Work was queued that changes the states."""
        self._params, self._states = {}, None
