"""The loss of Gaussians as the image's stand-in, and its gradient: one buffer, evaluated again and again."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pyggc.backends.fit_protocol import Bounds, Params
from pyggc.gaussians import MAX_CHANNELS, MAX_COLOR, MAX_COORDINATE, Gaussians2D

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pyggc.backends.fit_protocol import FitKernels
    from pyggc.fit.losses import LossWeights

    Floats = NDArray[np.float32]

#: The least standard deviation along an axis that a fit gives a Gaussian, in pixels: thinner ones fall between pixels.
MIN_SCALE = 0.4
#: The largest, which is what a file can hold; and that of one that is flat over an image, in units of the longer side.
MAX_SCALE = 16384.0
FLAT = 16.0
#: Samples from which on work is shared between threads.
LEAST_SHARED = 1 << 15


class Value(NamedTuple):
    """The losses of one state: the weighted one, and the mean squared error."""

    loss: float
    mse: float

    @property
    def psnr(self) -> float:
        """In decibels, for a range of 1; infinite for no error."""
        return -10.0 * math.log10(self.mse) if self.mse > 0.0 else math.inf


class Objective:
    """An image to fit, with its weights.

    Parameters
    ----------
    target : ndarray of float32, shape (H, C, S)
        The image as planes, which are kept.
    width : int
        Its width.
    weights : LossWeights
        What to make small.
    kernels : FitKernels
        Where to compute.
    threads : int
        The most threads, 0 for what the runtime offers.
    bounds : Bounds, optional
        What parameters are kept within; by default all that suits an image of this size. New Gaussians are put only
        where means may be.
    image : ndarray of float32, shape (H, C, S), optional
        What SSIM compares with, where `target` is an image less what others draw of it.
    """

    def __init__(
        self,
        target: Floats,
        width: int,
        weights: LossWeights,
        kernels: FitKernels,
        threads: int,
        bounds: Bounds | None = None,
        image: Floats | None = None,
    ) -> None:
        self.height, self.width = len(target), width
        self.channels: int = target.shape[1]
        # On so small an image threads wait longer than they work.
        small = self.samples < LEAST_SHARED
        self.weights, self.kernels, self.threads = weights, kernels, 1 if small else threads
        largest = min(FLAT * max(self.width, self.height), MAX_SCALE)
        self.bounds = bounds or Bounds(self.width, self.height, MIN_SCALE, largest, MAX_COLOR)
        self.target = target
        self.image = target if image is None else image
        self._residual = np.zeros_like(self.target)
        self._gradient = self._residual if weights.is_plain_l2 else np.zeros_like(self.target)
        self._evaluated: Params | None = None
        self._value = Value(math.nan, math.nan)

    @classmethod
    def of_image(cls, image: ArrayLike, weights: LossWeights, kernels: FitKernels, threads: int) -> Objective:
        """Make the objective of an image.

        Parameters
        ----------
        image : array_like, shape (H, W) or (H, W, C)
            Floating-point samples within [0, 1], 1 to 4 channels.
        weights, kernels, threads
            As above.

        Raises
        ------
        ValueError, TypeError
            If the image is not as said above.
        """
        samples = check_image(image)
        return cls(to_planes(samples, kernels.padding), samples.shape[1], weights, kernels, threads)

    @property
    def samples(self) -> int:
        """Pixels times channels: what a mean divides by."""
        return self.height * self.width * self.channels

    @functools.cached_property
    def on_device(self) -> Any:
        """The target as the device's array of one image, shape (1, H, C, S), where its kernels have a device."""
        assert self.kernels.resident is not None
        return self.kernels.resident.upload(self.target[np.newaxis])

    def planes(self, channels: int) -> Floats:
        """Return zeroed planes of the image's size."""
        return np.zeros((self.height, channels, stride_of(self.width, self.kernels.padding)), np.float32)

    def evaluate(self, params: Params) -> Value:
        """Return the losses; repeated for the same object, at no cost."""
        if self._evaluated is not params:
            # Forgotten first: an interrupt must not leave half a residual that claims to be whole.
            self._evaluated = None
            self._value = self._compute(params)
            self._evaluated = params
        return self._value

    def _compute(self, params: Params) -> Value:
        weights, n = self.weights, self.samples
        squared, absolute = self.kernels.forward(params, self.target, self._residual, self.width, self.threads)
        loss = (weights.l2 * squared + weights.l1 * absolute) / n
        if not weights.is_plain_l2:
            self.kernels.mix(
                self._residual, self._gradient, self.width, l2=weights.l2, l1=weights.l1, threads=self.threads
            )
        if weights.ssim > 0.0:
            # The residual is that of the whole render in any case.
            ssim = self.kernels.ssim(
                self._residual,
                self.image,
                self._gradient,
                self.width,
                scale=-0.5 * weights.ssim * n,
                threads=self.threads,
            )
            loss += weights.ssim * (1.0 - ssim)
        return Value(loss, squared / n)

    def forget(self) -> None:
        """Forget the last evaluation: its residual was written to."""
        self._evaluated = None

    def residual(self, params: Params) -> Floats:
        """Return the planes of render - image; valid until the next evaluation."""
        self.evaluate(params)
        return self._residual

    def image_gradient(self, params: Params) -> Floats:
        """Return the half gradient of the loss times `samples` by the render, as planes; valid until the next one."""
        self.evaluate(params)
        return self._gradient

    def gradient(self, params: Params) -> Floats:
        """Return the half gradient of the loss times `samples` by the whitened coordinates, shape (N, C + 5)."""
        return self.kernels.backward(params, self.image_gradient(params), self.width, self.threads)

    def to_gaussians(self, params: Params) -> Gaussians2D:
        """Return the parameters as `Gaussians2D` of the image's size."""
        return Gaussians2D(*params, width=self.width, height=self.height)

    def to_params(self, gaussians: Gaussians2D) -> Params:
        """Return the parameters of `Gaussians2D`, opacities multiplied into the colors.

        Raises
        ------
        ValueError
            If the channels or the size differ from the image's.
        """
        size = gaussians.width, gaussians.height
        if size not in {(None, None), (self.width, self.height)}:
            raise ValueError(f"gaussians must be of size {self.width}x{self.height}, got {size[0]}x{size[1]}")
        if gaussians.num_channels != self.channels:
            raise ValueError(f"gaussians must have {self.channels} channels, got {gaussians.num_channels}")
        colors = gaussians.colors
        if gaussians.opacities is not None:
            colors = colors * gaussians.opacities[:, None]
        return Params(gaussians.means.copy(), gaussians.cholesky.copy(), colors.copy())


