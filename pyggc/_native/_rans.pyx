"""rANS queues over buffers, tokens, and trees of counts. Public names: `pyggc.entropy`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.math cimport log2
from libc.stddef cimport size_t
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from pyggc._native._entropy cimport (
    GGC_CDF_BITS, GGC_CDF_TOTAL, GGC_LANES, GGC_MAX_RAW, Bank, Exclusive, Integers, contexts_of, ggc_model,
    ggc_view, integers, out_of, symbols_of, use_wide, values_and_widths,
)

import numpy as np

from pyggc.errors import BitstreamError, TruncatedStream


cdef extern from "ggc/rans.h" nogil:
    enum:
        GGC_RANS_OVERHEAD
        GGC_RANS_OK
        GGC_RANS_TRUNCATED
        GGC_RANS_BAD_STATE
        GGC_RANS_BAD_CODE
    ctypedef struct ggc_rans_reader:
        uint64_t x[4]
        const uint8_t *data
        const uint8_t *next
        const uint8_t *end
        uint32_t step
        uint32_t live
        int holds
        int status
        int wide
    ctypedef struct ggc_tokens:
        uint32_t bases[GGC_LANES]
        uint8_t widths[GGC_LANES]
        int num_tokens
    int ggc_log_reserve(ggc_step_log *log, size_t more)
    int ggc_log_symbols(ggc_step_log *log, const ggc_model *m, const ggc_view *symbols, const ggc_view *contexts,
                        size_t n)
    int ggc_log_bits(ggc_step_log *log, const ggc_view *values, const ggc_view *widths, size_t n)
    int ggc_log_exp_golomb(ggc_step_log *log, const ggc_view *values, int order, size_t n)
    int ggc_log_integers(ggc_step_log *log, const ggc_model *m, const ggc_tokens *tokens, const ggc_view *values,
                         const ggc_view *contexts, size_t n)
    void ggc_decode_integers(ggc_rans_reader *r, const ggc_model *m, const ggc_tokens *tokens,
                             const ggc_view *contexts, size_t n, uint32_t *values)
    size_t ggc_rans_encode(const ggc_reciprocal *table, int wide, const ggc_step_log *log, int states, uint8_t *end,
                           uint64_t *x)
    void ggc_rans_open(ggc_rans_reader *r, const uint8_t *data, size_t size, int states, int wide)
    void ggc_rans_pop_bits(ggc_rans_reader *r, const ggc_view *widths, size_t n, uint32_t *values)
    void ggc_rans_pop_exp_golomb(ggc_rans_reader *r, int order, size_t n, uint32_t *values)
    void ggc_rans_pop(ggc_rans_reader *r, const ggc_model *m, const ggc_view *contexts, size_t n,
                      const ggc_view *symbols)

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
    int ggc_tree_encode(ggc_step_log *log, const ggc_model *model, int32_t width, int32_t height,
                        const uint64_t *keys, uint32_t count, const ggc_leaves *leaves)
    int ggc_tree_leaves(int32_t width, int32_t height, const uint64_t *keys, uint32_t count,
                        const ggc_leaves *leaves)
    int ggc_tree_decode(ggc_rans_reader *reader, const ggc_model *model, int32_t width, int32_t height,
                        uint32_t count, const ggc_leaves *leaves)


TREE_CONTEXTS = GGC_TREE_CONTEXTS
TREE_DIRECT = GGC_TREE_DIRECT  # a count of so many points or fewer is coded as it is


cdef ggc_tokens tokens_of(const uint32_t[::1] bases, const uint8_t[::1] widths, Bank bank) except *:
    cdef ggc_tokens tokens
    cdef Py_ssize_t t
    if bases.shape[0] != bank.model.num_symbols or widths.shape[0] != bases.shape[0]:
        raise ValueError(f"the model must have a symbol for each token: {bases.shape[0]}, not {bank.model.num_symbols}")
    tokens.num_tokens = <int>bases.shape[0]
    for t in range(bases.shape[0]):
        tokens.bases[t] = bases[t]
        tokens.widths[t] = widths[t]
    return tokens


cdef int check_tree_model(Bank bank) except -1:
    if bank.model.num_symbols != 16 or bank.model.num_contexts != GGC_TREE_CONTEXTS:
        raise ValueError(f"the model must have 16 symbols in {GGC_TREE_CONTEXTS} contexts")
    return 0


cdef ggc_leaves leaves_of(int32_t[:, ::1] out) except *:
    """The rows of an array (5, N)."""
    cdef ggc_leaves leaves
    cdef Py_ssize_t n = out.shape[1]
    if out.shape[0] != 5 or n >= 1 << 31:
        raise ValueError("out must have 5 rows of fewer than 2^31 points")
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


def tree_leaves(const uint64_t[::1] keys, int width, int height, int32_t[:, ::1] out):
    """The leaves of sorted keys of points within the image: rows of `out` (5, N) as those of `StepLog.push_tree`."""
    cdef ggc_leaves leaves = leaves_of(out)
    cdef int status
    check_size(width, height)
    if keys.shape[0] != out.shape[1]:
        raise ValueError("out must have a column a key")
    if keys.shape[0] == 0:
        return
    with nogil:
        status = ggc_tree_leaves(width, height, &keys[0], <uint32_t>keys.shape[0], &leaves)
    if status != GGC_TREE_OK:
        raise MemoryError


cdef ggc_reciprocal *_reciprocals = NULL


cdef ggc_reciprocal *reciprocals() except NULL:
    """The table of all frequencies' reciprocals, made when it is first needed."""
    global _reciprocals
    cdef uint32_t f
    if _reciprocals == NULL:
        table = <ggc_reciprocal *>malloc((GGC_CDF_TOTAL + 1) * sizeof(ggc_reciprocal))
        if table == NULL:
            raise MemoryError
        for f in range(1, GGC_CDF_TOTAL + 1):
            table[f] = ggc_reciprocal_of(f)
        _reciprocals = table
    return _reciprocals


