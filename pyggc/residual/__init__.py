"""What the Gaussians leave of an image, and tiles without any loss.

The streams are specified in ``docs/spec_lossless.rst``.
"""

from pyggc.residual.lossless import decode_lossless_tile, encode_lossless_tile

__all__ = ["decode_lossless_tile", "encode_lossless_tile"]
