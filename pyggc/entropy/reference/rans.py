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

    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []
        self.state = (_INITIAL, 0)

    def push(self, symbol: int, model: CodedModel, context: int = 0) -> None:
        """Log a symbol; the model adapts."""
        fl = scaled_cdf(model.cdf(context))
        self.steps.append((fl[symbol], fl[symbol + 1] - fl[symbol]))
        model.adapt(symbol, context)

    def push_bits(self, value: int, width: int) -> None:
        """Log a value as raw bits."""
        self.steps += _bit_steps(value, width)

    def finish(self) -> bytes:
        """Code the steps, the last first, and put both states into the stream."""
        words: list[int] = []  # in the order of emission: the reverse of the stream's

        def put(x: int, start: int, frequency: int) -> int:
            if x >> 49 >= frequency:
                words.append(x & 0xFFFFFFFF)
                x >>= _WORD
            return (x // frequency << CDF_BITS) + x % frequency + start

        states, forked = [_INITIAL, 0], False
        for k in reversed(range(len(self.steps))):
            start, frequency = self.steps[k]
            mine = k & 1 if forked else 0
            if not forked and states[0] >> 49 >= frequency:
                mine, forked = k & 1, True
                x = states[0]
                states[mine], states[mine ^ 1] = x >> _WORD, _LOWER | (x & 0xFFFFFFFF)
            states[mine] = put(states[mine], start, frequency)
        self.state = (states[0], states[1])
        x = states[0]
        if forked:
            words.append(states[1] & 0xFFFFFFFF)
            upper = states[1] >> _WORD
            length = upper.bit_length() - 1
            for step in reversed(_bit_steps(length, _FOLD_BITS) + _bit_steps(upper - (1 << length), length)):
                x = put(x, *step)
        head = b"" if x == _INITIAL else x.to_bytes((x.bit_length() + 7) // 8, "big")
        return head + b"".join(word.to_bytes(4, "big") for word in reversed(words))


class ReferenceDecoder:
    """`RansDecoder`, one symbol at a time."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = len(data) if len(data) <= 8 else 5 + (len(data) - 5) % 4
        self.states = [int.from_bytes(data[: self.position], "big") if data else _INITIAL, 0]
        if data and (data[0] == 0 or self.states[0] <= _INITIAL):
            raise BitstreamError("expected a state above the initial one without leading zeros")
        self.forked = self.position < len(data)
        self.step = 0
        if self.forked:
            length = self._take_single(_FOLD_BITS)
            upper = 1 << length | self._take_single(length)
            if self.position == len(data):
                raise TruncatedStream("expected a word, found the end")
            self.states[1] = upper << _WORD | self._word()

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
        while width > 0:
            bits = min(width, CDF_BITS)
            chunk = self._slot() >> (CDF_BITS - bits)
            self._advance(chunk << (CDF_BITS - bits), 1 << (CDF_BITS - bits))
            value, width = value << bits | chunk, width - bits
        return value

    @property
    def state(self) -> tuple[int, int, int]:
        """The state of the next step, the other, and the bytes consumed."""
        mine = self._mine()
        return self.states[mine], self.states[mine ^ 1], self.position

    def finish(self) -> None:
        """Check that the stream ends here."""
        if self.forked or self.states[0] != _INITIAL:
            raise BitstreamError("expected the initial state, found another")

    def _mine(self) -> int:
        return self.step & 1 if self.forked else 0

    def _slot(self) -> int:
        return self.states[self._mine()] % CDF_TOTAL

    def _word(self) -> int:
        self.position += 4
        return int.from_bytes(self.data[self.position - 4 : self.position], "big")

    def _take_single(self, width: int) -> int:
        """Raw bits of the first state alone."""
        self.step = 0
        value = 0
        while width > 0:
            bits = min(width, CDF_BITS)
            value, width = value << bits | self.pop_bits(bits), width - bits
            self.step = 0
        return value

    def _advance(self, start: int, frequency: int) -> None:
        mine = self._mine()
        x = self.states[mine]
        x = frequency * (x >> CDF_BITS) + x % CDF_TOTAL - start
        if self.forked and x < _LOWER:
            if self.position < len(self.data):
                x = x << _WORD | self._word()
            elif self.states[mine ^ 1] >> _WORD == 1:
                x = x << _WORD | self.states[mine ^ 1] & 0xFFFFFFFF
                self.states, self.forked, mine = [0, 0], False, 0
            else:
                raise TruncatedStream("expected a word, found the end")
        elif not self.forked and x < _INITIAL:
            raise TruncatedStream("expected a state that holds more symbols, found the end")
        self.states[mine] = x
        self.step += 1


def _bit_steps(value: int, width: int) -> list[tuple[int, int]]:
    """Intervals of the chunks of a raw value: at most 15 bits each, the most significant first."""
    steps = []
    while width > 0:
        bits = min(width, CDF_BITS)
        width -= bits
        chunk = value >> width & ((1 << bits) - 1)
        steps.append((chunk << (CDF_BITS - bits), 1 << (CDF_BITS - bits)))
    return steps
