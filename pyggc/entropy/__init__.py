"""Integers to bytes and back: models, coders, tokens, point sets, sets of any rows, bits.

Models and coders are orthogonal: a model gives a symbol its interval and learns from it, a coder stores intervals. The
streams are specified in ``docs/spec_entropy.rst``, ``docs/spec_entropy_range.rst`` and ``docs/spec_entropy_bool.rst``.
"""

from pyggc.entropy.adaptation import count_symbols, pop_adapted, push_adapted
from pyggc.entropy.bits import pack_bits, unpack_bits
from pyggc.entropy.coders import (
    BoolDecoder,
    BoolEncoder,
    Decoder,
    Encoder,
    RangeDecoder,
    RangeEncoder,
    RansDecoder,
    RansEncoder,
    RansStack,
    StackPosition,
)
from pyggc.entropy.models import (
    DyadicModel,
    FrequencyModel,
    Model,
    ParametricModel,
    StaticModel,
    TreeModel,
    balanced_tree,
    cdf_from_counts,
    huffman_tree,
    unary_tree,
)
from pyggc.entropy.points import Leaves, point_leaves, pop_points, push_points
from pyggc.entropy.segments import decode_segments, encode_segments
from pyggc.entropy.sets import pop_set, push_set, set_savings
from pyggc.entropy.tokens import EscapedInteger, HybridInteger, zigzag_decode, zigzag_encode
from pyggc.entropy.updates import pop_cdfs, push_cdfs

__all__ = [
    "BoolDecoder",
    "BoolEncoder",
    "Decoder",
    "DyadicModel",
    "Encoder",
    "EscapedInteger",
    "FrequencyModel",
    "HybridInteger",
    "Leaves",
    "Model",
    "ParametricModel",
    "RangeDecoder",
    "RangeEncoder",
    "RansDecoder",
    "RansEncoder",
    "RansStack",
    "StackPosition",
    "StaticModel",
    "TreeModel",
    "balanced_tree",
    "cdf_from_counts",
    "count_symbols",
    "decode_segments",
    "encode_segments",
    "huffman_tree",
    "pack_bits",
    "point_leaves",
    "pop_adapted",
    "pop_cdfs",
    "pop_points",
    "pop_set",
    "push_adapted",
    "push_cdfs",
    "push_points",
    "push_set",
    "set_savings",
    "unary_tree",
    "unpack_bits",
    "zigzag_decode",
    "zigzag_encode",
]
