"""Whole fits with ``backend=`` of a GPU: on the simulator, and on a GPU where one is."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from simulator import ORDERS, Simulator

from pyggc._native import _fit
from pyggc.backends import Backend, fit_protocol, get_backend
from pyggc.backends.cpu_fit import CpuFitKernels
from pyggc.backends.cuda_fit import CudaFitKernels, CudaResident
from pyggc.backends.cuda_search import Search
from pyggc.fit import FRAMEWORK_LOSS, FitProgress, FitResult, Fitter, fit, fit_batch, optimizer
from pyggc.fit.adam import Adam
from pyggc.fit.natural import NaturalGradient
from pyggc.fit.resident import ResidentGradient
from pyggc.gaussians import Gaussians2D


@pytest.fixture(scope="module")
def images() -> list[NDArray[np.float32]]:
    """Three of 44 x 32, smooth, with an edge."""
    y, x = np.mgrid[:32, :44]
    found = []
    for k in (4.0, 5.0, 7.0):
        channels = [np.sin(x / k + c) * np.cos(y / 5.0) + (x > 5 * k) - 0.5 for c in range(3)]
        found.append((0.5 + 0.3 * np.stack(channels, axis=-1)).astype(np.float32).clip(0.0, 1.0))
    return found


class Simulated:
    """As much of a backend as a fit asks for."""

    def __init__(self, order: str) -> None:
        self.name, self.fit = "cuda", CudaFitKernels(Simulator(order), _fit.variants()[-1])


def same(one: FitResult, other: FitResult) -> bool:
    arrays = [(result.gaussians.means, result.gaussians.cholesky, result.gaussians.colors) for result in (one, other)]
    return all(map(np.array_equal, *arrays)) and (one.psnr, one.loss, one.stopped, one.iterations) == (
        other.psnr,
        other.loss,
        other.stopped,
        other.iterations,
    )


@pytest.mark.parametrize(
    ("protocol", "made"),
    [
        (fit_protocol.Search, Search),
        (fit_protocol.Resident, CudaResident),
        (fit_protocol.FitKernels, CudaFitKernels),
        (fit_protocol.FitKernels, CpuFitKernels),
        (optimizer.Optimizer, NaturalGradient),
        (optimizer.Optimizer, Adam),
        (optimizer.Optimizer, ResidentGradient),
    ],
)
def test_protocols_are_kept(protocol: type, made: type) -> None:
    """The same methods, and the same names, kinds and defaults of their parameters."""
    methods = {name: value for name, value in vars(protocol).items() if inspect.isfunction(value) and name[0] != "_"}
    assert methods
    for name, method in methods.items():
        want, got = (inspect.signature(function).parameters.values() for function in (method, getattr(made, name)))
        assert [(one.name, one.kind, one.default) for one in got] == [(one.name, one.kind, one.default) for one in want]


def test_fit_is_as_good_as_the_cpus(cuda: Backend, images: list[Any]) -> None:
    options: dict[str, Any] = {"max_iterations": 34, "seed": 2}
    mine, theirs = fit(images[0], 40, backend=cuda, **options), fit(images[0], 40, **options)
    assert (mine.iterations, mine.stopped) == (theirs.iterations, theirs.stopped)
    # Two relocations draw other pixels, so the states differ; what they are worth does not, much.
    assert mine.psnr > theirs.psnr - 1.0
    residual = Fitter(images[0])
    residual.gaussians = mine.gaussians
    assert mine.psnr == pytest.approx(residual.psnr, abs=1e-3)
    assert mine.loss == pytest.approx(residual.loss, rel=1e-4)


def test_same_seed_same_bytes(images: list[Any]) -> None:
    """In every order of threads and blocks, and whatever else is fitted at the same time."""
    options: dict[str, Any] = {"max_iterations": 19, "seed": 3, "loss": FRAMEWORK_LOSS}
    results = [fit(images[0], 30, backend=Simulated(order), **options) for order in (*ORDERS, ORDERS[0])]  # type: ignore[arg-type]
    assert all(same(result, results[0]) for result in results)
    other = fit(images[0], 30, backend=Simulated(ORDERS[0]), **options | {"seed": 4})  # type: ignore[arg-type]
    assert not same(other, results[0])


@pytest.mark.gpu
def test_same_seed_same_bytes_on_a_gpu(images: list[Any]) -> None:
    results = [fit(np.tile(images[0], (8, 8, 1)), 3000, max_iterations=100, backend=get_backend("cuda")) for _ in "ab"]
    assert same(*results)


def test_batch_is_one_by_one(cuda: Backend, images: list[Any]) -> None:
    options: dict[str, Any] = {"max_iterations": 18, "seed": 1, "backend": cuda}
    together = fit_batch(images, 25, **options)
    for image, result in zip(images, together, strict=True):
        assert same(result, fit(image, 25, **options))


@pytest.mark.parametrize("init", ["content", "random", "multiscale"])
def test_batch_on_the_cpu(images: list[Any], init: str) -> None:
    results = fit_batch(images, 15, init=init, max_iterations=30)
    for image, result in zip(images, results, strict=True):
        assert same(result, fit(image, 15, init=init, max_iterations=30))
    assert fit_batch([], 15) == []
    with pytest.raises(ValueError, match="one size"):
        fit_batch([images[0], images[1][:20]], 15)


def test_callbacks_see_every_iteration(cuda: Backend, images: list[Any]) -> None:
    seen: list[FitProgress] = []

    def look(progress: FitProgress) -> bool:
        seen.append(progress)
        return progress.iteration == 7

    result = fit(images[1], 20, callback=look, backend=cuda)
    assert (result.stopped, result.iterations) == ("callback", 7)
    assert [progress.iteration for progress in seen] == list(range(1, 8))
    assert seen[-1].psnr == result.psnr
    # Nobody looks: the same.
    assert same(
        result, result.__class__(**vars(fit(images[1], 20, max_iterations=7, backend=cuda)) | {"stopped": "callback"})
    )


def test_phases(cuda: Backend, images: list[Any]) -> None:
    """What changes the number of Gaussians, and what the CPU computes, goes on from there."""
    fitter = Fitter(images[2], backend=cuda, seed=5)
    assert fitter.run(3) == "iterations"
    assert fitter.num_gaussians == 0
    fitter.initialize(20)
    fitter.run(5)
    before = fitter.psnr
    fitter.grow(10)
    fitter.run(5)
    assert (fitter.num_gaussians, fitter.psnr > before) == (30, True)
    fitter.prune(4)
    assert fitter.step()
    assert fitter.relocate(0.2) == 5
    assert len(fitter.gaussians) == 26
    tuned = fitter.run_quantized(lambda gaussians: gaussians, 3)
    assert isinstance(tuned, Gaussians2D)
    np.testing.assert_array_equal(tuned.means, fitter.gaussians.means)
    assert np.mean(np.square(fitter.residual())) == pytest.approx(fitter.value.mse, rel=1e-4)


def test_arrays_of_the_gpu(cuda: Any, images: list[Any]) -> None:
    got = fit(cuda.upload(images[0]), 12, max_iterations=4)
    assert same(got, fit(images[0], 12, max_iterations=4, backend=cuda))
