"""The fit: decibels against iterations and seconds, the ways to start it, and what each effort gives.

    python benchmarks/fit.py IMAGES_OR_FOLDER... [--part optimizers inits target files efforts] [--count 3000]
        [--marks 60 200 500] [--quality 30] [--json OUT]

optimizers  decibels at --marks iterations: Adam, and the natural gradient with and without relocation.
inits       the same for each of the four initializations, with the natural gradient and relocation.
target      seconds until the float fit has --quality dB, for each initialization and optimizer, and how many times
            faster than from random: the table of the framework's section 4.3.
files       bytes of a file of --quality dB for each initialization.
efforts     time, size and decibels for each of --efforts, for --quality or with --efforts-count Gaussians, and how many
            fits diverged: no better than the image's mean color.

Seconds include the initialization. Each mark is a run of its own: how relocation ends depends on a run's length. An
initialization whose library is missing is left out.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from common import Pixels, as_floats, find_images, loaded, parser_of, save_json, table

import pyggc as gc
from pyggc.fit import FitProgress, Fitter
from pyggc.fit.initialize import INITIALIZERS
from pyggc.rate import budget

Rows = list[dict[str, Any]]
Images = list[tuple[str, Pixels]]

#: Optimizer and whether Gaussians are relocated. Adam never does.
CONTESTANTS = {"natural, relocation": ("natural", True), "natural": ("natural", False), "Adam": ("adam", False)}


def initializations() -> list[str]:
    """All that can run here."""
    names = []
    for name in INITIALIZERS:
        try:
            Fitter(np.zeros((8, 8))).initialize(2, name)
            names.append(name)
        except ImportError as error:
            print(f"left out: {error}")
    # The first is what the others are compared with.
    return sorted(names, key=lambda name: name != "random")


def run(
    pixels: Pixels, args: Any, init: str, contestant: str, iterations: int, enough: float = math.inf
) -> dict[str, float | None]:
    """One fit; with `enough` decibels it ends, and `seconds` is then when it had them."""
    optimizer, relocate = CONTESTANTS[contestant]
    start = time.perf_counter()
    fitter = Fitter(as_floats(pixels), optimizer=optimizer, threads=args.threads)
    fitter.initialize(args.count, init, max_iterations=iterations)

    def callback(progress: FitProgress) -> bool:
        return progress.psnr >= enough

    stopped = fitter.run(
        iterations - fitter.iterations,
        relocate=relocate,
        callback=callback,
        max_time_seconds=None if math.isinf(enough) else args.cap,
    )
    seconds = time.perf_counter() - start
    return {"dB": fitter.psnr, "seconds": seconds, "iterations": fitter.iterations, "reached": stopped == "callback"}


def marks(images: Images, args: Any, cases: dict[str, tuple[str, str]]) -> Iterator[tuple[str, Rows]]:
    """A table an image: for each case, of an initialization and a contestant, decibels and seconds at each mark."""
    for name, pixels in images:
        rows: Rows = []
        for case, (init, contestant) in cases.items():
            row: dict[str, Any] = {"": case}
            for mark in args.marks:
                found = run(pixels, args, init, contestant, mark)
                row |= {f"{mark}: dB": found["dB"], f"{mark}: s": found["seconds"]}
            rows.append(row)
        table(f"{name}, {args.count} Gaussians, iterations", rows)
        yield name, rows


def optimizers(images: Images, args: Any) -> dict[str, Rows]:
    return dict(marks(images, args, {name: (args.init, name) for name in CONTESTANTS}))


def inits(images: Images, args: Any) -> dict[str, Rows]:
    return dict(marks(images, args, {name: (name, "natural, relocation") for name in initializations()}))


def target(images: Images, args: Any) -> dict[str, Rows]:
    results: dict[str, Rows] = {}
    for name, pixels in images:
        rows = results[name] = []
        for contestant in ("natural, relocation", "Adam"):
            base: float | None = None
            for init in initializations():
                found = run(pixels, args, init, contestant, args.most_iterations, args.quality)
                seconds = found["seconds"] if found["reached"] else None
                base = seconds if init == "random" else base
                rows.append(
                    {
                        "optimizer": contestant,
                        "initialization": init,
                        "seconds": seconds,
                        "iterations": found["iterations"] if found["reached"] else None,
                        "times faster": base / seconds if base and seconds else None,
                        "dB at the end": found["dB"],
                    }
                )
        table(f"{name}, {args.count} Gaussians: time to {args.quality:g} dB", rows)
    return results


def files(images: Images, args: Any) -> Rows:
    rows: Rows = []
    usual = budget.INITIALIZATION
    for name, pixels in images:
        row: dict[str, Any] = {"image": name}
        for init in initializations():
            # No argument of the encoder: a user gains nothing from the others.
            budget.INITIALIZATION = init
            report = encoded(pixels, args, {"quality": args.quality}, 5)
            row |= {f"{init}: bytes": report.num_bytes, f"{init}: s": report.seconds}
        rows.append(row)
    budget.INITIALIZATION = usual
    table(f"files of {args.quality:g} dB, default effort", rows)
    return rows


def encoded(pixels: Pixels, args: Any, goal: dict[str, Any], effort: int) -> gc.EncodeReport:
    encoder = gc.GaussianEncoder(**goal, effort=effort, threads=args.threads, timestamp=None)
    encoder.fit(pixels)
    return encoder.report


def efforts(images: Images, args: Any) -> dict[str, Rows]:
    goal = {"num_gaussians": args.efforts_count} if args.efforts_count else {"quality": args.quality}
    rows: Rows = []
    for effort in args.efforts:
        for name, pixels in images:
            report = encoded(pixels, args, goal, effort)
            mean = np.broadcast_to(pixels.mean(axis=(0, 1)).round().astype(np.uint8), pixels.shape)
            diverged = not report.psnr > gc.evaluate.psnr(pixels, mean)
            rows.append({"image": name, "effort": effort, "diverged": diverged, **vars(report)})
    summary: Rows = []
    for effort in args.efforts:
        mine = [row for row in rows if row["effort"] == effort]
        summary.append(
            {
                "effort": effort,
                "dB": statistics.mean(row["psnr"] for row in mine),
                "bpp": statistics.mean(row["bpp"] for row in mine),
                "median s": statistics.median(row["seconds"] for row in mine),
                "diverged": sum(row["diverged"] for row in mine),
                "fell short": sum(not row["reached"] for row in mine),
            }
        )
    table(f"efforts, {len(images)} images, means", summary)
    return {"summary": summary, "rows": rows}


def main() -> None:
    parts: dict[str, Callable[[Images, Any], Any]] = {
        "optimizers": optimizers,
        "inits": inits,
        "target": target,
        "files": files,
        "efforts": efforts,
    }
    parser = parser_of(__doc__)
    parser.add_argument("--part", nargs="+", choices=list(parts), default=["optimizers", "inits", "target", "files"])
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--marks", type=int, nargs="+", default=[60, 200, 500], help="iterations")
    parser.add_argument("--init", default="content", help="of the optimizers' table")
    parser.add_argument("--quality", type=float, default=30.0)
    parser.add_argument("--most-iterations", type=int, default=3000, help="until --quality is given up")
    parser.add_argument("--cap", type=float, default=120.0, help="seconds until --quality is given up")
    parser.add_argument("--efforts", type=int, nargs="+", default=list(range(1, 10)))
    parser.add_argument("--efforts-count", type=int)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    images = list(loaded(find_images(args.images, args.only)))
    results = {name: parts[name](images, args) for name in args.part}
    save_json(args.json, results)
    if any(row["diverged"] for row in results.get("efforts", {}).get("rows", [])):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
