"""pyggc: images as 2-D Gaussians, in a real file, with the same pixels everywhere."""

from pyggc import evaluate, transforms
from pyggc._build_info import build_info
from pyggc.codec import EncodeReport, GaussianDecoder, GaussianEncoder, decode, decode_strips, encode
from pyggc.container import Limits
from pyggc.fit import FitProgress
from pyggc.gaussians import Gaussians2D

__version__ = "0.1.0"

__all__ = [
    "EncodeReport",
    "FitProgress",
    "GaussianDecoder",
    "GaussianEncoder",
    "Gaussians2D",
    "Limits",
    "build_info",
    "decode",
    "decode_strips",
    "encode",
    "evaluate",
    "transforms",
]
