"""Transforms of colors: the compiled loops against the formulas, round trips, ranges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transform_cases import along

from pyggc._native import _transforms
from pyggc.transforms import RCT, YCOCG_R, ColorTransform, samples

COLORS = {"ycocg_r": YCOCG_R, "rct": RCT}
each_color = pytest.mark.parametrize("flow", COLORS)
each_dtype = pytest.mark.parametrize("dtype", ["int16", "int32"])


def full_range(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    info = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(info.min, info.max, shape, endpoint=True).astype(dtype)


@given(
    flow=st.sampled_from(sorted(COLORS)),
    outer=st.lists(st.integers(1, 40), max_size=2),
    inner=st.lists(st.integers(1, 40), max_size=2),
    dtype=st.sampled_from(["int16", "int32"]),
    variant=st.sampled_from(_transforms.variants()),
    seed=st.integers(0, 1000),
)
def test_round_trip(flow: str, outer: list[int], inner: list[int], dtype: str, variant: str, seed: int) -> None:
    x, axis = full_range((*outer, 3, *inner), dtype, seed), len(outer)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "VARIANT", variant)
        y = COLORS[flow].forward(x, axis, check=False)
        assert (y == along(flow, x, axis, inverse=False)).all()
        assert (COLORS[flow].inverse(y, axis) == x).all()
        assert (COLORS[flow].inverse(x, axis) == along(flow, x, axis, inverse=True)).all()


def test_formulas() -> None:
    r, g, b = rgb = np.random.default_rng(1).integers(0, 256, (3, 5000))
    co = r - b
    t = b + (co >> 1)
    cg = g - t
    y = t + (cg >> 1)
    assert (YCOCG_R.forward(rgb.astype(np.int16), 0) == [y, co, cg]).all()
    assert (RCT.forward(rgb.astype(np.int16), 0) == [(r + 2 * g + b) >> 2, b - g, r - g]).all()
    # The range of 8 bits.
    assert 0 <= y.min() <= y.max() <= 255
    assert max(np.abs(co).max(), np.abs(cg).max()) <= 255


@each_color
@each_dtype
def test_limit(flow: str, dtype: str) -> None:
    color: ColorTransform = COLORS[flow]
    limit = color.limit(dtype)
    corners = np.array(np.meshgrid(*[[-limit, limit]] * 3)).reshape(3, -1)
    assert (color.forward(corners.astype(dtype), 0) == along(flow, corners, 0, inverse=False)).all()
    image = np.zeros((200, 300, 3), dtype)
    for value in (limit + 1, -limit - 1):
        image[150, 20, 1] = value
        for x, axis in ((image, -1), (np.moveaxis(image, -1, 0).copy(), 0)):
            before = x.copy()
            with pytest.raises(ValueError, match="x must be within"):
                color.forward(x, axis)
            with pytest.raises(ValueError, match="x must be within"):
                color.forward(x, axis, out=x)
            assert (x == before).all()


@each_color
@each_dtype
def test_out_threads_and_variants(flow: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = full_range((300, 401, 3), dtype)
    expected = COLORS[flow].forward(x, check=False)
    for variant in _transforms.variants():
        monkeypatch.setattr(samples, "VARIANT", variant)
        for threads in (1, 3):
            out = x.copy()
            assert COLORS[flow].forward(out, out=out, check=False, threads=threads) is out
            assert (out == expected).all()
            assert (COLORS[flow].inverse(out, out=out, threads=threads) == x).all()
            planes = np.moveaxis(x, -1, 0).copy()
            assert (COLORS[flow].forward(planes, 0, check=False, threads=threads) == np.moveaxis(expected, -1, 0)).all()


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="x must have 3 samples along axis -1, not 4"):
        YCOCG_R.forward(np.zeros((8, 4), np.int16))
    with pytest.raises(TypeError, match="y must be int16 or int32"):
        RCT.inverse(np.zeros((8, 3), np.uint8))
    assert YCOCG_R.forward(np.zeros((0, 3), np.int16)).shape == (0, 3)
    assert (repr(YCOCG_R), repr(RCT)) == ("YCOCG_R", "RCT")
