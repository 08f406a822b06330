"""What a backend does for the fit: its kernels, over arrays of one layout.

*Planes* are images as ndarray of float32, shape (H, C, S), with S at least the width plus `FitKernels.padding` and
zeros from the width on. *Whitened coordinates* are ndarray of float32, shape (N, C + 5): C of color, then p1, p2, s1,
s2, s3, as ``docs/maths_fit.rst`` defines them. *Half gradients* are half the derivative of a loss that is a sum over
pixels, such as the residual for the sum of its squares. `threads` is the most threads to use, 0 for as many as the
runtime offers; it never changes a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


class Params(NamedTuple):
    """Arrays of N Gaussians: `means` (N, 2), `cholesky` (N, 3), `colors` (N, C); float32, C-contiguous."""

    means: Floats
    cholesky: Floats
    colors: Floats


class Bounds(NamedTuple):
    """What the parameters of a fit are kept within: scales in pixels, magnitude of a color, and the means' pixels.

    The means stay within the pixels [x, x + width) and [y, y + height): usually all of the image.
    """

    width: int
    height: int
    min_scale: float
    max_scale: float
    max_color: float
    x: int = 0
    y: int = 0


class Weights(NamedTuple):
    """Weights of the losses, as `pyggc.fit.LossWeights` has them."""

    l2: float = 1.0
    l1: float = 0.0
    ssim: float = 0.0


class Relocation(NamedTuple):
    """How Gaussians are put elsewhere.

    Parameters
    ----------
    moved : int
        How many, at most N.
    scale : float
        Standard deviation of those, in pixels.
    sigma : float
        That of the filter over the squared error that places them, in pixels, at most 7.
    share : float
        The part of their least squares' color that they get.
    neighbors : int
        How many others take over what one of them leaves.
    seed : int
        Where chance comes from: 0 to 2^63 - 1.
    """

    moved: int
    scale: float
    sigma: float
    share: float
    neighbors: int
    seed: int


class SearchState(NamedTuple):
    """What is known of an image's current state in a `Search`.

    Parameters
    ----------
    loss : float
        What the search makes small: the weighted loss times the samples, and the penalty of the amplitudes.
    value : float
        The weighted loss.
    squared : float
        The sum of the squared residual.
    steps : int
        Iterations done.
    stalls : int
        How many of the last ones found nothing better.
    step : float
        The step that the next one tries first.
    """

    loss: float
    value: float
    squared: float
    steps: int
    stalls: int
    step: float


class Search(Protocol):
    """The searches of B equally sized images with the same number of Gaussians, in the memory of a device.

    What `pyggc.fit.natural.NaturalGradient` does, for each image on its own: its result does not depend on the others.
    Calls queue work and return, but for `read` and `download`, which wait for it.
    """

    def advance(self, steps: int) -> None:
        """Take iterations; an image of which three in a row found nothing better has converged, and takes no more."""
        ...

    def begin(self) -> None:
        """Begin a run: from now on the best state is remembered, and no image has converged."""
        ...

    def weigh(self, weight: float) -> None:
        """Penalize amplitudes, in units of the mean squared error or the weighted loss, whichever is less."""
        ...

    def finish(self) -> None:
        """Go back to the best state, of those after iterations, since the run began."""
        ...

    def relocate(self, how: Relocation) -> None:
        """Put the Gaussians that are needed least where the error is."""
        ...

    def read(self) -> list[SearchState]:
        """Return what is known of each image's current state."""
        ...

    def download(self, image: int) -> Params:
        """Return the current parameters of an image, arrays of the host."""
        ...


