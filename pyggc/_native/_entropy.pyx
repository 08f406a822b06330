"""Dyadic adaptive models, rANS, tokens, trees of counts and raw bits over buffers. Public names: `pyggc.entropy`."""

from cpython.buffer cimport PyBUF_ND, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.math cimport log2
from libc.stddef cimport size_t
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

import numpy as np

from pyggc.errors import BitstreamError, TruncatedStream


cdef extern from "stdlib.h" nogil:
    int posix_memalign(void **memory, size_t alignment, size_t size)

cdef extern from "ggc/bits.h" nogil:
    size_t ggc_narrow_u8(const void *source, size_t size, int is_signed, uint8_t *target, size_t n, uint64_t limit)
    size_t ggc_narrow_u32(const void *source, size_t size, int is_signed, uint32_t *target, size_t n, uint64_t limit)
    void ggc_pack_bits(const uint64_t *values, const uint8_t *widths, size_t n, uint8_t *data)
    void ggc_unpack_bits(const uint8_t *data, const uint8_t *widths, size_t n, uint64_t *values)

cdef extern from "ggc/dyadic.h" nogil:
    enum:
        GGC_CDF_BITS
        GGC_LANES
    ctypedef struct ggc_dyadic:
        uint16_t *lanes
        uint16_t *counts
        uint32_t num_contexts
        int num_symbols
        int num_rates
        int *rate
        uint32_t *num_gains
        const uint16_t **gains
        uint16_t saturation

cdef extern from "ggc/rans.h" nogil:
    enum:
        GGC_RANS_OVERHEAD
        GGC_RANS_OK
        GGC_RANS_TRUNCATED
        GGC_RANS_BAD_STATE
    const uint64_t GGC_RANS_INITIAL
    ctypedef struct ggc_rans_reader:
        uint64_t *x
        const uint8_t *data
        const uint8_t *next
        const uint8_t *end
        uint32_t parity
        int forked
        int status
    ctypedef struct ggc_step_log:
        uint32_t *steps
        size_t size
        size_t capacity
    ctypedef struct ggc_tokens:
        uint32_t bases[GGC_LANES]
        uint8_t widths[GGC_LANES]
        int num_tokens
    int ggc_log_symbols(ggc_step_log *log, const ggc_dyadic *m, const uint8_t *symbols, const uint32_t *contexts,
                        size_t n)
    int ggc_log_bits(ggc_step_log *log, const uint32_t *values, const uint8_t *widths, size_t stride, size_t n)
    int ggc_log_integers(ggc_step_log *log, const ggc_dyadic *m, const ggc_tokens *tokens, const uint32_t *values,
                         const uint32_t *contexts, size_t n)
    int ggc_decode_integers(ggc_rans_reader *r, const ggc_dyadic *m, const ggc_tokens *tokens,
                            const uint32_t *contexts, size_t n, uint32_t *values)
    size_t ggc_rans_encode(const uint32_t *steps, size_t num_steps, uint8_t *end, uint64_t *state)
    void ggc_rans_open(ggc_rans_reader *r, const uint8_t *data, size_t size)
    int ggc_rans_pop_bits(ggc_rans_reader *r, const uint8_t *widths, size_t n, uint32_t *values)
    void ggc_model_steps(const ggc_dyadic *m, const uint8_t *symbols, const uint32_t *contexts, size_t n,
                         uint32_t *steps)
    void ggc_decode(ggc_rans_reader *r, const ggc_dyadic *m, const uint32_t *contexts, size_t n, uint8_t *symbols)

