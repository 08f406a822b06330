"""Curves: rate against distortion, and how fits came along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyggc.plot._figure import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from pyggc.fit import FitProgress

#: What `convergence` can have along x: the attribute of `FitProgress`, and the label.
AXES = {"iteration": ("iteration", "iterations"), "seconds": ("elapsed_seconds", "seconds")}


def rd_curves(curves: Mapping[str, Sequence[tuple[float, float]]], *, ax: Axes | None = None) -> Axes:
    """Draw rate-distortion curves: PSNR over bits a pixel.

    Parameters
    ----------
    curves : mapping of str to sequence of (bpp, psnr)
        By the name of the codec, its points in any order: bits a pixel, above 0, and decibels.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        One line a codec, in the order given.

    Raises
    ------
    ValueError
        If there is no curve, or one is not pairs of finite numbers with rates above 0.
    TypeError
        If `curves` is not a mapping.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from pyggc import plot
    >>> ax = plot.rd_curves({"JPEG": [(0.5, 31.5), (0.25, 28.0)], "pyggc": [(0.1, 28.0), (0.25, 31.5)]})
    >>> ax.lines[0].get_xdata().tolist()
    [0.25, 0.5]
    """
    _check_names("curves", curves)
    checked = {name: _points(name, points) for name, points in curves.items()}
    ax = axes_or_new(ax)
    for name, points in checked.items():
        ax.plot(points[:, 0], points[:, 1], marker="o", markersize=4.0, label=name)
    ax.set(xlabel="bits a pixel", ylabel="PSNR, dB")
    ax.set_xlim(left=0.0)
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


def convergence(
    progress: Sequence[FitProgress] | Mapping[str, Sequence[FitProgress]],
    *,
    by: str = "iteration",
    ax: Axes | None = None,
) -> Axes:
    """Draw how the PSNR of fits rose, from what their callback got.

    Parameters
    ----------
    progress : sequence of FitProgress, or mapping of str to such sequences
        One fit, or several by name. Where the count of a later phase begins anew, it is continued.
    by : str
        ``"iteration"`` or ``"seconds"``: what lies along x.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        One line a fit, in the order given.

    Raises
    ------
    ValueError
        If there is no fit, one has no progress, or `by` is none of those above.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc import plot
    >>> from pyggc.fit import fit
    >>> steps = []
    >>> result = fit(np.eye(16), 8, max_iterations=10, callback=steps.append)
    >>> ax = plot.convergence(steps)
    >>> len(ax.lines[0].get_xdata())
    10
    """
    if by not in AXES:
        raise ValueError(f"by must be one of {', '.join(AXES)}, not {by!r}")
    fits = progress if isinstance(progress, Mapping) else {"": progress}
    _check_names("progress", fits)
    empty = [name for name, steps in fits.items() if not len(steps)]
    if empty:
        raise ValueError(f"progress{f' of {empty[0]!r}' if empty[0] else ''} has no steps")

    attribute, label = AXES[by]
    ax = axes_or_new(ax)
    for name, steps in fits.items():
        along = _continued(np.array([getattr(step, attribute) for step in steps], np.float64))
        ax.plot(along, np.array([step.psnr for step in steps], np.float64), label=name)
    ax.set(xlabel=label, ylabel="PSNR of the fit, dB")
    ax.set_xlim(left=0.0)
    ax.grid(alpha=0.3)
    if isinstance(progress, Mapping):
        ax.legend()
    return ax


def _check_names(argument: str, by_name: Any) -> None:
    if not isinstance(by_name, Mapping):
        raise TypeError(f"{argument} must be a mapping of names to sequences, not {type(by_name).__name__}")
    if not by_name:
        raise ValueError(f"{argument} is empty")


def _points(name: str, points: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """A curve's points by ascending rate."""
    curve = np.asarray(points, np.float64)
    if curve.ndim != 2 or curve.shape[1] != 2 or not len(curve):
        raise ValueError(f"curves[{name!r}] must be pairs (bpp, psnr), not an array of shape {curve.shape}")
    if not np.isfinite(curve).all() or (curve[:, 0] <= 0.0).any():
        raise ValueError(f"curves[{name!r}] must have rates above zero and finite values")
    return curve[np.argsort(curve[:, 0], kind="stable")]


def _continued(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts that begin anew with each phase, as one that goes on."""
    previous = counts[:-1]
    restarts = np.where(counts[1:] < previous, previous, 0.0)
    continued: NDArray[np.float64] = counts + np.concatenate([[0.0], np.cumsum(restarts)])
    return continued
