"""Reading and writing of image files."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms

from pyggc._png16 import _filter_rows, format_png16
from pyggc.imagefile import OUTPUT_FORMATS, UnreadableImage, UnwritableImage, describe_bytes, format_image, parse_image

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    output = io.BytesIO()
    image.save(output, kind, **options)
    return output.getvalue()


def random_pixels(shape: tuple[int, ...], dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def png(pixels: np.ndarray, color_type: int, filters: list[int], interlaced: bool = False, extra: bytes = b"") -> bytes:
    """An independent 16-bit PNG writer, byte by byte from the specification, with a given filter for each row."""
    height, width = pixels.shape[:2]
    step = 2 * (pixels.shape[2] if pixels.ndim == 3 else 1)
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    stream = bytearray()
    for x0, y0, dx, dy in passes:
        part = pixels[y0::dy, x0::dx]
        if not part.size:
            continue
        above = bytes(part.shape[1] * step)
        for y in range(len(part)):
            row = part[y].astype(">u2").tobytes()
            kind = filters[y % len(filters)]
            stream.append(kind)
            for i, value in enumerate(row):
                a = row[i - step] if i >= step else 0
                b = above[i]
                c = above[i - step] if i >= step else 0
                estimates = sorted((abs(a + b - c - other), rank) for rank, other in enumerate((a, b, c)))
                guess = [0, a, b, (a + b) // 2, (a, b, c)[estimates[0][1]]][kind]
                stream.append((value - guess) % 256)
            above = row

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, interlaced)
    body = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(bytes(stream))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("channels", "color_type"), [(3, 2), (4, 6)])
def test_reads_16_bit_color_png(channels: int, color_type: int, interlaced: bool) -> None:
    pixels = random_pixels((13, 11, channels), "uint16")
    image = parse_image(png(pixels, color_type, [0, 1, 2, 3, 4], interlaced))
    assert image.notes == ()
    np.testing.assert_array_equal(image.pixels, pixels)


def test_reads_16_bit_gray_png_with_alpha() -> None:
    pixels = random_pixels((5, 4, 2), "uint16")
    read = parse_image(png(pixels, 4, [4, 1])).pixels
    np.testing.assert_array_equal(read, pixels[:, :, [0, 0, 0, 1]])
    assert read.dtype == np.uint16


def test_reads_16_bit_gray_png() -> None:
    pixels = random_pixels((5, 4), "uint16")
    np.testing.assert_array_equal(parse_image(png(pixels, 0, [2, 3])).pixels, pixels)


def test_transparent_color_of_16_bit_png_becomes_alpha() -> None:
    pixels = random_pixels((5, 4, 3), "uint16")
    body = pixels[2, 1].astype(">u2").tobytes()
    chunk = struct.pack(">I", 6) + b"tRNS" + body + struct.pack(">I", zlib.crc32(b"tRNS" + body))
    read = parse_image(png(pixels, 2, [0], extra=chunk)).pixels
    np.testing.assert_array_equal(read[:, :, :3], pixels)
    expected = np.full((5, 4), 65535)
    expected[2, 1] = 0
    np.testing.assert_array_equal(read[:, :, 3], expected)


@given(hnp.arrays(np.uint16, st.tuples(st.integers(1, 150), st.integers(1, 9), st.sampled_from([3, 4]))))
def test_16_bit_color_png_round_trip(pixels: np.ndarray) -> None:
    np.testing.assert_array_equal(parse_image(format_png16(pixels, None)).pixels, pixels)


def test_every_filter_of_a_16_bit_png_is_chosen_and_read_back() -> None:
    y, x = np.mgrid[:40, :60]
    noise = np.random.default_rng(3).normal(0, 300, y.shape)
    planes = [0 * x, 900 * x + noise, 900 * y + noise, 300 * (x + y) + noise, 60 * x * np.sin(y), noise * 60 + 30000]
    chosen: set[int] = set()
    for plane in planes:
        pixels = np.repeat(np.clip(plane, 0, 65535)[:, :, None], 3, axis=2).astype(np.uint16)
        rows = pixels.astype(">u2").view(np.uint8).reshape(40, -1)
        chosen.update(_filter_rows(rows, np.zeros_like(rows[:1]), 6)[:, 0].tolist())
        np.testing.assert_array_equal(parse_image(format_png16(pixels, None)).pixels, pixels)
    assert chosen == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels", [3, 4])
def test_reads_16_bit_color_tiff(byteorder: str, compression: str | None, channels: int) -> None:
    pixels = random_pixels((6, 7, channels), "uint16")
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    output = io.BytesIO()
    tifffile.imwrite(output, pixels, photometric="rgb", byteorder=byteorder, compression=compression, **extra)
    np.testing.assert_array_equal(parse_image(output.getvalue()).pixels, pixels)


def test_tells_when_bits_are_lost() -> None:
    planes = random_pixels((3, 6, 7), "uint16")
    output = io.BytesIO()
    tifffile.imwrite(output, planes, photometric="rgb", planarconfig="separate")
    try:
        image = parse_image(output.getvalue())
    except UnreadableImage:
        return  # Some versions of Pillow refuse such files, which is as well.
    assert image.pixels.dtype == np.uint8
    assert "read as 8" in image.notes[0]


GRAY = random_pixels((6, 5))
COLOR = random_pixels((6, 5, 3))
ALPHA = random_pixels((6, 5, 4))


@pytest.mark.parametrize(
    ("image", "kind", "expected"),
    [
        (Image.fromarray(GRAY), "PNG", GRAY),
        (Image.fromarray(GRAY > 99), "PNG", (GRAY > 99) * np.uint8(255)),
        (Image.fromarray(COLOR), "PNG", COLOR),
        (Image.fromarray(ALPHA), "PNG", ALPHA),
        (Image.fromarray(ALPHA[:, :, :2]), "PNG", ALPHA[:, :, [0, 0, 0, 1]]),
        (Image.fromarray(np.dstack([COLOR, np.full((6, 5), 255, np.uint8)])), "PNG", None),
        (Image.fromarray(GRAY).convert("P"), "PNG", np.dstack([GRAY] * 3)),
        (Image.fromarray(COLOR).convert("YCbCr").convert("RGB"), "BMP", None),
        (Image.fromarray(GRAY.astype(np.uint16) * 257), "TIFF", GRAY.astype(np.uint16) * 257),
        (Image.fromarray(GRAY.astype(np.int32) * 257), "TIFF", GRAY.astype(np.uint16) * 257),
        (Image.fromarray(GRAY.astype(np.float32) / 255), "TIFF", GRAY.astype(np.float32) / 255),
        (Image.fromarray(COLOR), "PPM", COLOR),
    ],
    ids=["L", "1", "RGB", "RGBA", "LA", "opaque", "P", "BMP", "I;16", "I", "F", "PPM"],
)
def test_reads_each_mode(image: Image.Image, kind: str, expected: np.ndarray | None) -> None:
    pixels = parse_image(saved(image, kind)).pixels
    expected = np.asarray(image) if expected is None else expected
    np.testing.assert_array_equal(pixels, expected)
    assert pixels.dtype == expected.dtype


def test_reads_palette_with_transparency() -> None:
    image = Image.fromarray(GRAY).convert("P")
    pixels = parse_image(saved(image, transparency=int(np.asarray(image)[0, 0]))).pixels
    assert pixels.shape == (6, 5, 4)
    assert pixels[0, 0, 3] == 0


def test_reads_rgb_with_a_transparent_color() -> None:
    pixels = parse_image(saved(Image.fromarray(COLOR), transparency=tuple(map(int, COLOR[0, 0])))).pixels
    np.testing.assert_array_equal(pixels[:, :, :3], COLOR)
    assert pixels[0, 0, 3] == 0
    assert pixels[1, 1, 3] == 255


def test_cmyk_becomes_rgb() -> None:
    white = Image.new("CMYK", (8, 8), (0, 0, 0, 0))
    image = parse_image(saved(white, "JPEG", icc_profile=b"x" * 200))
    assert (image.pixels == 255).all()
    assert image.pixels.shape == (8, 8, 3)
    assert image.icc_profile is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
def test_exif_orientation(orientation: int, deep: bool) -> None:
    pixels = random_pixels((4, 6, 3), "uint16" if deep else "uint8")
    exif = Image.Exif()
    exif[0x0112] = orientation
    if deep:
        body = exif.tobytes().removeprefix(b"Exif\x00\x00")
        chunk = struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))
        data = png(pixels, 2, [1], extra=chunk)
    else:
        data = saved(Image.fromarray(pixels), exif=exif)
    upright = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.swapaxes(0, 1),
        6: np.rot90(pixels, -1),
        7: np.rot90(pixels, 2).swapaxes(0, 1),
        8: np.rot90(pixels),
    }[orientation]
    np.testing.assert_array_equal(parse_image(data).pixels, upright)


def test_animation_gives_its_first_frame_and_a_note() -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "green", "blue")]
    image = parse_image(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert image.pixels[0, 0].tolist()[:3] == [255, 0, 0]
    assert image.notes == ("only the first of 3 frames is used",)


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp", ".tiff"])
def test_color_profile_is_kept(extension: str) -> None:
    assert parse_image(format_image(COLOR, extension, SRGB)).icc_profile == SRGB


def test_color_profile_is_kept_in_16_bits() -> None:
    assert parse_image(format_image(COLOR.astype(np.uint16), ".png", SRGB)).icc_profile == SRGB


def test_color_profile_of_other_channels_is_dropped() -> None:
    assert parse_image(saved(Image.fromarray(GRAY), icc_profile=SRGB)).icc_profile is None


LOSSLESS = [
    (extension, dtype, channels)
    for extension, target in OUTPUT_FORMATS.items()
    if target.name != "JPEG"
    for dtype in ("uint8", "uint16", "float32")
    for channels in (1, 3, 4)
    if dtype in target.dtypes or (target.name == "TIFF" and channels == 1)
]


@pytest.mark.parametrize(("extension", "dtype", "channels"), LOSSLESS)
def test_lossless_formats_round_trip(extension: str, dtype: str, channels: int) -> None:
    pixels = random_pixels((9, 7, channels), "uint16" if dtype != "uint8" else dtype).astype(dtype)
    if dtype == "float32":
        pixels /= 65535
    pixels = pixels[:, :, 0] if channels == 1 else pixels
    read = parse_image(format_image(pixels, extension)).pixels
    if extension == ".webp" and channels == 1:  # WebP knows no gray.
        read = read[:, :, 0]
    np.testing.assert_array_equal(read, pixels)
    assert read.dtype == dtype


def test_reads_a_transposed_array_for_16_bit_png() -> None:
    pixels = random_pixels((7, 9, 3), "uint16").swapaxes(0, 1)
    np.testing.assert_array_equal(parse_image(format_image(pixels, ".png")).pixels, pixels)


@pytest.mark.parametrize(
    ("pixels", "extension", "message"),
    [
        (COLOR, ".gif", "unknown image format '.gif': use one of .png"),
        (COLOR.astype(np.uint16), ".jpg", "JPEG cannot hold uint16 samples in color, only uint8"),
        (COLOR.astype(np.uint16), ".tif", "TIFF cannot hold uint16 samples in color"),
        (GRAY.astype(np.float32), ".png", "PNG cannot hold float32 samples in gray"),
        (ALPHA, ".jpeg", "JPEG cannot hold an alpha channel: use .png"),
        (np.zeros((1, 20000, 3), np.uint8), ".webp", "WebP cannot hold this image of 20000x1 pixels"),
    ],
)
def test_what_a_format_cannot_hold(pixels: np.ndarray, extension: str, message: str) -> None:
    with pytest.raises(UnwritableImage, match=message):
        format_image(pixels, extension)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an image: it is an empty file"),
        (b"hello, world\n", "not an image: it is text"),
        (b"GGC\x00" + bytes(60), "it is a .ggc file"),
        (b"\x93NUMPY\x01", "a broken NumPy file"),
        (saved(Image.fromarray(COLOR))[:60], "a broken image"),
    ],
)
def test_what_is_no_image(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableImage, match=message):
        parse_image(data)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4), np.int64), "must be one of uint8, uint16, float32, not int64"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(height, width\[, 3 or 4\]\), not \(4, 4, 2\)"),
    ],
)
def test_what_is_no_image_in_npy(array: np.ndarray, message: str) -> None:
    output = io.BytesIO()
    np.save(output, array)
    with pytest.raises(UnreadableImage, match=message):
        parse_image(output.getvalue())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"(2, 3)", b"(2, 3(", "a header of no array"),  # of NumPy's tokenizer
        (b"(2, 3)", b"(2 3 )", "a header of no array"),  # of Python's parser
        (b"(2, 3)", b"(2, 4)", r"declares \(2, 4\) of uint8, but 6 bytes follow"),
        (b"'|u1'", b"'|O8'", "a header of no array|declares"),
        (b"(2, 3), }", b"(1<<40,)}", "a header of no array"),
        (b"(2, 3), }    ", b"(9999999, 9)}", "declares .* but 6 bytes follow"),
        (b"(2, 3), }  ", b"(-2, -3), }", "declares"),
        (b"\x01\x00v", b"\x09\x00v", "a header of no array"),
    ],
)
def test_damaged_headers_of_npy(old: bytes, new: bytes, message: str) -> None:
    output = io.BytesIO()
    np.save(output, np.zeros((2, 3), np.uint8))
    data = output.getvalue()
    assert old in data
    with pytest.raises(UnreadableImage, match=f"a broken NumPy file: .*({message})"):
        parse_image(data.replace(old, new))


def test_npy_that_declares_terabytes_costs_no_memory() -> None:
    header = io.BytesIO()
    shape = {"descr": "|u1", "fortran_order": False, "shape": (1 << 20, 1 << 20)}
    np.lib.format.write_array_header_2_0(header, shape)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImage, match="10 bytes follow"):
            parse_image(header.getvalue() + bytes(10))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_npy_in_the_order_of_fortran() -> None:
    output = io.BytesIO()
    pixels = random_pixels((4, 5, 3), "uint16")
    np.save(output, np.asfortranarray(pixels))
    np.testing.assert_array_equal(parse_image(output.getvalue()).pixels, pixels)


def test_every_truncation_of_a_16_bit_png_is_an_error_or_the_image() -> None:
    pixels = random_pixels((5, 4, 3), "uint16")
    data = png(pixels, 2, [0, 4])
    refused = 0
    for length in range(len(data)):
        try:
            image = parse_image(data[:length])
        except UnreadableImage:
            refused += 1
        else:  # Only check sums and the closing chunk may be missing.
            np.testing.assert_array_equal(image.pixels, pixels)
    assert refused > len(data) - 30


def test_samples_out_of_range_are_refused() -> None:
    for image in (Image.fromarray(np.int32([[-1, 5]])), Image.fromarray(np.float32([[0.5, 2]]))):
        with pytest.raises(UnreadableImage, match=r"samples reach from .* scale them"):
            parse_image(saved(image, "TIFF"))


def test_bomb_is_refused_and_a_large_image_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(Image.fromarray(COLOR))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 16)  # A warning from 16 pixels on, an error from 32: it has 30.
    assert parse_image(data).pixels.shape == COLOR.shape
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 14)
    with pytest.raises(UnreadableImage, match="more than 28 pixels"):
        parse_image(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x00\x01\x02\xff", "data of an unknown kind"),
        ("größer\n".encode() * 100, "text"),
        (b"PK\x03\x04....", "a ZIP archive"),
        (saved(Image.fromarray(COLOR), "JPEG"), "a JPEG image"),
    ],
)
def test_describe_bytes(data: bytes, expected: str) -> None:
    assert describe_bytes(data) == expected
