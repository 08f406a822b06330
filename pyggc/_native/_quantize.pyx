"""The compact plan's arithmetic. Python checks the arguments; a row of levels out of range is reported, not used."""

from libc.stdint cimport int32_t

import numpy as np


cdef extern from "ggc/compact.h" nogil:
    enum:
        GGC_MAX_CHANNELS
        GGC_NUM_CLASSES
        GGC_MIN_POSITION_EXPONENT
        GGC_OCTAVE

    ctypedef struct ggc_compact_plan:
        double step[4]
        int32_t channels
        int32_t chroma
        int32_t scale_step
        int32_t shear_step
        int32_t position_step
        int32_t max_exponent_x
        int32_t max_exponent_y
        int32_t width
        int32_t height

    ctypedef struct ggc_row_steps:
        int amplitude_class
        int32_t scale_step
        int32_t shear_step

    ggc_row_steps ggc_steps_of(const ggc_compact_plan *p, const int32_t *levels)
    int ggc_amplitude_class(const ggc_compact_plan *p, const int32_t *levels)
    void ggc_position_exponents(const ggc_compact_plan *p, const ggc_row_steps *s, const int32_t *levels,
                                int32_t *ex, int32_t *ey)
    int ggc_colors_valid(const ggc_compact_plan *p, const int32_t *levels)
    int ggc_levels_valid(const ggc_compact_plan *p, const int32_t *levels)
    void ggc_dequantize(const ggc_compact_plan *p, const int32_t *levels, float *mean, float *cholesky, float *color)
    void ggc_quantize_shape(const ggc_compact_plan *p, const ggc_row_steps *s, const float *mean,
                            const float *cholesky, double min_log_scale, int32_t *shape)
    void ggc_color_levels(const ggc_compact_plan *p, const float *color, double norm, double *levels)
    double ggc_exp2_32nds(int32_t j)
    int32_t ggc_nearest(double v)
    const double GGC_MAX_COLOR_AREA
    double ggc_color_norm(double l1, double l2)


NUM_CLASSES = GGC_NUM_CLASSES
MIN_POSITION_EXPONENT = GGC_MIN_POSITION_EXPONENT
MAX_COLOR_AREA = GGC_MAX_COLOR_AREA


cdef class Plan:
    """A plan's numbers as C reads them; see `pyggc.quantize.CompactQuantizer`."""

    cdef ggc_compact_plan c

    def __init__(self, steps, int channels, int chroma, int scale_step, int shear_step, int position_step,
                 int width, int height):
        for i in range(channels):
            self.c.step[i] = steps[i]
        self.c.channels = channels
        self.c.chroma = chroma
        self.c.scale_step = scale_step
        self.c.shear_step = shear_step
        self.c.position_step = position_step
        self.c.max_exponent_x = width.bit_length() - 1
        self.c.max_exponent_y = height.bit_length() - 1
        self.c.width = width
        self.c.height = height

    @property
    def channels(self):
        """Number of channels."""
        return self.c.channels

    def to_bytes(self):
        """The C structure's bytes, for a device that cannot read it here."""
        return (<const char *>&self.c)[:sizeof(self.c)]

    def address(self):
        """Where the C structure lies, for the kernels of other modules; valid as long as the object."""
        return <size_t>&self.c


cdef int check_levels(const ggc_compact_plan *plan, const int32_t[:, ::1] levels) except -1:
    if levels.shape[1] != plan.channels + 5:
        raise ValueError(f"levels must have {plan.channels + 5} columns, got {levels.shape[1]}")
    return 0


def classes(Plan plan, const int32_t[:, ::1] colors):
    """The amplitude class of each row; of `colors` the first columns are used, and must be valid."""
    cdef Py_ssize_t i, count = colors.shape[0], invalid = -1
    out = np.empty(count, np.int32)
    cdef int32_t[::1] view = out
    if colors.shape[1] < plan.c.channels:
        raise ValueError(f"colors must have at least {plan.c.channels} columns, got {colors.shape[1]}")
    with nogil:
        for i in range(count):
            if not ggc_colors_valid(&plan.c, &colors[i, 0]):
                invalid = i
                break
            view[i] = ggc_amplitude_class(&plan.c, &colors[i, 0])
    if invalid >= 0:
        raise ValueError(f"colors {list(colors[invalid])} of Gaussian {invalid} are out of range")
    return out


