"""The range coder: round trips, parity with the scalar reference, carries, and the argument surface."""

from __future__ import annotations

import contextlib
import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import numpy as np
import pytest
from entropy_strategies import Script, range_scripts
from hypothesis import given
from hypothesis import strategies as st

import pyggc.entropy.coders.range as range_coder
from pyggc.entropy import (
    DyadicModel,
    EscapedInteger,
    FrequencyModel,
    HybridInteger,
    RangeDecoder,
    RangeEncoder,
    RansEncoder,
    RansStack,
    StaticModel,
)
from pyggc.entropy.reference import ReferenceRangeDecoder, ReferenceRangeEncoder, ReferenceStaticModel
from pyggc.errors import BitstreamError

PARTITIONS = ["multiply", "division", "simple", "reduced"]


def fill(encoder: RangeEncoder, script: Script, models: list[Any]) -> None:
    for what, index, values, extra in script.calls:
        if what == "symbols":
            encoder.push(values, models[index], extra)
        elif what == "bits":
            encoder.push_bits(values, extra)
        else:
            encoder.push_exp_golomb(values, index)


def pop(decoder: RangeDecoder, models: list[Any], call: tuple[str, int, np.ndarray, np.ndarray]) -> np.ndarray:
    what, index, values, extra = call
    if what == "symbols":
        return decoder.pop(values.size, models[index], extra)
    return decoder.pop_bits(extra) if what == "bits" else decoder.pop_exp_golomb(values.size, index)


