"""`fit`: quality, determinism, stopping, the odd images, and what a step may not do."""

from __future__ import annotations

import numpy as np
import pytest
from fit_cases import ssim_float64
from numpy.typing import NDArray

from pyggc._native import _fit
from pyggc.backends.cpu_fit import CpuFitKernels
from pyggc.fit import FRAMEWORK_LOSS, FitProgress, Fitter, LossWeights, fit
from pyggc.fit.initialize import INITIALIZERS
from pyggc.fit.natural import NaturalGradient
from pyggc.fit.objective import Objective
from pyggc.gaussians import Gaussians2D
from pyggc.render import rasterize

Image = NDArray[np.float32]


def test_quality_of_a_photograph(photo: Image) -> None:
    early = fit(photo, 200, max_iterations=60)
    late = fit(photo, 200, max_iterations=300)
    assert early.psnr > 25.0
    assert late.psnr > early.psnr + 0.5
    assert late.stopped == "iterations"
    assert late.iterations == 300


def test_result_is_what_the_exact_renderer_shows(waves: Image) -> None:
    result = fit(waves, 60, max_iterations=40)
    render = rasterize(result.gaussians, dtype=np.float32, clip=False)
    mse = float(np.mean(np.square(render.astype(np.float64) - waves)))
    assert result.psnr == pytest.approx(-10.0 * np.log10(mse), abs=0.02)
    assert result.loss == pytest.approx(mse, rel=1e-2)
    assert (result.gaussians.width, result.gaussians.height) == (40, 30)


@pytest.mark.parametrize("optimizer", ["natural", "adam"])
def test_one_seed_gives_the_same_bytes_for_any_threads(photo: Image, optimizer: str) -> None:
    one, two, again, other = (
        fit(photo, 150, max_iterations=35, optimizer=optimizer, seed=seed, threads=threads).gaussians
        for seed, threads in ((1, 1), (1, 3), (1, None), (2, 1))
    )
    assert one == two
    assert one == again
    assert one != other


@pytest.mark.parametrize("init", sorted(INITIALIZERS))
@pytest.mark.parametrize("weights", [LossWeights(), FRAMEWORK_LOSS, LossWeights(l2=0.0, l1=1.0)])
def test_accepted_loss_never_rises(photo: Image, init: str, weights: LossWeights) -> None:
    objective = Objective.of_image(photo, weights, CpuFitKernels(_fit.variants()[-1]), 1)
    start = INITIALIZERS[init](objective, 80, np.random.default_rng(0), lambda at, params, *limits: params)
    optimizer = NaturalGradient(objective, start)
    optimizer.set_penalty(2.0)
    first = last = optimizer.loss
    for _ in range(40):
        accepted = optimizer.step()
        assert optimizer.loss < last if accepted else optimizer.loss == last
        last = optimizer.loss
    assert last < 0.6 * first


def test_losses_are_what_they_say(waves: Image) -> None:
    weights = LossWeights(l2=0.3, l1=0.2, ssim=0.5)
    result = fit(waves, 30, loss=weights, max_iterations=25)
    render = rasterize(result.gaussians, dtype=np.float32, clip=False)
    residual = render.astype(np.float64) - waves
    expected = 0.3 * np.mean(residual**2) + 0.2 * np.mean(abs(residual)) + 0.5 * (1.0 - ssim_float64(waves, render))
    assert result.loss == pytest.approx(expected, rel=1e-3)


def test_ssim_loss_improves_ssim(photo: Image) -> None:
    plain, structural = (
        fit(photo, 120, max_iterations=150, loss=weights) for weights in (LossWeights(), LossWeights(l2=1.0, ssim=0.1))
    )
    ssims = [ssim_float64(photo, rasterize(result.gaussians, dtype=np.float32)) for result in (plain, structural)]
    assert ssims[1] > ssims[0]


