"""Figures that belong to no global state, and the one place that knows that matplotlib may be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

#: Width of a figure with one Axes, in inches.
WIDTH = 6.4


def require_matplotlib() -> None:
    """Raise an ImportError that says what to install, unless matplotlib is there."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError("pyggc.plot needs matplotlib: pip install matplotlib", name="matplotlib") from error


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of so many inches. pyplot knows nothing of it, so it goes when its last reference goes."""
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def axes_or_new(ax: Axes | None, height: float = 4.0) -> Axes:
    """Return the Axes given, or those of a new figure."""
    return new_figure(WIDTH, height).add_subplot() if ax is None else ax


def figure_of(ax: Axes) -> Figure | SubFigure:
    """Return the figure that holds the Axes; a ValueError if they were removed from it."""
    figure = ax.figure
    if figure is None:
        raise ValueError("ax belongs to no figure")
    return figure


def height_for(width: int, height: int) -> float:
    """Inches for a figure that shows one image of that shape, with room for labels and within reason."""
    return min(max(WIDTH * height / width, 2.0), 12.0) + 0.5
