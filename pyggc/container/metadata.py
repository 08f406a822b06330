"""The metadata block: when, from what, how good, and the tags of the user."""

from __future__ import annotations

import math
import operator
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pyggc.container.limits import Limits
from pyggc.cursor import ByteReader, ByteWriter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1)
_MAX_KEY_BYTES = 255

# Kinds of record. A reader skips a kind that it does not know.
_KIND_PSNR = 1
_KIND_SSIM = 2
_KIND_TEXT = 16
_KIND_BINARY = 17


def _as_f32(name: str, value: float) -> float:
    """Round to the precision that the file keeps, so that what is read equals what was written."""
    try:
        rounded: float = struct.unpack(">f", struct.pack(">f", value))[0]
    except OverflowError:
        raise ValueError(f"{name}: expected a number within binary32's range, got {value}") from None
    except struct.error:
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}") from None
    return rounded


def _is_psnr(value: float) -> bool:
    return math.isfinite(value) or value == math.inf


def _is_ssim(value: float) -> bool:
    return -1.0 <= value <= 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a file says about itself.

    Parameters
    ----------
    timestamp : datetime or None
        When the file was made, as an aware datetime after 1970; kept in UTC and in whole seconds.
        None leaves it out.
    image_hash : int
        `image_hash` of the original image, 0 to 2**32 - 1; 0 where it is not known.
    psnr : float or None
        Of the decoded against the original image in dB, finite or +inf; kept as binary32.
    ssim : float or None
        Of the decoded against the original image, -1 to 1; kept as binary32.
    tags : mapping of str to str or bytes
        Keys of 1 to 255 bytes in UTF-8, for example ``"author"`` (text) or ``"icc"`` (bytes).

    Raises
    ------
    ValueError, TypeError
        If a value is outside its range, or of another type.

    Examples
    --------
    >>> Metadata(psnr=31.25, tags={"author": "Ada"}).tags["author"]
    'Ada'
    """

    timestamp: datetime | None = None
    image_hash: int = 0
    psnr: float | None = None
    ssim: float | None = None
    tags: Mapping[str, str | bytes] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.timestamp is not None:
            object.__setattr__(self, "timestamp", _whole_second(self.timestamp))
        try:
            hashed = operator.index(self.image_hash)
        except TypeError:
            raise TypeError(f"image_hash: expected an integer, got {type(self.image_hash).__name__}") from None
        if not 0 <= hashed < 1 << 32:
            raise ValueError(f"image_hash: expected 0 to {(1 << 32) - 1}, got {hashed}")
        object.__setattr__(self, "image_hash", hashed)
        if self.psnr is not None:
            object.__setattr__(self, "psnr", _as_f32("psnr", self.psnr))
            if not _is_psnr(self.psnr):
                raise ValueError(f"psnr: expected a finite number or +inf, got {self.psnr}")
        if self.ssim is not None:
            object.__setattr__(self, "ssim", _as_f32("ssim", self.ssim))
            if not _is_ssim(self.ssim):
                raise ValueError(f"ssim: expected -1 to 1, got {self.ssim}")
        object.__setattr__(self, "tags", _checked_tags(self.tags))


def _whole_second(timestamp: datetime) -> datetime:
    if not isinstance(timestamp, datetime):
        raise TypeError(f"timestamp: expected a datetime, got {type(timestamp).__name__}")
    if timestamp.utcoffset() is None:
        raise ValueError("timestamp: expected an aware datetime, got a naive one; give it a time zone, for example UTC")
    try:
        seconds = (timestamp - _EPOCH) // timedelta(seconds=1)
    except OverflowError:  # a last-day-of-9999 time west of Greenwich
        seconds = _LAST_SECOND + 1
    if not 1 <= seconds <= _LAST_SECOND:
        raise ValueError(
            f"timestamp: expected a time from 1970-01-01 00:00:01 to the year 9999 in UTC, got {timestamp}"
        )
    return _EPOCH + timedelta(seconds=seconds)


def _checked_tags(tags: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    checked: dict[str, str | bytes] = {}
    for key, value in tags.items():
        if not isinstance(key, str):
            raise TypeError(f"tags: expected keys of type str, got {type(key).__name__}")
        if not isinstance(value, str | bytes):
            raise TypeError(f"tags[{key!r}]: expected str or bytes, got {type(value).__name__}")
        try:
            size = len(key.encode())
            if isinstance(value, str):
                value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"tags[{key!r}]: expected text that UTF-8 can hold, got a lone surrogate") from None
        if not 1 <= size <= _MAX_KEY_BYTES:
            raise ValueError(f"tags: expected keys of 1 to {_MAX_KEY_BYTES} bytes in UTF-8, got {size}: {key[:32]!r}")
        checked[key] = value
    return checked


def write_metadata(metadata: Metadata) -> bytes:
    """Serialize a metadata block; equal metadata gives equal bytes, whatever the order of the tags."""
    writer = ByteWriter()
    seconds = 0 if metadata.timestamp is None else (metadata.timestamp - _EPOCH) // timedelta(seconds=1)
    writer.u64(seconds)
    writer.u32(metadata.image_hash)
    for kind, value in ((_KIND_PSNR, metadata.psnr), (_KIND_SSIM, metadata.ssim)):
        if value is not None:
            writer.u8(kind)
            writer.varint(4)
            writer.f32(value)
    records = [
        (_KIND_TEXT, key.encode(), value.encode()) if isinstance(value, str) else (_KIND_BINARY, key.encode(), value)
        for key, value in metadata.tags.items()
    ]
    for kind, key, content in sorted(records):
        payload = ByteWriter()
        payload.varint(len(key))
        payload.put(key)
        payload.put(content)
        writer.u8(kind)
        writer.varint(len(payload))
        writer.put(payload.getvalue())
    return writer.getvalue()


def read_metadata(reader: ByteReader, limits: Limits) -> Metadata:
    """Parse a metadata block.

    Raises
    ------
    BitstreamError
        If the block is malformed: `TruncatedStream` where a record ends early, `LimitExceeded` where there
        are more records than the limits allow.
    """
    start = reader.offset
    seconds = reader.u64()
    if seconds > _LAST_SECOND:
        raise reader.error(f"timestamp: expected at most {_LAST_SECOND} seconds, found {seconds}", start)
    hashed = reader.u32()
    metrics: dict[int, float] = {}
    tags: dict[str, str | bytes] = {}
    count = 0
    while reader.remaining:
        count += 1
        limits.check("max_metadata_records", count, f"{reader.label} at byte {reader.offset}")
        kind = reader.u8()
        size = reader.varint()
        offset = reader.offset
        record = ByteReader(reader.take(size), reader.label, offset)
        if kind in (_KIND_PSNR, _KIND_SSIM):
            if kind in metrics:
                raise record.error(f"expected one record of kind {kind}, found a second")
            metrics[kind] = _read_metric(kind, record)
        elif kind in (_KIND_TEXT, _KIND_BINARY):
            key, value = _read_tag(kind, record)
            if key in tags:
                raise record.error(f"expected one tag {key!r}, found a second", offset)
            tags[key] = value
    return Metadata(
        timestamp=_EPOCH + timedelta(seconds=seconds) if seconds else None,
        image_hash=hashed,
        psnr=metrics.get(_KIND_PSNR),
        ssim=metrics.get(_KIND_SSIM),
        tags=tags,
    )


def _read_metric(kind: int, record: ByteReader) -> float:
    offset = record.offset
    value = record.f32()
    record.finish()
    if kind == _KIND_PSNR and not _is_psnr(value):
        raise record.error(f"PSNR: expected a finite number or +inf, found {value}", offset)
    if kind == _KIND_SSIM and not _is_ssim(value):
        raise record.error(f"SSIM: expected -1 to 1, found {value}", offset)
    return value


def _read_tag(kind: int, record: ByteReader) -> tuple[str, str | bytes]:
    offset = record.offset
    key_size = record.varint()
    if not 1 <= key_size <= _MAX_KEY_BYTES:
        raise record.error(f"tag: expected a key of 1 to {_MAX_KEY_BYTES} bytes, found {key_size}", offset)
    offset = record.offset
    try:
        key = str(record.take(key_size), "utf-8")
        offset = record.offset
        content = record.take(record.remaining)
        return key, str(content, "utf-8") if kind == _KIND_TEXT else bytes(content)
    except UnicodeDecodeError as error:
        raise record.error(f"tag: expected UTF-8, found an invalid byte {error.start} bytes on", offset) from None
