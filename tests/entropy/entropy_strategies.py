"""Hypothesis strategies of the entropy coder: models, and scripts of what one stream holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st
from tree_strategies import tree_models

from pyggc.entropy import DyadicModel, FrequencyModel, Model, ParametricModel, StaticModel, cdf_from_counts
from pyggc.entropy.models.dyadic import MAX_RATE, MAX_SYMBOLS, SCHEDULES
from pyggc.entropy.models.parametric import FAMILIES, distances
from pyggc.entropy.reference import ReferenceFrequencyModel, ReferenceModel, ReferenceStaticModel


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
            widths = rng.integers(0, draw(st.sampled_from([2, 16, 33])), n)
            batches.append(Batch(None, rng.integers(0, 2**32, n) >> (32 - widths), widths))
            continue
        index = draw(st.integers(0, len(models) - 1))
        m, contexts = models[index]["num_symbols"], models[index]["num_contexts"]
        skew = draw(st.sampled_from([0.0, 0.5, 0.9, 1.0]))
        symbols = np.where(rng.random(n) < skew, draw(st.integers(0, m - 1)), rng.integers(0, m, n))
        batches.append(Batch(index, symbols, rng.integers(0, contexts, n)))
    return models, batches


@st.composite
def frequency_arguments(draw: st.DrawFn, largest: int = 32768) -> dict[str, Any]:
    """Keyword arguments that `FrequencyModel` and `ReferenceFrequencyModel` both take."""
    m = draw(st.integers(1, 20) | st.sampled_from([31, 32, 33, 255, 256]))
    contexts = draw(st.integers(1, 3))
    increment, offset = draw(st.sampled_from([1, 2, 2, 24, 128])), draw(st.sampled_from([1, 1, 3]))
    least = max(m + 2 * increment, m * offset)
    arguments: dict[str, Any] = {
        "num_symbols": m,
        "num_contexts": contexts,
        "increment": increment,
        "offset": offset,
        "limit": draw(st.sampled_from([least, least + 1, least + 37, largest])),
    }
    if draw(st.booleans()):
        arguments["limit"] = largest
        row = st.lists(st.integers(0, max(largest // m // increment - offset, 0)), min_size=m, max_size=m)
        arguments["initial_counts"] = draw(st.lists(row, min_size=contexts, max_size=contexts))
    return arguments


@st.composite
def static_arguments(draw: st.DrawFn) -> dict[str, Any]:
    """Keyword arguments that `StaticModel` and `ReferenceStaticModel` both take."""
    m = draw(st.integers(1, 20) | st.sampled_from([300, 2000, 16384]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = rng.integers(0, 2, (draw(st.integers(1, 3)), m)) ** 20 * rng.integers(0, 1000, m)
    counts[:, draw(st.integers(0, m - 1))] += draw(st.sampled_from([1, 10**4, 10**7]))
    return {"cdfs": cdf_from_counts(counts).tolist()}


def _factories(model: type[Model], arguments: st.SearchStrategy[dict[str, Any]]) -> Any:
    return arguments.map(lambda found: partial(model, **found))


#: What draws a factory of models of each class: a new kind of model is one line here, and every test of
#: `test_matrix.py` runs over it.
MODELS: dict[str, st.SearchStrategy[Callable[[], Model]]] = {
    "dyadic": _factories(DyadicModel, model_arguments()),
    "static": _factories(StaticModel, static_arguments()),
    "parametric": _factories(ParametricModel, parametric_arguments()),
    "frequency": _factories(FrequencyModel, frequency_arguments()),
    "tree": tree_models().map(lambda model: model.copy),
}


def any_models() -> st.SearchStrategy[Callable[[], Model]]:
    """Factories of models of any class: what one returns is a fresh model, equal to the others that it returned."""
    return st.one_of(*MODELS.values())


#: Kind of model -> its class, and the class of its reference.
KINDS: dict[str, tuple[type[Model], type]] = {
    "dyadic": (DyadicModel, ReferenceModel),
    "frequency": (FrequencyModel, ReferenceFrequencyModel),
    "static": (StaticModel, ReferenceStaticModel),
}


def any_model(largest: int = 32768) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """A kind of model and its arguments."""
    return st.one_of(
        st.tuples(st.just("dyadic"), model_arguments()),
        st.tuples(st.just("frequency"), frequency_arguments(largest)),
        st.tuples(st.just("static"), static_arguments()),
    )


@dataclass
class Script:
    """What one stream of the range coder holds: models of any kind, and calls."""

    partition: str
    models: list[tuple[str, dict[str, Any]]]
    calls: list[tuple[str, int, np.ndarray, np.ndarray]]

    def make(self) -> list[Any]:
        """The models in their first states."""
        return [KINDS[kind][0](**arguments) for kind, arguments in self.models]

    def make_references(self) -> list[Any]:
        """The same of the references."""
        return [KINDS[kind][1](**arguments) for kind, arguments in self.models]


@st.composite
def range_scripts(draw: st.DrawFn, max_batch: int = 60) -> Script:
    """Calls are ("symbols", model, symbols, contexts), ("bits", 0, values, widths), ("golomb", order, values, -)."""
    partition = draw(st.sampled_from(["multiply", "division", "simple", "reduced"]))
    models = draw(st.lists(any_model(65535 if partition == "division" else 32768), min_size=1, max_size=3))
    made = [KINDS[kind][0](**arguments) for kind, arguments in models]
    calls = []
    for _ in range(draw(st.integers(0, 6))):
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        n = draw(st.integers(0, max_batch))
        what = draw(st.sampled_from(["symbols", "symbols", "symbols", "bits", "golomb"]))
        widths = rng.integers(0, 33, n)
        if what == "symbols":
            index = draw(st.integers(0, len(models) - 1))
            m = made[index].num_symbols
            skew = draw(st.sampled_from([0.0, 0.5, 0.9, 1.0]))
            symbols = np.where(rng.random(n) < skew, draw(st.integers(0, m - 1)), rng.integers(0, m, n))
            calls.append((what, index, symbols, rng.integers(0, made[index].num_contexts, n)))
        else:
            order = draw(st.integers(0, 31)) if what == "golomb" else 0
            calls.append((what, order, rng.integers(0, 2**32, n) >> (32 - widths), widths))
    return Script(partition, models, calls)
