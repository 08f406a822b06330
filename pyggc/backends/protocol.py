"""What a backend does for the rooms above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike, NDArray

    from pyggc._native._quantize import Plan
    from pyggc.backends.fit_protocol import FitKernels, Params


class Backend(Protocol):
    """The array work of one kind of device.

    The arrays that it takes and returns are those of the device: NumPy's, or for CUDA CuPy's.

    Attributes
    ----------
    name : str
        The device's name, as `pyggc.backends.get_backend` takes it.
    fit : FitKernels
        The kernels of the fit.
    """

    name: str
    fit: FitKernels

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of the device, of any content."""
        ...

    def upload(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return NumPy's array as one of the device, which may be the same memory."""
        ...

    def download(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the device's array as one of NumPy's, which may be the same memory."""
        ...

    def rasterize(
        self,
        means: NDArray[np.float32],
        cholesky: NDArray[np.float32],
        colors: NDArray[np.float32],
        out: NDArray[Any],
        *,
        x: int,
        y: int,
        supersample: int,
        clip: bool,
        threads: int | None,
    ) -> None:
        """Render the sum blend exactly into `out`.

        Parameters
        ----------
        means, cholesky, colors : ndarray of float32, shapes (N, 2), (N, 3), (N, C)
            The Gaussians in the pixels that are evaluated (`supersample` to an output pixel and direction).
        out : ndarray of uint8, uint16, float32 or int32, shape (height, width, C)
            Written whole; int32 gets the accumulators, in units of 2^-20.
        x, y : int
            The first column and row, in output pixels.
        supersample : int
            Each output pixel is the mean of a square of so many accumulators to a side.
        clip : bool
            Whether float32 values are clipped to [0, 1].
        threads : int or None
            The most threads to use; None leaves it to the runtime. Never changes a result.
        """
        ...

    def render_work(
        self,
        means: NDArray[np.float32],
        cholesky: NDArray[np.float32],
        *,
        x: int,
        y: int,
        width: int,
        height: int,
    ) -> int:
        """Return an upper bound of the pixels that the Gaussians cover within a region of the evaluated pixels."""
        ...

    def dequantize(self, plan: Plan, levels: NDArray[np.int32]) -> Params:
        """Return the Gaussians that valid rows of levels stand for in a compact plan: the same bits on every device."""
        ...
