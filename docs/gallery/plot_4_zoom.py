"""
Zoom x8, beside a bitmap
========================

A bitmap that is enlarged shows its pixels, or a blur between them. Gaussians have no pixels: at eight times the
size they are drawn anew, and an edge is as sharp as its Gaussians are thin.

Nothing is invented, though. Detail that the file does not hold, such as the grain of the metal, does not appear,
and where the Gaussians are wide, so are the edges.
"""

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from skimage.data import coffee

import pyggc as gc

SCALE = 8
LEFT, TOP, SIDE = 376, 92, 56

image = coffee()
height, width = image.shape[:2]
data = gc.encode(image, num_gaussians=6000, effort=3, timestamp=None)

# Only this part of the enlarged image is rendered, not all of its pixels.
zoomed = gc.decode(
    data, size=(width * SCALE, height * SCALE), region=(LEFT * SCALE, TOP * SCALE, SIDE * SCALE, SIDE * SCALE)
)


def enlarged(bitmap: np.ndarray, resample: Image.Resampling) -> np.ndarray:
    """The same part of a bitmap, as a viewer enlarges it."""
    crop = Image.fromarray(bitmap).crop((LEFT, TOP, LEFT + SIDE, TOP + SIDE))
    return np.asarray(crop.resize((SIDE * SCALE, SIDE * SCALE), resample))


panels = {
    "Gaussians, rendered x8": zoomed,
    "the original's pixels x8": enlarged(image, Image.Resampling.NEAREST),
    "the same file decoded, then bicubic x8": enlarged(gc.decode(data), Image.Resampling.BICUBIC),
    "the original, bicubic x8": enlarged(image, Image.Resampling.BICUBIC),
}
figure, axes = plt.subplots(2, 2, figsize=(9.0, 9.4), layout="constrained")
for ax, (name, pixels) in zip(axes.flat, panels.items(), strict=True):
    ax.imshow(pixels, interpolation="nearest")
    ax.set_title(name)
    ax.set_axis_off()

print(f"{width}x{height}: {len(data):,} bytes, {gc.evaluate.psnr(image, gc.decode(data)):.2f} dB")
