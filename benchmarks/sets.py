"""What the pixels of an image's Gaussians take: as a sequence, as a set with bits-back, and as the tree of counts.

    python benchmarks/sets.py IMAGES... [--counts 1000 4000] [--effort 1]

All three are of the pixels alone: the tree with the bits that tell the pixel within its leaf. What bits-back saves is
the sequence less the set's bytes, and what can be saved is log2(N! / (m[0]! m[1]! ...)). The last columns are whole
sections: what the positions take in a file of either form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from common import Pixels, find_images, loaded, parser_of, save_json, table

import pyggc as gc
from pyggc.container import Section, read_container
from pyggc.container.compact import read_levels, write_levels
from pyggc.entropy import RansEncoder, RansStack, push_points, push_set, set_savings


def position_bytes(sections: Sequence[Section]) -> int:
    return sum(len(section.data) for section in sections if section.tag in ("BITB", "POSN"))


def measure(name: str, pixels: Pixels, count: int, effort: int, threads: int | None) -> dict[str, Any]:
    """A row of the table: one image with so many Gaussians."""
    data = gc.encode(pixels, num_gaussians=count, effort=effort, threads=threads, timestamp=None)
    levels, quantizer = read_levels(read_container(data))
    size = np.array([quantizer.width, quantizer.height])
    centers = np.floor(quantizer.dequantize(levels).means + 0.5).astype(np.int64)
    sequence = len(centers) * math.log2(size.prod())
    stack, tree = RansStack(), RansEncoder()
    push_set(stack, centers, size.tolist())
    leaves, _ = push_points(tree, *size.tolist(), *centers.T)
    tree.push_bits(np.zeros(len(centers), np.uint32), leaves.log_width)
    tree.push_bits(np.zeros(len(centers), np.uint32), leaves.log_height)
    in_set = 8 * len(stack.to_bytes())
    saved, possible = sequence - in_set, set_savings(centers)
    return {
        "image": name,
        "Gaussians": len(centers),
        "sequence": round(sequence),
        "set": in_set,
        "tree": 8 * len(tree.finish()),
        "saved": round(saved),
        "possible": round(possible),
        "%": 100.0 * saved / possible if possible else None,
        "file, tree: bytes": position_bytes(write_levels(levels, quantizer)),
        "file, set: bytes": position_bytes(write_levels(levels, quantizer, bits_back=True)),
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 4000], help="numbers of Gaussians")
    parser.add_argument("--effort", type=int, default=1)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    images = list(loaded(find_images(args.images, args.only)))
    rows = [measure(name, pixels, n, args.effort, args.threads) for n in args.counts for name, pixels in images]
    table("bits of the pixels", rows)
    save_json(args.json, {"sets": rows})


if __name__ == "__main__":
    main()
