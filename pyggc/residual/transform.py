"""Tiles by block transforms, lossy or lossless."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pyggc._native import _residual
from pyggc.residual.plan import step_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

Samples: TypeAlias = "NDArray[np.uint8] | NDArray[np.uint16]"
Base: TypeAlias = "NDArray[np.uint16]"
Steps: TypeAlias = "NDArray[np.int32] | None"
#: The bytes of a tile, what a decoder makes of them, and the sum of its squared errors.
Coded: TypeAlias = tuple[bytes, Samples, float]

# All variants give the same bits.
_VARIANT = 0 if os.environ.get("PYGGC_SIMD") == "baseline" else len(_residual.variants()) - 1

#: Squared error that a bit may cost, in squares of the step: what the best of rate and distortion asks for where errors
#: are uniform is (ln 2) / 6 = 0.116; from 0.06 to 0.2, 0.1 measured best.
BIT_COST = 0.1


def encode_tile(samples: Samples, base: Base, steps: NDArray[np.int32], *, thorough: bool = False) -> Coded:
    """Code a tile.

    Parameters
    ----------
    samples : ndarray of uint8 or uint16, shape (H, W, C)
        1 to 4 channels; pixels of a row side by side.
    base : ndarray of uint16, the same shape
        What the Gaussians make of the tile.
    steps : ndarray of int32, shape (C, BANDS)
    thorough : bool
        Also try to predict chroma from luma, which takes as long again.

    Returns
    -------
    data : bytes
    decoded : ndarray
        What a decoder makes of them.
    squared_error : float
        The sum over all samples, in squares of their unit.
    """
    coded = _encode(samples, base, steps, cross=False)
    if thorough and samples.shape[2] >= 3:
        a_byte = 8.0 * BIT_COST * (float(steps[0, 0]) / step_unit(samples.dtype)) ** 2
        coded = min(coded, _encode(samples, base, steps, cross=True), key=lambda tile: tile[2] + a_byte * len(tile[0]))
    return coded


def encode_exact_tile(samples: Samples, base: Base) -> Coded:
    """Code a tile without loss; as `encode_tile`. Prediction of chroma never pays there."""
    return _encode(samples, base, None, cross=False)


def _encode(samples: Samples, base: Base, steps: Steps, *, cross: bool) -> Coded:
    decoded = np.empty(samples.shape, samples.dtype)
    data, squared_error = _residual.write_tile(samples, base, steps, BIT_COST, cross, decoded, _VARIANT)
    return data, decoded, squared_error


def decode_tiles(tiles: Sequence[tuple[memoryview, Base, Samples, str]], steps: Steps, threads: int | None = 1) -> None:
    """Decode tiles.

    Parameters
    ----------
    tiles : sequence of (memoryview, ndarray, ndarray, str)
        Of each its bytes, its base, what receives its samples, both of shape (H, W, C), and what errors call it.
    steps : ndarray of int32, shape (C, BANDS), or None
        As the encoder had them; None if the tiles are exact.
    threads : int, optional
        The most to use; None for as many as there are processors.

    Raises
    ------
    BitstreamError
        If the bytes of a tile are none that an encoder writes; of several such the first one is named.
    """
    _residual.read_tiles(tiles, steps, _VARIANT, threads or 0)
