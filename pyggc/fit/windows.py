"""Large images in overlapping windows: the memory of one window, and yet the loss of the whole image.

In a window those Gaussians move whose center lies in its core and that are too small to reach beyond its margin; all
others keep still, and what they draw is subtracted from the image. So the window's squared or absolute error is the
whole image's up to a constant: one window after the other, it never rises, and no seam can show. Gaussians too large
for a window are left to the coarser images of the pyramid, where they are small.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pyggc.backends import Backend, get_backend
from pyggc.backends.fit_protocol import Bounds, Params
from pyggc.fit import density, integers
from pyggc.fit.fitter import Fitter
from pyggc.fit.losses import LossWeights
from pyggc.fit.objective import MIN_SCALE, Objective, Value, to_planes
from pyggc.fit.progress import Callback, FitProgress, Watch
from pyggc.gaussians import MAX_COLOR, Gaussians2D

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.quantize import CompactQuantizer

    Floats = NDArray[np.float32]
    Indices = NDArray[np.int64]

#: Side of a window's core, in pixels, and what surrounds it on each side: at least the drift, the support of the
#: largest Gaussian that moves, and the radius of SSIM's windows.
CORE = 1024
MARGIN = 112
#: How far a Gaussian may move out of the core that it starts in.
DRIFT = 16
#: The largest entry of a Cholesky factor with which a Gaussian moves: three times the hypotenuse of two of them, after
#: the drift, stays within the margin.
LARGEST = 18.0
#: Rows drawn at a time where no Gaussian moves.
STRIP_ROWS = 256
#: Iterations from which on a run takes a second turn, with windows whose cores lie across the first ones' borders.
TWO_TURNS = 8


class Box(NamedTuple):
    """The pixels [x0, x1) x [y0, y1)."""

    x0: int
    y0: int
    x1: int
    y1: int

    def grown(self, margin: int, width: int, height: int) -> Box:
        """The box with a margin, within the image."""
        return Box(
            max(self.x0 - margin, 0),
            max(self.y0 - margin, 0),
            min(self.x1 + margin, width),
            min(self.y1 + margin, height),
        )


class Grid(NamedTuple):
    """The borders of windows' cores, rows and columns; the first are 0 and the last the sides of the image."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    def boxes(self) -> list[Box]:
        """The cores, in the order of the cells that `Places` counts."""
        return [Box(x0, y0, x1, y1) for y0, y1 in pairwise(self.rows) for x0, x1 in pairwise(self.columns)]


class Places:
    """In which core each Gaussian lies, and which of them may reach a box, found without looking at all.

    Parameters
    ----------
    params : Params
        The Gaussians. Those of a cell may move anywhere in its core and by `DRIFT` out of it before the places are
        taken anew, if they grow no larger than `LARGEST`; those that are larger belong to no cell and keep still.
    grid : Grid
        The cores.
    """

    def __init__(self, params: Params, grid: Grid) -> None:
        self._params, self._grid = params, grid
        self._across = len(grid.columns) - 1
        x, y = np.floor(params.means + np.float32(0.5)).T
        rows, columns = _cells(grid.rows, y), _cells(grid.columns, x)
        #: The number of each Gaussian's cell, -1 for a large one.
        self.cells = np.where(_is_large(params), -1, rows * self._across + columns)
        self._order = np.argsort(self.cells, kind="stable")
        # Large ones come first: they are in no cell, and always looked at.
        self._starts = np.searchsorted(self.cells[self._order], np.arange((len(grid.rows) - 1) * self._across + 1))

    def near(self, box: Box) -> Indices:
        """The indices, increasing, of the Gaussians whose boxes meet this one."""
        reach = MARGIN + DRIFT
        top, bottom = _cells(self._grid.rows, np.array([box.y0 - reach, box.y1 + reach]))
        left, right = _cells(self._grid.columns, np.array([box.x0 - reach, box.x1 + reach]))
        found = [self._order[: self._starts[0]]]
        for row in range(top * self._across, (bottom + 1) * self._across, self._across):
            found.append(self._order[self._starts[row + left] : self._starts[row + right + 1]])
        candidates = np.sort(np.concatenate(found))
        (x, y), (l1, l2, l3) = self._params.means[candidates].T, self._params.cholesky[candidates].T
        width, height = 3.0 * l1 + 1.0, 3.0 * np.hypot(l2, l3) + 1.0
        inside = (x + width >= box.x0) & (x - width < box.x1) & (y + height >= box.y0) & (y - height < box.y1)
        chosen: Indices = candidates[inside]
        return chosen


