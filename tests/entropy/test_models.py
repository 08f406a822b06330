"""Dyadic models: the draft's example, the invariant, schedules, costs, and the value-object surface."""

from __future__ import annotations

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
from entropy_strategies import model_arguments
from hypothesis import given
from hypothesis import strategies as st

from pyggc.entropy import DyadicModel, RansEncoder, cdf_from_counts
from pyggc.entropy.models import CDF_TOTAL
from pyggc.entropy.models.dyadic import MAX_RATE, SCHEDULES
from pyggc.entropy.reference import ReferenceModel, adapt_cdf

DRAFT = [0, 2, 4, 7, 8, 9, 12, 14, 16]


def adapt(model: DyadicModel, symbols, contexts=None) -> None:
    RansEncoder().push(symbols, model, contexts)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (16, [1, 3, 6, 9, 10, 13, 15, 16]),  # as printed
        (2, [1, 3, 6, 9, 10, 13, 15, 16]),
        (1, [1, 3, 5, 10, 11, 13, 15, 16]),
        (0, [1, 2, 3, 12, 13, 14, 15, 16]),
    ],
)
def test_example_of_the_draft(rate, expected):
    assert adapt_cdf(DRAFT, 3, rate=rate)[1:] == expected


def test_division_must_floor_and_not_truncate():
    truncated = [fl - int((fl + 8 - i - 16) / 4) for i, fl in enumerate(DRAFT)]
    assert truncated[6:] == [12, 14, 16]
    assert adapt_cdf(DRAFT, 3, rate=2)[6:] == [13, 15, 16]


def valid(cdf: list[int], total: int) -> bool:
    return cdf[0] == 0 and cdf[-1] == total and all(a < b for a, b in itertools.pairwise(cdf))


@pytest.mark.parametrize("total", [4, 8, 16])
def test_update_keeps_every_small_cdf_valid(total):
    """Exhaustive: every CDF of the total with up to 6 symbols, every symbol, every rate and gain."""
    for m in range(1, min(total, 6) + 1):
        for inner in itertools.combinations(range(1, total), m - 1):
            cdf = [0, *inner, total]
            for symbol in range(m):
                for step in [{"rate": r} for r in range(7)] + [{"gain": a} for a in range(total + 1)]:
                    new = adapt_cdf(cdf, symbol, **step)
                    assert valid(new, total), (cdf, symbol, step)
                    before, after = cdf[symbol + 1] - cdf[symbol], new[symbol + 1] - new[symbol]
                    assert after >= before
                    if "rate" in step:
                        assert after > before or before == total - m + 1


