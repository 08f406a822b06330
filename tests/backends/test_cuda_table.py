"""Every kernel of the table, run as its pipelines run it: the same bytes whatever the order of a block's threads."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from simulator import ORDERS, Simulator

from pyggc.backends import Backend, get_backend
from pyggc.backends.cuda_fit import CudaFitKernels
from pyggc.backends.cuda_kernels import KERNELS
from pyggc.backends.cuda_render import Renderer, dequantize, render_work
from pyggc.fit import FRAMEWORK_LOSS, Fitter
from pyggc.quantize import CompactPlan, CompactQuantizer

WIDTH, HEIGHT = 37, 26


def image_of() -> NDArray[np.float32]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return (0.5 + 0.4 * np.sin(x[..., None] / (3.0 + np.arange(3))) * np.cos(y / 4.0)[..., None]).astype(np.float32)


def everything(device: Simulator) -> list[NDArray[Any]]:
    """A fit with all losses and a relocation, its Gaussians as a file has them, and those drawn."""
    kernels = CudaFitKernels(device, get_backend().fit.variant)  # type: ignore[attr-defined]
    fitter = Fitter(image_of(), loss=FRAMEWORK_LOSS, backend=cast(Backend, SimpleNamespace(fit=kernels)))
    fitter.initialize(12)
    fitter.run(2)
    fitter.relocate(0.2)
    gaussians = fitter.gaussians
    quantizer = CompactQuantizer(CompactPlan(1.0), WIDTH, HEIGHT, 3)
    levels = quantizer.quantize(gaussians)
    params = dequantize(device, quantizer.native, device.upload(levels))
    out = device.empty((HEIGHT, WIDTH, 3), np.uint8)
    Renderer(device, *params, out).queue()
    work = render_work(device, params.means, params.cholesky, x=0, y=0, width=WIDTH, height=HEIGHT)
    arrays = (gaussians.means, gaussians.cholesky, gaussians.colors)
    return [*arrays, levels, *map(device.download, params), device.download(out), np.array(work)]


def test_every_kernel_in_every_order() -> None:
    found = []
    for order in ORDERS:
        device = Simulator(order)
        found.append([array.tobytes() for array in everything(device)])
        assert set(device.launches) == set(KERNELS)
    assert all(arrays == found[0] for arrays in found[1:])
