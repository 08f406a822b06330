"""What counts as an image: the arrays that the codec takes, and their samples as numbers from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

#: The value of white by the bits of a sample.
WHITE = {8: 255.0, 16: 65535.0, 32: 1.0}

#: The longest side that a file can describe.
MAX_SIDE = 2**20 - 1


@dataclass(frozen=True)
class Pixels:
    """A checked image.

    Attributes
    ----------
    samples : ndarray of uint8, uint16 or float32, shape (H, W) or (H, W, C)
        As it came, in the machine's byte order; C is 3 or 4.
    bit_depth : int
        8, 16, or 32 for floats.
    """

    samples: NDArray[Any]
    bit_depth: int

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.samples.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.samples.shape[1])

    @property
    def channels(self) -> int:
        """1, 3 or 4."""
        return 1 if self.samples.ndim == 2 else int(self.samples.shape[2])

    def scaled(self) -> tuple[NDArray[Any], float]:
        """Return the samples, of shape (H, W, C), and what makes white 1."""
        return self.samples.reshape(self.height, self.width, self.channels), 1.0 / WHITE[self.bit_depth]


def as_pixels(image: ArrayLike) -> Pixels:
    """Check an image.

    Parameters
    ----------
    image : array_like, shape (H, W), (H, W, 3) or (H, W, 4)
        Gray, RGB or RGBA: uint8, uint16, or floats in [0, 1]. A last axis of one channel counts as gray.

    Returns
    -------
    Pixels

    Raises
    ------
    ValueError
        If the shape is another, a side is zero or above 2^20 - 1, or a float is not in [0, 1].
    TypeError
        If the samples are of another type.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.pixels import as_pixels
    >>> pixels = as_pixels(np.zeros((4, 6, 3), ">u2"))
    >>> pixels.width, pixels.height, pixels.channels, pixels.bit_depth
    (6, 4, 3, 16)
    """
    try:
        samples = np.asarray(image)
    except ValueError as error:
        raise ValueError(f"image must be an array: {error}") from error
    shape = samples.shape
    if samples.ndim == 3 and shape[2] == 1:
        samples = samples[:, :, 0]
    if samples.ndim not in (2, 3) or (samples.ndim == 3 and shape[2] not in (3, 4)):
        raise ValueError(f"image must have shape (H, W), (H, W, 3) or (H, W, 4), not {shape}")
    if 0 in shape:
        raise ValueError(f"image has no pixels: its shape is {shape}")
    if max(shape[:2]) > MAX_SIDE:
        raise ValueError(f"image must have sides of at most {MAX_SIDE} pixels, not {shape[1]}x{shape[0]}")
    samples = _samples(samples)
    return Pixels(samples, 8 * samples.itemsize)


def _samples(array: NDArray[Any]) -> NDArray[Any]:
    """Contiguous samples of uint8, uint16 or float32, in the machine's byte order."""
    kind = array.dtype
    if kind.kind == "u" and kind.itemsize <= 2:
        return np.ascontiguousarray(array, kind.newbyteorder("="))
    if kind.kind != "f":
        raise TypeError(f"image must have samples of uint8, uint16 or floats in [0, 1], not {kind}")
    with np.errstate(over="ignore"):  # Too large for binary32 is too large for an image.
        samples = np.ascontiguousarray(array, np.float32)
    low, high = samples.min(), samples.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError("image of floats must be within [0, 1], but has values that are not finite")
    if low < 0.0 or high > 1.0:
        raise ValueError(f"image of floats must be within [0, 1], not from {low!s} to {high!s}")
    return samples


def converted(samples: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Return samples of uint8 or uint16 as another type: the nearest there is to the same share of white."""
    kind = np.dtype(dtype)
    if samples.dtype == kind:
        return samples
    if kind.kind == "f":
        return samples / np.float32(np.iinfo(samples.dtype).max)
    if kind == np.uint16:
        return samples.astype(np.uint16) * np.uint16(257)
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
