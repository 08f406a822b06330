"""The public door of the exact renderer: arguments checked, sizes resolved, memory set aside."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc.backends import Backend, get_backend
from pyggc.gaussians import MAX_COORDINATE, Gaussians2D
from pyggc.render.footprint import scale_parameters

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

Region = tuple[int, int, int, int]

#: The types that an image can be rendered to; int32 holds the accumulators, in units of 2^-20.
DTYPES = tuple(np.dtype(name) for name in ("uint8", "uint16", "float32", "int32"))
MAX_SUPERSAMPLE = 16


@dataclass(frozen=True)
class Frame:
    """A resolved output: the size of the whole image, the region of it, and the samples a pixel and direction."""

    width: int
    height: int
    region: Region
    supersample: int

    def parameters(
        self, gaussians: Gaussians2D
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Means, Cholesky factors and colors in the pixels that are evaluated."""
        k = self.supersample
        return scale_parameters(
            gaussians.means,
            gaussians.cholesky,
            gaussians.colors,
            gaussians.opacities,
            self.width * k / (gaussians.width or self.width),
            self.height * k / (gaussians.height or self.height),
        )


def rasterize(
    gaussians: Gaussians2D,
    width: int | None = None,
    height: int | None = None,
    *,
    region: Region | None = None,
    supersample: int = 1,
    dtype: DTypeLike = np.uint8,
    clip: bool = True,
    threads: int | None = None,
    backend: Backend | str = "cpu",
) -> NDArray[Any]:
    """Draw Gaussians with the sum blend, exactly as the ``.ggc`` specification says.

    The result has the same bits on every machine and device, for any number of threads and any SIMD variant.

    Parameters
    ----------
    gaussians : Gaussians2D
        What to draw, in source pixels.
    width, height : int, optional
        Size of the whole image, 1 to 2^20. They default to the size of the source; one alone keeps its proportions.
        If the Gaussians know their source's size, they are scaled to this one, and filtered where it is smaller;
        if not, both are needed and nothing is scaled.
    region : (x, y, width, height), optional
        The part of the image to draw, in output pixels, within the image; by default all of it.
    supersample : int
        1 to 16: draw at so many times the size, and average in integers.
    dtype : dtype
        uint8 and uint16 (the maximum is white, values clipped and rounded), float32 (white is 1) or int32 (the
        renderer's accumulators, 2^20 is white, never clipped).
    clip : bool
        Whether float32 values are clipped to [0, 1].
    threads : int, optional
        The most threads to use; by default what OpenMP offers.
    backend : Backend or {"cpu", "cuda", "auto"}
        Where to draw; see `pyggc.backends.get_backend`.

    Returns
    -------
    ndarray, shape (height, width) for one channel, else (height, width, C)
        The region, or the image; an array of the backend: for CUDA CuPy's.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range or of a wrong type; the message names it.
    DeviceError
        If the device cannot be used.

    Examples
    --------
    >>> from pyggc.gaussians import Gaussians2D
    >>> from pyggc.render import rasterize
    >>> spot = Gaussians2D([[1.0, 1.0]], [[0.7, 0.7, 0.0]], [[1.0]], width=3, height=3)
    >>> rasterize(spot)
    array([[ 31,  90,  31],
           [ 90, 255,  90],
           [ 31,  90,  31]], dtype=uint8)
    """
    frame = resolve(gaussians, width, height, region, supersample)
    kind = np.dtype(dtype)
    if kind not in DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(d.name for d in DTYPES)}, got {kind}")
    if not clip and kind.kind == "u":
        raise ValueError(f"clip must be true for {kind}")
    if threads is not None:
        threads = _integer("threads", threads, 2**31 - 1)
    backend = get_backend(backend)
    means, cholesky, colors = map(backend.upload, frame.parameters(gaussians))
    x, y, columns, rows = frame.region
    out = backend.empty((rows, columns, gaussians.num_channels), kind)
    backend.rasterize(means, cholesky, colors, out, x=x, y=y, supersample=frame.supersample, clip=clip, threads=threads)
    return out[:, :, 0] if gaussians.num_channels == 1 else out


