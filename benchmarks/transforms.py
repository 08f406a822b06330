"""The reversible transforms: their speed beside scipy.fft and a plain copy, their operations and errors.

    python benchmarks/transforms.py [--part speed small color facts daala] [--samples 1048576] [--beyond 16000000]
        [--rounds 15] [--threads 1] [--daala DAALA_DCT.npz] [--json OUT]

speed  ns a sample of square blocks, forward with its check of the range and inverse, stacked as (..., N, N) and in an
       image, beside scipy.fft.dctn in float32 on the same blocks and a copy of the same array.
small  the same of transforms of few operations, along one axis or two, beside the copy: of as many samples, and of
       --beyond, which no cache holds.
color  the same of transforms of colors.
facts  operations, mean squared error and range expansion of each size, beside those of the draft.
daala  the greatest differences from the outputs of Daala's transforms: --daala is a file with in4, out4, in8, ...

Times are the least of --rounds rounds in which all take turns, on --threads threads; scipy has as many workers. With
``--json -`` the figures go to the standard output, and the tables to the standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from common import save_json, table

from pyggc.transforms import DCT, RCT, WHT, YCOCG_R, BlockTransform
from pyggc.transforms.flows import FLOWS, Flow, run

try:
    from scipy import fft
except ImportError:
    fft = None

Rows = list[dict[str, Any]]
Key = TypeVar("Key", bound=Hashable)

SIZES = (4, 8, 16, 32)
#: Multiplications, additions, shifts, mean squared error: sections 3.2 and 3.3 of the draft.
DRAFT = {4: (3, 9, 2, 1.230e-6), 8: (15, 31, 5, 1.592e-6), 16: (33, 83, 16, 1.495e-5), 32: (87, 215, 38, 8.006e-5)}


def least(actions: Mapping[Key, Callable[[], object]], rounds: int) -> dict[Key, float]:
    """The least seconds of each action. They take turns, each of which warms up: the others have used the caches."""
    found = dict.fromkeys(actions, math.inf)
    for _ in range(rounds):
        for name, action in actions.items():
            action()
            start = time.perf_counter()
            action()
            found[name] = min(found[name], time.perf_counter() - start)
    return found


def noise(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.random.default_rng(3).integers(-255, 255, shape, endpoint=True).astype(dtype)


def actions_of(x: np.ndarray, forward: Callable[..., Any], inverse: Callable[..., Any]) -> dict[str, Any]:
    """Forward, inverse, and a copy, all into the same array."""
    out, y = np.empty_like(x), forward(x)
    return {
        "forward": lambda: forward(x, out=out),
        "inverse": lambda: inverse(y, out=out),
        "copy": lambda: np.copyto(out, x),
    }


def side_of(samples: int) -> int:
    """That of a square image of about so many samples."""
    return max(32, int(samples**0.5) // 32 * 32)


def nanoseconds(seconds: float, x: np.ndarray) -> float:
    return 1e9 * seconds / x.size


# ------------------------------------------------------------------------------------------------------------- speed


def speed(args: argparse.Namespace) -> Rows:
    rows = []
    side = side_of(args.samples)
    for size in SIZES:
        transform = DCT(size, size)
        for dtype in ("int16", "int32"):
            stacked = noise(((side // size) ** 2, size, size), dtype)
            image = stacked.reshape(side, side)
            floats = stacked.astype(np.float32)
            actions: dict[tuple[str, str], Callable[[], object]] = {}
            for name, x in (("stacked", stacked), ("image", image)):
                found = actions_of(x, bound(transform.forward, args), bound(transform.inverse, args))
                actions |= {(name, what): action for what, action in found.items()}
            if fft is not None:
                actions["scipy", "forward"] = lambda floats=floats: fft.dctn(
                    floats, axes=(1, 2), norm="ortho", workers=args.threads
                )
            seconds = {key: nanoseconds(value, image) for key, value in least(actions, args.rounds).items()}
            scipy = seconds.get(("scipy", "forward"))
            rows.append(
                {
                    "block": f"{size}x{size}",
                    "dtype": dtype,
                    **{
                        f"{name} {what}": seconds[name, what]
                        for name in ("stacked", "image")
                        for what in ("forward", "inverse")
                    },
                    "copy": seconds["image", "copy"],
                    "scipy": scipy,
                    "scipy / stacked forward": scipy and scipy / seconds["stacked", "forward"],
                    "scipy / stacked inverse": scipy and scipy / seconds["stacked", "inverse"],
                }
            )
    table(f"ns a sample, {side} x {side} samples", rows)
    return rows


def bound(method: Callable[..., Any], args: argparse.Namespace, *axes: Any) -> Callable[..., Any]:
    """A method with its threads and axes given."""
    return lambda x, **options: method(x, *axes, threads=args.threads, **options)


def small(args: argparse.Namespace) -> Rows:
    return [row for samples in (args.samples, args.beyond) for row in small_of(side_of(samples), args)]


def small_of(side: int, args: argparse.Namespace) -> Rows:
    rows = []
    for transform in (DCT(4), DCT(4, 4), WHT(4), WHT(2, 2), WHT(4, 4), WHT(8, 8), WHT(16, 16), WHT(32, 32)):
        for axes in (-1, 0) if len(transform.shape) == 1 else ((0, 1),):
            for dtype in ("int16", "int32"):
                x = noise((side, side), dtype)
                actions = actions_of(x, bound(transform.forward, args, axes), bound(transform.inverse, args, axes))
                named = {"transform": repr(transform), "axes": str(axes), "dtype": dtype, "side": side}
                rows.append(named | beside(actions, x, args))
    table(f"ns a sample, {side} x {side} samples", rows)
    return rows


def beside(actions: dict[str, Any], x: np.ndarray, args: argparse.Namespace) -> dict[str, float]:
    """Times, and how many copies they are worth."""
    found = {name: nanoseconds(value, x) for name, value in least(actions, args.rounds).items()}
    return found | {f"{name} / copy": found[name] / found["copy"] for name in ("forward", "inverse")}


def color(args: argparse.Namespace) -> Rows:
    pixels = args.samples // 3
    rows = []
    for transform in (YCOCG_R, RCT):
        for dtype in ("int16", "int32"):
            for name, shape, axis in (("alternate", (pixels, 3), -1), ("planes", (3, pixels), 0)):
                x = noise(shape, dtype)
                actions = actions_of(x, bound(transform.forward, args, axis), bound(transform.inverse, args, axis))
                rows.append(
                    {"transform": repr(transform), "channels": name, "dtype": dtype, **beside(actions, x, args)}
                )
    table("ns a sample", rows)
    return rows


# ------------------------------------------------------------------------------------------------------------- facts


def operations(flow: Flow) -> tuple[int, int, int]:
    """Multiplications, additions and shifts; a half that is used twice, unchanged, is counted once."""
    kinds: Counter[str] = Counter()
    halves = set()
    for step in flow.steps:
        kinds["add"] += 1
        operand = step.operand
        if operand.kind == "lift":
            kinds["lift"] += 1
        elif operand.kind != "value" and operand not in halves:
            halves.add(operand)
            kinds["shift"] += 1
            kinds["add"] += operand.other is not None
        halves = {half for half in halves if not half.reads(step.target)}
    return kinds["lift"], kinds["add"], kinds["shift"]


def true_basis(size: int) -> np.ndarray:
    """The orthonormal DCT of type II."""
    k, j = np.indices((size, size))
    basis = np.sqrt(2 / size) * np.cos((2 * j + 1) * k * np.pi / (2 * size))
    basis[0] /= np.sqrt(2)
    return basis


def squared_error(size: int) -> float:
    """The draft's: impulses of 256, and an autoregressive source with rho = 0.95."""
    basis = np.array(run(FLOWS[f"dct{size}"], list(256 * np.eye(size, dtype=np.int64)))) / 256
    error = true_basis(size) - basis
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    return float(np.trace(error @ 0.95**distance @ error.T)) / size


