"""The exact renderer's door to C: one call renders, one estimates the work. No argument is checked for meaning here."""

from libc.stdint cimport int32_t, int64_t

import numpy as np


cdef extern from "ggc/render.h" nogil:
    enum:
        GGC_OK
        GGC_UINT8
        GGC_UINT16
        GGC_FLOAT32
        GGC_INT32
        GGC_MAX_CHANNELS
        GGC_FRACTION_BITS
    const float GGC_Q_MAX
    const float GGC_P1
    const float GGC_P2
    const float GGC_P3
    const float GGC_P4
    const float GGC_EDGE
    const float GGC_COLOR_SCALE

    ctypedef struct ggc_variant:
        const char *name

    ctypedef struct ggc_job:
        const float *means
        const float *cholesky
        const float *colors
        int64_t count
        int32_t channels
        int32_t x0
        int32_t y0
        int32_t width
        int32_t height
        int32_t supersample
        int32_t tile_width
        int32_t tile_height
        int32_t type
        int32_t clip
        int32_t threads
        const ggc_variant *variant
        void *out

    const ggc_variant *ggc_variant_at(int index)
    int ggc_render(const ggc_job *job)
    double ggc_render_work(const float *means, const float *cholesky, int64_t count,
                           int32_t x0, int32_t y0, int32_t width, int32_t height)


def constants():
    """The constants of the specification, by their names in ``gaussian.h``."""
    return {
        "Q_MAX": GGC_Q_MAX, "P1": GGC_P1, "P2": GGC_P2, "P3": GGC_P3, "P4": GGC_P4, "EDGE": GGC_EDGE,
        "COLOR_SCALE": GGC_COLOR_SCALE, "FRACTION_BITS": GGC_FRACTION_BITS, "MAX_CHANNELS": GGC_MAX_CHANNELS,
    }


def variants():
    """The names of the SIMD variants that this processor runs, slowest first."""
    names = []
    while ggc_variant_at(len(names)) != NULL:
        names.append(ggc_variant_at(len(names)).name.decode())
    return names


def sample_types():
    """The codes of the types of samples, by their names."""
    return {"uint8": GGC_UINT8, "uint16": GGC_UINT16, "float32": GGC_FLOAT32, "int32": GGC_INT32}


def render(const float[:, ::1] means, const float[:, ::1] cholesky, const float[:, ::1] colors, out, *,
           int32_t x, int32_t y, int32_t supersample, bint clip, int32_t threads, str variant,
           int32_t tile_width, int32_t tile_height):
    """Render the region of `out`'s size at (x, y) into `out`, C-contiguous (height, width, channels)."""
    cdef ggc_job job
    cdef unsigned char[::1] samples = out.reshape(-1).view(np.uint8)
    cdef int status
    cdef Py_ssize_t count = means.shape[0], channels = colors.shape[1]
    if out.size == 0:
        return
    if cholesky.shape[0] != count or colors.shape[0] != count or means.shape[1] != 2 or cholesky.shape[1] != 3:
        raise ValueError("means, cholesky and colors must have shapes (N, 2), (N, 3) and (N, C)")
    if not 1 <= channels <= GGC_MAX_CHANNELS or out.shape[2] != channels:
        raise ValueError(f"out must have the channels of colors, 1 to {GGC_MAX_CHANNELS}, got {out.shape}")
    job.means = &means[0, 0] if count else NULL
    job.cholesky = &cholesky[0, 0] if count else NULL
    job.colors = &colors[0, 0] if count else NULL
    job.count = count
    job.channels = <int32_t>channels
    job.x0 = x
    job.y0 = y
    job.height, job.width = out.shape[0], out.shape[1]
    job.supersample = supersample
    job.tile_width = tile_width
    job.tile_height = tile_height
    job.type = sample_types()[out.dtype.name]
    job.clip = clip
    job.threads = threads
    job.variant = ggc_variant_at(variants().index(variant))
    job.out = &samples[0]
    with nogil:
        status = ggc_render(&job)
    if status != GGC_OK:
        raise MemoryError(f"no memory to bin {count} Gaussians")


def work(const float[:, ::1] means, const float[:, ::1] cholesky, *, int32_t x, int32_t y, int32_t width,
         int32_t height):
    """An upper bound of the pixels that the Gaussians cover within the region."""
    cdef Py_ssize_t count = means.shape[0]
    cdef double total
    if cholesky.shape[0] != count or means.shape[1] != 2 or cholesky.shape[1] != 3:
        raise ValueError("means and cholesky must have shapes (N, 2) and (N, 3)")
    if count == 0:
        return 0.0
    with nogil:
        total = ggc_render_work(&means[0, 0], &cholesky[0, 0], count, x, y, width, height)
    return total
