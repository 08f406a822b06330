"""The kernels against oracles: every SIMD variant, every number of channels and threads."""

from __future__ import annotations

import numpy as np
import pytest
from fit_cases import crowd, image_of, planes_of, ssim_float64
from scipy import integrate, ndimage

from pyggc._native import _fit
from pyggc.backends.cpu_fit import CpuFitKernels
from pyggc.backends.fit_protocol import Bounds, Params
from pyggc.fit.gradients import unwhiten
from pyggc.fit.oracle import EDGE, Q_MAX, backward_float64
from pyggc.render.oracle import rasterize_float64

SIZES = [(1, 1), (1, 40), (37, 1), (17, 9), (150, 70), (300, 40)]


def random_planes(seed: int, width: int, height: int, channels: int) -> np.ndarray:
    return planes_of(np.random.default_rng(seed).normal(size=(height, width, channels)).astype(np.float32))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_forward_against_oracle(kernels: CpuFitKernels, width: int, height: int, channels: int) -> None:
    params = crowd(channels, 60, width, height, channels)
    target = random_planes(1, width, height, channels)
    residual = np.zeros_like(target)
    squared, absolute = kernels.forward(params, target, residual, width, 1)
    expected = rasterize_float64(*params, (0, 0, width, height)) - image_of(target, width)
    # The exponential's polynomial is good to 6.5e-6 of each contribution, and there are up to 60 of them.
    np.testing.assert_allclose(image_of(residual, width), expected, atol=1e-4)
    assert not residual[:, :, width:].any()
    np.testing.assert_allclose([squared, absolute], [np.sum(expected**2), np.sum(abs(expected))], rtol=1e-4)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_backward_against_oracle(kernels: CpuFitKernels, width: int, height: int, channels: int) -> None:
    params = crowd(10 + channels, 40, width, height, channels)
    image = random_planes(2, width, height, channels)
    got = unwhiten(params, kernels.backward(params, image, width, 1))
    expected = backward_float64(*params, image_of(image, width))
    for mine, theirs in zip(got, expected, strict=True):
        # At a pixel on the edge of the support the two may disagree whether it is inside: 1 % of one pixel's part.
        scale = np.abs(theirs).max() + 1e-3
        np.testing.assert_allclose(mine / scale, theirs / scale, atol=2e-3)
        assert np.median(np.abs(mine - theirs)) < 1e-4 * scale


def test_oracle_against_finite_differences() -> None:
    params = crowd(3, 6, 24, 20, 2)
    image = np.random.default_rng(4).normal(size=(20, 24, 2))
    region = (0, 0, 24, 20)

    def scalar(arrays: list[np.ndarray]) -> float:
        return float(np.sum(rasterize_float64(*arrays, region) * image))

    arrays = [array.astype(np.float64) for array in params]
    for which, gradient in enumerate(backward_float64(*arrays, image)):
        for index in np.ndindex(gradient.shape):
            step = 1e-5
            shifted = []
            for sign in (1.0, -1.0):
                moved = [array.copy() for array in arrays]
                moved[which][index] += sign * step
                shifted.append(scalar(moved))
            # Across the support's edge the kernel has a corner: few pixels, of small weight.
            difference = (shifted[0] - shifted[1]) / (2.0 * step)
            assert difference == pytest.approx(gradient[index], rel=1e-3, abs=2e-2)


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_give_the_same_bits(kernels: CpuFitKernels, threads: int) -> None:
    params, image = crowd(5, 500, 200, 150, 3), random_planes(6, 200, 150, 3)
    one, many = np.zeros_like(image), np.zeros_like(image)
    assert kernels.forward(params, image, one, 200, 1) == kernels.forward(params, image, many, 200, threads)
    np.testing.assert_array_equal(one, many)
    gradient = kernels.backward(params, image, 200, 1)
    np.testing.assert_array_equal(gradient, kernels.backward(params, image, 200, threads))
    np.testing.assert_array_equal(
        kernels.removal(params, gradient, 8, 1), kernels.removal(params, gradient, 8, threads)
    )
    np.testing.assert_array_equal(kernels.blur(image, 200, 1.5, 1), kernels.blur(image, 200, 1.5, threads))
    slopes = [np.zeros_like(image), np.zeros_like(image)]
    values = [
        kernels.ssim(one, image, slope, 200, scale=1.0, threads=count)
        for slope, count in zip(slopes, (1, threads), strict=True)
    ]
    assert values[0] == values[1]
    np.testing.assert_array_equal(*slopes)


