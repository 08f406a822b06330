"""Draws the pictures of docs/layers.rst, ``layers_steps.jpg`` and ``layers_parts.jpg``.

    python docs/images/make_layers.py

The photograph is scikit-image's "chelsea", by Stefan van der Walt, in the public domain (CC0).
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from skimage.data import chelsea

import pyggc as gc

FOLDER = Path(__file__).parent
Image = NDArray[np.uint8]

#: The part that is looked at closely: left, top, width and height in pixels of the original.
PART = 118, 76, 72, 48
ZOOM = 4


def part_of(data: bytes, **options: object) -> Image:
    """Decode the part only, at its own size."""
    pixels: Image = gc.decode(data, region=PART, **options)  # type: ignore[arg-type]
    return pixels


def zoomed(data: bytes, **options: object) -> Image:
    """Decode the part only, at another size."""
    size = ZOOM * 451, ZOOM * 300
    region = tuple(ZOOM * value for value in PART)
    pixels: Image = gc.decode(data, size=size, region=region, **options)  # type: ignore[arg-type]
    return pixels


def draw(name: str, rows: list[dict[str, Image]]) -> None:
    """Write rows of pictures with their titles."""
    columns = len(rows[0])
    figure, axes = plt.subplots(len(rows), columns, figsize=(4.0 * columns, 2.9 * len(rows)), layout="constrained")
    for ax, (title, pixels) in zip(np.ravel(axes), [item for row in rows for item in row.items()], strict=True):
        ax.imshow(pixels, interpolation="nearest")
        ax.set_title(title)
        ax.set_axis_off()
    figure.savefig(FOLDER / name, dpi=100, pil_kwargs={"quality": 85})


def main() -> None:
    """Encode and draw."""
    image = chelsea()
    pixels = image.shape[0] * image.shape[1]
    gaussians = gc.encode(image, num_gaussians=500, effort=3, timestamp=None)
    layered = gc.encode(image, bpp=1, effort=3, timestamp=None)
    lossless = gc.encode(image, lossless=True, effort=3, timestamp=None)

    def title(name: str, data: bytes) -> str:
        psnr = gc.evaluate.psnr(image, gc.decode(data))
        quality = "every bit" if psnr == np.inf else f"{psnr:.1f} dB"
        return f"{name}: {8 * len(data) / pixels:.2f} bpp, {quality}"

    files = {
        title("500 Gaussians", gaussians): gaussians,
        title("two layers", layered): layered,
        title("lossless", lossless): lossless,
    }
    parts = {f"a part of the {name.split(':')[0]}": part_of(data) for name, data in files.items()}
    draw("layers_steps.jpg", [{name: gc.decode(data) for name, data in files.items()}, parts])

    below, both = part_of(layered, layers="gaussian"), part_of(layered)
    added = np.clip(both.astype(int) - below + 128, 0, 255).astype(np.uint8)
    native = {"the Gaussians": below, "what the residual adds, on gray": added, "both": both}
    below, both = zoomed(layered, layers="gaussian"), zoomed(layered)
    added = np.clip(both.astype(int) - below + 128, 0, 255).astype(np.uint8)
    large = {f"the Gaussians x{ZOOM}": below, f"what is added x{ZOOM}": added, f"both x{ZOOM}": both}
    draw("layers_parts.jpg", [native, large])


if __name__ == "__main__":
    main()
