/* The fit's forward pass: a tile a block, as the exact renderer has it, less the image; and the sums of the residual's
 * squares and magnitudes, a tile each.
 *
 * counts and lists are the tiles' bins as ggc_fit_retract leaves them: list k has room for problem->capacity
 * Gaussians, and a tile that more of them touch looks at all. The counts are zero again at the end.
 */
#include "ggc/cuda_fit.h"
#include "ggc/cuda_tile.h"

extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_forward(const ggc_fit_problem *problem, const ggc_fit_control *controls, int32_t phase, float *params,
                    uint32_t *counts, const uint32_t *lists, const float *target, float *residual, double *sums) {
    __shared__ ggc_staged staged[BLOCK];
    const ggc_fit_problem *p = problem;
    const ggc_fit_control *control = controls + blockIdx.y;
    if (!ggc_search_due(control, phase))
        return;
    const ggc_state state = ggc_state_of(p, params, ggc_search_slot(control, phase));
    const int64_t tile = (int64_t)blockIdx.y * p->tiles + blockIdx.x;
    const int32_t x0 = (int32_t)blockIdx.x % p->across * TILE_WIDTH;
    const int32_t y0 = (int32_t)blockIdx.x / p->across * TILE_HEIGHT;
    const ggc_place place = ggc_place_of_thread();
    const uint32_t *list = lists + tile * p->capacity, count = counts[tile];
    const bool fits = count <= (uint32_t)p->capacity;
    uint32_t acc[GGC_ROWS][CHANNELS] = {};
    const auto prepare = [=](uint32_t n) {
        const int64_t i = fits ? list[n] : n;
        return ggc_prepare(state.means + 2 * i, state.cholesky + 3 * i, state.colors + CHANNELS * i, CHANNELS);
    };
    ggc_sum_tile(acc, staged, fits ? count : (uint32_t)p->count, prepare, x0, y0,
                 x0 + place.left < p->width && y0 + place.top < p->height);

    const int32_t x = x0 + place.column;
    float squared = 0.0f, absolute = 0.0f;
    for (int32_t r = 0; r < GGC_ROWS; r++) {
        const int32_t y = y0 + place.row + r * GGC_ROW_STEP;
        if (x >= p->width || y >= p->height)
            continue;
        for (int32_t c = 0; c < CHANNELS; c++) {
            const int64_t at = ggc_plane_offset(p, CHANNELS) + ((int64_t)y * CHANNELS + c) * p->stride + x;
            const float value = (float)(int32_t)acc[r][c] * 0x1p-20f - target[at];
            residual[at] = value;
            squared += value * value;
            absolute += fabsf(value);
        }
    }
    double both[2] = {squared, absolute};
    ggc_block_sum(both);
    if (threadIdx.x == 0) {
        counts[tile] = 0;
        sums[2 * tile] = both[0];
        sums[2 * tile + 1] = both[1];
    }
}
