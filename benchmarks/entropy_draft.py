"""Section 2.6 of draft-terriberry-netvc-codingtools-01: bools against symbols, over VP8's trees; a part of entropy.py.

The draft's file of tokens is not to be had. Here they are drawn, with a fixed seed, from the trees of RFC 6386 for
modes and motion vectors, each under the very probabilities of its tree: what a video spends, frame after frame, in
batches of one kind of value. Bools code each decision of a tree, the other coders each value, under the same
`TreeModel`.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from common import medians, table

from pyggc.entropy import (
    BoolDecoder,
    BoolEncoder,
    RangeDecoder,
    RangeEncoder,
    RansDecoder,
    RansEncoder,
    TreeModel,
    unary_tree,
)

VALUES = 1_019_670  # of the draft
FRAMES = 24

# RFC 6386, sections 8.1, 11.2 to 11.5, 16.2, 16.3 and 17.2: trees, and the probabilities that it fixes or starts from.
YMODE = [0, 2, 4, 6, -1, -2, -3, -4]
UVMODE = [0, 2, -1, 4, -2, -3]
BMODE = [0, 2, -1, 4, -2, 6, 8, 12, -3, 10, -5, -6, -4, 14, -7, 16, -8, -9]
SMALL_VECTOR = [2, 8, 4, 6, 0, -1, -2, -3, 10, 12, -4, -5, -6, -7]
SPLIT = [0, 2, -1, 4, -2, -3]
SUB_VECTOR = unary_tree(4)
VECTOR_KIND = unary_tree(5)  # zero, nearest, near, new, split
KINDS = [
    [7, 1, 1, 143],
    [14, 18, 14, 107],
    [135, 64, 57, 68],
    [60, 56, 128, 65],
    [159, 134, 128, 34],
    [234, 188, 128, 28],
]
SUB_VECTORS = [[147, 136, 18], [106, 145, 1], [179, 121, 1], [223, 1, 34], [208, 1, 1]]
VECTORS = [[225, 146, 172, 147, 214, 39, 156], [204, 170, 119, 235, 140, 230, 228]]
BITS_OF_LONG = [[128, 129, 132, 75, 145, 178, 206, 239, 254], [128, 130, 130, 74, 148, 180, 203, 236, 254]]

#: Name: tree, probabilities by context, share of the values in percent.
ELEMENTS: dict[str, tuple[list[int], list[list[int]], float]] = {
    "kind of vector": (VECTOR_KIND, KINDS, 36.0),
    "luma mode": (YMODE, [[112, 86, 140, 37]], 8.0),
    "chroma mode": (UVMODE, [[162, 101, 204]], 8.0),
    "subblock mode": (BMODE, [[120, 90, 79, 133, 87, 85, 80, 111, 151]], 10.0),
    "split": (SPLIT, [[110, 111, 150]], 3.0),
    "subblock vector": (SUB_VECTOR, SUB_VECTORS, 20.0),
    "short vector": (SMALL_VECTOR, VECTORS, 10.0),
    # A long component's number of bits, in unary.
    "long vector": (unary_tree(10), BITS_OF_LONG, 5.0),
}


class Batch(NamedTuple):
    """Values of one kind in one frame."""

    model: TreeModel
    values: np.ndarray
    contexts: np.ndarray


def tokens(total: int) -> list[Batch]:
    """About so many values, of which a frame has some of each kind."""
    rng = np.random.default_rng(26)
    models = {name: TreeModel(tree, p) for name, (tree, p, _) in ELEMENTS.items()}
    batches = []
    for _ in range(FRAMES):
        for name, (_, _, share) in ELEMENTS.items():
            model, n = models[name], max(round(total * share / 100 / FRAMES), 1)
            contexts = rng.integers(0, model.num_contexts, n).astype(np.uint8)
            slots = rng.integers(0, 1 << 15, n)
            ends = model.cdf_q15[contexts, 1:]
            batches.append(Batch(model, (ends <= slots[:, np.newaxis]).sum(axis=1).astype(np.uint8), contexts))
    return batches


def encode(encoder: Any, batches: list[Batch]) -> bytes:
    for batch in batches:
        encoder.push(batch.values, batch.model, batch.contexts)
    data: bytes = encoder.finish()
    return data


def decode(decoder: Any, batches: list[Batch]) -> list[np.ndarray]:
    found = [decoder.pop(batch.values.size, batch.model, batch.contexts) for batch in batches]
    decoder.finish()
    return found


def contestants() -> dict[str, tuple[Callable[[], Any], Callable[[bytes], Any]]]:
    """Encoders and decoders by name; the bools first."""
    coders: dict[str, tuple[Callable[[], Any], Callable[[bytes], Any]]] = {"bools": (BoolEncoder, BoolDecoder)}
    for name in ("multiply", "simple", "reduced"):
        coders[f"range coder, {name}"] = (
            lambda name=name: RangeEncoder(partition=name),
            lambda data, name=name: RangeDecoder(data, partition=name),
        )
    for states in (1, 2, 4):
        coders[f"rANS, {states} state{'s' * (states > 1)}"] = (
            lambda states=states: RansEncoder(states),
            lambda data, states=states: RansDecoder(data, states),
        )
    return coders


def draft(args: Namespace) -> dict[str, Any]:
    batches = tokens(min(VALUES, args.symbols))
    values = sum(batch.values.size for batch in batches)
    decisions = sum(batch.model.num_decisions(batch.values) for batch in batches)
    coders = contestants()
    actions: dict[tuple[str, str], Callable[[], object]] = {}
    sizes = {}
    for name, (encoder, decoder) in coders.items():
        data = encode(encoder(), batches)
        sizes[name] = len(data)
        for batch, found in zip(batches, decode(decoder(data), batches), strict=True):
            if (batch.values != found).any():
                raise SystemExit(f"{name}: decoded something else")
        actions[name, "encode"] = lambda encoder=encoder: encode(encoder(), batches)
        actions[name, "decode"] = lambda decoder=decoder, data=data: decode(decoder(data), batches)
    times = medians(actions, args.rounds)
    both = {name: times[name, "encode"] + times[name, "decode"] for name in coders}
    rows = [
        {
            "coder": name,
            "encode ns": times[name, "encode"] / values * 1e9,
            "decode ns": times[name, "decode"] / values * 1e9,
            "bools' time / its": both["bools"] / both[name],
            "bytes": sizes[name],
            "against bools %": 100 * (sizes[name] / sizes["bools"] - 1),
        }
        for name in coders
    ]
    about = f"{values:,} values of {decisions / values:.3f} binary symbols (the draft: 1,019,670 of 2.085)"
    table(f"section 2.6 of the draft, {about}, ns a value; expected at least 1.5 times, the draft's 1.92", rows)
    return {"values": values, "binary symbols a value": decisions / values, "rows": rows}
