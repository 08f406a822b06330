"""The public door: sizes, filtering, supersampling, conversions, arguments, and the estimate of the work."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import gaussians

from pyggc._native import _render
from pyggc.backends import get_backend
from pyggc.gaussians import Gaussians2D
from pyggc.render import oracle, rasterize, render_work
from pyggc.render.footprint import FOOTPRINT_VARIANCE, scale_parameters

ONE = Gaussians2D([[20.0, 15.0]], [[6.0, 4.0, 2.0]], [[0.9, 0.5, 0.1]], width=48, height=36)


def scene(seed: int = 0, count: int = 250, width: int = 96, height: int = 72) -> Gaussians2D:
    """Something like a fitted image: a few broad Gaussians and many small ones, of both signs."""
    rng = np.random.default_rng(seed)
    scales = np.exp(rng.normal(np.log(3.0), 0.7, (count, 2))).clip(0.3, 30.0)
    means = rng.uniform(0.0, 1.0, (count, 2)) * [width, height] - 0.5
    cholesky = np.column_stack([scales, rng.normal(0.0, 1.0, count) * scales[:, 1]])
    return Gaussians2D(means, cholesky, rng.normal(0.1, 0.3, (count, 3)), width=width, height=height)


def psnr(a: NDArray[Any], b: NDArray[Any]) -> float:
    return float(-10.0 * np.log10(np.mean(np.square(np.float64(a) - np.float64(b)))))


def area_average(image: NDArray[np.float32], k: int) -> NDArray[np.float64]:
    height, width, channels = image.shape
    return image.astype(np.float64).reshape(height // k, k, width // k, k, channels).mean(axis=(1, 3))


# --- sizes


def test_native_size_needs_no_arguments_and_changes_no_parameter() -> None:
    image = rasterize(ONE, dtype=np.int32)
    assert image.shape == (36, 48, 3)
    np.testing.assert_array_equal(
        image, oracle.rasterize_reference(ONE.means, ONE.cholesky, ONE.colors, (0, 0, 48, 36))
    )
    np.testing.assert_array_equal(image, ONE.render(dtype=np.int32))


@pytest.mark.parametrize(
    ("given", "want"), [((96, None), (96, 72)), ((None, 18), (24, 18)), ((5, 7), (5, 7)), ((1, None), (1, 1))]
)
def test_one_side_keeps_the_proportions(given: tuple[int | None, int | None], want: tuple[int, int]) -> None:
    assert rasterize(ONE, *given).shape == (want[1], want[0], 3)


def test_without_a_source_size_nothing_is_scaled() -> None:
    free = Gaussians2D(ONE.means, ONE.cholesky, ONE.colors)
    np.testing.assert_array_equal(rasterize(free, 48, 36), rasterize(ONE))
    np.testing.assert_array_equal(rasterize(free, 100, 90)[:36, :48], rasterize(ONE))
    with pytest.raises(ValueError, match="width and height"):
        rasterize(free, 48)


@given(gaussians(opacities=False), st.integers(1, 4), st.integers(1, 4))
def test_enlarging_is_scaling(case: Gaussians2D, kx: int, ky: int) -> None:
    assert case.width is not None
    assert case.height is not None
    size = case.width * kx, case.height * ky
    np.testing.assert_array_equal(
        rasterize(case, *size, dtype=np.int32), rasterize(case.scaled(kx, ky), *size, dtype=np.int32)
    )


def test_opacities_scale_the_colors() -> None:
    half = Gaussians2D(ONE.means, ONE.cholesky, ONE.colors, [0.5], 48, 36)
    want = Gaussians2D(ONE.means, ONE.cholesky, ONE.colors * np.float32(0.5), None, 48, 36)
    np.testing.assert_array_equal(rasterize(half), rasterize(want))


# --- the footprint


@pytest.mark.parametrize(("k", "least", "gain"), [(2, 45.0, 8.0), (3, 43.0, 10.0), (8, 33.0, 12.0)])
def test_reduced_images_are_area_averages(k: int, least: float, gain: float) -> None:
    case = scene()
    full = rasterize(case, dtype=np.float32, clip=False)
    want = area_average(full, k)
    got = rasterize(case, 96 // k, 72 // k, dtype=np.float32, clip=False)
    assert psnr(got, want) > least
    assert psnr(got, want) > psnr(full[k // 2 :: k, k // 2 :: k], want) + gain


@given(gaussians(min_count=1), st.floats(1e-4, 4.0), st.floats(1e-4, 4.0))
def test_footprint_adds_its_covariance_and_keeps_the_mass(case: Gaussians2D, sx: float, sy: float) -> None:
    _, cholesky, colors = scale_parameters(case.means, case.cholesky, case.colors, case.opacities, sx, sy)
    l1, l2, l3 = case.cholesky.astype(np.float64).T * np.array([[sx], [sy], [sy]])
    n1, n2, n3 = cholesky.astype(np.float64).T
    vx, vy = (FOOTPRINT_VARIANCE * max(0.0, 1.0 - s * s) for s in (sx, sy))
    np.testing.assert_allclose(n1 * n1, l1 * l1 + vx, rtol=1e-6)
    np.testing.assert_allclose(n2 * n2 + n3 * n3, l2 * l2 + l3 * l3 + vy, rtol=1e-6)
    np.testing.assert_allclose(n1 * n3, l1 * l3, rtol=1e-6, atol=1e-30)
    opacities = 1.0 if case.opacities is None else case.opacities[:, None].astype(np.float64)
    np.testing.assert_allclose(
        colors * (n1 * n2)[:, None], case.colors * opacities * (l1 * l2)[:, None], rtol=1e-4, atol=1e-9
    )


def test_scale_of_one_is_the_identity() -> None:
    rng = np.random.default_rng(2)
    arrays = (
        (rng.normal(size=(999, 2)) * 10.0 ** rng.integers(-20, 6, (999, 2))).astype(np.float32),
        (np.abs(rng.normal(size=(999, 3))) + 2.0**-10).astype(np.float32),
        rng.normal(size=(999, 3)).astype(np.float32),
    )
    for got, want in zip(scale_parameters(*arrays, None, 1.0, 1.0), arrays, strict=True):
        np.testing.assert_array_equal(got, want)


# --- supersampling and conversion


@pytest.mark.parametrize("k", [2, 3, 4, 16])
def test_supersampling_averages_accumulators(k: int) -> None:
    case = scene(1, 60, 24, 18)
    fine = rasterize(case, 24 * k, 18 * k, dtype=np.int32).astype(np.int64)
    sums = fine.reshape(18, k, 24, k, 3).sum(axis=(1, 3))
    want = (2 * sums + k * k) // (2 * k * k)
    np.testing.assert_array_equal(rasterize(case, supersample=k, dtype=np.int32), want)


def test_conversions_round_once_and_clip() -> None:
    """Accumulators around every interesting value, through Gaussians of one pixel that carry them."""
    values = np.array([-(2**30), -1, 0, 1, 2055, 2056, 2057, 8, 9, 2**19, 2**20 - 2057, 2**20 - 8, 2**20, 2**30])
    values = np.concatenate([values, np.random.default_rng(4).integers(0, 2**20, 500)])
    means = np.column_stack([np.arange(len(values)) * 8.0, np.zeros(len(values))])
    case = Gaussians2D(means, np.tile([0.3, 0.3, 0.0], (len(values), 1)), values[:, None] / 2.0**20)
    size = 8 * len(values), 1
    sums = [Fraction(int(v), 2**20) for v in rasterize(case, *size, dtype=np.int32)[0, ::8]]
    for dtype, maximum in ((np.uint8, 255), (np.uint16, 65535)):
        want = [min(max(int((s * maximum + Fraction(1, 2)) // 1), 0), maximum) for s in sums]
        assert rasterize(case, *size, dtype=dtype)[0, ::8].tolist() == want
    raw = rasterize(case, *size, dtype=np.float32, clip=False)[0, ::8]
    assert raw.tolist() == [float(np.float32(float(s))) for s in sums]
    np.testing.assert_array_equal(rasterize(case, *size, dtype=np.float32)[0, ::8], raw.clip(0.0, 1.0))


def test_one_channel_has_no_axis() -> None:
    gray = Gaussians2D(ONE.means, ONE.cholesky, ONE.colors[:, :1], width=48, height=36)
    np.testing.assert_array_equal(rasterize(gray), rasterize(ONE)[:, :, 0])


# --- arguments


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 0),
        ("width", 2**20 + 1),
        ("height", -1),
        ("supersample", 0),
        ("supersample", 17),
        ("region", (0, 0, 49, 36)),
        ("region", (0, 0, 0, 36)),
        ("region", (-1, 0, 4, 4)),
        ("region", (0, 0, 4)),
        ("region", (0, 0, 4.5, 4)),
        ("region", 3),
        ("dtype", np.float64),
        ("threads", 0),
    ],
)
def test_bad_value_is_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        rasterize(ONE, **{name: value})


@pytest.mark.parametrize("name", ["width", "height", "supersample", "threads"])
def test_bad_type_is_named(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        rasterize(ONE, **{name: 2.5})


def test_clip_is_for_floats() -> None:
    with pytest.raises(ValueError, match="clip"):
        rasterize(ONE, dtype=np.uint8, clip=False)


def test_backends() -> None:
    assert get_backend() is get_backend("cpu")
    with pytest.raises(ValueError, match="device"):
        get_backend("abacus")


@pytest.mark.parametrize("variant", _render.variants())
def test_environment_forces_the_variant(variant: str) -> None:
    code = "from pyggc.backends import get_backend; print(get_backend().variant)"
    assert _run(code, variant).stdout.strip() == variant


def test_unknown_variant_is_an_error() -> None:
    code = "from pyggc.backends import get_backend; get_backend()"
    assert "ValueError: PYGGC_SIMD=mmx: this processor can run baseline" in _run(code, "mmx").stderr


def _run(code: str, variant: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYGGC_SIMD": variant, "PYTHONPATH": os.pathsep.join(sys.path)}
    # With -P the working folder stays off the path: the package of this process is tested, not the source tree.
    return subprocess.run([sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True)


# --- the estimate of the work


def covered(case: Gaussians2D, region: tuple[int, int, int, int]) -> int:
    """Pixels with q < 9, counted."""
    x, y, width, height = region
    columns, rows = np.arange(x, x + width), np.arange(y, y + height)[:, None]
    q = -2.0 * np.log(np.maximum(case.evaluate_at(columns, rows), 1e-300))
    return int((q < 9.0).sum())


@given(gaussians(opacities=False))
def test_work_is_an_upper_bound(case: Gaussians2D) -> None:
    assert case.width is not None
    assert case.height is not None
    region = (case.width // 3, case.height // 3, case.width - case.width // 3, case.height - case.height // 3)
    assert covered(case, region) <= render_work(case, region=region)


def test_work_is_within_a_factor_of_two() -> None:
    rng = np.random.default_rng(6)
    for _ in range(200):
        l1, l2 = np.exp(rng.uniform(0.0, np.log(60.0), 2))
        case = Gaussians2D(
            rng.uniform(-20.0, 120.0, (1, 2)), [[l1, l2, rng.normal() * 2 * l2]], [[1.0]], width=100, height=80
        )
        region = (10, 5, 80, 70)
        # A handful of grazed pixels more or less is no matter of proportion.
        assert render_work(case, region=region) <= 2.0 * covered(case, region) + 40


def test_work_of_everything_everywhere() -> None:
    all_over = Gaussians2D([[0.0, 0.0]] * 3, [[2.0**20, 2.0**20, 0.0]] * 3, [[1.0]] * 3, width=100, height=80)
    assert render_work(all_over) == 3 * 8000
    assert render_work(all_over, supersample=4) == 3 * 8000 * 16
    assert render_work(all_over, region=(2, 3, 10, 10)) == 300
    assert render_work(all_over[:0]) == 0
