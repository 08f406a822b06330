"""What the entropy coder costs: bytes of a stream beyond its model, bits of a model beyond the source, time.

Run ``python benchmarks/entropy.py [--json]``. Times are minima over a few runs of one process.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pyggc.entropy import DyadicModel, RansDecoder, RansEncoder, cdf_from_counts

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


def laplace(scale: np.ndarray | float) -> np.ndarray:
    """Probabilities of a zigzagged two-sided geometric source, its tail cut at 16 symbols."""
    weights = np.exp(-((np.arange(M) + 1) // 2) / np.asarray(scale)[..., np.newaxis])
    return weights / weights.sum(axis=-1, keepdims=True)


def sources(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Probabilities (n, 16) of each symbol of a run of every source; the last one drifts."""
    geometric = 0.5 ** np.arange(1, M + 1)
    drift = np.clip(np.exp(0.5 + np.cumsum(rng.normal(0, 0.04, n))), 0.3, 6)
    return {
        "geometric 0.5": np.broadcast_to(geometric / geometric.sum(), (n, M)),
        "Laplace 2": np.broadcast_to(laplace(2.0), (n, M)),
        "uniform": np.full((n, M), 1 / M),
        "drifting": laplace(drift),
    }


def draw(rng: np.random.Generator, p: np.ndarray) -> tuple[np.ndarray, float]:
    """One run of a source, and its information under the true probabilities in bits."""
    symbols = np.minimum((p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1), M - 1)
    return symbols, float(-np.log2(p[np.arange(len(p)), symbols]).sum())


def stream_overhead(rng: np.random.Generator) -> dict[str, float]:
    """Mean bytes of a stream beyond the cost of its symbols."""
    result = {}
    for n in (100, 1000, 10_000):
        excess = []
        for _ in range(100):
            symbols, _ = draw(rng, sources(rng, n)["Laplace 2"])
            encoder, model = RansEncoder(), DyadicModel(M)
            bits = model.cost(symbols)
            encoder.push(symbols, model)
            excess.append(len(encoder.finish()) - bits / 8)
        result[str(n)] = round(float(np.mean(excess)), 2)
    return result


def learning(rng: np.random.Generator, n: int, runs: int = 30) -> dict[str, dict[str, float]]:
    """Mean bits a symbol beyond the true probabilities, per model and source."""
    drawn = [{name: draw(rng, p) for name, p in sources(rng, n).items()} for _ in range(runs)]
    return {
        f"{schedule} {rate}": {
            name: round(
                float(
                    np.mean([DyadicModel(M, rate=rate, schedule=schedule).cost(r[name][0]) - r[name][1] for r in drawn])
                )
                / n,
                4,
            )
            for name in drawn[0]
        }
        for schedule, rate in MODELS
    }


def priors(rng: np.random.Generator, n: int = 200, runs: int = 100) -> dict[str, dict[str, float]]:
    """Mean bytes beyond the true probabilities with a flat start, and with a Laplace 2 start worth so many symbols."""
    guess = cdf_from_counts((laplace(2.0) * 2**20).astype(np.int64))
    starts: dict[str, dict[str, Any]] = {"flat": {}}
    for count in (0, 4, 8, 16, 32, 64):
        starts[f"count {count}"] = {"initial_cdfs": guess, "initial_count": count}
    result = {}
    for scale in (1.0, 2.0, 4.0):
        drawn = [draw(rng, np.broadcast_to(laplace(scale), (n, M))) for _ in range(runs)]
        result[f"Laplace {scale:g}"] = {
            name: round(float(np.mean([DyadicModel(M, **start).cost(s) - bits for s, bits in drawn])) / 8, 2)
            for name, start in starts.items()
        }
    return result


def best(action: Callable[[], object], times: int = 7) -> float:
    """Fewest seconds of a few runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return min(found)


def speed(rng: np.random.Generator, n: int = 1_000_000) -> dict[str, dict[str, float]]:
    """Nanoseconds a symbol, and microseconds of a call with one symbol."""
    symbols = np.minimum(rng.geometric(0.2, n) - 1, M - 1).astype(np.uint8)
    ids = rng.integers(0, 8, n).astype(np.uint8)
    result = {}
    for rate in (7, (6, 9)):
        for contexts in (None, ids):
            count = 1 if contexts is None else 8

            def encode(rate=rate, contexts=contexts, count=count) -> bytes:
                encoder = RansEncoder()
                encoder.push(symbols, DyadicModel(M, count, rate=rate), contexts)
                return encoder.finish()

            data = encode()

            def decode(data=data, rate=rate, contexts=contexts, count=count) -> None:
                RansDecoder(data).pop(n, DyadicModel(M, count, rate=rate), contexts)

            result[f"rate {rate}, {count} contexts"] = {
                "encode_ns": round(best(encode) / n * 1e9, 1),
                "decode_ns": round(best(decode) / n * 1e9, 1),
            }
    return result


def call_overhead(calls: int = 5000) -> dict[str, float]:
    """Microseconds of a call with one symbol in one context."""
    one, context = np.zeros(1, np.uint8), np.zeros(1, np.int64)
    encoder, model = RansEncoder(), DyadicModel(M, 8)
    encoder.push(np.arange(50 * calls) % M, model)
    push = best(lambda: [encoder.push(one, model, context) for _ in range(calls)], 3)
    decoder = RansDecoder(encoder.finish())
    pop = best(lambda: [decoder.pop(1, model, context) for _ in range(calls)], 3)
    return {"push_us": round(push / calls * 1e6, 2), "pop_us": round(pop / calls * 1e6, 2)}


def main() -> None:
    """Measure all and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    rng = np.random.default_rng(1)
    report = {
        "bytes of a stream beyond its model, by symbols": stream_overhead(rng),
        "bits a symbol beyond the source, 200 symbols": learning(rng, 200),
        "bits a symbol beyond the source, 1000 symbols": learning(rng, 1000),
        "bits a symbol beyond the source, 4000 symbols": learning(rng, 4000, 10),
        "bytes beyond the source, 200 symbols, by start": priors(rng),
        "speed, 1,000,000 symbols": speed(rng),
        "one call": call_overhead(),
    }
    if as_json:
        print(json.dumps(report))
        return
    for title, table in report.items():
        print(title)
        for row, value in table.items():
            print(
                f"  {row:<22}",
                value if not isinstance(value, dict) else "  ".join(f"{k} {v}" for k, v in value.items()),
            )


if __name__ == "__main__":
    main()
