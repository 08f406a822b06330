"""What is seen in the plane of an image: the ellipses of Gaussians, and where two images differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyggc.arguments import as_integer, check_positive
from pyggc.gaussians import Gaussians2D
from pyggc.pixels import Pixels, as_pixels
from pyggc.plot._figure import axes_or_new, figure_of, height_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.typing import ColorType
    from numpy.typing import ArrayLike, NDArray

#: Corners of the polygon that stands for an ellipse.
CORNERS = 48

#: The part of the errors that the colors of an error map tell apart unless a limit is given.
SHOWN_PART = 99.5

#: Factors from samples within [0, 1] to the levels that errors are told in.
LEVELS = 255.0

MODES = ("magnitude", "signed")


def ellipses(
    gaussians: Gaussians2D,
    image: ArrayLike | None = None,
    *,
    sigma: float = 1.0,
    max_count: int = 2000,
    color: ColorType = "cyan",
    linewidth: float = 0.6,
    ax: Axes | None = None,
) -> Axes:
    """Draw the Gaussians' ellipses, over an image if there is one.

    Parameters
    ----------
    gaussians : Gaussians2D
        N Gaussians, in source pixels.
    image : array_like, shape (H, W), (H, W, 3) or (H, W, 4), optional
        uint8, uint16, or floats in [0, 1]. If the Gaussians know their image's size, it is stretched over that
        area, so that an image decoded at another size fits as well.
    sigma : float
        Size of the ellipses in standard deviations, above 0. The renderer's Gaussians end at 3.
    max_count : int
        The most ellipses, at least 1: those of the greatest amplitude, ``|c| sqrt(l1 l2)`` times the opacity.
    color : color
        Of the lines, as matplotlib takes it.
    linewidth : float
        Of the lines, in points, above 0.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Its x and y are pixels, y down, the origin at the center of the top-left pixel.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range or of the wrong type; the message names it.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> from pyggc import Gaussians2D, plot
    >>> one = Gaussians2D([[20.0, 10.0]], [[6.0, 2.0, 1.0]], [[1.0]], width=40, height=24)
    >>> ax = plot.ellipses(one, sigma=2)
    >>> [float(x) for x in (*ax.get_xlim(), *ax.get_ylim())]
    [-0.5, 39.5, 23.5, -0.5]
    """
    if not isinstance(gaussians, Gaussians2D):
        raise TypeError(f"gaussians must be Gaussians2D, not {type(gaussians).__name__}")
    check_positive("sigma", sigma, "number of standard deviations")
    check_positive("linewidth", linewidth, "number of points")
    max_count = as_integer("max_count", max_count, 1)
    pixels = None if image is None else as_pixels(image)
    size = (gaussians.width, gaussians.height)
    if size[0] is None or size[1] is None:
        size = (None, None) if pixels is None else (pixels.width, pixels.height)
    ax = axes_or_new(ax, 4.0 if size[0] is None or size[1] is None else height_for(size[0], size[1]))
    from matplotlib.collections import PolyCollection

    if size[0] is not None and size[1] is not None:
        extent = (-0.5, size[0] - 0.5, size[1] - 0.5, -0.5)
        if pixels is not None:
            show(ax, pixels, extent)
        ax.set(xlim=extent[:2], ylim=extent[2:])
    else:
        ax.yaxis.set_inverted(True)
    kept = _greatest(gaussians, max_count)
    lines = PolyCollection(list(_polygons(kept, sigma)), facecolors="none", edgecolors=color, linewidths=linewidth)
    ax.add_collection(lines, autolim=size[0] is None)
    if size[0] is None:
        ax.autoscale_view()
    ax.set_aspect("equal")
    return ax


def error_map(
    reference: ArrayLike,
    image: ArrayLike,
    *,
    mode: str = "magnitude",
    limit: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw where an image differs from its reference, and by how many 8-bit levels.

    Parameters
    ----------
    reference, image : array_like, shape (H, W), (H, W, 3) or (H, W, 4)
        The same shape and dtype for both: uint8, uint16, or floats in [0, 1].
    mode : str
        ``"magnitude"``: the root of the mean over the channels of the squared difference, whose mean square over the
        pixels is that of the PSNR. ``"signed"``: the mean over the channels of image minus reference.
    limit : float, optional
        Levels at the end of the color scale, above 0; white has 255. By default such that 99.5 % of the pixels are
        within it. Give the same one to maps that are to be compared.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

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
    >>> ax = plot.error_map(black, black + 5, limit=10)
    >>> float(ax.images[0].get_array().max()), ax.images[0].get_clim()
    (5.0, (0.0, 10.0))
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    errors = _errors(reference, image, signed=mode == "signed")
    if limit is None:
        limit = max(1.0, float(np.percentile(np.abs(errors), SHOWN_PART)))
    check_positive("limit", limit, "number of 8-bit levels")

    height, width = errors.shape
    ax = axes_or_new(ax, height_for(width, height))
    low, colors, label = (-limit, "RdBu_r", "error") if mode == "signed" else (0.0, "inferno", "size of the error")
    drawn = ax.imshow(errors, cmap=colors, vmin=low, vmax=limit)
    above, below = bool((errors > limit).any()), bool((errors < low).any())
    extend = "both" if above and below else "max" if above else "min" if below else "neither"
    # Beside the image and as high as it, whatever room the Axes have.
    bar = figure_of(ax).colorbar(drawn, cax=ax.inset_axes((1.02, 0.0, 0.035, 1.0)), extend=extend)
    bar.set_label(f"{label}, 8-bit levels")
    return ax


def show(ax: Axes, pixels: Pixels, extent: tuple[float, float, float, float] | None = None) -> None:
    """Show an image of any kind that the codec takes, black at 0 and white at the largest sample."""
    samples = pixels.samples if pixels.bit_depth == 8 else _floats(pixels).reshape(pixels.samples.shape)
    white = LEVELS if pixels.bit_depth == 8 else 1.0
    ax.imshow(samples, cmap="gray", vmin=0.0, vmax=white, extent=extent)


def _floats(pixels: Pixels) -> NDArray[np.float32]:
    """Samples with white 1, shape (H, W, C)."""
    samples, scale = pixels.scaled()
    return np.asarray(np.multiply(samples, np.float32(scale), dtype=np.float32))


def _errors(reference: ArrayLike, image: ArrayLike, *, signed: bool) -> NDArray[np.float32]:
    """Differences in 8-bit levels, shape (H, W)."""
    first, second = as_pixels(reference), as_pixels(image)
    for name in ("shape", "dtype"):
        expected, found = getattr(first.samples, name), getattr(second.samples, name)
        if expected != found:
            raise ValueError(f"image must have the {name} of reference, {expected}, not {found}")
    difference = (_floats(second) - _floats(first)) * np.float32(LEVELS)
    combined = difference.mean(axis=2) if signed else np.sqrt(np.square(difference).mean(axis=2))
    return np.asarray(combined, np.float32)


def _greatest(gaussians: Gaussians2D, max_count: int) -> Gaussians2D:
    """At most `max_count` Gaussians, those of the greatest amplitude, in their order."""
    if len(gaussians) <= max_count:
        return gaussians
    amplitude = np.linalg.norm(gaussians.colors, axis=1) * np.sqrt(gaussians.cholesky[:, 0] * gaussians.cholesky[:, 1])
    if gaussians.opacities is not None:
        amplitude = amplitude * gaussians.opacities
    return gaussians[np.sort(np.argsort(-amplitude, kind="stable")[:max_count])]


def _polygons(gaussians: Gaussians2D, sigma: float) -> NDArray[np.float64]:
    """Corners of the ellipses, shape (N, CORNERS, 2): the mean plus sigma times L times the unit circle."""
    angle = np.linspace(0.0, 2.0 * math.pi, CORNERS, endpoint=False)
    circle = sigma * np.stack([np.cos(angle), np.sin(angle)])
    l1, l2, l3 = gaussians.cholesky.astype(np.float64).T[:, :, None]
    offsets = np.stack([l1 * circle[0], l3 * circle[0] + l2 * circle[1]], axis=-1)
    return np.asarray(gaussians.means[:, None, :] + offsets)
