"""The command ``gaussian-codec``: over a fake codec its own behavior, and over the real one the whole way."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_codec import FakeEncoder, FakeProgress, fake_decode
from PIL import Image, ImageCms

import pyggc
from pyggc import cli
from pyggc._arguments import LIMITS
from pyggc._terminal import clock, progress_line
from pyggc.container import Limits, read_container
from pyggc.imagefile import parse_image

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
Run = Callable[..., SimpleNamespace]

# Another process, in another folder, must import the very package under test.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(pyggc.__path__[0]).resolve().parent)}


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: np.ndarray) -> Path:
    """The current folder: it holds photo.png and nothing else."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(pixels).save("photo.png")
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command over the fake codec; gives code, out and err."""
    monkeypatch.setattr(cli, "GaussianEncoder", FakeEncoder)
    monkeypatch.setattr(cli, "decode", fake_decode)
    monkeypatch.setattr(FakeEncoder, "reached", True)

    def call(*arguments: str) -> SimpleNamespace:
        code = cli.main(arguments)
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return call


def opened(source: str | io.BytesIO) -> Image.Image:
    """Open an image file and leave no handle behind."""
    return Image.open(io.BytesIO(Path(source).read_bytes()) if isinstance(source, str) else source)


def assert_error(result: SimpleNamespace, code: int, *parts: str) -> None:
    """One line, with the code and the words expected."""
    assert result.code == code
    assert result.out == ""
    assert result.err.startswith("gaussian-codec: error: ")
    assert result.err.count("\n") == 1, result.err
    for part in parts:
        assert part in result.err


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes = b"") -> io.BytesIO:
    """Replace standard input and output by bytes in memory; gives the output."""
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, write_through=True))
    return output


# ------------------------------------------------------------------------------------------------------- encode


def test_encode_and_decode_with_default_names(run: Run, folder: Path, pixels: np.ndarray) -> None:
    result = run("encode", "photo.png")
    assert result.code == 0
    assert result.out == ""
    size = (folder / "photo.ggc").stat().st_size
    assert result.err == f"photo.ggc: {size} bytes, 0.500 bpp, 31.50 dB, SSIM 0.9000, 100 Gaussians, 0.3 s\n"
    (folder / "photo.png").unlink()
    result = run("decode", "photo.ggc")
    assert (result.code, result.out, result.err) == (0, "", "")
    np.testing.assert_array_equal(np.asarray(opened("photo.png")), pixels)
    assert sorted(os.listdir()) == ["photo.ggc", "photo.png"]


def test_encode_hands_its_options_on(run: Run) -> None:
    options = ["--bpp", "0.25", "--effort", "9", "--threads", "2", "--seed", "7", "--max-time", "1.5"]
    options += ["--bits-back", "--layers", "gaussian", "--device", "auto"]
    assert run("encode", "photo.png", *options, "--tag", "author=Ada", "--tag", "note=a=b", "--no-timestamp").code == 0
    encoder = FakeEncoder.last
    assert (encoder.bpp, encoder.quality, encoder.num_gaussians) == (0.25, None, None)
    assert (encoder.effort, encoder.threads, encoder.seed, encoder.max_time_seconds) == (9, 2, 7, 1.5)
    assert encoder.tags == {"author": "Ada", "note": "a=b"}
    assert encoder.timestamp is None
    assert encoder.bits_back is True
    assert encoder.device == "auto"
    assert (encoder.layers, encoder.lossless) == ("gaussian", False)
    assert run("encode", "photo.png", "--force", "--lossless", "--num-gaussians", "7").code == 0
    encoder = FakeEncoder.last
    assert (encoder.lossless, encoder.layers, encoder.num_gaussians) == (True, "auto", 7)


def test_encode_defaults(run: Run) -> None:
    run("encode", "photo.png")
    encoder = FakeEncoder.last
    assert (encoder.quality, encoder.bpp, encoder.num_gaussians, encoder.threads) == (None, None, None, None)
    assert (encoder.effort, encoder.seed, encoder.max_time_seconds, encoder.timestamp) == (5, 0, None, "now")
    assert encoder.bits_back is False
    assert encoder.device == "cpu"
    assert (encoder.layers, encoder.lossless) == ("auto", False)


def test_encode_tells_of_both_layers(run: Run) -> None:
    layers = "100 Gaussians in 80 bytes, residual in 20 bytes, 0.3 s\n"
    assert run("encode", "photo.png", "--layers", "residual").err.endswith(f"31.50 dB, SSIM 0.9000, {layers}")
    told = run("encode", "photo.png", "--force", "--lossless").err
    assert told.endswith(f"lossless, SSIM 0.9000, {layers}")
    assert " dB" not in told


def test_color_profile_goes_through_the_file(run: Run, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save("tagged.png", icc_profile=SRGB)
    assert run("encode", "tagged.png").code == 0
    tags = read_container(Path("tagged.ggc").read_bytes()).metadata.tags
    assert tags == {"icc": SRGB}
    assert run("decode", "tagged.ggc", "-o", "back.jpg").code == 0
    assert opened("back.jpg").info["icc_profile"] == SRGB


def test_quality_not_reached_is_said_plainly(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeEncoder, "reached", False)
    result = run("encode", "photo.png", "--quality", "45", "--quiet")
    assert result.code == 1
    assert Path("photo.ggc").exists()
    assert result.err == (
        "gaussian-codec: warning: photo.ggc is written, but not as asked: 45 dB was asked for and 31.50 dB at "
        "0.500 bpp was reached: the time was up after 3 iterations\n"
    )
    assert "0.1 bpp was asked for" in run("encode", "photo.png", "-o", "b.ggc", "--bpp", "0.1").err


def test_note_about_what_is_not_encoded(run: Run) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    assert "note: moving.gif: only the first of 2 frames is used" in run("encode", "moving.gif").err
    assert run("encode", "moving.gif", "--quiet", "--force").err == ""


def test_standard_input_and_output(run: Run, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = piped(monkeypatch, Path("photo.png").read_bytes())
    assert run("encode", "-").code == 0
    decoded = piped(monkeypatch, encoded.getvalue())
    assert run("decode", "-", "--format", "webp").code == 0
    assert opened(decoded).format == "WEBP"
    np.testing.assert_array_equal(parse_image(decoded.getvalue()).pixels, pixels)
    decoded = piped(monkeypatch, encoded.getvalue())
    assert run("decode", "-").code == 0
    assert opened(decoded).format == "PNG"


def test_nothing_binary_goes_to_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert_error(run("encode", "photo.png", "-o", "-"), 2, "not written to a terminal")


def test_an_existing_file_is_replaced_only_when_named_or_forced(run: Run) -> None:
    assert run("encode", "photo.png").code == 0
    assert_error(run("encode", "photo.png"), 5, "photo.ggc is there already", "-o", "--force")
    assert_error(run("decode", "photo.ggc"), 5, "photo.png is there already")
    assert run("encode", "photo.png", "--force").code == 0
    assert run("encode", "photo.png", "-o", "photo.ggc").code == 0


def test_the_input_is_never_replaced(run: Run) -> None:
    before = Path("photo.png").read_bytes()
    assert_error(run("encode", "photo.png", "-o", "./photo.png", "--force"), 5, "photo.png is the input itself")
    os.link("photo.png", "same.png")
    assert_error(run("encode", "photo.png", "-o", "same.png"), 5, "is the input itself")
    assert Path("photo.png").read_bytes() == before


def test_a_file_is_not_given_the_name_of_an_image(run: Run) -> None:
    Image.new("L", (3, 3)).save("other.png")
    before = Path("other.png").read_bytes()
    assert_error(run("encode", "photo.png", "-o", "other.png"), 2, "other.png: what is written is a .ggc file")
    assert Path("other.png").read_bytes() == before


def test_names_that_are_empty_and_streams_that_are_closed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_error(run("encode", ""), 3, "the input's name is empty")
    assert_error(run("encode", "photo.png", "-o", ""), 2, "the name after -o is empty")
    assert_error(run("encode", "photo.png", "--tag", "icc =x"), 2, "the tag 'icc' is taken")
    monkeypatch.setattr(sys, "stdin", None)
    assert_error(run("encode", "-"), 3, "standard input is closed")


def test_failures_leave_no_file(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeEncoder, "fit", interrupted)
    assert_error(run("encode", "photo.png"), 130, "interrupted: no file is left half written")
    monkeypatch.setattr(FakeEncoder, "fit", lambda *_, **__: np.zeros(10).reshape(3))
    assert_error(run("encode", "photo.png"), 2, "cannot reshape")
    assert os.listdir() == ["photo.png"]


def test_out_of_memory(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(FakeEncoder, "fit", full)
    assert_error(run("encode", "photo.png"), 3, "not enough memory")


# ---------------------------------------------------------------------------------------------- files and folders


def test_inputs_of_no_use(run: Run) -> None:
    Path("notes.txt").write_text("hello\n")
    Path("empty.png").write_bytes(b"")
    Path("sub").mkdir()
    Path("cut.png").write_bytes(Path("photo.png").read_bytes()[:300])
    run("encode", "photo.png")
    for command in ("encode", "decode", "info"):
        assert_error(run(command, "missing.x"), 3, "missing.x: there is no such file")
        assert_error(run(command, "sub"), 3, "sub is a folder: name a file in it")
        assert_error(run(command, "empty.png"), 3, "empty.png is empty")
    assert_error(run("compare", "photo.png", "missing.x"), 3, "missing.x: there is no such file")
    assert_error(run("encode", "notes.txt"), 3, "notes.txt: not an image: it is text")
    assert_error(run("encode", "cut.png"), 3, "cut.png: a broken image")
    assert_error(run("encode", "photo.ggc", "-o", "x.ggc"), 3, "photo.ggc is a .ggc file already: decode it first")
    for command in ("decode", "info"):
        assert_error(run(command, "photo.png"), 3, "photo.png is not a .ggc file: it is a PNG image")
        assert_error(run(command, "notes.txt"), 3, "notes.txt is not a .ggc file: it is text")


def test_outputs_of_no_use(run: Run) -> None:
    run("encode", "photo.png")
    Path("sub").mkdir()
    assert_error(run("encode", "photo.png", "-o", "sub"), 5, "sub is a folder: name a file in it")
    assert_error(run("encode", "photo.png", "-o", "gone/x.ggc"), 5, "the folder gone does not exist: make it first")
    assert_error(run("decode", "photo.ggc", "-o", "gone/x.png"), 5, "the folder gone does not exist")
    assert_error(run("decode", "photo.ggc", "-o", "x.gif"), 2, "image format .gif is unknown", ".png", "--format")
    assert_error(run("decode", "photo.ggc", "-o", "x"), 2, "its name says no image format")
    assert run("decode", "photo.ggc", "-o", "x", "--format", "jpg").code == 0
    assert opened("x").format == "JPEG"


def test_a_full_disk(run: Run) -> None:
    if not Path("/dev/full").exists():
        return
    assert_error(run("encode", "photo.png", "-o", "/dev/full"), 5, "/dev/full: cannot be written: No space left")


def test_read_only_places(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("locked").mkdir()
    Path("locked.ggc").write_bytes(b"")
    denied = {"locked", "locked.ggc"}
    monkeypatch.setattr(os, "access", lambda path, mode: os.path.basename(path) not in denied)
    assert_error(run("encode", "photo.png", "-o", "locked/x.ggc"), 5, "nothing may be written in locked")
    assert_error(run("encode", "photo.png", "-o", "locked.ggc"), 5, "locked.ggc is read-only")


# ------------------------------------------------------------------------------------------------------- decode


@pytest.mark.parametrize(
    ("text", "size"),
    [("64x10", (64, 10)), ("16", (16, 12)), ("16x", (16, 12)), ("x48", (64, 48)), ("50%", (16, 12)), ("0.1%", (1, 1))],
)
def test_decode_to_a_size(run: Run, text: str, size: tuple[int, int]) -> None:
    run("encode", "photo.png")
    assert run("decode", "photo.ggc", "-o", "out.png", "--size", text).code == 0
    assert opened("out.png").size == size


def test_decode_hands_its_options_on(run: Run) -> None:
    run("encode", "photo.png")
    options = ["--region", "4,2,10,8", "--supersample", "2", "--threads", "3", "--depth", "16"]
    assert run("decode", "photo.ggc", "-o", "out.png", *options).code == 0
    expected = {"size": None, "region": (4, 2, 10, 8), "supersample": 2, "threads": 3, "dtype": np.uint16}
    assert fake_decode.options == expected | {"layers": "all", "strict": True, "device": "cpu"}  # type: ignore[attr-defined]
    assert parse_image(Path("out.png").read_bytes()).pixels.shape == (8, 10, 3)
    assert (
        run("decode", "photo.ggc", "-o", "out.png", "--layers", "gaussian", "--partial", "--device", "auto").code == 0
    )
    options = fake_decode.options  # type: ignore[attr-defined]
    assert (options["layers"], options["strict"], options["device"]) == ("gaussian", False, "auto")


def test_depths_and_formats(run: Run) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (24, 32, 3), np.uint16)
    np.save("deep.npy", deep)
    assert run("encode", "deep.npy").code == 0
    assert run("decode", "deep.ggc", "-o", "deep.png").code == 0
    np.testing.assert_array_equal(parse_image(Path("deep.png").read_bytes()).pixels, deep)
    assert_error(run("decode", "deep.ggc", "-o", "deep.jpg"), 2, "JPEG cannot hold uint16", "add --depth 8")
    assert not Path("deep.jpg").exists()
    assert run("decode", "deep.ggc", "-o", "deep.jpg", "--depth", "8").code == 0

    np.save("float.npy", (deep / 65535).astype(np.float32))
    assert run("encode", "float.npy").code == 0
    for name, dtype in (("f.png", "uint16"), ("f.webp", "uint8"), ("f.npy", "float32")):
        assert run("decode", "float.ggc", "-o", name).code == 0
        assert parse_image(Path(name).read_bytes()).pixels.dtype == dtype


def test_alpha_to_jpeg(run: Run) -> None:
    Image.new("RGBA", (8, 8)).save("clear.png")
    run("encode", "clear.png")
    assert_error(run("decode", "clear.ggc", "-o", "clear.jpg"), 2, "JPEG cannot hold an alpha channel: use .png")


def test_malformed_files_and_limits(run: Run) -> None:
    run("encode", "photo.png")
    data = Path("photo.ggc").read_bytes()
    Path("cut.ggc").write_bytes(data[:-9])
    Path("tiny.ggc").write_bytes(data[:3])
    Path("flip.ggc").write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    for name in ("cut.ggc", "tiny.ggc", "flip.ggc"):
        assert_error(run("decode", name), 4, f"{name}: ", "byte")
        assert_error(run("info", name), 4, f"{name}: ", "byte")
    assert_error(run("compare", "photo.png", "flip.ggc"), 4, "flip.ggc: ", "byte")
    result = run("decode", "photo.ggc", "-o", "x.png", "--max-pixels", "100")
    assert_error(result, 4, "at most 100 pixels", "add --max-pixels 768 or more")
    assert run("decode", "photo.ggc", "-o", "x.png", "--max-pixels", "768").code == 0


def test_options_for_limits_are_limits() -> None:
    assert set(LIMITS) <= set(Limits.__slots__)


# ------------------------------------------------------------------------------------------------- compare and info


def test_compare(run: Run, pixels: np.ndarray) -> None:
    run("encode", "photo.png", "-o", "a.ggc")
    size = Path("a.ggc").stat().st_size
    result = run("compare", "photo.png", "a.ggc")
    assert result.code == 0
    assert result.out.splitlines()[:2] == ["PSNR  infinite: the images are equal", "SSIM  1.0000"]
    assert f"B     a.ggc: 32x24 RGB uint8, {size} bytes, {size * 8 / 768:.3f} bpp" in result.out

    Image.fromarray(pixels ^ 1).save("b.png")
    assert "PSNR  48.13 dB" in run("compare", "photo.png", "b.png").out
    told = json.loads(run("compare", "a.ggc", "b.png", "--json").out)
    assert told["psnr"] == pytest.approx(48.1308, abs=1e-4)
    assert told["equal"] is False
    assert told["a"] == {
        "file": "a.ggc",
        "width": 32,
        "height": 24,
        "channels": 3,
        "dtype": "uint8",
        "bytes": size,
        "bpp": size * 8 / 768,
    }
    told = json.loads(run("compare", "photo.png", "photo.png", "--json").out)
    assert (told["psnr"], told["ssim"], told["equal"]) == (None, 1.0, True)


def test_compare_brings_kinds_together(run: Run, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).convert("RGBA").save("alpha.png")
    gray = pixels[:, :, 0]
    Image.fromarray(gray).save("gray.png")
    Image.fromarray(np.dstack([gray] * 3)).save("same.png")
    np.save("deep.npy", pixels.astype(np.uint16) * 257)
    for a, b in (("photo.png", "alpha.png"), ("gray.png", "same.png"), ("photo.png", "deep.npy")):
        assert "equal" in run("compare", a, b).out
    Image.new("RGB", (5, 4)).save("small.png")
    assert_error(run("compare", "photo.png", "small.png"), 3, "photo.png has 32x24 and small.png has 5x4 pixels")


def test_compare_draws_a_figure(run: Run, pixels: np.ndarray) -> None:
    run("encode", "photo.png", "-o", "a.ggc")
    Image.fromarray(pixels ^ 1).save("b.png")
    assert "PSNR  48.13 dB" in run("compare", "a.ggc", "b.png", "--plot", "figure.png").out
    assert opened("figure.png").format == "PNG"
    assert opened("figure.png").width > 1000
    # A name that was given may replace a file.
    assert json.loads(run("compare", "a.ggc", "b.png", "--json", "--plot", "figure.svg").out)["equal"] is False
    assert run("compare", "a.ggc", "b.png", "--plot", "figure.svg").code == 0
    assert "a.ggc" in Path("figure.svg").read_text()
    assert sorted(os.listdir()) == ["a.ggc", "b.png", "figure.png", "figure.svg", "photo.png"]


def test_figures_of_no_use(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    same = ("compare", "photo.png", "photo.png", "--plot")
    assert_error(run(*same, "-"), 2, "--plot needs the name of a file")
    assert_error(run(*same, "x.jpg"), 2, "x.jpg: a figure is written as one of .png, .svg, .pdf")
    assert_error(run(*same, "photo.png"), 5, "photo.png is the input itself: name another file with --plot")
    assert_error(run("compare", "photo.png", "other.png", "--plot", "other.png"), 3, "other.png: there is no such file")
    assert_error(run(*same, "gone/x.png"), 5, "the folder gone does not exist")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert_error(run(*same, "x.png"), 2, "--plot: pyggc.plot needs matplotlib: pip install matplotlib")
    assert os.listdir() == ["photo.png"]


def test_info(run: Run) -> None:
    run("encode", "photo.png", "--tag", "author=Ada")
    result = run("info", "photo.ggc")
    assert result.code == 0
    lines = dict(
        line.split(maxsplit=1) for line in result.out.splitlines() if line.split()[0] not in ("tag", "section")
    )
    assert lines["width"] == "32"
    assert lines["gaussians"] == "100"
    assert lines["psnr"] == "31.5"
    assert lines["made"] == "2024-01-02T03:04:05+00:00"
    assert "tag author           Ada" in result.out
    told = json.loads(run("info", "photo.ggc", "--json").out)
    assert told["tags"] == {"author": "Ada"}
    assert told["image_hash"] == "00000abc"
    assert list(told["sections"]) == ["fake"]


# -------------------------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["required: COMMAND"]),
        (["encod", "photo.png"], ["invalid choice: 'encod'", "encode"]),
        (["encode"], ["required: IMAGE", "gaussian-codec encode --help"]),
        (["encode", "photo.png", "--qualty", "30"], ["unknown argument --qualty: did you mean --quality?"]),
        (["encode", "photo.png", "extra"], ["unknown argument extra"]),
        (["encode", "photo.png", "--qual=30"], ["did you mean --quality?"]),
        (["encode", "photo.png", "--quality", "high"], ["argument --quality: 'high' is not a number"]),
        (["encode", "photo.png", "--quality", "nan"], ["argument --quality: must be at least 0"]),
        (["encode", "photo.png", "--bpp", "0"], ["argument --bpp: must be above 0, not 0"]),
        (["encode", "photo.png", "--max-time", "0.0"], ["argument --max-time: must be above 0, not 0.0"]),
        (["encode", "photo.png", "--quality", "-1"], ["argument --quality: must be"]),
        (["encode", "photo.png", "--effort", "12"], ["argument --effort: must be from 1 to 9, not 12"]),
        (["encode", "photo.png", "--threads", "0"], ["argument --threads: must be at least 1"]),
        (["encode", "photo.png", "--threads", "1.5"], ["is not a whole number"]),
        (["encode", "photo.png", "--tag", "author"], ["'author' is not KEY=VALUE"]),
        (["encode", "photo.png", "--tag", "icc=x"], ["the tag 'icc' is taken"]),
        (["encode", "photo.png", "--bpp", "1", "--quality", "30"], ["not allowed with argument --bpp"]),
        (["encode", "photo.png", "--bpp", "1", "--lossless"], ["--lossless: not allowed with argument --bpp"]),
        (["encode", "photo.png", "--layers", "all"], ["argument --layers: invalid choice: 'all'"]),
        (["decode", "a.ggc", "--layers", "residual"], ["argument --layers: invalid choice: 'residual'"]),
        (["decode", "a.ggc", "--size", "640*480"], ["'640*480' is not WIDTHxHEIGHT"]),
        (["decode", "a.ggc", "--size", "0x10"], ["is not WIDTHxHEIGHT"]),
        (["decode", "a.ggc", "--size", "x"], ["is not WIDTHxHEIGHT"]),
        (["decode", "a.ggc", "--region", "1,2,3"], ["'1,2,3' is not X,Y,WIDTH,HEIGHT"]),
        (["decode", "a.ggc", "--supersample", "3"], ["invalid choice: 3"]),
        (["decode", "a.ggc", "--format", "bmp"], ["invalid choice: 'bmp'"]),
    ],
)
def test_wrong_arguments(run: Run, arguments: list[str], parts: list[str]) -> None:
    assert_error(run(*arguments), 2, *parts)


def test_help_and_version(run: Run) -> None:
    assert run("--version").out.startswith("gaussian-codec 0.")
    assert "130 interrupted" in " ".join(run("--help").out.split())
    for command in ("encode", "decode", "compare", "info"):
        result = run(command, "--help")
        assert result.code == 0
        assert f"usage: gaussian-codec {command}" in result.out


# --------------------------------------------------------------------------------------------------------- progress


def test_progress_is_silent_unless_asked(run: Run) -> None:
    assert "\r" not in run("encode", "photo.png").err
    shown = run("encode", "photo.png", "-o", "b.ggc", "--progress").err
    assert "20.00 dB  100 Gaussians  0:00 left" in shown
    assert "\r" not in run("encode", "photo.png", "-o", "b.ggc", "--progress", "--quiet").err


def state(**changes: Any) -> FakeProgress:
    values = {"iteration": 30, "max_iterations": 120, "elapsed_seconds": 5.0, "remaining_seconds": 15.0}
    return FakeProgress(**{**values, "psnr": 27.345, "num_gaussians": 1500, **changes})


def test_progress_line() -> None:
    assert progress_line(state(), 8) == "fit [##......]  25%  27.34 dB  1500 Gaussians  0:15 left"
    assert progress_line(state(remaining_seconds=None), 4) == "fit [#...]  25%  27.34 dB  1500 Gaussians  0:05 so far"
    unknown = state(remaining_seconds=float("inf"), max_iterations=None)
    assert progress_line(unknown, 4) == "fit [....]   0%  27.34 dB  1500 Gaussians  0:05 so far"
    assert "[####] 100%" in progress_line(state(remaining_seconds=0.0), 4)
    assert "   0%" in progress_line(state(elapsed_seconds=0.0, remaining_seconds=0.0), 4)


def test_clock() -> None:
    assert [clock(s) for s in (0, 59.4, 60, 3599.6, 3725)] == ["0:00", "0:59", "1:00", "1:00:00", "1:02:05"]


# ------------------------------------------------------------------------------------------------- other processes

SLOW = """
import sys
from pyggc import cli
sys.path.insert(0, {tests!r})
from fake_codec import FakeEncoder
FakeEncoder.steps, FakeEncoder.seconds_a_step = 600, 0.1
cli.GaussianEncoder = FakeEncoder
sys.exit(cli.main(sys.argv[1:]))
"""


def test_ctrl_c_leaves_no_file(folder: Path) -> None:
    script = SLOW.format(tests=str(Path(__file__).parent))
    command = [sys.executable, "-c", script, "encode", "photo.png", "--progress"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=ENVIRONMENT) as process:
        assert process.stderr is not None
        assert process.stderr.read(1) == b"\r"  # The fit has begun.
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(timeout=30) == 130
    assert rest.endswith(b"\rgaussian-codec: error: interrupted: no file is left half written\n")
    assert b"Traceback" not in rest
    assert os.listdir(folder) == ["photo.png"]


def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    command = [sys.executable, "-m", "pyggc.cli", "compare", "photo.png", "photo.png", "--json"]
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as pipe:
        result = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, env=ENVIRONMENT, check=False)
    assert result.stderr == b""
    assert result.returncode == 5


# ------------------------------------------------------------------------------------------------------- whole way


def test_the_real_codec(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    y, x = np.mgrid[:48, :64]
    smooth = (127 + 100 * np.sin(x / 20) * np.cos(y / 15)).astype(np.uint8)
    Image.fromarray(np.dstack([smooth, smooth // 2, 255 - smooth])).save("s.png")
    assert cli.main(["encode", "s.png", "--quality", "28", "--effort", "1", "--tag", "who=me", "--no-timestamp"]) == 0
    assert cli.main(["decode", "s.ggc", "-o", "back.png"]) == 0
    assert cli.main(["decode", "s.ggc", "-o", "large.png", "--size", "200%", "--region", "0,0,50,40"]) == 0
    assert opened("large.png").size == (50, 40)
    capsys.readouterr()
    assert cli.main(["compare", "s.png", "s.ggc", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["psnr"] >= 28
    assert cli.main(["compare", "s.ggc", "back.png", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["equal"]
    assert cli.main(["info", "s.ggc", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["tags"] == {"who": "me"}
    assert about["psnr"] == pytest.approx(told["psnr"], abs=0.01)
    assert "made" not in about
    assert cli.main(["encode", "s.png", "-o", "b.ggc", "--num-gaussians", "30", "--effort", "1", "--bits-back"]) == 0
    assert cli.main(["info", "b.ggc", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["sections"]) == ["PLAN", "BITB", "POSN", "COLR", "CHOL"]


def test_the_real_layers(folder: Path, capsys: pytest.CaptureFixture[str], pixels: np.ndarray) -> None:
    def command(*arguments: str) -> str:
        assert cli.main(arguments) == 0
        return capsys.readouterr().out

    command("encode", "photo.png", "--lossless", "--effort", "1")
    command("decode", "photo.ggc", "-o", "back.png")
    np.testing.assert_array_equal(np.asarray(opened("back.png")), pixels)
    about = json.loads(command("info", "photo.ggc", "--json"))
    sizes = {tag: int(size.split()[0]) for tag, size in about["sections"].items()}
    residual = sizes.pop("RESI")
    assert about["layers"] == {"gaussian": f"{sum(sizes.values())} bytes", "residual": f"{residual} bytes"}
    assert f"layer residual       {residual} bytes" in command("info", "photo.ggc")

    command("decode", "photo.ggc", "-o", "soft.png", "--layers", "gaussian")
    gaussians, _ = pyggc.GaussianDecoder().load("photo.ggc")
    np.testing.assert_array_equal(np.asarray(opened("soft.png")), gaussians.render())

    command("encode", "photo.png", "-o", "alone.ggc", "--layers", "residual", "--bpp", "4", "--effort", "1")
    assert json.loads(command("info", "alone.ggc", "--json"))["gaussians"] == 0


def test_a_file_that_is_cut_off(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def result(*arguments: str) -> SimpleNamespace:
        code = cli.main(arguments)
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    result("encode", "photo.png", "--lossless", "--effort", "1", "--tag", "icc2=x")
    data = Path("photo.ggc").read_bytes()
    Path("cut.ggc").write_bytes(data[:-50])
    assert_error(result("decode", "cut.ggc"), 4, "cut.ggc: ", f"{len(data) - 50} are there")
    partial = result("decode", "cut.ggc", "--partial")
    assert partial.code == 0
    assert partial.err.startswith("gaussian-codec: warning: cut.ggc: only the Gaussians are decoded: file at byte ")
    assert partial.err.count("\n") == 1
    gaussians, _ = pyggc.GaussianDecoder().load("photo.ggc")
    np.testing.assert_array_equal(np.asarray(opened("cut.png")), gaussians.render())
    # What is whole is decoded as ever, and what has no Gaussians to show not at all.
    whole = result("decode", "photo.ggc", "-o", "whole.png", "--partial")
    assert (whole.code, whole.err) == (0, "")
    assert Path("whole.png").read_bytes() != Path("cut.png").read_bytes()
    Path("short.ggc").write_bytes(data[:80])
    assert_error(result("decode", "short.ggc", "--partial"), 4, "short.ggc: ")


def test_layers_that_contradict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("float.npy", np.zeros((3, 4), np.float32))
    wrong = [
        (["photo.png", "--lossless", "--layers", "gaussian"], "lossless needs a residual"),
        (["photo.png", "--num-gaussians", "5", "--layers", "residual"], "num_gaussians must be None"),
        (["photo.png", "--num-gaussians", "5", "--quality", "9", "--layers", "gaussian"], "give only one of"),
        (["float.npy", "--lossless"], "image must have samples of uint8 or uint16 to be kept without loss"),
        (["float.npy", "--layers", "residual"], "image must have samples of uint8 or uint16"),
    ]
    for arguments, message in wrong:
        assert cli.main(["encode", *arguments]) == 2
        captured = capsys.readouterr()
        assert_error(SimpleNamespace(code=2, out=captured.out, err=captured.err), 2, message)
    assert sorted(os.listdir(folder)) == ["float.npy", "photo.png"]
