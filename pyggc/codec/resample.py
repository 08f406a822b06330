"""Images of integers at other sizes: between pixels when they grow, means of pixels when they shrink."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.render import Region

_BITS = 14


def source_rows(height: int, length: int, first: int, count: int) -> tuple[int, int]:
    """Return the first row, and the one after the last, of `height` from which some of `length` rows are made."""
    if length <= height:
        return first * height // length, -(-(first + count) * height // length)
    return max(first * height // length - 1, 0), min((first + count) * height // length + 2, height)


def resample(
    image: NDArray[np.int32], size: tuple[int, int], region: Region, rows: tuple[int, int] | None = None
) -> NDArray[np.int32]:
    """Scale an image, and return a region of the result.

    Growing interpolates linearly between the centers of pixels, and repeats those at the edge; shrinking takes the mean
    over what a pixel covers. Rows and columns are scaled one after the other, in integers, so that the result is the
    same everywhere.

    Parameters
    ----------
    image : ndarray of int32, shape (H, W, C)
        Within +-2^17.
    size : (int, int)
        Width and height of the whole result.
    region : (int, int, int, int)
        Left, top, width and height within it.
    rows : (int, int), optional
        Which row of how many `image` begins with, if it has only those that `source_rows` names.

    Returns
    -------
    ndarray of int32, shape (height, width, C)
    """
    left, top, width, height = region
    begin, total = rows or (0, len(image))
    scaled = _scale(image, begin, total, size[1], top, height).transpose(1, 0, 2)
    return _scale(scaled, 0, len(scaled), size[0], left, width).transpose(1, 0, 2)


def _scale(lines: NDArray[np.int32], begin: int, number: int, length: int, first: int, count: int) -> NDArray[np.int32]:
    """Lines first, first + 1, ... of those that a number of lines become; `lines` are those from `begin` on."""
    if length == number:
        return lines[first - begin : first - begin + count]
    wanted = np.arange(first, first + count, dtype=np.int64)
    return (_shrunk if length < number else _grown)(lines, begin, number, length, wanted)


def _grown(
    lines: NDArray[np.int32], begin: int, number: int, length: int, wanted: NDArray[np.int64]
) -> NDArray[np.int32]:
    # The center of a line of the result among the centers of lines, in 2^-_BITS.
    at = ((2 * wanted + 1) * number << _BITS) // (2 * length) - (1 << (_BITS - 1))
    at = np.clip(at, 0, (number - 1) << _BITS)
    above, share = at >> _BITS, (at & ((1 << _BITS) - 1))[:, None, None]
    below = np.minimum(above + 1, number - 1)
    upper, lower = lines[above - begin].astype(np.int64), lines[below - begin]
    between: NDArray[np.int32] = (upper + (((lower - upper) * share + (1 << (_BITS - 1))) >> _BITS)).astype(np.int32)
    return between


def _shrunk(
    lines: NDArray[np.int32], begin: int, number: int, length: int, wanted: NDArray[np.int64]
) -> NDArray[np.int32]:
    # Strip by strip, all lines but those of the strip would be added up again and again.
    start, stop = source_rows(number, length, int(wanted[0]), len(wanted))
    lines = lines[start - begin : stop - begin]
    sums = np.zeros((len(lines) + 1, *lines.shape[1:]), np.int64)
    np.cumsum(lines, axis=0, out=sums[1:])

    def below(edge: NDArray[np.int64]) -> NDArray[np.int64]:
        """`length` times the sum of the lines above an edge, which is in 1 / length of a line."""
        whole, part = edge // length - start, (edge % length)[:, None, None]
        found: NDArray[np.int64] = sums[whole] * length + part * lines[np.minimum(whole, len(lines) - 1)]
        return found

    total = below((wanted + 1) * number) - below(wanted * number)
    means: NDArray[np.int32] = ((total + number // 2) // number).astype(np.int32)
    return means