class WindowedFitter:
    """What `Fitter` does, for an image too large to be held as floats; only its start must be given.

    Parameters
    ----------
    samples : ndarray, shape (H, W, C)
        The image, of any type of number.
    scale : float
        What makes its white 1.
    loss : LossWeights, optional
        What to make small; by default the mean squared error.
    seed : int
        All chance comes from it: the same calls give the same bytes, for any number of threads.
    threads : int, optional
        The most threads to use; by default what OpenMP offers.
    backend : Backend, optional
        Where to compute; by default the CPU.

    Attributes
    ----------
    iterations : int
        Steps that each Gaussian could take part in.
    """

    def __init__(
        self,
        samples: NDArray[Any],
        scale: float,
        *,
        loss: LossWeights | None = None,
        seed: int = 0,
        threads: int | None = None,
        backend: Backend | None = None,
    ) -> None:
        self.iterations = 0
        self._samples, self._scale, self._seed = samples, scale, seed
        self._weights, self._threads = loss or LossWeights(), threads or 0
        self._kernels = (backend or get_backend()).fit
        self._turns = 0
        self._params = Params(*(np.zeros((0, columns), np.float32) for columns in (2, 3, samples.shape[2])))
        self._squared: float | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the image."""
        height, width, channels = self._samples.shape
        return height, width, channels

    @property
    def num_gaussians(self) -> int:
        """How many Gaussians there are."""
        return len(self._params.means)

    @property
    def gaussians(self) -> Gaussians2D:
        """The current state."""
        height, width, _ = self.shape
        return Gaussians2D(*self._params, width=width, height=height)

    @gaussians.setter
    def gaussians(self, value: Gaussians2D) -> None:
        self._replace(Params(value.means.copy(), value.cholesky.copy(), value.colors.copy()))

    @property
    def psnr(self) -> float:
        """The current state's PSNR in decibels, for a range of 1, before values are rounded or clipped."""
        return Value(math.nan, self._error() / self._samples.size).psnr

    def _error(self) -> float:
        """The current state's squared error."""
        if self._squared is None:
            self._squared = sum(squared for squared, _ in self._residuals(self._params))
        return self._squared

    def _replace(self, params: Params) -> None:
        self._params, self._squared = params, None

    def initialize(self, count: int, init: Gaussians2D) -> None:
        """Start anew from `count` given Gaussians."""
        if len(init) != count:
            raise ValueError(f"init must have num_gaussians = {count} Gaussians, got {len(init)}")
        self.gaussians = init

    def run(
        self,
        iterations: int,
        *,
        relocate: bool = True,
        max_time_seconds: float | None = None,
        callback: Callback | None = None,
    ) -> str:
        """Take steps in every window; parameters and result as for `Fitter.run`."""
        turns = 2 if iterations >= TWO_TURNS else 1
        watch = Watch(iterations, max_time_seconds)
        report = _Report(watch, callback, iterations, self)
        before = self.iterations
        for turn in range(turns):
            grid = self._grid(self._turns % 2)
            places, boxes = Places(self._params, grid), grid.boxes()
            for cell, box in enumerate(boxes):
                stages = len(boxes) * (turns - turn) - cell
                report.begin((turn + cell / len(boxes)) / turns, 1.0 / (turns * len(boxes)))
                seconds = None if max_time_seconds is None else (max_time_seconds - watch.elapsed) / stages
                if seconds is not None and seconds <= 0.0:
                    return "time"
                self._run_window(box, cell, places, iterations // turns, relocate, seconds, report)
                self.iterations = before + report.done
                if report.stopped:
                    return "callback"
            self._turns += 1
        self.iterations = before + iterations
        return "iterations"

    def _run_window(
        self,
        box: Box,
        cell: int,
        places: Places,
        iterations: int,
        relocate: bool,
        seconds: float | None,
        report: _Report,
    ) -> None:
        """Fit the Gaussians that were in a core when its turn began."""
        around = box.grown(MARGIN, self.shape[1], self.shape[0])
        near = places.near(around)
        params = self._take(near)
        moving = places.cells[near] == cell
        if not moving.any():
            return
        still = _shifted(_at(params, ~moving), around)
        objective = self._objective(around, box, still)
        fitter = Fitter(objective, seed=(self._seed, self._turns, box.x0, box.y0))
        fitter.gaussians = Gaussians2D(*_shifted(_at(params, moving), around))
        before = fitter.value.mse
        total = self._error()
        fitter.run(iterations, relocate=relocate, max_time_seconds=seconds, callback=report)
        found = fitter.gaussians
        changed = near[moving]
        self._params.means[changed] = found.means + np.array([around.x0, around.y0], np.float32)
        self._params.cholesky[changed] = found.cholesky
        self._params.colors[changed] = found.colors
        # What fell in the window fell in the whole image.
        self._squared = max(total - (before - fitter.value.mse) * objective.samples, 0.0)

    def grow(self, count: int) -> None:
        """Add Gaussians where the error is."""
        grid = self._grid()
        errors = np.array([squared for squared, _ in self._residuals(self._params, grid.boxes())])
        places, parts = Places(self._params, grid), [self._params]
        for box, number in zip(grid.boxes(), _apportion(errors, count), strict=True):
            if number:
                around = box.grown(MARGIN, self.shape[1], self.shape[0])
                objective = self._objective(around, box)
                rng = np.random.default_rng((self._seed, self._turns, box.x0, box.y0, self.num_gaussians))
                here = _shifted(self._take(places.near(around)), around)
                new = density.newcomers(objective, here, int(number), rng)
                parts.append(_shifted(new, Box(-around.x0, -around.y0, 0, 0)))
        self._replace(Params(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True))))

    def prune(self, count: int) -> None:
        """Remove the least needed Gaussians, at most all that windows move; the others keep their order."""
        cost = np.full(self.num_gaussians, np.inf, np.float32)
        grid = self._grid()
        places = Places(self._params, grid)
        for cell, box in enumerate(grid.boxes()):
            around = box.grown(MARGIN, self.shape[1], self.shape[0])
            near = places.near(around)
            params = self._take(near)
            moving = places.cells[near] == cell
            if moving.any():
                objective = self._objective(around, box)
                here = _shifted(params, around)
                cost[near[moving]] = density.removal_cost(objective, here, objective.gradient(here))[moving]
        keep = np.ones(len(cost), bool)
        least = np.argsort(cost, kind="stable")[:count]
        keep[least[np.isfinite(cost[least])]] = False
        self._replace(_at(self._params, keep))

    def refine(
        self, levels: NDArray[np.int32], quantizer: CompactQuantizer, sweeps: int, seed: int = 0
    ) -> NDArray[np.int32]:
        """Return integers near `levels` that stand for a better image; see `pyggc.fit.integers.refine`."""
        height, width, channels = self.shape
        start = quantizer.dequantize(levels)
        params = Params(start.means, start.cholesky, start.colors)
        residual = np.empty((height, channels, self._plane(Box(0, 0, width, 1)).shape[2]), np.float32)
        for (_, planes), box in zip(self._residuals(params), self._strips(), strict=True):
            residual[box.y0 : box.y1] = planes
        return integers.refine(self._kernels, residual, width, levels, quantizer, sweeps, seed)

    # The image in parts.

    def _grid(self, shift: int = 0) -> Grid:
        """The borders of the windows' cores; shifted by half of one, if at all."""
        height, width, _ = self.shape
        first = CORE - shift * (CORE // 2)
        return Grid(*(np.array([0, *range(first, side, CORE), side]) for side in (height, width)))

    def _strips(self) -> list[Box]:
        height, width, _ = self.shape
        return [Box(0, y, width, min(y + STRIP_ROWS, height)) for y in range(0, height, STRIP_ROWS)]

    def _plane(self, box: Box) -> Floats:
        return to_planes(self._samples[box.y0 : box.y1, box.x0 : box.x1], self._kernels.padding, self._scale)

    def _residuals(self, params: Params, boxes: list[Box] | None = None) -> Iterator[tuple[float, Floats]]:
        """The squared error and the residual of parts of the image, strips by default."""
        places = Places(params, self._grid())
        for box in boxes or self._strips():
            target = self._plane(box)
            residual = np.zeros_like(target)
            here = _shifted(_at(params, places.near(box)), box)
            squared, _ = self._kernels.forward(here, target, residual, box.x1 - box.x0, self._threads)
            yield squared, residual

    def _objective(self, around: Box, core: Box, still: Params | None = None) -> Objective:
        """A window of the image, less what some Gaussians draw of it."""
        image, width = self._plane(around), around.x1 - around.x0
        target = image
        if still is not None and len(still.means):
            residual = np.zeros_like(image)
            self._kernels.forward(still, image, residual, width, self._threads)
            target = np.negative(residual, out=residual)
        inner = core.grown(DRIFT, self.shape[1], self.shape[0])
        bounds = Bounds(
            inner.x1 - inner.x0,
            inner.y1 - inner.y0,
            MIN_SCALE,
            LARGEST,
            MAX_COLOR,
            inner.x0 - around.x0,
            inner.y0 - around.y0,
        )
        return Objective(target, width, self._weights, self._kernels, self._threads, bounds, image)

    def _take(self, index: Indices) -> Params:
        return _at(self._params, index)


class _Report:
    """Passes on the progress of one window as that of the whole run."""

    def __init__(self, watch: Watch, callback: Callback | None, iterations: int, fitter: WindowedFitter) -> None:
        self.stopped, self.done = False, 0
        self._watch, self._callback, self._iterations, self._fitter = watch, callback, iterations, fitter
        self._start, self._share = 0.0, 1.0

    def begin(self, start: float, share: float) -> None:
        """A window begins after that part of the run, and is so much of it."""
        self._start, self._share = start, share

    def __call__(self, progress: FitProgress) -> bool:
        part = self._start + self._share * progress.iteration / progress.max_iterations
        self.done = min(max(int(part * self._iterations), 1), self._iterations)
        if self._callback is None:
            return False
        elapsed = self._watch.elapsed
        self.stopped = bool(
            self._callback(
                FitProgress(
                    self.done,
                    self._iterations,
                    elapsed,
                    elapsed / part - elapsed,
                    self._fitter.psnr,
                    self._fitter.num_gaussians,
                    progress.phase,
                )
            )
        )
        return self.stopped


def _is_large(params: Params) -> NDArray[np.bool_]:
    return np.asarray(np.abs(params.cholesky).max(axis=1, initial=0.0) > LARGEST)


def _cells(borders: NDArray[np.int64], at: NDArray[Any]) -> Indices:
    """Between which borders, of increasing ones, a coordinate lies; the outermost are those of all beyond."""
    cells: Indices = np.clip(np.searchsorted(borders, at, side="right") - 1, 0, len(borders) - 2)
    return cells


def _at(params: Params, index: NDArray[Any]) -> Params:
    return Params(*(np.ascontiguousarray(array[index]) for array in params))


def _shifted(params: Params, box: Box) -> Params:
    """The same in the pixels of a box."""
    return params._replace(means=params.means - np.array([box.x0, box.y0], np.float32))


def _apportion(shares: NDArray[np.float64], count: int) -> Indices:
    """Whole numbers in proportion to shares, `count` in all: the largest remainders are rounded up."""
    total = shares.sum()
    exact = shares * (count / total) if total > 0.0 else np.full(len(shares), count / len(shares))
    numbers: Indices = np.floor(exact).astype(np.int64)
    numbers[np.argsort(numbers - exact, kind="stable")[: count - numbers.sum()]] += 1
    return numbers
