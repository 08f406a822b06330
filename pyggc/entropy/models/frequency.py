"""Frequency counts: adaptive models that count, of alphabets of up to 256 symbols."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc._native import _entropy
from pyggc.entropy.models.base import CDF_TOTAL, Model, as_int

__all__ = ["MAX_FREQUENCY_LIMIT", "MAX_FREQUENCY_SYMBOLS", "FrequencyModel"]

MAX_FREQUENCY_SYMBOLS = 256
MAX_FREQUENCY_LIMIT = (1 << 16) - 1

_LANES = 16


class FrequencyModel(Model):
    """Adaptive model of frequency counts: f[k] = increment * (times k has occurred) + offset.

    The probability of a symbol is its frequency over the sum of all. Before the sum would exceed the limit, all
    frequencies are halved, rounding up, so that older symbols count less and less
    (draft-terriberry-netvc-codingtools-01, section 2.2). The default increment and offset make the
    Krichevsky-Trofimov estimator: where the statistics do not drift, nothing costs less to learn.

    Parameters
    ----------
    num_symbols : int
        Size of the alphabet M, 1 to 256. One symbol costs nothing.
    num_contexts : int
        Number of contexts, at least 1.
    increment : int
        What a symbol adds to its frequency, at least 1.
    offset : int
        Frequency of a symbol that has never occurred, at least 1.
    limit : int
        Largest sum of the frequencies of a context: at least M + 2 * increment and M * offset, at most 32768, or 65535
        for the "division" partition of the range coder only, which takes no larger ones either. The smaller, the
        faster a context forgets.
    initial_counts : array_like of int, shape (M,) or (num_contexts, M), optional
        How often each symbol has occurred before; none by default.

    Raises
    ------
    ValueError
        If an argument is out of range, or the first frequencies exceed the limit.
    TypeError
        If an argument is not of integers.

    See Also
    --------
    DyadicModel : learns nearly as well, and codes faster.

    Notes
    -----
    rANS, and the range coder with the "multiply" partition, scale each interval to a total of 2^15 by an exact
    division: floor(fl * 2^15 / sum), which is strictly increasing for sums up to 2^15. The other partitions use the
    sum as it is, and `cost` does.

    A context remembers at most ``limit / increment`` symbols, and half as many after each halving: with
    ``increment=128, limit=32767`` about as many as the default `DyadicModel`, which costs more above the entropy.

    Examples
    --------
    >>> model = FrequencyModel(3)
    >>> round(model.cost([0, 0, 0]), 2)
    2.81
    >>> model.frequencies.tolist()
    [[1, 1, 1]]
    """

    __slots__ = ("_increment", "_limit", "_offset")

    def __init__(
        self,
        num_symbols: int,
        num_contexts: int = 1,
        *,
        increment: int = 2,
        offset: int = 1,
        limit: int = CDF_TOTAL,
        initial_counts: npt.ArrayLike | None = None,
    ) -> None:
        m = as_int(num_symbols, "num_symbols", 1, MAX_FREQUENCY_SYMBOLS)
        num_contexts = as_int(num_contexts, "num_contexts", 1, (1 << 32) - 1)
        limit = as_int(limit, "limit", m + 2, MAX_FREQUENCY_LIMIT)
        increment = as_int(increment, "increment", 1, (limit - m) // 2)
        self._offset = as_int(offset, "offset", 1, limit // m)
        frequencies = np.full((num_contexts, m), self._offset, np.int64)
        if initial_counts is not None:
            counts = np.asarray(initial_counts)
            if counts.dtype.kind not in "iu":
                raise TypeError(f"initial_counts must hold integers, not {counts.dtype}")
            if counts.shape not in ((m,), (num_contexts, m)):
                raise ValueError(f"initial_counts must have shape ({m},) or ({num_contexts}, {m}), not {counts.shape}")
            if (counts < 0).any() or (counts > limit).any():
                raise ValueError(f"initial_counts must lie in [0, {limit}]")
            frequencies += increment * counts.astype(np.int64)
        if frequencies.sum(axis=1).max() > limit:
            raise ValueError(f"initial_counts must make frequencies that sum to at most the limit of {limit}")
        self._bank = _entropy.FrequencyBank(m, increment, limit, _lanes_of(frequencies))
        self._increment, self._limit = increment, limit

    @property
    def increment(self) -> int:
        """What a symbol adds to its frequency."""
        return self._increment

    @property
    def offset(self) -> int:
        """Frequency of a symbol that has never occurred."""
        return self._offset

    @property
    def limit(self) -> int:
        """Largest sum of the frequencies of a context."""
        return self._limit

    @property
    def frequencies(self) -> npt.NDArray[np.uint16]:
        """The frequencies that would code the next symbol: uint16 (num_contexts, M); a copy."""
        ends: npt.NDArray[np.uint16] = self._bank.arrays()[0][:, : self.num_symbols]
        return np.diff(ends, axis=1, prepend=np.uint16(0))

    def _parameters(self) -> tuple[Any, ...]:
        return self.num_symbols, self.num_contexts, self._increment, self._offset, self._limit

    def _take(self, other: FrequencyModel) -> None:
        self._increment, self._offset, self._limit = other._increment, other._offset, other._limit

    def __getstate__(self) -> tuple[Any, ...]:
        return self._increment, self._offset, self._limit, self.frequencies

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._increment, self._offset, self._limit, frequencies = state
        lanes = _lanes_of(frequencies.astype(np.int64))
        self._bank = _entropy.FrequencyBank(frequencies.shape[1], self._increment, self._limit, lanes)

    def __repr__(self) -> str:
        return (
            f"FrequencyModel(num_symbols={self.num_symbols}, num_contexts={self.num_contexts}, "
            f"increment={self._increment}, offset={self._offset}, limit={self._limit})"
        )


def _lanes_of(frequencies: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
    """Cumulative frequencies from fl[1] on, filled up with the total to whole groups of 16."""
    num_contexts, m = frequencies.shape
    lanes = np.empty((num_contexts, -(-m // _LANES) * _LANES), np.uint16)
    lanes[:, :m] = np.cumsum(frequencies, axis=1)
    lanes[:, m:] = lanes[:, m - 1 : m]
    return lanes
