"""The exact renderer's bits: against the reference, across variants, tiles, threads and regions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import gaussians

from pyggc._native import _render
from pyggc.gaussians import Gaussians2D
from pyggc.render import rasterize
from pyggc.render.oracle import rasterize_float64, rasterize_reference

GOLDEN = Path(__file__).parents[1] / "golden"
VARIANTS = _render.variants()
EMPTY = (np.empty((0, 2), np.float32), np.empty((0, 3), np.float32), np.empty((0, 3), np.float32))

Arrays = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def draw(arrays: Arrays, region: tuple[int, int, int, int], dtype: Any = np.int32, **changes: Any) -> NDArray[Any]:
    """The native call, with every knob within reach."""
    x, y, width, height = region
    out = np.empty((height, width, arrays[2].shape[1]), dtype)
    out.reshape(-1).view(np.uint8)[:] = 0xA5  # what is left unwritten shows
    arguments = {
        "x": x,
        "y": y,
        "supersample": 1,
        "clip": False,
        "threads": 1,
        "variant": VARIANTS[-1],
        "tile_width": 256,
        "tile_height": 32,
    }
    _render.render(*arrays, out, **(arguments | changes))
    return out


def arrays_of(case: Gaussians2D) -> Arrays:
    return case.means, case.cholesky, case.colors


def crowd(seed: int, count: int, width: int, height: int, channels: int = 3) -> Arrays:
    """Many Gaussians of very different sizes, half of them sheared a lot."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(-0.2, 1.2, (count, 2)) * [width, height]
    cholesky = np.exp(rng.uniform(np.log(0.05), np.log(60.0), (count, 3)))
    cholesky[:, 2] *= rng.choice([-1.0, 1.0, 0.1], count)
    return (
        means.astype(np.float32),
        cholesky.astype(np.float32),
        rng.normal(0.0, 0.5, (count, channels)).astype(np.float32),
    )


@given(gaussians(), st.sampled_from(VARIANTS), st.integers(0, 3000), st.integers(0, 3000))
def test_reference_bits(case: Gaussians2D, variant: str, x: int, y: int) -> None:
    assert case.width is not None
    assert case.height is not None
    for region in ((0, 0, case.width, case.height), (x, y, case.width, case.height)):
        got = draw(arrays_of(case), region, variant=variant)
        np.testing.assert_array_equal(got, rasterize_reference(*arrays_of(case), region))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_reference_bits_of_a_crowd(variant: str, channels: int) -> None:
    arrays, region = crowd(channels, 60, 150, 110, channels), (3, 5, 141, 103)
    np.testing.assert_array_equal(
        draw(arrays, region, variant=variant, tile_width=64, tile_height=16), rasterize_reference(*arrays, region)
    )


EXTREMES = {
    "needle": ([70.0, 60.0], [0.05, 0.05, 100.0]),
    "needle at 45 degrees": ([70.3, 60.1], [40.0, 0.01, 40.0]),
    "needle nearly flat": ([70.3, 60.1], [1e4, 2.0**-10, 3.0]),
    "needle nearly upright": ([70.0, 60.0], [2.0**-10, 1e4, -(2.0**-10)]),
    "all shear": ([0.0, 0.0], [2.0**20, 2.0**-10, -(2.0**20)]),
    "least": ([70.0, 60.0], [2.0**-10, 2.0**-10, 0.0]),
    "least between pixels": ([70.5, 60.5], [2.0**-10, 2.0**-10, 0.0]),
    "sigma 0.05": ([70.1, 60.1], [0.05, 0.05, 0.02]),
    "greatest": ([70.0, 60.0], [2.0**20, 2.0**20, 2.0**20]),
    "greatest, far": ([-(2.0**20), 2.0**20], [2.0**20, 2.0**20, -(2.0**20)]),
    "beyond the right": ([2.0**20, 60.0], [5.0, 5.0, 0.0]),
    "just beyond the left": ([-9.01, 60.0], [3.0, 3.0, 0.0]),
    "just above": ([70.0, -9.005], [3.0, 3.0, 0.0]),
    "subnormal mean": ([1e-42, 1e-42], [1.0, 1.0, 1e-42]),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", EXTREMES)
def test_reference_bits_of_extremes(name: str, variant: str) -> None:
    mean, factor = EXTREMES[name]
    arrays = (np.float32([mean]), np.float32([factor]), np.float32([[1024.0, -1024.0, 1e-30]]))
    for region in ((0, 0, 140, 120), (2**20 - 50, 40, 50, 40), (60, 2**20 - 30, 20, 30)):
        np.testing.assert_array_equal(draw(arrays, region, variant=variant), rasterize_reference(*arrays, region))


def test_edges_of_the_ellipse() -> None:
    """Every pixel whose q is just below 9 is drawn: ellipses that graze pixel centers, thousands of them."""
    rng = np.random.default_rng(11)
    for _ in range(3000):
        l1, l2 = np.exp(rng.uniform(np.log(0.1), np.log(30.0), 2))
        l3 = rng.normal() * rng.choice([0.0, 1.0, 30.0])
        angle = rng.uniform(0.0, 2 * np.pi)
        # The pixel (20, 20) lies on the edge, as nearly as binary32 allows, on one side or the other.
        u1, w = 3.0 * np.cos(angle), 3.0 * np.sin(angle)
        mean = np.float32([20.0 - l1 * u1, 20.0 - l3 * u1 - l2 * w])
        arrays = (mean[None], np.float32([[l1, l2, l3]]), np.float32([[1000.0]]))
        for variant in VARIANTS:
            np.testing.assert_array_equal(
                draw(arrays, (16, 16, 9, 9), variant=variant), rasterize_reference(*arrays, (16, 16, 9, 9))
            )


@given(
    st.integers(0, 99),
    st.sampled_from(VARIANTS),
    st.integers(1, 80),
    st.integers(1, 80),
    st.integers(1, 5),
    st.sampled_from([1, 2, 3]),
    st.sampled_from([np.uint8, np.uint16, np.float32, np.int32]),
)
def test_nothing_but_the_arguments_matters(
    seed: int, variant: str, tile_width: int, tile_height: int, threads: int, supersample: int, dtype: Any
) -> None:
    arrays, region = crowd(seed, 20, 70, 50), (2, 1, 61, 47)
    want = draw(arrays, region, dtype, supersample=supersample)
    got = draw(
        arrays,
        region,
        dtype,
        supersample=supersample,
        variant=variant,
        threads=threads,
        tile_width=tile_width,
        tile_height=tile_height,
    )
    np.testing.assert_array_equal(got, want)


@given(st.integers(0, 99), st.randoms(use_true_random=False))
def test_order_does_not_matter(seed: int, random: Any) -> None:
    arrays = crowd(seed, 12, 40, 30)
    order = list(range(12))
    random.shuffle(order)
    shuffled = (arrays[0][order], arrays[1][order], arrays[2][order])
    np.testing.assert_array_equal(draw(shuffled, (0, 0, 40, 30)), draw(arrays, (0, 0, 40, 30)))


@given(gaussians(), st.data())
def test_region_is_a_crop(case: Gaussians2D, data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 60))
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    columns, rows = data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
    k = data.draw(st.integers(1, 3))
    whole = rasterize(case, width, height, supersample=k, dtype=np.int32)
    part = rasterize(case, width, height, region=(x, y, columns, rows), supersample=k, dtype=np.int32)
    np.testing.assert_array_equal(part, whole[y : y + rows, x : x + columns])