def test_kernel_energy_is_the_integral() -> None:
    def integrand(q: float) -> float:
        return float(np.pi * ((np.exp(-0.5 * q) - EDGE) / (1.0 - EDGE)) ** 2)

    assert _fit.constants()["KERNEL_ENERGY"] == pytest.approx(integrate.quad(integrand, 0.0, Q_MAX)[0], rel=1e-4)


def test_natural_gradient_solves_the_block() -> None:
    """On a fine grid, the closed form is the Gauss-Newton block of the pixels."""
    kernels, count = CpuFitKernels(_fit.variants()[0]), 8
    color = np.array([0.7, -0.4, 0.2])
    params = Params(
        np.array([[60.0, 60.0]], np.float32), np.array([[14.0, 11.0, 6.0]], np.float32), color[None].astype(np.float32)
    )
    rows, columns = np.indices((121, 121), dtype=np.float64)
    u1 = (columns - 60.0) / 14.0
    u2 = (rows - 60.0 - 6.0 * u1) / 11.0
    q = u1 * u1 + u2 * u2
    exponential = np.where(q < Q_MAX, np.exp(-0.5 * q), 0.0) / (1.0 - EDGE)
    weight = np.where(q < Q_MAX, exponential - EDGE / (1.0 - EDGE), 0.0)
    shapes = [u1, u2, u1 * u1, u2 * u2, u1 * u2]
    jacobian = np.zeros((121 * 121 * 3, count))
    for c in range(3):
        jacobian[c::3, c] = weight.ravel()
        for k, shape in enumerate(shapes):
            jacobian[c::3, 3 + k] = (color[c] * exponential * shape).ravel()
    gradient = np.random.default_rng(7).normal(size=(1, count)).astype(np.float32)
    expected = np.linalg.solve(jacobian.T @ jacobian, gradient[0])
    got, product, _ = kernels.natural(params, gradient, np.zeros_like(gradient), 0.0)
    np.testing.assert_allclose(got[0], expected, rtol=0.01, atol=1e-5)
    assert product == pytest.approx(float(gradient[0] @ got[0]))


def test_penalty_is_differentiated() -> None:
    kernels, bounds = CpuFitKernels(_fit.variants()[-1]), Bounds(40, 30, 1e-3, 1e3, 1e3)
    params = crowd(8, 5, 40, 30, 3)
    gradient = np.zeros((5, 8), np.float32)
    kernels.natural(params, gradient, np.zeros_like(gradient), 1.0)
    direction = np.random.default_rng(9).normal(size=(5, 8)).astype(np.float32) * np.float32(0.1)
    sums = [kernels.retract(params, direction, step, bounds)[1] for step in (0.01, -0.01)]
    assert 2.0 * np.sum(gradient * direction) == pytest.approx((sums[0] - sums[1]) / 0.02, rel=1e-2)


def test_whitened_gradient_is_that_of_the_retraction(kernels: CpuFitKernels) -> None:
    width, height = 60, 50
    params, target = crowd(11, 30, width, height, 3), random_planes(12, width, height, 3)
    bounds = Bounds(10**6, 10**6, 1e-3, 1e3, 1e3)
    params = Params(np.clip(params.means, 0.0, None), *params[1:])
    residual = np.zeros_like(target)
    kernels.forward(params, target, residual, width, 1)
    gradient = kernels.backward(params, residual, width, 1)
    direction = np.random.default_rng(13).normal(size=gradient.shape).astype(np.float32) * np.float32(0.1)
    loss = [
        kernels.forward(kernels.retract(params, direction, step, bounds)[0], target, residual, width, 1)[0]
        for step in (0.02, -0.02)
    ]
    assert 2.0 * np.sum(gradient * direction, dtype=np.float64) == pytest.approx((loss[0] - loss[1]) / 0.04, rel=2e-2)


