"""What rANS queues share: logs of steps with stacks, the reciprocals of frequencies with all that encode."""

from libc.stddef cimport size_t
from libc.stdint cimport uint32_t, uint64_t

from pyggc._native._entropy cimport Exclusive


cdef extern from "ggc/reciprocal.h" nogil:
    ctypedef struct ggc_reciprocal:
        pass
    ggc_reciprocal ggc_reciprocal_of(uint32_t f)

cdef extern from "ggc/rans.h" nogil:
    enum:
        GGC_RANS_MAX_STATES
    const uint64_t GGC_RANS_INITIAL
    const uint64_t GGC_RANS_LOWER
    ctypedef struct ggc_step_log:
        uint32_t *steps
        size_t size
        size_t capacity

cdef extern from "ggc/memory.h" nogil:
    void ggc_prefer_large_pages(void *block, size_t size)


cdef class StepLog(Exclusive):
    """What a queue remembers of its forward pass."""

    cdef ggc_step_log log
    cdef double bits
    cdef size_t counted
    cdef readonly tuple state


cdef ggc_reciprocal *reciprocals() except NULL
