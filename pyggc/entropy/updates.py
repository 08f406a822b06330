"""Updates of CDFs in the stream: explicit adaptation, draft-terriberry-netvc-codingtools-01, section 2.5.2."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc.entropy.coders.base import Decoder, Encoder
from pyggc.entropy.models import CDF_TOTAL, DyadicModel, cdf_from_counts
from pyggc.entropy.models.base import as_int
from pyggc.entropy.models.static import MAX_STATIC_SYMBOLS
from pyggc.errors import BitstreamError

__all__ = ["pop_cdfs", "push_cdfs"]

_TOP = 15

#: Weight of a level: half octaves below that of the most probable symbol; the last level is for symbols left out.
_WEIGHTS = np.array([0, 32, 45, 64, 91, 128, 181, 256, 362, 512, 724, 1024, 1448, 2048, 2896, 4096], np.int64)

#: The least that belongs to each level from 1 on, in parts of 4096 of the most probable symbol.
_THRESHOLDS = np.array([16, 38, 54, 76, 108, 152, 215, 304, 431, 609, 861, 1218, 1722, 2435, 3444], np.int64)

#: How likely, at first, a level is that differs by so much from what is expected.
_PRIOR = np.array([4096, 2435, 1448, 861, 512, 304, 181, 108, 64, 38, 23, 13, 8, 5, 3, 2], np.int64)


@lru_cache(maxsize=1)
def _initial_cdfs() -> npt.NDArray[np.uint16]:
    levels = np.arange(_TOP + 1)
    return cdf_from_counts(_PRIOR[np.abs(levels - levels[:, np.newaxis])])


def level_model() -> DyadicModel:
    """Return the model of levels, the expected level being the context."""
    return DyadicModel(_TOP + 1, _TOP + 1, rate=5, initial_cdfs=_initial_cdfs(), initial_count=16)


def push_cdfs(
    encoder: Encoder, cdfs: npt.ArrayLike, *, previous: npt.ArrayLike | None = None
) -> npt.NDArray[np.uint16]:
    """Send CDFs, each probability to the nearest half octave.

    Parameters
    ----------
    encoder : Encoder
        Any coder.
    cdfs : array_like of int, shape (M + 1,) or (num_contexts, M + 1)
        Strictly increasing from 0 to 32768, 1 <= M <= 16384.
    previous : array_like of int, the same shape, optional
        CDFs that the decoder has: the nearer they are, the fewer bits it takes. None are sent for an alphabet of one.

    Returns
    -------
    ndarray of uint16, shape (num_contexts, M + 1)
        The CDFs as the decoder gets them. The models of both sides are to be made of these.

    Raises
    ------
    ValueError
        If a CDF is invalid, or the shapes do not fit.
    TypeError
        If an argument is not of its type.

    Examples
    --------
    >>> from pyggc.entropy import RansDecoder, RansEncoder, cdf_from_counts
    >>> encoder = RansEncoder()
    >>> sent = push_cdfs(encoder, cdf_from_counts([70, 20, 9, 1]))
    >>> sent.tolist()
    [[0, 23561, 29452, 32398, 32768]]
    >>> bool((pop_cdfs(RansDecoder(encoder.finish()), 4) == sent).all())
    True
    """
    check_coder(encoder, Encoder, "encoder")
    rows = _checked_cdfs(cdfs, "cdfs")
    levels = levels_of(frequencies(rows))
    before = _previous_levels(previous, levels.shape)
    if levels.shape[1] > 1:
        encoder.push(levels.T, level_model(), expected_levels(levels, before).T)
    return cdfs_of(levels)


def pop_cdfs(
    decoder: Decoder, num_symbols: int, num_contexts: int = 1, *, previous: npt.ArrayLike | None = None
) -> npt.NDArray[np.uint16]:
    """Receive what `push_cdfs` sent.

    Parameters
    ----------
    decoder : Decoder
        Any coder.
    num_symbols, num_contexts : int
        Shape of what was sent: M and the number of CDFs.
    previous : array_like of int, shape (M + 1,) or (num_contexts, M + 1), optional
        The encoder's.

    Returns
    -------
    ndarray of uint16, shape (num_contexts, M + 1)
        Valid CDFs, whatever the stream holds.

    Raises
    ------
    BitstreamError
        If the stream holds no CDFs.
    ValueError
        If an argument is out of range, or the shapes do not fit.
    TypeError
        If an argument is not of its type.
    """
    check_coder(decoder, Decoder, "decoder")
    m = as_int(num_symbols, "num_symbols", 1, MAX_STATIC_SYMBOLS)
    shape = as_int(num_contexts, "num_contexts", 1, (1 << 32) - 1), m
    return cdfs_of(pop_levels(decoder, _previous_levels(previous, shape)))


def levels_of(weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Level of each symbol of rows of weights, none of them all zero: the nearest half octave below the largest."""
    largest = weights.max(axis=1, keepdims=True)
    # The thresholds that a weight reaches, in integers and without a third dimension of the array.
    levels = np.zeros(weights.shape, np.int64)
    for threshold in _THRESHOLDS:
        levels += weights * _WEIGHTS[_TOP] >= threshold * largest
    return levels


