"""Speed and memory: encode, decode and render, each beside a peer in the same run, and how the cost grows.

    python benchmarks/speed.py IMAGE [--part encode decode render scale memory] [--rounds 9] [--json OUT] [--plot OUT]

Times are medians of interleaved turns; compare ratios, not seconds.

encode  to --quality dB at --efforts, beside AVIF (aom, speed 4) at the level whose PSNR is nearest.
decode  bytes to uint8 of a file with --count Gaussians, beside JPEG 2000, WebP and AVIF at the nearest PSNR.
render  the exact renderer beside the counted floor (floor.c says what is counted), and the fit's passes, one thread.
scale   seconds against Gaussians, pixels and threads; --plot draws them.
memory  peak of a child process that encodes or decodes an image of --megapixels, mirrored copies of this one.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import THREADS, Pixels, as_floats, available, enlarged, load, medians, parser_of, save_json, table

import pyggc as gc
from pyggc.fit import Fitter
from pyggc.render import rasterize

HERE = Path(__file__).parent
#: Operations of floor.c an iteration: those of the weight, and those of each channel.
WEIGHT_OPERATIONS, CHANNEL_OPERATIONS = 17, 5
FLOOR_LANES = 8
#: Vector operations a cycle, where nothing can be compiled: what a core of three vector ports does at best.
PORTS = 3.0
Rows = list[dict[str, Any]]


def encoded(pixels: Pixels, effort: int, **goal: float) -> tuple[bytes, float]:
    encoder = gc.GaussianEncoder(**goal, effort=effort, timestamp=None, threads=THREADS)
    encoder.fit(pixels)
    return encoder.to_bytes(), encoder.report.psnr


def beside(seconds: dict[str, float], rows: Rows, anchor: str) -> Rows:
    """The rows with their seconds, and these as multiples of the anchor's."""
    return [
        row | {"ms": 1e3 * seconds[row["codec"]], f"of {anchor}'s": seconds[row["codec"]] / seconds[anchor]}
        for row in rows
    ]


def encode(pixels: Pixels, args: Any) -> Rows:
    rows: Rows = []
    actions: dict[str, Callable[[], object]] = {}
    for effort in args.efforts:
        stream, psnr = encoded(pixels, effort, quality=args.quality)
        rows.append({"codec": f"pyggc, effort {effort}", "bytes": len(stream), "dB": psnr})
        actions[rows[-1]["codec"]] = lambda effort=effort: encoded(pixels, effort, quality=args.quality)
    anchor = rows[0]["codec"]
    for name, peer in available(["avif"]).items():
        level, stream, psnr = peer.nearest(pixels, args.quality)
        rows.append({"codec": name, "bytes": len(stream), "dB": psnr})
        actions[name] = lambda peer=peer, level=level: peer.encode(pixels, level)
        anchor = name
    rows = beside(medians(actions, args.rounds), rows, anchor)
    table(f"encode to {args.quality:g} dB, {THREADS} threads", rows)
    return rows


def decode(pixels: Pixels, args: Any) -> Rows:
    stream, psnr = encoded(pixels, args.effort, num_gaussians=args.count)
    rows: Rows = [{"codec": "pyggc", "bytes": len(stream), "dB": psnr}]
    actions: dict[str, Callable[[], object]] = {"pyggc": lambda: gc.decode(stream, threads=THREADS)}
    anchor = "pyggc"
    for name, peer in available(["jpeg2000", "webp", "avif"]).items():
        _, theirs, their_psnr = peer.nearest(pixels, psnr)
        rows.append({"codec": name, "bytes": len(theirs), "dB": their_psnr})
        actions[name] = lambda peer=peer, theirs=theirs: peer.decode(theirs)
        anchor = "jpeg2000" if name == "jpeg2000" else anchor
    rows = beside(medians(actions, 3 * args.rounds), rows, anchor)
    table(f"decode {args.count} Gaussians to uint8, {THREADS} threads", rows)
    return rows


# -------------------------------------------------------------------------------------------------------------- render


def fitted(pixels: Pixels, count: int, iterations: int, threads: int = 1) -> Fitter:
    fitter = Fitter(as_floats(pixels), threads=threads)
    fitter.initialize(count)
    fitter.run(iterations)
    return fitter


