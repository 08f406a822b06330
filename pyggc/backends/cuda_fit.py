"""The kernels of the fit on a GPU: whole searches there, and the CPU's kernels for what works on the host's arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyggc.backends.cpu_fit import CpuFitKernels
from pyggc.backends.cuda_search import Search

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pyggc.backends.cuda_device import Array, Device
    from pyggc.backends.fit_protocol import Bounds, Params, Weights


class CudaResident:
    """`pyggc.backends.fit_protocol.Resident` on a GPU.

    Parameters
    ----------
    device : Device
        Where the searches are.
    """

    def __init__(self, device: Device) -> None:
        self.device = device

    def upload(self, planes: NDArray[np.float32]) -> Array:
        """Copy planes to the device; see `Resident.upload`."""
        return self.device.upload(planes)

    def search(
        self,
        targets: Array,
        width: int,
        weights: Weights,
        bounds: Bounds,
        params: Sequence[Params],
        *,
        step: float,
        compared: Array | None = None,
    ) -> Search:
        """Start searches; see `Resident.search`."""
        return Search(self.device, targets, width, weights, bounds, params, step, compared)


class CudaFitKernels(CpuFitKernels):
    """`FitKernels` with searches that stay on the device.

    Initialization, growing, pruning, quantization-aware steps and the refinement of integers go through single kernels
    over the host's arrays; those are the CPU's.

    Parameters
    ----------
    device : Device
        Where the searches are.
    variant : str
        The CPU's SIMD variant, one of `pyggc._native._fit.variants`.
    """

    def __init__(self, device: Device, variant: str) -> None:
        super().__init__(variant)
        self.resident = CudaResident(device)
