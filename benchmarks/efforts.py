"""What each effort gives on a folder of images: time, size and fidelity; and that no fit diverges.

    python benchmarks/efforts.py FOLDER [--images 05 08 ...] [--efforts 1 2 ...] [--quality 30 | --count N] [--json OUT]

A fit counts as diverged if the file is no better than the image's mean color.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import numpy as np
from PIL import Image

import pyggc as gc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", nargs="*", default=[], help="parts of the names; all images by default")
    parser.add_argument("--efforts", type=int, nargs="+", default=list(range(1, 10)))
    parser.add_argument("--quality", type=float)
    parser.add_argument("--count", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    goal = {"num_gaussians": args.count} if args.count else {"quality": args.quality or 30.0}

    rows, diverged = [], 0
    for effort in args.efforts:
        for path in sorted(args.folder.iterdir()):
            if path.suffix.lower() != ".png" or (args.images and not any(part in path.name for part in args.images)):
                continue
            image = np.asarray(Image.open(path))
            encoder = gc.GaussianEncoder(**goal, effort=effort, threads=args.threads, timestamp=None)
            encoder.fit(image)
            report = encoder.report
            mean = np.broadcast_to(image.mean(axis=(0, 1)).round().astype(image.dtype), image.shape)
            bad = not report.psnr > gc.evaluate.psnr(image, mean)
            diverged += bad
            rows.append({"image": path.name, "effort": effort, "diverged": bad, **vars(report)})
        mine = [row for row in rows if row["effort"] == effort]
        print(
            f"effort {effort}: {len(mine)} images, {statistics.mean(r['psnr'] for r in mine):.2f} dB, "
            f"{statistics.mean(r['bpp'] for r in mine):.4f} bpp on average, "
            f"{statistics.median(r['seconds'] for r in mine):.1f} s in the median, "
            f"{sum(r['diverged'] for r in mine)} diverged, {sum(not r['reached'] for r in mine)} fell short",
            flush=True,
        )
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))
    raise SystemExit(1 if diverged else 0)


if __name__ == "__main__":
    main()
