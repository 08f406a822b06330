"""The initializations: what each promises, on any image and for any number."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import images

from pyggc.backends import get_backend
from pyggc.backends.fit_protocol import Params
from pyggc.fit import FitProgress, Fitter, LossWeights, fit
from pyggc.fit.initialize import INITIALIZERS
from pyggc.fit.multiscale import COARSE_ITERATIONS
from pyggc.fit.objective import Objective
from pyggc.pixels import as_pixels

Image = NDArray[np.float32]


def initialize(image: NDArray[np.floating], count: int, init: str, seed: int = 0) -> Fitter:
    fitter = Fitter(image, seed=seed)
    fitter.initialize(count, init)
    return fitter


@pytest.mark.parametrize("init", sorted(INITIALIZERS))
@given(image=images(max_side=70), count=st.integers(0, 90), seed=st.integers(0, 3))
@settings(max_examples=20)
def test_any_image_and_number(init: str, image: NDArray[np.generic], count: int, seed: int) -> None:
    samples, scale = as_pixels(image).scaled()
    planes = np.multiply(samples, np.float32(scale), dtype=np.float32)
    fitter = initialize(planes, count, init, seed)
    gaussians = fitter.gaussians
    height, width = planes.shape[:2]
    assert len(gaussians) == count
    for array in (gaussians.means, gaussians.cholesky, gaussians.colors):
        assert np.isfinite(array).all()
    assert (gaussians.means >= -0.5).all()
    assert (gaussians.means <= [width - 0.5, height - 0.5]).all()
    assert (gaussians.cholesky[:, :2] >= np.float32(0.4)).all()
    assert initialize(planes, count, init, seed).gaussians == gaussians
    assert fitter.run(3) in {"iterations", "converged"}


@pytest.mark.parametrize("init", sorted(INITIALIZERS))
def test_more_gaussians_than_pixels(init: str) -> None:
    image = np.random.default_rng(0).random((6, 5, 3))
    result = fit(image, 64, init=init, max_iterations=60)
    assert len(result.gaussians) == 64
    assert result.psnr > 25.0


@pytest.mark.parametrize("init", ["content", "superpixel", "multiscale"])
def test_better_than_chance(photo: Image, init: str) -> None:
    assert initialize(photo, 150, init).psnr > initialize(photo, 150, "random").psnr + 2.0


def test_a_superpixel_gives_its_gaussian_place_shape_and_color() -> None:
    image = np.zeros((32, 60, 3))
    image[:, 20:] = 0.25, 0.5, 1.0
    gaussians = initialize(image, 3, "superpixel").gaussians
    background, (left, right) = gaussians[0], sorted((gaussians[1], gaussians[2]), key=lambda g: g.means[0, 0])
    np.testing.assert_allclose(background.colors[0], image.mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(left.means[0], [9.5, 15.5], atol=0.01)
    np.testing.assert_allclose(right.means[0], [39.5, 15.5], atol=0.01)
    np.testing.assert_allclose(right.cholesky[0], [0.45 * 40.0, 0.45 * 32.0, 0.0], rtol=1e-4, atol=1e-4)
    # What the background lacks, shared with the neighbor that reaches as far.
    np.testing.assert_allclose(
        right.colors[0] / right.colors[0, 2], (image[0, -1] - background.colors[0]) / (1.0 - 2.0 / 3.0), rtol=1e-3
    )
    assert (left.colors < 0.0).all()


def test_superpixels_are_as_many_as_asked(photo: Image) -> None:
    # SLIC itself gives a tenth too few or too many of these.
    for count in (2, 3, 17, 60, 1000):
        means = initialize(photo, count, "superpixel").gaussians.means[1:]
        assert len(np.unique(means, axis=0)) == count - 1


def test_superpixels_without_scikit_image(photo: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(ImportError, match="pip install scikit-image"):
        fit(photo, 10, init="superpixel")
    assert len(fit(photo, 10, max_iterations=1).gaussians) == 10


def test_multiscale_grows_on_ever_finer_images(photo: Image) -> None:
    objective = Objective.of_image(photo, LossWeights(), get_backend().fit, 1)
    seen: list[tuple[int, int, int]] = []

    def fit_coarse(at: Objective, params: Params, iterations: int, share: float) -> Params:
        seen.append((at.width, at.height, len(params.means)))
        assert iterations == COARSE_ITERATIONS
        assert 0.0 < share < 1.0
        return params

    params = INITIALIZERS["multiscale"](objective, 200, np.random.default_rng(0), fit_coarse)
    assert seen == [(30, 23, 50), (60, 45, 100)]  # A quarter of this image would be too small.
    assert len(params.means) == 200


@pytest.mark.parametrize("optimizer", ["natural", "adam"])
def test_multiscale_takes_its_steps_from_the_limit(photo: Image, optimizer: str) -> None:
    for limit in (0, 1, 7, 30, 100):
        fitter = Fitter(photo, optimizer=optimizer)
        fitter.initialize(100, "multiscale", max_iterations=limit)
        assert fitter.iterations <= min(limit * 2 // 3, 2 * COARSE_ITERATIONS)
        result = fit(photo, 100, init="multiscale", max_iterations=limit, optimizer=optimizer)
        assert result.iterations == limit
        assert len(result.gaussians) == 100


def test_multiscale_takes_its_time_from_the_limit(photo: Image) -> None:
    result = fit(photo, 100, init="multiscale", max_time_seconds=0.0)
    assert (result.iterations, len(result.gaussians)) == (0, 100)


@pytest.mark.parametrize("last", [3, COARSE_ITERATIONS + 3, 2 * COARSE_ITERATIONS + 3])
def test_a_callback_sees_and_ends_multiscale_on_every_scale(photo: Image, last: int) -> None:
    seen: list[int] = []

    def callback(progress: FitProgress) -> bool:
        seen.append(progress.num_gaussians)
        return len(seen) == last

    result = fit(photo, 100, init="multiscale", callback=callback)
    assert (result.stopped, result.iterations, len(seen)) == ("callback", last, last)
    assert len(result.gaussians) == 100
    assert seen == sorted(seen)
    assert seen[0] == 25


def test_multiscale_is_the_same_for_any_threads(photo: Image) -> None:
    one, two, other = (
        fit(photo, 150, init="multiscale", max_iterations=50, seed=seed, threads=threads).gaussians
        for seed, threads in ((1, 1), (1, 2), (2, 1))
    )
    assert one == two
    assert one != other


@pytest.mark.parametrize("limit", [{"max_iterations": -1}, {"max_time_seconds": float("nan")}])
def test_bad_limits_are_named(photo: Image, limit: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(limit))):
        Fitter(photo).initialize(3, **limit)  # type: ignore[arg-type]