cdef class StepLog(Exclusive):
    """What a rANS queue remembers of its forward pass: one step of 32 bits a symbol."""

    def __cinit__(self):
        self.role = "encoder"

    def __dealloc__(self):
        free(self.log.steps)

    def __len__(self):
        return self.log.size

    def steps(self):
        """Copy of the log, uint32 (steps,): for pickling."""
        cdef uint32_t[::1] target
        self.acquire()  # another thread's call may move the steps
        try:
            out = np.empty(self.log.size, np.uint32)
            target = out
            if self.log.size:
                memcpy(&target[0], self.log.steps, self.log.size * sizeof(uint32_t))
        finally:
            self.busy = False
        return out

    def restore(self, const uint32_t[::1] steps):
        """Append what another log held."""
        if steps.shape[0]:
            if not ggc_log_reserve(&self.log, <size_t>steps.shape[0]):
                raise MemoryError
            memcpy(self.log.steps + self.log.size, &steps[0], <size_t>steps.shape[0] * sizeof(uint32_t))
            self.log.size += <size_t>steps.shape[0]

    def num_bits(self):
        """The information of all steps in bits."""
        cdef double product = 1.0
        self.check_idle()  # another thread's call may move the steps
        while self.counted < self.log.size:
            product *= self.log.steps[self.counted] & 0xFFFF
            self.counted += 1
            self.bits += GGC_CDF_BITS
            if self.counted % 64 == 0 or self.counted == self.log.size:  # still below the largest double
                self.bits -= log2(product)
                product = 1.0
        return self.bits

    def push(self, symbols, Bank bank not None, contexts):
        """Log the symbols under the model, which adapts."""
        cdef Integers s = symbols_of(symbols, bank)
        cdef Integers c = contexts_of(contexts, bank, s)
        cdef bint logged
        self.acquire()
        try:
            bank.acquire()
            with nogil:
                logged = ggc_log_symbols(&self.log, &bank.model, &s.view, &c.view, s.size)
            bank.busy = False
        finally:
            self.busy = False
        if not logged:
            raise MemoryError

    def push_bits(self, values, widths):
        """Log raw bits: as many values as widths, or one width for all."""
        cdef Integers v, w
        cdef bint logged
        v, w = values_and_widths(values, widths)
        self.acquire()
        with nogil:
            logged = ggc_log_bits(&self.log, &v.view, &w.view, v.size)
        self.busy = False
        if not logged:
            raise MemoryError

    def push_exp_golomb(self, values, int order):
        """Log Exp-Golomb codes of integers below 2^32."""
        cdef Integers v = integers(values, "values", 0xFFFFFFFF)
        cdef bint logged
        self.acquire()
        with nogil:
            logged = ggc_log_exp_golomb(&self.log, &v.view, order, v.size)
        self.busy = False
        if not logged:
            raise MemoryError

    def push_integers(self, values, Bank bank not None, contexts, bases, widths, uint32_t limit):
        """Log integers in [0, limit] as tokens under the model, then their extra bits."""
        cdef ggc_tokens tokens = tokens_of(bases, widths, bank)
        cdef Integers v = integers(values, "values", limit)
        cdef Integers c = contexts_of(contexts, bank, v)
        cdef bint logged
        self.acquire()
        try:
            bank.acquire()
            with nogil:
                logged = ggc_log_integers(&self.log, &bank.model, &tokens, &v.view, &c.view, v.size)
            bank.busy = False
        finally:
            self.busy = False
        if not logged:
            raise MemoryError

    def push_tree(self, const uint64_t[::1] keys, Bank bank not None, int width, int height,
                  int32_t[:, ::1] out):
        """Log the tree of sorted keys; rows of `out` (5, N) get x, y, log_width, log_height and rank of each leaf."""
        cdef ggc_leaves leaves = leaves_of(out)
        cdef int status
        check_tree_model(bank)
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

    def finish(self, int states):
        """Code all steps, of which none is left then. `state` holds the states that a decoder starts from."""
        cdef size_t used
        cdef uint64_t[GGC_RANS_MAX_STATES] state
        cdef const ggc_reciprocal *table = reciprocals()
        cdef bint wide = use_wide()
        cdef bytes stream
        cdef uint8_t *end
        self.acquire()
        try:
            # The bytes grow from the end of the log's own memory, which has room for the flush besides: a step that is
            # coded leaves four bytes, and needs fewer than two.
            if not ggc_log_reserve(&self.log, GGC_RANS_OVERHEAD // sizeof(uint32_t)):
                raise MemoryError
            end = <uint8_t *>(self.log.steps + self.log.capacity)
            with nogil:
                used = ggc_rans_encode(table, wide, &self.log, states, end, state)
            self.state = tuple([int(state[i]) for i in range(states)])
            self.log.size, self.counted, self.bits = 0, 0, 0.0
            stream = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>used)
            ggc_prefer_large_pages(PyBytes_AS_STRING(stream), used)
            memcpy(PyBytes_AS_STRING(stream), end - used, used)
            return stream
        finally:
            self.busy = False


