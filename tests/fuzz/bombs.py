"""Valid files of few bytes that ask for as much as can be asked for, and files at the limits."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from pyggc.container import Header, Metadata, Section, write_container
from pyggc.container.compact import write_levels
from pyggc.quantize import CompactPlan, CompactQuantizer


def made_of_levels(
    quantizer: CompactQuantizer,
    levels: np.ndarray,
    bit_depth: int = 8,
    metadata: Metadata | None = None,
    *,
    bits_back: bool = False,
) -> bytes:
    """A valid file of the compact plan."""
    header = Header(
        width=quantizer.width,
        height=quantizer.height,
        num_gaussians=len(levels),
        channels=quantizer.channels,
        bit_depth=bit_depth,
    )
    return write_container(header, write_levels(levels, quantizer, bits_back=bits_back), metadata)


#: Images at the limits: 8K, the most pixels, the longest sides, and the other extreme.
CANVASES = ((7680, 4320), (8192, 8192), (4096, 4096), (2**20 - 1, 64), (64, 2**20 - 1), (300, 200), (1, 1))


def work_bomb(rng: random.Random) -> bytes:
    """A valid file of a few bytes: Gaussians as wide as they come on a canvas as large as it comes."""
    width, height = rng.choice(CANVASES)
    channels, bit_depth = rng.choice(((1, 8), (3, 8), (4, 8), (1, 16), (3, 16), (4, 16), (1, 32)))
    step = rng.choice((1, 16, 48, 112, 255))
    quantizer = CompactQuantizer(CompactPlan(2.0 ** rng.randint(-8, 0), 16, step, 64, 15), width, height, channels)
    count = rng.choice((1, 5, 16, 32, 33, 64, 200, 1000))
    levels = np.zeros((count, channels + 5), np.int32)
    levels[:, 0] = 1
    scale = np.maximum(step >> quantizer.classes(levels), 1)
    for axis in (channels, channels + 1):
        levels[:, axis] = rng.choice((448, 448, 320, 200, 0, -64)) // scale
    levels[:, channels + 2] = rng.choice((0, 0, 0, 10, -60))
    try:
        return made_of_levels(quantizer, levels, bit_depth)
    except ValueError:  # a few of these the streams cannot tell, mostly a center that lies outside
        levels[:, channels + 2] = levels[:, channels] = levels[:, channels + 1] = 0
        return made_of_levels(quantizer, levels, bit_depth)


def crowd(count: int, side: int = 1, channels: int = 3, filler: int = 0, *, bits_back: bool = False) -> bytes:
    """So many Gaussians that are all alike, which takes next to no bytes."""
    quantizer = CompactQuantizer(CompactPlan(0.1, 16, 1, 1), side, side, channels)
    levels = np.zeros((count, channels + 5), np.int32)
    levels[:, channels : channels + 2] = 24, -16  # what is predicted of a leaf of one pixel
    header = Header(width=side, height=side, num_gaussians=count, channels=channels)
    return write_container(
        header, [*write_levels(levels, quantizer, bits_back=bits_back), Section("fill", bytes(filler))]
    )


def crowd_bomb(rng: random.Random) -> bytes:
    """A valid file of about a kilobyte with as many Gaussians as it may declare, or many more."""
    count, filler = rng.choice((500, 2000, 4000, 50_000)), rng.choice((0, 500, 8000))
    side = rng.choice((1, 1, 64, 4096))
    # A tree tells in a few bytes that all are in one pixel of many, a set does not.
    return crowd(count, side, rng.choice((1, 3, 4)), filler, bits_back=side == 1 and rng.randrange(2) == 0)


def _most_gaussians(*, bits_back: bool = False) -> bytes:
    width, height = 7680, 4320
    quantizer = CompactQuantizer(CompactPlan(0.5, 16, 16, 64, 15), width, height, 4)
    rng = np.random.default_rng(0)
    levels = np.zeros((2**20, 9), np.int32)
    levels[:, 0] = rng.integers(1, 20, len(levels))
    exponents = quantizer.position_exponents(levels)
    share = rng.random((len(levels), 2)) * [width - 1, height - 1]
    levels[:, -2:] = np.floor(np.ldexp(share, -exponents))
    return made_of_levels(quantizer, levels, 16, bits_back=bits_back)


def layers(width: int, height: int, channels: int, bit_depth: int, count: int) -> bytes:
    """So many Gaussians over the whole of an image."""
    quantizer = CompactQuantizer(CompactPlan(1.0, 16, 16, 64, 15), width, height, channels)
    levels = np.zeros((count, channels + 5), np.int32)
    levels[:, 0] = 1
    levels[:, channels : channels + 2] = 448 // np.maximum(16 >> quantizer.classes(levels), 1)[:, None]
    return made_of_levels(quantizer, levels, bit_depth)


def _most_metadata() -> bytes:
    tags: dict[str, str | bytes] = {f"tag {number}": bytes(16_000) for number in range(1024)}
    sections = write_levels(np.zeros((0, 6), np.int32), CompactQuantizer(CompactPlan(1.0), 1, 1, 1))
    sections += [Section(f"a{number:03}", b"") for number in range(1000)]
    return write_container(Header(width=1, height=1, num_gaussians=0, channels=1), sections, Metadata(tags=tags))


#: Files that take as much of one thing as the default limits let them.
AT_THE_LIMITS: dict[str, Callable[[], bytes]] = {
    "most Gaussians": _most_gaussians,
    "most Gaussians, as a set": lambda: _most_gaussians(bits_back=True),
    "a crowd, as a set": lambda: crowd(2**20, filler=2**17, bits_back=True),
    "most work, gray": lambda: layers(4096, 4096, 1, 8, 64),
    "most work, four channels": lambda: layers(7680, 4320, 4, 8, 32),
    "most bytes of an image": lambda: layers(8192, 8126, 1, 32, 1),
    "8K, 16 bits, most work": lambda: layers(7680, 4320, 4, 16, 32),
    "most metadata": _most_metadata,
}


BOMBS: dict[str, Callable[[random.Random], bytes]] = {bomb.__name__: bomb for bomb in (work_bomb, crowd_bomb)}