def test_adam_learns(waves: Image) -> None:
    start = fit(waves, 60, optimizer="adam", init="random", max_iterations=0)
    end = fit(waves, 60, optimizer="adam", init="random", max_iterations=150)
    assert end.psnr > start.psnr + 8.0


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((1, 1)),
        np.full((1, 1, 4), 0.7),
        np.linspace(0.0, 1.0, 50)[None, :],
        np.linspace(0.0, 1.0, 50)[:, None, None],
        np.zeros((20, 30, 3)),
        np.ones((20, 30, 3)),
        np.random.default_rng(0).random((7, 5, 2)),
    ],
)
@pytest.mark.parametrize("count", [0, 1, 2, 70])
def test_odd_images_and_counts(image: NDArray[np.float64], count: int) -> None:
    for init in INITIALIZERS:
        result = fit(image, count, init=init, max_iterations=40)
        gaussians = result.gaussians
        assert len(gaussians) == count
        assert result.loss <= float(np.mean(image**2)) + 1e-6 or init == "random"
        height, width = image.shape[:2]
        assert (gaussians.means >= -0.5).all()
        assert (gaussians.means <= [width - 0.5, height - 0.5]).all()
        if count:
            assert gaussians.cholesky[:, :2].min() >= np.float32(0.4)
    if count == 70 and image.std() == 0.0:
        assert result.psnr > 30.0


def test_a_single_pixel_is_met() -> None:
    assert fit(np.full((1, 1, 3), 0.3), 1, max_iterations=30).psnr > 50.0


def test_callback_stops_and_is_told(waves: Image) -> None:
    seen: list[FitProgress] = []

    def callback(progress: FitProgress) -> bool:
        seen.append(progress)
        return progress.iteration == 7

    result = fit(waves, 30, max_iterations=50, callback=callback)
    assert (result.stopped, result.iterations, len(seen)) == ("callback", 7, 7)
    assert [progress.iteration for progress in seen] == list(range(1, 8))
    last = seen[-1]
    assert (last.max_iterations, last.num_gaussians, last.phase) == (50, 30, "fit")
    assert last.elapsed_seconds > 0.0
    assert last.remaining_seconds == pytest.approx(last.elapsed_seconds * 43 / 7)
    assert last.psnr == pytest.approx(result.psnr, abs=1.0)


def test_interrupt_passes_and_leaves_a_usable_fitter(waves: Image) -> None:
    fitter = Fitter(waves)
    fitter.initialize(30)

    def callback(progress: FitProgress) -> None:
        if progress.iteration == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitter.run(50, callback=callback)
    before = fitter.psnr
    fitter.run(10)
    assert fitter.psnr >= before


def test_time_limit(photo: Image) -> None:
    assert fit(photo, 300, max_iterations=10, max_time_seconds=0.0).iterations == 0
    result = fit(photo, 300, max_iterations=10**6, max_time_seconds=0.2)
    assert result.stopped == "time"
    assert 0 < result.iterations < 10**6


def test_patience(waves: Image) -> None:
    result = fit(waves, 30, max_iterations=10**4, patience=20, tolerance=0.5)
    assert result.stopped == "patience"
    assert 20 < result.iterations < 1000


def test_a_perfect_fit_converges() -> None:
    result = fit(np.zeros((12, 12)), 5, max_iterations=10**4, patience=50)
    assert result.stopped in {"converged", "patience"}


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ({"image": np.zeros((4, 4), np.uint8)}, TypeError, "image"),
        ({"image": np.zeros((4, 4, 5))}, ValueError, "image"),
        ({"image": np.zeros((0, 4))}, ValueError, "image"),
        ({"image": np.full((4, 4), np.nan)}, ValueError, "image"),
        ({"image": np.full((4, 4), 1.5)}, ValueError, "image"),
        ({"num_gaussians": -1}, ValueError, "num_gaussians"),
        ({"num_gaussians": 1.5}, TypeError, "num_gaussians"),
        ({"optimizer": "sgd"}, ValueError, "optimizer"),
        ({"init": "grid"}, ValueError, "init"),
        ({"init": Gaussians2D([[0.0, 0.0]], [[1.0, 1.0, 0.0]], [[1.0]])}, ValueError, "init"),
        ({"max_iterations": -1}, ValueError, "max_iterations"),
        ({"max_time_seconds": -1.0}, ValueError, "max_time_seconds"),
        ({"patience": 0}, ValueError, "patience"),
        ({"tolerance": float("nan")}, ValueError, "tolerance"),
        ({"threads": 0}, ValueError, "threads"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], error: type[Exception], name: str) -> None:
    with pytest.raises(error, match=name):
        fit(**({"image": np.zeros((8, 8)), "num_gaussians": 3} | arguments))  # type: ignore[arg-type]


@pytest.mark.parametrize("weights", [{"l2": -1.0}, {"l1": float("inf")}, {"l2": 0.0}])
def test_bad_weights_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not"):
        LossWeights(**weights)