cdef double information(const ggc_rans_reader *r) noexcept:
    """Bits that the states and the words still hold."""
    cdef double bits = 8.0 * (r.end - r.next) + (32 if r.holds else 0) - log2(<double>GGC_RANS_INITIAL)
    cdef uint32_t k
    for k in range(r.live):
        bits += log2(<double>r.x[k]) if r.x[k] else 0.0
    return bits  # a state that began with a word holds the word's bits above its least value


cdef class RansReader(Exclusive):
    """The states and the position of a rANS decoder over bytes that it keeps alive."""

    cdef ggc_rans_reader reader
    cdef bytes data
    cdef str section
    cdef int states

    def __cinit__(self, bytes data not None, str section not None, int states):
        self.role = "decoder"
        self.data = data
        self.section = section
        self.states = states
        ggc_rans_open(&self.reader, <const uint8_t *>PyBytes_AS_STRING(data), <size_t>len(data), states, use_wide())
        self.check()

    @property
    def state(self):
        """The states in the order of the steps to come, 0 for those that are not live, and the bytes consumed."""
        ring = [int(self.reader.x[(self.reader.step + k) & (self.reader.live - 1)]) for k in range(self.reader.live)]
        return (*ring, *[0] * (self.states - len(ring)), int(self.reader.next - self.reader.data))

    def num_bits(self):
        """The information decoded so far, in bits: what the stream held less what is left."""
        cdef ggc_rans_reader start
        ggc_rans_open(&start, self.reader.data, <size_t>len(self.data), self.states, self.reader.wide)
        return information(&start) - information(&self.reader)

    cdef int check(self) except -1:
        where = f"{self.section} at byte {self.reader.next - self.reader.data} of {len(self.data)}"
        if self.reader.status == GGC_RANS_TRUNCATED:
            wanted = "another 4-byte word" if self.reader.live > 1 else "a state that holds more symbols"
            raise TruncatedStream(f"{where}: expected {wanted}, found the end of the stream")
        if self.reader.status == GGC_RANS_BAD_STATE:
            raise BitstreamError(f"{self.section} at byte 0: expected a state above {GGC_RANS_INITIAL:#x} without "
                                 f"leading zeros, found {self.data[:8].hex()}")
        if self.reader.status == GGC_RANS_BAD_CODE:
            raise BitstreamError(f"{where}: expected an Exp-Golomb code of at most 32 bits, found a longer one")
        return 0

    def pop(self, out, Bank bank not None, contexts):
        """Decode into an array of integers; the model adapts."""
        cdef Integers o = out_of(out, bank.model.num_symbols - 1)
        cdef Integers c = contexts_of(contexts, bank, o)
        self.acquire()
        try:
            bank.acquire()
            with nogil:
                ggc_rans_pop(&self.reader, &bank.model, &c.view, o.size, &o.view)
            bank.busy = False
        finally:
            self.busy = False
        if self.reader.status != GGC_RANS_OK:
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
            ggc_rans_pop_bits(&self.reader, &w.view, w.size, &out[0])
        self.busy = False
        if self.reader.status != GGC_RANS_OK:
            self.check()

    def pop_exp_golomb(self, uint32_t[::1] out, int order):
        """Decode Exp-Golomb codes."""
        if out.shape[0] == 0:
            return
        self.acquire()
        with nogil:
            ggc_rans_pop_exp_golomb(&self.reader, order, <size_t>out.shape[0], &out[0])
        self.busy = False
        if self.reader.status != GGC_RANS_OK:
            self.check()

    def pop_integers(self, out, Bank bank not None, contexts, bases, widths):
        """Decode integers, to uint32, that were tokens under the model, then extra bits."""
        cdef ggc_tokens tokens = tokens_of(bases, widths, bank)
        cdef Integers o = out_of(out, 0xFFFFFFFF)
        cdef Integers c = contexts_of(contexts, bank, o)
        if o.size == 0:
            return
        self.acquire()
        try:
            bank.acquire()
            with nogil:
                ggc_decode_integers(&self.reader, &bank.model, &tokens, &c.view, o.size, <uint32_t *>o.view.data)
            bank.busy = False
        finally:
            self.busy = False
        if self.reader.status != GGC_RANS_OK:
            self.check()

    def pop_tree(self, Bank bank not None, int width, int height, int32_t[:, ::1] out):
        """Decode a tree; rows of `out` (5, N) get x, y, log_width, log_height and rank of each leaf."""
        cdef ggc_leaves leaves = leaves_of(out)
        cdef int status
        check_tree_model(bank)
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
        if self.reader.live > 1 or self.reader.holds or self.reader.next != self.reader.end:
            raise BitstreamError(f"{where}: expected the end of the symbols, found "
                                 f"{self.reader.end - self.reader.next} bytes and {self.reader.live} states")
        if self.reader.x[0] != GGC_RANS_INITIAL:
            raise BitstreamError(f"{where}: expected the final state {GGC_RANS_INITIAL:#x}, "
                                 f"found {self.reader.x[0]:#x}")
