"""The boolean coder of RFC 6386, section 7: a bit at a time, in the RFC's registers."""

from __future__ import annotations

from collections.abc import Sequence

from pyggc.errors import BitstreamError, TruncatedStream

__all__ = ["ReferenceBoolDecoder", "ReferenceBoolEncoder", "half_probability"]

_LEAST = 4


def half_probability(cdf: Sequence[int], low: int, middle: int, high: int) -> int:
    """Probability, in 256ths, that a symbol in [low, high) is below the middle, as a bool can have it."""
    lower, total = cdf[middle] - cdf[low], cdf[high] - cdf[low]
    return min(max((256 * lower + total // 2) // total, 1), 255)


class ReferenceBoolEncoder:
    """`BoolEncoder`, one bool at a time."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.range = 255
        self.bottom = 0  # 32 bits: the byte that will be written next is at the top
        self.bit_count = 24  # shifts until then

    def push_bool(self, bit: int, probability: int) -> None:
        """Code a bit whose probability of being zero is given in 256ths."""
        split = 1 + ((self.range - 1) * probability >> 8)
        if bit:
            self.bottom += split
            self.range -= split
        else:
            self.range = split
        while self.range < 128:
            self.range *= 2
            self._shift()

    def push_bits(self, value: int, width: int) -> None:
        """Code a literal."""
        for k in reversed(range(width)):
            self.push_bool(value >> k & 1, 128)

    def push_tree(self, token: int, tree: Sequence[int], probabilities: Sequence[int]) -> None:
        """Code the decisions that lead to a token."""
        for place in _path(token, tree):
            self.push_bool(place & 1, probabilities[place >> 1])

    def push_cdf(self, symbol: int, cdf: Sequence[int]) -> None:
        """Code a symbol by halving the alphabet."""
        low, high = 0, len(cdf) - 1
        while high - low > 1:
            middle = (low + high) // 2
            bit = int(symbol >= middle)
            self.push_bool(bit, half_probability(cdf, low, middle, high))
            low, high = (middle, high) if bit else (low, middle)

    def finish(self) -> bytes:
        """Write the 32 bits of the bottom, the next byte to be written first."""
        if self.bottom >> 32 - self.bit_count:
            self._carry()
        rest = self.bottom << self.bit_count & 0xFFFFFFFF
        return bytes(self.data) + rest.to_bytes(4, "big")

    def _shift(self) -> None:
        if self.bottom >> 31:
            self._carry()
        self.bottom = self.bottom << 1 & 0xFFFFFFFF
        self.bit_count -= 1
        if self.bit_count == 0:
            self.data.append(self.bottom >> 24)
            self.bottom &= 0xFFFFFF
            self.bit_count = 8

    def _carry(self) -> None:
        """Add one to the bytes written."""
        place = len(self.data) - 1
        while self.data[place] == 255:
            self.data[place] = 0
            place -= 1
        self.data[place] += 1


class ReferenceBoolDecoder:
    """`BoolDecoder`, one bool at a time."""

    def __init__(self, data: bytes) -> None:
        if len(data) < _LEAST:
            raise TruncatedStream("expected four bytes, found the end")
        self.data = data
        self.value = data[0] << 8 | data[1]  # the upper byte is what a split is compared with
        self.range = 255
        self.bit_count = 0  # shifts since a byte was read
        self.position = 2

    @property
    def state(self) -> tuple[int, int, int, int]:
        """The registers, and how many bytes have been read."""
        return self.value, self.range, self.bit_count, self.position

    def pop_bool(self, probability: int) -> int:
        """Decode a bit."""
        split = 1 + ((self.range - 1) * probability >> 8)
        bit = int(self.value >= split << 8)
        if bit:
            self.range -= split
            self.value -= split << 8
        else:
            self.range = split
        while self.range < 128:
            self.range *= 2
            self.value *= 2
            self.bit_count += 1
            if self.bit_count == 8:
                if self.position == len(self.data):
                    raise TruncatedStream("expected another byte, found the end")
                self.value |= self.data[self.position]
                self.position += 1
                self.bit_count = 0
        return bit

    def pop_bits(self, width: int) -> int:
        """Decode a literal."""
        value = 0
        for _ in range(width):
            value = 2 * value + self.pop_bool(128)
        return value

    def pop_tree(self, tree: Sequence[int], probabilities: Sequence[int]) -> int:
        """Decode a token."""
        node = 0
        while True:
            node = tree[node + self.pop_bool(probabilities[node >> 1])]
            if node <= 0:
                return -node

    def pop_cdf(self, cdf: Sequence[int]) -> int:
        """Decode a symbol."""
        low, high = 0, len(cdf) - 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.pop_bool(half_probability(cdf, low, middle, high)):
                low = middle
            else:
                high = middle
        return low

    def finish(self) -> None:
        """Check that the stream is what the encoder would have written."""
        if len(self.data) != max(self.position, _LEAST) or self.value or any(self.data[self.position :]):
            raise BitstreamError("expected the bytes of the flush, found others")


def _path(token: int, tree: Sequence[int]) -> list[int]:
    """Indices of the entries that lead to a token."""
    place = next(k for k, entry in enumerate(tree) if entry == -token)
    path = [place]
    while place > 1:
        place = tree.index(place & ~1)
        path.append(place)
    return path[::-1]
