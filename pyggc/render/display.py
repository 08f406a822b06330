"""How Gaussians look in a notebook: a picture of bounded size and cost."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from pyggc.render.rasterize import rasterize, render_work

if TYPE_CHECKING:
    from pyggc.gaussians import Gaussians2D

#: The longest side of a preview, in pixels. Smaller images are shown as they are.
MAX_SIDE = 640

#: The most pixel evaluations of a preview, a second or two of one core: a cell's value must not block its notebook.
MAX_WORK = 2**29

#: What lies behind transparent pixels.
_CHECKERBOARD = "repeating-conic-gradient(#ccc 0 25%, #fff 0 50%) 0 0 / 16px 16px"


def preview(gaussians: Gaussians2D) -> bytes | None:
    """Draw the image for a notebook.

    Parameters
    ----------
    gaussians : Gaussians2D
        N Gaussians of 1, 3 or 4 channels: gray, RGB or RGBA.

    Returns
    -------
    bytes or None
        A PNG file whose sides are those of the source, or the longer one 640 pixels. None if the size of the source is
        not known, the channels are those of no image, or drawing would take long.

    Examples
    --------
    >>> from pyggc.gaussians import Gaussians2D
    >>> spot = Gaussians2D([[1.0, 1.0]], [[0.7, 0.7, 0.0]], [[1.0]], width=3, height=3)
    >>> preview(spot)[1:4]
    b'PNG'
    """
    width, height = gaussians.width, gaussians.height
    if width is None or height is None or gaussians.num_channels == 2:
        return None
    scale = min(1.0, MAX_SIDE / max(width, height))
    width, height = (max(1, round(side * scale)) for side in (width, height))
    if render_work(gaussians, width, height) > MAX_WORK:
        return None
    output = io.BytesIO()
    Image.fromarray(rasterize(gaussians, width, height, dtype=np.uint8)).save(output, "PNG")
    return output.getvalue()


def preview_html(gaussians: Gaussians2D) -> str:
    """Write the same for a page: the picture, if there is one, over one line of text.

    Parameters
    ----------
    gaussians : Gaussians2D
        N Gaussians.

    Returns
    -------
    str
        An HTML element that needs nothing beside it.

    Examples
    --------
    >>> from pyggc.gaussians import Gaussians2D
    >>> preview_html(Gaussians2D([[1.0, 1.0]], [[0.7, 0.7, 0.0]], [[1.0]]))
    '<figure style="margin:0"><figcaption>Gaussians2D(1 Gaussian, 1 channel)</figcaption></figure>'
    """
    picture, caption = preview(gaussians), html.escape(repr(gaussians))
    tag = ""
    if picture is not None:
        source = base64.b64encode(picture).decode("ascii")
        style = "max-width:100%" + (f";background:{_CHECKERBOARD}" if gaussians.num_channels == 4 else "")
        tag = f'<img src="data:image/png;base64,{source}" alt="{caption}" style="{style}">'
    return f'<figure style="margin:0">{tag}<figcaption>{caption}</figcaption></figure>'
