"""Hostile sections of the compact plan: only `GgcError`, in bounded memory, or levels that are valid."""

import itertools
import random
import struct
import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from compact_strategies import sorted_rows
from hostile_files import repaired
from hypothesis import example, given
from hypothesis import strategies as st

from pyggc.container import Header, Limits, Section, read_container, write_container
from pyggc.container.compact import read_levels, write_levels
from pyggc.errors import BitstreamError, GgcError
from pyggc.quantize import CompactPlan, CompactQuantizer

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = {name: (GOLDEN / f"compact_{name}.ggc").read_bytes() for name in ("gray", "color", "alpha", "bits_back")}
FEW = {"gray": 3, "color": 29, "alpha": 13, "bits_back": 23}  # one of so many damages is tried
BODY = 64
TAGS = ("PLAN", "POSN", "COLR", "CHOL")


def read_gaussians(data, limits=None):
    """What the codec does between the bytes of a file and its Gaussians."""
    levels, quantizer = read_levels(read_container(data, limits))
    try:
        return levels, quantizer, quantizer.dequantize(levels)
    except ValueError as error:
        raise BitstreamError(str(error)) from None


def decode_or_refuse(data, limits=None):
    """Whether a file decodes; then its levels can be written, and its Gaussians lie within the image."""
    try:
        levels, quantizer, gaussians = read_gaussians(data, limits)
    except GgcError:
        return False
    size = np.array([quantizer.width, quantizer.height])
    assert ((gaussians.means >= -0.5) & (gaussians.means <= size - 0.5)).all()
    sections = write_levels(levels, quantizer)
    header = Header(
        width=quantizer.width, height=quantizer.height, num_gaussians=len(levels), channels=quantizer.channels
    )
    again, _ = read_levels(read_container(write_container(header, sections), limits))
    assert sorted_rows(again) == sorted_rows(levels)
    return True


#: Every section of every file.
SECTIONS = [(name, tag) for name, data in FILES.items() for tag in (s.tag for s in read_container(data).sections)]


@contextmanager
def memory_below(bound):
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < bound, f"{peak / 2**20:.1f} MiB"


def sections_of(name):
    return {section.tag: bytes(section.data) for section in read_container(FILES[name]).sections}


def rebuilt(name, sections):
    return write_container(read_container(FILES[name]).header, [Section(tag, data) for tag, data in sections.items()])


@pytest.mark.parametrize("name", FILES)
def test_the_files_themselves_are_well(name):
    assert decode_or_refuse(FILES[name])
    assert repaired(FILES[name]) == FILES[name]
    assert rebuilt(name, sections_of(name)) == FILES[name]


@pytest.mark.parametrize("name", FILES)
def test_every_truncation_is_refused(name):
    for size in range(len(FILES[name])):
        with pytest.raises(GgcError):
            read_gaussians(FILES[name][:size])


@pytest.mark.parametrize(("name", "tag"), SECTIONS)
def test_every_truncation_of_a_section_is_refused(name, tag):
    sections = sections_of(name)
    for size in range(len(sections[tag])):
        with pytest.raises(BitstreamError):
            read_gaussians(rebuilt(name, {**sections, tag: sections[tag][:size]}))


@pytest.mark.parametrize(("name", "tag"), SECTIONS)
def test_bytes_after_a_section_are_refused(name, tag):
    sections = sections_of(name)
    for extra in (b"\x00", b"\xff", bytes(4), b"\x01\x00\x00\x00", bytes(8), sections[tag]):
        with pytest.raises(BitstreamError):
            read_gaussians(rebuilt(name, {**sections, tag: sections[tag] + extra}))


@pytest.mark.parametrize("name", FILES)
def test_flipped_bits_with_repaired_checksums(name):
    decoded = 0
    for position, bit in itertools.islice(itertools.product(range(len(FILES[name])), range(8)), 0, None, FEW[name]):
        damaged = bytearray(FILES[name])
        damaged[position] ^= 1 << bit
        decoded += decode_or_refuse(repaired(bytes(damaged)))
    # Some bits are as good either way: those of the plan, and raw ones, which end the stream of the positions.
    assert 0 < decoded < 8 * len(FILES[name]) // FEW[name] // 2


@pytest.mark.parametrize("name", FILES)
def test_other_numbers_of_gaussians_are_refused(name):
    count = read_container(FILES[name]).header.num_gaussians
    for other in {0, 1, 2, count - 1, count + 1, 2 * count, 1000, 10**5, 10**6, 2**21}:
        damaged = repaired(FILES[name][:16] + struct.pack(">I", other) + FILES[name][20:])
        with pytest.raises(BitstreamError):
            read_gaussians(damaged)


@pytest.mark.parametrize("name", FILES)
def test_other_sizes_and_channels(name):
    """The tree of another image is another tree, mostly an impossible one."""
    for offset, layout, values in (
        (8, ">I", (1, 2, 4, 5, 16, 64, 100, 2**15, 2**20 - 1, 2**20, 2**26)),
        (12, ">I", (1, 2, 4, 5, 16, 64, 100, 2**15, 2**20 - 1, 2**20, 2**26)),
        (33, ">B", (0, 1, 2, 3, 4, 5, 255)),
        (35, ">B", (0, 1, 255)),
        (38, ">H", (0, 1, 256, 65535)),
    ):
        for value in values:
            damaged = bytearray(FILES[name])
            damaged[offset : offset + struct.calcsize(layout)] = struct.pack(layout, value)
            decode_or_refuse(repaired(bytes(damaged)), Limits(max_pixels=2**60, max_image_bytes=2**70))


