"""The surface that all coders share: symbols under models, raw bits, Exp-Golomb codes and integers, in one stream."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from pyggc.entropy.models.base import Model, as_int, bank_of
from pyggc.entropy.tokens import EscapedInteger, HybridInteger
from pyggc.errors import BitstreamError

__all__ = ["Decoder", "Encoder"]

Shape = int | tuple[int, ...]

_MAX_ORDER = 31


def shape_of(n: Shape) -> tuple[int, ...]:
    """Check the number of symbols, or the shape of a result."""
    sides = n if isinstance(n, tuple) else (n,)
    return tuple(as_int(side, "n", 0, (1 << 63) - 1) for side in sides)


def stream_of(data: bytes | bytearray | memoryview) -> bytes:
    """Return the bytes of what has a buffer; `bytes` alone would take a number for a size."""
    return data if isinstance(data, bytes) else bytes(memoryview(data))


class Coder:
    """What encoders and decoders have in common: the kernels' object."""

    __slots__ = ("_core",)

    _core: Any

    @property
    def num_bits(self) -> float:
        """Information coded so far, in bits: a stream will be a few bytes longer, or was."""
        return float(self._core.num_bits())


class Encoder(Coder):
    """Base of all encoders: filled in the order in which the stream will be decoded.

    A call that raises leaves the encoder and the model as they were. The GIL is released while symbols are coded, so
    threads may fill encoders of their own at the same time; what two of them share refuses to be used by both.
    """

    __slots__ = ()

    def push(self, symbols: npt.ArrayLike, model: Model, contexts: npt.ArrayLike | None = None) -> None:
        """Add symbols, in C order, under a model, which adapts to them.

        Parameters
        ----------
        symbols : array_like of int, any shape
            Symbols in [0, model.num_symbols).
        model : Model
            The model; the decoder must pass one in the same state.
        contexts : array_like of int, optional
            Contexts in [0, model.num_contexts): one for all, as many as symbols, or what broadcasts against their
            shape. All 0 by default.

        Raises
        ------
        ValueError
            If a symbol or a context is out of range, or their shapes do not fit.
        TypeError
            If they are not integers.
        """
        self._core.push(symbols, bank_of(model), contexts)

    def encode_symbol(self, symbol: int, model: Model, context: int = 0) -> None:
        """Add one symbol, as `push` does; for trying things out, as arrays are faster by far.

        Parameters
        ----------
        symbol : int
            In [0, model.num_symbols).
        model : Model
            The model, which adapts.
        context : int
            In [0, model.num_contexts).

        Raises
        ------
        ValueError, TypeError
            As for `push`.
        """
        self._core.push(operator.index(symbol), bank_of(model), operator.index(context))

    def push_bits(self, values: npt.ArrayLike, widths: npt.ArrayLike) -> None:
        """Add values as raw bits, most significant first.

        Parameters
        ----------
        values : array_like of int, any shape
            Values in [0, 2^width).
        widths : array_like of int, broadcast against values
            Bits of each value, 0 to 32.

        Raises
        ------
        ValueError
            If a width is out of range, a value does not fit its width, or the shapes do not fit.
        TypeError
            If they are not integers.
        """
        self._core.push_bits(values, widths)

    def push_exp_golomb(self, values: npt.ArrayLike, order: int = 0) -> None:
        """Add integers as Exp-Golomb codes: for what is too rare, or too wide, for a model.

        With w = floor(log2(v + 2^order)), a value v is w - order zeros, a one, and the low w bits of v + 2^order.

        Parameters
        ----------
        values : array_like of int, any shape
            Values in [0, 2^32).
        order : int
            Bits of the smallest values, 0 to 31.

        Raises
        ------
        ValueError
            If a value or the order is out of range.
        TypeError
            If they are not integers.
        """
        self._core.push_exp_golomb(values, as_int(order, "order", 0, _MAX_ORDER))

    def push_integers(
        self,
        values: npt.ArrayLike,
        tokens: HybridInteger | EscapedInteger,
        model: Model,
        contexts: npt.ArrayLike | None = None,
    ) -> None:
        """Add integers, in C order: all their tokens under a model, then all that the tokens leave open.

        Parameters
        ----------
        values : array_like of int, any shape
            Values in [0, tokens.max_value].
        tokens : HybridInteger or EscapedInteger
            How values are split; it must have as many tokens as the model has symbols.
        model : Model
            The model of the tokens; the decoder must pass one in the same state.
        contexts : array_like of int, optional
            As for `push`.

        Raises
        ------
        ValueError
            If a value or a context is out of range, their shapes do not fit, or the model does not suit the tokens.
        TypeError
            If they are not integers.
        """
        check_tokens(tokens, model)
        if isinstance(tokens, EscapedInteger):
            symbols: npt.NDArray[Any]
            symbols, rest = tokens.encode(values)
            self.push(symbols, model, contexts)
            self.push_exp_golomb(rest, tokens.order)
        else:
            symbols, extra, widths = tokens.encode(values)
            self.push(symbols, model, contexts)
            self.push_bits(extra, widths)

    def finish(self) -> bytes:
        """Return the stream; the encoder is empty afterwards and can be filled again."""
        raise NotImplementedError


