"""Gaussians placed by chance: where the image changes, or evenly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyggc.backends.fit_protocol import Params

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.fit.objective import Objective

#: The share of Gaussians that follow the image's gradient; the others are spread evenly.
CONTENT_SHARE = 0.7
#: Standard deviation, in pixels, of the filter that spreads the gradient.
GRADIENT_SIGMA = 2.0
#: A new Gaussian's standard deviation, in units of the distance to its neighbors: the square root of 1 / density.
SCALE_PER_SPACING = 0.45
#: The least sum of weights that a color is divided by.
LEAST_COVERAGE = 0.3


def content(objective: Objective, count: int, rng: np.random.Generator, fit_coarse: object = None) -> Params:
    """Place one Gaussian of the mean color behind all, and others where the image changes, small where they are many.

    Parameters
    ----------
    objective : Objective
        Whose target to look at.
    count : int
        Number of Gaussians.
    rng : numpy.random.Generator
        Where chance comes from.
    fit_coarse : object
        Ignored: no step is taken.

    Returns
    -------
    Params
    """
    back = background(objective)
    pixels, density = _draw_edges(objective, max(count - 1, 0), rng)
    y, x = np.divmod(pixels, objective.width)
    others = _at(objective, x, y, density * max(count, 1), back.colors[0], rng)
    return Params(*(np.concatenate(pair)[:count] for pair in zip(back, others, strict=True)))


def random(objective: Objective, count: int, rng: np.random.Generator, fit_coarse: object = None) -> Params:
    """Place Gaussians evenly at random, all of one size; parameters as for `content`."""
    pixels = rng.integers(objective.height * objective.width, size=count)
    y, x = np.divmod(pixels, objective.width)
    density = np.full(count, count / (objective.height * objective.width), np.float32)
    return _at(objective, x, y, density, np.zeros(objective.channels, np.float32), rng)


def sample(
    objective: Objective, weights: NDArray[np.float32], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw pixels in proportion to planes of weights: one in each of `count` equal parts of their running sum.

    They are distinct as long as there are enough; the rest is drawn evenly.
    """
    quantiles = (np.arange(count) + rng.random(count)) / max(count, 1)
    found = objective.kernels.sample(weights, objective.width, quantiles)
    bounds = objective.bounds
    y, x = np.divmod(rng.integers(bounds.height * bounds.width, size=count - len(found)), bounds.width)
    rest = (y + bounds.y) * objective.width + (x + bounds.x)
    return np.concatenate([found, rest])


def background(objective: Objective) -> Params:
    """One Gaussian of the mean color, so wide that it is flat over the image."""
    bounds = objective.bounds
    color = objective.target[:, :, : objective.width].mean(axis=(0, 2), dtype=np.float64).astype(np.float32)
    means = np.array([[0.5 * (bounds.width - 1), 0.5 * (bounds.height - 1)]], np.float32)
    cholesky = np.array([[bounds.max_scale, bounds.max_scale, 0.0]], np.float32)
    return Params(means, cholesky, color[np.newaxis])


def share(
    objective: Objective,
    means: NDArray[np.float32],
    cholesky: NDArray[np.float32],
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    wanted: NDArray[np.float32],
) -> Params:
    """Gaussians of colors, shape (N, C), that are wanted at pixels (x, y), shared by all that cover those pixels."""
    ones = Params(means, cholesky, np.ones((len(means), 1), np.float32))
    colors = wanted / np.maximum(_coverage(objective, ones, x, y), LEAST_COVERAGE)[:, None]
    return Params(means, cholesky, np.ascontiguousarray(colors, np.float32))


def _coverage(objective: Objective, ones: Params, x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.float32]:
    """What Gaussians of one channel add up to at pixels (x, y)."""
    resident = objective.kernels.resident
    if resident is not None and len(x):
        return resident.coverage(ones, y * objective.width + x, objective.width, objective.height)
    planes = objective.planes(1)
    objective.kernels.forward(ones, objective.planes(1), planes, objective.width, objective.threads)
    found: NDArray[np.float32] = planes[y, 0, x]
    return found


def _draw_edges(
    objective: Objective, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pixels where the image changes, and others; and the density of one pixel drawn so, at each."""
    resident = objective.kernels.resident
    if resident is not None and count:
        return resident.draw_edges(
            objective.on_device,
            objective.width,
            sigma=GRADIENT_SIGMA,
            share=CONTENT_SHARE,
            count=count,
            seed=int(rng.integers(2**63)),
        )
    weights = objective.kernels.blur(_gradient_magnitude(objective), objective.width, GRADIENT_SIGMA, objective.threads)
    inside = weights[:, :, : objective.width]
    total = float(inside.sum(dtype=np.float64))
    uniform = 1.0 / (objective.height * objective.width)
    if total > 0.0:
        inside *= np.float32(CONTENT_SHARE / total)
        inside += np.float32((1.0 - CONTENT_SHARE) * uniform)
    else:
        inside += np.float32(uniform)
    pixels = sample(objective, weights, count, rng)
    y, x = np.divmod(pixels, objective.width)
    return pixels, weights[y, 0, x]


def _gradient_magnitude(objective: Objective) -> NDArray[np.float32]:
    """The root of the summed squares of all channels' Sobel derivatives, as planes."""
    out = objective.planes(1)
    inside = out[:, 0, : objective.width]
    for channel in range(objective.channels):
        image = np.pad(objective.target[:, channel, : objective.width], 1, mode="edge")
        across, down = image[:, 2:] - image[:, :-2], image[2:] - image[:-2]
        inside += np.square(across[:-2] + 2.0 * across[1:-1] + across[2:])
        inside += np.square(down[:, :-2] + 2.0 * down[:, 1:-1] + down[:, 2:])
    np.sqrt(inside, out=inside)
    return out


def _at(
    objective: Objective,
    x: NDArray[np.int64],
    y: NDArray[np.int64],
    density: NDArray[np.float32],
    base: NDArray[np.float32],
    rng: np.random.Generator,
) -> Params:
    """Round Gaussians around pixels, of the image's color less `base`, as large as their density asks for."""
    bounds = objective.bounds
    means = (np.stack([x, y], axis=1) + rng.uniform(-0.5, 0.5, (len(x), 2))).astype(np.float32)
    cholesky = np.zeros((len(x), 3), np.float32)
    cholesky[:, :2] = np.clip(SCALE_PER_SPACING / np.sqrt(density), 1.5 * bounds.min_scale, bounds.max_scale)[:, None]
    return share(objective, means, cholesky, x, y, objective.target[y, :, x] - base)
