"""rANS: round trips, parity with the scalar reference, hostile bytes, and the argument surface."""

from __future__ import annotations

import contextlib
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import numpy as np
import pytest
from entropy_strategies import Batch, scripts
from hypothesis import given
from hypothesis import strategies as st

from pyggc.entropy import DyadicModel, RansDecoder, RansEncoder, StaticModel
from pyggc.entropy.models import CDF_TOTAL
from pyggc.entropy.reference import ReferenceDecoder, ReferenceEncoder, ReferenceModel
from pyggc.errors import BitstreamError, TruncatedStream

STATES = st.sampled_from([1, 2, 4])


def encode(models: list[DyadicModel], batches: list[Batch], states: int = 2) -> tuple[bytes, float]:
    """The stream of a script, and the bits that its models and raw bits cost."""
    encoder, bits = RansEncoder(states), 0.0
    for batch in batches:
        if batch.model is None:
            bits += batch.contexts.sum()
            encoder.push_bits(batch.values, batch.contexts)
        else:
            bits += models[batch.model].cost(batch.values, batch.contexts)
            encoder.push(batch.values, models[batch.model], batch.contexts)
    return encoder.finish(), bits


def decode(decoder: RansDecoder, models: list[DyadicModel], batches: list[Batch]) -> list[np.ndarray]:
    return [
        decoder.pop_bits(batch.contexts)
        if batch.model is None
        else decoder.pop(batch.values.size, models[batch.model], batch.contexts)
        for batch in batches
    ]


@given(scripts(), STATES)
def test_round_trip_and_size(script, states):
    arguments, batches = script
    models, twins = ([DyadicModel(**a) for a in arguments] for _ in range(2))
    data, bits = encode(models, batches, states)
    decoder = RansDecoder(data, states)
    for batch, values in zip(batches, decode(decoder, twins, batches), strict=True):
        assert values.tolist() == batch.values.tolist()
    decoder.finish()
    assert twins == models
    assert len(data) * 8 <= bits + 32 + 16 * states
    # A state of few bits grows by whole numbers, and a state that begins with a word is up to twice the word.
    assert decoder.num_bits == pytest.approx(bits, abs=2 + states + bits / 1000)


@given(scripts(max_batch=25), STATES)
def test_parity_with_the_reference(script, states):
    """The same bytes, the same states after every batch, the same adapted CDFs."""
    arguments, batches = script
    models, references = [DyadicModel(**a) for a in arguments], [ReferenceModel(**a) for a in arguments]
    data, _ = encode(models, batches, states)
    encoder = ReferenceEncoder(states)
    for batch in batches:
        for value, context in zip(batch.values.tolist(), batch.contexts.tolist(), strict=True):
            if batch.model is None:
                encoder.push_bits(value, context)
            else:
                encoder.push(value, references[batch.model], context)
    assert encoder.finish() == data
    for model, reference in zip(models, references, strict=True):
        assert model.cdf_q15.tolist() == [reference.cdf(c) for c in range(len(reference.counts))]

    models, references = [DyadicModel(**a) for a in arguments], [ReferenceModel(**a) for a in arguments]
    fast, slow = RansDecoder(data, states), ReferenceDecoder(data, states)
    assert fast.state == slow.state
    assert fast.state[:-1] == encoder.state
    for batch in batches:
        values = decode(fast, models, [batch])[0]
        for value, context in zip(values.tolist(), batch.contexts.tolist(), strict=True):
            if batch.model is None:
                assert slow.pop_bits(context) == value
            else:
                assert slow.pop(references[batch.model], context) == value
        assert fast.state == slow.state
    fast.finish()
    slow.finish()
    for model, reference in zip(models, references, strict=True):
        assert model.cdf_q15.tolist() == [reference.cdf(c) for c in range(len(reference.counts))]


@given(scripts(max_batch=1500), STATES)
def test_the_simd_variants_agree(script, states):
    """The same values, states after every call, and adapted models."""
    arguments, batches = script
    data, _ = encode([DyadicModel(**a) for a in arguments], batches, states)
    found = []
    for variant in ("", "baseline"):
        with mock.patch.dict(os.environ, PYGGC_SIMD=variant):
            decoder, models = RansDecoder(data, states), [DyadicModel(**a) for a in arguments]
            values = [(decode(decoder, models, [batch])[0].tolist(), decoder.state) for batch in batches]
            decoder.finish()
            found.append((values, models))
    assert found[0] == found[1]
    assert [values for values, _ in found[0][0]] == [batch.values.tolist() for batch in batches]


