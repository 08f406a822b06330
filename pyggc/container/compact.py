"""The compact plan's sections: levels to bytes and back, as ``docs/spec_compact.rst`` defines it.

Gaussians have no order of their own, so none is spent bits on: the image is halved again and again, each time the
number of Gaussians in one half is coded, and the leaves of this tree give the order in which all else follows.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pyggc.container.sections import Section
from pyggc.entropy import (
    AdaptiveModel,
    HybridInteger,
    RansDecoder,
    RansEncoder,
    cdf_from_counts,
    zigzag_decode,
    zigzag_encode,
)
from pyggc.errors import BitstreamError, TruncatedStream, UnsupportedVersion
from pyggc.quantize import MIN_POSITION_EXPONENT, CompactPlan, CompactQuantizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pyggc.container.file import Container

    Ints = NDArray[np.int64]
    Levels = NDArray[np.int32]
    Contexts = NDArray[np.integer]

#: Counts of up to so many Gaussians are coded as they are, larger ones as a sixteenth and the rest of it.
_DIRECT = 15
_NUM_CLASSES = 8
_TOKENS = HybridInteger(num_tokens=16, direct=8, mantissa_bits=0)

#: There are fewer Gaussians than this.
_MAX_COUNT = 1 << 31

#: More tokens than a byte of a stream can hold, however well the models know what comes (docs/spec_compact.rst).
_MAX_TOKENS_A_BYTE = 1 << 15

#: Bit lengths of what decides on a context: larger numbers are in that of the largest.
_BIT_LENGTHS = np.array([number.bit_length() for number in range(513)])

#: The bits of the column in a key that interleaves column and row; those of the row are one place lower.
_COLUMN_BITS = 0xAAAAAAAAAAAAAAAA & (1 << 62) - 1
#: Moving bits apart by these, the last first, and clearing the rest puts those of a number at every other place.
_SHIFTS = (1, 2, 4, 8, 16)
_MASKS = (
    0x5555555555555555,
    0x3333333333333333,
    0x0F0F0F0F0F0F0F0F,
    0x00FF00FF00FF00FF,
    0x0000FFFF0000FFFF,
    0x00000000FFFFFFFF,
)


class Leaves(NamedTuple):
    """Where each Gaussian's leaf lies: origin in pixels, and the sizes' logarithms to the base 2; all of shape (N,).

    `rank` is the Gaussian's place in the order of the positions' interleaved bits.
    """

    x: Levels
    y: Levels
    log_width: Levels
    log_height: Levels
    rank: Levels


@cache
def _split_cdfs() -> NDArray[np.uint16]:
    """Contexts 0 to 13 are counts of 2 to 15, 14 to 19 larger ones by their bit length."""
    counts = np.zeros((20, 16), np.int64)
    for context in range(20):
        n = min(context + 2, _DIRECT)
        # Two parts of a binomial distribution to one of a uniform one.
        counts[context, : n + 1] = [2 * (n + 1) * math.comb(n, k) + 2**n for k in range(n + 1)]
    return cdf_from_counts(counts)


def _split_model() -> AdaptiveModel:
    return AdaptiveModel(16, 20, initial_cdfs=_split_cdfs(), initial_count=16)


def _bit_length(values: Ints) -> Ints:
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def _split_contexts(n: Ints) -> Ints:
    return np.where(n <= _DIRECT, n - 2, _BIT_LENGTHS[np.minimum(n, 512)] + 9)


def _sixteenth(n: Ints, part: Ints) -> tuple[Ints, Ints, Ints]:
    """The first of the counts whose sixteenth is `part`, their number, and how many bits tell them apart."""
    low = -(-part * (n + 1) // 16)
    size = -(-(part + 1) * (n + 1) // 16) - low
    return low, size, _bit_length(size - 1)


def _spread(v: Ints) -> Ints:
    """The bits of numbers below 2^31 at the even places."""
    for shift, mask in zip(_SHIFTS[::-1], _MASKS[-2::-1], strict=True):
        v = (v | (v << shift)) & mask
    return v


def _gather(v: Ints) -> Ints:
    """The bits at the even places: undoes `_spread`."""
    v = v & _MASKS[0]
    for shift, mask in zip(_SHIFTS, _MASKS[1:], strict=True):
        v = (v | (v >> shift)) & mask
    return v


def _interleave(x: Ints, y: Ints) -> Ints:
    """One number of the bits of two, x first, as the tree halves x first."""
    return _spread(x) << 1 | _spread(y)


def _descend(width: int, height: int, count: int, split: Callable[[Ints, Ints, Ints], Ints]) -> Leaves:
    """Walk the tree level by level; `split(key, start, n)` gives how many of a node's Gaussians lie before a key.

    A node's key interleaves the bits of its origin. Those not decided yet are zero, and a halving sets the next one.
    The leaves are in the order of the levels, and within one in that of the nodes.
    """
    depth = 2 * (max(width, height) - 1).bit_length()
    ends = _spread(np.array([height, width], np.int64)) << np.array([0, 1], np.int64)
    # Rows: key, rank of the first Gaussian, number of Gaussians.
    nodes = np.array([[0], [0], [count]], np.int64)[:, : min(count, 1)]
    leaves = []
    for undecided in range(depth, -1, -1):
        done = (nodes[2] == 1) | (undecided == 0)
        leaves.append(nodes.compress(done, axis=1))
        nodes = nodes.compress(~done, axis=1)
        if not nodes.size:
            break
        axis = (undecided - 1) & 1
        beyond = nodes[0] | 1 << (undecided - 1)
        inside = np.flatnonzero((beyond & (_COLUMN_BITS >> (1 - axis))) < ends[axis])
        before = nodes[2].copy()
        before[inside] = split(beyond[inside], nodes[1, inside], nodes[2, inside])
        halves = np.empty((3, 2 * len(before)), np.int64)
        halves[:2, 0::2] = nodes[:2]
        halves[2, 0::2] = before
        halves[0, 1::2] = beyond
        halves[1, 1::2] = nodes[1] + before
        halves[2, 1::2] = nodes[2] - before
        nodes = halves.compress(halves[2] > 0, axis=1)
    bits = np.repeat(depth - np.arange(len(leaves), dtype=np.int32), [leaf.shape[1] for leaf in leaves])
    keys, starts, sizes = np.concatenate(leaves, axis=1)
    x, y, rank = (column.astype(np.int32) for column in (_gather(keys >> 1), _gather(keys), starts))
    # Only where nothing is left to decide may a leaf have more than one.
    if len(keys) < count:
        rank -= np.cumsum(sizes, dtype=np.int32) - sizes.astype(np.int32)
        x, y, bits, rank = (np.repeat(column, sizes) for column in (x, y, bits, rank))
        rank += np.arange(count, dtype=np.int32)
    return Leaves(x, y, bits >> 1, (bits + 1) >> 1, rank)


def _encode_tree(coder: RansEncoder, width: int, height: int, keys: Ints) -> Leaves:
    model = _split_model()

    def split(key: Ints, start: Ints, n: Ints) -> Ints:
        before = np.searchsorted(keys, key) - start
        large = n > _DIRECT
        part = before * 16 // (n + 1)
        coder.push(np.where(large, part, before), model, _split_contexts(n))
        low, _, bits = _sixteenth(n[large], part[large])
        coder.push_bits(before[large] - low, bits)
        return before

    return _descend(width, height, len(keys), split)


def _decode_tree(coder: RansDecoder, width: int, height: int, count: int, where: str) -> Leaves:
    model = _split_model()

    def split(key: Ints, start: Ints, n: Ints) -> Ints:
        before = coder.pop(len(n), model, _split_contexts(n)).astype(np.int64)
        large = n > _DIRECT
        low, size, bits = _sixteenth(n[large], before[large])
        rest = coder.pop_bits(bits)
        before[large] = low + rest
        if (rest >= size).any() or (before > n).any():
            raise BitstreamError(f"{where}: expected no more Gaussians in a half than in the whole, found more")
        return before

    return _descend(width, height, count, split)


def _position_bits(origin: Levels, log_size: Levels, exponent: Levels) -> tuple[Levels, Levels]:
    """The index of the first position of each leaf along an axis, and how many bits tell the others."""
    first = (origin << np.maximum(-exponent, 0)) >> np.maximum(exponent, 0)
    return first, np.maximum(log_size - exponent, 0)


def _pixels(positions: Levels, exponents: Levels) -> Ints:
    """The columns or rows of the pixels that hold the centers of positions: floor((i + 1/2) 2^exponent)."""
    doubled = 2 * positions.astype(np.int64) + 1
    return doubled << (exponents - MIN_POSITION_EXPONENT) >> (1 - MIN_POSITION_EXPONENT)


def _shape_predictions(leaves: Leaves, classes: Levels, quantizer: CompactQuantizer) -> tuple[Levels, Levels, Levels]:
    """What the size of the leaf and the amplitude let expect of the two scales and the shear, in their steps."""
    octaves = leaves.log_width + leaves.log_height
    steps = np.maximum(quantizer.plan.scale_step >> classes, 1)
    first = (8 * octaves + 9 * classes + 24 + steps // 2) // steps
    second = (9 * octaves + 17 * classes - 16 + steps // 2) // steps
    return first, second, np.zeros_like(first)


class _Components:
    """The color components in coding order: the model of each, and its contexts from those before it."""

    def __init__(self, channels: int) -> None:
        self.models = [AdaptiveModel(16), AdaptiveModel(16, 8), AdaptiveModel(16, 12), AdaptiveModel(16, 8)][:channels]

    @staticmethod
    def contexts(component: int, levels: Levels) -> Ints | None:
        if component == 0:
            return None
        luma = _BIT_LENGTHS[np.minimum(np.abs(levels[:, 0]), 64)]
        if component == 2:
            return _BIT_LENGTHS[np.minimum(np.abs(levels[:, 1]), 16)] * 2 + (luma > 4)
        return luma


def _push_integers(coder: RansEncoder, values: Ints, model: AdaptiveModel, contexts: Contexts | None) -> None:
    if values.size and values.max() > _TOKENS.max_value:
        raise ValueError(f"levels must be within what tokens reach, {_TOKENS.max_value}, after prediction and zigzag")
    tokens, extra, widths = _TOKENS.encode(values)
    coder.push(tokens, model, contexts)
    coder.push_bits(extra, widths)


def _pop_integers(coder: RansDecoder, count: int, model: AdaptiveModel, contexts: Contexts | None) -> Ints:
    tokens = coder.pop(count, model, contexts)
    return _TOKENS.decode(tokens, coder.pop_bits(_TOKENS.num_extra_bits(tokens))).astype(np.int64)


def write_levels(levels: Levels, quantizer: CompactQuantizer) -> list[Section]:
    """Code levels into the four sections of the compact plan.

    Parameters
    ----------
    levels : ndarray of int32, shape (N, C + 5)
        As `CompactQuantizer.quantize` gives them. Their order is not kept.
    quantizer : CompactQuantizer
        The plan and the size of the image.

    Returns
    -------
    list of Section
        PLAN, POSN, COLR and CHOL.

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
    keys = _interleave(at[:, 0], at[:, 1])
    by_key = np.argsort(keys, kind="stable")
    positions = RansEncoder()
    leaves = _encode_tree(positions, quantizer.width, quantizer.height, keys[by_key])
    order = by_key[leaves.rank]
    levels, exponents = np.ascontiguousarray(levels[order]), exponents[order]
    for axis in range(2):
        first, bits = _position_bits(leaves[axis], leaves[2 + axis], exponents[:, axis])
        positions.push_bits(levels[:, axis - 2] - first, bits)

    colors, components = RansEncoder(), _Components(channels)
    for component, model in enumerate(components.models):
        values = levels[:, component].astype(np.int64)
        if component == 0:
            _push_integers(colors, np.abs(values), model, None)
            colors.push_bits(values < 0, values != 0)
        else:
            contexts = components.contexts(component, levels)
            _push_integers(colors, zigzag_encode(values).astype(np.int64), model, contexts)

    shapes, classes = RansEncoder(), quantizer.classes(levels)
    predictions = _shape_predictions(leaves, classes, quantizer)
    for column, prediction in enumerate(predictions, channels):
        difference = levels[:, column] - prediction
        _push_integers(shapes, zigzag_encode(difference).astype(np.int64), AdaptiveModel(16, _NUM_CLASSES), classes)
    return [
        Section("PLAN", quantizer.plan.to_bytes()),
        Section("POSN", positions.finish()),
        Section("COLR", colors.finish()),
        Section("CHOL", shapes.finish()),
    ]


