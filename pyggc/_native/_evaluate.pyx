"""Squared errors and SSIM of two images over buffers. Public names: `pyggc.evaluate`."""

from libc.stdint cimport int32_t, int64_t

import numpy as np


cdef extern from "ggc/evaluate.h" nogil:
    enum:
        GGC_SAMPLE_UINT8
        GGC_SAMPLE_UINT16
        GGC_SAMPLE_FLOAT32
        GGC_SAMPLE_FLOAT64
        GGC_MAX_TAPS
        GGC_EVALUATE_OK

    ctypedef struct ggc_pair:
        const void *first
        const void *second
        int64_t height
        int64_t width
        int64_t channels
        int32_t type

    ctypedef struct ggc_window:
        double weights[GGC_MAX_TAPS]
        int32_t taps

    double ggc_squared_error(const ggc_pair *pair, int threads)
    int ggc_ssim_sum(const ggc_pair *pair, const ggc_window *down, const ggc_window *across, double c1, double c2,
                     int threads, double *total)


cdef ggc_pair pair_of(first, second) except *:
    """Two C-contiguous arrays (height, width, channels), not empty, of the same type and shape."""
    cdef ggc_pair pair
    cdef const unsigned char[::1] one, other
    if first.shape != second.shape or first.dtype != second.dtype or first.ndim != 3 or first.size == 0:
        raise ValueError("first and second must have one shape of three sides, none zero, and one dtype")
    one = first.reshape(-1).view(np.uint8)
    other = second.reshape(-1).view(np.uint8)
    pair.first, pair.second = &one[0], &other[0]
    pair.height, pair.width, pair.channels = first.shape
    pair.type = {"uint8": GGC_SAMPLE_UINT8, "uint16": GGC_SAMPLE_UINT16, "float32": GGC_SAMPLE_FLOAT32,
                 "float64": GGC_SAMPLE_FLOAT64}[first.dtype.name]
    return pair


cdef ggc_window window_of(const double[::1] weights, int64_t side) except *:
    cdef ggc_window window
    cdef Py_ssize_t i
    if weights.shape[0] > GGC_MAX_TAPS or weights.shape[0] % 2 == 0 or weights.shape[0] > side:
        raise ValueError(f"a window must have an odd number of weights, at most {GGC_MAX_TAPS} and the image's side")
    window.taps = <int32_t>weights.shape[0]
    for i in range(weights.shape[0]):
        window.weights[i] = weights[i]
    return window


def squared_error(first, second, *, int threads):
    """The sum of the squared differences."""
    cdef ggc_pair pair = pair_of(first, second)
    cdef double total
    with nogil:
        total = ggc_squared_error(&pair, threads)
    return total


def ssim_sum(first, second, const double[::1] rows, const double[::1] columns, *, double c1, double c2, int threads):
    """The sum of SSIM over windows and channels."""
    cdef ggc_pair pair = pair_of(first, second)
    cdef ggc_window down = window_of(rows, pair.height), across = window_of(columns, pair.width)
    cdef double total = 0.0
    cdef int status
    with nogil:
        status = ggc_ssim_sum(&pair, &down, &across, c1, c2, threads, &total)
    if status != GGC_EVALUATE_OK:
        raise MemoryError("no memory for SSIM")
    return total
