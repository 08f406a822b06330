"""The boolean coder of VP8 over buffers, and trees of tokens. Public names: `pyggc.entropy`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.math cimport log2
from libc.stddef cimport size_t
from libc.stdint cimport int16_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from pyggc._native._entropy cimport (
    GGC_MAX_RAW, Bank, Exclusive, Integers, StaticBank, contexts_of, ggc_model, ggc_view, integers, out_of, symbols_of,
    values_and_widths,
)

import numpy as np

from pyggc.errors import BitstreamError, TruncatedStream


cdef extern from "ggc/boolean.h" nogil:
    enum:
        GGC_BOOL_FULL
        GGC_BOOL_LEAST
        GGC_BOOL_FLUSHED
        GGC_BOOL_OK
        GGC_BOOL_TRUNCATED
        GGC_BOOL_BAD_CODE
        GGC_BOOL_MAX_LEAVES
    ctypedef struct ggc_token_tree:
        const int16_t *next
        const uint8_t *probabilities
        const uint16_t *first
        const uint16_t *path
        uint32_t num_nodes
    ctypedef struct ggc_bool_writer:
        uint8_t *data
        size_t size
        uint64_t low
        uint32_t range
        uint32_t bits
    ctypedef struct ggc_bool_reader:
        const uint8_t *data
        const uint8_t *next
        const uint8_t *end
        uint64_t window
        uint32_t range
        int32_t bits
        int status
    void ggc_bool_refill(ggc_bool_reader *r)
    uint64_t ggc_bool_shifted(const ggc_bool_reader *r)
    uint64_t ggc_bool_position(const ggc_bool_reader *r)
    void ggc_bool_start(ggc_bool_writer *w)
    int ggc_bool_reserve(ggc_bool_writer *w, size_t n, size_t bools)
    int ggc_bool_push(ggc_bool_writer *w, const ggc_model *m, const ggc_token_tree *tree, const ggc_view *symbols,
                      const ggc_view *contexts, size_t n)
    int ggc_bool_push_bools(ggc_bool_writer *w, const ggc_view *bits, const ggc_view *probabilities, size_t n)
    int ggc_bool_push_bits(ggc_bool_writer *w, const ggc_view *values, const ggc_view *widths, size_t n)
    int ggc_bool_push_exp_golomb(ggc_bool_writer *w, const ggc_view *values, int order, size_t n)
    size_t ggc_bool_flushed(const ggc_bool_writer *w)
    void ggc_bool_finish(const ggc_bool_writer *w, uint8_t *target)
    void ggc_bool_open(ggc_bool_reader *r, const uint8_t *data, size_t size)
    void ggc_bool_pop(ggc_bool_reader *r, const ggc_model *m, const ggc_token_tree *tree, const ggc_view *contexts,
                      size_t n, const ggc_view *symbols)
    void ggc_bool_pop_bools(ggc_bool_reader *r, const ggc_view *probabilities, size_t n, uint8_t *bits)
    void ggc_bool_pop_bits(ggc_bool_reader *r, const ggc_view *widths, size_t n, uint32_t *values)
    void ggc_bool_pop_exp_golomb(ggc_bool_reader *r, int order, size_t n, uint32_t *values)
    int ggc_bool_ended(const ggc_bool_reader *r)


MAX_LEAVES = GGC_BOOL_MAX_LEAVES  # tokens of a tree


cdef class TreeBank(StaticBank):
    """A static bank whose symbols are tokens of a tree, which `plant` tells. Other coders see only the CDFs."""

    cdef tuple arrays_of_tree
    cdef ggc_token_tree tree

    def plant(self, tree, probabilities, first, path):
        """Take over tables that the caller has made and validated; see `ggc_token_tree`."""
        cdef const int16_t[::1] nodes = tree
        cdef const uint8_t[:, ::1] p = probabilities
        cdef const uint16_t[::1] begin = first, steps = path
        self.arrays_of_tree = (tree, probabilities, first, path)
        self.tree.probabilities, self.tree.first, self.tree.path = &p[0, 0], &begin[0], &steps[0]
        self.tree.num_nodes = <uint32_t>p.shape[1]
        self.tree.next = &nodes[0]


cdef const ggc_token_tree *tree_of(Bank bank) noexcept:
    """The tree of a bank that has one; NULL for the others, whose CDFs are bisected."""
    if isinstance(bank, TreeBank) and (<TreeBank>bank).tree.next != NULL:
        return &(<TreeBank>bank).tree
    return NULL


cdef Integers probabilities_of(object probabilities, Integers like):
    """Probabilities in 1 to 255: one for all of `like`, or what broadcasts against it."""
    cdef Integers p = integers(probabilities, "probabilities", 255)
    if p.array.size and p.array.min() < 1:
        bad = int(np.argmin(p.array))
        raise ValueError(f"probabilities must lie in [1, 255], but element {bad} is {p.array.flat[bad]}")
    if like is None or p.array.shape == like.array.shape:
        return p
    if p.size == 1:
        p.view.stride = 0
        return p
    try:
        return integers(np.broadcast_to(p.array, like.array.shape), "probabilities", 255)
    except ValueError:
        raise ValueError(f"probabilities must be one a bit, or broadcast against the bits' shape {like.array.shape}, "
                         f"not have the shape {p.array.shape}") from None


cdef class BoolWriter(Exclusive):
    """The bytes and the window of a boolean encoder."""

    cdef ggc_bool_writer writer

    def __cinit__(self):
        self.role = "encoder"
        ggc_bool_start(&self.writer)

    def __dealloc__(self):
        free(self.writer.data)

    @property
    def state(self):
        """The bits in the window, the range, how many bits they are besides its eight, and the bytes before them."""
        return (int(self.writer.low), int(self.writer.range), int(self.writer.bits), int(self.writer.size))

    def num_bits(self):
        """The information of all bools in bits."""
        return 8.0 * self.writer.size + self.writer.bits + log2(<double>GGC_BOOL_FULL / self.writer.range)

    def save(self):
        """What `restore` takes: the bytes that have left the window, and the window."""
        self.acquire()  # another thread's call may move the bytes
        try:
            data = PyBytes_FromStringAndSize(<char *>self.writer.data, <Py_ssize_t>self.writer.size)
        finally:
            self.busy = False
        return data, *self.state[:3]

    def restore(self, bytes data not None, uint64_t low, uint32_t range_, uint32_t bits):
        """Go on where another writer was."""
        if not (128 <= range_ <= 255 and bits < GGC_BOOL_FLUSHED and low >> (9 + bits) == 0):
            raise ValueError("no state of an encoder")
        if low >> (8 + bits) and not data.strip(b"\xff"):
            raise ValueError("no state of an encoder: a carry out of nothing")
        ggc_bool_start(&self.writer)
        if not ggc_bool_reserve(&self.writer, 1, <size_t>len(data)):
            raise MemoryError
        memcpy(self.writer.data, PyBytes_AS_STRING(data), <size_t>len(data))
        self.writer.size = <size_t>len(data)
        self.writer.low, self.writer.range, self.writer.bits = low, range_, bits

    def push(self, symbols, Bank bank not None, contexts):
        """Code symbols: as bools of the model's tree, or of halves of its CDF, which adapts."""
        cdef Integers s = symbols_of(symbols, bank)
        cdef Integers c = contexts_of(contexts, bank, s)
        cdef const ggc_token_tree *tree = tree_of(bank)
        cdef bint pushed
        self.acquire()
        try:
            bank.acquire(0xFFFF)  # only the ratios of frequencies matter
            with nogil:
                pushed = ggc_bool_push(&self.writer, &bank.model, tree, &s.view, &c.view, s.size)
            bank.busy = False
        finally:
            self.busy = False
        if not pushed:
            raise MemoryError

    def push_bools(self, bits, probabilities):
        """Code bits, each with its probability of a zero."""
        cdef Integers b = integers(bits, "bits", 1), p = probabilities_of(probabilities, b)
        cdef bint pushed
        self.acquire()
        with nogil:
            pushed = ggc_bool_push_bools(&self.writer, &b.view, &p.view, b.size)
        self.busy = False
        if not pushed:
            raise MemoryError

    def push_bits(self, values, widths):
        """Code literals: as many values as widths, or one width for all."""
        cdef Integers v, w
        cdef bint pushed
        v, w = values_and_widths(values, widths)
        self.acquire()
        with nogil:
            pushed = ggc_bool_push_bits(&self.writer, &v.view, &w.view, v.size)
        self.busy = False
        if not pushed:
            raise MemoryError

    def push_exp_golomb(self, values, int order):
        """Code Exp-Golomb codes of integers below 2^32."""
        cdef Integers v = integers(values, "values", 0xFFFFFFFF)
        cdef bint pushed
        self.acquire()
        with nogil:
            pushed = ggc_bool_push_exp_golomb(&self.writer, &v.view, order, v.size)
        self.busy = False
        if not pushed:
            raise MemoryError

    def finish(self):
        """The stream; the writer starts anew."""
        cdef bytes data
        self.acquire()
        try:
            data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>(self.writer.size + ggc_bool_flushed(&self.writer)))
            ggc_bool_finish(&self.writer, <uint8_t *>PyBytes_AS_STRING(data))
            ggc_bool_start(&self.writer)
        finally:
            self.busy = False
        return data


