"""Integers to bytes and back: models, coders, tokens, point sets, bits.

Models and coders are orthogonal: a model gives a symbol its interval and learns from it, a coder stores intervals. The
streams are specified in ``docs/spec_entropy.rst``.
"""

from pyggc.entropy.bits import pack_bits, unpack_bits
from pyggc.entropy.coders import (
    Decoder,
    Encoder,
    RangeDecoder,
    RangeEncoder,
    RansDecoder,
    RansEncoder,
    RansStack,
    StackPosition,
)
from pyggc.entropy.models import DyadicModel, FrequencyModel, Model, StaticModel, cdf_from_counts
from pyggc.entropy.points import Leaves, pop_points, push_points
from pyggc.entropy.tokens import EscapedInteger, HybridInteger, zigzag_decode, zigzag_encode

__all__ = [
    "Decoder",
    "DyadicModel",
    "Encoder",
    "EscapedInteger",
    "FrequencyModel",
    "HybridInteger",
    "Leaves",
    "Model",
    "RangeDecoder",
    "RangeEncoder",
    "RansDecoder",
    "RansEncoder",
    "RansStack",
    "StackPosition",
    "StaticModel",
    "cdf_from_counts",
    "pack_bits",
    "pop_points",
    "push_points",
    "unpack_bits",
    "zigzag_decode",
    "zigzag_encode",
]
