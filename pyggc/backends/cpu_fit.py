"""The kernels of the fit on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc._native import _fit
from pyggc.backends.fit_protocol import Bounds, Params, Resident

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


class CpuFitKernels:
    """`FitKernels` in C; see there for what each method does.

    Parameters
    ----------
    variant : str
        One of `pyggc._native._fit.variants`.
    """

    def __init__(self, variant: str) -> None:
        constants = _fit.constants()
        self.variant = variant
        self.padding = int(constants["PADDING"])
        self.kernel_energy = constants["KERNEL_ENERGY"]
        self._shape_coordinates = int(constants["SHAPE_COORDINATES"])
        self.resident: Resident | None = None

    def forward(
        self, params: Params, target: Floats, residual: Floats, width: int, threads: int
    ) -> tuple[float, float]:
        """Render and subtract; see `FitKernels.forward`."""
        return _fit.forward(*params, target, residual, width, threads=threads, variant=self.variant)

    def backward(self, params: Params, image: Floats, width: int, threads: int) -> Floats:
        """Gather the whitened gradient; see `FitKernels.backward`."""
        count, channels = params.colors.shape
        out = np.empty((count, channels + self._shape_coordinates), np.float32)
        _fit.backward(*params, image, out, width, threads=threads, variant=self.variant)
        return out

    def natural(
        self, params: Params, gradient: Floats, previous: Floats, penalty: float
    ) -> tuple[Floats, float, float]:
        """Solve the blocks; see `FitKernels.natural`."""
        out = np.empty_like(gradient)
        return out, *_fit.natural(*params, gradient, out, previous, penalty)

    def conjugate(
        self,
        params: Params,
        gradient: Floats,
        natural: Floats,
        direction: Floats,
        *,
        beta: float,
        reach: float,
        min_scale: float,
    ) -> float:
        """Update the direction; see `FitKernels.conjugate`."""
        return _fit.conjugate(*params, gradient, natural, direction, beta=beta, reach=reach, min_scale=min_scale)

    def retract(self, params: Params, direction: Floats, step: float, bounds: Bounds) -> tuple[Params, float]:
        """Take a step; see `FitKernels.retract`."""
        new = Params(*(np.empty_like(array) for array in params))
        amplitude = _fit.retract(*params, direction, step, *new, **bounds._asdict())
        return new, amplitude

    def removal(self, params: Params, gradient: Floats, neighbors: int, threads: int) -> Floats:
        """Estimate removal costs; see `FitKernels.removal`."""
        cost = np.empty(len(params.means), np.float32)
        _fit.removal(*params, gradient, cost, neighbors=neighbors, threads=threads)
        return cost

    def blur(self, image: Floats, width: int, sigma: float, threads: int) -> Floats:
        """Filter; see `FitKernels.blur`."""
        out = np.zeros_like(image)
        _fit.blur(image, out, width, sigma, threads=threads, variant=self.variant)
        return out

    def energy(self, image: Floats, width: int, threads: int) -> Floats:
        """Square and add channels; see `FitKernels.energy`."""
        out = np.zeros((image.shape[0], 1, image.shape[2]), np.float32)
        _fit.energy(image, out, width, threads=threads)
        return out

    def sample(self, weights: Floats, width: int, quantiles: NDArray[np.float64]) -> NDArray[np.int64]:
        """Draw pixels; see `FitKernels.sample`."""
        return _fit.sample(weights, width, quantiles)

    def mix(self, residual: Floats, gradient: Floats, width: int, *, l2: float, l1: float, threads: int) -> None:
        """Mix the pixelwise losses; see `FitKernels.mix`."""
        _fit.mix(residual, gradient, width, l2=l2, l1=l1, threads=threads)

    def ssim(
        self, residual: Floats, target: Floats, gradient: Floats, width: int, *, scale: float, threads: int
    ) -> float:
        """Measure and differentiate; see `FitKernels.ssim`."""
        return _fit.ssim(residual, target, gradient, width, scale=scale, threads=threads, variant=self.variant)

    def refine(
        self,
        plan: Any,
        levels: NDArray[np.int32],
        order: NDArray[np.int64],
        residual: Floats,
        width: int,
        *,
        min_log_scale: float,
        color_limit: int,
    ) -> int:
        """Refine integers; see `FitKernels.refine`."""
        return _fit.refine(
            plan.address(),
            levels,
            order,
            residual,
            width,
            min_log_scale=min_log_scale,
            limit=color_limit,
            variant=self.variant,
        )
