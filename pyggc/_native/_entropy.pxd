"""What the coders' modules share: models, and arrays of integers of any type."""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "ggc/views.h" nogil:
    ctypedef struct ggc_view:
        void *data
        size_t itemsize
        int is_signed
        size_t stride
    enum:
        GGC_MAX_RAW
    size_t ggc_view_check(const ggc_view *view, size_t n, uint64_t limit)
    void ggc_view_read_u32(const ggc_view *view, size_t begin, size_t n, uint64_t limit, uint32_t *target)

cdef extern from "ggc/model.h" nogil:
    enum:
        GGC_CDF_BITS
        GGC_CDF_TOTAL
        GGC_LANES
    ctypedef enum ggc_kind:
        GGC_DYADIC
        GGC_DYADIC_MIXED
        GGC_STATIC
        GGC_PARAMETRIC
        GGC_FREQUENCY
    ctypedef struct ggc_dyadic:
        uint16_t *lanes
        uint16_t *counts
        uint32_t num_contexts
        int num_symbols
        int num_rates
        int rate[2]
        uint32_t num_gains[2]
        const uint16_t *gains[2]
        uint16_t saturation
    ctypedef struct ggc_static_put:
        pass
    ctypedef struct ggc_static:
        const uint16_t *ends
        const uint32_t *steps
        const uint16_t *first
        const ggc_static_put *puts
        const uint8_t *adds
        uint32_t num_symbols
        int lookup_bits
    ctypedef struct ggc_parametric:
        const uint16_t *lanes
        uint32_t *expected
        uint16_t *counts
        int center
        int fraction_bits
        int rate
        int adapts
        uint16_t saturation
    ctypedef struct ggc_frequency:
        uint16_t *lanes
        uint32_t num_symbols
        uint32_t stride
        uint32_t increment
        uint32_t limit
    ctypedef union ggc_model_of:
        ggc_dyadic dyadic
        ggc_static fixed
        ggc_parametric parametric
        ggc_frequency frequency
    ctypedef struct ggc_model:
        ggc_kind kind
        uint32_t num_symbols
        uint32_t num_contexts
        int wide
        ggc_model_of of
    int ggc_run_wide()
    void ggc_model_run_native(const ggc_model *m, const uint16_t *symbols, const uint32_t *contexts, uint32_t context,
                              size_t n, uint32_t *steps, uint32_t *totals)


cdef class Integers:
    """An array of integers that is read or written where it is."""

    cdef Py_buffer buffer
    cdef object array
    cdef ggc_view view
    cdef size_t size


cdef class Exclusive:
    """What one thread uses at a time: a coder, whose role is what messages call it."""

    cdef bint busy
    cdef str role

    cdef int check_idle(self) except -1
    cdef int acquire(self) except -1


cdef class Bank:
    """A model: what its contexts share, and the state of each."""

    cdef ggc_model model
    cdef bint busy
    cdef tuple state
    cdef uint32_t largest_total

    cdef int check_idle(self) except -1
    cdef int restore(self, Bank other) except -1
    cdef int acquire(self, uint32_t limit=*) except -1


cdef class StaticBank(Bank):
    """Static CDFs."""

    cdef readonly object cdfs
    cdef tuple tables


cdef Integers integers(object array, str argument, uint64_t limit)
cdef Integers symbols_of(object symbols, Bank bank)
cdef Integers contexts_of(object contexts, Bank bank, Integers like)
cdef Integers out_of(object out, uint64_t limit)
cdef tuple values_and_widths(object values, object widths)
cdef bint use_wide() noexcept
