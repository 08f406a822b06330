"""The tools of which reversible transforms are made: draft-terriberry-netvc-codingtools-01, section 3.1.

Each maps two arrays of int16 or int32, of one shape, to two new ones, and back, and wraps around at their width. They
are for building and understanding transforms; `DCT` and `WHT` are compiled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pyggc.arguments import as_integer
from pyggc.transforms.samples import Samples, as_samples

Pair = tuple[Samples, Samples]


@dataclass(frozen=True)
class SumDifference:
    """Sum and difference, both larger than those of an orthonormal transform by the square root of 2.

    The simplest of the draft's tools: ``y0 = x0 + x1`` and ``y1 = 2 x1 - y0``, which is x1 - x0. It wastes a bit: y0
    and y1 are even or odd together.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.transforms import SumDifference
    >>> y0, y1 = SumDifference().forward(np.array([7], np.int32), np.array([4], np.int32))
    >>> int(y0[0]), int(y1[0])
    (11, -3)
    """

    def forward(self, x0: ArrayLike, x1: ArrayLike) -> Pair:
        """Transform two arrays of one shape and dtype; TypeError or ValueError if they are not."""
        a, b = _as_pair("x", x0, x1)
        total = a + b
        return total, b + b - total

    def inverse(self, y0: ArrayLike, y1: ArrayLike) -> Pair:
        """Undo `forward`, as long as the sum was in the range of the dtype."""
        a, b = _as_pair("y", y0, y1)
        half = a + b >> 1
        return a - half, half


@dataclass(frozen=True)
class Butterfly:
    """Sum and difference of which one is too large by the square root of 2, and the other too small by it.

    Parameters
    ----------
    large : {"sum", "difference"}
        Which one is too large. With "sum", ``y0 = x0 + x1`` and ``y1 = x1 - (y0 >> 1)``; with "difference",
        ``y1 = x1 - x0`` and ``y0 = x0 + (y1 >> 1)``.

    Raises
    ------
    ValueError
        If it is something else.

    Examples
    --------
    >>> import numpy as np
    >>> from pyggc.transforms import Butterfly
    >>> y0, y1 = Butterfly("sum").forward(np.array([7], np.int32), np.array([4], np.int32))
    >>> int(y0[0]), int(y1[0])
    (11, -1)
    """

    large: str = "sum"

    def __post_init__(self) -> None:
        if self.large not in ("sum", "difference"):
            raise ValueError(f"large must be 'sum' or 'difference', not {self.large!r}")

    def forward(self, x0: ArrayLike, x1: ArrayLike) -> Pair:
        """Transform two arrays of one shape and dtype; TypeError or ValueError if they are not."""
        a, b = _as_pair("x", x0, x1)
        if self.large == "sum":
            total = a + b
            return total, b - (total >> 1)
        difference = b - a
        return a + (difference >> 1), difference

    def inverse(self, y0: ArrayLike, y1: ArrayLike) -> Pair:
        """Undo `forward`, of any input."""
        a, b = _as_pair("y", y0, y1)
        if self.large == "sum":
            last = b + (a >> 1)
            return a - last, last
        first = a - (b >> 1)
        return first, b + first


class _ThreeSteps:
    """x0 += first x1, x1 += middle x0, x0 += last x1, with rounded products."""

    angle: float
    bits: int

    def __post_init__(self) -> None:
        as_integer("bits", self.bits, 1, 15)
        if not 0 < abs(self.angle) < math.pi:
            raise ValueError(f"angle must be within (-pi, pi) and not 0, not {self.angle}")

    @property
    def factors(self) -> tuple[int, int, int]:
        """Those of the three steps, in units of 2^-bits."""
        first, middle, last = (round(factor * (1 << self.bits)) for factor in self._exact())
        return first, middle, last

    def forward(self, x0: ArrayLike, x1: ArrayLike) -> Pair:
        """Transform two arrays of one shape and dtype; TypeError or ValueError if they are not."""
        a, b = _as_pair("x", x0, x1)
        first, middle, last = self.factors
        a = self._lifted(a, b, first)
        b = self._lifted(b, a, middle)
        return self._lifted(a, b, last), b

    def inverse(self, y0: ArrayLike, y1: ArrayLike) -> Pair:
        """Undo `forward`, of any input."""
        a, b = _as_pair("y", y0, y1)
        first, middle, last = self.factors
        a = self._lifted(a, b, -last)
        b = self._lifted(b, a, -middle)
        return self._lifted(a, b, -first), b

    def _exact(self) -> tuple[float, float, float]:
        raise NotImplementedError

    def _lifted(self, target: Samples, source: Samples, factor: int) -> Samples:
        # The magnitude is multiplied and rounded, so that the opposite sign takes off what this one adds.
        product = source.astype(np.int64) * abs(factor) + (1 << self.bits - 1) >> self.bits
        step: Samples = product.astype(target.dtype)
        return target + step if factor > 0 else target - step


@dataclass(frozen=True)
class Rotation(_ThreeSteps):
    """A rotation by an angle, in three lifting steps: ``y0 = cos(t) x0 - sin(t) x1``, ``y1 = sin(t) x0 + cos(t) x1``.

    Parameters
    ----------
    angle : float
        In radians, within (-pi, pi), and not 0.
    bits : int, optional
        Of the factors after the point, 1 to 15.

    Raises
    ------
    TypeError, ValueError
        If they are not.

    Examples
    --------
    The factors of the draft's example, (27, -45, 27) / 64:

    >>> import math
    >>> from pyggc.transforms import Rotation
    >>> Rotation(-math.pi / 4, bits=6).factors
    (27, -45, 27)
    """

    angle: float
    bits: int = 15

    def _exact(self) -> tuple[float, float, float]:
        outer = -math.tan(self.angle / 2)  # (cos t - 1) / sin t
        return outer, math.sin(self.angle), outer


@dataclass(frozen=True)
class ScaledRotation(_ThreeSteps):
    """A rotation of what a `Butterfly` leaves: of a first input too large, a second too small, by the root of 2.

    ``y0 = (cos(t) x0 - 2 sin(t) x1) / sqrt(2)``, ``y1 = (sin(t) x0 + 2 cos(t) x1) / sqrt(2)``, in three lifting steps.

    Parameters
    ----------
    angle : float
        In radians, within (-pi, pi), and not 0.
    bits : int, optional
        Of the factors after the point, 1 to 15.

    Raises
    ------
    TypeError, ValueError
        If they are not.

    Examples
    --------
    The factors of the draft's 4-point transform, (-45, 42, -71) / 64:

    >>> import math
    >>> from pyggc.transforms import ScaledRotation
    >>> ScaledRotation(3 * math.pi / 8, bits=6).factors
    (-45, 42, -71)
    """

    angle: float
    bits: int = 15

    def _exact(self) -> tuple[float, float, float]:
        cosine, sine, root = math.cos(self.angle), math.sin(self.angle), math.sqrt(2)
        return (2 * cosine - root) / sine, sine / root, (cosine - root) / sine


def _as_pair(name: str, first: ArrayLike, second: ArrayLike) -> Pair:
    a, b = (np.atleast_1d(as_samples(f"{name}{i}", value)) for i, value in enumerate((first, second)))
    if a.shape != b.shape or a.dtype != b.dtype:
        raise ValueError(
            f"{name}0 and {name}1 must have one shape and dtype, not {a.dtype} {a.shape} and {b.dtype} {b.shape}"
        )
    return a, b