@pytest.mark.parametrize("beta", [0.0, 0.7])
def test_direction_descends_and_stays_within_reach(beta: float) -> None:
    kernels, rng = CpuFitKernels(_fit.variants()[-1]), np.random.default_rng(14)
    params = crowd(15, 200, 60, 50, 3)
    params.cholesky[:100, :2] = 0.4  # at the floor, where some want to shrink
    gradient = rng.normal(size=(200, 8)).astype(np.float32)
    natural, _, _ = kernels.natural(params, gradient, np.zeros_like(gradient), 0.0)
    direction = rng.normal(size=(200, 8)).astype(np.float32)
    slope = kernels.conjugate(params, gradient, natural, direction, beta=beta, reach=0.3, min_scale=0.4)
    assert slope < 0.0
    assert slope == pytest.approx(float(np.sum(gradient * direction, dtype=np.float64)), rel=1e-4)
    assert (np.log(params.cholesky[:, :2]) + 0.3 * direction[:, 5:7] >= np.log(0.4) - 1e-3).all()
    if beta == 0.0:
        assert (np.sum(gradient * direction, axis=1) <= 1e-4).all()


def test_removal_cost_without_neighbors_is_exact() -> None:
    kernels, width, height = CpuFitKernels(_fit.variants()[-1]), 80, 60
    params, target = crowd(16, 20, width, height, 3), random_planes(17, width, height, 3)
    params.means[:] = [40.0, 30.0]
    params.cholesky[:] = np.clip(params.cholesky, 2.0, 6.0)
    residual = np.zeros_like(target)
    before, _ = kernels.forward(params, target, residual, width, 1)
    cost = kernels.removal(params, kernels.backward(params, residual, width, 1), 0, 1)
    for i in range(len(cost)):
        rest = Params(*(np.delete(array, i, axis=0) for array in params))
        after, _ = kernels.forward(rest, target, residual, width, 1)
        assert cost[i] == pytest.approx(after - before, rel=0.02, abs=0.05)


def test_removal_cost_sees_who_takes_over() -> None:
    """Of two equal Gaussians one is free; one alone is not."""
    kernels = CpuFitKernels(_fit.variants()[-1])
    means = np.array([[10.0, 10.0], [10.0, 10.0], [90.0, 10.0]], np.float32)
    params = Params(means, np.full((3, 3), [3.0, 3.0, 0.0], np.float32), np.ones((3, 1), np.float32))
    cost = kernels.removal(params, np.zeros((3, 6), np.float32), 2, 1)
    assert cost[:2].max() < 0.1 * cost[2]
    for neighbors in (0, 5, 16):  # more than there are
        assert np.isfinite(kernels.removal(params, np.zeros((3, 6), np.float32), neighbors, 1)).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 5), (11, 11), (12, 40), (90, 70)])
@pytest.mark.parametrize("sigma", [0.8, 2.0])
def test_blur(kernels: CpuFitKernels, width: int, height: int, sigma: float) -> None:
    image = random_planes(18, width, height, 2)
    got = kernels.blur(image, width, sigma, 1)
    expected = ndimage.gaussian_filter(image_of(image, width).astype(np.float64), (sigma, sigma, 0), mode="nearest")
    np.testing.assert_allclose(image_of(got, width), expected, atol=1e-5)
    assert not got[:, :, width:].any()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 7), (11, 9), (30, 33), (50, 80)])
