"""The bytes of a file to Gaussians, and to an image."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc.arguments import as_integer, as_pair
from pyggc.container import Container, Limits, Metadata, read_container
from pyggc.container.compact import read_levels
from pyggc.errors import BitstreamError
from pyggc.gaussians import Gaussians2D
from pyggc.render import Frame, near_rows, rasterize, render_work, resolve

if TYPE_CHECKING:
    import os

    from numpy.typing import DTypeLike, NDArray


class GaussianDecoder:
    """Reads files.

    Parameters
    ----------
    limits : Limits, optional
        What a file may ask for.

    Examples
    --------
    >>> import numpy as np
    >>> import pyggc as gc
    >>> stream = gc.encode(np.full((8, 8), 0.5), num_gaussians=1, effort=1)
    >>> gaussians, metadata = gc.GaussianDecoder().loads(stream)
    >>> metadata["width"], metadata["height"]
    (8, 8)
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = _check_limits(limits)

    def load(self, path: str | os.PathLike[str]) -> tuple[Gaussians2D, dict[str, Any]]:
        """Read a file's Gaussians and what it tells of itself.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        gaussians : Gaussians2D
        metadata : dict
            ``width``, ``height``, ``channels``, ``bit_depth``, ``alpha``, ``num_gaussians``; and ``timestamp``
            (`datetime` or None), ``image_hash``, ``psnr``, ``ssim`` (None if the file does not tell) and ``tags``.

        Raises
        ------
        OSError
            If the file cannot be read.
        BitstreamError
            If it is malformed.
        """
        return self.loads(Path(path).read_bytes())

    def loads(self, data: bytes | bytearray | memoryview) -> tuple[Gaussians2D, dict[str, Any]]:
        """Do the same for the bytes of a file.

        Parameters
        ----------
        data : bytes-like

        Returns
        -------
        gaussians, metadata
            As for `load`.

        Raises
        ------
        BitstreamError
            If the file is malformed; `LimitExceeded` if it asks for more than the limits allow.
        TypeError
            If `data` is not bytes-like.
        """
        container = read_container(data, self.limits)
        gaussians = _read_gaussians(container, self.limits)
        header, metadata = container.header, container.metadata or Metadata()
        about = {name: getattr(header, name) for name in ("width", "height", "channels", "bit_depth", "alpha")}
        about["num_gaussians"] = len(gaussians)
        about |= {name: getattr(metadata, name) for name in ("timestamp", "image_hash", "psnr", "ssim")}
        about["tags"] = dict(metadata.tags)
        return gaussians, about


def decode(
    data: bytes | bytearray | memoryview,
    *,
    size: tuple[int, int] | None = None,
    region: tuple[int, int, int, int] | None = None,
    supersample: int = 1,
    dtype: DTypeLike | None = None,
    threads: int | None = None,
    limits: Limits | None = None,
) -> NDArray[Any]:
    """Decode a file to an image: the same pixels on every machine.

    Parameters
    ----------
    data : bytes-like
        A `.ggc` file.
    size : (int, int), optional
        Width and height of the output; by default the original's. Any size is sharp: nothing is resampled.
    region : (int, int, int, int), optional
        Left, top, width and height of a part of the output, in its pixels.
    supersample : int
        1 to 16: each pixel is the mean of a square of samples with so many on a side.
    dtype : dtype, optional
        uint8, uint16 or float32; by default the original's.
    threads : int, optional
        The most threads to use; by default as many as there are processors.
    limits : Limits, optional
        What the file may ask for.

    Returns
    -------
    ndarray, shape (H, W), (H, W, 3) or (H, W, 4)

    Raises
    ------
    BitstreamError
        If the file is malformed; `LimitExceeded` if it asks for more than the limits allow.
    ValueError, TypeError
        If an argument is out of range or of the wrong type.

    Examples
    --------
    >>> import numpy as np
    >>> import pyggc as gc
    >>> stream = gc.encode(np.full((40, 60, 3), 0.5), num_gaussians=1, effort=1)
    >>> gc.decode(stream, size=(120, 80), region=(10, 20, 30, 40), dtype="uint8").shape
    (40, 30, 3)
    """
    gaussians, frame, kind = _open(data, limits, size, region, supersample, dtype, None, threads)
    return rasterize(
        gaussians,
        frame.width,
        frame.height,
        region=frame.region,
        supersample=supersample,
        dtype=kind,
        threads=threads,
    )


