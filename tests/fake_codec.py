"""A codec for the tests of the command: it keeps the image itself, in a real container."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np

from pyggc.container import Header, Limits, Metadata, Section, read_container, write_container

TAG = "fake"


@dataclass
class FakeProgress:
    iteration: int
    max_iterations: int | None
    elapsed_seconds: float
    remaining_seconds: float | None
    psnr: float
    num_gaussians: int
    phase: str = "fit"


@dataclass
class FakeEncoder:
    """The part of `pyggc.GaussianEncoder` that the command uses; its arguments are kept for the tests to look at."""

    num_gaussians: int | None = None
    quality: float | None = None
    bpp: float | None = None
    lossless: bool = False
    layers: str = "auto"
    effort: int = 5
    seed: int = 0
    threads: int | None = None
    bits_back: bool = False
    timestamp: Any = "now"
    tags: dict[str, Any] = field(default_factory=dict)
    device: str | None = None

    steps = 3
    seconds_a_step = 0.0
    reached = True

    def fit(self, image: np.ndarray, max_time_seconds: float | None = None, callback: Any = None) -> None:
        FakeEncoder.last = self
        self.image, self.max_time_seconds = image, max_time_seconds
        for step in range(self.steps):
            time.sleep(self.seconds_a_step)
            callback(FakeProgress(step, self.steps, step / 10, (self.steps - step) / 10, 20.0 + step, 100))

    def to_bytes(self) -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, self.image)
        height, width = self.image.shape[:2]
        channels = 1 if self.image.ndim == 2 else self.image.shape[2]
        made = None if self.timestamp is None else datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
        depth = {"uint8": 8, "uint16": 16, "float32": 32}[self.image.dtype.name]
        header = Header(
            width=width, height=height, num_gaussians=100, channels=channels, bit_depth=depth, alpha=channels == 4
        )
        metadata = Metadata(timestamp=made, psnr=31.5, ssim=0.9, image_hash=0xABC, tags=self.tags)
        return write_container(header, [Section(TAG, buffer.getvalue())], metadata)

    @property
    def report(self) -> SimpleNamespace:
        return SimpleNamespace(
            psnr=float("inf") if self.lossless else 31.5,
            ssim=0.9,
            bpp=0.5,
            num_bytes=len(self.to_bytes()),
            num_gaussians=100,
            gaussian_bytes=80,
            residual_bytes=20 if self.layers == "residual" or self.lossless else 0,
            iterations=self.steps,
            seconds=0.3,
            reached=self.reached,
            reason="" if self.reached else "the time was up after 3 iterations",
        )


def fake_decode(data: bytes, *, limits: Limits | None = None, dtype: Any = None, **options: Any) -> np.ndarray:
    """Give the image back, nearest pixels for another size; keep the options for the tests."""
    fake_decode.options = {**options, "dtype": dtype}  # type: ignore[attr-defined]
    pixels = np.load(io.BytesIO(bytes(read_container(data, limits).section(TAG).data)))
    if options.get("size"):
        width, height = options["size"]
        rows, columns = np.arange(height) * pixels.shape[0] // height, np.arange(width) * pixels.shape[1] // width
        pixels = pixels[rows][:, columns]
    if options.get("region"):
        x, y, width, height = options["region"]
        pixels = pixels[y : y + height, x : x + width]
    if dtype is not None and pixels.dtype != dtype:
        peak = {"u": lambda kind: float(np.iinfo(kind).max), "f": lambda kind: 1.0}
        pixels = pixels / peak[pixels.dtype.kind](pixels.dtype)
        pixels = (pixels * peak[np.dtype(dtype).kind](dtype)).astype(dtype)
    return pixels
