/* The state on trial becomes the current one, with the least needed Gaussians put where they are needed. */
#include "ggc/cuda_gather.h"

/* A warp a Gaussian: the one of rank k goes to pixel k, round and `scale` wide, with the part `share` of its least
 * squares' color; what a search remembers of it is forgotten. The residual is the current state's. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_relocate(const ggc_fit_problem *problem, const ggc_fit_control *controls, float *params,
                     const int32_t *ranks, const int64_t *pixels, int32_t count, const float *residual, float scale,
                     float share, float *natural, float *direction) {
    const ggc_fit_problem *p = problem;
    const ggc_fit_control *control = controls + blockIdx.y;
    const int64_t i = ((int64_t)blockIdx.x * BLOCK + threadIdx.x) / GGC_WARP;
    if (i >= p->count || ggc_search_converged(control))
        return;
    const ggc_state from = ggc_state_of(p, params, control->current), to = ggc_state_of(p, params, control->trial);
    const int64_t row = (int64_t)blockIdx.y * p->count + i;
    const int32_t lane = threadIdx.x % GGC_WARP, rank = ranks[row];
    if (rank >= count) {
        if (lane < 2)
            to.means[2 * i + lane] = from.means[2 * i + lane];
        if (lane < 3)
            to.cholesky[3 * i + lane] = from.cholesky[3 * i + lane];
        if (lane < CHANNELS)
            to.colors[CHANNELS * i + lane] = from.colors[CHANNELS * i + lane];
        return;
    }
    const int64_t pixel = pixels[(int64_t)blockIdx.y * count + rank];
    /* A pixel that stands in for another may lie beyond the bounds. */
    const ggc_fit_bounds *b = &p->bounds;
    const float mean[2] = {ggc_within((float)(pixel % p->width), b->x, b->x + b->width - 1.0f),
                           ggc_within((float)(pixel / p->width), b->y, b->y + b->height - 1.0f)};
    const float cholesky[3] = {scale, scale, 0.0f};
    const float colorless[CHANNELS] = {};
    const ggc_item item = ggc_item_of_image(p, mean, cholesky, colorless, CHANNELS);
    float sums[GGC_COORDINATES], color = 0.0f;
    ggc_gather(p, item, residual + ggc_plane_offset(p, CHANNELS), 0, ggc_squares_of(&item).count, sums);
    for (int32_t c = 0; c < CHANNELS; c++)
        color = lane == c ? sums[c] : color;
    if (lane < 2)
        to.means[2 * i + lane] = mean[lane];
    if (lane < 3)
        to.cholesky[3 * i + lane] = cholesky[lane];
    if (lane < CHANNELS)
        to.colors[CHANNELS * i + lane] = color * (-share / ((float)GGC_INT_COLOR * (scale * scale)));
    if (lane < GGC_COORDINATES)
        natural[row * GGC_COORDINATES + lane] = direction[row * GGC_COORDINATES + lane] = 0.0f;
}
