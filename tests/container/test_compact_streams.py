"""Levels of the compact plan to file sections and back."""

import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from compact_reference import read_levels as reference_levels
from compact_reference import read_plan
from compact_strategies import COUNTS, LARGEST, LEAST, MAX_LUMA, SIZES, levels_of, make_levels, quantizers, sorted_rows
from hypothesis import given
from hypothesis import strategies as st

from pyggc.container import Container, Header, Section, read_container
from pyggc.container.compact import read_levels, write_levels
from pyggc.entropy import RansStack, push_set
from pyggc.errors import BitstreamError, GgcError, TruncatedStream, UnsupportedVersion
from pyggc.quantize import CompactPlan, CompactQuantizer
from pyggc.render import rasterize

GOLDEN = Path(__file__).parents[1] / "golden"


def load_maker():
    spec = importlib.util.spec_from_file_location("make_compact", GOLDEN / "make_compact.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = load_maker()
EXPECTED = json.loads((GOLDEN / "compact.json").read_text())


def contain(sections, quantizer, count, **fields):
    header = Header(
        width=quantizer.width, height=quantizer.height, num_gaussians=count, channels=quantizer.channels, **fields
    )
    return Container(header, None, tuple(sections))


def data_of(sections):
    return {section.tag: bytes(section.data) for section in sections}


def write(levels, quantizer, bits_back):
    return write_levels(levels, quantizer, bits_back=bits_back)


def streams_of(sections):
    """The arguments of the reference decoder."""
    return sections["POSN"], sections["COLR"], sections["CHOL"], sections.get("BITB")


@given(st.data(), st.booleans())
def test_round_trip(data, bits_back):
    quantizer = data.draw(quantizers())
    levels = data.draw(levels_of(quantizer))
    sections = write(levels, quantizer, bits_back)
    assert [section.tag for section in sections] == ["PLAN", *(["BITB"] if bits_back else []), "POSN", "COLR", "CHOL"]
    back, same = read_levels(contain(sections, quantizer, len(levels)))
    assert (same.plan, same.width, same.height, same.channels) == (
        (quantizer.plan, quantizer.width, quantizer.height, quantizer.channels)
    )
    assert back.dtype == np.int32
    assert back.shape == levels.shape
    assert back.flags.c_contiguous
    assert sorted_rows(back) == sorted_rows(levels)
    # What was read is in the order of the tree, which writing keeps.
    again = write(back, quantizer, bits_back)
    assert data_of(again) == data_of(sections)
    assert (read_levels(contain(again, quantizer, len(levels)))[0] == back).all()


@given(st.data())
def test_the_set_changes_where_the_pixels_are_and_nothing_else(data):
    quantizer = data.draw(quantizers())
    levels = data.draw(levels_of(quantizer))
    tree, pixels = (data_of(write(levels, quantizer, bits_back)) for bits_back in (False, True))
    assert all(tree[tag] == pixels[tag] for tag in ("PLAN", "COLR", "CHOL"))
    one, other = (
        read_levels(contain(write(levels, quantizer, bits_back), quantizer, len(levels)))[0]
        for bits_back in (False, True)
    )
    assert (one == other).all()


@pytest.mark.parametrize("bits_back", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", COUNTS)
def test_the_reference_decoder_reads_the_same(size, count, bits_back):
    rng = np.random.default_rng(count)
    for channels, mode in ((1, "mixed"), (3, "mixed"), (4, "extreme")):
        quantizer = CompactQuantizer(CompactPlan(0.02, 20, 33, 70, count % 40 - 10), *size, channels)
        levels = make_levels(rng, quantizer, count, mode, "mixed", ("anywhere", "two places")[channels & 1])
        sections = data_of(write(levels, quantizer, bits_back))
        plan = read_plan(sections["PLAN"], *size, channels)
        rows = reference_levels(plan, count, *streams_of(sections))
        back, _ = read_levels(contain(write(levels, quantizer, bits_back), quantizer, count))
        assert rows == back.tolist()


@given(st.data(), st.booleans())
def test_the_order_of_the_rows_is_of_no_consequence_but_within_a_pixel(data, bits_back):
    quantizer = data.draw(quantizers())
    levels = data.draw(levels_of(quantizer))
    pixels = np.floor(np.ldexp(levels[:, -2:] + 0.5, quantizer.position_exponents(levels)))
    levels = np.ascontiguousarray(levels[np.unique(pixels, axis=0, return_index=True)[1]])
    shuffled = np.ascontiguousarray(levels[np.random.default_rng(0).permutation(len(levels))])
    assert data_of(write(levels, quantizer, bits_back)) == data_of(write(shuffled, quantizer, bits_back))


def plain(count=4, channels=3, size=(64, 48)):
    quantizer = CompactQuantizer(CompactPlan(0.02), *size, channels)
    return quantizer, make_levels(np.random.default_rng(1), quantizer, count, "faint", "zero", "anywhere")


@pytest.mark.parametrize(
    ("column", "least", "largest"),
    [(0, -MAX_LUMA, MAX_LUMA), (1, LEAST, LARGEST), (2, LEAST, LARGEST), (3, LEAST, LARGEST)],
)
def test_the_colors_that_tokens_reach(column, least, largest):
    quantizer, levels = plain(channels=4)
    for value in (least, largest):
        levels[2, column] = value
        levels[2, 4:] = 0
        back, _ = read_levels(contain(write_levels(levels, quantizer), quantizer, len(levels)))
        assert sorted_rows(back) == sorted_rows(levels)
    for value in (least - 1, largest + 1, 1 << 20, -(1 << 20), (1 << 20) + 1, 2**31 - 1, -(2**31)):
        levels[2, column] = value
        levels[2, 4:] = 0
        with pytest.raises(ValueError, match=r"levels must be within|of Gaussian 2 are out of range"):
            write_levels(levels, quantizer)


def test_what_no_stream_can_tell_is_refused():
    quantizer = CompactQuantizer(CompactPlan(0.02, 16, 1, 1), 64, 48, 1)
    for column, values in (
        (1, (-65, 449, 2**31 - 1, -(2**31))),
        (2, (-65, 449, 2**31 - 1, -(2**31))),
        (3, (-1025, 1024, 4096, 4097, 2**31 - 1, -(2**31))),
        (4, (-1, 64 * 64, 2**31 - 1, -(2**31))),
        (5, (-1, 48 * 64, 2**31 - 1, -(2**31))),
    ):
        for value in values:
            levels = np.zeros((2, 6), np.int32)
            levels[1, column] = value
            with pytest.raises(
                ValueError, match=r"levels must be within|of Gaussian 1 are (out of range|centered outside)"
            ):
                write_levels(levels, quantizer)
    with pytest.raises(ValueError, match="must have 6 columns, got 8"):
        write_levels(np.zeros((2, 8), np.int32), quantizer)


def test_every_scale_and_its_prediction():
    """No valid scale is further from any prediction than the tokens reach."""
    for step in (1, 7, 255):
        for size in ((1, 1), (2**20 - 1, 2**20 - 1)):
            quantizer = CompactQuantizer(CompactPlan(0.02, 16, step, 1), *size, 1)
            for color in (0, 2047):
                scale = max(step >> int(quantizer.classes(np.array([[color]], np.int32))[0]), 1)
                for level in (-(64 // scale), 448 // scale):
                    levels = np.array([[color, level, level, 0, 0, 0]], np.int32)
                    back, _ = read_levels(contain(write_levels(levels, quantizer), quantizer, 1))
                    assert (back == levels).all()


def test_no_gaussians_are_no_bytes():
    quantizer, _ = plain()
    sections = data_of(write_levels(np.zeros((0, 8), np.int32), quantizer))
    assert {tag: len(data) for tag, data in sections.items()} == {"PLAN": 8, "POSN": 0, "COLR": 0, "CHOL": 0}


def test_crowds_cost_next_to_nothing():
    """The cheapest Gaussians there are: all alike. Sections as short as any are no reason to refuse a file."""
    quantizer = CompactQuantizer(CompactPlan(0.02, 16, 1, 1), 1, 1, 1)
    levels = np.zeros((200_000, 6), np.int32)
    levels[:, 1:3] = 24, -16  # what is predicted of a leaf of one pixel
    sections = write_levels(levels, quantizer)
    assert sum(len(section.data) for section in sections) < 200
    back, _ = read_levels(contain(sections, quantizer, len(levels)))
    assert (back == levels).all()


def test_more_gaussians_than_the_bytes_can_hold():
    quantizer, levels = plain(100)
    sections = write_levels(levels, quantizer)
    for count in (101, 150, 10_000, 2**21, 2**32 - 1):
        with pytest.raises(BitstreamError):
            read_levels(contain(sections, quantizer, count))
    with pytest.raises(TruncatedStream, match=r"COLR at byte 0: expected 2147483647 Gaussians, found \d+ bytes"):
        read_levels(contain(sections, quantizer, 2**31 - 1))
    with pytest.raises(BitstreamError, match=r"byte 16: expected fewer than 2\^31 Gaussians, found 2147483648"):
        read_levels(contain(sections, quantizer, 2**31))
    for count in (0, 1, 50, 99):
        with pytest.raises(BitstreamError):
            read_levels(contain(sections, quantizer, count))


def test_a_set_that_is_none():
    quantizer, levels = plain(40)
    sections = data_of(write(levels, quantizer, True))
    for data in (b"", b"\0", sections["BITB"][:-1], sections["BITB"] + b"\0\0\0\0", b"\1" + sections["BITB"]):
        changed = [Section(tag, data if tag == "BITB" else content) for tag, content in sections.items()]
        with pytest.raises(BitstreamError, match="section BITB at byte 0: rANS stack: expected the bottom"):
            read_levels(contain(changed, quantizer, len(levels)))
    changed = [Section(tag, bytes(9) if tag == "BITB" else content) for tag, content in sections.items()]
    with pytest.raises(BitstreamError, match="section BITB at byte 0: rANS stack at byte 0: expected a state without"):
        read_levels(contain(changed, quantizer, len(levels)))


def test_a_pixel_that_holds_no_center():
    """A coarse position has its center in one pixel of many."""
    quantizer = CompactQuantizer(CompactPlan(0.02, 16, 1, 1, 15), 64, 64, 1)
    levels = np.array([[1, 64, 64, 0, 0, 0]], np.int32)
    exponent = quantizer.position_exponents(levels)[0, 0]
    assert exponent > 1
    sections = data_of(write(levels, quantizer, True))
    for x in range(64):
        stack = RansStack()
        push_set(stack, [[x, 1 << (exponent - 1)]], (64, 64))
        changed = [Section(tag, stack.to_bytes() if tag == "BITB" else data) for tag, data in sections.items()]
        if x % (1 << exponent) == 1 << (exponent - 1):
            read_levels(contain(changed, quantizer, 1))
        else:
            with pytest.raises(BitstreamError, match="POSN at byte 0: expected centers within the pixels and the imag"):
                read_levels(contain(changed, quantizer, 1))


@pytest.mark.parametrize("tag", ["PLAN", "POSN", "COLR", "CHOL"])
def test_a_missing_section_is_named(tag):
    quantizer, levels = plain()
    sections = [section for section in write_levels(levels, quantizer) if section.tag != tag]
    with pytest.raises(BitstreamError, match=f"expected a section {tag}, found"):
        read_levels(contain(sections, quantizer, len(levels)))


def test_tiles_and_images_beyond_the_plan_are_refused():
    quantizer, levels = plain()
    sections = write_levels(levels, quantizer)
    with pytest.raises(UnsupportedVersion, match="header at byte 38: expected one tile in the compact plan, found 256"):
        read_levels(contain(sections, quantizer, len(levels), tile_size=256))
    for side in ("width", "height"):
        header = Header(**{"width": 1, "height": 1, side: 2**20, "num_gaussians": 4, "channels": 3})
        with pytest.raises(BitstreamError, match=f"{side} must be in"):
            read_levels(Container(header, None, tuple(sections)))


def test_a_position_outside_the_image_or_its_leaf_is_refused():
    """Bits that no writer writes: the second half of a leaf that the image's edge cuts."""
    quantizer = CompactQuantizer(CompactPlan(0.02, 16, 1, 1, 0), 5, 1, 1)
    levels = np.zeros((1, 6), np.int32)
    exponent = int(quantizer.position_exponents(levels)[0, 0])
    assert exponent <= 0
    wide = CompactQuantizer(quantizer.plan, 8, 1, 1)
    levels[0, 4] = 5 << -exponent
    sections = write_levels(levels, wide)
    assert (read_levels(contain(sections, wide, 1))[0] == levels).all()
    with pytest.raises(BitstreamError, match="POSN at byte 0: expected centers within the leaves and the image"):
        read_levels(contain(sections, quantizer, 1))


def golden(name):
    return (GOLDEN / f"compact_{name}.ggc").read_bytes()


def test_every_golden_case_has_its_file_and_every_file_its_case():
    assert {path.stem.removeprefix("compact_") for path in GOLDEN.glob("compact_*.ggc")} == set(MAKER.CASES)
    assert set(EXPECTED) == set(MAKER.CASES)


@pytest.mark.parametrize("name", MAKER.CASES)
def test_golden_files_decode_to_the_same_levels_gaussians_and_pixels(name):
    expected = EXPECTED[name]
    levels, quantizer = read_levels(read_container(golden(name)))
    assert levels.tolist() == expected["levels"]
    gaussians = quantizer.dequantize(levels)
    arrays = b"".join(a.astype("<f4").tobytes() for a in (gaussians.means, gaussians.cholesky, gaussians.colors))
    assert hashlib.sha256(arrays).hexdigest() == expected["gaussians"]
    for dtype in ("uint8", "uint16"):
        pixels = rasterize(gaussians, dtype=np.dtype(dtype))
        assert hashlib.sha256(pixels.astype(f"<u{pixels.itemsize}").tobytes()).hexdigest() == expected[dtype]


@pytest.mark.parametrize("name", MAKER.CASES)
def test_golden_files_are_what_is_written_today(name):
    assert MAKER.serialize(name) == golden(name)


@pytest.mark.parametrize("name", MAKER.CASES)
def test_golden_files_by_the_reference_decoder(name):
    container = read_container(golden(name))
    header, sections = container.header, data_of(container.sections)
    plan = read_plan(sections["PLAN"], header.width, header.height, header.channels)
    rows = reference_levels(plan, header.num_gaussians, *streams_of(sections))
    assert rows == EXPECTED[name]["levels"]


def test_the_plan_section_must_be_a_plan():
    quantizer, levels = plain()
    sections = write_levels(levels, quantizer)
    for data in (b"", bytes(8), b"\x7f\xc0" + bytes(6), sections[0].data[:7], sections[0].data + b"\0"):
        with pytest.raises(GgcError, match="section PLAN at byte 0"):
            read_levels(contain([Section("PLAN", data), *sections[1:]], quantizer, len(levels)))
