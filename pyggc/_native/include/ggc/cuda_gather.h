/* The sums over a Gaussian's pixels that make up its gradient, by a warp. For CUDA only. */
#ifndef GGC_CUDA_GATHER_H
#define GGC_CUDA_GATHER_H

#include "ggc/cuda_fit.h"

#define GGC_COORDINATES (CHANNELS + GGC_SHAPE_COORDINATES)

/* Adds one pixel's part of the sums over w image, and over v times u1, u2, u1^2, u2^2, u1 u2, where v = e (k . image);
 * e is the exponential within the support and zero without. */
GGC_INLINE void ggc_add_pixel(float (&sums)[GGC_COORDINATES], const ggc_gaussian &g, float x, float y,
                              const float *image, int64_t stride) {
    const float u1 = ggc_u1(x, g.mx, g.i1), t = ggc_t(&g, y), u2 = t - g.s * u1;
    float q, e, dot = 0.0f;
    ggc_q(&q, 1, u1, &t, g.s);
    const bool inside = q < GGC_Q_MAX;
    q = inside ? q : GGC_Q_MAX;
    ggc_exp(&e, 1, &q);
    for (int32_t c = 0; c < CHANNELS; c++) {
        const float value = image[c * stride];
        sums[c] += (e - GGC_EDGE) * value;
        dot += g.k[c] * value;
    }
    const float v = inside ? e * dot : 0.0f, v1 = v * u1, v2 = v * u2;
    sums[CHANNELS] += v1;
    sums[CHANNELS + 1] += v2;
    sums[CHANNELS + 2] += v1 * u1;
    sums[CHANNELS + 3] += v2 * u2;
    sums[CHANNELS + 4] += v1 * u2;
}

/* The sums over a part's squares; every lane gets them. */
GGC_INLINE void ggc_gather(const ggc_fit_problem *p, const ggc_item &item, const float *image, int32_t first,
                           int32_t end, float (&sums)[GGC_COORDINATES]) {
    const ggc_squares squares = ggc_squares_of(&item);
    const int32_t lane = threadIdx.x % GGC_WARP, stride = p->stride;
    for (int32_t k = 0; k < GGC_COORDINATES; k++)
        sums[k] = 0.0f;
    for (int32_t base = first; base < end; base += GGC_WARP) {
        const int32_t own = base + lane;
        const int32_t left = (squares.first + own % squares.across) * GGC_SQUARE_WIDTH;
        const int32_t top = item.y0 + own / squares.across * GGC_SQUARE_HEIGHT;
        const bool near = own < end && ggc_touches(&item.g, (float)left, (float)(left + GGC_SQUARE_WIDTH - 1),
                                                   (float)top, (float)(top + GGC_SQUARE_HEIGHT - 1));
        for (uint32_t rest = __ballot_sync(GGC_ALL_LANES, near); rest; rest &= rest - 1) {
            const int32_t bit = __ffs((int)rest) - 1;
            const int32_t x = __shfl_sync(GGC_ALL_LANES, left, bit) + lane % GGC_SQUARE_WIDTH;
            const int32_t y = __shfl_sync(GGC_ALL_LANES, top, bit) + lane / GGC_SQUARE_WIDTH;
            if (y < p->height)
                ggc_add_pixel(sums, item.g, (float)x, (float)y, image + (int64_t)y * CHANNELS * stride + x, stride);
        }
    }
    for (int32_t k = 0; k < GGC_COORDINATES; k++)
        sums[k] = ggc_warp_sum(sums[k]) * (k < CHANNELS ? GGC_COLOR_SCALE * 0x1p-20f : 1.0f);
}

/* Lane k writes the k-th. */
GGC_INLINE void ggc_store(const float (&values)[GGC_COORDINATES], float *out) {
    const int32_t lane = threadIdx.x % GGC_WARP;
    float own = 0.0f;
    for (int32_t k = 0; k < GGC_COORDINATES; k++)
        own = lane == k ? values[k] : own;
    if (lane < GGC_COORDINATES)
        out[lane] = own;
}

#endif
