import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyggc.container import ByteReader, ByteWriter
from pyggc.cursor import as_bytes_view
from pyggc.errors import BitstreamError, TruncatedStream

UNSIGNED = {"u8": 8, "u16": 16, "u32": 32, "u64": 64, "varint": 64}

values = st.sampled_from(sorted(UNSIGNED)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.integers(0, 2 ** UNSIGNED[kind] - 1))
)


@given(st.lists(st.one_of(values, st.tuples(st.just("f32"), st.floats(width=32, allow_nan=False)))))
def test_what_is_written_is_read(items):
    writer = ByteWriter()
    for kind, value in items:
        getattr(writer, kind)(value)
    reader = ByteReader(writer.getvalue(), "test")
    assert len(writer) == reader.remaining
    assert [getattr(reader, kind)() for kind, _ in items] == [value for _, value in items]
    reader.finish()


@pytest.mark.parametrize(("kind", "bits"), UNSIGNED.items())
def test_the_ends_of_each_range_and_what_lies_beyond(kind, bits):
    writer = ByteWriter()
    getattr(writer, kind)(2**bits - 1)
    assert getattr(ByteReader(writer.getvalue(), "test"), kind)() == 2**bits - 1
    for value in (-1, 2**bits):
        with pytest.raises(ValueError, match=f"got {value}"):
            getattr(writer, kind)(value)
    with pytest.raises(TypeError):
        getattr(writer, kind)(1.5)


def test_numbers_are_big_endian():
    writer = ByteWriter()
    writer.u16(0x0102)
    writer.u32(0x03040506)
    writer.u64(0x0708090A0B0C0D0E)
    assert writer.getvalue() == bytes(range(1, 15))


@pytest.mark.parametrize(
    ("value", "encoded"), [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (2**64 - 1, "ff" * 9 + "01")]
)
def test_varint_bytes(value, encoded):
    writer = ByteWriter()
    writer.varint(np.uint64(value))
    assert writer.getvalue().hex() == encoded
    assert ByteReader(bytes.fromhex(encoded), "test").varint() == value


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        ("8000", "shortest form of a varint, found 2 bytes for 0"),
        ("ff8000", "shortest form"),
        ("ff" * 9 + "02", "below 2..64"),
        ("ff" * 10, "below 2..64"),
        ("80" * 10 + "01", "below 2..64"),
    ],
)
def test_varints_that_are_no_encoding(encoded, message):
    reader = ByteReader(bytes.fromhex("00" + encoded), "section PLAN", 99)
    reader.u8()
    with pytest.raises(BitstreamError, match=f"section PLAN at byte 100: expected .*{message}"):
        reader.varint()


def test_a_cut_varint_is_truncated():
    with pytest.raises(TruncatedStream, match="test at byte 2: needs 1 bytes, 0 remain"):
        ByteReader(b"\x80\x80", "test").varint()


def test_a_refused_read_names_section_byte_need_and_rest_and_moves_nothing():
    reader = ByteReader(bytes(40), "section COLR", base=403)
    reader.take(9)
    with pytest.raises(TruncatedStream, match=r"^section COLR at byte 412: needs 96 bytes, 31 remain$"):
        reader.take(96)
    assert (reader.offset, reader.remaining) == (412, 31)
    with pytest.raises(BitstreamError, match="section COLR at byte 412: expected the end, found 31 more bytes"):
        reader.finish()
    with pytest.raises(ValueError, match="size"):
        reader.take(-1)


def test_a_huge_need_is_refused_without_allocation():
    with pytest.raises(TruncatedStream):
        ByteReader(b"", "test").take(2**62)


def test_floats_keep_their_bits():
    for value in (math.inf, -math.inf, 0.1):
        writer = ByteWriter()
        writer.f32(value)
        assert writer.getvalue() == struct.pack(">f", value)
    with pytest.raises(ValueError, match="binary32"):
        ByteWriter().f32(1e39)
    with pytest.raises(TypeError, match="str"):
        ByteWriter().f32("1")


def test_views_are_read_only_bytes_of_any_contiguous_buffer():
    array = np.arange(3, dtype=np.uint16)
    assert bytes(as_bytes_view(array)) == array.tobytes()
    assert as_bytes_view(bytearray(b"ab")).readonly
    assert len(as_bytes_view(np.empty((0, 3)))) == 0
    with pytest.raises(TypeError, match="contiguous"):
        as_bytes_view(array[::2])
    with pytest.raises(TypeError, match="data: expected a bytes-like object, got str"):
        as_bytes_view("photo.ggc")
