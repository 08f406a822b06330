"""The boolean coder of VP8: one binary decision after the other, each with a probability of eight bits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyggc._native import _bool
from pyggc.entropy.coders.base import Decoder, Encoder, stream_of

__all__ = ["BoolDecoder", "BoolEncoder"]


class BoolEncoder(Encoder):
    """Encoder of a stream of bools, which any decoder of RFC 6386 (section 7) reads.

    A symbol under a `TreeModel` is coded as the decisions of its tree. Under any other model it is bisected: a bool
    tells which half of the alphabet it is in, the next one which half of that, with probabilities that the CDF gives,
    of eight bits. So a bool costs between 0.006 and 8 bits, and very skewed models lose. Raw bits are VP8's literals.

    A stream has one to two bytes more than its bools take, and four at least.

    Examples
    --------
    >>> from pyggc.entropy import BoolDecoder, BoolEncoder, TreeModel
    >>> encoder = BoolEncoder()
    >>> encoder.push([2, 0, 1, 2], TreeModel([-2, 2, 0, -1], [128, 192]))
    >>> encoder.push_bools([0, 0, 1], 250)
    >>> data = encoder.finish()
    >>> decoder = BoolDecoder(data)
    >>> decoder.pop(4, TreeModel([-2, 2, 0, -1], [128, 192])).tolist()
    [2, 0, 1, 2]
    >>> decoder.pop_bools([250, 250, 250]).tolist()
    [0, 0, 1]
    >>> decoder.finish()
    """

    __slots__ = ()

    def __init__(self) -> None:
        self._core = _bool.BoolWriter()

    def push_bools(self, bits: npt.ArrayLike, probabilities: npt.ArrayLike) -> None:
        """Add bits, each with a probability of its own.

        Parameters
        ----------
        bits : array_like of int or bool, any shape
            Zeros and ones.
        probabilities : array_like of int, broadcast against bits
            Of a zero, in 256ths, 1 to 255.

        Raises
        ------
        ValueError
            If a bit or a probability is out of range, or their shapes do not fit.
        TypeError
            If they are not integers.
        """
        self._core.push_bools(bits, probabilities)

    @property
    def state(self) -> tuple[int, int, int, int]:
        """Bits still held, range, how many bits they are besides its eight, bytes before them; for tests."""
        found: tuple[int, int, int, int] = self._core.state
        return found

    def finish(self) -> bytes:
        """Return the stream; the encoder is empty afterwards and can be filled again."""
        data: bytes = self._core.finish()
        return data

    def __getstate__(self) -> tuple[bytes, int, int, int]:
        saved: tuple[bytes, int, int, int] = self._core.save()
        return saved

    def __setstate__(self, state: tuple[bytes, int, int, int]) -> None:
        self._core = _bool.BoolWriter()
        self._core.restore(*state)


class BoolDecoder(Decoder):
    """Decoder of a stream of bools.

    Any bytes decode to bools, and zeros follow the last of them. `TruncatedStream` is raised by the call in which the
    decoder of RFC 6386 would have read a byte past the end: the encoder writes all that it reads. (Where another
    encoder leaves out zeros at the end, append them.) So n bytes decode to no more than 1016 n bools. `finish` raises
    `BitstreamError` if there are more bytes than that decoder would have read, beyond the four that a stream has at
    least, or if the number in them is not the one that the encoder's flush leaves, the lowest of the last interval.
    What passes is exactly what the encoder writes for the symbols decoded. So every change of a stream is found, or
    spells another message; that is for a checksum to catch.

    Parameters
    ----------
    data : bytes-like
        The whole stream.
    section : str
        What to call it in error messages.

    Raises
    ------
    TruncatedStream
        If there are fewer than four bytes.
    """

    __slots__ = ()

    def __init__(self, data: bytes | bytearray | memoryview, section: str = "bool stream") -> None:
        self._core = _bool.BoolReader(stream_of(data), section)

    def pop_bools(self, probabilities: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Decode bits.

        Parameters
        ----------
        probabilities : array_like of int, any shape
            Of a zero, in 256ths, 1 to 255: one for each bit.

        Returns
        -------
        ndarray of uint8, shape of probabilities
            Zeros and ones.

        Raises
        ------
        TruncatedStream
            If the stream does not hold so much.
        ValueError
            If a probability is out of range.
        TypeError
            If they are not integers.
        """
        bits = np.empty(np.shape(probabilities), np.uint8)
        self._core.pop_bools(probabilities, bits.reshape(-1))
        return bits

    @property
    def state(self) -> tuple[int, int, int, int]:
        """The registers of the RFC's decoder: value, range, shifts since a byte was read; and the bytes read."""
        found: tuple[int, int, int, int] = self._core.state
        return found

    def finish(self) -> None:
        """Check that the stream ends here.

        Raises
        ------
        BitstreamError
            If the encoder would have written other bytes: the stream is corrupt, or decoded wrongly.
        """
        self._core.finish()
