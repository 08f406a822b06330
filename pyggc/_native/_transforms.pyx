"""Reversible transforms over buffers. Public names: `pyggc.transforms`."""

from libc.stddef cimport ptrdiff_t, size_t
from libc.stdint cimport int64_t

import numpy as np


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
        ptrdiff_t source_step
        ptrdiff_t source_row
        ptrdiff_t target_step
        ptrdiff_t target_row
    ctypedef struct ggc_pixels:
        const void *source
        void *target
        int64_t count
        ptrdiff_t pixel
        ptrdiff_t channel
    ctypedef struct ggc_stages:
        pass
    ctypedef struct ggc_transform_variant:
        const char *name
        const ggc_stages *int16
        const ggc_stages *int32
    const ggc_transform_variant *ggc_transform_variant_at(int index)
    void ggc_transform_runs(const ggc_transform *transform, const ggc_stages *stages, size_t itemsize,
                            const ggc_blocks *blocks, int64_t runs, ptrdiff_t run, int threads)
    void ggc_color_runs(ggc_color_flow flow, int inverse, const ggc_stages *stages, size_t itemsize,
                        const ggc_pixels *pixels, int64_t runs, ptrdiff_t run, int threads)
    int ggc_samples_within(const ggc_stages *stages, size_t itemsize, const void *samples, int64_t n, int64_t limit,
                           int threads)


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


cdef const ggc_stages *stages_of(str variant, size_t itemsize) except NULL:
    cdef const ggc_transform_variant *found = ggc_transform_variant_at(variants().index(variant))
    return found.int16 if itemsize == 2 else found.int32


cdef char *data_of(array, bint writable) except NULL:
    """The memory of a C-contiguous array of int16 or int32 that is not empty."""
    cdef char[::1] target
    cdef const char[::1] source
    if array.dtype != np.int16 and array.dtype != np.int32:
        raise TypeError(f"samples must be int16 or int32, not {array.dtype}")
    flat = array.reshape(-1).view(np.int8)
    if writable:
        target = flat
        return &target[0]
    source = flat
    return <char *>&source[0]


def transform(source, target, flows, *, bint quads, bint inverse, str variant, int threads):
    """Transform blocks of rows x columns samples in an array (runs, blocks down, rows, blocks across, columns).

    ``flows``: the names of those along columns and along rows, or None. The arrays are the same one or lie apart.
    """
    cdef ggc_transform t
    cdef ggc_blocks blocks
    cdef size_t itemsize = source.itemsize
    cdef int64_t runs, down, across
    cdef ptrdiff_t run
    cdef const ggc_stages *stages = stages_of(variant, itemsize)
    if source.shape != target.shape or source.dtype != target.dtype or source.ndim != 5 or source.size == 0:
        raise ValueError("source and target must have one shape of five sides, none zero, and one dtype")
    runs, down, t.rows, across, t.columns = source.shape
    for flow, side in zip(flows, (t.rows, t.columns)):
        if (flow is not None and flow[3:] != str(side)) or side not in (1, 2, 4, 8, 16, 32):
            raise ValueError(f"{flow} has not {side} samples")
    t.down, t.across = (FLOWS.get(flow, GGC_NO_FLOW) for flow in flows)
    t.quads = quads
    t.inverse = inverse
    if quads and (t.rows % 2 or t.columns % 2):
        raise ValueError(f"there are no 2 x 2 transforms in {t.rows} x {t.columns} samples")
    blocks.source, blocks.target = data_of(source, False), data_of(target, True)
    blocks.source_row = blocks.target_row = across * t.columns
    if across == 1:
        # Nothing but blocks, one after the other.
        blocks.count, blocks.source_step = runs * down, t.rows * t.columns
        runs, run = 1, 0
    elif t.rows == 1:
        blocks.count, blocks.source_step = runs * down * across, t.columns
        runs, run = 1, 0
    else:
        blocks.count, blocks.source_step = across, t.columns
        runs, run = runs * down, t.rows * across * t.columns
    blocks.target_step = blocks.source_step
    with nogil:
        ggc_transform_runs(&t, stages, itemsize, &blocks, runs, run, threads)


def color(source, target, str flow, *, bint inverse, str variant, int threads):
    """Transform the three channels of an array (runs, 3, pixels); the arrays are the same one or lie apart."""
    cdef ggc_pixels pixels
    cdef size_t itemsize = source.itemsize
    cdef int64_t runs
    cdef ptrdiff_t run
    cdef ggc_color_flow number = COLORS[flow]
    cdef const ggc_stages *stages = stages_of(variant, itemsize)
    if source.shape != target.shape or source.dtype != target.dtype or source.ndim != 3 or source.size == 0:
        raise ValueError("source and target must have one shape of three sides, none zero, and one dtype")
    if source.shape[1] != 3:
        raise ValueError(f"there must be three channels, not {source.shape[1]}")
    pixels.source, pixels.target = data_of(source, False), data_of(target, True)
    if source.shape[2] == 1:
        pixels.count, pixels.pixel, pixels.channel = source.shape[0], 3, 1
        runs, run = 1, 0
    else:
        pixels.count, pixels.pixel, pixels.channel = source.shape[2], 1, source.shape[2]
        runs, run = source.shape[0], 3 * source.shape[2]
    with nogil:
        ggc_color_runs(number, inverse, stages, itemsize, &pixels, runs, run, threads)


def within(samples, int64_t limit, *, str variant, int threads):
    """Whether all samples of a C-contiguous array that is not empty lie in [-limit, limit]."""
    cdef size_t itemsize = samples.itemsize
    cdef int64_t n = samples.size
    cdef const ggc_stages *stages = stages_of(variant, itemsize)
    cdef const char *data = data_of(samples, False)
    cdef bint found
    with nogil:
        found = ggc_samples_within(stages, itemsize, data, n, limit, threads)
    return bool(found)
