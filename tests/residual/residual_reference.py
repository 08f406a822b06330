"""A second decoder of the residual layer in plain Python, written from ``docs/spec_residual.rst``: slow and short.

It takes a symbol, a level and a sample at a time; integers do not wrap around unless `wrap` says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyggc.entropy.reference import ReferenceDecoder, ReferenceModel
from pyggc.residual import decode_lossless_tile
from pyggc.transforms.dct_steps import DCT_STEPS

Plane = list[list[int]]


class Malformed(Exception):
    """What a decoder must refuse."""


def wrap(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def bits(value: int) -> int:
    return value.bit_length()


class Bytes:
    """Bytes of a section or a tile, from the first to the last."""

    def __init__(self, data: bytes) -> None:
        self.data = bytes(data)

    def take(self, size: int) -> bytes:
        if size > len(self.data):
            raise Malformed("truncated")
        part, self.data = self.data[:size], self.data[size:]
        return part

    def varint(self, most: int) -> int:
        value = 0
        for i in range(most):
            byte = self.take(1)[0]
            value |= (byte & 127) << 7 * i
            if byte < 128:
                if byte == 0 and i > 0:
                    raise Malformed("not the shortest form")
                return value
        raise Malformed("too long")


class RawBits:
    """Raw bits on their own."""

    def __init__(self, data: bytes) -> None:
        self.left = [byte >> 7 - i & 1 for byte in data for i in range(8)]
        self.left.reverse()

    def take(self, width: int) -> int:
        value = 0
        for _ in range(width):
            if not self.left:
                raise Malformed("truncated")
            value = 2 * value + self.left.pop()
        return value

    def exp_golomb(self, order: int, zeros: int) -> int:
        width = order
        while not self.take(1):
            width += 1
            if width - order == zeros:
                raise Malformed("long code")
        return (1 << width) + self.take(width) - (1 << order)

    def finish(self) -> None:
        if len(self.left) > 7 or any(self.left):
            raise Malformed("more raw bits")


# ------------------------------------------------------------------------------------------------------------- models

TOKEN_BASES = [*range(8), 8, 12, 16, 24, 32, 48, 64, 96]
TOKEN_BITS = [0] * 8 + [2, 2, 3, 3, 4, 4, 5]


def initial_cdf(r: int) -> list[int]:
    """That of levels whose sums have the context r."""
    s = r if r < 8 else (4 + (r & 3)) << ((r - 8) // 4 + 1)
    mean = 12 + 12 * s
    ratio = (mean << 16) // (mean + 256)
    beyond, fl = 65536, [0]
    for t in range(15):
        for _ in range(1 << TOKEN_BITS[t]):
            beyond = beyond * ratio >> 16
        fl.append(((65536 - beyond) * 32512 >> 16) + 16 * (t + 1))
    return [*fl, 32768]


class Models:
    def __init__(self) -> None:
        self.splits = ReferenceModel(2, 12, rate=8)
        self.ends = {size: ReferenceModel(2 * size + 2, 54, rate=8) for size in range(2, 6)}
        self.end_bits = ReferenceModel(4, 36, rate=8)
        self.factors = ReferenceModel(16, 8, rate=8)
        self.intra = ReferenceModel(4, 12, rate=8)
        rows = [initial_cdf(r) for r in range(40)]
        self.last = ReferenceModel(16, 144, rate=8, initial_cdfs=rows[:12] * 12, initial_count=12)
        self.levels = ReferenceModel(16, 480, rate=8, initial_cdfs=rows * 12, initial_count=12)


# ------------------------------------------------------------------------------------------------------------- levels


class Trace(NamedTuple):
    """What a block leaves of a plane."""

    end: int
    bands: Plane


NOTHING = Trace(0, [[0] * 8] * 8)


Levels = dict[tuple[int, int], int]


class Block(NamedTuple):
    """The upper left sample, L, and for each plane the levels other than 0 by their place, the factor and the mode."""

    y: int
    x: int
    log_size: int
    levels: list[Levels]
    factors: list[int]
    modes: list[int]


class Place(NamedTuple):
    """What is known of a sample's block: L, and a trace for each plane."""

    log_size: int
    traces: list[Trace]


def scan(log_size: int) -> list[tuple[int, int]]:
    side, order = 1 << log_size, []
    for d in range(2 * side - 1):
        diagonal = [(y, d - y) for y in range(side) if 0 <= d - y < side]
        order += diagonal if d % 2 else diagonal[::-1]
    return order


def context_of(s: int) -> int:
    return s if s < 8 else min(8 + 4 * (bits(s) - 4) + (s >> bits(s) - 3 & 3), 39)


