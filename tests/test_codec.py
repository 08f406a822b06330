"""`encode`, `decode` and their classes: images of every kind, goals, determinism, limits, and what is refused."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from strategies import images

import pyggc
from pyggc import FitProgress, GaussianDecoder, GaussianEncoder, Limits, decode, encode, evaluate
from pyggc.codec.encoder import LAYERS
from pyggc.container import image_hash, read_container, write_container
from pyggc.errors import BitstreamError, LimitExceeded
from pyggc.fit import LossWeights

Image = NDArray[Any]
WHEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)

each_way = pytest.mark.parametrize("layers", ["auto", "gaussian"])


@pytest.fixture(scope="module")
def photo() -> Image:
    """A crop, 64 x 48, of a photograph that scikit-image brings along."""
    from skimage import data

    return np.ascontiguousarray(data.coffee()[100:148, 200:264])


@pytest.fixture(scope="module")
def stream(photo: Image) -> bytes:
    """Of Gaussians alone."""
    return encode(photo, quality=24, layers="gaussian", effort=1, timestamp=None)


def of_kind(image: Image, channels: int, dtype: str) -> Image:
    """A photograph as gray, RGB or RGBA, with samples of another type."""
    unit = image / 255.0
    alpha = np.broadcast_to(np.linspace(0.2, 1.0, image.shape[1]), image.shape[:2])
    unit = {1: unit.mean(axis=2), 3: unit, 4: np.dstack([unit, alpha])}[channels]
    kind = np.dtype(dtype)
    return (unit if kind.kind == "f" else np.floor(unit * np.iinfo(kind).max + 0.5)).astype(kind)


# ---------------------------------------------------------------------------------------------------- kinds of images


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "float16", "float32", "float64"])
def test_images_of_every_kind(photo: Image, channels: int, dtype: str) -> None:
    image = of_kind(photo, channels, dtype)
    encoder = GaussianEncoder(quality=21, layers="gaussian", effort=1)
    gaussians = encoder.fit(image)
    decoded = decode(encoder.to_bytes())
    assert decoded.shape == image.shape
    native = {"uint8": "uint8", "uint16": "uint16", ">u2": "uint16"}.get(dtype, "float32")
    assert decoded.dtype == native
    assert evaluate.psnr(image.astype(native), decoded) >= 21
    np.testing.assert_array_equal(decoded, gaussians.render(dtype=native))
    assert read_container(encoder.to_bytes()).header.alpha == (channels == 4)


@given(images(max_side=24), st.sampled_from(["auto", "gaussian"]))
@example(np.array([[0], [255]], np.uint8), "gaussian")  # which a try of the search may reproduce without error
@example(np.array([[0], [255]], np.uint8), "auto")
@settings(max_examples=40)
def test_what_a_report_promises_the_file_keeps(image: Image, layers: str) -> None:
    encoder = GaussianEncoder(quality=18, layers=layers, effort=1, timestamp=None)
    encoder.fit(image, max_iterations=40)
    stream, report = encoder.to_bytes(), encoder.report
    decoded = decode(stream)
    assert (decoded.shape, decoded.dtype) == (image.shape, image.dtype)
    assert report.psnr == evaluate.psnr(image, decoded)
    assert report.ssim == evaluate.ssim(image, decoded)
    assert report.num_bytes == len(stream)
    assert report.bpp == 8 * len(stream) / (image.shape[0] * image.shape[1])
    container = read_container(stream)
    assert report.num_gaussians == container.header.num_gaussians
    sizes = {section.tag: len(section.data) for section in container.sections}
    assert report.residual_bytes == sizes.pop("RESI", 0)
    assert report.gaussian_bytes == sum(sizes.values())
    assert report.reached == (report.psnr >= 18)
    assert bool(report.reason) != report.reached
    assert report.iterations <= 40


@each_way
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (1, 1, 4), (1, 37), (37, 1), (1, 37, 3), (37, 1, 4), (2, 2, 3)])
def test_small_images(shape: tuple[int, ...], layers: str) -> None:
    ramp = np.linspace(0, 255, np.prod(shape)).reshape(shape).astype(np.uint8)
    for image in (ramp, np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)):
        stream = encode(image, quality=20, layers=layers, effort=1)
        decoded = decode(stream)
        assert decoded.shape == shape
        assert evaluate.psnr(image, decoded) >= 20


@pytest.mark.parametrize("value", [0.0, 1.0 / 3.0, 1.0])
@pytest.mark.parametrize("goal", [{}, {"bpp": 0.5}, {"num_gaussians": 9}])
def test_images_of_one_color(value: float, goal: dict[str, Any]) -> None:
    # Large enough that several rounds of pruning begin; the black one is fitted without any error at all.
    image = np.full((128, 150, 3), value)
    encoder = GaussianEncoder(**goal, effort=1)
    encoder.fit(image)
    assert encoder.report.reached
    assert encoder.report.psnr >= 30
    assert encoder.report.bpp < 0.5


def test_one_channel_and_any_strides(photo: Image) -> None:
    gray = photo[:, :, 1]
    options: dict[str, Any] = {"num_gaussians": 20, "effort": 1, "timestamp": None}
    expected = encode(np.ascontiguousarray(gray), **options)
    assert encode(gray, **options) == expected
    assert encode(gray[:, :, None], **options) == expected
    assert encode(np.asfortranarray(gray), **options) == expected
    assert decode(expected).shape == gray.shape
    flipped = photo[::-1, ::2]
    assert encode(flipped, **options) == encode(flipped.copy(), **options)


# ------------------------------------------------------------------------------------------------------------- goals


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("quality", [15, 20.5, np.float32(25)])
def test_quality_is_reached_in_the_decoded_file(photo: Image, quality: float, layers: str) -> None:
    encoder = GaussianEncoder(quality=quality, layers=layers, effort=2)
    encoder.fit(photo)
    assert encoder.report.reached
    assert encoder.report.reason == ""
    assert evaluate.psnr(photo, decode(encoder.to_bytes())) >= quality


@pytest.mark.parametrize(
    ("layers", "qualities"),
    # Fewer Gaussians than what it begins with are not tried under a residual.
    [("gaussian", (16, 20, 24)), ("residual", (16, 20, 24)), ("auto", (20, 24, 28))],
)
def test_more_quality_takes_more_bytes(photo: Image, layers: str, qualities: tuple[int, ...]) -> None:
    sizes = [len(encode(photo, quality=quality, layers=layers, effort=1)) for quality in qualities]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("bpp", [1.0, 2.5])
def test_a_size_is_kept_and_used(photo: Image, bpp: float, layers: str) -> None:
    encoder = GaussianEncoder(bpp=bpp, layers=layers, effort=2, tags={"note": "x" * 20})
    encoder.fit(photo)
    assert encoder.report.reached
    assert 0.9 * bpp < 8 * len(encoder.to_bytes()) / (48 * 64) <= bpp


def test_a_number_of_gaussians(photo: Image) -> None:
    encoder = GaussianEncoder(40, effort=1)
    gaussians = encoder.fit(photo)
    # Those of no color are left out.
    assert 30 <= len(gaussians) <= 40
    assert encoder.report.num_gaussians == len(gaussians)
    assert encoder.report.reached


@pytest.mark.parametrize(
    ("goal", "reason"),
    [
        ({"quality": 99, "layers": "gaussian"}, "Gaussians"),
        ({"bpp": 1e-6, "layers": "gaussian"}, "a file of this image cannot be so small"),
        ({"bpp": 1e-6}, "a file of this image cannot be so small"),
        ({"bpp": 1e-6, "layers": "residual"}, "a file of this image cannot be so small"),
    ],
)
def test_what_cannot_be_had_is_said(photo: Image, goal: dict[str, Any], reason: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 20, 3), np.uint8)
    encoder = GaussianEncoder(**goal, effort=1)
    encoder.fit(noise)
    assert not encoder.report.reached
    assert reason in encoder.report.reason
    assert decode(encoder.to_bytes()).shape == noise.shape


def test_by_default_the_quality_is_30(photo: Image) -> None:
    smooth = np.indices(photo.shape).sum(axis=0) / 200
    encoder = GaussianEncoder(effort=1)
    encoder.fit(smooth)
    assert 30 <= encoder.report.psnr < 40


def test_bits_back_changes_the_bytes_and_not_the_image(photo: Image) -> None:
    tree, pixels = (encode(photo, num_gaussians=60, effort=1, bits_back=b, timestamp=None) for b in (False, True))
    assert [section.tag for section in read_container(pixels).sections] == ["PLAN", "BITB", "POSN", "COLR", "CHOL"]
    assert (decode(tree) == decode(pixels)).all()
    assert encode(photo, num_gaussians=60, effort=1, timestamp=None) == tree


@pytest.mark.parametrize("bits_back", [False, True])
def test_a_size_is_that_of_the_form_that_is_written(photo: Image, bits_back: bool) -> None:
    encoder = GaussianEncoder(bpp=1.2, layers="gaussian", effort=1, bits_back=bits_back)
    encoder.fit(photo)
    assert encoder.report.reached
    assert 0.97 * 1.2 < encoder.report.bpp <= 1.2
    tags = [section.tag for section in read_container(encoder.to_bytes()).sections]
    assert ("BITB" in tags) is bits_back


def test_another_loss(photo: Image) -> None:
    ssims = []
    for loss in (None, LossWeights(l2=1.0, ssim=0.1)):
        encoder = GaussianEncoder(60, effort=2, loss=loss)
        encoder.fit(photo)
        ssims.append(encoder.report.ssim)
    assert ssims[0] != ssims[1]


# ------------------------------------------------------------------------------------------------------- determinism


@pytest.mark.parametrize("goal", [{"quality": 20}, {"bpp": 1.5}, {"num_gaussians": 60}])
def test_one_seed_gives_the_same_bytes(goal: dict[str, Any]) -> None:
    # Large enough that work is shared between threads.
    y, x = np.mgrid[:120, :128]
    channels = [np.sin(x / 5.0 + y / 9.0), np.cos(x * y / 300.0), np.sin(y / 4.0)]
    image = 0.5 + 0.3 * np.stack(channels, axis=-1)
    options: dict[str, Any] = {**goal, "effort": 1, "timestamp": None, "tags": {"a": "b"}}
    first = encode(image, **options)
    for threads in (None, 1, 2):
        assert encode(image, **options, threads=threads) == first
    assert encode(image, **options, seed=1) != first
    np.testing.assert_array_equal(decode(first, threads=1), decode(first, threads=2))


def test_an_encoder_may_fit_again(photo: Image) -> None:
    encoder = GaussianEncoder(20, effort=1, timestamp=None)
    encoder.fit(photo)
    first = encoder.to_bytes()
    encoder.fit(photo[::-1])
    assert encoder.to_bytes() != first
    encoder.fit(photo)
    assert encoder.to_bytes() == first


# ---------------------------------------------------------------------------------------------------------- metadata


def test_metadata_of_a_file(photo: Image, tmp_path: Path) -> None:
    tags = {"author": "Ada", "icc": b"\x00\xff profile"}
    encoder = GaussianEncoder(quality=20, layers="gaussian", effort=1, timestamp=WHEN, tags=tags)
    gaussians = encoder.fit(photo)
    encoder.save(tmp_path / "photo.ggc")
    assert (tmp_path / "photo.ggc").read_bytes() == encoder.to_bytes()
    loaded, metadata = GaussianDecoder().load(tmp_path / "photo.ggc")
    assert loaded[np.lexsort(loaded.means.T)] == gaussians[np.lexsort(gaussians.means.T)]
    assert metadata == {
        "width": 64,
        "height": 48,
        "channels": 3,
        "bit_depth": 8,
        "alpha": False,
        "num_gaussians": len(gaussians),
        "residual": "none",
        "timestamp": WHEN,
        "image_hash": image_hash(photo),
        "psnr": pytest.approx(encoder.report.psnr, rel=1e-6),
        "ssim": pytest.approx(encoder.report.ssim, rel=1e-6),
        "tags": tags,
    }


def test_timestamps(photo: Image) -> None:
    def made(**options: Any) -> datetime | None:
        return GaussianDecoder().loads(encode(photo[:4, :4], num_gaussians=1, effort=1, **options))[1]["timestamp"]

    before = datetime.now(UTC).replace(microsecond=0)
    assert before <= made() <= datetime.now(UTC)
    assert before <= made(timestamp="now") <= datetime.now(UTC)
    assert made(timestamp=None) is None
    assert made(timestamp=WHEN.astimezone(timezone(timedelta(hours=5)))) == WHEN


def test_a_file_without_metadata(stream: bytes) -> None:
    container = read_container(stream)
    bare = write_container(container.header, container.sections)
    gaussians, metadata = GaussianDecoder().loads(bare)
    assert (metadata["psnr"], metadata["ssim"], metadata["timestamp"]) == (None, None, None)
    assert (metadata["image_hash"], metadata["tags"]) == (0, {})
    assert metadata["num_gaussians"] == len(gaussians)
    np.testing.assert_array_equal(decode(bare), decode(stream))


def test_nothing_to_hand_over_before_a_fit() -> None:
    encoder = GaussianEncoder()
    for ask in (encoder.to_bytes, lambda: encoder.report, lambda: encoder.save("x.ggc")):
        with pytest.raises(ValueError, match="call fit first"):
            ask()


def test_a_failed_save_leaves_what_was_there(photo: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = GaussianEncoder(5, effort=1)
    encoder.fit(photo)
    target = tmp_path / "photo.ggc"
    target.write_bytes(b"before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        encoder.save(target)
    assert os.listdir(tmp_path) == ["photo.ggc"]
    assert target.read_bytes() == b"before"


# ------------------------------------------------------------------------------------------------- time and progress


@each_way
def test_a_time_limit_ends_the_fit(photo: Image, layers: str) -> None:
    image = np.tile(photo, (8, 8, 1))
    start = time.monotonic()
    encoder = GaussianEncoder(quality=60, layers=layers, effort=9)
    encoder.fit(image, max_time_seconds=0.3)
    # Unlimited, it takes minutes; the bound leaves room for a machine that is busy elsewhere.
    assert time.monotonic() - start < 30.0
    # What the fit had no time for is left to the residual.
    reached, reason = encoder.report.reached, encoder.report.reason
    assert (reached, reason) == ((True, "") if layers == "auto" else (False, "the time allowed was too short"))
    assert decode(encoder.to_bytes()).shape == image.shape


def test_an_iteration_limit_is_kept(photo: Image) -> None:
    encoder = GaussianEncoder(quality=60, layers="gaussian", effort=9)
    encoder.fit(photo, max_iterations=7)
    assert encoder.report.iterations == 7
    assert encoder.report.reason == "the iterations allowed were too few"
    encoder.fit(photo, max_iterations=10**9, max_time_seconds=1e-9)
    assert encoder.report.iterations == 0
    assert decode(encoder.to_bytes()).shape == photo.shape
    # What few iterations leave, a residual holds.
    encoder = GaussianEncoder(quality=60, effort=9)
    encoder.fit(photo, max_iterations=7)
    assert encoder.report.iterations == 7
    assert encoder.report.reached
    encoder.fit(photo, max_iterations=10**9, max_time_seconds=1e-9)
    assert encoder.report.iterations == 0
    assert decode(encoder.to_bytes()).shape == photo.shape


@each_way
@pytest.mark.parametrize("goal", [{"quality": 24}, {"bpp": 2}, {"num_gaussians": 50}])
def test_progress_only_advances(photo: Image, goal: dict[str, Any], layers: str) -> None:
    seen: list[FitProgress] = []
    encoder = GaussianEncoder(**goal, layers=layers, effort=1)
    encoder.fit(photo, callback=seen.append)
    assert len(seen) == encoder.report.iterations
    iterations, seconds = ([getattr(p, name) for p in seen] for name in ("iteration", "elapsed_seconds"))
    assert iterations == list(range(1, len(seen) + 1))
    assert seconds == sorted(seconds)
    for progress in seen:
        assert progress.max_iterations >= progress.iteration
        assert progress.remaining_seconds >= 0.0
        assert progress.num_gaussians > 0
        assert np.isfinite(progress.psnr)


def test_progress_knows_its_limits(photo: Image) -> None:
    seen: list[FitProgress] = []
    encode(photo, effort=5, max_iterations=12, max_time_seconds=1000.0, callback=seen.append)
    assert {progress.max_iterations for progress in seen} == {12}
    assert seen[-1].remaining_seconds == 0.0
    assert all(p.remaining_seconds + p.elapsed_seconds <= 1000.0 for p in seen)


@each_way
def test_a_callback_may_end_the_fit(photo: Image, layers: str) -> None:
    seen: list[FitProgress] = []

    def enough(progress: FitProgress) -> bool:
        seen.append(progress)
        return len(seen) == 20

    encoder = GaussianEncoder(quality=60, layers=layers, effort=5)
    encoder.fit(photo, callback=enough)
    assert len(seen) == encoder.report.iterations == 20
    assert encoder.report.reason == ("" if layers == "auto" else "the callback stopped the fit")
    assert evaluate.psnr(photo, decode(encoder.to_bytes())) == encoder.report.psnr


def test_what_a_callback_raises_passes(photo: Image) -> None:
    def interrupt(_: FitProgress) -> None:
        raise KeyboardInterrupt

    encoder = GaussianEncoder(quality=24, effort=1)
    with pytest.raises(KeyboardInterrupt):
        encoder.fit(photo, callback=interrupt)
    with pytest.raises(ValueError, match="call fit first"):
        encoder.to_bytes()


# ------------------------------------------------------------------------------------------------------------ decode


@pytest.mark.parametrize("size", [None, (128, 96), (20, 15), (31, 100), (1, 1)])
@pytest.mark.parametrize("supersample", [1, 2, 4])
@pytest.mark.parametrize("dtype", [None, "uint16", np.float32])
def test_decode_is_what_the_gaussians_render(stream: bytes, size: Any, supersample: int, dtype: Any) -> None:
    gaussians, _ = GaussianDecoder().loads(stream)
    decoded = decode(stream, size=size, supersample=supersample, dtype=dtype)
    width, height = size or (64, 48)
    assert decoded.shape == (height, width, 3)
    expected = gaussians.render(width, height, supersample=supersample, dtype=dtype or np.uint8)
    np.testing.assert_array_equal(decoded, expected)
    region = (width // 3, height // 4, -(-width // 2), -(-height // 2))
    x, y, columns, rows = region
    part = decode(stream, size=size, region=region, supersample=supersample, dtype=dtype)
    np.testing.assert_array_equal(part, decoded[y : y + rows, x : x + columns])


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)])
def test_decode_takes_what_has_bytes(stream: bytes, kind: Any) -> None:
    np.testing.assert_array_equal(decode(kind(stream)), decode(stream))


def test_the_work_of_rendering_is_limited(stream: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitExceeded, match=r"pixel evaluations to render.*max_render_work"):
        decode(stream, limits=Limits(max_render_work=1000))
    # What counts is what is asked for.
    assert decode(stream, region=(0, 0, 1, 1), limits=Limits(max_render_work=1000)).shape == (1, 1, 3)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("rendered")

    monkeypatch.setattr("pyggc.codec.drawing.rasterize", never)
    with pytest.raises(LimitExceeded):
        decode(stream, size=(2**20 - 1, 2**20 - 1))


def test_other_limits(stream: bytes) -> None:
    for limits in (Limits(max_pixels=64 * 48 - 1), Limits(max_gaussians=1), Limits(max_image_bytes=100)):
        with pytest.raises(LimitExceeded):
            decode(stream, limits=limits)
        with pytest.raises(LimitExceeded):
            GaussianDecoder(limits).loads(stream)


def test_sections_must_be_there(stream: bytes) -> None:
    container = read_container(stream)
    for missing in container.sections:
        rest = [section for section in container.sections if section is not missing]
        with pytest.raises(BitstreamError, match=f"expected a section {missing.tag}"):
            decode(write_container(container.header, rest))


# ------------------------------------------------------------------------------------------------------ bad arguments


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"quality": -1}, ValueError, "quality must be a positive number of decibels, not -1"),
        ({"quality": 0}, ValueError, "quality must be a positive"),
        ({"quality": float("inf")}, ValueError, "quality must be a positive"),
        ({"quality": float("nan")}, ValueError, "quality must be a positive"),
        ({"quality": "30"}, TypeError, "quality must be a number of decibels, not '30'"),
        ({"quality": [30]}, TypeError, "quality must be a number"),
        ({"bpp": 0}, ValueError, "bpp must be a positive number of bits a pixel, not 0"),
        ({"bpp": -0.5}, ValueError, "bpp must be"),
        ({"bpp": float("nan")}, ValueError, "bpp must be"),
        ({"bpp": 1j}, TypeError, "bpp must be"),
        ({"num_gaussians": 0}, ValueError, "num_gaussians must be from 1 to 1048576, not 0"),
        ({"num_gaussians": 10**9}, ValueError, "num_gaussians must be from 1 to"),
        ({"num_gaussians": 1.5}, TypeError, "num_gaussians must be an integer, not 1.5"),
        ({"num_gaussians": "many"}, TypeError, "num_gaussians must be an integer"),
        ({"quality": 30, "bpp": 1}, ValueError, "give only one of quality, bpp and lossless, not quality and bpp"),
        ({"bpp": 1, "lossless": True}, ValueError, "give only one of quality, bpp and lossless, not bpp and lossless"),
        (
            {"quality": 30, "num_gaussians": 5, "layers": "gaussian"},
            ValueError,
            "give only one of num_gaussians, quality, bpp and lossless, not num_gaussians and quality",
        ),
        ({"lossless": 1}, TypeError, "lossless must be True or False, not 1"),
        ({"layers": "both"}, ValueError, "layers must be 'auto', 'gaussian', 'residual', not 'both'"),
        ({"layers": None}, ValueError, "layers must be"),
        ({"lossless": True, "layers": "gaussian"}, ValueError, "lossless needs a residual"),
        ({"num_gaussians": 5, "layers": "residual"}, ValueError, "num_gaussians must be None where layers is"),
        ({"effort": 0}, ValueError, "effort must be from 1 to 9, not 0"),
        ({"effort": 10}, ValueError, "effort must be from 1 to 9, not 10"),
        ({"effort": 2.5}, TypeError, "effort must be an integer, not 2.5"),
        ({"effort": []}, TypeError, "effort must be an integer"),
        ({"seed": -1}, ValueError, "seed must be at least 0, not -1"),
        ({"seed": 0.5}, TypeError, "seed must be an integer"),
        ({"threads": 0}, ValueError, "threads must be from 1 to 2147483647, not 0"),
        ({"threads": 2**31}, ValueError, "threads must be from 1 to 2147483647"),
        ({"threads": 1.0}, TypeError, "threads must be an integer"),
        ({"bits_back": 1}, TypeError, "bits_back must be True or False, not 1"),
        ({"loss": "ssim"}, TypeError, "loss must be LossWeights, not 'ssim'"),
        ({"timestamp": "yesterday"}, ValueError, "timestamp must be a datetime, \"now\" or None, not 'yesterday'"),
        ({"timestamp": 1700000000}, TypeError, "timestamp"),
        ({"timestamp": datetime(2024, 1, 1)}, ValueError, "timestamp: expected an aware datetime"),
        ({"timestamp": datetime(1969, 1, 1, tzinfo=UTC)}, ValueError, "timestamp"),
        ({"tags": "author"}, TypeError, "tags must be a mapping"),
        ({"tags": [("a", "b")]}, TypeError, "tags must be a mapping"),
        ({"tags": {"a": 1}}, TypeError, r"tags\['a'\]"),
        ({"tags": {1: "a"}}, TypeError, "tags"),
        ({"tags": {"": "a"}}, ValueError, "tags"),
    ],
)
def test_bad_arguments_of_an_encoder(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        GaussianEncoder(**arguments)
    with pytest.raises(error, match=message):
        encode(np.zeros((2, 2)), **arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"image": np.zeros((2, 2, 2))}, ValueError, "image must have shape"),
        ({"image": np.full((2, 2), 2.0)}, ValueError, "image of floats"),
        ({"image": np.zeros((2, 2), np.int32)}, TypeError, "image must have samples"),
        ({"max_time_seconds": 0}, ValueError, "max_time_seconds must be a positive number of seconds, not 0"),
        ({"max_time_seconds": float("nan")}, ValueError, "max_time_seconds"),
        ({"max_time_seconds": "1"}, TypeError, "max_time_seconds"),
        ({"max_iterations": 0}, ValueError, "max_iterations must be at least 1, not 0"),
        ({"max_iterations": 2.5}, TypeError, "max_iterations must be an integer"),
        ({"callback": 5}, TypeError, "callback must be callable, not 5"),
    ],
)
def test_bad_arguments_of_a_fit(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        GaussianEncoder(effort=1).fit(**({"image": np.zeros((2, 2))} | arguments))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"size": 5}, TypeError, "size must be two integers, not 5"),
        ({"size": ()}, TypeError, "size must be two integers"),
        ({"size": (5,)}, TypeError, "size must be two integers"),
        ({"size": (5, 5.5)}, TypeError, "size must be two integers"),
        ({"size": (0, 5)}, ValueError, "width"),
        ({"size": (5, 2**21)}, ValueError, "height"),
        ({"region": (0, 0, 65, 1)}, ValueError, "region must be"),
        ({"region": (0, 0, 0, 1)}, ValueError, "region must be"),
        ({"region": (-1, 0, 1, 1)}, ValueError, "region must be"),
        ({"region": 3}, ValueError, "region must be four integers"),
        ({"supersample": 0}, ValueError, "supersample"),
        ({"supersample": 1.5}, TypeError, "supersample"),
        ({"dtype": "int16"}, ValueError, "dtype must be one of uint8, uint16, float32, got int16"),
        ({"dtype": "int32"}, ValueError, "dtype must be one of"),
        ({"layers": "residual"}, ValueError, 'layers must be "all" or "gaussian", not \'residual\''),
        ({"threads": 0}, ValueError, "threads"),
        ({"threads": 1.5}, TypeError, "threads"),
        ({"limits": 5}, TypeError, "limits must be Limits, not 5"),
        ({"data": "text"}, TypeError, "data"),
        ({"data": 5}, TypeError, "data"),
        ({"data": b""}, BitstreamError, "header"),
        ({"data": b"\xff\xd8\xff\xe0 a JPEG"}, BitstreamError, "header at byte 0"),
    ],
)
def test_bad_arguments_of_decode(stream: bytes, arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        decode(**({"data": stream} | arguments))


def test_decoders_refuse_other_limits() -> None:
    with pytest.raises(TypeError, match="limits must be Limits, not 5"):
        GaussianDecoder(5)  # type: ignore[arg-type]


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        GaussianDecoder().load(tmp_path / "none.ggc")


def test_public_names() -> None:
    for name in pyggc.__all__:
        assert getattr(pyggc, name).__doc__
