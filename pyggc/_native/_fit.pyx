"""The fit's door to C: every function is one call. Shapes are checked here, meaning is not."""

from libc.stdint cimport int32_t, int64_t

import numpy as np


cdef extern from "ggc/fit.h" nogil:
    enum:
        GGC_PADDING
        GGC_SHAPE_COORDINATES
        GGC_MAX_NEIGHBORS
        GGC_MAX_CHANNELS
        GGC_FIT_OK
    const double GGC_INT_COLOR

    ctypedef struct ggc_planes:
        float *data
        Py_ssize_t stride
        int32_t width
        int32_t height
        int32_t channels

    ctypedef struct ggc_params:
        const float *means
        const float *cholesky
        const float *colors
        int64_t count
        int32_t channels

    ctypedef struct ggc_fit_sums:
        double squared
        double absolute

    ctypedef struct ggc_fit_bounds:
        float width
        float height
        float min_scale
        float max_scale
        float max_color
        float x
        float y

    ctypedef struct ggc_fit_variant:
        const char *name

    const ggc_fit_variant *ggc_fit_variant_at(int index)
    int ggc_fit_forward(const ggc_params *params, const ggc_planes *target, const ggc_planes *residual,
                        const ggc_fit_variant *variant, int threads, ggc_fit_sums *sums)
    int ggc_fit_backward(const ggc_params *params, const ggc_planes *image, const ggc_fit_variant *variant,
                         int threads, float *out)
    void ggc_fit_natural(const ggc_params *params, float *g, float *z, const float *previous, float penalty,
                         double *products)
    double ggc_fit_conjugate(const ggc_params *params, const float *g, const float *z, float *direction, float beta,
                             float reach, float min_scale)
    double ggc_fit_retract(const ggc_params *params, const float *direction, float step,
                           const ggc_fit_bounds *bounds, float *means, float *cholesky, float *colors)
    int ggc_fit_removal(const ggc_params *params, const float *g, int32_t neighbors, int threads, float *cost)
    int ggc_fit_blur(const ggc_planes *image, const ggc_planes *out, double sigma, const ggc_fit_variant *variant,
                     int threads)
    int ggc_fit_ssim(const ggc_planes *residual, const ggc_planes *target, const ggc_planes *gradient, float scale,
                     const ggc_fit_variant *variant, int threads, double *ssim)
    void ggc_fit_mix(const ggc_planes *residual, const ggc_planes *gradient, float l2, float l1, int threads)
    void ggc_fit_energy(const ggc_planes *image, const ggc_planes *out, int threads)
    int64_t ggc_fit_sample(const ggc_planes *weights, const double *thresholds, int64_t count, int64_t *pixels)
    double ggc_fit_total(const ggc_planes *weights)


cdef extern from "ggc/fit_removal.h" nogil:
    ctypedef struct ggc_cells:
        int32_t across
        int32_t down

    ggc_cells ggc_cells_of(float x0, float y0, float width, float height, int64_t count)


cdef extern from "ggc/fit_search.h" nogil:
    enum:
        GGC_FIT_SLOTS
        GGC_SQUARE_WIDTH
        GGC_SQUARE_HEIGHT
        GGC_PART
        GGC_FIT_MAX_TRIALS
        GGC_FIT_MAX_STALLS
        GGC_FIT_PLACE
        GGC_FIT_TRY
    const double GGC_FIT_HEADROOM
    const double GGC_FIT_MAX_CHANGE
    const double GGC_FIT_NEAR
    const double GGC_FIT_LEAST_STEP

    ctypedef struct ggc_fit_problem:
        pass

    ctypedef struct ggc_fit_control:
        pass


cdef extern from "ggc/refine.h" nogil:
    ctypedef struct ggc_compact_plan:
        int32_t channels

    int64_t ggc_fit_refine(const ggc_compact_plan *plan, int32_t *levels, const int64_t *order, int64_t count,
                           const ggc_planes *residual, double min_log_scale, int32_t limit,
                           const ggc_fit_variant *variant)


def constants():
    """The sizes that callers must know, by name."""
    return {
        "PADDING": GGC_PADDING, "SHAPE_COORDINATES": GGC_SHAPE_COORDINATES, "MAX_NEIGHBORS": GGC_MAX_NEIGHBORS,
        "KERNEL_ENERGY": GGC_INT_COLOR,
    }