def frequencies(cdfs: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Frequencies of rows of CDFs, of any integer type."""
    wide = cdfs.astype(np.int64)
    return wide[:, 1:] - wide[:, :-1]


def cdfs_of(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
    """CDFs of rows of levels."""
    return cdf_from_counts(_WEIGHTS[levels])


def _previous_levels(previous: npt.ArrayLike | None, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    if previous is None:
        return np.full(shape, _TOP, np.int64)
    rows = _checked_cdfs(previous, "previous")
    if rows.shape != (shape[0], shape[1] + 1):
        raise ValueError(f"previous must be {shape[0]} CDFs of {shape[1]} symbols, not have the shape {rows.shape}")
    return levels_of(frequencies(rows))


def _next_expected(
    level: npt.NDArray[np.int64], before: npt.NDArray[np.int64], ahead: npt.NDArray[np.int64], half: npt.NDArray[Any]
) -> npt.NDArray[np.int64]:
    """Level to expect after a symbol: that of the CDF before, and half of what the symbol differed by from it."""
    expected: npt.NDArray[np.int64] = np.clip(ahead + ((level - before) >> half), 0, _TOP)
    return expected


def _halves(before: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """1 for each row, but 0 where the CDF before is flat and tells nothing: then the level before is expected."""
    half: npt.NDArray[np.int64] = (before.min(axis=1) < _TOP).astype(np.int64)
    return half


def expected_levels(levels: npt.NDArray[np.int64], before: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Level to expect of each symbol, which is its context: shape (rows, M)."""
    expected = before.copy()
    half = _halves(before)[:, np.newaxis]
    expected[:, 1:] = _next_expected(levels[:, :-1], before[:, :-1], before[:, 1:], half)
    return expected


def pop_levels(decoder: Decoder, before: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Decode levels, all rows' first symbols, then all second ones and so on."""
    if before.shape[1] == 1:
        return before
    model, half = level_model(), _halves(before)
    levels, expected = np.empty(before.shape, np.int64), before[:, 0]
    for k in range(before.shape[1]):
        if k:
            expected = _next_expected(levels[:, k - 1], before[:, k - 1], before[:, k], half)
        levels[:, k] = decoder.pop(len(before), model, expected)
    found = levels.max(axis=1)
    if (found != _TOP).any():
        row = int(np.argmax(found != _TOP))
        raise BitstreamError(f"update of CDF {row}: expected a symbol of level {_TOP}, found at most {found[row]}")
    return levels


def _checked_cdfs(cdfs: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    array = np.asarray(cdfs)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, not {array.dtype}")
    if array.ndim not in (1, 2) or not 2 <= array.shape[-1] <= MAX_STATIC_SYMBOLS + 1 or array.shape[0] == 0:
        raise ValueError(f"{name} must have the shape (M + 1,) or (num_contexts, M + 1), not {array.shape}")
    if (array[..., 0] != 0).any() or (array[..., -1] != CDF_TOTAL).any() or (array[..., 1:] <= array[..., :-1]).any():
        raise ValueError(f"{name} must be strictly increasing from 0 to {CDF_TOTAL}")
    return np.atleast_2d(array)


def check_coder(coder: object, kind: type, name: str) -> None:
    """Refuse what is no encoder, or no decoder."""
    if not isinstance(coder, kind):
        raise TypeError(f"{name} must be of a class of {kind.__name__}s, not {type(coder).__name__}")
