"""Write ``photo_*.ggc`` and ``photos.json``: small encoded images, and hashes of what decoding them gives.

    python tests/golden/make_photos.py [layered]

With ``layered`` it writes ``layered_*.ggc`` and ``layered.json`` instead: the same for files with a residual.

Run it only after a deliberate change of the format: every release must decode the files of all before it to the same
pixels. A better encoder is no reason, for it is the decoder that the files pin.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent
HASHES = FOLDER / "photos.json"
LAYERED_HASHES = FOLDER / "layered.json"

#: The ways to decode each file: arguments of `pyggc.decode`, for images of width and height.
VIEWS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "native": lambda width, height: {},
    "half": lambda width, height: {"size": (width // 2, height // 2)},
    "double": lambda width, height: {"size": (2 * width, 2 * height)},
    "region": lambda width, height: {"region": (width // 4, height // 3, width // 2, height // 2)},
    "supersampled": lambda width, height: {"supersample": 2},
    "float": lambda width, height: {"dtype": "float32"},
}

#: Of a file with a residual, which at its own size takes one sample a pixel.
LAYERED_VIEWS = {name: view for name, view in VIEWS.items() if name != "supersampled"} | {
    "supersampled half": lambda width, height: {"size": (width // 2, height // 2), "supersample": 2},
    "region of the double": lambda width, height: {"size": (2 * width, 2 * height), "region": (9, 7, width, height)},
    "Gaussians": lambda width, height: {"layers": "gaussian"},
}

#: Files with a residual: the image, and what is asked of `pyggc.encode`.
LAYERED: dict[str, tuple[str, dict[str, Any]]] = {
    "lossy_gray8": ("gray8", {"quality": 45, "layers": "residual"}),
    "lossy_rgb8": ("rgb8", {"quality": 42}),
    "lossless_rgba16": ("rgba16", {"lossless": True}),
}


def images() -> dict[str, NDArray[Any]]:
    """Name to image: gray and RGB of 8 bits, RGBA of 16."""
    y, x = np.mgrid[:60, :80]
    hills = 0.5 + 0.3 * np.sin(x / 9.0 + y / 23.0) * np.cos(y / 7.0)
    disk = (x - 50) ** 2 + (y - 25) ** 2 < 300
    gray = np.where(disk, 1.0 - hills, hills)
    rgb = np.stack([gray, 0.8 * hills + 0.1, np.where(disk, 0.9, 0.2 + y / 120.0)], axis=-1)
    alpha = np.clip((x + y) / 70.0, 0.0, 1.0)
    return {
        "gray8": np.round(gray[:47, :61] * 255.0).astype(np.uint8),
        "rgb8": np.round(rgb * 255.0).astype(np.uint8),
        "rgba16": np.round(np.dstack([rgb, alpha])[:, :33] * 65535.0).astype(np.uint16),
    }


def digests(
    data: bytes, width: int, height: int, views: dict[str, Callable[[int, int], dict[str, Any]]] = VIEWS
) -> dict[str, str]:
    """View to SHA-256 of its pixels, row by row and little-endian."""
    from pyggc import decode

    def digest(pixels: NDArray[Any]) -> str:
        return hashlib.sha256(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()).hexdigest()

    return {name: digest(decode(data, **view(width, height))) for name, view in views.items()}


def encoded(name: str, image: NDArray[Any], **goal: Any) -> bytes:
    """Make the file of a case."""
    from pyggc import encode

    made = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    return encode(image, effort=3, timestamp=made, tags={"title": name, "icc": bytes(range(5))}, **goal)


def write(
    prefix: str,
    cases: dict[str, tuple[str, dict[str, Any]]],
    views: dict[str, Callable[[int, int], dict[str, Any]]],
    table: Path,
) -> None:
    """Write the files of some cases, and their hashes."""
    hashes = {}
    for name, (source, goal) in cases.items():
        image = images()[source]
        stream = encoded(name, image, **goal)
        (FOLDER / f"{prefix}_{name}.ggc").write_bytes(stream)
        height, width = image.shape[:2]
        hashes[name] = {"width": width, "height": height, "views": digests(stream, width, height, views)}
    table.write_text(json.dumps(hashes, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["layered"]:
        write("layered", LAYERED, LAYERED_VIEWS, LAYERED_HASHES)
    else:
        write("photo", {name: (name, {"quality": 30, "layers": "gaussian"}) for name in images()}, VIEWS, HASHES)
