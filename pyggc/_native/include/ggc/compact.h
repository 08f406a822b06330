/* The compact quantization plan: integers to Gaussians, as docs/spec_compact.rst defines it, and back.
 *
 * Which step a value has follows from integers alone, so that a decoder never has to reproduce an encoder's floats; the
 * values themselves are binary64 operations + - * / and square root in the order written here, rounded once to
 * binary32. Compiled without contraction where its bits matter.
 *
 * A row of integers ("levels") has, for C channels: C colors, two scales, the shear, and the column and row of the
 * position: C + 5 in all.
 */
#ifndef GGC_COMPACT_H
#define GGC_COMPACT_H

#include "ggc/gaussian.h"

#define GGC_MAX_LEVELS (GGC_MAX_CHANNELS + 5)

/* Scales are 2^(j / 32) for integers j; the shear l3 / l2 is n / 64. */
#define GGC_OCTAVE 32
#define GGC_MIN_LOG_SCALE (-64)
#define GGC_MAX_LOG_SCALE 448
#define GGC_SHEAR_UNIT 64
#define GGC_MAX_SHEAR 4096
#define GGC_MAX_COLOR_AREA 4096.0

/* Amplitude classes, and the exponents of two that a position's step may have. */
#define GGC_NUM_CLASSES 8
#define GGC_MIN_POSITION_EXPONENT (-6)

typedef struct {
    double step[GGC_MAX_CHANNELS]; /* of each color component */
    int32_t channels;
    int32_t chroma; /* step of the chroma components in sixteenths of the luma's */
    int32_t scale_step, shear_step, position_step;
    int32_t max_exponent_x, max_exponent_y;
    int32_t width, height;
} ggc_compact_plan;

/* clang-format off */
/* 2^(i / 32). */
GGC_TABLE double ggc_exp2_table[GGC_OCTAVE] = {
    0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
    0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
    0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
    0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
    0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
    0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
    0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
    0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0,
};

/* Rows are color components, columns channels; orthonormal. Three channels: luma, red against blue, green against
 * both; a fourth is alone. */
#define GGC_R3 0x1.279a74590331cp-1
#define GGC_R2 0x1.6a09e667f3bcdp-1
#define GGC_R6 0x1.a20bd700c2c3ep-2
GGC_TABLE double ggc_basis1[GGC_MAX_CHANNELS * GGC_MAX_CHANNELS] = {1.0};
GGC_TABLE double ggc_basis3[GGC_MAX_CHANNELS * GGC_MAX_CHANNELS] = {
    GGC_R3, GGC_R3,        GGC_R3,  0.0,
    GGC_R2, 0.0,           -GGC_R2, 0.0,
    GGC_R6, -2.0 * GGC_R6, GGC_R6,  0.0,
    0.0,    0.0,           0.0,     1.0,
};
/* clang-format on */

GGC_INLINE const double *ggc_basis(int channels) {
    return channels >= 3 ? ggc_basis3 : ggc_basis1;
}

GGC_INLINE int ggc_bit_length(uint64_t v) {
    return v ? 64 - GGC_LEADING_ZEROS(v) : 0;
}

GGC_INLINE int32_t ggc_clamp(int32_t v, int32_t low, int32_t high) {
    return v < low ? low : v > high ? high : v;
}

/* Class of the amplitude: about its logarithm to the base 2, in units of the color step. */
GGC_INLINE int ggc_amplitude_class(const ggc_compact_plan *p, const int32_t *levels) {
    int64_t energy = (int64_t)levels[0] * levels[0];
    if (p->channels >= 3) {
        const int64_t chroma = (int64_t)levels[1] * levels[1] + (int64_t)levels[2] * levels[2];
        energy += (chroma * (p->chroma * p->chroma)) >> 8;
    }
    if (p->channels == 4)
        energy += (int64_t)levels[3] * levels[3];
    return ggc_clamp(ggc_bit_length((uint64_t)energy) >> 1, 0, GGC_NUM_CLASSES - 1);
}