def covered_pixels(gaussians: gc.Gaussians2D) -> int:
    """Pixels within three standard deviations, of all Gaussians together: what a renderer without waste evaluates."""
    total = 0
    assert gaussians.width is not None
    assert gaussians.height is not None
    for (mx, my), (l1, l2, l3) in zip(gaussians.means.astype(float), gaussians.cholesky.astype(float), strict=True):
        half = 3.0 * l1, 3.0 * float(np.hypot(l2, l3))
        x = np.arange(max(0, int(mx - half[0])), min(gaussians.width, int(mx + half[0]) + 2))
        y = np.arange(max(0, int(my - half[1])), min(gaussians.height, int(my + half[1]) + 2))
        u = (x - mx) / l1
        total += int(np.count_nonzero(u * u + ((y[:, None] - my - l3 * u) / l2) ** 2 < 9.0))
    return total


def passes_of(fitter: Fitter) -> dict[str, Callable[[], object]]:
    """What is timed of a fit: the exact render, and the two passes of an iteration."""
    gaussians, objective, threads = fitter.gaussians, fitter._objective, fitter._objective.threads or None
    kernels, params, width = objective.kernels, objective.to_params(gaussians), objective.width
    residual = objective.planes(objective.channels)
    return {
        "exact render": lambda: rasterize(gaussians, threads=threads),
        "forward": lambda: kernels.forward(params, objective.target, residual, width, threads or 0),
        "backward": lambda: kernels.backward(params, residual, width, threads or 0),
    }


class Floor:
    """The counted floor in nanoseconds a pixel: measured by floor.c, or else a model of the processor's ports."""

    def __init__(self, channels: int, folder: Path) -> None:
        self.operations = WEIGHT_OPERATIONS + CHANNEL_OPERATIONS * channels
        self.values: list[float] = []
        self.program: Path | None = None
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        if compiler and gc.build_info()["simd"] in {"avx2", "avx512"}:
            program = folder / "floor"
            command = [compiler, "-O2", "-mavx2", f"-DCHANNELS={channels}", str(HERE / "floor.c"), "-o", str(program)]
            if subprocess.run(command, check=False, capture_output=True).returncode == 0:
                self.program = program
        self.kind = "measured by floor.c" if self.program else f"model: {PORTS:g} operations a cycle at {_ghz():g} GHz"

    def __call__(self) -> None:
        """Measure once more."""
        if self.program:
            printed = subprocess.run([str(self.program)], check=True, capture_output=True, text=True).stdout
            self.values.append(float(printed) / FLOOR_LANES)

    @property
    def ns(self) -> float:
        """The median so far."""
        return statistics.median(self.values) if self.values else self.operations / PORTS / FLOOR_LANES / _ghz()


def _ghz() -> float:
    """The processor's clock as the system tells it, or what is usual."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    told = [float(line.split(":")[1]) / 1e3 for line in lines if line.startswith("cpu MHz")]
    return max(told, default=3.0)


def render(pixels: Pixels, args: Any) -> dict[str, Any]:
    fitter = fitted(pixels, args.count, args.iterations)
    covered = covered_pixels(fitter.gaussians)
    with tempfile.TemporaryDirectory() as folder:
        floor = Floor(pixels.shape[2], Path(folder))
        actions = passes_of(fitter) | {
            "iteration": lambda: [fitter.run(1, relocate=False) for _ in range(5)],
            "floor": floor,
        }
        seconds = medians(actions, args.rounds)
        per_pixel = {name: 1e9 * value / covered for name, value in seconds.items()}
        per_pixel["iteration"] /= 5.0
        per_pixel["floor"] = floor.ns
    rows = [
        {
            "pass": name,
            "ms": 1e-6 * value * covered,
            "ns a covered pixel": value,
            "floors": value / floor.ns,
            "renders": value / per_pixel["exact render"],
        }
        for name, value in per_pixel.items()
    ]
    table(
        f"{args.count} Gaussians, {covered / 1e6:.2f} million covered pixels, one thread, {gc.build_info()['simd']}; "
        f"floor: {floor.operations} vector operations for {FLOOR_LANES} pixels, {floor.kind}",
        rows,
    )
    return {"covered": covered, "operations": floor.operations, "floor": floor.kind, "rows": rows}


def scale(pixels: Pixels, args: Any) -> dict[str, Rows]:
    """Gaussians, pixels and threads, one of them at a time; all cases take turns."""
    megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
    counts = [max(1, args.count * factor // 4) for factor in (1, 2, 4, 8)]
    cases = [("N", count, pixels, count, 1) for count in counts]
    for size in (0.25 * megapixels, megapixels, 4.0 * megapixels):
        cases.append(("megapixels", size, enlarged(pixels, size), args.count, 1))
    cases += [("threads", threads, pixels, args.count, threads) for threads in range(1, (os.cpu_count() or 1) + 1)]

    actions: dict[tuple[str, float, str], Callable[[], object]] = {}
    for axis, value, image, count, threads in cases:
        for name, action in passes_of(fitted(image, count, args.iterations, threads)).items():
            actions[axis, value, name] = action
    seconds = medians(actions, args.rounds)
    results: dict[str, Rows] = {}
    for axis, value, *_ in cases:
        row = {f"{name}, ms": 1e3 * of for (a, v, name), of in seconds.items() if (a, v) == (axis, value)}
        results.setdefault(axis, []).append({axis: value, **row})
    for axis, rows in results.items():
        table(f"against {axis}", rows)
    return results


def draw(results: dict[str, Rows], path: Path) -> None:
    """The curves of `scale`, one panel for each axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.0), layout="constrained")
    for axes, (axis, rows) in zip(figure.subplots(1, len(results)), results.items(), strict=True):
        for name in list(rows[0])[1:]:
            axes.plot([row[axis] for row in rows], [row[name] for row in rows], "o-", label=name.removesuffix(", ms"))
        axes.set(xlabel=axis, ylabel="ms", ylim=(0.0, None), xticks=[row[axis] for row in rows])
        axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


