"""NVRTC through ctypes: CUDA sources to machine code, with neither a driver nor CuPy."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import re
from functools import cache
from typing import NamedTuple


class Resources(NamedTuple):
    """What ptxas says a kernel takes: registers a thread, bytes of shared memory a block, bytes spilled a thread."""

    registers: int
    shared: int
    spills: int


class CompileError(RuntimeError):
    """What the compiler says of a source that it refuses."""


@cache
def library() -> ctypes.CDLL:
    """The library of the package nvidia-cuda-nvrtc-cu12, which the extra ``test`` installs, or of that for CUDA 13."""
    for name in ("nvidia-cuda-nvrtc-cu12", "nvidia-cuda-nvrtc"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            files = importlib.metadata.files(name) or []
            (path,) = (file.locate() for file in files if file.match("libnvrtc.so.*"))
            return ctypes.CDLL(str(path))
    raise RuntimeError("NVRTC is missing: pip install nvidia-cuda-nvrtc-cu12")


def compile_cubin(source: str, options: tuple[str, ...]) -> tuple[bytes, str]:
    """Machine code of a source for a real architecture (``sm_90``), and the compiler's log."""
    return _compile(source, options, "CUBIN")


def compile_ptx(source: str, options: tuple[str, ...]) -> str:
    """Assembly of a source for a virtual architecture (``compute_90``)."""
    return _compile(source, options, "PTX")[0].rstrip(b"\0").decode()


@cache
def _compile(source: str, options: tuple[str, ...], what: str) -> tuple[bytes, str]:
    lib, program = library(), ctypes.c_void_p()
    _check(lib.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None))
    try:
        array = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = lib.nvrtcCompileProgram(program, len(options), array)
        log = _fetch(program, "ProgramLog").rstrip(b"\0").decode()
        if status:
            raise CompileError(log)
        return _fetch(program, what), log
    finally:
        lib.nvrtcDestroyProgram(ctypes.byref(program))


def resources(log: str) -> dict[str, Resources]:
    """What each kernel takes, from the log of a compilation with ``--ptxas-options=-v``."""
    found = {}
    for part in log.split("Compiling entry function '")[1:]:
        used = re.search(r"Used (\d+) registers", part)
        assert used is not None, part
        shared = re.search(r"(\d+) bytes smem", part)
        spills = re.findall(r"(\d+) bytes spill", part)
        found[part.split("'")[0]] = Resources(int(used[1]), int(shared[1]) if shared else 0, sum(map(int, spills)))
    return found


def _fetch(program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(getattr(library(), f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(getattr(library(), f"nvrtcGet{what}")(program, buffer))
    return buffer.raw


def _check(status: int) -> None:
    if status:
        raise RuntimeError(f"NVRTC failed with status {status}")
