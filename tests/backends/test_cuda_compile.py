"""Every row of the kernel table compiles for every architecture, and stays within its budgets."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import nvrtc
import pytest

from pyggc.backends.cuda_kernels import KERNELS, Kernel

ARCHITECTURES = ("sm_75", "sm_90", "sm_120")
ROWS = [
    pytest.param(kernel, channels, id=f"{name}-{channels}")
    for name, kernel in KERNELS.items()
    for channels in kernel.variants()
]


@cache
def compiled(source: Path, options: tuple[str, ...]) -> tuple[bytes, str]:
    """Once for all kernels of a file that are compiled alike."""
    return nvrtc.compile_cubin(source.read_text(), options)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("kernel", "channels"), ROWS)
def test_kernel_compiles_within_its_budgets(kernel: Kernel, channels: int, architecture: str) -> None:
    options = (*kernel.options(channels), f"--gpu-architecture={architecture}", "--ptxas-options=-v")
    cubin, log = compiled(kernel.path, options)
    assert cubin.startswith(b"\x7fELF")
    assert "warning" not in log
    taken = nvrtc.resources(log)[kernel.name]
    assert taken.registers <= kernel.registers
    assert taken.shared <= kernel.shared
    assert taken.spills <= kernel.spills


@pytest.mark.parametrize(("kernel", "channels"), [row for row in ROWS if not row.values[0].fused])
def test_exact_arithmetic_is_left_as_it_is_written(kernel: Kernel, channels: int) -> None:
    """No fused multiplication, no approximate division or root, no number flushed to zero."""
    options = (*kernel.options(channels), "--gpu-architecture=compute_90")
    instructions = set(
        re.findall(r"\b[a-z]+(?:\.[a-z0-9]+)*\.f(?:32|64)\b", nvrtc.compile_ptx(kernel.path.read_text(), options))
    )
    assert {name.split(".")[0] for name in instructions} & {"mul", "add", "sub", "cvt", "setp"}
    for name in instructions:
        assert not re.search(r"fma|mad|approx|full|ftz", name), name