cdef extern from "ggc/tree.h" nogil:
    enum:
        GGC_TREE_OK
        GGC_TREE_NO_MEMORY
        GGC_TREE_BAD_SPLIT
        GGC_TREE_CONTEXTS
        GGC_TREE_DIRECT
    ctypedef struct ggc_leaves:
        int32_t *x
        int32_t *y
        int32_t *log_width
        int32_t *log_height
        int32_t *rank
    uint64_t ggc_tree_key(uint32_t x, uint32_t y)
    int ggc_tree_encode(ggc_step_log *log, const ggc_dyadic *model, int32_t width, int32_t height,
                        const uint64_t *keys, uint32_t count, const ggc_leaves *leaves)
    int ggc_tree_decode(ggc_rans_reader *reader, const ggc_dyadic *model, int32_t width, int32_t height,
                        uint32_t count, const ggc_leaves *leaves)


TREE_CONTEXTS = GGC_TREE_CONTEXTS
TREE_DIRECT = GGC_TREE_DIRECT  # a count of so many points or fewer is coded as it is
MAX_BITS = 32  # of one raw value in a rANS stream


cdef class _Integers:
    """A C-contiguous private copy of any array of integers, in the width that the kernels read."""

    cdef uint8_t *u8
    cdef uint32_t *u32
    cdef size_t size

    def __dealloc__(self):
        free(self.u8)
        free(self.u32)


cdef _Integers narrow(object array, str argument, uint64_t limit, bint wide):
    """Copy integers in [0, limit]; ValueError or TypeError names the argument otherwise."""
    cdef Py_buffer view
    cdef _Integers out = _Integers()
    cdef size_t copied = 0, itemsize
    cdef bint is_signed
    if not isinstance(array, np.ndarray) or not array.flags.c_contiguous or not array.dtype.isnative:
        array = np.asarray(array)
        if array.size == 0 and array.dtype == np.float64:
            array = array.astype(np.uint8)  # an empty list has no type of its own
        array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    if array.dtype.kind not in "iub":
        raise TypeError(f"{argument} must hold integers, not {array.dtype}")
    PyObject_GetBuffer(array, &view, PyBUF_ND)
    try:
        itemsize = <size_t>view.itemsize
        out.size = <size_t>view.len // itemsize
        is_signed = array.dtype.kind == "i"
        if wide:
            out.u32 = <uint32_t *>malloc(out.size * sizeof(uint32_t) + 1)
        else:
            out.u8 = <uint8_t *>malloc(out.size + 1)
        if out.u32 == NULL and out.u8 == NULL:
            raise MemoryError
        with nogil:
            if wide:
                copied = ggc_narrow_u32(view.buf, itemsize, is_signed, out.u32, out.size, limit)
            else:
                copied = ggc_narrow_u8(view.buf, itemsize, is_signed, out.u8, out.size, limit)
    finally:
        PyBuffer_Release(&view)
    if copied != out.size:
        raise ValueError(f"{argument} must lie in [0, {limit}], but element {copied} is {array.flat[copied]}")
    return out


cdef _Integers narrow_contexts(object contexts, DyadicBank bank, size_t n):
    cdef _Integers out
    if contexts is None:
        return None
    out = narrow(contexts, "contexts", bank.model.num_contexts - 1, True)
    if out.size != n:
        raise ValueError(f"contexts must hold one context a symbol: {n}, not {out.size}")
    return out


cdef _Integers narrow_widths(object widths):
    return narrow(widths, "widths", MAX_BITS, False)


cdef ggc_tokens tokens_of(const uint32_t[::1] bases, const uint8_t[::1] widths, DyadicBank bank) except *:
    cdef ggc_tokens tokens
    cdef Py_ssize_t t
    if bases.shape[0] != bank.model.num_symbols or widths.shape[0] != bases.shape[0]:
        raise ValueError(f"the model must have a symbol for each token: {bases.shape[0]}, not {bank.model.num_symbols}")
    tokens.num_tokens = <int>bases.shape[0]
    for t in range(bases.shape[0]):
        tokens.bases[t] = bases[t]
        tokens.widths[t] = widths[t]
    return tokens


