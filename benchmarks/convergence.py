"""PSNR of the float fit against iterations and seconds.

python benchmarks/convergence.py IMAGE... [--count 3000] [--marks 60 200 500] [--optimizer natural] [--init content]
"""

from __future__ import annotations

import argparse

import numpy as np
from PIL import Image

from pyggc.fit import FitProgress, fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="+")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--marks", type=int, nargs="+", default=[60, 200, 500])
    parser.add_argument("--optimizer", default="natural")
    parser.add_argument("--init", default="content")
    args = parser.parse_args()
    for name in args.images:
        image = np.asarray(Image.open(name).convert("RGB"), np.float32) / np.float32(255.0)
        for mark in args.marks:
            # A run of its own for each: how fast relocation ends depends on the length of the run.
            seconds = 0.0

            def note(progress: FitProgress) -> None:
                nonlocal seconds
                seconds = progress.elapsed_seconds

            result = fit(
                image, args.count, max_iterations=mark, optimizer=args.optimizer, init=args.init, callback=note
            )
            print(f"{name}: {result.iterations} iterations, {seconds:.1f} s: {result.psnr:.2f} dB", flush=True)


if __name__ == "__main__":
    main()
