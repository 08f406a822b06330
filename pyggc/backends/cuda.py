"""The GPU through CuPy: its memory, its streams, and the kernels of the table. No other module imports CuPy.

Kernels are compiled with NVRTC when first asked for, and for the very device, with the options of
`pyggc.backends.cuda_kernels`: CuPy's own door to the compiler would add others, which change bits.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import cupy

from pyggc.backends import cuda_render
from pyggc.backends.cpu import choose_variant
from pyggc.backends.cuda_fit import CudaFitKernels
from pyggc.backends.cuda_kernels import KERNELS
from pyggc.errors import DeviceError, DeviceMemoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import DTypeLike, NDArray

    from pyggc._native._quantize import Plan
    from pyggc.backends.cuda_device import Array
    from pyggc.backends.fit_protocol import FitKernels, Params


@contextlib.contextmanager
def _allocating() -> Iterator[None]:
    try:
        yield
    except cupy.cuda.memory.OutOfMemoryError as error:
        raise DeviceMemoryError(f"the GPU has not enough memory: {error}") from error


class Recording:
    """A CUDA graph, called to launch it on the then current stream.

    Parameters
    ----------
    graph : cupy.cuda.Graph
    used : list
        The arrays and functions of its launches: it knows their addresses only, so they have to live as long as it.
    """

    def __init__(self, graph: Any, used: list[Any]) -> None:
        self._graph, self._used = graph, used

    def __call__(self) -> None:
        """Launch it."""
        self._graph.launch()


class CupyDevice:
    """The current CUDA device as a `pyggc.backends.cuda_device.Device`: work goes to CuPy's current stream.

    Raises
    ------
    DeviceError
        If there is no driver or no device.
    """

    def __init__(self) -> None:
        try:
            count = cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            raise DeviceError(f"device 'cuda' cannot be used: {error}") from error
        if not count:
            raise DeviceError("device 'cuda' cannot be used: there is no CUDA device")
        self._used: list[Any] | None = None  # By the graph that is captured.
        # By device, name and channels; and what they are in, by device, file and options.
        self._functions: dict[tuple[int, str, int], Any] = {}
        self._modules: dict[tuple[int, str, tuple[str, ...]], Any] = {}

    def empty(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Array:
        """Return an array of any content."""
        with _allocating():
            return cupy.empty(shape, dtype)

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> Array:
        """Return an array of zeros."""
        with _allocating():
            return cupy.zeros(shape, dtype)

    def upload(self, array: NDArray[Any]) -> Array:
        """Return a copy of the host's array."""
        with _allocating():
            found = cupy.asarray(array, order="C")
            # Of another library's array the order is kept.
            return found if found.flags.c_contiguous else cupy.ascontiguousarray(found)

    def download(self, array: Array) -> NDArray[Any]:
        """Return a copy in the host's memory."""
        copy: NDArray[Any] = cupy.asnumpy(array)
        return copy

    def clear(self, array: Array) -> None:
        """Queue setting all bytes to zero."""
        self._uses(array)
        array.data.memset_async(0, array.nbytes)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Capture a CUDA graph, and return what launches it on the then current stream."""
        stream, used = cupy.cuda.Stream(non_blocking=True), list[Any]()
        with stream:
            stream.begin_capture(cupy.cuda.runtime.streamCaptureModeRelaxed)  # A kernel may be loaded meanwhile.
            self._used = used
            try:
                work()
            except BaseException:
                with contextlib.suppress(cupy.cuda.runtime.CUDARuntimeError):
                    stream.end_capture()
                raise
            finally:
                self._used = None
            return Recording(stream.end_capture(), used)

    def launch(self, name: str, grid: int | tuple[int, ...], args: tuple[Any, ...], channels: int = 0) -> None:
        """Queue a kernel; see `Device.launch`."""
        sides, function = (grid,) if isinstance(grid, int) else grid, self._function(name, channels)
        self._uses((function, args))
        function(sides, (KERNELS[name].block,), args)

    def _uses(self, something: object) -> None:
        if self._used is not None:
            self._used.append(something)

    def _function(self, name: str, channels: int) -> Any:
        device = cupy.cuda.Device()
        key = device.id, name, channels
        if key not in self._functions:
            self._functions[key] = self._module(device, name, channels).get_function(name)
        return self._functions[key]

    def _module(self, device: Any, name: str, channels: int) -> Any:
        """The module of a kernel, compiled once for all kernels of its file that are compiled alike."""
        kernel = KERNELS[name]
        key = device.id, kernel.source, kernel.options(channels)
        if key not in self._modules:
            module = cupy.cuda.function.Module()
            module.load(compile_cubin(name, channels, device.compute_capability))
            self._modules[key] = module
        return self._modules[key]


def compile_cubin(name: str, channels: int, capability: str) -> bytes:
    """Compile a kernel of the table for one architecture.

    Parameters
    ----------
    name : str
    channels : int
        As for `pyggc.backends.cuda_device.Device.launch`.
    capability : str
        The device's compute capability without a period, such as ``"90"``.

    Raises
    ------
    DeviceError
        If NVRTC is missing, or too old for the device.
    """
    kernel, nvrtc = KERNELS[name], cupy.cuda.nvrtc
    try:
        program = nvrtc.createProgram(kernel.path.read_text(), kernel.source, (), ())
    except (ImportError, OSError, RuntimeError) as error:  # The library is loaded here.
        raise DeviceError(f"NVRTC, CUDA's compiler at run time, cannot be used: {error}") from error
    try:
        nvrtc.compileProgram(program, (*kernel.options(channels), f"--gpu-architecture=sm_{capability}"))
        cubin: bytes = nvrtc.getCUBIN(program)
    except nvrtc.NVRTCError as error:
        log = nvrtc.getProgramLog(program).strip()
        raise DeviceError(f"kernel {name} does not compile for sm_{capability}: {error}: {log}") from error
    finally:
        nvrtc.destroyProgram(program)
    return cubin


class CudaBackend:
    """The `Backend` of the current CUDA device: CuPy's arrays, queued on CuPy's current stream.

    Raises
    ------
    DeviceError
        If there is no driver or no device.
    """

    name = "cuda"

    def __init__(self) -> None:
        self.device = CupyDevice()
        self.fit: FitKernels = CudaFitKernels(self.device, choose_variant())

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """Return an array of any content."""
        return self.device.empty(shape, dtype)

    def upload(self, array: NDArray[Any]) -> Array:
        """Return the array in the device's memory; if it is there already, itself."""
        return self.device.upload(array)

    def download(self, array: Array) -> NDArray[Any]:
        """Return the array in the host's memory; if it is there already, itself."""
        return self.device.download(array)

    def rasterize(
        self,
        means: Array,
        cholesky: Array,
        colors: Array,
        out: Array,
        *,
        x: int,
        y: int,
        supersample: int,
        clip: bool,
        threads: int | None,
    ) -> None:
        """Queue an exact rendering of the sum blend; see `Backend.rasterize`. Threads are the CPU's business."""
        cuda_render.Renderer(
            self.device, means, cholesky, colors, out, x=x, y=y, supersample=supersample, clip=clip
        ).queue()

    def render_work(self, means: Array, cholesky: Array, *, x: int, y: int, width: int, height: int) -> int:
        """Return an upper bound of the covered pixels; see `Backend.render_work`."""
        return cuda_render.render_work(self.device, means, cholesky, x=x, y=y, width=width, height=height)

    def dequantize(self, plan: Plan, levels: Array) -> Params:
        """Return the Gaussians of valid levels; see `Backend.dequantize`."""
        return cuda_render.dequantize(self.device, plan, levels)
