"""Hostile sections and tiles: an image or a `BitstreamError`, the same from every variant."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from residual_strategies import any_tile
from test_residual_golden import ABOUT, MAKER

from pyggc._native import _residual
from pyggc.errors import BitstreamError, TruncatedStream
from pyggc.residual import LayerReader, LossyPlan
from pyggc.residual.transform import decode_tiles, encode_tile

SECTIONS = {name: bytes.fromhex(about["section"]) for name, about in ABOUT.items()}
BASES = {name: MAKER.arrays_of(case)[1] for name, case in MAKER.CASES.items()}
VARIANTS = range(len(_residual.variants()))


def decodes(name: str, data: bytes) -> bool:
    """Whether a section is an image of the case's shape."""
    case = MAKER.CASES[name]
    height, width, channels = case.shape
    try:
        decoded = case.reader(data).decode(BASES[name], (0, 0, width, height), case.dtype, threads=1)
    except BitstreamError as error:
        message = str(error)
    else:
        assert decoded.shape == (height, width, channels)
        return True
    assert message.startswith("section RESI at byte ")
    return False


def tile_decodes(data: bytes, shape: tuple[int, int, int], steps: np.ndarray | None) -> bool:
    """Whether all variants take a tile, and give the same; else they say the same, after the same samples."""
    found = set()
    for variant in VARIANTS:
        out = np.full(shape, 77, np.uint8)
        try:
            _residual.read_tiles([(data, np.zeros(shape, np.uint16), out, "a tile")], steps, variant, 1)
            found.add((out.tobytes(), ""))
        except BitstreamError as error:
            found.add((out.tobytes(), str(error)))
    assert len(found) == 1
    return found.pop()[1] == ""


@pytest.mark.parametrize("name", SECTIONS)
def test_every_truncation_is_refused(name):
    assert decodes(name, SECTIONS[name])
    for size in range(len(SECTIONS[name])):
        assert not decodes(name, SECTIONS[name][:size])
    assert not decodes(name, SECTIONS[name] + b"\0")


@pytest.mark.parametrize("name", SECTIONS)
def test_flipped_bits(name):
    data, rng = SECTIONS[name], random.Random(name)
    refused = 0
    for bit in rng.sample(range(8 * len(data)), min(8 * len(data), 1500)):
        damaged = bytearray(data)
        damaged[bit >> 3] ^= 1 << (bit & 7)
        refused += not decodes(name, bytes(damaged))
    assert refused


@given(st.sampled_from(list(SECTIONS)), st.binary(max_size=300), st.booleans())
def test_random_bytes_after_a_good_beginning(name, data, plan):
    decodes(name, (SECTIONS[name][: 5 if plan else 0]) + data)


@given(
    st.binary(max_size=200),
    st.tuples(st.integers(1, 1100), st.integers(1, 70), st.integers(1, 4)),
    st.sampled_from([None, 1, 64, 2**24 - 1]),
)
def test_random_tiles(data, shape, step):
    tile_decodes(data, shape, None if step is None else np.full((shape[2], 8), step, np.int32))


@given(st.integers(0, 2**32 - 1))
def test_tiles_of_any_levels_cut_and_lengthened(seed):
    rng = random.Random(seed)
    shape = rng.randint(1, 20), rng.randint(1, 20), rng.randint(1, 4)
    data = any_tile(rng, shape, lossless=True, calm=rng.choice((0.0, 1.0, 3.0)))
    assert tile_decodes(data, shape, None)
    assert not tile_decodes(data[: rng.randrange(len(data))], shape, None)
    assert not tile_decodes(data + rng.randbytes(rng.randint(1, 9)), shape, None)


def test_no_byte_holds_a_large_tile():
    """Symbols that cost nearly nothing end with the stream, long before a tile of the largest side does."""
    shape = 1024, 1024, 4
    for size in range(1, 9):
        symbols = bytes([1, *[0] * (size - 1)])
        assert not tile_decodes(bytes([0, size]) + symbols, shape, None)


