"""Hostile files all the way to pixels: an image or a `GgcError`, in bounded memory, and no work beyond the limits."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_files import repaired
from hypothesis import given
from hypothesis import strategies as st

from pyggc import GaussianDecoder, Limits, decode
from pyggc.container import Container, Header, Section, read_container, write_container
from pyggc.container.compact import write_levels
from pyggc.errors import BitstreamError, GgcError, LimitExceeded, TruncatedStream
from pyggc.quantize import CompactPlan, CompactQuantizer

GOLDEN = {path.stem: path.read_bytes() for path in sorted((Path(__file__).parents[1] / "golden").glob("photo_*.ggc"))}
SMALLEST = min(GOLDEN.values(), key=len)
HEADER = 64

# Damage may ask for more pixels and Gaussians than the golden files have; these keep each of many tries short.
SMALL = Limits(max_pixels=2**16, max_gaussians=2**14, max_render_work=2**24)
MEMORY_BOUND = 32 * 2**20


@contextmanager
def bounded_memory() -> Iterator[None]:
    """NumPy reports its arrays to tracemalloc, so the decoder's own are counted."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_BOUND


def image_or_refusal(data: bytes, limits: Limits = SMALL) -> bool:
    """Whether there is an image: then it is of the shape that the header declares, and the Gaussians are sound."""
    try:
        gaussians, about = GaussianDecoder(limits).loads(data)
    except GgcError as error:
        with pytest.raises(type(error), match=r" at byte \d+"):
            decode(data, limits=limits)
        return False
    assert all(np.isfinite(array).all() for array in (gaussians.means, gaussians.cholesky, gaussians.colors))
    try:
        pixels = decode(data, limits=limits)
    except LimitExceeded:
        return False
    assert pixels.shape[:2] == (about["height"], about["width"])
    assert pixels.dtype == {8: np.uint8, 16: np.uint16, 32: np.float32}[about["bit_depth"]]
    return True


@pytest.mark.parametrize("name", GOLDEN)
def test_the_files_themselves_are_well(name: str) -> None:
    assert repaired(GOLDEN[name]) == GOLDEN[name]
    assert image_or_refusal(GOLDEN[name])


@pytest.mark.parametrize("name", GOLDEN)
def test_every_truncation_is_refused(name: str) -> None:
    data = GOLDEN[name]
    for size in range(len(data)):
        with pytest.raises(BitstreamError):
            decode(data[:size])
        with pytest.raises(BitstreamError):
            GaussianDecoder().loads(data[:size])


def test_every_truncation_with_repaired_checksums_is_refused() -> None:
    for size in range(HEADER + 4, len(SMALLEST)):
        with pytest.raises(BitstreamError):
            decode(repaired(SMALLEST[:size]))


@pytest.mark.parametrize("tag", ["PLAN", "POSN", "COLR", "CHOL"])
@pytest.mark.parametrize("name", GOLDEN)
def test_every_truncation_of_a_section_is_refused(name: str, tag: str) -> None:
    container = read_container(GOLDEN[name])
    size = len(container.section(tag).data)
    for length in range(size):
        with pytest.raises(BitstreamError, match=f"section ({tag}|POSN|COLR|CHOL) at byte"):
            decode(with_section(container, tag, bytes(container.section(tag).data)[:length]))


@pytest.mark.parametrize("tag", ["PLAN", "POSN", "COLR", "CHOL"])
def test_bytes_after_a_section_s_end_are_refused(tag: str) -> None:
    container = read_container(SMALLEST)
    for extra in (b"\0", b"\xff", bytes(100)):
        with pytest.raises(BitstreamError):
            decode(with_section(container, tag, bytes(container.section(tag).data) + extra))


@pytest.mark.parametrize("name", GOLDEN)
def test_every_flipped_bit_is_noticed(name: str) -> None:
    data = GOLDEN[name]
    for bit in range(0, 8 * len(data), 3):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(GgcError):
            decode(damaged)


