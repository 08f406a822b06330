"""The compact plan: levels to Gaussians and back."""

import math

import compact_reference as reference
import numpy as np
import pytest
from compact_strategies import levels_of, make_levels, plans, quantizers
from hypothesis import assume, given
from hypothesis import strategies as st

from pyggc.gaussians import MAX_COLOR, MAX_COORDINATE, Gaussians2D
from pyggc.quantize import MIN_POSITION_EXPONENT, CompactPlan, CompactQuantizer

MAX_AREA = 4096.0  # colors of wider Gaussians are rounded as if they had this l1 l2


def reference_plan(quantizer):
    return reference.read_plan(quantizer.plan.to_bytes(), quantizer.width, quantizer.height, quantizer.channels)


@given(st.data())
def test_dequantizing_is_what_the_specification_says_bit_for_bit(data):
    quantizer = data.draw(quantizers())
    levels = data.draw(levels_of(quantizer))
    plan = reference_plan(quantizer)
    assert quantizer.position_exponents(levels).tolist() == [
        list(reference.exponents(plan, r)) for r in levels.tolist()
    ]
    classes = [reference.amplitude_class(plan, row) for row in levels[:, : quantizer.channels].tolist()]
    assert quantizer.classes(levels).tolist() == classes
    rows = [reference.dequantize(plan, row) for row in levels.tolist()]
    if any(abs(color) > MAX_COLOR for row in rows for color in row[2]):
        with pytest.raises(ValueError, match="colors must be finite and of magnitude at most 1024"):
            quantizer.dequantize(levels)
        return
    gaussians = quantizer.dequantize(levels)
    assert (gaussians.width, gaussians.height) == (quantizer.width, quantizer.height)
    assert [list(map(list, row)) for row in zip(*rows, strict=True)] == (
        [gaussians.means.tolist(), gaussians.cholesky.tolist(), gaussians.colors.tolist()] if rows else []
    )


def test_the_table_and_the_basis_are_the_nearest_numbers():
    for i, text in enumerate(reference.EXP2):
        assert abs(float.fromhex(text) - 2.0 ** (i / 32)) <= math.ulp(1.0)
    basis = np.array(reference.BASIS)
    assert np.abs(basis @ basis.T - np.eye(4)).max() < 1e-15


def test_every_scale_there_is():
    """One step, no class: all 513 powers, exact where they are whole, and growing."""
    quantizer = CompactQuantizer(CompactPlan(0.1, scale_step=1), 64, 48, 1)
    levels = np.zeros((513, 6), np.int32)
    levels[:, 1] = levels[:, 2] = np.arange(-64, 449)
    cholesky = quantizer.dequantize(levels).cholesky
    assert (np.diff(cholesky[:, 0]) > 0).all()
    assert cholesky[::32, 0].tolist() == [2.0**k for k in range(-2, 15)]
    assert (cholesky[:, 1] == cholesky[:, 0]).all()


@given(st.data())
def test_a_positive_color_step_keeps_the_order_of_the_levels(data):
    quantizer = CompactQuantizer(data.draw(plans()), 64, 48, 1)
    levels = np.zeros((41, 6), np.int32)
    levels[:, 0] = np.arange(-20, 21)
    colors = quantizer.dequantize(levels).colors[:, 0]
    assert (np.diff(colors) > 0).all()
    assert colors[20] == 0.0
    assert (colors == -colors[::-1]).all()