@given(range_scripts())
def test_round_trip_and_size(script):
    encoder, models = RangeEncoder(script.partition), script.make()
    fill(encoder, script, models)
    bits = encoder.num_bits
    data = encoder.finish()
    assert len(data) == -(-np.ceil(bits - 1e-6) // 8)
    decoder, twins = RangeDecoder(data, script.partition), script.make()
    for call in script.calls:
        assert pop(decoder, twins, call).tolist() == call[2].tolist()
    decoder.finish()
    assert decoder.num_bits == pytest.approx(bits)
    assert twins == models


@given(range_scripts(max_batch=25))
def test_parity_with_the_reference(script):
    """The same bytes, the same state after every symbol, the same adapted models."""
    encoder, models = RangeEncoder(script.partition), script.make()
    fill(encoder, script, models)
    data = encoder.finish()
    slow, references = ReferenceRangeEncoder(script.partition), script.make_references()
    for what, index, values, extra in script.calls:
        for value, other in zip(values.tolist(), extra.tolist(), strict=True):
            if what == "symbols":
                slow.push(value, references[index], other)
            elif what == "bits":
                slow.push_bits(value, other)
            else:
                slow.push_exp_golomb(value, index)
    assert slow.finish() == data
    check_states(models, references)

    fast, slow = RangeDecoder(data, script.partition), ReferenceRangeDecoder(data, script.partition)
    models, references = script.make(), script.make_references()
    assert fast.state == slow.state
    for what, index, values, extra in script.calls:
        for value, other in zip(values.tolist(), extra.tolist(), strict=True):
            if what == "symbols":
                assert fast.decode_symbol(models[index], other) == slow.pop(references[index], other) == value
            elif what == "bits":
                assert fast.pop_bits(other) == slow.pop_bits(other) == value
            else:
                assert fast.pop_exp_golomb(1, index)[0] == slow.pop_exp_golomb(index) == value
            assert fast.state == slow.state
    fast.finish()
    slow.finish()
    check_states(models, references)


def check_states(models: list[Any], references: list[Any]) -> None:
    for model, reference in zip(models, references, strict=True):
        if isinstance(model, FrequencyModel):
            assert model.frequencies.tolist() == reference.frequencies
        else:
            assert model.cdf_q15.tolist() == [reference.cdf(c) for c in range(model.num_contexts)]


@given(range_scripts(max_batch=1500))
def test_the_simd_variants_agree(script):
    """The same bytes, values, states after every call, and adapted models."""
    found = []
    for baseline in (False, True):
        with mock.patch.object(range_coder, "_BASELINE", baseline):
            encoder, models = RangeEncoder(script.partition), script.make()
            fill(encoder, script, models)
            states = [encoder._core.state]
            data = encoder.finish()
            decoder, twins = RangeDecoder(data, script.partition), script.make()
            for call in script.calls:
                assert (pop(decoder, twins, call) == call[2]).all()
                states.append(decoder.state)
            decoder.finish()
            assert twins == models
            found.append((data, states, models))
    assert found[0] == found[1]


@given(st.binary(max_size=60), range_scripts())
def test_random_bytes_decode_as_the_reference_decodes_them_or_not_at_all(data, script):
    fast, slow = RangeDecoder(data, script.partition), ReferenceRangeDecoder(data, script.partition)
    models, references = script.make(), script.make_references()
    with contextlib.suppress(BitstreamError):
        for call in script.calls:
            values = pop(fast, models, call)
            what, index, _, extra = call
            if what == "symbols":
                assert values.size == 0 or values.max() < models[index].num_symbols
                assert values.tolist() == [slow.pop(references[index], c) for c in extra.tolist()]
            elif what == "bits":
                assert values.tolist() == [slow.pop_bits(width) for width in extra.tolist()]
            else:
                assert values.tolist() == [slow.pop_exp_golomb(index) for _ in values]
        assert fast.state == slow.state
        accepted = True
        try:
            slow.finish()
        except BitstreamError:
            accepted = False
        fast.finish()
        assert accepted
        # Each sequence of symbols has one stream only.
        again = RangeEncoder(script.partition)
        decoder, models, twins = RangeDecoder(data, script.partition), script.make(), script.make()
        for what, index, values, extra in script.calls:
            found = pop(decoder, models, (what, index, values, extra))
            fill(again, Script(script.partition, [], [(what, index, found, extra)]), twins)
        assert again.finish() == data


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 20, 1023, 1025, 5000])
def test_every_way_to_split_a_stream_into_calls(n, partition):
    rng = np.random.default_rng(n)
    symbols, contexts = np.minimum(rng.geometric(0.4, n) - 1, 15), rng.integers(0, 3, n)
    encoder = RangeEncoder(partition)
    encoder.push(symbols, DyadicModel(16, 3), contexts)
    data = encoder.finish()
    for size in {1, 2, 3, 7, 999, max(n, 1)} if n <= 1025 else {999, n}:
        model = DyadicModel(16, 3)
        for start in range(0, n, size):
            encoder.push(symbols[start : start + size], model, contexts[start : start + size])
        assert encoder.finish() == data
        decoder, model = RangeDecoder(data, partition), DyadicModel(16, 3)
        for start in range(0, n, size):
            part = contexts[start : start + size]
            assert (decoder.pop(part.size, model, part) == symbols[start : start + size]).all()
        decoder.finish()


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("n", [100, 1000, 10_000])
def test_overhead_of_the_stream_is_half_a_byte(n, partition):
    """Over the information of the cuts, which the encoder tells; and the exact partitions cut as the model says."""
    rng = np.random.default_rng(5)
    excess = []
    for _ in range(30):
        symbols = np.minimum(rng.geometric(0.3, n) - 1, 15)
        encoder, model = RangeEncoder(partition), DyadicModel(16)
        cost = model.cost(symbols)
        encoder.push(symbols, model)
        bits = encoder.num_bits
        if partition in ("multiply", "division"):
            assert bits == pytest.approx(cost, rel=1e-3)
        excess.append(len(encoder.finish()) - bits / 8)
    assert min(excess) >= 0
    assert max(excess) < 1 + 1e-6
    assert 0.4 < np.mean(excess) < 0.7


def test_raw_bits_cost_what_they_are_wide():
    for partition in PARTITIONS:
        encoder = RangeEncoder(partition)
        encoder.push([1, 2, 0], FrequencyModel(3))
        before = encoder.num_bits
        encoder.push_bits(np.full(1000, 0x1234567), 27)
        assert encoder.num_bits - before == pytest.approx(27_000)


def test_nothing_costs_nothing():
    for partition in PARTITIONS:
        encoder = RangeEncoder(partition)
        assert encoder.finish() == b""
        encoder.push([], DyadicModel(4))
        for model in (DyadicModel(1), StaticModel([0, 32768]), FrequencyModel(1)):
            encoder.push(np.zeros((300, 5), np.int8), model)
        encoder.push_bits([0, 0], [0, 0])
        assert encoder.num_bits == 0
        assert encoder.finish() == b""
        decoder = RangeDecoder(b"", partition)
        assert decoder.pop((300, 5), FrequencyModel(1)).shape == (300, 5)
        assert decoder.pop_bits([]).size == 0
        decoder.finish()


# ---------------------------------------------------------------------------------------------- carries


