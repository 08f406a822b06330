"""Rate and distortion: our curve beside other codecs', Bjøntegaard rates, and a plot.

    python benchmarks/rd.py IMAGES_OR_FOLDER... [--bpp 0.1 0.25 0.5 1 1.8] [--layers auto] [--counts N...] [--effort 5]
        [--peers jpeg,jpeg2000,webp,avif,jxl] [--points 10] [--peers-json FILE KEY]... [--most-bpp 2]
        [--plot OUT.png] [--json OUT]

With ``--counts`` the curve is that of files with so many Gaussians and nothing else.

Every figure is of a real file, decoded again. Curves that were made before come from a JSON file with ``images``: the
name of an image to a list of [bits a pixel, dB], or to a dict of such lists from which KEY picks one; for a list, KEY
is the curve's name. GaussianImage's published points come that way. ``--peers ""`` measures no peer.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common import Pixels, available, bpp, find_images, loaded, parser_of, save_json, table

import pyggc as gc

OURS = "pyggc"
Curve = list[tuple[float, float]]


def measure(pixels: Pixels, effort: int, **goal: Any) -> dict[str, float]:
    start = time.perf_counter()
    encoder = gc.GaussianEncoder(**goal, effort=effort, timestamp=None)
    encoder.fit(pixels)
    seconds = time.perf_counter() - start
    stream, report = encoder.to_bytes(), encoder.report
    decoded = gc.decode(stream)
    return {
        "N": report.num_gaussians,
        "bytes": len(stream),
        "bpp": bpp(stream, pixels),
        "dB": gc.evaluate.psnr(pixels, decoded),
        "float dB": report.float_psnr,
        "SSIM": report.ssim,
        "Gaussian bytes": report.gaussian_bytes,
        "bits": 8.0 * report.gaussian_bytes / max(report.num_gaussians, 1),
        "seconds": seconds,
    }


def stored_curves(given: list[list[str]], most_bpp: float) -> dict[str, dict[str, Curve]]:
    """Name of a curve to images to points, up to so many bits a pixel."""
    curves: dict[str, dict[str, Curve]] = {}
    for file, key in given:
        images = json.loads(Path(file).read_text())["images"]
        found = {name: entry if isinstance(entry, list) else entry.get(key) for name, entry in images.items()}
        curves[key] = {
            name: [(rate, psnr) for rate, psnr in points if rate <= most_bpp]
            for name, points in found.items()
            if points
        }
        if not curves[key]:
            raise SystemExit(f"{file} has no curve {key!r}")
    return curves


def bd_rates(ours: Curve, others: Mapping[str, Curve]) -> dict[str, float | None]:
    """Against each other codec; None where no decibel value is common to both."""
    rates: dict[str, float | None] = {}
    for name, curve in others.items():
        try:
            rates[name] = gc.evaluate.bd_rate(curve, ours)
        except ValueError:
            rates[name] = None
    return rates


def plot(curves: Mapping[str, Mapping[str, Curve]], out: Path) -> None:
    """One axes for each image."""
    try:
        import matplotlib
    except ImportError:
        print("left out: the plot: matplotlib is not installed")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    columns = min(4, len(curves))
    rows = -(-len(curves) // columns)
    figure, grid = pyplot.subplots(rows, columns, figsize=(5 * columns, 4 * rows), squeeze=False, layout="constrained")
    for axes in grid.flat[len(curves) :]:
        axes.remove()
    for axes, (image, by_name) in zip(grid.flat, curves.items(), strict=False):
        for name, curve in by_name.items():
            rate, psnr = zip(*sorted(curve), strict=True)
            axes.plot(rate, psnr, marker=".", linewidth=2 if name == OURS else 1, label=name)
        # The others' curves go on far beyond ours.
        axes.set_xlim(0.0, 1.6 * max(rate for rate, _ in by_name[OURS]))
        low, high = (f(psnr for _, psnr in by_name[OURS]) for f in (min, max))
        axes.set_ylim(low - 2.0, high + 2.0)
        axes.set(title=image, xlabel="bits a pixel", ylabel="PSNR (dB)")
        axes.grid(visible=True, alpha=0.3)
    grid[0, 0].legend()
    figure.savefig(out, dpi=120)
    pyplot.close(figure)
    print(f"\nplot: {out}")


def means(rates: Mapping[str, Mapping[str, float | None]]) -> dict[str, float | None]:
    by_name: dict[str, list[float]] = {}
    for of_image in rates.values():
        for name, rate in of_image.items():
            by_name.setdefault(name, []).extend([] if rate is None else [rate])
    return {name: statistics.mean(values) if values else None for name, values in by_name.items()}


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--bpp", type=float, nargs="+", default=[0.1, 0.25, 0.5, 1.0, 1.8])
    parser.add_argument("--layers", choices=("auto", "gaussian", "residual"), default="auto")
    parser.add_argument("--counts", type=int, nargs="+", help="of Gaussians, instead of --bpp")
    parser.add_argument("--effort", type=int, default=5)
    parser.add_argument("--peers", default="jpeg,jpeg2000,webp,avif,jxl", help="separated by commas")
    parser.add_argument("--points", type=int, default=10, help="of each peer's curve")
    parser.add_argument("--peers-json", nargs=2, action="append", default=[], metavar=("FILE", "KEY"))
    parser.add_argument("--most-bpp", type=float, default=2.0, help="of the others' curves")
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    peers = available([name for name in args.peers.split(",") if name])
    stored = stored_curves(args.peers_json, args.most_bpp)
    goals: list[dict[str, Any]] = [{"bpp": rate, "layers": args.layers} for rate in args.bpp]
    if args.counts:
        goals = [{"num_gaussians": count} for count in args.counts]

    points: dict[str, list[dict[str, float]]] = {}
    curves: dict[str, dict[str, Curve]] = {}
    rates: dict[str, dict[str, float | None]] = {}
    for name, pixels in loaded(find_images(args.images, args.only)):
        points[name] = [measure(pixels, args.effort, **goal) for goal in goals]
        others = {
            peer.title: [point for point in peer.curve(pixels, args.points) if point[0] <= args.most_bpp]
            for peer in peers.values()
        }
        others |= {key: by_image[name] for key, by_image in stored.items() if name in by_image}
        ours = [(point["bpp"], point["dB"]) for point in points[name]]
        curves[name] = {OURS: ours} | others
        rates[name] = bd_rates(ours, others)
        table(name, points[name])
        table("BD-rate, %", [rates[name]])

    everything = [point for of_image in points.values() for point in of_image]
    loss = statistics.mean(point["float dB"] - point["dB"] for point in everything)
    bits = statistics.mean(point["bits"] for point in everything)
    seconds = statistics.median(point["seconds"] for point in everything)
    print(f"\nmean bits a Gaussian {bits:.1f}, loss of quantization {loss:.2f} dB; median time {seconds:.1f} s")
    table(f"BD-rate, %, mean of {len(rates)} images", [means(rates)])
    results: dict[str, Any] = {"points": points, "curves": curves, "bd_rates": rates, "mean_bd_rates": means(rates)}
    save_json(args.json, results)
    if args.plot:
        plot(curves, args.plot)


if __name__ == "__main__":
    main()
