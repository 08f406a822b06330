"""What streams and models cost in bytes and bits; parts of entropy.py."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import numpy as np
from common import table

from pyggc.entropy import BoolEncoder, DyadicModel, RansEncoder, cdf_from_counts

Rows = list[dict[str, Any]]

M = 16
MODELS: list[tuple[str, int | tuple[int, int]]] = [
    ("steady", 5),
    ("steady", 7),
    ("early", 5),
    ("early", 7),
    ("fast", 5),
    ("fast", 6),
    ("fast", 7),
    ("fast", 8),
    ("fast", (4, 7)),
    ("fast", (5, 8)),
    ("fast", (6, 9)),
]


def entropy_of(p: np.ndarray) -> float:
    """Bits a symbol of probabilities."""
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum())


def geometric(ratio: float, symbols: int = M) -> np.ndarray:
    """Probabilities in proportion to ratio^k."""
    weights = ratio ** np.arange(symbols)
    return weights / weights.sum()


def drawn(p: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Symbols of a source, uint8 (n,)."""
    ends = p.cumsum()
    return np.searchsorted(ends, np.random.default_rng(seed).random(n) * ends[-1], side="right").astype(np.uint8)


def laplace(scale: np.ndarray | float) -> np.ndarray:
    """Probabilities of a zigzagged two-sided geometric source, its tail cut at 16 symbols."""
    weights = np.exp(-((np.arange(M) + 1) // 2) / np.asarray(scale)[..., np.newaxis])
    return weights / weights.sum(axis=-1, keepdims=True)


def sources(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Probabilities (n, 16) of each symbol of a run of every source; the last one drifts."""
    drift = np.clip(np.exp(0.5 + np.cumsum(rng.normal(0, 0.04, n))), 0.3, 6)
    return {
        "geometric 0.5": np.broadcast_to(geometric(0.5), (n, M)),
        "Laplace 2": np.broadcast_to(laplace(2.0), (n, M)),
        "uniform": np.full((n, M), 1 / M),
        "drifting": laplace(drift),
    }


def draw(rng: np.random.Generator, p: np.ndarray) -> tuple[np.ndarray, float]:
    """One run of a source, and its information under the true probabilities in bits."""
    symbols = np.minimum((p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1), M - 1)
    return symbols, float(-np.log2(p[np.arange(len(p)), symbols]).sum())


def stream(args: Namespace) -> Rows:
    rng = np.random.default_rng(1)
    rows: Rows = []
    for n in (100, 1000, 10_000):
        row: dict[str, Any] = {"symbols": n}
        excess: dict[str, list[float]] = {}
        for _ in range(args.runs):
            symbols, _ = draw(rng, sources(rng, n)["Laplace 2"])
            for name, encoder in {
                "one state": RansEncoder(1),
                "two states": RansEncoder(),
                "four states": RansEncoder(4),
                "bools": BoolEncoder(),
            }.items():
                encoder.push(symbols, DyadicModel(M))
                bits = encoder.num_bits
                excess.setdefault(name, []).append(len(encoder.finish()) - bits / 8)
        rows.append(row | {name: float(np.mean(found)) for name, found in excess.items()})
    table("bytes of a stream beyond its symbols", rows)
    return rows


def learning(args: Namespace) -> dict[str, Rows]:
    rng = np.random.default_rng(1)
    results: dict[str, Rows] = {}
    for n, runs in ((200, args.runs), (1000, args.runs), (4000, max(args.runs // 3, 1))):
        drawn = [{name: draw(rng, p) for name, p in sources(rng, n).items()} for _ in range(runs)]
        rows = results[f"{n} symbols"] = []
        for schedule, rate in MODELS:
            row: dict[str, Any] = {"model": f"{schedule} {rate}"}
            for name in drawn[0]:
                costs = [DyadicModel(M, rate=rate, schedule=schedule).cost(r[name][0]) - r[name][1] for r in drawn]
                row[name] = float(np.mean(costs)) / n
            rows.append(row)
        table(f"bits a symbol beyond the source, {n} symbols", rows)
    return results


def priors(args: Namespace) -> Rows:
    """With a flat start, and with a Laplace 2 start worth so many symbols."""
    rng, n = np.random.default_rng(1), 200
    guess = cdf_from_counts((laplace(2.0) * 2**20).astype(np.int64))
    starts: dict[str, dict[str, Any]] = {"flat": {}}
    for count in (0, 4, 8, 16, 32, 64):
        starts[f"count {count}"] = {"initial_cdfs": guess, "initial_count": count}
    rows: Rows = []
    for scale in (1.0, 2.0, 4.0):
        drawn = [draw(rng, np.broadcast_to(laplace(scale), (n, M))) for _ in range(args.runs)]
        row: dict[str, Any] = {"source": f"Laplace {scale:g}"}
        for name, start in starts.items():
            row[name] = float(np.mean([DyadicModel(M, **start).cost(s) - bits for s, bits in drawn])) / 8
        rows.append(row)
    table("bytes beyond the source, 200 symbols, by start", rows)
    return rows
