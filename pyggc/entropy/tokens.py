"""Integers beyond an alphabet: a token to be modeled, and extra bits that are not worth modeling."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["EscapedInteger", "HybridInteger", "zigzag_decode", "zigzag_encode"]


def zigzag_encode(values: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """Map signed integers to unsigned ones, small magnitudes first: 0, -1, 1, -2, 2 -> 0, 1, 2, 3, 4.

    Parameters
    ----------
    values : array_like of int, any shape
        Values in [-2^63, 2^63).

    Returns
    -------
    ndarray of uint64, same shape
        ``2 v`` for v >= 0, ``-2 v - 1`` below.

    Raises
    ------
    TypeError
        If the values are not integers.
    ValueError
        If a value is 2^63 or more.

    Examples
    --------
    >>> zigzag_encode([0, -1, 1, -2, 2]).tolist()
    [0, 1, 2, 3, 4]
    """
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"values must hold integers, not {array.dtype}")
    if array.dtype == np.uint64 and array.size and array.max() > np.uint64(2**63 - 1):
        raise ValueError("values must lie in [-2^63, 2^63)")
    signed = array.astype(np.int64)
    return ((signed << 1) ^ (signed >> 63)).view(np.uint64)


def zigzag_decode(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Undo `zigzag_encode`.

    Parameters
    ----------
    values : array_like of int, any shape
        Values in [0, 2^64).

    Returns
    -------
    ndarray of int64, same shape
        The signed integers.

    Raises
    ------
    TypeError
        If the values are not integers.

    Examples
    --------
    >>> zigzag_decode([0, 1, 2, 3, 4]).tolist()
    [0, -1, 1, -2, 2]
    """
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"values must hold integers, not {array.dtype}")
    unsigned = array.astype(np.uint64)
    return (unsigned >> np.uint64(1)).view(np.int64) ^ -(unsigned & np.uint64(1)).view(np.int64)


def _floor_log2(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Exact floor(log2(v)), 0 for v = 0: by halves, since a float logarithm rounds near powers of two."""
    result = np.zeros(values.shape, np.uint64)
    rest = values.copy()
    for shift in (32, 16, 8, 4, 2, 1):
        large = (rest >> np.uint64(shift)) != 0
        step = large.astype(np.uint64) * np.uint64(shift)
        result += step
        rest >>= step
    return result


@dataclass(frozen=True)
class HybridInteger:
    """Split of unsigned integers into tokens and extra bits.

    Values below `direct` are their own token. A larger one, of n + 1 bits, has a token for n and for the
    `mantissa_bits` bits after the leading one; the n - mantissa_bits bits below those are extra.

    Parameters
    ----------
    num_tokens : int
        Size of the token alphabet, `direct` to 16 for one adaptive model; the largest value follows from it.
    direct : int
        Number of values that are their own token: a power of two, at least 2^mantissa_bits.
    mantissa_bits : int
        Modeled bits after the leading one, 0 to 3.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> split = HybridInteger(num_tokens=16, direct=8, mantissa_bits=1)
    >>> split.max_value
    127
    >>> [part.tolist() for part in split.encode([3, 8, 11, 12, 127])]
    [[3, 8, 8, 9, 15], [0, 0, 3, 0, 31], [0, 2, 2, 2, 5]]
    """

    num_tokens: int = 16
    direct: int = 8
    mantissa_bits: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.mantissa_bits <= 3:
            raise ValueError(f"mantissa_bits must be in [0, 3], not {self.mantissa_bits}")
        if self.direct < 1 << self.mantissa_bits or self.direct & (self.direct - 1):
            raise ValueError(f"direct must be a power of two, at least 2^mantissa_bits, not {self.direct}")
        if not self.direct <= self.num_tokens <= 16:
            raise ValueError(f"num_tokens must be in [{self.direct}, 16], not {self.num_tokens}")

    @property
    def max_value(self) -> int:
        """The largest value that the tokens reach."""
        octaves, part = divmod(self.num_tokens - self.direct, 1 << self.mantissa_bits)
        base = self.direct << octaves
        return base + (part * base >> self.mantissa_bits) - 1

    def num_extra_bits(self, tokens: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Width of the extra bits of each token.

        Parameters
        ----------
        tokens : array_like of int, any shape
            Tokens in [0, num_tokens).

        Returns
        -------
        ndarray of uint8, same shape
            0 to 15.

        Raises
        ------
        ValueError
            If a token is out of range.
        TypeError
            If the tokens are not integers.
        """
        return self.extra_bits[_checked(tokens, self.num_tokens - 1, "tokens").astype(np.intp)]

    def encode(
        self, values: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32], npt.NDArray[np.uint8]]:
        """Split values.

        Parameters
        ----------
        values : array_like of int, any shape
            Values in [0, max_value].

        Returns
        -------
        tokens : ndarray of uint8, same shape
            Tokens in [0, num_tokens).
        extra : ndarray of uint32, same shape
            The extra bits, in [0, 2^width).
        widths : ndarray of uint8, same shape
            Their widths.

        Raises
        ------
        ValueError
            If a value is out of range.
        TypeError
            If the values are not integers.
        """
        unsigned = _checked(values, self.max_value, "values")
        m, split = np.uint64(self.mantissa_bits), np.uint64(self.direct.bit_length() - 1)
        exponent = np.maximum(_floor_log2(unsigned), split)
        width = np.where(unsigned < self.direct, np.uint64(0), exponent - m)
        mantissa = (unsigned >> width) - (np.uint64(1) << m)
        token = np.where(
            unsigned < self.direct, unsigned, np.uint64(self.direct) + ((exponent - split) << m) + mantissa
        )
        extra = unsigned & ((np.uint64(1) << width) - np.uint64(1))
        return token.astype(np.uint8), extra.astype(np.uint32), width.astype(np.uint8)

    def decode(self, tokens: npt.ArrayLike, extra: npt.ArrayLike) -> npt.NDArray[np.uint32]:
        """Join tokens and extra bits.

        Parameters
        ----------
        tokens, extra : array_like of int, the same shape
            What `encode` returned.

        Returns
        -------
        ndarray of uint32, same shape
            Values in [0, max_value].

        Raises
        ------
        ValueError
            If a token is out of range, or its extra bits are.
        TypeError
            If they are not integers.
        """
        token = _checked(tokens, self.num_tokens - 1, "tokens").astype(np.intp)
        bits = _checked(extra, self.max_value, "extra")
        width = self.extra_bits[token]
        if (bits >> width).any():
            raise ValueError("extra must fit the widths of the tokens")
        return (self.bases[token] + bits).astype(np.uint32)

    @cached_property
    def extra_bits(self) -> npt.NDArray[np.uint8]:
        """Width of the extra bits of each token, shape (num_tokens,)."""
        steps = np.arange(self.num_tokens) - self.direct
        exponent = self.direct.bit_length() - 1 + (steps >> self.mantissa_bits)
        return np.where(steps < 0, 0, exponent - self.mantissa_bits).astype(np.uint8)

    @cached_property
    def bases(self) -> npt.NDArray[np.uint32]:
        """The smallest value of each token, shape (num_tokens,)."""
        token = np.arange(self.num_tokens, dtype=np.int64)
        mantissa = (1 << self.mantissa_bits) + ((token - self.direct) & ((1 << self.mantissa_bits) - 1))
        return np.where(token < self.direct, token, mantissa << self.extra_bits.astype(np.int64)).astype(np.uint32)


