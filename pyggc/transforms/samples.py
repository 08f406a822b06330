"""What every transform asks of the arrays it is given."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from pyggc._native import _transforms
from pyggc.arguments import as_integer

Samples = NDArray[Any]

# The SIMD variant of the loops; all give the same bits.
VARIANT = "baseline" if os.environ.get("PYGGC_SIMD") == "baseline" else _transforms.variants()[-1]

DTYPES = (np.dtype(np.int16), np.dtype(np.int32))

#: Transforms a C-contiguous array into another one, or in place. If told to check the limit, which it can do for arrays
#: that lie apart only, it is False where a sample exceeds it.
Kernel = Callable[[Samples, Samples, bool], bool]


def as_samples(name: str, value: object) -> Samples:
    """Return an array of int16 or int32 as it is, or raise a TypeError."""
    samples = np.asarray(value)
    check_dtype(name, samples.dtype)
    return samples


def check_dtype(name: str, dtype: DTypeLike) -> int:
    """Return the number of bits, or raise a TypeError."""
    found = np.dtype(dtype)
    if found not in DTYPES:
        raise TypeError(f"{name} must be int16 or int32, not {found}")
    return 8 * found.itemsize


def as_threads(threads: int | None) -> int:
    """Return the number of threads, 0 for what OpenMP offers."""
    return 0 if threads is None else as_integer("threads", threads, 1)


def as_axes(name: str, axes: int | Sequence[int] | None, count: int, ndim: int) -> tuple[int, ...]:
    """Return so many different axes of an array, the last ones by default."""
    if ndim < count:
        raise ValueError(f"{name} must have at least {count} dimensions, not {ndim}")
    if axes is None:
        return tuple(range(ndim - count, ndim))
    given = (axes,) if isinstance(axes, int | np.integer) else tuple(axes)
    found = tuple(as_integer("axes", axis, -ndim, ndim - 1) % ndim for axis in given)
    if len(found) != count or len(set(found)) != count:
        raise ValueError(f"axes must be {count} different ones, not {axes}")
    return found


def as_out(out: object, name: str, x: Samples) -> Samples:
    """Return the array to write to, which is a new one if none is given for that of this name."""
    if out is None:
        return np.empty(x.shape, x.dtype)
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an array, not {out!r}")
    if out.dtype != x.dtype:
        raise TypeError(f"out must be {x.dtype} as {name} is, not {out.dtype}")
    if out.shape != x.shape:
        raise ValueError(f"out must have the shape {x.shape} of {name}, not {out.shape}")
    if not out.flags.writeable:
        raise ValueError("out must be writable")
    return out


def apply(x: Samples, out: Samples, kernel: Kernel, limit: int) -> bool:
    """Run a kernel from any array to any other, which may overlap, through C-contiguous ones.

    Parameters
    ----------
    x, out : ndarray
        Of one shape and dtype.
    kernel : callable
        Transforms, and checks the limit as it goes.
    limit : int
        What it checks, or a negative number for nothing. In place the check comes first, so that `x` stays as it was.

    Returns
    -------
    bool
        Whether all samples are within the limit.
    """
    if x.size == 0:
        return True
    source = np.ascontiguousarray(x)
    apart = out.flags.c_contiguous and not np.may_share_memory(source, out)
    in_place = not apart and out.flags.c_contiguous and source.ctypes.data == out.ctypes.data
    if in_place and limit >= 0 and max(-int(source.min()), int(source.max())) > limit:
        return False
    target = out if in_place or apart else np.empty_like(source)
    if not kernel(source, target, limit >= 0 and not in_place):
        return False
    if target is not out:
        out[...] = target
    return True
