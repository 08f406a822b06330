"""Hypothesis strategies that several tests share: Gaussians of every shape, images of every kind, hostile files."""

from __future__ import annotations

import random

import hostile_files
import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from pyggc.gaussians import Gaussians2D

_DTYPES = (np.uint8, np.uint16)


def finite(low: float, high: float) -> st.SearchStrategy[float]:
    """Floats that binary32 holds exactly."""
    low, high = float(np.float32(low)), float(np.float32(high))
    return st.floats(low, high, width=32, allow_subnormal=False)


@st.composite
def log_uniform(draw: st.DrawFn, low: float, high: float) -> float:
    """Positive numbers whose logarithm is drawn evenly."""
    return float(np.exp(draw(st.floats(np.log(low), np.log(high)))))


@st.composite
def gaussians(
    draw: st.DrawFn,
    *,
    min_count: int = 0,
    max_count: int = 6,
    max_side: int = 40,
    channels: int | None = None,
    opacities: bool | None = None,
    min_scale: float = 0.05,
    max_scale: float = 300.0,
) -> Gaussians2D:
    """Gaussians2D with a size: very thin, very small, huge, on the image, beside it and far outside."""
    width, height = draw(st.integers(1, max_side)), draw(st.integers(1, max_side))
    count = draw(st.integers(min_count, max_count))
    channels = channels or draw(st.integers(1, 4))
    near = finite(-10.0, max_side + 10.0)
    place = st.one_of(near, near, finite(-3000.0, 3000.0))
    scale = log_uniform(min_scale, max_scale)
    shear = st.one_of(finite(-3.0, 3.0), finite(-max_scale, max_scale))

    def rows(*columns: st.SearchStrategy[float]) -> NDArray[np.float32]:
        values = draw(st.lists(st.tuples(*columns), min_size=count, max_size=count))
        return np.array(values, np.float32).reshape(count, len(columns))

    with_opacities = draw(st.booleans()) if opacities is None else opacities
    return Gaussians2D(
        rows(place, place),
        rows(scale, scale, shear),
        rows(*[finite(-2.0, 2.0)] * channels),
        rows(finite(0.0, 1.0))[:, 0] if with_opacities else None,
        width,
        height,
    )


@st.composite
def images(draw: st.DrawFn, *, max_side: int = 40) -> NDArray[np.generic]:
    """Images (H, W), (H, W, 3) or (H, W, 4) of uint8, uint16 or float32 in [0, 1]: flat, smooth, noisy or mixed."""
    shape: tuple[int, ...] = (draw(st.integers(1, max_side)), draw(st.integers(1, max_side)))
    channels = draw(st.sampled_from([0, 3, 4]))
    shape = (*shape, channels) if channels else shape
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    smooth = np.indices(shape).sum(axis=0) / max(1, sum(shape) - len(shape))
    noise = draw(st.sampled_from([0.0, 0.05, 1.0]))
    image = np.clip((1.0 - noise) * draw(st.sampled_from([smooth, smooth * 0 + 0.5])) + noise * rng.random(shape), 0, 1)
    dtype = draw(st.sampled_from([*_DTYPES, np.float32]))
    if dtype is np.float32:
        return image.astype(np.float32)
    return np.floor(image * np.iinfo(dtype).max + 0.5).astype(dtype)


@st.composite
def damaged_files(draw: st.DrawFn, *, repair: bool) -> hostile_files.HostileFile:
    """Files of `hostile_files`, without the bombs; their checksums repaired or not."""
    return hostile_files.make(random.Random(draw(st.integers(0, 2**64 - 1))), repair=repair, bombs=False)
