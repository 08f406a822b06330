"""Tiles come back as they were, from either coder, and the smaller of both is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tile_strategies import KINDS, Tile, tile, tiles

from pyggc.errors import BitstreamError
from pyggc.residual import decode_lossless_tile, encode_lossless_tile, packed, predictive

PAIRS = {
    "lossless": (encode_lossless_tile, decode_lossless_tile),
    "predictive": (predictive.encode_tile, predictive.decode_tile),
    "packed": (packed.encode_tile, packed.decode_tile),
}


def same(found: Tile, expected: Tile) -> bool:
    return found.dtype == expected.dtype and found.shape == expected.shape and bool((found == expected).all())


@pytest.mark.parametrize("name", PAIRS)
@given(samples=tiles)
def test_round_trip(name: str, samples: Tile) -> None:
    encode, decode = PAIRS[name]
    assert same(decode(encode(samples), samples.shape, samples.dtype), samples)


@given(samples=tiles, seed=st.integers(0, 2**32 - 1))
def test_round_trip_over_a_base(samples: Tile, seed: int) -> None:
    high = int(np.iinfo(samples.dtype).max)
    noise = np.random.default_rng(seed).integers(-3, 4, samples.shape)
    base = np.clip(samples.astype(np.int64) + noise, 0, high).astype(samples.dtype)
    data = predictive.encode_tile(samples, base)
    assert same(predictive.decode_tile(data, samples.shape, samples.dtype, base), samples)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_larger_tiles(kind: str, dtype: str, channels: int) -> None:
    samples = tile(kind, (70, 90, channels), dtype, 5)
    assert same(decode_lossless_tile(encode_lossless_tile(samples), samples.shape, dtype), samples)


def test_strided_tiles() -> None:
    image = tile("smooth", (40, 50, 3), "uint8", 1)
    part = image[3:33:2, 40:10:-1]
    assert same(decode_lossless_tile(encode_lossless_tile(part), part.shape, part.dtype), part)


def test_a_good_base_takes_bits_away() -> None:
    samples = tile("noise", (64, 64, 3), "uint8", 2)
    base = (samples // 4 * 4).astype(np.uint8)
    assert len(predictive.encode_tile(samples, base)) < 0.8 * len(predictive.encode_tile(samples))


@pytest.mark.parametrize("shift", [8, 6])
def test_few_bits_in_many_cost_as_much_as_few(shift: int) -> None:
    samples = tile("smooth", (64, 64, 3), "uint8", 3) >> (shift - 6)
    wide = samples.astype(np.uint16) << shift
    assert len(predictive.encode_tile(wide)) < len(predictive.encode_tile(samples)) + 200


def test_the_smaller_mode_is_chosen() -> None:
    block = np.random.default_rng(4).integers(0, 256, (16, 16), dtype=np.uint8)
    far = np.tile(block, (16, 16))  # repeats at distances that no context sees
    smooth = tile("smooth", (64, 64), "uint8", 4)
    for samples in (far, smooth):
        sizes = [len(predictive.encode_tile(samples)), len(packed.encode_tile(samples))]
        assert len(encode_lossless_tile(samples)) <= 1 + sizes[0]
    assert encode_lossless_tile(far)[0] == 1
    assert encode_lossless_tile(smooth)[0] == 0


def test_constant_tiles_cost_next_to_nothing() -> None:
    for dtype in ("uint8", "uint16"):
        assert len(encode_lossless_tile(np.full((256, 256, 3), 200, dtype))) < 100


def test_a_prediction_beats_png_on_a_photograph_like_tile() -> None:
    samples = tile("smooth", (128, 128, 3), "uint8", 6)
    assert len(predictive.encode_tile(samples)) < 0.8 * len(packed.encode_tile(samples))


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((2, 2), np.int16),
        np.zeros((2, 2), np.float32),
        np.zeros((0, 2), np.uint8),
        np.zeros((2, 2, 5), np.uint8),
        np.zeros((2, 2, 0), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((2, 2), np.dtype(np.uint16).newbyteorder()),
    ],
)
@pytest.mark.parametrize("name", PAIRS)
def test_other_arrays_are_refused(name: str, samples: Tile) -> None:
    encode, decode = PAIRS[name]
    with pytest.raises(ValueError, match="samples: "):
        encode(samples)
    with pytest.raises(ValueError, match="must be"):
        decode(b"\0\0\0\0", samples.shape, samples.dtype)


def test_other_bases_are_refused() -> None:
    samples = np.zeros((4, 4, 3), np.uint8)
    for base in (samples[:2], samples.astype(np.uint16), samples[..., :1]):
        with pytest.raises(ValueError, match="base must be uint8"):
            encode_lossless_tile(samples, base)
    data = predictive.encode_tile(samples, samples)
    with pytest.raises(ValueError, match="base must be uint8"):
        predictive.decode_tile(data, samples.shape, samples.dtype, samples[:2])
    with pytest.raises(BitstreamError, match="without a base"):
        predictive.decode_tile(data, samples.shape, samples.dtype)


def test_a_base_that_was_not_there_is_left_alone() -> None:
    samples = tile("smooth", (8, 8), "uint8", 7)
    assert same(decode_lossless_tile(encode_lossless_tile(samples), samples.shape, "uint8", samples), samples)
