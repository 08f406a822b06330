"""A whole `.ggc` file: header, metadata, section table, sections, footer."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from operator import itemgetter

from pyggc.container.checksums import check_crc32
from pyggc.container.header import (
    FOOTER_SIZE,
    HEADER_SIZE,
    Header,
    Residual,
    pack_header,
    read_header_start,
    read_header_within,
)
from pyggc.container.limits import Limits
from pyggc.container.metadata import Metadata, read_metadata, write_metadata
from pyggc.container.sections import SECTION_TAGS, Section, check_tags, read_table, read_table_before, write_table
from pyggc.cursor import ByteReader, BytesLike, as_bytes_view
from pyggc.errors import BitstreamError, TruncatedStream


@dataclass(frozen=True, slots=True)
class Container:
    """The parts of a file.

    Parameters
    ----------
    header : Header
    metadata : Metadata or None
    sections : tuple of Section
        In the file's order, ancillary ones that this release does not know included.
    """

    header: Header
    metadata: Metadata | None
    sections: tuple[Section, ...]

    def find(self, tag: str) -> Section | None:
        """Look up a section that may be missing."""
        return next((section for section in self.sections if section.tag == tag), None)

    def section(self, tag: str) -> Section:
        """Look up a section that the file must have.

        Raises
        ------
        BitstreamError
            If the file has no such section.
        """
        found = self.find(tag)
        if found is None:
            tags = ", ".join(section.tag for section in self.sections) or "no section"
            table = HEADER_SIZE + self.header.metadata_size
            raise BitstreamError(f"section table at byte {table}: expected a section {tag}, found {tags}")
        return found


def write_container(header: Header, sections: Iterable[Section], metadata: Metadata | None = None) -> bytes:
    """Serialize a file. Equal arguments give equal bytes.

    Parameters
    ----------
    header : Header
        Its derived fields (`metadata_size`, `num_sections`, `file_size`) are computed here.
    sections : iterable of Section
        Written in this order; no tag twice.
    metadata : Metadata or None
        None leaves the block out.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    ValueError
        If a tag comes twice, there are 2**16 sections or more, or the metadata has 2**32 bytes or more.

    Examples
    --------
    >>> data = write_container(Header(width=4, height=2, num_gaussians=1), [Section("COLR", b"abc")])
    >>> len(data), bytes(read_container(data).section("COLR").data)
    (79, b'abc')
    """
    sections = tuple(sections)
    tag, count = max(Counter(section.tag for section in sections).items(), key=itemgetter(1), default=("", 0))
    if count > 1:
        raise ValueError(f"sections: expected each tag once, got {tag} {count} times")
    block = b"" if metadata is None else write_metadata(metadata)
    body = b"".join((block, write_table(sections), *(as_bytes_view(section.data) for section in sections)))
    head = pack_header(header, len(block), len(sections), HEADER_SIZE + len(body) + FOOTER_SIZE)
    return b"".join((head, body, zlib.crc32(body).to_bytes(FOOTER_SIZE, "big")))


def read_container(
    data: BytesLike, limits: Limits | None = None, known_tags: Collection[str] = SECTION_TAGS
) -> Container:
    r"""Parse and check a whole file.

    Every check comes before the allocation that it protects: the magic, the length, the version and the checksum
    of the header; the declared length of the file; the limits; the fields; the section table; the checksum of the
    rest; the tags; the metadata. The sections are views, so the memory taken does not depend on their size.

    Parameters
    ----------
    data : bytes-like
        The file. It must not change, and a memory map must stay open, while the sections are in use.
    limits : Limits or None
        None means the defaults of `Limits`.
    known_tags : collection of str
        The critical sections that the caller can read.

    Returns
    -------
    Container

    Raises
    ------
    TruncatedStream
        If the file ends early.
    UnsupportedVersion
        If it uses what this release does not know.
    LimitExceeded
        If it declares more than `limits` allow.
    ChecksumMismatch
        If bytes were changed.
    BitstreamError
        If it is malformed in another way, or no `.ggc` file at all.
    TypeError
        If `data` is not bytes-like.

    Examples
    --------
    >>> read_container(b"\x89PNG\r\n\x1a\n" + bytes(100))
    Traceback (most recent call last):
    ...
    pyggc.errors.BitstreamError: header at byte 0: expected the magic 47 47 43 00 of a .ggc file, found a PNG image
    """
    limits = Limits() if limits is None else limits
    view = as_bytes_view(data)
    header = read_header_within(view, limits)
    footer_offset = len(view) - FOOTER_SIZE
    if footer_offset < HEADER_SIZE:
        raise TruncatedStream(
            f"footer at byte {HEADER_SIZE}: needs {FOOTER_SIZE} bytes, {len(view) - HEADER_SIZE} remain"
        )
    body = ByteReader(view[HEADER_SIZE:footer_offset], "metadata", HEADER_SIZE)
    block = body.take(header.metadata_size)
    rows = read_table(body, header.num_sections)
    stored = int.from_bytes(view[footer_offset:], "big")
    check_crc32(view[HEADER_SIZE:footer_offset], stored, f"footer at byte {footer_offset}")
    # A damaged tag or record is damage, not a feature of a later release: what they mean is asked after the checksum.
    check_tags(rows, known_tags)
    metadata = read_metadata(ByteReader(block, "metadata", HEADER_SIZE), limits) if header.has_metadata else None
    sections = (Section(str(row.tag, "ascii"), row.data, row.offset) for row in rows)
    return Container(header, metadata, tuple(sections))


def read_start(data: BytesLike, limits: Limits | None = None) -> Container | None:
    """Parse what is there of a file that is cut off within its residual.

    Parameters
    ----------
    data : bytes-like
        The beginning of a file. No checksum covers it but that of the header.
    limits : Limits or None
        None means the defaults of `Limits`.

    Returns
    -------
    Container or None
        Without the residual, and its header says so. None if more than the residual is missing, or nothing is.

    Raises
    ------
    BitstreamError
        As `read_container` does, where the fault is not that the file is cut off.
    """
    limits = Limits() if limits is None else limits
    view = as_bytes_view(data)
    header = read_header_start(view, limits)
    if not header.residual or len(view) >= header.file_size:
        return None
    body = ByteReader(view[HEADER_SIZE:], "metadata", HEADER_SIZE)
    try:
        block = body.take(header.metadata_size)
        rows = read_table_before(body, header.num_sections, "RESI")
    except TruncatedStream:
        return None
    check_tags(rows, SECTION_TAGS)
    metadata = read_metadata(ByteReader(block, "metadata", HEADER_SIZE), limits) if header.has_metadata else None
    sections = tuple(Section(str(row.tag, "ascii"), row.data, row.offset) for row in rows)
    return Container(replace(header, residual=Residual.NONE, tile_size=0), metadata, sections)
