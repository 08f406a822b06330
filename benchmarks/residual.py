"""The residual layer: its speed beside JPEG 2000 and AVIF, what Gaussians under it save, and lossless by it alone.

    python benchmarks/residual.py IMAGES_OR_FOLDER... [--part speed gaussians transform] [--bpp 1] [--effort 5]
        [--quality 32 36 40] [--rounds 15] [--json OUT]

- ``speed``: decoding beside Pillow's JPEG 2000 of the same dB, the whole file and what the residual adds to its
  Gaussians; encoding beside AVIF (aom, speed 4).
- ``gaussians``: bytes of the same dB with and without Gaussians under the transform.
- ``transform``: bits a pixel without loss by the transform alone, tiles of 512, beside the best mode of each tile.

Every figure is of real bytes, decoded again; times are medians of interleaved runs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from common import Pixels, available, bpp, find_images, loaded, medians, parser_of, save_json, table

import pyggc as gc
from pyggc.residual.transform import encode_exact_tile

TILE = 512


def encoded(pixels: Pixels, effort: int, **goal: Any) -> tuple[bytes, float, float]:
    """A file, its dB and the seconds it took."""
    start = time.perf_counter()
    stream = gc.encode(pixels, effort=effort, timestamp=None, **goal)
    seconds = time.perf_counter() - start
    return stream, gc.evaluate.psnr(pixels, gc.decode(stream)), seconds


def speed(pixels: Pixels, args: Any) -> dict[str, Any]:
    stream, psnr, seconds = encoded(pixels, args.effort, bpp=args.bpp)
    row: dict[str, Any] = {"bpp": bpp(stream, pixels), "dB": psnr, "encode s": seconds}
    actions: dict[str, Callable[[], object]] = {
        "decode": lambda: gc.decode(stream),
        "one thread": lambda: gc.decode(stream, threads=1),
        "Gaussians": lambda: gc.decode(stream, layers="gaussian"),
    }
    peers = available(["jpeg2000", "avif"])
    if "jpeg2000" in peers:
        _, other, row["JPEG 2000 dB"] = peers["jpeg2000"].nearest(pixels, psnr)
        row["JPEG 2000 bpp"] = bpp(other, pixels)
        actions["JPEG 2000"] = lambda: peers["jpeg2000"].decode(other)
    found = medians(actions, args.rounds)
    row |= {f"{name} ms": 1e3 * taken for name, taken in found.items()}
    if "JPEG 2000" in found:
        row["ratio"] = found["decode"] / found["JPEG 2000"]
        row["residual ratio"] = (found["decode"] - found["Gaussians"]) / found["JPEG 2000"]
    if "avif" in peers:
        level, _, _ = peers["avif"].nearest(pixels, psnr)
        times = [timed(lambda: peers["avif"].encode(pixels, level)) for _ in range(3)]
        row["AVIF encode s"] = statistics.median(times)
        row["encode ratio"] = seconds / row["AVIF encode s"]
    return row


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def gaussians(pixels: Pixels, args: Any) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for quality in args.quality:
        both, alone = (
            encoded(pixels, args.effort, quality=quality, layers=layers)[0] for layers in ("auto", "residual")
        )
        row[f"{quality:g} dB, bytes"] = len(both)
        row[f"{quality:g} dB, saved %"] = 100.0 * (1.0 - len(both) / len(alone))
    return row


def transform(pixels: Pixels, args: Any) -> dict[str, Any]:
    samples = pixels.reshape(*pixels.shape[:2], -1)
    gray = np.full(samples.shape, 0x8080, np.uint16)
    places = [
        np.s_[y : y + TILE, x : x + TILE]
        for y in range(0, samples.shape[0], TILE)
        for x in range(0, samples.shape[1], TILE)
    ]
    size = sum(len(encode_exact_tile(samples[place], gray[place])[0]) for place in places)
    stream, _, _ = encoded(pixels, args.effort, lossless=True)
    number = pixels.shape[0] * pixels.shape[1]
    return {"transform bpp": 8.0 * size / number, "best of each tile bpp": bpp(stream, pixels)}


PARTS = {"speed": speed, "gaussians": gaussians, "transform": transform}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--bpp", type=float, default=1.0)
    parser.add_argument("--effort", type=int, default=5)
    parser.add_argument("--quality", type=float, nargs="+", default=[32.0, 36.0, 40.0])
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    results: dict[str, dict[str, dict[str, Any]]] = {part: {} for part in args.part}
    for name, pixels in loaded(find_images(args.images, args.only)):
        for part in args.part:
            results[part][name] = PARTS[part](pixels, args)
    for part, rows in results.items():
        table(part, [{"image": name, **row} for name, row in rows.items()])
        columns = next(iter(rows.values()))
        table("mean", [{column: statistics.mean(row[column] for row in rows.values()) for column in columns}])
    save_json(args.json, results)


if __name__ == "__main__":
    main()
