"""Quantization-aware steps: the loss is that of the quantized Gaussians, the update that of the float ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from pyggc.backends.fit_protocol import Params
    from pyggc.fit.objective import Objective
    from pyggc.fit.progress import Watch
    from pyggc.gaussians import Gaussians2D

#: Gaussians to what a decoder will have in their place, one for one and in the same order.
Quantizer: TypeAlias = Callable[["Gaussians2D"], "Gaussians2D"]

#: Part of the last update that is repeated; the natural gradient's part, which falls to LAST_STEP of itself.
MOMENTUM = 0.8
FIRST_STEP = 0.1
LAST_STEP = 0.2


def tune(
    objective: Objective, params: Params, quantizer: Quantizer, watch: Watch, step: float = FIRST_STEP
) -> tuple[Params, Gaussians2D, str]:
    """Move parameters so that the quantized ones fit better: natural gradient with momentum, straight through.

    There is no line search, because the loss of quantized parameters is a staircase. Instead the best state is kept,
    and where the loss rises above the first, the step is halved and the best state is gone back to.

    Parameters
    ----------
    objective : Objective
        What to make small.
    params : Params
        Where to start.
    quantizer : callable
        What the decoder will see of Gaussians.
    watch : Watch
        When to stop.
    step : float
        The first step, in units of the natural gradient.

    Returns
    -------
    params : Params
        The best state.
    quantized : Gaussians2D
        What the quantizer makes of it.
    stopped : str
        As in `FitResult`.

    Raises
    ------
    ValueError
        If the quantizer changes the number of Gaussians, the channels or the size.
    """
    kernels = objective.kernels
    nothing = np.zeros((len(params.means), objective.channels + 5), np.float32)
    velocity = nothing
    best = params, _quantize(objective, quantizer, params)
    first = least = objective.evaluate(objective.to_params(best[1])).loss
    current, seen = best
    stopped = watch.exhausted()
    while stopped is None:
        at = objective.to_params(seen)
        natural, _, _ = kernels.natural(at, objective.gradient(at), nothing, 0.0)
        scale = step * (1.0 - (1.0 - LAST_STEP) * watch.fraction)
        velocity = np.float32(MOMENTUM) * velocity - np.float32(scale) * natural
        current, _ = kernels.retract(current, velocity, 1.0, objective.bounds)
        seen = _quantize(objective, quantizer, current)
        value = objective.evaluate(objective.to_params(seen))
        if value.loss < least:
            best, least = (current, seen), value.loss
        elif not value.loss <= first:
            step *= 0.5
            velocity = nothing
            current, seen = best
        stopped = watch.finished(value.psnr, len(params.means)) or watch.exhausted()
    return *best, stopped


def _quantize(objective: Objective, quantizer: Quantizer, params: Params) -> Gaussians2D:
    quantized = quantizer(objective.to_gaussians(params))
    if len(quantized) != len(params.means):
        raise ValueError(f"quantizer must keep the number of Gaussians, {len(params.means)}, got {len(quantized)}")
    return quantized