def facts(_: argparse.Namespace) -> Rows:
    rows = []
    for size in SIZES:
        transform: BlockTransform = DCT(size)
        signs = np.where(true_basis(size) < 0, -256, 255)
        y = DCT(size).forward(np.concatenate([signs, -signs - 1]).astype(np.int32))
        rows.append(
            {
                "points": size,
                "operations": "/".join(map(str, operations(FLOWS[f"dct{size}"]))),
                "draft's": "/".join(map(str, DRAFT[size][:3])),
                "MSE": squared_error(size),
                "draft's MSE": DRAFT[size][3],
                "bits": transform.gain_bits,
                "9 bits become": f"{y.min()} .. {y.max()}",
                "limit int16": DCT(size, size).limit("int16"),
                "limit int32": DCT(size, size).limit("int32"),
            }
        )
    table("multiplications, additions and shifts; limits are of two dimensions", rows)
    return rows


def daala(args: argparse.Namespace) -> Rows:
    if args.daala is None:
        print("left out: no --daala")
        return []
    vectors = np.load(args.daala)
    rows = []
    for size in SIZES:
        x, expected = vectors[f"in{size}"], vectors[f"out{size}"]
        small = np.abs(x).max(axis=1) <= 256
        y = DCT(size).forward(x)
        rows.append(
            {
                "points": size,
                "rows": len(x),
                "difference": int(np.abs(y - expected).max()),
                "rows of 9 bits": int(small.sum()),
                "difference of these": int(np.abs(y - expected)[small].max()),
                "undone": bool((DCT(size).inverse(y) == x).all()),
            }
        )
    table("greatest differences from Daala", rows)
    return rows


PARTS: dict[str, Callable[[argparse.Namespace], Rows]] = {
    "speed": speed,
    "small": small,
    "color": color,
    "facts": facts,
    "daala": daala,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--samples", type=int, default=1 << 20, help="of each array")
    parser.add_argument("--beyond", type=int, default=16_000_000, help="of those of part small that no cache holds")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--daala", type=Path, help="vectors of Daala's transforms (.npz)")
    parser.add_argument("--json", type=Path, help="where to write all figures; - for the standard output")
    args = parser.parse_args()
    if min(args.samples, args.beyond) < 1024 or min(args.rounds, args.threads) < 1:
        parser.error("--samples and --beyond must be at least 1024, --rounds and --threads at least 1")
    with contextlib.redirect_stdout(sys.stderr if args.json == Path("-") else sys.stdout):
        results = {name: PARTS[name](args) for name in args.part}
    save_json(args.json, results)


if __name__ == "__main__":
    main()
