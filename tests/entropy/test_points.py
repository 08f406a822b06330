"""Sets of points: what is pushed is popped, up to the order; and integers as tokens in the same streams."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pyggc.entropy import DyadicModel, HybridInteger, RansDecoder, RansEncoder, pop_points, push_points
from pyggc.errors import BitstreamError

Points = tuple[int, int, NDArray[np.int32], NDArray[np.int32]]


@st.composite
def point_sets(draw: st.DrawFn) -> Points:
    width, height = (draw(st.integers(1, 40) | st.integers(1, 1 << 20)) for _ in range(2))
    points = draw(st.lists(st.tuples(st.integers(0, width - 1), st.integers(0, height - 1)), max_size=60))
    # Coinciding points are the rare case that a tree ends with.
    points += points[: draw(st.integers(0, 3))]
    x, y = np.array(points, np.int32).reshape(-1, 2).T
    return width, height, x, y


@given(point_sets())
def test_points_come_back_in_the_order_of_the_leaves(case: Points) -> None:
    width, height, x, y = case
    encoder = RansEncoder()
    leaves, order = push_points(encoder, width, height, x, y)
    decoder = RansDecoder(encoder.finish())
    found = pop_points(decoder, width, height, len(x))
    decoder.finish()
    for mine, theirs in zip(leaves, found, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert sorted(order) == list(range(len(x)))
    for origin, log_size, at in ((found.x, found.log_width, x[order]), (found.y, found.log_height, y[order])):
        assert (origin <= at).all()
        assert (at < origin + (1 << log_size)).all()
    # A leaf holds one point, or one pixel.
    alone = (found.log_width > 0) | (found.log_height > 0)
    corners = list(zip(found.x[alone], found.y[alone], strict=True))
    assert len(set(corners)) == len(corners)


def test_the_order_costs_nothing() -> None:
    rng = np.random.default_rng(0)
    count, side = 4000, 512
    x, y = rng.integers(0, side, (2, count), np.int32)
    encoder = RansEncoder()
    leaves, _ = push_points(encoder, side, side, x, y)
    rest = float((leaves.log_width + leaves.log_height).sum())
    bits = 8 * len(encoder.finish()) + rest
    set_bits = count * 2 * math.log2(side) - math.lgamma(count + 1) / math.log(2)
    assert bits == pytest.approx(set_bits, rel=0.02)


@given(st.binary(max_size=60), st.integers(0, 300), st.integers(1, 600), st.integers(1, 600))
def test_any_bytes_give_points_within_the_image_or_an_error(data: bytes, count: int, width: int, height: int) -> None:
    try:
        leaves = pop_points(RansDecoder(data), width, height, count)
    except BitstreamError:
        return
    assert len(leaves.x) == count
    assert sorted(leaves.rank) == list(range(count))
    assert (leaves.x >= 0).all()
    assert (leaves.y >= 0).all()
    assert (leaves.x < width).all()
    assert (leaves.y < height).all()


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (1 << 30, 5)])
def test_a_size_that_keys_cannot_hold_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="width and height"):
        pop_points(RansDecoder(b""), *size, 1)


SPLITS = [HybridInteger(), HybridInteger(8, 8, 0), HybridInteger(16, 8, 1), HybridInteger(16, 4, 2)]


@given(st.sampled_from(SPLITS), st.data())
def test_integers_are_tokens_and_then_bits(split: HybridInteger, data: Any) -> None:
    values = np.array(data.draw(st.lists(st.integers(0, split.max_value), max_size=80)), np.int64)
    contexts = data.draw(st.none() | st.just(np.arange(len(values)) % 3))
    models = [DyadicModel(split.num_tokens, 3) for _ in range(3)]
    together, apart = RansEncoder(), RansEncoder()
    together.push_integers(values, split, models[0], contexts)
    tokens, extra, widths = split.encode(values)
    apart.push(tokens, models[1], contexts)
    apart.push_bits(extra, widths)
    stream = together.finish()
    assert stream == apart.finish()
    decoder = RansDecoder(stream)
    np.testing.assert_array_equal(decoder.pop_integers(len(values), split, models[2], contexts), values)
    decoder.finish()


def test_integers_that_tokens_do_not_reach_are_refused() -> None:
    split, model, encoder = HybridInteger(), DyadicModel(16), RansEncoder()
    with pytest.raises(ValueError, match=r"values must lie in \[0, 2047\], but element 1 is 2048"):
        encoder.push_integers([3, 2048], split, model)
    with pytest.raises(ValueError, match="a symbol for each token"):
        encoder.push_integers([3], split, DyadicModel(15))
    with pytest.raises(ValueError, match="a symbol for each token"):
        RansDecoder(b"").pop_integers(1, split, DyadicModel(15))
    assert encoder.finish() == b""
