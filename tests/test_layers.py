"""Files of two layers: what they promise, at their own size and at others, whole and cut off."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import images

from pyggc import GaussianDecoder, GaussianEncoder, Limits, decode, decode_strips, encode, evaluate
from pyggc.container import Residual, Section, read_container, read_header, write_container
from pyggc.errors import BitstreamError, LimitExceeded, PartialImageWarning, TruncatedStream
from pyggc.pixels import converted
from pyggc.residual import LossyPlan, render_base, write_layer

Image = NDArray[Any]

KINDS = [(channels, dtype) for channels in (1, 3, 4) for dtype in ("uint8", "uint16")]
SHAPES = [(1, 1), (1, 33), (33, 1), (2, 3), (31, 45)]

with_residual = pytest.mark.parametrize("layers", ["auto", "residual"])
every_kind = pytest.mark.parametrize(("channels", "dtype"), KINDS)


def picture(height: int, width: int, channels: int = 3, dtype: str = "uint8", noise: float = 0.05) -> Image:
    """Waves, an edge and noise: work for both layers."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    y, x, c = (axis.reshape(shape) for axis in np.mgrid[:height, :width, :channels])
    waves = 0.5 + 0.3 * np.sin(x / 6.0 + c) * np.cos(y / 5.0) + 0.15 * ((x + y) % 37 > 18)
    rough = np.random.default_rng(1).normal(0.0, noise, shape)
    peak = np.iinfo(dtype).max
    return np.round(np.clip(waves + rough, 0.0, 1.0) * peak).astype(dtype)


@pytest.fixture(scope="module")
def image() -> Image:
    return picture(100, 150)


@pytest.fixture(scope="module")
def lossy(image: Image) -> bytes:
    return encode(image, quality=36, effort=1, timestamp=None)


@pytest.fixture(scope="module")
def lossless(image: Image) -> bytes:
    return encode(image, lossless=True, effort=1, timestamp=None)


@pytest.fixture(scope="module")
def tiled() -> bytes:
    """A file of nine tiles."""
    return retiled(picture(70, 90), 32)


@pytest.fixture(params=["lossy", "lossless", "tiled", "residual"])
def stream(request: pytest.FixtureRequest) -> bytes:
    if request.param == "residual":
        return encode(picture(40, 50), bpp=3, layers="residual", timestamp=None)
    found: bytes = request.getfixturevalue(request.param)
    return found


def retiled(image: Image, side: int) -> bytes:
    """A lossy file with tiles of so many pixels, which the encoder takes for large images only."""
    stream = encode(image, num_gaussians=40, effort=1, timestamp=None)
    container, (gaussians, _) = read_container(stream), GaussianDecoder().loads(stream)
    samples = image.reshape(*image.shape[:2], -1)
    layer = write_layer(samples, render_base(gaussians, image.shape[1::-1]), LossyPlan(900), side)
    header = replace(container.header, residual=Residual.LOSSY, tile_size=side)
    return write_container(header, [*container.sections, Section("RESI", layer.data)], container.metadata)


# ------------------------------------------------------------------------------------------------------------- goals


@with_residual
@every_kind
@pytest.mark.parametrize("shape", SHAPES)
def test_a_quality_is_reached(shape: tuple[int, int], channels: int, dtype: str, layers: str) -> None:
    image = picture(*shape, channels, dtype)
    encoder = GaussianEncoder(quality=40, layers=layers, effort=1, timestamp=None)
    encoder.fit(image)
    decoded = decode(encoder.to_bytes())
    assert (decoded.shape, decoded.dtype) == (image.shape, image.dtype)
    assert encoder.report.reached, encoder.report.reason
    assert encoder.report.psnr == evaluate.psnr(image, decoded) >= 40
    if layers == "residual":
        assert encoder.report.num_gaussians == 0


@with_residual
@every_kind
@pytest.mark.parametrize("bpp", [1.5, 6.0])
def test_a_size_is_kept_and_used(bpp: float, channels: int, dtype: str, layers: str) -> None:
    image = picture(64, 75, channels, dtype)
    encoder = GaussianEncoder(bpp=bpp, layers=layers, effort=1)
    encoder.fit(image)
    assert encoder.report.reached, encoder.report.reason
    assert 0.9 * bpp < 8 * len(encoder.to_bytes()) / (64 * 75) == encoder.report.bpp <= bpp
    assert evaluate.psnr(image, decode(encoder.to_bytes())) == encoder.report.psnr


