import dataclasses
import pickle
import struct
import zlib

import numpy as np
import pytest

from pyggc.container import (
    Blend,
    Header,
    Limits,
    Plan,
    Residual,
    Section,
    read_container,
    read_header,
    write_container,
)
from pyggc.errors import BitstreamError, ChecksumMismatch, LimitExceeded, TruncatedStream, UnsupportedVersion

HEADER = Header(
    width=768, height=512, num_gaussians=3000, position_bits=12, cholesky_bits=6, color_bits=8, tile_size=64
)
DATA = write_container(HEADER, [Section("POSN", b"abc")])


def repaired(data):
    """The same bytes with a right header checksum."""
    head = data[:28] + bytes(4) + data[32:64]
    return data[:28] + struct.pack(">I", zlib.crc32(head)) + data[32:]


def patched(offset, value):
    return repaired(DATA[:offset] + value + DATA[offset + len(value) :])


def test_the_layout_is_that_of_the_specification():
    assert DATA[:24].hex() == "4747430001000000000003000000020000000bb80c060800"
    assert DATA[24:28] == bytes(4)
    assert DATA[32:64].hex() == f"080300000000004000010000{len(DATA):016x}" + "00" * 12


def test_the_first_64_bytes_are_enough():
    header = read_header(DATA[:64])
    assert header == HEADER
    assert (header.metadata_size, header.num_sections, header.file_size) == (0, 1, len(DATA))
    assert not header.has_metadata


def test_values_are_normalized_and_the_header_is_a_value():
    header = Header(width=np.int64(768), height=512, num_gaussians=3000, blend=0, alpha=np.bool_(False))
    assert type(header.width) is int
    assert header.blend is Blend.SUM
    assert header.plan is Plan.COMPACT
    assert pickle.loads(pickle.dumps(header)) == header
    assert dataclasses.replace(header, metadata_size=5) == header
    assert hash(header) == hash(dataclasses.replace(header))


@pytest.mark.parametrize(
    ("channels", "bit_depth", "shape", "dtype"),
    [(1, 8, (2, 5), np.uint8), (3, 16, (2, 5, 3), np.uint16), (4, 32, (2, 5, 4), np.float32)],
)
def test_shape_and_dtype(channels, bit_depth, shape, dtype):
    header = Header(width=5, height=2, num_gaussians=0, channels=channels, bit_depth=bit_depth)
    assert (header.shape, header.dtype) == (shape, np.dtype(dtype))


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("width", 0, ValueError),
        ("height", 2**32, ValueError),
        ("num_gaussians", -1, ValueError),
        ("width", 1.0, TypeError),
        ("channels", 2, ValueError),
        ("bit_depth", 12, ValueError),
        ("blend", Blend.OVER, ValueError),
        ("plan", Plan.FRAMEWORK, ValueError),
        ("residual", 3, ValueError),
        ("compression", 1, ValueError),
        ("tile_size", 2**16, ValueError),
        ("color_bits", 256, ValueError),
        ("alpha", True, ValueError),
    ],
)
def test_arguments_that_no_file_can_hold(field, value, error):
    with pytest.raises(error, match=f"^{field}: expected"):
        dataclasses.replace(HEADER, **{field: value})


@pytest.mark.parametrize(
    ("start", "guess"),
    [
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xff\xd8\xff\xe0", "a JPEG image"),
        (b"RIFF\x10\x00\x00\x00WEBP", "a WebP image"),
        (b"\x00\x00\x00\x20ftypavif", "an AVIF"),
        (b"PK\x03\x04", "a ZIP"),
        (b"hello, world", "the bytes 68 65 6c 6c"),
        (bytes(64), "zeros"),
    ],
)
def test_what_is_no_ggc_file_is_named(start, guess):
    for data in (start, start + b"x" * 100 if any(start) else bytes(200)):
        with pytest.raises(BitstreamError, match=f"header at byte 0: expected the magic .*, found {guess}"):
            read_header(data)


def test_nothing_and_too_little():
    with pytest.raises(TruncatedStream, match="the file is empty"):
        read_header(b"")
    for size in range(1, 64):
        with pytest.raises(TruncatedStream, match=f"header at byte 0: needs 64 bytes, {size} remain"):
            read_header(DATA[:size])
    with pytest.raises(TypeError, match="str"):
        read_header("photo.ggc")


