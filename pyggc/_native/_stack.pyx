"""rANS stacks, and the sets that are coded on them. Public names: `pyggc.entropy`."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.math cimport log2
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from pyggc._native._entropy cimport (
    GGC_MAX_RAW, GGC_STATIC, Bank, Exclusive, Integers, contexts_of, ggc_model, ggc_view, integers, out_of, symbols_of,
)
from pyggc._native._rans cimport (
    GGC_RANS_INITIAL, GGC_RANS_LOWER, GGC_RANS_MAX_STATES, StepLog, ggc_prefer_large_pages, ggc_reciprocal, reciprocals,
)

import numpy as np

from pyggc.errors import BitstreamError, TruncatedStream


cdef extern from "ggc/stack.h" nogil:
    ctypedef struct ggc_rans_stack:
        uint64_t x[4]
        uint32_t *words
        size_t size
        size_t extent
        uint32_t states
        uint32_t step
        int dry
    void ggc_stack_store(const ggc_rans_stack *s, uint8_t *bytes)
    int ggc_stack_reserve(ggc_rans_stack *s, size_t words)
    int ggc_stack_push(ggc_rans_stack *s, const ggc_reciprocal *r, const uint32_t *steps, size_t n)
    int ggc_stack_push_symbols(ggc_rans_stack *s, const ggc_reciprocal *r, const ggc_model *m,
                               const ggc_view *symbols, const ggc_view *contexts, size_t n)
    void ggc_stack_pop_symbols(ggc_rans_stack *s, const ggc_model *m, const ggc_view *contexts, size_t n,
                               const ggc_view *symbols)
    void ggc_stack_pop_bits(ggc_rans_stack *s, const ggc_view *widths, size_t n, uint32_t *values)
    int ggc_stack_pop_exp_golomb(ggc_rans_stack *s, int order, size_t n, uint32_t *values)

cdef extern from "ggc/sets.h" nogil:
    enum:
        GGC_SET_MAX_COLUMNS
    ctypedef struct ggc_set_rows:
        uint64_t size[8]
        const ggc_model *model[8]
        int num_columns
    int ggc_stack_push_set(ggc_rans_stack *s, const ggc_reciprocal *r, const ggc_set_rows *rows,
                           const uint64_t *keys, size_t n)
    int ggc_stack_pop_set(ggc_rans_stack *s, const ggc_set_rows *rows, size_t n, uint64_t *keys)


MAX_SET_COLUMNS = GGC_SET_MAX_COLUMNS


cdef ggc_set_rows rows_of(tuple columns) except *:
    """The columns of a set's elements: the size of an alphabet, or the `Bank` of a static model, which must live on."""
    cdef ggc_set_rows rows
    cdef Py_ssize_t d
    cdef Bank bank
    product = 1
    if not 1 <= len(columns) <= GGC_SET_MAX_COLUMNS:
        raise ValueError(f"a row must have 1 to {GGC_SET_MAX_COLUMNS} columns, not {len(columns)}")
    rows.num_columns = <int>len(columns)
    for d in range(rows.num_columns):
        if isinstance(columns[d], Bank):
            bank = columns[d]
            if bank.model.kind != GGC_STATIC:
                raise ValueError("the model of a column must be static")
            rows.model[d], rows.size[d] = &bank.model, bank.model.num_symbols
        else:
            if not 1 <= columns[d] <= 1 << 32:
                raise ValueError("a column's alphabet must have 1 to 2^32 symbols")
            rows.model[d], rows.size[d] = NULL, columns[d]
        product *= rows.size[d]
    if product > 1 << 64:
        raise ValueError("the product of the alphabets' sizes must be at most 2^64")
    return rows


