"""The bytes of a file to Gaussians, and to an image."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc.arguments import as_integer, as_pair
from pyggc.backends import get_backend
from pyggc.codec.drawing import Drawing
from pyggc.container import Container, Limits, Metadata, Residual, read_container, read_start
from pyggc.container.compact import read_levels
from pyggc.errors import BitstreamError, PartialImageWarning, TruncatedStream
from pyggc.gaussians import Gaussians2D
from pyggc.render import render_work, resolve
from pyggc.residual import LayerReader

if TYPE_CHECKING:
    import os

    from numpy.typing import DTypeLike, NDArray

#: Of the samples that a decoder gives.
DTYPES = tuple(np.dtype(name) for name in ("uint8", "uint16", "float32"))


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
            ``width``, ``height``, ``channels``, ``bit_depth``, ``alpha``, ``num_gaussians``, ``residual`` (``"none"``,
            ``"lossy"`` or ``"lossless"``); and ``timestamp``
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
        about["residual"] = header.residual.name.lower()
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
    layers: str = "all",
    strict: bool = True,
    device: str = "cpu",
) -> NDArray[Any]:
    """Decode a file to an image: the same pixels on every machine.

    At the original's size a file with a residual gives what its encoder promised, bit for bit the original if it is
    lossless. At any other size the Gaussians are drawn sharp, and what the residual adds to them at its own size is
    interpolated, or averaged, to the new one.

    Parameters
    ----------
    data : bytes-like
        A `.ggc` file.
    size : (int, int), optional
        Width and height of the output; by default the original's. Gaussians are sharp at any size.
    region : (int, int, int, int), optional
        Left, top, width and height of a part of the output, in its pixels.
    supersample : int
        1 to 16: each pixel of the Gaussians is the mean of a square of samples with so many on a side. With the
        residual at the original's size it must be 1.
    dtype : dtype, optional
        uint8, uint16 or float32; by default the original's.
    threads : int, optional
        The most threads to use; by default as many as there are processors.
    limits : Limits, optional
        What the file may ask for.
    layers : {"all", "gaussian"}
        ``"gaussian"`` leaves the residual out.
    strict : bool
        False: a file that was cut off within its residual gives its Gaussians, with a `PartialImageWarning`.
    device : {"cpu", "cuda", "auto"}
        Where the Gaussians are drawn. With ``"cuda"`` the image stays on the GPU, as CuPy's array; ``"auto"`` is a GPU
        if one can be used, else the CPU, and gives NumPy's array either way.

    Returns
    -------
    ndarray, shape (H, W), (H, W, 3) or (H, W, 4)

    Raises
    ------
    BitstreamError
        If the file is malformed; `LimitExceeded` if it asks for more than the limits allow.
    ValueError, TypeError
        If an argument is out of range or of the wrong type.
    DeviceError
        If the device cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> import pyggc as gc
    >>> stream = gc.encode(np.full((40, 60, 3), 0.5), num_gaussians=1, effort=1)
    >>> gc.decode(stream, size=(120, 80), region=(10, 20, 30, 40), dtype="uint8").shape
    (40, 30, 3)
    """
    drawing = _open(data, limits, size, region, supersample, dtype, None, threads, layers, strict, device)
    return drawing.draw(drawing.frame.region)


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
    layers: str = "all",
    strict: bool = True,
    device: str = "cpu",
) -> Iterator[NDArray[Any]]:
    """Decode a file from top to bottom in strips, of which only one needs to be in memory.

    Parameters
    ----------
    data : bytes-like
        A `.ggc` file.
    rows : int
        Rows of a strip, at least 1; the last may have fewer.
    size, region, supersample, dtype, threads, limits, layers, strict, device
        As for `decode`. Of the limits, `max_image_bytes` is that of one strip, and of the whole original where a
        residual is drawn at another size than its own.

    Returns
    -------
    iterator of ndarray
        One below the other, the strips are what `decode` returns.

    Raises
    ------
    BitstreamError, ValueError, TypeError, DeviceError
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
    drawing = _open(data, limits, size, region, supersample, dtype, rows, threads, layers, strict, device)
    left, top, columns, total = drawing.frame.region
    return (drawing.draw((left, y, columns, min(rows, top + total - y))) for y in range(top, top + total, rows))


