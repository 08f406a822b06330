"""`pyggc.evaluate` against scikit-image and SciPy, and its errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.interpolate import PchipInterpolator
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pyggc.evaluate import bd_rate, psnr, ssim

DTYPES = {"uint8": 255, "uint16": 65535, "float32": 1, "float64": 1}


def image_pair(dtype: str, shape: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A smooth random image and a noisy copy."""
    rng = np.random.default_rng(seed)
    base = np.cumsum(rng.normal(size=shape), axis=0)
    base = (base - base.min()) / (np.ptp(base) + 1e-9)
    noisy = np.clip(base + rng.normal(scale=0.05, size=shape), 0, 1)
    return (base * DTYPES[dtype]).astype(dtype), (noisy * DTYPES[dtype]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3), (300, 17, 4)])
def test_psnr_is_that_of_scikit_image(dtype: str, shape: tuple[int, ...]) -> None:
    reference, image = image_pair(dtype, shape)
    expected = peak_signal_noise_ratio(reference, image, data_range=DTYPES[dtype])
    assert psnr(reference, image) == pytest.approx(expected, rel=1e-9)
    assert psnr(reference, image, data_range=2 * DTYPES[dtype]) == pytest.approx(expected + 20 * math.log10(2))


def test_psnr_of_the_largest_difference_is_zero() -> None:
    low, high = np.zeros((200, 300, 3), np.uint16), np.full((200, 300, 3), 65535, np.uint16)
    assert psnr(low, high) == 0


def test_psnr_takes_any_shape_and_mixed_precision() -> None:
    assert psnr(np.float32(0.5), np.float64(0.5)) == math.inf
    assert psnr([0.0, 1.0], [0.0, 0.0]) == pytest.approx(10 * math.log10(2))


# Heights around the strip of 128 rows, where an off-by-one would lose or double a row of windows.
@pytest.mark.parametrize("shape", [(11, 11), (40, 50), (137, 30), (138, 30), (139, 30), (266, 25, 3)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_ssim_is_that_of_scikit_image(dtype: str, shape: tuple[int, ...]) -> None:
    reference, image = image_pair(dtype, shape)
    expected = structural_similarity(
        reference.astype(np.float64),
        image.astype(np.float64),
        data_range=DTYPES[dtype],
        channel_axis=2 if len(shape) == 3 else None,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(reference, image) == pytest.approx(expected, rel=1e-9)


@given(st.integers(1, 14), st.integers(1, 14), st.sampled_from(["uint8", "float64"]))
def test_ssim_of_small_images(height: int, width: int, dtype: str) -> None:
    reference, image = image_pair(dtype, (height, width))
    assert ssim(reference, reference) == 1
    value = ssim(reference, image)
    assert -1 <= value <= 1
    assert ssim(reference.T, image.T) == pytest.approx(value)


def test_ssim_of_one_pixel_compares_luminance_only() -> None:
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 50 + c1) / (100**2 + 50**2 + c1)
    assert ssim(np.uint8([[100]]), np.uint8([[50]])) == pytest.approx(expected)


def test_ssim_is_the_mean_over_channels() -> None:
    reference, image = image_pair("uint8", (30, 30, 3))
    channels = [ssim(reference[:, :, c], image[:, :, c]) for c in range(3)]
    assert ssim(reference, image) == pytest.approx(np.mean(channels))


@pytest.mark.parametrize("function", [psnr, ssim])
@pytest.mark.parametrize(
    ("reference", "image", "options", "error", "message"),
    [
        (np.zeros((4, 4)), np.zeros((4, 5)), {}, ValueError, r"image must have the shape of reference, \(4, 4\)"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint16), {}, ValueError, "dtype of reference, uint8"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4)), {}, ValueError, "not float64"),
        (np.zeros((4, 4), np.int32), np.zeros((4, 4), np.int32), {}, TypeError, "reference must be uint8"),
        (np.zeros((4, 4)), np.zeros((4, 4), bool), {}, TypeError, "image must be uint8"),
        (np.zeros((0, 4)), np.zeros((0, 4)), {}, ValueError, "empty"),
        (np.zeros((4, 4)), np.full((4, 4), np.nan), {}, ValueError, "image has values that are not finite"),
        (np.zeros((4, 4)), np.zeros((4, 4)), {"data_range": 0}, ValueError, "data_range must be above zero"),
        (np.zeros((4, 4)), np.zeros((4, 4)), {"data_range": math.nan}, ValueError, "data_range"),
    ],
)
def test_bad_images(function, reference, image, options, error, message) -> None:
    with pytest.raises(error, match=message):
        function(reference, image, **options)


def test_ssim_wants_two_or_three_dimensions() -> None:
    with pytest.raises(ValueError, match=r"\(height, width\)"):
        ssim(np.zeros(5), np.zeros(5))


def curve(rng: np.random.Generator, points: int) -> list[tuple[float, float]]:
    """Rates and PSNRs that mostly rise together, with a dip here and there."""
    quality = 25 + np.cumsum(rng.uniform(0.3, 3, points))
    rate = np.exp(np.cumsum(rng.uniform(-0.2, 1, points)) - 3)
    return list(zip(rate.tolist(), quality.tolist(), strict=True))


@given(st.integers(0, 2**32 - 1), st.integers(2, 8), st.integers(2, 8))
def test_bd_rate_is_that_of_scipys_pchip(seed: int, anchor_points: int, test_points: int) -> None:
    rng = np.random.default_rng(seed)
    anchor, test = curve(rng, anchor_points), curve(rng, test_points)
    low = max(anchor[0][1], test[0][1])
    high = min(anchor[-1][1], test[-1][1])
    if low >= high:
        with pytest.raises(ValueError, match="no range in common"):
            bd_rate(anchor, test)
        return
    means = []
    for points in (anchor, test):
        rate, quality = np.transpose(points)
        means.append(PchipInterpolator(quality, np.log(rate)).integrate(low, high) / (high - low))
    expected = 100 * (math.exp(means[1] - means[0]) - 1)
    assert bd_rate(anchor, test) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_bd_rate_by_numerical_integration() -> None:
    anchor = [(0.1, 28.0), (0.22, 31.5), (0.4, 33.0), (0.9, 37.0)]
    test = [(0.08, 29.0), (0.2, 31.0), (0.35, 34.0), (0.7, 36.0)]
    interpolants = [PchipInterpolator(np.transpose(c)[1], np.log(np.transpose(c)[0])) for c in (anchor, test)]
    difference = quad(lambda x: interpolants[1](x) - interpolants[0](x), 29, 36, limit=200)[0] / 7
    assert bd_rate(anchor, test) == pytest.approx(100 * (math.exp(difference) - 1), rel=1e-6)


def test_bd_rate_takes_points_in_any_order_and_is_zero_for_itself() -> None:
    anchor = [(0.1, 28.0), (0.2, 31.0), (0.4, 33.0)]
    assert bd_rate(anchor, anchor[::-1]) == 0


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([(0.1, 30.0)], "test must be at least two pairs"),
        ([0.1, 30.0], "test must be at least two pairs"),
        ([(0.1, 30.0), (0.0, 31.0)], "above zero"),
        ([(0.1, 30.0), (0.2, math.inf)], "finite"),
        ([(0.1, 30.0), (0.2, 30.0)], "same PSNR"),
    ],
)
def test_bad_curves(points, message) -> None:
    with pytest.raises(ValueError, match=message):
        bd_rate([(0.1, 28.0), (0.2, 31.0)], points)
