"""What counts as an image: the arrays that the codec takes, and their samples as numbers from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Bits of a sample by the name of its type.
BIT_DEPTHS = {"uint8": 8, "uint16": 16, "float32": 32}


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

    def planes(self) -> NDArray[np.float32]:
        """Return the samples as float32 from 0 to 1, of shape (H, W, C)."""
        peak = {8: 255.0, 16: 65535.0, 32: 1.0}[self.bit_depth]
        scaled: NDArray[np.float32] = np.multiply(self.samples, np.float32(1.0 / peak), dtype=np.float32)
        return scaled.reshape(self.height, self.width, self.channels)


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
        If the shape is another, a side is zero, or a float is not in [0, 1].
    TypeError
        If the samples are of another type.
    """
    samples = np.asarray(image)
    if samples.ndim == 3 and samples.shape[2] == 1:
        samples = samples[:, :, 0]
    if samples.ndim not in (2, 3) or (samples.ndim == 3 and samples.shape[2] not in (3, 4)):
        raise ValueError(f"image must have shape (H, W), (H, W, 3) or (H, W, 4), not {np.shape(image)}")
    if 0 in samples.shape:
        raise ValueError(f"image has no pixels: its shape is {samples.shape}")
    kind = samples.dtype
    if kind in (np.uint8, np.uint16):
        samples = np.ascontiguousarray(samples, dtype=kind.newbyteorder("="))
    elif np.issubdtype(kind, np.floating):
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        if not (np.min(samples) >= 0.0 and np.max(samples) <= 1.0):
            raise ValueError("image of floats must have finite samples in [0, 1]")
    else:
        raise TypeError(f"image must have samples of uint8, uint16 or floats in [0, 1], not {kind}")
    return Pixels(samples, BIT_DEPTHS[samples.dtype.name])
