"""What the Gaussians leave of an image: from a little sharper to bit-exact.

`write_layer` codes the difference between an image and its exact Gaussian base in tiles that are decoded each by
itself; `LayerReader` gives any of them back. ``docs/spec_residual.rst`` is normative.
"""

from pyggc.residual.base import GRAY, render_base
from pyggc.residual.layer import Layer, LayerReader, write_layer
from pyggc.residual.lossless import decode_lossless_tile, encode_lossless_tile
from pyggc.residual.plan import MAX_STEP, LossyPlan, step_unit
from pyggc.residual.tiles import MAX_SIDE, SIDE_UNIT
from pyggc.residual.transform import BIT_COST

__all__ = [
    "BIT_COST",
    "GRAY",
    "MAX_SIDE",
    "MAX_STEP",
    "SIDE_UNIT",
    "Layer",
    "LayerReader",
    "LossyPlan",
    "decode_lossless_tile",
    "encode_lossless_tile",
    "render_base",
    "step_unit",
    "write_layer",
]
