"""Valid levels of the compact plan, in images of every shape, up to the limits of what the streams can tell."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from pyggc.quantize import CompactPlan, CompactQuantizer

#: The least and the largest level of each kind that a token reaches.
MAX_LUMA, LEAST, LARGEST = 2047, -1024, 1023

SIZES = [(1, 1), (1, 9), (40, 1), (17, 5), (4096, 3), (2, 3000), (64, 48), (2**20 - 1, 2**20 - 1)]
COUNTS = [0, 1, 2, 15, 16, 17, 300]


@st.composite
def plans(draw: st.DrawFn) -> CompactPlan:
    """Plans with any steps; the color step is of a size that images have."""
    byte = st.one_of(st.integers(1, 255), st.sampled_from([1, 255, 16, 48, 112]))
    return CompactPlan(draw(st.floats(2.0**-12, 0.5)), draw(byte), draw(byte), draw(byte), draw(st.integers(-128, 127)))


@st.composite
def quantizers(draw: st.DrawFn) -> CompactQuantizer:
    """Quantizers of those plans for images of those sizes."""
    width, height = draw(st.sampled_from(SIZES))
    return CompactQuantizer(draw(plans()), width, height, draw(st.sampled_from([1, 3, 4])))


@st.composite
def levels_of(draw: st.DrawFn, quantizer: CompactQuantizer, *, extreme: bool = True) -> NDArray[np.int32]:
    """Rows that the streams of a quantizer can tell: crowded or scattered, faint or strong, at the edges."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.sampled_from(COUNTS))
    modes = ["zero", "faint", "mixed", *(["extreme"] if extreme else [])]
    place = draw(st.sampled_from(["anywhere", "edges", "one place", "two places"]))
    return make_levels(rng, quantizer, count, draw(st.sampled_from(modes)), draw(st.sampled_from(modes)), place)


def make_levels(
    rng: np.random.Generator, quantizer: CompactQuantizer, count: int, colors: str, shapes: str, place: str
) -> NDArray[np.int32]:
    """Rows of valid levels."""
    channels, plan = quantizer.channels, quantizer.plan
    levels = np.zeros((count, channels + 5), np.int32)
    low = np.array([-MAX_LUMA, *[LEAST] * (channels - 1)])
    high = np.array([MAX_LUMA, *[LARGEST] * (channels - 1)])
    levels[:, :channels] = _draw(rng, colors, low, high, (count, channels))
    classes = quantizer.classes(levels)[:, np.newaxis]
    step = np.maximum(plan.scale_step >> classes, 1)
    levels[:, channels : channels + 2] = _draw(rng, shapes, -(64 // step), 448 // step, (count, 2))
    reach = 4096 // np.maximum(plan.shear_step >> classes, 1)
    levels[:, channels + 2 : channels + 3] = _draw(
        rng, shapes, np.maximum(-reach, LEAST), np.minimum(reach, LARGEST), (count, 1)
    )
    exponents = quantizer.position_exponents(levels)
    # The last index whose center lies within the image, as the quantizer finds it.
    last = np.ceil(np.ldexp([quantizer.width, quantizer.height], -exponents) - 0.5).astype(np.int64) - 1
    match place:
        case "anywhere":
            share = rng.random((count, 2))
        case "edges":
            share = rng.integers(0, 2, (count, 2)).astype(float)
        case "one place":
            share = np.full((count, 2), rng.random())
        case _:
            share = rng.integers(0, 2, (count, 1)) * 0.5 + np.full((count, 2), 0.25)
    levels[:, -2:] = np.minimum(np.floor(share * (last + 1)), last)
    return levels


def _draw(
    rng: np.random.Generator, mode: str, low: NDArray[np.integer], high: NDArray[np.integer], shape: tuple[int, int]
) -> NDArray[np.int64]:
    """Integers within limits that broadcast: zeros, a few small ones, of every magnitude, or at the limits."""
    match mode:
        case "zero":
            return np.zeros(shape, np.int64)
        case "faint":
            values = rng.integers(-1, 2, shape)
        case "mixed":
            values = np.rint(rng.normal(0, 1, shape) * 2.0 ** rng.integers(0, 8, shape)).astype(np.int64)
        case _:
            return np.where(rng.integers(0, 2, shape), low, high)
    return np.clip(values, low, high)


def sorted_rows(levels: NDArray[np.int32]) -> list[list[int]]:
    """Rows in an order of their own: streams keep none."""
    return sorted(np.asarray(levels).tolist())
