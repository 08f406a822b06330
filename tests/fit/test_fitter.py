"""`Fitter`: phases, density, quantization-aware steps; and the public gradients."""

from __future__ import annotations

import numpy as np
import pytest
from fit_cases import crowd
from numpy.typing import NDArray

from pyggc.fit import FitProgress, Fitter, render_backward
from pyggc.fit.oracle import backward_float64
from pyggc.gaussians import Gaussians2D
from pyggc.render import rasterize

Image = NDArray[np.float32]


@pytest.fixture
def fitter(photo: Image) -> Fitter:
    fitter = Fitter(photo, seed=3)
    fitter.initialize(120)
    fitter.run(40)
    return fitter


def coarse(gaussians: Gaussians2D) -> Gaussians2D:
    """Quarter pixels, scales in steps of 20 %, colors in steps of 1/16."""
    cholesky = gaussians.cholesky.copy()
    cholesky[:, :2] = 1.2 ** np.round(np.log(cholesky[:, :2]) / np.log(1.2))
    cholesky[:, 2] = np.round(cholesky[:, 2] * 2.0) / 2.0
    return Gaussians2D(
        np.round(gaussians.means * 4.0) / 4.0,
        cholesky,
        np.round(gaussians.colors * 16.0) / 16.0,
        width=gaussians.width,
        height=gaussians.height,
    )


def test_residual_is_render_minus_image(fitter: Fitter, photo: Image) -> None:
    render = rasterize(fitter.gaussians, dtype=np.float32, clip=False)
    np.testing.assert_allclose(fitter.residual(), render - photo, atol=1e-4)


def test_relocation_pays(photo: Image) -> None:
    results = []
    for relocate in (False, True):
        fitter = Fitter(photo, seed=3)
        fitter.initialize(150, "random")
        fitter.run(150, relocate=relocate)
        results.append(fitter.psnr)
    assert results[1] > results[0] + 0.3


def test_relocate_moves_as_many_as_asked(fitter: Fitter) -> None:
    before = fitter.gaussians
    assert fitter.relocate(0.1) == 12
    moved = (fitter.gaussians.means != before.means).any(axis=1)
    assert moved.sum() == 12
    assert fitter.relocate(0.0) == 0
    with pytest.raises(ValueError, match="share"):
        fitter.relocate(1.5)


def test_grow_and_prune(fitter: Fitter) -> None:
    start, before = fitter.gaussians, fitter.psnr
    fitter.grow(30)
    assert len(fitter.gaussians) == 150
    assert fitter.gaussians[:120] == start
    fitter.run(30, relocate=False)
    assert fitter.psnr > before
    fitter.prune(50)
    assert len(fitter.gaussians) == 100
    fitter.run(5)
    fitter.prune(1000)
    assert len(fitter.gaussians) == 0
    assert fitter.psnr == pytest.approx(-10.0 * np.log10(np.mean(np.square(fitter.residual()))), abs=1e-3)
    fitter.grow(20)
    assert fitter.run(10) == "iterations"


def test_pruning_takes_the_least_needed(fitter: Fitter) -> None:
    state = fitter.gaussians
    fitter.prune(12)
    chosen = fitter.loss
    for seed in range(3):
        keep = np.sort(np.random.default_rng(seed).permutation(120)[12:])
        fitter.gaussians = state[keep]
        assert chosen < fitter.loss


def test_setting_gaussians(fitter: Fitter) -> None:
    state = fitter.gaussians
    half = Gaussians2D(state.means, state.cholesky, state.colors * 2.0, np.full(120, 0.5))
    before = fitter.psnr
    fitter.gaussians = half
    assert fitter.psnr == pytest.approx(before)
    assert fitter.gaussians == state
    for wrong, name in ((state.scaled(2.0), "size"), (Gaussians2D([[0, 0]], [[1, 1, 0]], [[1.0]]), "channels")):
        with pytest.raises(ValueError, match=name):
            fitter.gaussians = wrong


def test_quantization_aware_steps_pay(fitter: Fitter) -> None:
    start = fitter.gaussians
    fitter.gaussians = coarse(start)
    before = fitter.psnr
    fitter.gaussians = start
    phases: list[str] = []
    best = fitter.run_quantized(coarse, 40, callback=lambda progress: phases.append(progress.phase))
    assert best == coarse(fitter.gaussians)
    assert set(phases) == {"quantized"}
    fitter.gaussians = best
    assert fitter.psnr > before + 0.3


def test_quantization_aware_steps_cannot_diverge(fitter: Fitter) -> None:
    start = coarse(fitter.gaussians)
    best = fitter.run_quantized(coarse, 20, step=50.0)
    fitter.gaussians = start
    before = fitter.loss
    fitter.gaussians = best
    assert fitter.loss <= before


def test_quantization_aware_steps_end(fitter: Fitter) -> None:
    def callback(progress: FitProgress) -> bool:
        return progress.iteration == 3

    iterations = fitter.iterations
    fitter.run_quantized(coarse, 20, callback=callback)
    assert fitter.iterations == iterations + 3
    assert fitter.run_quantized(coarse, 0) == coarse(fitter.gaussians)
    with pytest.raises(ValueError, match="quantizer"):
        fitter.run_quantized(lambda gaussians: gaussians[1:], 5)


@pytest.mark.parametrize("channels", [1, 3])
def test_public_gradient(channels: int) -> None:
    params = crowd(30, 25, 50, 40, channels)
    image = np.random.default_rng(31).normal(size=(40, 50, channels))
    opacities = np.linspace(0.2, 1.0, 25).astype(np.float32)
    got = render_backward(Gaussians2D(*params, opacities), image if channels > 1 else image[:, :, 0])
    expected = backward_float64(params.means, params.cholesky, params.colors * opacities[:, None], image)
    for mine, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=3e-3 * np.abs(theirs).max())


def test_public_gradient_checks_its_arguments() -> None:
    one = Gaussians2D([[1.0, 1.0]], [[1.0, 1.0, 0.0]], [[1.0]])
    for image in (np.zeros((3, 3, 2)), np.zeros((0, 3)), np.full((3, 3), np.nan)):
        with pytest.raises(ValueError, match="image_gradient"):
            render_backward(one, image)
