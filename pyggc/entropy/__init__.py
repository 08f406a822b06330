"""Integers to bytes and back: models, coders, tokens, point sets, sets of any rows, bits.

Models and coders are orthogonal: a model gives a symbol its interval and learns from it, a coder stores intervals. The
streams are specified in ``docs/spec_entropy.rst``.
"""

from pyggc.entropy.bits import pack_bits, unpack_bits
from pyggc.entropy.coders import Decoder, Encoder, RansDecoder, RansEncoder, RansStack, StackPosition
from pyggc.entropy.models import DyadicModel, Model, StaticModel, cdf_from_counts
from pyggc.entropy.points import Leaves, point_leaves, pop_points, push_points
from pyggc.entropy.sets import pop_set, push_set, set_savings
from pyggc.entropy.tokens import EscapedInteger, HybridInteger, zigzag_decode, zigzag_encode

__all__ = [
    "Decoder",
    "DyadicModel",
    "Encoder",
    "EscapedInteger",
    "HybridInteger",
    "Leaves",
    "Model",
    "RansDecoder",
    "RansEncoder",
    "RansStack",
    "StackPosition",
    "StaticModel",
    "cdf_from_counts",
    "pack_bits",
    "point_leaves",
    "pop_points",
    "pop_set",
    "push_points",
    "push_set",
    "set_savings",
    "unpack_bits",
    "zigzag_decode",
    "zigzag_encode",
]
