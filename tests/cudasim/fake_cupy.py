"""As much of CuPy as `pyggc.backends.cuda` uses, over the simulator: for the lines that only a GPU would run.

The compiler is the real one. What it makes is loaded as CuPy does, but run by the simulator.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import nvrtc
from simulator import Simulator

from pyggc.backends.cuda_kernels import KERNELS


class Array(np.ndarray[Any, Any]):
    """An array of the device, which NumPy's functions must not see."""

    simulator: Simulator
    captured: list[weakref.ref[Array]] | None = None  # What a capture uses: it keeps nothing alive.
    __cuda_array_interface__ = property(lambda self: self.__array_interface__)
    data = property(lambda self: SimpleNamespace(memset_async=self._clear))  # type: ignore[assignment]

    def _clear(self, value: int, size: int) -> None:
        assert (value, size) == (0, self.nbytes)
        self.use()
        self.simulator.clear(self.view(np.ndarray))

    def use(self) -> None:
        """A capture notes what it uses."""
        if Array.captured is not None:
            Array.captured.append(weakref.ref(self))

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


class OutOfMemoryError(MemoryError):
    pass


class CUDARuntimeError(RuntimeError):
    pass


class NVRTCError(RuntimeError):
    pass


class Program:
    """A source, then its code or the compiler's log."""

    def __init__(self, source: str) -> None:
        self.source, self.cubin, self.log = source, b"", ""


class Module:
    """Loaded code."""

    def __init__(self, cupy: Cupy) -> None:
        self.cupy = cupy

    def load(self, cubin: bytes) -> None:
        assert cubin.startswith(b"\x7fELF")
        self.options = self.cupy.compiled[cubin]

    def get_function(self, name: str) -> Callable[..., None]:
        (channels,) = (n for n in KERNELS[name].variants() if set(KERNELS[name].options(n)) <= set(self.options))

        def call(grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
            assert block == (KERNELS[name].block,)
            assert not any(type(value) is np.ndarray for value in args), "an array of the host"
            for value in args:
                if isinstance(value, Array):
                    value.use()
            plain = tuple(value.view(np.ndarray) if isinstance(value, Array) else value for value in args)
            self.cupy.simulator.launch(name, grid, plain, channels)

        return call


class Stream:
    """One that captures."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass

    def begin_capture(self, mode: int) -> None:
        Array.captured = []
        self.simulator.begin_recording()

    def end_capture(self) -> SimpleNamespace:
        captured, Array.captured = Array.captured or [], None
        play = self.simulator.end_recording()

        def launch() -> None:
            assert all(array() is not None for array in captured), "memory of a graph was given back"
            play()

        return SimpleNamespace(launch=launch)


class Cupy(ModuleType):
    """The module, with one device of so many bytes.

    Parameters
    ----------
    devices : int
        How many there are; with -1 there is no driver.
    memory : int
        Bytes of the largest array.
    """

    def __init__(self, devices: int = 1, memory: int = 2**30) -> None:
        super().__init__("cupy")
        self.simulator = Array.simulator = Simulator("permuted")
        self.devices, self.memory = devices, memory
        self.compiled: dict[bytes, tuple[str, ...]] = {}
        self.compilations = 0
        self.capability = "90"
        self.cuda = SimpleNamespace(
            runtime=SimpleNamespace(
                CUDARuntimeError=CUDARuntimeError, getDeviceCount=self._count, streamCaptureModeRelaxed=2
            ),
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            nvrtc=SimpleNamespace(
                NVRTCError=NVRTCError,
                createProgram=lambda source, name, headers, names: Program(source),
                compileProgram=self._compile,
                getCUBIN=lambda program: program.cubin,
                getProgramLog=lambda program: program.log,
                destroyProgram=lambda program: None,
            ),
            function=SimpleNamespace(Module=lambda: Module(self)),
            Device=lambda: SimpleNamespace(id=0, compute_capability=self.capability),
            Stream=lambda non_blocking: Stream(self.simulator),
        )

    def _count(self) -> int:
        if self.devices < 0:
            raise CUDARuntimeError("cudaErrorInsufficientDriver: there is no driver")
        return self.devices

    def _compile(self, program: Program, options: Sequence[str]) -> None:
        self.compilations += 1
        try:
            program.cubin, program.log = nvrtc.compile_cubin(program.source, tuple(options))
        except nvrtc.CompileError as error:
            program.log = str(error)
            raise NVRTCError("NVRTC_ERROR_COMPILATION (6)") from error
        self.compiled[program.cubin] = tuple(options)

    def _allocated(self, make: Callable[[Any, Any], Any], shape: Any, dtype: Any) -> Array:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if size > self.memory:
            raise OutOfMemoryError(f"Out of memory allocating {size:,} bytes")
        return make(shape, dtype).view(Array)

    def empty(self, shape: Any, dtype: Any) -> Array:
        return self._allocated(self.simulator.empty, shape, dtype)

    def zeros(self, shape: Any, dtype: Any) -> Array:
        return self._allocated(self.simulator.zeros, shape, dtype)

    def asarray(self, array: Any, order: str) -> Array:
        if isinstance(array, Array):
            return array
        copy = self.empty(array.shape, array.dtype)
        copy.view(np.ndarray)[...] = array
        return copy

    def asnumpy(self, array: Any) -> Any:
        return self.simulator.download(array.view(np.ndarray))
