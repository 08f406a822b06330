"""Hostile `.ggc` files: valid ones to begin with, and what can be done to them.

The Hypothesis tests, the battery and the fuzz targets all take their files from here. Everything follows from a
`random.Random`, or what behaves like one. A mutation may be followed by a repair of the checksums, without which nearly
none would get past them to the decoders behind.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from bombs import BOMBS, crowd

import pyggc
from pyggc.container import ByteWriter, Limits, read_container
from pyggc.errors import BitstreamError

GOLDEN = Path(__file__).parents[1] / "golden"
HEADER, FOOTER = 64, 4
TAGS = (b"PLAN", b"BITB", b"POSN", b"COLR", b"CHOL", b"RESI")

NO_LIMITS = Limits(**dict.fromkeys(Limits.__dataclass_fields__, 2**80))

#: Offset and layout of the header's fields, but for the magic and the checksum.
HEADER_FIELDS = (
    *((4, ">H"), (6, ">H"), (8, ">I"), (12, ">I"), (16, ">I"), (20, ">B"), (21, ">B"), (22, ">B"), (23, ">B")),
    *((24, ">I"), (32, ">B"), (33, ">B"), (34, ">B"), (35, ">B"), (36, ">B"), (37, ">B"), (38, ">H"), (40, ">H")),
    *((42, ">H"), (44, ">Q"), (52, ">I"), (60, ">I")),
)
#: Of these the ones that declare an amount.
SIZE_FIELDS = ((8, ">I"), (12, ">I"), (16, ">I"), (24, ">I"), (40, ">H"), (44, ">Q"))


# ------------------------------------------------------------------------------------------------ checksums and parts


def crc(data: bytes) -> bytes:
    """The checksum as it stands in a file."""
    return struct.pack(">I", zlib.crc32(data))


def repaired(data: bytes, *, keep_length: bool = False) -> bytes:
    """The same file with a right length and right checksums, so that the damage reaches what lies behind them."""
    if len(data) < HEADER + FOOTER:
        return data
    length = data[44:52] if keep_length else struct.pack(">Q", len(data))
    head = data[:28] + bytes(4) + data[32:44] + length + data[52:HEADER]
    return head[:28] + crc(head) + head[32:] + data[HEADER:-FOOTER] + crc(data[HEADER:-FOOTER])


@dataclass(frozen=True)
class Parts:
    """A file taken apart: header, metadata block, and the sections' tags and contents."""

    header: bytes
    metadata: bytes
    sections: tuple[tuple[bytes, bytes], ...]

    @staticmethod
    def of(data: bytes) -> Parts:
        """Take a valid file apart."""
        container = read_container(data, NO_LIMITS, [tag.decode() for tag in TAGS])
        sections = tuple((section.tag.encode(), bytes(section.data)) for section in container.sections)
        return Parts(data[:HEADER], data[HEADER : HEADER + container.header.metadata_size], sections)

    def join(self) -> bytes:
        """Put them together with the sizes that they have; the checksums stay as they were."""
        head = bytearray(self.header)
        head[7] = head[7] & 0xFE | (len(self.metadata) > 0)
        head[24:28] = struct.pack(">I", len(self.metadata))
        head[40:42] = struct.pack(">H", len(self.sections))
        table = b"".join(tag + struct.pack(">I", len(data)) for tag, data in self.sections)
        body = self.metadata + table + b"".join(data for _, data in self.sections)
        head[44:52] = struct.pack(">Q", HEADER + len(body) + FOOTER)
        return bytes(head) + body + bytes(FOOTER)

    def with_section(self, index: int, data: bytes) -> Parts:
        """The same with another content of one section."""
        sections = list(self.sections)
        sections[index] = (sections[index][0], data)
        return replace(self, sections=tuple(sections))


# ------------------------------------------------------------------------------------------------------------- seeds


