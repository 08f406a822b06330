"""A second decoder of predicted tiles, in plain Python, written from docs/spec_lossless.rst."""

from __future__ import annotations

from collections.abc import Callable

LIMIT = 2815
FIRST = (1 << 23, 0)
Probability = tuple[int, int]


def clamp(v: int, low: int, high: int) -> int:
    return max(low, min(high, v))


def wrapped(v: int) -> int:
    return (v + 2**31) % 2**32 - 2**31


def divided(a: int, b: int) -> int:
    return a // b if a >= 0 else -(-a // b)


def hashed(h: int, *values: int) -> int:
    for v in values:
        h = (h ^ v % 2**32) * 2654435761 % 2**32
        h ^= h >> 15
    return h


def tables() -> tuple[list[int], list[int]]:
    power, squash = 2**32, [0] * (2 * LIMIT + 1)
    for x in range(LIMIT + 1):
        squash[LIMIT + x] = 2**48 // (2**32 + power)
        squash[LIMIT - x] = 2**16 - squash[LIMIT + x]
        power = power * 4278222805 >> 32
    stretch = [next(x for x in range(LIMIT) if squash[LIMIT + x] >= 16 * i + 8) for i in range(2048, 4096)]
    return squash, [-x for x in reversed(stretch)] + stretch


SQUASH, STRETCH = tables()


