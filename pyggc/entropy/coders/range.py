"""A range coder of multi-symbol alphabets: a queue that codes at once, with a choice of partition functions."""

from __future__ import annotations

import os
from typing import Any

from pyggc._native import _range
from pyggc.entropy.coders.base import Decoder, Encoder, stream_of

__all__ = ["RangeDecoder", "RangeEncoder"]

#: Name of a partition function -> the kernels' number of it.
PARTITIONS = _range.PARTITIONS

# Whether to do without the wider SIMD variant; both give the same bytes.
_BASELINE = os.environ.get("PYGGC_SIMD") == "baseline"


def partition_of(partition: str) -> int:
    """Check the name of a partition function."""
    if partition not in PARTITIONS:
        raise ValueError(f"partition must be one of {', '.join(PARTITIONS)}, not {partition!r}")
    return PARTITIONS[partition]


class RangeEncoder(Encoder):
    """Encoder of one range-coded stream: symbols of any alphabet narrow a range of integers, one after the other.

    Unlike rANS it keeps nothing but its interval and the bytes before it, and codes as it is filled. A call that raises
    leaves the encoder and the model as they were. The stream has the bits of the symbols' cost as the partition has it,
    rounded up to a whole bit and then to bytes, and is empty where nothing had to be told.

    Parameters
    ----------
    partition : {"multiply", "division", "simple", "reduced"}
        How the range is cut in proportion to the intervals. ``"multiply"`` is the fastest and nearly exact; models
        whose total is not 2^15 are scaled to it. ``"division"`` is exact for any total up to 65535, and slow.
        ``"simple"`` and ``"reduced"`` need neither multiplication nor division for any total up to 2^15 and cost up to
        1 and 0.58 bits a symbol more, 0.057 and 0.016 on average (draft-terriberry-netvc-codingtools-01, sections 2.4
        and 2.4.1).

    Raises
    ------
    ValueError
        If `partition` is not one of these; from `push` also where the totals of the model are too large for it.

    See Also
    --------
    RansEncoder : decodes faster; the encoder keeps all symbols until the end.

    Examples
    --------
    >>> from pyggc.entropy import DyadicModel
    >>> encoder = RangeEncoder()
    >>> encoder.push([0, 1, 0, 0, 2, 0], DyadicModel(3))
    >>> encoder.push_bits([5, 1023], [3, 10])
    >>> data = encoder.finish()
    >>> decoder = RangeDecoder(data)
    >>> decoder.pop(6, DyadicModel(3)).tolist()
    [0, 1, 0, 0, 2, 0]
    >>> decoder.pop_bits([3, 10]).tolist()
    [5, 1023]
    >>> decoder.finish()
    """

    __slots__ = ("_partition",)

    def __init__(self, partition: str = "multiply") -> None:
        self._core = _range.RangeWriter(partition_of(partition), _BASELINE)
        self._partition = partition

    @property
    def partition(self) -> str:
        """Name of the partition function."""
        return self._partition

    def finish(self) -> bytes:
        """Return the stream; the encoder is empty afterwards and can be filled again."""
        data: bytes = self._core.finish()
        return data

    def __getstate__(self) -> tuple[Any, ...]:
        return self._partition, *self._core.state

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._partition, *rest = state
        self._core = _range.RangeWriter(partition_of(self._partition), _BASELINE)
        self._core.restore(*rest)


class RangeDecoder(Decoder):
    """Decoder of one range-coded stream.

    The calls must mirror those of the encoder: the same models in the same states, the same contexts. A batch may be
    of any size, so the contexts of one may depend on the symbols of those before it. Any bytes decode to symbols in
    range, as if zeros followed the last one; and as soon as more bits were consumed than there are, the stream is
    refused, so a few bytes never decode to more symbols than they can hold: fewer than 2^19 a byte, whatever the model.
    `finish` finds bytes that are left over and last bits that the encoder would not have chosen. Each sequence of
    symbols has one stream only, and what is not found is another such stream, of other symbols; that is for a checksum
    to catch. After a `BitstreamError` neither the decoder nor the models given to it are of further use.

    Parameters
    ----------
    data : bytes-like
        The whole stream.
    partition : {"multiply", "division", "simple", "reduced"}
        The encoder's.
    section : str
        What to call it in error messages.

    Raises
    ------
    ValueError
        If `partition` is not one of these; from `pop` also where the totals of the model are too large for it.
    """

    __slots__ = ()

    def __init__(
        self, data: bytes | bytearray | memoryview, partition: str = "multiply", *, section: str = "range stream"
    ) -> None:
        self._core = _range.RangeReader(stream_of(data), section, partition_of(partition), _BASELINE)

    @property
    def state(self) -> tuple[int, int, int]:
        """The range, the code less low, and the bits consumed; for tests and debugging."""
        found: tuple[int, int, int] = self._core.state
        return found

    def finish(self) -> None:
        """Check that the stream ends here.

        Raises
        ------
        BitstreamError
            If data remain or the last bits are not the encoder's: the stream is corrupt, or decoded wrongly.
        """
        self._core.finish()
