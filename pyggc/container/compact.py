"""The compact plan's sections: levels to bytes and back, as ``docs/spec_compact.rst`` defines it.

Gaussians have no order of their own, so none is spent bits on: the image is halved again and again, each time the
number of Gaussians in one half is coded, and the leaves of this tree give the order in which all else follows.
"""

from __future__ import annotations

import math
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
from pyggc.errors import BitstreamError
from pyggc.quantize import CompactPlan, CompactQuantizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pyggc.container.file import Container

    Ints = NDArray[np.int64]

#: Counts of up to so many Gaussians are coded as they are, larger ones as a sixteenth and the rest of it.
_DIRECT = 15
_NUM_CLASSES = 8
_TOKENS = HybridInteger(num_tokens=16, direct=8, mantissa_bits=0)


class Leaves(NamedTuple):
    """Where each Gaussian's leaf lies: origin in pixels, and the sizes' logarithms to the base 2; all of shape (N,).

    `rank` is the Gaussian's place in the order of the positions' interleaved bits.
    """

    x: Ints
    y: Ints
    log_width: Ints
    log_height: Ints
    rank: Ints


def _split_model() -> AdaptiveModel:
    """Contexts 0 to 13 are counts of 2 to 15, 14 to 19 larger ones by their bit length."""
    cdfs = []
    for context in range(20):
        n = min(context + 2, _DIRECT)
        # Two parts of a binomial distribution to one of a uniform one.
        cdfs.append(cdf_from_counts([2 * (n + 1) * math.comb(n, k) + 2**n if k <= n else 0 for k in range(16)]))
    return AdaptiveModel(16, 20, initial_cdfs=np.array(cdfs), initial_count=16)


def _bit_length(values: Ints) -> Ints:
    return np.frexp(np.abs(values).astype(np.float64))[1].astype(np.int64)


def _split_contexts(n: Ints) -> Ints:
    return np.where(n <= _DIRECT, n - 2, np.minimum(_bit_length(n) + 9, 19))