@given(plans(), st.integers(0, 2))
def test_classes_grow_with_the_amplitude_and_the_steps_shrink(plan, column):
    quantizer = CompactQuantizer(plan, 640, 480, 3)
    levels = np.zeros((2048, 8), np.int32)
    levels[:, column] = np.arange(2048)
    classes = quantizer.classes(levels)
    assert (np.diff(classes) >= 0).all()
    assert classes[0] == 0
    assert (quantizer.classes(-levels) == classes).all()
    # The exponent counts octaves: a class more is an octave less.
    exponents = quantizer.position_exponents(levels)
    assert (np.diff(exponents, axis=0) <= 0).all()
    assert (exponents >= MIN_POSITION_EXPONENT).all()
    if column == 0:
        assert classes.tolist() == [min((v * v).bit_length() // 2, 7) for v in range(2048)]


@given(plans())
def test_larger_gaussians_have_coarser_positions_and_sheared_ones_finer(plan):
    quantizer = CompactQuantizer(plan, 2**19, 2**19, 1)
    step, shear = plan.scale_step, plan.shear_step
    levels = np.zeros((448 // step + 1, 6), np.int32)
    levels[:, 1] = levels[:, 2] = np.arange(len(levels))
    assert (np.diff(quantizer.position_exponents(levels), axis=0) >= 0).all()
    levels = np.zeros((4096 // shear + 1, 6), np.int32)
    levels[:, 3] = np.arange(len(levels))
    exponents = quantizer.position_exponents(levels)
    assert (np.diff(exponents[:, 0]) <= 0).all()
    assert (exponents[:, 1] == exponents[0, 1]).all()
    levels[:, 3] *= -1
    assert (quantizer.position_exponents(levels) == exponents).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (17, 5), (4096, 3), (2**20 - 1, 2**20 - 1)])
def test_exponents_never_exceed_the_image(size):
    quantizer = CompactQuantizer(CompactPlan(0.1, 1, 1, 1, 127), *size, 1)
    levels = np.zeros((1, 6), np.int32)
    levels[0, 1:3] = 448
    assert quantizer.position_exponents(levels).tolist() == [[min(s.bit_length() - 1, 18) for s in size]]
    # The first position's center is then inside.
    mean = quantizer.dequantize(levels).means[0]
    assert (mean < np.array(size) - 0.5).all()


@given(st.data())
def test_quantizing_what_was_dequantized_gives_the_same_levels(data):
    """Where no bound of the encoder interferes, and binary32 holds the positions: sides below 2^17."""
    quantizer = data.draw(quantizers())
    assume(quantizer.width < 2**17)
    levels = data.draw(levels_of(quantizer, extreme=False))
    channels = quantizer.channels
    levels[:, :channels] = np.clip(levels[:, :channels], -1000, 1000)
    gaussians = dequantize_or_assume(quantizer, levels)
    assert (quantizer.quantize(gaussians, min_scale=0.25) == levels).all()


def dequantize_or_assume(quantizer, levels):
    try:
        return quantizer.dequantize(levels)
    except ValueError:
        assume(False)


@st.composite
def images_of_gaussians(draw):
    """A quantizer and Gaussians that fit it, with colors of up to a thousand steps."""
    quantizer = draw(quantizers())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(0, 30))
    scales = 2.0 ** rng.uniform(-1.5, draw(st.sampled_from([3.0, 13.0])), (count, 2))
    shears = rng.normal(0, draw(st.sampled_from([0.1, 1.0, 5.0])), count)
    norm = np.sqrt(np.minimum(scales.prod(axis=1), MAX_AREA))[:, np.newaxis]
    amplitudes = rng.normal(0, draw(st.sampled_from([0.5, 5.0, 100.0])), (count, quantizer.channels))
    amplitudes = np.clip(amplitudes, -400, 400) * quantizer.plan.color_step * min(quantizer.plan.chroma_step, 16) / 16
    means = rng.random((count, 2)) * [quantizer.width, quantizer.height] - 0.5
    cholesky = np.column_stack([scales, np.clip(shears, -60, 60) * scales[:, 1]])
    return quantizer, Gaussians2D(means, cholesky, np.clip(amplitudes / norm, -1000, 1000))


@given(images_of_gaussians())
def test_no_value_is_further_away_than_half_its_step(drawn):
    quantizer, gaussians = drawn
    channels, plan = quantizer.channels, quantizer.plan
    levels = quantizer.quantize(gaussians, min_scale=0.25)
    back = dequantize_or_assume(quantizer, levels)
    classes = quantizer.classes(levels)
    tiny = 1e-5

    # Colors, in the basis where they are rounded: they make up for the rounding of the scales.
    basis = np.array(reference.BASIS)[:channels, :channels] if channels >= 3 else np.eye(1)
    steps = plan.color_step * np.array([1, plan.chroma_step / 16, plan.chroma_step / 16, 1])[:channels]
    norm = np.sqrt(np.minimum(back.cholesky[:, 0].astype(float) * back.cholesky[:, 1], MAX_AREA))[:, np.newaxis]
    error = np.abs((back.colors.astype(float) - gaussians.colors) * norm @ basis.T) / steps
    assert (np.abs(levels[:, :channels]) <= 1000).all()
    if plan.scale_step == 1:  # else the norm that colors were rounded with may be that of another class
        assert (error <= 0.5 + 1e-3).all()

    step = np.maximum(plan.scale_step >> classes, 1)[:, np.newaxis]
    low, high = np.ceil(-64 / step) * step, 448 // step * step
    exact = np.clip(32 * np.log2(gaussians.cholesky[:, :2].astype(float)), low, high)
    assert (np.abs(32 * np.log2(back.cholesky[:, :2].astype(float)) - exact) <= step / 2 + tiny).all()

    step = np.maximum(plan.shear_step >> classes, 1)
    reach = np.minimum(4096 // step, 1000) * step
    exact = np.clip(64 * gaussians.cholesky[:, 2].astype(float) / gaussians.cholesky[:, 1], -reach, reach)
    shear = 64 * back.cholesky[:, 2].astype(float) / back.cholesky[:, 1]
    assert (np.abs(shear - exact) <= step / 2 + 1e-3).all()

    step = np.ldexp(1.0, quantizer.position_exponents(levels))
    size = np.array([quantizer.width, quantizer.height])
    # A last step that the edge cuts before its center belongs to the step before.
    last = (np.ceil(size / step - 0.5) - 0.5) * step - 0.5
    exact = np.minimum(gaussians.means, last)
    rounding = 2.0**-4 if size.max() > 2**17 else 2.0**-8  # of binary32
    assert (np.abs(back.means - exact) <= step / 2 + rounding).all()
    assert ((back.means >= -0.5) & (back.means <= size - 0.5)).all()


def test_positions_outside_the_image_move_to_its_edge():
    quantizer = CompactQuantizer(CompactPlan(0.01, position_step=-60), 20, 10, 1)
    means = [[-9, 3], [40, 3], [5, -1e6], [5, 1e6]]
    back = quantizer.dequantize(quantizer.quantize(Gaussians2D(means, [[2, 2, 0]] * 4, [[0.5]] * 4)))
    np.testing.assert_allclose(back.means, [[-0.5, 3], [19.5, 3], [5, -0.5], [5, 9.5]], atol=0.3)
    assert ((back.means > -0.5) & (back.means < [19.5, 9.5])).all()


def test_scales_have_a_floor_and_a_ceiling():
    quantizer = CompactQuantizer(CompactPlan(0.01, scale_step=48), 20, 10, 1)
    tiny = Gaussians2D([[3, 3]] * 2, [[2.0**-10, 2.0**-10, 0], [2.0**20, 2.0**20, 0]], [[0.001]] * 2)
    for floor in (0.25, 0.3, 1.0, 64.0):
        scales = quantizer.dequantize(quantizer.quantize(tiny, min_scale=floor)).cholesky[:, :2]
        assert (scales[0] >= floor).all()
        assert (scales[0] < floor * 2.0**1.5).all()
        assert (scales[1] <= 2.0**14).all()
    for floor in (0.0, -1.0, 0.2499, 64.1, math.inf, math.nan):
        with pytest.raises(ValueError, match="min_scale must be in"):
            quantizer.quantize(tiny, min_scale=floor)


@pytest.mark.parametrize("step", [1, 255])
def test_extreme_gaussians_quantize_to_valid_levels(step):
    big, c = MAX_COORDINATE, MAX_COLOR
    gaussians = Gaussians2D(
        [[-big, big], [big, -big], [0, 0], [0, 0]],
        [[2.0**-10, 2.0**-10, big], [big, big, -big], [2.0**-10, big, big], [big, 2.0**-10, -big]],
        [[c, c, -c, c], [-c, c, c, c], [c, 0, 0, -c], [0, 0, 0, 0]],
    )
    for color_step in (2.0**-30, 1.0, 2.0**20):
        for size in ((1, 1), (2**20 - 1, 1)):
            quantizer = CompactQuantizer(CompactPlan(color_step, step, step, step, 0), *size, 4)
            for floor in (0.25, 64.0):
                levels = quantizer.quantize(gaussians, min_scale=floor)
                assert np.abs(levels[:, :4]).max() <= 1000
                quantizer.position_exponents(levels)  # raises where levels are invalid


def test_rows_out_of_range_are_refused_and_named():
    quantizer, good = CompactQuantizer(CompactPlan(0.01), 20, 10, 3), np.zeros((3, 8), np.int32)
    for column in range(6):
        for value in (2**31 - 1, -(2**31), (1 << 20) + 1, -(1 << 20) - 1):
            levels = good.copy()
            levels[1, column] = value
            with pytest.raises(ValueError, match=r"levels \[.*\] of Gaussian 1 are out of range"):
                quantizer.dequantize(levels)
            with pytest.raises(ValueError, match=r"levels \[.*\] of Gaussian 1 are out of range"):
                quantizer.position_exponents(levels)
            if column < 3:
                with pytest.raises(ValueError, match=r"colors \[.*\] of Gaussian 1 are out of range"):
                    quantizer.classes(levels)
    for column in (6, 7):
        levels = good.copy()
        levels[1, column] = 2**31 - 1
        with pytest.raises(ValueError, match="means must be finite and of magnitude"):
            quantizer.dequantize(levels)


def test_arrays_of_the_wrong_shape():
    quantizer = CompactQuantizer(CompactPlan(0.01), 20, 10, 3)
    for call in (quantizer.dequantize, quantizer.position_exponents):
        with pytest.raises(ValueError, match="must have 8 columns, got 6"):
            call(np.zeros((1, 6), np.int32))
    with pytest.raises(ValueError, match="must have at least 3 columns, got 2"):
        quantizer.classes(np.zeros((1, 2), np.int32))
    gray = Gaussians2D([[1, 1]], [[1, 1, 0]], [[1]])
    with pytest.raises(ValueError, match="have 1 channels, the quantizer 3"):
        quantizer.quantize(gray)
    with pytest.raises(ValueError, match="fold them into the colors"):
        quantizer.quantize(Gaussians2D([[1, 1]], [[1, 1, 0]], [[1, 1, 1]], [0.5]))
    for width, height, channels in ((0, 1, 1), (1, 0, 1), (2**20, 1, 1), (1, 2**20, 1), (1, 1, 2), (1, 1, 5)):
        with pytest.raises(ValueError, match=r"(width|height|channels) must be"):
            CompactQuantizer(quantizer.plan, width, height, channels)


@given(
    st.floats(2.0**-30, 2.0**20, width=32),
    st.integers(1, 255),
    st.integers(1, 255),
    st.integers(1, 255),
    st.integers(-128, 127),
)
def test_plans_survive_their_bytes(color, chroma, scale, shear, position):
    plan = CompactPlan(color, chroma, scale, shear, position)
    assert CompactPlan.from_bytes(plan.to_bytes()) == plan
    assert len(plan.to_bytes()) == 8


def test_the_bytes_of_a_plan():
    assert CompactPlan(0.15625, 16, 48, 112, -2).to_bytes().hex() == "3e2000001030" + "70fe"
    # The color step is rounded when the plan is made, so that what the encoder computes with is what the file says.
    assert CompactPlan(0.1).color_step == float(np.float32(0.1)) != 0.1


@given(st.binary(max_size=12))
def test_random_bytes_are_a_plan_or_refused(data):
    try:
        plan = CompactPlan.from_bytes(data)
    except ValueError:
        return
    assert plan.to_bytes() == data


@pytest.mark.parametrize(
    "steps",
    [
        {"color_step": 0.0},
        {"color_step": -1.0},
        {"color_step": math.nan},
        {"color_step": math.inf},
        {"color_step": 1e300},
        {"color_step": 2.0**-31},
        {"color_step": 2.0**20 + 1},
        {"chroma_step": 0},
        {"chroma_step": 256},
        {"scale_step": 0},
        {"scale_step": 256},
        {"shear_step": 0},
        {"shear_step": 256},
        {"position_step": -129},
        {"position_step": 128},
    ],
)
def test_steps_out_of_range(steps):
    with pytest.raises(ValueError, match=f"{next(iter(steps))} must be in"):
        CompactPlan(**{"color_step": 1.0, **steps})


@pytest.mark.parametrize("name", ["chroma_step", "scale_step", "shear_step", "position_step"])
def test_steps_must_be_whole(name):
    assert getattr(CompactPlan(1.0, **{name: np.uint8(7)}), name) == 7
    with pytest.raises(TypeError):
        CompactPlan(1.0, **{name: 7.5})


def test_made_levels_reach_the_limits():
    """The strategy itself: a test that draws too little proves too little."""
    quantizer = CompactQuantizer(CompactPlan(0.01, 16, 1, 1), 640, 480, 4)
    levels = make_levels(np.random.default_rng(0), quantizer, 500, "extreme", "extreme", "edges")
    assert levels.min(axis=0).tolist()[:7] == [-2047, -1024, -1024, -1024, -64, -64, -1024]
    assert levels.max(axis=0).tolist()[:7] == [2047, 1023, 1023, 1023, 448, 448, 1023]
