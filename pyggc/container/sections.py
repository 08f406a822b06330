"""Sections: named runs of bytes, and the table that says where each lies."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from pyggc.cursor import ByteReader, BytesLike, ByteWriter, as_bytes_view
from pyggc.errors import BitstreamError, UnsupportedVersion

# The sections that this release reads. A section is one more row here and its meaning in the codec.
SECTION_TAGS: dict[str, str] = {
    "PLAN": "parameters of the quantization plan",
    "BITB": "pixels of the Gaussians as a set, bits-back coded",
    "POSN": "means of the Gaussians, entropy-coded",
    "CHOL": "Cholesky factors of the Gaussians, entropy-coded",
    "COLR": "colors of the Gaussians, entropy-coded",
    "RESI": "what the Gaussians leave of the image, in tiles",
}

_TAG = re.compile(r"[A-Za-z][A-Za-z0-9]{3}", re.ASCII)
_MAX_SECTION_BYTES = (1 << 32) - 1


def _is_critical(tag: str) -> bool:
    """Whether a reader that does not know the tag must refuse the file (PNG's idea: an upper-case first letter)."""
    return tag[0].isupper()


@dataclass(frozen=True, slots=True)
class Section:
    r"""One section of a file.

    Parameters
    ----------
    tag : str
        Four ASCII letters or digits, the first a letter: upper case if a reader must know the section to
        decode the image, lower case if it may pass over it.
    data : bytes-like
        The content. `read_container` gives read-only views into the file's bytes.
    offset : int
        Where the content lies in the file, in bytes; no part of comparisons, and ignored by the writer.

    Raises
    ------
    ValueError
        If the tag is malformed, or the content has 2**32 bytes or more.
    TypeError
        If `data` is not a contiguous buffer.

    Examples
    --------
    >>> Section("COLR", b"\x05").reader().u8()
    5
    """

    tag: str
    data: BytesLike
    offset: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if not _TAG.fullmatch(self.tag):
            raise ValueError(f"tag: expected four ASCII letters or digits, the first a letter, got {self.tag!r}")
        size = as_bytes_view(self.data).nbytes
        if size > _MAX_SECTION_BYTES:
            raise ValueError(f"data: expected at most {_MAX_SECTION_BYTES} bytes in section {self.tag}, got {size}")

    def reader(self) -> ByteReader:
        """Start a cursor at the content's first byte, whose errors name this section."""
        return ByteReader(self.data, f"section {self.tag}", self.offset)


def write_table(sections: Iterable[Section]) -> bytes:
    """Serialize the section table: a tag and a length for each section."""
    writer = ByteWriter()
    for section in sections:
        writer.put(section.tag.encode("ascii"))
        writer.u32(as_bytes_view(section.data).nbytes)
    return writer.getvalue()


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of the table: where it lies, the tag as it stands there, and the content and where that lies."""

    row_offset: int
    tag: bytes
    offset: int
    data: memoryview


def read_table(body: ByteReader, count: int) -> list[TableRow]:
    """Read `count` rows and the contents that follow; together they end where `body` ends."""
    rows = _take_rows(body, _read_declared(body, count))
    body.label = "footer"
    if body.remaining:
        raise body.error(f"expected it right after the last section, found {body.remaining} more bytes")
    return rows


def read_table_before(body: ByteReader, count: int, last: str) -> list[TableRow]:
    """Read the same, but for the section `last` and what follows it."""
    declared = _read_declared(body, count)
    tags = [tag for _, tag, _ in declared]
    end = tags.index(last.encode()) if last.encode() in tags else count
    return _take_rows(body, declared[:end])


def _read_declared(body: ByteReader, count: int) -> list[tuple[int, bytes, int]]:
    """Where each row lies, its tag and the length of its content."""
    body.label = "section table"
    return [(body.offset, bytes(body.take(4)), body.u32()) for _ in range(count)]


def _take_rows(body: ByteReader, declared: list[tuple[int, bytes, int]]) -> list[TableRow]:
    rows = []
    for row_offset, tag, size in declared:
        # A tag that is none yet may hold control characters, which no message should send to a terminal.
        body.label = f"section {tag.decode('ascii') if tag.isalnum() else repr(tag)}"
        rows.append(TableRow(row_offset, tag, body.offset, body.take(size)))
    return rows


def check_tags(rows: Iterable[TableRow], known_tags: Collection[str]) -> None:
    """Refuse malformed and repeated tags, and critical ones that the caller does not know."""
    seen: set[str] = set()
    for row in rows:
        where = f"section table at byte {row.row_offset}"
        tag = row.tag.decode("latin-1")
        if not _TAG.fullmatch(tag):
            raise BitstreamError(
                f"{where}: expected a tag of four letters or digits, the first a letter, found {row.tag!r}"
            )
        if tag in seen:
            raise BitstreamError(f"{where}: expected one section {tag}, found a second")
        if _is_critical(tag) and tag not in known_tags:
            raise UnsupportedVersion(
                f"{where}: expected a section this release can read, found {tag}, which a decoder must know"
            )
        seen.add(tag)
