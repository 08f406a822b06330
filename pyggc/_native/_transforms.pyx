"""Reversible transforms over buffers. Public names: `pyggc.transforms`."""

from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, int64_t

cdef extern from "ggc/transform.h" nogil:
    ctypedef enum ggc_side_flow:
        GGC_NO_FLOW
        GGC_DCT4
        GGC_DCT8
        GGC_DCT16
        GGC_DCT32
        GGC_WHT4
        GGC_WHT8
        GGC_WHT16
        GGC_WHT32
    ctypedef enum ggc_color_flow:
        GGC_YCOCG_R
        GGC_RCT
    ctypedef struct ggc_transform:
        int rows
        int columns
        ggc_side_flow down
        ggc_side_flow across
        int quads
        int inverse
    ctypedef struct ggc_blocks:
        const void *source
        void *target
        int64_t count
        ptrdiff_t source_row
        ptrdiff_t target_row
        int stacked
    ctypedef struct ggc_pixels:
        const void *source
        void *target
        int64_t count
        int alternate
        ptrdiff_t channel
    ctypedef struct ggc_stages:
        pass
    ctypedef struct ggc_transform_variant:
        const char *name
        const ggc_stages *int16
        const ggc_stages *int32
    ctypedef struct ggc_tiling:
        int32_t limit
    ctypedef struct ggc_plan:
        ggc_tiling wide
    const ggc_transform_variant *ggc_transform_variant_at(int index)
    ggc_plan ggc_plan_of(const ggc_transform *transform, const ggc_transform_variant *variant, int itemsize)
    int32_t ggc_color_limit(ggc_color_flow flow, int bits)
    int ggc_transform_runs(const ggc_plan *plan, const ggc_blocks *blocks, int64_t runs, ptrdiff_t run, int check,
                           int threads)
    int ggc_color_runs(ggc_color_flow flow, int inverse, const ggc_stages *stages, const ggc_pixels *pixels,
                       int64_t runs, ptrdiff_t run, int32_t limit, int threads)


FLOWS = {
    "dct4": GGC_DCT4, "dct8": GGC_DCT8, "dct16": GGC_DCT16, "dct32": GGC_DCT32,
    "wht4": GGC_WHT4, "wht8": GGC_WHT8, "wht16": GGC_WHT16, "wht32": GGC_WHT32,
}
COLORS = {"ycocg_r": GGC_YCOCG_R, "rct": GGC_RCT}


def variants():
    """The SIMD variants that this processor runs, slowest first."""
    names = []
    while ggc_transform_variant_at(len(names)) != NULL:
        names.append(ggc_transform_variant_at(len(names)).name.decode())
    return names


VARIANTS = {name: index for index, name in enumerate(variants())}


cdef const ggc_transform_variant *variant_of(str name) except NULL:
    return ggc_transform_variant_at(VARIANTS[name])


cdef char *data_of(array, bint writable) except NULL:
    """The memory of a C-contiguous array, which keeps it."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS | (PyBUF_WRITABLE if writable else 0))
    cdef char *data = <char *>view.buf
    PyBuffer_Release(&view)
    return data


cdef int check_arrays(source, target, int sides) except -1:
    dtype = source.dtype
    if dtype.kind != "i" or dtype.itemsize not in (2, 4) or not dtype.isnative:
        raise TypeError(f"samples must be int16 or int32, not {dtype}")
    if source.shape != target.shape or dtype != target.dtype or source.ndim != sides or source.size == 0:
        raise ValueError(f"source and target must have one shape of {sides} sides, none zero, and one dtype")
    return 0


cdef ggc_transform transform_of(int rows, int columns, flows, bint inverse) except *:
    """The names of the flows along columns and along rows, and of that of 2 x 2 neighbors; each may be None."""
    cdef ggc_transform t
    t.rows, t.columns, t.inverse = rows, columns, inverse
    for flow, side in zip(flows, (rows, columns)):
        if (flow is not None and flow[3:] != str(side)) or side not in (1, 2, 4, 8, 16, 32):
            raise ValueError(f"{flow} has not {side} samples")
    t.down, t.across, t.quads = FLOWS.get(flows[0], 0), FLOWS.get(flows[1], 0), flows[2] is not None
    if t.quads and (rows % 2 or columns % 2):
        raise ValueError(f"there are no 2 x 2 transforms in {rows} x {columns} samples")
    return t


def limit(int rows, int columns, flows, int bits):
    """The largest magnitude of samples for which no number on the way needs more bits, 16 or 32."""
    cdef ggc_transform t = transform_of(rows, columns, flows, False)
    return int(ggc_plan_of(&t, ggc_transform_variant_at(0), bits // 8).wide.limit)


def color_limit(str flow, int bits):
    """The same of a transform of colors."""
    return int(ggc_color_limit(COLORS[flow], bits))


def transform(source, target, flows, *, bint inverse, bint check, str variant, int threads):
    """Transform blocks of rows x columns samples in an array (runs, blocks down, rows, blocks across, columns).

    ``flows``: see `transform_of`. The arrays are the same one or lie apart; with ``check`` they lie apart, and False
    says that a sample exceeds the limit, and that the target holds nothing of use.
    """
    cdef ggc_transform t = transform_of(source.shape[2], source.shape[4], flows, inverse)
    cdef ggc_plan plan
    cdef ggc_blocks blocks
    cdef int64_t runs = source.shape[0] * source.shape[1], across = source.shape[3]
    cdef ptrdiff_t run = t.rows * across * t.columns
    cdef const ggc_transform_variant *chosen = variant_of(variant)
    cdef bint within
    check_arrays(source, target, 5)
    blocks.source, blocks.target = data_of(source, False), data_of(target, True)
    blocks.source_row = blocks.target_row = across * t.columns
    blocks.stacked = across == 1 and t.rows > 1
    blocks.count = across
    if blocks.stacked or t.rows == 1:
        # One block after the other, or one row of them.
        blocks.count, runs, run = runs * across, 1, 0
    if blocks.stacked and t.rows * t.columns == 4 and t.quads:
        # Four neighbors in memory.
        t.rows, t.columns, t.across, t.quads, blocks.stacked = 1, 4, GGC_WHT4, 0, 0
    plan = ggc_plan_of(&t, chosen, source.itemsize)
    with nogil:
        within = ggc_transform_runs(&plan, &blocks, runs, run, check, threads)
    return within


def color(source, target, str flow, *, bint inverse, int32_t limit, str variant, int threads):
    """Transform the three channels of an array (runs, 3, pixels); as `transform`, with a check unless limit < 0."""
    cdef ggc_pixels pixels
    cdef int64_t runs = source.shape[0]
    cdef ptrdiff_t run = source.size // source.shape[0]
    cdef ggc_color_flow number = COLORS[flow]
    cdef const ggc_transform_variant *chosen = variant_of(variant)
    cdef const ggc_stages *stages = chosen.int16 if source.itemsize == 2 else chosen.int32
    cdef bint within
    check_arrays(source, target, 3)
    if source.shape[1] != 3:
        raise ValueError(f"there must be three channels, not {source.shape[1]}")
    pixels.source, pixels.target = data_of(source, False), data_of(target, True)
    pixels.alternate, pixels.channel, pixels.count = source.shape[2] == 1, source.shape[2], source.shape[2]
    if pixels.alternate:
        pixels.count, runs, run = runs, 1, 0
    with nogil:
        within = ggc_color_runs(number, inverse, stages, &pixels, runs, run, limit, threads)
    return within
