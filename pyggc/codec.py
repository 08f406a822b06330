"""The pipeline, top to bottom: an image to the bytes of a `.ggc` file, and back."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyggc import evaluate
from pyggc.container import (
    Container,
    Header,
    Limits,
    Metadata,
    Section,
    atomic_write,
    image_hash,
    read_container,
    write_container,
)
from pyggc.container.compact import read_levels
from pyggc.errors import BitstreamError
from pyggc.fit import FitProgress, Fitter, LossWeights
from pyggc.fit.pyramid import pyramid
from pyggc.gaussians import Gaussians2D
from pyggc.pixels import Pixels, as_pixels
from pyggc.rate import EFFORTS, Budget, Goal, Outcome, Search
from pyggc.render import rasterize, render_work

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, DTypeLike, NDArray

#: Decibels that `encode` aims at when nothing else is asked for.
DEFAULT_QUALITY = 30.0
DEFAULT_EFFORT = 5

#: As many as a decoder takes by default.
MAX_GAUSSIANS = Limits().max_gaussians

Callback = Callable[[FitProgress], "bool | None"]


@dataclass(frozen=True)
class EncodeReport:
    """What came of an encoding.

    Attributes
    ----------
    psnr, ssim : float
        Of the decoded file against the image; decibels, and at most 1.
    bpp : float
        Bits of the whole file a pixel.
    num_bytes, num_gaussians : int
        Size of the file, and how many Gaussians it has.
    float_psnr : float
        Decibels of the fit before quantization.
    iterations : int
        Steps of the fit.
    seconds : float
        Time taken.
    reached : bool
        Whether the quality or size that was asked for was met.
    reason : str
        If not, why.
    """

    psnr: float
    ssim: float
    bpp: float
    num_bytes: int
    num_gaussians: int
    float_psnr: float
    iterations: int
    seconds: float
    reached: bool
    reason: str


class GaussianEncoder:
    """Fits Gaussians to an image and writes them to a file.

    Give at most one of `num_gaussians`, `quality` and `bpp`; with none, the quality is 30 dB.

    Parameters
    ----------
    num_gaussians : int, optional
        How many Gaussians to fit, at least 1.
    quality : float, optional
        The PSNR in decibels that the decoded file should have.
    bpp : float, optional
        The most bits a pixel that the file should take.
    effort : int
        1 (fastest) to 9 (smallest files).
    seed : int
        Of all that is drawn at random: one seed gives the same file for any number of threads.
    threads : int, optional
        The most threads to use; by default as many as there are processors.
    loss : LossWeights, optional
        What the fit minimizes; the squared error by default. Goals are in PSNR whatever the loss.
    timestamp : datetime, "now" or None
        The time of creation that the file tells; None leaves it out, which makes encoding deterministic.
    tags : mapping of str to str or bytes, optional
        Kept in the file, such as ``{"icc": profile}``.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of the wrong type.

    Examples
    --------
    >>> import numpy as np
    >>> import pyggc as gc
    >>> image = np.linspace(0, 1, 64 * 48).reshape(48, 64)
    >>> encoder = gc.GaussianEncoder(num_gaussians=40, effort=2, timestamp=None)
    >>> gaussians = encoder.fit(image)
    >>> stream = encoder.to_bytes()
    >>> encoder.report.psnr > 30
    True
    """

    def __init__(
        self,
        num_gaussians: int | None = None,
        *,
        quality: float | None = None,
        bpp: float | None = None,
        effort: int = DEFAULT_EFFORT,
        seed: int = 0,
        threads: int | None = None,
        loss: LossWeights | None = None,
        timestamp: datetime | str | None = "now",
        tags: Mapping[str, str | bytes] | None = None,
    ) -> None:
        self.goal = _check_goal(num_gaussians, quality, bpp)
        self.effort = EFFORTS[_integer("effort", effort, min(EFFORTS), max(EFFORTS))]
        self.seed = _integer("seed", seed, 0)
        self.threads = None if threads is None else _integer("threads", threads, 1, 2**31 - 1)
        if loss is not None and not isinstance(loss, LossWeights):
            raise TypeError(f"loss must be LossWeights, not {loss!r}")
        self.loss = loss
        if isinstance(timestamp, str) and timestamp != "now":
            raise ValueError(f'timestamp must be a datetime, "now" or None, not {timestamp!r}')
        if tags is not None and not isinstance(tags, Mapping):
            raise TypeError(f"tags must be a mapping of str to str or bytes, not {tags!r}")
        self._dated_now = timestamp == "now"
        # Checked here, and not after a long fit.
        self._metadata = Metadata(timestamp=None if isinstance(timestamp, str) else timestamp, tags=tags or {})
        self._stream: bytes | None = None
        self._report: EncodeReport | None = None

    def fit(
        self,
        image: ArrayLike,
        max_time_seconds: float | None = None,
        max_iterations: int | None = None,
        callback: Callback | None = None,
    ) -> Gaussians2D:
        """Fit an image.

        Parameters
        ----------
        image : array_like, shape (H, W), (H, W, 3) or (H, W, 4)
            Gray, RGB or RGBA; uint8, uint16, or floats in [0, 1].
        max_time_seconds : float, optional
            Start nothing new after so long; what was begun, and writing the file, may take a little longer.
        max_iterations : int, optional
            The most steps of the fit in all.
        callback : callable, optional
            Called with a `FitProgress` after every step; fitting ends early, with what there is, if it returns True.

        Returns
        -------
        Gaussians2D
            What the file holds: quantized, as a decoder gives them.

        Raises
        ------
        ValueError, TypeError
            If the image is not as said above, or a limit is not positive.
        """
        if max_time_seconds is not None:
            _check_positive("max_time_seconds", max_time_seconds, "number of seconds")
        if max_iterations is not None:
            max_iterations = _integer("max_iterations", max_iterations, 1)
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable, not {callback!r}")
        pixels = as_pixels(image)
        budget = Budget(max_time_seconds, max_iterations, callback)
        fitters = [
            Fitter(planes, loss=self.loss, seed=self.seed, threads=self.threads) for planes in pyramid(pixels.planes())
        ]
        overhead = len(self._file(pixels, 0, [], 0.0, 0.0))
        search = Search(fitters, self.effort, lambda g: _psnr(pixels, g, self.threads), budget, self.seed, overhead)
        outcome = search.run(self.goal)
        self._write(pixels, outcome, budget.elapsed)
        return outcome.chosen.gaussians

    def _write(self, pixels: Pixels, outcome: Outcome, seconds: float) -> None:
        chosen = outcome.chosen
        decoded = rasterize(chosen.gaussians, dtype=pixels.samples.dtype, threads=self.threads)
        psnr, ssim = evaluate.psnr(pixels.samples, decoded), evaluate.ssim(pixels.samples, decoded)
        self._stream = self._file(pixels, len(chosen.levels), chosen.sections, psnr, ssim)
        bpp = 8.0 * len(self._stream) / (pixels.width * pixels.height)
        shortfall = outcome.shortfall
        if not shortfall and self.goal.bpp is not None and bpp > self.goal.bpp:
            shortfall = "a file of this image cannot be so small"
        self._report = EncodeReport(
            psnr=psnr,
            ssim=ssim,
            bpp=bpp,
            num_bytes=len(self._stream),
            num_gaussians=len(chosen.levels),
            float_psnr=outcome.float_psnr,
            iterations=outcome.iterations,
            seconds=seconds,
            reached=not shortfall,
            reason=shortfall,
        )

    def _file(self, pixels: Pixels, count: int, sections: list[Section], psnr: float, ssim: float) -> bytes:
        header = Header(
            width=pixels.width,
            height=pixels.height,
            num_gaussians=count,
            channels=pixels.channels,
            bit_depth=pixels.bit_depth,
            alpha=pixels.channels == 4,
        )
        metadata = replace(self._metadata, image_hash=image_hash(pixels.samples), psnr=psnr, ssim=ssim)
        if self._dated_now:
            metadata = replace(metadata, timestamp=datetime.now(UTC))
        return write_container(header, sections, metadata)

    @property
    def report(self) -> EncodeReport:
        """What came of the last fit; a ValueError before the first."""
        if self._report is None:
            raise ValueError("nothing is encoded yet: call fit first")
        return self._report

    def to_bytes(self) -> bytes:
        """Return the file's bytes.

        Raises
        ------
        ValueError
            If nothing is encoded yet.
        """
        if self._stream is None:
            raise ValueError("nothing is encoded yet: call fit first")
        return self._stream

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file; a failure leaves nothing half-written.

        Raises
        ------
        OSError
            If it cannot be written.
        ValueError
            If nothing is encoded yet.
        """
        atomic_write(path, self.to_bytes())


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
        gaussians = _read_gaussians(container)
        header, metadata = container.header, container.metadata or Metadata()
        about = {name: getattr(header, name) for name in ("width", "height", "channels", "bit_depth", "alpha")}
        about["num_gaussians"] = len(gaussians)
        about |= {name: getattr(metadata, name) for name in ("timestamp", "image_hash", "psnr", "ssim")}
        about["tags"] = dict(metadata.tags)
        return gaussians, about


