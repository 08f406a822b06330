"""Range coding over buffers. Public names: `pyggc.entropy`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.math cimport log2
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from pyggc._native._entropy cimport (
    GGC_CDF_TOTAL, GGC_MAX_RAW, Bank, Exclusive, Integers, contexts_of, ggc_model, ggc_view, integers, out_of,
    symbols_of, values_and_widths,
)

from pyggc.errors import BitstreamError, TruncatedStream


cdef extern from "ggc/range.h" nogil:
    enum:
        GGC_WIDE_TOTAL
        GGC_RANGE_OK
        GGC_RANGE_TRUNCATED
        GGC_RANGE_BAD_CODE
    ctypedef enum ggc_partition:
        GGC_MULTIPLY
        GGC_DIVISION
        GGC_SIMPLE
        GGC_REDUCED
    ctypedef struct ggc_range_loops:
        pass
    ctypedef struct ggc_range_writer:
        uint64_t low
        uint32_t range
        int pending
        ggc_partition partition
        const ggc_range_loops *loops
        uint8_t *data
        size_t size
    ctypedef struct ggc_range_reader:
        uint32_t range
        int status
    int ggc_range_bits(ggc_partition partition)
    uint32_t ggc_part(ggc_partition partition, uint32_t range, uint32_t fl, uint32_t total)
    uint32_t ggc_part_slot(ggc_partition partition, uint32_t range, uint32_t c, uint32_t total)
    const ggc_range_loops *ggc_range_loops_of(int baseline)
    void ggc_range_start(ggc_range_writer *w, ggc_partition partition, const ggc_range_loops *loops)
    int ggc_range_reserve(ggc_range_writer *w, size_t bytes)
    int ggc_range_push(ggc_range_writer *w, const ggc_model *m, const ggc_view *symbols, const ggc_view *contexts,
                       size_t n)
    int ggc_range_push_bits(ggc_range_writer *w, const ggc_view *values, const ggc_view *widths, size_t n)
    int ggc_range_push_exp_golomb(ggc_range_writer *w, const ggc_view *values, int order, size_t n)
    uint64_t ggc_range_bits_written(const ggc_range_writer *w)
    void ggc_range_finish(const ggc_range_writer *w, uint8_t *target)
    void ggc_range_open(ggc_range_reader *r, const uint8_t *data, size_t size, ggc_partition partition,
                        const ggc_range_loops *loops)
    void ggc_range_pop(ggc_range_reader *r, const ggc_model *m, const ggc_view *contexts, size_t n,
                       const ggc_view *symbols)
    void ggc_range_pop_bits(ggc_range_reader *r, const ggc_view *widths, size_t n, uint32_t *values)
    void ggc_range_pop_exp_golomb(ggc_range_reader *r, int order, size_t n, uint32_t *values)
    uint64_t ggc_range_bits_read(const ggc_range_reader *r)
    uint32_t ggc_range_code(const ggc_range_reader *r)
    int ggc_range_ends(const ggc_range_reader *r)


PARTITIONS = {"multiply": GGC_MULTIPLY, "division": GGC_DIVISION, "simple": GGC_SIMPLE, "reduced": GGC_REDUCED}


cdef uint32_t largest_total(ggc_partition partition) noexcept:
    return GGC_WIDE_TOTAL if partition == GGC_DIVISION else GGC_CDF_TOTAL


cdef double information(ggc_partition partition, uint64_t bits, uint32_t range) noexcept:
    """Bits by which a range is smaller than the first one was."""
    return <double>bits + ggc_range_bits(partition) - 1 - log2(<double>range)


def cuts(int partition, const uint32_t[::1] ranges, const uint32_t[::1] ends, const uint32_t[::1] totals,
         uint32_t[::1] out):
    """Where a partition function cuts each range for an end of an interval of a total; for tests."""
    cdef Py_ssize_t i
    for i in range(out.shape[0]):
        out[i] = ggc_part(<ggc_partition>partition, ranges[i], ends[i], totals[i])


def slots(int partition, const uint32_t[::1] ranges, const uint32_t[::1] codes, const uint32_t[::1] totals,
          uint32_t[::1] out):
    """The largest end that is cut off at each code or below; for tests."""
    cdef Py_ssize_t i
    for i in range(out.shape[0]):
        out[i] = ggc_part_slot(<ggc_partition>partition, ranges[i], codes[i], totals[i])


cdef class RangeWriter(Exclusive):
    """The interval of a range encoder, and the bytes above it. ``baseline``: without SIMD beyond what all have."""

    cdef ggc_range_writer writer

    def __cinit__(self, int partition, bint baseline):
        self.role = "encoder"
        ggc_range_start(&self.writer, <ggc_partition>partition, ggc_range_loops_of(baseline))

    def __dealloc__(self):
        free(self.writer.data)

    @property
    def state(self):
        """low, range, pending bits, and the bytes above low: all there is."""
        self.acquire()  # another thread's call may move the bytes
        try:
            written = PyBytes_FromStringAndSize(<char *>self.writer.data, <Py_ssize_t>self.writer.size)
        finally:
            self.busy = False
        return int(self.writer.low), int(self.writer.range), int(self.writer.pending), written

    def restore(self, uint64_t low, uint32_t size, int pending, bytes written not None):
        """Take over a state of an encoder of the same partition."""
        if not ggc_range_reserve(&self.writer, <size_t>len(written)):
            raise MemoryError
        if written:
            memcpy(self.writer.data, PyBytes_AS_STRING(written), <size_t>len(written))
        self.writer.low, self.writer.range, self.writer.pending = low, size, pending
        self.writer.size = <size_t>len(written)

    def num_bits(self):
        """The information so far, in bits."""
        return information(self.writer.partition, ggc_range_bits_written(&self.writer), self.writer.range)

    def push(self, symbols, Bank bank not None, contexts):
        """Code the symbols under the model, which adapts."""
        cdef Integers s = symbols_of(symbols, bank)
        cdef Integers c = contexts_of(contexts, bank, s)
        cdef bint coded
        self.acquire()
        try:
            bank.acquire(largest_total(self.writer.partition))
            with nogil:
                coded = ggc_range_push(&self.writer, &bank.model, &s.view, &c.view, s.size)
            bank.busy = False
        finally:
            self.busy = False
        if not coded:
            raise MemoryError

    def push_bits(self, values, widths):
        """Code raw bits: as many values as widths, or one width for all."""
        cdef Integers v, w
        cdef bint coded
        v, w = values_and_widths(values, widths)
        self.acquire()
        with nogil:
            coded = ggc_range_push_bits(&self.writer, &v.view, &w.view, v.size)
        self.busy = False
        if not coded:
            raise MemoryError

    def push_exp_golomb(self, values, int order):
        """Code Exp-Golomb codes of integers below 2^32."""
        cdef Integers v = integers(values, "values", 0xFFFFFFFF)
        cdef bint coded
        self.acquire()
        with nogil:
            coded = ggc_range_push_exp_golomb(&self.writer, &v.view, order, v.size)
        self.busy = False
        if not coded:
            raise MemoryError

    def finish(self):
        """Return the stream, and start anew."""
        cdef bytes data
        self.acquire()
        try:
            data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>((ggc_range_bits_written(&self.writer) + 7) // 8))
            ggc_range_finish(&self.writer, <uint8_t *>PyBytes_AS_STRING(data))
            ggc_range_start(&self.writer, self.writer.partition, self.writer.loops)
        finally:
            self.busy = False
        return data


cdef class RangeReader(Exclusive):
    """The window of a range decoder over bytes that it keeps alive."""

    cdef ggc_range_reader reader
    cdef ggc_partition partition
    cdef bytes data
    cdef str section

    def __cinit__(self, bytes data not None, str section not None, int partition, bint baseline):
        self.role = "decoder"
        self.data = data
        self.section = section
        self.partition = <ggc_partition>partition
        ggc_range_open(&self.reader, <const uint8_t *>PyBytes_AS_STRING(data), <size_t>len(data), self.partition,
                       ggc_range_loops_of(baseline))

    @property
    def state(self):
        """The range, the code less low to as many bits, and the bits consumed."""
        return (int(self.reader.range), int(ggc_range_code(&self.reader)),
                int(ggc_range_bits_read(&self.reader)))

    def num_bits(self):
        """The information decoded so far, in bits."""
        return information(self.partition, ggc_range_bits_read(&self.reader), self.reader.range)

    cdef int check(self) except -1:
        cdef uint64_t used = ggc_range_bits_read(&self.reader)
        where = f"{self.section} at byte {min(used // 8, <uint64_t>len(self.data))} of {len(self.data)}"
        if self.reader.status == GGC_RANGE_TRUNCATED:
            raise TruncatedStream(f"{where}: expected more bits, found the end of the stream")
        if self.reader.status == GGC_RANGE_BAD_CODE:
            raise BitstreamError(f"{where}: expected an Exp-Golomb code of at most 32 bits, found a longer one")
        return 0

    def pop(self, out, Bank bank not None, contexts):
        """Decode into an array of integers; the model adapts."""
        cdef Integers o = out_of(out, bank.model.num_symbols - 1)
        cdef Integers c = contexts_of(contexts, bank, o)
        self.acquire()
        try:
            bank.acquire(largest_total(self.partition))
            with nogil:
                ggc_range_pop(&self.reader, &bank.model, &c.view, o.size, &o.view)
            bank.busy = False
        finally:
            self.busy = False
        self.check()

    def pop_bits(self, widths, uint32_t[::1] out):
        """Decode raw bits, one value a width."""
        cdef Integers w = integers(widths, "widths", GGC_MAX_RAW)
        if w.size != <size_t>out.shape[0]:
            raise ValueError("out must hold one value a width")
        if w.size == 0:
            return
        self.acquire()
        with nogil:
            ggc_range_pop_bits(&self.reader, &w.view, w.size, &out[0])
        self.busy = False
        self.check()

    def pop_exp_golomb(self, uint32_t[::1] out, int order):
        """Decode Exp-Golomb codes."""
        if out.shape[0] == 0:
            return
        self.acquire()
        with nogil:
            ggc_range_pop_exp_golomb(&self.reader, order, <size_t>out.shape[0], &out[0])
        self.busy = False
        self.check()

    def finish(self):
        """Check that the stream ends here."""
        cdef uint64_t used = ggc_range_bits_read(&self.reader)
        where = f"{self.section} at byte {used // 8} of {len(self.data)}"
        self.check()
        if (used + 7) // 8 != <uint64_t>len(self.data):
            raise BitstreamError(f"{where}: expected the end of the stream after {used} bits, "
                                 f"found {len(self.data) - (used + 7) // 8} more bytes")
        if not ggc_range_ends(&self.reader):
            raise BitstreamError(f"{where}: expected the encoder's last bits, found others")
