"""
What the bits are spent on
==========================

A Gaussian has a position, a shape and a color, and a file spends bits on each; :func:`pyggc.plot.bits_by_attribute`
draws how many. The more Gaussians there are, the less the fixed header weighs; but with more of them the picture is
better, so each has to be told more precisely.
"""

import matplotlib.pyplot as plt
from skimage.data import coffee

import pyggc as gc
from pyggc import plot

image = coffee()
files = [gc.encode(image, num_gaussians=count, effort=2, timestamp=None) for count in (125, 500, 2000)]

figure, ax = plt.subplots(figsize=(8.0, 3.2), layout="constrained")
plot.bits_by_attribute(files, ax=ax)

# %%
# The numbers behind the last bar, in bytes:

for attribute, size in plot.attribute_bytes(files[-1]).items():
    print(f"{attribute:10} {size:6}")