def decode_strips(
    data: bytes | bytearray | memoryview,
    *,
    rows: int = 256,
    size: tuple[int, int] | None = None,
    region: tuple[int, int, int, int] | None = None,
    supersample: int = 1,
    dtype: DTypeLike | None = None,
    threads: int | None = None,
    limits: Limits | None = None,
) -> Iterator[NDArray[Any]]:
    """Decode a file from top to bottom in strips, of which only one needs to be in memory.

    Parameters
    ----------
    data : bytes-like
        A `.ggc` file.
    rows : int
        Rows of a strip, at least 1; the last may have fewer.
    size, region, supersample, dtype, threads, limits
        As for `decode`. Of the limits, `max_image_bytes` is that of one strip.

    Returns
    -------
    iterator of ndarray
        One below the other, the strips are what `decode` returns.

    Raises
    ------
    BitstreamError, ValueError, TypeError
        As for `decode`, before the first strip is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> import pyggc as gc
    >>> stream = gc.encode(np.full((40, 60), 0.5), num_gaussians=1, effort=1)
    >>> [strip.shape for strip in gc.decode_strips(stream, rows=16)]
    [(16, 60), (16, 60), (8, 60)]
    """
    rows = as_integer("rows", rows, 1)
    gaussians, frame, kind = _open(data, limits, size, region, supersample, dtype, rows, threads)
    left, top, columns, total = frame.region

    def strips() -> Iterator[NDArray[Any]]:
        for y in range(top, top + total, rows):
            part = left, y, columns, min(rows, top + total - y)
            here = gaussians[near_rows(gaussians, frame.height, y, part[3])]
            yield rasterize(
                here,
                frame.width,
                frame.height,
                region=part,
                supersample=supersample,
                dtype=kind,
                threads=threads,
            )

    return strips()


def _open(
    data: bytes | bytearray | memoryview,
    limits: Limits | None,
    size: tuple[int, int] | None,
    region: tuple[int, int, int, int] | None,
    supersample: int,
    dtype: DTypeLike | None,
    rows: int | None,
    threads: int | None,
) -> tuple[Gaussians2D, Frame, np.dtype[Any]]:
    """The Gaussians of a file, what is to be drawn, so many rows at a time, and the samples' type; all checked."""
    limits = _check_limits(limits)
    # It is the output that takes memory, whatever the size of the original.
    container = read_container(data, replace(limits, max_image_bytes=sys.maxsize))
    header = container.header
    width, height = (header.width, header.height) if size is None else as_pair("size", size)
    gaussians = _read_gaussians(container, limits, threads)
    frame = resolve(gaussians, width, height, region, supersample)
    kind = np.dtype(header.dtype if dtype is None else dtype)
    _, _, columns, total = frame.region
    drawn = total if rows is None else min(rows, total)
    where = f"the output at {width}x{height}" if rows is None else f"{rows} rows of the output at {width}x{height}"
    limits.check("max_image_bytes", columns * drawn * header.channels * kind.itemsize, where)
    work = render_work(gaussians, width, height, region=region, supersample=supersample)
    limits.check("max_render_work", work, f"the Gaussians at {width}x{height}")
    return gaussians, frame, kind


def _read_gaussians(container: Container, limits: Limits, threads: int | None = None) -> Gaussians2D:
    header = container.header
    # Before the sections are decoded: a few bytes can hold any number of Gaussians that are all alike.
    crowd = -(-header.num_gaussians // header.file_size)
    limits.check("max_gaussians_a_byte", crowd, "header at byte 16")
    levels, quantizer = read_levels(container, threads)
    try:
        return quantizer.dequantize(levels)
    except ValueError as error:
        raise BitstreamError(f"the Gaussian sections at byte {container.section('PLAN').offset}: {error}") from None


def _check_limits(limits: Limits | None) -> Limits:
    if limits is not None and not isinstance(limits, Limits):
        raise TypeError(f"limits must be Limits, not {limits!r}")
    return Limits() if limits is None else limits
