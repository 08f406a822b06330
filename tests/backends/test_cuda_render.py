"""The GPU's renderer on the simulator: the same bits as the CPU's, whatever the order of threads and blocks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from simulator import ORDERS, Simulator

from pyggc.backends import cuda_render, get_backend

GOLDEN = Path(__file__).parents[1] / "golden"
DTYPES = ("uint8", "uint16", "float32", "int32")

Arrays = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def crowd(seed: int, count: int, width: int, height: int, channels: int = 3) -> Arrays:
    """Many Gaussians of very different sizes, half of them sheared a lot, and a few very bright."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(-0.2, 1.2, (count, 2)) * [width, height]
    cholesky = np.exp(rng.uniform(np.log(0.05), np.log(60.0), (count, 3)))
    cholesky[:, 2] *= rng.choice([-1.0, 1.0, 0.1], count)
    colors = rng.normal(0.0, 0.5, (count, channels)) * rng.choice([1.0, 1.0, 1.0, 30.0], count)[:, None]
    return means.astype(np.float32), cholesky.astype(np.float32), colors.astype(np.float32)


def draw(order: str, arrays: Arrays, region: tuple[int, int, int, int], dtype: Any = "int32", **changes: Any) -> Any:
    device = Simulator(order)
    x, y, width, height = region
    out = device.empty((height, width, arrays[2].shape[1]), dtype)
    options = {"supersample": 1, "clip": False} | changes
    cuda_render.rasterize(device, *map(device.upload, arrays), out, x=x, y=y, **options)
    return out


def expected(arrays: Arrays, region: tuple[int, int, int, int], dtype: Any = "int32", **changes: Any) -> Any:
    x, y, width, height = region
    out = np.empty((height, width, arrays[2].shape[1]), dtype)
    options = {"supersample": 1, "clip": False, "threads": 1} | changes
    get_backend("cpu").rasterize(*arrays, out, x=x, y=y, **options)
    return out


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_bits_of_a_crowd(channels: int, order: str) -> None:
    arrays, region = crowd(channels, 300, 100, 70, channels), (3, 5, 91, 61)
    np.testing.assert_array_equal(draw(order, arrays, region), expected(arrays, region))


@pytest.mark.parametrize("order", ORDERS)
def test_golden(order: str) -> None:
    sys.path.insert(0, str(GOLDEN))
    try:
        import make_render
    finally:
        sys.path.pop(0)
    want = json.loads((GOLDEN / "render.json").read_text())
    got = {name: make_render.digest(draw(order, *case)) for name, case in make_render.cases().items()}
    assert got == want
