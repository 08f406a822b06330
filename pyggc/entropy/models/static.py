"""Static models: CDFs that never change, of alphabets of any size."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from pyggc._native import _entropy
from pyggc.entropy.models.base import CDF_TOTAL, Model, cdf_from_counts

__all__ = ["StaticModel"]

MAX_STATIC_SYMBOLS = CDF_TOTAL // 2
MAX_CONTEXTS = (1 << 32) - 1

#: Slots of a context's table of first symbols; more would leave the first-level cache.
_MAX_LOOKUP_BITS = 12

_Fixed = TypeVar("_Fixed", bound=_entropy.StaticBank)


def fixed_bank(rows: npt.NDArray[np.uint16], kind: type[_Fixed]) -> _Fixed:
    """Make a bank of valid CDFs (num_contexts, M + 1), which it keeps."""
    if len(rows) > MAX_CONTEXTS:
        raise ValueError(f"num_contexts must be at most {MAX_CONTEXTS}, not {len(rows)}")
    rows.flags.writeable = False
    return kind(rows, min((8 * (rows.shape[1] - 1)).bit_length(), _MAX_LOOKUP_BITS))


class StaticModel(Model):
    """Model of fixed probabilities, one CDF a context.

    Parameters
    ----------
    cdfs : array_like of int, shape (M + 1,) or (num_contexts, M + 1)
        Strictly increasing from 0 to 32768, 1 <= M <= 16384. One symbol costs nothing.

    Raises
    ------
    ValueError
        If a CDF is invalid.
    TypeError
        If the CDFs are not integers.

    See Also
    --------
    StaticModel.from_counts, StaticModel.from_pmf

    Examples
    --------
    >>> model = StaticModel([0, 16384, 24576, 32768])
    >>> model.cost([0, 1, 2])
    5.0
    """

    __slots__ = ()

    _bank: _entropy.StaticBank

    def __init__(self, cdfs: npt.ArrayLike) -> None:
        array = np.asarray(cdfs)
        if array.dtype.kind not in "iu":
            raise TypeError(f"cdfs must hold integers, not {array.dtype}")
        if array.ndim not in (1, 2) or not 2 <= array.shape[-1] <= MAX_STATIC_SYMBOLS + 1 or array.shape[0] == 0:
            raise ValueError(
                f"cdfs must have shape (M + 1,) or (num_contexts, M + 1), M from 1 to {MAX_STATIC_SYMBOLS}, "
                f"not {array.shape}"
            )
        if (array[..., 0] != 0).any() or (array[..., -1] != CDF_TOTAL).any():
            raise ValueError(f"cdfs must run from 0 to {CDF_TOTAL}")
        if (array[..., 1:] <= array[..., :-1]).any():
            raise ValueError("cdfs must be strictly increasing")
        rows = np.array(array, np.uint16, ndmin=2, order="C")
        self._bank = fixed_bank(rows, _entropy.StaticBank)

    @classmethod
    def from_counts(cls, counts: npt.ArrayLike) -> StaticModel:
        """Model of probabilities in proportion to counts; see `cdf_from_counts`.

        Parameters
        ----------
        counts : array_like of int, shape (M,) or (num_contexts, M)
            Occurrences of each symbol.

        Returns
        -------
        StaticModel

        Raises
        ------
        ValueError, TypeError
            As `cdf_from_counts` does.

        Examples
        --------
        >>> StaticModel.from_counts([[2, 1, 1], [1, 1, 2]]).num_contexts
        2
        """
        return cls(cdf_from_counts(counts))

    @classmethod
    def from_pmf(cls, pmf: npt.ArrayLike) -> StaticModel:
        """Model of given probabilities, none below one unit of 2^-15.

        Parameters
        ----------
        pmf : array_like of float, shape (M,) or (num_contexts, M)
            Finite and at least 0, of a positive sum along the last axis; they are normalized. Encoder and decoder need
            the same integers: where they run on different machines, send `cdf_q15`, or the same binary floats.

        Returns
        -------
        StaticModel

        Raises
        ------
        ValueError
            If a probability is negative or not finite, or all are zero.

        Examples
        --------
        >>> StaticModel.from_pmf([0.5, 0.25, 0.25]).cdf_q15.tolist()
        [[0, 16384, 24576, 32768]]
        """
        p = np.asarray(pmf, np.float64)
        if p.ndim not in (1, 2) or not 1 <= p.shape[-1] <= MAX_STATIC_SYMBOLS or p.shape[0] == 0:
            raise ValueError(f"pmf must have shape (M,) or (num_contexts, M), M from 1 to {MAX_STATIC_SYMBOLS}")
        if not np.isfinite(p).all() or (p < 0).any():
            raise ValueError("pmf must be finite and not negative")
        # A sequential sum of doubles, and a division and a product each rounded once: the same on every machine.
        ends = np.cumsum(p, axis=-1)
        if (ends[..., -1] <= 0).any() or not np.isfinite(ends).all():
            raise ValueError("pmf must have a positive, finite sum")
        ideal = np.rint(ends / ends[..., -1:] * CDF_TOTAL).astype(np.int64)
        m = p.shape[-1]
        k = np.arange(1, m + 1)
        # Push apart what rounding has joined: upward from the left, then down again from the right.
        raised = np.maximum.accumulate(ideal - k, axis=-1) + k
        raised = np.maximum(raised, k)
        room = CDF_TOTAL - (m - k)
        cdf = np.zeros((*p.shape[:-1], m + 1), np.int64)
        cdf[..., 1:] = np.minimum(raised, room)
        return cls(cdf)

    @property
    def cdf_q15(self) -> npt.NDArray[np.uint16]:
        """The CDFs: uint16 (num_contexts, M + 1), 0 first, 32768 last; read-only."""
        return self._bank.cdfs

    def _restarted(self, chosen: npt.NDArray[np.int64], cdfs: npt.NDArray[np.uint16]) -> _entropy.StaticBank:
        """Return a bank with other CDFs in the chosen contexts."""
        rows = self.cdf_q15.copy()
        rows[chosen] = cdfs
        return fixed_bank(rows, _entropy.StaticBank)

    def _parameters(self) -> tuple[Any, ...]:
        return (self.cdf_q15.shape, self.cdf_q15.tobytes())

    def _take(self, other: StaticModel) -> None:
        """Nothing: all is in the bank."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (StaticModel, (self.cdf_q15,))

    def __repr__(self) -> str:
        return f"StaticModel(num_symbols={self.num_symbols}, num_contexts={self.num_contexts})"
