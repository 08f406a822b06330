"""What was built: compiler, OpenMP, SIMD variants and versions."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

import pyggc
from pyggc._native import _build, _render
from pyggc.backends.cpu import choose_variant


class BuildInfo(TypedDict):
    """The keys of `build_info`."""

    version: str
    compiler: str
    openmp: bool
    max_threads: int
    simd_variants: list[str]
    simd: str
    debug: bool
    numpy: str
    cython: str


def build_info() -> BuildInfo:
    """Tell how the native code was built and what it uses on this machine.

    Returns
    -------
    dict
        ``version``: the version of pyggc. ``compiler``: the C compiler. ``openmp``: whether the native code runs on
        several threads; ``max_threads``: on how many unless told otherwise (1 without OpenMP). ``simd_variants``: those
        of the renderer that this processor runs, slowest first; ``simd``: the one in use. ``debug``: whether it checks
        bounds. ``numpy``: the version in use; ``cython``: the one that translated the extensions.

    Raises
    ------
    ValueError
        If the environment variable ``PYGGC_SIMD`` names a variant that this processor does not run.

    Examples
    --------
    >>> import pyggc
    >>> info = pyggc.build_info()
    >>> info["max_threads"] >= 1
    True
    """
    return {
        "version": pyggc.__version__,
        "compiler": _build.compiler(),
        "openmp": _build.has_openmp(),
        "max_threads": _build.max_threads(),
        "simd_variants": _render.variants(),
        "simd": choose_variant(),
        "debug": _build.is_debug(),
        "numpy": np.__version__,
        "cython": _build.cython_version(),
    }