def encode(
    image: ArrayLike,
    *,
    quality: float | None = None,
    bpp: float | None = None,
    num_gaussians: int | None = None,
    effort: int = DEFAULT_EFFORT,
    seed: int = 0,
    threads: int | None = None,
    loss: LossWeights | None = None,
    max_time_seconds: float | None = None,
    max_iterations: int | None = None,
    timestamp: datetime | str | None = "now",
    tags: Mapping[str, str | bytes] | None = None,
    callback: Callback | None = None,
) -> bytes:
    """Encode an image; see `GaussianEncoder` and its `fit` for the parameters.

    Returns
    -------
    bytes
        A `.ggc` file. If the quality or size cannot be had it is the nearest there is: `GaussianEncoder.report` tells.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of the wrong type.

    Examples
    --------
    >>> import numpy as np
    >>> import pyggc as gc
    >>> image = np.linspace(0, 1, 64 * 48).reshape(48, 64)
    >>> stream = gc.encode(image, quality=30, effort=2)
    >>> gc.decode(stream).shape
    (48, 64)
    """
    encoder = GaussianEncoder(
        num_gaussians,
        quality=quality,
        bpp=bpp,
        effort=effort,
        seed=seed,
        threads=threads,
        loss=loss,
        timestamp=timestamp,
        tags=tags,
    )
    encoder.fit(image, max_time_seconds, max_iterations, callback)
    return encoder.to_bytes()


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
    limits = _check_limits(limits)
    container = read_container(data, limits)
    header = container.header
    gaussians = _read_gaussians(container)
    width, height = (header.width, header.height) if size is None else _pair("size", size)
    work = render_work(gaussians, width, height, region=region, supersample=supersample)
    limits.check("max_render_work", work, "the Gaussians")
    return rasterize(
        gaussians,
        width,
        height,
        region=region,
        supersample=supersample,
        dtype=header.dtype if dtype is None else dtype,
        threads=threads,
    )