def test_a_size_that_leaves_no_room_for_a_residual(image: Image) -> None:
    image = image[:64, :75]
    alone = GaussianEncoder(bpp=0.01, layers="gaussian", effort=1, timestamp=None)
    alone.fit(image)
    # A bit more than the smallest file that there is.
    encoder = GaussianEncoder(bpp=alone.report.bpp + 8 / (64 * 75), effort=1, timestamp=None)
    encoder.fit(image)
    assert encoder.report.reached


def test_a_residual_beats_gaussians_where_there_is_noise(image: Image) -> None:
    auto, alone = (len(encode(image, quality=32, layers=layers, effort=1)) for layers in ("auto", "gaussian"))
    assert auto < alone


@with_residual
@every_kind
@pytest.mark.parametrize("shape", SHAPES)
def test_no_bit_is_lost(shape: tuple[int, int], channels: int, dtype: str, layers: str) -> None:
    image = picture(*shape, channels, dtype)
    encoder = GaussianEncoder(lossless=True, layers=layers, effort=1)
    encoder.fit(image)
    decoded = decode(encoder.to_bytes())
    assert decoded.dtype == image.dtype
    np.testing.assert_array_equal(decoded, image)
    assert (encoder.report.psnr, encoder.report.ssim, encoder.report.reached) == (np.inf, 1.0, True)
    assert read_header(encoder.to_bytes()).residual is Residual.LOSSLESS


@given(images(max_side=20).filter(lambda image: image.dtype != np.float32), st.sampled_from(["auto", "residual"]))
@example(np.array([[0, 65535]], np.uint16), "auto")
@settings(max_examples=30)
def test_no_bit_of_any_image_is_lost(image: Image, layers: str) -> None:
    stream = encode(image, lossless=True, layers=layers, effort=1, max_iterations=5)
    np.testing.assert_array_equal(decode(stream), image)


def test_a_number_of_gaussians_under_a_residual(image: Image) -> None:
    for goal in ({"quality": 40}, {"bpp": 3}, {"lossless": True}):
        encoder = GaussianEncoder(40, **goal, effort=1)  # type: ignore[arg-type]
        encoder.fit(image)
        # Those of no color are left out.
        assert 20 <= encoder.report.num_gaussians <= 40
        assert encoder.report.residual_bytes > 0
    assert GaussianEncoder(40).goal.quality is None


def test_a_quality_that_gaussians_have_takes_no_residual() -> None:
    encoder = GaussianEncoder(1, quality=20, effort=1)
    encoder.fit(np.full((40, 50, 3), 77, np.uint8))
    assert (encoder.report.residual_bytes, encoder.report.reached) == (0, True)
    assert read_header(encoder.to_bytes()).residual is Residual.NONE


def test_images_of_floats_have_no_residual() -> None:
    floats = picture(20, 30) / 255.0
    assert read_header(encode(floats, quality=20, effort=1)).residual is Residual.NONE
    for arguments in ({"lossless": True}, {"layers": "residual"}):
        with pytest.raises(TypeError, match="image must have samples of uint8 or uint16"):
            encode(floats, effort=1, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("goal", [{"quality": 36}, {"bpp": 2}, {"lossless": True}])
def test_one_seed_gives_the_same_bytes(image: Image, goal: dict[str, Any]) -> None:
    options: dict[str, Any] = {**goal, "effort": 1, "timestamp": None}
    first = encode(image, **options)
    for threads in (None, 1, 2):
        assert encode(image, **options, threads=threads) == first
    assert encode(image, **options, seed=1) != first


def test_metadata_tells_of_the_residual(lossy: bytes, lossless: bytes) -> None:
    assert GaussianDecoder().loads(lossy)[1]["residual"] == "lossy"
    assert GaussianDecoder().loads(lossless)[1]["residual"] == "lossless"


# -------------------------------------------------------------------------------------------------- at the own size


def test_regions_are_crops(stream: bytes) -> None:
    whole = decode(stream)
    height, width = whole.shape[:2]
    rng = np.random.default_rng(0)
    for _ in range(20):
        left, top = rng.integers(width), rng.integers(height)
        columns, rows = rng.integers(1, width - left + 1), rng.integers(1, height - top + 1)
        part = decode(stream, region=(left, top, columns, rows))
        np.testing.assert_array_equal(part, whole[top : top + rows, left : left + columns])


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"size": (31, 57)},
        {"size": (190, 130), "region": (11, 7, 90, 101)},
        {"size": (9, 7), "supersample": 2, "dtype": "uint16"},
        {"region": (5, 3, 20, 17), "dtype": "float32"},
        {"layers": "gaussian"},
    ],
)
def test_strips_make_up_the_image(stream: bytes, arguments: dict[str, Any]) -> None:
    whole = decode(stream, **arguments)
    for rows in (1, 16, 1000):
        strips = list(decode_strips(stream, rows=rows, **arguments))
        assert all(len(strip) == rows for strip in strips[:-1])
        np.testing.assert_array_equal(np.concatenate(strips), whole)