def position_exponents(Plan plan, const int32_t[:, ::1] levels):
    """The exponents (N, 2) of two of the steps in x and y, of valid levels; the positions are not read."""
    cdef Py_ssize_t i, count = levels.shape[0]
    cdef ggc_row_steps steps
    check_levels(&plan.c, levels)
    out = np.empty((count, 2), np.int32)
    cdef int32_t[:, ::1] view = out
    with nogil:
        for i in range(count):
            steps = ggc_steps_of(&plan.c, &levels[i, 0])
            ggc_position_exponents(&plan.c, &steps, &levels[i, plan.c.channels], &view[i, 0], &view[i, 1])
    return out


def first_invalid(Plan plan, const int32_t[:, ::1] levels):
    """The first row outside the ranges of the plan, or -1."""
    cdef Py_ssize_t i, count = levels.shape[0], found = -1
    check_levels(&plan.c, levels)
    with nogil:
        for i in range(count):
            if not ggc_levels_valid(&plan.c, &levels[i, 0]):
                found = i
                break
    return found


def dequantize(Plan plan, const int32_t[:, ::1] levels, float[:, ::1] means, float[:, ::1] cholesky,
               float[:, ::1] colors):
    """Valid levels (N, C + 5) to the three arrays."""
    cdef Py_ssize_t i, count = levels.shape[0]
    check_levels(&plan.c, levels)
    if means.shape[0] != count or cholesky.shape[0] != count or colors.shape[0] != count:
        raise ValueError("means, cholesky and colors must have the rows of levels")
    if means.shape[1] != 2 or cholesky.shape[1] != 3 or colors.shape[1] != plan.c.channels:
        raise ValueError("means, cholesky and colors must have shapes (N, 2), (N, 3) and (N, C)")
    with nogil:
        for i in range(count):
            ggc_dequantize(&plan.c, &levels[i, 0], &means[i, 0], &cholesky[i, 0], &colors[i, 0])


cdef void round_colors(const ggc_compact_plan *plan, const float *color, double norm, int limit,
                       int32_t *levels) noexcept nogil:
    cdef double exact[4]
    cdef int b
    ggc_color_levels(plan, color, norm, exact)
    for b in range(plan.channels):
        levels[b] = ggc_nearest(max(-<double>limit, min(<double>limit, exact[b])))


def quantize(Plan plan, const float[:, ::1] means, const float[:, ::1] cholesky, const float[:, ::1] colors,
             double min_log_scale, int limit):
    """Levels (N, C + 5) of Gaussians, colors within +-limit; the colors make up for the rounding of the scales."""
    cdef Py_ssize_t i, count = means.shape[0]
    cdef int _turn, c = plan.c.channels
    cdef double norm
    cdef ggc_row_steps steps
    if cholesky.shape[0] != count or colors.shape[0] != count:
        raise ValueError("cholesky and colors must have the rows of means")
    if means.shape[1] != 2 or cholesky.shape[1] != 3 or colors.shape[1] != c:
        raise ValueError("means, cholesky and colors must have shapes (N, 2), (N, 3) and (N, C)")
    out = np.empty((count, c + 5), np.int32)
    cdef int32_t[:, ::1] levels = out
    with nogil:
        for i in range(count):
            norm = ggc_color_norm(cholesky[i, 0], cholesky[i, 1])
            # The class that the colors give sets the steps of the scales, and these the norm of the colors. The shape
            # is made last, so that it fits the colors that are written.
            for _turn in range(2):
                round_colors(&plan.c, &colors[i, 0], norm, limit, &levels[i, 0])
                steps = ggc_steps_of(&plan.c, &levels[i, 0])
                ggc_quantize_shape(&plan.c, &steps, &means[i, 0], &cholesky[i, 0], min_log_scale, &levels[i, c])
                norm = ggc_color_norm(ggc_exp2_32nds(levels[i, c] * steps.scale_step),
                                      ggc_exp2_32nds(levels[i, c + 1] * steps.scale_step))
    return out
