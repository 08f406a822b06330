/* The prediction of a sample: its left neighbor plus a weighted sum of differences nearby, the weights learnt as coding
 * goes on, by normalized least mean squares.
 *
 * docs/spec_lossless.rst is normative. One set of weights a plane. The differences are of the plane itself, of the two
 * planes before it, which are known at the pixel too, and of the base image's plane.
 */
#ifndef GGC_PREDICT_LMS_H
#define GGC_PREDICT_LMS_H

#include <stdint.h>

#include "mix.h"

#define GGC_LMS_INPUTS 24
#define GGC_LMS_LIMIT 4095    /* of a difference: 24 squares stay below 2^29 */
#define GGC_LMS_SHIFT 4       /* of a step, so that it fits in 16 bits */
#define GGC_LMS_RATE 25088    /* about 0.012 * 2^20 * 2^GGC_LMS_SHIFT / 8, the error being in eighths */
#define GGC_LMS_ERROR 32767   /* the largest error, in eighths, that counts */
#define GGC_PREDICTION_BITS 3 /* fraction bits of a prediction */

/* The rows of a plane that are looked at; [-GGC_ROW_MARGIN] to [width + GGC_ROW_MARGIN - 1] may be read. */
#define GGC_ROW_MARGIN 3

typedef struct {
    int32_t *value[3], *error[3]; /* of this row, the one above, and the one above that */
    int32_t *base;                /* this row of the base image's plane, or NULL */
} ggc_plane_rows;

/* Of 20 fraction bits: with fewer, small steps would be lost. */
typedef struct {
    int32_t weights[GGC_LMS_INPUTS];
} __attribute__((aligned(16))) ggc_lms;

typedef int32_t ggc_i32x4 __attribute__((vector_size(16)));
typedef int16_t ggc_i16x8 __attribute__((vector_size(16)));

typedef struct {
    ggc_i16x8 at[GGC_LMS_INPUTS / 8];
    uint32_t energy; /* the sum of squares, and 16 */
} ggc_lms_inputs;

/* Four neighbors in a row, less a value. */
static GGC_ALWAYS_INLINE ggc_i32x4 ggc_differences(const int32_t *row, int32_t from) {
    ggc_i32x4 v;
    memcpy(&v, row, sizeof v);
    return v - from;
}

/* Eight differences within their limits. */
static GGC_ALWAYS_INLINE ggc_i16x8 ggc_limited(ggc_i32x4 low, ggc_i32x4 high) {
#if defined(__SSE2__)
    const __m128i packed = _mm_packs_epi32((__m128i)low, (__m128i)high);
    return (ggc_i16x8)_mm_max_epi16(_mm_min_epi16(packed, _mm_set1_epi16(GGC_LMS_LIMIT)),
                                    _mm_set1_epi16(-GGC_LMS_LIMIT));
#else
    ggc_i16x8 packed;
    for (int i = 0; i < 8; i++) {
        const int32_t v = i < 4 ? low[i] : high[i - 4];
        packed[i] = (int16_t)(v < -GGC_LMS_LIMIT ? -GGC_LMS_LIMIT : v > GGC_LMS_LIMIT ? GGC_LMS_LIMIT : v);
    }
    return packed;
#endif
}

static GGC_ALWAYS_INLINE uint32_t ggc_energy(const ggc_i16x8 *v, const int n) {
#if defined(__SSE2__)
    __m128i sum = _mm_setzero_si128();
    for (int i = 0; i < n; i++)
        sum = _mm_add_epi32(sum, _mm_madd_epi16((__m128i)v[i], (__m128i)v[i]));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(sum);
#else
    uint32_t sum = 0;
    for (int i = 0; i < 8 * n; i++)
        sum += (uint32_t)(v[i / 8][i % 8] * v[i / 8][i % 8]);
    return sum;
#endif
}

/* `rows`: of this plane; rows[-1] and rows[-2] are the planes before it, of which `before` (0 to 2) exist. */
static GGC_ALWAYS_INLINE void ggc_lms_gather(const ggc_plane_rows *rows, int before, ptrdiff_t x,
                                             ggc_lms_inputs *inputs) {
    const int32_t *v0 = rows->value[0] + x, *v1 = rows->value[1] + x, *v2 = rows->value[2] + x, west = v0[-1];
    const ggc_i32x4 none = {0};
    ggc_i32x4 near = none, above = none, last = none;
    if (before > 0) {
        const int32_t *p0 = rows[-1].value[0] + x, *p1 = rows[-1].value[1] + x, *p2 = rows[-1].value[2] + x;
        near = (ggc_i32x4){p0[0] - p0[-1], p2[0] - p0[-1], 0, 0};
        above = ggc_differences(p1 - 2, p0[-1]);
    }
    if (before > 1) {
        const int32_t *p0 = rows[-2].value[0] + x, *p1 = rows[-2].value[1] + x;
        last = (ggc_i32x4){p0[0], p1[-1], p1[0], p1[1]} - p0[-1];
    }
    if (rows->base)
        near += (ggc_i32x4){0, 0, rows->base[x] - west, rows->base[x] - rows->base[x - 1]};
    inputs->at[0] = ggc_limited(ggc_differences(v1 - 2, west), ggc_differences(v2 - 2, west));
    inputs->at[1] = ggc_limited((ggc_i32x4){v0[-2], v0[-3], v1[2], v2[2]} - west, above);
    inputs->at[2] = ggc_limited(near, last);
    inputs->energy = 16 + ggc_energy(inputs->at, GGC_LMS_INPUTS / 8);
}

/* What the sum of differences adds to the left neighbor, in eighths. The sum is modulo 2^32. */
static GGC_ALWAYS_INLINE int32_t ggc_lms_predict(const ggc_lms *lms, const ggc_lms_inputs *inputs) {
    const uint32_t sum = ggc_weighted_sum(lms->weights, (const int16_t *)inputs->at, GGC_LMS_INPUTS, 20);
    return (int32_t)(sum + (1u << (11 - GGC_PREDICTION_BITS))) >> (12 - GGC_PREDICTION_BITS);
}

/* weight += rate * error * difference / energy. */
static GGC_ALWAYS_INLINE void ggc_lms_update(ggc_lms *lms, const ggc_lms_inputs *inputs, int32_t error) {
    error = error < -GGC_LMS_ERROR ? -GGC_LMS_ERROR : error > GGC_LMS_ERROR ? GGC_LMS_ERROR : error;
    const int32_t step = GGC_LMS_RATE * error / (int32_t)inputs->energy; /* rounded toward zero */
    const int32_t limited = step < -INT16_MAX ? -INT16_MAX : step > INT16_MAX ? INT16_MAX : step;
    ggc_add_weighted(lms->weights, (const int16_t *)inputs->at, GGC_LMS_INPUTS, limited, GGC_LMS_SHIFT);
}

#endif
