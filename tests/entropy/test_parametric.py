"""Parametric models: tables, interpolation, the moving average, parity with the reference, and the surface."""

from __future__ import annotations

import copy
import hashlib
import math
import pickle

import numpy as np
import pytest
from entropy_strategies import parametric_arguments
from hypothesis import given
from hypothesis import strategies as st

from pyggc.entropy import DyadicModel, ParametricModel, RansDecoder, RansEncoder, RansStack, StaticModel
from pyggc.entropy.models import CDF_TOTAL
from pyggc.entropy.models.parametric import FAMILIES, distances, grid, parametric_table
from pyggc.entropy.reference import ReferenceEncoder, ReferenceParametricModel, parametric_cdf, track_mean

# SHA-256 of all tables of a family, M = 1 to 16, as little-endian uint16.
TABLES = {
    "exponential": "f776161a47ced4c5f3d7610b33026677f13560d9930531001be5db568755d55c",
    "laplace": "00f6ab274fa1b52cdd3421ee8e7b880d17b12fb757f633ca94edcaf375e55a02",
    "gaussian": "5e309f61874878368227aee999039be8949c283740854759f056108f6c5ea5f2",
}

WEYL = (np.arange(200, dtype=np.uint64) * np.uint64(2654435769) >> np.uint64(16)) & np.uint64(0xFFFF)
SKEWED = (WEYL * WEYL * WEYL >> np.uint64(44)).astype(np.uint8)  # 0 to 15, small ones first
CONTEXTS = (np.arange(200) // 7) % 3

GOLDEN = {
    "exponential": (
        {"num_symbols": 16},
        (
            "fddc8819916f1b43df3940839a9cb59b7f82590045b6794c04ba598f940033887ea21da589c23066"
            "85f0d55e92711a289640c554fd8e5045b0f109fc747136595b0af05006f859066e04021112144000"
            "7d6be3117348ed1e2854"
        ),
    ),
    "laplace": (
        {"num_symbols": 16, "num_contexts": 3, "rate": 4, "fraction_bits": 8},
        (
            "01a8be7d8f8d359c048af2401866362c799f960b42eb0c01a6bb488fffca0d4b0b9c53049f31ad3c"
            "78ef868375c96dc96eb45f805a85ded7c6748301834e9d0e00b6c609419117591eab909a68f29491"
            "50bb425fd71c61aca67dc48bbe951f407b"
        ),
    ),
    "gaussian": (
        {"num_symbols": 16, "num_contexts": 3, "rate": None, "initial_means": [1.5, 3, 6.25]},
        (
            "0ace48039d0020000000d581809cc00d8000feca0aee774d8623cad0d8d9ed570007684b0132ad9f"
            "01f360018000f4dc84310876005ed30432ad90668aa007d182b989dc0517eb8953f340000001a7f6"
            "023ead8954b47d44f7912323003394ae00813b239cc139fe26d6a03500018be702477728812d7e50"
            "8bf5000f80018936c0ac3f1e9ef609768b11e99a003a5c91d4cc2158300b"
        ),
    ),
}


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_tables_are_those_of_the_specification(family):
    digest = hashlib.sha256()
    for m in range(1, 17):
        digest.update(parametric_table(family, m).astype("<u2").tobytes())
    assert digest.hexdigest() == TABLES[family]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_interpolated_cdfs_are_valid_for_every_pair_and_weight(family):
    """Exhaustive in alphabets and pairs of the table; every weight where the table is small, and many elsewhere."""
    weights = np.unique([0, 1, 2, 32766, 32767, *range(5, 32768, 331)])
    for m in range(1, 17):
        table = parametric_table(family, m)[:, :m].astype(np.int64)
        table = np.concatenate([np.zeros((len(table), 1), np.int64), table], axis=1)
        assert (table[:, -1] == CDF_TOTAL).all()
        assert (np.diff(table, axis=1) > 0).all()
        for w in range(1 << 15) if m == 3 else weights:
            between = table[:-1] + ((table[1:] - table[:-1]) * w >> 15)
            assert (np.diff(between, axis=1) > 0).all()


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("m", [1, 2, 3, 7, 15, 16])
def test_a_table_has_the_means_that_it_is_for(family, m):
    sizes = distances(family, m)
    means = np.array(grid(max(sizes))) / 65536
    pmf = np.diff(parametric_table(family, m)[:, :m].astype(np.int64), axis=1, prepend=0) / CDF_TOTAL
    # Each symbol has one unit at least, which adds to small means and takes away from large ones.
    assert np.abs(pmf @ sizes - means).max() < 2 * sum(sizes) / CDF_TOTAL + 1e-4
    middle = pmf[len(pmf) // 2]
    if m > 3 and middle.min() > 1e-3:  # a straight line over the distance, or its square
        spread = np.array(sizes) ** FAMILIES[family][1]
        line = np.polyfit(spread, np.log(middle), 1)
        assert np.abs(np.polyval(line, spread) - np.log(middle)).max() < 0.05


def test_the_grid():
    assert grid(15)[:10] == [0, 128, 256, 384, 512, 640, 768, 896, 1024, 1152]
    assert grid(15)[16:18] == [2048, 2304]
    assert grid(15)[-2:] == [15 << 16] * 2
    assert grid(0) == [0, 0]
    for largest in range(16):
        assert grid(largest)[-2:] == [largest << 16] * 2


@pytest.mark.parametrize(("bits", "expected"), [(0, 0.33), (8, 4.95), (16, 4.976)])
def test_the_average_needs_fraction_bits(bits, expected):
    """The draft's formula, with integers, stops far below the mean."""
    sizes = np.random.default_rng(6).geometric(1 / 5.98, 400_000) - 1
    mean, total = 0, 0
    for size in sizes.tolist():
        mean = track_mean(mean, size, rate=4, fraction_bits=bits)
        total += mean
    assert total / sizes.size / (1 << bits) / sizes.mean() == pytest.approx(
        expected / 4.98, abs=0.004 if bits else 0.01
    )


@pytest.mark.parametrize("bits", [0, 8, 16])
def test_the_model_follows_the_draft_s_formula(bits):
    symbols = np.random.default_rng(3).integers(0, 16, 500)
    model = ParametricModel("exponential", 16, rate=3, fraction_bits=bits, initial_means=4.0, initial_count=CDF_TOTAL)
    mean = 4 << bits
    for symbol in symbols.tolist():
        RansEncoder().push([symbol], model)
        mean += math.floor(((symbol << bits) - mean) / 8)
        assert model.expected[0] == mean / (1 << bits)


@given(parametric_arguments(), st.data())
def test_parity_with_the_reference(arguments, data):
    """The same streams, expected values, counts and CDFs."""
    model, reference = ParametricModel(**arguments), ReferenceParametricModel(**arguments)
    twin = model.copy()
    m, contexts = arguments["num_symbols"], arguments["num_contexts"]
    fast, slow = RansEncoder(), ReferenceEncoder()
    batches = []
    for _ in range(data.draw(st.integers(1, 3))):
        n = data.draw(st.integers(0, 12))
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        symbols, ids = rng.integers(0, m, n), rng.integers(0, contexts, n)
        if data.draw(st.booleans()):
            symbols[:] = data.draw(st.integers(0, m - 1))
        fast.push(symbols, model, ids)
        for symbol, context in zip(symbols.tolist(), ids.tolist(), strict=True):
            slow.push(symbol, reference, context)
        unit = 1 << arguments["fraction_bits"]
        assert (model.expected * unit).tolist() == reference.expected
        assert model.counts.tolist() == reference.counts
        assert model.cdf_q15.tolist() == [reference.cdf(c) for c in range(contexts)]
        batches.append((symbols, ids))
    stream = fast.finish()
    assert stream == slow.finish()
    decoder = RansDecoder(stream)
    for symbols, ids in batches:
        assert (decoder.pop(symbols.size, twin, ids) == symbols).all()
    decoder.finish()
    assert twin == model


@given(parametric_arguments(), st.sampled_from([1, 2, 4]), st.integers(0, 2**32 - 1))
def test_round_trip_over_every_kind_of_states(arguments, states, seed):
    """Queues and stacks; a stack needs, before each pop, the model as it was before the push."""
    rng, m = np.random.default_rng(seed), arguments["num_symbols"]
    batches = [(rng.integers(0, m, n), rng.integers(0, arguments["num_contexts"], n)) for n in rng.integers(0, 60, 3)]
    encoder, stack, model, befores = RansEncoder(states), RansStack(states=states), ParametricModel(**arguments), []
    for symbols, contexts in batches:
        befores.append(model.copy())
        stack.push(symbols, model.copy(), contexts)
        encoder.push(symbols, model, contexts)
    decoder, theirs = RansDecoder(encoder.finish(), states), ParametricModel(**arguments)
    for symbols, contexts in batches:
        assert (decoder.pop(symbols.size, theirs, contexts) == symbols).all()
    decoder.finish()
    assert theirs == model
    for (symbols, contexts), before in zip(reversed(batches), reversed(befores), strict=True):
        assert (stack.pop(symbols.size, before, contexts) == symbols).all()
    assert stack.is_empty


@given(st.sampled_from(sorted(FAMILIES)), st.integers(1, 16), st.data())
def test_any_mean_gives_the_reference_s_cdf(family, m, data):
    """The compiled interpolation, by the steps that it gives to symbols, against the formula, and decoded again."""
    expected = data.draw(st.integers(0, max(distances(family, m)) << 16))
    model = ParametricModel(family, m, rate=None, initial_means=expected / 65536)
    cdf = parametric_cdf(family, m, expected)
    assert model.cdf_q15.tolist() == [cdf]
    widths = np.diff(cdf)
    assert model.costs(np.arange(m)).tolist() == pytest.approx((15 - np.log2(widths)).tolist(), abs=1e-9)
    encoder, fixed = RansEncoder(), RansEncoder()
    symbols = np.arange(5 * m) * 7 % m
    encoder.push(symbols, model)
    fixed.push(symbols, StaticModel(cdf))
    stream = encoder.finish()
    assert stream == fixed.finish()
    assert (RansDecoder(stream).pop(symbols.size, model) == symbols).all()


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("rate", [0, 1, 5, 15])
@pytest.mark.parametrize("m", [1, 2, 3, 15, 16])
def test_runs_to_the_extremes_and_back(family, rate, m):
    model = ParametricModel(family, m, rate=rate, initial_count=CDF_TOTAL)
    largest = max(distances(family, m))
    for symbol in (0, m - 1, m // 2, 0):
        RansEncoder().push(np.full(3000, symbol), model)
        assert 0 <= model.expected[0] <= largest
        cdf = model.cdf_q15[0].astype(int)
        assert (cdf[0], cdf[-1]) == (0, CDF_TOTAL)
        assert (np.diff(cdf) > 0).all()
        if rate < 15:
            assert model.expected[0] == pytest.approx(distances(family, m)[symbol], abs=1e-3)


@pytest.mark.parametrize("family", sorted(GOLDEN))
def test_golden_streams(family):
    arguments, text = GOLDEN[family]
    contexts = CONTEXTS % arguments.get("num_contexts", 1)
    encoder = RansEncoder()
    encoder.push(SKEWED, ParametricModel(family, **arguments), contexts)
    assert encoder.finish().hex() == text
    decoder = RansDecoder(bytes.fromhex(text))
    assert (decoder.pop(200, ParametricModel(family, **arguments), contexts) == SKEWED).all()
    decoder.finish()


@pytest.mark.parametrize("mean", [0.5, 2.0, 5.0])
@pytest.mark.parametrize(("family", "excess"), [("exponential", 0.03), ("laplace", 0.03)])
def test_it_learns_its_own_family_faster_than_a_dyadic_model(family, excess, mean):
    sizes = np.array(distances(family, 16))
    p = np.exp(-sizes / mean)
    p /= p.sum()
    symbols = np.random.default_rng(8).choice(16, size=1000, p=p)
    entropy = -np.log2(p[symbols]).sum()
    parametric, dyadic = (model.cost(symbols) for model in (ParametricModel(family, 16), DyadicModel(16)))
    assert parametric < entropy + 1000 * excess
    assert parametric < dyadic - 15


def test_given_means_broadcast_and_do_not_adapt():
    means = np.array([[0.25, 1.0, 2.0], [3.0, 4.5, 7.0]])
    model = ParametricModel("laplace", 16, 6, rate=None, initial_means=means)
    before = model.copy()
    symbols = np.arange(48).reshape(8, 2, 3) % 16
    encoder = RansEncoder()
    encoder.push(symbols, model, np.arange(6).reshape(2, 3))
    assert model == before
    assert model.expected.tolist() == means.reshape(-1).tolist()
    decoder = RansDecoder(encoder.finish())
    assert (decoder.pop(symbols.shape, model, np.arange(6).reshape(2, 3)) == symbols).all()
    assert ParametricModel("laplace", 16, 6, initial_means=2).expected.tolist() == [2.0] * 6


@given(parametric_arguments())
def test_copy_and_pickle_are_independent_and_equal(arguments):
    model = ParametricModel(**arguments)
    RansEncoder().push(np.zeros(7, int), model)
    for twin in (model.copy(), copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin == model
        assert repr(twin) == repr(model)
        assert (twin.family, twin.rate, twin.fraction_bits) == (model.family, model.rate, model.fraction_bits)
        RansEncoder().push([arguments["num_symbols"] - 1] * 3, twin)
        assert (twin == model) == (
            twin.expected.tolist() == model.expected.tolist() and twin.counts.tolist() == model.counts.tolist()
        )
    assert model != ParametricModel(**{**arguments, "num_contexts": 9, "initial_means": None})
    with pytest.raises(TypeError):
        hash(model)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"family": "normal"}, "family"),
        ({"num_symbols": 0}, "num_symbols"),
        ({"num_symbols": 17}, "num_symbols"),
        ({"num_contexts": 0}, "num_contexts"),
        ({"rate": 16}, "rate"),
        ({"rate": -1}, "rate"),
        ({"fraction_bits": 17}, "fraction_bits"),
        ({"fraction_bits": -1}, "fraction_bits"),
        ({"initial_count": -1}, "initial_count"),
        ({"initial_means": -0.1}, "initial_means"),
        ({"initial_means": 3.1}, "initial_means"),
        ({"initial_means": math.nan}, "initial_means"),
        ({"initial_means": math.inf}, "initial_means"),
        ({"initial_means": [1.0, 2.0]}, "initial_means"),
        ({"initial_means": []}, "initial_means"),
    ],
)
def test_bad_values_name_the_argument(arguments, match):
    with pytest.raises(ValueError, match=match):
        ParametricModel(**{"family": "exponential", "num_symbols": 4, "num_contexts": 3, **arguments})


@pytest.mark.parametrize(
    "arguments", [{"num_symbols": 4.0}, {"rate": 1.5}, {"fraction_bits": "8"}, {"initial_means": "one"}]
)
def test_bad_types_name_the_argument(arguments):
    with pytest.raises(TypeError, match=next(iter(arguments))):
        ParametricModel(**{"family": "exponential", "num_symbols": 4, **arguments})
