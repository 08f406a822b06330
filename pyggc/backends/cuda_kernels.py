"""The table of the GPU's kernels: what the loader, the compile test and the simulator know of each.

Nothing here needs a GPU, a driver or CuPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyggc._native

_NATIVE = Path(pyggc._native.__file__).parent

#: Where the ``.cu`` files lie.
SOURCES = _NATIVE / "cuda"
#: Where the headers lie that they share with the CPU.
HEADERS = _NATIVE / "include"

#: How NVRTC compiles every kernel. The exact renderer's bits need all four of the arithmetic ones.
OPTIONS = ("--std=c++17", "--ftz=false", "--prec-div=true", "--prec-sqrt=true")

#: Threads of a warp.
WARP = 32

#: The most channels that an image has.
MAX_CHANNELS = 4

#: The pixels of a tile of the exact renderer: one block renders it, two pixels a thread.
TILE_WIDTH = 32
TILE_HEIGHT = 16


@dataclass(frozen=True)
class Kernel:
    """One row of the table.

    Parameters
    ----------
    name : str
        The function's name.
    source : str
        Its file, within `SOURCES`.
    block : int
        Threads of a block; the source knows them as ``BLOCK``.
    registers : int
        The most registers that a thread may take.
    shared : int
        The most bytes of shared memory that a block may take.
    spills : int
        The most bytes that a thread may spill to memory, stores and loads together.
    by_channels : bool
        Whether it is compiled for each number of channels, which the source knows as ``CHANNELS``.
    fused : bool
        Whether the compiler may fuse a multiplication and an addition: never where bits are promised.
    constants : tuple of (str, int)
        What else the source knows by name.
    """

    name: str
    source: str
    block: int
    registers: int
    shared: int = 0
    spills: int = 0
    by_channels: bool = False
    fused: bool = False
    constants: tuple[tuple[str, int], ...] = ()

    @property
    def path(self) -> Path:
        """The file that holds it."""
        return SOURCES / self.source

    def by_thread(self, items: int) -> int:
        """Return how many blocks so many items take, with a thread for each: at least one."""
        return max(1, -(-items // self.block))

    def by_warp(self, items: int) -> int:
        """Return how many blocks so many items take, with a warp for each: at least one."""
        return self.by_thread(items * WARP)

    def variants(self) -> Iterator[int]:
        """The numbers of channels that it is compiled for; 0 is for any."""
        yield from range(1, MAX_CHANNELS + 1) if self.by_channels else (0,)

    def defines(self, channels: int) -> tuple[str, ...]:
        """Compiler options that tell the source its constants.

        Raises
        ------
        ValueError
            If there is no such variant.
        """
        if channels not in self.variants():
            raise ValueError(f"{self.name} has no variant for {channels} channels")
        constants = {"BLOCK": self.block, **dict(self.constants)}
        if channels:
            constants["CHANNELS"] = channels
        return tuple(f"-D{name}={value}" for name, value in constants.items())

    def options(self, channels: int) -> tuple[str, ...]:
        """All that NVRTC is told, but for the architecture."""
        fused = "true" if self.fused else "false"
        return (*OPTIONS, f"--fmad={fused}", f"--include-path={HEADERS}", *self.defines(channels))


_TILE = (("TILE_WIDTH", TILE_WIDTH), ("TILE_HEIGHT", TILE_HEIGHT))


def _fit(name: str, source: str, **budget: Any) -> Kernel:
    """A kernel of the fit: its bits are promised to nobody but the same device and the same version."""
    return Kernel(f"ggc_fit_{name}", source, fused=True, constants=_TILE, **budget)


#: All kernels by their names.
KERNELS = {
    kernel.name: kernel
    for kernel in (
        Kernel("ggc_bin_count", "render_bin.cu", block=256, registers=64),
        Kernel("ggc_bin_scan", "render_bin.cu", block=1024, registers=40, shared=128),
        Kernel("ggc_bin_fill", "render_bin.cu", block=256, registers=64),
        Kernel(
            "ggc_render_forward",
            "render_forward.cu",
            block=256,
            registers=64,
            shared=12288,
            by_channels=True,
            constants=_TILE,
        ),
        Kernel("ggc_render_work", "render_work.cu", block=256, registers=64),
        Kernel("ggc_compact_dequantize", "compact.cu", block=256, registers=64),
        _fit("turn", "fit_step.cu", block=1024, registers=64, shared=512),
        _fit("aim", "fit_step.cu", block=256, registers=64, shared=128),
        _fit("decide", "fit_step.cu", block=256, registers=64, shared=256),
        _fit("manage", "fit_step.cu", block=256, registers=64),
        _fit("conjugate", "fit_move.cu", block=256, registers=64, shared=128, by_channels=True),
        _fit("retract", "fit_move.cu", block=256, registers=64, shared=128, by_channels=True),
        _fit("forward", "fit_forward.cu", block=256, registers=64, shared=12800, by_channels=True),
        _fit("gather", "fit_gather.cu", block=256, registers=80, spills=128, by_channels=True),
        _fit("ssim", "fit_loss.cu", block=256, registers=64, shared=24576),
        _fit("slope", "fit_loss.cu", block=256, registers=80, shared=49152),
        _fit("cells_count", "fit_removal.cu", block=256, registers=64),
        _fit("cells_fill", "fit_removal.cu", block=256, registers=64),
        _fit("removal", "fit_removal.cu", block=64, registers=128, spills=320),
        _fit("rank", "fit_removal.cu", block=256, registers=40, shared=1024),
        _fit("energy", "fit_draw.cu", block=256, registers=64),
        _fit("edges", "fit_draw.cu", block=256, registers=64),
        _fit("level", "fit_draw.cu", block=256, registers=64),
        _fit("look", "fit_draw.cu", block=256, registers=64),
        _fit("blur", "fit_draw.cu", block=256, registers=64, shared=512),
        _fit("row_sums", "fit_draw.cu", block=256, registers=64, shared=64),
        _fit("pick", "fit_draw.cu", block=256, registers=64),
        _fit("row_starts", "fit_draw.cu", block=1024, registers=64, shared=8192),
        _fit("distinct", "fit_draw.cu", block=1024, registers=64, shared=8192),
        _fit("relocate", "fit_relocate.cu", block=256, registers=64, spills=32, by_channels=True),
    )
}
