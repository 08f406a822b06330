"""Time of symbols and of calls, beside constriction in the same run; parts of entropy.py."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

import numpy as np
from common import medians, table
from entropy_models import M, drawn, geometric

from pyggc.entropy import (
    BoolDecoder,
    BoolEncoder,
    DyadicModel,
    FrequencyModel,
    ParametricModel,
    RangeDecoder,
    RangeEncoder,
    RansDecoder,
    RansEncoder,
    RansStack,
    StaticModel,
)

try:
    import constriction
except ImportError:
    constriction = None

Rows = list[dict[str, Any]]
Action = Callable[[], object]
Pair = tuple[Action, Action]

CALL = 1000  # symbols of a call whose price is measured
SHORT = 20_000  # symbols, where a peer needs microseconds for each


# ------------------------------------------------------------------------------------------------- encoder and decoder


def ours(encoder: Callable[[], Any], decoder: Callable[[bytes], Any], model: Callable[[], Any], *what: Any) -> Pair:
    """Push and finish, pop; `what`: symbols, and contexts where there are some."""
    coder = encoder()  # one for all rounds, as for the segments of a stream

    def encode() -> bytes:
        coder.push(what[0], model(), *what[1:])
        data: bytes = coder.finish()
        return data

    data = encode()
    found = decoder(data).pop(what[0].size, model(), *what[1:])
    if (found != what[0]).any():
        raise SystemExit("decoded something else")
    return encode, lambda: decoder(data).pop(what[0].size, model(), *what[1:])


def stack(states: int, model: StaticModel, symbols: np.ndarray) -> Pair:
    coder = RansStack(states=states)

    def encode() -> bytes:
        coder.clear()
        coder.push(symbols, model)
        return coder.to_bytes()

    data = encode()
    return encode, lambda: RansStack(data, states).pop(symbols.size, model)


def bools(bits: np.ndarray, probability: int) -> Pair:
    p = np.full(bits.size, probability, np.uint8)

    def encode() -> bytes:
        encoder = BoolEncoder()
        encoder.push_bools(bits, probability)
        return encoder.finish()

    data = encode()
    return encode, lambda: BoolDecoder(data).pop_bools(p)


def ranged(partition: str) -> tuple[Callable[[], Any], Callable[[bytes], Any]]:
    return (lambda: RangeEncoder(partition=partition)), (lambda data: RangeDecoder(data, partition=partition))


def four() -> tuple[Callable[[], Any], Callable[[bytes], Any]]:
    return (lambda: RansEncoder(4)), (lambda data: RansDecoder(data, 4))


def theirs_ans(p: np.ndarray, symbols: np.ndarray) -> Pair:
    """Static: the model is made once, as it would be."""
    message = symbols.astype(np.int32)
    model = constriction.stream.model.Categorical(p, perfect=False)

    def encode() -> np.ndarray:
        coder = constriction.stream.stack.AnsCoder()
        coder.encode_reverse(message, model)
        return coder.get_compressed()

    data = encode()
    return encode, lambda: constriction.stream.stack.AnsCoder(data).decode(model, message.size)


def theirs_range(p: np.ndarray, symbols: np.ndarray) -> Pair:
    message = symbols.astype(np.int32)
    model = constriction.stream.model.Categorical(p, perfect=False)

    def encode() -> np.ndarray:
        coder = constriction.stream.queue.RangeEncoder()
        coder.encode(message, model)
        return coder.get_compressed()

    data = encode()
    return encode, lambda: constriction.stream.queue.RangeDecoder(data).decode(model, message.size)


def theirs_adaptive(symbols: np.ndarray) -> Pair:
    """Counts, and a model that is made of them for each symbol: how it adapts from Python."""
    categorical = constriction.stream.model.Categorical
    message = symbols.tolist()

    def encode() -> np.ndarray:
        coder, counts = constriction.stream.queue.RangeEncoder(), np.ones(M)
        for symbol in message:
            coder.encode(symbol, categorical(counts, perfect=False))
            counts[symbol] += 1
        return coder.get_compressed()

    data = encode()

    def decode() -> None:
        coder, counts = constriction.stream.queue.RangeDecoder(data), np.ones(M)
        for _ in message:
            counts[coder.decode(categorical(counts, perfect=False))] += 1

    return encode, decode


# --------------------------------------------------------------------------------------------------------------- tables


def measured(pairs: dict[str, tuple[int, Pair]], rounds: int) -> dict[str, tuple[float, float]]:
    """Nanoseconds a symbol of encoding and decoding; each pair comes with its number of symbols."""
    actions = {(name, k): pair[k] for name, (_, pair) in pairs.items() for k in range(2)}
    times = medians(actions, rounds)
    return {name: tuple(times[name, k] / n * 1e9 for k in range(2)) for name, (n, _) in pairs.items()}


def rows_of(found: dict[str, tuple[float, float]]) -> Rows:
    return [{"": name, "encode ns": encode, "decode ns": decode} for name, (encode, decode) in found.items()]


def speed(args: Namespace) -> Rows:
    """Adaptive models with and without contexts."""
    n = min(args.symbols, 1_000_000)
    symbols = drawn(geometric(0.8), n, 1)
    ids = np.random.default_rng(1).integers(0, 8, n).astype(np.uint8)
    pairs: dict[str, tuple[int, Pair]] = {}
    for rate in (7, (6, 9)):
        for count in (1, 8):
            what = (symbols,) if count == 1 else (symbols, ids)
            model = lambda count=count, rate=rate: DyadicModel(M, count, rate=rate)  # noqa: E731
            pairs[f"rANS, rate {rate}, {count} contexts"] = n, ours(RansEncoder, RansDecoder, model, *what)
    pairs["bools, rate 7, 1 contexts"] = n, ours(BoolEncoder, BoolDecoder, lambda: DyadicModel(M), symbols)
    rows = rows_of(measured(pairs, args.rounds))
    table(f"adaptive models, {n:,} of 16 symbols, ns a symbol", rows)
    return rows


def call(args: Namespace) -> Rows:
    """Microseconds of a call of one symbol, and what a call of a thousand takes beyond its symbols."""
    calls = max(min(args.symbols // 200, 5000), 10)
    one, context, many = np.zeros(1, np.uint8), np.zeros(1, np.int64), (np.arange(CALL) % M).astype(np.uint8)
    long = np.tile(many, 200)
    encoder, model = RansEncoder(), DyadicModel(M, 8)

    def filled(symbols: np.ndarray, times: int) -> RansDecoder:
        coder = RansEncoder()
        for _ in range(times):
            coder.push(symbols, DyadicModel(M, 8))
        return RansDecoder(coder.finish())

    def seconds(action: Callable[[Any, Any], object], make: Callable[[], Any], times: int) -> float:
        found = []
        for _ in range(2 * args.rounds + 1):
            coder, fresh = make(), DyadicModel(M, 8)
            start = time.perf_counter()
            for _ in range(times):
                action(coder, fresh)
            found.append((time.perf_counter() - start) / times)
        return float(np.median(found))

    push = seconds(lambda coder, model: coder.push(one, model, context), RansEncoder, calls)
    encoder.push(np.tile(one, 2 * calls), model, context)
    data = encoder.finish()
    pop = seconds(lambda coder, model: coder.pop(1, model, context), lambda: RansDecoder(data), calls)
    rows: Rows = [{"": "one symbol", "push us": push * 1e6, "pop us": pop * 1e6, "target us": None}]
    times = max(calls // 25, 2)
    # The same symbols in one call tell what they take by themselves.
    each_push = seconds(lambda coder, model: coder.push(long, model), RansEncoder, 1) / 200
    each_pop = seconds(lambda coder, model: coder.pop(long.size, model), lambda: filled(long, 1), 1) / 200
    push = seconds(lambda coder, model: coder.push(many, model), RansEncoder, times) - each_push
    repeated = RansEncoder()
    repeated.push(np.tile(many, times), DyadicModel(M, 8))
    data = repeated.finish()
    pop = seconds(lambda coder, model: coder.pop(CALL, model), lambda: RansDecoder(data), times) - each_pop
    rows.append({"": f"{CALL} symbols, beyond them", "push us": push * 1e6, "pop us": pop * 1e6, "target us": "<= 5"})
    table("one call, us", rows)
    return rows


def peers(args: Namespace) -> dict[str, Rows]:
    """All in one run, in turn."""
    n, sixteen, wide = args.symbols, geometric(0.8), geometric(0.98, 256)
    few, many, bits = drawn(sixteen, n, 2), drawn(wide, n, 3), drawn(np.array([0.8, 0.2]), n, 4)
    short = few[: min(SHORT, n)]
    static16, static256 = StaticModel.from_pmf(sixteen), StaticModel.from_pmf(wide)

    pairs: dict[str, tuple[int, Pair]] = {
        "adaptive 16, rANS": (n, ours(RansEncoder, RansDecoder, lambda: DyadicModel(M), few)),
        "static 16, rANS": (n, ours(RansEncoder, RansDecoder, lambda: static16, few)),
        "adaptive 16, bools": (n, ours(BoolEncoder, BoolDecoder, lambda: DyadicModel(M), few)),
        "bools, p = 0.8": (n, bools(bits, 205)),
    }
    for states in (1, 2, 4):
        queue = ours(lambda s=states: RansEncoder(s), lambda d, s=states: RansDecoder(d, s), lambda: static256, many)
        pairs[f"static 256, rANS, {states} states, queue"] = n, queue
        pairs[f"static 256, rANS, {states} states, stack"] = n, stack(states, static256, many)
    for partition in ("multiply", "division", "simple", "reduced"):
        pairs[f"adaptive 16, range coder, {partition}"] = n, ours(*ranged(partition), lambda: DyadicModel(M), few)
    pairs["static 256, range coder, multiply"] = n, ours(*ranged("multiply"), lambda: static256, many)
    pairs["counts 16, rANS"] = n, ours(RansEncoder, RansDecoder, lambda: FrequencyModel(M), few)
    pairs["counts 16, range coder, division"] = n, ours(*ranged("division"), lambda: FrequencyModel(M), few)
    pairs["counts 16, range coder, reduced"] = n, ours(*ranged("reduced"), lambda: FrequencyModel(M), few)
    pairs["parametric 16, rANS"] = n, ours(RansEncoder, RansDecoder, lambda: ParametricModel("exponential", M), few)
    pairs["adaptive 16, rANS, 4 states"] = n, ours(*four(), lambda: DyadicModel(M), few)
    if constriction is not None:
        pairs["constriction, static 16, ANS"] = n, theirs_ans(sixteen, few)
        pairs["constriction, static 256, ANS"] = n, theirs_ans(wide, many)
        pairs["constriction, static 16, range"] = n, theirs_range(sixteen, few)
        pairs["constriction, static 256, range"] = n, theirs_range(wide, many)
        pairs["constriction, adaptive 16, range"] = short.size, theirs_adaptive(short)
    else:
        print("left out: constriction: it is not installed")
    found = measured(pairs, args.rounds)
    rows = rows_of(found)
    table(f"{n:,} symbols, ns a symbol", rows)
    results = {"rows": rows}
    if constriction is not None:
        results["targets"] = targets(found)
        table("times of constriction's, beside the target", results["targets"])
    return results


#: What, whether it is encoded (0) or decoded (1), against what of constriction, and the ratio of times that is wanted.
TARGETS = [
    ("adaptive 16, rANS", 1, "constriction, static 16, ANS", 0.45),
    ("adaptive 16, rANS", 0, "constriction, static 16, ANS", 1.2),
    ("adaptive 16, rANS", 0, "constriction, adaptive 16, range", 1 / 50),
    ("adaptive 16, rANS", 1, "constriction, adaptive 16, range", 1 / 50),
    ("adaptive 16, range coder, multiply", 1, "constriction, static 16, range", 0.6),
    ("static 256, rANS, 2 states, queue", 0, "constriction, static 256, ANS", 1 / 2.5),
    ("static 256, rANS, 2 states, queue", 1, "constriction, static 256, ANS", 1 / 2.5),
    ("static 256, rANS, 4 states, queue", 0, "constriction, static 256, ANS", 1 / 2.5),
    ("static 256, rANS, 4 states, queue", 1, "constriction, static 256, ANS", 1 / 2.5),
    ("static 256, rANS, 4 states, stack", 0, "constriction, static 256, ANS", 1 / 2.5),
    ("static 256, rANS, 4 states, stack", 1, "constriction, static 256, ANS", 1 / 2.5),
]


def targets(found: dict[str, tuple[float, float]]) -> Rows:
    rows: Rows = []
    for name, side, peer, target in TARGETS:
        if name in found:
            ratio = found[name][side] / found[peer][side]
            what = f"{name}, {('encode', 'decode')[side]}"
            rows.append({"": what, "beside": peer, "ratio": ratio, "target": target, "met": ratio <= target})
    return rows
