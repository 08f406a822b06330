"""One figure that tells how far two images are apart."""

from __future__ import annotations

import io
import math
import warnings
from typing import TYPE_CHECKING

from pyggc.evaluate import psnr, ssim
from pyggc.pixels import as_pixels
from pyggc.plot._figure import new_figure, require_matplotlib
from pyggc.plot.images import error_map, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

#: Width of the figure, in inches.
WIDTH = 12.0

#: The most letters of a line above a panel.
MAX_LETTERS = 40

FIGURE_FORMATS = (".png", ".svg", ".pdf")


def comparison(
    reference: ArrayLike,
    image: ArrayLike,
    *,
    names: tuple[str, str] = ("reference", "image"),
    captions: tuple[str, str] = ("", ""),
    limit: float | None = None,
    figure: Figure | None = None,
) -> Figure:
    """Draw two images beside the map of their differences, under PSNR and SSIM.

    Parameters
    ----------
    reference, image : array_like, shape (H, W), (H, W, 3) or (H, W, 4)
        The same shape and dtype for both: uint8, uint16, or floats in [0, 1].
    names : (str, str)
        What stands over them, as plain text.
    captions : (str, str)
        A second line under each name, such as the size of the file.
    limit : float, optional
        As for `error_map`.
    figure : matplotlib.figure.Figure, optional
        Where to draw; by default a new one, 12 inches wide.

    Returns
    -------
    matplotlib.figure.Figure
        With the Axes of reference, image and errors.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of the wrong type; the message names it.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc import plot
    >>> black = np.zeros((24, 32, 3), np.uint8)
    >>> figure = plot.comparison(black, black + 5, names=("black", "nearly"))
    >>> figure.get_suptitle()
    'PSNR 34.15 dB, SSIM 0.2064'
    """
    require_matplotlib()
    first, second = as_pixels(reference), as_pixels(image)
    quality, similarity = psnr(first.samples, second.samples), ssim(first.samples, second.samples)
    if figure is None:
        panel = WIDTH / 3.35 * first.height / first.width
        figure = new_figure(WIDTH, min(max(panel, 2.0), 14.0) + 0.85)
    axes = figure.subplots(1, 3)
    for ax, pixels in zip(axes, (first, second), strict=False):
        show(ax, pixels)
    error_map(first.samples, second.samples, limit=limit, ax=axes[2])
    for ax, name, caption in zip(axes, (*names, "error"), (*captions, ""), strict=True):
        ax.set_axis_off()
        # A file's name may hold a dollar sign, which would begin a formula.
        ax.set_title(f"{_line(name)}\n{_line(caption)}", fontsize="medium").set_parse_math(False)
    decibels = "infinite: the images are equal" if math.isinf(quality) else f"{quality:.2f} dB"
    figure.suptitle(f"PSNR {decibels}, SSIM {similarity:.4f}")
    return figure


def format_figure(figure: Figure, extension: str = ".png", *, dpi: float = 120.0) -> bytes:
    """Encode a figure as the bytes of a file, which tells neither the time nor anything else of chance.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure.
    extension : str
        ``".png"``, ``".svg"`` or ``".pdf"``.
    dpi : float
        Dots an inch.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If the extension is another one.

    Examples
    --------
    >>> from pyggc import Gaussians2D, plot
    >>> one = Gaussians2D([[20.0, 10.0]], [[6.0, 2.0, 1.0]], [[1.0]], width=40, height=24)
    >>> plot.format_figure(plot.ellipses(one).figure, ".svg")[:5]
    b'<?xml'
    """
    if extension.lower() not in FIGURE_FORMATS:
        raise ValueError(f"extension must be one of {', '.join(FIGURE_FORMATS)}, not {extension!r}")
    import matplotlib

    kind = extension.lower()[1:]
    # The time of making, and SVG's random names, would make each file another one.
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    output = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "pyggc"}), warnings.catch_warnings():
        # What the font lacks is drawn as a box, and a line of warning for each letter helps nobody.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(output, format=kind, dpi=dpi, metadata=dates.get(kind))
    return output.getvalue()


def _line(text: str) -> str:
    """A text as one line of bounded length, of letters that can be printed; of a long one, the middle goes."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in text)
    if len(printable) <= MAX_LETTERS:
        return printable
    half = (MAX_LETTERS - 1) // 2
    return f"{printable[:half]}…{printable[-half:]}"
