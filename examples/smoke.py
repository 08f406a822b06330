"""Encode and decode a small image with whatever build of pyggc is installed, and check the result.

Needs nothing but the package itself. Prints what was built.
"""

from __future__ import annotations

import sys

import numpy as np

import pyggc


def main() -> int:
    y, x = np.mgrid[:40, :56]
    image = np.dstack([4 * x, 6 * y, 255 - 2 * x - 2 * y]).astype(np.uint8)
    streams = [pyggc.encode(image, quality=30, effort=1, timestamp=None, threads=threads) for threads in (1, 2)]
    quality = pyggc.evaluate.psnr(image, pyggc.decode(streams[0]))
    print(*(f"{key}: {value}" for key, value in pyggc.build_info().items()), sep="\n")
    print(f"{len(streams[0])} bytes, {quality:.2f} dB")
    if streams[0] != streams[1]:
        print("the number of threads changed the file", file=sys.stderr)
        return 1
    return 0 if quality >= 30 else 1


if __name__ == "__main__":
    sys.exit(main())