GGC_INLINE int32_t ggc_halved(int32_t step, int times) {
    step >>= times;
    return step > 1 ? step : 1;
}

/* What the color levels leave to the other integers of a row. */
typedef struct {
    int amplitude_class;
    int32_t scale_step, shear_step;
} ggc_row_steps;

GGC_INLINE ggc_row_steps ggc_steps_of(const ggc_compact_plan *p, const int32_t *levels) {
    ggc_row_steps s;
    s.amplitude_class = ggc_amplitude_class(p, levels);
    s.scale_step = ggc_halved(p->scale_step, s.amplitude_class);
    s.shear_step = ggc_halved(p->shear_step, s.amplitude_class);
    return s;
}

/* A position's step is 2^exponent pixels: a share, halved with each class, of the Gaussian's width in that direction
 * with the other coordinate fixed. `levels` are the scales and the shear. */
GGC_INLINE void ggc_position_exponents(const ggc_compact_plan *p, const ggc_row_steps *s, const int32_t *levels,
                                       int32_t *ex, int32_t *ey) {
    const int32_t j1 = levels[0] * s->scale_step, j2 = levels[1] * s->scale_step, n = levels[2] * s->shear_step;
    const int32_t offset = p->position_step - GGC_OCTAVE * s->amplitude_class + GGC_OCTAVE / 2;
    const uint64_t squared = (uint64_t)(GGC_SHEAR_UNIT * GGC_SHEAR_UNIT) + (uint64_t)((int64_t)n * n);
    const int32_t halvings = ggc_bit_length(squared) - 13; /* floor(log2(1 + shear^2)) */
    *ex = ggc_clamp((j1 - GGC_OCTAVE / 2 * halvings + offset) >> 5, GGC_MIN_POSITION_EXPONENT, p->max_exponent_x);
    *ey = ggc_clamp((j2 + offset) >> 5, GGC_MIN_POSITION_EXPONENT, p->max_exponent_y);
}

GGC_INLINE double ggc_exp2_32nds(int32_t j) {
    return GGC_MATH(ldexp)(ggc_exp2_table[j & (GGC_OCTAVE - 1)], j >> 5);
}

/* Whether the integers are in the ranges for which the plan is defined: of the colors, and of a whole row. Only then
 * does the arithmetic above fit its types. */
GGC_INLINE int ggc_colors_valid(const ggc_compact_plan *p, const int32_t *levels) {
    for (int i = 0; i < p->channels; i++)
        if (levels[i] < -(1 << 20) || levels[i] > 1 << 20)
            return 0;
    return 1;
}

GGC_INLINE int ggc_levels_valid(const ggc_compact_plan *p, const int32_t *levels) {
    const int c = p->channels;
    if (!ggc_colors_valid(p, levels))
        return 0;
    for (int i = 0; i < 3; i++)
        if (levels[c + i] < -8192 || levels[c + i] > 8192)
            return 0;
    const ggc_row_steps s = ggc_steps_of(p, levels);
    for (int i = 0; i < 2; i++) {
        const int32_t j = levels[c + i] * s.scale_step;
        if (j < GGC_MIN_LOG_SCALE || j > GGC_MAX_LOG_SCALE)
            return 0;
    }
    const int32_t n = levels[c + 2] * s.shear_step;
    return n >= -GGC_MAX_SHEAR && n <= GGC_MAX_SHEAR;
}

/* What colors are multiplied by before they are rounded: the root of l1 l2, but no more than 64, or the colors of a
 * Gaussian as wide as the image would need more bits than they are worth. */
GGC_INLINE double ggc_color_norm(double l1, double l2) {
    const double area = l1 * l2;
    return GGC_MATH(sqrt)(area < GGC_MAX_COLOR_AREA ? area : GGC_MAX_COLOR_AREA);
}