class TileReader:
    """The streams of a tile, and what has been read of it."""

    def __init__(self, symbols: bytes, raw: bytes, height: int, width: int, channels: int, tools: int | None) -> None:
        self.coder, self.raw, self.models = ReferenceDecoder(symbols), RawBits(raw), Models()
        self.height, self.width, self.channels = height, width, channels
        # None where the layer is lossless.
        self.lossless, self.cross = tools is None, bool((tools or 0) & 8)
        self.known: dict[tuple[int, int], Place] = {}
        self.blocks: list[Block] = []

    def kind(self, plane: int) -> int:
        return 0 if plane == 0 else 1 if self.channels >= 3 and plane < 3 else 2

    def read(self) -> None:
        for y in range(0, self.height, 32):
            for x in range(0, self.width, 32):
                self.square(y, x, 5)
        self.coder.finish()
        self.raw.finish()

    def square(self, y: int, x: int, log_size: int) -> None:
        if y >= self.height or x >= self.width:
            return
        neighbors = [self.known.get(place) for place in ((y - 1, x), (y, x - 1))]
        if log_size > 2:
            finer = sum(place is not None and place.log_size < log_size for place in neighbors)
            if self.coder.pop(self.models.splits, 3 * (log_size - 2) + finer):
                half = 1 << log_size - 1
                for down, across in product((0, half), (0, half)):
                    self.square(y + down, x + across, log_size - 1)
                return
        planes: list[Levels] = []
        factors, modes, traces = [], [], []
        for p in range(self.channels):
            context = 4 * self.kind(p) + log_size - 2
            modes.append(self.coder.pop(self.models.intra, context) if self.lossless else 0)
            predicted = self.cross and self.kind(p) == 1 and planes[0]
            factors.append(self.coder.pop(self.models.factors, 4 * (p - 1) + log_size - 2) - 8 if predicted else 0)
            levels, trace = self.plane(self.kind(p), log_size, [n.traces[p] if n else NOTHING for n in neighbors])
            planes.append(levels)
            traces.append(trace)
        self.blocks.append(Block(y, x, log_size, planes, factors, modes))
        for down, across in product(range(1 << log_size), repeat=2):
            self.known[y + down, x + across] = Place(log_size, traces)

    def count(self, kind: int, log_size: int, context: int) -> int:
        c = self.coder.pop(self.models.ends[log_size], 18 * kind + context)
        if c < 2:
            return c
        t = self.coder.pop(self.models.end_bits, 12 * kind + c)
        n = 2 + (t >> 1) if c == 2 else ((4 + t) << c - 3) + self.raw.take(c - 3)
        if n > 4**log_size:
            raise Malformed("too many levels")
        return n

    def token(self, model: ReferenceModel, context: int) -> int:
        t = self.coder.pop(model, context)
        if t < 15:
            return TOKEN_BASES[t] + self.raw.take(TOKEN_BITS[t])
        value = 96 + self.raw.exp_golomb(5, 21)
        if value > 2**26 - 1:
            raise Malformed("large level")
        return value

    def plane(self, kind: int, log_size: int, neighbors: list[Trace]) -> tuple[Levels, Trace]:
        above, left = neighbors
        n = self.count(kind, log_size, (above.end + left.end + 1) // 2)
        levels: Levels = {}
        if n == 0:
            return levels, NOTHING

        def m(y: int, x: int) -> int:
            return min(abs(levels.get((y, x), 0)), 63)

        for number, (y, x) in reversed(list(enumerate(scan(log_size)[:n]))):
            i, j = 8 * y >> log_size, 8 * x >> log_size
            expected = above.bands[i][j] + left.bands[i][j]
            s = min(2 * expected, 255) if kind == 1 else expected
            row = 4 * kind + log_size - 2
            if number == n - 1:
                magnitude = 1 + self.token(self.models.last, 12 * row + min(context_of(s), 11))
            else:
                s += 5 * (m(y, x + 1) + m(y + 1, x)) + 4 * (m(y + 1, x + 1) + m(y, x + 2) + m(y + 2, x))
                s += (2 if log_size > 3 else 1) * (m(y - 1, x + 2) + m(y + 2, x - 1))
                magnitude = self.token(self.models.levels, 40 * row + context_of(s))
            if magnitude:
                levels[y, x] = -magnitude if self.raw.take(1) else magnitude
        return levels, Trace(bits(n) + 2 * (5 - log_size), self.bands(m, log_size))

    @staticmethod
    def bands(m: object, log_size: int) -> Plane:
        assert callable(m)
        if log_size == 2:
            return [[2 * m(i // 2, j // 2) for j in range(8)] for i in range(8)]
        part = 1 << log_size - 3
        return [
            [
                -(-sum(2 * m(part * i + y, part * j + x) for y in range(part) for x in range(part)) // part**2)
                for j in range(8)
            ]
            for i in range(8)
        ]


# --------------------------------------------------------------------------------------------------------- transforms

STEP = re.compile(r"r(\d+) ([+-]?=) (.*)")


def parse(text: str) -> list[tuple[int, str, str]]:
    """Each step's register, what it does and, as Python, its right side."""
    found = []
    for step in text.replace("\n", " ").split(";"):
        match = STEP.fullmatch(step.strip())
        assert match is not None
        register, operation, right = match.groups()
        right, minus = re.subn(rf" - r{register}$", "", right)
        assert (operation == "=") == bool(minus)
        found.append((int(register), operation, re.sub(r"r(\d+)", r"r[\1]", right)))
    return found


STEPS = {size: (parse(text), [int(i) for i in outputs.split()]) for size, (text, outputs) in DCT_STEPS.items()}
CODE = {
    size: [(register, operation, compile(right, "step", "eval")) for register, operation, right in reversed(steps)]
    for size, (steps, _) in STEPS.items()
}


def inverse_line(coefficients: Sequence[int]) -> list[int]:
    size = len(coefficients)
    r = [0] * size
    for register, value in zip(STEPS[size][1], coefficients, strict=True):
        r[register] = value
    names = {"r": r, "h": lambda v: (v + (v < 0)) >> 1}
    for register, operation, code in CODE[size]:
        value, own = eval(code, names), r[register]
        r[register] = wrap({"+=": own - value, "-=": own + value, "=": value - own}[operation])
    return r


def inverse_block(block: Plane) -> Plane:
    rows = [inverse_line(row) for row in block]
    columns = [inverse_line(column) for column in zip(*rows, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def block_samples(block: Block, steps: Sequence[Sequence[int]] | None) -> list[Plane]:
    """Those of all planes."""
    side = 1 << block.log_size
    planes = []
    for p, levels in enumerate(block.levels):
        plane = [[0] * side for _ in range(side)]
        for (y, x), level in levels.items():
            step = 0 if steps is None else int(steps[p][4 * (y + x) >> block.log_size])
            plane[y][x] = level if steps is None else wrap((level * step + 4) >> 3)
        if block.factors[p]:
            for y, x in product(range(side), repeat=2):
                plane[y][x] = wrap(plane[y][x] + (wrap(block.factors[p] * planes[0][y][x] + 4) >> 3))
        planes.append(plane)
    return [inverse_block(plane) for plane in planes]


# ------------------------------------------------------------------------------------------------------------ samples


def intra(plane: Plane, y: int, x: int, log_size: int, mode: int) -> Plane:
    """The prediction of a block from the samples above and to the left."""
    side, height, width = 1 << log_size, len(plane), len(plane[0])
    above = [plane[y - 1][min(x + i, width - 1)] if y else plane[y][x - 1] if x else 0 for i in range(side)]
    left = [plane[min(y + j, height - 1)][x - 1] if x else plane[y - 1][x] if y else 0 for j in range(side)]

    def at(j: int, i: int) -> int:
        if mode in (1, 2):
            return above[i] if mode == 1 else left[j]
        if mode == 0:
            return wrap(sum(above) + sum(left) + side) >> log_size + 1
        down = (side - 1 - j) * above[i] + (j + 1) * left[-1]
        across = (side - 1 - i) * left[j] + (i + 1) * above[-1]
        return wrap(down + across + side) >> log_size + 1

    return [[at(j, i) for i in range(side)] for j in range(side)]


def base_units(base: int, depth: int, lossless: bool) -> int:
    if depth == 16:
        return base
    return (base + 128) // 257 if lossless else (2040 * base + 32767) // 65535


def smoothed(image: Plane, plane: Plane, gain: int, reach: int) -> Plane:
    """The luma plane after the filter; `image` is the plane with its base."""
    height, width = len(plane), len(plane[0])
    weights = {1: 8, 2: 5, 4: 3}
    taps = [(i, j, weights[i * i + j * j]) for i, j in product(range(-2, 3), repeat=2) if i * i + j * j in weights]

    def tap(y: int, x: int, here: int) -> int:
        d = wrap(image[min(max(y, 0), height - 1)][min(max(x, 0), width - 1)] - here)
        size = max(min(abs(d), 2 * reach - abs(d)), 0)
        return -size if d < 0 else size

    return [
        [
            wrap(plane[y][x] + ((sum(w * tap(y + i, x + j, image[y][x]) for i, j, w in taps) * gain + 512) >> 10))
            for x in range(width)
        ]
        for y in range(height)
    ]


def unmix(planes: list[int], lossless: bool) -> list[int]:
    y, o, g, *rest = planes
    if lossless:
        t = wrap(y - (g >> 1))
        b = wrap(t - (o >> 1))
        return [wrap(b + o), wrap(g + t), b, *rest]
    y, o, g = 4730 * y, 5793 * o, 3344 * g
    return [wrap(y + o - g + 4096) >> 13, wrap(y + 2 * g + 4096) >> 13, wrap(y - o - g + 4096) >> 13, *rest]


def decode_tile(
    data: bytes, base: NDArray[np.uint16], steps: Sequence[Sequence[int]] | None, depth: int
) -> list[list[list[int]]]:
    """Samples of a tile by row, column and channel; raises `Malformed` or a `BitstreamError` of the rANS stream."""
    height, width, channels = base.shape
    lossless = steps is None
    reader = Bytes(data)
    tools = reader.take(1)[0]
    if (lossless and tools) or (tools & 8 and channels < 3):
        raise Malformed("tools")
    symbols = reader.take(reader.varint(5))
    tile = TileReader(symbols, reader.data, height, width, channels, None if lossless else tools)
    tile.read()
    planes = [[[0] * width for _ in range(height)] for _ in range(channels)]
    for block in tile.blocks:
        side = 1 << block.log_size
        for p, (plane, samples) in enumerate(zip(planes, block_samples(block, steps), strict=True)):
            if lossless:
                predicted = intra(plane, block.y, block.x, block.log_size, block.modes[p])
                rows = zip(samples, predicted, strict=True)
                samples = [[wrap(a + b) for a, b in zip(*both, strict=True)] for both in rows]
            for y, x in product(range(min(side, height - block.y)), range(min(side, width - block.x))):
                plane[block.y + y][block.x + x] = samples[y][x]
    units = [
        [[base_units(int(base[y, x, c]), depth, lossless) for c in range(channels)] for x in range(width)]
        for y in range(height)
    ]
    gain = tools >> 4
    if steps is not None and gain:
        reach = min(int(steps[0][0]) * ((tools & 7) + 1) >> 6, 2**20)

        def luma(y: int, x: int) -> int:
            b = units[y][x]
            return (4730 * sum(b[:3]) + 4096) >> 13 if channels >= 3 else b[0]

        image = [[wrap(planes[0][y][x] + luma(y, x)) for x in range(width)] for y in range(height)]
        planes[0] = smoothed(image, planes[0], gain, reach)
    fraction = 3 if depth == 8 and not lossless else 0

    def pixel(y: int, x: int) -> list[int]:
        values = [plane[y][x] for plane in planes]
        if channels >= 3:
            values = unmix(values, lossless)
        half = 4 if fraction else 0
        shifted = (wrap(v + b + half) >> fraction for v, b in zip(values, units[y][x], strict=True))
        return [min(max(v, 0), 2**depth - 1) for v in shifted]

    return [[pixel(y, x) for x in range(width)] for y in range(height)]


def read_steps(reader: Bytes, channels: int) -> list[list[int]]:
    """The plan of a lossy layer."""
    step, given = int.from_bytes(reader.take(4), "big"), reader.take(1)[0]
    if not 1 <= step < 2**24 or given > 15:
        raise Malformed("plan")
    weights = [list(reader.take(8)) if given >> p & 1 else [16] * 8 for p in range(4)]
    if any(0 in row for row in weights):
        raise Malformed("weights")
    return [[min(max(step * weight // 16, 1), 2**24 - 1) for weight in row] for row in weights[:channels]]


def decode_section(
    data: bytes, base: NDArray[np.uint16], side: int, depth: int, *, lossless: bool
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The image of a section; tiles of other modes are decoded by the library."""
    height, width, channels = base.shape
    reader = Bytes(data)
    steps = None if lossless else read_steps(reader, channels)
    corners = list(product(range(0, height, side), range(0, width, side)))
    lengths = [reader.varint(10) for _ in corners]
    out = np.empty(base.shape, np.uint8 if depth == 8 else np.uint16)
    for (y, x), length in zip(corners, lengths, strict=True):
        place = slice(y, y + side), slice(x, x + side)
        tile = reader.take(length)
        if lossless and tile[:1] != b"\2":
            below = np.array([base_units(int(b), depth, lossless) for b in base[place].ravel()], out.dtype)
            out[place] = decode_lossless_tile(tile, out[place].shape, out.dtype, below.reshape(out[place].shape))
        else:
            out[place] = decode_tile(tile[lossless:], base[place], steps, depth)
    if reader.data:
        raise Malformed("more bytes")
    return out
