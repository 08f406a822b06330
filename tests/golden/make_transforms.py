"""Make ``transforms.json``: coefficients that every release must give, beside those of Daala.

    python tests/golden/make_transforms.py DAALA_DCT.npz

The file has, for n = 4, 8, 16 and 32, ``in{n}``, int32 (N, n), and ``out{n}``, what ``od_bin_fdct{n}`` of Daala
(https://github.com/xiph/daala, commit 694d4ce, BSD 2-clause license) makes of it; some rows of 9 bits are taken over.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from pyggc.transforms import DCT, RCT, WHT, YCOCG_R, BlockTransform

ROWS = {4: 12, 8: 12, 16: 10, 32: 8}
BLOCKS: list[BlockTransform] = [
    *(DCT(rows, columns) for rows in (4, 8, 16, 32) for columns in (4, 8, 16, 32)),
    *(WHT(2, 2), WHT(4, 1), WHT(1, 16), WHT(4, 4), WHT(8, 2), WHT(8, 8), WHT(2, 32), WHT(16, 16), WHT(32, 32)),
]


def image(size: int) -> np.ndarray:
    """Numbers within [-size, size], int32 (64, 96), from a multiplicative generator that needs no library."""
    state, values = 12345, []
    for _ in range(64 * 96):
        state = state * 48271 % 2147483647
        values.append(state % (2 * size + 1) - size)
    return np.array(values, np.int32).reshape(64, 96)


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.astype("<i4").tobytes()).hexdigest()[:16]


def digests() -> dict[str, list[str]]:
    """Of coefficients of small samples, of samples that need 32 bits, and of those that wrap around."""
    images = [image(255), image(1 << 20), image((1 << 31) - 1)]
    found = {repr(t): [digest(t.forward(x, check=False)) for x in images] for t in BLOCKS}
    for color in (YCOCG_R, RCT):
        found[repr(color)] = [digest(color.forward(x.reshape(-1, 3), check=False)) for x in images]
    return found


def vectors(daala: Any) -> dict[str, Any]:
    """Rows of Daala's that are of 9 bits, evenly spread over all of them, and what is made of them here."""
    found = {}
    for size, count in ROWS.items():
        x = daala[f"in{size}"]
        small = np.flatnonzero(np.abs(x).max(axis=1) <= 256)
        rows = small[np.linspace(0, small.size - 1, count).astype(int)]
        found[str(size)] = {
            "in": x[rows].tolist(),
            "daala": daala[f"out{size}"][rows].tolist(),
            "out": DCT(size).forward(x[rows]).tolist(),
        }
    return found


if __name__ == "__main__":
    golden = {
        "daala": "od_bin_fdct4 to od_bin_fdct32 of github.com/xiph/daala, commit 694d4ce, BSD 2-clause license",
        "vectors": vectors(np.load(sys.argv[1])),
        "digests": digests(),
    }
    lines = json.dumps(golden, indent=1).replace("\n     ", " ").replace("\n    ]", "]")
    Path(__file__).with_name("transforms.json").write_text(lines + "\n")
