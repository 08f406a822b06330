"""Refinement of a file's integers: it only ever gains, and what it leaves behind is what it says."""

from __future__ import annotations

import numpy as np
import pytest
from fit_cases import crowd, image_of
from numpy.typing import NDArray

from pyggc._native import _fit
from pyggc.backends.cpu_fit import CpuFitKernels
from pyggc.fit import Fitter, LossWeights, integers
from pyggc.fit.objective import MIN_SCALE, Objective
from pyggc.gaussians import Gaussians2D
from pyggc.quantize import CompactPlan, CompactQuantizer
from pyggc.quantize.compact import MAX_COLOR_LEVEL
from pyggc.render import rasterize

# Of every width modulo 16, the rows' padding, that has its own path; and one pixel wide or high.
SHAPES = [(30, 40), (21, 33), (17, 63), (25, 16), (40, 1), (1, 40), (1, 1)]


def picture(height: int, width: int, channels: int) -> NDArray[np.float32]:
    y, x, c = np.mgrid[:height, :width, :channels]
    noise = np.random.default_rng(5).normal(0.0, 0.05, x.shape)
    return np.clip(0.5 + 0.35 * np.sin(x / 5.0 + c) * np.cos(y / 4.0 - c) + noise, 0.0, 1.0).astype(np.float32)


def fitted(image: NDArray[np.float32], count: int = 30, iterations: int = 20) -> Gaussians2D:
    fitter = Fitter(image, seed=1)
    fitter.initialize(count)
    fitter.run(iterations)
    return fitter.gaussians


def quantizer_for(image: NDArray[np.float32], color_step: float = 0.15) -> CompactQuantizer:
    height, width, channels = image.shape
    return CompactQuantizer(CompactPlan(color_step), width, height, channels)


def objective_for(image: NDArray[np.float32], variant: str = _fit.variants()[-1], threads: int = 1) -> Objective:
    return Objective.of_image(image, LossWeights(), CpuFitKernels(variant), threads)


def refine(
    objective: Objective, levels: NDArray[np.int32], quantizer: CompactQuantizer, sweeps: int, seed: int
) -> NDArray[np.int32]:
    residual = objective.residual(objective.to_params(quantizer.dequantize(levels)))
    return integers.refine(objective.kernels, residual, objective.width, levels, quantizer, sweeps, seed)


def squared_error(image: NDArray[np.float32], gaussians: Gaussians2D) -> float:
    """By the exact renderer, which knows nothing of the fit."""
    render = rasterize(gaussians, dtype=np.float32, clip=False).astype(np.float64)
    return float(np.sum(np.square(render.reshape(image.shape) - image)))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_the_error_never_rises(kernels: CpuFitKernels, height: int, width: int, channels: int) -> None:
    image = picture(height, width, channels)
    quantizer, start = quantizer_for(image), fitted(image)
    levels = quantizer.quantize(start)
    errors = [squared_error(image, quantizer.dequantize(levels))]
    for sweep in range(4):
        levels = refine(objective_for(image, kernels.variant), levels, quantizer, 1, seed=sweep)
        errors.append(squared_error(image, quantizer.dequantize(levels)))
        assert errors[-1] <= errors[-2] * (1.0 + 1e-5) + 1e-5
    if min(height, width) > 1:
        assert errors[-1] < 0.98 * errors[0]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_the_residual_is_kept_up_to_date(kernels: CpuFitKernels, height: int, width: int, channels: int) -> None:
    image = picture(height, width, channels)
    quantizer, objective = quantizer_for(image), objective_for(image, kernels.variant)
    levels = quantizer.quantize(fitted(image))
    residual = objective.residual(objective.to_params(quantizer.dequantize(levels)))
    order = np.random.default_rng(0).permutation(len(levels))
    limits = {"min_log_scale": 32.0 * float(np.log2(MIN_SCALE)), "color_limit": MAX_COLOR_LEVEL}
    for _ in range(3):
        kernels.refine(quantizer.native, levels, order, residual, width, **limits)
    fresh = objective_for(image, kernels.variant)
    expected = fresh.residual(fresh.to_params(quantizer.dequantize(levels)))
    np.testing.assert_allclose(image_of(residual, width), image_of(expected, width), atol=2e-4)
    # The kernels rely on the padding being zero.
    assert not residual[:, :, width:].any()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_simd_variants_agree(channels: int) -> None:
    image = picture(30, 40, channels)
    quantizer, start = quantizer_for(image), fitted(image)
    levels = quantizer.quantize(start)
    errors = []
    for variant in _fit.variants():
        refined = refine(objective_for(image, variant), levels, quantizer, 3, seed=0)
        errors.append(squared_error(image, quantizer.dequantize(refined)))
    # A sum's order may decide a close call, and what follows from it; not how good the result is.
    assert max(errors) <= 1.03 * min(errors)


