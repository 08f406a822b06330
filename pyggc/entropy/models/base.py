"""What every model offers: a cost, a copy, equality, pickling; and the CDFs of integers that all of them rest on."""

from __future__ import annotations

import operator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pyggc._native import _entropy

__all__ = ["CDF_BITS", "CDF_TOTAL", "Model", "cdf_from_counts"]

CDF_BITS = 15
CDF_TOTAL = 1 << CDF_BITS


def as_int(value: Any, name: str, low: int, high: int) -> int:
    """Check an integer argument."""
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
        Occurrences of each symbol, in [0, 2^44] and not all 0, 1 <= M <= 2^14.

    Returns
    -------
    ndarray of uint16, shape (..., M + 1)
        ``fl[k] = k + floor((counts[0] + ... + counts[k-1]) * (2^15 - M) / sum)``: 0 first, 32768 last, strictly
        increasing. Only integers are involved, so every machine gets the same CDF.

    Raises
    ------
    ValueError
        If the counts are negative, all zero, too large, or too many symbols wide.
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
    if array.ndim == 0 or not 1 <= array.shape[-1] <= CDF_TOTAL // 2:
        raise ValueError(f"counts must have 1 to {CDF_TOTAL // 2} symbols along the last axis, not shape {array.shape}")
    if array.size and (array.min() < 0 or array.max() > 1 << 44):
        raise ValueError("counts must lie in [0, 2^44]")
    m = array.shape[-1]
    cumulative = np.concatenate([np.zeros_like(array[..., :1]), np.cumsum(array, axis=-1)], axis=-1).astype(np.uint64)
    total = cumulative[..., -1:]
    if array.size and total.min() == 0:
        raise ValueError("counts must not all be zero")
    if total.size and total.max() > 1 << 48:
        raise ValueError("counts must not sum to more than 2^48")
    cdf: npt.NDArray[np.uint64] = np.arange(m + 1, dtype=np.uint64) + cumulative * np.uint64(CDF_TOTAL - m) // total
    return cdf.astype(np.uint16)


class Model:
    """Base of all models: an alphabet of `num_symbols`, in each of `num_contexts` contexts.

    A coder asks a model for the interval of a symbol, or for the symbol of a slot, and the model learns from it, if it
    is of a kind that learns. A model may be used by any number of coders, one after the other: what it has learned
    stays (backward adaptation), until `copy` of an earlier state is taken instead.
    """

    __slots__ = ("_bank",)

    _bank: _entropy.Bank

    @property
    def num_symbols(self) -> int:
        """Size of the alphabet."""
        return self._bank.num_symbols

    @property
    def num_contexts(self) -> int:
        """Number of contexts."""
        return self._bank.num_contexts

    def cost(self, symbols: npt.ArrayLike, contexts: npt.ArrayLike | None = None) -> float:
        """Bits that coding these symbols would take now; neither codes them nor adapts the model.

        Parameters
        ----------
        symbols : array_like of int, any shape
            Symbols in [0, num_symbols).
        contexts : array_like of int, optional
            Contexts in [0, num_contexts): one for all, as many as symbols, or what broadcasts against their shape.
            All 0 by default.

        Returns
        -------
        float
            The sum of -log2(p), p as the adapting model gives it. A rANS stream adds about three bytes.

        Raises
        ------
        ValueError
            If a symbol or a context is out of range, or their shapes do not fit.
        TypeError
            If they are not integers.

        Examples
        --------
        >>> from pyggc.entropy import DyadicModel
        >>> DyadicModel(16).cost([3])
        4.0
        """
        return self._bank.costs(symbols, contexts, None)

    def costs(self, symbols: npt.ArrayLike, contexts: npt.ArrayLike | None = None) -> npt.NDArray[np.float64]:
        """Bits of each symbol, as `cost` adds them up.

        Parameters
        ----------
        symbols, contexts
            As for `cost`.

        Returns
        -------
        ndarray of float64, shape of symbols
            Bits, at least 0.

        Raises
        ------
        ValueError, TypeError
            As for `cost`.

        Examples
        --------
        >>> from pyggc.entropy import DyadicModel
        >>> DyadicModel(16).costs([3, 3]).round(2).tolist()
        [4.0, 2.0]
        """
        out = np.empty(np.shape(symbols), np.float64)
        self._bank.costs(symbols, contexts, out.reshape(-1))
        return out

    def copy(self) -> Self:
        """Return an independent model in the same state."""
        twin = type(self).__new__(type(self))
        twin._take(self)
        twin._bank = self._bank.copy()
        return twin

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __eq__(self, other: object) -> bool:
        """Equal parameters and equal state: the two would code the same symbols to the same bytes."""
        if not isinstance(other, Model) or type(other) is not type(self):
            return NotImplemented
        return self._parameters() == other._parameters() and self._bank.same_state(other._bank)

    __hash__ = None  # type: ignore[assignment]  # a model changes as it codes

    def _parameters(self) -> tuple[Any, ...]:
        """What besides the state decides how the model codes; comparable with ``==``."""
        raise NotImplementedError

    def _take(self, other: Self) -> None:
        """Take over the other's parameters."""
        raise NotImplementedError


def bank_of(model: Model) -> _entropy.Bank:
    """Return what the coders' kernels know a model by."""
    if not isinstance(model, Model):
        raise TypeError(f"model must be a Model, not {type(model).__name__}")
    return model._bank
