"""A `Device` on the CPU: g++ compiles the kernels as they are, and NumPy arrays stand for the GPU's memory."""

from __future__ import annotations

import atexit
import ctypes
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pyggc.backends.cuda_kernels import HEADERS, KERNELS, Kernel

HERE = Path(__file__).parent
ORDERS = ("forward", "reversed", "permuted")

# Memory that was never written, and what lies around every array.
POISON, GUARD = 0xA5, 64
C_TYPES = {
    np.dtype(np.int32): ctypes.c_int32,
    np.dtype(np.uint32): ctypes.c_uint32,
    np.dtype(np.int64): ctypes.c_int64,
    np.dtype(np.float32): ctypes.c_float,
    np.dtype(np.float64): ctypes.c_double,
}


class Simulator:
    """Runs kernels with the threads of a block, and the blocks, in one of `ORDERS`.

    It is stricter than a GPU: the number, size and kind of the arguments are checked, an array is surrounded by guards,
    and a barrier that a thread misses is an error.
    """

    def __init__(self, order: str = "forward", kernels: Mapping[str, Kernel] = KERNELS) -> None:
        assert order in ORDERS
        self.order = order
        self.kernels = kernels
        self.launches: list[str] = []
        self._recording: list[Callable[[], None]] | None = None
        self._guarded: list[weakref.ref[NDArray[np.uint8]]] = []

    def empty(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        assert self._recording is None, "memory allocated while work is recorded"
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = np.full(size + 2 * GUARD, POISON, np.uint8)
        self._guarded = [ref for ref in self._guarded if ref() is not None] + [weakref.ref(memory)]
        return memory[GUARD : GUARD + size].view(dtype).reshape(shape)

    def zeros(self, shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        array = self.empty(shape, dtype)
        array[...] = 0
        return array

    def upload(self, array: NDArray[Any]) -> NDArray[Any]:
        copy = self.empty(array.shape, array.dtype)
        copy[...] = array
        return copy

    def download(self, array: NDArray[Any]) -> NDArray[Any]:
        assert self._recording is None, "memory copied while work is recorded"
        return array.copy()

    def clear(self, array: NDArray[Any]) -> None:
        assert array.flags.c_contiguous
        self._queue(lambda: array.fill(0))

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self.begin_recording()
        work()
        return self.end_recording()

    def begin_recording(self) -> None:
        self._recording = []

    def end_recording(self) -> Callable[[], None]:
        steps, self._recording = self._recording, None
        assert steps is not None

        def replay() -> None:
            for step in steps:
                step()

        return replay

    def launch(self, name: str, grid: int | tuple[int, ...], args: tuple[Any, ...], channels: int = 0) -> None:
        self._queue(lambda: self._run(name, grid, args, channels))

    def _queue(self, step: Callable[[], None]) -> None:
        if self._recording is None:
            step()
        else:
            self._recording.append(step)

    def _run(self, name: str, grid: int | tuple[int, ...], args: tuple[Any, ...], channels: int) -> None:
        kernel = self.kernels[name]
        library = compiled(kernel, channels)
        pointers = [_argument(value, size) for value, size in zip(args, _parameters(library), strict=True)]
        addresses = (ctypes.c_void_p * len(args))(*(ctypes.addressof(pointer) for pointer in pointers))
        sides = (grid, 1, 1) if isinstance(grid, int) else (*grid, 1, 1)[:3]
        assert all(0 < side < 2**31 for side in sides), f"{name}: grid {grid}"
        blocks, threads = self._permutation(int(np.prod(sides))), self._permutation(kernel.block)
        stuck = library.sim_launch((ctypes.c_uint * 3)(*sides), kernel.block, blocks.ctypes, threads.ctypes, addresses)
        assert not stuck, f"{name}: block {blocks[stuck - 1]} waits for threads that never come"
        for memory in [memory for ref in self._guarded if (memory := ref()) is not None]:
            assert (memory[:GUARD] == POISON).all(), f"{name} wrote before an array"
            assert (memory[-GUARD:] == POISON).all(), f"{name} wrote past an array"
        self.launches.append(name)

    def _permutation(self, count: int) -> NDArray[np.uint32]:
        order = np.arange(count, dtype=np.uint32)
        if self.order == "permuted":
            np.random.default_rng(count).shuffle(order)
        return order[::-1].copy() if self.order == "reversed" else order


@cache
def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="cudasim-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@cache
def compiled(kernel: Kernel, channels: int) -> ctypes.CDLL:
    """The library of one variant of a kernel."""
    target = _folder() / f"{kernel.name}-{channels}.so"
    flags = [
        "-std=c++17",
        "-O2",
        "-U_FORTIFY_SOURCE",
        "-fPIC",
        "-shared",
        "-ffp-contract=off",
        "-fno-strict-aliasing",
        "-Wall",
        "-Werror",
    ]
    names = [f'-DKERNEL_SOURCE="{kernel.path}"', f"-DKERNEL_NAME={kernel.name}", *kernel.defines(channels)]
    include = [f"-I{HEADERS}", f"-I{HERE}"]
    command = ["g++", *flags, *names, *include, str(HERE / "kernel.cpp"), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return ctypes.CDLL(str(target))


def _parameters(library: ctypes.CDLL) -> list[int]:
    sizes = (ctypes.c_int * 64)()
    return list(sizes[: library.sim_describe(sizes)])


def _argument(value: Any, size: int) -> Any:
    """The argument as C has it; `size` is that of the parameter: 0 for a pointer, negative for a float."""
    if isinstance(value, np.ndarray):
        assert size == 0, "an array for a number"
        assert value.flags.c_contiguous
        return ctypes.c_void_p(value.ctypes.data)
    # CuPy takes a Python number for 64 bits.
    assert isinstance(value, np.generic), f"{value!r} must be a NumPy scalar, which says its type"
    expected = value.itemsize if value.dtype.kind in "iu" else -value.itemsize
    assert size == expected, f"{value.dtype} for a parameter of size {size}"
    return C_TYPES[value.dtype](value.item())
