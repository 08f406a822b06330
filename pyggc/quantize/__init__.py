"""Floats to integers and back. The compact plan is specified in ``docs/spec_compact.rst``."""

from pyggc.quantize.compact import MIN_POSITION_EXPONENT, CompactPlan, CompactQuantizer, finest_color_step

__all__ = ["MIN_POSITION_EXPONENT", "CompactPlan", "CompactQuantizer", "finest_color_step"]