def adapted(state: Probability, bit: int) -> Probability:
    p, n = state
    return p + (((2**24 - 1 if bit else 0) - p) * (131072 // (2 * n + 3)) >> 16), min(n + 1, 254)


def level(a: int) -> int:
    o = a.bit_length() - 1
    return a if a < 4 else 4 * (o - 1) + ((a >> (o - 2)) & 3)


def class_of(v: int) -> int:
    magnitude = sum(abs(v) > limit for limit in (0, 1, 4, 11))
    return -magnitude if v < 0 else magnitude


class Bits:
    """The range decoder: the code as one large integer, compared with the whole interval."""

    def __init__(self, data: bytes) -> None:
        self.bits = "".join(f"{byte:08b}" for byte in data)
        self.position, self.range = 15, 1 << 15
        self.code = int(self.bits[:15].ljust(15, "0"), 2)

    def bit(self, z: int) -> int:
        cut = self.range * z >> 16
        one = self.code < cut
        self.range, self.code = (cut, self.code) if one else (self.range - cut, self.code - cut)
        while self.range < 1 << 15:
            following = self.bits[self.position : self.position + 1] or "0"
            self.range, self.code, self.position = 2 * self.range, 2 * self.code + int(following), self.position + 1
        return int(one)


class Tile:
    """A tile of H x W pixels in `planes` of -m or 0 to m; `base` gives a plane's value at x, y."""

    def __init__(
        self, data: bytes, height: int, width: int, lows: list[int], m: int, base: Callable[[int, int, int], int] | None
    ) -> None:
        self.bits, self.height, self.width, self.lows, self.m, self.base = Bits(data), height, width, lows, m, base
        count = len(lows)
        self.values = [[[0] * width for _ in range(height)] for _ in lows]
        self.errors = [[[0] * width for _ in range(height)] for _ in lows]
        self.lms = [[0] * 24 for _ in lows]
        self.mixers: dict[tuple[int, int, int], list[int]] = {}
        self.alone: dict[tuple[int, ...], Probability] = {}
        samples = height * width * count
        self.sizes = [max(6, min(most, samples.bit_length())) for most in (16, 12, 10, 12, 12, 12)]
        self.slots: list[dict[int, tuple[int, list[Probability]]]] = [{} for _ in self.sizes]
        for y in range(height):
            for x in range(width):
                for plane in range(count):
                    self.sample(plane, x, y)

    def v(self, plane: int, x: int, y: int) -> int:
        while x < 0 and y >= 0:
            x, y = 0, y - 1
        if y < 0:
            return 0 if self.lows[plane] < 0 else (self.m + 1) >> 1
        return self.values[plane][y][min(x, self.width - 1)]

    def e(self, plane: int, x: int, y: int) -> int:
        return self.errors[plane][y][x] if 0 <= x < self.width and y >= 0 else 0

    def differences(self, plane: int, x: int, y: int) -> list[int]:
        def row(p: int, places: list[tuple[int, int]], less: int) -> list[int]:
            return [self.v(p, x + dx, y + dy) - less for dx, dy in places]

        west, rank = self.v(plane, x - 1, y), min(plane, 2)
        found = row(plane, [(i, -1) for i in (-2, -1, 0, 1)] + [(i, -2) for i in (-2, -1, 0, 1)], west)
        found += row(plane, [(-2, 0), (-3, 0), (2, -1), (2, -2)], west) + [0] * 12
        if rank > 0:
            less = self.v(plane - 1, x - 1, y)
            found[12:18] = row(plane - 1, [(-2, -1), (-1, -1), (0, -1), (1, -1), (0, 0), (0, -2)], less)
        if self.base:
            here = self.base(plane, x, y)
            found[18:20] = [here - west, here - self.base(plane, max(x - 1, 0), y)]
        if rank > 1:
            less = self.v(plane - 2, x - 1, y)
            found[20:24] = row(plane - 2, [(0, 0), (-1, -1), (0, -1), (1, -1)], less)
        return [clamp(d, -4095, 4095) for d in found]

    def sample(self, plane: int, x: int, y: int) -> None:
        west, weights, inputs = self.v(plane, x - 1, y), self.lms[plane], self.differences(plane, x, y)
        total = sum(clamp(w >> 8, -(2**15), 2**15 - 1) * d for w, d in zip(weights, inputs, strict=True))
        added = wrapped(total + 256) >> 9
        prediction = clamp(8 * west + added, 8 * self.lows[plane], 8 * self.m)
        center, part = (prediction + 4) >> 3, (prediction + 4) & 7
        error = self.error(plane, x, y, center, part)
        value = center + error
        assert self.lows[plane] <= value <= self.m
        self.values[plane][y][x], self.errors[plane][y][x] = value, error
        missed = clamp(8 * (value - west) - added, -32767, 32767)
        step = clamp(divided(25088 * missed, 16 + sum(d * d for d in inputs)), -32767, 32767)
        self.lms[plane] = [wrapped(w + ((step * d + 8) >> 4)) for w, d in zip(weights, inputs, strict=True)]

    def contexts(self, plane: int, x: int, y: int, center: int, part: int) -> tuple[int, list[int]]:
        def v(dx: int, dy: int) -> int:
            return self.v(plane, x + dx, y + dy)

        def e(dx: int, dy: int) -> int:
            return self.e(plane, x + dx, y + dy)

        rank = min(plane, 2)
        a = 4 * (abs(e(-1, 0)) + abs(e(0, -1))) + 2 * (abs(e(-1, -1)) + abs(e(1, -1))) + abs(e(-2, 0)) + abs(e(0, -2))
        if rank == 0:
            a += (abs(v(0, -1) - v(-1, -1)) + abs(v(0, -1) - v(1, -1))) >> 1
        a += 7 * abs(self.e(plane - 1, x, y)) if rank > 0 else 0
        a += 4 * abs(self.e(plane - 2, x, y)) if rank > 1 else 0
        expected = a * (57, 49, 41)[rank] >> 6
        k = next(k for k in range(17) if expected >> k <= 40 or k == 16)
        key, third = plane + 4 * k, e(1, -1)
        if rank == 0:
            hashes = [hashed(key, level(a) >> 1, center), hashed(key, level(a), center >> 4)]
        else:
            third, second = self.e(plane - 1, x, y), self.v(plane - 2, x, y) if rank > 1 else 0
            hashes = [hashed(key, self.v(plane - 1, x, y), second, center), hashed(key, level(a), clamp(third, -8, 7))]
        hashes += [
            hashed(key, 8 * level(a) + part),
            hashed(key, class_of(e(-1, 0)), class_of(e(0, -1)), class_of(third)),
            hashed(key, v(-1, 0) - center, v(0, -1) - center),
            hashed(key, int(v(-1, 0) > v(0, -1)), v(-1, -1) - center, v(1, -1) - center),
        ]
        return k, hashes

    def mixed(self, weights: list[int], states: list[list[Probability]], node: int) -> int:
        inputs = [STRETCH[state[node][0] >> 12] for state in states] + [0, 256]
        total = sum(clamp(w >> 4, -(2**15), 2**15 - 1) * i for w, i in zip(weights, inputs, strict=True))
        z = SQUASH[LIMIT + clamp(total >> 12, -LIMIT, LIMIT)]
        bit = self.bits.bit(z)
        d = ((bit << 16) - z) >> 1
        weights[:] = [wrapped(w + ((d * i + 2**13) >> 14)) for w, i in zip(weights, inputs, strict=True)]
        for state in states:
            state[node] = adapted(state[node], bit)
        return bit

    def bit_alone(self, *name: int) -> int:
        state = self.alone.get(name, FIRST)
        bit = self.bits.bit(clamp(state[0] >> 8, 32, 65504))
        self.alone[name] = adapted(state, bit)
        return bit

    def error(self, plane: int, x: int, y: int, center: int, part: int) -> int:
        k, hashes = self.contexts(plane, x, y, center, part)
        states = []
        for table, size, h in zip(self.slots, self.sizes, hashes, strict=True):
            number = h >> (32 - size)
            if number not in table or table[number][0] != h:
                table[number] = (h, [FIRST] * 15)
            states.append(table[number][1])

        def mixed(node: int) -> int:
            return self.mixed(self.mixers.setdefault((plane, min(k, 3), node), [14000] * 8), states, node)

        negative, steps = mixed(0), 0
        while steps < 20 and mixed(1 + 7 * negative + min(steps, 6)):
            steps += 1
        kept = steps
        if steps == 20:
            j = 0
            while self.bit_alone(0, plane, j):
                j += 1
            rest = 1
            for _ in range(j):
                rest = 2 * rest + self.bits.bit(2**15)
            steps += rest - 1
        u = steps
        for depth in range(k):
            which = 0 if depth == 0 else 1 + (u & 1)
            u = 2 * u + (self.bit_alone(1, plane, k, kept, which) if depth < 2 else self.bits.bit(2**15))
        return -u - 1 if negative else u
