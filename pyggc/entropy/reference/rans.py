"""rANS as a queue, and the dyadic models."""

from __future__ import annotations

from pyggc.entropy.models import CDF_BITS, CDF_TOTAL
from pyggc.entropy.models.dyadic import SCHEDULES
from pyggc.entropy.reference.frequency import CodedModel, scaled_cdf
from pyggc.errors import BitstreamError, TruncatedStream

__all__ = ["ReferenceDecoder", "ReferenceEncoder", "ReferenceModel", "adapt_cdf"]

_INITIAL = CDF_TOTAL
_LOWER = 1 << 32
_WORD = 32
_FOLD_BITS = 5


def adapt_cdf(fl: list[int], symbol: int, *, rate: int | None = None, gain: int | None = None) -> list[int]:
    """Move a CDF of any total toward a symbol, by 2^-rate or by gain / total.

    Parameters
    ----------
    fl : list of int, length M + 1
        Strictly increasing from 0 to the total.
    symbol : int
        The symbol coded, in [0, M).
    rate, gain : int
        One of them: the formula of section 2.3 of the draft, or that of its section 2.5.3.

    Returns
    -------
    list of int, length M + 1
        The new CDF.

    Examples
    --------
    The example of the draft, which prints r = 16; every r from 2 on gives the same.

    >>> adapt_cdf([0, 2, 4, 7, 8, 9, 12, 14, 16], 3, rate=2)
    [0, 1, 3, 6, 9, 10, 13, 15, 16]
    """
    m, total = len(fl) - 1, fl[-1]
    new = [0]
    for i in range(1, m + 1):
        if gain is not None:
            toward = fl[i] - i if i <= symbol else fl[i] + m - i - total
            new.append(fl[i] - toward * gain // total)
        elif rate is not None and i <= symbol:
            new.append(fl[i] - ((fl[i] + (1 << rate) - i - 1) >> rate))
        elif rate is not None:
            new.append(fl[i] - ((fl[i] + m - i - total) >> rate))
    return new


class ReferenceModel:
    """The state of an `DyadicModel`: `cdfs[context][rate]` and `counts[context]`."""

    def __init__(
        self,
        num_symbols: int,
        num_contexts: int = 1,
        *,
        rate: int | tuple[int, int] = 7,
        schedule: str = "fast",
        initial_cdfs: list[list[int]] | None = None,
        initial_count: int = 0,
    ) -> None:
        self.rates = rate if isinstance(rate, tuple) else (rate,)
        self.gains = [SCHEDULES[schedule](num_symbols, r) for r in self.rates]
        if initial_cdfs is None:
            initial_cdfs = [[k * CDF_TOTAL // num_symbols for k in range(num_symbols + 1)]] * num_contexts
        self.cdfs = [[list(cdf) for _ in self.rates] for cdf in initial_cdfs]
        self.end = max(len(table) for table in self.gains)
        self.counts = [min(initial_count, self.end)] * num_contexts

    def cdf(self, context: int) -> list[int]:
        """Return the CDF that codes the next symbol of a context."""
        cdfs = self.cdfs[context]
        return cdfs[0] if len(cdfs) == 1 else [(a + b + 1) // 2 for a, b in zip(*cdfs, strict=True)]

    def adapt(self, symbol: int, context: int) -> None:
        """Move a context toward the symbol coded in it."""
        count = self.counts[context]
        for k, (rate, gains) in enumerate(zip(self.rates, self.gains, strict=True)):
            cdf = self.cdfs[context][k]
            step = {"gain": gains[count]} if count < len(gains) else {"rate": rate}
            self.cdfs[context][k] = adapt_cdf(cdf, symbol, **step)
        self.counts[context] = min(count + 1, self.end)


class ReferenceEncoder:
    """`RansEncoder`, one symbol at a time."""

    def __init__(self, num_states: int = 2) -> None:
        self.num_states = num_states
        self.steps: list[tuple[int, int]] = []
        self.state: tuple[int, ...] = (_INITIAL, *[0] * (num_states - 1))

    def push(self, symbol: int, model: CodedModel, context: int = 0) -> None:
        """Log a symbol; the model adapts."""
        fl = scaled_cdf(model.cdf(context))
        self.steps.append((fl[symbol], fl[symbol + 1] - fl[symbol]))
        model.adapt(symbol, context)

    def push_bits(self, value: int, width: int) -> None:
        """Log a value as raw bits."""
        self.steps += _bit_steps(value, width)

    def push_exp_golomb(self, value: int, order: int) -> None:
        """Log a value as an Exp-Golomb code, each bit of its prefix a step."""
        width = (value + (1 << order)).bit_length() - 1
        for bit in [0] * (width - order) + [1]:
            self.push_bits(bit, 1)
        self.push_bits(value + (1 << order) - (1 << width), width)

    def finish(self) -> bytes:
        """Code the steps, the last first, and put all states into the stream."""
        words: list[int] = []  # in the order of emission: the reverse of the stream's
        held: list[int] = []
        x = [_INITIAL]

        def full(k: int, frequency: int) -> bool:
            return x[k] >> 49 >= frequency

        def put(k: int, start: int, frequency: int) -> None:
            if full(k, frequency):
                words.append(x[k] & 0xFFFFFFFF)
                x[k] >>= _WORD
            x[k] = (x[k] // frequency << CDF_BITS) + x[k] % frequency + start

        for k in reversed(range(len(self.steps))):
            start, frequency = self.steps[k]
            live = len(x)
            if live < self.num_states and full(k % live, frequency):
                held.append(x[k % live] & 0xFFFFFFFF)
                x[k % live] >>= _WORD
                if len(held) == live:
                    ring = [x[(k + i) % live] for i in range(live)] + [_LOWER | word for word in held]
                    x = [ring[(i - k) % len(ring)] for i in range(len(ring))]
                    held = []
            put(k % len(x), start, frequency)
        self.state = (*x, *[0] * (self.num_states - len(x)))
        words += held
        for other in reversed(x[1:]):
            words.append(other & 0xFFFFFFFF)
            upper = other >> _WORD
            length = upper.bit_length() - 1
            for step in reversed(_bit_steps(length, _FOLD_BITS) + _bit_steps(upper - (1 << length), length)):
                put(0, *step)
        if self.num_states == 4 and len(x) > 1:
            put(0, *_bit_steps(len(x) == 4, 1)[0])
        head = b"" if x[0] == _INITIAL else x[0].to_bytes((x[0].bit_length() + 7) // 8, "big")
        return head + b"".join(word.to_bytes(4, "big") for word in reversed(words))


class ReferenceDecoder:
    """`RansDecoder`, one symbol at a time."""

    def __init__(self, data: bytes, num_states: int = 2) -> None:
        self.num_states = num_states
        head = len(data) if len(data) <= 8 else 5 + (len(data) - 5) % 4
        self.size = len(data)
        self.words = [int.from_bytes(data[at : at + 4], "big") for at in range(head, len(data), 4)]
        self.x = [int.from_bytes(data[:head], "big") if data else _INITIAL]
        if data and (data[0] == 0 or self.x[0] <= _INITIAL):
            raise BitstreamError("expected a state above the initial one without leading zeros")
        self.held: list[int] = []
        self.step = 0
        if self.words and num_states > 1:
            self._unfold()

    def _unfold(self) -> None:
        first = self.x[0]

        def take(width: int) -> int:
            nonlocal first
            value = 0
            for start, bits in _chunks(width):
                chunk = first % CDF_TOTAL >> (CDF_BITS - bits)
                first = (first >> CDF_BITS << (CDF_BITS - bits)) + first % (1 << (CDF_BITS - bits))
                if first < _LOWER:
                    first = first << _WORD | self._word()
                value |= chunk << start
            return value

        live = 4 if self.num_states == 4 and take(1) else 2
        others = []
        for _ in range(1, live):
            length = take(_FOLD_BITS)
            upper = 1 << length | take(length)
            others.append(upper << _WORD | self._word())
        self.x = [first, *others]

    def pop(self, model: CodedModel, context: int = 0) -> int:
        """Decode a symbol; the model adapts."""
        fl = scaled_cdf(model.cdf(context))
        slot = self._slot()
        symbol = next(s for s in range(len(fl) - 1) if fl[s + 1] > slot)
        self._advance(fl[symbol], fl[symbol + 1] - fl[symbol])
        model.adapt(symbol, context)
        return symbol

    def pop_bits(self, width: int) -> int:
        """Decode a value of raw bits."""
        value = 0
        for start, bits in _chunks(width):
            chunk = self._slot() >> (CDF_BITS - bits)
            self._advance(chunk << (CDF_BITS - bits), 1 << (CDF_BITS - bits))
            value |= chunk << start
        return value

    def pop_exp_golomb(self, order: int) -> int:
        """Decode an Exp-Golomb code."""
        width = order
        while not self.pop_bits(1):
            width += 1
        return (1 << width) + self.pop_bits(width) - (1 << order)

    @property
    def state(self) -> tuple[int, ...]:
        """The state of the next step, the others, and the bytes consumed."""
        ring = [self.x[(self.step + k) % len(self.x)] for k in range(len(self.x))]
        return (*ring, *[0] * (self.num_states - len(ring)), self.size - 4 * len(self.words))

    def finish(self) -> None:
        """Check that the stream ends here."""
        if self.x != [_INITIAL] or self.words or self.held:
            raise BitstreamError("expected the initial state, found another")

    def _slot(self) -> int:
        return self.x[self.step % len(self.x)] % CDF_TOTAL

    def _word(self) -> int:
        if not self.words:
            raise TruncatedStream("expected a word, found the end")
        return self.words.pop(0)

    def _advance(self, start: int, frequency: int) -> None:
        live, k = len(self.x), self.step
        x = self.x[k % live]
        x = frequency * (x >> CDF_BITS) + x % CDF_TOTAL - start
        if x < _LOWER and (self.words or self.held):
            x = x << _WORD | (self._word() if self.words else self.held.pop())
        elif x < _LOWER and live > 1:
            ring = [self.x[(k + i) % live] for i in range(live)]
            given = ring[live // 2 :]
            if any(y >> _WORD != 1 for y in given):
                raise TruncatedStream("expected a word, found the end")
            self.held = [y & 0xFFFFFFFF for y in given]
            x = x << _WORD | self.held.pop()
            ring = [x, *ring[1 : live // 2]]
            self.x = [ring[(i - k) % len(ring)] for i in range(len(ring))]
        elif live == 1 and x < _INITIAL:
            raise TruncatedStream("expected a state that holds more symbols, found the end")
        self.x[k % len(self.x)] = x
        self.step += 1


def _chunks(width: int) -> list[tuple[int, int]]:
    """Where each chunk of a raw value lies, and its bits: at most 15, the most significant first."""
    chunks = []
    while width > 0:
        bits = min(width, CDF_BITS)
        width -= bits
        chunks.append((width, bits))
    return chunks


def _bit_steps(value: int, width: int) -> list[tuple[int, int]]:
    """Intervals of the chunks of a raw value."""
    return [
        ((value >> start & ((1 << bits) - 1)) << (CDF_BITS - bits), 1 << (CDF_BITS - bits))
        for start, bits in _chunks(width)
    ]
