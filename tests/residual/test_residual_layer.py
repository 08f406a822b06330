"""The residual layer: round trips, regions, threads, extremes, and the plan's bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from residual_strategies import MAX_STEP, Case, cases, plans

from pyggc._native import _residual
from pyggc.cursor import ByteReader, ByteWriter
from pyggc.errors import BitstreamError
from pyggc.residual import BIT_COST, LayerReader, LossyPlan, step_unit, write_layer


def reader_of(case: Case, data: bytes) -> LayerReader:
    return LayerReader(data, **case.arguments)


def whole(case: Case) -> tuple[int, int, int, int]:
    return (0, 0, *case.size)


@given(cases())
def test_what_is_read_is_what_the_writer_told(case):
    layer = write_layer(case.samples, case.base, case.plan, case.side, thorough=case.thorough)
    decoded = reader_of(case, layer.data).decode(case.base, whole(case), case.samples.dtype)
    assert decoded.dtype == case.samples.dtype
    assert (decoded == layer.decoded).all()
    assert layer.squared_error == ((decoded.astype(np.int64) - case.samples) ** 2).sum()
    assert layer.step == (0 if case.plan is None else case.plan.step)


@given(cases(lossless=True))
def test_lossless_is_exact(case):
    layer = write_layer(case.samples, case.base, None, case.side)
    assert layer.squared_error == 0
    assert (layer.decoded == case.samples).all()


@given(cases(), st.data())
def test_a_region_is_that_of_the_whole(case, data):
    layer = write_layer(case.samples, case.base, case.plan, case.side)
    width, height = case.size
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    region = left, top, data.draw(st.integers(1, width - left)), data.draw(st.integers(1, height - top))
    reader = reader_of(case, layer.data)
    x, y, w, h = span = reader.span(region)
    assert x <= left
    assert y <= top
    assert left + region[2] <= x + w <= width
    assert top + region[3] <= y + h <= height
    assert x % case.side == y % case.side == 0
    place = slice(y, y + h), slice(x, x + w)
    assert (reader.decode(case.base[place], span, case.samples.dtype) == layer.decoded[place]).all()


@settings(max_examples=15)
@given(cases(), st.integers(1, 4))
def test_threads_change_nothing(case, threads):
    one = write_layer(case.samples, case.base, case.plan, case.side, threads=1)
    several = write_layer(case.samples, case.base, case.plan, case.side, threads=threads)
    assert one.data == several.data
    reader = reader_of(case, one.data)
    decoded = reader.decode(case.base, whole(case), case.samples.dtype, threads)
    assert (decoded == one.decoded).all()


@given(cases(max_side=40))
def test_all_variants_write_and_read_the_same(case):
    steps = None if case.plan is None else case.plan.steps(case.samples.shape[2])
    results = []
    for variant in range(len(_residual.variants())):
        told, read = np.empty_like(case.samples), np.empty_like(case.samples)
        data, error = _residual.write_tile(case.samples, case.base, steps, BIT_COST, case.thorough, told, variant)
        _residual.read_tiles([(data, case.base, read, "a tile")], steps, variant, 1)
        if steps is None:
            assert (told == case.samples).all()
        results.append((data, error, told.tobytes(), read.tobytes()))
    assert len(set(results)) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("step", [None, 1, 2, MAX_STEP])
def test_the_ends_of_the_range(dtype, channels, step):
    """Differences as large as they can be, flat and from sample to sample, under the finest and the coarsest step."""
    top, y, x = np.iinfo(dtype).max, *np.mgrid[:64, :32]
    for odd in (y // 64, y & 1, x & 1, (x ^ y) & 1, (x >> 2 ^ y >> 3) & 1):
        for swapped in (False, True):
            # Green goes against red and blue in every other image.
            high = np.stack([odd ^ (c == 1 and swapped) for c in range(channels)], axis=-1)
            samples, base = (high * top).astype(dtype), ((1 - high) * 65535).astype(np.uint16)
            case = Case(samples, base, None if step is None else LossyPlan(step), 64, thorough=True)
            layer = write_layer(samples, base, case.plan, 64, thorough=True, threads=1)
            decoded = reader_of(case, layer.data).decode(base, whole(case), samples.dtype)
            assert (decoded == layer.decoded).all()
            if step == 1:
                # Colors are mixed by factors of 13 bits.
                most = 0 if dtype == np.uint8 else 1 if channels < 3 else top >> 11
                assert np.abs(decoded.astype(np.int64) - samples).max() <= most


@given(cases(lossless=False), st.integers(1, 20))
def test_the_error_is_no_larger_than_the_steps_allow(case, step):
    """On the average, in units of samples, with what rate and distortion and colors of 13 bits add to it."""
    unit = step_unit(case.samples.dtype)
    layer = write_layer(case.samples, case.base, LossyPlan(step * unit), case.side)
    apart = np.abs(case.samples.astype(np.int64) - case.base // (257 if unit == 64 else 1)).max()
    assert layer.squared_error <= case.samples.size * (step + apart // 2048) ** 2


@given(plans())
def test_a_plan_reads_as_it_was_written(plan):
    writer = ByteWriter()
    plan.write(writer)
    reader = ByteReader(writer.getvalue(), "a plan")
    found = LossyPlan.read(reader)
    reader.finish()
    for channels in range(1, 5):
        assert (found.steps(channels) == plan.steps(channels)).all()


@example(b"\0\0\0\0\0")
@example(b"\1\0\0\0\0")
@example(b"\0\0\0\1\x10")
@example(b"\0\0\0\1\1" + bytes(8))
@given(st.binary(max_size=40))
def test_any_bytes_are_a_plan_or_refused(data):
    reader = ByteReader(data, "a plan")
    try:
        steps = LossyPlan.read(reader).steps(4)
    except BitstreamError:
        return
    assert ((steps >= 1) & (steps <= MAX_STEP)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "step must be from 1 to 16777215, not 0"),
        ((MAX_STEP + 1,), "step must be from 1 to"),
        ((1, (None,) * 5), "weights must be of at most 4 channels, not 5"),
        ((1, ((16,) * 7,)), "weights must be 8 numbers"),
        ((1, ((0,) * 8,)), "weights must be 8 numbers from 1 to 255"),
    ],
)
def test_a_plan_refuses_what_is_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        LossyPlan(*arguments)
