"""The specification is enough for a second decoder: one in plain Python finds the same samples."""

from __future__ import annotations

import numpy as np
import pytest
from lossless_reference import Tile as Reference
from test_lossless_golden import made

from pyggc._native import _predict

KINDS = range(_predict.NUM_KINDS)


def planes_of(tile: np.ndarray, kind: int) -> np.ndarray:
    planes = tile.astype(np.int64)
    if kind:
        r, g, b = planes[..., 0], planes[..., 1], planes[..., 2]
        co = r - b
        t = b + (co >> 1)
        first = [(g, r - g, b - g), ((r + 2 * g + b) >> 2, b - g, r - g), (t + ((g - t) >> 1), co, g - t)][kind - 1]
        planes = np.concatenate([np.stack(first, axis=-1), planes[..., 3:]], axis=-1)
    return planes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("texture", "dtype"), [("smooth", "uint8"), ("noise", "uint16"), ("repeats", "uint16")])
@pytest.mark.parametrize("has_base", [False, True])
def test_both_decoders_agree(kind: int, channels: int, texture: str, dtype: str, has_base: bool) -> None:
    if kind and channels < 3:
        kind = 0
    tile = made(texture, channels, dtype)[:11, :13].astype(np.uint16)
    m = int(tile.max())
    base = np.ascontiguousarray(tile // 8 * 8) if has_base else None
    data = _predict.encode(np.ascontiguousarray(tile), m, kind, base)
    lows = [-m if kind and plane in (1, 2) else 0 for plane in range(channels)]
    based = planes_of(base, kind) if base is not None else None
    look_up = None if based is None else lambda plane, x, y: int(based[y, x, plane])
    found = Reference(data, *tile.shape[:2], lows, m, look_up)
    assert (np.moveaxis(np.array(found.values), 0, -1) == planes_of(tile, kind)).all()
    assert (found.bits.position - 15 + 7) // 8 <= len(data)
