"""Writes the golden container files, `container_*.hex`: run it by hand when the format changes, and only then.

python tests/golden/make_container.py
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

from pyggc.container import Container, Header, Metadata, Section, write_container

FOLDER = Path(__file__).parent

CASES: dict[str, Container] = {
    "minimal": Container(Header(width=1, height=1, num_gaussians=0, channels=1), None, ()),
    "photo": Container(
        Header(
            width=768, height=512, num_gaussians=3000, position_bits=12, cholesky_bits=6, color_bits=8, tile_size=256
        ),
        Metadata(
            timestamp=datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC),
            image_hash=0xCBF43926,
            psnr=30.0625,
            ssim=0.875,
            tags={"title": "Zürich, 湖", "author": "Ada", "icc": bytes(range(0, 256, 3)), "empty": ""},
        ),
        (
            Section("PLAN", bytes(range(16))),
            Section("POSN", b"positions " * 9),
            Section("CHOL", b""),
            Section("COLR", b"\xff" * 7),
            Section("note", b"an ancillary section, which readers pass over"),
        ),
    ),
    "lossless_alpha16": Container(
        Header(width=2**32 - 1, height=1, num_gaussians=2**32 - 1, channels=4, bit_depth=16, alpha=True),
        Metadata(image_hash=2**32 - 1, psnr=math.inf, ssim=1.0),
        (Section("COLR", b"\x00"),),
    ),
    "float_gray": Container(
        Header(width=3, height=2, num_gaussians=1, channels=1, bit_depth=32, tile_size=65535),
        Metadata(),
        (Section("POSN", b"GGC\x00"),),
    ),
}


def serialize(case: Container) -> bytes:
    """Turn a case into the bytes of its file."""
    return write_container(case.header, case.sections, case.metadata)


def main() -> None:
    """Write every case, 32 bytes a line."""
    for name, case in CASES.items():
        text = serialize(case).hex()
        lines = (text[start : start + 64] for start in range(0, len(text), 64))
        (FOLDER / f"container_{name}.hex").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