def test_two_million_gaussians_from_a_hundred_bytes():
    """Refused by the length of the section, or as soon as its state runs dry; never decoded to the end."""
    limits = Limits(max_gaussians=2**32)
    for size in (0, 1, 8, 9, 40, 100, 1000):
        for body in (bytes(size), b"\xff" * size, random.Random(size).randbytes(size)):
            for channels in (1, 4):
                header = Header(width=4000, height=3000, num_gaussians=2**21, channels=channels)
                plan = CompactPlan(0.1).to_bytes()
                sections = [Section("PLAN", plan), *(Section(tag, body) for tag in TAGS[1:])]
                for more in ([], [Section("BITB", body)]):
                    with memory_below(2**27 + 2**26), pytest.raises(BitstreamError):
                        read_gaussians(write_container(header, sections + more), limits)


@pytest.mark.parametrize("count", [2**31 - 1, 2**31, 2**32 - 1])
def test_billions_of_gaussians_cost_no_memory(count):
    for data in FILES.values():
        damaged = repaired(data[:16] + struct.pack(">I", count) + data[20:])
        with memory_below(2**20), pytest.raises(BitstreamError, match="Gaussians, found"):
            read_gaussians(damaged, Limits(max_gaussians=2**32))


def test_a_crowd_in_few_bytes_is_no_crime():
    """The other side of that bound: as many Gaussians as a short file can hold do decode."""
    quantizer = CompactQuantizer(CompactPlan(0.1, 16, 1, 1), 1, 1, 3)
    levels = np.zeros((300_000, 8), np.int32)
    levels[:, 3:5] = 24, -16
    header = Header(width=1, height=1, num_gaussians=len(levels))
    data = write_container(header, write_levels(levels, quantizer))
    assert len(data) < 1000
    with memory_below(2**27):
        assert (read_gaussians(data)[0] == levels).all()
    as_set = write_container(header, write_levels(levels, quantizer, bits_back=True))
    assert len(as_set) < 1000
    with memory_below(2**27):
        assert (read_gaussians(as_set)[0] == levels).all()


@given(st.sampled_from(sorted(FILES)), st.sampled_from([*TAGS, "BITB"]), st.binary(max_size=80))
@example("gray", "POSN", b"")
@example("gray", "BITB", b"")
@example("bits_back", "BITB", b"\0")
def test_random_sections(name, tag, content):
    decode_or_refuse(rebuilt(name, {**sections_of(name), tag: content}))


@given(st.binary(min_size=8, max_size=8), st.sampled_from(sorted(FILES)))
def test_random_plans(plan, name):
    """Whatever the steps, the integers are refused or lead to Gaussians within the bounds."""
    decode_or_refuse(rebuilt(name, {**sections_of(name), "PLAN": plan}))


@given(st.integers(0, 200), st.sampled_from([(1, 1), (7, 3), (640, 480), (2**19, 60)]), st.data())
def test_random_files(count, size, data):
    """Nothing but the plan is sensible, and as much of it is read as there is."""
    header = Header(width=size[0], height=size[1], num_gaussians=count, channels=data.draw(st.sampled_from([1, 3, 4])))
    rng = random.Random(data.draw(st.integers(0, 2**32)))
    sections = [Section("PLAN", CompactPlan(0.1, 16, 1, 1, data.draw(st.integers(-128, 127))).to_bytes())]
    tags = data.draw(st.sampled_from([TAGS[1:], ("BITB", *TAGS[1:])]))
    sections += [Section(tag, rng.randbytes(rng.randrange(3000))) for tag in tags]
    decode_or_refuse(write_container(header, sections))


@pytest.mark.parametrize("name", FILES)
def test_sections_that_are_missing_swapped_or_empty(name):
    sections = sections_of(name)
    for tag in sections:
        # Without the set, the tree is missing in POSN.
        with pytest.raises(BitstreamError, match=f"section {'POSN' if tag == 'BITB' else tag}"):
            read_gaussians(rebuilt(name, {t: d for t, d in sections.items() if t != tag}))
        with pytest.raises(BitstreamError):
            read_gaussians(rebuilt(name, {**sections, tag: b""}))
    for one, other in itertools.combinations(sections, 2):
        swapped = {**sections, one: sections[other], other: sections[one]}
        with pytest.raises(BitstreamError):
            read_gaussians(rebuilt(name, swapped))
    # Their order in the file is free.
    assert decode_or_refuse(rebuilt(name, dict(reversed(sections.items()))))


def test_sections_of_one_file_in_another():
    for one, other in itertools.permutations(FILES, 2):
        for tag in TAGS[1:]:
            with pytest.raises(BitstreamError):
                read_gaussians(rebuilt(one, {**sections_of(one), tag: sections_of(other)[tag]}))