def search_constants():
    """What a search on a device has by name in fit_search.h."""
    return {
        "SLOTS": GGC_FIT_SLOTS, "SQUARE_WIDTH": GGC_SQUARE_WIDTH,
        "PART_PIXELS": GGC_PART * GGC_SQUARE_WIDTH * GGC_SQUARE_HEIGHT,
        "MAX_TRIALS": GGC_FIT_MAX_TRIALS, "MAX_STALLS": GGC_FIT_MAX_STALLS, "PLACE": GGC_FIT_PLACE, "TRY": GGC_FIT_TRY,
        "PROBLEM_SIZE": sizeof(ggc_fit_problem), "CONTROL_SIZE": sizeof(ggc_fit_control),
    }


def search_factors():
    """The line search's numbers, by name."""
    return {
        "HEADROOM": GGC_FIT_HEADROOM, "MAX_CHANGE": GGC_FIT_MAX_CHANGE, "NEAR": GGC_FIT_NEAR,
        "LEAST_STEP": GGC_FIT_LEAST_STEP,
    }


def grid(float width, float height, int64_t count):
    """How many cells across and down the search for neighbors has, for so many Gaussians in a rectangle."""
    cdef ggc_cells cells = ggc_cells_of(0.0, 0.0, width, height, count)
    return cells.across, cells.down


def variants():
    """The names of the SIMD variants that this processor runs, slowest first."""
    names = []
    while ggc_fit_variant_at(len(names)) != NULL:
        names.append(ggc_fit_variant_at(len(names)).name.decode())
    return names


cdef const ggc_fit_variant *variant_of(str name) except NULL:
    return ggc_fit_variant_at(variants().index(name))


cdef int check(int status) except -1:
    if status != GGC_FIT_OK:
        raise MemoryError("no memory for the fit")
    return 0


cdef ggc_planes planes_of(float[:, :, ::1] data, int32_t width) except *:
    cdef ggc_planes planes
    if not (0 < width and width + GGC_PADDING <= data.shape[2] and data.shape[0] > 0):
        raise ValueError(f"planes must be wider than {width} by {GGC_PADDING}, and not empty")
    if not 1 <= data.shape[1] <= GGC_MAX_CHANNELS:
        raise ValueError(f"planes must have 1 to {GGC_MAX_CHANNELS} channels, got {data.shape[1]}")
    planes.data = &data[0, 0, 0]
    planes.stride = data.shape[2]
    planes.width = width
    planes.height = <int32_t>data.shape[0]
    planes.channels = <int32_t>data.shape[1]
    return planes


cdef int same_size(ggc_planes a, ggc_planes b) except -1:
    if a.height != b.height or a.channels != b.channels or a.stride != b.stride:
        raise ValueError("planes must have the same shape")
    return 0


cdef ggc_params params_of(const float[:, ::1] means, const float[:, ::1] cholesky, const float[:, ::1] colors) except *:
    cdef ggc_params params
    cdef Py_ssize_t count = means.shape[0]
    if cholesky.shape[0] != count or colors.shape[0] != count or means.shape[1] != 2 or cholesky.shape[1] != 3:
        raise ValueError("means, cholesky and colors must have shapes (N, 2), (N, 3) and (N, C)")
    if not 1 <= colors.shape[1] <= GGC_MAX_CHANNELS:
        raise ValueError(f"colors must have 1 to {GGC_MAX_CHANNELS} channels, got {colors.shape[1]}")
    params.means = &means[0, 0] if count else NULL
    params.cholesky = &cholesky[0, 0] if count else NULL
    params.colors = &colors[0, 0] if count else NULL
    params.count = count
    params.channels = <int32_t>colors.shape[1]
    return params


cdef float *coordinates_of(float[:, ::1] array, ggc_params params) except? NULL:
    if array.shape[0] != params.count or array.shape[1] != params.channels + GGC_SHAPE_COORDINATES:
        raise ValueError("whitened coordinates must have shape (N, C + 5)")
    return &array[0, 0] if params.count else NULL


