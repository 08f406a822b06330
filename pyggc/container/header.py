"""The 64 bytes that open a `.ggc` file.

The first 32 bytes are those of the framework, section 5.1, field by field; the other 32 hold what its
list leaves out. One table, `_FIELDS`, says where each field lies and what it may hold: the constructor,
the reader and the messages all read it.
"""

from __future__ import annotations

import enum
import operator
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from pyggc.container.checksums import check_crc32
from pyggc.container.limits import Limits
from pyggc.cursor import BytesLike, as_bytes_view
from pyggc.errors import BitstreamError, TruncatedStream, UnsupportedVersion

MAGIC = b"GGC\x00"
VERSION = 0x0100
HEADER_SIZE = 64
FOOTER_SIZE = 4

# Offset of every part: 0, 4, 6 | 8, 12, 16 | 20, 21, 22, 23 | 24, 28 | 32..37 | 38, 40, 42 | 44 | 52.
_LAYOUT = struct.Struct(">4sHH III BBBB II BBBBBB HHH Q 12s")
_CRC_OFFSET = 28

_FLAG_METADATA = 0x0001
_FLAG_RESIDUAL = 0x0002
_FLAG_ALPHA = 0x0004
_COMPRESSION_SHIFT = 3
_COMPRESSION_MASK = 0x00F8
_FLAGS_RESERVED = 0xFF00


class Compression(enum.IntEnum):
    """The entropy coder of the Gaussian sections."""

    ADAPTIVE_RANS = 0


class Blend(enum.IntEnum):
    """How Gaussians combine in a pixel."""

    SUM = 0
    OVER = 1


class Plan(enum.IntEnum):
    """How the Gaussians' parameters become integers."""

    COMPACT = 0
    FRAMEWORK = 1


class Residual(enum.IntEnum):
    """What follows the Gaussian layer."""

    NONE = 0
    LOSSY = 1
    LOSSLESS = 2


class _Field(NamedTuple):
    """Where a field lies, and what it may hold.

    A range holds quantities: anything outside it is malformed. A tuple holds the values of an enumeration
    that this release reads: anything else belongs to a later one.
    """

    offset: int
    allowed: range | tuple[int, ...]


_U8, _U16, _U32 = range(1 << 8), range(1 << 16), range(1 << 32)

#: Sides of a residual's tiles.
TILE_SIZES = range(32, 1025, 32)

_FIELDS: dict[str, _Field] = {
    "compression": _Field(6, (Compression.ADAPTIVE_RANS,)),
    "width": _Field(8, range(1, 1 << 32)),
    "height": _Field(12, range(1, 1 << 32)),
    "num_gaussians": _Field(16, _U32),
    "position_bits": _Field(20, _U8),
    "cholesky_bits": _Field(21, _U8),
    "color_bits": _Field(22, _U8),
    "bit_depth": _Field(32, (8, 16, 32)),
    "channels": _Field(33, (1, 3, 4)),
    "blend": _Field(34, (Blend.SUM,)),
    "plan": _Field(35, (Plan.COMPACT,)),
    "residual": _Field(36, tuple(Residual)),
    "tile_size": _Field(38, _U16),
}

_ENUMS: dict[str, type[enum.IntEnum]] = {
    "compression": Compression,
    "blend": Blend,
    "plan": Plan,
    "residual": Residual,
}

FLOAT_DEPTH = 32

_DTYPES: dict[int, np.dtype[Any]] = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16), 32: np.dtype(np.float32)}


def _describe(name: str, value: int) -> str:
    kind = _ENUMS.get(name)
    if kind is not None and value in {member.value for member in kind}:
        return f"{value} ({kind(value).name.lower().replace('_', ' ')})"
    return str(value)


def _find_fault(values: Mapping[str, int]) -> tuple[str, str, str] | None:
    """Name the first field outside the format, what it should hold and what it does; None if all are well."""
    for name, (_, allowed) in _FIELDS.items():
        if values[name] not in allowed:
            if isinstance(allowed, range):
                expected = f"{allowed[0]} to {allowed[-1]}"
            else:
                expected = " or ".join(_describe(name, value) for value in allowed)
            return name, expected, _describe(name, values[name])
    return None


