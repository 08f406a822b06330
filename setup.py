"""Build of the Cython extensions; the metadata lives in pyproject.toml.

Environment variables: ``PYGGC_DEBUG=1`` builds with bounds checks and without optimisation of
them away; ``PYGGC_OPENMP=0`` builds without OpenMP even where the compiler has it.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

NATIVE = Path("pyggc/_native")
DEBUG = os.environ.get("PYGGC_DEBUG", "0") == "1"

# One row an extension: its further C sources, and the flags that only it has.
# The exact renderer forbids contraction: its bits are part of the file format.
EXTENSIONS = {
    "_render": (["-ffp-contract=off"]),
    "_fit": (["-ffp-contract=fast"]),
    "_entropy": (["-ffp-contract=off"]),
    "_build": (["-ffp-contract=off"]),
}


def has_openmp() -> bool:
    """Whether a small OpenMP program compiles, links and runs."""
    if os.environ.get("PYGGC_OPENMP", "1") == "0":
        return False
    compiler = os.environ.get("CC", "cc").split()
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "probe.c"), Path(folder, "probe")
        source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
        try:
            subprocess.run([*compiler, "-fopenmp", str(source), "-o", str(program)], check=True, capture_output=True)
            subprocess.run([str(program)], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            print("warning: no working OpenMP: pyggc will run on one thread", file=sys.stderr)
            return False
    return True


def extensions() -> list[Extension]:
    openmp = ["-fopenmp"] if has_openmp() else []
    macros = [
        ("PYGGC_HAVE_OPENMP", "1" if openmp else "0"),
        ("PYGGC_DEBUG", "1" if DEBUG else "0"),
        ("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION"),
    ]
    common = ["-O3", "-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros"]
    found = []
    for pyx in sorted(NATIVE.glob("*.pyx")):
        sources = [str(pyx), *map(str, sorted(NATIVE.glob(f"src/{pyx.stem.lstrip('_')}_*.c")))]
        found.append(
            Extension(
                f"pyggc._native.{pyx.stem}",
                sources,
                include_dirs=[str(NATIVE / "include")],
                depends=[str(p) for p in NATIVE.rglob("*.h")],
                define_macros=macros,
                extra_compile_args=[*common, *EXTENSIONS.get(pyx.stem, []), *openmp],
                extra_link_args=openmp,
            )
        )
    return found


setup(
    ext_modules=cythonize(
        extensions(),
        compiler_directives={
            "language_level": "3",
            "boundscheck": DEBUG,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": DEBUG,
            "embedsignature": True,
        },
    )
)
