"""Build of the Cython extensions; the metadata lives in pyproject.toml.

Every ``pyggc/_native/_x.pyx`` becomes an extension together with ``pyggc/_native/src/x_*.c``, and with what `SHARED`
lists besides.

Environment variables: ``PYGGC_DEBUG=1`` builds with Cython's bounds checks, ``-O1`` and debug
information; ``PYGGC_SANITIZE=1`` does the same and adds AddressSanitizer and UBSan, whose library must
be loaded before Python's (``tests/fuzz/sanitized`` does it); ``PYGGC_OPENMP=0`` builds without OpenMP even
where the compiler has it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import Cython
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

NATIVE = Path("pyggc/_native")
SANITIZE = os.environ.get("PYGGC_SANITIZE", "0") == "1"
DEBUG = SANITIZE or os.environ.get("PYGGC_DEBUG", "0") == "1"
OPENMP = os.environ.get("PYGGC_OPENMP", "1") != "0"

# Neither -ffast-math nor -march=native: the first breaks the arithmetic that the format promises, the second the
# portability of a wheel. The two relaxations below let loops vectorize and change no value.
FLAGS = ["-std=gnu11", "-fno-math-errno", "-fno-trapping-math"]
FLAGS += ["-O1", "-g"] if DEBUG else ["-O3"]

# "undefined" leaves out the conversion of a float that is too large for the integer, which is undefined all the same.
# And Python's own flags define the overflow of signed integers (-fwrapv), on which nothing here should rely.
SANITIZERS = ["-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"] if SANITIZE else []
FLAGS += [*SANITIZERS, "-fno-wrapv", "-fno-omit-frame-pointer"] if SANITIZE else []

# The exact renderer's bits are part of the file format, so a compiler must never fuse a multiply and an add; only what
# is listed here may differ from that.
CONTRACTION = {"_fit": "fast"}

# The loops that run models belong to every coder, the log of a queue to stacks as well, the range coder to tiles.
RUN = ["src/entropy_run.c", "src/entropy_run_avx2.c"]
RANS = [*RUN, *(f"src/rans_{part}.c" for part in ("encode", "decode", "baseline", "avx2"))]
TRANSFORMS = ["src/transforms_driver.c", "src/transforms_baseline.c", "src/transforms_avx2.c"]
RANGE = [f"src/range_{part}.c" for part in ("encode", "decode", "baseline", "avx2")]
SHARED = {
    "_rans": RUN,
    "_range": RUN,
    "_stack": [*RUN, "src/rans_encode.c"],
    "_predict": [*RUN, *RANGE],
    "_residual": [*RANS, *TRANSFORMS],
}

OPENMP_PROBE = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"


class BuildExtensions(build_ext):
    """Adds OpenMP where a probe with the very compiler of the build succeeds."""

    def build_extensions(self) -> None:
        openmp = OPENMP and self.has_openmp()
        if OPENMP and not openmp:
            print("warning: no working OpenMP: pyggc will run on one thread", file=sys.stderr)
        if openmp:
            for extension in self.extensions:
                extension.extra_compile_args.append("-fopenmp")
                extension.extra_link_args.append("-fopenmp")
        # distutils compares dates only, and would take the objects of another compiler or other flags for its own.
        stamp = Path(self.build_temp, "built-with")
        built_with = repr((self.compiler.compiler_so, [extension.extra_compile_args for extension in self.extensions]))
        self.force = self.force or not stamp.is_file() or stamp.read_text() != built_with
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.unlink(missing_ok=True)
        self.compile_once()
        super().build_extensions()
        stamp.write_text(built_with)

    def compile_once(self) -> None:
        """Compile every C source once, several at a time: extensions that share one would each do it anew."""
        users: dict[str, list[Extension]] = {}
        for extension in self.extensions:
            own = [source for source in extension.sources if Path(source).is_relative_to(NATIVE / "src")]
            for source in own:
                users.setdefault(source, []).append(extension)
            extension.depends = [*extension.depends, *own]
            extension.sources = [source for source in extension.sources if source not in own]

        def compile_source(item: tuple[str, list[Extension]]) -> None:
            source, extensions = item
            first = extensions[0]
            (target,) = self.compiler.object_filenames([source], output_dir=self.build_temp)
            if self.force or newer_group([source, *headers()], target):
                self.compiler.compile(
                    [source],
                    output_dir=self.build_temp,
                    macros=first.define_macros,
                    include_dirs=first.include_dirs,
                    extra_postargs=first.extra_compile_args,
                )
            for extension in extensions:
                extension.extra_objects.append(target)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(compile_source, users.items()))

    def has_openmp(self) -> bool:
        """Whether a small OpenMP program compiles, links and runs."""
        with tempfile.TemporaryDirectory() as folder:
            source, program = Path(folder, "probe.c"), Path(folder, "probe")
            source.write_text(OPENMP_PROBE)
            compiler = self.compiler.compiler_so
            try:
                subprocess.run(
                    [*compiler, "-fopenmp", str(source), "-o", str(program)], check=True, capture_output=True
                )
                subprocess.run([str(program)], check=True, capture_output=True, timeout=60)
            except (OSError, subprocess.SubprocessError):
                return False
        return True


def headers() -> list[str]:
    """All that a C source may include."""
    return [str(path) for path in sorted((NATIVE / "include").rglob("*.h")) + sorted((NATIVE / "src").glob("*.[hi]*"))]


def extensions() -> list[Extension]:
    """One extension a .pyx file, with the C sources that carry its name."""
    macros = [("PYGGC_DEBUG", "1" if DEBUG else "0"), ("PYGGC_CYTHON_VERSION", f'"{Cython.__version__}"')]
    return [
        Extension(
            f"pyggc._native.{pyx.stem}",
            [
                str(pyx),
                *map(str, sorted(NATIVE.glob(f"src/{pyx.stem.lstrip('_')}_*.c"))),
                *(str(NATIVE / source) for source in SHARED.get(pyx.stem, [])),
            ],
            include_dirs=[str(NATIVE / "include"), str(NATIVE / "src")],
            depends=headers(),
            define_macros=macros,
            extra_compile_args=[*FLAGS, f"-ffp-contract={CONTRACTION.get(pyx.stem, 'off')}"],
            extra_link_args=[*SANITIZERS],
        )
        for pyx in sorted(NATIVE.glob("*.pyx"))
    ]


# A debug build has C sources of its own, which Cython would not translate anew because of other directives.
build_base = f"build/{'sanitized' if SANITIZE else 'debug' if DEBUG else 'release'}"

setup(
    cmdclass={"build_ext": BuildExtensions},
    options={"build": {"build_base": build_base}, "build_ext": {"parallel": os.cpu_count() or 1}},
    ext_modules=cythonize(
        extensions(),
        build_dir=f"{build_base}/cython",
        compiler_directives={
            "language_level": "3",
            "boundscheck": DEBUG,
            "initializedcheck": DEBUG,
            "wraparound": False,
            "cdivision": True,
            "embedsignature": True,
        },
    ),
)