@given(model_arguments(), st.data())
def test_compiled_update_equals_the_reference(arguments, data):
    model, reference = DyadicModel(**arguments), ReferenceModel(**arguments)
    m, contexts = arguments["num_symbols"], arguments["num_contexts"]
    for _ in range(data.draw(st.integers(1, 4))):
        n = data.draw(st.integers(0, 40))
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        symbols, ids = rng.integers(0, m, n), rng.integers(0, contexts, n)
        adapt(model, symbols, ids)
        for symbol, context in zip(symbols, ids, strict=True):
            reference.adapt(symbol, context)
        assert model.cdf_q15.tolist() == [reference.cdf(c) for c in range(contexts)]
        assert model.counts.tolist() == reference.counts


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
@pytest.mark.parametrize("rate", [0, 1, 4, 7, 15, (4, 7), (0, 15)])
@pytest.mark.parametrize("m", [1, 2, 3, 15, 16])
def test_runs_to_the_extremes_and_back(schedule, rate, m):
    """Long runs of one symbol reach the bounds of the lanes; the CDF stays valid and recovers."""
    model = DyadicModel(m, rate=rate, schedule=schedule)
    for symbol in (0, m - 1, m // 2):
        adapt(model, np.full(3000, symbol))
        cdf = model.cdf_q15[0].tolist()
        assert valid(cdf, CDF_TOTAL)
        assert cdf[symbol + 1] - cdf[symbol] <= CDF_TOTAL - m + 1


def test_gains_of_the_schedules():
    assert SCHEDULES["early"](4, 7) == [8192, 6553, 5461, 4681]
    assert SCHEDULES["fast"](16, 2) == [4 * 32768 // d for d in (20, 24, 28, 32)]
    assert SCHEDULES["steady"](4, 7) == []
    for schedule, m, rate in itertools.product(SCHEDULES, range(1, 17), range(MAX_RATE + 1)):
        gains = SCHEDULES[schedule](m, rate)
        assert all(0 <= a <= CDF_TOTAL for a in gains)
        assert gains == sorted(gains, reverse=True)
        assert len(gains) <= CDF_TOTAL


@pytest.mark.parametrize(
    ("schedule", "symbols", "percent"), [("early", 64, 31.1), ("fast", 64, 16.2), ("fast", 256, 6.0)]
)
def test_learning_cost_of_a_geometric_source(schedule, symbols, percent):
    """The reference numbers at r = 7, M = 16, within the noise of 300 runs."""
    rng = np.random.default_rng(1)
    p = 0.5 ** np.minimum(np.arange(1, 17), 15.0)
    p /= p.sum()
    entropy = -(p * np.log2(p)).sum()
    draws = rng.choice(16, size=(300, symbols), p=p)
    cost = np.mean([DyadicModel(16, rate=7, schedule=schedule).cost(row) for row in draws]) / symbols
    assert 100 * (cost / entropy - 1) == pytest.approx(percent, abs=2.5)


def test_cost_is_that_of_the_adapting_cdf_and_changes_nothing():
    model, twin = DyadicModel(5, 2, rate=4), DyadicModel(5, 2, rate=4)
    rng = np.random.default_rng(3)
    symbols, contexts = rng.integers(0, 5, 300), rng.integers(0, 2, 300)
    bits = 0.0
    for symbol, context in zip(symbols, contexts, strict=True):
        cdf = twin.cdf_q15[context].astype(int)
        bits -= math.log2((cdf[symbol + 1] - cdf[symbol]) / CDF_TOTAL)
        adapt(twin, [symbol], [context])
    assert model.cost(symbols, contexts) == pytest.approx(bits)
    assert model == DyadicModel(5, 2, rate=4) != twin


def test_one_symbol_costs_nothing():
    assert DyadicModel(1).cost(np.zeros(1000, int)) == 0.0
    assert DyadicModel(16).cost([]) == 0.0


@given(model_arguments())
def test_copy_and_pickle_are_independent_and_equal(arguments):
    model = DyadicModel(**arguments)
    adapt(model, np.zeros(7, int))
    for twin in (model.copy(), copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin == model
        assert repr(twin) == repr(model)
        adapt(twin, [arguments["num_symbols"] - 1] * 3)
        adapt(model.copy(), [0])
        assert (twin == model) == (
            twin.cdf_q15.tolist() == model.cdf_q15.tolist() and (twin.counts == model.counts).all()
        )
    assert model != DyadicModel(arguments["num_symbols"], arguments["num_contexts"] + 1)
    assert model != "model"
    with pytest.raises(TypeError):
        hash(model)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"num_symbols": 0}, "num_symbols"),
        ({"num_symbols": 17}, "num_symbols"),
        ({"num_symbols": 4, "num_contexts": 0}, "num_contexts"),
        ({"num_symbols": 4, "rate": 16}, "rate"),
        ({"num_symbols": 4, "rate": -1}, "rate"),
        ({"num_symbols": 4, "rate": (1, 2, 3)}, "rate"),
        ({"num_symbols": 4, "schedule": "slow"}, "schedule"),
        ({"num_symbols": 4, "initial_count": -1}, "initial_count"),
        ({"num_symbols": 2, "initial_cdfs": [0, 5, 32767]}, "initial_cdfs"),
        ({"num_symbols": 2, "initial_cdfs": [1, 5, 32768]}, "initial_cdfs"),
        ({"num_symbols": 3, "initial_cdfs": [0, 5, 5, 32768]}, "initial_cdfs"),
        ({"num_symbols": 3, "initial_cdfs": [0, 6, 5, 32768]}, "initial_cdfs"),
        ({"num_symbols": 3, "initial_cdfs": [0, -6, 5, 32768]}, "initial_cdfs"),
        ({"num_symbols": 3, "initial_cdfs": [0, 5, 32768]}, "initial_cdfs"),
        ({"num_symbols": 2, "num_contexts": 2, "initial_cdfs": [[0, 5, 32768]] * 3}, "initial_cdfs"),
    ],
)
def test_bad_values_name_the_argument(arguments, match):
    with pytest.raises(ValueError, match=match):
        DyadicModel(**arguments)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"num_symbols": 2.0}, "num_symbols"),
        ({"num_symbols": 2, "rate": "fast"}, "rate"),
        ({"num_symbols": 2, "initial_cdfs": [0.0, 0.5, 1.0]}, "initial_cdfs"),
    ],
)
def test_bad_types_name_the_argument(arguments, match):
    with pytest.raises(TypeError, match=match):
        DyadicModel(**arguments)


@given(st.integers(1, 16).flatmap(lambda m: st.lists(st.integers(0, 2**44), min_size=m, max_size=m).filter(any)))
def test_cdf_from_counts_is_valid_and_exact(counts):
    m, total = len(counts), sum(counts)
    cdf = cdf_from_counts(counts)
    assert cdf.tolist() == [k + sum(counts[:k]) * (CDF_TOTAL - m) // total for k in range(m + 1)]
    DyadicModel(m, initial_cdfs=cdf)


def test_cdf_from_counts_takes_stacks_and_any_integer_type():
    counts = np.array([[[1, 2], [3, 4]], [[250, 250], [0, 9]]])
    wide = cdf_from_counts(counts)
    assert wide.shape == (2, 2, 3)
    for dtype in (np.uint8, np.int16, np.uint64):
        assert (cdf_from_counts(counts.astype(dtype)) == wide).all()


@pytest.mark.parametrize("counts", [[], [0, 0], [1, -1], [1] * 16385, 5, [2**45, 1], [[1, 1], [0, 0]]])
def test_cdf_from_counts_rejects(counts):
    with pytest.raises((ValueError, TypeError), match="counts"):
        cdf_from_counts(counts)
    with pytest.raises(TypeError, match="counts"):
        cdf_from_counts([0.5, 0.5])
