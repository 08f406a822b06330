"""What a fit tells while it runs and when it ends, and when it ends early."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pyggc.gaussians import Gaussians2D


@dataclass(frozen=True)
class FitProgress:
    """The state of a running fit, as a callback gets it after every iteration.

    Parameters
    ----------
    iteration, max_iterations : int
        Iterations done and allowed in this phase.
    elapsed_seconds, remaining_seconds : float
        Since the phase began, and until its end as things look now.
    psnr : float
        Of the current state, in decibels, float and unclipped; first that of smaller images, if a fit begins with them.
    num_gaussians : int
        Number of Gaussians.
    phase : str
        ``"fit"``, or ``"quantized"`` in quantization-aware steps.
    """

    iteration: int
    max_iterations: int
    elapsed_seconds: float
    remaining_seconds: float
    psnr: float
    num_gaussians: int
    phase: str


#: Gets the progress after every iteration; returning True stops the phase.
Callback: TypeAlias = Callable[[FitProgress], "bool | None"]


@dataclass(frozen=True)
class FitResult:
    """What a fit found.

    Parameters
    ----------
    gaussians : Gaussians2D
        The best state seen, of the image's size.
    psnr : float
        Its PSNR in decibels, for a range of 1, before values are rounded or clipped.
    loss : float
        Its weighted loss.
    iterations : int
        Iterations done.
    seconds : float
        Time taken.
    stopped : str
        Why it ended: ``"iterations"``, ``"time"``, ``"patience"``, ``"callback"`` or ``"converged"`` (no direction
        lowers the loss any more).
    """

    gaussians: Gaussians2D
    psnr: float
    loss: float
    iterations: int
    seconds: float
    stopped: str


class Watch:
    """Decides when a phase ends, and reports.

    Parameters
    ----------
    max_iterations : int
        Iterations allowed, not negative.
    max_seconds : float or None
        Time allowed.
    patience : int or None
        End when this many iterations together gained less than `tolerance`.
    tolerance : float
        In decibels.
    callback : callable or None
        Gets a `FitProgress`; True ends the phase.
    phase : str
        What the phase is called.
    """

    def __init__(
        self,
        max_iterations: int,
        max_seconds: float | None = None,
        patience: int | None = None,
        tolerance: float = 0.0,
        callback: Callback | None = None,
        phase: str = "fit",
    ) -> None:
        if max_iterations < 0:
            raise ValueError(f"max_iterations must not be negative, got {max_iterations}")
        if max_seconds is not None and not max_seconds >= 0.0:
            raise ValueError(f"max_time_seconds must not be negative, got {max_seconds}")
        if patience is not None and patience < 1:
            raise ValueError(f"patience must be at least 1, got {patience}")
        if not tolerance >= 0.0:
            raise ValueError(f"tolerance must not be negative, got {tolerance}")
        self.max_iterations, self.max_seconds = max_iterations, max_seconds
        self.tolerance, self.callback, self.phase = tolerance, callback, phase
        self.iteration = 0
        #: Whether the callback ended it.
        self.interrupted = False
        # One entry more than the patience: the gain over `patience` iterations has that many ends.
        self._window: deque[float] | None = None if patience is None else deque(maxlen=patience + 1)
        self._start = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the phase began."""
        return time.monotonic() - self._start

    @property
    def remaining(self) -> float | None:
        """Seconds that are left, None without a limit."""
        return None if self.max_seconds is None else max(0.0, self.max_seconds - self.elapsed)

    @property
    def fraction(self) -> float:
        """The part of the phase that is over, by iterations or time, whichever is further."""
        done = self.iteration / max(self.max_iterations, 1)
        if self.max_seconds is None:
            return done
        return max(done, self.elapsed / self.max_seconds if self.max_seconds > 0.0 else 1.0)

    def exhausted(self) -> str | None:
        """Return why no further iteration may begin, or None."""
        if self.iteration >= self.max_iterations:
            return "iterations"
        if self.max_seconds is not None and self.elapsed >= self.max_seconds:
            return "time"
        return None

    @property
    def attended(self) -> bool:
        """Whether every iteration counts on its own: somebody is told of it, or waits for its gain."""
        return self.callback is not None or self._window is not None

    def finished(self, psnr: float, num_gaussians: int, iterations: int = 1) -> str | None:
        """Count iterations and report them; return why the phase ends, or None."""
        self.iteration += iterations
        if self.callback is not None and self.callback(self._progress(psnr, num_gaussians)):
            self.interrupted = True
            return "callback"
        if self._window is not None:
            self._window.append(psnr)
            if len(self._window) == self._window.maxlen and not self._window[-1] - self._window[0] >= self.tolerance:
                return "patience"
        return None

    def _progress(self, psnr: float, num_gaussians: int) -> FitProgress:
        elapsed = self.elapsed
        remaining = elapsed / self.iteration * (self.max_iterations - self.iteration)
        if self.remaining is not None:
            remaining = min(remaining, self.remaining)
        return FitProgress(self.iteration, self.max_iterations, elapsed, remaining, psnr, num_gaussians, self.phase)
