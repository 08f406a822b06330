"""Sets on a stack, at no cost for the order of their elements: bits-back coding.

A sequence of N different elements can be put in N! orders, and who codes it pays log2(N!) bits to tell one of them
from the others. Where the order means nothing, that is waste. On a stack it can be had back: which element is coded
next is not chosen but popped, and the decoder, who sees the choice, pushes what was popped.

The method is that of Severo, Townsend, Khisti, Makhzani and Ullrich, "Compressing multisets with large alphabets"
(2021); ``docs/spec_entropy.rst`` defines the stream.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pyggc._native import _stack
from pyggc.entropy.coders.stack import RansStack
from pyggc.entropy.models import StaticModel
from pyggc.entropy.models.base import as_int, bank_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pyggc._native._entropy import Bank

__all__ = ["pop_set", "push_set", "set_savings"]

_MAX_SIZE = 1 << 32
_MAX_PRODUCT = 1 << 64


def push_set(stack: RansStack, rows: npt.ArrayLike, models: Sequence[int | StaticModel]) -> npt.NDArray[np.intp]:
    """Push a set of rows, of which some may be equal (a multiset).

    The set takes the information of its rows less `set_savings`. The first choices pop what lies below the set on the
    stack, so that these bits cost nothing either. Where that is not enough, as on a new stack, whose initial state is
    all there is to pop, up to two bytes are lost besides the 15 bits of that state.

    Parameters
    ----------
    stack : RansStack
        A stack of one state.
    rows : array_like of int, shape (N, D)
        The elements, 1 <= D <= 8, fewer than 2^32 of them.
    models : sequence of int or StaticModel, length D
        Of each column: n for a uniform distribution over [0, n), n <= 2^32 (above 2^24 a value may take up to 0.09 bits
        more than log2(n)); or a model of one context. The product of the sizes of their alphabets must be at most 2^64.

    Returns
    -------
    order : ndarray of intp, shape (N,)
        ``rows[order]`` is what `pop_set` gives: sorted by the first column, then by the second, and so on.

    Raises
    ------
    ValueError
        If a value is out of range, the shape does not fit, or the stack has several states.
    TypeError
        If an argument is of the wrong type.

    Examples
    --------
    >>> from pyggc.entropy import RansStack, pop_set, push_set
    >>> stack = RansStack()
    >>> push_set(stack, [[7, 1], [2, 0], [7, 1]], [10, 2])
    array([1, 0, 2])
    >>> pop_set(stack, 3, [10, 2]).tolist()
    [[2, 0], [7, 1], [7, 1]]
    >>> stack.is_empty
    True
    """
    _check_stack(stack)
    columns, sizes = _columns(models)
    keys = _keys(rows, sizes)
    order = np.argsort(keys, kind="stable")
    stack._core.push_set(keys[order], columns)
    return order


def pop_set(stack: RansStack, n: int, models: Sequence[int | StaticModel]) -> npt.NDArray[np.int64]:
    """Pop a set of rows.

    Any stack can be popped as a set, also where it is shorter than the set that was asked for: a wrong one shows in the
    end, where the stack is not what it was before the set was pushed (`RansStack.finish`).

    Parameters
    ----------
    stack : RansStack
        A stack of one state.
    n : int
        How many rows were pushed.
    models : sequence of int or StaticModel, length D
        As for `push_set`.

    Returns
    -------
    ndarray of int64, shape (n, D)
        Sorted by the first column, then by the second, and so on.

    Raises
    ------
    ValueError
        If an argument is out of range, or the stack has several states.
    TypeError
        If an argument is of the wrong type.

    Examples
    --------
    See `push_set`.
    """
    _check_stack(stack)
    columns, sizes = _columns(models)
    keys = np.empty(as_int(n, "n", 0, _MAX_SIZE - 1), np.uint64)
    stack._core.pop_set(columns, keys)
    rows = np.empty((len(keys), len(sizes)), np.int64)
    for column in range(len(sizes) - 1, 0, -1):
        keys, rows[:, column] = np.divmod(keys, np.uint64(sizes[column]))
    rows[:, 0] = keys
    return rows


def set_savings(rows: npt.ArrayLike) -> float:
    """Bits that the order of rows would take: log2(N! / (m[0]! m[1]! ...)), m being how often each of them occurs.

    Parameters
    ----------
    rows : array_like, shape (N, D) or (N,)
        The elements.

    Returns
    -------
    float
        Bits, at least 0.

    Raises
    ------
    ValueError
        If the array has another number of dimensions.

    Examples
    --------
    >>> from pyggc.entropy import set_savings
    >>> round(set_savings([[7, 1], [2, 0], [7, 1]]), 3)  # 3! / 2! = 3 orders
    1.585
    """
    array = np.asarray(rows)
    if array.ndim not in (1, 2):
        raise ValueError(f"rows must have shape (N, D) or (N,), not {array.shape}")
    if array.size == 0:
        return 0.0
    occurrences = np.unique(array, axis=0, return_counts=True)[1]
    often, times = np.unique(occurrences, return_counts=True)
    same = sum(int(k) * math.lgamma(int(m) + 1) for m, k in zip(often, times, strict=True))
    return max(math.lgamma(len(array) + 1) - same, 0.0) / math.log(2)


def _check_stack(stack: RansStack) -> None:
    if not isinstance(stack, RansStack):
        raise TypeError(f"stack must be a RansStack, not {type(stack).__name__}")
    if stack.states != 1:
        raise ValueError(f"stack must have one state, not {stack.states}")


def _columns(models: Sequence[int | StaticModel]) -> tuple[tuple[int | Bank, ...], list[int]]:
    """What the kernels know the columns by, and the sizes of their alphabets."""
    columns: list[int | Bank] = []
    sizes = []
    if not 1 <= len(models) <= _stack.MAX_SET_COLUMNS:
        raise ValueError(f"models must be 1 to {_stack.MAX_SET_COLUMNS}, not {len(models)}")
    for column, model in enumerate(models):
        if isinstance(model, StaticModel):
            if model.num_contexts != 1:
                raise ValueError(f"models[{column}] must have one context, not {model.num_contexts}")
            columns.append(bank_of(model))
            sizes.append(model.num_symbols)
        else:
            sizes.append(as_int(model, f"models[{column}]", 1, _MAX_SIZE))
            columns.append(sizes[-1])
    if math.prod(sizes) > _MAX_PRODUCT:
        raise ValueError(f"models must have alphabets whose sizes have a product of at most 2^64, not {sizes}")
    return tuple(columns), sizes


def _keys(rows: npt.ArrayLike, sizes: list[int]) -> npt.NDArray[np.uint64]:
    """The numbers that have the columns as their digits."""
    array = np.asarray(rows)
    if array.size == 0 and array.ndim < 3:
        return np.empty(0, np.uint64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"rows must hold integers, not {array.dtype}")
    if array.ndim != 2 or array.shape[1] != len(sizes):
        raise ValueError(f"rows must have shape (N, {len(sizes)}), a column a model, not {array.shape}")
    if len(array) >= _MAX_SIZE:
        raise ValueError(f"rows must be fewer than 2^32, not {len(array)}")
    keys = np.zeros(len(array), np.uint64)
    for column, size in enumerate(sizes):
        values = array[:, column]
        if values.min() < 0 or values.max() >= size:
            raise ValueError(f"column {column} of rows must lie in [0, {size - 1}]")
        keys = keys * np.uint64(size) + values.astype(np.uint64)
    return keys