def forward(const float[:, ::1] means, const float[:, ::1] cholesky, const float[:, ::1] colors,
            float[:, :, ::1] target, float[:, :, ::1] residual, int32_t width, *, int threads, str variant):
    """residual = render - target; the sums of its squares and of its magnitudes."""
    cdef ggc_params params = params_of(means, cholesky, colors)
    cdef ggc_planes wanted = planes_of(target, width), out = planes_of(residual, width)
    cdef const ggc_fit_variant *loops = variant_of(variant)
    cdef ggc_fit_sums sums
    cdef int status
    same_size(wanted, out)
    if params.channels != wanted.channels:
        raise ValueError(f"colors have {params.channels} channels, the planes {wanted.channels}")
    with nogil:
        status = ggc_fit_forward(&params, &wanted, &out, loops, threads, &sums)
    check(status)
    return sums.squared, sums.absolute


def backward(const float[:, ::1] means, const float[:, ::1] cholesky, const float[:, ::1] colors,
             float[:, :, ::1] image, float[:, ::1] out, int32_t width, *, int threads, str variant):
    """out (N, C + 5) = the sums over pixels of image times the derivatives of the render."""
    cdef ggc_params params = params_of(means, cholesky, colors)
    cdef ggc_planes gradient = planes_of(image, width)
    cdef const ggc_fit_variant *loops = variant_of(variant)
    cdef float *coordinates = coordinates_of(out, params)
    cdef int status
    if params.channels != gradient.channels:
        raise ValueError(f"colors have {params.channels} channels, the planes {gradient.channels}")
    with nogil:
        status = ggc_fit_backward(&params, &gradient, loops, threads, coordinates)
    check(status)


def natural(const float[:, ::1] means, const float[:, ::1] cholesky, const float[:, ::1] colors,
            float[:, ::1] gradient, float[:, ::1] out, float[:, ::1] previous, float penalty):
    """Add the penalty's gradient to `gradient`, write the natural gradient to `out`; gradient . out and . previous."""
    cdef ggc_params params = params_of(means, cholesky, colors)
    cdef float *g = coordinates_of(gradient, params)
    cdef float *z = coordinates_of(out, params)
    cdef float *before = coordinates_of(previous, params)
    cdef double[2] products
    with nogil:
        ggc_fit_natural(&params, g, z, before, penalty, products)
    return products[0], products[1]


def conjugate(const float[:, ::1] means, const float[:, ::1] cholesky, const float[:, ::1] colors,
              float[:, ::1] gradient, float[:, ::1] natural_gradient, float[:, ::1] direction, *,
              float beta, float reach, float min_scale):
    """direction = beta direction - natural gradient, within what the retraction allows; gradient . direction."""
    cdef ggc_params params = params_of(means, cholesky, colors)
    cdef float *g = coordinates_of(gradient, params)
    cdef float *z = coordinates_of(natural_gradient, params)
    cdef float *d = coordinates_of(direction, params)
    cdef double slope
    with nogil:
        slope = ggc_fit_conjugate(&params, g, z, d, beta, reach, min_scale)
    return slope


def retract(const float[:, ::1] means, const float[:, ::1] cholesky, const float[:, ::1] colors,
            float[:, ::1] direction, float step, float[:, ::1] new_means, float[:, ::1] new_cholesky,
            float[:, ::1] new_colors, *, float width, float height, float min_scale, float max_scale,
            float max_color, float x, float y):
    """Write the parameters a step along the direction; their sum of l1 l2 |c|^2."""
    cdef ggc_params params = params_of(means, cholesky, colors)
    cdef ggc_params new = params_of(new_means, new_cholesky, new_colors)
    cdef float *d = coordinates_of(direction, params)
    cdef ggc_fit_bounds bounds = ggc_fit_bounds(width, height, min_scale, max_scale, max_color, x, y)
    cdef double amplitude
    if new.count != params.count or new.channels != params.channels:
        raise ValueError("the new parameters must have the shapes of the old")
    with nogil:
        amplitude = ggc_fit_retract(&params, d, step, &bounds, <float *>new.means, <float *>new.cholesky,
                                    <float *>new.colors)
    return amplitude


def removal(const float[:, ::1] means, const float[:, ::1] cholesky, const float[:, ::1] colors,
            float[:, ::1] gradient, float[::1] cost, *, int32_t neighbors, int threads):
    """Write what the loss would rise by without each Gaussian, once its neighbors had adjusted."""
    cdef ggc_params params = params_of(means, cholesky, colors)
    cdef float *g = coordinates_of(gradient, params)
    cdef int status
    if cost.shape[0] != params.count or not 0 <= neighbors <= GGC_MAX_NEIGHBORS:
        raise ValueError(f"cost must have shape (N,) and neighbors be within 0 to {GGC_MAX_NEIGHBORS}")
    if params.count == 0:
        return
    with nogil:
        status = ggc_fit_removal(&params, g, neighbors, threads, &cost[0])
    check(status)


