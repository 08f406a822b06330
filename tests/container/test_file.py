import mmap
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyggc.container import Container, Header, Limits, Metadata, Section, image_hash, read_container, write_container
from pyggc.errors import BitstreamError, ChecksumMismatch, TruncatedStream, UnsupportedVersion

HEADER = Header(width=4, height=3, num_gaussians=2)
ANY_SIZE = Limits(max_pixels=2**64, max_image_bytes=2**70, max_gaussians=2**32)

u8, u32 = st.integers(0, 255), st.integers(0, 2**32 - 1)
headers = st.builds(
    Header,
    width=st.integers(1, 2**32 - 1),
    height=st.integers(1, 2**32 - 1),
    num_gaussians=u32,
    channels=st.just(4),
    bit_depth=st.sampled_from([8, 16, 32]),
    alpha=st.booleans(),
    position_bits=u8,
    cholesky_bits=u8,
    color_bits=u8,
    tile_size=st.integers(0, 2**16 - 1),
)
section_lists = st.dictionaries(st.from_regex(r"[A-Za-z][A-Za-z0-9]{3}", fullmatch=True), st.binary(), max_size=6).map(
    lambda table: [Section(tag, data) for tag, data in table.items()]
)
metadata_blocks = st.none() | st.builds(
    Metadata, image_hash=u32, tags=st.dictionaries(st.text("abc", min_size=1), st.binary() | st.text("äöü"), max_size=3)
)


def sealed(header, body):
    """A file around any body: right length, right checksums."""
    head = bytearray(header)
    head[44:52] = struct.pack(">Q", 64 + len(body) + 4)
    head[28:32] = bytes(4)
    head[28:32] = struct.pack(">I", zlib.crc32(head))
    return bytes(head) + body + struct.pack(">I", zlib.crc32(body))


def with_sections(count, body):
    return sealed(write_container(HEADER, [])[:40] + struct.pack(">H", count) + bytes(22), body)


@given(headers, section_lists, metadata_blocks)
def test_round_trip(header, sections, metadata):
    data = write_container(header, sections, metadata)
    known = {section.tag for section in sections}
    read = read_container(data, ANY_SIZE, known_tags=known)
    assert read == Container(header, metadata, tuple(sections))
    assert read.header.file_size == len(data)
    assert read.header.num_sections == len(sections)
    for section in read.sections:
        assert data[section.offset : section.offset + len(section.data)] == section.data
    assert write_container(read.header, read.sections, read.metadata) == data


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)])
def test_any_buffer_is_read_without_a_copy(wrap):
    payload = bytes(1 << 20)
    data = wrap(write_container(HEADER, [Section("COLR", payload)]))
    tracemalloc.start()
    try:
        section = read_container(data).section("COLR")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert section.data == payload
    assert section.data.readonly
    assert peak < 100_000


def test_a_memory_map_is_read(tmp_path):
    path = tmp_path / "a.ggc"
    path.write_bytes(write_container(HEADER, [Section("COLR", b"abc")]))
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        container = read_container(mapped)
        assert bytes(container.section("COLR").data) == b"abc"
        del container


def test_sections_are_found_or_missed_by_name():
    container = read_container(write_container(HEADER, [Section("POSN", b"abc"), Section("COLR", b"")]))
    assert container.find("CHOL") is None
    with pytest.raises(BitstreamError, match="section table at byte 64: expected a section CHOL, found POSN, COLR"):
        container.section("CHOL")
    with pytest.raises(TruncatedStream, match="section POSN at byte 80: needs 4 bytes, 3 remain"):
        container.section("POSN").reader().u32()


@pytest.mark.parametrize("tag", ["", "COL", "COLRS", "1OLR", "CO R", "CÖLR", "COL\n"])
def test_bad_tags(tag):
    with pytest.raises(ValueError, match="tag: expected four"):
        Section(tag, b"")


def test_bad_arguments():
    with pytest.raises(ValueError, match="got COLR 2 times"):
        write_container(HEADER, [Section("COLR", b""), Section("POSN", b""), Section("COLR", b"x")])
    with pytest.raises(TypeError, match="got str"):
        Section("COLR", "text")
    with pytest.raises(TypeError, match="data: expected a bytes-like object, got NoneType"):
        read_container(None)