@cache
def seeds() -> dict[str, bytes]:
    """Valid files by name: all golden ones, and small ones encoded here."""
    files = {path.stem: path.read_bytes() for path in sorted(GOLDEN.glob("*.ggc"))}
    files |= {path.stem: bytes.fromhex(path.read_text()) for path in sorted(GOLDEN.glob("*.hex"))}
    y, x = np.mgrid[:12, :16] / 16.0
    images = {"gray": x, "color": np.dstack([x, y, x * y]), "alpha": np.dstack([x, y, 1.0 - x, 0.5 + y / 2.0])}
    for name, image in images.items():
        tags = {"author": "nobody", "icc": bytes(range(40))}
        files[f"encoded_{name}"] = pyggc.encode(image, num_gaussians=6, effort=1, tags=tags, threads=1)
    samples = (images["color"] * 255.0).astype(np.uint8)
    layered: dict[str, dict[str, object]] = {"lossy": {"quality": 45.0}, "lossless": {"lossless": True}}
    for name, goal in layered.items():
        files[f"encoded_{name}"] = pyggc.encode(samples, effort=1, threads=1, **goal)  # type: ignore[arg-type]
    files["crowd"] = crowd(1000)
    files["ancillary"] = crowd(5, filler=9)
    files["crowded set"] = crowd(1000, 2, bits_back=True)
    files["encoded_set"] = pyggc.encode(images["color"], num_gaussians=6, effort=1, bits_back=True, threads=1)
    return files


# --------------------------------------------------------------------------------------------- mutations of the bytes


def _span(rng: random.Random, size: int, longest: int = 64) -> tuple[int, int]:
    start = rng.randrange(size + 1)
    return start, min(size, start + rng.randint(1, longest))


def number(rng: random.Random, bits: int) -> int:
    """An integer of so many bits that something may go wrong with."""
    match rng.randrange(4):
        case 0:
            return rng.randrange(min(1 << bits, 40))
        case 1:
            return rng.randrange(1 << bits)
        case 2:
            return min((1 << bits) - 1, max(0, (1 << rng.randint(0, bits)) + rng.randint(-2, 2)))
        case _:
            return (1 << bits) - 1 - rng.randrange(3)


def truncate(rng: random.Random, data: bytes) -> bytes:
    """Cut off the end."""
    return data[: rng.randrange(max(1, len(data)))]


def flip_bits(rng: random.Random, data: bytes) -> bytes:
    """Change a few bits."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        if damaged:
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def set_bytes(rng: random.Random, data: bytes) -> bytes:
    """Overwrite a few bytes."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        start, end = _span(rng, len(damaged), rng.choice((1, 2, 4, 16)))
        damaged[start:end] = rng.choice((bytes(end - start), b"\xff" * (end - start), rng.randbytes(end - start)))
    return bytes(damaged)


def insert(rng: random.Random, data: bytes) -> bytes:
    """Put bytes in between."""
    at, size = rng.randrange(len(data) + 1), rng.randint(1, 40)
    return data[:at] + rng.choice((bytes(size), rng.randbytes(size), data[at : at + size])) + data[at:]


def delete(rng: random.Random, data: bytes) -> bytes:
    """Take bytes out."""
    start, end = _span(rng, len(data))
    return data[:start] + data[end:]


def splice(rng: random.Random, data: bytes) -> bytes:
    """The front of one file and the back of another."""
    other = rng.choice(list(seeds().values()))
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]


def header_fields(rng: random.Random, data: bytes) -> bytes:
    """Other values in one to three fields of the header."""
    return _with_fields(rng, data, rng.choices(HEADER_FIELDS, k=rng.choice((1, 1, 2, 3))))


