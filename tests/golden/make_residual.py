"""Write ``residual.json``: sections of the residual layer, and the hashes of the images that they decode to.

Run it only after a deliberate change of the specification. Images and bases come from integers alone, so that no fit
and no random generator has a say; how an encoder codes them may change with every release, and so is not compared.

python tests/golden/make_residual.py
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyggc.cursor import ByteWriter
from pyggc.residual import LayerReader, LossyPlan, write_layer
from pyggc.residual.transform import encode_exact_tile

FILE = Path(__file__).with_name("residual.json")


class Case(NamedTuple):
    """Shape (H, W, C) and bits of the image, the plan or None, the side of tiles, how much the base differs from it."""

    shape: tuple[int, int, int]
    depth: int
    plan: LossyPlan | None
    side: int
    apart: int

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the samples."""
        return np.dtype(f"uint{self.depth}")

    def reader(self, data: bytes) -> LayerReader:
        """Open a section of this case."""
        height, width, channels = self.shape
        return LayerReader(data, 0, (width, height), channels, self.side, lossless=self.plan is None)


WEIGHTS = ((8, 12, 16, 20, 24, 28, 32, 40), None, (255, 1, 16, 16, 16, 16, 16, 16))

CASES = {
    "gray": Case((45, 37, 1), 8, LossyPlan(900), 64, 40),
    "color": Case((70, 66, 3), 8, LossyPlan(500, WEIGHTS), 32, 60),
    "color_fine": Case((24, 40, 3), 8, LossyPlan(20), 64, 30),
    "color_coarse": Case((64, 64, 3), 8, LossyPlan(20000), 64, 200),
    "alpha16": Case((33, 31, 4), 16, LossyPlan(9000), 32, 100),
    "gray16_finest": Case((8, 9, 1), 16, LossyPlan(1), 32, 255),
    "exact_transformed": Case((35, 33, 3), 8, None, 64, 20),
    "exact": Case((35, 33, 3), 8, None, 32, 20),
    "exact_gray": Case((1, 50, 1), 8, None, 32, 255),
    "exact_alpha16": Case((17, 12, 4), 16, None, 64, 10),
}


def arrays_of(case: Case) -> tuple[NDArray[Any], NDArray[np.uint16]]:
    """The image, of slopes, edges and texture, and the base: the image without its texture, and a wave besides."""
    y, x, c = np.mgrid[: case.shape[0], : case.shape[1], : case.shape[2]].astype(np.int64)
    smooth = 30000 + 500 * x - 300 * y + 4000 * c + 9000 * ((x + 2 * y) // 24 % 2)
    texture = (x * x * 7 + y * y * 5 + x * y * (3 + c)) % 97 * 40 * ((x // 16 + y // 16) % 3 // 2)
    wave = case.apart * ((x * (c + 1) + y) % 64 - 32) * 4
    samples = np.clip(smooth + texture, 0, 65535) >> 16 - case.depth
    return samples.astype(case.dtype), np.clip(smooth + wave, 0, 65535).astype(np.uint16)


def section_of(name: str) -> bytes:
    """The section of a case. Of the transform there is no lossless tile unless one is asked for: others are smaller."""
    case = CASES[name]
    if name != "exact_transformed":
        return write_layer(*arrays_of(case), case.plan, case.side, thorough=True).data
    tile = b"\2" + encode_exact_tile(*arrays_of(case))[0]
    writer = ByteWriter()
    writer.varint(len(tile))
    writer.put(tile)
    return writer.getvalue()


def digest(image: NDArray[Any]) -> str:
    """The SHA-256 of samples in little-endian order."""
    return hashlib.sha256(image.astype(f"<u{image.itemsize}").tobytes()).hexdigest()


def main() -> None:
    """Write every case's section, and the hash of what it decodes to."""
    about = {}
    for name, case in CASES.items():
        data, (height, width, _) = section_of(name), case.shape
        decoded = case.reader(data).decode(arrays_of(case)[1], (0, 0, width, height), case.dtype)
        about[name] = {"section": data.hex(), "sha256": digest(decoded)}
    FILE.write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