@given(gaussians(max_side=20))
def test_close_to_the_oracle(case: Gaussians2D) -> None:
    """The arithmetic adds to the kernel's definition no more than binary32 and the polynomial do."""
    # A needle's q loses digits in proportion to its shear: that is the definition's business, not an error.
    assume(len(case) == 0 or float((np.abs(case.cholesky[:, 2]) / case.cholesky[:, 1]).max()) < 30.0)
    assume(float(np.abs(case.means).max(initial=0.0)) < 100.0)
    assert case.width is not None
    assert case.height is not None
    region = (0, 0, case.width, case.height)
    got = draw(arrays_of(case), region) / 2.0**20
    want = rasterize_float64(*arrays_of(case), region)
    # 1e-5: the polynomial; the rest: roundings of u1 and u2 of Gaussians down to a twentieth of a pixel.
    assert np.abs(got - want).max() <= np.abs(case.colors).sum(axis=0).max(initial=0.0) * 3e-4 + 1e-5


def test_sums_wrap_around() -> None:
    """Partial sums may overflow: the result is right if it is itself within range, in any order."""
    arrays = (
        np.zeros((6, 2), np.float32),
        np.full((6, 3), [100.0, 100.0, 0.0], np.float32),
        np.float32([[1024.0], [1024.0], [1024.0], [-1024.0], [-1024.0], [-1023.5]]),
    )
    assert draw(arrays, (0, 0, 1, 1))[0, 0, 0] == 2**19


def test_no_gaussians_are_black() -> None:
    for dtype in (np.uint8, np.uint16, np.float32, np.int32):
        assert not draw(EMPTY, (0, 0, 37, 21), dtype).any()


def test_one_pixel() -> None:
    arrays = (np.float32([[0.0, 0.0]]), np.float32([[1.0, 1.0, 0.0]]), np.float32([[1.0, 0.5, 0.25]]))
    assert draw(arrays, (0, 0, 1, 1), np.uint8).tolist() == [[[255, 128, 64]]]


def test_wild_parameters_stay_in_bounds() -> None:
    """Python refuses such arrays; C must not go astray with them all the same."""
    rng = np.random.default_rng(3)
    values = np.float32([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 3e38, -3e38, 1.0, 20.0, 1e-3])
    for _ in range(300):
        arrays = (rng.choice(values, (8, 2)), rng.choice(values, (8, 3)), rng.choice(values, (8, 3)))
        for variant in VARIANTS:
            draw(arrays, (5, 7, 50, 40), np.uint8, variant=variant, tile_width=16, tile_height=16)
        _render.work(arrays[0], arrays[1], x=5, y=7, width=50, height=40)


def test_many_large_gaussians_fill_several_bands() -> None:
    """More bin entries than one band holds: 60,000 Gaussians over 20 strips of one row."""
    arrays = (np.zeros((60000, 2), np.float32), np.full((60000, 3), 50.0, np.float32), np.full((60000, 1), 1e-3, "f4"))
    got = draw(arrays, (0, 0, 2, 20), tile_height=1, threads=2)
    one = tuple(a[:1] for a in arrays)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(got, draw(one, (0, 0, 2, 20)) * np.int32(60000))  # type: ignore[arg-type]


@pytest.mark.parametrize("variant", VARIANTS)
def test_golden(variant: str) -> None:
    """The committed hashes: what every machine must give. `make_render.py` beside them writes them."""
    sys.path.insert(0, str(GOLDEN))
    try:
        import make_render
    finally:
        sys.path.pop(0)
    want = json.loads((GOLDEN / "render.json").read_text())
    got = {name: make_render.digest(draw(*case, variant=variant)) for name, case in make_render.cases().items()}
    assert got == want
