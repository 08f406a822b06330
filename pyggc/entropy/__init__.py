"""Integers to bytes and back: adaptive models, the rANS coder that runs them, tokens, point sets, bits.

Models and coders are orthogonal: a model gives a symbol its interval of 2^15 and adapts, a coder stores intervals.
The streams are specified in ``docs/spec_entropy.rst``.
"""

from pyggc.entropy.bits import pack_bits, unpack_bits
from pyggc.entropy.models import AdaptiveModel, cdf_from_counts
from pyggc.entropy.points import Leaves, pop_points, push_points
from pyggc.entropy.rans import RansDecoder, RansEncoder
from pyggc.entropy.tokens import HybridInteger, zigzag_decode, zigzag_encode

__all__ = [
    "AdaptiveModel",
    "HybridInteger",
    "Leaves",
    "RansDecoder",
    "RansEncoder",
    "cdf_from_counts",
    "pack_bits",
    "pop_points",
    "push_points",
    "unpack_bits",
    "zigzag_decode",
    "zigzag_encode",
]