@pytest.mark.parametrize("states", [1, 2, 4])
@pytest.mark.parametrize("n", [*range(40), 1000, 1001, 50_000])
def test_every_way_to_split_a_stream_into_calls(n, states):
    """Where the encoder forks and the decoder joins its states has nothing to do with the batches."""
    rng = np.random.default_rng(n)
    symbols = np.minimum(rng.geometric(0.4, n) - 1, 15)
    encoder = RansEncoder(states)
    encoder.push(symbols, DyadicModel(16))
    data = encoder.finish()
    for size in {1, 2, 3, 7, max(n, 1)} if n <= 1001 else {999, n}:
        encoder, model = RansEncoder(states), DyadicModel(16)
        for start in range(0, n, size):
            encoder.push(symbols[start : start + size], model)
        assert encoder.finish() == data
        decoder, model = RansDecoder(data, states), DyadicModel(16)
        parts = [decoder.pop(min(size, n - start), model) for start in range(0, n, size)]
        decoder.finish()
        assert np.concatenate([*parts, []]).tolist() == symbols.tolist()


@pytest.mark.parametrize(("states", "most"), [(1, 2.5), (2, 3.5), (4, 6.0)])
@pytest.mark.parametrize("symbols", [100, 1000, 10_000])
def test_overhead_of_the_stream_is_a_few_bytes(symbols, states, most):
    rng = np.random.default_rng(5)
    excess = []
    for _ in range(30):
        draw = np.minimum(rng.geometric(0.3, symbols) - 1, 15)
        encoder, model = RansEncoder(states), DyadicModel(16)
        bits = model.cost(draw)
        encoder.push(draw, model)
        excess.append(len(encoder.finish()) - bits / 8)
    assert np.mean(excess) < most
    assert max(excess) < most + 3


def test_nothing_costs_nothing():
    encoder = RansEncoder()
    assert encoder.finish() == b""
    encoder.push([], DyadicModel(4))
    encoder.push(np.zeros((3, 5), np.int8), DyadicModel(1))
    encoder.push_bits([0, 0], [0, 0])
    assert encoder.finish() == b""
    decoder = RansDecoder(b"")
    assert decoder.pop((3, 5), DyadicModel(1)).tolist() == [[0] * 5] * 3
    assert decoder.pop_bits([]).size == 0
    decoder.finish()


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64, ">i4"]
)
@pytest.mark.parametrize("layout", ["C", "F", "strided", "list"])
def test_any_integer_type_and_layout(dtype, layout):
    rng = np.random.default_rng(9)
    base = rng.integers(0, 5, (6, 8))
    contexts = rng.integers(0, 3, (6, 8))
    expected = RansEncoder()
    expected.push(base, DyadicModel(5, 3), contexts)
    data = expected.finish()

    def arrange(array):
        array = array.astype(dtype)
        if layout == "strided":
            wide = np.full((12, 16), 77, dtype)
            wide[::2, 1::2] = array
            return wide[::2, 1::2]
        return array.tolist() if layout == "list" else np.array(array, order=layout)

    encoder = RansEncoder()
    encoder.push(arrange(base), DyadicModel(5, 3), arrange(contexts))
    assert encoder.finish() == data
    out = np.zeros((6, 8), np.uint8)
    decoder = RansDecoder(memoryview(bytearray(data)))
    assert decoder.pop((6, 8), DyadicModel(5, 3), arrange(contexts), out=out) is out
    decoder.finish()
    assert (out == base).all()


def test_a_failed_call_leaves_everything_as_it_was():
    encoder, model = RansEncoder(), DyadicModel(4, 2)
    encoder.push([1, 2, 3], model, [0, 1, 0])
    before = model.copy()
    for symbols, contexts in [
        ([0, 4], [0, 0]),
        ([0, -1], [0, 0]),
        ([0, 1], [0, 2]),
        ([0, 1], [0, -1]),
        ([0, 1], [0, 1, 1]),
        ([[0, 1], [1, 0]], [0, 1, 1]),
        ([2**40], [0]),
    ]:
        with pytest.raises(ValueError, match=r"symbols|contexts"):
            encoder.push(symbols, model, contexts)
    for values, widths in [
        ([8], [3]),
        ([1], [0]),
        ([1], [33]),
        ([1], [-1]),
        ([-1], [4]),
        ([2**32], [32]),
        ([1, 1], [1] * 3),
    ]:
        with pytest.raises(ValueError, match=r"values|widths"):
            encoder.push_bits(values, widths)
    with pytest.raises(TypeError, match="symbols"):
        encoder.push([0.0], model)
    with pytest.raises(TypeError, match="contexts"):
        encoder.push([0], model, [0.5])
    with pytest.raises(TypeError, match="values"):
        encoder.push_bits([0.5], [1])
    with pytest.raises(TypeError):
        encoder.push([0], "model")
    assert model == before
    clean = RansEncoder()
    clean.push([1, 2, 3], DyadicModel(4, 2), [0, 1, 0])
    assert encoder.finish() == clean.finish()


