"""An image to the bytes of a file, top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from pyggc import evaluate
from pyggc.arguments import as_integer, check_positive
from pyggc.backends import Backend, backend_of, get_backend, on_host
from pyggc.container import Header, Metadata, Residual, Section, atomic_write, image_hash, write_container
from pyggc.fit import FitProgress, LossWeights
from pyggc.fit.pyramid import make_fitters
from pyggc.gaussians import Gaussians2D
from pyggc.pixels import Pixels, as_pixels
from pyggc.rate import EFFORTS, Budget, Layered, LayeredOutcome, LayeredSearch, Search, make_goal
from pyggc.render import rasterize

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike, NDArray

DEFAULT_EFFORT = 5
LAYERS = ("auto", "gaussian", "residual")

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
    gaussian_bytes, residual_bytes : int
        Of the file, those of each layer's sections.
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
    gaussian_bytes: int
    residual_bytes: int
    float_psnr: float
    iterations: int
    seconds: float
    reached: bool
    reason: str


class GaussianEncoder:
    """Fits Gaussians to an image, and writes them and what they leave of it to a file.

    Give at most one of `quality`, `bpp` and `lossless`; with none, and no `num_gaussians` either, the quality is 30 dB.

    Parameters
    ----------
    num_gaussians : int, optional
        How many Gaussians to fit, at least 1. Alone, the file has no residual; without it, the number that takes the
        fewest bytes is looked for.
    quality : float, optional
        The PSNR in decibels that the decoded file should have.
    bpp : float, optional
        The most bits a pixel that the file should take.
    lossless : bool
        Keep every bit of an image of uint8 or uint16.
    layers : {"auto", "gaussian", "residual"}
        ``"auto"`` shares the bits between Gaussians and a residual so that the file is smallest; ``"gaussian"`` has no
        residual, whose place many more Gaussians take; ``"residual"`` no Gaussians. Images of floats have no residual.
    effort : int
        1 (fastest) to 9 (smallest files).
    seed : int
        Of all that is drawn at random: one seed gives the same file for any number of threads.
    threads : int, optional
        The most threads to use; by default as many as there are processors.
    loss : LossWeights, optional
        What the fit minimizes; the squared error by default. Goals are in PSNR whatever the loss.
    bits_back : bool
        Code the Gaussians' pixels as a set, with bits-back, instead of the tree, which takes fewer bytes nearly always.
    timestamp : datetime, "now" or None
        The time of creation that the file tells; None leaves it out, which makes encoding deterministic.
    tags : mapping of str to str or bytes, optional
        Kept in the file, such as ``{"icc": profile}``.
    device : {"cpu", "cuda", "auto"}, optional
        Where the work is done that a GPU can do; by default where the image lies. ``"auto"`` is a GPU if one can be
        used, else the CPU.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of the wrong type.
    DeviceError
        If the device cannot be used.

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
        lossless: bool = False,
        layers: str = "auto",
        effort: int = DEFAULT_EFFORT,
        seed: int = 0,
        threads: int | None = None,
        loss: LossWeights | None = None,
        bits_back: bool = False,
        timestamp: datetime | str | None = "now",
        tags: Mapping[str, str | bytes] | None = None,
        device: str | None = None,
    ) -> None:
        if layers not in LAYERS:
            raise ValueError(f"layers must be {', '.join(map(repr, LAYERS))}, not {layers!r}")
        self.layers = layers
        self.goal = make_goal(num_gaussians, quality, bpp, lossless=lossless, residual=layers == "auto")
        if lossless and layers == "gaussian":
            raise ValueError("lossless needs a residual: layers must not be 'gaussian'")
        if num_gaussians is not None and layers == "residual":
            raise ValueError("num_gaussians must be None where layers is 'residual'")
        self.effort = EFFORTS[as_integer("effort", effort, min(EFFORTS), max(EFFORTS))]
        self.seed = as_integer("seed", seed, 0)
        self.threads = None if threads is None else as_integer("threads", threads, 1, 2**31 - 1)
        if loss is not None and not isinstance(loss, LossWeights):
            raise TypeError(f"loss must be LossWeights, not {loss!r}")
        self.loss = loss
        if not isinstance(bits_back, bool):
            raise TypeError(f"bits_back must be True or False, not {bits_back!r}")
        self.bits_back = bits_back
        if isinstance(timestamp, str) and timestamp != "now":
            raise ValueError(f'timestamp must be a datetime, "now" or None, not {timestamp!r}')
        if tags is not None and not isinstance(tags, Mapping):
            raise TypeError(f"tags must be a mapping of str to str or bytes, not {tags!r}")
        self._backend = None if device is None else get_backend(device)
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
            Gray, RGB or RGBA; uint8, uint16, or floats in [0, 1]. NumPy's, CuPy's or any array that shows itself to
            CuPy.
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
            check_positive("max_time_seconds", max_time_seconds, "number of seconds")
        if max_iterations is not None:
            max_iterations = as_integer("max_iterations", max_iterations, 1)
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable, not {callback!r}")
        backend = self._backend or backend_of(image)
        pixels = as_pixels(on_host(image))
        if self.goal.lossless and pixels.bit_depth == 32:
            raise TypeError("image must have samples of uint8 or uint16 to be kept without loss")
        if self.layers == "residual" and pixels.bit_depth == 32:
            raise TypeError("image must have samples of uint8 or uint16 where layers is 'residual'")
        budget = Budget(max_time_seconds, max_iterations, callback)
        fitters = make_fitters(*pixels.scaled(), loss=self.loss, seed=self.seed, threads=self.threads, backend=backend)
        overhead = len(self._file(pixels, 0, [], 0.0, 0.0))
        measure = partial(_psnr, pixels, threads=self.threads, backend=backend)
        rest = fitters, self.effort, measure, budget, self.seed, overhead, self.bits_back
        if self._has_residual(pixels):
            samples = pixels.samples.reshape(pixels.height, pixels.width, pixels.channels)
            outcome = LayeredSearch(samples, *rest, threads=self.threads).run_layers(self.goal, self.layers == "auto")
        else:
            alone = Search(*rest).run(self.goal)
            outcome = LayeredOutcome(Layered.alone(alone.chosen), alone.float_psnr, alone.iterations, alone.shortfall)
        self._write(pixels, outcome, budget.elapsed, backend)
        return outcome.chosen.quantized.gaussians

    def _has_residual(self, pixels: Pixels) -> bool:
        only_count = self.goal.quality is self.goal.bpp is None and not self.goal.lossless
        return self.layers != "gaussian" and pixels.bit_depth != 32 and not only_count

    def _write(self, pixels: Pixels, outcome: LayeredOutcome, seconds: float, backend: Backend) -> None:
        chosen, quantized, layer = outcome.chosen, outcome.chosen.quantized, outcome.chosen.layer
        decoded: NDArray[Any]
        if layer is None:
            decoded = _decoded(pixels, quantized.gaussians, self.threads, backend)
        else:
            decoded = layer.decoded.reshape(pixels.samples.shape)
        psnr, ssim = evaluate.psnr(pixels.samples, decoded), evaluate.ssim(pixels.samples, decoded)
        sections, residual = list(quantized.sections), Residual.NONE
        if layer is not None:
            sections.append(Section("RESI", layer.data))
            residual = Residual.LOSSY if layer.step else Residual.LOSSLESS
        count = len(quantized.levels)
        self._stream = self._file(pixels, count, sections, psnr, ssim, residual, chosen.side if layer else 0)
        bpp = 8.0 * len(self._stream) / (pixels.width * pixels.height)
        shortfall = outcome.shortfall
        if not shortfall and self.goal.bpp is not None and bpp > self.goal.bpp:
            shortfall = "a file of this image cannot be so small"
        self._report = EncodeReport(
            psnr=psnr,
            ssim=ssim,
            bpp=bpp,
            num_bytes=len(self._stream),
            num_gaussians=count,
            gaussian_bytes=sum(len(section.data) for section in quantized.sections),
            residual_bytes=0 if layer is None else len(layer.data),
            float_psnr=outcome.float_psnr,
            iterations=outcome.iterations,
            seconds=seconds,
            reached=not shortfall,
            reason=shortfall,
        )

    def _file(
        self,
        pixels: Pixels,
        count: int,
        sections: list[Section],
        psnr: float,
        ssim: float,
        residual: Residual = Residual.NONE,
        tile_size: int = 0,
    ) -> bytes:
        header = Header(
            width=pixels.width,
            height=pixels.height,
            num_gaussians=count,
            channels=pixels.channels,
            bit_depth=pixels.bit_depth,
            alpha=pixels.channels == 4,
            residual=residual,
            tile_size=tile_size,
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


def encode(
    image: ArrayLike,
    *,
    quality: float | None = None,
    bpp: float | None = None,
    num_gaussians: int | None = None,
    lossless: bool = False,
    layers: str = "auto",
    effort: int = DEFAULT_EFFORT,
    seed: int = 0,
    threads: int | None = None,
    loss: LossWeights | None = None,
    bits_back: bool = False,
    max_time_seconds: float | None = None,
    max_iterations: int | None = None,
    timestamp: datetime | str | None = "now",
    tags: Mapping[str, str | bytes] | None = None,
    callback: Callback | None = None,
    device: str | None = None,
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
    DeviceError
        If the device cannot be used.

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
        lossless=lossless,
        layers=layers,
        effort=effort,
        seed=seed,
        threads=threads,
        loss=loss,
        bits_back=bits_back,
        timestamp=timestamp,
        tags=tags,
        device=device,
    )
    encoder.fit(image, max_time_seconds, max_iterations, callback)
    return encoder.to_bytes()


def _decoded(pixels: Pixels, gaussians: Gaussians2D, threads: int | None, backend: Backend) -> NDArray[Any]:
    """The image that a decoder makes of the Gaussians."""
    return backend.download(rasterize(gaussians, dtype=pixels.samples.dtype, threads=threads, backend=backend))


def _psnr(pixels: Pixels, gaussians: Gaussians2D, *, threads: int | None, backend: Backend) -> float:
    """Decibels of that image."""
    return evaluate.psnr(pixels.samples, _decoded(pixels, gaussians, threads, backend))
