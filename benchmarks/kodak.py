"""Rate and distortion of the pure Gaussian codec on a folder of images, beside curves measured elsewhere.

    python benchmarks/kodak.py FOLDER [--images 05 08 ...] [--counts 500 1000 ...] [--effort 5]
                               [--curves NAME FILE KEY]... [--json OUT]

Every figure is of a real file, decoded again. A curve file is JSON with ``images``: name of the image to a list of
[bpp, dB], or to a dict of such lists from which KEY picks one (``-`` if there is none to pick).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
from PIL import Image

import pyggc as gc


def measure(image: np.ndarray, count: int, effort: int) -> dict[str, float]:
    start = time.perf_counter()
    encoder = gc.GaussianEncoder(num_gaussians=count, effort=effort, timestamp=None)
    encoder.fit(image)
    seconds = time.perf_counter() - start
    stream, report = encoder.to_bytes(), encoder.report
    psnr = gc.evaluate.psnr(image, gc.decode(stream))
    return {
        "count": report.num_gaussians,
        "bytes": len(stream),
        "bpp": 8.0 * len(stream) / (image.shape[0] * image.shape[1]),
        "psnr": psnr,
        "float_psnr": report.float_psnr,
        "bits": 8.0 * len(stream) / report.num_gaussians,
        "seconds": seconds,
    }


def curve(path: str, key: str, image: str) -> list[tuple[float, float]]:
    entry = json.loads(Path(path).read_text())["images"][image]
    return [tuple(point) for point in (entry if key == "-" else entry[key])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", nargs="*", default=[], help="parts of the names; all images by default")
    parser.add_argument("--counts", type=int, nargs="+", default=[500, 1000, 2000, 4000])
    parser.add_argument("--effort", type=int, default=5)
    parser.add_argument("--curves", nargs=3, action="append", default=[], metavar=("NAME", "FILE", "KEY"))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()

    results: dict[str, list[dict[str, float]]] = {}
    rates: dict[str, list[float]] = {name: [] for name, _, _ in args.curves}
    for path in sorted(args.folder.iterdir()):
        if args.images and not any(part in path.name for part in args.images):
            continue
        image = np.asarray(Image.open(path))
        points = results[path.name] = [measure(image, count, args.effort) for count in args.counts]
        for p in points:
            print(
                f"{path.name:14} N {p['count']:5.0f}  {p['bpp']:.4f} bpp  {p['psnr']:.2f} dB "
                f"(float {p['float_psnr']:.2f})  {p['bits']:.1f} bits a Gaussian  {p['seconds']:.1f} s",
                flush=True,
            )
        ours = [(p["bpp"], p["psnr"]) for p in points]
        for name, file, key in args.curves:
            rates[name].append(gc.evaluate.bd_rate(curve(file, key, path.name), ours))
            print(f"{path.name:14} BD-rate against {name}: {rates[name][-1]:+.1f} %", flush=True)
    everything = [p for points in results.values() for p in points]
    print(f"mean bits a Gaussian {statistics.mean(p['bits'] for p in everything):.1f}")
    print(f"mean loss of quantization {statistics.mean(p['float_psnr'] - p['psnr'] for p in everything):.2f} dB")
    for name, values in rates.items():
        print(f"mean BD-rate against {name}: {statistics.mean(values):+.1f} %")
    if args.json:
        args.json.write_text(json.dumps({"points": results, "bd_rates": rates}, indent=1))


if __name__ == "__main__":
    main()
