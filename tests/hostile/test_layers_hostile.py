"""Hostile residual layers all the way to pixels: an image or a `GgcError`, in bounded memory."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hostile_files import repaired, seeds
from hypothesis import given
from hypothesis import strategies as st

from pyggc import Limits, decode, encode
from pyggc.container import Residual, Section, read_container, write_container
from pyggc.container.compact import write_levels
from pyggc.errors import BitstreamError, GgcError, LimitExceeded
from pyggc.quantize import CompactPlan, CompactQuantizer

NAMES = ["encoded_lossy", "encoded_lossless"]
SMALL = Limits(max_pixels=2**16, max_gaussians=2**13, max_render_work=2**22)


@cache
def content(name: str) -> bytes:
    """Of the section RESI."""
    return bytes(read_container(seeds()[name]).section("RESI").data)


def with_residual(name: str, data: bytes, **header: int) -> bytes:
    container = read_container(seeds()[name])
    sections = [Section("RESI", data) if section.tag == "RESI" else section for section in container.sections]
    return write_container(replace(container.header, **header), sections, container.metadata)  # type: ignore[arg-type]


def image_or_refusal(data: bytes) -> bool:
    """Whether there is an image at the original's size; then there is one at others, and the other way round."""
    results = []
    for size in (None, (5, 3)):
        try:
            decode(data, size=size, limits=SMALL, threads=1)
            results.append(True)
        except GgcError:
            results.append(False)
    assert results[0] == results[1]
    return results[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_of_the_section_is_refused(name: str) -> None:
    for size in range(len(content(name))):
        with pytest.raises(BitstreamError, match="section RESI at byte"):
            decode(with_residual(name, content(name)[:size]))


@pytest.mark.parametrize("name", NAMES)
def test_bytes_after_the_section_s_end_are_refused(name: str) -> None:
    for extra in (b"\0", b"\xff", bytes(100)):
        with pytest.raises(BitstreamError, match="section RESI at byte"):
            decode(with_residual(name, content(name) + extra))


@pytest.mark.parametrize("name", NAMES)
def test_every_flipped_bit_gives_an_image_or_is_refused(name: str) -> None:
    for bit in range(0, 8 * len(content(name)), 3):
        damaged = bytearray(content(name))
        damaged[bit // 8] ^= 1 << bit % 8
        image_or_refusal(with_residual(name, bytes(damaged)))


@given(st.sampled_from(NAMES), st.binary(max_size=300))
def test_random_bytes(name: str, data: bytes) -> None:
    image_or_refusal(with_residual(name, data))


@given(st.sampled_from(NAMES), st.binary(max_size=200))
def test_random_bytes_behind_a_right_start(name: str, data: bytes) -> None:
    start = content(name)[:9]
    image_or_refusal(with_residual(name, start + data))


@given(
    st.sampled_from(NAMES),
    st.integers(1, 300),
    st.integers(1, 300),
    st.sampled_from([8, 16]),
    st.sampled_from([Residual.LOSSY, Residual.LOSSLESS]),
    st.integers(1, 32).map(lambda units: 32 * units),
)
def test_another_header(name: str, width: int, height: int, depth: int, residual: Residual, side: int) -> None:
    header = {"width": width, "height": height, "bit_depth": depth, "residual": residual, "tile_size": side}
    image_or_refusal(with_residual(name, content(name), **header))


@pytest.mark.parametrize("name", NAMES)
def test_a_section_that_the_header_denies_is_refused(name: str) -> None:
    with pytest.raises(BitstreamError, match=r"header at byte 36: expected a residual"):
        decode(with_residual(name, content(name), residual=Residual.NONE, tile_size=0))


def test_more_tiles_than_bytes() -> None:
    stream = encode(np.zeros((8, 8), np.uint8), layers="residual", lossless=True)
    container = read_container(stream)
    header = replace(container.header, width=2**19, height=2**19, tile_size=32)
    unlimited = Limits(max_pixels=2**40, max_image_bytes=2**44)
    with pytest.raises(BitstreamError, match=r"section RESI at byte \d+: expected 268435456 tiles, found \d+ bytes"):
        decode(write_container(header, container.sections), region=(0, 0, 1, 1), limits=unlimited)


def test_the_tiles_of_a_few_bytes_hold_no_work_bomb() -> None:
    """However few pixels are wanted: a pixel takes all of its tile, and another size all of the image."""
    side, count = 4096, 1000
    quantizer = CompactQuantizer(CompactPlan(1.0, scale_step=1), side, side, 1)
    levels = np.tile(np.array([[1, 448, 448, 0, 0, 0]], np.int32), (count, 1))
    container = read_container(seeds()["encoded_lossless"])
    header = replace(
        container.header, width=side, height=side, num_gaussians=count, channels=1, residual=2, tile_size=1024
    )
    tiles = Section("RESI", bytes([1]) * 16 + bytes(16))
    data = write_container(header, [*write_levels(levels, quantizer), tiles])
    limits = Limits(max_gaussians_a_byte=1000, max_render_work=10**7)
    assert decode(data, region=(0, 0, 1, 1), layers="gaussian", limits=limits).shape == (1, 1)
    for size in (None, (2, 2)):
        with pytest.raises(LimitExceeded, match="pixel evaluations to render"):
            decode(data, size=size, region=(0, 0, 1, 1), limits=limits)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_cut_off_and_then_repaired_is_not_cut_off(name: str) -> None:
    data = seeds()[name]
    for size in range(64 + 4, len(data)):
        with pytest.raises(GgcError):
            decode(repaired(data[:size]), strict=False)
