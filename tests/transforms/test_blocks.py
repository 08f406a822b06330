"""Transforms of blocks: the compiled loops against the definition, round trips, ranges, arguments."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.fft import dctn
from transform_cases import ALL, oracle, shape_for, split

from pyggc._native import _transforms
from pyggc.transforms import DCT, WHT, BlockTransform, samples

DTYPES = ("int16", "int32")
VARIANTS = _transforms.variants()

each_transform = pytest.mark.parametrize("transform", ALL, ids=repr)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)


def noise(shape: tuple[int, ...], dtype: str, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-size, size, shape, endpoint=True).astype(dtype)


@st.composite
def cases(draw: st.DrawFn) -> tuple[BlockTransform, np.ndarray, str]:
    """A transform, an array with some of its blocks, of any values, and a variant."""
    transform = draw(st.sampled_from(ALL))
    outer = draw(st.lists(st.integers(1, 3), max_size=2))
    counts = [draw(st.integers(1, 9)), draw(st.integers(1, 9))]
    dtype = draw(st.sampled_from(DTYPES))
    shape = shape_for(transform, outer, counts)
    size = draw(st.sampled_from([1, 200, transform.limit("int16"), 40_000, 1 << 31]))
    info = np.iinfo(dtype)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    x = rng.integers(max(-size, info.min), min(size, info.max), shape, endpoint=True).astype(dtype)
    if draw(st.booleans()):
        x = np.where(x < 0, -min(size, info.max), min(size, info.max)).astype(dtype)
    return transform, x, draw(st.sampled_from(VARIANTS))


@given(case=cases())
def test_loops_agree_with_the_definition_and_are_undone(case: tuple[BlockTransform, np.ndarray, str]) -> None:
    transform, x, variant = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "VARIANT", variant)
        y = transform.forward(x, check=False)
        assert (split(transform, y) == oracle(transform, split(transform, x))).all()
        assert (transform.inverse(y) == x).all()
        # Coefficients that no samples have.
        assert (split(transform, transform.inverse(x)) == oracle(transform, split(transform, x), inverse=True)).all()


@given(
    data=st.data(),
    shape=hnp.array_shapes(min_dims=1, max_dims=4, max_side=3),
    dtype=st.sampled_from(DTYPES),
    threads=st.sampled_from([None, 1, 3]),
)
def test_any_axes(data: st.DataObject, shape: tuple[int, ...], dtype: str, threads: int | None) -> None:
    fitting = [transform for transform in ALL if len(transform.shape) <= len(shape)]
    transform = data.draw(st.sampled_from(fitting))
    axes = tuple(data.draw(st.permutations(range(len(shape))))[: len(transform.shape)])
    sides = list(shape)
    for axis, side in zip(axes, transform.shape, strict=True):
        sides[axis] *= side
    x = noise(tuple(sides), dtype, 100)
    given_axes = tuple(axis - len(shape) if data.draw(st.booleans()) else axis for axis in axes)
    y = transform.forward(x, given_axes, threads=threads)
    last = tuple(range(-len(axes), 0))
    assert y.flags.c_contiguous
    assert (np.moveaxis(y, axes, last) == transform.forward(np.moveaxis(x, axes, last).copy())).all()
    assert (transform.inverse(y, given_axes, threads=threads) == x).all()


@each_dtype
@pytest.mark.parametrize("transform", [DCT(4), DCT(8, 8), DCT(32, 4), WHT(8, 8), DCT(16, 16)], ids=repr)
def test_threads_and_variants_agree(transform: BlockTransform, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = noise((2, 256, 320), dtype, transform.limit("int16"))
    expected = transform.forward(x)
    for variant in VARIANTS:
        monkeypatch.setattr(samples, "VARIANT", variant)
        for threads in (1, 2, 5):
            y = transform.forward(x, threads=threads)
            assert (y == expected).all()
            assert (transform.inverse(y, threads=threads) == x).all()


@each_transform
@each_dtype
@pytest.mark.parametrize("columns", [1056, 2048])
def test_long_rows(transform: BlockTransform, dtype: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a stage takes at once; of 2048 samples rows lie apart by a multiple of what a cache's sets span."""
    *rows, _ = transform.shape
    x = noise((*(2 * side for side in rows), columns), dtype, transform.limit("int16"))
    x[..., columns // 2] = transform.limit(dtype)  # Some of 32 bits need them.
    for axes in (None,) if rows else (-1, 0):
        whole = x if axes != 0 else np.repeat(x[None], 2 * transform.shape[0], axis=0)
        for variant in VARIANTS:
            monkeypatch.setattr(samples, "VARIANT", variant)
            parts = [transform.forward(part, axes) for part in np.split(whole, columns // 32, axis=-1)]
            y = transform.forward(whole, axes)
            assert (y == np.concatenate(parts, axis=-1)).all()
            assert (transform.inverse(y, axes, out=y) == whole).all()


def test_the_environment_forces_the_baseline() -> None:
    forced = os.environ.get("PYGGC_SIMD") == "baseline"
    assert VARIANTS[0 if forced else -1] == samples.VARIANT


@each_transform
@each_dtype
def test_samples_at_the_limit_do_not_wrap_around(transform: BlockTransform, dtype: str) -> None:
    limit = transform.limit(dtype)
    signs = np.where(noise((400, *transform.shape), "int16", 1) > 0, 1, -1)
    # Those that make a coefficient largest are the signs of its basis function.
    impulses = np.eye(signs[0].size, dtype=dtype).reshape(-1, *transform.shape) * 1000
    basis = np.where(transform.inverse(impulses) < 0, -1, 1)
    x = (np.concatenate([signs, basis, -basis]) * limit).astype(dtype)
    exact = oracle(transform, x.astype(np.int64))
    assert (transform.forward(x, tuple(range(1, x.ndim))) == exact).all()
    assert np.abs(exact).max() > 0.45 * np.iinfo(dtype).max  # The limit is not idle.


@each_transform
@each_dtype
def test_samples_beyond_the_limit_are_refused(transform: BlockTransform, dtype: str) -> None:
    limit = transform.limit(dtype)
    shape = shape_for(transform, (3,), (5, 5))
    for value in (limit + 1, -limit - 1, np.iinfo(dtype).min):
        x = noise(shape, dtype, 5)
        x.flat[-2] = value
        before = x.copy()
        with pytest.raises(ValueError, match=rf"x must be within \[-{limit}, {limit}\] for"):
            transform.forward(x)
        # In place nothing is begun that could not be ended.
        with pytest.raises(ValueError, match="within"):
            transform.forward(x, out=x)
        assert (x == before).all()
        assert (transform.inverse(transform.forward(x, check=False)) == x).all()


@each_transform
@each_dtype
def test_a_sample_beyond_the_limit_is_found_wherever_it_is(
    transform: BlockTransform, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In blocks that fill vectors and in those that are left, side by side and stacked."""
    *rows, columns = transform.shape
    places = np.random.default_rng(4)
    for shape in ((*(2 * side for side in rows), 21 * columns), (37, *transform.shape)):
        x = np.zeros(shape, dtype)
        for variant in VARIANTS:
            monkeypatch.setattr(samples, "VARIANT", variant)
            for place in (0, x.size - 1, *places.integers(0, x.size, 10)):
                x.flat[place] = places.choice([-1, 1]) * (transform.limit(dtype) + 1)
                with pytest.raises(ValueError, match="x must be within"):
                    transform.forward(x)
                x.flat[place] = 0
            assert not transform.forward(x).any()


@pytest.mark.parametrize("rows", [4, 8, 16, 32])
@pytest.mark.parametrize("columns", [4, 8, 16, 32])
def test_coefficients_are_near_those_of_the_true_transform(rows: int, columns: int) -> None:
    x = noise((50, rows, columns), "int16", 255)
    error = DCT(rows, columns).forward(x) - dctn(x.astype(float), axes=(1, 2), norm="ortho")
    if 4 in (rows, columns):  # The draft's factors have six bits.
        error = error / (1 + np.abs(x).mean() / 64)
    assert np.sqrt((error**2).mean()) < 2.0


@each_transform
def test_gain(transform: BlockTransform) -> None:
    count = int(np.prod(transform.shape))
    assert 2**transform.gain_bits == pytest.approx(np.sqrt(count))
    flat = np.full((1, *transform.shape), 100, np.int32)
    y = transform.forward(flat, tuple(range(1, flat.ndim))).reshape(-1)
    assert abs(int(y[0]) - 100 * np.sqrt(count)) <= 4
    assert np.abs(y[1:]).max() <= 4


@pytest.mark.parametrize(
    ("transform", "low", "high"),
    [(DCT(4), -512, 511), (DCT(8), -724, 724), (DCT(16), -1024, 1024), (DCT(32), -1449, 1449)],
    ids=repr,
)
def test_ranges_of_9_bits_are_the_draft_s(transform: BlockTransform, low: int, high: int) -> None:
    (size,) = transform.shape
    basis = transform.inverse(np.eye(size, dtype=np.int32) * 4096)
    x = np.where(np.concatenate([basis, -basis]) < 0, -256, 255).astype(np.int16)
    y = transform.forward(np.concatenate([x, noise((1000, size), "int16", 255)]))
    slack = {4: 0, 8: 2, 16: 3, 32: 4}[size]
    assert low - slack <= y.min()
    assert y.max() <= high + slack


@each_dtype
def test_out(dtype: str) -> None:
    transform = DCT(8, 4)
    x = noise((3, 16, 12), dtype, 200)
    expected = transform.forward(x)
    out = np.zeros_like(x)
    assert transform.forward(x, out=out) is out
    assert (out == expected).all()

    wide = np.zeros((3, 16, 24), dtype)
    assert (transform.forward(x, out=wide[..., ::2]) == expected).all()
    assert (wide[..., ::2] == expected).all()
    assert not wide[..., 1::2].any()

    moved = x.copy()
    assert transform.forward(moved, out=moved) is moved
    assert (moved == expected).all()
    assert (transform.inverse(moved, out=moved) == x).all()

    # Overlapping, and another order of axes.
    memory = np.zeros(4 * 16 * 12, dtype)
    shifted = memory[100 : 100 + x.size].reshape(x.shape)
    shifted[...] = x
    target = memory[: x.size].reshape(x.shape)
    transform.forward(shifted, out=target)
    assert (target == expected).all()
    square = noise((8, 8), dtype, 200)
    expected = DCT(8, 8).forward(square)
    DCT(8, 8).forward(square, out=square.T)
    assert (square == expected.T).all()


def test_strided_and_empty_input() -> None:
    x = noise((32, 48, 3), "int16", 100)
    assert (DCT(8, 8).forward(x[::2, ::2], (0, 1))[..., 1] == DCT(8, 8).forward(x[::2, ::2, 1].copy())).all()
    x.flags.writeable = False
    assert (DCT(8).inverse(DCT(8).forward(x[::-1], 0), 0) == x[::-1]).all()
    for shape in ((0, 8), (3, 0)):
        assert DCT(8).forward(np.zeros(shape, np.int32)).shape == shape


ROW = np.zeros(8, np.int16)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: DCT(), ValueError, "one side or two"),
        (lambda: DCT(8, 8, 8), ValueError, "one side or two"),
        (lambda: DCT(12), ValueError, "one of 4, 8, 16, 32"),
        (lambda: DCT(64), ValueError, "from 4 to 32"),
        (lambda: DCT(8.0), TypeError, "integer"),
        (lambda: WHT(8), ValueError, "4, 16, 64"),
        (lambda: WHT(2, 4), ValueError, "4, 16, 64"),
        (lambda: WHT(1, 1), ValueError, "4, 16, 64"),
        (lambda: DCT(8).forward(ROW.astype(float)), TypeError, "x must be int16 or int32"),
        (lambda: DCT(8).forward(ROW.astype(">i2")), TypeError, "x must be int16 or int32"),
        (lambda: DCT(8).inverse(list(range(8))), TypeError, "y must be int16 or int32"),
        (lambda: DCT(8).forward(ROW[:7]), ValueError, "multiple of 8 samples along axis 0, not 7"),
        (lambda: DCT(8, 8).forward(ROW), ValueError, "at least 2 dimensions"),
        (lambda: DCT(8).forward(ROW, 1), ValueError, "axes must be from -1 to 0"),
        (lambda: DCT(8).forward(ROW, "0"), TypeError, "axes"),
        (lambda: DCT(8, 8).forward(np.zeros((8, 8), np.int16), (0, -2)), ValueError, "2 different ones"),
        (lambda: DCT(8, 8).forward(np.zeros((8, 8), np.int16), 1), ValueError, "2 different ones"),
        (lambda: DCT(8).forward(ROW, out=[0] * 8), TypeError, "out must be an array"),
        (lambda: DCT(8).forward(ROW, out=np.zeros(8, np.int32)), TypeError, "out must be int16"),
        (lambda: DCT(8).forward(ROW, out=np.zeros(16, np.int16)), ValueError, "out must have the shape"),
        (lambda: DCT(8).forward(ROW, out=np.broadcast_to(ROW[:1], 8)), ValueError, "out must be writable"),
        (lambda: DCT(8).forward(ROW, threads=0), ValueError, "threads"),
        (lambda: DCT(8).limit("uint8"), TypeError, "dtype must be int16 or int32"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()


def test_transforms_are_values() -> None:
    assert DCT(8) == DCT(8) != DCT(8, 8)
    assert DCT(4) != WHT(4)
    assert len({DCT(8), DCT(8), WHT(4, 4)}) == 2
    assert repr(DCT(8, 16)) == "DCT(8, 16)"