def test_threads_change_nothing(stream: bytes) -> None:
    for arguments in ({}, {"size": (37, 23)}):
        one, two = (decode(stream, threads=threads, **arguments) for threads in (1, 2))  # type: ignore[arg-type]
        np.testing.assert_array_equal(one, two)


def test_the_original_size_may_be_named(stream: bytes) -> None:
    header = read_header(stream)
    np.testing.assert_array_equal(decode(stream, size=(header.width, header.height)), decode(stream))


def test_one_sample_a_pixel_at_the_original_size(lossy: bytes) -> None:
    for arguments in ({}, {"size": (150, 100)}, {"region": (1, 2, 3, 4)}):
        with pytest.raises(ValueError, match="supersample must be 1 at the original's size"):
            decode(lossy, supersample=2, **arguments)  # type: ignore[arg-type]
    assert decode(lossy, supersample=2, layers="gaussian").shape == (100, 150, 3)
    assert decode(lossy, supersample=2, size=(75, 50)).shape == (50, 75, 3)


@pytest.mark.parametrize("native", ["uint8", "uint16"])
def test_samples_of_another_type(native: str) -> None:
    image = picture(20, 30, dtype=native)
    stream = encode(image, lossless=True, effort=1)
    unit = image / np.iinfo(native).max
    np.testing.assert_array_equal(decode(stream, dtype="uint8"), np.floor(unit * 255.0 + 0.5))
    np.testing.assert_array_equal(decode(stream, dtype="uint16"), np.floor(unit * 65535.0 + 0.5))
    floats = decode(stream, dtype=np.float32)
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, unit, rtol=1e-6, atol=0)
    for size in ((15, 10), (60, 40)):
        deep = decode(stream, size=size, dtype="uint16")
        np.testing.assert_array_equal(decode(stream, size=size, dtype="uint8"), converted(deep, np.dtype("uint8")))


def test_every_sample_of_8_bits_comes_back_from_16() -> None:
    every = np.arange(256, dtype=np.uint8)
    deep = converted(every, np.dtype(np.uint16))
    assert (deep[0], deep[-1]) == (0, 65535)
    np.testing.assert_array_equal(converted(deep, np.dtype(np.uint8)), every)
    assert converted(every, np.dtype(np.uint8)) is every


@pytest.mark.parametrize("dtype", ["int16", "int32", "float64", ">u2"])
def test_no_other_type_of_samples(lossy: bytes, dtype: str) -> None:
    for arguments in ({}, {"size": (15, 10)}, {"layers": "gaussian"}):
        with pytest.raises(ValueError, match="dtype must be one of uint8, uint16, float32"):
            decode(lossy, dtype=dtype, **arguments)  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------------- at other sizes


@with_residual
@pytest.mark.parametrize("size", [(1, 1), (7, 90), (20, 30), (21, 31), (80, 120), (200, 3)])
def test_one_color_stays_one_color(size: tuple[int, int], layers: str) -> None:
    image = np.empty((30, 20, 3), np.uint8)
    image[:] = 200, 3, 117
    stream = encode(image, lossless=True, layers=layers, effort=1)
    scaled = decode(stream, size=size)
    assert scaled.shape == (size[1], size[0], 3)
    # The Gaussians are drawn anew at another size, which moves what the residual corrects.
    assert np.abs(scaled.astype(int) - image[0, 0]).max() <= (0 if layers == "residual" else 2)


@with_residual
def test_shrinking_keeps_the_mean(image: Image, layers: str) -> None:
    stream = encode(image, lossless=True, layers=layers, effort=1)
    mean = image.mean(axis=(0, 1)) / 255.0
    for size in ((75, 50), (30, 20), (47, 33), (1, 1)):
        small = decode(stream, size=size, supersample=4, dtype="float32")
        np.testing.assert_allclose(small.mean(axis=(0, 1)), mean, atol=0.01)
    # Without Gaussians it is the mean of what a pixel covers.
    if layers == "residual":
        small = decode(stream, size=(50, 50))
        np.testing.assert_allclose(small, image.reshape(50, 2, 50, 3, 3).mean(axis=(1, 3)), atol=0.51)


def test_a_larger_image_holds_what_the_residual_tells(image: Image, lossless: bytes) -> None:
    large = decode(lossless, size=(450, 300))
    centers = large[1::3, 1::3]
    gaussians = decode(lossless, size=(450, 300), layers="gaussian")[1::3, 1::3]
    assert evaluate.psnr(image, centers) > 40 > evaluate.psnr(image, gaussians) + 10


