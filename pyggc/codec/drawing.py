"""An opened file to pixels: of its Gaussians alone, or with the residual over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc.codec.resample import resample, source_rows
from pyggc.pixels import converted
from pyggc.render import near_rows, rasterize
from pyggc.residual import GRAY, render_base

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.backends import Backend
    from pyggc.container import Header
    from pyggc.gaussians import Gaussians2D
    from pyggc.render import Frame, Region
    from pyggc.residual import LayerReader


@dataclass
class Drawing:
    """What is to be drawn of a file, part by part.

    Parameters
    ----------
    gaussians : Gaussians2D
    header : Header
    frame : Frame
        The output's size, and the region of it that is wanted.
    dtype : dtype
        Of the output's samples.
    supersample : int
    residual : LayerReader or None
        None draws the Gaussians alone.
    threads : int or None
    backend : Backend
        Where the Gaussians are drawn that no residual lies over.
    on_host : bool
        Whether the output is NumPy's array, wherever it was drawn, rather than the backend's.
    """

    gaussians: Gaussians2D
    header: Header
    frame: Frame
    dtype: np.dtype[Any]
    supersample: int
    residual: LayerReader | None
    threads: int | None
    backend: Backend
    on_host: bool
    # What was decoded last, and where it lies: strips may share tiles.
    _span: Region | None = field(default=None, init=False)
    _decoded: NDArray[Any] | None = field(default=None, init=False)
    _base: NDArray[np.uint16] | None = field(default=None, init=False)

    def draw(self, region: Region) -> NDArray[Any]:
        """Draw a region of the output: left, top, width and height."""
        if self.residual is None:
            image = self._render(self.dtype, region)
            return self.backend.download(image) if self.on_host else image
        image = self._draw_both(self.residual, region)
        return image if self.on_host else self.backend.upload(image)

    def _draw_both(self, residual: LayerReader, region: Region) -> NDArray[Any]:
        """Draw the Gaussians and what the residual adds to them."""
        size, original = (self.frame.width, self.frame.height), (self.header.width, self.header.height)
        if size == original:
            return self._shaped(converted(self._pixels(residual, region), self.dtype))
        sharp = self.backend.download(self._render(np.dtype(np.uint16), region)).astype(np.int32)
        if len(self.gaussians) == 0:
            sharp[:] = GRAY
        both = sharp.reshape(*sharp.shape[:2], -1) + self._scaled_difference(residual, region)
        return self._shaped(converted(np.clip(both, 0, 65535).astype(np.uint16), self.dtype))

    def _render(self, dtype: np.dtype[Any], region: Region) -> NDArray[Any]:
        """Draw the Gaussians alone, to an array of the backend."""
        frame, (_, top, _, rows), here = self.frame, region, self.gaussians
        if rows < frame.height:
            here = here[near_rows(here, frame.height, top, rows)]
        return rasterize(
            here,
            frame.width,
            frame.height,
            region=region,
            supersample=self.supersample,
            dtype=dtype,
            threads=self.threads,
            backend=self.backend,
        )

    def _pixels(self, residual: LayerReader, region: Region) -> NDArray[Any]:
        """Of the original's size and type, shape (H, W, C)."""
        left, top, width, height = region
        span = residual.span(region)
        if span != self._span or self._decoded is None:
            size = self.header.width, self.header.height
            base = render_base(self.gaussians, size, span, threads=self.threads)
            self._decoded = residual.decode(base, span, self.header.dtype, self.threads)
            self._span, self._base = span, base
        x, y = left - span[0], top - span[1]
        return self._decoded[y : y + height, x : x + width]

    def _scaled_difference(self, residual: LayerReader, region: Region) -> NDArray[np.int32]:
        """What the residual adds to the Gaussians, in units of 16 bits, at the output's size.

        Never more than about a row of tiles is in memory.
        """
        (left, top, width, height), frame, header = region, self.frame, self.header
        count = max(1, header.tile_size * frame.height // header.height)
        out = np.empty((height, width, header.channels), np.int32)
        for y in range(top, top + height, count):
            rows = min(count, top + height - y)
            start, stop = source_rows(header.height, frame.height, y, rows)
            pixels = self._pixels(residual, (0, start, header.width, stop - start))
            assert self._span is not None
            assert self._base is not None
            base = self._base[start - self._span[1] : stop - self._span[1]]
            difference = converted(pixels, np.dtype(np.uint16)).astype(np.int32) - base
            size = frame.width, frame.height
            part = resample(difference, size, (left, y, width, rows), (start, header.height))
            out[y - top : y - top + rows] = part
        return out

    def _shaped(self, pixels: NDArray[Any]) -> NDArray[Any]:
        return np.ascontiguousarray(pixels[:, :, 0] if self.header.channels == 1 else pixels)
