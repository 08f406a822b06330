import math
import pickle
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyggc.container import ByteReader, Limits, Metadata
from pyggc.container.metadata import read_metadata, write_metadata
from pyggc.errors import BitstreamError, LimitExceeded, TruncatedStream

FIXED = bytes(12)

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
texts = st.text(st.characters(exclude_categories=["Cs"]))
blocks = st.builds(
    Metadata,
    timestamp=st.none()
    | st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.timezones()),
    image_hash=st.integers(0, 2**32 - 1),
    psnr=st.none() | st.floats(-1e30, 1e30) | st.just(math.inf),
    ssim=st.none() | st.floats(-1, 1),
    tags=st.dictionaries(keys, texts | st.binary(), max_size=5),
)


def parse(data, limits=Limits()):  # noqa: B008
    return read_metadata(ByteReader(data, "metadata", 64), limits)


@given(blocks)
def test_round_trip(metadata):
    assert parse(write_metadata(metadata)) == metadata


@given(blocks)
def test_the_order_of_the_tags_does_not_matter(metadata):
    backward = Metadata(
        timestamp=metadata.timestamp,
        image_hash=metadata.image_hash,
        psnr=metadata.psnr,
        ssim=metadata.ssim,
        tags=dict(reversed(metadata.tags.items())),
    )
    assert write_metadata(backward) == write_metadata(metadata)


@given(st.binary(max_size=80))
def test_any_bytes_parse_or_raise_a_bitstream_error(data):
    try:
        metadata = parse(data)
    except BitstreamError:
        return
    assert parse(write_metadata(metadata)) == metadata


def test_the_bytes_are_those_of_the_specification():
    metadata = Metadata(
        timestamp=datetime(1970, 1, 1, 0, 1, tzinfo=UTC),
        image_hash=0x01020304,
        psnr=30.5,
        ssim=0.5,
        tags={"b": b"\x09", "a": "é"},
    )
    assert write_metadata(metadata).hex(" ") == (
        "00 00 00 00 00 00 00 3c 01 02 03 04 "  # timestamp, hash
        "01 04 41 f4 00 00 02 04 3f 00 00 00 "  # PSNR, SSIM
        "10 04 01 61 c3 a9 11 03 01 62 09"  # text, binary
    )
    assert write_metadata(Metadata()) == FIXED


def test_values_are_kept_at_the_files_precision():
    zone = timezone(timedelta(hours=5, minutes=30))
    metadata = Metadata(timestamp=datetime(2024, 1, 1, 5, 30, 0, 999_999, tzinfo=zone), psnr=30.1)
    assert metadata.timestamp == datetime(2024, 1, 1, tzinfo=UTC)
    assert metadata.psnr == np.float32(30.1)
    assert pickle.loads(pickle.dumps(metadata)) == metadata


@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        ({"timestamp": datetime(2024, 1, 1)}, ValueError, "timestamp: expected an aware"),
        ({"timestamp": datetime(1970, 1, 1, tzinfo=UTC)}, ValueError, "timestamp: expected a time from"),
        ({"timestamp": datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))}, ValueError, "timestamp"),
        ({"timestamp": 1_700_000_000}, TypeError, "timestamp: expected a datetime, got int"),
        ({"image_hash": 2**32}, ValueError, "image_hash"),
        ({"image_hash": 0.5}, TypeError, "image_hash"),
        ({"psnr": math.nan}, ValueError, "psnr"),
        ({"psnr": -math.inf}, ValueError, "psnr"),
        ({"psnr": 1e39}, ValueError, "psnr"),
        ({"psnr": "30"}, TypeError, "psnr"),
        ({"ssim": 1.01}, ValueError, "ssim"),
        ({"ssim": math.nan}, ValueError, "ssim"),
        ({"tags": {"": "x"}}, ValueError, "tags: expected keys of 1 to 255 bytes"),
        ({"tags": {"é" * 128: "x"}}, ValueError, "got 256"),
        ({"tags": {"a": 1}}, TypeError, r"tags\['a'\]: expected str or bytes, got int"),
        ({"tags": {1: "a"}}, TypeError, "keys of type str"),
        ({"tags": {"a": "\ud800"}}, ValueError, "surrogate"),
    ],
)
def test_bad_arguments(argument, error, message):
    with pytest.raises(error, match=message):
        Metadata(**argument)


def test_unknown_records_are_passed_over():
    unknown = bytes([200, 3]) + b"xyz" + bytes([0, 0])
    assert parse(FIXED + unknown + bytes.fromhex("020400000000")) == Metadata(ssim=0.0)


@pytest.mark.parametrize(
    ("block", "error", "message"),
    [
        ("00" * 11, TruncatedStream, "at byte 72: needs 4 bytes, 3 remain"),
        ("ff" * 8 + "00" * 4, BitstreamError, "at byte 64: timestamp: expected at most 253402300799"),
        ("00" * 12 + "01", TruncatedStream, "at byte 77: needs 1 bytes, 0 remain"),
        ("00" * 12 + "0105", TruncatedStream, "at byte 78: needs 5 bytes, 0 remain"),
        ("00" * 12 + "0103" + "00" * 3, TruncatedStream, "at byte 78: needs 4 bytes, 3 remain"),
        ("00" * 12 + "0105" + "00" * 5, BitstreamError, "at byte 82: expected the end, found 1"),
        ("00" * 12 + "01047fc00000", BitstreamError, "at byte 78: PSNR: expected .*, found nan"),
        ("00" * 12 + "0104ff800000", BitstreamError, "found -inf"),
        ("00" * 12 + "02043f800001", BitstreamError, "at byte 78: SSIM: expected -1 to 1"),
        ("00" * 12 + "010400000000" * 2, BitstreamError, "at byte 84: expected one record of kind 1"),
        ("00" * 12 + "100100", BitstreamError, "at byte 78: tag: expected a key of 1 to 255 bytes, found 0"),
        ("00" * 12 + "10028002", BitstreamError, "found 256"),
        ("00" * 12 + "10020261", TruncatedStream, "at byte 79: needs 2 bytes, 1 remain"),
        ("00" * 12 + "100201ff", BitstreamError, "at byte 79: tag: expected UTF-8, found an invalid byte 0"),
        ("00" * 12 + "10030161ff", BitstreamError, "at byte 80: tag: expected UTF-8"),
        ("00" * 12 + "10020161" + "11020161", BitstreamError, "at byte 82: expected one tag 'a', found a second"),
        ("00" * 12 + "c8ffffffffffffffffff01", TruncatedStream, "needs 18446744073709551615 bytes, 0 remain"),
    ],
)
def test_malformed_blocks(block, error, message):
    with pytest.raises(error, match=f"^metadata {message}|^metadata at byte .*{message}"):
        parse(bytes.fromhex(block))


def test_the_number_of_records_is_limited():
    block = FIXED + bytes([99, 0]) * 3
    assert parse(block, Limits(max_metadata_records=3)) == Metadata()
    with pytest.raises(LimitExceeded, match="metadata at byte 80: expected at most 2 metadata records, found 3"):
        parse(block, Limits(max_metadata_records=2))
