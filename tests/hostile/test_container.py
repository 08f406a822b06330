"""Hostile files: only `GgcError`, in little memory, and never a wrong answer."""

import itertools
import struct
import tracemalloc
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest
from hostile_files import crc, repaired
from hypothesis import example, given
from hypothesis import strategies as st

from pyggc.container import Header, Limits, Metadata, Section, read_container, read_header, write_container
from pyggc.errors import BitstreamError, ChecksumMismatch, GgcError

FILE = write_container(
    Header(width=31, height=17, num_gaussians=5, channels=4, alpha=True, tile_size=16),
    [Section("PLAN", b"\x01\x02"), Section("POSN", b"position"), Section("COLR", b""), Section("note", b"!")],
    Metadata(
        timestamp=datetime(2024, 1, 1, tzinfo=UTC),
        image_hash=7,
        psnr=31.5,
        ssim=0.9,
        tags={"k": "v", "icc": b"\x00\xff"},
    ),
)
BODY = 64

# A parser of a file of a few hundred bytes has no business with more.
MEMORY_BOUND = 256 * 1024


@contextmanager
def little_memory():
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MEMORY_BOUND


def flips(data):
    for position, bit in itertools.product(range(len(data)), range(8)):
        damaged = bytearray(data)
        damaged[position] ^= 1 << bit
        yield position, bytes(damaged)


def parse_or_refuse(data):
    """A valid parse survives being written again; anything else is an error of ours."""
    with suppress(BitstreamError):
        read_header(data)
    try:
        container = read_container(data)
    except BitstreamError:
        return None
    again = write_container(container.header, container.sections, container.metadata)
    assert read_container(again) == container
    return container


def test_the_file_itself_is_well():
    assert parse_or_refuse(FILE) is not None
    assert repaired(FILE) == FILE


def test_every_truncation_is_refused():
    for size in range(len(FILE)):
        with pytest.raises(BitstreamError):
            read_container(FILE[:size])


def test_every_truncation_with_repaired_checksums_is_refused():
    for size in range(BODY + 4, len(FILE)):
        with pytest.raises(BitstreamError):
            read_container(repaired(FILE[:size]))


def test_every_extension_is_refused():
    for extra in (b"\x00", b"\n", FILE):
        with pytest.raises(BitstreamError):
            read_container(FILE + extra)
        with pytest.raises(BitstreamError):
            read_container(repaired(FILE + extra))


def test_every_flipped_bit_is_refused():
    for position, damaged in flips(FILE):
        with pytest.raises(GgcError):
            read_container(damaged)
        if position >= BODY:
            assert read_header(damaged).width == 31


def test_a_flipped_bit_outside_the_structure_is_called_damage():
    contents = [section.offset for section in read_container(FILE).sections if len(section.data)]
    for position in contents:
        damaged = bytearray(FILE)
        damaged[position] ^= 0x10
        with pytest.raises(ChecksumMismatch):
            read_container(damaged)


def test_every_flipped_bit_with_repaired_checksums_parses_or_is_refused():
    parsed = 0
    with little_memory():
        for _, damaged in flips(FILE):
            parsed += parse_or_refuse(repaired(damaged)) is not None
    assert 0 < parsed < 8 * len(FILE)


@given(st.data())
def test_random_edits_with_repaired_checksums_parse_or_are_refused(data):
    damaged = bytearray(FILE)
    for _ in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, len(damaged) - 5))
        match data.draw(st.sampled_from(["set", "insert", "delete"])):
            case "set":
                damaged[position] = data.draw(st.integers(0, 255))
            case "insert":
                damaged[position:position] = data.draw(st.binary(min_size=1, max_size=9))
            case "delete":
                del damaged[position : position + data.draw(st.integers(1, 9))]
        damaged += bytes(max(0, BODY + 4 - len(damaged)))
    with little_memory():
        parse_or_refuse(repaired(bytes(damaged)))


@given(st.binary(max_size=200))
@example(b"")
@example(b"GGC\x00")
def test_random_bytes_are_refused(data):
    with little_memory(), pytest.raises(BitstreamError):
        read_container(data)


@given(st.binary(min_size=60, max_size=200))
def test_random_bytes_behind_the_magic_with_a_right_checksum(data):
    with little_memory():
        parse_or_refuse(repaired(b"GGC\x00\x01\x00" + data[2:] + bytes(6)))


@given(st.binary(max_size=200), st.integers(0, 60), st.integers(0, 4))
def test_random_bytes_behind_a_valid_header(body, metadata_size, num_sections):
    head = bytearray(FILE[:BODY])
    head[7] = head[7] & ~1 | (metadata_size > 0)
    head[24:28] = struct.pack(">I", metadata_size)
    head[40:42] = struct.pack(">H", num_sections)
    with little_memory():
        parse_or_refuse(repaired(bytes(head) + body + bytes(4)))


@pytest.mark.parametrize("limits", [Limits(), Limits(**dict.fromkeys(Limits.__dataclass_fields__, 2**200))])
def test_huge_declared_sizes_cost_no_memory(limits):
    sizes = [(8, 4), (12, 4), (16, 4), (24, 4), (40, 2), (44, 8)]
    for count in range(1, len(sizes) + 1):
        for chosen in itertools.combinations(sizes, count):
            damaged = bytearray(FILE)
            for offset, width in chosen:
                damaged[offset : offset + width] = b"\xff" * width
            damaged[28:32] = bytes(4)
            damaged[28:32] = crc(damaged[:BODY])
            declares_image_only = all(offset < 24 for offset, _ in chosen)
            with little_memory():
                if declares_image_only and limits.max_pixels > 2**64:
                    # Legal as far as a container goes; what is drawn in it is the codec's business.
                    assert read_container(damaged, limits).header.file_size == len(FILE)
                else:
                    with pytest.raises(BitstreamError):
                        read_container(damaged, limits)


def test_many_empty_records_are_limited_before_they_cost_memory():
    body = bytes(12) + bytes([99, 0]) * 50_000
    head = bytearray(FILE[:BODY])
    head[24:28] = struct.pack(">I", len(body))
    head[40:42] = bytes(2)
    data = repaired(bytes(head) + body + bytes(4))
    with little_memory(), pytest.raises(BitstreamError, match="at most 1024 metadata records"):
        read_container(data)


def test_a_wrong_checksum_hides_nothing_huge():
    damaged = bytearray(FILE)
    damaged[8:20] = b"\xff" * 12
    with little_memory(), pytest.raises(ChecksumMismatch, match="header at byte 28"):
        read_container(damaged)
