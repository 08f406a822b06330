"""Two-state adaptive rANS: symbols under any number of models, and raw bits, in one stream of bytes."""

from __future__ import annotations

import operator

import numpy as np
import numpy.typing as npt

from pyggc._native import _entropy
from pyggc.entropy.models import AdaptiveModel
from pyggc.entropy.tokens import HybridInteger

__all__ = ["RansDecoder", "RansEncoder"]


def _bank_of(model: AdaptiveModel) -> _entropy.DyadicBank:
    if not isinstance(model, AdaptiveModel):
        raise TypeError(f"model must be an AdaptiveModel, not {type(model).__name__}")
    return model._bank


class RansEncoder:
    """Encoder of one rANS stream, filled in the order in which it will be decoded.

    `push` runs the model and notes the interval of each symbol; `finish` codes them, last symbol first. A call that
    raises leaves the encoder and the model as they were. The stream ends up about three bytes above the sum of the
    models' costs, and is empty where nothing had to be told.

    Examples
    --------
    >>> encoder = RansEncoder()
    >>> encoder.push([0, 1, 0, 0, 2, 0], AdaptiveModel(3))
    >>> encoder.push_bits([5, 1023], [3, 10])
    >>> data = encoder.finish()
    >>> decoder = RansDecoder(data)
    >>> decoder.pop(6, AdaptiveModel(3)).tolist()
    [0, 1, 0, 0, 2, 0]
    >>> decoder.pop_bits([3, 10]).tolist()
    [5, 1023]
    >>> decoder.finish()
    """

    __slots__ = ("_log",)

    def __init__(self) -> None:
        self._log = _entropy.StepLog()

    def push(self, symbols: npt.ArrayLike, model: AdaptiveModel, contexts: npt.ArrayLike | None = None) -> None:
        """Add symbols, in C order, under a model, which adapts to them.

        Parameters
        ----------
        symbols : array_like of int, any shape
            Symbols in [0, model.num_symbols).
        model : AdaptiveModel
            The model; the decoder must pass one in the same state.
        contexts : array_like of int, as many as symbols, optional
            Contexts in [0, model.num_contexts); all 0 by default.

        Raises
        ------
        ValueError
            If a symbol or a context is out of range, or their numbers differ.
        TypeError
            If they are not integers.
        """
        self._log.push(symbols, _bank_of(model), contexts)

    def push_bits(self, values: npt.ArrayLike, widths: npt.ArrayLike) -> None:
        """Add values as raw bits, most significant first.

        Parameters
        ----------
        values : array_like of int, any shape
            Values in [0, 2^width).
        widths : int, or array_like of int, as many as values
            Bits of each value, 0 to 32.

        Raises
        ------
        ValueError
            If a width is out of range, a value does not fit its width, or their numbers differ.
        TypeError
            If they are not integers.
        """
        self._log.push_bits(values, widths)

    def push_integers(
        self,
        values: npt.ArrayLike,
        tokens: HybridInteger,
        model: AdaptiveModel,
        contexts: npt.ArrayLike | None = None,
    ) -> None:
        """Add integers, in C order: all their tokens under a model, then all their extra bits.

        Parameters
        ----------
        values : array_like of int, any shape
            Values in [0, tokens.max_value].
        tokens : HybridInteger
            How values are split; it must have as many tokens as the model has symbols.
        model : AdaptiveModel
            The model of the tokens; the decoder must pass one in the same state.
        contexts : array_like of int, as many as values, optional
            Contexts in [0, model.num_contexts); all 0 by default.

        Raises
        ------
        ValueError
            If a value or a context is out of range, their numbers differ, or the model does not suit the tokens.
        TypeError
            If they are not integers.
        """
        self._log.push_integers(
            values, _bank_of(model), contexts, tokens.bases, tokens.extra_bits, min(tokens.max_value, 2**32 - 1)
        )

    def finish(self) -> bytes:
        """Return the stream; the encoder is empty afterwards and can be filled again."""
        data = self._log.encode()
        self._log = _entropy.StepLog()
        return data