def blur(float[:, :, ::1] image, float[:, :, ::1] out, int32_t width, double sigma, *, int threads, str variant):
    """Filter with a Gaussian of that standard deviation, in pixels."""
    cdef ggc_planes source = planes_of(image, width), result = planes_of(out, width)
    cdef const ggc_fit_variant *loops = variant_of(variant)
    cdef int status
    same_size(source, result)
    with nogil:
        status = ggc_fit_blur(&source, &result, sigma, loops, threads)
    check(status)


def mix(float[:, :, ::1] residual, float[:, :, ::1] gradient, int32_t width, *, float l2, float l1, int threads):
    """gradient = l2 residual + l1 / 2 sign(residual)."""
    cdef ggc_planes source = planes_of(residual, width), result = planes_of(gradient, width)
    same_size(source, result)
    with nogil:
        ggc_fit_mix(&source, &result, l2, l1, threads)


def ssim(float[:, :, ::1] residual, float[:, :, ::1] target, float[:, :, ::1] gradient, int32_t width, *,
         float scale, int threads, str variant):
    """The SSIM of residual + target; scale times its gradient is added to `gradient`."""
    cdef ggc_planes source = planes_of(residual, width), wanted = planes_of(target, width)
    cdef ggc_planes result = planes_of(gradient, width)
    cdef const ggc_fit_variant *loops = variant_of(variant)
    cdef double mean
    cdef int status
    same_size(source, wanted)
    same_size(source, result)
    with nogil:
        status = ggc_fit_ssim(&source, &wanted, &result, scale, loops, threads, &mean)
    check(status)
    return mean


def energy(float[:, :, ::1] image, float[:, :, ::1] out, int32_t width, *, int threads):
    """out (H, 1, S) = the sum of squares over the channels."""
    cdef ggc_planes source = planes_of(image, width), result = planes_of(out, width)
    if result.channels != 1 or result.height != source.height:
        raise ValueError("out must have one channel and the image's height")
    with nogil:
        ggc_fit_energy(&source, &result, threads)


def sample(float[:, :, ::1] weights, int32_t width, const double[::1] quantiles):
    """Indices y * width + x of distinct pixels where the running sum passes the sorted quantiles, within [0, 1)."""
    cdef ggc_planes source = planes_of(weights, width)
    cdef int64_t count = quantiles.shape[0], found = 0
    cdef double total
    cdef int64_t[::1] pixels = np.empty(count, np.int64)
    cdef double[::1] thresholds
    if source.channels != 1:
        raise ValueError("weights must have one channel")
    if count == 0:
        return np.asarray(pixels)
    with nogil:
        total = ggc_fit_total(&source)
    thresholds = np.asarray(quantiles) * total
    with nogil:
        found = ggc_fit_sample(&source, &thresholds[0], count, &pixels[0])
    return np.asarray(pixels)[:found]


def refine(size_t plan, int32_t[:, ::1] levels, const int64_t[::1] order, float[:, :, ::1] residual, int32_t width, *,
           double min_log_scale, int32_t limit, str variant):
    """Visit rows of levels in that order, each to lower the squared residual; both are updated. Rows that changed.

    `plan` is the address of a compact plan.
    """
    cdef const ggc_compact_plan *steps = <const ggc_compact_plan *>plan
    cdef ggc_planes planes = planes_of(residual, width)
    cdef const ggc_fit_variant *loops = variant_of(variant)
    cdef Py_ssize_t i, count = order.shape[0]
    cdef int64_t changed
    if steps.channels != planes.channels or levels.shape[1] != planes.channels + GGC_SHAPE_COORDINATES:
        raise ValueError("the plan, the levels and the planes must have the same channels")
    for i in range(count):
        if not 0 <= order[i] < levels.shape[0]:
            raise ValueError(f"order names row {order[i]} of {levels.shape[0]}")
    if count == 0:
        return 0
    with nogil:
        changed = ggc_fit_refine(steps, &levels[0, 0], &order[0], count, &planes, min_log_scale, limit, loops)
    return changed
