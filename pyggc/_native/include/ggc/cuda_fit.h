/* What the fit's kernels share: where an image's parameters lie, and how a Gaussian is cut into parts. Every image of a
 * batch has a row of the grid. For CUDA only.
 */
#ifndef GGC_CUDA_FIT_H
#define GGC_CUDA_FIT_H

#include "ggc/cuda_block.h"
#include "ggc/extent.h"
#include "ggc/fit_search.h"

static_assert(GGC_SQUARE_WIDTH * GGC_SQUARE_HEIGHT == GGC_WARP, "a lane has a pixel of a square");

/* The arrays of one state of one image. */
struct ggc_state {
    float *means, *cholesky, *colors;
};

GGC_INLINE ggc_state ggc_state_of(const ggc_fit_problem *p, float *params, int32_t slot) {
    const int64_t count = p->count, size = count * (p->channels + 5);
    float *first = params + ((int64_t)blockIdx.y * GGC_FIT_SLOTS + slot) * size;
    return {first, first + 2 * count, first + 5 * count};
}

GGC_INLINE ggc_params ggc_params_of(const ggc_fit_problem *p, const ggc_state *state) {
    return {state->means, state->cholesky, state->colors, p->count, p->channels};
}

/* Samples of an image of the batch before this one's, with so many channels. */
GGC_INLINE int64_t ggc_plane_offset(const ggc_fit_problem *p, int32_t channels) {
    return (int64_t)blockIdx.y * p->height * channels * p->stride;
}

GGC_INLINE double ggc_samples(const ggc_fit_problem *p) {
    return (double)p->width * p->height * p->channels;
}

/* One Gaussian ready for the image, its colors without the scale of the accumulators. */
GGC_INLINE ggc_item ggc_item_of_image(const ggc_fit_problem *p, const float *mean, const float *cholesky,
                                      const float *color, const int32_t channels) {
    const ggc_box image = {0, 0, p->width, p->height};
    ggc_gaussian g = ggc_prepare(mean, cholesky, color, channels);
    for (int32_t c = 0; c < GGC_MAX_CHANNELS; c++)
        g.k[c] *= 0x1p-20f;
    return ggc_item_of(&g, &image);
}

/* The squares that an item's box has: so many in a row, in all, and the column of the first. */
struct ggc_squares {
    int32_t first, across, count;
};

GGC_INLINE ggc_squares ggc_squares_of(const ggc_item *item) {
    if (ggc_is_empty(item))
        return {0, 1, 0};
    const int32_t first = item->x0 / GGC_SQUARE_WIDTH, across = (item->x1 - 1) / GGC_SQUARE_WIDTH - first + 1;
    return {first, across, across * ((item->y1 - item->y0 - 1) / GGC_SQUARE_HEIGHT + 1)};
}

#endif
