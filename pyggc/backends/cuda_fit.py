"""The kernels of the fit on a GPU: whole searches there, and the CPU's kernels for what works on the host's arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyggc.backends.cpu_fit import CpuFitKernels
from pyggc.backends.cuda_draw import Drawing
from pyggc.backends.cuda_layout import SQUARE_WIDTH, problem_of
from pyggc.backends.cuda_search import Search
from pyggc.backends.fit_protocol import Bounds, Params, Weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.backends.cuda_device import Array, Device


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

    def draw_edges(
        self, planes: Array, width: int, *, sigma: float, share: float, count: int, seed: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Draw pixels where the image changes; see `Resident.draw_edges`."""
        device, (_, height, channels, stride) = self.device, planes.shape
        everywhere = Bounds(width, height, 0.0, 0.0, 0.0)
        sizes = {"channels": channels, "width": width, "height": height, "stride": stride}
        drawing = Drawing(device, device.upload(problem_of(everywhere, Weights(), **sizes)), planes.shape, width)
        drawing.edges(planes)
        drawing.blur(sigma)
        drawing.level(share)
        pixels = drawing.draw(count, seed)
        density = drawing.look(drawing.weights, pixels)
        return device.download(pixels)[0], device.download(density)[0]

    def coverage(self, params: Params, pixels: NDArray[np.int64], width: int, height: int) -> NDArray[np.float32]:
        """Add weights up at pixels; see `Resident.coverage`."""
        device, bounds = self.device, Bounds(width, height, 0.0, 0.0, 0.0)
        nothing = device.zeros((1, height, 1, -(-width // SQUARE_WIDTH) * SQUARE_WIDTH), np.float32)
        drawn = Search(device, nothing, width, Weights(), bounds, [params], 1.0)
        drawing = Drawing(device, drawn.problem, nothing.shape, width)
        found: NDArray[np.float32] = device.download(drawing.look(drawn.residual, device.upload(pixels[np.newaxis])))[0]
        return found


class CudaFitKernels(CpuFitKernels):
    """`FitKernels` with searches that stay on the device.

    Other initializations than ``"content"``, growing, pruning, quantization-aware steps and the refinement of integers
    go through single kernels over the host's arrays; those are the CPU's.

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
