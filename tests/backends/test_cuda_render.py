"""The GPU's renderer on the simulator: the same bits as the CPU's, whatever the order of threads and blocks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cuda_cases import EDGE_CASES, EXTREMES, Arrays, crowd, golden_cases, grazing
from hypothesis import given
from hypothesis import strategies as st
from simulator import ORDERS, Simulator

from pyggc.backends import cuda_render, get_backend
from pyggc.codec.decoder import read_container
from pyggc.container.compact import read_levels

Region = tuple[int, int, int, int]

GOLDEN = Path(__file__).parents[1] / "golden"
DTYPES = ("uint8", "uint16", "float32", "int32")


def draw(
    order: str, arrays: Arrays, region: Region, dtype: str = "int32", capacity: int | None = None, **changes: Any
) -> Any:
    device = Simulator(order)
    x, y, width, height = region
    out = device.empty((height, width, arrays[2].shape[1]), dtype)
    options: dict[str, Any] = {"supersample": 1, "clip": False, "capacity": capacity} | changes
    cuda_render.Renderer(device, *map(device.upload, arrays), out, x=x, y=y, **options).queue()
    return out


def expected(arrays: Arrays, region: Region, dtype: str = "int32", **changes: Any) -> Any:
    x, y, width, height = region
    out = np.empty((height, width, arrays[2].shape[1]), dtype)
    options: dict[str, Any] = {"supersample": 1, "clip": False, "threads": 1} | changes
    get_backend("cpu").rasterize(*arrays, out, x=x, y=y, **options)
    return out


def check(order: str, arrays: Arrays, region: Region, *args: Any, capacity: int | None = None, **changes: Any) -> None:
    got = draw(order, arrays, region, *args, capacity=capacity, **changes)
    np.testing.assert_array_equal(got, expected(arrays, region, *args, **changes))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_bits_of_a_crowd(channels: int, order: str) -> None:
    check(order, crowd(channels, 600, 100, 70, channels), (3, 5, 91, 61))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("clip", [True, False])
def test_types_of_samples(dtype: str, clip: bool, order: str) -> None:
    check(order, crowd(5, 100, 50, 40), (0, 0, 50, 40), dtype, clip=clip)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("supersample", [2, 3, 5, 9, 16])
def test_supersampling(supersample: int, order: str) -> None:
    region = (1, 2, 60 // supersample + 5, 35 // supersample + 3)
    check(order, crowd(supersample, 100, 70, 50), region, "uint16", supersample=supersample)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (37, 1), (32, 16), (33, 17), (64, 32)])
def test_sizes(size: tuple[int, int]) -> None:
    for order in ORDERS:
        check(order, crowd(7, 40, *size), (0, 0, *size))


@pytest.mark.parametrize("order", ORDERS)
def test_a_list_that_is_too_short(order: str) -> None:
    """Tiles whose bins fit in, and tiles whose bins do not."""
    arrays, region = crowd(11, 300, 100, 70), (0, 0, 100, 70)
    for capacity in (1, 150, 1000):
        check(order, arrays, region, capacity=capacity)


@pytest.mark.parametrize("order", ORDERS)
def test_more_tiles_than_threads_that_sum_up(order: str) -> None:
    check(order, crowd(13, 30, 32 * 1100, 16), (0, 0, 32 * 1100, 3))


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes(name: str) -> None:
    for region in ((0, 0, 140, 120), (2**20 - 50, 40, 50, 40), (60, 2**20 - 30, 20, 30)):
        check("permuted", EXTREMES[name], region)


def test_edges_of_the_ellipse() -> None:
    """Gaussians that graze a pixel's center are not lost: thousands of them, each alone in a tile."""
    rng = np.random.default_rng(11)
    for _ in range(8):
        check("forward", *grazing(rng, EDGE_CASES))


@given(st.integers(0, 999), st.integers(0, 40), st.integers(0, 40), st.sampled_from(ORDERS))
def test_regions(seed: int, x: int, y: int, order: str) -> None:
    check(order, crowd(seed, 15, 90, 80), (x, y, 50, 40))


