"""The fit's kernels and searches on the simulator, and on a GPU where one is: held against the CPU's and the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fit_cases import crowd, image_of, planes_of
from numpy.typing import NDArray
from simulator import ORDERS, Simulator

from pyggc._native import _fit
from pyggc.backends import cuda_layout as layout
from pyggc.backends import get_backend
from pyggc.backends.cuda_device import Device
from pyggc.backends.cuda_fit import CudaFitKernels, CudaResident
from pyggc.backends.cuda_search import Search
from pyggc.backends.fit_protocol import Bounds, Params, Relocation, Weights
from pyggc.fit import FRAMEWORK_LOSS, LossWeights, density, fitter, natural, placement
from pyggc.fit.gradients import unwhiten
from pyggc.fit.natural import FIRST_STEP, NaturalGradient
from pyggc.fit.objective import Objective
from pyggc.fit.oracle import backward_float64
from pyggc.fit.resident import ResidentGradient
from pyggc.render.oracle import rasterize_float64

KERNELS = get_backend().fit
RELOCATION = Relocation(9, 1.7, 1.9, 0.5, 10, 12345)


@pytest.fixture(params=[*ORDERS, pytest.param("gpu", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> Device:
    if request.param == "gpu":
        return get_backend("cuda").device  # type: ignore[attr-defined]
    return Simulator(request.param)


def noise(seed: int, width: int, height: int, channels: int) -> NDArray[np.float32]:
    """An image within [0, 1], smooth here and rough there."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / (4.0 + c) + y / 9.0) * np.cos(y / (3.0 + c)) for c in range(channels)]
    rough = np.random.default_rng(seed).uniform(-0.3, 0.3, (height, width, channels)) * (x > width // 2)[:, :, None]
    return np.float32(0.5) + np.float32(0.2) * (np.stack(waves, axis=-1) + rough).astype(np.float32)


def problem(image: NDArray[np.float32], weights: LossWeights | None = None) -> Objective:
    return Objective.of_image(image, weights or LossWeights(), KERNELS, 1)


def start(device: Device, objectives: list[Objective], params: list[Params]) -> Search:
    one, weights = objectives[0], objectives[0].weights
    targets = device.upload(np.stack([objective.target for objective in objectives]))
    chosen = Weights(weights.l2, weights.l1, weights.ssim)
    return Search(device, targets, one.width, chosen, one.bounds, params, FIRST_STEP)


def queue_gradient(search: Search) -> None:
    search._grade(layout.GRADE)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (37, 1), (17, 19), (70, 45)])
def test_residual_and_gradient_against_the_oracle(device: Device, width: int, height: int, channels: int) -> None:
    objective, params = problem(noise(1, width, height, channels)), crowd(channels, 40, width, height, channels)
    search = start(device, [objective], [params])
    queue_gradient(search)
    want = rasterize_float64(*params, (0, 0, width, height)) - image_of(objective.target, width)
    got = device.download(search.residual)[0]
    # As for the CPU: 6.5e-6 of each contribution; and half of 2^-20 of each.
    np.testing.assert_allclose(image_of(got, width), want, atol=1.2e-4)
    assert not got[:, :, width:].any()
    (state,) = search.read()
    assert state.squared == pytest.approx(np.sum(want**2), rel=1e-4)
    assert state.value == pytest.approx(np.mean(want**2), rel=1e-4)
    mine = unwhiten(params, device.download(search.gradient)[0])
    for gradient, expected in zip(mine, backward_float64(*params, image_of(got, width)), strict=True):
        # At a pixel on the edge of the support the two may disagree whether it is inside: 1 % of one pixel's part.
        scale = np.abs(expected).max() + 1e-3
        np.testing.assert_allclose(gradient / scale, expected / scale, atol=2e-3)
        assert np.median(np.abs(gradient - expected)) < 1e-4 * scale


def giants() -> Params:
    """A few that cover all of an image of 150 x 90 or half of it, and small ones in one place."""
    params = crowd(5, 60, 150, 90, 3)
    params.means[:40] = [20.0, 20.0]
    params.cholesky[40:] *= 8.0
    return params