class Resident(Protocol):
    """Searches in the memory of a device."""

    def upload(self, planes: Floats) -> Any:
        """Return planes, shape (B, H, C, S), as an array of the device."""
        ...

    def search(
        self,
        targets: Any,
        width: int,
        weights: Weights,
        bounds: Bounds,
        params: Sequence[Params],
        *,
        step: float,
        compared: Any | None = None,
    ) -> Search:
        """Return searches for the images `targets`, an array of the device, from the host's parameters.

        `step` is the first one, in units of the natural gradient. SSIM compares with `compared`, where `targets` are
        images less what others draw of them.
        """
        ...

    def draw_edges(
        self, planes: Any, width: int, *, sigma: float, share: float, count: int, seed: int
    ) -> tuple[NDArray[np.int64], Floats]:
        """Return distinct pixels of the first image, y * width + x increasing, and their density, shapes (count,).

        The part `share` of them follows the magnitude of the image's gradient, filtered with a Gaussian of `sigma`
        pixels, and the others lie evenly. The density is that of one pixel drawn so.
        """
        ...

    def coverage(self, params: Params, pixels: NDArray[np.int64], width: int, height: int) -> Floats:
        """Return what Gaussians of one channel add up to at pixels of an image of that size."""
        ...


class FitKernels(Protocol):
    """The kernels of the fit.

    Attributes
    ----------
    padding : int
        Samples that a row of planes has past its width, at least.
    kernel_energy : float
        The integral of the squared kernel, in units of l1 l2.
    resident : Resident or None
        Whole searches in a device's memory, where there is one.
    """

    padding: int
    kernel_energy: float
    resident: Resident | None

    def forward(
        self, params: Params, target: Floats, residual: Floats, width: int, threads: int
    ) -> tuple[float, float]:
        """Write render - target to the planes `residual`; return the sums of its squares and of its magnitudes."""
        ...

    def backward(self, params: Params, image: Floats, width: int, threads: int) -> Floats:
        """Return the sums over pixels of the planes `image` times the render's derivatives, whitened."""
        ...

    def natural(
        self, params: Params, gradient: Floats, previous: Floats, penalty: float
    ) -> tuple[Floats, float, float]:
        """Add the amplitude penalty's part to the half gradient; return the natural gradient z and two products.

        The penalty is `penalty` times the sum of l1 l2 |c|². The products are gradient · z and gradient · `previous`.
        """
        ...

    def conjugate(
        self,
        params: Params,
        gradient: Floats,
        natural: Floats,
        direction: Floats,
        *,
        beta: float,
        reach: float,
        min_scale: float,
    ) -> float:
        """Make `direction` beta times itself minus the natural gradient; return gradient · direction.

        Where that would not descend, it is the negative natural gradient. Each Gaussian's part is shortened so that
        `reach` times it stays within what `retract` allows.
        """
        ...

    def retract(self, params: Params, direction: Floats, step: float, bounds: Bounds) -> tuple[Params, float]:
        """Return the parameters a step along the direction, within the bounds, and their sum of l1 l2 |c|²."""
        ...

    def removal(self, params: Params, gradient: Floats, neighbors: int, threads: int) -> Floats:
        """Return how much the loss would rise without each Gaussian, shape (N,), once its neighbors had adjusted."""
        ...

    def blur(self, image: Floats, width: int, sigma: float, threads: int) -> Floats:
        """Return the planes filtered with a Gaussian; at the border the image is continued by its border pixels."""
        ...

    def energy(self, image: Floats, width: int, threads: int) -> Floats:
        """Return planes of one channel: the sum of squares over the channels."""
        ...

    def sample(self, weights: Floats, width: int, quantiles: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return distinct pixels, y * width + x increasing, at sorted quantiles of the weights' running sum.

        Fewer than asked for only if the pixels with a weight run out.
        """
        ...

    def mix(self, residual: Floats, gradient: Floats, width: int, *, l2: float, l1: float, threads: int) -> None:
        """Write the half gradient of l2 times the sum of squares and l1 times that of magnitudes to `gradient`."""
        ...

    def ssim(
        self, residual: Floats, target: Floats, gradient: Floats, width: int, *, scale: float, threads: int
    ) -> float:
        """Return the SSIM of residual + target and target; add `scale` times its derivative to `gradient`."""
        ...

    def refine(
        self,
        plan: Any,
        levels: NDArray[np.int32],
        order: NDArray[np.int64],
        residual: Floats,
        width: int,
        *,
        min_log_scale: float,
        color_limit: int,
    ) -> int:
        """Lower the squared residual by moving rows of `levels` in that order; return how many changed.

        `plan` is a `CompactQuantizer.native`; `residual` are planes of render - target, kept up to date.
        `min_log_scale` is in 1/32 octaves of a pixel.
        """
        ...
