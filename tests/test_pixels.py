"""What counts as an image, and what of it is said to be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import images

from pyggc.pixels import MAX_SIDE, as_pixels

RNG = np.random.default_rng(0)


@given(images())
def test_images_of_every_kind_stay_as_they_are(image: np.ndarray) -> None:
    pixels = as_pixels(image)
    np.testing.assert_array_equal(pixels.samples, image)
    assert pixels.samples.dtype == image.dtype
    assert (pixels.height, pixels.width) == image.shape[:2]
    assert pixels.channels == (1 if image.ndim == 2 else image.shape[2])
    assert pixels.bit_depth == 8 * image.itemsize


@given(images())
def test_planes_are_from_zero_to_one(image: np.ndarray) -> None:
    pixels = as_pixels(image)
    samples, scale = pixels.scaled()
    planes = np.multiply(samples, scale, dtype=np.float32)
    assert planes.dtype == np.float32
    assert planes.shape == (pixels.height, pixels.width, pixels.channels)
    peak = 1.0 if image.dtype.kind == "f" else np.iinfo(image.dtype).max
    np.testing.assert_allclose(planes, image.reshape(planes.shape) / peak, atol=2e-7)
    assert planes.min() >= 0.0
    assert planes.max() <= 1.0


@pytest.mark.parametrize(("dtype", "white"), [("uint8", 255), ("uint16", 65535), ("float32", 1)])
def test_white_is_one(dtype: str, white: int) -> None:
    samples, scale = as_pixels(np.full((2, 3), white, dtype)).scaled()
    assert np.multiply(samples, scale, dtype=np.float32).max() == 1.0


@pytest.mark.parametrize("dtype", [">u2", "<u2", "uint8", ">f4", "<f4", "float64", ">f8", "float16", "longdouble"])
def test_byte_orders_and_precisions(dtype: str) -> None:
    image = (RNG.random((5, 4, 3)) * (1 if np.dtype(dtype).kind == "f" else 255)).astype(dtype)
    pixels = as_pixels(image)
    assert pixels.samples.dtype in (np.uint8, np.uint16, np.float32)
    assert pixels.samples.dtype.isnative
    np.testing.assert_array_equal(pixels.samples, image.astype(np.float32))


@given(st.data())
def test_any_strides(data: st.DataObject) -> None:
    image = data.draw(images())
    rows, columns = (data.draw(st.sampled_from([1, 2, 3, -1, -2])) for _ in range(2))
    view = image[::rows, ::columns]
    pixels = as_pixels(view)
    assert pixels.samples.flags.c_contiguous
    np.testing.assert_array_equal(pixels.samples, view)
    transposed = np.moveaxis(np.ascontiguousarray(np.moveaxis(image, 0, 1)), 0, 1)
    np.testing.assert_array_equal(as_pixels(transposed).samples, image)


def test_one_channel_counts_as_gray() -> None:
    image = RNG.integers(0, 256, (4, 5, 1), np.uint8)
    pixels = as_pixels(image)
    assert pixels.channels == 1
    np.testing.assert_array_equal(pixels.samples, image[:, :, 0])


def test_nested_lists_of_floats_are_images() -> None:
    assert as_pixels([[0.0, 0.5], [1.0, 0.25]]).bit_depth == 32


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (None, ValueError, r"image must have shape .* not \(\)"),
        (0.5, ValueError, r"image must have shape .* not \(\)"),
        (np.zeros(4), ValueError, r"image must have shape .* not \(4,\)"),
        (np.zeros((4, 4, 2)), ValueError, r"image must have shape .* not \(4, 4, 2\)"),
        (np.zeros((4, 4, 5)), ValueError, "image must have shape"),
        (np.zeros((1, 4, 4, 3)), ValueError, "image must have shape"),
        (np.zeros((0, 4)), ValueError, r"image has no pixels: its shape is \(0, 4\)"),
        (np.zeros((4, 0, 3)), ValueError, "image has no pixels"),
        (np.zeros((4, 0, 1)), ValueError, "image has no pixels"),
        (np.zeros((1, MAX_SIDE + 1), np.uint8), ValueError, "image must have sides of at most 1048575 pixels"),
        ([[0.0], [0.0, 1.0]], ValueError, "image must be an array"),
        (np.full((2, 2), np.nan), ValueError, r"within \[0, 1\], but has values that are not finite"),
        (np.array([[0.0, np.inf]]), ValueError, r"within \[0, 1\], but has values that are not finite"),
        (np.array([[-0.01, 1.0]]), ValueError, r"not from -0.01 to 1.0"),
        (np.array([[0.0, 255.0]]), ValueError, "not from 0.0 to 255.0"),
        (np.array([[0.0, 1e300]]), ValueError, "values that are not finite"),
        (np.zeros((2, 2), bool), TypeError, "image must have samples of uint8, uint16 or floats .* not bool"),
        (np.zeros((2, 2), np.int32), TypeError, "not int32"),
        (np.zeros((2, 2), np.uint32), TypeError, "not uint32"),
        (np.zeros((2, 2), np.int8), TypeError, "not int8"),
        (np.zeros((2, 2), complex), TypeError, "not complex128"),
        (np.zeros((2, 2), object), TypeError, "not object"),
        ([["a", "b"]], TypeError, "not <U1"),
        ([[1, 2]], TypeError, "not int"),
    ],
)
def test_what_is_no_image(image: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        as_pixels(image)