def test_no_gaussians_are_black() -> None:
    for dtype in DTYPES:
        assert not draw("forward", crowd(1, 0, 1, 1), (0, 0, 37, 21), dtype).any()


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_no_pixels(size: tuple[int, int]) -> None:
    device = Simulator()
    arrays = crowd(1, 3, 5, 5)
    cuda_render.Renderer(device, *arrays, device.empty((*size, 3), np.uint8)).queue()
    assert not device.launches


def test_wild_parameters_stay_in_bounds() -> None:
    rng = np.random.default_rng(3)
    values = np.float32([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 3e38, -3e38, 1.0, 20.0, 1e-3])
    for _ in range(20):
        arrays = (rng.choice(values, (8, 2)), rng.choice(values, (8, 3)), np.zeros((8, 3), np.float32))
        draw("permuted", arrays, (5, 7, 50, 40), "uint8")


@pytest.mark.parametrize("order", ORDERS)
def test_golden(order: str) -> None:
    cases, digest = golden_cases()
    want = json.loads((GOLDEN / "render.json").read_text())
    assert {name: digest(draw(order, *case)) for name, case in cases.items()} == want


def test_recorded_rendering_follows_its_arrays() -> None:
    device = Simulator("reversed")
    first, second = crowd(1, 50, 60, 40), crowd(2, 50, 60, 40)
    arrays = [device.upload(array) for array in first]
    out = device.empty((40, 60, 3), np.int32)
    before = out.copy()
    replay = device.record(cuda_render.Renderer(device, *arrays, out).queue)
    np.testing.assert_array_equal(out, before)
    for case in (first, second, second):
        for array, values in zip(arrays, case, strict=True):
            array[...] = values
        replay()
        np.testing.assert_array_equal(out, expected(case, (0, 0, 60, 40)))


@pytest.mark.parametrize("order", ORDERS)
def test_render_work(order: str) -> None:
    device = Simulator(order)
    means, cholesky, _ = crowd(17, 700, 300, 200)
    region = {"x": 20, "y": 30, "width": 200, "height": 100}
    want = get_backend("cpu").render_work(means, cholesky, **region)
    assert cuda_render.render_work(device, means, cholesky, **region) == want
    assert cuda_render.render_work(device, means[:0], cholesky[:0], **region) == 0


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.ggc")), ids=lambda path: path.stem)
def test_dequantize(path: Path, order: str) -> None:
    levels, quantizer = read_levels(read_container(path.read_bytes()), None)
    want = get_backend("cpu").dequantize(quantizer.native, levels)
    got = cuda_render.dequantize(Simulator(order), quantizer.native, levels)
    for name in want._fields:
        np.testing.assert_array_equal(getattr(got, name), getattr(want, name))


def test_arguments_are_checked() -> None:
    device = Simulator()
    means, cholesky, colors = crowd(1, 5, 10, 10)
    out = device.empty((10, 10, 3), np.uint8)
    wrong = {
        "cholesky must": (means[:4], cholesky[:3], colors[:4], out),
        "cholesky": (means, cholesky.astype(np.float64), colors, out),
        "colors": (means, cholesky, np.asfortranarray(colors), out),
        "colors must have 1 to 4 channels": (means, cholesky, np.zeros((5, 5), np.float32), out),
        "out must be C": (means, cholesky, colors[:, :1].copy(), out),
        "out must be of": (means, cholesky, colors, out.astype(np.int64)),
    }
    for message, arrays in wrong.items():
        with pytest.raises(ValueError, match=message):
            cuda_render.Renderer(device, *arrays)


def test_too_many_tiles_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_render, "_MAX_BLOCKS", 3)
    device = Simulator()
    with pytest.raises(ValueError, match=r"4 tiles.*in parts"):
        cuda_render.Renderer(device, *crowd(1, 5, 10, 10), device.empty((17, 33, 3), np.uint8))
