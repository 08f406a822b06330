"""The streams of `pyggc.entropy` in plain Python: slow, short, and the same bytes.

The tests hold the compiled coders against these modules: same bytes, same final states, same adapted CDFs. They take
one symbol at a time and follow the pages of the specification line by line; they do not validate their arguments.
"""

from pyggc.entropy.reference.boolean import ReferenceBoolDecoder, ReferenceBoolEncoder, half_probability
from pyggc.entropy.reference.frequency import ReferenceFrequencyModel, ReferenceStaticModel, scaled_cdf
from pyggc.entropy.reference.parametric import ReferenceParametricModel, parametric_cdf, track_mean
from pyggc.entropy.reference.range import ReferenceRangeDecoder, ReferenceRangeEncoder, cut_range, range_bits
from pyggc.entropy.reference.rans import ReferenceDecoder, ReferenceEncoder, ReferenceModel, adapt_cdf

__all__ = [
    "ReferenceBoolDecoder",
    "ReferenceBoolEncoder",
    "ReferenceDecoder",
    "ReferenceEncoder",
    "ReferenceFrequencyModel",
    "ReferenceModel",
    "ReferenceParametricModel",
    "ReferenceRangeDecoder",
    "ReferenceRangeEncoder",
    "ReferenceStaticModel",
    "adapt_cdf",
    "cut_range",
    "half_probability",
    "parametric_cdf",
    "range_bits",
    "scaled_cdf",
    "track_mean",
]