def _open(
    data: bytes | bytearray | memoryview,
    limits: Limits | None,
    size: tuple[int, int] | None,
    region: tuple[int, int, int, int] | None,
    supersample: int,
    dtype: DTypeLike | None,
    rows: int | None,
    threads: int | None,
    layers: str,
    strict: bool,
    device: str,
) -> Drawing:
    """A file, and what is to be drawn of it, so many rows at a time; all checked."""
    backend = get_backend(device)
    limits = _check_limits(limits)
    if layers not in ("all", "gaussian"):
        raise ValueError(f'layers must be "all" or "gaussian", not {layers!r}')
    # It is the output that takes memory, whatever the size of the original.
    read = read_container if strict else _read_what_is_there
    container = read(data, replace(limits, max_image_bytes=sys.maxsize))
    header = container.header
    width, height = (header.width, header.height) if size is None else as_pair("size", size)
    threads = None if threads is None else as_integer("threads", threads, 1, 2**31 - 1)
    gaussians = _read_gaussians(container, limits, threads)
    frame = resolve(gaussians, width, height, region, supersample)
    kind = np.dtype(header.dtype if dtype is None else dtype)
    if kind not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(d.name for d in DTYPES)}, got {kind}")
    _, _, columns, total = frame.region
    drawn = total if rows is None else min(rows, total)
    where = f"the output at {width}x{height}" if rows is None else f"{rows} rows of the output at {width}x{height}"
    limits.check("max_image_bytes", columns * drawn * header.channels * kind.itemsize, where)
    residual = _read_residual(container) if layers == "all" else None
    drawing = Drawing(gaussians, header, frame, kind, supersample, residual, threads, backend, on_host=device != "cuda")
    limits.check("max_render_work", _work(drawing, limits), f"the Gaussians at {width}x{height}")
    return drawing


def _read_what_is_there(data: bytes | bytearray | memoryview, limits: Limits) -> Container:
    """A file; or the Gaussians of one that is cut off after them, with a warning."""
    try:
        return read_container(data, limits)
    except TruncatedStream as error:
        start = read_start(data, limits)
        if start is None:
            raise
        warnings.warn(f"only the Gaussians are decoded: {error}", PartialImageWarning, stacklevel=4)
        return start


def _read_residual(container: Container) -> LayerReader | None:
    header = container.header
    if header.residual == Residual.NONE:
        if container.find("RESI"):
            raise BitstreamError("header at byte 36: expected a residual, as there is a section RESI, found 0")
        return None
    section = container.section("RESI")
    return LayerReader(
        section.data,
        section.offset,
        (header.width, header.height),
        header.channels,
        header.tile_size,
        lossless=header.residual == Residual.LOSSLESS,
    )


def _work(drawing: Drawing, limits: Limits) -> int:
    """Pixel evaluations of all Gaussians that are drawn, those under a residual included; which is checked."""
    gaussians, header, frame, residual = drawing.gaussians, drawing.header, drawing.frame, drawing.residual
    if residual is not None and (frame.width, frame.height) == (header.width, header.height):
        if drawing.supersample != 1:
            raise ValueError("supersample must be 1 at the original's size, where the residual is exact")
        # A pixel of a tile takes the whole tile.
        return render_work(gaussians, frame.width, frame.height, region=residual.span(frame.region))
    work = render_work(gaussians, frame.width, frame.height, region=frame.region, supersample=drawing.supersample)
    if residual is not None:
        size = header.width * header.height * header.channels * header.dtype.itemsize
        limits.check("max_image_bytes", size, "header at byte 8")
        work += render_work(gaussians, header.width, header.height)
    return work


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
