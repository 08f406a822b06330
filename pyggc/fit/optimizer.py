"""What a fitter asks of an optimizer, and what all those over the host's arrays have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pyggc.backends.fit_protocol import Params
    from pyggc.fit.objective import Objective, Value


class Optimizer(Protocol):
    """Parameters that become better.

    Attributes
    ----------
    stride : int
        Steps to ask for at a time, where nobody looks in between.
    """

    stride: int

    @property
    def params(self) -> Params:
        """The current state; not to be written to."""
        ...

    @property
    def value(self) -> Value:
        """Its losses, without penalty."""
        ...

    @property
    def num_gaussians(self) -> int:
        """How many there are."""
        ...

    @property
    def stalls(self) -> int:
        """How many of the last steps of this run found nothing better."""
        ...

    def restart(self, params: Params) -> None:
        """Go on from other parameters, of which nothing is known."""
        ...

    def gradient(self) -> NDArray[np.float32]:
        """Return the half gradient of the loss without penalty, shape (N, C + 5); not to be written to."""
        ...

    def set_penalty(self, weight: float) -> None:
        """Penalize amplitudes anew, in units of the mean squared error or the loss, whichever is less."""
        ...

    def relocate(self, count: int, rng: np.random.Generator) -> int:
        """Put the least needed Gaussians where the error is; return how many."""
        ...

    def begin(self) -> None:
        """Begin a run."""
        ...

    def advance(self, steps: int) -> int:
        """Take steps, fewer if the run has converged; return how many."""
        ...

    def finish(self) -> None:
        """End a run at the best of the states that it began with or had after a step."""
        ...


class HostOptimizer:
    """The part of an `Optimizer` that does not depend on how it steps.

    Parameters
    ----------
    objective : Objective
        What to make small.
    params : Params
        Where to start.
    """

    stride = 1

    def __init__(self, objective: Objective, params: Params) -> None:
        self.objective = objective
        self.stalls = 0
        self.restart(params)
        self.begin()

    def restart(self, params: Params) -> None:
        """Go on from other parameters, of which nothing is known."""
        self.params = params

    def step(self) -> bool:
        """Take one step; False if it found nothing better."""
        raise NotImplementedError

    @property
    def value(self) -> Value:
        """The losses of the current state, without penalty."""
        return self.objective.evaluate(self.params)

    @property
    def num_gaussians(self) -> int:
        """How many there are."""
        return len(self.params.means)

    def begin(self) -> None:
        """Begin a run."""
        self.stalls = 0
        self._best, self._least = self.params, self.value.loss

    def advance(self, steps: int) -> int:
        """Take steps; return how many."""
        for _ in range(steps):
            self.stalls = 0 if self.step() else self.stalls + 1
            # After a failed search the accepted state is evaluated again; it is the same one.
            loss = self.value.loss
            if loss < self._least:
                self._best, self._least = self.params, loss
        return steps

    def finish(self) -> None:
        """End a run at the best of its states."""
        if self._least < self.value.loss:
            self.restart(self._best)
