"""Committed files decode to the committed pixels, whatever the machine, the threads and the release."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from pyggc import GaussianDecoder, decode
from pyggc.evaluate import psnr

GOLDEN = Path(__file__).parent / "golden"


def load_maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_photos", GOLDEN / "make_photos.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = load_maker()
NAMES = ["gray8", "rgb8", "rgba16"]


def read(name: str) -> bytes:
    return (GOLDEN / f"photo_{name}.ggc").read_bytes()


def test_every_case_has_its_file_and_every_file_its_case() -> None:
    assert {path.stem.removeprefix("photo_") for path in GOLDEN.glob("photo_*.ggc")} == set(NAMES)
    assert sorted(json.loads(MAKER.HASHES.read_text())) == NAMES == sorted(MAKER.images())


@pytest.mark.parametrize("name", NAMES)
def test_golden_files_decode_to_the_golden_pixels(name: str) -> None:
    golden = json.loads(MAKER.HASHES.read_text())[name]
    assert sorted(golden["views"]) == sorted(MAKER.VIEWS)
    assert MAKER.digests(read(name), golden["width"], golden["height"]) == golden["views"]


@pytest.mark.parametrize("name", NAMES)
def test_golden_files_tell_what_they_are(name: str) -> None:
    image, data = MAKER.images()[name], read(name)
    pixels = decode(data)
    assert (pixels.shape, pixels.dtype) == (image.shape, image.dtype)
    _, metadata = GaussianDecoder().loads(data)
    # The sine of another machine may differ in its last bit, and a sample of the image with it.
    assert metadata["psnr"] == pytest.approx(psnr(image, pixels), abs=0.01)
    assert metadata["psnr"] >= 30
    assert metadata["timestamp"] == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert metadata["tags"] == {"title": name, "icc": bytes(range(5))}


def test_every_layered_case_has_its_file_and_every_file_its_case() -> None:
    assert {path.stem.removeprefix("layered_") for path in GOLDEN.glob("layered_*.ggc")} == set(MAKER.LAYERED)
    assert sorted(json.loads(MAKER.LAYERED_HASHES.read_text())) == sorted(MAKER.LAYERED)


@pytest.mark.parametrize("name", MAKER.LAYERED)
def test_golden_layered_files_decode_to_the_golden_pixels(name: str) -> None:
    golden = json.loads(MAKER.LAYERED_HASHES.read_text())[name]
    data = (GOLDEN / f"layered_{name}.ggc").read_bytes()
    assert sorted(golden["views"]) == sorted(MAKER.LAYERED_VIEWS)
    assert MAKER.digests(data, golden["width"], golden["height"], MAKER.LAYERED_VIEWS) == golden["views"]
