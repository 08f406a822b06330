"""Images of integers at other sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from pyggc.codec.resample import resample

MOST = 1 << 17
sides = st.integers(1, 12)
lines = st.integers(-MOST, MOST)


def images() -> st.SearchStrategy[NDArray[np.int32]]:
    shapes = st.tuples(sides, sides, st.integers(1, 4))
    return shapes.flatmap(lambda shape: arrays(np.int32, shape, elements=lines))


def scaled(image: NDArray[np.int32], width: int, height: int) -> NDArray[np.int32]:
    return resample(image, (width, height), (0, 0, width, height))


def line(*values: int) -> NDArray[np.int32]:
    return np.array(values, np.int32).reshape(1, -1, 1)


@given(images(), st.integers(1, 40), st.integers(1, 40), st.data())
def test_regions_are_crops(image: NDArray[np.int32], width: int, height: int, data: st.DataObject) -> None:
    whole = scaled(image, width, height)
    assert (whole.shape, whole.dtype) == ((height, width, image.shape[2]), np.int32)
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    columns, rows = data.draw(st.integers(1, width - left)), data.draw(st.integers(1, height - top))
    part = resample(image, (width, height), (left, top, columns, rows))
    np.testing.assert_array_equal(part, whole[top : top + rows, left : left + columns])


@given(images(), st.integers(1, 40), st.integers(1, 40))
def test_no_value_goes_beyond_the_image_s(image: NDArray[np.int32], width: int, height: int) -> None:
    whole = scaled(image, width, height)
    assert image.min() <= whole.min()
    assert whole.max() <= image.max()


@given(images())
def test_its_own_size_changes_nothing(image: NDArray[np.int32]) -> None:
    np.testing.assert_array_equal(scaled(image, image.shape[1], image.shape[0]), image)


@given(images(), st.integers(1, 40), st.integers(1, 40))
def test_mirrors_and_transposes_commute_but_for_rounding(image: NDArray[np.int32], width: int, height: int) -> None:
    whole = scaled(image, width, height)
    # A position is rounded down to 2^-14 of a line, from the one side or the other, and lines differ by 2^18 at most.
    atol = 2 * (2 * MOST >> 14) + 4
    np.testing.assert_allclose(scaled(image[::-1, ::-1], width, height)[::-1, ::-1], whole, atol=atol)
    np.testing.assert_allclose(scaled(image.transpose(1, 0, 2), height, width).transpose(1, 0, 2), whole, atol=2)


@given(images(), st.integers(1, 12), st.integers(1, 12))
def test_shrinking_is_the_mean_of_what_a_pixel_covers(image: NDArray[np.int32], width: int, height: int) -> None:
    width, height = min(width, image.shape[1]), min(height, image.shape[0])
    fine = np.repeat(np.repeat(image.astype(float), height, axis=0), width, axis=1)
    want = fine.reshape(height, image.shape[0], width, image.shape[1], -1).mean(axis=(1, 3))
    np.testing.assert_allclose(scaled(image, width, height), want, atol=1.01)


def test_growing_interpolates_between_centers() -> None:
    assert scaled(line(0, 100), 4, 1).ravel().tolist() == [0, 25, 75, 100]
    assert scaled(line(0, 90), 6, 2)[:, :, 0].tolist() == [[0, 0, 30, 60, 90, 90]] * 2
    assert scaled(line(-7), 3, 2).ravel().tolist() == [-7] * 6
    # Where sizes are odd multiples, every pixel stands in the middle of those that come of it.
    image = np.random.default_rng(0).integers(-MOST, MOST, (5, 6, 3)).astype(np.int32)
    np.testing.assert_array_equal(scaled(image, 18, 25)[2::5, 1::3], image)


def test_rounding_is_to_the_nearest() -> None:
    assert scaled(line(0, 1, 1), 1, 1).item() == 1
    assert scaled(line(0, 0, 1), 1, 1).item() == 0
    assert scaled(line(0, -1, -1), 1, 1).item() == -1


@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (999, 2), (4001, 3)])
def test_long_lines_of_the_largest_values(size: tuple[int, int]) -> None:
    for value in (-MOST, MOST):
        assert (scaled(np.full((2, 3000, 1), value, np.int32), *size) == value).all()