@pytest.mark.parametrize("partition", PARTITIONS)
@pytest.mark.parametrize("length", [1, 7, 40, 200, 3000])
def test_a_carry_runs_through_bytes_that_are_written(length, partition):
    """Steered to it: each bit keeps the code below a carry as long as it can, and the last ones cause it."""
    slow = ReferenceRangeEncoder(partition)
    model = ReferenceStaticModel([[0, 10923, 32768]])
    slow.push(1, model)
    bits: list[int] = []
    # The code's boundary to come near: 1 and then zeros, from the tenth bit after here on.
    goal_used = slow.used + 10
    goal = ((slow.low >> (slow.bits - 1)) + 1) << 10
    while len(bits) < 16 * length + 10:
        # With the bit 1, is low still below the goal? Then take it, else 0.
        low, used = 2 * slow.low + slow.size, slow.used + 1
        shift = used + slow.bits - 1 - goal_used
        bit = shift < 0 or low < goal << shift
        bits.append(int(bit))
        slow.push_bits(int(bit), 1)
    for last in (0, 1):
        encoder, check = RangeEncoder(partition), copy.deepcopy(slow)
        encoder.push([1], StaticModel([0, 10923, 32768]))
        encoder.push_bits(bits, 1)
        low_before = encoder._core.state[3]
        encoder.push_bits([last] * 90, 1)
        check.push_bits((1 << 90) - 1 if last else 0, 90)
        data = encoder.finish()
        assert data == check.finish()
        if last and length >= 7:
            assert b"\xff" * (2 * length - 12) in low_before
            assert b"\0" * (2 * length - 12) in data
        decoder = RangeDecoder(data, partition)
        assert decoder.pop(1, StaticModel([0, 10923, 32768])).tolist() == [1]
        assert decoder.pop_bits([1] * (len(bits) + 90)).tolist() == bits + [last] * 90
        decoder.finish()


@pytest.mark.parametrize("partition", PARTITIONS)
def test_runs_of_the_least_and_the_most_probable(partition):
    """Intervals of one unit, and of all but one, at either end: shifts by 15 or none, runs of 0x00 and 0xff."""
    for fl in ([0, 1, 32768], [0, 32767, 32768], [0, 1, 2, 32766, 32767, 32768]):
        for symbol in range(len(fl) - 1):
            for n in (1, 2, 100, 2000):
                encoder = RangeEncoder(partition)
                encoder.push(np.full(n, symbol), StaticModel(fl))
                data = encoder.finish()
                decoder = RangeDecoder(data, partition)
                assert (decoder.pop(n, StaticModel(fl)) == symbol).all()
                decoder.finish()


# ---------------------------------------------------------------------------------------------- the surface


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64, ">i4"]
)
@pytest.mark.parametrize("layout", ["C", "F", "strided", "list"])
def test_any_integer_type_and_layout(dtype, layout):
    rng = np.random.default_rng(9)
    base, contexts = rng.integers(0, 5, (6, 8)), rng.integers(0, 3, (6, 8))
    expected = RangeEncoder()
    expected.push(base, DyadicModel(5, 3), contexts)
    data = expected.finish()

    def arrange(array):
        array = array.astype(dtype)
        if layout == "strided":
            wide = np.full((12, 16), 77, dtype)
            wide[::2, 1::2] = array
            return wide[::2, 1::2]
        return array.tolist() if layout == "list" else np.array(array, order=layout)

    encoder = RangeEncoder()
    encoder.push(arrange(base), DyadicModel(5, 3), arrange(contexts))
    assert encoder.finish() == data
    out = np.zeros((6, 8), np.int16)
    decoder = RangeDecoder(memoryview(bytearray(data)))
    assert decoder.pop((6, 8), DyadicModel(5, 3), arrange(contexts), out=out) is out
    decoder.finish()
    assert (out == base).all()


def test_integers_through_tokens():
    values = np.random.default_rng(3).integers(0, 256, 700)
    for tokens in (HybridInteger(16, 4, 1), EscapedInteger(12, 2)):
        encoder = RangeEncoder("reduced")
        encoder.push_integers(values, tokens, FrequencyModel(tokens.num_tokens))
        decoder = RangeDecoder(encoder.finish(), "reduced")
        assert (decoder.pop_integers(700, tokens, FrequencyModel(tokens.num_tokens)) == values).all()
        decoder.finish()


