/* One step of the optimizer: the closed-form natural gradient, the conjugate direction, and the retraction.
 *
 * Whitened coordinates of a Gaussian: its colors move by the first `channels` of them, its mean by L p, and L becomes
 * L exp(s1, s2 on the diagonal) plus l2 s3 of shear. docs/maths_fit.rst derives the constants.
 */
#include <math.h>

#include "ggc/fit.h"

/* Added to |c|^2, so that a Gaussian without color moves only moderately. */
#define DAMPING 1e-3f

/* The most that a step changes: half a standard deviation, a quarter in log-scale, half a shear. */
#define MAX_SHIFT 0.5f
#define MAX_SCALE 0.25f
#define MAX_SHEAR 0.5f

static float square_norm(const float *color, int32_t channels) {
    float sum = 0.0f;
    for (int32_t c = 0; c < channels; c++)
        sum += color[c] * color[c];
    return sum;
}

static double dot(const float *a, const float *b, int32_t n) {
    double sum = 0.0;
    for (int32_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* z = (block)^-1 g for one Gaussian of area = l1 l2. The colors are eliminated from the scales' two equations. */
static void solve(const float *color, float area, const float *g, int32_t channels, float *z) {
    const float ratio = (float)(GGC_INT_COLOR_SCALE / GGC_INT_COLOR);
    const float strength = area * (square_norm(color, channels) + DAMPING);
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

/* A file's colors stop growing with the area there, and so does the penalty of amplitudes. */
static float penalized_area(const float *cholesky) {
    const float area = cholesky[0] * cholesky[1];
    return area < GGC_FIT_MAX_AREA ? area : GGC_FIT_MAX_AREA;
}

void ggc_fit_natural(const ggc_params *params, float *g, float *z, const float *previous, float lambda,
                     double products[2]) {
    const int32_t channels = params->channels, n = channels + GGC_SHAPE_COORDINATES;
    products[0] = products[1] = 0.0;
    for (int64_t i = 0; i < params->count; i++, g += n, z += n, previous += n) {
        const float *color = params->colors + channels * i;
        const float area = params->cholesky[3 * i] * params->cholesky[3 * i + 1];
        const float penalized = penalized_area(params->cholesky + 3 * i);
        const float growth = penalized < area ? 0.0f : 0.5f * lambda * area * square_norm(color, channels);
        for (int32_t c = 0; c < channels; c++)
            g[c] += lambda * penalized * color[c];
        g[channels + 2] += growth;
        g[channels + 3] += growth;
        solve(color, area, g, channels, z);
        products[0] += dot(g, z, n);
        products[1] += dot(g, previous, n);
    }
}

static float larger(float a, float b) {
    return a > b ? a : b;
}

/* Raises log-scales to the least they may be. The other coordinates answer as the block's quadratic model would have
 * them, so that a direction of descent stays one. */
static void raise_scales(float *direction, int32_t channels, const float *color, const float least[2]) {
    float *scale = direction + channels + 2, change[2];
    for (int i = 0; i < 2; i++)
        change[i] = larger(0.0f, least[i] - scale[i]);
    for (int i = 0; i < 2; i++)
        if (change[i] == 0.0f)
            change[i] = larger(least[i] - scale[i], change[1 - i] * (float)(-GGC_INT_OTHER / GGC_INT_OWN));
    for (int i = 0; i < 2; i++)
        scale[i] += change[i];
    for (int32_t c = 0; c < channels; c++)
        direction[c] -= color[c] * (change[0] + change[1]) * (float)(GGC_INT_COLOR_SCALE / GGC_INT_COLOR);
}

/* One factor for all coordinates of a Gaussian keeps its direction. Then a shrinking scale should arrive at the least
 * scale, not be cut off there. */
static void shorten(float *direction, int32_t channels, const float *cholesky, const float *color, float reach,
                    float min_scale) {
    float *shape = direction + channels;
    const float shift = larger(fabsf(shape[0]), fabsf(shape[1])) / MAX_SHIFT;
    const float scale = larger(fabsf(shape[2]), fabsf(shape[3])) / MAX_SCALE;
    const float most = reach * larger(larger(shift, scale), fabsf(shape[4]) / MAX_SHEAR);
    if (most > 1.0f)
        for (int32_t i = 0; i < channels + GGC_SHAPE_COORDINATES; i++)
            direction[i] /= most;
    const float least[2] = {logf(min_scale / cholesky[0]) / reach, logf(min_scale / cholesky[1]) / reach};
    if (shape[2] < least[0] || shape[3] < least[1])
        raise_scales(direction, channels, color, least);
}

/* direction = beta direction - z, shortened; returns g . direction. */
static double combine(const ggc_params *params, const float *g, const float *z, float *direction, float beta,
                      float reach, float min_scale) {
    const int32_t channels = params->channels, n = channels + GGC_SHAPE_COORDINATES;
    double slope = 0.0;
    for (int64_t i = 0; i < params->count; i++, direction += n, z += n, g += n) {
        for (int32_t k = 0; k < n; k++)
            direction[k] = beta * direction[k] - z[k];
        shorten(direction, channels, params->cholesky + 3 * i, params->colors + channels * i, reach, min_scale);
        slope += dot(g, direction, n);
    }
    return slope;
}

double ggc_fit_conjugate(const ggc_params *params, const float *g, const float *z, float *direction, float beta,
                         float reach, float min_scale) {
    const double slope = combine(params, g, z, direction, beta, reach, min_scale);
    return slope < 0.0 ? slope : combine(params, g, z, direction, 0.0f, reach, min_scale);
}

static float clip(float v, float low, float high) {
    return v > low ? (v < high ? v : high) : low;
}

/* mean = from + L p, where p is first moved to the nearest point that keeps the mean within the image: nearest in
 * whitened coordinates, in which the block is a multiple of the identity, so that descent stays descent. (Clipping the
 * mean itself would let a long, sheared Gaussian slide along the border.) */
static void move_mean(const float *from, const float *l, float p1, float p2, const ggc_fit_bounds *bounds,
                      float *mean) {
    const float x0 = bounds->x - 0.5f, x1 = bounds->x + bounds->width - 0.5f;
    const float y0 = bounds->y - 0.5f, y1 = bounds->y + bounds->height - 0.5f;
    const float left = x0 - from[0], right = x1 - from[0], up = y0 - from[1], down = y1 - from[1];
    float x = clip(l[0] * p1, left, right);
    const float y = l[2] * (x / l[0]) + l[1] * p2, excess = y - clip(y, up, down);
    /* Where x is free, both coordinates answer; where it is not, p2 does alone. */
    if (x == l[0] * p1)
        x = clip(x - l[0] * l[2] * excess / (l[1] * l[1] + l[2] * l[2]), left, right);
    mean[0] = clip(from[0] + x, x0, x1);
    mean[1] = clip(from[1] + (y - excess), y0, y1);
}

double ggc_fit_retract(const ggc_params *params, const float *direction, float step, const ggc_fit_bounds *bounds,
                       float *means, float *cholesky, float *colors) {
    const int32_t channels = params->channels;
    const float low = bounds->min_scale, high = bounds->max_scale;
    double penalty = 0.0;
    for (int64_t i = 0; i < params->count; i++) {
        const float *from = params->means + 2 * i, *l = params->cholesky + 3 * i,
                    *color = params->colors + channels * i;
        const float *d = direction + i * (channels + GGC_SHAPE_COORDINATES), *shape = d + channels;
        const float p1 = clip(step * shape[0], -MAX_SHIFT, MAX_SHIFT),
                    p2 = clip(step * shape[1], -MAX_SHIFT, MAX_SHIFT);
        const float e1 = expf(clip(step * shape[2], -MAX_SCALE, MAX_SCALE));
        const float e2 = expf(clip(step * shape[3], -MAX_SCALE, MAX_SCALE));
        const float shear = clip(step * shape[4], -MAX_SHEAR, MAX_SHEAR);
        float *mean = means + 2 * i, *factor = cholesky + 3 * i, *to = colors + channels * i;
        move_mean(from, l, p1, p2, bounds, mean);
        factor[2] = clip(l[2] * e1 + l[1] * shear, -high, high);
        factor[0] = clip(l[0] * e1, low, high);
        factor[1] = clip(l[1] * e2, low, high);
        for (int32_t c = 0; c < channels; c++)
            to[c] = clip(color[c] + step * d[c], -bounds->max_color, bounds->max_color);
        penalty += (double)(penalized_area(factor) * square_norm(to, channels));
    }
    return penalty;
}
