"""Where models start: default CDFs from counts, and updates where they pay.

draft-terriberry-netvc-codingtools-01, section 2.5, has four ways to spare a model what it would cost to learn. Implicit
defaults are `count_symbols` and `cdf_from_counts`; backward adaptation is using one model on; explicit adaptation is
`push_cdfs`; forward adaptation is `push_adapted`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc.entropy.coders.base import Decoder, Encoder, Shape, shape_of
from pyggc.entropy.coders.stack import RansStack
from pyggc.entropy.models import DyadicModel, Model, StaticModel
from pyggc.entropy.models.base import as_int
from pyggc.entropy.models.static import MAX_STATIC_SYMBOLS
from pyggc.entropy.updates import (
    cdfs_of,
    check_coder,
    expected_levels,
    frequencies,
    level_model,
    levels_of,
    pop_levels,
)

__all__ = ["count_symbols", "pop_adapted", "push_adapted"]


def count_symbols(
    symbols: npt.ArrayLike, num_symbols: int, contexts: npt.ArrayLike | None = None, num_contexts: int = 1
) -> npt.NDArray[np.int64]:
    """Count how often each symbol occurs in each context.

    Parameters
    ----------
    symbols : array_like of int, any shape
        Symbols in [0, num_symbols).
    num_symbols : int
        Size of the alphabet, 1 to 16384.
    contexts : array_like of int, optional
        Contexts in [0, num_contexts): one for all, as many as symbols, or what broadcasts against their shape. All 0 by
        default.
    num_contexts : int
        Number of contexts, at least 1.

    Returns
    -------
    ndarray of int64, shape (num_contexts, num_symbols)
        The counts. With something added, so that what has not occurred stays possible, `cdf_from_counts` makes default
        CDFs of them.

    Raises
    ------
    ValueError
        If a symbol or a context is out of range, or their shapes do not fit.
    TypeError
        If they are not integers.

    Examples
    --------
    >>> from pyggc.entropy import cdf_from_counts
    >>> counts = count_symbols([0, 1, 0, 2, 0], 3, [0, 0, 0, 1, 1], 2)
    >>> counts.tolist()
    [[2, 1, 0], [1, 0, 1]]
    >>> model = DyadicModel(3, 2, initial_cdfs=cdf_from_counts(2 * counts + 1), initial_count=16)
    """
    num_symbols = as_int(num_symbols, "num_symbols", 1, MAX_STATIC_SYMBOLS)
    num_contexts = as_int(num_contexts, "num_contexts", 1, (1 << 32) - 1)
    values = _integers(symbols, "symbols", num_symbols)
    ids = _spread(contexts, values.shape, num_contexts)
    flat = ids.reshape(-1) * num_symbols + values.reshape(-1)
    return np.bincount(flat, minlength=num_contexts * num_symbols).reshape(num_contexts, num_symbols).astype(np.int64)


def push_adapted(encoder: Encoder, symbols: npt.ArrayLike, model: Model, contexts: npt.ArrayLike | None = None) -> int:
    """Send symbols, and before them a new start for the contexts in which that saves more than it costs.

    The symbols are counted first (forward adaptation): a context gets a CDF of its counts, if what it saves over the
    model as it is pays for sending it as `push_cdfs` does. Besides, each context that occurs costs a flag, which is a
    fraction of a bit where most are alike; that is the most that this can lose against `Encoder.push`.

    Parameters
    ----------
    encoder : Encoder
        Any coder.
    symbols : array_like of int, any shape
        Symbols in [0, model.num_symbols).
    model : StaticModel or DyadicModel
        The model. Updated contexts have the new CDFs from here on; those of a dyadic model then adapt in
        the steady state.
    contexts : array_like of int, optional
        As for `Encoder.push`.

    Returns
    -------
    int
        Number of contexts that were updated.

    Raises
    ------
    ValueError
        If a symbol or a context is out of range, or their shapes do not fit.
    TypeError
        If an argument is not of its type.

    Examples
    --------
    >>> from pyggc.entropy import RansDecoder, RansEncoder
    >>> symbols = np.arange(3000) ** 2 % 16
    >>> encoder = RansEncoder()
    >>> push_adapted(encoder, symbols, StaticModel.from_counts([1] * 16))
    1
    >>> data = encoder.finish()
    >>> len(data)
    760
    >>> decoded = pop_adapted(RansDecoder(data), 3000, StaticModel.from_counts([1] * 16))
    >>> bool((decoded == symbols).all())
    True
    """
    check_coder(encoder, Encoder, "encoder")
    _check_model(model)
    values, ids = np.asarray(symbols), contexts
    plain = model.costs(values, ids)  # refuses what the model would, before anything is pushed
    ids = _spread(contexts, values.shape, model.num_contexts)
    if values.size == 0 or model.num_symbols == 1:
        encoder.push(symbols, model, contexts)
        return 0
    update = _plan(values, model, ids, plain)
    before = model._bank
    model._bank = _updated(model, update)
    parts: list[tuple[npt.NDArray[Any], Model, Any]] = [(update.flags, DyadicModel(2), None)]
    if update.flags.any():
        expected = expected_levels(update.levels, update.before)
        parts.append((update.levels.T, level_model(), expected.T))
    parts.append((values, model, ids))
    try:
        # What is pushed on a stack last comes out first.
        for part in reversed(parts) if isinstance(encoder, RansStack) else parts:
            encoder.push(*part)
    except BaseException:
        model._bank = before
        raise
    return len(update.levels)


def pop_adapted(
    decoder: Decoder,
    n: Shape,
    model: Model,
    contexts: npt.ArrayLike | None = None,
    *,
    out: npt.NDArray[Any] | None = None,
) -> npt.NDArray[Any]:
    """Receive what `push_adapted` sent; the model is left as the encoder's was.

    Parameters
    ----------
    decoder : Decoder
        Any coder.
    n : int or tuple of int
        Number of symbols, or the shape of the result.
    model : StaticModel or DyadicModel
        In the state that the encoder's model had before.
    contexts : array_like of int, optional
        The encoder's.
    out : ndarray of int, C-contiguous, optional
        As for `Decoder.pop`.

    Returns
    -------
    ndarray, shape (n,) or n
        Symbols in [0, model.num_symbols), as `Decoder.pop` returns them.

    Raises
    ------
    BitstreamError
        If the stream does not hold so much, or no such updates.
    ValueError
        If a context is out of range, their shape does not fit, or `out` does not.
    TypeError
        If an argument is not of its type.
    """
    check_coder(decoder, Decoder, "decoder")
    _check_model(model)
    shape = shape_of(n)
    ids = _spread(contexts, shape, model.num_contexts)
    if ids.size == 0 or model.num_symbols == 1:
        return decoder.pop(n, model, contexts, out=out)
    if out is not None:
        _check_out(out, shape, model.num_symbols - 1)
    used = np.unique(ids)
    flags = decoder.pop(used.size, DyadicModel(2))
    chosen = used[flags != 0]
    levels = before = _model_levels(model, chosen)
    if chosen.size:
        levels = pop_levels(decoder, before)
    model._bank = _updated(model, _Update(flags, chosen, levels, before))
    return decoder.pop(n, model, ids, out=out)


@dataclass(frozen=True)
class _Update:
    """Which of the contexts that occur are updated (flags, and their numbers), to what levels, from what levels."""

    flags: npt.NDArray[Any]
    chosen: npt.NDArray[np.int64]
    levels: npt.NDArray[np.int64]
    before: npt.NDArray[np.int64]


def _plan(
    symbols: npt.NDArray[Any], model: Model, ids: npt.NDArray[np.int64], plain: npt.NDArray[np.float64]
) -> _Update:
    """Choose the contexts to update: all that may gain, less those that turn out not to pay, until none is left."""
    used, compact = np.unique(ids, return_inverse=True)
    compact = compact.reshape(-1)
    counts = count_symbols(symbols, model.num_symbols, compact.reshape(ids.shape), used.size)
    levels, before = levels_of(counts), _model_levels(model, used)
    flags = np.ones(used.size, np.uint8)
    twin = model.copy()
    twin._bank = _updated(model, _Update(flags, used, levels, before))
    saved = np.bincount(compact, (plain - twin.costs(symbols, ids)).reshape(-1), used.size)
    expected = expected_levels(levels, before)
    keep = np.flatnonzero(saved > 0)
    while keep.size:
        flags = np.zeros(used.size, np.uint8)
        flags[keep] = 1
        spent = level_model().costs(levels[keep].T, expected[keep].T).sum(axis=0)
        each = DyadicModel(2).costs(flags)[keep]
        pays = saved[keep] > spent + each
        if pays.all():
            break
        keep = keep[pays]
    flags = np.zeros(used.size, np.uint8)
    if keep.size:
        nothing = DyadicModel(2).cost(flags)
        flags[keep] = 1
        if saved[keep].sum() <= spent.sum() + DyadicModel(2).cost(flags) - nothing:
            keep, flags = keep[:0], np.zeros(used.size, np.uint8)
    return _Update(flags, used[keep], levels[keep], before[keep])


def _updated(model: Model, update: _Update) -> Any:
    """Return a bank of the model's kind with new CDFs in the updated contexts."""
    if update.chosen.size == 0:
        return model._bank
    return model._restarted(update.chosen, cdfs_of(update.levels))  # type: ignore[attr-defined]