def test_bad_arguments_of_the_decoder_leave_it_as_it_was():
    encoder = RansEncoder()
    symbols = np.arange(300) % 7
    encoder.push(symbols, DyadicModel(7, 2), symbols % 2)
    decoder, model = RansDecoder(encoder.finish()), DyadicModel(7, 2)
    with pytest.raises(ValueError, match="contexts"):
        decoder.pop(300, model, symbols)
    with pytest.raises(ValueError, match="contexts"):
        decoder.pop(299, model, symbols % 2)
    with pytest.raises(ValueError, match="out"):
        decoder.pop(300, model, symbols % 2, out=np.zeros(299, np.uint8))
    with pytest.raises(ValueError, match="out"):
        decoder.pop(3, model, [0, 1, 0], out=np.zeros(6, np.uint8)[::2])
    with pytest.raises(TypeError, match="out"):
        decoder.pop(300, model, symbols % 2, out=np.zeros(300, np.float32))
    with pytest.raises(ValueError, match="widths"):
        decoder.pop_bits([33])
    with pytest.raises(TypeError, match="widths"):
        decoder.pop_bits([1.0])
    with pytest.raises((ValueError, TypeError)):
        decoder.pop(-1, model)
    assert (decoder.pop(300, model, symbols % 2) == symbols).all()
    decoder.finish()


def sample_stream(n: int = 400, states: int = 2) -> tuple[bytes, np.ndarray]:
    symbols = np.minimum(np.random.default_rng(2).geometric(0.35, n) - 1, 15)
    encoder = RansEncoder(states)
    encoder.push(symbols, DyadicModel(16))
    encoder.push_bits([0x12345678], [32])
    return encoder.finish(), symbols


def decode_sample(data: bytes, n: int = 400, states: int = 2) -> np.ndarray:
    decoder = RansDecoder(data, states, section="test section")
    symbols = decoder.pop(n, DyadicModel(16))
    decoder.pop_bits([32])
    decoder.finish()
    return symbols


def undetected(streams: list[bytes], states: int = 2) -> int:
    """How many corrupt streams decode without a BitstreamError; any other error is raised."""
    messages = []
    for data in streams:
        try:
            decode_sample(data, states=states)
        except BitstreamError as error:
            messages.append(str(error))
    assert all(message.startswith("test section at byte") for message in messages)
    return len(streams) - len(messages)


@pytest.mark.parametrize("states", [1, 2, 4])
def test_truncation_at_every_byte(states):
    data, symbols = sample_stream(states=states)
    assert (decode_sample(data, states=states) == symbols).all()
    assert undetected([data[:length] for length in range(len(data))], states) == 0


def test_symbols_too_many_are_found_when_the_stream_runs_dry():
    data, symbols = sample_stream()
    for extra in (1, 2, 50, 10**7):
        decoder = RansDecoder(data)
        model = DyadicModel(16)
        assert (decoder.pop(symbols.size, model) == symbols).all()
        decoder.pop_bits([32])
        # The first of them fails, so many take no time.
        with pytest.raises(TruncatedStream, match="expected a state that holds more symbols, found the end"):
            decoder.pop(extra, model)
        with pytest.raises(TruncatedStream, match="expected a state that holds more symbols, found the end"):
            RansDecoder(b"").pop(extra, DyadicModel(16))


@pytest.mark.parametrize("count", [1, 1000, 20_000, 200_000])
def test_the_most_symbols_that_a_byte_can_hold(count):
    """The bound that the specification gives for models of 16 symbols, at the least cost there is."""
    encoder = RansEncoder()
    encoder.push(np.zeros(count, np.uint8), DyadicModel(16))
    data = encoder.finish()
    assert count <= len(data) << 15
    assert (RansDecoder(data).pop(count, DyadicModel(16)) == 0).all()
    with pytest.raises(TruncatedStream):
        RansDecoder(data).pop(len(data) << 15, DyadicModel(16))


