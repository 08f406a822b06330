"""
Rate and distortion
===================

PSNR over bits a pixel, beside JPEG and WebP as Pillow writes them. One photograph and low effort, so that the page
builds quickly: :doc:`/measurements` has the figures over many images, and more codecs.
"""

import io

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from skimage.data import coffee

import pyggc as gc
from pyggc import plot

image = coffee()
height, width = image.shape[:2]


def point(data: bytes, decoded: np.ndarray) -> tuple[float, float]:
    """Bits a pixel and decibels of a file."""
    return 8 * len(data) / (width * height), gc.evaluate.psnr(image, decoded)


def with_pillow(kind: str, quality: int) -> tuple[float, float]:
    """Encode and decode by Pillow."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, quality=quality, optimize=True, method=6)
    return point(file.getvalue(), np.asarray(Image.open(file)))


curves = {"pyggc": [], "JPEG": [], "WebP": []}
for count in (250, 500, 1000, 2000, 4000):
    data = gc.encode(image, num_gaussians=count, effort=3, timestamp=None)
    curves["pyggc"].append(point(data, gc.decode(data)))
curves["JPEG"] = [with_pillow("JPEG", quality) for quality in (2, 6, 10, 15, 25, 40)]
curves["WebP"] = [with_pillow("WebP", quality) for quality in (0, 2, 5, 10, 25, 45)]

figure, ax = plt.subplots(figsize=(7.5, 5.0), layout="constrained")
plot.rd_curves(curves, ax=ax)
ax.set(xlim=(0, 0.7), title="coffee, 600x400")

# %%
# Bjøntegaard's rate difference sums two curves up: how much more the one spends at the same PSNR.

for name in ("JPEG", "WebP"):
    print(f"against {name}: {gc.evaluate.bd_rate(curves[name], curves['pyggc']):+.0f} %")