# -------------------------------------------------------------------------------------------------------------- memory


def peak_mb() -> float:
    """The most memory this process has had. Linux's own figure, as getrusage's includes the parent's from the fork."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def child(action: str, image: Path, file: Path, megapixels: float, effort: int, quality: float) -> None:
    """Encode or decode, and print seconds, peak and size. The peak includes Python, the libraries and the image."""
    limits = gc.Limits(max_pixels=2**30, max_image_bytes=2**34, max_render_work=2**50)
    pixels = enlarged(load(image), megapixels) if action == "encode" else None
    before = peak_mb()
    start = time.perf_counter()
    if pixels is not None:
        file.write_bytes(encoded(pixels, effort, quality=quality)[0])
    else:
        gc.decode(file.read_bytes(), limits=limits, threads=THREADS)
    seconds = time.perf_counter() - start
    print(json.dumps({"s": seconds, "peak MB": peak_mb(), "MB before": before, "bytes": file.stat().st_size}))


def memory(image: Path, args: Any) -> Rows:
    rows: Rows = []
    with tempfile.TemporaryDirectory() as folder:
        for megapixels in args.megapixels:
            file = Path(folder, "image.ggc")
            for action in ("encode", "decode"):
                values = [action, image, file, megapixels, args.memory_effort, args.memory_quality]
                command = [sys.executable, __file__, "--child", *map(str, values)]
                done = subprocess.run(command, check=False, capture_output=True, text=True)
                row: dict[str, Any] = {"megapixels": megapixels, "action": action}
                failed = {"s": None, "peak MB": None, "MB before": None, "bytes": None}
                row |= json.loads(done.stdout) if done.returncode == 0 else failed
                rows.append(row)
                if done.returncode:
                    print(done.stderr, file=sys.stderr)
                    break
    table(f"memory, effort {args.memory_effort}, {args.memory_quality:g} dB", rows)
    return rows


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        action, image, file, megapixels, effort, quality = sys.argv[2:]
        child(action, Path(image), Path(file), float(megapixels), int(effort), float(quality))
        return
    parts: dict[str, Callable[..., Any]] = {"encode": encode, "decode": decode, "render": render, "scale": scale}
    parser = parser_of(__doc__, "?")
    parser.add_argument("--part", nargs="+", choices=[*parts, "memory"], default=[*parts, "memory"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quality", type=float, default=30.0, help="of encode")
    parser.add_argument("--efforts", type=int, nargs="+", default=[1, 5], help="of encode")
    parser.add_argument("--effort", type=int, default=5, help="of the file that is decoded")
    parser.add_argument("--count", type=int, default=4000, help="Gaussians, of decode, render and scale")
    parser.add_argument("--iterations", type=int, default=60, help="of the fit that is rendered")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[24.0, 100.0], help="of memory")
    parser.add_argument("--memory-effort", type=int, default=1)
    parser.add_argument("--memory-quality", type=float, default=30.0)
    parser.add_argument("--plot", type=Path, help="picture of scale; needs matplotlib")
    args = parser.parse_args()
    pixels = load(args.images)
    results = {name: parts[name](pixels, args) for name in parts if name in args.part}
    if "memory" in args.part:
        results["memory"] = memory(args.images, args)
    if args.plot and "scale" in results:
        draw(results["scale"], args.plot)
    save_json(args.json, results)


if __name__ == "__main__":
    main()
