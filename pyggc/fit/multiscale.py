"""Multi-scale progressive addition: few Gaussians on a coarse image, more where the error is on each finer one.

The *Gaussian image codec framework* (section 4.3) compares it with random and content-aware initialization.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pyggc.fit import density
from pyggc.fit.halves import enlarge, halve
from pyggc.fit.objective import Objective
from pyggc.fit.placement import content

if TYPE_CHECKING:
    from pyggc.backends.fit_protocol import Params

#: Fits parameters to a coarse image: at most so many iterations, and at most that part of what the fit may still take.
FitCoarse: TypeAlias = Callable[[Objective, "Params", int, float], "Params"]

#: Times that the image is halved, while its shorter side stays this long.
MOST_HALVINGS = 3
LEAST_SIDE = 16
#: Gaussians on an image, as a part of those on the image of twice the size.
SHARE_PER_SCALE = 0.5
#: The most iterations on each coarse image.
COARSE_ITERATIONS = 15


def multiscale(objective: Objective, count: int, rng: np.random.Generator, fit_coarse: FitCoarse) -> Params:
    """Place Gaussians scale by scale; parameters as for `content`, and `fit_coarse` fits them to a coarse image."""
    scales = _scales(objective)
    params: Params | None = None
    for halvings in range(len(scales) - 1, -1, -1):
        image = scales[halvings]
        wanted = round(count * SHARE_PER_SCALE**halvings)
        if params is None:
            params = content(image, wanted, rng)
        else:
            half = scales[halvings + 1].to_gaussians(params)
            params = density.grown(image, image.to_params(enlarge(half, image.width, image.height)), wanted, rng)
        if halvings:
            params = fit_coarse(image, params, COARSE_ITERATIONS, 1.0 / (halvings + 1))
    assert params is not None
    return params


def _scales(objective: Objective) -> list[Objective]:
    """The image, its half, the half of that, and so on."""
    scales = [objective]
    image = objective.target[:, :, : objective.width].transpose(0, 2, 1)
    while len(scales) <= MOST_HALVINGS and min(image.shape[:2]) >= 2 * LEAST_SIDE:
        image = halve(image)
        scales.append(Objective.of_image(image, objective.weights, objective.kernels, objective.threads))
    return scales
