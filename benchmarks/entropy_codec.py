"""The share of entropy decoding in the decoding of a file; a part of entropy.py."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from common import load, table

import pyggc as gc
from pyggc.container import compact, read_container
from pyggc.entropy import RansDecoder

Result = TypeVar("Result")


class Watch:
    """Seconds spent in the functions that it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def over(self, function: Callable[..., Result]) -> Callable[..., Result]:
        """Return the function, watched."""

        def timed(*args: Any, **kwargs: Any) -> Result:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - start

        return timed


def codec(args: Namespace) -> dict[str, Any]:
    """Medians of decoding the file, of reading its integers, and of the calls to coders in the latter."""
    if args.image is None:
        print("left out: codec: no --image given")
        return {}
    data = gc.encode(load(args.image), num_gaussians=args.count, effort=1)
    container, watch = read_container(data, gc.Limits()), Watch()

    class Timed(RansDecoder):
        __slots__ = ()
        pop_integers = watch.over(RansDecoder.pop_integers)
        pop_bits = watch.over(RansDecoder.pop_bits)
        finish = watch.over(RansDecoder.finish)

    plain = compact.RansDecoder, compact.pop_points
    times: dict[str, list[float]] = {"decode": [], "integers": [], "entropy": []}
    for _ in range(10 * args.rounds):
        start = time.perf_counter()
        gc.decode(data)
        times["decode"].append(time.perf_counter() - start)
        start = time.perf_counter()
        compact.read_levels(container)
        times["integers"].append(time.perf_counter() - start)
        watch.seconds = 0.0
        compact.RansDecoder, compact.pop_points = Timed, watch.over(plain[1])  # type: ignore[misc]
        compact.read_levels(container, threads=1)
        compact.RansDecoder, compact.pop_points = plain  # type: ignore[misc]
        times["entropy"].append(watch.seconds)
    found = {name: float(np.median(each)) * 1e3 for name, each in times.items()}
    row = {f"{name} ms": value for name, value in found.items()} | {
        "share of entropy decoding": found["entropy"] / found["decode"],
        "target": "< 0.1",
    }
    table(f"{args.image.name}, {container.header.num_gaussians} Gaussians, {len(data)} bytes", [row])
    return row
