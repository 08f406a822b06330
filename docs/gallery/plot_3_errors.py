"""
Error maps
==========

Where a decoded image differs from the original, and by how much: :func:`pyggc.plot.error_map` tells it in 8-bit
levels, of which white has 255.
"""

import matplotlib.pyplot as plt
from skimage.data import astronaut

import pyggc as gc
from pyggc import plot

image = astronaut()

figure, axes = plt.subplots(2, 2, figsize=(9.0, 8.6), layout="constrained")
for row, count in zip(axes, (1000, 4000), strict=True):
    data = gc.encode(image, num_gaussians=count, effort=3, timestamp=None)
    decoded = gc.decode(data)
    row[0].imshow(decoded)
    row[0].set_title(f"{count:,} Gaussians, {gc.evaluate.psnr(image, decoded):.1f} dB")
    # One limit for both, so that the colors mean the same.
    plot.error_map(image, decoded, limit=60, ax=row[1])
    row[1].set_title("size of the error")
    for ax in row:
        ax.set_axis_off()

# %%
# The fit makes the squared error small, so the Gaussians go where a few of them remove much of it: strong edges
# first, fine texture last. What is left is texture and the sharpest corners.
#
# With ``mode="signed"`` the map tells what came out too bright (red) and too dark (blue).

figure, ax = plt.subplots(figsize=(6.4, 5.2), layout="constrained")
plot.error_map(image, decoded, mode="signed", ax=ax)
ax.set_title(f"{count:,} Gaussians: decoded minus original")
ax.set_axis_off()
