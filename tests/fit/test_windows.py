"""Large images in windows: the loss of the whole image falls, wherever their borders lie; tried with small windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pyggc as gc
from pyggc.fit import FitProgress, Fitter, LossWeights, WindowedFitter, pyramid, windows
from pyggc.fit.halves import halve
from pyggc.fit.pyramid import MOST_PIXELS, MOST_WHOLE, make_fitters
from pyggc.gaussians import Gaussians2D
from pyggc.quantize import CompactPlan, CompactQuantizer
from pyggc.rate import search
from pyggc.render import rasterize

HEIGHT, WIDTH = 330, 420


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "CORE", 128)
    monkeypatch.setattr(windows, "STRIP_ROWS", 50)


def picture(height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 7.0 + y / 23.0), np.cos(x * y / 2500.0), np.sin(y / 5.0) * np.cos(x / 31.0)]
    noise = np.random.default_rng(1).normal(0.0, 6.0, (height, width, 3))
    return np.clip(128.0 + 60.0 * np.stack(waves, axis=2) + noise, 0, 255).astype(np.uint8)


def start(count: int = 900, seed: int = 0) -> Gaussians2D:
    """Small Gaussians everywhere, some too large for a window, and one behind all."""
    rng = np.random.default_rng(seed)
    means = rng.uniform([-0.5, -0.5], [WIDTH - 0.5, HEIGHT - 0.5], (count, 2))
    cholesky = np.zeros((count, 3))
    cholesky[:, :2] = rng.uniform(2.0, 8.0, (count, 2))
    cholesky[:20, :2] = rng.uniform(25.0, 60.0, (20, 2))
    cholesky[20] = [5000.0, 5000.0, 0.0]
    colors = rng.normal(0.0, 0.1, (count, 3))
    colors[20] = 0.5
    return Gaussians2D(means, cholesky, colors, width=WIDTH, height=HEIGHT)


def windowed(image: NDArray[np.uint8] | None = None, **arguments: object) -> WindowedFitter:
    fitter = WindowedFitter(picture() if image is None else image, 1 / 255, **arguments)  # type: ignore[arg-type]
    fitter.gaussians = start()
    return fitter


def squared_error(image: NDArray[np.uint8], gaussians: Gaussians2D) -> float:
    render = rasterize(gaussians, dtype=np.float32, clip=False).astype(np.float64)
    return float(np.sum(np.square(render - image / 255.0)))


def test_the_psnr_is_that_of_the_whole_image() -> None:
    fitter, whole = windowed(), Fitter(picture() / 255.0)
    whole.gaussians = start()
    assert fitter.psnr == pytest.approx(whole.psnr, abs=1e-4)
    assert fitter.shape == whole.shape
    assert fitter.num_gaussians == 900


@pytest.mark.parametrize("iterations", [1, 5, 24])
@pytest.mark.parametrize("relocate", [False, True])
def test_the_error_of_the_whole_image_falls(iterations: int, relocate: bool) -> None:
    fitter = windowed()
    before = fitter.psnr
    assert fitter.run(iterations, relocate=relocate) == "iterations"
    known = fitter.psnr
    assert known > before
    # What is known from the windows is what a look at the whole image finds.
    fitter.gaussians = fitter.gaussians
    assert known == pytest.approx(fitter.psnr, abs=1e-3)
    assert fitter.iterations == iterations


def test_it_comes_close_to_a_fit_of_the_whole_image() -> None:
    fitter, whole = windowed(), Fitter(picture() / 255.0)
    whole.gaussians = start()
    fitter.run(60)
    whole.run(60)
    assert fitter.psnr > whole.psnr - 0.7


def test_seams_do_not_show() -> None:
    fitter = windowed()
    fitter.run(48)
    error = np.square(rasterize(fitter.gaussians, dtype=np.float32, clip=False) - picture() / 255.0).mean(axis=2)
    near_seam = np.zeros(error.shape, bool)
    for border in range(128, WIDTH, 128):
        near_seam[:, border - 2 : border + 2] = True
    for border in range(128, HEIGHT, 128):
        near_seam[border - 2 : border + 2] = True
    assert error[near_seam].mean() < 1.15 * error[~near_seam].mean()


def test_no_gaussian_that_reaches_a_box_is_missed() -> None:
    # Relocation takes Gaussians anywhere in their core, in the second turn across the first one's borders.
    fitter = windowed()
    grid = fitter._grid(1)
    places = windows.Places(fitter._params, grid)
    for cell, box in enumerate(grid.boxes()):
        around = box.grown(windows.MARGIN, WIDTH, HEIGHT)
        (x, y), (l1, l2, l3) = fitter._params.means.T, fitter._params.cholesky.T
        width, height = 3.0 * l1, 3.0 * np.hypot(l2, l3)
        meets = (x + width > around.x0) & (x - width < around.x1) & (y + height > around.y0) & (y - height < around.y1)
        near = places.near(around)
        assert set(np.flatnonzero(meets)) <= set(near)
        # As a fit of this window might do: all go to one corner of the core.
        mine = places.cells == cell
        fitter._params.means[mine] = np.random.default_rng(cell).choice([box.x1 - 1, box.x0], (mine.sum(), 1))
        fitter._params.means[mine, 1] = box.y1 - 1


def test_gaussians_on_the_left_of_a_wide_image() -> None:
    image = np.zeros((40, 900, 3), np.uint8)
    image[:, :60] = 200
    fitter = WindowedFitter(image, 1 / 255)
    fitter.gaussians = Gaussians2D([[30.0, 20.0]], [[9.0, 9.0, 0.0]], [[0.5] * 3], width=900, height=40)
    before = fitter.psnr
    fitter.run(8)
    fitter.grow(3)
    assert fitter.psnr > before


@pytest.mark.parametrize(
    "weights", [LossWeights(l2=0.0, ssim=1.0), LossWeights(l2=0.5, l1=0.5), LossWeights(l2=0.8, ssim=0.2)]
)
def test_other_losses_fall_as_well(weights: LossWeights) -> None:
    whole = Fitter(picture() / 255.0, loss=weights)
    whole.gaussians = start()
    whole.run(10)
    before, fitter = whole.loss, windowed(loss=weights)
    fitter.gaussians = whole.gaussians
    fitter.run(6, relocate=False)
    whole.gaussians = fitter.gaussians
    assert whole.loss < before


def test_large_gaussians_stay_as_they_are() -> None:
    fitter, old = windowed(), start()
    fitter.run(6)
    new = fitter.gaussians
    np.testing.assert_array_equal(new.means[:21], old.means[:21])
    np.testing.assert_array_equal(new.colors[:21], old.colors[:21])
    assert np.abs(new.cholesky[21:]).max() <= windows.LARGEST
    assert not np.array_equal(new.means[21:], old.means[21:])


@pytest.mark.parametrize("weights", [LossWeights(), LossWeights(l2=0.8, l1=0.2), LossWeights(l2=0.5, ssim=0.5)])
def test_any_number_of_threads_gives_the_same(weights: LossWeights) -> None:
    results = []
    for threads in (1, 2, 3):
        fitter = windowed(loss=weights, threads=threads, seed=5)
        fitter.run(32)
        fitter.grow(50)
        fitter.prune(30)
        results.append(fitter.gaussians)
    assert results[0] == results[1] == results[2]


def test_growing_puts_gaussians_where_the_error_is() -> None:
    image = picture()
    fitter = windowed(image)
    fitter.run(10)
    before, old = fitter.psnr, fitter.gaussians
    fitter.grow(123)
    assert fitter.num_gaussians == 1023
    assert fitter.gaussians[:900] == old
    new = fitter.gaussians.means[900:]
    assert (new > -1.0).all()
    assert (new < [WIDTH, HEIGHT]).all()
    fitter.run(5)
    assert fitter.psnr > before


def test_pruning_takes_those_that_cost_least() -> None:
    fitter, rng = windowed(), np.random.default_rng(2)
    fitter.run(10)
    learned = fitter.gaussians
    fitter.prune(100)
    assert fitter.num_gaussians == 800
    kept = fitter.psnr
    at_random = rng.permutation(np.arange(21, 900))[100:]
    fitter.gaussians = learned[np.sort(np.concatenate([np.arange(21), at_random]))]
    assert kept > fitter.psnr
    fitter.prune(10_000)
    assert fitter.num_gaussians == 21


def test_refined_integers_are_those_of_the_whole_image() -> None:
    image = picture()
    fitter, whole = windowed(image), Fitter(image / 255.0)
    fitter.run(5)
    quantizer = CompactQuantizer(CompactPlan(0.1), WIDTH, HEIGHT, 3)
    levels = quantizer.quantize(fitter.gaussians, min_scale=0.4)
    whole.gaussians = fitter.gaussians
    refined = fitter.refine(levels, quantizer, 2, seed=3)
    # The residual is summed up in another order, so the last bit of a decision may differ, not the outcome.
    error = squared_error(image, quantizer.dequantize(refined))
    assert error < squared_error(image, quantizer.dequantize(levels))
    other = squared_error(image, quantizer.dequantize(whole.refine(levels, quantizer, 2, seed=3)))
    assert error == pytest.approx(other, rel=2e-3)


def test_progress_is_told_and_ends_the_run() -> None:
    told: list[FitProgress] = []
    fitter = windowed()
    assert fitter.run(8, callback=told.append) == "iterations"  # type: ignore[arg-type]
    assert all(1 <= p.iteration <= p.max_iterations == 8 for p in told)
    assert [p.iteration for p in told] == sorted(p.iteration for p in told)
    assert told[-1].iteration == 8
    assert all(p.remaining_seconds >= 0.0 for p in told)

    told.clear()
    fitter = windowed()
    assert fitter.run(8, callback=lambda p: told.append(p) or len(told) == 3) == "callback"  # type: ignore[func-returns-value]
    assert len(told) == 3
    told.clear()
    last = windowed()
    assert last.run(2, callback=lambda p: p.iteration == 2) == "callback"  # type: ignore[arg-type]
    assert 1 <= last.iterations <= 2
    assert fitter.run(8, max_time_seconds=0.0) == "time"
    assert fitter.run(0) == "iterations"


def test_a_start_of_another_number_is_refused() -> None:
    with pytest.raises(ValueError, match="num_gaussians = 7"):
        windowed().initialize(7, start())


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 3, 4), (512, 700, 3), (513, 255, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_halves_are_means_of_four(shape: tuple[int, int, int], dtype: str) -> None:
    image = (np.random.default_rng(3).random(shape) * (1 if dtype == "float32" else 200)).astype(dtype)
    halved = halve(image, 0.5)
    assert halved.shape == ((shape[0] + 1) // 2, (shape[1] + 1) // 2, shape[2])
    padded = np.pad(image, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge").astype(np.float64)
    expected = 0.5 * padded.reshape(halved.shape[0], 2, halved.shape[1], 2, shape[2]).mean(axis=(1, 3))
    np.testing.assert_allclose(halved, expected, rtol=1e-6, atol=1e-7)


def test_fitters_of_a_large_image_are_windowed() -> None:
    assert [type(f) for f in make_fitters(np.zeros((8, 8, 1), np.uint8), 1 / 255)] == [Fitter]
    side = int(np.sqrt(MOST_WHOLE)) + 2
    fitters = make_fitters(np.zeros((side, side, 1), np.uint8), 1 / 255)
    assert [type(f) for f in fitters] == [Fitter] * (len(fitters) - 1) + [WindowedFitter]
    assert fitters[0].shape[0] * fitters[0].shape[1] <= MOST_PIXELS


@pytest.mark.parametrize("layers", ["auto", "gaussian"])
def test_an_image_of_many_windows_is_encoded(layers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyramid, "MOST_PIXELS", 1 << 14)
    monkeypatch.setattr(pyramid, "MOST_WHOLE", 1 << 15)
    monkeypatch.setattr(search, "DEAR", 1 << 15)
    image = picture()
    options: dict[str, Any] = {"quality": 24, "layers": layers, "effort": 1, "timestamp": None}
    streams = [gc.encode(image, **options, threads=threads) for threads in (1, 2)]
    assert streams[0] == streams[1]
    assert gc.evaluate.psnr(image, gc.decode(streams[0])) >= 24