def read_tile(data, base, steps, out):
    _residual.read_tiles([(data, base, out, "here")], steps, 0, 1)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (b"", TruncatedStream, "expected a tile, found no bytes"),
        (b"\0", TruncatedStream, "expected more than the 1 bytes that remain"),
        (b"\0\x80\x80", TruncatedStream, "expected more than the 3 bytes"),
        (b"\0\5\1", TruncatedStream, "expected more than the 3 bytes"),
        (b"\1\0", BitstreamError, "found tools that no encoder writes"),
        (b"\0\x80\0", BitstreamError, "found a size that no encoder writes"),
        (b"\0\xff\xff\xff\xff\xff\1", BitstreamError, "found a size that no encoder writes"),
        (b"\0\1\0", BitstreamError, "found symbols that no encoder writes"),
    ],
)
def test_what_is_refused(data, error, message):
    with pytest.raises(error, match=f"^here: .*{message}"):
        read_tile(data, np.zeros((4, 4, 3), np.uint16), None, np.zeros((4, 4, 3), np.uint8))


def test_chroma_from_luma_needs_chroma():
    with pytest.raises(BitstreamError, match="found tools"):
        read_tile(b"\x08\0", np.zeros((4, 4, 2), np.uint16), None, np.zeros((4, 4, 2), np.uint8))


def test_more_tiles_than_bytes_are_refused_at_once():
    with pytest.raises(BitstreamError, match=r"section RESI at byte 7: expected 1099511627776 tiles, found 3 bytes"):
        LayerReader(b"abc", 7, (2**25, 2**25), 3, 32, lossless=True)


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_the_first_of_several_bad_tiles_is_named(threads):
    shape = (32, 32, 3)
    steps = LossyPlan(32).steps(3)
    good, _, _ = encode_tile(np.zeros(shape, np.uint8), np.zeros(shape, np.uint16), steps)
    under = np.zeros(shape, np.uint16)
    tiles = [
        (b"\1" if number in (11, 12, 40) else good, under, np.full(shape, 9, np.uint8), f"tile {number}")
        for number in range(64)
    ]
    with pytest.raises(TruncatedStream, match="tile 11: expected more than the 1 bytes"):
        decode_tiles(tiles, steps, threads)
    assert all((out == 0).all() for _, _, out, _ in tiles[:11])


def test_a_tile_of_no_bytes_is_refused():
    with pytest.raises(TruncatedStream, match="section RESI at byte 10: tile 0"):
        LayerReader(b"\0", 9, (4, 4), 1, 32, lossless=True).decode(
            np.zeros((4, 4, 1), np.uint16), (0, 0, 4, 4), np.dtype(np.uint8)
        )


@pytest.mark.parametrize(
    ("samples", "base", "steps", "message"),
    [
        ((4, 4, 5), (4, 4, 5), None, "a tile must have"),
        ((0, 4, 1), (0, 4, 1), None, "a tile must have"),
        ((4, 4, 1), (4, 3, 1), None, "shape of the samples"),
        ((4, 4, 2), (4, 4, 2), np.ones((1, 8), np.int32), r"steps must have shape \(2, 8\)"),
        ((4, 4, 1), (4, 4, 1), np.zeros((1, 8), np.int32), "steps must be from 1"),
        ((4, 4, 1), (4, 4, 1), np.full((1, 8), 2**24, np.int32), "steps must be from 1"),
    ],
)
def test_arguments_that_are_refused(samples, base, steps, message):
    with pytest.raises(ValueError, match=message):
        read_tile(b"\0\0", np.zeros(base, np.uint16), steps, np.zeros(samples, np.uint8))


def test_samples_that_do_not_lie_side_by_side_are_refused():
    wide, base = np.zeros((4, 8, 3), np.uint8), np.zeros((4, 8, 3), np.uint16)
    for out in (wide[:, ::2], wide[:, :4, ::-1], wide[::-1, :4]):
        with pytest.raises(ValueError, match="samples of a tile must lie side by side"):
            read_tile(b"\0\0", base[:, :4], None, out)
    for under in (base[:, ::2], base[::-1, :4]):
        with pytest.raises(ValueError, match="samples of the base must lie side by side"):
            read_tile(b"\0\0", under, None, wide[:, :4])