def test_ssim_and_its_gradient(kernels: CpuFitKernels, width: int, height: int) -> None:
    rng = np.random.default_rng(19)
    target = rng.random((height, width, 2)).astype(np.float32)
    render = np.clip(target + rng.normal(0.0, 0.2, target.shape), 0, 1).astype(np.float32)
    slope = planes_of(np.zeros_like(target))
    args = width, 2.0
    value = kernels.ssim(planes_of(render - target), planes_of(target), slope, args[0], scale=args[1], threads=1)
    assert value == pytest.approx(ssim_float64(target.astype(np.float64), render.astype(np.float64)), abs=2e-5)
    direction, step = rng.normal(size=target.shape), 1e-3
    sides = [ssim_float64(target.astype(np.float64), render + sign * step * direction) for sign in (1.0, -1.0)]
    slope_along = np.sum(image_of(slope, width) * direction) / args[1]
    assert slope_along == pytest.approx((sides[0] - sides[1]) / (2.0 * step), rel=2e-3, abs=2e-5)


def test_sample_follows_the_weights() -> None:
    kernels = CpuFitKernels(_fit.variants()[-1])
    weights = planes_of(np.zeros((10, 20, 1), np.float32))
    weights[3, 0, 5:9] = 1.0
    weights[7, 0, 2] = 4.0
    quantiles = (np.arange(8) + 0.5) / 8
    # The last four fall on one pixel, which can be drawn but once.
    assert kernels.sample(weights, 20, quantiles).tolist() == [65, 66, 67, 68, 142]
    assert kernels.sample(weights, 20, quantiles[:0]).size == 0
    assert kernels.sample(np.zeros_like(weights), 20, quantiles).size == 0


def test_variants_agree() -> None:
    params, image = crowd(20, 300, 200, 150, 3), random_planes(21, 200, 150, 3)
    results = []
    for variant in _fit.variants():
        kernels, residual = CpuFitKernels(variant), np.zeros_like(image)
        kernels.forward(params, image, residual, 200, 1)
        results.append((residual, kernels.backward(params, image, 200, 1)))
    for residual, gradient in results[1:]:
        np.testing.assert_allclose(residual, results[0][0], atol=1e-5)
        np.testing.assert_allclose(gradient, results[0][1], atol=2e-2)


def test_shapes_are_checked() -> None:
    params, image = crowd(22, 4, 20, 10, 3), random_planes(23, 20, 10, 3)
    kernels = CpuFitKernels(_fit.variants()[-1])
    with pytest.raises(ValueError, match="wider"):
        kernels.forward(params, image[:, :, :32].copy(), image[:, :, :32].copy(), 20, 1)
    with pytest.raises(ValueError, match="channels"):
        kernels.backward(params, image[:, :2].copy(), 20, 1)
    with pytest.raises(ValueError, match="shapes"):
        kernels.backward(Params(params.means[:3], *params[1:]), image, 20, 1)
    with pytest.raises(ValueError, match="coordinates"):
        kernels.natural(params, np.zeros((4, 7), np.float32), np.zeros((4, 8), np.float32), 0.0)


def test_a_long_gaussian_does_not_slide_along_the_border() -> None:
    """At the right border, a shift to the right must not become one downward."""
    kernels, bounds = CpuFitKernels(_fit.variants()[-1]), Bounds(40, 30, 0.4, 100.0, 100.0)
    cholesky = np.array([[50.0, 1.0, 20.0]], np.float32)
    for mean, p, expected in (
        ((39.5, 10.0), (0.2, 0.0), (39.5, 10.0)),
        ((39.5, 10.0), (0.2, 0.3), (39.5, 10.3)),
        ((39.5, 25.0), (0.4, 0.3), (39.5, 25.3)),
        ((20.0, 10.0), (0.1, 0.3), (25.0, 12.3)),
        ((20.0, 29.5), (0.0, 0.3), (20.0 - 50.0 * 20.0 * 0.3 / 401.0, 29.5)),
    ):
        params = Params(np.array([mean], np.float32), cholesky, np.ones((1, 1), np.float32))
        direction = np.array([[0.0, *p, 0.0, 0.0, 0.0]], np.float32)
        moved, _ = kernels.retract(params, direction, 1.0, bounds)
        np.testing.assert_allclose(moved.means[0], expected, rtol=1e-5)
