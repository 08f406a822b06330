"""Where models start: default CDFs from counts, and updates of CDFs in the stream.

draft-terriberry-netvc-codingtools-01, section 2.5, has four ways to spare a model what it would cost to learn. Implicit
defaults are `count_symbols` and `cdf_from_counts`; backward adaptation is using one model on; explicit adaptation is
`push_cdfs`; forward adaptation is `push_adapted`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc.entropy.coders.base import Decoder, Encoder, Shape, shape_of
from pyggc.entropy.coders.stack import RansStack
from pyggc.entropy.models import CDF_TOTAL, DyadicModel, Model, StaticModel, cdf_from_counts
from pyggc.entropy.models.base import as_int
from pyggc.entropy.models.static import MAX_STATIC_SYMBOLS
from pyggc.errors import BitstreamError

__all__ = ["count_symbols", "pop_adapted", "pop_cdfs", "push_adapted", "push_cdfs"]

_TOP = 15

#: Weight of a level: half octaves below that of the most probable symbol; the last level is for symbols left out.
_WEIGHTS = np.array([0, 32, 45, 64, 91, 128, 181, 256, 362, 512, 724, 1024, 1448, 2048, 2896, 4096], np.int64)

#: The least that belongs to each level from 1 on, in parts of 4096 of the most probable symbol.
_THRESHOLDS = np.array([16, 38, 54, 76, 108, 152, 215, 304, 431, 609, 861, 1218, 1722, 2435, 3444], np.int64)

#: How likely, at first, a level is that differs by so much from what is expected.
_PRIOR = np.array([4096, 2435, 1448, 861, 512, 304, 181, 108, 64, 38, 23, 13, 8, 5, 3, 2], np.int64)


@lru_cache(maxsize=1)
def _initial_cdfs() -> npt.NDArray[np.uint16]:
    levels = np.arange(_TOP + 1)
    return cdf_from_counts(_PRIOR[np.abs(levels - levels[:, np.newaxis])])


def _level_model() -> DyadicModel:
    """Return the model of levels, the expected level being the context."""
    return DyadicModel(_TOP + 1, _TOP + 1, rate=5, initial_cdfs=_initial_cdfs(), initial_count=16)


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


def push_cdfs(
    encoder: Encoder, cdfs: npt.ArrayLike, *, previous: npt.ArrayLike | None = None
) -> npt.NDArray[np.uint16]:
    """Send CDFs, each probability to the nearest half octave.

    Parameters
    ----------
    encoder : Encoder
        Any coder.
    cdfs : array_like of int, shape (M + 1,) or (num_contexts, M + 1)
        Strictly increasing from 0 to 32768, 1 <= M <= 16384.
    previous : array_like of int, the same shape, optional
        CDFs that the decoder has: the nearer they are, the fewer bits it takes. None are sent for an alphabet of one.

    Returns
    -------
    ndarray of uint16, shape (num_contexts, M + 1)
        The CDFs as the decoder gets them. The models of both sides are to be made of these.

    Raises
    ------
    ValueError
        If a CDF is invalid, or the shapes do not fit.
    TypeError
        If an argument is not of its type.

    Examples
    --------
    >>> from pyggc.entropy import RansDecoder, RansEncoder, cdf_from_counts
    >>> encoder = RansEncoder()
    >>> sent = push_cdfs(encoder, cdf_from_counts([70, 20, 9, 1]))
    >>> sent.tolist()
    [[0, 23561, 29452, 32398, 32768]]
    >>> (pop_cdfs(RansDecoder(encoder.finish()), 4) == sent).all()
    True
    """
    _check_coder(encoder, Encoder, "encoder")
    rows = _checked_cdfs(cdfs, "cdfs")
    levels = _levels_of(_frequencies(rows))
    before = _previous_levels(previous, levels.shape)
    if levels.shape[1] > 1:
        encoder.push(levels.T, _level_model(), _expected_levels(levels, before).T)
    return _cdfs_of(levels)


def pop_cdfs(
    decoder: Decoder, num_symbols: int, num_contexts: int = 1, *, previous: npt.ArrayLike | None = None
) -> npt.NDArray[np.uint16]:
    """Receive what `push_cdfs` sent.

    Parameters
    ----------
    decoder : Decoder
        Any coder.
    num_symbols, num_contexts : int
        Shape of what was sent: M and the number of CDFs.
    previous : array_like of int, shape (M + 1,) or (num_contexts, M + 1), optional
        The encoder's.

    Returns
    -------
    ndarray of uint16, shape (num_contexts, M + 1)
        Valid CDFs, whatever the stream holds.

    Raises
    ------
    BitstreamError
        If the stream holds no CDFs.
    ValueError
        If an argument is out of range, or the shapes do not fit.
    TypeError
        If an argument is not of its type.
    """
    _check_coder(decoder, Decoder, "decoder")
    m = as_int(num_symbols, "num_symbols", 1, MAX_STATIC_SYMBOLS)
    shape = as_int(num_contexts, "num_contexts", 1, (1 << 32) - 1), m
    return _cdfs_of(_pop_levels(decoder, _previous_levels(previous, shape)))


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
    >>> (decoded == symbols).all()
    True
    """
    _check_coder(encoder, Encoder, "encoder")
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
        expected = _expected_levels(update.levels, update.before)
        parts.append((update.levels.T, _level_model(), expected.T))
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
    _check_coder(decoder, Decoder, "decoder")
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
        levels = _pop_levels(decoder, before)
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
    levels, before = _levels_of(counts), _model_levels(model, used)
    flags = np.ones(used.size, np.uint8)
    twin = model.copy()
    twin._bank = _updated(model, _Update(flags, used, levels, before))
    saved = np.bincount(compact, (plain - twin.costs(symbols, ids)).reshape(-1), used.size)
    expected = _expected_levels(levels, before)
    keep = np.flatnonzero(saved > 0)
    while keep.size:
        flags = np.zeros(used.size, np.uint8)
        flags[keep] = 1
        spent = _level_model().costs(levels[keep].T, expected[keep].T).sum(axis=0)
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
    return model._restarted(update.chosen, _cdfs_of(update.levels))  # type: ignore[attr-defined]