def test_who_computes_does_not_show(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where bins overflow, nor where warps of their own gather parts of large Gaussians, or how many."""
    objective, results = problem(noise(2, 150, 90, 3)), []
    for entries, spare in ((256, 256), (5, 256), (256, 0), (256, 7), (0, 40)):
        monkeypatch.setattr("pyggc.backends.cuda_search._ENTRIES", entries)
        monkeypatch.setattr("pyggc.backends.cuda_search._ENTRIES_PER_SHARE", 1)
        monkeypatch.setattr("pyggc.backends.cuda_search._SPARE_MIN", spare)
        monkeypatch.setattr("pyggc.backends.cuda_search._SPARE_COVERS", 0)
        search = start(device, [objective], [giants()])
        spares = search.controls()["spares"][0]
        queue_gradient(search)
        results.append((device.download(search.residual), device.download(search.gradient)))
    assert spares > 50
    for residual, gradient in results[1:]:
        np.testing.assert_array_equal(residual, results[0][0])
        np.testing.assert_array_equal(gradient, results[0][1])
    want = KERNELS.backward(giants(), results[0][0][0], 150, 1)
    scale = np.abs(want).max(axis=0)
    np.testing.assert_allclose(results[0][1][0] / scale, want / scale, atol=1e-4)


def descend(search: Search, host: NaturalGradient, steps: int) -> None:
    """Both take steps, with a penalty."""
    search.begin()
    search.weigh(2.0)
    host.set_penalty(2.0)
    for _ in range(steps):
        search.advance(1)
        accepted = host.step()
        (state,) = search.read()
        assert (state.stalls == 0) == accepted
        # Their sums differ in the last bits of binary32, and each step carries that on.
        assert state.loss == pytest.approx(host.loss, rel=1e-3)
        assert state.step == pytest.approx(host._step, rel=2e-2)


@pytest.mark.parametrize("weights", [LossWeights(), FRAMEWORK_LOSS, LossWeights(l2=0.0, l1=1.0)])
def test_search_is_that_of_the_cpu(device: Device, weights: LossWeights) -> None:
    objective, params = problem(noise(3, 45, 38, 3), weights), crowd(6, 30, 45, 38, 3)
    search, host = start(device, [objective], [params]), NaturalGradient(objective, params)
    assert search.read()[0].loss == pytest.approx(host.loss, rel=1e-5)
    descend(search, host, 6)
    for mine, theirs in zip(search.download(0), host.params, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 40), (50, 21)])
def test_image_gradient(device: Device, width: int, height: int) -> None:
    objective, params = problem(noise(4, width, height, 3), FRAMEWORK_LOSS), crowd(7, 20, width, height, 3)
    search = start(device, [objective], [params])
    queue_gradient(search)
    want = objective.image_gradient(params)
    np.testing.assert_allclose(device.download(search._slope)[0], want, rtol=1e-3, atol=1e-4 * np.abs(want).max())
    assert search.read()[0].value == pytest.approx(objective.evaluate(params).loss, rel=1e-5)


def converge(search: Search) -> None:
    """Make every search fail, as at the bottom of a valley."""
    search.begin()
    controls = search.controls().copy()
    controls["stalls"] = layout.MAX_STALLS
    search._controls[...] = search.device.upload(controls.view(np.uint8).reshape(search._controls.shape))


def test_converged_searches_rest(device: Device) -> None:
    objective, params = problem(noise(5, 30, 20, 3)), crowd(8, 20, 30, 20, 3)
    search = start(device, [objective], [params])
    converge(search)
    before = search.read()
    search.advance(2)
    search.relocate(RELOCATION)
    assert search.read() == before
    for mine, theirs in zip(search.download(0), params, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("weights", [LossWeights(), FRAMEWORK_LOSS])
def test_relocation(device: Device, weights: LossWeights) -> None:
    objective, params = problem(noise(6, 60, 47, 3), weights), crowd(9, 70, 60, 47, 3)
    search = start(device, [objective], [params])
    residual = objective.residual(params).copy()
    cost = density.removal_cost(objective, params, objective.gradient(params))
    search.relocate(RELOCATION)
    helper: Any = search._relocator
    np.testing.assert_allclose(device.download(helper.costs)[0], cost, rtol=1e-3, atol=1e-3)
    ranks = device.download(helper.ranks)[0]
    assert (np.sort(ranks) == np.arange(70)).all()
    assert (np.diff(device.download(helper.costs)[0][np.argsort(ranks)]) >= 0.0).all()
    want = KERNELS.blur(KERNELS.energy(residual, 60, 1), 60, RELOCATION.sigma, 1)[:, 0, :60]
    np.testing.assert_allclose(device.download(helper.drawing.weights)[0, :, :60], want, rtol=1e-4, atol=1e-5)

    after, moved = search.download(0), ranks < RELOCATION.moved
    for mine, theirs in zip(after, params, strict=True):
        np.testing.assert_array_equal(mine[~moved], theirs[~moved])
    assert (after.cholesky[moved] == np.float32([RELOCATION.scale, RELOCATION.scale, 0.0])).all()
    pixels = after.means[moved] @ [1, 60]
    assert len(np.unique(pixels)) == RELOCATION.moved
    colorless = Params(after.means, after.cholesky, np.zeros_like(after.colors))
    projection = KERNELS.backward(colorless, residual, 60, 1)[moved, :3]
    factor = -RELOCATION.share / (KERNELS.kernel_energy * RELOCATION.scale**2)
    np.testing.assert_allclose(after.colors[moved], projection * factor, rtol=1e-3, atol=1e-4)
    assert search.read()[0].value == pytest.approx(objective.evaluate(after).loss, rel=1e-4)


def test_windows(device: Device) -> None:
    """Of an image that is part of a larger one: means keep within bounds, and SSIM compares with all that is there."""
    image, width, height = noise(17, 48, 36, 3), 48, 36
    bounds = Bounds(20, 14, 0.4, 100.0, 1024.0, x=11, y=9)
    target = planes_of(image * np.float32(0.6))
    kernels = CudaFitKernels(device, KERNELS.variant)  # type: ignore[attr-defined]
    objective = Objective(target, width, FRAMEWORK_LOSS, kernels, 1, bounds, planes_of(image))
    params = crowd(17, 24, width, height, 3)
    params.means[:] = params.means % [20, 14] + [11, 9]
    optimizer = ResidentGradient([objective], [params], kernels.resident)
    assert optimizer.value.loss == pytest.approx(objective.evaluate(params).loss, rel=1e-5)
    optimizer.begin()
    optimizer.set_penalty(2.0)
    assert optimizer.relocate(11, np.random.default_rng(0)) == 11
    optimizer.advance(2)
    x, y = optimizer.params.means.T
    assert 10.5 <= x.min() <= x.max() <= 30.5
    assert 8.5 <= y.min() <= y.max() <= 22.5
    assert optimizer.value.loss == pytest.approx(objective.evaluate(optimizer.params).loss, rel=1e-4)


def test_pixels_follow_the_weights(device: Device) -> None:
    objective = problem(noise(7, 40, 30, 1))
    search = start(device, [objective], [crowd(10, 20, 40, 30, 1)])
    search.relocate(RELOCATION)
    helper: Any = search._relocator
    drawing = helper.drawing
    weights = np.zeros(drawing.weights.shape, np.float32)
    for filled, expected in (
        ([(3, 5), (3, 6), (29, 39)], [125, 126, 1199]),
        ([(7, 2)], [282, 283, 284, 285]),
        ([(29, 39)], [1199, 0, 1]),
    ):
        weights[...] = 0.0
        for y, x in filled:
            weights[0, y, x] = 2.0
        drawing.weights = device.upload(weights)
        assert device.download(drawing.draw(len(expected), 99))[0].tolist() == expected
    drawing.weights = device.upload(np.zeros_like(weights))
    drawn = device.download(drawing.draw(600, 99))[0]
    assert (drawn // 2 == np.arange(600)).all()
    # Chance: within a pair of pixels, either.
    assert 200 < (drawn % 2).sum() < 400


def test_images_of_a_batch_do_not_meet(device: Device) -> None:
    objectives = [problem(noise(seed, 41, 33, 3), FRAMEWORK_LOSS) for seed in (11, 12, 13)]
    params = [crowd(seed, 25, 41, 33, 3) for seed in (21, 22, 23)]

    def run(search: Search) -> None:
        search.begin()
        search.weigh(2.0)
        search.advance(3)
        search.relocate(RELOCATION)
        search.advance(2)
        search.finish()

    together = start(device, objectives, params)
    run(together)
    for image, (objective, own) in enumerate(zip(objectives, params, strict=True)):
        alone = start(device, [objective], [own])
        run(alone)
        assert together.read()[image] == alone.read()[0]
        for mine, theirs in zip(together.download(image), alone.download(0), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_finish_returns_to_the_best(device: Device) -> None:
    objective, params = problem(noise(8, 30, 20, 3)), crowd(14, 12, 30, 20, 3)
    search = start(device, [objective], [params])
    search.begin()
    search.advance(4)
    best, state = search.download(0), search.read()[0]
    search.relocate(RELOCATION)
    assert search.read()[0].value > state.value
    search.finish()
    assert search.read()[0].value == pytest.approx(state.value, rel=1e-6)
    for mine, theirs in zip(search.download(0), best, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_content_is_that_of_the_cpu(device: Device) -> None:
    """The weights of pixels, and what drawn Gaussians add up to; the drawing itself is tested above."""
    image = noise(15, 52, 37, 3)
    objective, resident = problem(image), CudaResident(device)
    planes = device.upload(objective.target[np.newaxis])
    pixels, density = resident.draw_edges(planes, 52, sigma=2.0, share=0.7, count=90, seed=4)
    weights = KERNELS.blur(placement._gradient_magnitude(objective), 52, 2.0, 1)[:, 0, :52].astype(np.float64)
    want = (0.7 * weights / weights.sum() + 0.3 / weights.size).ravel()
    np.testing.assert_allclose(density, want[pixels], rtol=1e-4)
    # One in each part of the sum, or the next pixel where that is taken.
    assert (np.diff(pixels) > 0).all()
    parts = np.cumsum(want)[pixels] * 90.0
    assert (np.abs(parts - np.arange(1, 91)) < 2.0).mean() > 0.9
    ones = crowd(16, 30, 52, 37, 1)
    coverage = rasterize_float64(*ones, (0, 0, 52, 37))[..., 0].ravel()[pixels]
    np.testing.assert_allclose(resident.coverage(ones, pixels, 52, 37), coverage, atol=1.2e-4)


def test_gradient_of_a_flat_image(device: Device) -> None:
    planes = device.upload(planes_of(np.full((9, 14, 2), 0.5, np.float32))[np.newaxis])
    _, density = CudaResident(device).draw_edges(planes, 14, sigma=2.0, share=0.7, count=20, seed=4)
    np.testing.assert_allclose(density, 1.0 / 126.0, rtol=1e-6)


def test_one_search_on_all_devices() -> None:
    """What is written in C for the device, and in Python for the CPU or the host, is the same."""
    constants = _fit.search_constants()
    assert layout.PROBLEM.itemsize == constants["PROBLEM_SIZE"]
    assert layout.CONTROL.itemsize == constants["CONTROL_SIZE"]
    assert _fit.search_factors() == {name: getattr(natural, name) for name in _fit.search_factors()}
    assert constants["MAX_TRIALS"] == natural.MAX_TRIALS
    assert constants["MAX_STALLS"] == fitter.MAX_STALLS


class Counting:
    """A device that computes nothing and counts what is allocated."""

    def __init__(self) -> None:
        self.bytes = 0

    def empty(self, shape: Any, dtype: Any) -> NDArray[Any]:
        array = np.empty(shape, dtype)
        self.bytes += array.nbytes
        return array

    zeros = empty

    def upload(self, array: NDArray[Any]) -> NDArray[Any]:
        self.bytes += array.nbytes
        return array

    def launch(self, *args: Any) -> None:
        pass


def test_memory() -> None:
    """10,000 Gaussians at 1000 x 1000 take less than the 76 MB of the framework, the image included."""
    device: Any = Counting()
    targets = device.upload(np.empty((1, 1000, 3, 1008), np.float32))
    params = Params(*(np.ones((10000, columns), np.float32) for columns in (2, 3, 3)))
    bounds = Bounds(1000, 1000, 0.4, 16000.0, 1024.0)
    search = Search(device, targets, 1000, Weights(), bounds, [params], FIRST_STEP)
    search.relocate(RELOCATION._replace(moved=1400))
    assert device.bytes < 48e6
