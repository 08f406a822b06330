"""Dyadic adaptive models: CDFs that learn without ever leaving their total, a power of two.

The CDFs are integers with a total of 2^15 and never leave it: the update blends a CDF with that of a sure
symbol (draft-terriberry-netvc-codingtools-01, section 2.3), so rANS needs no division by the total.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc._native import _entropy
from pyggc.entropy.models.base import CDF_TOTAL, Model, as_int

__all__ = ["MAX_RATE", "MAX_SYMBOLS", "SCHEDULES", "DyadicModel"]

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


class DyadicModel(Model):
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
    >>> model = DyadicModel(4, num_contexts=2)
    >>> round(model.cost([0, 0, 0, 0]), 2)
    3.39
    >>> model.cdf_q15.tolist()
    [[0, 8192, 16384, 24576, 32768], [0, 8192, 16384, 24576, 32768]]
    """

    __slots__ = ("_rates", "_schedule")

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
        num_symbols = as_int(num_symbols, "num_symbols", 1, MAX_SYMBOLS)
        num_contexts = as_int(num_contexts, "num_contexts", 1, (1 << 32) - 1)
        rates = rate if isinstance(rate, tuple) else (rate,)
        if len(rates) not in (1, 2):
            raise ValueError(f"rate must be one integer or two, not {len(rates)}")
        self._rates = tuple(as_int(r, "rate", 0, MAX_RATE) for r in rates)
        if schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, not {schedule!r}")
        self._schedule = schedule
        count = as_int(initial_count, "initial_count", 0, CDF_TOTAL)
        lanes = _lanes_of(initial_cdfs, num_symbols, num_contexts)
        tables = [_gains(schedule, num_symbols, r) for r in self._rates]
        self._bank = _entropy.DyadicBank(
            num_symbols,
            self._rates,
            tables,
            np.repeat(lanes[:, np.newaxis], len(self._rates), axis=1),
            np.full(num_contexts, min(count, max(table.size for table in tables)), np.uint16),
        )

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
        lanes = self._bank.arrays()[0].astype(np.uint32)
        mixed = (lanes.sum(axis=1) + len(self._rates) - 1) // len(self._rates)
        out = np.zeros((self.num_contexts, self.num_symbols + 1), np.uint16)
        out[:, 1:] = mixed[:, : self.num_symbols]
        return out

    @property
    def counts(self) -> npt.NDArray[np.uint16]:
        """Position of each context in its schedule: uint16 (num_contexts,), saturating at its end; a copy."""
        return self._bank.arrays()[1]

    def _restarted(self, chosen: npt.NDArray[np.int64], cdfs: npt.NDArray[np.uint16]) -> _entropy.DyadicBank:
        """Return a bank in which the chosen contexts start from other CDFs, at the end of their schedule."""
        lanes, counts = self._bank.arrays()
        tables = [_gains(self._schedule, self.num_symbols, r) for r in self._rates]
        lanes[chosen] = _lanes_of(cdfs, self.num_symbols, len(chosen))[:, np.newaxis]
        counts[chosen] = max(table.size for table in tables)
        return _entropy.DyadicBank(self.num_symbols, self._rates, tables, lanes, counts)

    def _parameters(self) -> tuple[Any, ...]:
        return self.num_symbols, self.num_contexts, self._rates, self._schedule

    def _take(self, other: DyadicModel) -> None:
        self._rates, self._schedule = other._rates, other._schedule

    def __getstate__(self) -> tuple[Any, ...]:
        return self.num_symbols, self._rates, self._schedule, *self._bank.arrays()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        num_symbols, self._rates, self._schedule, lanes, counts = state
        tables = [_gains(self._schedule, num_symbols, r) for r in self._rates]
        self._bank = _entropy.DyadicBank(num_symbols, self._rates, tables, lanes, counts)

    def __repr__(self) -> str:
        return (
            f"DyadicModel(num_symbols={self.num_symbols}, num_contexts={self.num_contexts}, rate={self.rate}, "
            f"schedule={self._schedule!r})"
        )