def test_critical_sections_must_be_known_and_ancillary_ones_need_not():
    data = write_container(HEADER, [Section("note", b"abc"), Section("NOTE", b"abc")])
    with pytest.raises(UnsupportedVersion, match=r"section table at byte 72: .*found NOTE"):
        read_container(data)
    assert [section.tag for section in read_container(data, known_tags={"NOTE"}).sections] == ["note", "NOTE"]


@pytest.mark.parametrize(
    ("count", "body", "error", "message"),
    [
        (1, b"", TruncatedStream, "section table at byte 64: needs 4 bytes, 0 remain"),
        (1, b"COLR\0\0", TruncatedStream, "section table at byte 68: needs 4 bytes, 2 remain"),
        (1, b"COLR\0\0\0\x05abcd", TruncatedStream, "section COLR at byte 72: needs 5 bytes, 4 remain"),
        (1, b"COLR\xff\xff\xff\xff", TruncatedStream, "section COLR at byte 72: needs 4294967295 bytes, 0 remain"),
        (1, b"\x1b[2J\xff\xff\xff\xff", TruncatedStream, r"section b'\\x1b\[2J' at byte 72"),
        (1, b"COLR\0\0\0\x02abcd", BitstreamError, "footer at byte 74: expected it right after .*found 2 more"),
        (0, b"ab", BitstreamError, "footer at byte 64: .*found 2 more"),
        (2, b"COLR\0\0\0\0COLR\0\0\0\0", BitstreamError, "section table at byte 72: expected one section COLR"),
        (1, b"COL\0\0\0\0\0", BitstreamError, r"section table at byte 64: expected a tag .*found b'COL\\x00'"),
        (1, b"\xe4OLR\0\0\0\0", BitstreamError, "expected a tag"),
    ],
)
def test_malformed_tables(count, body, error, message):
    with pytest.raises(error, match=message):
        read_container(with_sections(count, body))


@pytest.mark.parametrize("size", [64, 67])
def test_a_file_too_short_for_its_footer(size):
    head = bytearray(write_container(HEADER, [])[:64])
    head[44:52] = struct.pack(">Q", size)
    head[28:32] = bytes(4)
    head[28:32] = struct.pack(">I", zlib.crc32(head))
    with pytest.raises(TruncatedStream, match=f"footer at byte 64: needs 4 bytes, {size - 64} remain"):
        read_container(bytes(head) + bytes(size - 64))


def test_lengths_that_differ_from_the_declared_one():
    data = write_container(HEADER, [Section("COLR", b"abc")])
    with pytest.raises(TruncatedStream, match="file at byte 78: the header declares 79 bytes, 78 are there"):
        read_container(data[:-1])
    with pytest.raises(BitstreamError, match="file at byte 79: the header declares the end here, found 1 more"):
        read_container(data + b"\n")


def test_a_damaged_body_fails_its_checksum():
    data = bytearray(write_container(HEADER, [Section("COLR", b"abc")]))
    data[73] ^= 1
    with pytest.raises(ChecksumMismatch, match="footer at byte 75: expected CRC-32"):
        read_container(data)


def test_metadata_larger_than_the_file():
    data = write_container(HEADER, [], Metadata())
    head = bytearray(data[:64])
    head[24:28] = struct.pack(">I", 13)
    with pytest.raises(TruncatedStream, match="metadata at byte 64: needs 13 bytes, 12 remain"):
        read_container(sealed(head, data[64:-4]))


@given(
    st.sampled_from(["u1", "<u2", ">u2", "<f4", ">f4"]),
    st.integers(0, 5),
    st.integers(0, 4),
    st.sampled_from([None, 1, 3]),
)
def test_the_image_hash_ignores_byte_order_and_layout(dtype, height, width, channels):
    shape = (height, width) if channels is None else (height, width, channels)
    image = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    expected = zlib.crc32(image.astype(np.dtype(dtype).newbyteorder("<")).tobytes())
    assert image_hash(image) == expected
    assert image_hash(np.asfortranarray(image)) == expected
    assert image_hash(np.repeat(image, 2, axis=0)[::2]) == expected


def test_the_image_hash_of_an_image_of_many_strips():
    image = np.random.default_rng(0).integers(0, 65536, (1500, 700, 3), np.uint16)
    assert image_hash(image) == zlib.crc32(image.astype("<u2").tobytes())


def test_the_image_hash_refuses_other_arrays():
    with pytest.raises(TypeError, match="image: expected dtype uint8, uint16 or float32, got float64"):
        image_hash(np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"image: expected shape .*got \(4,\)"):
        image_hash(np.zeros(4, np.uint8))
