"""The pipeline: an image to the bytes of a `.ggc` file, and back."""

from pyggc.codec.decoder import GaussianDecoder, decode
from pyggc.codec.encoder import EncodeReport, GaussianEncoder, encode

__all__ = ["EncodeReport", "GaussianDecoder", "GaussianEncoder", "decode", "encode"]
