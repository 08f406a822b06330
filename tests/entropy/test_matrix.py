"""Every coder with every model: what holds for one pair must hold for all.

A coder is one line of `CODERS`; a model is one line of `entropy_strategies.MODELS`.
"""

from __future__ import annotations

import contextlib
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
from entropy_strategies import MODELS, any_models
from hypothesis import given, settings
from hypothesis import strategies as st

from pyggc.entropy import (
    BoolDecoder,
    BoolEncoder,
    Decoder,
    DyadicModel,
    Encoder,
    EscapedInteger,
    FrequencyModel,
    HybridInteger,
    Model,
    ParametricModel,
    RangeDecoder,
    RangeEncoder,
    RansDecoder,
    RansEncoder,
    RansStack,
    StaticModel,
)
from pyggc.errors import BitstreamError

#: Name of a coder -> what makes its encoder, and what makes its decoder of bytes. The tests below run over all of them.
CODERS: dict[str, tuple[Callable[[], Encoder], Callable[[bytes], Decoder]]] = {
    "rans 1": (partial(RansEncoder, 1), partial(RansDecoder, states=1)),
    "rans 2": (RansEncoder, RansDecoder),
    "rans 4": (partial(RansEncoder, 4), partial(RansDecoder, states=4)),
    "range multiply": (RangeEncoder, RangeDecoder),
    "range division": (partial(RangeEncoder, "division"), partial(RangeDecoder, partition="division")),
    "range simple": (partial(RangeEncoder, "simple"), partial(RangeDecoder, partition="simple")),
    "range reduced": (partial(RangeEncoder, "reduced"), partial(RangeDecoder, partition="reduced")),
    "bool": (BoolEncoder, BoolDecoder),
}

DTYPES = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64, ">i4", "<u2", ">u8"]

# Bits by which a coder may miss the cost of a symbol, besides what models of totals other than 2^15 miss by being
# scaled: a symbol of one unit may get one or two of a range of sixteen bits. Bools have probabilities of their own.
INEXACT: dict[str, float] = {"range multiply": 1, "range division": 0.02, "range simple": 1, "range reduced": 1}
INEXACT["bool"] = math.inf

# Bytes that a stream may be longer than the information in it; a coder that needs more or less says so here.
OVERHEAD: dict[str, float] = {"bool": 4}

#: An error names what is wrong.
NAMES = r"symbols|contexts|values|widths|order|model|tokens|out|\bn must|an integer"

every_coder = pytest.mark.parametrize("coder", sorted(CODERS))

