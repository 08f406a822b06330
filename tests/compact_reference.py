"""A second decoder of the compact plan in plain Python, written from ``docs/spec_compact.rst``: slow and short.

It takes a row, a node and a symbol at a time, and its floats are Python's, which are binary64.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, insort
from math import comb, ldexp, sqrt
from typing import NamedTuple

from pyggc.entropy.reference import ReferenceDecoder, ReferenceModel

EXP2 = [
    *("0x1.0000000000000p+0", "0x1.059b0d3158574p+0", "0x1.0b5586cf9890fp+0", "0x1.11301d0125b51p+0"),
    *("0x1.172b83c7d517bp+0", "0x1.1d4873168b9aap+0", "0x1.2387a6e756238p+0", "0x1.29e9df51fdee1p+0"),
    *("0x1.306fe0a31b715p+0", "0x1.371a7373aa9cbp+0", "0x1.3dea64c123422p+0", "0x1.44e086061892dp+0"),
    *("0x1.4bfdad5362a27p+0", "0x1.5342b569d4f82p+0", "0x1.5ab07dd485429p+0", "0x1.6247eb03a5585p+0"),
    *("0x1.6a09e667f3bcdp+0", "0x1.71f75e8ec5f74p+0", "0x1.7a11473eb0187p+0", "0x1.82589994cce13p+0"),
    *("0x1.8ace5422aa0dbp+0", "0x1.93737b0cdc5e5p+0", "0x1.9c49182a3f090p+0", "0x1.a5503b23e255dp+0"),
    *("0x1.ae89f995ad3adp+0", "0x1.b7f76f2fb5e47p+0", "0x1.c199bdd85529cp+0", "0x1.cb720dcef9069p+0"),
    *("0x1.d5818dcfba487p+0", "0x1.dfc97337b9b5fp+0", "0x1.ea4afa2a490dap+0", "0x1.f50765b6e4540p+0"),
]
R3, R2, R6 = (float.fromhex(text) for text in ("0x1.279a74590331cp-1", "0x1.6a09e667f3bcdp-1", "0x1.a20bd700c2c3ep-2"))
BASIS = [[R3, R3, R3, 0.0], [R2, 0.0, -R2, 0.0], [R6, -2.0 * R6, R6, 0.0], [0.0, 0.0, 0.0, 1.0]]


def f32(value: float) -> float:
    """Round to binary32."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


class Plan(NamedTuple):
    """The PLAN section and what the header tells."""

    color: float
    chroma: int
    scale: int
    shear: int
    position: int
    width: int
    height: int
    channels: int


def read_plan(data: bytes, width: int, height: int, channels: int) -> Plan:
    color, chroma, scale, shear, position = struct.unpack(">fBBBb", data)
    return Plan(color, chroma, scale, shear, position, width, height, channels)