cdef class StackCore(Exclusive):
    """A rANS stack and its words."""

    cdef ggc_rans_stack stack

    def __cinit__(self, int states):
        self.role = "stack"
        self.stack.states = <uint32_t>states
        self.clear()

    def __dealloc__(self):
        free(self.stack.words)

    cdef void clear(self) noexcept:
        cdef int k
        for k in range(GGC_RANS_MAX_STATES):
            self.stack.x[k] = GGC_RANS_INITIAL if self.stack.states == 1 else GGC_RANS_LOWER
        self.stack.size = self.stack.extent = 0
        self.stack.step = 0
        self.stack.dry = False

    cdef int check(self, ggc_rans_stack *before) except -1:
        """Put a stack of several states that ran dry back to what it was."""
        if self.stack.dry:
            before.dry = False
            self.stack = before[0]
            raise TruncatedStream(f"rANS stack of {self.stack.states} states: expected more words, found the bottom")
        return 0

    @property
    def position(self):
        """The words below the states, the states in the order of the steps to come."""
        self.check_idle()
        ring = [int(self.stack.x[(self.stack.step + k) & (self.stack.states - 1)]) for k in range(self.stack.states)]
        return (int(self.stack.size), tuple(ring))

    def seek(self, size_t size, tuple ring not None):
        """Go to where `position` was such."""
        cdef uint64_t[GGC_RANS_MAX_STATES] states
        cdef uint32_t k
        self.check_idle()
        if size > self.stack.extent or len(ring) != <Py_ssize_t>self.stack.states:
            raise ValueError(f"position must have at most {self.stack.extent} words and {self.stack.states} states")
        for k in range(self.stack.states):  # all of them, before anything changes
            states[k] = ring[k]
        self.stack.size = size
        self.stack.step = 0
        for k in range(self.stack.states):
            self.stack.x[k] = states[k]

    def to_bytes(self, bytes head not None):
        """The head, and then the words, the top one first."""
        cdef Py_ssize_t size = len(head)
        cdef bytes data
        cdef uint8_t *target
        self.acquire()
        try:
            data = PyBytes_FromStringAndSize(NULL, size + 4 * <Py_ssize_t>self.stack.size)
            target = <uint8_t *>PyBytes_AS_STRING(data)
            memcpy(target, PyBytes_AS_STRING(head), <size_t>size)
            with nogil:
                ggc_prefer_large_pages(target, <size_t>size + 4 * self.stack.size)
                ggc_stack_store(&self.stack, target + size)
        finally:
            self.busy = False
        return data

    def empty(self):
        """Become as it was at first, but for the memory that it has."""
        self.check_idle()
        self.clear()

    def words(self):
        """Copy of the words below the states, uint32, the top one last."""
        cdef uint32_t[::1] target
        self.acquire()  # another thread's call may move the words
        try:
            out = np.empty(self.stack.size, np.uint32)
            target = out
            if self.stack.size:
                memcpy(&target[0], self.stack.words, self.stack.size * sizeof(uint32_t))
        finally:
            self.busy = False
        return out

    def restore(self, const uint32_t[::1] words, tuple ring not None):
        """Become a stack of these words and states."""
        self.clear()
        if not ggc_stack_reserve(&self.stack, <size_t>words.shape[0]):
            raise MemoryError
        if words.shape[0]:
            memcpy(self.stack.words, &words[0], <size_t>words.shape[0] * sizeof(uint32_t))
        self.stack.size = self.stack.extent = <size_t>words.shape[0]
        self.seek(self.stack.size, ring)

    def push(self, symbols, Bank bank not None, contexts):
        """Push symbols so that the first of them is popped first."""
        cdef Integers s = symbols_of(symbols, bank)
        cdef Integers c = contexts_of(contexts, bank, s)
        cdef const ggc_reciprocal *table = reciprocals()
        cdef bint pushed
        self.acquire()
        try:
            bank.acquire()
            with nogil:
                pushed = ggc_stack_push_symbols(&self.stack, table, &bank.model, &s.view, &c.view, s.size)
            bank.busy = False
        finally:
            self.busy = False
        if not pushed:
            raise MemoryError

    def num_bits(self):
        """The information on the stack, less that of the states it began with."""
        cdef double bits = 32.0 * self.stack.size
        cdef uint32_t k
        for k in range(self.stack.states):
            bits += log2(<double>self.stack.x[k]) if self.stack.x[k] else 0.0
            bits -= log2(<double>(GGC_RANS_INITIAL if self.stack.states == 1 else GGC_RANS_LOWER))
        return bits

    def push_bits(self, values, widths):
        """Push raw bits so that the first value is popped first."""
        cdef StepLog log = StepLog()
        log.push_bits(values, widths)
        self.push_log(log)

    def push_exp_golomb(self, values, int order):
        """Push Exp-Golomb codes so that the first value is popped first."""
        cdef StepLog log = StepLog()
        log.push_exp_golomb(values, order)
        self.push_log(log)

    cdef int push_log(self, StepLog log) except -1:
        cdef const ggc_reciprocal *table = reciprocals()
        cdef bint pushed
        self.acquire()
        with nogil:
            pushed = ggc_stack_push(&self.stack, table, log.log.steps, log.log.size)
        self.busy = False
        if not pushed:
            raise MemoryError

    def pop(self, out, Bank bank not None, contexts):
        """Pop into an array of integers; the model adapts."""
        cdef Integers o = out_of(out, bank.model.num_symbols - 1)
        cdef Integers c = contexts_of(contexts, bank, o)
        cdef ggc_rans_stack before
        cdef Bank unlearned = None
        self.acquire()
        try:
            before = self.stack
            if self.stack.states > 1:  # a stack of one state never runs dry
                unlearned = bank.copy()
            bank.acquire()
            with nogil:
                ggc_stack_pop_symbols(&self.stack, &bank.model, &c.view, o.size, &o.view)
            if self.stack.dry:
                bank.restore(unlearned)
            bank.busy = False
        finally:
            self.busy = False
        self.check(&before)

    def pop_bits(self, widths, uint32_t[::1] out):
        """Pop raw bits, one value a width."""
        cdef Integers w = integers(widths, "widths", GGC_MAX_RAW)
        cdef ggc_rans_stack before
        if w.size != <size_t>out.shape[0]:
            raise ValueError("out must hold one value a width")
        if w.size == 0:
            return
        self.acquire()
        before = self.stack
        with nogil:
            ggc_stack_pop_bits(&self.stack, &w.view, w.size, &out[0])
        self.busy = False
        self.check(&before)

    def pop_exp_golomb(self, uint32_t[::1] out, int order):
        """Pop Exp-Golomb codes."""
        cdef ggc_rans_stack before
        cdef bint found
        if out.shape[0] == 0:
            return
        self.acquire()
        before = self.stack
        with nogil:
            found = ggc_stack_pop_exp_golomb(&self.stack, order, <size_t>out.shape[0], &out[0])
        self.busy = False
        self.check(&before)
        if not found:
            self.stack = before
            raise BitstreamError("rANS stack: expected an Exp-Golomb code of at most 32 bits, found a longer one")

    def push_set(self, const uint64_t[::1] keys, tuple columns not None):
        """Push sorted keys, each below the product of the columns' sizes, as a set."""
        cdef ggc_set_rows rows = rows_of(columns)
        cdef const ggc_reciprocal *table = reciprocals()
        cdef bint pushed
        if self.stack.states != 1 or keys.shape[0] >= 1 << 32:
            raise ValueError("a set needs a stack of one state and fewer than 2^32 elements")
        if keys.shape[0] == 0:
            return
        self.acquire()
        with nogil:
            pushed = ggc_stack_push_set(&self.stack, table, &rows, &keys[0], <size_t>keys.shape[0])
        self.busy = False
        if not pushed:
            raise MemoryError

    def pop_set(self, tuple columns not None, uint64_t[::1] out):
        """Pop a set of as many keys as `out` holds, sorted."""
        cdef ggc_set_rows rows = rows_of(columns)
        cdef bint popped
        if self.stack.states != 1 or out.shape[0] >= 1 << 32:
            raise ValueError("a set needs a stack of one state and fewer than 2^32 elements")
        if out.shape[0] == 0:
            return
        self.acquire()
        with nogil:
            popped = ggc_stack_pop_set(&self.stack, &rows, <size_t>out.shape[0], &out[0])
        self.busy = False
        if not popped:
            raise MemoryError
