"""What an encoding may take, and whom it tells how far it is."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from pyggc.fit import FitProgress, Fitter

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyggc.fit.pyramid import AnyFitter

#: How an encoding starts: no other way fits a number of Gaussians so well (benchmarks/fit.py, part inits).
INITIALIZATION = "multiscale"


class Budget:
    """Time and iterations that an encoding may take, and who is told of its progress.

    Parameters
    ----------
    max_time_seconds, max_iterations : float and int, optional
        From now on; None for no limit.
    callback : callable, optional
        Gets a `FitProgress` of the whole encoding; nothing new begins once it returned True.
    """

    def __init__(
        self,
        max_time_seconds: float | None = None,
        max_iterations: int | None = None,
        callback: Callable[[FitProgress], bool | None] | None = None,
    ) -> None:
        self._start = time.monotonic()
        self._max_seconds = math.inf if max_time_seconds is None else max_time_seconds
        self._max_iterations = max_iterations
        self._callback = callback
        self._stopped = False
        #: Iterations done.
        self.iterations = 0
        #: Iterations that the whole is expected to take.
        self.expected = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._start

    @property
    def shortfall(self) -> str:
        """Why it is spent, for who wonders what kept a goal from being reached."""
        if self._stopped:
            return "the callback stopped the fit"
        late = self.elapsed >= self._max_seconds
        return "the time allowed was too short" if late else "the iterations allowed were too few"

    @property
    def urgent(self) -> bool:
        """Whether someone waits: there is no time left, or the callback ended the fit."""
        return self._stopped or self.elapsed >= self._max_seconds

    @property
    def spent(self) -> bool:
        """Whether nothing new may begin."""
        used_up = self._max_iterations is not None and self.iterations >= self._max_iterations
        return self._stopped or used_up or self.elapsed >= self._max_seconds

    def initialize(self, fitter: AnyFitter, count: int) -> None:
        """Start anew with so many Gaussians, and count the steps on coarse images that this takes."""
        # Only the smallest image starts from nothing, and that is fitted as a whole.
        assert isinstance(fitter, Fitter)
        limits: dict[str, Any] = {}
        if self._max_iterations is not None:
            limits["max_iterations"] = max(self._max_iterations - self.iterations, 0)
        if not math.isinf(self._max_seconds):
            limits["max_time_seconds"] = max(self._max_seconds - self.elapsed, 0.0)
        before = fitter.iterations
        fitter.initialize(count, INITIALIZATION, callback=self._report if self._callback else None, **limits)
        self.iterations += fitter.iterations - before

    def run(self, fitter: AnyFitter, iterations: int) -> None:
        """Fit for so many iterations, or for as many as there are left."""
        if self._max_iterations is not None:
            iterations = min(iterations, self._max_iterations - self.iterations)
        seconds = self._max_seconds - self.elapsed
        if iterations > 0 and seconds > 0.0 and not self._stopped:
            before = fitter.iterations
            fitter.run(
                iterations,
                max_time_seconds=None if math.isinf(seconds) else seconds,
                callback=self._report if self._callback else None,
            )
            self.iterations += fitter.iterations - before

    def _report(self, progress: FitProgress) -> bool:
        assert self._callback is not None
        done = self.iterations + progress.iteration
        expected = max(self.expected, self.iterations + progress.max_iterations)
        if self._max_iterations is not None:
            expected = min(expected, self._max_iterations)
        elapsed = self.elapsed
        remaining = min(elapsed / done * (expected - done), max(self._max_seconds - elapsed, 0.0))
        whole = FitProgress(done, expected, elapsed, remaining, progress.psnr, progress.num_gaussians, progress.phase)
        self._stopped = bool(self._callback(whole))
        return self._stopped
