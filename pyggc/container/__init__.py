"""The `.ggc` file: header, sections, metadata, limits, checksums, and writing without half files.

The container knows nothing of what its sections mean. Its layout is specified in ``docs/spec_container.rst``.
"""

from pyggc.atomic import atomic_write
from pyggc.container.checksums import image_hash
from pyggc.container.file import Container, read_container, read_start, write_container
from pyggc.container.header import Blend, Compression, Header, Plan, Residual, read_header
from pyggc.container.limits import Limits
from pyggc.container.metadata import Metadata
from pyggc.container.sections import SECTION_TAGS, Section
from pyggc.cursor import ByteReader, ByteWriter

__all__ = [
    "SECTION_TAGS",
    "Blend",
    "ByteReader",
    "ByteWriter",
    "Compression",
    "Container",
    "Header",
    "Limits",
    "Metadata",
    "Plan",
    "Residual",
    "Section",
    "atomic_write",
    "image_hash",
    "read_container",
    "read_header",
    "read_start",
    "write_container",
]
