"""Frequency counts: the estimator, halving, the reference, both coders, and the value-object surface."""

from __future__ import annotations

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
from entropy_strategies import frequency_arguments
from hypothesis import given
from hypothesis import strategies as st

from pyggc.entropy import DyadicModel, FrequencyModel, RangeEncoder, RansDecoder, RansEncoder, RansStack
from pyggc.entropy.reference import ReferenceDecoder, ReferenceEncoder, ReferenceFrequencyModel, scaled_cdf


def adapt(model: FrequencyModel, symbols, contexts=None) -> None:
    RangeEncoder("division").push(symbols, model, contexts)


def test_the_default_is_the_krichevsky_trofimov_estimator():
    """(n[k] + 1/2) / (n + M/2)."""
    model = FrequencyModel(3)
    adapt(model, [2, 2, 0, 2])
    assert model.frequencies.tolist() == [[3, 1, 7]]
    assert model.costs([2])[0] == pytest.approx(-math.log2(3.5 / 5.5))


def test_halving_rounds_up_and_comes_before_the_count():
    model = FrequencyModel(4, increment=2, limit=16)
    adapt(model, [0, 0, 0, 1, 0, 0])
    assert model.frequencies.tolist() == [[11, 3, 1, 1]]  # 16: at the limit
    adapt(model, [3])
    assert model.frequencies.tolist() == [[6, 2, 1, 3]]


def test_a_frequency_of_one_is_never_lost():
    model = FrequencyModel(20, limit=24)
    adapt(model, np.zeros(1000, int))
    assert model.frequencies.min() == 1
    assert model.frequencies.sum() <= 24


@given(frequency_arguments(65535), st.data())
def test_compiled_counts_equal_the_reference(arguments, data):
    model, reference = FrequencyModel(**arguments), ReferenceFrequencyModel(**arguments)
    m, contexts = arguments["num_symbols"], arguments["num_contexts"]
    assert model.frequencies.tolist() == reference.frequencies
    for _ in range(data.draw(st.integers(1, 4))):
        n = data.draw(st.integers(0, 60))
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        symbols, ids = rng.integers(0, m, n), rng.integers(0, contexts, n)
        adapt(model, symbols, ids)
        for symbol, context in zip(symbols, ids, strict=True):
            reference.adapt(symbol, context)
        assert model.frequencies.tolist() == reference.frequencies
        assert model.frequencies.sum(axis=1).max() <= arguments["limit"]
        assert model.frequencies.min() >= 1


@given(frequency_arguments(), st.data())
def test_rans_codes_the_scaled_intervals(arguments, data):
    model, reference = FrequencyModel(**arguments), ReferenceFrequencyModel(**arguments)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    n = data.draw(st.integers(0, 60))
    symbols = rng.integers(0, arguments["num_symbols"], n)
    contexts = rng.integers(0, arguments["num_contexts"], n)
    fast, slow = RansEncoder(), ReferenceEncoder()
    fast.push(symbols, model, contexts)
    for symbol, context in zip(symbols.tolist(), contexts.tolist(), strict=True):
        slow.push(symbol, reference, context)
    stream = fast.finish()
    assert stream == slow.finish()
    decoder, twin = RansDecoder(stream), FrequencyModel(**arguments)
    assert decoder.pop(n, twin, contexts).tolist() == symbols.tolist()
    decoder.finish()
    assert twin == model
    slow_decoder, reference = ReferenceDecoder(stream), ReferenceFrequencyModel(**arguments)
    assert [slow_decoder.pop(reference, c) for c in contexts.tolist()] == symbols.tolist()


def test_scaling_keeps_every_total_strictly_increasing():
    """Exhaustive over the totals: each unit becomes one or more, and the slots find their way back."""
    for total in [*range(1, 300), 1000, 16383, 16384, 16385, 32767, 32768]:
        scaled = np.array(scaled_cdf(list(range(total + 1))))
        assert scaled[-1] == 32768
        assert (np.diff(scaled) >= 1).all()
        slots = np.arange(32768)
        found = ((slots + 1) * total - 1) >> 15
        assert (scaled[found] <= slots).all()
        assert (scaled[found + 1] > slots).all()


def test_a_stack_takes_the_model_too():
    symbols = np.arange(100) % 7
    stack, model = RansStack(), FrequencyModel(200)
    stack.push(symbols, model)
    assert (stack.pop(100, FrequencyModel(200)) == symbols).all()
    assert stack.is_empty