@pytest.mark.parametrize("states", [1, 2, 4])
def test_bytes_too_many(states):
    data, _ = sample_stream(states=states)
    assert undetected([data + tail for tail in (b"\0", b"\0\0\0\0", b"tail!", data)], states) == 0


@pytest.mark.parametrize("states", [1, 2, 4])
def test_every_single_bit_flip(states):
    """What is not found spells another ending of the message: a valid stream, here with other raw bits at its end.

    With one state these 32 bits lie in the stream as they are.
    """
    data, _ = sample_stream(states=states)
    number = int.from_bytes(data, "big")
    flips = [(number ^ 1 << bit).to_bytes(len(data), "big") for bit in range(8 * len(data))]
    assert undetected(flips, states) <= (32 if states == 1 else len(flips) // 100)


@given(st.binary(max_size=60), scripts(), STATES)
def test_random_bytes_decode_to_symbols_in_range_or_a_bitstream_error(data, script, states):
    arguments, batches = script
    with contextlib.suppress(BitstreamError):
        decoder = RansDecoder(data, states)
        models = [DyadicModel(**a) for a in arguments]
        for batch, values in zip(batches, decode(decoder, models, batches), strict=True):
            if batch.model is not None:
                assert values.size == 0 or values.max() < arguments[batch.model]["num_symbols"]
            else:
                assert (values >> np.minimum(batch.contexts, 31) < 2).all()
        decoder.finish()


def test_errors_of_the_beginning_name_section_and_offset():
    with pytest.raises(
        BitstreamError, match=r"POSN at byte 0: expected a state above 0x8000 without leading zeros, found 0001"
    ):
        RansDecoder(b"\0\1", section="POSN")
    with pytest.raises(TruncatedStream, match=r"POSN at byte 12 of 12: expected another 4-byte word, found the end"):
        # The low bits of the state say that 31 raw bits follow: it runs dry and takes the only word.
        RansDecoder(b"\1\0\0\0\0\0\x7c\0" + bytes(4), section="POSN")


def test_threads_code_side_by_side():
    """The GIL is released in the loops; coders that share nothing do not meet."""
    symbols = np.minimum(np.random.default_rng(4).geometric(0.3, 100_000) - 1, 15)

    def work(_: int) -> bytes:
        encoder = RansEncoder()
        encoder.push(symbols, DyadicModel(16))
        data = encoder.finish()
        assert (RansDecoder(data).pop(symbols.size, DyadicModel(16)) == symbols).all()
        return data

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(work, range(8)))) == 1


def test_encoder_starts_anew_after_finish():
    encoder = RansEncoder()
    encoder.push([1, 2, 3], DyadicModel(4))
    first = encoder.finish()
    encoder.push([1, 2, 3], DyadicModel(4))
    assert encoder.finish() == first


@pytest.mark.parametrize("states", [1, 2, 4])
def test_exp_golomb_codes(states):
    values = np.array([0, 1, 2, 3, 7, 8, 1000, 2**31, 2**32 - 1], np.uint64)
    for order in (0, 1, 5, 31):
        encoder, reference = RansEncoder(states), ReferenceEncoder(states)
        encoder.push_exp_golomb(values, order)
        for value in values.tolist():
            reference.push_exp_golomb(value, order)
        data = encoder.finish()
        assert data == reference.finish()
        decoder, slow = RansDecoder(data, states), ReferenceDecoder(data, states)
        assert decoder.pop_exp_golomb(values.size, order).tolist() == values.tolist()
        assert [slow.pop_exp_golomb(order) for _ in values] == values.tolist()
        assert decoder.state == slow.state
        decoder.finish()
    with pytest.raises(ValueError, match="order"):
        encoder.push_exp_golomb([1], 32)
    with pytest.raises(ValueError, match="values"):
        encoder.push_exp_golomb([2**32], 0)
    assert encoder.finish() == b""


def test_exp_golomb_codes_that_no_encoder_writes():
    encoder = RansEncoder()
    encoder.push_bits(np.zeros(40, np.uint8), 1)
    encoder.push_bits(1, 1)
    with pytest.raises(BitstreamError, match="expected an Exp-Golomb code of at most 32 bits"):
        RansDecoder(encoder.finish()).pop_exp_golomb(1)