def read_levels(container: Container) -> tuple[Levels, CompactQuantizer]:
    """Decode the sections of the compact plan.

    Parameters
    ----------
    container : Container
        A parsed file of the compact plan.

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
    components = _Components(channels)
    for component, model in enumerate(components.models):
        contexts = components.contexts(component, levels)
        values = _pop_integers(coders["COLR"], count, model, contexts)
        if component == 0:
            negative = coders["COLR"].pop_bits(values != 0)
            levels[:, 0] = np.where(negative, -values, values)
        else:
            levels[:, component] = zigzag_decode(values)

    leaves = _decode_tree(coders["POSN"], header.width, header.height, count, where["POSN"])
    classes = quantizer.classes(levels)
    predictions = _shape_predictions(leaves, classes, quantizer)
    for column, prediction in enumerate(predictions, channels):
        values = _pop_integers(coders["CHOL"], count, AdaptiveModel(16, _NUM_CLASSES), classes)
        levels[:, column] = zigzag_decode(values) + prediction

    try:
        exponents = quantizer.position_exponents(levels)
    except ValueError as error:
        raise BitstreamError(f"{where['CHOL']}: {error}") from None
    for axis, side in enumerate((header.width, header.height)):
        origin, log_size, exponent = leaves[axis], leaves[2 + axis], exponents[:, axis]
        first, bits = _position_bits(origin, log_size, exponent)
        levels[:, axis - 2] = first + coders["POSN"].pop_bits(bits)
        at = _pixels(levels[:, axis - 2], exponent)
        if ((at < origin) | (at >= np.minimum(origin + (1 << log_size), side))).any():
            raise BitstreamError(f"{where['POSN']}: expected centers within the leaves and the image, found others")
    for coder in coders.values():
        coder.finish()
    return levels, quantizer


def _read_plan(container: Container) -> CompactQuantizer:
    header, section = container.header, container.section("PLAN")
    if header.num_gaussians >= _MAX_COUNT:
        raise BitstreamError(f"header at byte 16: expected fewer than 2^31 Gaussians, found {header.num_gaussians}")
    if header.tile_size:
        raise UnsupportedVersion(f"header at byte 38: expected one tile in the compact plan, found {header.tile_size}")
    try:
        plan = CompactPlan.from_bytes(bytes(section.data))
        return CompactQuantizer(plan, header.width, header.height, header.channels)
    except ValueError as error:
        raise BitstreamError(f"section PLAN at byte {section.offset}: {error}") from None
