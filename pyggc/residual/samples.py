"""What both lossless coders ask of a tile: its shape and type, and its samples as uint16."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

MAX_CHANNELS = 4
MAX_SIDE = 65535
DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16))

Samples = NDArray[Any]
Shape = tuple[int, ...]


def check_form(shape: Shape, dtype: DTypeLike) -> tuple[Shape, np.dtype[Any]]:
    """Check shape and type of a tile.

    Parameters
    ----------
    shape : tuple of int
        ``(H, W)`` or ``(H, W, C)``, sides 1 to 65535, 1 to 4 channels.
    dtype : dtype-like
        uint8 or uint16, in the order of this machine.

    Returns
    -------
    tuple
        The shape with its channels, ``(H, W, C)``, and the dtype.

    Raises
    ------
    ValueError
        If either is none of these.

    Examples
    --------
    >>> check_form((3, 5), "uint8")
    ((3, 5, 1), dtype('uint8'))
    """
    found = np.dtype(dtype)
    if found not in DTYPES:
        raise ValueError(f"dtype must be uint8 or uint16, not {found}")
    full = (*shape, 1) if len(shape) == 2 else tuple(shape)
    if len(full) != 3 or not all(1 <= side <= MAX_SIDE for side in full[:2]) or not 1 <= full[2] <= MAX_CHANNELS:
        raise ValueError(f"shape must be (H, W) or (H, W, C) of sides 1 to {MAX_SIDE} and 1 to 4 channels, not {shape}")
    return full, found


def tile_of(samples: ArrayLike, name: str = "samples") -> Samples:
    """Give a tile as a contiguous array ``(H, W, C)`` of uint8 or uint16; `check_form` has the errors."""
    array = np.asarray(samples)
    try:
        shape, _ = check_form(array.shape, array.dtype)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return np.ascontiguousarray(array).reshape(shape)


def base_of(base: ArrayLike | None, like: Samples) -> Samples | None:
    """Give the base image of a tile, of the same shape and type.

    Raises
    ------
    ValueError
        If it has another shape or type.
    """
    if base is None:
        return None
    tile = tile_of(base, "base")
    if tile.shape != like.shape or tile.dtype != like.dtype:
        raise ValueError(f"base must be {like.dtype} of shape {like.shape}, not {tile.dtype} of {tile.shape}")
    return tile
