"""Models: what a coder asks for the interval of a symbol, and tells which one it was. One file a kind."""

from pyggc.entropy.models.base import CDF_BITS, CDF_TOTAL, Model, cdf_from_counts
from pyggc.entropy.models.dyadic import DyadicModel
from pyggc.entropy.models.frequency import FrequencyModel
from pyggc.entropy.models.parametric import ParametricModel
from pyggc.entropy.models.static import StaticModel
from pyggc.entropy.models.tree import TreeModel, balanced_tree, huffman_tree, unary_tree

__all__ = [
    "CDF_BITS",
    "CDF_TOTAL",
    "DyadicModel",
    "FrequencyModel",
    "Model",
    "ParametricModel",
    "StaticModel",
    "TreeModel",
    "balanced_tree",
    "cdf_from_counts",
    "huffman_tree",
    "unary_tree",
]