def test_every_flipped_bit_with_repaired_checksums_gives_an_image_or_is_refused() -> None:
    images = 0
    for bit in range(0, 8 * len(SMALLEST), 3):
        damaged = bytearray(SMALLEST)
        damaged[bit // 8] ^= 1 << bit % 8
        images += image_or_refusal(repaired(bytes(damaged)))
    assert 0 < images < 8 * len(SMALLEST) // 3


def with_section(container: Container, tag: str, data: bytes, **header: Any) -> bytes:
    sections = [Section(tag, data) if section.tag == tag else section for section in container.sections]
    head = container.header
    fields = {name: getattr(head, name) for name in ("width", "height", "num_gaussians", "channels", "bit_depth")}
    return write_container(Header(**(fields | {"alpha": head.alpha} | header)), sections, container.metadata)


@given(st.sampled_from(sorted(GOLDEN)), st.sampled_from(["POSN", "COLR", "CHOL"]), st.binary(max_size=300))
def test_random_bytes_in_a_section(name: str, tag: str, data: bytes) -> None:
    with bounded_memory():
        image_or_refusal(with_section(read_container(GOLDEN[name]), tag, data))


@given(st.sampled_from(sorted(GOLDEN)), st.data())
def test_random_edits_of_a_section(name: str, data: st.DataObject) -> None:
    container = read_container(GOLDEN[name])
    tag = data.draw(st.sampled_from(["PLAN", "POSN", "COLR", "CHOL"]))
    content = bytearray(container.section(tag).data)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with bounded_memory():
        image_or_refusal(with_section(container, tag, bytes(content)))


@given(
    st.sampled_from(sorted(GOLDEN)),
    st.integers(0, 2**14),
    st.integers(1, 2**8),
    st.integers(1, 2**8),
    st.sampled_from([1, 3, 4]),
)
def test_another_header_over_the_same_sections(name: str, count: int, width: int, height: int, channels: int) -> None:
    container = read_container(GOLDEN[name])
    plan = bytes(container.section("PLAN").data)
    header = {"num_gaussians": count, "width": width, "height": height, "channels": channels, "alpha": channels == 4}
    with bounded_memory():
        image_or_refusal(with_section(container, "PLAN", plan, **header))


def test_more_gaussians_than_the_bytes_can_hold() -> None:
    container = read_container(SMALLEST)
    plan = bytes(container.section("PLAN").data)
    with bounded_memory(), pytest.raises(LimitExceeded, match="at most 1048576 Gaussians, found 1048577"):
        decode(with_section(container, "PLAN", plan, num_gaussians=2**20 + 1))
    crowded = with_section(container, "PLAN", plan, num_gaussians=8 * len(SMALLEST) + 1)
    with bounded_memory(), pytest.raises(LimitExceeded, match=r"byte 16: expected at most 8 Gaussians for each byte"):
        decode(crowded)
    # Where the caller waives that, what the bytes can hold decides.
    waived = Limits(max_gaussians=2**21, max_gaussians_a_byte=2**21)
    with bounded_memory(), pytest.raises(BitstreamError):
        decode(with_section(container, "PLAN", plan, num_gaussians=2**21), limits=waived)
    empty = [Section("PLAN", plan), *(Section(tag, b"") for tag in ("POSN", "COLR", "CHOL"))]
    with bounded_memory(), pytest.raises(TruncatedStream, match="expected 2097152 Gaussians, found 0 bytes"):
        decode(write_container(Header(width=64, height=64, num_gaussians=2**21, channels=1), empty), limits=waived)


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """As many Gaussians as a reader takes, each as wide as they come: a valid file, and hours of work."""
    count, side = 2**20, 4096
    quantizer = CompactQuantizer(CompactPlan(1.0, scale_step=1), side, side, 1)
    levels = np.tile(np.array([[1, 448, 448, 0, 0, 0]], np.int32), (count, 1))
    header = Header(width=side, height=side, num_gaussians=count, channels=1)
    return write_container(header, write_levels(levels, quantizer))


def test_a_work_bomb_is_stopped_before_rendering(bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("rendered")

    monkeypatch.setattr("pyggc.codec.drawing.rasterize", never)
    gaussians, _ = GaussianDecoder().loads(bomb)
    assert len(gaussians) == 2**20
    assert gaussians.cholesky[:, :2].min() == 16384.0
    with pytest.raises(LimitExceeded, match=r"pixel evaluations to render.*max_render_work"):
        decode(bomb)
