/* One Gaussian's part of a step of the optimizer: the penalty's gradient, the closed-form natural gradient, the
 * shortened direction, and the retraction.
 *
 * Whitened coordinates of a Gaussian: its colors move by the first `channels` of them, its mean by L p, and L becomes
 * L exp(s1, s2 on the diagonal) plus l2 s3 of shear. docs/maths_fit.rst derives the constants.
 */
#ifndef GGC_FIT_STEP_H
#define GGC_FIT_STEP_H

#include "ggc/compact.h"
#include "ggc/gaussian.h"

/* Parameters of N Gaussians; the shapes are (N, 2), (N, 3) and (N, channels). */
typedef struct {
    const float *means, *cholesky, *colors;
    int64_t count;
    int32_t channels;
} ggc_params;

/* Integrals of the truncated kernel's products over the whitened plane, as the renderer cuts it: w^2; then, with
 * the exponential e within the support and both scaled by 1 / (1 - GGC_E): e^2 u1^2, e^2 u1^4, e^2 u1^2 u2^2, w e u1^2.
 */
#define GGC_E ((double)GGC_EDGE)
#define GGC_PLANE (GGC_PI / ((1.0 - GGC_E) * (1.0 - GGC_E)))
#define GGC_INT_COLOR (GGC_PLANE * (1.0 - 4.0 * GGC_E + 12.0 * GGC_E * GGC_E))
#define GGC_INT_SHIFT (GGC_PLANE / 2.0 * (1.0 - 10.0 * GGC_E * GGC_E))
#define GGC_INT_SCALE (GGC_PLANE * 0.75 * (1.0 - 50.5 * GGC_E * GGC_E))
#define GGC_INT_CROSS (GGC_INT_SCALE / 3.0)
#define GGC_INT_COLOR_SCALE (GGC_PLANE / 2.0 * (1.0 - 4.0 * GGC_E + 12.0 * GGC_E * GGC_E))
/* The two scales' block, each with itself and with the other, once the colors are eliminated. */
#define GGC_INT_OWN (GGC_INT_SCALE - GGC_INT_COLOR_SCALE * GGC_INT_COLOR_SCALE / GGC_INT_COLOR)
#define GGC_INT_OTHER (GGC_INT_CROSS - GGC_INT_COLOR_SCALE * GGC_INT_COLOR_SCALE / GGC_INT_COLOR)

/* What is known of a Gaussian's neighborhood of the loss, in whitened coordinates: channels of color, then p1, p2 (the
 * shift), s1, s2 (the logarithms of the scales) and s3 (the shear). */
#define GGC_SHAPE_COORDINATES 5
#define GGC_MAX_COORDINATES (GGC_MAX_CHANNELS + GGC_SHAPE_COORDINATES)

/* The most that a Gaussian's l1 l2 counts in the amplitude penalty: the compact plan's GGC_MAX_COLOR_AREA. */
#define GGC_FIT_MAX_AREA ((float)GGC_MAX_COLOR_AREA)

/* Added to |c|^2, so that a Gaussian without color moves only moderately. */
#define GGC_FIT_DAMPING 1e-3f

/* The most that a step changes: half a standard deviation, a quarter in log-scale, half a shear. */
#define GGC_FIT_MAX_SHIFT 0.5f
#define GGC_FIT_MAX_SCALE 0.25f
#define GGC_FIT_MAX_SHEAR 0.5f

GGC_INLINE float ggc_larger(float a, float b) {
    return a > b ? a : b;
}

GGC_INLINE float ggc_within(float v, float low, float high) {
    return v > low ? (v < high ? v : high) : low;
}

GGC_INLINE float ggc_square_norm(const float *color, const int32_t channels) {
    float sum = 0.0f;
    for (int32_t c = 0; c < channels; c++)
        sum += color[c] * color[c];
    return sum;
}