def _model_levels(model: Model, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if chosen.size == 0:
        return np.zeros((0, model.num_symbols), np.int64)
    return levels_of(frequencies(model.cdf_q15[chosen]))  # type: ignore[attr-defined]


def _check_model(model: Model) -> None:
    if not isinstance(model, StaticModel | DyadicModel):
        raise TypeError(f"model must be a StaticModel or a DyadicModel, not {type(model).__name__}")


def _check_out(out: Any, shape: tuple[int, ...], limit: int) -> None:
    """Refuse what `Decoder.pop` would, before anything is decoded."""
    if not isinstance(out, np.ndarray) or out.dtype.kind not in "iu" or not out.dtype.isnative:
        raise TypeError("out must be an ndarray of integers in native byte order")
    if out.shape != shape or not (out.flags.c_contiguous and out.flags.aligned and out.flags.writeable):
        raise ValueError(f"out must be writable, aligned and C-contiguous, with the shape {shape}, not {out.shape}")
    if np.iinfo(out.dtype).max < limit:
        raise ValueError(f"out must have a type that holds {limit}, not {out.dtype}")


def _integers(values: npt.ArrayLike, name: str, end: int) -> npt.NDArray[np.int64]:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iub":
        raise TypeError(f"{name} must hold integers, not {array.dtype}")
    if array.size and (array.min() < 0 or array.max() >= end):
        raise ValueError(f"{name} must lie in [0, {end - 1}]")
    return array.astype(np.int64)


def _spread(contexts: npt.ArrayLike | None, shape: tuple[int, ...], num_contexts: int) -> npt.NDArray[np.int64]:
    """Context of each symbol, as coders take them: one for all, as many as symbols, or what broadcasts."""
    if contexts is None:
        return np.zeros(shape, np.int64)
    ids = _integers(contexts, "contexts", num_contexts)
    if ids.size == np.prod(shape, dtype=np.int64):
        return ids.reshape(shape)
    try:
        return np.broadcast_to(ids.reshape(()) if ids.size == 1 else ids, shape)
    except ValueError:
        raise ValueError(
            f"contexts must be one a symbol, or broadcast against the symbols' shape {shape}, not have the shape "
            f"{ids.shape}"
        ) from None
