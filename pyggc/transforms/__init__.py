"""Reversible integer transforms: discrete cosine, Walsh-Hadamard, colors, and the lifting steps they are made of.

All of them map integers to integers of the same type, one to one, with the scaling of orthonormal transforms; the
inverse gives back every bit. They follow draft-terriberry-netvc-codingtools-01, section 3.
"""

from pyggc.transforms.blocks import DCT, WHT, BlockTransform
from pyggc.transforms.color import RCT, YCOCG_R, ColorTransform
from pyggc.transforms.lifting import Butterfly, Rotation, ScaledRotation, SumDifference

__all__ = [
    "DCT",
    "RCT",
    "WHT",
    "YCOCG_R",
    "BlockTransform",
    "Butterfly",
    "ColorTransform",
    "Rotation",
    "ScaledRotation",
    "SumDifference",
]
