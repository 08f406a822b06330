"""Models over buffers, arrays of integers of any type, and raw bits. Public names: `pyggc.entropy`."""

from cpython.buffer cimport PyBUF_ND, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.math cimport log2
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, getenv
from libc.string cimport memcmp, memcpy, memset, strcmp

import numpy as np

cdef extern from "stdlib.h" nogil:
    int posix_memalign(void **memory, size_t alignment, size_t size)

cdef extern from "ggc/bits.h" nogil:
    void ggc_pack_bits(const uint64_t *values, const uint8_t *widths, size_t n, uint8_t *data)
    void ggc_unpack_bits(const uint8_t *data, const uint8_t *widths, size_t n, uint64_t *values)

cdef extern from "ggc/views.h" nogil:
    enum:
        GGC_CHUNK
    size_t ggc_view_misfit(const ggc_view *values, const ggc_view *widths, size_t n)
    void ggc_view_read_u16(const ggc_view *view, size_t begin, size_t n, uint64_t limit, uint16_t *target)

cdef extern from "ggc/static.h" nogil:
    void ggc_static_fill(const uint16_t *cdfs, size_t num_contexts, uint32_t num_symbols, int lookup_bits,
                         uint16_t *ends, uint32_t *steps, uint16_t *first, ggc_static_put *puts,
                         uint8_t *adds)


MAX_BITS = GGC_MAX_RAW  # of one raw value

cdef enum:
    MAX_PUTS = 1 << 14  # of a static model: more would take longer to make than they save


cdef class Integers:

    def __dealloc__(self):
        PyBuffer_Release(&self.buffer)


