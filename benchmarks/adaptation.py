"""What models cost until they have learned, and what updates of CDFs save: in bits, beyond the true probabilities.

Run ``python benchmarks/adaptation.py [--json]``; it takes some ten seconds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial

import numpy as np

from pyggc.entropy import (
    DyadicModel,
    Model,
    ParametricModel,
    RansEncoder,
    StaticModel,
    cdf_from_counts,
    push_adapted,
    push_cdfs,
)

M = 16
EXPONENTIAL = np.arange(M)
LAPLACE = np.abs(np.arange(M) - M // 2)


def pmf(sizes: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
    """Probabilities that fall with the size, (16,) or one row a scale; the alphabet cuts the tail off."""
    weights = np.exp(-sizes / np.asarray(scale, float)[..., np.newaxis])
    return weights / weights.sum(axis=-1, keepdims=True)


def geometric(mean: np.ndarray | float) -> np.ndarray:
    """Probabilities of a geometric source of a mean, which the alphabet makes a little smaller."""
    return pmf(EXPONENTIAL, 1 / np.log1p(1 / np.asarray(mean, float)))


def draw(rng: np.random.Generator, p: np.ndarray) -> tuple[np.ndarray, float]:
    """Symbols, one a row of probabilities, and their information in bits."""
    symbols = np.minimum((p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1), M - 1)
    return symbols, float(-np.log2(p[np.arange(len(p)), symbols]).sum())


def learning(rng: np.random.Generator, n: int, runs: int = 20) -> dict[str, dict[str, float]]:
    """Bits a symbol beyond the source, by source and model."""
    result: dict[str, dict[str, float]] = {}
    for family, source in (("exponential", geometric), ("laplace", lambda scale: pmf(LAPLACE, scale))):
        models: dict[str, Callable[[], Model]] = {
            f"parametric {rate}": lambda family=family, rate=rate: ParametricModel(family, M, rate=rate)
            for rate in (4, 5, 6, 7)
        }
        models |= {f"dyadic {rate}": lambda rate=rate: DyadicModel(M, rate=rate) for rate in (5, 7, (5, 8))}
        for scale in (0.2, 0.5, 2.0, 5.0, None):
            excess: dict[str, list[float]] = {name: [] for name in models}
            for _ in range(runs):
                drift = np.clip(np.exp(0.5 + np.cumsum(rng.normal(0, 0.04, n))), 0.3, 6)
                symbols, bits = draw(rng, source(np.full(n, scale) if scale else drift))
                for name, make in models.items():
                    excess[name].append((make().cost(symbols) - bits) / n)
            result[f"{family} {scale or 'drifting'}"] = {k: round(float(np.mean(v)), 4) for k, v in excess.items()}
    return result


def sources(rng: np.random.Generator, contexts: int) -> np.ndarray:
    """Probabilities of contexts of several kinds, (contexts, 16)."""
    kinds = [
        lambda: geometric(rng.uniform(0.3, 6)),
        lambda: pmf(LAPLACE, rng.uniform(0.3, 5)),
        lambda: pmf((np.arange(M) + 1) // 2, rng.uniform(0.3, 5)),
        lambda: rng.dirichlet(np.full(M, 0.7)),
    ]
    return np.array([kinds[rng.integers(4)]() for _ in range(contexts)])


def updates(rng: np.random.Generator, n: int, contexts: int = 20, runs: int = 5) -> dict[str, dict[str, float]]:
    """Bytes a context of n symbols without and with `push_adapted`, and the share of contexts updated."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(runs):
        before = sources(rng, contexts)
        near = before * np.exp(rng.normal(0, 0.3, before.shape))
        near /= near.sum(axis=1, keepdims=True)
        ids = rng.permutation(np.repeat(np.arange(contexts), n))
        cdfs = cdf_from_counts((before * 2**20).astype(np.int64) + 1)
        for name, true in (("like it", near), ("unlike it", sources(rng, contexts))):
            symbols, _ = draw(rng, true[ids])
            starts: dict[str, Callable[[], Model]] = {
                f"static, trained, {name}": partial(StaticModel, cdfs),
                f"dyadic 7, settled, {name}": partial(DyadicModel, M, contexts, initial_cdfs=cdfs, initial_count=32768),
            }
            if name == "like it":
                starts["static, flat"] = lambda: StaticModel.from_counts(np.ones((contexts, M), int))
                starts["dyadic 7, flat"] = lambda: DyadicModel(M, contexts)
            for start, make in starts.items():
                encoder = RansEncoder()
                encoder.push(symbols, make(), ids)
                plain = len(encoder.finish())
                updated = push_adapted(encoder, symbols, make(), ids)
                found.setdefault(start, []).append((plain, len(encoder.finish()), updated))
    return {
        start: dict(
            zip(("plain", "adapted", "share"), np.round(np.mean(rows, axis=0) / contexts, 2).tolist(), strict=True)
        )
        for start, rows in found.items()
    }


def cost_of_updates(rng: np.random.Generator, runs: int = 20) -> dict[str, float]:
    """Bits of `push_cdfs` for one context, and for each of 30."""
    result = {}
    for contexts in (1, 30):
        for name in ("no previous", "previous like it"):
            bits = []
            for _ in range(runs):
                before = sources(rng, contexts)
                after = before * np.exp(rng.normal(0, 0.3, before.shape))
                old, new = (cdf_from_counts((p * 2**20).astype(np.int64) + 1) for p in (before, after))
                encoder = RansEncoder()
                push_cdfs(encoder, new, previous=old if name != "no previous" else None)
                bits.append(encoder.num_bits / contexts)
            result[f"{contexts} contexts, {name}"] = round(float(np.mean(bits)), 1)
    return result


def main() -> None:
    """Measure all and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    rng = np.random.default_rng(1)
    report: dict[str, dict[str, object]] = {
        f"bits a symbol beyond the source, {n} symbols": dict(learning(rng, n)) for n in (100, 1000, 10_000)
    }
    report |= {f"bytes a context of {n} symbols": dict(updates(rng, n)) for n in (100, 400, 2000)}
    report["bits of an update, each context"] = dict(cost_of_updates(rng))
    if as_json:
        print(json.dumps(report))
        return
    for title, table in report.items():
        print(title)
        for row, value in table.items():
            text = value if not isinstance(value, dict) else "  ".join(f"{k} {v}" for k, v in value.items())
            print(f"  {row:<30}", text)


if __name__ == "__main__":
    main()
