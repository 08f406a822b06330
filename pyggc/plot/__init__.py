"""Pictures of Gaussians, of errors and of how an encoding went, drawn with matplotlib.

Every function draws into the ``ax`` that it is given and returns it; without one it makes a figure of its own, which is
``ax.figure``. None of them touches ``matplotlib.pyplot``: nothing has to be closed, and no display is needed. To show a
figure in a notebook, let ``ax.figure`` be a cell's last value; to write it, ``ax.figure.savefig("figure.png")``.

matplotlib is an extra, ``pip install '.[plot]'``, and is imported when the first function is called.
"""

from pyggc.plot.curves import convergence, rd_curves
from pyggc.plot.images import ellipses, error_map
from pyggc.plot.pair import comparison, format_figure
from pyggc.plot.stream import attribute_bytes, bits_by_attribute

__all__ = [
    "attribute_bytes",
    "bits_by_attribute",
    "comparison",
    "convergence",
    "ellipses",
    "error_map",
    "format_figure",
    "rd_curves",
]
