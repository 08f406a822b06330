"""The Gaussians a fit starts from: the table of ways to place them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from pyggc.backends.fit_protocol import Params
from pyggc.fit.multiscale import FitCoarse, multiscale
from pyggc.fit.objective import Objective
from pyggc.fit.placement import content, random
from pyggc.fit.superpixel import superpixel

#: Places so many Gaussians. The last argument is for those that fit to smaller images on the way.
Initializer: TypeAlias = Callable[[Objective, int, np.random.Generator, FitCoarse], Params]

#: The initializations by name.
INITIALIZERS: dict[str, Initializer] = {
    "content": content,
    "random": random,
    "superpixel": superpixel,
    "multiscale": multiscale,
}