@pytest.mark.parametrize(
    ("offset", "value", "error", "message"),
    [
        (4, b"\x02\x00", UnsupportedVersion, "version 0x0100, found 0x0200"),
        (6, b"\x01\x00", UnsupportedVersion, "bits 8 to 15"),
        (7, b"\x02", BitstreamError, r"bit 1 to say whether there is a residual, found flags 0x0002 and 0 \(none\)"),
        (7, b"\x08", UnsupportedVersion, r"compression: expected 0 \(adaptive rans\), found 1"),
        (7, b"\x04", BitstreamError, "four channels with alpha, found 3"),
        (7, b"\x01", BitstreamError, "metadata size"),
        (27, b"\x09", BitstreamError, "metadata size"),
        (8, bytes(4), BitstreamError, "width: expected 1 to 4294967295, found 0"),
        (12, bytes(4), BitstreamError, "height"),
        (32, b"\x0c", UnsupportedVersion, "bit_depth: expected 8 or 16 or 32, found 12"),
        (33, b"\x02", UnsupportedVersion, "channels"),
        (34, b"\x01", UnsupportedVersion, r"blend: expected 0 \(sum\), found 1 \(over\)"),
        (34, b"\x09", UnsupportedVersion, "blend"),
        (35, b"\x01", UnsupportedVersion, "plan"),
        (36, b"\x01", BitstreamError, r"flags: expected bit 1 .* found flags 0x0000 and 1 \(lossy\)"),
        (36, b"\x03", UnsupportedVersion, r"residual: expected 0 \(none\) or 1 \(lossy\) or 2 \(lossless\), found 3"),
        *[(offset, b"\x01", UnsupportedVersion, "reserved") for offset in (23, 37, 42, 43, *range(52, 64))],
    ],
)
def test_fields_that_are_refused(offset, value, error, message):
    data = patched(offset, value)
    with pytest.raises(error, match=f"header at byte .*{message}"):
        read_header(data)
    with pytest.raises(error, match=message):
        read_container(data)


def test_a_residual_is_told_twice():
    header = dataclasses.replace(HEADER, residual=Residual.LOSSLESS)
    data = write_container(header, [Section("RESI", b"abc")])
    assert (data[7] & 2, data[36]) == (2, 2)
    assert read_header(data) == header
    assert read_container(data).header.residual is Residual.LOSSLESS


@pytest.mark.parametrize("residual", [Residual.LOSSY, Residual.LOSSLESS])
@pytest.mark.parametrize(
    ("fields", "offset", "message"),
    [
        ({"tile_size": 0}, 38, "tile_size: expected a multiple of 32 from 32 to 1024 for a residual, found 0"),
        ({"tile_size": 48}, 38, "tile_size: expected a multiple of 32"),
        ({"tile_size": 1056}, 38, "tile_size: expected a multiple of 32"),
        ({"bit_depth": 32}, 36, "residual: expected none over samples of binary32, found one"),
    ],
)
def test_a_residual_needs_tiles_and_integers(residual, fields, offset, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        dataclasses.replace(HEADER, residual=residual, **fields)
    data = bytearray(write_container(dataclasses.replace(HEADER, residual=residual), []))
    data[32] = fields.get("bit_depth", 8)
    data[38:40] = struct.pack(">H", fields.get("tile_size", 64))
    with pytest.raises(BitstreamError, match=f"header at byte {offset}: {message}"):
        read_container(repaired(bytes(data)))


def test_a_wrong_checksum_comes_before_everything_that_it_covers():
    damaged = DATA[:8] + b"\xff" * 16 + DATA[24:]
    with pytest.raises(ChecksumMismatch, match=r"header at byte 28: expected CRC-32 [0-9a-f]{8} as stored"):
        read_container(damaged)


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (8, b"\xff" * 8, "header at byte 8: expected at most 67108864 pixels"),
        (16, b"\xff" * 4, "header at byte 16: expected at most 1048576 Gaussians, found 4294967295"),
        (24, b"\xff" * 4, "header at byte 24: .* bytes of metadata"),
        (40, b"\xff" * 2, "header at byte 40: .* sections, found 65535"),
    ],
)
def test_limits_come_before_the_body(offset, value, message):
    with pytest.raises(LimitExceeded, match=message):
        read_container(patched(offset, value))


def test_default_limits_admit_8k_and_an_argument_more():
    for bit_depth in (8, 16):
        frame = Header(width=7680, height=4320, num_gaussians=0, channels=4, bit_depth=bit_depth, alpha=True)
        assert read_container(write_container(frame, [])).header == frame
    large = write_container(Header(width=10_000, height=10_000, num_gaussians=0), [])
    with pytest.raises(LimitExceeded, match=r"pass limits=Limits\(max_pixels=100000000\) or more"):
        read_container(large)
    with pytest.raises(LimitExceeded, match="bytes of decoded image"):
        read_container(large, Limits(max_pixels=10**8))
    assert read_container(large, Limits(max_pixels=10**8, max_image_bytes=3 * 10**8)).header.width == 10_000
    assert read_header(large).width == 10_000


def test_limits_are_inclusive_and_checked():
    limits = Limits(max_render_work=10)
    limits.check("max_render_work", 10, "section COLR at byte 9")
    with pytest.raises(
        LimitExceeded, match="section COLR at byte 9: expected at most 10 pixel evaluations to render, found 11"
    ):
        limits.check("max_render_work", 11, "section COLR at byte 9")
    with pytest.raises(ValueError, match="max_pixels"):
        Limits(max_pixels=-1)
    with pytest.raises(TypeError, match="max_sections"):
        Limits(max_sections=1.5)