cdef class BoolReader(Exclusive):
    """The window and the position of a boolean decoder over bytes that it keeps alive."""

    cdef ggc_bool_reader reader
    cdef bytes data
    cdef str section

    def __cinit__(self, bytes data not None, str section not None):
        self.role = "decoder"
        self.data = data
        self.section = section
        ggc_bool_open(&self.reader, <const uint8_t *>PyBytes_AS_STRING(data), <size_t>len(data))
        self.check()

    @property
    def state(self):
        """The registers of the RFC's decoder: two bytes of value, range, shifts since a byte was read; bytes read."""
        cdef ggc_bool_reader full = self.reader
        if full.bits < 16:
            ggc_bool_refill(&full)
        shifts = int(ggc_bool_shifted(&full)) & 7
        value = int(full.window >> 48) >> shifts << shifts
        return (value, int(full.range), shifts, int(ggc_bool_position(&full)))

    def num_bits(self):
        """The information decoded so far, in bits."""
        return <double>ggc_bool_shifted(&self.reader) + log2(<double>GGC_BOOL_FULL / self.reader.range)

    cdef int check(self) except -1:
        if self.reader.status == GGC_BOOL_OK:
            return 0
        if len(self.data) < GGC_BOOL_LEAST:
            raise TruncatedStream(f"{self.section} at byte 0: expected at least {GGC_BOOL_LEAST} bytes, "
                                  f"found {len(self.data)}")
        if self.reader.status == GGC_BOOL_TRUNCATED:
            raise TruncatedStream(f"{self.section} at byte {len(self.data)} of {len(self.data)}: expected another "
                                  f"byte, found the end of the stream")
        raise BitstreamError(f"{self.section} at byte {ggc_bool_position(&self.reader)} of {len(self.data)}: "
                             f"expected an Exp-Golomb code of at most 32 bits, found a longer one")

    def pop(self, out, Bank bank not None, contexts):
        """Decode into an array of integers; the model adapts."""
        cdef Integers o = out_of(out, bank.model.num_symbols - 1)
        cdef Integers c = contexts_of(contexts, bank, o)
        cdef const ggc_token_tree *tree = tree_of(bank)
        self.acquire()
        try:
            bank.acquire(0xFFFF)  # only the ratios of frequencies matter
            with nogil:
                ggc_bool_pop(&self.reader, &bank.model, tree, &c.view, o.size, &o.view)
            bank.busy = False
        finally:
            self.busy = False
        self.check()

    def pop_bools(self, probabilities, uint8_t[::1] out):
        """Decode bits, one a probability."""
        cdef Integers p = probabilities_of(probabilities, None)
        if p.size != <size_t>out.shape[0]:
            raise ValueError("out must hold one bit a probability")
        if p.size == 0:
            return
        self.acquire()
        with nogil:
            ggc_bool_pop_bools(&self.reader, &p.view, p.size, &out[0])
        self.busy = False
        self.check()

    def pop_bits(self, widths, uint32_t[::1] out):
        """Decode literals, one value a width."""
        cdef Integers w = integers(widths, "widths", GGC_MAX_RAW)
        if w.size != <size_t>out.shape[0]:
            raise ValueError("out must hold one value a width")
        if w.size == 0:
            return
        self.acquire()
        with nogil:
            ggc_bool_pop_bits(&self.reader, &w.view, w.size, &out[0])
        self.busy = False
        self.check()

    def pop_exp_golomb(self, uint32_t[::1] out, int order):
        """Decode Exp-Golomb codes."""
        if out.shape[0] == 0:
            return
        self.acquire()
        with nogil:
            ggc_bool_pop_exp_golomb(&self.reader, order, <size_t>out.shape[0], &out[0])
        self.busy = False
        self.check()

    def finish(self):
        """Check that the stream ends here."""
        self.check()
        if not ggc_bool_ended(&self.reader):
            read = max(int(ggc_bool_position(&self.reader)), GGC_BOOL_LEAST)
            found = f"{len(self.data)} bytes" if len(self.data) != read else "another number in them"
            raise BitstreamError(f"{self.section} at byte {read} of {len(self.data)}: expected {read} bytes, the last "
                                 f"ones as the encoder's flush leaves them, found {found}")
