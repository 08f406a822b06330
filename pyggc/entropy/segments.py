"""Segments (tiles): streams of their own, coded side by side, each from the same start of the model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy.typing as npt

from pyggc.entropy.coders import RansDecoder, RansEncoder
from pyggc.entropy.coders.base import Decoder, Encoder, Shape
from pyggc.entropy.models.base import Model, as_int, bank_of

__all__ = ["decode_segments", "encode_segments"]

_Result = TypeVar("_Result")


def encode_segments(
    segments: Sequence[npt.ArrayLike],
    model: Model,
    contexts: Sequence[npt.ArrayLike | None] | None = None,
    *,
    coder: Callable[[], Encoder] = RansEncoder,
    threads: int | None = None,
) -> list[bytes]:
    """Code each segment to a stream of its own, from the model's present state.

    Parameters
    ----------
    segments : sequence of array_like of int
        The symbols of each segment, of any shape.
    model : Model
        Each segment gets a copy of it; the model itself stays as it is.
    contexts : sequence of array_like of int or None, as long as segments, optional
        The contexts of each segment, as for `Encoder.push`.
    coder : callable
        What makes an encoder.
    threads : int, optional
        How many segments to code at a time; as many as there are processors by default. The streams are the same.

    Returns
    -------
    list of bytes
        One stream a segment.

    Raises
    ------
    ValueError
        If a symbol or a context is out of range, or the numbers of segments and contexts differ.
    TypeError
        If an argument is not of its type.

    Examples
    --------
    >>> from pyggc.entropy import DyadicModel
    >>> import numpy as np
    >>> tiles = [np.arange(4000).reshape(40, 100) % k for k in (2, 5, 9)]
    >>> streams = encode_segments(tiles, DyadicModel(16))
    >>> [len(stream) for stream in streams]
    [510, 1180, 1615]
    >>> decoded = decode_segments(streams, [tile.shape for tile in tiles], DyadicModel(16))
    >>> all((a == b).all() for a, b in zip(tiles, decoded))
    True
    """
    bank_of(model)
    ids = _one_each(contexts, len(segments), "contexts")

    def work(k: int) -> bytes:
        encoder = coder()
        if not isinstance(encoder, Encoder) or isinstance(encoder, Decoder):
            raise TypeError(f"coder must make Encoders, not a {type(encoder).__name__}")
        encoder.push(segments[k], model.copy(), ids[k])
        return encoder.finish()

    return _map(work, len(segments), threads)


def decode_segments(
    streams: Sequence[bytes],
    shapes: Sequence[Shape],
    model: Model,
    contexts: Sequence[npt.ArrayLike | None] | None = None,
    *,
    decoder: Callable[[bytes], Decoder] = RansDecoder,
    threads: int | None = None,
) -> list[npt.NDArray[Any]]:
    """Decode what `encode_segments` coded, all segments or any of them.

    Parameters
    ----------
    streams : sequence of bytes
        One stream a segment.
    shapes : sequence of (int or tuple of int), as long as streams
        Number of symbols of each segment, or its shape.
    model : Model
        In the state of the encoder's; it stays as it is.
    contexts : sequence of array_like of int or None, as long as streams, optional
        The encoder's.
    decoder : callable
        What makes a decoder of a stream.
    threads : int, optional
        How many segments to decode at a time; as many as there are processors by default.

    Returns
    -------
    list of ndarray
        The symbols of each segment, as `Decoder.pop` returns them.

    Raises
    ------
    BitstreamError
        If a stream does not hold just its segment. Of several errors, that of the first segment is raised.
    ValueError
        If a context is out of range, or the numbers of streams, shapes and contexts differ.
    TypeError
        If an argument is not of its type.
    """
    bank_of(model)
    sizes = _one_each(shapes, len(streams), "shapes")
    ids = _one_each(contexts, len(streams), "contexts")

    def work(k: int) -> npt.NDArray[Any]:
        source = decoder(streams[k])
        if not isinstance(source, Decoder):
            raise TypeError(f"decoder must make Decoders, not a {type(source).__name__}")
        symbols = source.pop(sizes[k], model.copy(), ids[k])
        source.finish()
        return symbols

    return _map(work, len(streams), threads)


def _one_each(values: Iterable[Any] | None, n: int, name: str) -> list[Any]:
    """Check that there is one value a segment."""
    if values is None:
        return [None] * n
    found = list(values)
    if len(found) != n:
        raise ValueError(f"{name} must have one entry a segment: {n}, not {len(found)}")
    return found


def _map(work: Callable[[int], _Result], n: int, threads: int | None) -> list[_Result]:
    """Do the work of all segments; the first one's exception is raised, when all that were begun have ended."""
    workers = min(os.cpu_count() or 1 if threads is None else as_int(threads, "threads", 1, 1 << 16), n)
    if workers <= 1:
        return [work(k) for k in range(n)]
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work, k) for k in range(n)]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