/* One row of valid levels to one Gaussian. */
GGC_INLINE void ggc_dequantize(const ggc_compact_plan *p, const int32_t *levels, float *mean, float *cholesky,
                               float *color) {
    const int channels = p->channels;
    const int32_t *shape = levels + channels;
    const ggc_row_steps s = ggc_steps_of(p, levels);
    const double l1 = ggc_exp2_32nds(shape[0] * s.scale_step), l2 = ggc_exp2_32nds(shape[1] * s.scale_step);
    int32_t ex, ey;
    ggc_position_exponents(p, &s, shape, &ex, &ey);
    mean[0] = (float)(GGC_MATH(ldexp)(shape[3] + 0.5, ex) - 0.5);
    mean[1] = (float)(GGC_MATH(ldexp)(shape[4] + 0.5, ey) - 0.5);
    cholesky[0] = (float)l1;
    cholesky[1] = (float)l2;
    cholesky[2] = (float)(l2 * ((double)(shape[2] * s.shear_step) / GGC_SHEAR_UNIT));
    const double *basis = ggc_basis(channels), norm = ggc_color_norm(l1, l2);
    for (int c = 0; c < channels; c++) {
        double sum = 0.0;
        for (int b = 0; b < channels; b++)
            sum = sum + levels[b] * p->step[b] * basis[b * GGC_MAX_CHANNELS + c];
        color[c] = (float)(sum / norm);
    }
}

/* The encoder's side, which no decoder has to reproduce. */

GGC_INLINE int32_t ggc_nearest(double v) {
    return (int32_t)GGC_MATH(floor)(v + 0.5);
}

/* Levels of the scales, the shear and the position, for the class that the color levels give. */
GGC_INLINE void ggc_quantize_shape(const ggc_compact_plan *p, const ggc_row_steps *s, const float *mean,
                                   const float *cholesky, double min_log_scale, int32_t *shape) {
    const double low = GGC_MATH(ceil)(min_log_scale / s->scale_step);
    for (int i = 0; i < 2; i++) {
        const double j = GGC_OCTAVE * GGC_MATH(log2)(cholesky[i]) / s->scale_step;
        const int32_t high = GGC_MAX_LOG_SCALE / s->scale_step;
        shape[i] = ggc_clamp(ggc_nearest(j > low ? j : low), (int32_t)low, high);
    }
    int32_t limit = GGC_MAX_SHEAR / s->shear_step;
    limit = limit < 1000 ? limit : 1000; /* what the tokens reach */
    const double n = (double)GGC_SHEAR_UNIT * cholesky[2] / cholesky[1] / s->shear_step;
    shape[2] = ggc_nearest(n < -limit ? -limit : n > limit ? limit : n);
    int32_t e[2];
    ggc_position_exponents(p, s, shape, &e[0], &e[1]);
    for (int i = 0; i < 2; i++) {
        /* The last index whose center lies within the image. */
        const int32_t last =
            (int32_t)GGC_MATH(ceil)(GGC_MATH(ldexp)((double)(i ? p->height : p->width), -e[i]) - 0.5) - 1;
        const double at = GGC_MATH(floor)(GGC_MATH(ldexp)((double)mean[i] + 0.5, -e[i]));
        shape[3 + i] = at < 0.0 ? 0 : at > last ? last : (int32_t)at;
    }
}

/* Colors times their norm, in the components' basis and units of their steps. */
GGC_INLINE void ggc_color_levels(const ggc_compact_plan *p, const float *color, double norm, double *levels) {
    const double *basis = ggc_basis(p->channels);
    for (int b = 0; b < p->channels; b++) {
        double sum = 0.0;
        for (int c = 0; c < p->channels; c++)
            sum += basis[b * GGC_MAX_CHANNELS + c] * color[c];
        levels[b] = sum * norm / p->step[b];
    }
}

#endif
