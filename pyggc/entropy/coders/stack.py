"""rANS as a stack: the last symbol pushed is the first one popped."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from pyggc._native import _stack
from pyggc.entropy.coders.base import Decoder, Encoder, Shape, check_tokens, stream_of
from pyggc.entropy.coders.rans import states_of
from pyggc.entropy.models.base import CDF_TOTAL, Model, as_int
from pyggc.entropy.tokens import EscapedInteger, HybridInteger
from pyggc.errors import BitstreamError, TruncatedStream

__all__ = ["RansStack", "StackPosition"]

_LOWER = 1 << 32


class StackPosition(NamedTuple):
    """A place in a stack: how many words of 32 bits lie below the states, and the states."""

    num_words: int
    states: tuple[int, ...]


class RansStack(Encoder, Decoder):
    """A stack of symbols: `push` and `pop` in any order, from either end of a message.

    What a batch pushed, `pop` gives back in the same order; batches come back last first. Under a model that adapts, a
    batch must be popped with the model in the state that it had before the batch was pushed.

    With one state the stack is one natural number and every step a bijection: any stack can be popped as anything,
    also past what was ever pushed, and pushing it again restores the stack. That is what bits-back coding needs. With
    two or four states, which static models code faster, popping past the bottom raises `TruncatedStream`.

    Parameters
    ----------
    data : bytes-like, optional
        What `to_bytes` gave; with one state any bytes that do not begin with a zero. Empty by default.
    states : {1, 2, 4}
        Interleaved states.

    Raises
    ------
    BitstreamError
        If the bytes are no such stack.
    ValueError
        If `states` is not one of these.

    Examples
    --------
    >>> from pyggc.entropy import RansStack, StaticModel
    >>> stack, model = RansStack(), StaticModel.from_pmf([0.7, 0.2, 0.1])
    >>> stack.push([0, 1, 0], model)
    >>> stack.push([2, 2], model)
    >>> stack.pop(2, model).tolist(), stack.pop(3, model).tolist()
    ([2, 2], [0, 1, 0])
    >>> stack.is_empty
    True
    """

    __slots__ = ("_states",)

    def __init__(self, data: bytes | bytearray | memoryview = b"", states: int = 1) -> None:
        self._states = states_of(states)
        self._core = _stack.StackCore(self._states)
        data = stream_of(data)
        if data:
            self._core.restore(*_parse(data, self._states))

    @property
    def states(self) -> int:
        """Number of interleaved states."""
        return self._states

    def push_integers(
        self,
        values: npt.ArrayLike,
        tokens: HybridInteger | EscapedInteger,
        model: Model,
        contexts: npt.ArrayLike | None = None,
    ) -> None:
        """Push integers; see `Encoder.push_integers`. The tokens lie above what they leave open."""
        check_tokens(tokens, model)
        before = self.position
        symbols: npt.NDArray[Any]
        if isinstance(tokens, EscapedInteger):
            symbols, rest = tokens.encode(values)
            self.push_exp_golomb(rest, tokens.order)
        else:
            symbols, extra, widths = tokens.encode(values)
            self.push_bits(extra, widths)
        try:
            self.push(symbols, model, contexts)
        except BaseException:
            self.seek(before)
            raise

    def pop_integers(
        self,
        n: Shape,
        tokens: HybridInteger | EscapedInteger,
        model: Model,
        contexts: npt.ArrayLike | None = None,
    ) -> npt.NDArray[np.uint32]:
        """Pop integers; see `Decoder.pop_integers`. Where the stack does not hold them, it and the model stay."""
        check_tokens(tokens, model)
        before, learned = self.position, model.copy()
        try:
            return super().pop_integers(n, tokens, model, contexts)
        except BaseException:
            self.seek(before)
            model._bank = learned._bank
            raise

    @property
    def position(self) -> StackPosition:
        """Where the stack is, for `seek`."""
        return StackPosition(*self._core.position)

    def seek(self, position: StackPosition) -> None:
        """Go to a place where the stack has been, deeper or higher, if nothing was pushed below it since.

        Parameters
        ----------
        position : StackPosition
            An earlier `position`.

        Raises
        ------
        ValueError
            If it has more words than the stack ever had since the last push, or another number of states, or states
            that no stack has.
        TypeError
            If it does not hold integers.
        """
        num_words, states = position
        # A single state may be small, but only where no words are below it.
        num_words = as_int(num_words, "num_words of position", 0, (1 << 62) - 1)
        least = _LOWER if self._states > 1 or num_words else 0
        self._core.seek(num_words, tuple(as_int(x, "states of position", least, (1 << 64) - 1) for x in states))

    @property
    def is_empty(self) -> bool:
        """Whether the stack is as it was when it was made without data."""
        num_words, states = self._core.position
        return num_words == 0 and all(x == (CDF_TOTAL if self._states == 1 else _LOWER) for x in states)

    def clear(self) -> None:
        """Empty the stack, which keeps its memory: to fill it again is faster than to make another."""
        self._core.empty()

    def to_bytes(self) -> bytes:
        """Return the stack as bytes, most significant first, as short as they can be; nothing for an empty stack."""
        if self.is_empty:
            return b""
        _, states = self._core.position
        if self._states == 1:
            head = states[0].to_bytes(max((states[0].bit_length() + 7) // 8, 1), "big")
        else:
            head = b"".join(x.to_bytes(8, "big") for x in states)
        data: bytes = self._core.to_bytes(head)
        return data

    def finish(self) -> None:  # type: ignore[override]  # a stack ends as a decoder does; its bytes: `to_bytes`
        """Check that the stack is empty.

        Raises
        ------
        BitstreamError
            If it is not.
        """
        if not self.is_empty:
            raise BitstreamError(f"rANS stack: expected the bottom, found {self.num_bits:.0f} bits")

    def __copy__(self) -> Self:
        twin = type(self).__new__(type(self))
        twin.__setstate__(self.__getstate__())
        return twin

    def __getstate__(self) -> tuple[Any, ...]:
        return self._states, self._core.words(), self._core.position[1]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._states, words, states = state
        self._core = _stack.StackCore(self._states)
        self._core.restore(words, states)


def _parse(data: bytes, states: int) -> tuple[npt.NDArray[np.uint32], tuple[int, ...]]:
    """Split bytes into words and states."""
    head = 8 * states if states > 1 else len(data) if len(data) <= 8 else 5 + (len(data) - 5) % 4
    if len(data) < head or (len(data) - head) % 4:
        raise TruncatedStream(f"rANS stack: expected {head} bytes of states and whole words, found {len(data)} bytes")
    size = head // states
    found = tuple(int.from_bytes(data[size * k : size * (k + 1)], "big") for k in range(states))
    if states > 1 and min(found) < _LOWER:
        raise BitstreamError(f"rANS stack at byte 0: expected states of at least 2^32, found {min(found):#x}")
    if states == 1 and data[0] == 0 and len(data) > 1:
        raise BitstreamError("rANS stack at byte 0: expected a state without leading zeros, found one with them")
    return np.frombuffer(data, ">u4", offset=head)[::-1].astype(np.uint32), found
