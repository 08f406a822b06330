"""Cost of one iteration of the fit beside one exact render of the same Gaussians, in one run.

    python benchmarks/iteration.py IMAGE [--count 3000] [--iterations 60] [--rounds 9]

An iteration is a forward pass, a backward pass and the update, on one thread; the ratio is that of the medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from pyggc.fit import Fitter
from pyggc.render import rasterize, render_work


def median_ms(action: Callable[[], object], rounds: int) -> float:
    action()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--iterations", type=int, default=60, help="of the fit whose Gaussians are measured")
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()

    image = np.asarray(Image.open(args.image).convert("RGB"), np.float32) / np.float32(255.0)
    fitter = Fitter(image, threads=1)
    fitter.initialize(args.count)
    fitter.run(args.iterations)
    gaussians, objective = fitter.gaussians, fitter._objective
    kernels, params, width = objective.kernels, objective.to_params(gaussians), objective.width
    residual = objective.planes(objective.channels)
    covered = render_work(gaussians, width, objective.height)

    render = median_ms(lambda: rasterize(gaussians, threads=1), args.rounds)
    forward = median_ms(lambda: kernels.forward(params, objective.target, residual, width, 1), args.rounds)
    backward = median_ms(lambda: kernels.backward(params, residual, width, 1), args.rounds)
    before = fitter.iterations
    steps = median_ms(lambda: fitter.run(10, relocate=False), args.rounds) / 10
    print(f"{args.count} Gaussians, {covered / 1e6:.1f} million covered pixels, {fitter.psnr:.2f} dB")
    for name, ms in (("exact render", render), ("forward", forward), ("backward", backward), ("iteration", steps)):
        print(f"{name:14} {ms:8.2f} ms  {1e6 * ms / covered:6.2f} ns a covered pixel  {ms / render:5.2f} renders")
    print(f"({fitter.iterations - before} iterations timed)")


if __name__ == "__main__":
    main()