# There are many pairs, so each gets a part of the profile's examples.
some = settings(max_examples=settings.default.max_examples // 2)
few = settings(max_examples=settings.default.max_examples // 5)


@dataclass
class Call:
    """One pair of calls: how to encode, how to decode, what comes out, and the model that both use."""

    push: Callable[[Encoder, list[Model]], None]
    pop: Callable[[Decoder, list[Model]], Any]
    values: np.ndarray
    bits: Callable[[list[Model]], float]
    model: int | None = None  # of symbols; None: all is raw bits

    def inexact(self, coder: str, models: list[Model]) -> float:
        """Bits by which the coder may miss what `bits` says."""
        if self.model is None or self.values.size == 0:
            return 0
        return self.values.size * max(INEXACT.get(coder, 0), isinstance(models[self.model], FrequencyModel))


def symbols_call(draw: st.DrawFn, index: int, model: Model, rng: np.random.Generator) -> Call:
    """Symbols of any shape and type, in contexts that may broadcast."""
    shape = tuple(draw(st.lists(st.sampled_from([0, 1, 2, 5, 8]), max_size=3)))
    m = model.num_symbols
    symbols = np.where(
        rng.random(shape) < draw(st.sampled_from([0.0, 0.6, 1.0])), rng.integers(m), rng.integers(0, m, shape)
    )
    types = [dtype for dtype in DTYPES if np.iinfo(dtype).max >= m - 1]
    kept = shape[draw(st.integers(0, len(shape))) :] if shape else ()
    contexts = draw(
        st.sampled_from(
            [None, rng.integers(model.num_contexts), rng.integers(0, model.num_contexts, shape)]
            + [rng.integers(0, model.num_contexts, kept)] * bool(kept)
        )
    )
    given_as = np.asarray(symbols, draw(st.sampled_from(types)))
    if given_as.ndim and draw(st.booleans()):
        given_as = np.repeat(given_as, 2, axis=-1)[..., ::2]
    out_type = draw(st.none() | st.sampled_from([t for t in types if np.dtype(t).isnative]))

    def pop(decoder: Decoder, models: list[Model]) -> Any:
        if out_type is None:
            return decoder.pop(shape, models[index], contexts)
        out = np.empty(shape, out_type)
        assert decoder.pop(shape, models[index], contexts, out=out) is out
        return out

    return Call(
        lambda encoder, models: encoder.push(given_as, models[index], contexts),
        pop,
        symbols,
        lambda models: models[index].cost(symbols, contexts),
        index,
    )


def one_call(draw: st.DrawFn, index: int, model: Model, rng: np.random.Generator) -> Call:
    """A single symbol."""
    symbol, context = int(rng.integers(model.num_symbols)), int(rng.integers(model.num_contexts))
    return Call(
        lambda encoder, models: encoder.encode_symbol(symbol, models[index], context),
        lambda decoder, models: decoder.decode_symbol(models[index], context),
        np.array(symbol),
        lambda models: models[index].cost(symbol, context),
        index,
    )


def bits_call(draw: st.DrawFn, index: int, model: Model, rng: np.random.Generator) -> Call:
    """Raw bits."""
    widths = rng.integers(0, 33, draw(st.integers(0, 12)))
    values = rng.integers(0, 2**32, widths.size) >> (32 - widths)
    return Call(
        lambda encoder, models: encoder.push_bits(values, widths),
        lambda decoder, models: decoder.pop_bits(widths),
        values,
        lambda models: float(widths.sum()),
    )


def golomb_call(draw: st.DrawFn, index: int, model: Model, rng: np.random.Generator) -> Call:
    """Exp-Golomb codes."""
    order = draw(st.integers(0, 31))
    values = rng.integers(0, 2**32, draw(st.integers(0, 10))) >> rng.integers(0, 33)
    widths = np.array([int(v + (1 << order)).bit_length() for v in values.tolist()])
    return Call(
        lambda encoder, models: encoder.push_exp_golomb(values, order),
        lambda decoder, models: decoder.pop_exp_golomb(values.size, order),
        values,
        lambda models: float((2 * widths - 1 - order).sum()),
    )


def integers_call(draw: st.DrawFn, index: int, model: Model, rng: np.random.Generator) -> Call:
    """Integers, under a model that has a symbol for each token; others code raw bits instead."""
    m = model.num_symbols
    tokens: HybridInteger | EscapedInteger = EscapedInteger(m, order=draw(st.integers(0, 3)))
    if m <= 16 and draw(st.booleans()):
        tokens = HybridInteger(m, direct=1 << (min(m, 4).bit_length() - 1))
    values = rng.integers(0, min(tokens.max_value, 3 * m) + 1, (draw(st.integers(0, 4)), 3))
    contexts = rng.integers(0, model.num_contexts, values.shape)

    def bits(models: list[Model]) -> float:
        parts = tokens.encode(values)
        total = models[index].cost(parts[0], contexts)
        if isinstance(tokens, HybridInteger):
            return total + float(parts[2].sum())
        return total + sum(2 * int(v + (1 << tokens.order)).bit_length() - 1 - tokens.order for v in parts[1].tolist())

    return Call(
        lambda encoder, models: encoder.push_integers(values, tokens, models[index], contexts),
        lambda decoder, models: decoder.pop_integers(values.shape, tokens, models[index], contexts),
        values,
        bits,
        index,
    )


@st.composite
def sessions(draw: st.DrawFn) -> tuple[list[Callable[[], Model]], list[Call]]:
    """Factories of models, and calls that use them in turn."""
    factories = draw(st.lists(any_models(), min_size=1, max_size=3))
    models = [factory() for factory in factories]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    calls = []
    for _ in range(draw(st.integers(0, 6))):
        index = draw(st.integers(0, len(models) - 1))
        make = draw(st.sampled_from([symbols_call, symbols_call, one_call, bits_call, golomb_call, integers_call]))
        calls.append(make(draw, index, models[index], rng))
    return factories, calls


@every_coder
@given(session=sessions(), cut=st.integers(0, 6))
def test_round_trip(coder, session, cut):
    """Values, models in step after every call, the information that was promised, and a pickle on the way."""
    factories, calls = session
    make_encoder, make_decoder = CODERS[coder]
    encoder, ours = make_encoder(), [factory() for factory in factories]
    assert ours == [factory() for factory in factories]
    bits, inexact, states, measured = 0.0, 2.0, [], []
    for k, call in enumerate(calls):
        if k == cut:
            encoder, ours = pickle.loads(pickle.dumps((encoder, ours)))
        bits += call.bits(ours)
        inexact += call.inexact(coder, ours)
        call.push(encoder, ours)
        states.append([model.copy() for model in ours])
        measured.append(encoder.num_bits)
        assert encoder.num_bits == pytest.approx(bits, rel=0.002, abs=inexact)
    told = encoder.num_bits
    stream = encoder.finish()
    assert len(stream) <= told / 8 + OVERHEAD.get(coder, 7)

    decoder, theirs = make_decoder(stream), [factory() for factory in factories]
    for call, after, so_far in zip(calls, states, measured, strict=True):
        found = np.asarray(call.pop(decoder, theirs))
        assert found.shape == call.values.shape
        assert (found == call.values).all()
        assert theirs == after
        assert decoder.num_bits == pytest.approx(so_far, rel=0.002, abs=8)
    decoder.finish()
    assert decoder.num_bits == pytest.approx(told, rel=0.002, abs=8)


@pytest.mark.parametrize("states", [1, 2, 4])
@some
@given(session=sessions())
def test_stack_gives_back_the_last_call_first(states, session):
    factories, calls = session
    stack, models = RansStack(states=states), [factory() for factory in factories]
    bits, inexact, before = 0.0, 2.0, []
    for call in calls:
        before.append((stack.position, [model.copy() for model in models]))
        bits += call.bits(models)
        inexact += call.inexact("stack", models)
        call.push(stack, models)
        assert stack.num_bits == pytest.approx(bits, rel=0.002, abs=inexact)
    stack, models = pickle.loads(pickle.dumps((RansStack(stack.to_bytes(), states), models)))
    for call, (position, then) in zip(reversed(calls), reversed(before), strict=True):
        after = [model.copy() for model in models]
        models = [model.copy() for model in then]
        found = np.asarray(call.pop(stack, models))
        assert found.shape == call.values.shape
        assert (found == call.values).all()
        assert stack.position == position
        assert models == after
        models = then
    stack.finish()


@every_coder
@some
@given(factory=any_models(), seed=st.integers(0, 2**32 - 1))
def test_truncation_at_every_byte(coder, factory, seed):
    """A stream cut short gives symbols in range or a `BitstreamError`, and never ends well unless they are the same."""
    make_encoder, make_decoder = CODERS[coder]
    model, rng = factory(), np.random.default_rng(seed)
    symbols = rng.integers(0, model.num_symbols, 40)
    encoder = make_encoder()
    encoder.push(symbols, model)
    encoder.push_bits(0xBEEF, 16)
    stream = encoder.finish()
    for length in range(len(stream)):
        with contextlib.suppress(BitstreamError):
            decoder = make_decoder(stream[:length])
            found = decoder.pop(40, factory())
            assert found.max() < model.num_symbols
            value = decoder.pop_bits([16])
            decoder.finish()
            assert (found.tolist(), value.tolist()) != (symbols.tolist(), [0xBEEF])


@every_coder
@some
@given(session=sessions(), data=st.binary(max_size=60))
def test_random_bytes(coder, session, data):
    factories, calls = session
    models = [factory() for factory in factories]
    with contextlib.suppress(BitstreamError):
        decoder = CODERS[coder][1](data)
        for call in calls:
            assert np.asarray(call.pop(decoder, models)).shape == call.values.shape
        decoder.finish()


@every_coder
@some
@given(factory=any_models(), more=st.integers(1, 50))
def test_symbols_past_the_end(coder, factory, more):
    """More symbols than the stream holds are in range, until it is an error."""
    make_encoder, make_decoder = CODERS[coder]
    encoder, model = make_encoder(), factory()
    encoder.push(np.zeros(5, int), model)
    with contextlib.suppress(BitstreamError):
        found = make_decoder(encoder.finish()).pop(5 + more, factory())
        assert found.max() < model.num_symbols


@every_coder
@some
@given(factory=any_models())
def test_failed_calls_leave_everything_as_it_was(coder, factory):
    make_encoder, make_decoder = CODERS[coder]
    encoder, clean, model, twin = make_encoder(), make_encoder(), factory(), factory()
    m, contexts = model.num_symbols, model.num_contexts
    symbols = np.arange(6) % m
    encoder.push(symbols, model)
    clean.push(symbols, twin)
    before = model.copy()
    for bad in (
        lambda: encoder.push([0, m], model),
        lambda: encoder.push([0, -1], model),
        lambda: encoder.push([0, 0], model, [0, contexts]),
        lambda: encoder.push([0, 0], model, [0, 0, 0]),
        lambda: encoder.push(np.zeros((2, 2), int), model, [0, 0, 0]),
        lambda: encoder.encode_symbol(m, model),
        lambda: encoder.push_bits([4], [2]),
        lambda: encoder.push_bits([1], [33]),
        lambda: encoder.push_exp_golomb([-1]),
        lambda: encoder.push_exp_golomb([1], 32),
        lambda: encoder.push_integers([2**32], EscapedInteger(m), model),
        lambda: encoder.push_integers([0], EscapedInteger(m + 1), model),
        lambda: encoder.push_integers([0], EscapedInteger(m), model, [contexts]),
        lambda: model.cost([m]),
        lambda: model.cost([0], [contexts]),
    ):
        with pytest.raises(ValueError, match=NAMES):
            bad()
    for bad in (
        lambda: encoder.push([0.5], model),
        lambda: encoder.push([0], model, [0.5]),
        lambda: encoder.push([0], "model"),
        lambda: encoder.push_bits([0.5], [1]),
        lambda: encoder.push_integers([0], "tokens", model),
        lambda: encoder.encode_symbol(0.5, model),
    ):
        with pytest.raises(TypeError, match=NAMES):
            bad()
    assert model == before == twin
    encoder.push(symbols[::-1], model)
    clean.push(symbols[::-1], twin)
    stream = encoder.finish()
    assert stream == clean.finish()
    decoder, theirs = make_decoder(stream), factory()
    for bad in (
        lambda: decoder.pop(6, theirs, [0] * 5 + [contexts]),
        lambda: decoder.pop(6, theirs, [0] * 5),
        lambda: decoder.pop(-1, theirs),
        lambda: decoder.pop(6, theirs, out=np.zeros(5, np.uint16)),
        lambda: decoder.pop_bits([33]),
        lambda: decoder.pop_exp_golomb(1, 32),
        lambda: decoder.pop_integers(1, EscapedInteger(m + 1), theirs),
    ):
        with pytest.raises(ValueError, match=NAMES):
            bad()
    for bad in (
        lambda: decoder.pop(6, "model"),
        lambda: decoder.pop(1.5, theirs),
        lambda: decoder.pop(6, theirs, out=np.zeros(6)),
        lambda: decoder.pop_bits([0.5]),
    ):
        with pytest.raises(TypeError, match=NAMES):
            bad()
    assert (decoder.pop(6, theirs) == symbols).all()
    assert (decoder.pop(6, theirs) == symbols[::-1]).all()
    decoder.finish()
    assert theirs == model


def odd(array: np.ndarray) -> np.ndarray:
    """The same array at an odd address, as a part of a file may have it."""
    moved = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype)
    moved[...] = array
    assert not moved.flags.aligned
    return moved


@every_coder
@pytest.mark.parametrize("dtype", [np.int16, np.uint32, np.int64])
def test_arrays_at_odd_addresses(coder, dtype):
    make_encoder, make_decoder = CODERS[coder]
    symbols, contexts = odd(np.arange(3000, dtype=dtype) % 16), odd(np.arange(3000, dtype=dtype) % 3)
    encoder, model = make_encoder(), DyadicModel(16, 3)
    encoder.push(symbols, model, contexts)
    encoder.push_bits(symbols, odd(np.full(3000, 4, dtype)))
    encoder.push_exp_golomb(symbols)
    decoder, theirs = make_decoder(encoder.finish()), DyadicModel(16, 3)
    with pytest.raises(ValueError, match="out must be writable, aligned and C-contiguous"):
        decoder.pop(3000, theirs, contexts, out=odd(np.zeros(3000, dtype)))
    assert (decoder.pop(3000, theirs, contexts) == symbols).all()
    assert (decoder.pop_bits(odd(np.full(3000, 4, dtype))) == symbols).all()
    assert (decoder.pop_exp_golomb(3000) == symbols).all()
    decoder.finish()


@every_coder
def test_streams_are_bytes(coder):
    encoder = CODERS[coder][0]()
    encoder.push_bits([5, 6], 32)
    stream = encoder.finish()
    for data in (bytearray(stream), memoryview(stream), np.frombuffer(stream, np.uint8)):
        assert CODERS[coder][1](data).pop_bits([32, 32]).tolist() == [5, 6]
    for data in (8, [1, 2, 3, 4], "text", None):
        with pytest.raises(TypeError, match="bytes-like"):
            CODERS[coder][1](data)


@every_coder
@pytest.mark.parametrize("kind", sorted(MODELS))
def test_every_kind_is_drawn(coder, kind):
    """The strategies make what they say, and it codes."""

    @few
    @given(MODELS[kind])
    def check(factory):
        make_encoder, make_decoder = CODERS[coder]
        model, encoder = factory(), make_encoder()
        symbols = np.arange(2000) % model.num_symbols
        contexts = np.arange(2000) % model.num_contexts
        cost = model.cost(symbols, contexts)
        assert model.costs(symbols, contexts).sum() == pytest.approx(cost)
        encoder.push(symbols, model, contexts)
        inexact = 2000 * max(INEXACT.get(coder, 0), kind == "frequency")
        assert encoder.num_bits == pytest.approx(cost, rel=0.002, abs=2 + inexact)
        stream, theirs = encoder.finish(), factory()
        decoder = make_decoder(stream)
        assert (decoder.pop(2000, theirs, contexts) == symbols).all()
        decoder.finish()
        assert theirs == model

    check()


@every_coder
def test_one_symbol_costs_nothing(coder):
    make_encoder, make_decoder = CODERS[coder]
    encoder = make_encoder()
    factories = (
        lambda: DyadicModel(1, 2),
        lambda: StaticModel([0, 32768]),
        lambda: ParametricModel("gaussian", 1),
        lambda: FrequencyModel(1, limit=5),
    )
    for model in [factory() for factory in factories]:
        encoder.push(np.zeros((30, 40), np.int8), model)
        assert model.cost(np.zeros(1000, int)) == 0
    assert encoder.num_bits == pytest.approx(0, abs=1e-9)
    stream = encoder.finish()
    assert len(stream) <= OVERHEAD.get(coder, 1)
    decoder = make_decoder(stream)
    for factory in factories:
        assert decoder.pop((30, 40), factory()).tolist() == [[0] * 40] * 30
    decoder.finish()