def stride_of(width: int, padding: int) -> int:
    """Samples from one row of planes to the next: the width and its padding, in whole vectors."""
    return -(-(width + padding) // padding) * padding


def to_planes(samples: NDArray[Any], padding: int, scale: float = 1.0) -> Floats:
    """Return samples of shape (H, W, C), times a scale, as planes."""
    height, width, channels = samples.shape
    planes = np.zeros((height, channels, stride_of(width, padding)), np.float32)
    np.multiply(samples.transpose(0, 2, 1), np.float32(scale), out=planes[:, :, :width], dtype=np.float32)
    return planes


def check_image(image: ArrayLike) -> NDArray[Any]:
    """Return an image as (H, W, C), or say what is wrong with it."""
    samples = np.asarray(image)
    if samples.dtype.kind != "f":
        raise TypeError(f"image must be floating point within [0, 1], got {samples.dtype}")
    if samples.ndim == 2:
        samples = samples[:, :, None]
    if samples.ndim != 3 or not 1 <= samples.shape[2] <= MAX_CHANNELS:
        raise ValueError(f"image must have shape (H, W) or (H, W, C), C 1 to {MAX_CHANNELS}, got {np.shape(image)}")
    if samples.size == 0 or max(samples.shape[:2]) > MAX_COORDINATE:
        raise ValueError(f"image must have sides within 1 to {int(MAX_COORDINATE)}, got {np.shape(image)}")
    # Written so that a NaN fails, too.
    if not (samples.min() >= 0.0 and samples.max() <= 1.0):
        raise ValueError("image must be within [0, 1]")
    return samples
