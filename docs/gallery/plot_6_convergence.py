"""
How a fit converges
===================

A callback gets a `pyggc.FitProgress` after every iteration; :func:`pyggc.plot.convergence` draws what it collected.
The dips come from relocation: every 15 iterations Gaussians that do little are moved to where the error is, and the
step after that is a large one. Adam, which is there for comparison, never relocates.
"""

import matplotlib.pyplot as plt
from skimage.data import chelsea

from pyggc import plot
from pyggc.fit import fit

image = chelsea() / 255.0
fits = {}
for name, options in (
    ("natural gradient", {}),
    ("natural gradient, random start", {"init": "random"}),
    ("Adam", {"optimizer": "adam"}),
):
    fits[name] = []
    result = fit(image, 1000, max_iterations=150, callback=fits[name].append, **options)
    print(f"{name}: {result.psnr:.2f} dB after {result.iterations} iterations, {result.seconds:.1f} s")

figure, axes = plt.subplots(1, 2, figsize=(9.0, 4.2), sharey=True, layout="constrained")
plot.convergence(fits, ax=axes[0])
plot.convergence(fits, by="seconds", ax=axes[1])
axes[1].set_ylabel("")
axes[1].get_legend().remove()
figure.suptitle("1,000 Gaussians")