cdef ggc_leaves leaves_of(int32_t[:, ::1] out, DyadicBank bank) except *:
    """The rows of an array (5, N)."""
    cdef ggc_leaves leaves
    cdef Py_ssize_t n = out.shape[1]
    if out.shape[0] != 5 or n >= 1 << 31:
        raise ValueError("out must have 5 rows of fewer than 2^31 points")
    if bank.model.num_symbols != 16 or bank.model.num_contexts != GGC_TREE_CONTEXTS:
        raise ValueError(f"the model must have 16 symbols in {GGC_TREE_CONTEXTS} contexts")
    if n:
        leaves.x, leaves.y, leaves.log_width = &out[0, 0], &out[1, 0], &out[2, 0]
        leaves.log_height, leaves.rank = &out[3, 0], &out[4, 0]
    return leaves


cdef int check_size(int width, int height) except -1:
    # A key has 62 bits, and the walk would overflow beyond that.
    if not (0 < width < 1 << 30 and 0 < height < 1 << 30):
        raise ValueError(f"width and height must be within 1 to 2^30 - 1, not {width} and {height}")
    return 0


def tree_keys(const int32_t[::1] x, const int32_t[::1] y, uint64_t[::1] out):
    """Interleave the bits of columns and rows, neither negative."""
    cdef Py_ssize_t i, n = out.shape[0]
    if x.shape[0] != n or y.shape[0] != n:
        raise ValueError("x, y and out must have one size")
    with nogil:
        for i in range(n):
            out[i] = ggc_tree_key(<uint32_t>x[i], <uint32_t>y[i])


cdef class DyadicBank:
    """The CDFs and counters of all contexts of one model.

    ``lanes`` (num_contexts, num_rates, 16) and ``counts`` (num_contexts,), both uint16, are copied; the caller
    guarantees that they are valid. ``gains``: one uint16 array a rate.
    """

    cdef ggc_dyadic model
    cdef list gain_arrays
    cdef bint busy

    def __cinit__(self, int num_symbols, tuple rates not None, list gains not None, lanes, counts):
        cdef const uint16_t[:, :, ::1] source = lanes
        cdef const uint16_t[::1] seen = counts
        cdef const uint16_t[::1] gain
        cdef int k
        self.gain_arrays = gains
        self.model.num_symbols = num_symbols
        self.model.num_rates = <int>len(rates)
        self.model.num_contexts = <uint32_t>source.shape[0]
        for k in range(self.model.num_rates):
            gain = gains[k]
            self.model.rate[k] = rates[k]
            self.model.num_gains[k] = <uint32_t>gain.shape[0]
            self.model.gains[k] = &gain[0] if gain.shape[0] else NULL
            self.model.saturation = max(self.model.saturation, <uint16_t>gain.shape[0])
        if posix_memalign(<void **>&self.model.lanes, 64, self.lane_bytes()) != 0:
            self.model.lanes = NULL
            raise MemoryError
        self.model.counts = <uint16_t *>malloc(self.count_bytes())
        if self.model.counts == NULL:
            raise MemoryError
        memcpy(self.model.lanes, &source[0, 0, 0], self.lane_bytes())
        memcpy(self.model.counts, &seen[0], self.count_bytes())

    def __dealloc__(self):
        free(self.model.lanes)
        free(self.model.counts)

    cdef size_t lane_bytes(self) noexcept:
        return <size_t>self.model.num_contexts * self.model.num_rates * GGC_LANES * sizeof(uint16_t)

    cdef size_t count_bytes(self) noexcept:
        return <size_t>self.model.num_contexts * sizeof(uint16_t)

    cdef int check_idle(self) except -1:
        # Two threads adapting one CDF at a time could leave it invalid, which is more than a wrong result.
        if self.busy:
            raise RuntimeError("the model is in use by another thread")
        return 0

    cdef int acquire(self) except -1:
        self.check_idle()
        self.busy = True
        return 0

    def lanes(self):
        """Copy of the lanes, uint16 (num_contexts, num_rates, 16)."""
        out = np.empty((self.model.num_contexts, self.model.num_rates, GGC_LANES), np.uint16)
        cdef uint16_t[:, :, ::1] target = out
        self.check_idle()
        memcpy(&target[0, 0, 0], self.model.lanes, self.lane_bytes())
        return out

    def counts(self):
        """Copy of the counters, uint16 (num_contexts,)."""
        out = np.empty(self.model.num_contexts, np.uint16)
        cdef uint16_t[::1] target = out
        self.check_idle()
        memcpy(&target[0], self.model.counts, self.count_bytes())
        return out

    def same_state(self, DyadicBank other not None):
        """Whether the lanes and counters of a bank of the same shape are equal."""
        return (memcmp(self.model.lanes, other.model.lanes, self.lane_bytes()) == 0
                and memcmp(self.model.counts, other.model.counts, self.count_bytes()) == 0)

    def copy(self):
        """Return an independent bank in the same state."""
        rates = tuple([self.model.rate[k] for k in range(self.model.num_rates)])
        return DyadicBank(self.model.num_symbols, rates, self.gain_arrays, self.lanes(), self.counts())

    def cost(self, symbols, contexts):
        """Bits that the symbols would cost from the present state, which stays."""
        cdef _Integers s = narrow(symbols, "symbols", self.model.num_symbols - 1, False)
        cdef _Integers c = narrow_contexts(contexts, self, s.size)
        cdef const uint32_t *context_ids = c.u32 if c is not None else NULL
        cdef DyadicBank scratch = self.copy()
        cdef uint32_t *steps = <uint32_t *>malloc(s.size * sizeof(uint32_t) + 1)
        cdef double bits = 0.0, product = 1.0
        cdef size_t i
        if steps == NULL:
            raise MemoryError
        with nogil:
            ggc_model_steps(&scratch.model, s.u8, context_ids, s.size, steps)
            for i in range(s.size):
                product *= steps[i] & 0xFFFF
                if i % 64 == 63:  # 64 frequencies of at most 2^15 stay below the largest double
                    bits -= log2(product)
                    product = 1.0
            bits -= log2(product)
        free(steps)
        return bits + <double>s.size * GGC_CDF_BITS


