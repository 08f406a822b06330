"""What the GPU's pipelines ask of a device: arrays, and kernels launched over them.

There are two: CuPy's, in `pyggc.backends.cuda`, and the one with which the tests run the same pipelines and kernels
on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray

#: An array in the device's memory, C-contiguous; it has NumPy's `shape` and `dtype`.
Array = Any


class Device(Protocol):
    """Memory and kernels of a device; all work is queued in order."""

    def empty(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Array:
        """Return an array of any content."""
        ...

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Array:
        """Return an array of zeros."""
        ...

    def upload(self, array: NDArray[Any]) -> Array:
        """Return a copy of the host's array in the device's memory."""
        ...

    def download(self, array: Array) -> NDArray[Any]:
        """Return a copy in the host's memory, once all work queued so far is done."""
        ...

    def clear(self, array: Array) -> None:
        """Queue setting all bytes of an array to zero."""
        ...

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return a function that queues, at little cost, what `work` queues now; nothing is done yet.

        `work` may clear and launch, but neither allocate nor copy. The caller keeps its arrays alive.
        """
        ...

    def launch(self, name: str, grid: int | tuple[int, ...], args: tuple[Any, ...], channels: int = 0) -> None:
        """Queue a kernel of the table.

        Parameters
        ----------
        name : str
            Its row of `pyggc.backends.cuda_kernels.KERNELS`, which knows the size of a block.
        grid : int or tuple of int
            Blocks, in up to three dimensions.
        args : tuple
            Arrays of the device, and NumPy scalars of the very types of the kernel's parameters.
        channels : int
            The variant, if the kernel is compiled by channels.
        """
        ...
