"""rANS as a two-pass queue: models run forward over the symbols, then the states code them backward."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc._native import _rans
from pyggc.entropy.coders.base import Decoder, Encoder, Shape, check_tokens, shape_of, stream_of
from pyggc.entropy.models.base import Model, bank_of
from pyggc.entropy.tokens import EscapedInteger, HybridInteger

__all__ = ["RansDecoder", "RansEncoder"]

NUM_STATES = (1, 2, 4)


def states_of(states: int) -> int:
    """Check a number of states."""
    if states not in NUM_STATES:
        raise ValueError(f"states must be 1, 2 or 4, not {states!r}")
    return int(states)


class RansEncoder(Encoder):
    """Encoder of one rANS stream, filled in the order in which it will be decoded.

    `push` runs the model and notes the interval of each symbol; `finish` codes them, last symbol first. A call that
    raises leaves the encoder and the model as they were. The stream ends up about three bytes above the sum of the
    models' costs, and is empty where nothing had to be told.

    Parameters
    ----------
    states : {2, 1, 4}
        Interleaved states: steps of two decode at the same time. Four are faster still with static models, and take a
        byte more; one is the simplest to decode, and saves half a byte.

    Raises
    ------
    ValueError
        If `states` is not one of these.

    Examples
    --------
    >>> from pyggc.entropy import DyadicModel, RansDecoder, RansEncoder
    >>> encoder = RansEncoder()
    >>> encoder.push([0, 1, 0, 0, 2, 0], DyadicModel(3))
    >>> encoder.push_bits([5, 1023], [3, 10])
    >>> data = encoder.finish()
    >>> decoder = RansDecoder(data)
    >>> decoder.pop(6, DyadicModel(3)).tolist()
    [0, 1, 0, 0, 2, 0]
    >>> decoder.pop_bits([3, 10]).tolist()
    [5, 1023]
    >>> decoder.finish()
    """

    __slots__ = ("_states",)

    def __init__(self, states: int = 2) -> None:
        self._states = states_of(states)
        self._core = _rans.StepLog()

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
        """Add integers; see `Encoder.push_integers`."""
        check_tokens(tokens, model)
        if isinstance(tokens, EscapedInteger):
            super().push_integers(values, tokens, model, contexts)
        else:
            limit = min(tokens.max_value, 2**32 - 1)
            self._core.push_integers(values, bank_of(model), contexts, tokens.bases, tokens.extra_bits, limit)

    def finish(self) -> bytes:
        """Return the stream; the encoder is empty afterwards and can be filled again, in the memory that it has."""
        data: bytes = self._core.finish(self._states)
        return data

    def __getstate__(self) -> tuple[Any, ...]:
        return self._states, self._core.steps()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._states, steps = state
        self._core = _rans.StepLog()
        self._core.restore(steps)


class RansDecoder(Decoder):
    """Decoder of one rANS stream.

    The calls must mirror those of the encoder: the same models in the same states, the same contexts. A batch may be
    of any size, so the contexts of one may depend on the symbols of those before it. Bytes that no encoder wrote, and
    symbols past the end, decode to symbols in range until the stream is seen to be wrong, which it is as soon as more
    symbols were asked for than the bytes can hold. `finish` misses only what spells another valid stream, mostly the
    same one with another ending; that is for a checksum to catch. After a `BitstreamError` neither the decoder nor the
    models given to it are of further use.

    Parameters
    ----------
    data : bytes-like
        The whole stream.
    states : {2, 1, 4}
        The encoder's.
    section : str
        What to call it in error messages.

    Raises
    ------
    BitstreamError
        If no stream starts like this.
    ValueError
        If `states` is not one of these.
    """

    __slots__ = ()

    def __init__(self, data: bytes | bytearray | memoryview, states: int = 2, *, section: str = "rANS stream") -> None:
        self._core = _rans.RansReader(stream_of(data), section, states_of(states))

    def pop_integers(
        self,
        n: Shape,
        tokens: HybridInteger | EscapedInteger,
        model: Model,
        contexts: npt.ArrayLike | None = None,
    ) -> npt.NDArray[np.uint32]:
        """Decode integers; see `Decoder.pop_integers`."""
        check_tokens(tokens, model)
        if isinstance(tokens, EscapedInteger):
            return super().pop_integers(n, tokens, model, contexts)
        out = np.empty(shape_of(n), np.uint32)
        self._core.pop_integers(out, bank_of(model), contexts, tokens.bases, tokens.extra_bits)
        return out

    @property
    def state(self) -> tuple[int, ...]:
        """The state of the next step, the other states, and the bytes consumed; for tests and debugging."""
        found: tuple[int, ...] = self._core.state
        return found

    def finish(self) -> None:
        """Check that the stream ends here.

        Raises
        ------
        BitstreamError
            If data remain or the state is not the encoder's first: the stream is corrupt, or decoded wrongly.
        """
        self._core.finish()
