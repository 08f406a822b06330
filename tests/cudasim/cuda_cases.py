"""Gaussians for the tests of the GPU's renderer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]

#: Puts another CuPy in place, and returns it.
Pretend = Callable[..., Any]

GOLDEN = Path(__file__).parents[1] / "golden"

#: Gaussians of `grazing`: 20 a row of tiles.
EDGE_CASES = 400


def crowd(seed: int, count: int, width: int, height: int, channels: int = 3) -> Arrays:
    """Many Gaussians of very different sizes, half of them sheared a lot, and a few very bright."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(-0.2, 1.2, (count, 2)) * [width, height]
    cholesky = np.exp(rng.uniform(np.log(0.05), np.log(60.0), (count, 3)))
    cholesky[:, 2] *= rng.choice([-1.0, 1.0, 0.1], count)
    colors = rng.normal(0.0, 0.5, (count, channels)) * rng.choice([1.0, 1.0, 1.0, 30.0], count)[:, None]
    return means.astype(np.float32), cholesky.astype(np.float32), colors.astype(np.float32)


def _one(mean: list[float], factor: list[float]) -> Arrays:
    return np.float32([mean]), np.float32([factor]), np.float32([[1024.0, -1024.0, 1e-30]])


EXTREMES = {
    "needle": _one([70.0, 60.0], [0.05, 0.05, 100.0]),
    "needle at 45 degrees": _one([70.3, 60.1], [40.0, 0.01, 40.0]),
    "needle nearly flat": _one([70.3, 60.1], [1e4, 2.0**-10, 3.0]),
    "needle nearly upright": _one([70.0, 60.0], [2.0**-10, 1e4, -(2.0**-10)]),
    "all shear": _one([0.0, 0.0], [2.0**20, 2.0**-10, -(2.0**20)]),
    "least": _one([70.0, 60.0], [2.0**-10, 2.0**-10, 0.0]),
    "least between pixels": _one([70.5, 60.5], [2.0**-10, 2.0**-10, 0.0]),
    "greatest": _one([70.0, 60.0], [2.0**20, 2.0**20, 2.0**20]),
    "greatest, far": _one([-(2.0**20), 2.0**20], [2.0**20, 2.0**20, -(2.0**20)]),
    "beyond the right": _one([2.0**20, 60.0], [5.0, 5.0, 0.0]),
    "just beyond the left": _one([-9.01, 60.0], [3.0, 3.0, 0.0]),
    "just above": _one([70.0, -9.005], [3.0, 3.0, 0.0]),
    "subnormal mean": _one([1e-42, 1e-42], [1.0, 1.0, 1e-42]),
}


def grazing(rng: np.random.Generator, count: int) -> tuple[Arrays, tuple[int, int, int, int]]:
    """Gaussians whose edge lies at a pixel's center as nearly as binary32 allows, on one side or the other.

    Each grazes a corner of a square of pixels that a warp draws, which no other of them reaches, and is small.
    """
    column, row = np.arange(count) % 20, np.arange(count) // 20
    l1, l2 = np.exp(rng.uniform(np.log(0.05), np.log(1.2), (2, count)))
    l3 = rng.normal(size=count) * rng.choice([0.0, 0.3, 0.8], count)
    angle = rng.uniform(0.0, 2 * np.pi, count)
    u1, w = 3.0 * np.cos(angle), 3.0 * np.sin(angle)
    x = column * 32 + 16 - rng.integers(0, 2, count)
    y = row * 16 + 8 - rng.integers(0, 2, count)
    means = np.stack([x - l1 * u1, y - l3 * u1 - l2 * w], axis=1)
    cholesky = np.stack([l1, l2, l3], axis=1)
    arrays = means.astype(np.float32), cholesky.astype(np.float32), np.full((count, 1), 1000.0, np.float32)
    return arrays, (0, 0, 640, 16 * -(-count // 20))


def golden_cases() -> tuple[dict[str, Any], Callable[[NDArray[np.int32]], str]]:
    """Name to Gaussians and region, and the hash of an image."""
    sys.path.insert(0, str(GOLDEN))
    try:
        import make_render
    finally:
        sys.path.pop(0)
    return make_render.cases(), make_render.digest
