"""The lifting tools: the draft's formulas, round trips of any input, and transforms made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyggc.transforms import DCT, WHT, Butterfly, Rotation, ScaledRotation, SumDifference

PI = math.pi


def pair(dtype: str, size: int | None = None, seed: int = 0) -> Any:
    info = np.iinfo(dtype)
    low, high = (info.min, info.max) if size is None else (-size, size)
    return np.random.default_rng(seed).integers(low, high, (2, 5000), endpoint=True).astype(dtype)


@given(
    tool=st.one_of(
        st.sampled_from([Butterfly("sum"), Butterfly("difference")]),
        st.builds(
            lambda kind, angle, bits: kind(angle, bits),
            st.sampled_from([Rotation, ScaledRotation]),
            st.floats(0.05, 3.1) | st.floats(-3.1, -0.05),
            st.integers(1, 15),
        ),
    ),
    dtype=st.sampled_from(["int16", "int32"]),
    seed=st.integers(0, 100),
)
def test_round_trip_of_any_input(tool: Any, dtype: str, seed: int) -> None:
    x = pair(dtype, seed=seed)
    y = tool.forward(*x)
    assert all(array.dtype == dtype for array in y)
    assert (np.array(tool.inverse(*y)) == x).all()


def test_sum_and_difference() -> None:
    a, b = pair("int32", 1000)
    y0, y1 = SumDifference().forward(a, b)
    assert (y0 == a + b).all()
    assert (y1 == b - a).all()
    assert (np.array(SumDifference().inverse(y0, y1)) == [a, b]).all()


def test_butterflies() -> None:
    a, b = pair("int32", 1000)
    y0, y1 = Butterfly("sum").forward(a, b)
    assert (y0 == a + b).all()
    assert np.abs(y1 - (b - a) / 2).max() <= 0.5
    y0, y1 = Butterfly("difference").forward(a, b)
    assert (y1 == b - a).all()
    assert np.abs(y0 - (a + b) / 2).max() <= 0.5


@pytest.mark.parametrize("angle", [-PI / 4, PI / 8, 3 * PI / 8, -1.9])
def test_rotations(angle: float) -> None:
    a, b = pair("int32", 1000)
    cosine, sine = math.cos(angle), math.sin(angle)
    y0, y1 = Rotation(angle).forward(a, b)
    assert np.abs(y0 - (cosine * a - sine * b)).max() < 2.5
    assert np.abs(y1 - (sine * a + cosine * b)).max() < 2.5
    y0, y1 = ScaledRotation(angle).forward(a, b)
    assert np.abs(y0 - (cosine * a - 2 * sine * b) / math.sqrt(2)).max() < 3.5
    assert np.abs(y1 - (sine * a + 2 * cosine * b) / math.sqrt(2)).max() < 3.5


def test_the_draft_s_rotation() -> None:
    x0, x1 = pair("int32", 1000)
    u0 = x0 + (27 * x1 + 32 >> 6)
    y1 = x1 - (45 * u0 + 32 >> 6)
    y0 = u0 + (27 * y1 + 32 >> 6)
    assert (np.array(Rotation(-PI / 4, bits=6).forward(x0, x1)) == [y0, y1]).all()


def test_the_draft_s_transform_is_made_of_them() -> None:
    x = np.random.default_rng(2).integers(-256, 256, (1000, 4)).astype(np.int16)
    y = DCT(4).forward(x)
    # The outer samples with a large difference; the inner ones with a large sum, whose half difference is turned over.
    mean, difference = Butterfly("difference").forward(x[:, 3], x[:, 0])
    total, half = Butterfly("sum").forward(x[:, 1], x[:, 2])
    assert (y[:, 0] == x[:, 0] - ((x[:, 0] - x[:, 3]) >> 1) + (total >> 1)).all()
    y3, y1 = ScaledRotation(3 * PI / 8, bits=6).forward(difference, -half)
    assert np.abs(mean + (total >> 1) - y[:, 0]).max() <= 1
    assert (y1 == y[:, 1]).all()
    assert (y3 == y[:, 3]).all()


def test_the_draft_s_walsh_hadamard_transform_is_made_of_them() -> None:
    # Rows that scale asymmetrically, then columns that take that back.
    x00, x01, x10, x11 = x = np.random.default_rng(3).integers(-256, 256, (4, 1000)).astype(np.int16)
    t1 = x00 - x01
    t0 = x00 - (t1 >> 1)
    t2, minus_t3 = Butterfly("sum").forward(x10, x11)
    y00 = t0 + (t2 >> 1)
    y10 = y00 - t2
    y = WHT(2, 2).forward(x.T.reshape(-1, 2, 2))
    assert np.abs(y[:, 0, 0] - y00).max() <= 1
    assert np.abs(y[:, 1, 0] - y10).max() <= 1
    assert np.abs(y[:, 1, 1] - ((t1 >> 1) + minus_t3)).max() <= 1


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: Butterfly("both"), ValueError),
        (lambda: Rotation(0.0), ValueError),
        (lambda: Rotation(PI), ValueError),
        (lambda: Rotation(math.nan), ValueError),
        (lambda: ScaledRotation(1.0, bits=16), ValueError),
        (lambda: ScaledRotation(1.0, bits=2.5), TypeError),
        (lambda: Butterfly().forward(np.zeros(3, np.int16), np.zeros(4, np.int16)), ValueError),
        (lambda: Butterfly().forward(np.zeros(3, np.int16), np.zeros(3, np.int32)), ValueError),
        (lambda: Rotation(1.0).forward(np.zeros(3), np.zeros(3)), TypeError),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
