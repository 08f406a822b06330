"""What ``gaussian-codec compare --plot`` draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from pyggc._terminal import STANDARD, CommandError, Exit, choose_output, write_output
from pyggc.plot import comparison, format_figure
from pyggc.plot._figure import require_matplotlib
from pyggc.plot.pair import FIGURE_FORMATS


def check_figure(name: str, sources: Sequence[str]) -> None:
    """Make sure, before any long work, that a figure can be drawn and written, and replaces none of the inputs."""
    if name == STANDARD:
        raise CommandError(Exit.USAGE, "--plot needs the name of a file: standard output has the numbers")
    if Path(name).suffix.lower() not in FIGURE_FORMATS:
        known = ", ".join(FIGURE_FORMATS)
        raise CommandError(Exit.USAGE, f"{name}: a figure is written as one of {known}")
    for source in sources:
        choose_output(source, name, "", force=True, option="--plot")
    try:
        require_matplotlib()
    except ImportError as error:
        raise CommandError(Exit.USAGE, f"--plot: {error}") from error


def write_comparison(name: str, a: npt.NDArray[Any], b: npt.NDArray[Any], labels: Sequence[tuple[str, str]]) -> None:
    """Write a figure of two images and their differences; each has a name and what its file takes."""
    first, second = labels
    figure = comparison(a, b, names=(first[0], second[0]), captions=(first[1], second[1]))
    write_output(name, format_figure(figure, Path(name).suffix))
