"""What the benchmarks share: images, peers, medians of interleaved runs, tables, JSON.

Peers go through Pillow and imagecodecs; one that is missing is left out with a note. Decibels are over all RGB samples
of the 8-bit image, and bits a pixel count every byte of a file.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

import pyggc as gc

try:
    import imagecodecs
except ImportError:
    imagecodecs = None

Pixels = NDArray[np.uint8]
Key = TypeVar("Key", bound=Hashable)
SUFFIXES = {".png", ".ppm", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".webp"}


# -------------------------------------------------------------------------------------------------------------- images


def load(path: Path) -> Pixels:
    return np.asarray(Image.open(path).convert("RGB"))


def find_images(paths: Sequence[Path], only: Sequence[str] = ()) -> list[Path]:
    """Files as they are, and the images of folders; of all these, those with one of `only` in their name."""
    found = [
        file
        for path in paths
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        if not path.is_dir() or file.suffix.lower() in SUFFIXES
    ]
    chosen = [file for file in found if not only or any(part in file.name for part in only)]
    if not chosen:
        raise SystemExit("no image found")
    return chosen


def as_floats(pixels: Pixels) -> NDArray[np.float32]:
    return pixels / np.float32(255.0)


def enlarged(pixels: Pixels, megapixels: float) -> Pixels:
    """An image of that size and about that shape: whole mirrored copies of this one, so that no seam shows, cropped."""
    height, width = pixels.shape[:2]
    factor = (megapixels * 1e6 / (height * width)) ** 0.5
    rows, columns = (mirrored(side, max(1, round(side * factor))) for side in (height, width))
    return pixels[rows[:, None], columns]


def mirrored(side: int, wanted: int) -> NDArray[np.int64]:
    """The indices 0, 1, ..., side - 1, side - 1, ..., 1, 0, 0, 1, ..."""
    place = np.arange(wanted) % (2 * side)
    return np.minimum(place, 2 * side - 1 - place)


def bpp(stream: bytes, pixels: Pixels) -> float:
    return 8.0 * len(stream) / (pixels.shape[0] * pixels.shape[1])


# --------------------------------------------------------------------------------------------------------------- peers


@dataclass(frozen=True)
class Peer:
    """Another codec: its levels from the worst to the best, and what it does at one of them."""

    title: str
    levels: Sequence[float]
    encode: Callable[[Pixels, float], bytes]
    decode: Callable[[bytes], Pixels]
    missing: str = ""

    def point(self, pixels: Pixels, level: float) -> tuple[float, float]:
        """Bits a pixel and decibels."""
        stream = self.encode(pixels, level)
        return bpp(stream, pixels), gc.evaluate.psnr(pixels, self.decode(stream))

    def nearest(self, pixels: Pixels, psnr: float) -> tuple[float, bytes, float]:
        """The level whose PSNR is nearest, by bisection; its file and its PSNR."""
        tried: dict[int, tuple[bytes, float]] = {}
        low, high = 0, len(self.levels) - 1
        while low <= high:
            middle = (low + high) // 2
            stream = self.encode(pixels, self.levels[middle])
            tried[middle] = stream, gc.evaluate.psnr(pixels, self.decode(stream))
            low, high = (middle + 1, high) if tried[middle][1] < psnr else (low, middle - 1)
        best = min(tried, key=lambda index: abs(tried[index][1] - psnr))
        return self.levels[best], *tried[best]

    def curve(self, pixels: Pixels, points: int) -> list[tuple[float, float]]:
        """Bits a pixel and decibels at levels spread over all of them, each decibel value once."""
        chosen = np.unique(np.linspace(0, len(self.levels) - 1, points).round().astype(int))
        found = {round(psnr, 9): (rate, psnr) for rate, psnr in (self.point(pixels, self.levels[i]) for i in chosen)}
        return sorted(found.values())


def pillow(name: str, options: Callable[[float], dict[str, Any]], feature: str) -> dict[str, Any]:
    """How Pillow encodes and decodes a format."""

    def encode(pixels: Pixels, level: float) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, name, **options(level))
        return buffer.getvalue()

    def decode(stream: bytes) -> Pixels:
        return np.asarray(Image.open(io.BytesIO(stream)))

    missing = "" if features.check(feature) else f"Pillow has no {name}"
    return {"encode": encode, "decode": decode, "missing": missing}


def jpeg(subsampling: int) -> dict[str, Any]:
    return pillow("JPEG", lambda level: {"quality": int(level), "subsampling": subsampling, "optimize": True}, "jpg")


NO_IMAGECODECS = "" if imagecodecs else "imagecodecs is not installed"
THREADS = max(1, min(2, os.cpu_count() or 1))

#: The peers by name. One more is one row more.
PEERS: dict[str, Peer] = {
    "jpeg": Peer("JPEG 4:2:0", range(1, 96), **jpeg(2)),
    "jpeg444": Peer("JPEG 4:4:4", range(1, 96), **jpeg(0)),
    "jpeg2000": Peer(
        "JPEG 2000",
        np.geomspace(600.0, 4.0, 101).tolist(),
        **pillow(
            "JPEG2000",
            lambda ratio: {"quality_mode": "rates", "quality_layers": [ratio], "irreversible": True, "mct": 1},
            "jpg_2000",
        ),
    ),
    "webp": Peer("WebP", range(101), **pillow("WEBP", lambda level: {"quality": int(level), "method": 4}, "webp")),
    "avif": Peer(
        "AVIF 4:4:4 (aom, speed 4)",
        range(1, 96),
        lambda pixels, level: imagecodecs.avif_encode(pixels, int(level), codec="aom", speed=4, numthreads=THREADS),
        lambda stream: imagecodecs.avif_decode(stream, numthreads=THREADS),
        NO_IMAGECODECS,
    ),
    "jxl": Peer(
        "JPEG XL (effort 7)",
        np.geomspace(25.0, 0.2, 101).tolist(),
        lambda pixels, level: imagecodecs.jpegxl_encode(pixels, distance=level, effort=7, numthreads=THREADS),
        lambda stream: imagecodecs.jpegxl_decode(stream, numthreads=THREADS),
        NO_IMAGECODECS,
    ),
}


def available(names: Sequence[str]) -> dict[str, Peer]:
    """Those of the peers that are here; a line for each of the others."""
    for name in names:
        if name not in PEERS:
            raise SystemExit(f"no peer {name!r}; there are {', '.join(PEERS)}")
        if PEERS[name].missing:
            print(f"left out: {PEERS[name].title}: {PEERS[name].missing}")
    return {name: PEERS[name] for name in names if not PEERS[name].missing}


# -------------------------------------------------------------------------------------------------------------- timing


def medians(actions: Mapping[Key, Callable[[], object]], rounds: int) -> dict[Key, float]:
    """Median seconds of each action. They take turns, so that a busy moment hits all; the first turn warms up."""
    times: dict[Key, list[float]] = {name: [] for name in actions}
    for turn in range(rounds + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            action()
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


# -------------------------------------------------------------------------------------------------------------- output


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows of one set of columns; floats have four significant digits."""
    print(f"\n{title}")
    if not rows or not rows[0]:
        print("  nothing to show")
        return
    texts = [list(rows[0])] + [[_text(row.get(name)) for name in rows[0]] for row in rows]
    widths = [max(len(line[i]) for line in texts) for i in range(len(texts[0]))]
    for line in texts:
        padded = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        padded[0] = line[0].ljust(widths[0])
        print("  " + "  ".join(padded).rstrip(), flush=True)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def circumstances() -> dict[str, Any]:
    """What figures depend on beside the code."""
    build = gc.build_info()
    versions = {"pyggc": gc.__version__, "numpy": np.__version__}
    for name in ("pillow", "imagecodecs", "scikit-image", "constriction"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "none"
    return {
        "processor": processor(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "versions": versions,
        "build": {name: build[name] for name in build if isinstance(build[name], str | bool | int)},
    }


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def loaded(images: Sequence[Path]) -> Iterator[tuple[str, Pixels]]:
    for path in images:
        yield path.name, load(path)


def parser_of(doc: str, images: str = "+") -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs=images, type=Path, help="files, or folders of them")
    parser.add_argument("--only", nargs="+", default=[], help="parts of the names to keep")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    return parser


def save_json(path: Path | None, results: Mapping[str, Any]) -> None:
    if path is not None:
        everything = {"command": sys.argv[1:], "circumstances": circumstances(), **results}
        text = json.dumps(everything, indent=1, default=float) + "\n"
        if path == Path("-"):
            sys.stdout.write(text)
        else:
            path.write_text(text)