def _sixteenth(n: Ints, part: Ints) -> tuple[Ints, Ints]:
    """The first of the counts whose sixteenth is `part`, and how many bits the rest needs."""
    low = -(-part * (n + 1) // 16)
    size = -(-(part + 1) * (n + 1) // 16) - low
    return low, _bit_length(np.maximum(size - 1, 0))


def _descend(width: int, height: int, count: int, split: Callable[[Ints, Ints, Ints, Ints], Ints]) -> Leaves:
    """Walk the tree level by level; `split(x, y, start, n)` gives how many of a node's Gaussians lie before (x, y).

    The leaves are in the order of the levels, and within one in that of the nodes.
    """
    log_size = [(max(width, height) - 1).bit_length()] * 2
    # A row a node: origin in x and y, rank of its first Gaussian, number of Gaussians.
    nodes = np.array([[0, 0, 0, count]], np.int64)[: min(count, 1)]
    leaves = [np.empty((0, 5), np.int64)]
    while len(nodes):
        n = nodes[:, 3]
        done = (n == 1) | (sum(log_size) == 0)
        size = n[done]
        leaf = np.repeat(np.insert(nodes[done, :3], 2, np.array(log_size)[:, np.newaxis], axis=1), size, axis=0)
        leaf[:, 4] += np.arange(len(leaf)) - np.repeat(np.cumsum(size) - size, size)
        leaves.append(leaf)
        nodes = nodes[~done]
        if not len(nodes):
            break
        axis = 0 if log_size[0] >= log_size[1] else 1
        log_size[axis] -= 1
        beyond = nodes.copy()
        beyond[:, axis] += 1 << log_size[axis]
        before = nodes[:, 3].copy()
        inside = beyond[:, axis] < (width, height)[axis]
        if inside.any():
            before[inside] = split(*beyond[inside].T)
        beyond[:, 2] += before
        beyond[:, 3] -= before
        nodes[:, 3] = before
        nodes = np.stack((nodes, beyond), axis=1).reshape(-1, 4)
        nodes = nodes[nodes[:, 3] > 0]
    return Leaves(*np.concatenate(leaves).T)


def _spread(v: Ints) -> Ints:
    """The bits of numbers below 2^20 at the even places."""
    for shift, mask in ((16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F)):
        v = (v | (v << shift)) & mask
    for shift, mask in ((2, 0x3333333333333333), (1, 0x5555555555555555)):
        v = (v | (v << shift)) & mask
    return v


def _interleave(x: Ints, y: Ints) -> Ints:
    """One number of the bits of two, x first, as the tree halves x first."""
    return _spread(x) << 1 | _spread(y)


def _encode_tree(coder: RansEncoder, width: int, height: int, keys: Ints) -> Leaves:
    model = _split_model()

    def split(x: Ints, y: Ints, start: Ints, n: Ints) -> Ints:
        before = np.searchsorted(keys, _interleave(x, y)) - start
        direct = n <= _DIRECT
        part = before * 16 // (n + 1)
        coder.push(np.where(direct, before, part), model, _split_contexts(n))
        low, bits = _sixteenth(n[~direct], part[~direct])
        coder.push_bits(before[~direct] - low, bits)
        return before

    return _descend(width, height, len(keys), split)


def _decode_tree(coder: RansDecoder, width: int, height: int, count: int, fail: Callable[[str], Exception]) -> Leaves:
    model = _split_model()

    def split(x: Ints, y: Ints, start: Ints, n: Ints) -> Ints:
        before = coder.pop(len(n), model, _split_contexts(n)).astype(np.int64)
        large = n > _DIRECT
        low, bits = _sixteenth(n[large], before[large])
        before[large] = low + coder.pop_bits(bits).astype(np.int64)
        if (before > n).any():
            raise fail("a half of the image has more Gaussians than the whole")
        return before

    return _descend(width, height, count, split)


def _position_bits(leaves: Leaves, exponents: Ints) -> tuple[Ints, Ints]:
    """The index of the first position of each leaf and axis, and how many bits tell the others, both (2, N)."""
    first, bits = [], []
    for origin, log_size, exponent in zip(leaves[:2], leaves[2:4], exponents.T, strict=True):
        first.append(np.where(exponent > 0, origin >> np.maximum(exponent, 0), origin << np.maximum(-exponent, 0)))
        bits.append(np.maximum(log_size - exponent, 0))
    return np.array(first, np.int64), np.array(bits, np.int64)


def _scale_predictions(leaves: Leaves, classes: Ints, quantizer: CompactQuantizer) -> tuple[Ints, Ints]:
    """What the size of the leaf and the amplitude let expect of the two scales, in their steps."""
    octaves = leaves.log_width + leaves.log_height
    steps = np.maximum(quantizer.plan.scale_step >> classes, 1)
    first = (8 * octaves + 9 * classes + 24 + steps // 2) // steps
    second = (9 * octaves + 17 * classes - 16 + steps // 2) // steps
    return first, second


class _Components:
    """The color components in coding order: the model of each, and its contexts from those before it."""

    def __init__(self, channels: int) -> None:
        self.models = [AdaptiveModel(16), AdaptiveModel(16, 8), AdaptiveModel(16, 12), AdaptiveModel(16, 8)][:channels]

    @staticmethod
    def contexts(component: int, levels: NDArray[np.int32]) -> Ints | None:
        if component == 0:
            return None
        luma = np.minimum(_bit_length(levels[:, 0]), 7)
        if component == 2:
            return np.minimum(_bit_length(levels[:, 1]), 5) * 2 + (luma > 4)
        return luma


def _push_integers(coder: RansEncoder, values: Ints, model: AdaptiveModel, contexts: Ints | None) -> None:
    tokens, extra, widths = _TOKENS.encode(values)
    coder.push(tokens, model, contexts)
    coder.push_bits(extra, widths)


def _pop_integers(coder: RansDecoder, count: int, model: AdaptiveModel, contexts: Ints | None) -> Ints:
    tokens = coder.pop(count, model, contexts)
    return _TOKENS.decode(tokens, coder.pop_bits(_TOKENS.num_extra_bits(tokens))).astype(np.int64)


def write_levels(levels: NDArray[np.int32], quantizer: CompactQuantizer) -> list[Section]:
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
        If a level is beyond what the tokens reach, +-1023.
    """
    channels = quantizer.channels
    exponents = quantizer.position_exponents(levels).astype(np.int64)
    at = np.ldexp(levels[:, -2:] + 0.5, exponents).astype(np.int64)
    keys = _interleave(at[:, 0], at[:, 1])
    by_key = np.argsort(keys, kind="stable")
    positions = RansEncoder()
    leaves = _encode_tree(positions, quantizer.width, quantizer.height, keys[by_key])
    order = by_key[leaves.rank]
    levels, exponents = np.ascontiguousarray(levels[order]), exponents[order]
    first, bits = _position_bits(leaves, exponents)
    for axis in range(2):
        positions.push_bits(np.where(bits[axis] > 0, levels[:, axis - 2] - first[axis], 0), bits[axis])

    colors, components = RansEncoder(), _Components(channels)
    for component, model in enumerate(components.models):
        column = levels[:, component].astype(np.int64)
        if component == 0:
            _push_integers(colors, np.abs(column), model, None)
            colors.push_bits(column < 0, column != 0)
        else:
            contexts = components.contexts(component, levels)
            _push_integers(colors, zigzag_encode(column).astype(np.int64), model, contexts)

    shapes, classes = RansEncoder(), quantizer.classes(levels).astype(np.int64)
    predictions = *_scale_predictions(leaves, classes, quantizer), np.zeros_like(classes)
    for column, prediction in enumerate(predictions, channels):
        difference = levels[:, column] - prediction
        _push_integers(shapes, zigzag_encode(difference).astype(np.int64), AdaptiveModel(16, _NUM_CLASSES), classes)
    return [
        Section("PLAN", quantizer.plan.to_bytes()),
        Section("POSN", positions.finish()),
        Section("COLR", colors.finish()),
        Section("CHOL", shapes.finish()),
    ]


def read_levels(container: Container) -> tuple[NDArray[np.int32], CompactQuantizer]:
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
    section = container.section("PLAN")
    try:
        plan = CompactPlan.from_bytes(bytes(section.data))
    except ValueError as error:
        raise BitstreamError(f"section PLAN at byte {section.offset}: {error}") from None
    quantizer = CompactQuantizer(plan, header.width, header.height, header.channels)
    count, channels = header.num_gaussians, header.channels
    coders, where = {}, {}
    for tag in ("POSN", "COLR", "CHOL"):
        section = container.section(tag)
        where[tag] = f"section {tag} at byte {section.offset}"
        coders[tag] = RansDecoder(section.data, section=where[tag])

    levels = np.zeros((count, channels + 5), np.int32)
    leaves = _decode_tree(
        coders["POSN"], header.width, header.height, count, lambda text: BitstreamError(f"{where['POSN']}: {text}")
    )
    components = _Components(channels)
    for component, model in enumerate(components.models):
        contexts = components.contexts(component, levels)
        values = _pop_integers(coders["COLR"], count, model, contexts)
        if component == 0:
            negative = coders["COLR"].pop_bits(values != 0)
            levels[:, 0] = np.where(negative, -values, values)
        else:
            levels[:, component] = zigzag_decode(values)

    classes = quantizer.classes(levels).astype(np.int64)
    predictions = *_scale_predictions(leaves, classes, quantizer), np.zeros_like(classes)
    for column, prediction in enumerate(predictions, channels):
        values = _pop_integers(coders["CHOL"], count, AdaptiveModel(16, _NUM_CLASSES), classes)
        levels[:, column] = zigzag_decode(values) + prediction

    first, bits = _position_bits(leaves, quantizer.position_exponents(levels).astype(np.int64))
    for axis in range(2):
        levels[:, axis - 2] = first[axis] + coders["POSN"].pop_bits(bits[axis])
    for coder in coders.values():
        coder.finish()
    return levels, quantizer