GGC_INLINE double ggc_dot(const float *a, const float *b, const int32_t n) {
    double sum = 0.0;
    for (int32_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* A file's colors stop growing with the area there, and so does the penalty of amplitudes. */
GGC_INLINE float ggc_penalized_area(const float *cholesky) {
    const float area = cholesky[0] * cholesky[1];
    return area < GGC_FIT_MAX_AREA ? area : GGC_FIT_MAX_AREA;
}

/* g += half the gradient of lambda min(l1 l2, GGC_FIT_MAX_AREA) |c|^2. */
GGC_INLINE void ggc_fit_penalize(const float *cholesky, const float *color, const int32_t channels, float lambda,
                                 float *g) {
    const float area = cholesky[0] * cholesky[1], penalized = ggc_penalized_area(cholesky);
    const float growth = penalized < area ? 0.0f : 0.5f * lambda * area * ggc_square_norm(color, channels);
    for (int32_t c = 0; c < channels; c++)
        g[c] += lambda * penalized * color[c];
    g[channels + 2] += growth;
    g[channels + 3] += growth;
}

/* z = (block)^-1 g for one Gaussian of area = l1 l2. The colors are eliminated from the scales' two equations. */
GGC_INLINE void ggc_fit_solve(const float *color, float area, const float *g, const int32_t channels, float *z) {
    const float ratio = (float)(GGC_INT_COLOR_SCALE / GGC_INT_COLOR);
    const float strength = area * (ggc_square_norm(color, channels) + GGC_FIT_DAMPING);
    const float *shape = g + channels;
    float *out = z + channels;
    float along = 0.0f;
    for (int32_t c = 0; c < channels; c++)
        along += color[c] * g[c];
    const float own = (float)GGC_INT_OWN, other = (float)GGC_INT_OTHER;
    const float h1 = shape[2] - ratio * along, h2 = shape[3] - ratio * along;
    const float scale = 1.0f / (strength * (own * own - other * other));
    out[0] = shape[0] / (strength * (float)GGC_INT_SHIFT);
    out[1] = shape[1] / (strength * (float)GGC_INT_SHIFT);
    out[2] = (own * h1 - other * h2) * scale;
    out[3] = (own * h2 - other * h1) * scale;
    out[4] = shape[4] / (strength * (float)GGC_INT_CROSS);
    for (int32_t c = 0; c < channels; c++)
        z[c] = g[c] / (area * (float)GGC_INT_COLOR) - color[c] * (ratio * (out[2] + out[3]));
}

/* Raises log-scales to the least they may be. The other coordinates answer as the block's quadratic model would have
 * them, so that a direction of descent stays one. */
GGC_INLINE void ggc_raise_scales(float *direction, const int32_t channels, const float *color, const float *least) {
    float *scale = direction + channels + 2, change[2];
    for (int i = 0; i < 2; i++)
        change[i] = ggc_larger(0.0f, least[i] - scale[i]);
    for (int i = 0; i < 2; i++)
        if (change[i] == 0.0f)
            change[i] = ggc_larger(least[i] - scale[i], change[1 - i] * (float)(-GGC_INT_OTHER / GGC_INT_OWN));
    for (int i = 0; i < 2; i++)
        scale[i] += change[i];
    for (int32_t c = 0; c < channels; c++)
        direction[c] -= color[c] * (change[0] + change[1]) * (float)(GGC_INT_COLOR_SCALE / GGC_INT_COLOR);
}

/* One factor for all coordinates of a Gaussian keeps its direction, so that `reach` times it stays within what the
 * retraction allows. Then a shrinking scale should arrive at the least scale, not be cut off there. */
GGC_INLINE void ggc_fit_shorten(float *direction, const int32_t channels, const float *cholesky, const float *color,
                                float reach, float min_scale) {
    float *shape = direction + channels;
    const float shift = ggc_larger(GGC_MATH(fabsf)(shape[0]), GGC_MATH(fabsf)(shape[1])) / GGC_FIT_MAX_SHIFT;
    const float scale = ggc_larger(GGC_MATH(fabsf)(shape[2]), GGC_MATH(fabsf)(shape[3])) / GGC_FIT_MAX_SCALE;
    const float most = reach * ggc_larger(ggc_larger(shift, scale), GGC_MATH(fabsf)(shape[4]) / GGC_FIT_MAX_SHEAR);
    if (most > 1.0f)
        for (int32_t i = 0; i < channels + GGC_SHAPE_COORDINATES; i++)
            direction[i] /= most;
    const float least[2] = {GGC_MATH(logf)(min_scale / cholesky[0]) / reach,
                            GGC_MATH(logf)(min_scale / cholesky[1]) / reach};
    if (shape[2] < least[0] || shape[3] < least[1])
        ggc_raise_scales(direction, channels, color, least);
}

/* What parameters are kept within: means in the pixels [x, x + width) x [y, y + height), scales, colors. */
typedef struct {
    float width, height, min_scale, max_scale, max_color, x, y;
} ggc_fit_bounds;

/* mean = from + L p, where p is first moved to the nearest point that keeps the mean within the image: nearest in
 * whitened coordinates, in which the block is a multiple of the identity, so that descent stays descent. (Clipping the
 * mean itself would let a long, sheared Gaussian slide along the border.) */
GGC_INLINE void ggc_move_mean(const float *from, const float *l, float p1, float p2, const ggc_fit_bounds *bounds,
                              float *mean) {
    const float x0 = bounds->x - 0.5f, x1 = bounds->x + bounds->width - 0.5f;
    const float y0 = bounds->y - 0.5f, y1 = bounds->y + bounds->height - 0.5f;
    const float left = x0 - from[0], right = x1 - from[0], up = y0 - from[1], down = y1 - from[1];
    float x = ggc_within(l[0] * p1, left, right);
    const float y = l[2] * (x / l[0]) + l[1] * p2, excess = y - ggc_within(y, up, down);
    /* Where x is free, both coordinates answer; where it is not, p2 does alone. */
    if (x == l[0] * p1)
        x = ggc_within(x - l[0] * l[2] * excess / (l[1] * l[1] + l[2] * l[2]), left, right);
    mean[0] = ggc_within(from[0] + x, x0, x1);
    mean[1] = ggc_within(from[1] + (y - excess), y0, y1);
}

/* One Gaussian's parameters a step along its direction, within the bounds. Returns min(l1 l2, GGC_FIT_MAX_AREA) |c|^2
 * of the new ones. */
GGC_INLINE float ggc_fit_move(const float *from, const float *l, const float *color, const int32_t channels,
                              const float *direction, float step, const ggc_fit_bounds *bounds, float *mean,
                              float *factor, float *to) {
    const float low = bounds->min_scale, high = bounds->max_scale, *shape = direction + channels;
    const float p1 = ggc_within(step * shape[0], -GGC_FIT_MAX_SHIFT, GGC_FIT_MAX_SHIFT);
    const float p2 = ggc_within(step * shape[1], -GGC_FIT_MAX_SHIFT, GGC_FIT_MAX_SHIFT);
    const float e1 = GGC_MATH(expf)(ggc_within(step * shape[2], -GGC_FIT_MAX_SCALE, GGC_FIT_MAX_SCALE));
    const float e2 = GGC_MATH(expf)(ggc_within(step * shape[3], -GGC_FIT_MAX_SCALE, GGC_FIT_MAX_SCALE));
    const float shear = ggc_within(step * shape[4], -GGC_FIT_MAX_SHEAR, GGC_FIT_MAX_SHEAR);
    ggc_move_mean(from, l, p1, p2, bounds, mean);
    factor[2] = ggc_within(l[2] * e1 + l[1] * shear, -high, high);
    factor[0] = ggc_within(l[0] * e1, low, high);
    factor[1] = ggc_within(l[1] * e2, low, high);
    for (int32_t c = 0; c < channels; c++)
        to[c] = ggc_within(color[c] + step * direction[c], -bounds->max_color, bounds->max_color);
    return ggc_penalized_area(factor) * ggc_square_norm(to, channels);
}

#endif