def test_cost_is_that_of_the_counts_and_changes_nothing():
    model, twin = FrequencyModel(5, 2, limit=40), FrequencyModel(5, 2, limit=40)
    rng = np.random.default_rng(3)
    symbols, contexts = rng.integers(0, 5, 300), rng.integers(0, 2, 300)
    bits = []
    for symbol, context in zip(symbols, contexts, strict=True):
        row = twin.frequencies[context].astype(int)
        bits.append(-math.log2(row[symbol] / row.sum()))
        adapt(twin, [symbol], [context])
    assert model.cost(symbols, contexts) == pytest.approx(sum(bits))
    assert model.costs(symbols, contexts) == pytest.approx(bits)
    assert model == FrequencyModel(5, 2, limit=40) != twin
    assert FrequencyModel(1).cost(np.zeros(1000, int)) == 0.0
    # The least probability that there is, many times: its product must not vanish.
    rare = FrequencyModel(2, limit=65535, initial_counts=[32766, 0])
    assert rare.cost([1]) == pytest.approx(math.log2(65534))
    assert np.isfinite(FrequencyModel(256, 64, limit=65535).cost(np.arange(4096) % 256, np.arange(4096) % 64))


@pytest.mark.parametrize(
    ("arguments", "partition", "percent"),
    [
        ({"increment": 128, "limit": 32767}, "simple", 2.47),
        ({"increment": 128, "limit": 32767}, "reduced", 1.37),
        ({}, "division", 0.015),
        (None, "multiply", 1.62),
    ],
)
def test_overhead_on_a_geometric_source(arguments, partition, percent):
    """Over the entropy of the source; a million symbols, of which learning takes a little more than of ten."""
    p = 0.8 ** np.arange(16)
    p /= p.sum()
    symbols = np.random.default_rng(1).choice(16, size=1_000_000, p=p).astype(np.uint8)
    entropy = -np.log2(p)[symbols].sum()  # of this very draw
    encoder = RangeEncoder(partition)
    encoder.push(symbols, DyadicModel(16) if arguments is None else FrequencyModel(16, **arguments))
    assert 100 * (encoder.num_bits / entropy - 1) == pytest.approx(percent, abs=0.02)


@given(frequency_arguments(65535))
def test_copy_and_pickle_are_independent_and_equal(arguments):
    model = FrequencyModel(**arguments)
    adapt(model, np.zeros(7, int))
    for twin in (model.copy(), copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin == model
        assert repr(twin) == repr(model)
        adapt(twin, [arguments["num_symbols"] - 1] * 3)
        assert (twin == model) == (twin.frequencies.tolist() == model.frequencies.tolist())
    assert model != FrequencyModel(arguments["num_symbols"], arguments["num_contexts"] + 1)
    assert model != DyadicModel(2)


def test_the_parameters_are_told():
    model = FrequencyModel(7, 2, increment=24, offset=3, limit=4000)
    assert (model.num_symbols, model.num_contexts) == (7, 2)
    assert (model.increment, model.offset, model.limit) == (24, 3, 4000)
    assert repr(model) == "FrequencyModel(num_symbols=7, num_contexts=2, increment=24, offset=3, limit=4000)"
    assert FrequencyModel(2, 2, initial_counts=[[1, 0], [5, 2]]).frequencies.tolist() == [[3, 1], [11, 5]]
    assert FrequencyModel(2, 2, initial_counts=[1, 0]).frequencies.tolist() == [[3, 1]] * 2


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"num_symbols": 0}, "num_symbols"),
        ({"num_symbols": 257}, "num_symbols"),
        ({"num_symbols": 4, "num_contexts": 0}, "num_contexts"),
        ({"num_symbols": 4, "increment": 0}, "increment"),
        ({"num_symbols": 4, "increment": 16383}, "increment"),
        ({"num_symbols": 4, "offset": 0}, "offset"),
        ({"num_symbols": 4, "offset": 8193}, "offset"),
        ({"num_symbols": 4, "limit": 65536}, "limit"),
        ({"num_symbols": 4, "limit": 5}, "limit"),
        ({"num_symbols": 2, "initial_counts": [-1, 0]}, "initial_counts"),
        ({"num_symbols": 2, "initial_counts": [2**62, 0]}, "initial_counts"),
        ({"num_symbols": 2, "initial_counts": [9000, 9000]}, "initial_counts"),
        ({"num_symbols": 2, "initial_counts": [1]}, "initial_counts"),
        ({"num_symbols": 2, "num_contexts": 2, "initial_counts": [[1, 1]] * 3}, "initial_counts"),
    ],
)
def test_bad_values_name_the_argument(arguments, match):
    with pytest.raises(ValueError, match=match):
        FrequencyModel(**arguments)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"num_symbols": 2.0}, "num_symbols"),
        ({"num_symbols": 2, "limit": "KT"}, "limit"),
        ({"num_symbols": 2, "initial_counts": [0.0, 0.5]}, "initial_counts"),
    ],
)
def test_bad_types_name_the_argument(arguments, match):
    with pytest.raises(TypeError, match=match):
        FrequencyModel(**arguments)


def test_the_least_limits_work():
    """Every combination of a small alphabet at its smallest limit: one halving always makes room."""
    for m, increment in itertools.product(range(1, 40), (1, 2, 3, 50)):
        model = FrequencyModel(m, increment=increment, limit=m + 2 * increment)
        adapt(model, np.arange(500) * 7 % m)
        assert model.frequencies.sum() <= model.limit
