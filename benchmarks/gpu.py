"""The GPU: drawing and fitting, beside the floors that their operations and bytes set, and beside PyTorch.

    python benchmarks/gpu.py [IMAGES_OR_FOLDER...] [--part parity render tiles iteration quality batch memory encode]
        [--rounds 50] [--counts 1000 5000 20000] [--iterations 200] [--json OUT]

Without a CUDA device it says so and ends. Times are medians of CUDA events around each turn, in milliseconds; what is
replayed is a CUDA graph. Scenes are of random Gaussians that cover an image about as a fit's do.

parity     the exact renderer's pixels on both devices, of several sizes and types: equal, or the benchmark fails.
render     a frame against Gaussians, size and supersampling, replayed and launched anew, beside PyTorch's.
tiles      the same of one scene, with other tiles.
iteration  a step of the fit, replayed, beside PyTorch's forward and backward pass (without any update).
quality    seconds to 30 dB from an array in memory, for every initialization, and the CPU's.
batch      images a second, fitted one by one and together.
encode     seconds of whole files at 30 dB, on both devices.
memory     device memory that a fit of 10,000 Gaussians on 1000 x 1000 pixels takes beyond CuPy's context.

The floors count the operations that each covered pixel cannot do without (as floor.c does for the CPU) at one a lane
and cycle, and the bytes that must go from or to the device's memory at its full bandwidth; the larger one is shown.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
from common import as_floats, find_images, load, parser_of, save_json, table

import pyggc as gc
from pyggc.backends import DeviceError, get_backend
from pyggc.fit import Fitter
from pyggc.render import rasterize

try:
    import cupy
except ImportError:
    cupy = None
try:
    import torch
    import torch_gaussians
except ImportError:
    torch = None

Rows = list[dict[str, Any]]
Work = Callable[[], object]

#: Operations of a covered pixel, and of each of its channels: those of floor.c that are arithmetic.
WEIGHT_OPERATIONS, CHANNEL_OPERATIONS = 16, 4
#: Those of a covered pixel with three channels in a loss and in a gradient of the fit, and losses an iteration:
#: docs/maths_fit.rst counts them.
LOSS_OPERATIONS, GRADIENT_OPERATIONS, LOSSES = 21, 36, 1.2
LANES = 128
FLOATS = 8  # of a Gaussian with three channels
INITIALIZATIONS = ("random", "superpixel", "multiscale", "content")
GOAL = 30.0
SIZES = ((768, 512, 1), (1000, 1000, 1), (1024, 1024, 2), (3840, 2160, 1))
#: Gaussians, width and height of the scene of `tiles`, and of the fit of `memory`.
TILES_SCENE, MEMORY_SCENE = (5000, 1000, 1000), (10000, 1000, 1000)
#: Gaussians and iterations of `batch`, and its numbers of images.
BATCH, TOGETHER = (2000, 100), (1, 4, 16)


# --------------------------------------------------------------------------------------------------------- the device


def describe() -> dict[str, Any]:
    """The device and what it can do at best: operations a second without fusing, and bytes a second."""
    device = cupy.cuda.Device()
    attributes, properties = device.attributes, cupy.cuda.runtime.getDeviceProperties(device.id)
    lanes = attributes["MultiProcessorCount"] * LANES
    return {
        "device": properties["name"].decode(),
        "capability": device.compute_capability,
        "driver": cupy.cuda.runtime.driverGetVersion(),
        "cupy": cupy.__version__,
        "operations": lanes * attributes["ClockRate"] * 1e3,
        "bandwidth": 2e3 * attributes["MemoryClockRate"] * attributes["GlobalMemoryBusWidth"] / 8,
    }


def milliseconds(work: Work, rounds: int) -> float:
    """The median over so many turns, each between two events."""
    begin, end = cupy.cuda.Event(), cupy.cuda.Event()
    times = []
    for turn in range(rounds + 3):
        begin.record()
        work()
        end.record()
        end.synchronize()
        if turn >= 3:
            times.append(cupy.cuda.get_elapsed_time(begin, end))
    return statistics.median(times)


def throughput(work: Work, rounds: int) -> float:
    """Milliseconds a turn of many that are queued at once."""
    return milliseconds(lambda: [work() for _ in range(rounds)], 3) / rounds


def floor(able: dict[str, Any], operations: float, bytes_: float) -> float:
    return 1e3 * max(operations / able["operations"], bytes_ / able["bandwidth"])


# ------------------------------------------------------------------------------------------------------------- scenes


def scene(count: int, width: int, height: int) -> gc.Gaussians2D:
    """Gaussians of three channels whose ellipses together cover the image some 25 times, as those of a fit do."""
    rng = np.random.default_rng(5)
    typical = 0.55 * (width * height / count) ** 0.5
    means = rng.uniform((0, 0), (width - 1, height - 1), (count, 2))
    scales = np.maximum(typical * rng.lognormal(-0.25, 0.7, (count, 2)), 0.4)
    cholesky = np.column_stack([scales, scales[:, 1] * rng.normal(0.0, 0.6, count)])
    return gc.Gaussians2D(
        *(array.astype(np.float32) for array in (means, cholesky, rng.uniform(-0.5, 0.5, (count, 3)))),
        width=width,
        height=height,
    )


def uploaded(backend: Any, gaussians: gc.Gaussians2D) -> list[Any]:
    return [backend.upload(array) for array in (gaussians.means, gaussians.cholesky, gaussians.colors)]


def renderer_of(backend: Any, arrays: list[Any], width: int, height: int, supersample: int) -> tuple[Work, Work]:
    """A frame launched anew, and one that is replayed."""
    from pyggc.backends.cuda_render import Renderer

    out = backend.empty((height, width, 3), np.uint8)
    renderer = Renderer(backend.device, *arrays, out, supersample=supersample)
    renderer.queue()  # Kernels are compiled and loaded here.
    return renderer.queue, backend.device.record(renderer.queue)


def covered(backend: Any, arrays: list[Any], width: int, height: int, supersample: int = 1) -> int:
    """Pixels that Gaussians cover, each counted as often as it is covered."""
    if supersample > 1:
        arrays = [supersample * arrays[0] + (supersample - 1) / 2, supersample * arrays[1], arrays[2]]
    return int(backend.render_work(*arrays[:2], x=0, y=0, width=width * supersample, height=height * supersample))


def torch_milliseconds(
    gaussians: gc.Gaussians2D, size: tuple[int, int], rounds: int, *, backward: bool
) -> float | None:
    if torch is None or not torch.cuda.is_available():
        return None
    tensors = [
        torch.tensor(array, device="cuda", requires_grad=backward)
        for array in (gaussians.means, gaussians.cholesky, gaussians.colors)
    ]
    batches = torch_gaussians.windows(*tensors[:2])

    def work() -> None:
        image = torch_gaussians.render(*tensors, size[1], size[0], batches)
        if backward:
            image.square().sum().backward()

    # On the default stream of CUDA, which is CuPy's as well.
    taken = milliseconds(work, rounds)
    torch.cuda.empty_cache()
    return taken


# -------------------------------------------------------------------------------------------------------------- parts


def parity(args: Any, backend: Any, able: dict[str, Any]) -> Rows:
    rows = []
    for count, width, height, supersample in ((1, 1, 1, 1), (500, 333, 217, 1), (5000, 768, 512, 1), (300, 64, 48, 3)):
        gaussians = scene(count, width, height)
        for dtype in ("uint8", "uint16", "float32"):
            images = [
                rasterize(gaussians, width, height, supersample=supersample, dtype=dtype, backend=get_backend(name))
                for name in ("cpu", "cuda")
            ]
            equal = bool((images[0] == backend.download(images[1])).all())
            rows.append({"N": count, "size": f"{width}x{height}", "k": supersample, "dtype": dtype, "equal": equal})
    table("parity", rows)
    if not all(row["equal"] for row in rows):
        raise SystemExit("the devices draw different pixels")
    return rows


def render(args: Any, backend: Any, able: dict[str, Any]) -> Rows:
    rows = []
    for width, height, supersample in SIZES:
        for count in args.counts:
            gaussians = scene(count, width, height)
            arrays = uploaded(backend, gaussians)
            anew, replay = renderer_of(backend, arrays, width, height, supersample)
            pixels = covered(backend, arrays, width, height, supersample)
            operations = pixels * (WEIGHT_OPERATIONS + 3 * CHANNEL_OPERATIONS)
            least = floor(able, operations, 4 * FLOATS * count + 3 * width * height)
            one, many = milliseconds(replay, args.rounds), throughput(replay, args.rounds)
            peer = None
            if supersample == 1 and width * height < 2**21:
                peer = torch_milliseconds(gaussians, (width, height), args.rounds, backward=False)
            rows.append(
                {
                    "size": f"{width}x{height}",
                    "k": supersample,
                    "N": count,
                    "covered": pixels,
                    "launched": milliseconds(anew, args.rounds),
                    "replayed": one,
                    "frames/s": 1e3 / many,
                    "floor": least,
                    "of floor": many / least,
                    "PyTorch": peer,
                }
            )
    table("render, ms", rows)
    return rows


@contextmanager
def tile_of(width: int, height: int) -> Iterator[None]:
    """Kernels of the exact renderer for another tile."""
    from pyggc.backends import cuda_kernels, cuda_render

    name, constants = "ggc_render_forward", (("TILE_WIDTH", width), ("TILE_HEIGHT", height))
    other = replace(cuda_kernels.KERNELS[name], block=width * height // 2, shared=1 << 16, constants=constants)
    with (
        mock.patch.dict(cuda_kernels.KERNELS, {name: other}),
        mock.patch.object(cuda_render, "TILE_WIDTH", width),
        mock.patch.object(cuda_render, "TILE_HEIGHT", height),
    ):
        yield


def tiles(args: Any, backend: Any, able: dict[str, Any]) -> Rows:
    from pyggc.backends.cuda import CudaBackend

    rows = []
    for width, height in ((16, 16), (32, 8), (32, 16), (32, 32), (64, 16)):
        with tile_of(width, height):
            other = CudaBackend()  # It has no kernels of other tiles.
            arrays = uploaded(other, scene(*TILES_SCENE))
            _, replay = renderer_of(other, arrays, *TILES_SCENE[1:], 1)
            rows.append({"tile": f"{width}x{height}", "replayed": milliseconds(replay, args.rounds)})
    table("tiles of {} Gaussians on {}x{}, ms".format(*TILES_SCENE), rows)
    return rows


def iteration(args: Any, backend: Any, able: dict[str, Any]) -> Rows:
    rows = []
    for name, pixels in args.pixels or [("noise", np.random.default_rng(1).integers(0, 256, (512, 768, 3), np.uint8))]:
        height, width = pixels.shape[:2]
        for count in args.counts:
            fitter = Fitter(as_floats(pixels), backend=backend)
            fitter.initialize(count)
            fitter.run(30)
            many = milliseconds(lambda fitter=fitter: fitter.run(50), 5) / 50
            gaussians = fitter.gaussians
            arrays = uploaded(backend, gaussians)
            pixels_covered = covered(backend, arrays, width, height)
            operations = pixels_covered * (LOSSES * LOSS_OPERATIONS + GRADIENT_OPERATIONS)
            least = floor(able, operations, 4 * 3 * (3 * width * height))
            rows.append(
                {
                    "image": name,
                    "N": count,
                    "covered": pixels_covered,
                    "iteration": many,
                    "floor": least,
                    "of floor": many / least,
                    "PyTorch": torch_milliseconds(gaussians, (width, height), args.rounds, backward=True),
                }
            )
    table("iteration of the fit, ms", rows)
    return rows


def seconds_to(fitter: Fitter, init: str, count: int, most: int) -> tuple[float, float, int]:
    """Seconds until GOAL or so many iterations, the dB, the iterations."""
    start = time.perf_counter()
    fitter.initialize(count, init)
    while fitter.psnr < GOAL and fitter.iterations < most:
        fitter.run(5)
    return time.perf_counter() - start, fitter.psnr, fitter.iterations


def quality(args: Any, backend: Any, able: dict[str, Any]) -> Rows:
    rows = []
    for name, pixels in args.pixels:
        image = as_floats(pixels)
        for init in INITIALIZATIONS:
            row: dict[str, Any] = {"image": name, "init": init}
            for device in ("cuda", "cpu"):
                turns = [
                    seconds_to(Fitter(image, backend=get_backend(device)), init, 5000, args.iterations)
                    for _ in range(3 if device == "cuda" else 1)
                ]
                found = sorted(turns)[len(turns) // 2]
                row |= dict(zip((f"{device} s", f"{device} dB", f"{device} iterations"), found, strict=True))
            rows.append(row)
    table(f"to {GOAL:g} dB, 5,000 Gaussians", rows)
    return rows


def batch(args: Any, backend: Any, able: dict[str, Any]) -> Rows:
    from pyggc.fit import fit_batch

    rows = []
    for name, pixels in args.pixels[:1]:
        for images in TOGETHER:
            turn = [as_floats(np.roll(pixels, 16 * i, 1)) for i in range(images)]
            times = []
            for _ in range(3):
                start = time.perf_counter()
                fit_batch(turn, BATCH[0], max_iterations=BATCH[1], backend=backend)
                times.append(time.perf_counter() - start)
            rows.append({"image": name, "together": images, "images/s": images / statistics.median(times)})
    table("batches, {} Gaussians, {} iterations".format(*BATCH), rows)
    return rows


def encode(args: Any, backend: Any, able: dict[str, Any]) -> Rows:
    rows = []
    for name, pixels in args.pixels:
        row: dict[str, Any] = {"image": name}
        for device in ("cuda", "cpu"):
            times = []
            for _ in range(3):
                start = time.perf_counter()
                stream = gc.encode(pixels, quality=GOAL, layers="gaussian", device=device)
                times.append(time.perf_counter() - start)
            row |= {f"{device} s": statistics.median(times), f"{device} bytes": len(stream)}
        rows.append(row)
    table(f"whole files, {GOAL:g} dB", rows)
    return rows


def memory(args: Any, backend: Any, able: dict[str, Any]) -> Rows:
    pool = cupy.get_default_memory_pool()
    pool.free_all_blocks()
    before, free = pool.total_bytes(), cupy.cuda.runtime.memGetInfo()[0]
    count, width, height = MEMORY_SCENE
    fitter = Fitter(np.random.default_rng(2).random((height, width, 3), np.float32), backend=backend)
    fitter.initialize(count)
    fitter.run(20)
    rows = [{"N": count, "size": f"{width}x{height}", "MB": (pool.total_bytes() - before) / 1e6}]
    # Kernels, their stacks and what the pool has from the driver.
    rows[0]["MB of the device"] = (free - cupy.cuda.runtime.memGetInfo()[0]) / 1e6
    table("memory of a fit", rows)
    return rows


PARTS = {part.__name__: part for part in (parity, render, tiles, iteration, quality, batch, encode, memory)}


def main() -> None:
    parser = parser_of(__doc__ or "", "*")
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 5000, 20000])
    parser.add_argument("--iterations", type=int, default=200)
    args = parser.parse_args()
    try:
        backend = get_backend("cuda")
    except DeviceError as error:
        raise SystemExit(f"no benchmark of a GPU: {error}") from None
    args.pixels = [(path.name, load(path)) for path in find_images(args.images, args.only)] if args.images else []
    able = describe()
    print(f"{able['device']}: {able['operations'] / 1e12:.1f} T operations/s, {able['bandwidth'] / 1e9:.0f} GB/s")
    results = {part: PARTS[part](args, backend, able) for part in args.part}
    save_json(args.json, {"able": able, **results})


if __name__ == "__main__":
    main()
