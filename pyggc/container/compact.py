"""The compact plan's sections: levels to bytes and back, as ``docs/spec_compact.rst`` defines it.

Gaussians have no order of their own, so none is spent bits on: the image is halved again and again, each time the
number of Gaussians in one half is coded, and the leaves of this tree give the order in which all else follows. Or the
pixels of all Gaussians are coded as a set, with bits-back, and the tree that they would have gives the order.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from pyggc.container.sections import Section
from pyggc.entropy import (
    DyadicModel,
    HybridInteger,
    Leaves,
    RansDecoder,
    RansEncoder,
    RansStack,
    point_leaves,
    pop_points,
    pop_set,
    push_points,
    push_set,
    zigzag_decode,
    zigzag_encode,
)
from pyggc.errors import BitstreamError, TruncatedStream, UnsupportedVersion
from pyggc.quantize import MIN_POSITION_EXPONENT, CompactPlan, CompactQuantizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pyggc.container.file import Container

    #: The leaves of all Gaussians, and the rectangles within which the low bits of their positions tell where they are.
    Places = tuple[Leaves, Leaves]
    Ints = NDArray[np.int64]
    Levels = NDArray[np.int32]

_NUM_CLASSES = 8
_TOKENS = HybridInteger(num_tokens=16, direct=8, mantissa_bits=0)

#: There are fewer Gaussians than this.
_MAX_COUNT = 1 << 31

#: More tokens than a byte of a stream can hold, however well the models know what comes (docs/spec_compact.rst).
_MAX_TOKENS_A_BYTE = 1 << 15

#: Bit lengths of what decides on a context: larger numbers are in that of the largest.
_BIT_LENGTHS = np.array([number.bit_length() for number in range(65)], np.uint8)

#: Gaussians from which on their colors and positions are decoded at the same time.
_PARALLEL = 1 << 14


def _position_bits(origin: Levels, log_size: Levels, exponent: Levels) -> tuple[Levels, Levels]:
    """The index of the first position of each rectangle along an axis, and how many bits tell the others."""
    first = (origin << np.maximum(-exponent, 0)) >> np.maximum(exponent, 0)
    return first, np.maximum(log_size - exponent, 0)


def _pixels(positions: Levels, exponents: Levels) -> Ints:
    """The columns or rows of the pixels that hold the centers of positions: floor((i + 1/2) 2^exponent)."""
    doubled = 2 * positions.astype(np.int64) + 1
    return doubled << (exponents - MIN_POSITION_EXPONENT) >> (1 - MIN_POSITION_EXPONENT)


def _places_of(pixels: Ints, width: int, height: int) -> tuple[Leaves, Leaves, Ints]:
    """The leaves of pixels that are known, a rectangle of one pixel for each, and which pixel comes where."""
    columns, rows = np.ascontiguousarray(pixels.T, np.int32)
    leaves, order = point_leaves(width, height, columns, rows)
    sizes = np.zeros(len(pixels), np.int32)
    return leaves, Leaves(columns[order], rows[order], sizes, sizes, leaves.rank), order


def _shape_predictions(leaves: Leaves, classes: Levels, quantizer: CompactQuantizer) -> tuple[Levels, Levels, Levels]:
    """What the size of the leaf and the amplitude let expect of the two scales and the shear, in their steps."""
    octaves = leaves.log_width + leaves.log_height
    steps = np.maximum(quantizer.plan.scale_step >> classes, 1)
    first = (8 * octaves + 9 * classes + 24 + steps // 2) // steps
    second = (9 * octaves + 17 * classes - 16 + steps // 2) // steps
    return first, second, np.zeros_like(first)


#: Models of tokens before their first, by their contexts: to copy one is faster than to make it.
_MODELS = {contexts: DyadicModel(16, contexts) for contexts in (1, _NUM_CLASSES, 12)}


class _Components:
    """The color components in coding order: the model of each, and its contexts from those before it."""

    def __init__(self, channels: int) -> None:
        self.models = [_MODELS[contexts].copy() for contexts in (1, 8, 12, 8)[:channels]]

    @staticmethod
    def contexts(component: int, levels: Levels) -> NDArray[np.uint8] | None:
        if component == 0:
            return None
        luma = _BIT_LENGTHS[np.minimum(np.abs(levels[:, 0]), 64)]
        if component == 2:
            return _BIT_LENGTHS[np.minimum(np.abs(levels[:, 1]), 16)] * 2 + (luma > 4)
        return luma


def _push_integers(
    coder: RansEncoder, values: NDArray[np.integer], model: DyadicModel, contexts: NDArray[np.integer] | None
) -> None:
    if values.size and values.max() > _TOKENS.max_value:
        raise ValueError(f"levels must be within what tokens reach, {_TOKENS.max_value}, after prediction and zigzag")
    coder.push_integers(values, _TOKENS, model, contexts)


def write_levels(levels: Levels, quantizer: CompactQuantizer, *, bits_back: bool = False) -> list[Section]:
    """Code levels into the sections of the compact plan.

    Parameters
    ----------
    levels : ndarray of int32, shape (N, C + 5)
        As `CompactQuantizer.quantize` gives them. Their order is not kept.
    quantizer : CompactQuantizer
        The plan and the size of the image.
    bits_back : bool
        Code the pixels as a set instead of the tree.

    Returns
    -------
    list of Section
        PLAN, with `bits_back` BITB, POSN, COLR and CHOL.

    Raises
    ------
    ValueError
        If a row is outside the plan's ranges, its position outside the image, or a level beyond what the tokens reach:
        +-2047 for the first color, -1024 to 1023 for the others and the shear.
    """
    channels = quantizer.channels
    exponents = quantizer.position_exponents(levels)
    at = _pixels(levels[:, -2:], exponents)
    outside = np.flatnonzero(((at < 0) | (at >= (quantizer.width, quantizer.height))).any(axis=1))
    if outside.size:
        row = outside[0]
        raise ValueError(f"levels {levels[row].tolist()} of Gaussian {row} are centered outside the image")
    positions, pixels = RansEncoder(), RansStack()
    size = quantizer.width, quantizer.height
    if bits_back:
        push_set(pixels, at, size)
        leaves, within, order = _places_of(at, *size)
    else:
        leaves, order = push_points(positions, *size, *at.T)
        within = leaves
    levels, exponents = np.ascontiguousarray(levels[order]), exponents[order]
    for axis in range(2):
        first, bits = _position_bits(within[axis], within[2 + axis], exponents[:, axis])
        positions.push_bits(levels[:, axis - 2] - first, bits)

    colors, components = RansEncoder(), _Components(channels)
    for component, model in enumerate(components.models):
        values = levels[:, component].astype(np.int64)
        if component == 0:
            _push_integers(colors, np.abs(values), model, None)
            colors.push_bits(values < 0, values != 0)
        else:
            contexts = components.contexts(component, levels)
            _push_integers(colors, zigzag_encode(values), model, contexts)

    shapes, classes = RansEncoder(), quantizer.classes(levels)
    predictions = _shape_predictions(leaves, classes, quantizer)
    for column, prediction in enumerate(predictions, channels):
        difference = levels[:, column] - prediction
        _push_integers(shapes, zigzag_encode(difference), _MODELS[_NUM_CLASSES].copy(), classes)
    return [
        Section("PLAN", quantizer.plan.to_bytes()),
        *([Section("BITB", pixels.to_bytes())] if bits_back else []),
        Section("POSN", positions.finish()),
        Section("COLR", colors.finish()),
        Section("CHOL", shapes.finish()),
    ]


def read_levels(container: Container, threads: int | None = None) -> tuple[Levels, CompactQuantizer]:
    """Decode the sections of the compact plan.

    Parameters
    ----------
    container : Container
        A parsed file of the compact plan.
    threads : int, optional
        The most threads to use; by default as many as there are streams that do not wait for each other.

    Returns
    -------
    levels : ndarray of int32, shape (N, C + 5)
        In the order of the tree's leaves.
    quantizer : CompactQuantizer

    Raises
    ------
    BitstreamError
        If a section is missing, truncated, damaged or out of range.
    """
    header = container.header
    count, channels = header.num_gaussians, header.channels
    quantizer = _read_plan(container)
    coders, where = {}, {}
    for tag, tokens in (("POSN", 0), ("COLR", channels), ("CHOL", 3)):
        section = container.section(tag)
        where[tag] = f"section {tag} at byte {section.offset}"
        if count * tokens > len(section.data) * _MAX_TOKENS_A_BYTE:
            raise TruncatedStream(f"{where[tag]}: expected {count} Gaussians, found {len(section.data)} bytes")
        coders[tag] = RansDecoder(bytes(section.data), section=where[tag])

    # What the colors are does not depend on the positions, and the fewest bytes can hold the fewest colors: first they.
    levels = np.empty((count, channels + 5), np.int32)
    if count < _PARALLEL or threads == 1:
        _read_colors(coders["COLR"], levels, channels)
        leaves, within = _read_places(container, coders["POSN"])
    else:
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(_read_places, container, coders["POSN"])
            _read_colors(coders["COLR"], levels, channels)
            leaves, within = other.result()
    classes = quantizer.classes(levels)
    predictions = _shape_predictions(leaves, classes, quantizer)
    for column, prediction in enumerate(predictions, channels):
        values = coders["CHOL"].pop_integers(count, _TOKENS, _MODELS[_NUM_CLASSES].copy(), classes)
        levels[:, column] = zigzag_decode(values) + prediction

    try:
        exponents = quantizer.position_exponents(levels)
    except ValueError as error:
        raise BitstreamError(f"{where['CHOL']}: {error}") from None
    for axis, side in enumerate((header.width, header.height)):
        origin, log_size, exponent = within[axis], within[2 + axis], exponents[:, axis]
        first, bits = _position_bits(origin, log_size, exponent)
        levels[:, axis - 2] = first + coders["POSN"].pop_bits(bits)
        at = _pixels(levels[:, axis - 2], exponent)
        if ((at < origin) | (at >= np.minimum(origin + (1 << log_size), side))).any():
            kind = "leaves" if within is leaves else "pixels"
            raise BitstreamError(f"{where['POSN']}: expected centers within the {kind} and the image, found others")
    for coder in coders.values():
        coder.finish()
    return levels, quantizer


def _read_places(container: Container, positions: RansDecoder) -> Places:
    """Decode what POSN begins with, or BITB instead of it."""
    header = container.header
    size = header.width, header.height
    if not any(section.tag == "BITB" for section in container.sections):
        leaves = pop_points(positions, *size, header.num_gaussians)
        return leaves, leaves
    section = container.section("BITB")
    try:
        stack = RansStack(bytes(section.data))
        pixels = pop_set(stack, header.num_gaussians, size)
        stack.finish()
    except BitstreamError as error:
        raise type(error)(f"section BITB at byte {section.offset}: {error}") from None
    leaves, within, _ = _places_of(pixels, *size)
    return leaves, within


def _read_colors(coder: RansDecoder, levels: Levels, channels: int) -> None:
    """Decode the first columns of `levels`."""
    components = _Components(channels)
    for component, model in enumerate(components.models):
        values = coder.pop_integers(len(levels), _TOKENS, model, components.contexts(component, levels))
        if component == 0:
            levels[:, 0] = values
            negative = coder.pop_bits(values != 0) != 0
            np.negative(levels[:, 0], out=levels[:, 0], where=negative)
        else:
            levels[:, component] = zigzag_decode(values)


def _read_plan(container: Container) -> CompactQuantizer:
    header, section = container.header, container.section("PLAN")
    if header.num_gaussians >= _MAX_COUNT:
        raise BitstreamError(f"header at byte 16: expected fewer than 2^31 Gaussians, found {header.num_gaussians}")
    if header.tile_size and not header.residual:
        raise UnsupportedVersion(f"header at byte 38: expected one tile in the compact plan, found {header.tile_size}")
    try:
        plan = CompactPlan.from_bytes(bytes(section.data))
        return CompactQuantizer(plan, header.width, header.height, header.channels)
    except ValueError as error:
        raise BitstreamError(f"section PLAN at byte {section.offset}: {error}") from None