class Decoder(Coder):
    """Base of all decoders.

    The calls must mirror those of the encoder: the same models in the same states, the same contexts. A batch may be
    of any size, so the contexts of one may depend on the symbols of those before it. After a `BitstreamError` neither
    the decoder nor the models given to it are of further use.
    """

    __slots__ = ()

    def __getstate__(self) -> object:
        raise TypeError(f"a {type(self).__name__} cannot be copied or pickled, only made anew from its bytes")

    def pop(
        self,
        n: Shape,
        model: Model,
        contexts: npt.ArrayLike | None = None,
        *,
        out: npt.NDArray[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Decode symbols under a model, which adapts to them.

        Parameters
        ----------
        n : int or tuple of int
            Number of symbols, or the shape of the result.
        model : Model
            In the state of the encoder's model at this place.
        contexts : array_like of int, optional
            Contexts in [0, model.num_contexts): one for all, as many as symbols, or what broadcasts against the shape
            of the result. All 0 by default.
        out : ndarray of int, C-contiguous and aligned, optional
            Where to decode to, of the result's shape; any type of integers that holds the alphabet.

        Returns
        -------
        ndarray, shape (n,) or n
            Symbols in [0, model.num_symbols): `out`, or uint8 up to 256 symbols and uint16 beyond.

        Raises
        ------
        TruncatedStream
            If the stream does not hold so much.
        ValueError
            If a context is out of range, their shape does not fit, or `out` does not.
        TypeError
            If an argument is not of the type above.
        """
        bank, shape = bank_of(model), shape_of(n)
        if out is None:
            dtype: type[np.unsignedinteger[Any]] = np.uint8 if bank.num_symbols <= 256 else np.uint16
            out = np.empty(shape, dtype)
        elif isinstance(out, np.ndarray) and out.shape != shape:
            raise ValueError(f"out must have the shape {shape}, not {out.shape}")
        self._core.pop(out, bank, contexts)
        return out

    def decode_symbol(self, model: Model, context: int = 0) -> int:
        """Decode one symbol, as `pop` does; for trying things out, as arrays are faster by far.

        Parameters
        ----------
        model : Model
            The model, which adapts.
        context : int
            In [0, model.num_contexts).

        Returns
        -------
        int
            In [0, model.num_symbols).

        Raises
        ------
        TruncatedStream, ValueError, TypeError
            As for `pop`.
        """
        out = np.empty((), np.uint16)
        self._core.pop(out, bank_of(model), operator.index(context))
        return int(out)

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
        self._core.pop_bits(widths, values.reshape(-1))
        return values

    def pop_exp_golomb(self, n: Shape, order: int = 0) -> npt.NDArray[np.uint32]:
        """Decode Exp-Golomb codes.

        Parameters
        ----------
        n : int or tuple of int
            Number of values, or the shape of the result.
        order : int
            The encoder's.

        Returns
        -------
        ndarray of uint32, shape (n,) or n

        Raises
        ------
        BitstreamError
            If the stream does not hold so much, or a code is longer than 32 bits.
        ValueError
            If the order is out of range.
        """
        values = np.empty(shape_of(n), np.uint32)
        self._core.pop_exp_golomb(values.reshape(-1), as_int(order, "order", 0, _MAX_ORDER))
        return values

    def pop_integers(
        self,
        n: Shape,
        tokens: HybridInteger | EscapedInteger,
        model: Model,
        contexts: npt.ArrayLike | None = None,
    ) -> npt.NDArray[np.uint32]:
        """Decode what `Encoder.push_integers` coded.

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
        BitstreamError
            If the stream does not hold so much.
        ValueError
            If a context is out of range, or their shape or the model's symbols do not fit.
        TypeError
            If an argument is not of the type above.
        """
        check_tokens(tokens, model)
        symbols = self.pop(n, model, contexts)
        if isinstance(tokens, EscapedInteger):
            rest = self.pop_exp_golomb(tokens.num_escapes(symbols), tokens.order)
            try:
                return tokens.decode(symbols, rest)
            except ValueError:
                raise BitstreamError("expected integers below 2^32, found a larger one") from None
        return tokens.decode(symbols, self.pop_bits(tokens.num_extra_bits(symbols)))

    def finish(self) -> None:
        """Check that the stream ends here.

        Raises
        ------
        BitstreamError
            If data remain or the state is not the encoder's first: the stream is corrupt, or decoded wrongly.
        """
        raise NotImplementedError


def check_tokens(tokens: HybridInteger | EscapedInteger, model: Model) -> None:
    """Refuse a model that has not a symbol for each token."""
    if not isinstance(tokens, HybridInteger | EscapedInteger):
        raise TypeError(f"tokens must be a HybridInteger or an EscapedInteger, not {type(tokens).__name__}")
    if bank_of(model).num_symbols != tokens.num_tokens:
        raise ValueError(
            f"the model must have a symbol for each token: {tokens.num_tokens}, not {bank_of(model).num_symbols}"
        )
