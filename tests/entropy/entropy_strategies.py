"""Hypothesis strategies of the entropy coder: models, and scripts of what one stream holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from pyggc.entropy import DyadicModel, Model, ParametricModel, StaticModel, cdf_from_counts
from pyggc.entropy.models.dyadic import MAX_RATE, MAX_SYMBOLS, SCHEDULES
from pyggc.entropy.models.parametric import FAMILIES, distances


@st.composite
def model_arguments(draw: st.DrawFn) -> dict[str, Any]:
    """Keyword arguments that `DyadicModel` and `ReferenceModel` both take."""
    m = draw(st.integers(1, MAX_SYMBOLS))
    contexts = draw(st.integers(1, 4))
    rate = st.integers(0, MAX_RATE)
    arguments: dict[str, Any] = {
        "num_symbols": m,
        "num_contexts": contexts,
        "rate": draw(rate | st.tuples(rate, rate)),
        "schedule": draw(st.sampled_from(sorted(SCHEDULES))),
        "initial_count": draw(st.sampled_from([0, 0, 1, 5, 32768])),
    }
    if draw(st.booleans()):
        row = st.lists(st.sampled_from([0, 0, 1, 3, 100, 65535]), min_size=m, max_size=m).filter(any)
        counts = draw(st.lists(row, min_size=contexts, max_size=contexts))
        arguments["initial_cdfs"] = cdf_from_counts(counts).tolist()
    return arguments


@st.composite
def parametric_arguments(draw: st.DrawFn) -> dict[str, Any]:
    """Keyword arguments that `ParametricModel` and `ReferenceParametricModel` both take."""
    family, m, contexts = draw(st.sampled_from(sorted(FAMILIES))), draw(st.integers(1, 16)), draw(st.integers(1, 4))
    arguments: dict[str, Any] = {
        "family": family,
        "num_symbols": m,
        "num_contexts": contexts,
        "rate": draw(st.none() | st.integers(0, 15)),
        "fraction_bits": draw(st.sampled_from([0, 1, 8, 16])),
        "initial_count": draw(st.sampled_from([0, 0, 1, 5, 32768])),
    }
    if draw(st.booleans()):
        mean = st.floats(0, max(distances(family, m)), allow_subnormal=False)
        arguments["initial_means"] = draw(st.lists(mean, min_size=contexts, max_size=contexts))
    return arguments


@st.composite
def static_arguments(draw: st.DrawFn) -> dict[str, Any]:
    """Keyword arguments of `StaticModel`, of small alphabets and larger ones."""
    m, contexts = draw(st.integers(1, 16) | st.sampled_from([17, 256, 300])), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    skew = draw(st.sampled_from([0.1, 1.0, 10.0]))
    return {"cdfs": cdf_from_counts((rng.gamma(skew, size=(contexts, m)) * 1000).astype(np.int64) + (skew > 0.5) + 1)}


def _factories(model: type[Model], arguments: st.SearchStrategy[dict[str, Any]]) -> Any:
    return arguments.map(lambda found: partial(model, **found))


#: What draws a factory of models of each class: a new kind of model is one line here, and every test of
#: `test_matrix.py` runs over it.
MODELS: dict[str, st.SearchStrategy[Callable[[], Model]]] = {
    "dyadic": _factories(DyadicModel, model_arguments()),
    "static": _factories(StaticModel, static_arguments()),
    "parametric": _factories(ParametricModel, parametric_arguments()),
}


def any_models() -> st.SearchStrategy[Callable[[], Model]]:
    """Factories of models of any class: what one returns is a fresh model, equal to the others that it returned."""
    return st.one_of(*MODELS.values())


@dataclass
class Batch:
    """One call: symbols under a model, or (model is None) raw values of given widths."""

    model: int | None
    values: np.ndarray
    contexts: np.ndarray


@st.composite
def scripts(draw: st.DrawFn, max_batch: int = 60) -> tuple[list[dict[str, Any]], list[Batch]]:
    """Models, and the batches of one stream that uses them in turn."""
    models = draw(st.lists(model_arguments(), min_size=1, max_size=3))
    batches = []
    for _ in range(draw(st.integers(0, 5))):
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        n = draw(st.integers(0, max_batch))
        if draw(st.integers(0, 3)) == 0:
            widths = rng.integers(0, 33, n)
            batches.append(Batch(None, rng.integers(0, 2**32, n) >> (32 - widths), widths))
            continue
        index = draw(st.integers(0, len(models) - 1))
        m, contexts = models[index]["num_symbols"], models[index]["num_contexts"]
        skew = draw(st.sampled_from([0.0, 0.5, 0.9, 1.0]))
        symbols = np.where(rng.random(n) < skew, draw(st.integers(0, m - 1)), rng.integers(0, m, n))
        batches.append(Batch(index, symbols, rng.integers(0, contexts, n)))
    return models, batches
