"""Reversible transforms of colors."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike, DTypeLike

from pyggc._native import _transforms
from pyggc.transforms import samples
from pyggc.transforms.samples import Samples


class ColorTransform:
    """A reversible transform of red, green and blue to a luma and two chromas; there are `YCOCG_R` and `RCT`.

    The inverse gives back every bit, of any values: all arithmetic wraps around at the width of the dtype.
    """

    def __init__(self, name: str, flow: str) -> None:
        self._name = name
        self._flow = flow

    def limit(self, dtype: DTypeLike) -> int:
        """Tell which samples `forward` accepts.

        Parameters
        ----------
        dtype : dtype_like
            int16 or int32.

        Returns
        -------
        int
            The largest magnitude of a sample with which nothing leaves the range of the type.

        Raises
        ------
        TypeError
            If it is another type.

        Examples
        --------
        >>> from pyggc.transforms import YCOCG_R
        >>> YCOCG_R.limit("int16")
        16383
        """
        return _transforms.color_limit(self._flow, samples.check_dtype("dtype", dtype))

    def forward(
        self,
        x: ArrayLike,
        axis: int = -1,
        *,
        out: Samples | None = None,
        check: bool = True,
        threads: int | None = None,
    ) -> Samples:
        """Transform red, green and blue to luma and chromas.

        Parameters
        ----------
        x : array_like of int16 or int32
            With three samples along the axis.
        axis : int, optional
            That of the channels.
        out : ndarray, optional
            Where to put the result: of the shape and dtype of `x`; it may be `x`. By default a new array.
        check : bool, optional
            Whether to refuse samples beyond the `limit`.
        threads : int, optional
            The most threads to use; by default what OpenMP offers. Never changes the result.

        Returns
        -------
        ndarray
            Luma first; it has the range of the samples, the chromas that of a difference of two of them.

        Raises
        ------
        TypeError
            If `x` is neither int16 nor int32, or `out` no array of its dtype.
        ValueError
            If a sample is beyond the limit (`out` then holds nothing of use, unless it is `x`, which stays as it was),
            there are not three channels, or `axis`, `out` or `threads` are none of the above.

        Examples
        --------
        >>> import numpy as np
        >>> from pyggc.transforms import RCT, YCOCG_R
        >>> rgb = np.array([[255, 128, 0], [9, 9, 9]], np.int16)
        >>> YCOCG_R.forward(rgb)
        array([[127, 255,   1],
               [  9,   0,   0]], dtype=int16)
        >>> RCT.forward(rgb)
        array([[ 127, -128,  127],
               [   9,    0,    0]], dtype=int16)
        """
        return self._run("x", x, axis, out, threads, inverse=False, check=check)

    def inverse(
        self, y: ArrayLike, axis: int = -1, *, out: Samples | None = None, threads: int | None = None
    ) -> Samples:
        """Transform luma and chromas to red, green and blue: exactly what `forward` made them of.

        Parameters
        ----------
        y : array_like of int16 or int32
            Any numbers, three along the axis.
        axis, out, threads
            As for `forward`.

        Returns
        -------
        ndarray
            Red, green and blue.

        Raises
        ------
        TypeError, ValueError
            As for `forward`, but for the limit.

        Examples
        --------
        >>> import numpy as np
        >>> from pyggc.transforms import YCOCG_R
        >>> YCOCG_R.inverse(np.array([127, 255, 1], np.int32))
        array([255, 128,   0], dtype=int32)
        """
        return self._run("y", y, axis, out, threads, inverse=True, check=False)

    def __repr__(self) -> str:
        return self._name

    def _run(
        self,
        name: str,
        value: ArrayLike,
        axis: int,
        out: Samples | None,
        threads: int | None,
        *,
        inverse: bool,
        check: bool,
    ) -> Samples:
        x = samples.as_samples(name, value)
        (channels,) = samples.as_axes(name, axis, 1, x.ndim)
        if x.shape[channels] != 3:
            raise ValueError(f"{name} must have 3 samples along axis {axis}, not {x.shape[channels]}")
        target = samples.as_out(out, name, x)
        most, limit = samples.as_threads(threads), self.limit(x.dtype) if check else -1
        shape = (-1, 3, math.prod(x.shape[channels + 1 :]))

        def kernel(source: Samples, destination: Samples, checked: bool) -> bool:
            return _transforms.color(
                source.reshape(shape),
                destination.reshape(shape),
                self._flow,
                inverse=inverse,
                limit=limit if checked else -1,
                variant=samples.VARIANT,
                threads=most,
            )

        if not samples.apply(x, target, kernel, limit):
            raise ValueError(f"{name} must be within [-{limit}, {limit}] for {self} of {x.dtype}")
        return target


#: Y, Co, Cg: Co = R - B, t = B + (Co >> 1), Cg = G - t, Y = t + (Cg >> 1). Malvar, Sullivan and Srinivasan, 2008.
YCOCG_R = ColorTransform("YCOCG_R", "ycocg_r")

#: Y, U, V: Y = (R + 2 G + B) >> 2, U = B - G, V = R - G. JPEG 2000 part 1 (ISO/IEC 15444-1), annex G.2.
RCT = ColorTransform("RCT", "rct")
