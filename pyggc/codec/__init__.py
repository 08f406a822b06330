"""The pipeline: an image to the bytes of a `.ggc` file, and back."""

from pyggc.codec.decoder import GaussianDecoder, decode, decode_strips
from pyggc.codec.encoder import EncodeReport, GaussianEncoder, encode

__all__ = ["EncodeReport", "GaussianDecoder", "GaussianEncoder", "decode", "decode_strips", "encode"]