def amplitude_class(plan: Plan, colors: list[int]) -> int:
    energy = colors[0] ** 2
    if plan.channels >= 3:
        energy += (colors[1] ** 2 + colors[2] ** 2) * plan.chroma**2 // 256
    if plan.channels == 4:
        energy += colors[3] ** 2
    return min(energy.bit_length() // 2, 7)


def exponents(plan: Plan, row: list[int]) -> tuple[int, int]:
    c = plan.channels
    k = amplitude_class(plan, row[:c])
    j1, j2 = (level * max(plan.scale >> k, 1) for level in row[c : c + 2])
    n = row[c + 2] * max(plan.shear >> k, 1)
    offset = plan.position - 32 * k + 16
    halvings = (4096 + n * n).bit_length() - 13
    limits = plan.width.bit_length() - 1, plan.height.bit_length() - 1
    found = (j1 - 16 * halvings + offset) // 32, (j2 + offset) // 32
    return min(max(found[0], -6), limits[0]), min(max(found[1], -6), limits[1])


def exp2(j: int) -> float:
    return ldexp(float.fromhex(EXP2[j % 32]), j // 32)


def dequantize(plan: Plan, row: list[int]) -> tuple[list[float], list[float], list[float]]:
    """The mean, the Cholesky factor and the colors of a row of levels."""
    c = plan.channels
    k = amplitude_class(plan, row[:c])
    j1, j2 = (level * max(plan.scale >> k, 1) for level in row[c : c + 2])
    n = row[c + 2] * max(plan.shear >> k, 1)
    l1, l2 = exp2(j1), exp2(j2)
    mean = [f32(ldexp(i + 0.5, e) - 0.5) for i, e in zip(row[c + 3 :], exponents(plan, row), strict=True)]
    cholesky = [f32(l1), f32(l2), f32(l2 * (n / 64.0))]
    norm = sqrt(min(l1 * l2, 4096.0))
    chroma = plan.color * plan.chroma / 16.0
    steps = [plan.color, chroma, chroma, plan.color]
    basis = BASIS if c >= 3 else [[1.0]]
    colors = []
    for channel in range(c):
        total = 0.0
        for component in range(c):
            total = total + row[component] * steps[component] * basis[component][channel]
        colors.append(f32(total / norm))
    return mean, cholesky, colors


class Leaf(NamedTuple):
    x: int
    y: int
    log_width: int
    log_height: int


class Malformed(Exception):
    """What a decoder must refuse."""


def read_tree(coder: ReferenceDecoder, width: int, height: int, count: int) -> list[Leaf]:
    """The leaf of each Gaussian."""
    cdfs = []
    for context in range(20):
        n = min(context + 2, 15)
        counts = [2 * (n + 1) * comb(n, k) + 2**n if k <= n else 0 for k in range(16)]
        cdfs.append([k + sum(counts[:k]) * (32768 - 16) // sum(counts) for k in range(17)])
    model = ReferenceModel(16, 20, initial_cdfs=cdfs, initial_count=16)
    log_width = log_height = (max(width, height) - 1).bit_length()
    nodes, leaves = [(0, 0, count)] if count else [], []
    while nodes:
        rest = []
        for x, y, n in nodes:
            if n == 1 or log_width + log_height == 0:
                leaves += [Leaf(x, y, log_width, log_height)] * n
            else:
                rest.append((x, y, n))
        if not rest:
            break
        if log_width == log_height:
            log_width -= 1
            dx, dy = 1 << log_width, 0
        else:
            log_height -= 1
            dx, dy = 0, 1 << log_height
        first = []
        for x, y, n in rest:
            known = x + dx >= width or y + dy >= height
            context = n - 2 if n <= 15 else min(n.bit_length() + 9, 19)
            first.append(n if known else coder.pop(model, context))
        nodes = []
        for (x, y, n), m in zip(rest, first, strict=True):
            if n > 15 and not (x + dx >= width or y + dy >= height):
                low, end = (-(-part * (n + 1) // 16) for part in (m, m + 1))
                extra = coder.pop_bits((end - low - 1).bit_length())
                if low + extra >= end:
                    raise Malformed
                m = low + extra
            if m > n:
                raise Malformed
            nodes += [(x, y, m)] if m else []
            nodes += [(x + dx, y + dy, n - m)] if n > m else []
    return leaves


def known_tree(pixels: list[tuple[int, int]], width: int, height: int) -> list[tuple[Leaf, tuple[int, int]]]:
    """The leaves of pixels that are known, in order, and the pixel of each."""
    log_width = log_height = (max(width, height) - 1).bit_length()
    nodes = [(0, 0, sorted(pixels))] if pixels else []
    leaves = []
    while nodes:
        rest = []
        for x, y, inside in nodes:
            if len(inside) == 1 or log_width + log_height == 0:
                leaves += [(Leaf(x, y, log_width, log_height), pixel) for pixel in inside]
            else:
                rest.append((x, y, inside))
        if not rest:
            break
        axis = 0 if log_width == log_height else 1
        log_width, log_height = log_width - (axis == 0), log_height - (axis == 1)
        dx, dy = (1 << log_width, 0) if axis == 0 else (0, 1 << log_height)
        nodes = []
        for x, y, inside in rest:
            middle = (x + dx, y + dy)
            first = [pixel for pixel in inside if pixel[axis] < middle[axis]]
            second = [pixel for pixel in inside if pixel[axis] >= middle[axis]]
            nodes += [(x, y, first)] if first else []
            nodes += [(*middle, second)] if second else []
    return leaves


def read_set(data: bytes, count: int, width: int, height: int) -> list[tuple[int, int]]:
    """The pixels of all Gaussians, sorted. The stack is one natural number, as section "Stacks" has it."""
    stack = ReferenceStack(data)
    found: list[tuple[int, int]] = []
    for size in range(1, count + 1):
        pixel = stack.pop_uniform(width), stack.pop_uniform(height)
        insort(found, pixel)
        stack.push_uniform(bisect_left(found, pixel), found.count(pixel), size)
    if stack.words or stack.x != 1 << 15:
        raise Malformed
    return found


class ReferenceStack:
    """A stack of one state: the state and the words below it, the topmost last."""

    def __init__(self, data: bytes) -> None:
        head = len(data) if len(data) <= 8 else 5 + (len(data) - 5) % 4
        self.x = int.from_bytes(data[:head], "big") if data else 1 << 15
        self.words = [int.from_bytes(data[at : at + 4], "big") for at in range(len(data) - 4, head - 1, -4)]

    @staticmethod
    def slots(first: int, count: int, total: int) -> tuple[int, int, int]:
        bits = min((total - 1).bit_length() + 8, 32)
        start, end = ((v << bits) // total for v in (first, first + count))
        return bits, start, end - start

    def pop_uniform(self, total: int) -> int:
        bits = min((total - 1).bit_length() + 8, 32)
        slot = self.x % (1 << bits)
        value = next(v for v in range((slot * total >> bits) + 1, -1, -1) if (v << bits) // total <= slot)
        _, start, frequency = self.slots(value, 1, total)
        self.x = frequency * (self.x >> bits) + slot - start
        if self.x < 1 << 32 and self.words:
            self.x = self.x << 32 | self.words.pop()
        return value

    def push_uniform(self, first: int, count: int, total: int) -> None:
        bits, start, frequency = self.slots(first, count, total)
        if self.x >= frequency << (64 - bits):
            self.words.append(self.x % (1 << 32))
            self.x >>= 32
        self.x = (self.x // frequency << bits) + self.x % frequency + start


def read_integers(coder: ReferenceDecoder, model: ReferenceModel, contexts: list[int]) -> list[int]:
    tokens = [coder.pop(model, context) for context in contexts]
    return [t if t < 8 else (1 << (t - 5)) + coder.pop_bits(t - 5) for t in tokens]


def signed(v: int) -> int:
    return v // 2 if v % 2 == 0 else -(v // 2) - 1


def read_levels(
    plan: Plan, count: int, posn: bytes, colr: bytes, chol: bytes, bitb: bytes | None = None
) -> list[list[int]]:
    """All rows, in the order of the leaves."""
    channels = plan.channels
    colors = ReferenceDecoder(colr)
    rows: list[list[int]] = []
    for v in read_integers(colors, ReferenceModel(16), [0] * count):
        rows.append([v])
    for row in rows:
        if row[0] and colors.pop_bits(1):
            row[0] = -row[0]
    for component in range(1, channels):
        contexts = [min(abs(row[0]).bit_length(), 7) for row in rows]
        if component == 2:
            contexts = [2 * min(abs(row[1]).bit_length(), 5) + (abs(row[0]) >= 16) for row in rows]
        model = ReferenceModel(16, 12 if component == 2 else 8)
        for row, v in zip(rows, read_integers(colors, model, contexts), strict=True):
            row.append(signed(v))
    colors.finish()

    positions = ReferenceDecoder(posn)
    if bitb is None:
        leaves = within = read_tree(positions, plan.width, plan.height, count)
    else:
        known = known_tree(read_set(bitb, count, plan.width, plan.height), plan.width, plan.height)
        leaves = [leaf for leaf, _ in known]
        within = [Leaf(*pixel, 0, 0) for _, pixel in known]
    shapes, classes = ReferenceDecoder(chol), [amplitude_class(plan, row) for row in rows]
    for column in range(3):
        values = read_integers(shapes, ReferenceModel(16, 8), classes)
        for row, leaf, k, v in zip(rows, leaves, classes, values, strict=True):
            step, octaves = max(plan.scale >> k, 1), leaf.log_width + leaf.log_height
            expected = (8 * octaves + 9 * k + 24, 9 * octaves + 17 * k - 16)
            row.append(signed(v) + ((expected[column] + step // 2) // step if column < 2 else 0))
    shapes.finish()

    all_exponents = [exponents(plan, row) for row in rows]
    for axis in range(2):
        for row, place, e in zip(rows, within, all_exponents, strict=True):
            first = place[axis] >> e[axis] if e[axis] > 0 else place[axis] << -e[axis]
            row.append(first + positions.pop_bits(max(place[2 + axis] - e[axis], 0)))
    positions.finish()
    return rows
