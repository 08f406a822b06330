"""The compact plan: every value's step follows from what the Gaussian weighs, so that all cost the picture alike.

With w the weight of a Gaussian and c its color, an error of the color costs ``|dc|^2 integral(w^2)``, one of a scale
about ``|c|^2 integral(w^2) ds^2``, one of the position ``|c|^2 integral(w^2) |L^-1 d mu|^2 / 2``. So colors are
quantized in units of ``1 / sqrt(l1 l2)``, up to an area of 64 x 64; and scales, shear and position, relative to the
Gaussian's size, with a step that halves whenever the amplitude ``|c| sqrt(l1 l2)`` doubles.
"""

from __future__ import annotations

import operator
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pyggc._native import _quantize
from pyggc.backends import get_backend
from pyggc.gaussians import Gaussians2D

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The largest magnitude of a color level that the encoder writes.
MAX_COLOR_LEVEL = 1000

_MIN_COLOR_STEP = 2.0**-30
_MAX_COLOR_STEP = 2.0**20

#: What `min_scale` may be, in pixels: the least scale of the plan, and one that a multiple of every step is above.
_MIN_SCALES = (0.25, 64.0)

_LAYOUT = struct.Struct(">fBBBb")


@dataclass(frozen=True)
class CompactPlan:
    """The steps of a compact plan.

    Parameters
    ----------
    color_step : float
        Step of the luma of ``color * sqrt(l1 * l2)``, 2^-30 to 2^20; rounded to binary32.
    chroma_step : int
        Step of the two chroma components in sixteenths of `color_step`, 1 to 255.
    scale_step : int
        Step of the scales of the least class of amplitudes in 1/32 octaves, 1 to 255; it halves with each class.
    shear_step : int
        Step of ``l3 / l2`` in the same way, in 1/64, 1 to 255.
    position_step : int
        Step of the position in the same way, as the logarithm of its ratio to the Gaussian's width, in 1/32 octaves,
        -128 to 127.

    Raises
    ------
    ValueError
        If a step is out of range.
    TypeError
        If one of the last four is no integer.
    """

    color_step: float
    chroma_step: int = 16
    scale_step: int = 48
    shear_step: int = 112
    position_step: int = 15

    def __post_init__(self) -> None:
        # Written so that a NaN fails, too.
        if not _MIN_COLOR_STEP <= self.color_step <= _MAX_COLOR_STEP:
            raise ValueError(f"color_step must be in [2^-30, 2^20], not {self.color_step}")
        object.__setattr__(self, "color_step", float(np.float32(self.color_step)))
        for name in ("chroma_step", "scale_step", "shear_step", "position_step"):
            low, high = (-128, 127) if name == "position_step" else (1, 255)
            step = operator.index(getattr(self, name))
            if not low <= step <= high:
                raise ValueError(f"{name} must be in [{low}, {high}], not {step}")
            object.__setattr__(self, name, step)

    def to_bytes(self) -> bytes:
        """Return the eight bytes of the file's PLAN section."""
        return _LAYOUT.pack(self.color_step, self.chroma_step, self.scale_step, self.shear_step, self.position_step)

    @classmethod
    def from_bytes(cls, data: bytes) -> CompactPlan:
        """Read what `to_bytes` wrote.

        Raises
        ------
        ValueError
            If there are not exactly eight bytes, or a step is out of range.
        """
        if len(data) != _LAYOUT.size:
            raise ValueError(f"a compact plan has {_LAYOUT.size} bytes, not {len(data)}")
        return cls(*_LAYOUT.unpack(data))