@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_failed_call_leaves_everything_as_it_was(partition):
    encoder, model = RangeEncoder(partition), DyadicModel(4, 2)
    encoder.push([1, 2, 3], model, [0, 1, 0])
    before, state = model.copy(), encoder._core.state
    for symbols, contexts in [([0, 4], [0, 0]), ([0, -1], [0, 0]), ([0, 1], [0, 2]), ([0, 1], [0, 1, 1]), ([2**40], 0)]:
        with pytest.raises(ValueError, match=r"symbols|contexts"):
            encoder.push(symbols, model, contexts)
    for values, widths in [([8], [3]), ([1], [33]), ([-1], [4]), ([2**32], [32]), ([1, 1], [1] * 3)]:
        with pytest.raises(ValueError, match=r"values|widths"):
            encoder.push_bits(values, widths)
    for values, order in [([-1], 0), ([2**32], 0), ([1], 32), ([1], -1)]:
        with pytest.raises(ValueError, match=r"values|order"):
            encoder.push_exp_golomb(values, order)
    with pytest.raises(TypeError, match="symbols"):
        encoder.push([0.0], model)
    with pytest.raises(TypeError):
        encoder.push([0], "model")
    assert model == before
    assert encoder._core.state == state


def test_bad_arguments_of_the_decoder_leave_it_as_it_was():
    encoder = RangeEncoder()
    symbols = np.arange(300) % 7
    encoder.push(symbols, DyadicModel(7, 2), symbols % 2)
    decoder, model = RangeDecoder(encoder.finish()), DyadicModel(7, 2)
    for arguments in [(300, model, symbols), (299, model, symbols % 2), (-1, model)]:
        with pytest.raises(ValueError, match=r"contexts|n must"):
            decoder.pop(*arguments)
    with pytest.raises(ValueError, match="out"):
        decoder.pop(300, model, symbols % 2, out=np.zeros(299, np.uint8))
    with pytest.raises(TypeError, match="out"):
        decoder.pop(300, model, symbols % 2, out=np.zeros(300, np.float32))
    with pytest.raises(ValueError, match="widths"):
        decoder.pop_bits([33])
    assert (decoder.pop(300, model, symbols % 2) == symbols).all()
    decoder.finish()


def test_totals_above_those_of_a_coder_are_refused():
    wide = FrequencyModel(4, limit=65535)
    for encoder in (RangeEncoder(), RangeEncoder("simple"), RangeEncoder("reduced"), RansEncoder(), RansStack()):
        with pytest.raises(ValueError, match="model must have totals of at most 32768"):
            encoder.push([1, 2], wide)
        encoder.push([1, 2], FrequencyModel(4))  # it is not left in use
    with pytest.raises(ValueError, match="totals"):
        RangeDecoder(b"1234").pop(2, wide)
    assert wide == FrequencyModel(4, limit=65535)
    RangeEncoder("division").push([1, 2], wide)


@pytest.mark.parametrize("partition", ["", "Multiply", None, 0])
def test_unknown_partitions(partition):
    with pytest.raises(ValueError, match="partition must be one of multiply, division, simple, reduced"):
        RangeEncoder(partition)
    with pytest.raises(ValueError, match="partition"):
        RangeDecoder(b"", partition)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_an_encoder_can_be_pickled_half_way(partition):
    symbols = np.minimum(np.random.default_rng(4).geometric(0.3, 500) - 1, 15)
    for n in (0, 1, 3, 250, 500):
        encoder, model = RangeEncoder(partition), DyadicModel(16)
        encoder.push(symbols[:n], model)
        twin, twin_model = pickle.loads(pickle.dumps((encoder, model)))
        assert twin.partition == partition
        assert twin.num_bits == encoder.num_bits
        encoder.push(symbols[n:], model)
        twin.push(symbols[n:], twin_model)
        assert twin.finish() == encoder.finish()


def test_encoder_starts_anew_after_finish():
    encoder = RangeEncoder()
    encoder.push([1, 2, 3], DyadicModel(4))
    first = encoder.finish()
    assert encoder.num_bits == 0
    encoder.push([1, 2, 3], DyadicModel(4))
    assert encoder.finish() == first


def test_threads_code_side_by_side():
    symbols = np.minimum(np.random.default_rng(4).geometric(0.3, 100_000) - 1, 15)

    def work(k: int) -> bytes:
        partition = PARTITIONS[k % 4]
        encoder = RangeEncoder(partition)
        encoder.push(symbols, DyadicModel(16))
        data = encoder.finish()
        assert (RangeDecoder(data, partition).pop(symbols.size, DyadicModel(16)) == symbols).all()
        return data

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(work, range(8)))) == 4
