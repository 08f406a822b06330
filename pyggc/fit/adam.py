"""Adam, the optimizer of the *Gaussian image codec framework* (section 2.1), for comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyggc.backends.fit_protocol import Params
from pyggc.fit.gradients import unwhiten
from pyggc.fit.optimizer import HostOptimizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: Learning rates: means in pixels, scales in logarithms and shears in pixels, colors.
MEAN_RATE = 0.2
SHAPE_RATE = 0.02
COLOR_RATE = 0.01
#: Decay of the first and the second moment, and what keeps the quotient finite (Kingma and Ba, 2015).
DECAYS = (0.9, 0.999)
EPSILON = 1e-12


class Adam(HostOptimizer):
    """Adam over means, log-scales, shears and colors; the gradient is that of the mean loss.

    Unlike `NaturalGradient` it accepts every step, and the loss may rise.

    Parameters
    ----------
    objective : Objective
        What to make small.
    params : Params
        Where to start.
    """

    def restart(self, params: Params) -> None:
        """Go on from other parameters, of which nothing is known."""
        super().restart(params)
        self._count = 0
        shape = len(params.means), 5 + self.objective.channels
        self._first, self._second = np.zeros(shape), np.zeros(shape)

    def gradient(self) -> Floats:
        """Return the half gradient of the loss, whitened, shape (N, C + 5)."""
        return self.objective.gradient(self.params)

    def set_penalty(self, weight: float) -> None:
        """Do nothing: the framework's loss has no penalty."""

    def relocate(self, count: int, rng: np.random.Generator) -> int:
        """Do nothing: the framework moves Gaussians by their gradient alone."""
        return 0

    def step(self) -> bool:
        """Take one step; always True."""
        old, bounds = self.params, self.objective.bounds
        by = unwhiten(old, self.gradient())
        gradient = np.concatenate([by.means, by.cholesky, by.colors], axis=1, dtype=np.float64)
        gradient[:, 2:4] *= old.cholesky[:, :2]
        gradient *= 2.0 / self.objective.samples
        self._count += 1
        self._first += (1.0 - DECAYS[0]) * (gradient - self._first)
        self._second += (1.0 - DECAYS[1]) * (gradient * gradient - self._second)
        first = self._first / (1.0 - DECAYS[0] ** self._count)
        second = self._second / (1.0 - DECAYS[1] ** self._count)
        change = -first / (np.sqrt(second) + EPSILON)
        means = old.means + MEAN_RATE * change[:, :2]
        scales = old.cholesky[:, :2] * np.exp(SHAPE_RATE * change[:, 2:4])
        shears = old.cholesky[:, 2:] + SHAPE_RATE * old.cholesky[:, 1:2] * change[:, 4:5]
        colors = old.colors + COLOR_RATE * change[:, 5:]
        shape = np.concatenate(
            [
                np.clip(scales, bounds.min_scale, bounds.max_scale),
                np.clip(shears, -bounds.max_scale, bounds.max_scale),
            ],
            axis=1,
        )
        self.params = Params(
            np.clip(
                means,
                [bounds.x - 0.5, bounds.y - 0.5],
                [bounds.x + bounds.width - 0.5, bounds.y + bounds.height - 0.5],
            ).astype(np.float32),
            shape.astype(np.float32),
            np.clip(colors, -bounds.max_color, bounds.max_color).astype(np.float32),
        )
        return True