class CompactQuantizer:
    """Gaussians to rows of integers ("levels") and back, for images of one size.

    A row has the C colors (luma, red against blue, green against both, alpha; or the only one), two scales, the shear,
    and the column and row of the position: C + 5 integers.

    Parameters
    ----------
    plan : CompactPlan
        The steps.
    width, height : int
        Size of the image in pixels, at least 1.
    channels : int
        1, 3 or 4.

    Raises
    ------
    ValueError
        If the number of channels or a size is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.gaussians import Gaussians2D
    >>> one = Gaussians2D([[10, 20]], [[4, 2, 1]], [[0.5]])
    >>> quantizer = CompactQuantizer(CompactPlan(color_step=0.05), 64, 48, 1)
    >>> levels = quantizer.quantize(one)
    >>> back = quantizer.dequantize(levels)
    >>> bool(np.allclose(back.means, one.means, atol=0.1))
    True
    """

    def __init__(self, plan: CompactPlan, width: int, height: int, channels: int) -> None:
        if channels not in (1, 3, 4):
            raise ValueError(f"channels must be 1, 3 or 4, not {channels}")
        for name, size in (("width", width), ("height", height)):
            if not 1 <= size < 1 << 20:
                raise ValueError(f"{name} must be in [1, 2^20), not {size}")
        self.plan = plan
        self.width = width
        self.height = height
        self.channels = channels
        chroma = plan.color_step * plan.chroma_step / 16.0
        steps = [plan.color_step, chroma, chroma, plan.color_step]
        self.native = _quantize.Plan(
            steps, channels, plan.chroma_step, plan.scale_step, plan.shear_step, plan.position_step, width, height
        )

    def quantize(self, gaussians: Gaussians2D, *, min_scale: float = 0.3) -> NDArray[np.int32]:
        """Round Gaussians to levels.

        Parameters
        ----------
        gaussians : Gaussians2D
            N Gaussians of C channels without opacities. Positions outside the image move to its edge.
        min_scale : float
            No scale becomes smaller than this, in pixels; 0.25 to 64.

        Returns
        -------
        ndarray of int32, shape (N, C + 5)

        Raises
        ------
        ValueError
            If the channels differ from the quantizer's, there are opacities, or `min_scale` is out of range.
        """
        if gaussians.colors.shape[1] != self.channels:
            raise ValueError(f"gaussians have {gaussians.colors.shape[1]} channels, the quantizer {self.channels}")
        if gaussians.opacities is not None:
            raise ValueError("gaussians with opacities have no compact plan: fold them into the colors")
        if not _MIN_SCALES[0] <= min_scale <= _MIN_SCALES[1]:
            raise ValueError(f"min_scale must be in [{_MIN_SCALES[0]}, {_MIN_SCALES[1]}], not {min_scale}")
        return _quantize.quantize(
            self.native,
            gaussians.means,
            gaussians.cholesky,
            gaussians.colors,
            32.0 * float(np.log2(min_scale)),
            MAX_COLOR_LEVEL,
        )

    def dequantize(self, levels: NDArray[np.int32]) -> Gaussians2D:
        """Return the Gaussians that levels stand for: the same bits on every machine.

        Parameters
        ----------
        levels : ndarray of int32, shape (N, C + 5)

        Returns
        -------
        Gaussians2D

        Raises
        ------
        ValueError
            If a row is outside the plan's ranges, or the Gaussian it gives outside the renderer's.
        """
        self._check(levels)
        return Gaussians2D(*get_backend().dequantize(self.native, levels), width=self.width, height=self.height)

    def classes(self, colors: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the amplitude class, 0 to 7, of each row of color levels, shape (N, C) or wider.

        Raises
        ------
        ValueError
            If a color level is outside the plan's range.
        """
        return _quantize.classes(self.native, colors)

    def position_exponents(self, levels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the exponents of two of the position steps in x and y, shape (N, 2); the positions are not read.

        Raises
        ------
        ValueError
            If a row is outside the plan's ranges.
        """
        self._check(levels)
        return _quantize.position_exponents(self.native, levels)

    def _check(self, levels: NDArray[np.int32]) -> None:
        row = _quantize.first_invalid(self.native, levels)
        if row >= 0:
            raise ValueError(f"levels {levels[row].tolist()} of Gaussian {row} are out of range")


def finest_color_steps(gaussians: Gaussians2D) -> NDArray[np.float64]:
    """Return for each Gaussian the least color step with which no color level of it leaves its range, shape (N,)."""
    area = np.prod(gaussians.cholesky[:, :2].astype(np.float64), axis=1)
    norm = np.sqrt(np.minimum(area, _quantize.MAX_COLOR_AREA))
    amplitude: NDArray[np.float64] = np.linalg.norm(gaussians.colors.astype(np.float64), axis=1) * norm
    return np.maximum(amplitude / (0.9 * MAX_COLOR_LEVEL), 1e-6)


def split_bright(gaussians: Gaussians2D, color_step: float) -> Gaussians2D:
    """Return the same image with Gaussians too bright for the range of the color levels split into equal copies.

    Parameters
    ----------
    gaussians : Gaussians2D
        Without opacities.
    color_step : float
        As in `CompactPlan`, positive.

    Returns
    -------
    Gaussians2D
        In the same order, the copies beside each other; the very object if all are in range.

    Examples
    --------
    >>> from pyggc.gaussians import Gaussians2D
    >>> sky = Gaussians2D([[50, 50]], [[64, 64, 0]], [[1.0]])
    >>> split_bright(sky, 0.05).colors.ravel()
    array([0.5, 0.5], dtype=float32)
    """
    copies = np.ceil(finest_color_steps(gaussians) / color_step).astype(np.int64)
    if (copies <= 1).all():
        return gaussians
    parts = gaussians[np.repeat(np.arange(len(gaussians)), copies)]
    divisors = np.repeat(copies, copies)[:, None].astype(np.float32)
    return replace(parts, colors=parts.colors / divisors)