def render_work(
    gaussians: Gaussians2D,
    width: int | None = None,
    height: int | None = None,
    *,
    region: Region | None = None,
    supersample: int = 1,
    backend: Backend | str = "cpu",
) -> int:
    """Estimate what `rasterize` will cost, before it draws a pixel.

    Parameters
    ----------
    gaussians, width, height, region, supersample, backend
        As for `rasterize`.

    Returns
    -------
    int
        An upper bound of the sum, over the Gaussians, of the pixels that each covers within the region (with
        supersampling: of the finer pixels). For Gaussians of a pixel or more it is within a factor of two.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range or of a wrong type; the message names it.

    Examples
    --------
    >>> from pyggc.gaussians import Gaussians2D
    >>> from pyggc.render import render_work
    >>> everywhere = Gaussians2D([[4.0, 4.0]], [[1e4, 1e4, 0.0]], [[1.0]], width=8, height=8)
    >>> render_work(everywhere)
    64
    """
    frame, backend = resolve(gaussians, width, height, region, supersample), get_backend(backend)
    means, cholesky, _ = map(backend.upload, frame.parameters(gaussians))
    x, y, columns, rows = (side * frame.supersample for side in frame.region)
    return backend.render_work(means, cholesky, x=x, y=y, width=columns, height=rows)


def near_rows(gaussians: Gaussians2D, height: int, y: int, rows: int) -> NDArray[np.bool_]:
    """Tell which Gaussians may reach rows [y, y + rows) of an image drawn with that height.

    Parameters
    ----------
    gaussians : Gaussians2D
        Of N Gaussians, in source pixels.
    height, y, rows : int
        In output pixels.

    Returns
    -------
    ndarray of bool, shape (N,)
        False only where no pixel of the rows has a weight.
    """
    scale = height / (gaussians.height or height)
    center = (gaussians.means[:, 1].astype(np.float64) + 0.5) * scale
    # A hundredth more than three standard deviations, and two pixels for the footprint of a smaller image.
    reach = 3.01 * scale * np.hypot(gaussians.cholesky[:, 1], gaussians.cholesky[:, 2].astype(np.float64)) + 2.0
    return np.asarray((center + reach >= y) & (center - reach <= y + rows))


def resolve(
    gaussians: Gaussians2D, width: int | None, height: int | None, region: Region | None, supersample: int
) -> Frame:
    """Check what was asked for and fill in what was not."""
    k = _integer("supersample", supersample, MAX_SUPERSAMPLE)
    columns, rows = _size(gaussians, width, height, int(MAX_COORDINATE) // k)
    return Frame(columns, rows, _region(region, columns, rows), k)


def _size(gaussians: Gaussians2D, width: int | None, height: int | None, limit: int) -> tuple[int, int]:
    source = gaussians.width, gaussians.height
    if width is not None:
        width = _integer("width", width, limit)
    if height is not None:
        height = _integer("height", height, limit)
    if width is not None and height is not None:
        return width, height
    if source[0] is None or source[1] is None:
        raise ValueError("width and height are needed: the Gaussians do not know their source's size")
    if width is not None:
        return width, _integer("height", _in_proportion(width, source[1], source[0]), limit)
    if height is not None:
        return _integer("width", _in_proportion(height, source[0], source[1]), limit), height
    return _integer("width", source[0], limit), _integer("height", source[1], limit)


def _region(region: Region | None, width: int, height: int) -> Region:
    if region is None:
        return 0, 0, width, height
    try:
        x, y, columns, rows = map(operator.index, region)
    except (TypeError, ValueError) as error:
        raise ValueError(f"region must be four integers, got {region!r}") from error
    if x < 0 or y < 0 or columns < 1 or rows < 1 or x + columns > width or y + rows > height:
        raise ValueError(f"region must be (x, y, width, height) within {width}x{height}, got {(x, y, columns, rows)}")
    return x, y, columns, rows


def _integer(name: str, value: object, limit: int) -> int:
    """An integer argument, within 1 and the limit."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError as error:
        raise TypeError(f"{name} must be an integer, got {value!r}") from error
    if not 1 <= number <= limit:
        raise ValueError(f"{name} must be within 1 to {limit}, got {number}")
    return number


def _in_proportion(side: int, numerator: int, denominator: int) -> int:
    """Round side * numerator / denominator; at least 1."""
    return max(1, (2 * side * numerator + denominator) // (2 * denominator))
