"""
The ellipses over the photograph
================================

Where the Gaussians are: each line is drawn at one standard deviation. They are small and many where there is
detail, large and few where there is none, and stretched along edges.
"""

import matplotlib.pyplot as plt
from skimage.data import chelsea

import pyggc as gc
from pyggc import plot

image = chelsea()
encoder = gc.GaussianEncoder(num_gaussians=1500, effort=3, timestamp=None)
gaussians = encoder.fit(image)

figure, ax = plt.subplots(figsize=(9.0, 6.25), layout="constrained")
plot.ellipses(gaussians, image, ax=ax)
ax.set_title(f"{len(gaussians):,} Gaussians over the photograph")
ax.set_axis_off()

# %%
# The same around one eye, over the photograph on the left and over what the file decodes to at four times the
# size on the right. Many Gaussians overlap at every pixel, and some have negative colors: they take light away.

backgrounds = {"photograph": image, "decoded at x4": gaussians.render(4 * gaussians.width)}
figure, axes = plt.subplots(1, 2, figsize=(9.0, 4.1), layout="constrained")
for ax, (title, background) in zip(axes, backgrounds.items(), strict=True):
    plot.ellipses(gaussians, background, linewidth=1.0, ax=ax)
    ax.set(xlim=(95, 205), ylim=(155, 65), title=title)
    ax.set_axis_off()

darker = (gaussians.colors.sum(axis=1) < 0).mean()
print(f"{darker:.0%} of the Gaussians take light away")
