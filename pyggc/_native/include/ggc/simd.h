/* Vectors of floats and integers for the widest instruction set that the including file is compiled for.
 *
 * Plain arithmetic uses the compiler's vector types, and so does the text of gaussian.h; only the minimum and the
 * rounding to integers need an intrinsic. Every operation here is exact or correctly rounded, so the number of lanes
 * never shows in a result.
 */
#ifndef GGC_SIMD_H
#define GGC_SIMD_H

#include <stdint.h>

#include "ggc/gaussian.h"

#if defined(__AVX512F__)
#define GGC_LANES 16
#elif defined(__AVX2__)
#define GGC_LANES 8
#else
#define GGC_LANES 4
#endif

typedef float ggc_vf __attribute__((vector_size(4 * GGC_LANES)));
typedef int32_t ggc_vi __attribute__((vector_size(4 * GGC_LANES)));
/* Unsigned, for sums that wrap around. */
typedef uint32_t ggc_vu __attribute__((vector_size(4 * GGC_LANES), may_alias));

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif

/* min(v, limit); ggc_round: to the nearest integer, ties to even. */
#if defined(__AVX512F__)
GGC_INLINE ggc_vf ggc_min_v(ggc_vf v, float limit) {
    return (ggc_vf)_mm512_min_ps((__m512)v, _mm512_set1_ps(limit));
}
GGC_INLINE ggc_vi ggc_round_v(ggc_vf v) {
    return (ggc_vi)_mm512_cvtps_epi32((__m512)v);
}
#elif defined(__AVX2__)
GGC_INLINE ggc_vf ggc_min_v(ggc_vf v, float limit) {
    return (ggc_vf)_mm256_min_ps((__m256)v, _mm256_set1_ps(limit));
}
GGC_INLINE ggc_vi ggc_round_v(ggc_vf v) {
    return (ggc_vi)_mm256_cvtps_epi32((__m256)v);
}
#elif defined(__SSE2__)
GGC_INLINE ggc_vf ggc_min_v(ggc_vf v, float limit) {
    return (ggc_vf)_mm_min_ps((__m128)v, _mm_set1_ps(limit));
}
GGC_INLINE ggc_vi ggc_round_v(ggc_vf v) {
    return (ggc_vi)_mm_cvtps_epi32((__m128)v);
}
#elif defined(__ARM_NEON) && defined(__aarch64__)
GGC_INLINE ggc_vf ggc_min_v(ggc_vf v, float limit) {
    return (ggc_vf)vminq_f32((float32x4_t)v, vdupq_n_f32(limit));
}
GGC_INLINE ggc_vi ggc_round_v(ggc_vf v) {
    return (ggc_vi)vcvtnq_s32_f32((float32x4_t)v);
}
#else
GGC_INLINE ggc_vf ggc_min_v(ggc_vf v, float limit) {
    for (int i = 0; i < GGC_LANES; i++)
        v[i] = v[i] < limit ? v[i] : limit;
    return v;
}
GGC_INLINE ggc_vi ggc_round_v(ggc_vf v) {
    ggc_vi r;
    for (int i = 0; i < GGC_LANES; i++)
        r[i] = (int32_t)__builtin_rintf(v[i]);
    return r;
}
#endif

/* 0, 1, 2, ... */
GGC_INLINE ggc_vf ggc_iota_v(void) {
    ggc_vf v;
    for (int i = 0; i < GGC_LANES; i++)
        v[i] = (float)i;
    return v;
}

GGC_DEFINE_U1(ggc_u1_v, ggc_vf)
GGC_DEFINE_Q(ggc_q_v, ggc_vf)
GGC_DEFINE_EXP(ggc_exp_v, ggc_vf)

/* Rows in lockstep: enough for the chains of operations of all of them to fill the processor's pipelines. What is left
 * of a column is done in fours, and then one by one. */
#define GGC_GROUP 12
#define GGC_REST 4

/* Weights times (1 - EDGE) of some rows of a block of columns. */
GGC_INLINE void ggc_weight_v(ggc_vf *weight, const int rows, ggc_vf u1, const float *t, float s) {
    ggc_vf q[GGC_GROUP];
    ggc_q_v(q, rows, u1, t, s);
    for (int i = 0; i < rows; i++)
        q[i] = ggc_min_v(q[i], GGC_Q_MAX);
    ggc_exp_v(weight, rows, q);
    for (int i = 0; i < rows; i++)
        weight[i] = weight[i] - GGC_EDGE;
}

#endif