def huge_sizes(rng: random.Random, data: bytes) -> bytes:
    """Huge declared amounts before few bytes."""
    damaged = bytearray(data)
    for offset, layout in rng.choices(SIZE_FIELDS, k=rng.randint(1, 4)):
        bits = 8 * struct.calcsize(layout)
        value = (1 << bits) - 1 >> rng.randrange(bits * 3 // 4)
        damaged[offset : offset + bits // 8] = struct.pack(layout, value)
    return bytes(damaged) if len(data) >= HEADER else data


def random_body(rng: random.Random, data: bytes) -> bytes:
    """Random bytes behind a valid header."""
    return data[:HEADER] + rng.randbytes(rng.randint(FOOTER, 400))


def _with_fields(rng: random.Random, data: bytes, fields: list[tuple[int, str]]) -> bytes:
    damaged = bytearray(data)
    for offset, layout in fields:
        size = struct.calcsize(layout)
        if offset + size > len(damaged):
            continue
        (before,) = struct.unpack_from(layout, damaged, offset)
        near = max(0, min((1 << 8 * size) - 1, before + rng.randint(-2, 2)))
        struct.pack_into(layout, damaged, offset, rng.choice((near, number(rng, 8 * size))))
    return bytes(damaged)


# --------------------------------------------------------------------------------------------- mutations of the parts


def table(rng: random.Random, parts: Parts) -> bytes:
    """Another tag or length in a row of the section table, whose place moves nothing else."""
    data = bytearray(parts.join())
    if parts.sections:
        row = HEADER + len(parts.metadata) + 8 * rng.randrange(len(parts.sections))
        if rng.randrange(2):
            data[row : row + 4] = rng.choice((*TAGS, b"note", b"ABCD", b"\x1b[0m", rng.randbytes(4)))
        else:
            struct.pack_into(">I", data, row + 4, number(rng, 32))
    return bytes(data)


def random_section(rng: random.Random, parts: Parts) -> bytes:
    """Random bytes for the content of a section."""
    size = rng.choice((0, 1, 7, 8, 9, 12, rng.randint(0, 60), rng.randint(0, 600)))
    return _edited(rng, parts, lambda _: rng.choice((rng.randbytes(size), bytes(size), b"\xff" * size)))


def edited_section(rng: random.Random, parts: Parts) -> bytes:
    """A damaged content of a section, the table's lengths right."""
    mutation = rng.choice((truncate, flip_bits, set_bytes, insert, delete))
    return _edited(rng, parts, lambda content: mutation(rng, content))


def swapped_sections(rng: random.Random, parts: Parts) -> bytes:
    """Contents or rows in another order, one of them twice, or one left out."""
    sections = list(parts.sections)
    if len(sections) > 1:
        i, j = rng.sample(range(len(sections)), 2)
        match rng.randrange(4):
            case 0:
                sections[i], sections[j] = (sections[i][0], sections[j][1]), (sections[j][0], sections[i][1])
            case 1:
                sections[i], sections[j] = sections[j], sections[i]
            case 2:
                sections.insert(j, sections[i])
            case _:
                del sections[i]
    return replace(parts, sections=tuple(sections)).join()


def foreign_section(rng: random.Random, parts: Parts) -> bytes:
    """A section's content from another file, with that file's header or this one's."""
    other = Parts.of(rng.choice(list(seeds().values())))
    contents = dict(other.sections)
    sections = tuple((tag, contents.get(tag, data) if rng.randrange(2) else data) for tag, data in parts.sections)
    return replace(parts, header=rng.choice((parts.header, other.header)), sections=sections).join()


def plan(rng: random.Random, parts: Parts) -> bytes:
    """Other steps in the plan, which all that is decoded afterwards depends on."""
    indices = [i for i, (tag, _) in enumerate(parts.sections) if tag == b"PLAN"]
    if not indices:
        return parts.join()
    content = bytearray(parts.sections[indices[0]][1].ljust(8, b"\0")[:8])
    if rng.randrange(3) == 0:
        struct.pack_into(">f", content, 0, 2.0 ** rng.randint(-32, 21))
    for _ in range(rng.randint(0, 2)):
        content[rng.randint(4, 7)] = rng.choice((1, 2, 127, 128, 255, rng.randrange(256)))
    return parts.with_section(indices[0], bytes(content)).join()


def metadata(rng: random.Random, parts: Parts) -> bytes:
    """A damaged metadata block, or one of records at random."""
    if parts.metadata and rng.randrange(2):
        mutation = rng.choice((truncate, flip_bits, set_bytes, insert, delete))
        return replace(parts, metadata=mutation(rng, parts.metadata)).join()
    writer = ByteWriter()
    writer.u64(number(rng, rng.choice((31, 38, 64))))
    writer.u32(number(rng, 32))
    for _ in range(rng.choice((1, 2, 3, 5, 1500))):
        writer.put(_record(rng))
    return replace(parts, metadata=writer.getvalue()).join()


def _record(rng: random.Random) -> bytes:
    kind, payload = rng.choice((1, 2, 16, 17, 3, 255)), rng.randbytes(rng.choice((0, 1, 4, 20)))
    writer = ByteWriter()
    writer.u8(kind)
    if kind in (1, 2):
        payload = struct.pack(">f", rng.choice((0.5, 31.0, 0.0, -1.0, 2.0, float("nan"), float("inf"), 1e38)))
    elif kind in (16, 17) and rng.randrange(4):
        key = rng.choice((b"k", b"", b"icc", b"\xff", "é".encode(), bytes(rng.choice((1, 255, 256)))))
        payload = bytes([min(len(key), 127)]) + key + payload
    writer.varint(len(payload) if rng.randrange(8) else number(rng, 64))
    writer.put(payload)
    return writer.getvalue()


def _edited(rng: random.Random, parts: Parts, edit: Callable[[bytes], bytes]) -> bytes:
    if not parts.sections:
        return parts.join()
    index = rng.randrange(len(parts.sections))
    return parts.with_section(index, edit(parts.sections[index][1])).join()


# ------------------------------------------------------------------------------------------------------ all together

RAW: dict[str, Callable[[random.Random, bytes], bytes]] = {
    mutation.__name__: mutation
    for mutation in (
        *(truncate, flip_bits, set_bytes, insert, delete, splice),
        *(header_fields, huge_sizes, random_body),
    )
}
STRUCTURED: dict[str, Callable[[random.Random, Parts], bytes]] = {
    mutation.__name__: mutation
    for mutation in (
        *(table, random_section, edited_section, swapped_sections),
        *(foreign_section, plan, metadata),
    )
}

#: A bomb takes as long as hundreds of other files do, and there are few kinds of them.
BOMBS_IN = 250


class HostileFile(NamedTuple):
    """A file, what was done to it, and whether its checksums were then repaired."""

    data: bytes
    mutation: str
    repaired: bool


def mutate(rng: random.Random, data: bytes, parts: Parts | None) -> tuple[bytes, str]:
    """Do one thing to a file; to its parts as well, if it has them."""
    names = [*RAW, *(STRUCTURED if parts is not None else ())]
    name = rng.choice(names)
    if parts is not None and name in STRUCTURED:
        return STRUCTURED[name](rng, parts), name
    return RAW[name](rng, data), name


@cache
def _seed_parts() -> list[tuple[bytes, Parts]]:
    return [(data, Parts.of(data)) for data in seeds().values()]


def make(rng: random.Random, *, repair: bool, bombs: bool = True) -> HostileFile:
    """One hostile file."""
    if bombs and rng.randrange(BOMBS_IN) == 0:
        name = rng.choice(list(BOMBS))
        data = BOMBS[name](rng)
        return HostileFile(data if repair else flip_bits(rng, data), name, repair)
    while True:
        data, name = mutate(rng, *rng.choice(_seed_parts()))
        if not repair:
            return HostileFile(data, name, False)
        # What is too short to have checksums has none to repair.
        if len(data) >= HEADER + FOOTER:
            return HostileFile(repaired(data, keep_length=rng.randrange(20) == 0), name, True)


def remade(data: bytes, max_size: int, seed: int) -> bytes:
    """A mutation for a fuzzer that knows nothing of checksums: of any file, repaired more often than not."""
    rng = random.Random(seed)
    try:
        parts = Parts.of(data)
    except BitstreamError:
        parts = None
    damaged, _ = mutate(rng, data, parts)
    return (repaired(damaged) if rng.randrange(8) else damaged)[:max_size]
