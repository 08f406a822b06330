"""Write ``compact_*.ggc`` and ``compact.json``: files of the compact plan, and what a decoder makes of them.

Run it only after a deliberate change of the specification. The levels come from integers alone, so that no fit and no
random generator has a say.

python tests/golden/make_compact.py
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyggc.container import Header, read_container, write_container
from pyggc.container.compact import read_levels, write_levels
from pyggc.quantize import CompactPlan, CompactQuantizer
from pyggc.render import rasterize

FOLDER = Path(__file__).parent


class Case(NamedTuple):
    """A plan, the size and channels of the image, and how many Gaussians it has."""

    plan: CompactPlan
    width: int
    height: int
    channels: int
    count: int
    bits_back: bool = False


CASES: dict[str, Case] = {
    "empty": Case(CompactPlan(1.0), 3, 2, 3, 0),
    "gray": Case(CompactPlan(0.1, 16, 48, 112, 15), 31, 17, 1, 12),
    "color": Case(CompactPlan(0.0625, 24, 48, 112, 15), 96, 64, 3, 150),
    "alpha": Case(CompactPlan(0.03, 40, 9, 5, -60), 5, 300, 4, 40),
    "bits_back": Case(CompactPlan(0.0625, 24, 48, 112, 9), 40, 27, 3, 120, bits_back=True),
}


def levels_of(case: Case) -> NDArray[np.int32]:
    """Rows from a linear congruential generator; most are faint, and many share a pixel."""
    quantizer = CompactQuantizer(case.plan, case.width, case.height, case.channels)
    state, rows = 1, []

    def number(low: int, high: int) -> int:
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return low + (state >> 40) % (high - low + 1)

    def two_sided(octaves: int) -> int:
        limit = 1 << number(0, octaves)
        return number(-limit, limit)

    for _ in range(case.count):
        row = [two_sided(7 if b == 0 else 4) for b in range(case.channels)]
        k = int(quantizer.classes(np.array([row], np.int32))[0])
        scale, shear = max(case.plan.scale_step >> k, 1), max(case.plan.shear_step >> k, 1)
        row += [number(-32 // scale, 128 // scale), number(-32 // scale, 128 // scale), number(-99, 99) // shear, 0, 0]
        for axis, (side, exponent) in enumerate(
            zip((case.width, case.height), quantizer.position_exponents(np.array([row], np.int32))[0], strict=True)
        ):
            # Centers are at (i + 1/2) 2^exponent; three quarters of the Gaussians lie near the left and the top.
            pixels = side if number(0, 3) == 0 else (side + 3) // 4
            row[axis - 2] = number(0, max(((2 * pixels << 6) - 1 >> (6 + exponent)) - 1 >> 1, 0))
        rows.append(row)
    return np.array(rows, np.int32).reshape(case.count, case.channels + 5)


def serialize(name: str) -> bytes:
    """Turn a case into the bytes of its file."""
    case = CASES[name]
    quantizer = CompactQuantizer(case.plan, case.width, case.height, case.channels)
    header = Header(
        width=case.width,
        height=case.height,
        num_gaussians=case.count,
        channels=case.channels,
        alpha=case.channels == 4,
    )
    return write_container(header, write_levels(levels_of(case), quantizer, bits_back=case.bits_back))


def describe(data: bytes) -> dict[str, object]:
    """What a decoder makes of a file: the levels, and hashes of little-endian floats and pixels."""
    levels, quantizer = read_levels(read_container(data))
    gaussians = quantizer.dequantize(levels)
    arrays = b"".join(a.astype("<f4").tobytes() for a in (gaussians.means, gaussians.cholesky, gaussians.colors))
    about: dict[str, object] = {"levels": levels.tolist(), "gaussians": hashlib.sha256(arrays).hexdigest()}
    for dtype in ("uint8", "uint16"):
        pixels = rasterize(gaussians, dtype=np.dtype(dtype))
        about[dtype] = hashlib.sha256(pixels.astype(f"<u{pixels.itemsize}").tobytes()).hexdigest()
    return about


def main() -> None:
    """Write every file, and one list of what they mean, a row of levels a line."""
    about = {}
    for name in CASES:
        data = serialize(name)
        (FOLDER / f"compact_{name}.ggc").write_bytes(data)
        about[name] = describe(data)
    lines = json.dumps(about, indent=1)
    for row in (row for case in about.values() for row in case["levels"]):  # type: ignore[union-attr]
        lines = lines.replace(json.dumps(row, indent=1).replace("\n", "\n   "), json.dumps(row), 1)
    (FOLDER / "compact.json").write_text(lines + "\n")


if __name__ == "__main__":
    main()
