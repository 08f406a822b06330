"""Sets of points on an image's pixels, coded without an order of their own: a tree of counts.

The image is halved again and again, and each time the number of points in one half is coded; the leaves of this tree
give the order in which all else of the points follows. ``docs/spec_compact.rst`` defines the stream.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pyggc._native import _rans
from pyggc.entropy.models import DyadicModel, cdf_from_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pyggc.entropy.coders import RansDecoder, RansEncoder

    Integers = NDArray[np.int32]

__all__ = ["Leaves", "point_leaves", "pop_points", "push_points"]


class Leaves(NamedTuple):
    """Where each point's leaf lies; arrays of int32, shape (N,).

    `x` and `y` are the origin in pixels, `log_width` and `log_height` the sizes' logarithms to the base 2, and `rank`
    is the point's place in the order of the positions' interleaved bits.
    """

    x: Integers
    y: Integers
    log_width: Integers
    log_height: Integers
    rank: Integers


@cache
def _initial_cdfs() -> NDArray[np.uint16]:
    counts = np.zeros((_rans.TREE_CONTEXTS, 16), np.int64)
    for context in range(len(counts)):
        n = min(context + 2, _rans.TREE_DIRECT)
        # Two parts of a binomial distribution to one of a uniform one.
        counts[context, : n + 1] = [2 * (n + 1) * math.comb(n, k) + 2**n for k in range(n + 1)]
    return cdf_from_counts(counts)


@cache
def _model() -> DyadicModel:
    """Return the model before its first count, of which each tree takes a copy."""
    return DyadicModel(16, _rans.TREE_CONTEXTS, initial_cdfs=_initial_cdfs(), initial_count=16)


def _inside(name: str, values: ArrayLike, side: int) -> Integers:
    """Coordinates as the kernels read them, or an error."""
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, not {array.dtype}")
    if array.ndim != 1 or (array.size and not 0 <= array.min() <= array.max() < side):
        raise ValueError(f"{name} must be a list of integers within [0, {side})")
    return np.ascontiguousarray(array, np.int32)


def _sorted_keys(
    width: int, height: int, x: ArrayLike, y: ArrayLike
) -> tuple[NDArray[np.uint64], NDArray[np.int64], Integers]:
    """The points' interleaved bits in ascending order, which point each is of, and room for its leaf."""
    columns, rows = _inside("x", x, width), _inside("y", y, height)
    keys = np.empty(len(columns), np.uint64)
    _rans.tree_keys(columns, rows, keys)
    by_key = np.argsort(keys, kind="stable")
    return keys[by_key], by_key, np.empty((5, len(keys)), np.int32)


def push_points(
    encoder: RansEncoder, width: int, height: int, x: ArrayLike, y: ArrayLike
) -> tuple[Leaves, NDArray[np.int64]]:
    """Add a set of points to a stream.

    Parameters
    ----------
    encoder : RansEncoder
        Where to.
    width, height : int
        Size of the image, 1 to 2^30 - 1.
    x, y : array_like of int, shape (N,)
        Columns in [0, width) and rows in [0, height), fewer than 2^31 of them; points may coincide.

    Returns
    -------
    leaves : Leaves
        As the decoder will find them.
    order : ndarray of int64, shape (N,)
        Which point lies in each leaf.

    Raises
    ------
    ValueError
        If a point lies outside the image, or the size is out of range.
    TypeError
        If the points are not integers.

    Examples
    --------
    >>> from pyggc.entropy import RansDecoder, RansEncoder, pop_points, push_points
    >>> encoder = RansEncoder()
    >>> leaves, order = push_points(encoder, 8, 8, [6, 1], [5, 2])
    >>> order
    array([1, 0])
    >>> pop_points(RansDecoder(encoder.finish()), 8, 8, 2).x
    array([0, 4], dtype=int32)
    """
    keys, by_key, out = _sorted_keys(width, height, x, y)
    encoder._core.push_tree(keys, _model().copy()._bank, width, height, out)
    leaves = Leaves(*out)
    return leaves, by_key[leaves.rank]


def pop_points(decoder: RansDecoder, width: int, height: int, count: int) -> Leaves:
    """Decode a set of points as far as the tree tells them apart: to leaves that hold one each, or one pixel.

    Parameters
    ----------
    decoder : RansDecoder
        Where from.
    width, height, count : int
        Size of the image, and number of points.

    Returns
    -------
    Leaves

    Raises
    ------
    BitstreamError
        If the stream ends early, or a half has more points than the whole.
    """
    out = np.empty((5, count), np.int32)
    decoder._core.pop_tree(_model().copy()._bank, width, height, out)
    return Leaves(*out)


def point_leaves(width: int, height: int, x: ArrayLike, y: ArrayLike) -> tuple[Leaves, NDArray[np.int64]]:
    """Find the leaves of a set of points without coding it.

    Parameters
    ----------
    width, height, x, y
        As for `push_points`.

    Returns
    -------
    leaves, order
        As those of `push_points`.

    Raises
    ------
    ValueError, TypeError
        As for `push_points`.

    Examples
    --------
    >>> from pyggc.entropy import point_leaves
    >>> leaves, order = point_leaves(8, 8, [6, 1], [5, 2])
    >>> leaves.x.tolist(), leaves.log_width.tolist(), order.tolist()
    ([0, 4], [2, 2], [1, 0])
    """
    keys, by_key, out = _sorted_keys(width, height, x, y)
    _rans.tree_leaves(keys, width, height, out)
    leaves = Leaves(*out)
    return leaves, by_key[leaves.rank]