def _levels_of(weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Level of each symbol of rows of weights, none of them all zero: the nearest half octave below the largest."""
    largest = weights.max(axis=1, keepdims=True)
    # The thresholds that a weight reaches, in integers and without a third dimension of the array.
    levels = np.zeros(weights.shape, np.int64)
    for threshold in _THRESHOLDS:
        levels += weights * _WEIGHTS[_TOP] >= threshold * largest
    return levels


def _frequencies(cdfs: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    wide = cdfs.astype(np.int64)
    return wide[:, 1:] - wide[:, :-1]


def _cdfs_of(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
    return cdf_from_counts(_WEIGHTS[levels])


def _model_levels(model: Model, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if chosen.size == 0:
        return np.zeros((0, model.num_symbols), np.int64)
    return _levels_of(_frequencies(model.cdf_q15[chosen]))  # type: ignore[attr-defined]


def _previous_levels(previous: npt.ArrayLike | None, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    if previous is None:
        return np.full(shape, _TOP, np.int64)
    rows = _checked_cdfs(previous, "previous")
    if rows.shape != (shape[0], shape[1] + 1):
        raise ValueError(f"previous must be {shape[0]} CDFs of {shape[1]} symbols, not have the shape {rows.shape}")
    return _levels_of(_frequencies(rows))


def _next_expected(
    level: npt.NDArray[np.int64], before: npt.NDArray[np.int64], ahead: npt.NDArray[np.int64], half: npt.NDArray[Any]
) -> npt.NDArray[np.int64]:
    """Level to expect after a symbol: that of the CDF before, and half of what the symbol differed by from it."""
    expected: npt.NDArray[np.int64] = np.clip(ahead + ((level - before) >> half), 0, _TOP)
    return expected


def _halves(before: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """1 for each row, but 0 where the CDF before is flat and tells nothing: then the level before is expected."""
    half: npt.NDArray[np.int64] = (before.min(axis=1) < _TOP).astype(np.int64)
    return half


def _expected_levels(levels: npt.NDArray[np.int64], before: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Level to expect of each symbol, which is its context: shape (rows, M)."""
    expected = before.copy()
    half = _halves(before)[:, np.newaxis]
    expected[:, 1:] = _next_expected(levels[:, :-1], before[:, :-1], before[:, 1:], half)
    return expected


def _pop_levels(decoder: Decoder, before: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Decode levels, all rows' first symbols, then all second ones and so on."""
    if before.shape[1] == 1:
        return before
    model, half = _level_model(), _halves(before)
    levels, expected = np.empty(before.shape, np.int64), before[:, 0]
    for k in range(before.shape[1]):
        if k:
            expected = _next_expected(levels[:, k - 1], before[:, k - 1], before[:, k], half)
        levels[:, k] = decoder.pop(len(before), model, expected)
    found = levels.max(axis=1)
    if (found != _TOP).any():
        row = int(np.argmax(found != _TOP))
        raise BitstreamError(f"update of CDF {row}: expected a symbol of level {_TOP}, found at most {found[row]}")
    return levels


def _check_coder(coder: object, kind: type, name: str) -> None:
    if not isinstance(coder, kind):
        raise TypeError(f"{name} must be of a class of {kind.__name__}s, not {type(coder).__name__}")


def _check_model(model: Model) -> None:
    if not isinstance(model, StaticModel | DyadicModel):
        raise TypeError(f"model must be a StaticModel or a DyadicModel, not {type(model).__name__}")


def _check_out(out: Any, shape: tuple[int, ...], limit: int) -> None:
    """Refuse what `Decoder.pop` would, before anything is decoded."""
    if not isinstance(out, np.ndarray) or out.dtype.kind not in "iu" or not out.dtype.isnative:
        raise TypeError("out must be an ndarray of integers in native byte order")
    if out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"out must be writable and C-contiguous, with the shape {shape}, not {out.shape}")
    if np.iinfo(out.dtype).max < limit:
        raise ValueError(f"out must have a type that holds {limit}, not {out.dtype}")


def _checked_cdfs(cdfs: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    array = np.asarray(cdfs)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, not {array.dtype}")
    if array.ndim not in (1, 2) or not 2 <= array.shape[-1] <= MAX_STATIC_SYMBOLS + 1 or array.shape[0] == 0:
        raise ValueError(f"{name} must have the shape (M + 1,) or (num_contexts, M + 1), not {array.shape}")
    if (array[..., 0] != 0).any() or (array[..., -1] != CDF_TOTAL).any() or (array[..., 1:] <= array[..., :-1]).any():
        raise ValueError(f"{name} must be strictly increasing from 0 to {CDF_TOTAL}")
    return np.atleast_2d(array)


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
