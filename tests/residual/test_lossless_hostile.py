"""Hostile tiles: whatever the bytes are, a tile or a `BitstreamError`."""

from __future__ import annotations

import contextlib
import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tile_strategies import dtypes, shapes, tile

from pyggc.errors import BitstreamError, TruncatedStream
from pyggc.residual import decode_lossless_tile, encode_lossless_tile, packed, predictive

SHAPE = (24, 20, 3)
TILES = {
    "predicted": bytes([0]) + predictive.encode_tile(tile("smooth", SHAPE, "uint16", 1)),
    "ranked": bytes([0]) + predictive.encode_tile(tile("scaled", SHAPE, "uint16", 1)),
    "packed": bytes([1]) + packed.encode_tile(tile("smooth", SHAPE, "uint16", 1)),
    "palette": bytes([1]) + packed.encode_tile(tile("constant", SHAPE, "uint16", 1)),
}


@pytest.mark.parametrize("name", TILES)
def test_every_truncation_is_refused(name: str) -> None:
    data = TILES[name]
    decode_lossless_tile(data, SHAPE, "uint16")
    for size in range(len(data)):
        with pytest.raises(BitstreamError, match="tile 7"):
            decode_lossless_tile(data[:size], SHAPE, "uint16", section="tile 7")


@pytest.mark.parametrize("name", TILES)
def test_the_end_is_known(name: str) -> None:
    data = TILES[name]
    for size in range(max(0, len(data) - 40), len(data) - 8):
        with pytest.raises(TruncatedStream):
            decode_lossless_tile(data[:size], SHAPE, "uint16")
    for more in (b"\0", b"\xff", bytes(9)):
        with pytest.raises(BitstreamError):
            decode_lossless_tile(data + more, SHAPE, "uint16")


@pytest.mark.parametrize("name", TILES)
def test_flipped_bits(name: str) -> None:
    data = TILES[name]
    for bit in range(0, 8 * len(data), 1 if len(data) < 300 else 7):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(BitstreamError):
            found = decode_lossless_tile(bytes(flipped), SHAPE, "uint16")
            assert found.shape == SHAPE


@given(data=st.binary(max_size=200), shape=shapes, dtype=dtypes, mode=st.sampled_from([0, 1]))
def test_random_bytes(data: bytes, shape: tuple[int, ...], dtype: str, mode: int) -> None:
    with contextlib.suppress(BitstreamError):
        found = decode_lossless_tile(bytes([mode]) + data, shape, dtype)
        assert found.shape == shape
        assert found.dtype == dtype


@given(data=st.binary(min_size=20, max_size=400), flags=st.integers(0, 3), maximum=st.sampled_from([0, 1, 255, 65535]))
def test_random_bits_under_the_models(data: bytes, flags: int, maximum: int) -> None:
    with contextlib.suppress(BitstreamError):
        predictive.decode_tile(bytes([flags]) + maximum.to_bytes(2, "big") + data, (40, 30, 3), "uint16")


@pytest.mark.parametrize("name", TILES)
def test_another_shape(name: str) -> None:
    for shape in ((24, 20), (24, 20, 4), (1, 1, 3), (200, 200, 3)):
        with contextlib.suppress(BitstreamError):
            assert decode_lossless_tile(TILES[name], shape, "uint16").shape == shape


def test_a_sample_out_of_range_is_refused() -> None:
    data = predictive.encode_tile(np.full((4, 4), 300, np.uint16))
    with pytest.raises(BitstreamError):
        predictive.decode_tile(data, (4, 4), "uint8")
    for start in (b"\0\1\0", b"\4"):
        with pytest.raises(BitstreamError):
            predictive.decode_tile(start + bytes(20), (4, 4), "uint8")


@pytest.mark.parametrize("first", [b"", b"\2", b"\xff", b"\0\x10\0\0", b"\0\xf0\0\0", b"\1\x08", b"\1\x80"])
def test_unknown_flags_are_refused(first: bytes) -> None:
    with pytest.raises(BitstreamError):
        decode_lossless_tile(first, (4, 4), "uint8")


def test_a_color_transform_needs_three_channels() -> None:
    with pytest.raises(BitstreamError, match="flags for 2 channels"):
        predictive.decode_tile(b"\1\0\xff\0\0", (4, 4, 2), "uint8")


def test_a_bomb_gives_no_more_than_the_tile() -> None:
    settings = packed._lzma_filters(1, np.dtype(np.uint8), 16)
    bomb = lzma.compress(bytes(10**7), format=lzma.FORMAT_RAW, filters=settings)
    with pytest.raises(BitstreamError, match="16 bytes"):
        packed.decode_tile(b"\0" + bomb, (4, 4), "uint8")


def test_a_number_beyond_the_palette_is_refused() -> None:
    settings = packed._lzma_filters(1, np.dtype(np.uint8), 4)
    numbers = lzma.compress(b"\0\1\2\1", format=lzma.FORMAT_RAW, filters=settings)
    start = bytes([4, 1]) + bytes(6)
    with pytest.raises(BitstreamError, match="2 colors"):
        packed.decode_tile(start + numbers, (2, 2, 3), "uint8")


def test_a_failed_call_leaves_the_next_one_alone() -> None:
    samples = tile("smooth", SHAPE, "uint16", 1)
    with pytest.raises(BitstreamError):
        decode_lossless_tile(TILES["predicted"][:-5], SHAPE, "uint16")
    assert (decode_lossless_tile(encode_lossless_tile(samples), SHAPE, "uint16") == samples).all()