cdef Integers _view(object array):
    """A view of a C-contiguous array of integers in native byte order."""
    cdef Integers out = Integers.__new__(Integers)
    PyObject_GetBuffer(array, &out.buffer, PyBUF_ND)
    out.array = array
    out.view.data = out.buffer.buf
    out.view.itemsize = <size_t>out.buffer.itemsize
    out.view.is_signed = array.dtype.kind == "i"
    out.view.stride = 1
    out.size = <size_t>(out.buffer.len // out.buffer.itemsize)
    return out


cdef void *_data(object array) except NULL:
    """Where a private array has its data, which it keeps."""
    cdef Py_buffer buffer
    PyObject_GetBuffer(array, &buffer, PyBUF_ND)
    PyBuffer_Release(&buffer)
    return buffer.buf


cdef bint _is_plain(object array):
    return array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative


cdef Integers integers(object array, str argument, uint64_t limit):
    """View integers in [0, limit] of any type and layout; ValueError or TypeError names the argument otherwise."""
    cdef Integers out
    cdef size_t bad
    if type(array) is not np.ndarray:
        array = np.asarray(array)
        if array.size == 0 and array.dtype == np.float64:
            array = array.astype(np.uint8)  # an empty list has no type of its own
    if not _is_plain(array):
        shape = array.shape  # `ascontiguousarray` would make a scalar one-dimensional
        # (Nor does it move what lies at an odd address, as a part of a file may.)
        array = np.require(array, array.dtype.newbyteorder("="), ["C", "A"]).reshape(shape)
    if array.dtype.kind not in "iub":
        raise TypeError(f"{argument} must hold integers, not {array.dtype}")
    out = _view(array)
    with nogil:
        bad = ggc_view_check(&out.view, out.size, limit)
    if bad != out.size:
        raise ValueError(f"{argument} must lie in [0, {limit}], but element {bad} is {array.flat[bad]}")
    return out


cdef Integers symbols_of(object symbols, Bank bank):
    return integers(symbols, "symbols", bank.model.num_symbols - 1)


cdef Integers contexts_of(object contexts, Bank bank, Integers like):
    """The context of each symbol: none, one for all, as many as symbols, or what broadcasts against them."""
    cdef Integers out
    if contexts is None:
        return Integers.__new__(Integers)
    out = integers(contexts, "contexts", bank.model.num_contexts - 1)
    if out.size == like.size:
        return out
    if out.size == 1:
        out.view.stride = 0
        return out
    try:
        return _view(np.ascontiguousarray(np.broadcast_to(out.array, like.array.shape)))
    except ValueError:
        raise ValueError(f"contexts must be one a symbol, or broadcast against the symbols' shape {like.array.shape}, "
                         f"not have the shape {out.array.shape}") from None


cdef Integers out_of(object out, uint64_t limit):
    """View an array to decode to, which must be able to hold `limit`."""
    cdef Integers view
    if not isinstance(out, np.ndarray) or out.dtype.kind not in "iu" or not out.dtype.isnative:
        raise TypeError("out must be an ndarray of integers in native byte order")
    if not out.flags.writeable or not _is_plain(out):
        raise ValueError("out must be writable, aligned and C-contiguous")
    view = _view(out)
    if view.view.itemsize < 8 and limit >> (8 * view.view.itemsize - view.view.is_signed):
        raise ValueError(f"out must have a type that holds {limit}, not {out.dtype}")
    return view


cdef tuple values_and_widths(object values, object widths):
    """Raw values that fit their widths: one width for all, or what broadcasts against the values."""
    cdef Integers v = integers(values, "values", 0xFFFFFFFF), w = integers(widths, "widths", GGC_MAX_RAW)
    cdef size_t fitting
    if w.size == 1:
        w.view.stride = 0
    elif w.array.shape != v.array.shape:
        try:
            w = integers(np.broadcast_to(w.array, v.array.shape), "widths", GGC_MAX_RAW)
        except ValueError:
            raise ValueError(f"widths must be one for all, or broadcast against the values' shape {v.array.shape}, "
                             f"not have the shape {w.array.shape}") from None
    with nogil:
        fitting = ggc_view_misfit(&v.view, &w.view, v.size)
    if fitting < v.size:
        raise ValueError(f"values must fit their widths, but element {fitting} is {v.array.flat[fitting]} "
                         f"with {w.array.flat[fitting * w.view.stride]} bits")
    return v, w


cdef object _aligned(object array, object dtype):
    """A private copy, aligned for vector loads."""
    array = np.asarray(array, dtype)
    cdef Py_ssize_t size = array.nbytes
    block = np.empty(size + 63, np.uint8)
    cdef size_t skip = <size_t>(-<Py_ssize_t>_data(block)) % 64
    copy = block[skip:skip + size].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


cdef class _State:
    """An array that adapts: a private copy, aligned for vector loads; of another one it takes no NumPy to make."""

    cdef void *data
    cdef size_t size
    cdef object dtype
    cdef readonly tuple shape

    def __cinit__(self, source, dtype):
        cdef _State other
        cdef const void *values
        if isinstance(source, _State):
            other = source
            self.size, self.shape, self.dtype = other.size, other.shape, other.dtype
            values = other.data
        else:
            source = np.ascontiguousarray(source, dtype)
            self.size, self.shape, self.dtype = <size_t>source.nbytes, source.shape, source.dtype
            values = _data(source)
        if posix_memalign(&self.data, 64, self.size) != 0:
            self.data = NULL
            raise MemoryError
        memcpy(self.data, values, self.size)

    def __dealloc__(self):
        free(self.data)

    def array(self):
        """Copy as an array."""
        out = np.empty(self.shape, self.dtype)
        memcpy(_data(out), self.data, self.size)
        return out


cdef bint use_wide() noexcept:
    """Whether to use the loops for AVX2: unless the processor or the environment says no."""
    cdef const char *forced = getenv("PYGGC_SIMD")
    return ggc_run_wide() and (forced == NULL or strcmp(forced, "baseline") != 0)


cdef class Exclusive:

    cdef int check_idle(self) except -1:
        if self.busy:
            raise RuntimeError(f"the {self.role} is in use by another thread")
        return 0

    cdef int acquire(self) except -1:
        self.check_idle()
        self.busy = True
        return 0


cdef class Bank:
    """A model of any kind. `arrays`: the state that adapts, one row a context; it is not to be written to."""

    def __cinit__(self, *args):
        self.model.wide = use_wide()

    cdef int check_idle(self) except -1:
        # Two threads adapting one CDF at a time could leave it invalid, which is more than a wrong result.
        if self.busy:
            raise RuntimeError("the model is in use by another thread")
        return 0

    cdef int acquire(self, uint32_t limit=GGC_CDF_TOTAL) except -1:
        # The limit is that of the coder: what it divides its states or ranges into.
        self.check_idle()
        if self.largest_total > limit:
            raise ValueError(f"model must have totals of at most {limit} for this coder, "
                             f"not a limit of {self.largest_total}")
        self.busy = self.model.kind != GGC_STATIC  # of which nothing changes, so threads may share it
        return 0

    @property
    def num_symbols(self):
        """Size of the alphabet."""
        return self.model.num_symbols

    @property
    def num_contexts(self):
        """Number of contexts."""
        return self.model.num_contexts

    def arrays(self):
        """Copies of the arrays that adapt."""
        self.check_idle()
        return tuple([state.array() for state in self.state])

    def same_state(self, Bank other not None):
        """Whether a bank of the same parameters is in the same state."""
        cdef _State a, b
        for a, b in zip(self.state, other.state, strict=True):
            if a.shape != b.shape or memcmp(a.data, b.data, a.size) != 0:
                return False
        return True

    def copy(self):
        """Return an independent bank in the same state."""
        raise NotImplementedError

    cdef int restore(self, Bank other) except -1:
        """Take over the state of a copy."""
        cdef _State mine, theirs
        for mine, theirs in zip(self.state, other.state, strict=True):
            memcpy(mine.data, theirs.data, mine.size)
        return 0

    def costs(self, symbols, contexts, double[::1] out):
        """Bits that each symbol would cost from the present state, which stays; into `out` if it is given."""
        cdef Integers s = symbols_of(symbols, self)
        cdef Integers c = contexts_of(contexts, self, s)
        cdef Bank scratch = self if self.model.kind == GGC_STATIC else self.copy()
        cdef double *each = NULL
        cdef double total
        if out is not None and <size_t>out.shape[0] != s.size:
            raise ValueError("out must hold one value a symbol")
        if out is not None and s.size:
            each = &out[0]
        with nogil:
            total = _cost(&scratch.model, &s.view, &c.view, s.size, each)
        return total


cdef double _cost(const ggc_model *model, const ggc_view *symbols, const ggc_view *contexts, size_t n,
                  double *each) noexcept nogil:
    """Runs the model, which adapts; returns the sum of the bits."""
    cdef uint16_t[GGC_CHUNK] symbol
    cdef uint32_t[GGC_CHUNK] context
    cdef uint32_t[GGC_CHUNK] steps
    cdef uint32_t[GGC_CHUNK] totals
    cdef double bits = 0.0, product
    cdef size_t begin = 0, count, i
    while begin < n:
        count = min(n - begin, <size_t>GGC_CHUNK)
        ggc_view_read_u16(symbols, begin, count, model.num_symbols - 1, symbol)
        ggc_view_read_u32(contexts, begin, count, model.num_contexts - 1, context)
        ggc_model_run_native(model, symbol, context, 0, count, steps, totals)
        product = 1.0
        for i in range(count):
            product *= <double>(steps[i] & 0xFFFF) / totals[i]
            if i % 32 == 31:  # 32 probabilities of at least 2^-16 stay above the smallest double
                bits -= log2(product)
                product = 1.0
            if each != NULL:
                each[begin + i] = log2(totals[i]) - log2(steps[i] & 0xFFFF)
        bits -= log2(product)
        begin += count
    return bits


cdef class DyadicBank(Bank):
    """The CDFs and counters of all contexts of one dyadic model.

    ``lanes`` (num_contexts, num_rates, 16) and ``counts`` (num_contexts,), both uint16, are copied; the caller
    guarantees that they are valid. ``gains``: one uint16 array a rate.
    """

    cdef list gain_arrays

    def __cinit__(self, int num_symbols, tuple rates not None, list gains not None, lanes, counts):
        cdef ggc_dyadic *d = &self.model.of.dyadic
        cdef const uint16_t[::1] gain
        cdef int k
        self.gain_arrays = gains
        self.state = (_State(lanes, np.uint16), _State(counts, np.uint16))
        self.model.kind = GGC_DYADIC if len(rates) == 1 else GGC_DYADIC_MIXED
        self.model.num_symbols = <uint32_t>num_symbols
        self.model.num_contexts = <uint32_t>self.state[1].shape[0]
        d.num_symbols, d.num_rates, d.num_contexts = num_symbols, <int>len(rates), self.model.num_contexts
        d.lanes, d.counts = <uint16_t *>(<_State>self.state[0]).data, <uint16_t *>(<_State>self.state[1]).data
        for k in range(d.num_rates):
            gain = gains[k]
            d.rate[k] = rates[k]
            d.num_gains[k] = <uint32_t>gain.shape[0]
            d.gains[k] = &gain[0] if gain.shape[0] else NULL
            d.saturation = max(d.saturation, <uint16_t>gain.shape[0])

    def copy(self):
        """Return an independent bank in the same state."""
        self.check_idle()
        rates = tuple([self.model.of.dyadic.rate[k] for k in range(self.model.of.dyadic.num_rates)])
        return DyadicBank(self.model.num_symbols, rates, self.gain_arrays, *self.state)


cdef class StaticBank(Bank):
    """Static CDFs: uint16 (num_contexts, num_symbols + 1), which the caller has validated."""

    def __cinit__(self, cdfs, int lookup_bits):
        cdef const uint16_t[:, ::1] source = cdfs
        cdef size_t contexts = <size_t>source.shape[0], symbols = <size_t>source.shape[1] - 1
        cdef ggc_static *f = &self.model.of.fixed
        self.cdfs = cdfs
        self.state = ()
        ends, steps = np.empty((contexts, symbols), np.uint16), np.empty((contexts, symbols), np.uint32)
        first, adds = np.empty((contexts, 1 << lookup_bits), np.uint16), np.empty(contexts, np.uint8)
        puts = None
        if contexts * symbols <= MAX_PUTS:
            puts = _aligned(np.empty(contexts * symbols * sizeof(ggc_static_put), np.uint8), np.uint8)
        self.tables = (ends, steps, first, puts, adds)
        self.model.kind = GGC_STATIC
        self.model.num_symbols = f.num_symbols = <uint32_t>symbols
        self.model.num_contexts = <uint32_t>contexts
        f.lookup_bits = lookup_bits
        ggc_static_fill(&source[0, 0], contexts, <uint32_t>symbols, lookup_bits, <uint16_t *>_data(ends),
                        <uint32_t *>_data(steps), <uint16_t *>_data(first),
                        NULL if puts is None else <ggc_static_put *>_data(puts), <uint8_t *>_data(adds))
        f.ends, f.steps = <const uint16_t *>_data(ends), <const uint32_t *>_data(steps)
        f.first = <const uint16_t *>_data(first)
        f.adds = <const uint8_t *>_data(adds)
        f.puts = NULL if puts is None else <const ggc_static_put *>_data(puts)

    def copy(self):
        """Itself: nothing of it changes."""
        return self


cdef class ParametricBank(Bank):
    """The expected values, in units of 2^-fraction_bits, and counters of all contexts of one parametric model.

    ``expected`` uint32 and ``counts`` uint16, both (num_contexts,), are copied; ``table`` is what `parametric_table`
    returned for the alphabet, and is kept. A rate of -1: nothing adapts. The caller guarantees that all is in range.
    """

    cdef object table

    def __cinit__(self, int num_symbols, table, int center, int rate, int fraction_bits, expected, counts):
        cdef ggc_parametric *p = &self.model.of.parametric
        self.table = table
        self.state = (_State(expected, np.uint32), _State(counts, np.uint16))
        self.model.kind = GGC_PARAMETRIC
        self.model.num_symbols = <uint32_t>num_symbols
        self.model.num_contexts = <uint32_t>self.state[0].shape[0]
        p.lanes = <const uint16_t *>_data(table)
        p.expected, p.counts = <uint32_t *>(<_State>self.state[0]).data, <uint16_t *>(<_State>self.state[1]).data
        p.center, p.fraction_bits, p.rate, p.adapts = center, fraction_bits, rate, rate >= 0
        p.saturation = <uint16_t>((1 << rate) - 2 if rate > 0 else 0)

    def copy(self):
        """Return an independent bank in the same state."""
        cdef ggc_parametric *p = &self.model.of.parametric
        self.check_idle()
        return ParametricBank(self.model.num_symbols, self.table, p.center, p.rate, p.fraction_bits, *self.state)


def parametric_table(lanes):
    """CDFs (points, 16) of a grid of expected values, uint16, as `ParametricBank` takes them: aligned, read-only."""
    table = _aligned(lanes, np.uint16)
    table.flags.writeable = False
    return table


cdef class FrequencyBank(Bank):
    """The counts of all contexts of one model of frequency counts.

    ``lanes`` (num_contexts, stride) uint16 are copied: cumulative frequencies fl[1], fl[2], ..., and the total in what
    fills whole groups of 16. The caller guarantees that they are valid.
    """

    def __cinit__(self, uint32_t num_symbols, uint32_t increment, uint32_t limit, lanes):
        cdef ggc_frequency *f = &self.model.of.frequency
        self.state = (_State(lanes, np.uint16),)
        self.largest_total = limit
        self.model.kind = GGC_FREQUENCY
        self.model.num_symbols = f.num_symbols = num_symbols
        self.model.num_contexts = <uint32_t>self.state[0].shape[0]
        f.stride, f.increment, f.limit = <uint32_t>self.state[0].shape[1], increment, limit
        f.lanes = <uint16_t *>(<_State>self.state[0]).data

    def copy(self):
        """Return an independent bank in the same state."""
        self.check_idle()
        f = self.model.of.frequency
        return FrequencyBank(self.model.num_symbols, f.increment, f.limit, *self.state)


def pack_bits(const uint64_t[::1] values, const uint8_t[::1] widths, size_t num_bytes):
    """Concatenate the low bits of values that fit their widths, most significant first."""
    cdef bytes data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>num_bytes)
    cdef uint8_t *target = <uint8_t *>PyBytes_AS_STRING(data)
    memset(target, 0, num_bytes)
    if values.shape[0]:
        with nogil:
            ggc_pack_bits(&values[0], &widths[0], <size_t>values.shape[0], target)
    return data


def unpack_bits(const uint8_t[::1] data, const uint8_t[::1] widths, uint64_t[::1] out):
    """Split bits again; ``data`` holds at least the sum of the widths."""
    if widths.shape[0] and data.shape[0]:
        with nogil:
            ggc_unpack_bits(&data[0], &widths[0], <size_t>widths.shape[0], &out[0])
