"""What the bytes of a file are spent on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from pyggc.container import Limits, read_container
from pyggc.plot._figure import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Stream: TypeAlias = "bytes | bytearray | memoryview"

#: What the sections hold. A section that is not here goes by its own tag.
ATTRIBUTES = {
    "PLAN": "header",
    "BITB": "positions",
    "POSN": "positions",
    "CHOL": "shapes",
    "COLR": "colors",
    "RESI": "residual",
}

#: Nothing is rendered here, so no size is too large.
_NO_LIMIT = Limits(max_pixels=2**80, max_image_bytes=2**80, max_gaussians=2**80)

UNITS = {"bits": "bits a Gaussian", "bytes": "bytes"}


def attribute_bytes(data: Stream) -> dict[str, int]:
    """Count what a file spends on each attribute.

    Parameters
    ----------
    data : bytes-like
        A `.ggc` file.

    Returns
    -------
    dict of str to int
        Bytes of ``"header"`` (with the section table, the plan and the footer), ``"metadata"``, ``"positions"``,
        ``"shapes"`` and ``"colors"``, and ``"residual"`` if there is one; other sections by their tags. They add up to
        the length of the file.

    Raises
    ------
    BitstreamError
        If the file is malformed.

    Examples
    --------
    >>> import numpy as np
    >>> import pyggc as gc
    >>> from pyggc import plot
    >>> data = gc.encode(np.eye(16), num_gaussians=8, effort=1)
    >>> parts = plot.attribute_bytes(data)
    >>> list(parts), sum(parts.values()) == len(data)
    (['header', 'metadata', 'positions', 'shapes', 'colors'], True)
    """
    return _attribute_bytes(data)[0]


def bits_by_attribute(
    files: Stream | Sequence[Stream] | Mapping[str, Stream], *, unit: str = "bits", ax: Axes | None = None
) -> Axes:
    """Draw what files spend on each attribute, a stacked bar a file.

    Parameters
    ----------
    files : bytes-like, sequence of bytes-like, or mapping of str to bytes-like
        `.ggc` files; of a mapping the keys name the bars, which else are named by their numbers of Gaussians.
    unit : str
        ``"bits"`` a Gaussian, or ``"bytes"`` of the file.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The first file is the topmost bar.

    Raises
    ------
    ValueError
        If there is no file, `unit` is none of those above, or bits a Gaussian are asked of a file without any.
    BitstreamError
        If a file is malformed.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import pyggc as gc
    >>> from pyggc import plot
    >>> data = gc.encode(np.eye(16), num_gaussians=8, effort=1)
    >>> ax = plot.bits_by_attribute({"identity": data}, unit="bytes")
    >>> bool(sum(bar.get_width() for bar in ax.patches) == len(data))
    True
    """
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, not {unit!r}")
    if isinstance(files, bytes | bytearray | memoryview):
        files = [files]
    streams = list(files.values()) if isinstance(files, Mapping) else list(files)
    if not streams:
        raise ValueError("files is empty")
    counted = [_attribute_bytes(stream) for stream in streams]
    numbers = [count for _, count in counted]
    if unit == "bits" and 0 in numbers:
        raise ValueError('files has one without Gaussians, which has no bits a Gaussian: use unit="bytes"')
    names = list(files) if isinstance(files, Mapping) else [f"{count:,} Gaussians" for count in numbers]
    scales = [8.0 / count if unit == "bits" else 1.0 for count in numbers]

    ax = axes_or_new(ax, 1.6 + 0.5 * len(streams))
    rows = range(len(streams))
    lefts = [0.0] * len(streams)
    for attribute in dict.fromkeys(name for parts, _ in counted for name in parts):
        widths = [scale * parts.get(attribute, 0) for scale, (parts, _) in zip(scales, counted, strict=True)]
        ax.barh(rows, widths, left=lefts, height=0.7, label=attribute)
        lefts = [left + width for left, width in zip(lefts, widths, strict=True)]
    for row, total in zip(rows, lefts, strict=True):
        ax.annotate(f" {total:.1f}" if unit == "bits" else f" {total:.0f}", (total, row), va="center")
    ax.set_yticks(rows, names)
    ax.yaxis.set_inverted(True)
    ax.set_xlim(0.0, 1.12 * max(lefts))
    ax.set_xlabel(UNITS[unit])
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, frameon=False, fontsize="small")
    return ax


def _attribute_bytes(data: Stream) -> tuple[dict[str, int], int]:
    """What `attribute_bytes` returns, and the number of Gaussians."""
    container = read_container(data, _NO_LIMIT)
    sizes = dict.fromkeys(("header", "metadata", "positions", "shapes", "colors"), 0)
    sizes["metadata"] = container.header.metadata_size
    for section in container.sections:
        attribute = ATTRIBUTES.get(section.tag, section.tag)
        sizes[attribute] = sizes.get(attribute, 0) + memoryview(section.data).nbytes
    # What is in no section and not in the metadata is the frame around them.
    sizes["header"] += memoryview(data).nbytes - sum(sizes.values())
    return sizes, container.header.num_gaussians
