"""Discrete cosine and Walsh-Hadamard transforms of blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from pyggc._native import _transforms
from pyggc.arguments import as_integer
from pyggc.transforms import samples
from pyggc.transforms.samples import Samples

# A flow along the columns, one along the rows, and one of 2 x 2 neighbors.
Flows = tuple[str | None, str | None, str | None]


class BlockTransform:
    """What `DCT` and `WHT` have in common: blocks of one size, along one or two axes of an array.

    A transform of two axes takes the columns of a block first, and then its rows; the inverse takes the rows first. The
    results depend on that order in the last bits, so it is part of the definition.
    """

    def __init__(self, shape: tuple[int, ...], flows: Flows) -> None:
        self._shape = shape
        self._flows = flows

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples of a block along its axis, or its two axes: rows and columns."""
        return self._shape

    @property
    def gain_bits(self) -> float:
        """Bits by which a block's range expands: half a bit for each factor of 2 in its number of samples."""
        return math.log2(math.prod(self._shape)) / 2

    def limit(self, dtype: DTypeLike) -> int:
        """Tell which samples `forward` accepts.

        Parameters
        ----------
        dtype : dtype_like
            int16 or int32.

        Returns
        -------
        int
            The largest magnitude of a sample for which no number on the way to the coefficients leaves the range of the
            type, whatever the other samples are.

        Raises
        ------
        TypeError
            If it is another type.

        Examples
        --------
        >>> from pyggc.transforms import DCT
        >>> DCT(8, 8).limit("int16")
        3470
        """
        return _transforms.limit(*_sides_of(self), self._flows, samples.check_dtype("dtype", dtype))

    def forward(
        self,
        x: ArrayLike,
        axes: int | Sequence[int] | None = None,
        *,
        out: Samples | None = None,
        check: bool = True,
        threads: int | None = None,
    ) -> Samples:
        """Transform samples to coefficients.

        Parameters
        ----------
        x : array_like of int16 or int32
            Along the axes it has any multiple of the block's `shape`. Every block is transformed.
        axes : int or sequence of int, optional
            As many different axes as `shape` has entries, that of the columns before that of the rows; by default the
            last ones.
        out : ndarray, optional
            Where to put the coefficients: of the shape and dtype of `x`; it may be `x`. By default a new array.
        check : bool, optional
            Whether to refuse samples beyond the `limit`. Without it all arithmetic wraps around at the width of the
            dtype: the inverse gives back the very samples still, but coefficients that wrapped around mean nothing.
        threads : int, optional
            The most threads to use; by default what OpenMP offers. Never changes the result.

        Returns
        -------
        ndarray
            The coefficients, each block in the place of its samples, lowest frequency first; with orthonormal scaling.

        Raises
        ------
        TypeError
            If `x` is neither int16 nor int32, or `out` no array of its dtype.
        ValueError
            If a sample is beyond the limit (`out` then holds nothing of use, unless it is `x`, which stays as it was),
            the shape is no multiple of the block's, or `axes`, `out` or `threads` are none of the above.

        Examples
        --------
        >>> import numpy as np
        >>> from pyggc.transforms import DCT
        >>> x = np.array([10, 20, 30, 40, 7, 7, 7, 7], np.int16)
        >>> DCT(4).forward(x)
        array([ 50, -22,   0,  -2,  14,   0,   0,   0], dtype=int16)
        """
        return self._run("x", x, axes, out, threads, inverse=False, check=check)

    def inverse(
        self,
        y: ArrayLike,
        axes: int | Sequence[int] | None = None,
        *,
        out: Samples | None = None,
        threads: int | None = None,
    ) -> Samples:
        """Transform coefficients to samples: exactly what `forward` made them of.

        Parameters
        ----------
        y : array_like of int16 or int32
            Any coefficients. Those that no samples have, quantized ones for example, are inverted all the same; what is
            too large for the dtype wraps around.
        axes, out, threads
            As for `forward`.

        Returns
        -------
        ndarray
            The samples.

        Raises
        ------
        TypeError, ValueError
            As for `forward`, but for the limit.

        Examples
        --------
        >>> import numpy as np
        >>> from pyggc.transforms import WHT
        >>> WHT(2, 2).inverse(np.array([[10, -2], [-4, 0]], np.int32))
        array([[2, 4],
               [6, 8]], dtype=int32)
        """
        return self._run("y", y, axes, out, threads, inverse=True, check=False)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self._shape))})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, BlockTransform) and self._shape == other._shape

    def __hash__(self) -> int:
        return hash((type(self), self._shape))

    def _run(
        self,
        name: str,
        value: ArrayLike,
        axes: int | Sequence[int] | None,
        out: Samples | None,
        threads: int | None,
        *,
        inverse: bool,
        check: bool,
    ) -> Samples:
        x = samples.as_samples(name, value)
        chosen = samples.as_axes(name, axes, len(self._shape), x.ndim)
        for axis, side in zip(chosen, self._shape, strict=True):
            if x.shape[axis] % side:
                raise ValueError(
                    f"{name} must have a multiple of {side} samples along axis {axis}, not {x.shape[axis]}"
                )
        layout = _layout_of(self, x.shape, x.dtype, chosen)
        target = samples.as_out(out, name, x)
        most, limit = samples.as_threads(threads), layout.limit if check else -1

        def kernel(source: Samples, destination: Samples, checked: bool) -> bool:
            return _transforms.transform(
                source.reshape(layout.shape),
                destination.reshape(layout.shape),
                layout.flows,
                inverse=inverse,
                check=checked,
                variant=samples.VARIANT,
                threads=most,
            )

        out = target
        if layout.moved is not None:
            x, out = np.moveaxis(x, *layout.moved), np.moveaxis(target, *layout.moved)
        if not samples.apply(x, out, kernel, limit):
            raise ValueError(f"{name} must be within [-{limit}, {limit}] for {self} of {x.dtype}")
        return target


