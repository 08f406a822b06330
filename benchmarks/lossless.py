"""Images without loss: bytes of our tiles beside PNG, WebP, JPEG 2000 and JPEG XL, and the time that ours take.

    python benchmarks/lossless.py IMAGES_OR_FOLDER... [--tile 512] [--peers png,webp,jpeg2000,jxl] [--only NAME...]
        [--json OUT]

Every figure is of real bytes; each tile is decoded again and compared. A tile counts four bytes more, for a table of
sizes. Times are of one thread, in nanoseconds a sample. Peers that cannot hold an image (WebP more than 8 bits) leave
their column empty. "file" is the image's own file, where it is a PNG.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from common import NO_IMAGECODECS, find_images, imagecodecs, parser_of, save_json, table
from numpy.typing import NDArray
from PIL import Image, features

from pyggc.imagefile import parse_image
from pyggc.residual import decode_lossless_tile, encode_lossless_tile

OURS = "pyggc"
TABLE_ENTRY = 4
Array = NDArray[Any]


def tiles_of(pixels: Array, side: int) -> Iterator[Array]:
    for top in range(0, pixels.shape[0], side):
        for left in range(0, pixels.shape[1], side):
            yield np.ascontiguousarray(pixels[top : top + side, left : left + side])


def measure(pixels: Array, side: int) -> dict[str, float]:
    size, encoding, decoding = 0, 0.0, 0.0
    for tile in tiles_of(pixels, side):
        start = time.process_time()
        data = encode_lossless_tile(tile)
        middle = time.process_time()
        decoded = decode_lossless_tile(data, tile.shape, tile.dtype)
        encoding, decoding = encoding + middle - start, decoding + time.process_time() - middle
        size += len(data) + TABLE_ENTRY
        if not np.array_equal(decoded, tile):
            raise SystemExit("a tile came back with other samples")
    return {OURS: size, "encode ns": 1e9 * encoding / pixels.size, "decode ns": 1e9 * decoding / pixels.size}


def pillow(name: str, **options: Any) -> Callable[[Array], int]:
    def size(pixels: Array) -> int:
        if pixels.dtype != np.uint8:
            raise ValueError("8 bits only")
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, name, **options)
        return buffer.tell()

    return size


#: Name of a peer -> the bytes that it takes, and why it is missing.
PEERS: dict[str, tuple[Callable[[Array], int], str]] = {
    "png": (pillow("PNG", optimize=True), ""),
    "webp": (
        pillow("WEBP", lossless=True, quality=100, method=6, exact=True),
        "" if features.check("webp") else "Pillow has no WebP",
    ),
    "jpeg2000": (lambda pixels: len(imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True)), NO_IMAGECODECS),
    "jxl": (lambda pixels: len(imagecodecs.jpegxl_encode(pixels, lossless=True, effort=7)), NO_IMAGECODECS),
}


def size_of(peer: str, pixels: Array) -> int | None:
    """Bytes, or None where the peer has no such images."""
    try:
        return PEERS[peer][0](pixels)
    except (ValueError, RuntimeError, OSError):
        return None


def peers_of(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in PEERS:
            raise SystemExit(f"no peer {name!r}; there are {', '.join(PEERS)}")
        if PEERS[name][1]:
            print(f"left out: {name}: {PEERS[name][1]}")
    return [name for name in names if not PEERS[name][1]]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--tile", type=int, default=512, help="side of the tiles")
    parser.add_argument("--peers", default="png,webp,jpeg2000,jxl", help="separated by commas")
    args = parser.parse_args()
    peers = peers_of(args.peers)
    rows: list[dict[str, Any]] = []
    for path in find_images(args.images, args.only):
        pixels = parse_image(path.read_bytes()).pixels
        sizes = measure(pixels, args.tile)
        times = {name: sizes.pop(name) for name in ("encode ns", "decode ns")}
        if path.suffix.lower() == ".png":
            sizes["file"] = path.stat().st_size
        sizes |= {peer: size_of(peer, pixels) for peer in peers}
        count = pixels.shape[0] * pixels.shape[1]
        bits = {name: None if size is None else 8 * size / count for name, size in sizes.items()}
        rows.append({"image": path.name} | bits | times)
        print(f"  {path.name}: {bits[OURS]:.3f} bpp", flush=True)
    mean = {
        name: None if any(row.get(name) is None for row in rows) else statistics.mean(row[name] for row in rows)
        for name in rows[0]
        if name != "image"
    }
    table(f"bits a pixel, tiles of {args.tile}", [*rows, {"image": "mean"} | mean])
    save_json(args.json, {"rows": rows, "mean": mean})


if __name__ == "__main__":
    main()
