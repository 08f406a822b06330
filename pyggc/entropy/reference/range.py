"""The range coder and its partition functions."""

from __future__ import annotations

from pyggc.entropy.reference.frequency import CodedModel, scaled_cdf
from pyggc.errors import BitstreamError, TruncatedStream

__all__ = ["ReferenceRangeDecoder", "ReferenceRangeEncoder", "cut_range", "range_bits"]

_CHUNK = 15


def range_bits(partition: str) -> int:
    """Return the bits of the range, the top one of which is always set."""
    return 24 if partition == "division" else 16


def cut_range(partition: str, size: int, fl: int, total: int) -> int:
    """Cut a range where an interval ends.

    Parameters
    ----------
    partition : {"multiply", "division", "simple", "reduced"}
        Name of the partition function.
    size : int
        R, the size of the range.
    fl : int
        End of the interval, in [0, total].
    total : int
        ft: 2^15 for ``"multiply"``; at most `size` otherwise.

    Returns
    -------
    int
        r, in [0, size]: 0 for 0, `size` for the total, strictly increasing in `fl`.

    Examples
    --------
    >>> [cut_range("simple", 13, fl, 8) for fl in range(9)]
    [0, 2, 4, 6, 8, 10, 11, 12, 13]
    >>> [cut_range("reduced", 13, fl, 8) for fl in range(9)]
    [0, 2, 4, 5, 7, 8, 10, 11, 13]
    """
    if partition in ("multiply", "division"):
        return size * fl // total
    while 2 * total <= size:
        total, fl = 2 * total, 2 * fl
    if partition == "simple":
        return fl + min(fl, size - total)
    e = max(2 * size - 3 * total, 0)
    return fl + min(fl, e) + min(max(fl - e, 0) >> 1, size - total)


class ReferenceRangeEncoder:
    """`RangeEncoder`, one symbol at a time: `low` is the whole code, as one number."""

    def __init__(self, partition: str = "multiply") -> None:
        self.partition, self.bits = partition, range_bits(partition)
        self.low, self.size, self.used = 0, 1 << (self.bits - 1), 0

    def push(self, symbol: int, model: CodedModel, context: int = 0) -> None:
        """Code a symbol; the model adapts."""
        fl = _coded_cdf(self.partition, model, context)
        start, end = (cut_range(self.partition, self.size, x, fl[-1]) for x in fl[symbol : symbol + 2])
        self.low, self.size = self.low + start, end - start
        while not self.size >> (self.bits - 1):
            self.low, self.size, self.used = 2 * self.low, 2 * self.size, self.used + 1
        model.adapt(symbol, context)

    def push_bits(self, value: int, width: int) -> None:
        """Code a value as raw bits."""
        for shift in reversed(range(width)):
            self.low = 2 * self.low + self.size * (value >> shift & 1)
            self.used += 1

    def push_exp_golomb(self, value: int, order: int) -> None:
        """Code a value as an Exp-Golomb code."""
        shifted = value + (1 << order)
        width = shifted.bit_length() - 1
        self.push_bits(0, width - order)
        self.push_bits(1, 1)
        self.push_bits(shifted - (1 << width), width)

    def finish(self) -> bytes:
        """Return the stream: the first `used` bits of the least code that ends in zeros."""
        code = -(-self.low >> (self.bits - 1))
        padding = -self.used % 8
        return (code << padding).to_bytes((self.used + padding) // 8, "big")


class ReferenceRangeDecoder:
    """`RangeDecoder`, one symbol at a time: `code` is the code less low."""

    def __init__(self, data: bytes, partition: str = "multiply") -> None:
        self.data, self.partition, self.bits = data, partition, range_bits(partition)
        self.size, self.used, self.code = 1 << (self.bits - 1), 0, 0
        for k in range(self.bits - 1):
            self.code = 2 * self.code + self._bit(k)

    def pop(self, model: CodedModel, context: int = 0) -> int:
        """Decode a symbol; the model adapts."""
        fl = _coded_cdf(self.partition, model, context)
        cuts = [cut_range(self.partition, self.size, x, fl[-1]) for x in fl]
        symbol = next(s for s in range(len(fl) - 1) if cuts[s + 1] > self.code)
        self.code, self.size = self.code - cuts[symbol], cuts[symbol + 1] - cuts[symbol]
        while not self.size >> (self.bits - 1):
            self.size *= 2
            self._shift()
        model.adapt(symbol, context)
        self._check()
        return symbol

    def pop_bits(self, width: int) -> int:
        """Decode a value of raw bits."""
        value = 0
        for _ in range(width):
            self._shift()
            bit = self.code >= self.size
            self.code -= self.size * bit
            value = 2 * value + bit
        self._check()
        return value

    def pop_exp_golomb(self, order: int) -> int:
        """Decode a value of an Exp-Golomb code."""
        width = order
        while not self.pop_bits(1):
            width += 1
            if width > 32:
                raise BitstreamError("expected a code of at most 32 bits, found a longer one")
        return self.pop_bits(width) + (1 << width) - (1 << order)

    @property
    def state(self) -> tuple[int, int, int]:
        """The range, the code less low, and the bits consumed."""
        return self.size, self.code, self.used

    def finish(self) -> None:
        """Check that the stream ends here."""
        if (self.used + 7) // 8 != len(self.data):
            raise BitstreamError("expected the end of the stream, found more bytes")
        if self.code >> (self.bits - 1) or any(self._bit(k) for k in range(self.used, 8 * len(self.data))):
            raise BitstreamError("expected the encoder's last bits, found others")

    def _bit(self, k: int) -> int:
        return self.data[k // 8] >> (7 - k % 8) & 1 if k < 8 * len(self.data) else 0

    def _shift(self) -> None:
        self.code = 2 * self.code + self._bit(self.used + self.bits - 1)
        self.used += 1

    def _check(self) -> None:
        if self.used > 8 * len(self.data):
            raise TruncatedStream("expected more bits, found the end of the stream")


def _coded_cdf(partition: str, model: CodedModel, context: int) -> list[int]:
    fl = model.cdf(context)
    return scaled_cdf(fl) if partition == "multiply" else fl
