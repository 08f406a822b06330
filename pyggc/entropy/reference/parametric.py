"""Parametric models, one symbol at a time."""

from __future__ import annotations

from pyggc.entropy.models import CDF_TOTAL
from pyggc.entropy.models.parametric import FAMILIES, MEAN_BITS

__all__ = ["ReferenceParametricModel", "parametric_cdf", "track_mean"]


def track_mean(expected: int, size: int, *, rate: int, fraction_bits: int = 0) -> int:
    """Move an expected value, in units of 2^-fraction_bits, by 2^-rate of the way to a symbol's magnitude.

    Parameters
    ----------
    expected : int
        The expected value before the symbol.
    size : int
        The magnitude, at least 0; here it may be of any size.
    rate, fraction_bits : int
        At least 0.

    Returns
    -------
    int
        ``expected + floor((size * 2^fraction_bits - expected) / 2^rate)``: the formula of the draft's section 2.2, and
        just that without fraction bits.

    Examples
    --------
    Without them a symbol moves the mean upward only if it is larger by 2^rate.

    >>> track_mean(3, 18, rate=4), track_mean(3, 19, rate=4), track_mean(3, 2, rate=4)
    (3, 4, 2)
    """
    return expected + ((size << fraction_bits) - expected >> rate)


def _cdf_of_mean(sizes: list[int], power: int, mean: int) -> list[int]:
    """Return the CDF with a given mean size, in units of 2^-16."""
    m, exponents = len(sizes), [size**power for size in sizes]
    flipped = mean * m > sum(sizes) << 16
    if flipped:
        exponents = [max(exponents) - e for e in exponents]

    def masses(base: int) -> list[int]:
        powers = [1 << 30]
        for _ in range(max(exponents)):
            powers.append(powers[-1] * base >> 20)
        return [powers[e] for e in exponents]

    low, high = 0, (1 << 20) + 1
    while high - low > 1:
        base = (low + high) // 2
        excess = sum(((size << 16) - mean) * mass for size, mass in zip(sizes, masses(base), strict=True))
        if excess == 0 or (excess > 0) == flipped:
            low = base
        else:
            high = base
    ends, running = [0], 0
    for k, mass in enumerate(masses(low), 1):
        running += mass
        ends.append(k + running * (CDF_TOTAL - m) // sum(masses(low)))
    return ends


def parametric_cdf(family: str, num_symbols: int, expected: int, fraction_bits: int = 16) -> list[int]:
    """Return the CDF of an expected value: interpolated between the two nearest ones of the grid.

    Parameters
    ----------
    family, num_symbols
        As for `ParametricModel`.
    expected : int
        In units of 2^-fraction_bits.
    fraction_bits : int
        0 to 16.

    Returns
    -------
    list of int, length num_symbols + 1

    Examples
    --------
    >>> parametric_cdf("laplace", 3, 1, fraction_bits=1)
    [0, 8192, 24575, 32768]
    """
    two_sided, power = FAMILIES[family]
    sizes = [abs(symbol - (num_symbols // 2 if two_sided else 0)) for symbol in range(num_symbols)]
    x = expected << (MEAN_BITS - fraction_bits)
    width = max(x.bit_length() - 1, 10) - 3
    low = x >> width << width
    high = min(low + (1 << width), max(sizes) << 16)
    a, b = (_cdf_of_mean(sizes, power, mean) for mean in (low, high))
    weight = (x - low << 15) >> width
    return [p + ((q - p) * weight >> 15) for p, q in zip(a, b, strict=True)]


class ReferenceParametricModel:
    """The state of a `ParametricModel`: `expected[context]` in units of 2^-fraction_bits, and `counts[context]`."""

    def __init__(
        self,
        family: str,
        num_symbols: int,
        num_contexts: int = 1,
        *,
        rate: int | None = 5,
        fraction_bits: int = 16,
        initial_means: list[float] | None = None,
        initial_count: int = 0,
    ) -> None:
        self.family, self.num_symbols, self.rate, self.fraction_bits = family, num_symbols, rate, fraction_bits
        self.center = num_symbols // 2 if FAMILIES[family][0] else 0
        if initial_means is None:
            total = sum(abs(symbol - self.center) for symbol in range(num_symbols))
            self.expected = [(total << fraction_bits) // (2 * num_symbols)] * num_contexts
        else:
            self.expected = [round(mean * (1 << fraction_bits)) for mean in initial_means]
        self.end = (1 << rate) - 2 if rate else 0
        self.counts = [min(initial_count, self.end)] * num_contexts

    def cdf(self, context: int) -> list[int]:
        """Return the CDF that codes the next symbol of a context."""
        return parametric_cdf(self.family, self.num_symbols, self.expected[context], self.fraction_bits)

    def adapt(self, symbol: int, context: int) -> None:
        """Move a context's expected value toward the symbol's magnitude."""
        if self.rate is None:
            return
        count = self.counts[context]
        rate = min((count + 2).bit_length() - 1, self.rate)
        size = abs(symbol - self.center)
        self.expected[context] = track_mean(self.expected[context], size, rate=rate, fraction_bits=self.fraction_bits)
        self.counts[context] = min(count + 1, self.end)
