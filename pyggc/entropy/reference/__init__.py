"""The streams of `pyggc.entropy` in plain Python: slow, short, and the same bytes.

The tests hold the compiled coders against these modules: same bytes, same final states, same adapted CDFs. They take
one symbol at a time and follow ``docs/spec_entropy.rst`` line by line; they do not validate their arguments.
"""

from pyggc.entropy.reference.frequency import ReferenceFrequencyModel, ReferenceStaticModel, scaled_cdf
from pyggc.entropy.reference.range import ReferenceRangeDecoder, ReferenceRangeEncoder, cut_range, range_bits
from pyggc.entropy.reference.rans import ReferenceDecoder, ReferenceEncoder, ReferenceModel, adapt_cdf

__all__ = [
    "ReferenceDecoder",
    "ReferenceEncoder",
    "ReferenceFrequencyModel",
    "ReferenceModel",
    "ReferenceRangeDecoder",
    "ReferenceRangeEncoder",
    "ReferenceStaticModel",
    "adapt_cdf",
    "cut_range",
    "range_bits",
    "scaled_cdf",
]
