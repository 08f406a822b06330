"""A slow float64 oracle of the gradients: every Gaussian at every pixel, the formulas as one writes them down."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Doubles = NDArray[np.float64]

#: The squared Mahalanobis distance at which the kernel ends, and the exponential there.
Q_MAX = 9.0
EDGE = float(np.exp(-0.5 * Q_MAX))


def backward_float64(
    means: ArrayLike, cholesky: ArrayLike, colors: ArrayLike, image_gradient: ArrayLike
) -> tuple[Doubles, Doubles, Doubles]:
    """Return the gradients by means, cholesky and colors, with the true exponential, in binary64.

    Differentiates `pyggc.render.oracle.rasterize_float64` directly in the parameters, with no whitening.

    Parameters
    ----------
    means, cholesky, colors : array_like, shapes (N, 2), (N, 3), (N, C)
        The Gaussians, in pixels.
    image_gradient : array_like, shape (H, W, C)
        Derivatives of a scalar by the image.

    Returns
    -------
    tuple of ndarray of float64
        Derivatives of the scalar, of the shapes of the parameters.
    """
    mean, factor, color, image = (np.asarray(array, np.float64) for array in (means, cholesky, colors, image_gradient))
    rows, columns = np.indices(image.shape[:2], dtype=np.float64)
    results = np.zeros_like(mean), np.zeros_like(factor), np.zeros_like(color)
    for i, ((mx, my), (l1, l2, l3)) in enumerate(zip(mean, factor, strict=True)):
        dx, dy = columns - mx, rows - my
        u1 = dx / l1
        u2 = (dy - l3 * u1) / l2
        q = u1 * u1 + u2 * u2
        inside = q < Q_MAX
        exponential = np.where(inside, np.exp(-0.5 * q), EDGE)
        results[2][i] = np.einsum("yx,yxc->c", (exponential - EDGE) / (1.0 - EDGE), image)
        # dw = -e / (1 - EDGE) (u1 du1 + u2 du2) within the support.
        common = np.where(inside, -exponential / (1.0 - EDGE), 0.0) * (image @ color[i])
        slopes = {
            "mx": (-1.0 / l1, l3 / (l1 * l2)),
            "my": (0.0, -1.0 / l2),
            "l1": (-u1 / l1, l3 * u1 / (l1 * l2)),
            "l2": (0.0, -u2 / l2),
            "l3": (0.0, -u1 / l2),
        }
        by = [float(np.sum(common * (u1 * du1 + u2 * du2))) for du1, du2 in slopes.values()]
        results[0][i], results[1][i] = by[:2], by[2:]
    return results
