"""Quality of a decoded image against its original, and of one codec against another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc._native import _evaluate
from pyggc.arguments import as_integer

__all__ = ["bd_rate", "psnr", "ssim"]

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]

# Wang et al. 2004, section III.B and III.C.
WINDOW_RADIUS = 5
WINDOW_SIGMA = 1.5


def psnr(
    reference: npt.ArrayLike, image: npt.ArrayLike, data_range: float | None = None, *, threads: int | None = None
) -> float:
    """Peak signal-to-noise ratio over all samples.

    Parameters
    ----------
    reference, image : array_like
        The original and what stands for it: any shape, the same for both; uint8, uint16 or floating point, the same
        for both but for the precision of the latter.
    data_range : float, optional
        The difference between the largest and the smallest value a sample can have. By default 255 for uint8, 65535 for
        uint16 and 1 for floating point.
    threads : int, optional
        The most threads to use; by default what OpenMP offers. Never changes the result.

    Returns
    -------
    float
        In decibels, ``10 log10(data_range² / mean squared error)``; infinite when the images are equal.

    Raises
    ------
    ValueError
        If the shapes or the dtypes differ, an array is empty or has a value that is not finite, `data_range` is not
        above zero, or `threads` is below 1.
    TypeError
        If the dtype is none of those above.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.evaluate import psnr
    >>> black = np.zeros((4, 4), np.uint8)
    >>> psnr(black, black)
    inf
    >>> round(psnr(black, black + 1), 2)
    48.13
    """
    first, second, peak = _checked_pair(reference, image, data_range)
    total = _evaluate.squared_error(first.reshape(1, 1, -1), second.reshape(1, 1, -1), threads=_threads(threads))
    if total == 0:
        return math.inf
    return 10 * math.log10(peak**2 * first.size / total)


def ssim(
    reference: npt.ArrayLike,
    image: npt.ArrayLike,
    data_range: float | None = None,
    *,
    k1: float = 0.01,
    k2: float = 0.03,
    threads: int | None = None,
) -> float:
    """Structural similarity, the mean over all windows and channels.

    Follows Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural
    similarity", 2004: a Gaussian window of 11×11 samples with a standard deviation of 1.5, only where it lies wholly
    inside the image. Along a side shorter than 11 the window is cut to the greatest odd length that fits, and its
    weights again sum to one.

    Parameters
    ----------
    reference, image : array_like
        Shape (height, width) or (height, width, channels), the same for both; dtypes as for `psnr`.
    data_range : float, optional
        As for `psnr`.
    k1, k2 : float
        The constants that keep the two quotients stable, as fractions of `data_range`.
    threads : int, optional
        As for `psnr`.

    Returns
    -------
    float
        At most 1, which only equal images reach.

    Raises
    ------
    ValueError
        As for `psnr`, or if the arrays have neither two nor three dimensions.
    TypeError
        As for `psnr`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.evaluate import ssim
    >>> ramp = np.linspace(0, 1, 32 * 32).reshape(32, 32)
    >>> ssim(ramp, ramp)
    1.0
    >>> ssim(ramp, ramp[::-1]) < 0.5
    True
    """
    first, second, peak = _checked_pair(reference, image, data_range)
    if first.ndim not in (2, 3):
        raise ValueError(f"reference must have shape (height, width) or (height, width, channels), not {first.shape}")
    height, width = first.shape[:2]
    first, second = first.reshape(height, width, -1), second.reshape(height, width, -1)
    rows, columns = _window(height), _window(width)
    c1, c2 = (k1 * peak) ** 2, (k2 * peak) ** 2

    total = _evaluate.ssim_sum(first, second, rows, columns, c1=c1, c2=c2, threads=_threads(threads))
    windows = (height - len(rows) + 1) * (width - len(columns) + 1)
    return float(total / (windows * first.shape[2]))


def bd_rate(anchor: Sequence[tuple[float, float]], test: Sequence[tuple[float, float]]) -> float:
    """Bjøntegaard's rate difference: how much more a codec spends than another at the same PSNR.

    The logarithm of the rate is interpolated over PSNR by a monotone piecewise cubic (PCHIP) and the difference is
    averaged over the range of PSNR that both curves cover.

    Parameters
    ----------
    anchor, test : sequence of (bpp, psnr)
        At least two points of each codec's curve, in any order; rates above zero, PSNR in decibels.

    Returns
    -------
    float
        In percent; -50 says that `test` needs half the bits of `anchor`.

    Raises
    ------
    ValueError
        If a curve has fewer than two points, two points of the same PSNR, a rate not above zero or a value that is not
        finite, or if the curves have no range of PSNR in common.

    Examples
    --------
    >>> from pyggc.evaluate import bd_rate
    >>> anchor = [(0.1, 30.0), (0.2, 33.0), (0.4, 36.0)]
    >>> round(bd_rate(anchor, [(bpp / 2, psnr) for bpp, psnr in anchor]), 6)
    -50.0
    """
    anchor_psnr, anchor_rate = _curve(anchor, "anchor")
    test_psnr, test_rate = _curve(test, "test")
    low, high = max(anchor_psnr[0], test_psnr[0]), min(anchor_psnr[-1], test_psnr[-1])
    if low >= high:
        raise ValueError(
            f"anchor covers {anchor_psnr[0]:g} to {anchor_psnr[-1]:g} dB and test {test_psnr[0]:g} to "
            f"{test_psnr[-1]:g} dB: no range in common"
        )
    difference = _pchip_integral(test_psnr, test_rate, low, high) - _pchip_integral(anchor_psnr, anchor_rate, low, high)
    return float(100 * np.expm1(difference / (high - low)))


def _checked_pair(
    reference: npt.ArrayLike, image: npt.ArrayLike, data_range: float | None
) -> tuple[Array, Array, float]:
    """Both arrays and the data range, or an error that names the argument."""
    first, second = np.asarray(reference), np.asarray(image)
    for name, array in (("reference", first), ("image", second)):
        if array.dtype not in (np.uint8, np.uint16) and array.dtype.kind != "f":
            raise TypeError(f"{name} must be uint8, uint16 or floating point, not {array.dtype}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} has values that are not finite")
    if first.shape != second.shape:
        raise ValueError(f"image must have the shape of reference, {first.shape}, not {second.shape}")
    if first.dtype != second.dtype and not (first.dtype.kind == second.dtype.kind == "f"):
        raise ValueError(f"image must have the dtype of reference, {first.dtype}, not {second.dtype}")
    if first.size == 0:
        raise ValueError("reference and image are empty")
    if data_range is None:
        data_range = 1.0 if first.dtype.kind == "f" else float(np.iinfo(first.dtype).max)
    if not (math.isfinite(data_range) and data_range > 0):
        raise ValueError(f"data_range must be above zero and finite, not {data_range}")
    if first.dtype.kind == "f":
        # Halves and long doubles are widened or cut to what the sums are made in.
        kind = np.dtype(np.float32 if first.dtype == second.dtype == np.float32 else np.float64)
    else:
        kind = first.dtype.newbyteorder("=")
    return np.ascontiguousarray(first, kind), np.ascontiguousarray(second, kind), float(data_range)


def _threads(threads: int | None) -> int:
    return 0 if threads is None else as_integer("threads", threads, 1, 2**31 - 1)


def _window(side: int) -> Doubles:
    """The weights of the window along a side of that many samples."""
    radius = min(WINDOW_RADIUS, (side - 1) // 2)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / WINDOW_SIGMA) ** 2)
    return np.asarray(weights / weights.sum(), np.float64)


def _curve(points: Sequence[tuple[float, float]], name: str) -> tuple[Doubles, Doubles]:
    """PSNR, ascending, and the logarithm of the rate."""
    curve = np.asarray(points, np.float64)
    if curve.ndim != 2 or curve.shape[1] != 2 or len(curve) < 2:
        raise ValueError(f"{name} must be at least two pairs (bpp, psnr), not an array of shape {curve.shape}")
    if not np.isfinite(curve).all() or (curve[:, 0] <= 0).any():
        raise ValueError(f"{name} must have rates above zero and finite values")
    curve = curve[np.argsort(curve[:, 1])]
    if (np.diff(curve[:, 1]) == 0).any():
        raise ValueError(f"{name} has two points of the same PSNR")
    return curve[:, 1], np.log(curve[:, 0])


def _pchip_slopes(x: Doubles, y: Doubles) -> Doubles:
    """Slopes at the knots that keep each piece monotone (Fritsch and Butland 1984)."""
    step = np.diff(x)
    secant = np.diff(y) / step
    if len(x) == 2:
        return np.repeat(secant, 2)

    slopes = np.zeros_like(y)
    before, after = secant[:-1], secant[1:]
    same_sign = before * after > 0
    w1, w2 = 2 * step[1:] + step[:-1], step[1:] + 2 * step[:-1]
    # A harmonic mean, which no zero secant may enter.
    mean = (w1 + w2) / (w1 / np.where(same_sign, before, 1) + w2 / np.where(same_sign, after, 1))
    slopes[1:-1] = np.where(same_sign, mean, 0)
    slopes[0] = _pchip_end_slope(step[0], step[1], secant[0], secant[1])
    slopes[-1] = _pchip_end_slope(step[-1], step[-2], secant[-1], secant[-2])
    return slopes


def _pchip_end_slope(step: float, next_step: float, secant: float, next_secant: float) -> float:
    """The one-sided three-point estimate, limited so that the outermost piece stays monotone."""
    slope = ((2 * step + next_step) * secant - step * next_secant) / (step + next_step)
    if slope * secant <= 0:
        return 0.0
    if secant * next_secant <= 0 and abs(slope) > 3 * abs(secant):
        return 3 * secant
    return slope


def _pchip_integral(x: Doubles, y: Doubles, low: float, high: float) -> float:
    """Integral of the interpolant through (x, y) from `low` to `high`, both inside x."""
    slopes = _pchip_slopes(x, y)
    step, secant = np.diff(x), np.diff(y) / np.diff(x)
    square = (3 * secant - 2 * slopes[:-1] - slopes[1:]) / step
    cube = (slopes[:-1] + slopes[1:] - 2 * secant) / step**2
    # The pieces' antiderivatives, each from the left end of its piece.
    start, end = np.clip(low, x[:-1], x[1:]) - x[:-1], np.clip(high, x[:-1], x[1:]) - x[:-1]
    upper, lower = (t * (y[:-1] + t * (slopes[:-1] / 2 + t * (square / 3 + t * cube / 4))) for t in (end, start))
    return float(np.sum(upper - lower))