def test_regions_of_other_sizes_are_crops(stream: bytes) -> None:
    for size in ((83, 61), (20, 200), (11, 7)):
        whole = decode(stream, size=size)
        for region in ((3, 2, 5, 4), (0, 0, *size), (size[0] - 1, size[1] - 1, 1, 1)):
            left, top, columns, rows = region
            part = decode(stream, size=size, region=region)
            np.testing.assert_array_equal(part, whole[top : top + rows, left : left + columns])


@pytest.mark.parametrize("size", [None, (60, 40), (301, 199)])
def test_the_gaussian_layer_is_what_its_gaussians_render(stream: bytes, size: tuple[int, int] | None) -> None:
    gaussians, _ = GaussianDecoder().loads(stream)
    width, height = size or (None, None)
    np.testing.assert_array_equal(decode(stream, size=size, layers="gaussian"), gaussians.render(width, height))


# ----------------------------------------------------------------------------------------------------------- cut off


@pytest.mark.parametrize("goal", [{"quality": 36}, {"lossless": True}])
def test_what_is_cut_off_in_the_residual_gives_the_gaussians(goal: dict[str, Any]) -> None:
    stream = encode(picture(15, 20), **goal, effort=1, timestamp=None, tags={"a": "b"})
    expected = decode(stream, layers="gaussian")
    begins = read_container(stream).section("RESI").offset
    for size in range(len(stream)):
        with pytest.raises(TruncatedStream):
            decode(stream[:size])
        if size < begins:
            with pytest.raises(TruncatedStream):
                decode(stream[:size], strict=False)
        else:
            with pytest.warns(PartialImageWarning, match=f"only the Gaussians are decoded: file at byte {size}: "):
                found = decode(stream[:size], strict=False)
            np.testing.assert_array_equal(found, expected)


def test_the_warning_is_of_who_called(lossy: bytes) -> None:
    for call in (decode, decode_strips):
        with pytest.warns(PartialImageWarning) as caught:
            call(lossy[:-5], strict=False)
        assert [warning.filename for warning in caught] == [__file__]


def test_what_is_whole_gives_no_warning(lossy: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(decode(lossy, strict=False), decode(lossy))


def test_only_what_is_missing_is_forgiven(lossy: bytes) -> None:
    flipped = bytearray(lossy)
    flipped[-9] ^= 1
    with pytest.raises(BitstreamError, match="CRC-32"):
        decode(flipped, strict=False)
    with pytest.raises(BitstreamError, match="more bytes"):
        decode(lossy + b"x", strict=False)
    alone = encode(picture(8, 8), num_gaussians=3, effort=1)
    with pytest.raises(TruncatedStream):
        decode(alone[:-1], strict=False)
    with pytest.raises(LimitExceeded):
        decode(lossy[:-1], strict=False, limits=Limits(max_pixels=100))


# -------------------------------------------------------------------------------------------------------- malformed


def test_a_residual_must_be_there(lossy: bytes) -> None:
    container = read_container(lossy)
    rest = [section for section in container.sections if section.tag != "RESI"]
    with pytest.raises(BitstreamError, match="expected a section RESI"):
        decode(write_container(container.header, rest))
    # The Gaussians are all that is asked for.
    expected = decode(lossy, layers="gaussian")
    np.testing.assert_array_equal(decode(write_container(container.header, rest), layers="gaussian"), expected)


@pytest.mark.parametrize("side", [64, 96, 1024])
def test_another_size_of_tiles_is_noticed(tiled: bytes, side: int) -> None:
    container = read_container(tiled)
    with pytest.raises(BitstreamError, match="section RESI at byte"):
        decode(write_container(replace(container.header, tile_size=side), container.sections))


def test_the_work_of_a_tile_is_counted(lossy: bytes) -> None:
    """A pixel takes its whole tile, and another size the whole image."""
    few = Limits(max_render_work=1000)
    assert decode(lossy, region=(0, 0, 1, 1), layers="gaussian", limits=few).shape == (1, 1, 3)
    for arguments in ({}, {"size": (30, 20)}):
        with pytest.raises(LimitExceeded, match="max_render_work"):
            decode(lossy, region=(0, 0, 1, 1), limits=few, **arguments)  # type: ignore[arg-type]


def test_another_size_takes_the_memory_of_the_original(lossy: bytes) -> None:
    with pytest.raises(LimitExceeded, match="header at byte 8: expected at most 1000 bytes of decoded image"):
        decode(lossy, size=(10, 10), limits=Limits(max_image_bytes=1000))
    assert decode(lossy, region=(0, 0, 10, 10), limits=Limits(max_image_bytes=1000)).shape == (10, 10, 3)
