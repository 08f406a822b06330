/* Quantization-aware fine-tuning; the formulas are those of the fit, docs/maths_fit.rst. */
#include <math.h>
#include <string.h>

#include "ggc/refine.h"

/* A change must pay by more than the sums' rounding. */
#define GAIN 1e-7

typedef struct {
    int32_t levels[GGC_MAX_LEVELS];
    float mean[2], cholesky[3], color[GGC_MAX_CHANNELS];
    ggc_fit_item item;
} candidate;

static void place(const ggc_compact_plan *plan, const ggc_planes *image, candidate *c) {
    ggc_dequantize(plan, c->levels, c->mean, c->cholesky, c->color);
    const ggc_params params = {c->mean, c->cholesky, c->color, 1, plan->channels};
    c->item = ggc_fit_prepare(&params, 0, image->width, image->height);
}

/* What a Gaussian of these colors, weights' products with the residual without it, and weights' square sum adds to
 * the squared residual. */
static double energy(const float *color, const double *products, double square, int channels) {
    double sum = 0.0;
    for (int c = 0; c < channels; c++)
        sum += color[c] * (2.0 * products[c] + color[c] * square);
    return sum;
}

/* The color levels nearest to the least-squares colors; of the step classes, only that of `keep` is allowed, because
 * the class sets the steps of the shape. Returns whether it could be kept. */
static int fit_colors(const ggc_compact_plan *plan, const double *products, double square, int32_t limit,
                      candidate *c) {
    const int class = ggc_amplitude_class(plan, c->levels);
    int32_t previous[GGC_MAX_CHANNELS];
    float best[GGC_MAX_CHANNELS];
    double exact[GGC_MAX_CHANNELS];
    for (int i = 0; i < plan->channels; i++)
        best[i] = (float)(-products[i] / square);
    ggc_color_levels(plan, best, ggc_color_norm(c->cholesky[0], c->cholesky[1]), exact);
    memcpy(previous, c->levels, sizeof previous);
    for (int i = 0; i < plan->channels; i++)
        c->levels[i] = ggc_nearest(exact[i] < -limit ? -limit : exact[i] > limit ? limit : exact[i]);
    if (ggc_amplitude_class(plan, c->levels) == class)
        return 1;
    memcpy(c->levels, previous, sizeof previous);
    return 0;
}

static float within(double v, double bound) {
    return (float)(v < -bound ? -bound : v > bound ? bound : v);
}

/* The shape that one full step of the natural gradient reaches, as levels; g has the half gradient. */
static void step_shape(const ggc_compact_plan *plan, const candidate *from, const float *g, double min_log_scale,
                       int32_t *shape) {
    float z[GGC_MAX_COORDINATES];
    const ggc_params params = {from->mean, from->cholesky, from->color, 1, plan->channels};
    float gradient[GGC_MAX_COORDINATES];
    double products[2];
    memcpy(gradient, g, sizeof gradient);
    ggc_fit_natural(&params, gradient, z, gradient, 0.0f, products);
    const float *step = z + plan->channels, *l = from->cholesky;
    const float p1 = -within(step[0], 1.0), p2 = -within(step[1], 1.0), s1 = -within(step[2], 0.5);
    const float s2 = -within(step[3], 0.5), s3 = -within(step[4], 1.0);
    const float mean[2] = {from->mean[0] + l[0] * p1, from->mean[1] + l[2] * p1 + l[1] * p2};
    const float cholesky[3] = {l[0] * expf(s1), l[1] * expf(s2), l[2] * expf(s1) + l[1] * s3};
    const ggc_row_steps steps = ggc_steps_of(plan, from->levels);
    ggc_quantize_shape(plan, &steps, mean, cholesky, min_log_scale, shape);
}

static int refine_row(const ggc_compact_plan *plan, int32_t *levels, const ggc_planes *residual, double min_log_scale,
                      int32_t limit, const ggc_fit_variant *variant) {
    const int channels = plan->channels, row = channels + 5;
    const size_t size = row * sizeof *levels;
    candidate old, moved;
    float g[GGC_MAX_COORDINATES + 1];
    double products[GGC_MAX_CHANNELS];

    memcpy(old.levels, levels, size);
    place(plan, residual, &old);
    const double square = variant->gather_square(&old.item, residual, g);
    if (!(square > 1e-6))
        return 0;
    for (int c = 0; c < channels; c++)
        products[c] = g[c] - old.color[c] * square;
    const double before = energy(old.color, products, square, channels);

    moved = old;
    step_shape(plan, &old, g, min_log_scale, moved.levels + channels);
    if (memcmp(moved.levels + channels, old.levels + channels, 5 * sizeof *levels)) {
        variant->splat(&old.item, residual, -1.0f);
        place(plan, residual, &moved);
        float other[GGC_MAX_COORDINATES + 1];
        const double other_square = variant->gather_square(&moved.item, residual, other);
        double other_products[GGC_MAX_CHANNELS] = {0};
        for (int c = 0; c < channels; c++)
            other_products[c] = other[c];
        if (other_square > 1e-6 && fit_colors(plan, other_products, other_square, limit, &moved))
            place(plan, residual, &moved);
        const double after = energy(moved.color, other_products, other_square, channels);
        if (other_square > 1e-6 && after < before - GAIN * square) {
            variant->splat(&moved.item, residual, 1.0f);
            memcpy(levels, moved.levels, size);
            return 1;
        }
        variant->splat(&old.item, residual, 1.0f);
    }

    moved = old;
    if (!fit_colors(plan, products, square, limit, &moved) || !memcmp(moved.levels, old.levels, size))
        return 0;
    place(plan, residual, &moved);
    if (energy(moved.color, products, square, channels) >= before - GAIN * square)
        return 0;
    for (int c = 0; c < channels; c++)
        moved.item.g.k[c] -= old.item.g.k[c];
    variant->splat(&moved.item, residual, 1.0f);
    memcpy(levels, moved.levels, size);
    return 1;
}

int64_t ggc_fit_refine(const ggc_compact_plan *plan, int32_t *levels, const int64_t *order, int64_t count,
                       const ggc_planes *residual, double min_log_scale, int32_t limit,
                       const ggc_fit_variant *variant) {
    int64_t changed = 0;
    for (int64_t i = 0; i < count; i++)
        changed += refine_row(plan, levels + order[i] * (plan->channels + 5), residual, min_log_scale, limit, variant);
    return changed;
}
