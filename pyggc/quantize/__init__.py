"""Floats to integers and back. The compact plan is specified in ``docs/spec_compact.rst``."""

from pyggc._native._quantize import MIN_POSITION_EXPONENT
from pyggc.quantize.compact import CompactPlan, CompactQuantizer, finest_color_steps, split_bright

__all__ = ["MIN_POSITION_EXPONENT", "CompactPlan", "CompactQuantizer", "finest_color_steps", "split_bright"]
