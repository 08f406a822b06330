"""Gradients of the render by the parameters of the Gaussians, for optimizers of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pyggc.backends import Backend, get_backend
from pyggc.backends.fit_protocol import Params
from pyggc.fit.objective import to_planes

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pyggc.gaussians import Gaussians2D

    Floats = NDArray[np.float32]


class Gradients(NamedTuple):
    """Derivatives of a scalar by the parameters: `means` (N, 2), `cholesky` (N, 3), `colors` (N, C); float32."""

    means: Floats
    cholesky: Floats
    colors: Floats


def render_backward(
    gaussians: Gaussians2D,
    image_gradient: ArrayLike,
    *,
    threads: int | None = None,
    backend: Backend | None = None,
) -> Gradients:
    """Return the gradient of a scalar by the parameters, from its gradient by the rendered image.

    The image is the sum blend of `gaussians` at the size of `image_gradient`, point-sampled, white 1. The kernel is
    the renderer's; its hard end at three standard deviations, where it is continuous, is taken as it is.

    Parameters
    ----------
    gaussians : Gaussians2D
        N Gaussians of C channels. Opacities, if any, count as part of the colors, and so does their gradient.
    image_gradient : array_like, shape (H, W, C), or (H, W) for one channel
        Derivatives of the scalar by the image's samples.
    threads : int, optional
        The most threads to use. The result does not depend on it.
    backend : Backend, optional
        Where to compute; by default the CPU.

    Returns
    -------
    Gradients
        Derivatives by `means` and `cholesky`, per pixel of length, and by `colors`.

    Raises
    ------
    ValueError
        If `image_gradient` has another shape, or a value that is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.fit import render_backward
    >>> from pyggc.gaussians import Gaussians2D
    >>> spot = Gaussians2D([[1.0, 1.0]], [[1.0, 1.0, 0.0]], [[1.0]])
    >>> right = np.array([[0.0, 0.0, 1.0]] * 3)
    >>> bool(render_backward(spot, right).means[0, 0] > 0.0)
    True
    """
    image = np.asarray(image_gradient, np.float32)
    if image.ndim == 2:
        image = image[:, :, None]
    if image.ndim != 3 or image.shape[2] != gaussians.num_channels or image.size == 0:
        raise ValueError(
            f"image_gradient must have shape (H, W, {gaussians.num_channels}), got {np.shape(image_gradient)}"
        )
    if not np.isfinite(image).all():
        raise ValueError("image_gradient must be finite")
    kernels = (backend or get_backend()).fit
    width = image.shape[1]
    planes = to_planes(image, kernels.padding)
    colors = gaussians.colors
    if gaussians.opacities is not None:
        colors = colors * gaussians.opacities[:, None]
    params = Params(gaussians.means, gaussians.cholesky, colors)
    return unwhiten(params, kernels.backward(params, planes, width, threads or 0))


def unwhiten(params: Params, whitened: Floats) -> Gradients:
    """Return the gradient by the parameters, from that by the whitened coordinates, shape (N, C + 5)."""
    channels = params.colors.shape[1]
    l1, l2, l3 = params.cholesky.astype(np.float64).T
    p1, p2, s1, s2, s3 = whitened[:, channels:].astype(np.float64).T
    # The mean moves by L p, so that its gradient is L^-T of p's.
    by_y = p2 / l2
    by_x = (p1 - l3 * by_y) / l1
    # L grows by L S: l1 by l1 s1, l2 by l2 s2, l3 by l3 s1 + l2 s3.
    by_l3 = s3 / l2
    by_l1 = (s1 - l3 * by_l3) / l1
    return Gradients(
        np.stack([by_x, by_y], axis=1).astype(np.float32),
        np.stack([by_l1, s2 / l2, by_l3], axis=1).astype(np.float32),
        whitened[:, :channels].copy(),
    )
