"""What the tests of the fit share: images, and every SIMD variant of the kernels."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pyggc._native import _fit
from pyggc.backends.cpu_fit import CpuFitKernels


@pytest.fixture(params=_fit.variants())
def kernels(request: pytest.FixtureRequest) -> CpuFitKernels:
    return CpuFitKernels(request.param)


@pytest.fixture(scope="session")
def photo() -> NDArray[np.float32]:
    """A crop, 120 x 90, of a photograph that scikit-image brings along."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[60:150, 170:290] / np.float32(255.0), np.float32)


@pytest.fixture(scope="session")
def waves() -> NDArray[np.float32]:
    """Smooth, 40 x 30, three channels."""
    y, x = np.mgrid[:30, :40]
    channels = [np.sin(x / 6.0) * np.cos(y / 7.0), np.cos((x + y) / 9.0), np.sin(y / 4.0)]
    return (0.5 + 0.4 * np.stack(channels, axis=-1)).astype(np.float32)
