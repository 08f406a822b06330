"""Where Gaussians are needed, and which are not: relocation, growing and pruning."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyggc.backends.fit_protocol import Bounds, Params
from pyggc.fit.placement import sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.fit.objective import Objective

    Floats = NDArray[np.float32]

#: Standard deviation, in pixels, of a new Gaussian, and of the filter over the squared error that places it. Both are
#: larger where Gaussians are few: each has a square of so many pixels to a side to itself, and the filter has a bound.
NEW_SCALE = 1.5
ERROR_SIGMA = 1.5
USUAL_SPACING = 24.0
MAX_ERROR_SIGMA = 6.0
#: The part of its least-squares color that a new Gaussian starts with: its neighbors move as well.
NEW_COLOR = 0.5
#: Neighbors that take over what a removed Gaussian leaves.
NEIGHBORS = 10


def removal_cost(objective: Objective, params: Params, gradient: Floats) -> Floats:
    """Return how much the squared error would rise without each Gaussian, shape (N,).

    `gradient` is the half gradient of the loss; with plain L2 it has the products with the residual that are needed.
    """
    if not objective.weights.is_plain_l2:
        gradient = objective.kernels.backward(params, objective.residual(params), objective.width, objective.threads)
    return objective.kernels.removal(params, gradient, NEIGHBORS, objective.threads)


def least_needed(objective: Objective, params: Params, gradient: Floats, count: int) -> NDArray[np.int64]:
    """Return the indices of the Gaussians whose removal costs least, cheapest first, shape (count,)."""
    return np.argsort(removal_cost(objective, params, gradient), kind="stable")[:count]


def newcomer_scales(bounds: Bounds, count: int) -> tuple[float, float]:
    """Return the standard deviations of a new one of `count` Gaussians, and of the filter that places it."""
    spacing = math.sqrt(bounds.height * bounds.width / max(count, 1))
    scale = min(NEW_SCALE * max(spacing / USUAL_SPACING, 1.0), bounds.max_scale)
    return scale, min(ERROR_SIGMA * max(spacing / USUAL_SPACING, 1.0), MAX_ERROR_SIGMA)


def newcomers(objective: Objective, params: Params, count: int, rng: np.random.Generator) -> Params:
    """Return Gaussians to add: small ones, at pixels drawn in proportion to the smoothed squared error.

    Other losses count the error otherwise, but only the residual has the scale of a color.
    """
    kernels, width, threads = objective.kernels, objective.width, objective.threads
    image = objective.residual(params)
    bounds = objective.bounds
    scale, sigma = newcomer_scales(bounds, len(params.means) + count)
    error = kernels.blur(kernels.energy(image, width, threads), width, sigma, threads)
    _keep_within(error, bounds)
    y, x = np.divmod(sample(objective, error, count, rng), width)
    means = np.stack([x, y], axis=1).astype(np.float32)
    cholesky = np.tile(np.array([scale, scale, 0.0], np.float32), (count, 1))
    colorless = Params(means, cholesky, np.zeros((count, objective.channels), np.float32))
    projection = kernels.backward(colorless, image, width, threads)[:, : objective.channels]
    colors = projection * np.float32(-NEW_COLOR / (kernels.kernel_energy * scale**2))
    return Params(means, cholesky, np.ascontiguousarray(colors))


def grown(objective: Objective, params: Params, count: int, rng: np.random.Generator) -> Params:
    """Return the parameters with Gaussians added where the error is, so that there are `count`."""
    new = newcomers(objective, params, count - len(params.means), rng)
    return Params(*(np.concatenate(pair) for pair in zip(params, new, strict=True)))


def relocated(
    objective: Objective, params: Params, gradient: Floats, count: int, rng: np.random.Generator
) -> tuple[Params, NDArray[np.int64]]:
    """Return the parameters with the `count` least needed Gaussians put where they are needed, and their indices."""
    moved = least_needed(objective, params, gradient, count)
    new = Params(*(array.copy() for array in params))
    for array, values in zip(new, newcomers(objective, params, count, rng), strict=True):
        array[moved] = values
    return new, moved


def _keep_within(weights: Floats, bounds: Bounds) -> None:
    """Clear planes where no mean may be."""
    right, bottom = bounds.x + bounds.width, bounds.y + bounds.height
    weights[: bounds.y] = 0.0
    weights[bottom:] = 0.0
    weights[:, :, : bounds.x] = 0.0
    weights[:, :, right:] = 0.0