@pytest.mark.parametrize("variant", _fit.variants())
def test_one_change_is_the_same_in_all_variants(variant: str) -> None:
    """A single Gaussian has no neighbors on which another order of sums could act."""
    image = picture(30, 40, 3)
    quantizer = quantizer_for(image)
    levels = quantizer.quantize(Gaussians2D([[18.3, 14.2]], [[6.0, 3.0, 1.5]], [[0.4, 0.2, -0.1]], width=40, height=30))
    results = [refine(objective_for(image, v), levels, quantizer, 2, seed=0) for v in (variant, _fit.variants()[0])]
    np.testing.assert_array_equal(*results)
    assert (results[0] != levels).any()


def test_one_seed_gives_the_same_integers_for_any_threads() -> None:
    # Large enough that the forward pass before the refinement does share its work.
    image = picture(120, 110, 3)
    quantizer = quantizer_for(image)
    levels = quantizer.quantize(fitted(image, 80, 5))
    one, two, again, other = (
        refine(objective_for(image, threads=threads), levels, quantizer, 2, seed)
        for seed, threads in ((7, 1), (7, 2), (7, 0), (8, 1))
    )
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_classes_and_ranges_are_kept(channels: int) -> None:
    image = picture(30, 40, channels)
    quantizer = quantizer_for(image, 0.02)
    levels = quantizer.quantize(fitted(image, 60))
    before = levels.copy()
    refined = refine(objective_for(image), levels, quantizer, 4, seed=3)
    np.testing.assert_array_equal(levels, before)
    assert (refined != levels).any()
    np.testing.assert_array_equal(quantizer.classes(refined), quantizer.classes(levels))
    assert np.abs(refined[:, :channels]).max() <= MAX_COLOR_LEVEL
    gaussians = quantizer.dequantize(refined)
    assert (gaussians.means >= -0.5).all()
    assert (gaussians.means <= [39.5, 29.5]).all()


def test_a_color_that_the_levels_cannot_reach_is_cut_at_their_limit() -> None:
    image = np.ones((20, 20, 1), np.float32)
    quantizer = quantizer_for(image, 1e-4)
    start = Gaussians2D([[10.0, 10.0]], [[20.0, 20.0, 0.0]], [[0.004]], width=20, height=20)
    levels = quantizer.quantize(start)
    refined = refine(objective_for(image), levels, quantizer, 3, seed=0)
    assert 0 < refined[0, 0] <= MAX_COLOR_LEVEL


def test_what_needs_nothing_changes_nothing() -> None:
    quantizer = quantizer_for(np.zeros((9, 14, 3), np.float32))
    levels = quantizer.quantize(Gaussians2D(*crowd(1, 12, 14, 9, 3), width=14, height=9))
    image = rasterize(quantizer.dequantize(levels), dtype=np.float32)
    perfect = objective_for(np.clip(image, 0.0, 1.0))
    zero = np.zeros((0, 8), np.int32)
    assert refine(perfect, zero, quantizer, 3, seed=0).shape == (0, 8)
    np.testing.assert_array_equal(refine(perfect, levels, quantizer, 0, seed=0), levels)


def test_the_objective_forgets_what_was_written_over() -> None:
    image = picture(30, 40, 3)
    quantizer, fitter = quantizer_for(image), Fitter(image)
    fitter.initialize(30)
    fitter.run(5)
    psnr, residual = fitter.psnr, fitter.residual()
    fitter.refine(quantizer.quantize(fitter.gaussians), quantizer, 2)
    assert fitter.psnr == psnr
    np.testing.assert_array_equal(fitter.residual(), residual)
