"""Parametric models: one number a context, the expected value, says all about its CDF, and adapts.

draft-terriberry-netvc-codingtools-01, section 2.2, item 2: the expected value is a moving average, and the CDF comes
from a table over a grid of expected values, interpolated. The tables are made of integers alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc._native import _entropy
from pyggc.entropy.models.base import CDF_TOTAL, Model, as_int

__all__ = ["FAMILIES", "ParametricModel", "parametric_table"]

MAX_SYMBOLS = 16
MAX_RATE = 15
MEAN_BITS = 16

_LANES = 16
_GRID_EXPONENT = 10
_GRID_STEPS = 8
_WEIGHT_BITS = 15
_BASE_BITS = 20
_POWER_BITS = 30  # products of all of these stay below 2^63

#: Name of a family -> whether it is two-sided, and the power of the distance that its probabilities fall with.
FAMILIES = {"exponential": (False, 1), "laplace": (True, 1), "gaussian": (True, 2)}


def distances(family: str, num_symbols: int) -> list[int]:
    """How far each symbol is from the center of its family: that is what the expected value is the mean of."""
    center = num_symbols // 2 if FAMILIES[family][0] else 0
    return [abs(symbol - center) for symbol in range(num_symbols)]


def grid(largest: int) -> list[int]:
    """Expected values of the rows of a table, in units of 2^-16: up to the largest distance, and that once more."""
    points: list[int] = []
    top, k = largest << MEAN_BITS, 0
    while not points or points[-1] < top:
        octave, step = divmod(k, _GRID_STEPS)
        scale = _GRID_EXPONENT - 3 + max(octave - 1, 0)
        points.append((step + (_GRID_STEPS if octave else 0)) << scale)
        k += 1
    return [*points, top]


def _powers(base: npt.NDArray[np.int64], top: int) -> list[npt.NDArray[np.int64]]:
    """Powers 0 to top of numbers in units of 2^-20, in units of 2^-30, each rounded down."""
    powers = [np.full(base.shape, 1 << _POWER_BITS, np.int64)]
    for _ in range(top):
        powers.append(powers[-1] * base >> _BASE_BITS)
    return powers


def _masses(sizes: list[int], power: int, means: npt.NDArray[np.int64], flipped: bool) -> list[npt.NDArray[np.int64]]:
    """Find the base for which masses base^(size^power) have each mean, by bisection; return them, in units of 2^-30.

    A mean above that of equal masses would need a base above 1: `flipped` counts the exponents from the other end.
    """
    exponents = [size**power for size in sizes]
    top = max(exponents)
    if flipped:
        exponents = [top - e for e in exponents]
    # The largest base, at most 1, whose mean has not passed the one wanted. At 0 it has not: all mass is at one end.
    base = np.zeros(means.shape, np.int64)
    for bit in range(_BASE_BITS, -1, -1):
        trial = np.minimum(base + (1 << bit), 1 << _BASE_BITS)
        powers = _powers(trial, top)
        excess = sum(((size << MEAN_BITS) - means) * powers[e] for size, e in zip(sizes, exponents, strict=True))
        base = np.where((excess >= 0) if flipped else (excess <= 0), trial, base)
    powers = _powers(base, top)
    return [powers[e] for e in exponents]


@lru_cache(maxsize=64)
def parametric_table(family: str, num_symbols: int) -> npt.NDArray[np.uint16]:
    """Return the CDFs of a family on the grid of expected values.

    Parameters
    ----------
    family : str
        One of `FAMILIES`.
    num_symbols : int
        Size of the alphabet, 1 to 16.

    Returns
    -------
    ndarray of uint16, shape (points, 16)
        fl[1], fl[2], ..., with 32768 from the last symbol on; one row a point of the grid, the last one twice.
        Read-only.
    """
    sizes = distances(family, num_symbols)
    means = np.array(grid(max(sizes)), np.int64)
    lanes = np.full((means.size, _LANES), CDF_TOTAL, np.uint16)
    for flipped in (False, True):
        rows = (means * num_symbols > sum(sizes) << MEAN_BITS) == flipped
        ends = np.cumsum(_masses(sizes, FAMILIES[family][1], means[rows], flipped), axis=0)
        for k in range(num_symbols):
            lanes[rows, k] = k + 1 + ends[k] * (CDF_TOTAL - num_symbols) // ends[-1]
    return _entropy.parametric_table(lanes)


def _fixed_means(initial_means: npt.ArrayLike | None, largest: int, num_contexts: int, unit: int) -> npt.NDArray[Any]:
    """Validate initial means; return them to the nearest unit, shape (num_contexts,)."""
    means = np.asarray(initial_means)
    if means.dtype.kind not in "iuf":
        raise TypeError(f"initial_means must hold numbers, not {means.dtype}")
    if means.size not in (1, num_contexts):
        raise ValueError(f"initial_means must be one number, or one a context: {num_contexts}, not {means.size}")
    means = means.astype(np.float64).reshape(-1)
    if not ((means >= 0) & (means <= largest)).all():  # not a number is none of both
        raise ValueError(f"initial_means must lie in [0, {largest}], the distances of this family")
    # A product with a power of two is exact, so one rounding decides: the same on every machine.
    return np.broadcast_to(np.rint(means * unit).astype(np.uint32), (num_contexts,))


class ParametricModel(Model):
    """Model of a family of distributions, each context's being told by one number: its expected value.

    It learns from fewer symbols than a `DyadicModel`, as there is less to learn, and follows drift sooner; where the
    source is not of the family, it stays behind.

    Parameters
    ----------
    family : {"exponential", "laplace", "gaussian"}
        ``"exponential"``: a symbol is a magnitude, and the probabilities fall by one factor from each to the next, as
        those of a geometric distribution do. ``"laplace"`` and ``"gaussian"``: symbol s stands for the residual
        s - M // 2, and the probabilities fall with its magnitude or with its square. The alphabet cuts the tails off.
    num_symbols : int
        Size of the alphabet, M, 1 to 16. One symbol costs nothing.
    num_contexts : int
        Number of contexts, at least 1.
    rate : int or None
        The steady state moves by 2^-rate of the way to each symbol's magnitude, 0 to 15. None: the means are given, and
        stay; the contexts of symbols then choose among them.
    fraction_bits : int
        Of the expected values, after the point, 0 to 16. With few of them the means come out too small, since a step is
        rounded down; with none, by far.
    initial_means : array_like of float, one number or `num_contexts` of them in any shape, optional
        Expected magnitude of the symbols, or of the residuals, in [0, M - 1] or [0, M // 2]; kept to the nearest
        2^-fraction_bits. By default half of what makes all symbols equally likely.
    initial_count : int
        How many symbols the initial means are worth, 0 to 32768. A new context moves faster: twice by 1/2, four times
        by 1/4, eight times by 1/8 and so on, until that is 2^-rate. With 2^rate or more a context is in the steady
        state from the first symbol on.

    Raises
    ------
    ValueError
        If an argument is out of range.
    TypeError
        If an argument is not of its type.

    Notes
    -----
    The mean is that of the finite alphabet, its tail cut off: among all distributions on the alphabet that have it, the
    exponential and the Laplace one are those of the greatest entropy. ``benchmarks/adaptation.py`` measures what
    learning costs: on a source of its family a fifth to a half of what it costs a `DyadicModel`.

    Examples
    --------
    >>> from pyggc.entropy import RansEncoder
    >>> model = ParametricModel("exponential", 16)
    >>> RansEncoder().push([0, 1, 0, 0, 2, 0, 1, 0], model)
    >>> model.expected.round(2).tolist()
    [0.74]

    Given means, one a symbol:

    >>> means = np.array([[0.5, 1.0], [2.0, 4.0]])
    >>> model = ParametricModel("laplace", 15, 4, rate=None, initial_means=means)
    >>> model.costs([[7, 6], [7, 9]], np.arange(4).reshape(2, 2)).round(1).tolist()
    [[0.7, 2.5], [2.2, 4.1]]
    """

    __slots__ = ("_family", "_fraction_bits", "_rate")

    def __init__(
        self,
        family: str,
        num_symbols: int,
        num_contexts: int = 1,
        *,
        rate: int | None = 5,
        fraction_bits: int = MEAN_BITS,
        initial_means: npt.ArrayLike | None = None,
        initial_count: int = 0,
    ) -> None:
        if family not in FAMILIES:
            raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {family!r}")
        num_symbols = as_int(num_symbols, "num_symbols", 1, MAX_SYMBOLS)
        num_contexts = as_int(num_contexts, "num_contexts", 1, (1 << 32) - 1)
        self._family = family
        self._rate = None if rate is None else as_int(rate, "rate", 0, MAX_RATE)
        self._fraction_bits = as_int(fraction_bits, "fraction_bits", 0, MEAN_BITS)
        count = as_int(initial_count, "initial_count", 0, CDF_TOTAL)
        sizes = distances(family, num_symbols)
        if initial_means is None:
            expected = np.full(num_contexts, (sum(sizes) << self._fraction_bits) // (2 * num_symbols), np.uint32)
        else:
            expected = _fixed_means(initial_means, max(sizes), num_contexts, 1 << self._fraction_bits)
        steady = (1 << self._rate) - 2 if self._rate else 0
        self._make(num_symbols, expected, np.full(num_contexts, min(count, steady), np.uint16))

    def _make(self, num_symbols: int, expected: npt.NDArray[np.uint32], counts: npt.NDArray[np.uint16]) -> None:
        """Make the bank."""
        self._bank = _entropy.ParametricBank(
            num_symbols,
            parametric_table(self._family, num_symbols),
            num_symbols // 2 if FAMILIES[self._family][0] else 0,
            -1 if self._rate is None else self._rate,
            self._fraction_bits,
            expected,
            counts,
        )

    @property
    def family(self) -> str:
        """Name of the family."""
        return self._family

    @property
    def rate(self) -> int | None:
        """The rate of the steady state; None if the means are given."""
        return self._rate

    @property
    def fraction_bits(self) -> int:
        """Bits of the expected values after the point."""
        return self._fraction_bits

    @property
    def expected(self) -> npt.NDArray[np.float64]:
        """The expected magnitude in each context: float64 (num_contexts,), exactly what the integers tell; a copy."""
        expected: npt.NDArray[np.float64] = self._bank.arrays()[0] / (1 << self._fraction_bits)
        return expected

    @property
    def counts(self) -> npt.NDArray[np.uint16]:
        """Symbols seen in each context, as far as they matter to its speed: uint16 (num_contexts,); a copy."""
        return self._bank.arrays()[1]

    @property
    def cdf_q15(self) -> npt.NDArray[np.uint16]:
        """The CDFs that would code the next symbol: uint16 (num_contexts, M + 1), 0 first, 32768 last; a copy."""
        table = parametric_table(self._family, self.num_symbols).astype(np.int64)
        points = np.array(grid(max(distances(self._family, self.num_symbols))), np.int64)
        x = self._bank.arrays()[0].astype(np.int64) << (MEAN_BITS - self._fraction_bits)
        k = np.searchsorted(points[:-1], x, side="right") - 1
        weight = ((x - points[k]) << _WEIGHT_BITS) // np.maximum(points[k + 1] - points[k], 1)
        lanes = table[k] + ((table[k + 1] - table[k]) * weight[:, np.newaxis] >> _WEIGHT_BITS)
        out = np.zeros((self.num_contexts, self.num_symbols + 1), np.uint16)
        out[:, 1:] = lanes[:, : self.num_symbols]
        return out

    def _parameters(self) -> tuple[Any, ...]:
        return self._family, self.num_symbols, self.num_contexts, self._rate, self._fraction_bits

    def _take(self, other: ParametricModel) -> None:
        self._family, self._rate, self._fraction_bits = other._family, other._rate, other._fraction_bits

    def __getstate__(self) -> tuple[Any, ...]:
        return self._family, self._rate, self._fraction_bits, self.num_symbols, *self._bank.arrays()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._family, self._rate, self._fraction_bits, num_symbols, expected, counts = state
        self._make(num_symbols, expected, counts)

    def __repr__(self) -> str:
        return (
            f"ParametricModel({self._family!r}, num_symbols={self.num_symbols}, num_contexts={self.num_contexts}, "
            f"rate={self._rate}, fraction_bits={self._fraction_bits})"
        )