@pytest.mark.parametrize("m", [1, 2, 16, 17, 256, 257, 5000])
@pytest.mark.parametrize("states", [1, 2, 4])
def test_static_models_of_any_size(m, states):
    rng = np.random.default_rng(m)
    model = StaticModel.from_pmf(rng.dirichlet(np.full(m, 0.3), 3))
    symbols, contexts = rng.integers(0, m, (40, 50)), rng.integers(0, 3, 50)
    encoder = RansEncoder(states)
    encoder.push(symbols, model, contexts)
    encoder.push(symbols, model, 2)
    assert encoder.num_bits == pytest.approx(model.cost(symbols, contexts) + model.cost(symbols, 2))
    data = encoder.finish()
    assert (data == b"") == (m == 1)
    decoder = RansDecoder(data, states)
    for found in (decoder.pop((40, 50), model, contexts), decoder.pop((40, 50), model, [2])):
        assert found.dtype == (np.uint8 if m <= 256 else np.uint16)
        assert (found == symbols).all()
    decoder.finish()


def test_static_models_validate_probabilities():
    for pmf in ([0.5, -0.1], [np.nan, 1], [np.inf, 1], [0, 0], [], 5, np.ones(16385)):
        with pytest.raises(ValueError, match="pmf"):
            StaticModel.from_pmf(pmf)
    for cdf in ([0, 5, 5, 32768], [1, 32768], [0, 32767], [0], np.zeros((0, 3), int), 7):
        with pytest.raises(ValueError, match="cdfs"):
            StaticModel(cdf)
    with pytest.raises(TypeError, match="cdfs"):
        StaticModel([0.0, 1.0])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300).filter(lambda p: sum(p) > 0))
def test_cdf_of_probabilities(pmf):
    """As near as units of 2^-15 can be where no symbol is rarer than one, and valid always."""
    cdf = StaticModel.from_pmf(pmf).cdf_q15[0].astype(np.int64)
    p = np.array(pmf) / np.sum(pmf)
    assert (np.diff(cdf) >= 1).all()
    assert (cdf[0], cdf[-1]) == (0, CDF_TOTAL)
    if p.min() * CDF_TOTAL >= 2:
        assert np.abs(cdf[1:] / CDF_TOTAL - np.cumsum(p)).max() <= 1.0 / CDF_TOTAL


def test_scalar_calls():
    encoder, model, static = RansEncoder(), DyadicModel(4, 2), StaticModel([[0, 100, 32768], [0, 30000, 32768]])
    for symbol, context in [(0, 1), (3, 0), (1, 1)]:
        encoder.encode_symbol(symbol, model, context)
        encoder.encode_symbol(symbol % 2, static, context)
    decoder, twin = RansDecoder(encoder.finish()), DyadicModel(4, 2)
    for symbol, context in [(0, 1), (3, 0), (1, 1)]:
        assert decoder.decode_symbol(twin, context) == symbol
        assert decoder.decode_symbol(static, context) == symbol % 2
    assert twin == model
    with pytest.raises(ValueError, match="symbols"):
        encoder.encode_symbol(4, model)
    with pytest.raises(TypeError):
        encoder.encode_symbol(1.0, model)  # type: ignore[arg-type]


@pytest.mark.parametrize("states", [0, 3, 8, "two"])
def test_states_are_checked(states):
    with pytest.raises(ValueError, match="states"):
        RansEncoder(states)
    with pytest.raises(ValueError, match="states"):
        RansDecoder(b"", states)


@pytest.mark.parametrize("states", [1, 2, 4])
def test_pickled_encoders_go_on(states):
    encoder, model = RansEncoder(states), DyadicModel(5)
    encoder.push([1, 2, 3, 4] * 50, model)
    twin, other = pickle.loads(pickle.dumps((encoder, model)))
    for e, m in ((encoder, model), (twin, other)):
        e.push([4, 4, 0], m)
    assert twin.num_bits == encoder.num_bits
    assert twin.finish() == encoder.finish()


def test_every_reciprocal():
    """All frequencies, with states around multiples of them: one state and a sure end make a division visible."""
    rng = np.random.default_rng(3)
    for low in range(1, CDF_TOTAL, 509):
        cdfs = np.array([[0, f, CDF_TOTAL] for f in range(low, min(low + 509, CDF_TOTAL))])
        model = StaticModel(cdfs)
        contexts = np.repeat(np.arange(len(cdfs)), 6)
        symbols = rng.integers(0, 2, contexts.size)
        encoder = RansEncoder(1)
        encoder.push(symbols, model, contexts)
        decoder = RansDecoder(encoder.finish(), 1)
        assert (decoder.pop(symbols.size, model, contexts) == symbols).all()
        decoder.finish()
