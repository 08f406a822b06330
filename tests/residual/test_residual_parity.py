"""The compiled decoder against the one of the specification's text: the same samples, the same refusals."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import residual_reference
from hypothesis import given, settings
from hypothesis import strategies as st
from residual_reference import Malformed, decode_section, decode_tile
from residual_strategies import DTYPES, MAX_STEP, any_tile, cases, image

from pyggc._native import _residual
from pyggc.errors import BitstreamError
from pyggc.residual import LayerReader, write_layer
from pyggc.transforms import DCT

STEPS = [None, 1, 3, 64, 5000, MAX_STEP]


def outcome(data, base, steps, dtype, variant):
    """The samples, or None where it is refused."""
    out = np.full(base.shape, 99, dtype)
    try:
        _residual.read_tiles([(data, base, out, "a tile")], steps, variant, 1)
    except BitstreamError:
        return None
    return out.tolist()


def reference_outcome(data, base, steps, dtype):
    try:
        return decode_tile(data, base, steps, 8 * np.dtype(dtype).itemsize)
    except (Malformed, BitstreamError):
        return None


@settings(max_examples=25)
@given(cases(max_side=45))
def test_sections_of_the_writer(case):
    data = write_layer(case.samples, case.base, case.plan, case.side, thorough=case.thorough, threads=1).data
    fast = LayerReader(data, **case.arguments).decode(case.base, (0, 0, *case.size), case.samples.dtype)
    depth = 8 * case.samples.itemsize
    slow = decode_section(data, case.base, case.side, depth, lossless=case.plan is None)
    assert (fast == slow).all()


def any_case(seed, *, max_side=36):
    """A tile of any levels: its bytes, base, steps and type of samples."""
    rng = random.Random(seed)
    shape = rng.randint(1, max_side), rng.randint(1, max_side), rng.randint(1, 4)
    step = rng.choice(STEPS)
    numbers = np.random.default_rng(seed)
    steps = None if step is None else np.full((shape[2], 8), step, np.int32)
    if steps is not None and rng.randrange(2):
        steps = numbers.integers(1, step, steps.shape, np.int32, endpoint=True)
    base = image(numbers, rng.choice(["flat", "noise", "ends"]), shape, 65535).astype(np.uint16)
    data = any_tile(rng, shape, lossless=steps is None, calm=rng.choice((0.0, 0.3, 1.0, 3.0)))
    return data, base, steps, rng.choice(DTYPES)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_tiles_of_any_levels(seed):
    """With the largest levels and steps as well, where arithmetic wraps around."""
    data, base, steps, dtype = any_case(seed)
    expected = decode_tile(data, base, steps, 8 * np.dtype(dtype).itemsize)
    for variant in range(len(_residual.variants())):
        assert outcome(data, base, steps, dtype, variant) == expected


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**16), st.integers(0, 7))
def test_both_refuse_the_same(seed, place, bit):
    data, base, steps, dtype = any_case(seed, max_side=12)
    damaged = bytearray(data)
    damaged[place % len(data)] ^= 1 << bit
    expected = reference_outcome(bytes(damaged), base, steps, dtype)
    for variant in range(len(_residual.variants())):
        assert outcome(damaged, base, steps, dtype, variant) == expected


@given(st.sampled_from([4, 8, 16, 32]), st.integers(0, 31), st.integers(0, 2**32 - 1))
def test_the_transforms_of_the_text_are_those_of_the_package(side, octaves, seed):
    limit = 2**octaves
    block = np.random.default_rng(seed).integers(-limit, limit, (side, side)).astype(np.int32)
    assert (DCT(side, side).inverse(block) == residual_reference.inverse_block(block.tolist())).all()


def test_the_initial_cdfs_rise():
    for r in range(40):
        assert all(low < high for low, high in pairwise(residual_reference.initial_cdf(r)))