@dataclass(frozen=True)
class EscapedInteger:
    """Split of unsigned integers into those that an alphabet reaches, and an escape for all others.

    Values below num_tokens - 1 are their own token. The last token says that the value is that or more, and what it is
    more follows as an Exp-Golomb code.

    Parameters
    ----------
    num_tokens : int
        Size of the token alphabet, 1 to 16384.
    order : int
        Order of the Exp-Golomb codes, 0 to 31.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> split = EscapedInteger(num_tokens=4)
    >>> [part.tolist() for part in split.encode([0, 2, 3, 9])]
    [[0, 2, 3, 3], [0, 6]]
    """

    num_tokens: int
    order: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.num_tokens <= 1 << 14:
            raise ValueError(f"num_tokens must be in [1, 16384], not {self.num_tokens}")
        if not 0 <= self.order <= 31:
            raise ValueError(f"order must be in [0, 31], not {self.order}")

    @property
    def max_value(self) -> int:
        """The largest value that the codes reach."""
        return (1 << 32) - 1

    def encode(self, values: npt.ArrayLike) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint32]]:
        """Split values.

        Parameters
        ----------
        values : array_like of int, any shape
            Values in [0, max_value].

        Returns
        -------
        tokens : ndarray of uint16, same shape
            Tokens in [0, num_tokens).
        rest : ndarray of uint32, one-dimensional
            What the escaped values are above the least of them.

        Raises
        ------
        ValueError
            If a value is out of range.
        TypeError
            If the values are not integers.
        """
        unsigned = _checked(values, self.max_value, "values")
        least = np.uint64(self.num_tokens - 1)
        return np.minimum(unsigned, least).astype(np.uint16), (unsigned[unsigned >= least] - least).astype(np.uint32)

    def num_escapes(self, tokens: npt.ArrayLike) -> int:
        """How many of the tokens are the escape."""
        return int(np.count_nonzero(np.asarray(tokens) == self.num_tokens - 1))

    def decode(self, tokens: npt.ArrayLike, rest: npt.ArrayLike) -> npt.NDArray[np.uint32]:
        """Join tokens and what follows the escapes.

        Parameters
        ----------
        tokens, rest : array_like of int
            What `encode` returned.

        Returns
        -------
        ndarray of uint32, shape of tokens
            Values in [0, 2^32).

        Raises
        ------
        ValueError
            If a token or a sum is out of range, or `rest` has not one value an escape.
        TypeError
            If they are not integers.
        """
        values = _checked(tokens, self.num_tokens - 1, "tokens")
        more = _checked(rest, (1 << 32) - self.num_tokens, "rest")
        if more.ndim != 1 or more.size != self.num_escapes(values):
            raise ValueError(f"rest must have one value an escape: {self.num_escapes(values)}, not shape {more.shape}")
        values[values == self.num_tokens - 1] += more
        return values.astype(np.uint32)


def _checked(values: npt.ArrayLike, limit: int, name: str) -> npt.NDArray[np.uint64]:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, not {array.dtype}")
    if array.size and (array.min() < 0 or array.max() > limit):
        raise ValueError(f"{name} must lie in [0, {limit}]")
    return array.astype(np.uint64)
