"""Coders: what turns intervals into bytes. One file a coder."""

from pyggc.entropy.coders.base import Decoder, Encoder
from pyggc.entropy.coders.boolean import BoolDecoder, BoolEncoder
from pyggc.entropy.coders.range import RangeDecoder, RangeEncoder
from pyggc.entropy.coders.rans import RansDecoder, RansEncoder
from pyggc.entropy.coders.stack import RansStack, StackPosition

__all__ = [
    "BoolDecoder",
    "BoolEncoder",
    "Decoder",
    "Encoder",
    "RangeDecoder",
    "RangeEncoder",
    "RansDecoder",
    "RansEncoder",
    "RansStack",
    "StackPosition",
]
