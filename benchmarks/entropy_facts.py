"""The figures of the draft and of the library's notes, computed anew beside what is expected; a part of entropy.py.

Sections are those of draft-terriberry-netvc-codingtools-01.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import numpy as np
from common import table
from entropy_models import M, drawn, entropy_of, geometric

from pyggc.entropy import BoolEncoder, DyadicModel, FrequencyModel, RangeEncoder, RansEncoder, cdf_from_counts

Rows = list[dict[str, Any]]
Partition = Callable[[np.ndarray, int, int], np.ndarray]

FT = 1 << 15


def fact(what: str, expected: float, found: float) -> dict[str, Any]:
    return {"fact": what, "expected": expected, "found": float(found)}


# -------------------------------------------------------------------------------------------------- partition functions


def simple(fl: np.ndarray, r: int, ft: int) -> np.ndarray:
    """Section 2.4."""
    return fl + np.minimum(fl, r - ft)


def reduced(fl: np.ndarray, r: int, ft: int) -> np.ndarray:
    """Section 2.4.1."""
    e = max(2 * r - 3 * ft, 0)
    return fl + np.minimum(fl, e) + np.minimum(np.maximum(fl - e, 0) >> 1, r - ft)


def partitions(args: Namespace) -> Rows:
    """Symbols 16 units wide, and ranges spaced evenly in the logarithm."""
    fl, rows = np.arange(0, FT + 1, 16), []
    ranges = np.round(FT * 2.0 ** np.linspace(0, 1, 1 + max(args.runs * 20, 100))).astype(int)[:-1]
    expected = {"simple": (0.0573, 0.0861, 1.0), "reduced": (0.0156, 0.0296, 0.584)}
    functions: dict[str, Partition] = {"simple": simple, "reduced": reduced}
    for name, function in functions.items():
        bits = [np.log2(r / FT * 16 / np.diff(function(fl, int(r), FT))) for r in ranges]
        means = [each.mean() for each in bits]
        found = np.mean(means), np.max(means), np.max(bits)
        for what, wanted, value in zip(("mean", "largest mean", "peak"), expected[name], found, strict=True):
            rows.append(fact(f"{name} partition, {what} overhead, bits", wanted, value))
    return rows + [fact(f"reduced for simple, M = {m}, saves %", e, savings(m, args.runs)) for m, e in SAVINGS.items()]


SAVINGS = {2: 1.8, 4: 1.55, 8: 1.35, 16: 1.03}


def savings(m: int, runs: int) -> float:
    """Of all bits, over random distributions (every one as likely) and ranges."""
    rng = np.random.default_rng(m)
    costs = {simple: 0.0, reduced: 0.0}
    for p in rng.dirichlet(np.ones(m), 100 * runs):
        cdf = cdf_from_counts((p * 2**40).astype(np.int64)).astype(np.int64)
        r = min(int(FT * 2.0 ** rng.random()), 2 * FT - 1)
        for function in costs:
            costs[function] += float((np.diff(cdf) / FT * np.log2(r / np.diff(function(cdf, r, FT)))).sum())
    return 100 * (1 - costs[reduced] / costs[simple])


# ------------------------------------------------------------------------------------------------------------- learning

EARLY = {64: (31.1, 16.2), 256: (13.9, 6.0), 1024: (4.6, 2.8)}
STEADY = {"geometric 0.5": (0.242, 0.128, 0.068, 0.039), "uniform": (0.517, 0.207, 0.093, 0.045)}


def adaptation(args: Namespace) -> Rows:
    """Section 2.5.3, and the steady state of section 2.3."""
    rng, p, rows = np.random.default_rng(7), geometric(0.5), []
    for n, expected in EARLY.items():
        draws = rng.choice(M, (10 * args.runs, n), p=p)
        for schedule, wanted in zip(("early", "fast"), expected, strict=True):
            bits = np.mean([DyadicModel(M, rate=7, schedule=schedule).cost(row) for row in draws]) / n
            rows.append(
                fact(
                    f"{schedule} adaptation, {n} symbols, % above the entropy", wanted, 100 * (bits / entropy_of(p) - 1)
                )
            )
    for source, expected_of_rates in STEADY.items():
        p = geometric(0.5) if source == "geometric 0.5" else np.full(M, 1 / M)
        for rate, wanted in zip(range(4, 8), expected_of_rates, strict=True):
            model, symbols = DyadicModel(M, rate=rate), rng.choice(M, 20_000 * args.runs, p=p)
            RansEncoder().push(symbols[:5000], model)
            excess = model.cost(symbols[5000:]) / (symbols.size - 5000) - entropy_of(p)
            rows.append(fact(f"steady state, {source}, rate {rate}, bits above the entropy", wanted, excess))
    return rows


def ranged(partition: str) -> Callable[[], RangeEncoder]:
    return lambda: RangeEncoder(partition=partition)


#: Coder and model by name, and the overhead that is expected in percent. Counts in steps of 128 forget fast enough to
#: be as far from the source as those of video codecs.
ADAPTIVE: dict[str, tuple[Callable[[], Any], Callable[[], Any], float | None]] = {
    "rANS, dyadic rate 7": (RansEncoder, lambda: DyadicModel(M), 1.64),
    "range coder, multiply, dyadic rate 7": (ranged("multiply"), lambda: DyadicModel(M), 1.62),
    "range coder, simple, counts": (ranged("simple"), lambda: FrequencyModel(M, increment=128, limit=32767), 2.47),
    "range coder, reduced, counts": (ranged("reduced"), lambda: FrequencyModel(M, increment=128, limit=32767), 1.37),
    "range coder, division, KT counts": (ranged("division"), lambda: FrequencyModel(M), 0.015),
    "bools, dyadic rate 7": (BoolEncoder, lambda: DyadicModel(M), None),
}


def adaptive(args: Namespace) -> Rows:
    """Whole streams of a geometric source of ratio 0.8."""
    p = geometric(0.8)
    symbols = drawn(p, args.symbols, 8)
    information = -np.log2(p)[symbols].sum()
    rows = []
    for name, (make, model, expected) in ADAPTIVE.items():
        encoder = make()
        encoder.push(symbols, model())
        overhead = 100 * (8 * len(encoder.finish()) / information - 1)
        rows.append({"fact": f"{name}, % above the information", "expected": expected, "found": overhead})
    return rows


# ------------------------------------------------------------------------------------------------------ moving averages


def averages(args: Namespace) -> Rows:
    """Section 2.2, item 2, in integers: E[x] + floor((x - E[x]) / 16), which without fraction bits only falls."""
    n = min(args.symbols, 200_000)
    values = np.random.default_rng(9).geometric(1 / 5.98, n) - 1
    rows = []
    for bits, expected in ((0, 0.33), (8, 4.95), (16, 4.976)):
        estimate, total = 4 << bits, 0
        for value in values.tolist():
            estimate += ((value << bits) - estimate) >> 4
            total += estimate
        what = f"moving average of a mean of {values.mean():.3f}, {bits} fraction bits"
        rows.append(fact(what, expected, total / n / 2**bits))
    return rows


def facts(args: Namespace) -> Rows:
    rows = partitions(args) + adaptation(args) + adaptive(args) + averages(args)
    table("figures beside what is expected", rows)
    return rows
