"""Prints the golden tiles of test_lossless_golden.py: ``python tests/residual/make_lossless.py``."""

from __future__ import annotations

import hashlib

from test_lossless_golden import TILES, made

from pyggc.residual import packed, predictive

if __name__ == "__main__":
    for name, (samples, base) in TILES.items():
        data = predictive.encode_tile(samples, base)
        print(f"    {name!r}: {(len(data), hashlib.sha256(data).hexdigest()[:32])!r},")
    print(f"    predictive {predictive.encode_tile(made('smooth', 3, 'uint8')[:8, :10]).hex()}")
    print(f"    packed {packed.encode_tile(made('repeats', 1, 'uint16')).hex()}")
    print(f"    palette {packed.encode_tile(made('repeats', 3, 'uint8')).hex()}")
