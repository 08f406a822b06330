"""Images over bases, plans, and tiles of any levels, most of which no encoder would choose."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from residual_reference import TileReader

from pyggc.cursor import ByteWriter
from pyggc.entropy import pack_bits
from pyggc.entropy.reference import ReferenceEncoder, ReferenceModel
from pyggc.residual import LossyPlan

DTYPES = [np.uint8, np.uint16]
MAX_STEP = 2**24 - 1
MAX_LEVEL = 2**26 - 1


class Case(NamedTuple):
    """An image, shape (H, W, C), its base, a plan or None, the side of tiles, and whether the encoder is thorough."""

    samples: NDArray[Any]
    base: NDArray[np.uint16]
    plan: LossyPlan | None
    side: int
    thorough: bool

    @property
    def size(self) -> tuple[int, int]:
        return self.samples.shape[1], self.samples.shape[0]

    @property
    def arguments(self) -> dict[str, Any]:
        """Those of a `LayerReader` but for the bytes."""
        return {
            "offset": 0,
            "size": self.size,
            "channels": self.samples.shape[2],
            "side": self.side,
            "lossless": self.plan is None,
        }


def image(rng: np.random.Generator, kind: str, shape: tuple[int, int, int], top: int) -> NDArray[np.float64]:
    """From 0 to `top`: one value, waves with some noise, noise, or only the ends of the range."""
    height, width, channels = shape
    if kind == "flat":
        return np.full(shape, rng.integers(top + 1), np.float64)
    if kind == "ends":
        return rng.integers(0, 2, shape) * float(top)
    if kind == "noise":
        return rng.integers(0, top + 1, shape).astype(np.float64)
    y, x, c = np.mgrid[:height, :width, :channels]
    waves = 0.5 + 0.4 * np.sin(rng.random() + y / 7.0 + x / (5.0 + c)) + rng.normal(0.0, 0.02, shape)
    return np.clip(np.floor(waves * (top + 1)), 0, top)


KINDS = ["flat", "waves", "noise", "ends"]

log_steps = st.one_of(st.floats(0.0, 24.0).map(lambda octaves: min(int(2.0**octaves), MAX_STEP)))
steps = st.one_of(log_steps, st.sampled_from([1, 7, 8, 9, 64, MAX_STEP]))
weights = st.one_of(st.none(), st.tuples(*[st.integers(1, 255)] * 8))


@st.composite
def plans(draw: st.DrawFn) -> LossyPlan:
    """Plans of any step, most of them without weights."""
    return LossyPlan(draw(steps), tuple(draw(st.one_of(st.just([]), st.lists(weights, max_size=4)))))


@st.composite
def cases(draw: st.DrawFn, *, max_side: int = 70, lossless: bool | None = None) -> Case:
    """Images of any kind and shape over a base of any kind."""
    shape = draw(st.integers(1, max_side)), draw(st.integers(1, max_side)), draw(st.integers(1, 4))
    dtype = draw(st.sampled_from(DTYPES))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    samples = image(rng, draw(st.sampled_from(KINDS)), shape, np.iinfo(dtype).max).astype(dtype)
    base = image(rng, draw(st.sampled_from(KINDS)), shape, 65535).astype(np.uint16)
    exact = draw(st.booleans()) if lossless is None else lossless
    plan = None if exact else draw(plans())
    return Case(samples, base, plan, draw(st.sampled_from([32, 64, 96])), draw(st.booleans()))


# --------------------------------------------------------------------------------------------------------- any levels


class AnySymbols:
    """A coder that a `TileReader` reads symbols of which it makes up, and which it writes."""

    def __init__(self, rng: random.Random, calm: float) -> None:
        self.rng, self.calm, self.encoder = rng, calm, ReferenceEncoder(2)

    def pop(self, model: ReferenceModel, context: int) -> int:
        most = len(model.cdf(context)) - 2
        symbol = min(int(self.rng.expovariate(self.calm)), most) if self.calm else self.rng.randint(0, most)
        self.push(symbol, model, context)
        return symbol

    def push(self, symbol: int, model: ReferenceModel, context: int) -> None:
        self.encoder.push(symbol, model, context)

    def finish(self) -> None:
        """Nothing is left over."""


class AnyBits:
    """The same of raw bits."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.values, self.widths = rng, [], []

    def take(self, width: int) -> int:
        return self.put(self.rng.getrandbits(width), width)

    def put(self, value: int, width: int) -> int:
        self.values.append(value)
        self.widths.append(width)
        return value

    def exp_golomb(self, order: int, zeros: int) -> int:
        width = self.rng.randrange(order, order + zeros)
        value = min(self.rng.randrange(1 << width, 2 << width) - (1 << order), MAX_LEVEL - 96)
        self.put(1, width - order + 1)
        self.put(value + (1 << order) - (1 << width), width)
        return value

    def finish(self) -> None:
        """Nothing is left over."""


class AnyTile(TileReader):
    """A tile of any levels; `data` has its bytes once it is read."""

    def __init__(self, rng: random.Random, shape: tuple[int, int, int], tools: int | None, calm: float) -> None:
        super().__init__(b"", b"", *shape, tools)
        self.rng, self.tools = rng, tools or 0
        self.coder = self.symbols = AnySymbols(rng, calm)  # type: ignore[assignment]
        self.raw = AnyBits(rng)  # type: ignore[assignment]

    def count(self, kind: int, log_size: int, context: int) -> int:
        n = self.rng.choice((0, 1, 2, 3, self.rng.randint(0, 4**log_size), 4**log_size))
        c = n.bit_length()
        self.symbols.push(c, self.models.ends[log_size], 18 * kind + context)
        if c == 2:
            # The lowest bit means nothing.
            self.symbols.push((n & 1) << 1 | self.rng.randrange(2), self.models.end_bits, 12 * kind + c)
        elif c > 2:
            self.symbols.push(n >> c - 3 & 3, self.models.end_bits, 12 * kind + c)
            self.raw.put(n & (1 << c - 3) - 1, c - 3)  # type: ignore[attr-defined]
        return n

    @property
    def data(self) -> bytes:
        writer = ByteWriter()
        symbols = self.symbols.encoder.finish()
        writer.u8(self.tools)
        writer.varint(len(symbols))
        writer.put(symbols)
        writer.put(pack_bits(np.array(self.raw.values, np.uint64), np.array(self.raw.widths, np.int64)))  # type: ignore[attr-defined]
        return writer.getvalue()


def any_tile(rng: random.Random, shape: tuple[int, int, int], *, lossless: bool, calm: float) -> bytes:
    """The bytes of a tile of any levels; the larger `calm` is, the more of them are small."""
    tools = rng.randrange(256) & (0xFF if shape[2] >= 3 else ~8)
    tile = AnyTile(rng, shape, None if lossless else tools, calm)
    tile.read()
    return tile.data
