"""Models of frequency counts, and of fixed probabilities."""

from __future__ import annotations

from itertools import accumulate
from typing import Protocol

from pyggc.entropy.models import CDF_TOTAL

__all__ = ["CodedModel", "ReferenceFrequencyModel", "ReferenceStaticModel", "scaled_cdf"]


class CodedModel(Protocol):
    """What the coders ask of a model."""

    def cdf(self, context: int) -> list[int]:
        """Return the CDF that codes the next symbol of a context."""

    def adapt(self, symbol: int, context: int) -> None:
        """Move a context toward the symbol coded in it."""


def scaled_cdf(fl: list[int]) -> list[int]:
    """Scale a CDF of any total up to 2^15 to that total.

    Parameters
    ----------
    fl : list of int, length M + 1
        Strictly increasing from 0 to the total.

    Returns
    -------
    list of int, length M + 1
        Strictly increasing from 0 to 32768.

    Examples
    --------
    >>> scaled_cdf([0, 1, 2, 3])
    [0, 10922, 21845, 32768]
    """
    return [end * CDF_TOTAL // fl[-1] for end in fl]


class ReferenceFrequencyModel:
    """The state of a `FrequencyModel`: `frequencies[context][symbol]`."""

    def __init__(
        self,
        num_symbols: int,
        num_contexts: int = 1,
        *,
        increment: int = 2,
        offset: int = 1,
        limit: int = CDF_TOTAL,
        initial_counts: list[list[int]] | None = None,
    ) -> None:
        self.increment, self.limit = increment, limit
        counts = initial_counts or [[0] * num_symbols] * num_contexts
        self.frequencies = [[increment * n + offset for n in row] for row in counts]

    def cdf(self, context: int) -> list[int]:
        """Return the CDF that codes the next symbol of a context."""
        return [0, *accumulate(self.frequencies[context])]

    def adapt(self, symbol: int, context: int) -> None:
        """Count a symbol."""
        row = self.frequencies[context]
        if sum(row) + self.increment > self.limit:
            row[:] = [(f + 1) // 2 for f in row]
        row[symbol] += self.increment


class ReferenceStaticModel:
    """`StaticModel`, with its CDFs."""

    def __init__(self, cdfs: list[list[int]]) -> None:
        self.cdfs = cdfs

    def cdf(self, context: int) -> list[int]:
        """Return the CDF of a context."""
        return self.cdfs[context]

    def adapt(self, symbol: int, context: int) -> None:
        """Do nothing."""