cdef class StepLog:
    """What a rANS encoder remembers of its forward pass: one step of 32 bits a symbol."""

    cdef ggc_step_log log
    cdef bint busy
    cdef readonly tuple state

    def __dealloc__(self):
        free(self.log.steps)

    def __len__(self):
        return self.log.size

    cdef int acquire(self) except -1:
        if self.busy:
            raise RuntimeError("the encoder is in use by another thread")
        self.busy = True
        return 0

    def push(self, symbols, DyadicBank bank not None, contexts):
        """Log the symbols under the model, which adapts."""
        cdef _Integers s = narrow(symbols, "symbols", bank.model.num_symbols - 1, False)
        cdef _Integers c = narrow_contexts(contexts, bank, s.size)
        cdef const uint32_t *context_ids = c.u32 if c is not None else NULL
        cdef bint logged
        self.acquire()
        try:
            bank.acquire()
            with nogil:
                logged = ggc_log_symbols(&self.log, &bank.model, s.u8, context_ids, s.size)
            bank.busy = False
        finally:
            self.busy = False
        if not logged:
            raise MemoryError

    def push_bits(self, values, widths):
        """Log raw bits: as many values as widths, or one width for all."""
        cdef _Integers v = narrow(values, "values", 0xFFFFFFFF, True)
        cdef _Integers w = narrow_widths(widths)
        cdef size_t fitting = 0, stride = 0 if w.size == 1 else 1
        cdef bint logged
        if w.size != v.size and w.size != 1:
            raise ValueError(f"widths must hold one width, or one a value: {v.size}, not {w.size}")
        with nogil:
            while fitting < v.size and not <uint64_t>v.u32[fitting] >> w.u8[fitting * stride]:
                fitting += 1
        if fitting < v.size:
            raise ValueError(f"values must fit their widths, but element {fitting} is {v.u32[fitting]} "
                             f"with {w.u8[fitting * stride]} bits")
        self.acquire()
        with nogil:
            logged = ggc_log_bits(&self.log, v.u32, w.u8, stride, v.size)
        self.busy = False
        if not logged:
            raise MemoryError

    def push_integers(self, values, DyadicBank bank not None, contexts, bases, widths, uint32_t limit):
        """Log integers in [0, limit] as tokens under the model, then their extra bits."""
        cdef ggc_tokens tokens = tokens_of(bases, widths, bank)
        cdef _Integers v = narrow(values, "values", limit, True)
        cdef _Integers c = narrow_contexts(contexts, bank, v.size)
        cdef const uint32_t *context_ids = c.u32 if c is not None else NULL
        cdef bint logged
        self.acquire()
        try:
            bank.acquire()
            with nogil:
                logged = ggc_log_integers(&self.log, &bank.model, &tokens, v.u32, context_ids, v.size)
            bank.busy = False
        finally:
            self.busy = False
        if not logged:
            raise MemoryError

    def push_tree(self, const uint64_t[::1] keys, DyadicBank bank not None, int width, int height,
                  int32_t[:, ::1] out):
        """Log the tree of sorted keys; rows of `out` (5, N) get x, y, log_width, log_height and rank of each leaf."""
        cdef ggc_leaves leaves = leaves_of(out, bank)
        cdef int status
        check_size(width, height)
        if keys.shape[0] != out.shape[1]:
            raise ValueError("out must have a column a key")
        if keys.shape[0] == 0:
            return
        self.acquire()
        try:
            bank.acquire()
            with nogil:
                status = ggc_tree_encode(&self.log, &bank.model, width, height, &keys[0], <uint32_t>keys.shape[0],
                                         &leaves)
            bank.busy = False
        finally:
            self.busy = False
        if status != GGC_TREE_OK:
            raise MemoryError

    def encode(self):
        """Code all steps; the log stays. `state` then holds the states that a decoder starts from."""
        cdef size_t room = 2 * self.log.size + GGC_RANS_OVERHEAD, used
        cdef uint64_t state[2]
        cdef uint8_t *data = <uint8_t *>malloc(room)
        if data == NULL:
            raise MemoryError
        try:
            self.acquire()
            with nogil:
                used = ggc_rans_encode(self.log.steps, self.log.size, data + room, state)
            self.busy = False
            self.state = (int(state[0]), int(state[1]))
            return PyBytes_FromStringAndSize(<char *>data + room - used, <Py_ssize_t>used)
        finally:
            free(data)