def _sides_of(transform: BlockTransform) -> tuple[int, int]:
    """Rows and columns; a block of one axis is a row."""
    return transform.shape if len(transform.shape) == 2 else (1, *transform.shape)  # type: ignore[return-value]


class _Layout(NamedTuple):
    """How a kernel sees an array.

    Attributes
    ----------
    moved : (list of int, list of int) or None
        Axes that are moved before, and where to.
    shape : tuple of int
        Runs, blocks down, rows, blocks across, columns.
    flows : Flows
        Those that it then has.
    limit : int
        Of samples.
    """

    moved: tuple[list[int], list[int]] | None
    shape: tuple[int, ...]
    flows: Flows
    limit: int


@lru_cache(maxsize=256)
def _layout_of(
    transform: BlockTransform, shape: tuple[int, ...], dtype: np.dtype[Any], axes: tuple[int, ...]
) -> _Layout:
    # The same call is often made again. The kernel takes one axis anywhere, or the last two.
    active = [axis for axis, side in zip(axes, transform.shape, strict=True) if side > 1]
    last = active if len(active) == 1 else [len(shape) - 2, len(shape) - 1]
    moved = None if active == last else (active, last)
    if moved is not None:
        shape = np.moveaxis(np.broadcast_to(np.int8(0), shape), *moved).shape
    rows, columns = _sides_of(transform)
    flows, limit = transform._flows, transform.limit(dtype)
    if len(last) == 2:
        return _Layout(moved, (-1, shape[-2] // rows, rows, shape[-1] // columns, columns), flows, limit)
    side, flow = rows * columns, flows[0] or flows[1]
    inner = math.prod(shape[last[0] + 1 :])
    if inner == 1:
        return _Layout(moved, (1, 1, 1, -1, side), (None, flow, None), limit)
    return _Layout(moved, (-1, shape[last[0]] // side, side, inner, 1), (flow, None, None), limit)


class DCT(BlockTransform):
    """A reversible discrete cosine transform of type II, with uniform orthonormal scaling.

    Parameters
    ----------
    *shape : int
        Samples of a block along its axis, or its rows and columns: each 4, 8, 16 or 32.

    Raises
    ------
    TypeError
        If a side is no integer.
    ValueError
        If there are more than two sides, or none, or another one than those above.

    Notes
    -----
    The 4-point transform is that of draft-terriberry-netvc-codingtools-01, section 3.2, bit for bit; the others are of
    its section 3.3, with its numbers of operations but other steps. See :doc:`/maths_transforms`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.transforms import DCT
    >>> image = np.arange(256, dtype=np.int16).reshape(16, 16)
    >>> coefficients = DCT(8, 8).forward(image)
    >>> int(coefficients[0, 0])  # About 8 times the mean of the block's samples, 59.5.
    475
    >>> bool((DCT(8, 8).inverse(coefficients) == image).all())
    True
    """

    SIDES: ClassVar[tuple[int, ...]] = (4, 8, 16, 32)

    def __init__(self, *shape: int) -> None:
        sides = _as_sides(shape, self.SIDES)
        flows = [f"dct{side}" for side in sides]
        super().__init__(sides, (flows[0], flows[1], None) if len(flows) == 2 else (None, flows[0], None))


class WHT(BlockTransform):
    """A reversible Walsh-Hadamard transform, with uniform orthonormal scaling and without multiplications.

    Parameters
    ----------
    *shape : int
        Samples of a block along its axis, or its rows and columns: powers of two up to 32, with a power of 4 above 1 as
        their product.

    Raises
    ------
    TypeError
        If a side is no integer.
    ValueError
        If there are more than two sides, or none, or another one than those above, or another product.

    Notes
    -----
    Made of transforms of 2 x 2 samples in 7 additions and a shift: draft-terriberry-netvc-codingtools-01, section 3.4.
    Coefficients are in the order of the Hadamard matrix: that with the number k along an axis has the sign
    ``(-1) ** popcount(k & i)`` at sample i.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.transforms import WHT
    >>> WHT(2, 2).forward(np.array([[2, 4], [6, 8]], np.int32))
    array([[10, -2],
           [-4,  0]], dtype=int32)
    """

    SIDES: ClassVar[tuple[int, ...]] = (1, 2, 4, 8, 16, 32)

    def __init__(self, *shape: int) -> None:
        sides = _as_sides(shape, self.SIDES)
        bits = [side.bit_length() - 1 for side in sides]
        if sum(bits) == 0 or sum(bits) % 2:
            raise ValueError(f"a block must have 4, 16, 64, 256 or 1024 samples, not {math.prod(sides)}")
        flows = [f"wht{side}" if side > 2 else None for side in sides]
        quads = "wht4" if bits[0] % 2 else None
        super().__init__(sides, (flows[0], flows[1], quads) if len(flows) == 2 else (None, flows[0], None))


def _as_sides(shape: tuple[int, ...], allowed: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) not in (1, 2):
        raise ValueError(f"a block must have one side or two, not {len(shape)}")
    sides = tuple(as_integer("a side", side, allowed[0], allowed[-1]) for side in shape)
    if not set(sides) <= set(allowed):
        raise ValueError(f"a side must be one of {', '.join(map(str, allowed))}, not {' x '.join(map(str, sides))}")
    return sides
