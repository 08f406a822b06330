"""Every row of the kernel table compiles for every architecture, and stays within its budgets."""

from __future__ import annotations

import nvrtc
import pytest

from pyggc.backends.cuda_kernels import KERNELS, Kernel

ARCHITECTURES = ("sm_75", "sm_90", "sm_120")
ROWS = [
    pytest.param(kernel, channels, id=f"{name}-{channels}")
    for name, kernel in KERNELS.items()
    for channels in kernel.variants()
]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("kernel", "channels"), ROWS)
def test_kernel_compiles_within_its_budgets(kernel: Kernel, channels: int, architecture: str) -> None:
    options = (*kernel.options(channels), f"--gpu-architecture={architecture}", "--ptxas-options=-v")
    cubin, log = nvrtc.compile_cubin(kernel.path.read_text(), options)
    assert cubin.startswith(b"\x7fELF")
    assert "warning" not in log
    taken = nvrtc.resources(log)[kernel.name]
    assert taken.registers <= kernel.registers
    assert taken.shared <= kernel.shared
    assert taken.spills <= kernel.spills
