"""Tiles of every kind for the lossless coders."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Tile = NDArray[Any]
KINDS = ("constant", "extremes", "few", "gradient", "noise", "smooth", "repeats", "scaled")


def tile(kind: str, shape: tuple[int, ...], dtype: str, seed: int) -> Tile:
    rng, high = np.random.default_rng(seed), int(np.iinfo(dtype).max)
    height, width = shape[:2]
    depth = shape[2] if len(shape) == 3 else 1
    rows, columns = np.indices((height, width))
    plane = {
        "constant": np.full((height, width), rng.integers(0, high, endpoint=True)),
        "extremes": rng.integers(0, 2, (height, width)) * high,
        "few": rng.choice(rng.integers(0, high, 3, endpoint=True), (height, width)),
        "gradient": rows * rng.integers(0, high // 16) + columns * rng.integers(0, high // 16),
        "noise": rng.integers(0, high, (height, width), endpoint=True),
        "smooth": high * (2 + np.sin(rows / 5.0) + np.cos(columns / 7.0)) / 4 + rng.normal(0, high / 200, rows.shape),
        "repeats": np.resize(rng.integers(0, high, 7, endpoint=True), (height, width)),
        "scaled": rng.integers(0, 15, (height, width), endpoint=True) * (high // 15),
    }[kind]
    planes = [plane + channel * rng.integers(0, 3, plane.shape) for channel in range(depth)]
    return np.clip(np.stack(planes, axis=-1), 0, high).astype(dtype).reshape(shape)


sides = st.one_of(st.integers(1, 12), st.sampled_from([33, 64]))
shapes = st.one_of(st.tuples(sides, sides), st.tuples(sides, sides, st.integers(1, 4)))
dtypes = st.sampled_from(["uint8", "uint16"])
tiles = st.builds(tile, st.sampled_from(KINDS), shapes, dtypes, st.integers(0, 2**32 - 1))
