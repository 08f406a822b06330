"""Adaptive models: what a coder asks for the interval of a symbol, and tells which one it was.

The CDFs are integers with a total of 2^15 and never leave it: the update blends a CDF with that of a sure
symbol (draft-terriberry-netvc-codingtools-01, section 2.3), so rANS needs no division by the total.
"""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc._native import _entropy

__all__ = ["CDF_BITS", "CDF_TOTAL", "MAX_RATE", "MAX_SYMBOLS", "SCHEDULES", "AdaptiveModel", "cdf_from_counts"]

CDF_BITS = 15
CDF_TOTAL = 1 << CDF_BITS
MAX_SYMBOLS = 16
MAX_RATE = 15

_LANES = 16


def _early_gains(num_symbols: int, rate: int) -> list[int]:
    """Follow the draft's early adaptation (section 2.5.3) for the first M symbols of a context."""
    return [CDF_TOTAL // (num_symbols + c) for c in range(num_symbols)]


def _fast_gains(num_symbols: int, rate: int) -> list[int]:
    """Count, with a quarter of a count a symbol to begin with, until a step is as small as the rate's."""
    return [4 * CDF_TOTAL // (num_symbols + 4 * (c + 1)) for c in range(1 << rate)]


def _steady_gains(num_symbols: int, rate: int) -> list[int]:
    """Adapt at the rate from the first symbol on."""
    return []


#: Name of a schedule -> the gains of the first symbols of a context, in units of 2^-15.
SCHEDULES = {"steady": _steady_gains, "early": _early_gains, "fast": _fast_gains}


@lru_cache(maxsize=256)
def _gains(schedule: str, num_symbols: int, rate: int) -> npt.NDArray[np.uint16]:
    table = np.array(SCHEDULES[schedule](num_symbols, rate), np.uint16)
    table.flags.writeable = False
    return table


def _as_int(value: Any, name: str, low: int, high: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {type(value).__name__}") from None
    if not low <= number <= high:
        raise ValueError(f"{name} must be in [{low}, {high}], not {number}")
    return number


def cdf_from_counts(counts: npt.ArrayLike) -> npt.NDArray[np.uint16]:
    """Integer CDFs in proportion to counts, no symbol below one unit of 2^-15.

    Parameters
    ----------
    counts : array_like of int, shape (..., M)
        Occurrences of each symbol, in [0, 2^44] and not all 0, 1 <= M <= 16.

    Returns
    -------
    ndarray of uint16, shape (..., M + 1)
        ``fl[k] = k + floor((counts[0] + ... + counts[k-1]) * (2^15 - M) / sum)``: 0 first, 32768 last, strictly
        increasing. Only integers are involved, so every machine gets the same CDF.

    Raises
    ------
    ValueError
        If the counts are negative, all zero, too large, or more than 16 symbols wide.
    TypeError
        If the counts are not integers.

    Examples
    --------
    >>> cdf_from_counts([2, 1, 1, 0]).tolist()
    [0, 16383, 24575, 32767, 32768]
    """
    array = np.asarray(counts)
    if array.dtype.kind not in "iu":
        raise TypeError(f"counts must hold integers, not {array.dtype}")
    if array.ndim == 0 or not 1 <= array.shape[-1] <= MAX_SYMBOLS:
        raise ValueError(f"counts must have 1 to {MAX_SYMBOLS} symbols along the last axis, not shape {array.shape}")
    if array.size and (array.min() < 0 or array.max() > 1 << 44):
        raise ValueError("counts must lie in [0, 2^44]")
    m = array.shape[-1]
    cumulative = np.concatenate([np.zeros_like(array[..., :1]), np.cumsum(array, axis=-1)], axis=-1).astype(np.uint64)
    total = cumulative[..., -1:]
    if array.size and total.min() == 0:
        raise ValueError("counts must not all be zero")
    cdf: npt.NDArray[np.uint64] = np.arange(m + 1, dtype=np.uint64) + cumulative * np.uint64(CDF_TOTAL - m) // total
    return cdf.astype(np.uint16)


def _lanes_of(initial_cdfs: npt.ArrayLike | None, num_symbols: int, num_contexts: int) -> npt.NDArray[np.uint16]:
    """Validate initial CDFs; return (num_contexts, 16) lanes: fl[1..], then the total."""
    lanes = np.full((num_contexts, _LANES), CDF_TOTAL, np.uint16)
    if initial_cdfs is None:
        lanes[:, :num_symbols] = np.arange(1, num_symbols + 1) * CDF_TOTAL // num_symbols
        return lanes
    cdfs = np.asarray(initial_cdfs)
    if cdfs.dtype.kind not in "iu":
        raise TypeError(f"initial_cdfs must hold integers, not {cdfs.dtype}")
    if cdfs.shape not in ((num_symbols + 1,), (num_contexts, num_symbols + 1)):
        raise ValueError(
            f"initial_cdfs must have shape ({num_symbols + 1},) or ({num_contexts}, {num_symbols + 1}), "
            f"not {cdfs.shape}"
        )
    if (cdfs[..., 0] != 0).any() or (cdfs[..., -1] != CDF_TOTAL).any():
        raise ValueError(f"initial_cdfs must run from 0 to {CDF_TOTAL}")
    if (cdfs[..., 1:] <= cdfs[..., :-1]).any():
        raise ValueError("initial_cdfs must be strictly increasing")
    lanes[:, :num_symbols] = cdfs[..., 1:]
    return lanes


class AdaptiveModel:
    """Dyadic adaptive model of an alphabet of 1 to 16 symbols, in any number of contexts.

    A context starts from a given CDF and moves toward each symbol coded in it. All contexts share the size of the
    alphabet and the speed. With two rates a context keeps two CDFs and codes with their average.

    Parameters
    ----------
    num_symbols : int
        Size of the alphabet, 1 to 16. One symbol costs nothing.
    num_contexts : int
        Number of contexts, at least 1.
    rate : int or (int, int)
        The steady state moves by 2^-rate a symbol, 0 to 15; two numbers mix two speeds.
    schedule : {"fast", "early", "steady"}
        How a context moves before that. ``"early"`` is the draft's early adaptation (its section 2.5.3), for the
        first M symbols; ``"fast"`` learns faster, until 2^rate symbols; ``"steady"`` does neither.
    initial_cdfs : array_like of int, shape (M + 1,) or (num_contexts, M + 1), optional
        Strictly increasing from 0 to 32768. Flat by default.
    initial_count : int
        How many symbols the initial CDFs are worth: where in its schedule each context starts, 0 to 32768.

    Raises
    ------
    ValueError
        If an argument is out of range or a CDF is invalid.
    TypeError
        If an argument is not of integers.

    Notes
    -----
    ``benchmarks/entropy.py`` measures what learning costs. The default is good from 200 symbols a context on; where the
    statistics do not drift, rate 8 saves another 0.01 to 0.02 bits a symbol, and ``rate=(6, 9)`` nearly as much with
    less to lose to drift, for up to 40 % more time. Initial CDFs of about the right shape are worth an `initial_count`
    of 16 to 32, and save a quarter to a half of what the first 200 symbols cost to learn.

    Examples
    --------
    >>> model = AdaptiveModel(4, num_contexts=2)
    >>> round(model.cost([0, 0, 0, 0]), 2)
    3.39
    >>> model.cdf_q15.tolist()
    [[0, 8192, 16384, 24576, 32768], [0, 8192, 16384, 24576, 32768]]
    """

    __slots__ = ("_bank", "_rates", "_schedule", "num_contexts", "num_symbols")

    def __init__(
        self,
        num_symbols: int,
        num_contexts: int = 1,
        *,
        rate: int | tuple[int, int] = 7,
        schedule: str = "fast",
        initial_cdfs: npt.ArrayLike | None = None,
        initial_count: int = 0,
    ) -> None:
        self.num_symbols = _as_int(num_symbols, "num_symbols", 1, MAX_SYMBOLS)
        self.num_contexts = _as_int(num_contexts, "num_contexts", 1, (1 << 32) - 1)
        rates = rate if isinstance(rate, tuple) else (rate,)
        if len(rates) not in (1, 2):
            raise ValueError(f"rate must be one integer or two, not {len(rates)}")
        self._rates = tuple(_as_int(r, "rate", 0, MAX_RATE) for r in rates)
        if schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, not {schedule!r}")
        self._schedule = schedule
        count = _as_int(initial_count, "initial_count", 0, CDF_TOTAL)
        lanes = _lanes_of(initial_cdfs, self.num_symbols, self.num_contexts)
        count = min(count, max(table.size for table in self._tables()))
        self._make_bank(
            np.ascontiguousarray(np.repeat(lanes[:, np.newaxis], len(self._rates), axis=1)),
            np.full(self.num_contexts, count, np.uint16),
        )

    def _tables(self) -> list[npt.NDArray[np.uint16]]:
        return [_gains(self._schedule, self.num_symbols, r) for r in self._rates]

    def _make_bank(self, lanes: npt.NDArray[np.uint16], counts: npt.NDArray[np.uint16]) -> None:
        self._bank = _entropy.DyadicBank(self.num_symbols, self._rates, self._tables(), lanes, counts)

    @property
    def rate(self) -> int | tuple[int, ...]:
        """The rate or rates that the model was made with."""
        return self._rates[0] if len(self._rates) == 1 else self._rates

    @property
    def schedule(self) -> str:
        """Name of the adaptation schedule."""
        return self._schedule

    @property
    def cdf_q15(self) -> npt.NDArray[np.uint16]:
        """The CDFs that would code the next symbol: uint16 (num_contexts, M + 1), 0 first, 32768 last; a copy."""
        lanes = self._bank.lanes().astype(np.uint32)
        mixed = (lanes.sum(axis=1) + len(self._rates) - 1) // len(self._rates)
        out = np.zeros((self.num_contexts, self.num_symbols + 1), np.uint16)
        out[:, 1:] = mixed[:, : self.num_symbols]
        return out

    @property
    def counts(self) -> npt.NDArray[np.uint16]:
        """Position of each context in its schedule: uint16 (num_contexts,), saturating at its end; a copy."""
        return self._bank.counts()

    def cost(self, symbols: npt.ArrayLike, contexts: npt.ArrayLike | None = None) -> float:
        """Bits that coding these symbols would take now; neither codes them nor adapts the model.

        Parameters
        ----------
        symbols : array_like of int, any shape
            Symbols in [0, num_symbols).
        contexts : array_like of int, as many as symbols, optional
            Contexts in [0, num_contexts); all 0 by default.

        Returns
        -------
        float
            The sum of -log2(p), p as the adapting model gives it. A rANS stream adds about three bytes.

        Raises
        ------
        ValueError
            If a symbol or a context is out of range, or their numbers differ.
        TypeError
            If they are not integers.

        Examples
        --------
        >>> AdaptiveModel(16).cost([3])
        4.0
        """
        return self._bank.cost(symbols, contexts)

    def copy(self) -> AdaptiveModel:
        """Return an independent model in the same state."""
        twin = AdaptiveModel.__new__(AdaptiveModel)
        twin.num_symbols, twin.num_contexts = self.num_symbols, self.num_contexts
        twin._rates, twin._schedule, twin._bank = self._rates, self._schedule, self._bank.copy()
        return twin

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> AdaptiveModel:
        return self.copy()

    def __eq__(self, other: object) -> bool:
        """Equal parameters and equal state: the two would code the same symbols to the same bytes."""
        if not isinstance(other, AdaptiveModel):
            return NotImplemented
        return self._parameters() == other._parameters() and self._bank.same_state(other._bank)

    __hash__ = None  # type: ignore[assignment]  # a model changes as it codes

    def _parameters(self) -> tuple[Any, ...]:
        return self.num_symbols, self.num_contexts, self._rates, self._schedule

    def __getstate__(self) -> tuple[Any, ...]:
        return (*self._parameters(), self._bank.lanes(), self._bank.counts())

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.num_symbols, self.num_contexts, self._rates, self._schedule, lanes, counts = state
        self._make_bank(lanes, counts)

    def __repr__(self) -> str:
        return (
            f"AdaptiveModel(num_symbols={self.num_symbols}, num_contexts={self.num_contexts}, rate={self.rate}, "
            f"schedule={self._schedule!r})"
        )
