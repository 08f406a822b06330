"""Write ``render.json``: hashes of the exact renderer's accumulators, from the slow reference.

Run it only after a deliberate change of the specification. The Gaussians come from integers alone, so that no
random generator and no math library has a say.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
Case = tuple[Arrays, tuple[int, int, int, int]]


def cases() -> dict[str, Case]:
    """Name to Gaussians and region."""
    return {
        "gray": (_gaussians(40, 1, 1), (0, 0, 61, 47)),
        "color": (_gaussians(200, 3, 2), (5, 3, 90, 70)),
        "alpha": (_gaussians(60, 4, 3), (0, 0, 33, 64)),
    }


def digest(accumulators: NDArray[np.int32]) -> str:
    """SHA-256 of the accumulators as little-endian int32, row by row."""
    return hashlib.sha256(accumulators.astype("<i4").tobytes()).hexdigest()


def _gaussians(count: int, channels: int, seed: int) -> Arrays:
    numbers = _numbers(count * (5 + channels), seed).reshape(count, 5 + channels)
    means = numbers[:, :2] * 120.0 - 10.0
    # Scales from 1/16 to 16 pixels, by powers of two and a factor of 1 to 2; shears of the same size.
    scales = np.ldexp(1.0, np.floor(numbers[:, 2:4] * 8.0).astype(int) - 4) * (1.0 + numbers[::-1, 2:4])
    shears = (numbers[:, 4:5] * 2.0 - 1.0) * scales[:, 1:] * 3.0
    colors = numbers[:, 5:] * 2.0 - 0.75
    return means.astype(np.float32), np.hstack([scales, shears]).astype(np.float32), colors.astype(np.float32)


def _numbers(count: int, seed: int) -> NDArray[np.float64]:
    """Multiples of 2^-24 in [0, 1) from a linear congruential generator."""
    state, numbers = seed, []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        numbers.append((state >> 40) / 2.0**24)
    return np.array(numbers)


if __name__ == "__main__":
    from pyggc.render.oracle import rasterize_reference

    hashes = {name: digest(rasterize_reference(*arrays, region)) for name, (arrays, region) in cases().items()}
    Path(__file__).with_name("render.json").write_text(json.dumps(hashes, indent=2) + "\n")