def _read_gaussians(container: Container) -> Gaussians2D:
    levels, quantizer = read_levels(container)
    try:
        return quantizer.dequantize(levels)
    except ValueError as error:
        raise BitstreamError(f"the Gaussian sections at byte {container.section('PLAN').offset}: {error}") from None


def _psnr(pixels: Pixels, gaussians: Gaussians2D, threads: int | None) -> float:
    """Decibels of the image that a decoder makes of the Gaussians."""
    decoded = rasterize(gaussians, dtype=pixels.samples.dtype, threads=threads)
    return evaluate.psnr(pixels.samples, decoded)


def _check_limits(limits: Limits | None) -> Limits:
    if limits is not None and not isinstance(limits, Limits):
        raise TypeError(f"limits must be Limits, not {limits!r}")
    return Limits() if limits is None else limits


def _check_goal(num_gaussians: int | None, quality: float | None, bpp: float | None) -> Goal:
    given = [
        name for name, v in (("num_gaussians", num_gaussians), ("quality", quality), ("bpp", bpp)) if v is not None
    ]
    if len(given) > 1:
        raise ValueError(f"give only one of num_gaussians, quality and bpp, not {' and '.join(given)}")
    if num_gaussians is not None:
        num_gaussians = _integer("num_gaussians", num_gaussians, 1, MAX_GAUSSIANS)
    if quality is not None:
        _check_positive("quality", quality, "number of decibels")
    if bpp is not None:
        _check_positive("bpp", bpp, "number of bits a pixel")
    return Goal(quality, bpp, num_gaussians) if given else Goal(quality=DEFAULT_QUALITY)


def _integer(name: str, value: object, low: int, high: float = math.inf) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    if not low <= number <= high:
        bounds = f"at least {low}" if math.isinf(high) else f"from {low} to {high}"
        raise ValueError(f"{name} must be {bounds}, not {number}")
    return number


def _check_positive(name: str, value: float, what: str) -> None:
    # Text that looks like a number is none.
    if isinstance(value, str | bytes):
        raise TypeError(f"{name} must be a {what}, not {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a {what}, not {value!r}") from None
    if not 0.0 < number < math.inf:
        raise ValueError(f"{name} must be a positive {what}, not {value}")


def _pair(name: str, value: object) -> tuple[int, int]:
    try:
        first, second = map(operator.index, value)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be two integers, not {value!r}") from None
    return first, second