def _find_contradiction(values: Mapping[str, int]) -> tuple[str, str] | None:
    """Fields that do not go together: the name of one, and what is wrong with it."""
    if values["residual"] == Residual.NONE:
        return None
    if values["tile_size"] not in TILE_SIZES:
        expected = f"a multiple of {TILE_SIZES.step} from {TILE_SIZES[0]} to {TILE_SIZES[-1]} for a residual"
        return "tile_size", f"tile_size: expected {expected}, found {values['tile_size']}"
    if values["bit_depth"] == FLOAT_DEPTH:
        return "residual", "residual: expected none over samples of binary32, found one"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The fields of a file's header.

    Parameters
    ----------
    width, height : int
        Size of the original image in pixels, 1 to 2**32 - 1.
    num_gaussians : int
        Number of Gaussians, 0 to 2**32 - 1.
    channels : int
        1, 3 or 4.
    bit_depth : int
        Bits of a sample: 8 or 16 for unsigned integers, 32 for binary32 floats.
    alpha : bool
        Whether the last of four channels is alpha.
    blend : Blend
    plan : Plan
    compression : Compression
    residual : Residual
    position_bits, cholesky_bits, color_bits : int
        Nominal precision of the attributes in bits, 0 to 255. Informative for the compact plan.
    tile_size : int
        Side of the coded tiles in pixels, 0 to 65535; 0 means one tile. That of a residual is a multiple of 32 up to
        1024.
    metadata_size, num_sections, file_size : int
        What the reader found: bytes of metadata, rows of the section table, bytes of the whole file. The
        writer computes them and ignores what stands here; they take no part in comparisons.

    Raises
    ------
    ValueError
        If a field holds what this release cannot write.
    TypeError
        If a field is not an integer.

    Examples
    --------
    >>> header = Header(width=768, height=512, num_gaussians=3000)
    >>> header.shape, header.dtype, header.blend.name
    ((512, 768, 3), dtype('uint8'), 'SUM')
    """

    width: int
    height: int
    num_gaussians: int
    channels: int = 3
    bit_depth: int = 8
    alpha: bool = False
    blend: Blend = Blend.SUM
    plan: Plan = Plan.COMPACT
    compression: Compression = Compression.ADAPTIVE_RANS
    residual: Residual = Residual.NONE
    position_bits: int = 0
    cholesky_bits: int = 0
    color_bits: int = 0
    tile_size: int = 0
    metadata_size: int = field(default=0, compare=False)
    num_sections: int = field(default=0, compare=False)
    file_size: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        values: dict[str, int] = {}
        for name in _FIELDS:
            value = getattr(self, name)
            try:
                values[name] = operator.index(value)
            except TypeError:
                raise TypeError(f"{name}: expected an integer, got {type(value).__name__}") from None
        fault = _find_fault(values)
        if fault is not None:
            name, expected, found = fault
            raise ValueError(f"{name}: expected {expected}, got {found}")
        if self.alpha and self.channels != 4:
            raise ValueError(f"alpha: expected four channels, got {self.channels}")
        contradiction = _find_contradiction(values)
        if contradiction:
            raise ValueError(contradiction[1])
        for name, value in values.items():  # NumPy integers become int, integers become enum members
            object.__setattr__(self, name, _ENUMS[name](value) if name in _ENUMS else value)
        object.__setattr__(self, "alpha", bool(self.alpha))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the decoded array: (H, W) for one channel, else (H, W, C)."""
        size = (self.height, self.width)
        return size if self.channels == 1 else (*size, self.channels)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the decoded samples: uint8, uint16 or float32."""
        return _DTYPES[self.bit_depth]

    @property
    def has_metadata(self) -> bool:
        """Whether the file that this header was read from has a metadata block."""
        return self.metadata_size > 0


def pack_header(header: Header, metadata_size: int, num_sections: int, file_size: int) -> bytes:
    """Write the 64 bytes of a header, its checksum included.

    Raises
    ------
    ValueError
        If a size does not fit its field.
    """
    for name, size, bits in (("metadata", metadata_size, 32), ("sections", num_sections, 16)):
        if size >= 1 << bits:
            raise ValueError(f"{name}: expected fewer than 2**{bits}, got {size}")
    flags = header.compression << _COMPRESSION_SHIFT
    flags |= _FLAG_METADATA if metadata_size else 0
    flags |= _FLAG_ALPHA if header.alpha else 0
    flags |= _FLAG_RESIDUAL if header.residual else 0

    def pack(crc: int) -> bytes:
        return _LAYOUT.pack(
            MAGIC, VERSION, flags,
            header.width, header.height, header.num_gaussians,
            header.position_bits, header.cholesky_bits, header.color_bits, 0,
            metadata_size, crc,
            header.bit_depth, header.channels, header.blend, header.plan, header.residual, 0,
            header.tile_size, num_sections, 0,
            file_size, bytes(12),
        )  # fmt: skip

    return pack(zlib.crc32(pack(0)))


# What people pass by mistake, by the bytes it starts with.
_OTHER_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"RIFF", "a WebP image or another RIFF file"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"BM", "a BMP image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (b"PK\x03\x04", "a ZIP archive, perhaps an .npz file"),
    (b"\x1f\x8b", "a gzip archive"),
)


def _guess_format(view: memoryview) -> str:
    start = bytes(view[:16])
    if not any(view[:HEADER_SIZE]):
        return "zeros"
    if start[4:8] == b"ftyp":
        return "an AVIF, HEIF or MP4 file"
    for prefix, name in _OTHER_FORMATS:
        if start.startswith(prefix):
            return name
    return f"the bytes {start[:4].hex(' ')}"


def _unpack_fields(view: memoryview) -> dict[str, Any]:
    """Check the magic, the length, the version and the checksum; return every field unchecked."""
    if len(view) == 0:
        raise TruncatedStream(f"header at byte 0: needs {HEADER_SIZE} bytes, 0 remain: the file is empty")
    if bytes(view[:4]) != MAGIC[: len(view)]:
        raise BitstreamError(
            f"header at byte 0: expected the magic 47 47 43 00 of a .ggc file, found {_guess_format(view)}"
        )
    if len(view) < HEADER_SIZE:
        raise TruncatedStream(f"header at byte 0: needs {HEADER_SIZE} bytes, {len(view)} remain")
    (
        _, version, flags,
        width, height, num_gaussians,
        position_bits, cholesky_bits, color_bits, reserved_23,
        metadata_size, crc,
        bit_depth, channels, blend, plan, residual, reserved_37,
        tile_size, num_sections, reserved_42,
        file_size, reserved_52,
    ) = _LAYOUT.unpack(view[:HEADER_SIZE])  # fmt: skip
    # The version comes before the checksum: a later version may well lay out its header in another way.
    if version != VERSION:
        raise UnsupportedVersion(f"header at byte 4: expected version {VERSION:#06x}, found {version:#06x}")
    covered = b"".join((view[:_CRC_OFFSET], bytes(4), view[_CRC_OFFSET + 4 : HEADER_SIZE]))
    check_crc32(covered, crc, f"header at byte {_CRC_OFFSET}")
    return {
        "flags": flags, "compression": (flags & _COMPRESSION_MASK) >> _COMPRESSION_SHIFT,
        "width": width, "height": height, "num_gaussians": num_gaussians,
        "position_bits": position_bits, "cholesky_bits": cholesky_bits, "color_bits": color_bits,
        "metadata_size": metadata_size, "bit_depth": bit_depth, "channels": channels, "blend": blend,
        "plan": plan, "residual": residual, "tile_size": tile_size, "num_sections": num_sections,
        "file_size": file_size,
        "reserved": {23: reserved_23, 37: reserved_37, 42: reserved_42, 52: int.from_bytes(reserved_52, "big")},
    }  # fmt: skip


def _check_limits(raw: Mapping[str, Any], limits: Limits) -> None:
    pixels = raw["width"] * raw["height"]
    limits.check("max_pixels", pixels, "header at byte 8")
    limits.check("max_image_bytes", pixels * raw["channels"] * raw["bit_depth"] // 8, "header at byte 8")
    limits.check("max_gaussians", raw["num_gaussians"], "header at byte 16")
    limits.check("max_metadata", raw["metadata_size"], "header at byte 24")
    limits.check("max_sections", raw["num_sections"], "header at byte 40")


def _build_header(raw: Mapping[str, Any]) -> Header:
    """Check the fields' values and make a `Header` of them."""
    flags = raw["flags"]
    if flags & _FLAGS_RESERVED:
        raise UnsupportedVersion(f"header at byte 6: flags: expected bits 8 to 15 to be zero, found {flags:#06x}")
    fault = _find_fault(raw)
    if fault is not None:
        name, expected, found = fault
        offset, allowed = _FIELDS[name]
        kind = BitstreamError if isinstance(allowed, range) else UnsupportedVersion
        raise kind(f"header at byte {offset}: {name}: expected {expected}, found {found}")
    contradiction = _find_contradiction(raw)
    if contradiction:
        raise BitstreamError(f"header at byte {_FIELDS[contradiction[0]].offset}: {contradiction[1]}")
    if bool(flags & _FLAG_RESIDUAL) != (raw["residual"] != Residual.NONE):
        raise BitstreamError(
            f"header at byte 6: flags: expected bit 1 to say whether there is a residual, found flags {flags:#06x} and "
            f"{_describe('residual', raw['residual'])}"
        )
    alpha = bool(flags & _FLAG_ALPHA)
    if alpha and raw["channels"] != 4:
        raise BitstreamError(f"header at byte 6: flags: expected four channels with alpha, found {raw['channels']}")
    if bool(flags & _FLAG_METADATA) != (raw["metadata_size"] > 0):
        raise BitstreamError(
            f"header at byte 24: metadata size: expected bit 0 of the flags to say whether it is zero, "
            f"found flags {flags:#06x} and size {raw['metadata_size']}"
        )
    for offset, value in raw["reserved"].items():
        if value:
            raise UnsupportedVersion(f"header at byte {offset}: reserved: expected zero, found {value:#x}")
    sizes = {name: raw[name] for name in ("metadata_size", "num_sections", "file_size")}
    return Header(alpha=alpha, **{name: raw[name] for name in _FIELDS}, **sizes)