cdef class RansReader:
    """The states and the position of a rANS decoder over bytes that it keeps alive."""

    cdef ggc_rans_reader reader
    cdef bytes data
    cdef str section
    cdef bint busy

    def __cinit__(self, bytes data not None, str section not None):
        self.data = data
        self.section = section
        ggc_rans_open(&self.reader, <const uint8_t *>PyBytes_AS_STRING(data), <size_t>len(data))
        self.check()

    @property
    def state(self):
        """The two states in the order of the steps to come, and the bytes consumed."""
        cdef uint32_t k = self.reader.parity & <uint32_t>self.reader.forked
        return (int(self.reader.x[k]), int(self.reader.x[k ^ 1]), int(self.reader.next - self.reader.data))

    cdef int acquire(self) except -1:
        if self.busy:
            raise RuntimeError("the decoder is in use by another thread")
        self.busy = True
        return 0

    cdef int check(self) except -1:
        where = f"{self.section} at byte {self.reader.next - self.reader.data} of {len(self.data)}"
        if self.reader.status == GGC_RANS_TRUNCATED:
            wanted = "another 4-byte word" if self.reader.forked else "a state that holds more symbols"
            raise TruncatedStream(f"{where}: expected {wanted}, found the end of the stream")
        if self.reader.status == GGC_RANS_BAD_STATE:
            raise BitstreamError(f"{self.section} at byte 0: expected a state above {GGC_RANS_INITIAL:#x} without "
                                 f"leading zeros, found {self.data[:8].hex()}")
        return 0

    def pop(self, out, DyadicBank bank not None, contexts):
        """Decode into the uint8 array ``out``; the model adapts."""
        cdef Py_buffer view
        cdef size_t n
        cdef _Integers c
        cdef const uint32_t *context_ids
        PyObject_GetBuffer(out, &view, PyBUF_ND | PyBUF_WRITABLE)
        try:
            n = <size_t>view.len
            c = narrow_contexts(contexts, bank, n)
            context_ids = c.u32 if c is not None else NULL
            self.acquire()
            try:
                bank.acquire()
                with nogil:
                    ggc_decode(&self.reader, &bank.model, context_ids, n, <uint8_t *>view.buf)
                bank.busy = False
            finally:
                self.busy = False
        finally:
            PyBuffer_Release(&view)
        if self.reader.status != GGC_RANS_OK:
            self.check()

    def pop_bits(self, widths, uint32_t[::1] out):
        """Decode raw bits, one value a width."""
        cdef _Integers w = narrow_widths(widths)
        if w.size != <size_t>out.shape[0]:
            raise ValueError("out must hold one value a width")
        if w.size == 0:
            return
        self.acquire()
        with nogil:
            ggc_rans_pop_bits(&self.reader, w.u8, w.size, &out[0])
        self.busy = False
        if self.reader.status != GGC_RANS_OK:
            self.check()

    def pop_integers(self, uint32_t[::1] out, DyadicBank bank not None, contexts, bases, widths):
        """Decode integers that were tokens under the model, then extra bits."""
        cdef ggc_tokens tokens = tokens_of(bases, widths, bank)
        cdef size_t n = <size_t>out.shape[0]
        cdef _Integers c = narrow_contexts(contexts, bank, n)
        cdef const uint32_t *context_ids = c.u32 if c is not None else NULL
        cdef bint decoded
        if n == 0:
            return
        self.acquire()
        try:
            bank.acquire()
            with nogil:
                decoded = ggc_decode_integers(&self.reader, &bank.model, &tokens, context_ids, n, &out[0])
            bank.busy = False
        finally:
            self.busy = False
        if not decoded:
            raise MemoryError
        if self.reader.status != GGC_RANS_OK:
            self.check()

    def pop_tree(self, DyadicBank bank not None, int width, int height, int32_t[:, ::1] out):
        """Decode a tree; rows of `out` (5, N) get x, y, log_width, log_height and rank of each leaf."""
        cdef ggc_leaves leaves = leaves_of(out, bank)
        cdef int status
        check_size(width, height)
        if out.shape[1] == 0:
            return
        self.acquire()
        try:
            bank.acquire()
            with nogil:
                status = ggc_tree_decode(&self.reader, &bank.model, width, height, <uint32_t>out.shape[1], &leaves)
            bank.busy = False
        finally:
            self.busy = False
        if status == GGC_TREE_NO_MEMORY:
            raise MemoryError
        if status == GGC_TREE_BAD_SPLIT:
            raise BitstreamError(f"{self.section} at byte {self.reader.next - self.reader.data} of {len(self.data)}: "
                                 f"expected no more points in a half than in the whole, found more")
        if self.reader.status != GGC_RANS_OK:
            self.check()

    def finish(self):
        """Check that the stream ends here."""
        where = f"{self.section} at byte {self.reader.next - self.reader.data} of {len(self.data)}"
        self.check()
        if self.reader.forked:
            raise BitstreamError(f"{where}: expected the end of the symbols, found "
                                 f"{self.reader.end - self.reader.next} bytes and two states")
        if self.reader.x[0] != GGC_RANS_INITIAL:
            raise BitstreamError(f"{where}: expected the final state {GGC_RANS_INITIAL:#x}, "
                                 f"found {self.reader.x[0]:#x}")


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
