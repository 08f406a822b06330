"""The CPU: C loops under Cython and OpenMP, with the SIMD variant chosen at run time."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc._native import _quantize, _render
from pyggc.backends.cpu_fit import CpuFitKernels
from pyggc.backends.fit_protocol import FitKernels, Params

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

#: Name of the environment variable that forces a SIMD variant: baseline, avx2 or avx512.
SIMD_VARIABLE = "PYGGC_SIMD"

#: The constants of the exact renderer's arithmetic, by their names in ``gaussian.h``.
KERNEL: dict[str, float] = _render.constants()

# A tile's accumulators should stay in the second-level cache: 256 x 64 x 3 channels are 200 KB.
TILE_WIDTH = 256
TILE_HEIGHT = 64


def choose_variant() -> str:
    """Return the name of the SIMD variant to use: that of ``PYGGC_SIMD``, else the widest of this processor.

    Raises
    ------
    ValueError
        If ``PYGGC_SIMD`` names a variant that is unknown or that this processor cannot run.
    """
    available = _render.variants()
    name = os.environ.get(SIMD_VARIABLE, "") or available[-1]
    if name not in available:
        raise ValueError(f"{SIMD_VARIABLE}={name}: this processor can run {', '.join(available)}")
    return name


class CpuBackend:
    """The `Backend` that is always there.

    Raises
    ------
    ValueError
        If the environment asks for a SIMD variant that cannot run here.
    """

    name = "cpu"

    def __init__(self) -> None:
        self.variant = choose_variant()
        self.fit: FitKernels = CpuFitKernels(self.variant)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of any content."""
        return np.empty(shape, dtype)

    def upload(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the array itself."""
        return array

    def download(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the array itself."""
        return array

    def rasterize(
        self,
        means: NDArray[np.float32],
        cholesky: NDArray[np.float32],
        colors: NDArray[np.float32],
        out: NDArray[Any],
        *,
        x: int,
        y: int,
        supersample: int,
        clip: bool,
        threads: int | None,
    ) -> None:
        """Render the sum blend exactly into `out`; see `Backend.rasterize`."""
        _render.render(
            means,
            cholesky,
            colors,
            out,
            x=x,
            y=y,
            supersample=supersample,
            clip=clip,
            threads=threads or 0,
            variant=self.variant,
            tile_width=max(1, TILE_WIDTH // supersample),
            tile_height=max(1, TILE_HEIGHT // supersample),
        )

    def render_work(
        self,
        means: NDArray[np.float32],
        cholesky: NDArray[np.float32],
        *,
        x: int,
        y: int,
        width: int,
        height: int,
    ) -> int:
        """Return an upper bound of the covered pixels; see `Backend.render_work`."""
        return math.ceil(_render.work(means, cholesky, x=x, y=y, width=width, height=height))

    def dequantize(self, plan: _quantize.Plan, levels: NDArray[np.int32]) -> Params:
        """Return the Gaussians of valid levels; see `Backend.dequantize`."""
        params = Params(*(np.empty((len(levels), columns), np.float32) for columns in (2, 3, plan.channels)))
        _quantize.dequantize(plan, levels, *params)
        return params