def read_header(data: BytesLike) -> Header:
    """Read the header alone, from a whole file or from its first 64 bytes.

    Nothing is allocated and no limit applies, so it is safe and quick on a file that `read_container` refuses
    for its size.

    Parameters
    ----------
    data : bytes-like
        The file, or any prefix of it that holds the header.

    Raises
    ------
    TruncatedStream
        If there are fewer than 64 bytes.
    UnsupportedVersion
        If a later version wrote the file.
    ChecksumMismatch
        If the header was damaged.
    BitstreamError
        If it is not a `.ggc` file, or its fields contradict one another.

    Examples
    --------
    >>> from pyggc.container import write_container
    >>> data = write_container(Header(width=640, height=480, num_gaussians=0), [])
    >>> read_header(data).width
    640
    """
    return _build_header(_unpack_fields(as_bytes_view(data)))


def read_header_start(view: memoryview, limits: Limits) -> Header:
    """Read the header of a file of which the end may be missing, within the limits."""
    raw = _unpack_fields(view)
    _check_limits(raw, limits)
    return _build_header(raw)


def read_header_within(view: memoryview, limits: Limits) -> Header:
    """Read the header of a whole file, whose declared size and contents must agree with the bytes and the limits."""
    raw = _unpack_fields(view)
    file_size = raw["file_size"]
    if len(view) < file_size:
        raise TruncatedStream(f"file at byte {len(view)}: the header declares {file_size} bytes, {len(view)} are there")
    if len(view) > file_size:
        raise BitstreamError(
            f"file at byte {file_size}: the header declares the end here, found {len(view) - file_size} more bytes"
        )
    _check_limits(raw, limits)
    return _build_header(raw)