class RansDecoder:
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
    section : str
        What to call it in error messages.

    Raises
    ------
    BitstreamError
        If no stream starts like this.
    """

    __slots__ = ("_reader",)

    def __init__(self, data: bytes | bytearray | memoryview, *, section: str = "rANS stream") -> None:
        self._reader = _entropy.RansReader(bytes(data), section)

    def pop(
        self,
        n: int | tuple[int, ...],
        model: AdaptiveModel,
        contexts: npt.ArrayLike | None = None,
        *,
        out: npt.NDArray[np.uint8] | None = None,
    ) -> npt.NDArray[np.uint8]:
        """Decode symbols under a model, which adapts to them.

        Parameters
        ----------
        n : int or tuple of int
            Number of symbols, or the shape of the result.
        model : AdaptiveModel
            In the state of the encoder's model at this place.
        contexts : array_like of int, as many as symbols, optional
            Contexts in [0, model.num_contexts); all 0 by default.
        out : ndarray of uint8, C-contiguous, optional
            Where to decode to; its size must be that of the result.

        Returns
        -------
        ndarray of uint8, shape (n,) or n
            Symbols in [0, model.num_symbols), or `out`.

        Raises
        ------
        TruncatedStream
            If the stream does not hold so much.
        ValueError
            If a context is out of range, their number is not that of the symbols, or `out` does not fit.
        TypeError
            If an argument is not of the type above.
        """
        if out is None:
            out = np.empty(n, np.uint8)
        else:
            shape = n if isinstance(n, tuple) else (operator.index(n),)
            if not isinstance(out, np.ndarray) or out.dtype != np.uint8:
                raise TypeError("out must be an ndarray of uint8")
            if out.shape != shape or not out.flags.c_contiguous or not out.flags.writeable:
                raise ValueError(f"out must be writable, C-contiguous and of shape {shape}, not {out.shape}")
        self._reader.pop(out, _bank_of(model), contexts)
        return out

    def pop_bits(self, widths: npt.ArrayLike) -> npt.NDArray[np.uint32]:
        """Decode raw bits.

        Parameters
        ----------
        widths : array_like of int, any shape
            Bits of each value, 0 to 32.

        Returns
        -------
        ndarray of uint32, shape of widths
            The values.

        Raises
        ------
        TruncatedStream
            If the stream does not hold so much.
        ValueError
            If a width is out of range.
        TypeError
            If the widths are not integers.
        """
        values = np.empty(np.shape(widths), np.uint32)
        self._reader.pop_bits(widths, values.reshape(-1))
        return values

    def pop_integers(
        self,
        n: int | tuple[int, ...],
        tokens: HybridInteger,
        model: AdaptiveModel,
        contexts: npt.ArrayLike | None = None,
    ) -> npt.NDArray[np.uint32]:
        """Decode what `RansEncoder.push_integers` coded.

        Parameters
        ----------
        n : int or tuple of int
            Number of integers, or the shape of the result.
        tokens, model, contexts
            As for the encoder.

        Returns
        -------
        ndarray of uint32, shape (n,) or n
            Values in [0, tokens.max_value].

        Raises
        ------
        TruncatedStream
            If the stream does not hold so much.
        ValueError
            If a context is out of range, or their number or the model's symbols do not fit.
        TypeError
            If an argument is not of the type above.
        """
        out = np.empty(n, np.uint32)
        self._reader.pop_integers(out.reshape(-1), _bank_of(model), contexts, tokens.bases, tokens.extra_bits)
        return out

    @property
    def state(self) -> tuple[int, int, int]:
        """The state of the next step, the other state, and the bytes consumed; for tests and debugging."""
        return self._reader.state

    def finish(self) -> None:
        """Check that the stream ends here.

        Raises
        ------
        BitstreamError
            If data remain or the state is not the encoder's first: the stream is corrupt, or decoded wrongly.
        """
        self._reader.finish()
