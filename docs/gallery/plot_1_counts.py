"""
500, 2,000 and 8,000 Gaussians
==============================

One photograph, three numbers of Gaussians. With 500 the large shapes are there; with 2,000 the edges are sharp;
with 8,000 the grain of the wood begins to show. Every Gaussian is a soft ellipse of one color, and the picture is
their sum.
"""

import matplotlib.pyplot as plt
from skimage.data import coffee

import pyggc as gc

image = coffee()
height, width = image.shape[:2]

figure, axes = plt.subplots(2, 2, figsize=(9.0, 6.5), layout="constrained")
axes[0, 0].imshow(image)
axes[0, 0].set_title(f"original: {width}x{height}, {image.nbytes:,} bytes raw")

for ax, count in zip(axes.flat[1:], (500, 2000, 8000), strict=True):
    encoder = gc.GaussianEncoder(num_gaussians=count, effort=3, timestamp=None)
    encoder.fit(image)
    report = encoder.report
    ax.imshow(gc.decode(encoder.to_bytes()))
    ax.set_title(f"{count:,} Gaussians: {report.num_bytes:,} bytes, {report.psnr:.1f} dB")
    print(
        f"{report.num_gaussians} Gaussians: {report.bpp:.3f} bits a pixel, {report.psnr:.2f} dB, "
        f"SSIM {report.ssim:.3f}, {report.seconds:.1f} s"
    )

for ax in axes.flat:
    ax.set_axis_off()

# %%
# The number need not be chosen by hand: ``gc.encode(image, quality=30, layers="gaussian")`` looks for the fewest that
# reach 30 dB, and with ``bpp=0.2`` for the best that fit into so many bits a pixel. Without ``layers`` a residual may
# lie over them (:doc:`/layers`).
