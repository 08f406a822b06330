/* What the fit does to each Gaussian: its direction, and a step along it, after which it is entered into the bins. */
#include "ggc/cuda_fit.h"

#define COORDINATES (CHANNELS + GGC_SHAPE_COORDINATES)

template <int COUNT> GGC_INLINE void copy(const float *from, float *to) {
    for (int32_t k = 0; k < COUNT; k++)
        to[k] = from[k];
}

/* direction = -natural gradient, within what a step may reach. */
GGC_INLINE void turn_downhill(const ggc_state &state, int64_t i, const float *natural, float reach, float min_scale,
                              float (&direction)[COORDINATES]) {
    for (int32_t k = 0; k < COORDINATES; k++)
        direction[k] = -natural[k];
    ggc_fit_shorten(direction, CHANNELS, state.cholesky + 3 * i, state.colors + CHANNELS * i, reach, min_scale);
}

/* direction = beta direction - natural gradient; a thread a Gaussian. slopes: of each block, the products of the
 * gradient with the direction, and with the one that beta = 0 gives. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_conjugate(const ggc_fit_problem *problem, const ggc_fit_control *controls, float *params,
                      const float *gradient, const float *natural, float *direction, double *slopes) {
    const ggc_fit_problem *p = problem;
    const ggc_fit_control *control = controls + blockIdx.y;
    if (!control->searching)
        return;
    const int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x;
    double sums[2] = {0.0, 0.0};
    if (i < p->count) {
        const ggc_state state = ggc_state_of(p, params, control->current);
        const float *cholesky = state.cholesky + 3 * i, *color = state.colors + CHANNELS * i;
        const int64_t row = ((int64_t)blockIdx.y * p->count + i) * COORDINATES;
        const float least = p->bounds.min_scale;
        float g[COORDINATES], d[COORDINATES], downhill[COORDINATES];
        for (int32_t k = 0; k < COORDINATES; k++) {
            g[k] = gradient[row + k];
            d[k] = control->beta * direction[row + k] - natural[row + k];
        }
        ggc_fit_penalize(cholesky, color, CHANNELS, (float)control->penalty, g);
        ggc_fit_shorten(d, CHANNELS, cholesky, color, control->reach, least);
        turn_downhill(state, i, natural + row, control->reach, least, downhill);
        copy<COORDINATES>(d, direction + row);
        sums[0] = ggc_dot(g, d, COORDINATES);
        sums[1] = ggc_dot(g, downhill, COORDINATES);
    }
    ggc_block_sum(sums);
    if (threadIdx.x == 0) {
        double *out = slopes + 2 * ((int64_t)blockIdx.y * gridDim.x + blockIdx.x);
        out[0] = sums[0];
        out[1] = sums[1];
    }
}

/* Enters a Gaussian into the bins of all tiles that it may touch. A warp shares its tiles. */
GGC_INLINE void enter(const ggc_fit_problem *p, const ggc_item *item, uint32_t i, uint32_t *counts, uint32_t *lists) {
    if (ggc_is_empty(item))
        return;
    const int32_t first_column = item->x0 / TILE_WIDTH, first_row = item->y0 / TILE_HEIGHT;
    const int32_t columns = (item->x1 - 1) / TILE_WIDTH - first_column + 1;
    const int32_t tiles = columns * ((item->y1 - 1) / TILE_HEIGHT - first_row + 1);
    for (int32_t k = threadIdx.x % GGC_WARP; k < tiles; k += GGC_WARP) {
        const int32_t column = first_column + k % columns, row = first_row + k / columns;
        const float x = (float)(column * TILE_WIDTH), y = (float)(row * TILE_HEIGHT);
        if (!ggc_touches(&item->g, x, x + (float)(TILE_WIDTH - 1), y, y + (float)(TILE_HEIGHT - 1)))
            continue;
        const int64_t tile = (int64_t)blockIdx.y * p->tiles + row * p->across + column;
        const uint32_t place = atomicAdd(counts + tile, 1u);
        if (place < (uint32_t)p->capacity)
            lists[tile * p->capacity + place] = i;
    }
}

/* Cuts a Gaussian into parts, for all but the first of which other warps are asked: a large one would keep a single
 * warp busy long after all others. shares has the first place of its parts among the spare ones, -1 where there is no
 * room and its own warp has to do them all, and their number; spares has a Gaussian and a part of it in each place, and
 * no Gaussian where nothing fitted. Who computes a part does not show in the sum. */
GGC_INLINE void share(const ggc_fit_problem *p, ggc_fit_control *control, const ggc_item *item, uint32_t i,
                      uint32_t *spares, int32_t *shares) {
    const uint32_t lane = threadIdx.x % GGC_WARP, room = (uint32_t)p->spare;
    const int32_t squares = ggc_squares_of(item).count, parts = squares <= GGC_PART ? 1 : (squares - 1) / GGC_PART + 1;
    uint32_t first = 0;
    if ((uint32_t)parts - 1 > room) {
        first = room + 1; /* never to be counted: many such counts would wrap around */
    } else if (parts > 1) {
        if (lane == 0)
            first = atomicAdd(&control->spares, (uint32_t)parts - 1);
        first = __shfl_sync(GGC_ALL_LANES, first, 0);
    }
    const bool fits = first <= room && (uint32_t)parts - 1 <= room - first;
    spares += 2 * (int64_t)blockIdx.y * p->spare;
    for (uint32_t k = lane; k < (uint32_t)parts - 1 && first + k < room; k += GGC_WARP) {
        spares[2 * (first + k)] = fits ? i : ~0u;
        spares[2 * (first + k) + 1] = k + 1;
    }
    if (lane == 0) {
        shares[2 * ((int64_t)blockIdx.y * p->count + i)] = fits ? (int32_t)first : -1;
        shares[2 * ((int64_t)blockIdx.y * p->count + i) + 1] = parts;
    }
}

/* Enters the state that is to be evaluated into the bins; a warp a Gaussian. A state on trial is computed first: a step
 * from the current one. amplitudes: of each block, the sum of what is penalized. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_retract(const ggc_fit_problem *problem, ggc_fit_control *controls, int32_t phase, float *params,
                    const float *natural, float *direction, uint32_t *counts, uint32_t *lists, uint32_t *spares,
                    int32_t *shares, double *amplitudes) {
    const ggc_fit_problem *p = problem;
    ggc_fit_control *control = controls + blockIdx.y;
    if (!ggc_search_due(control, phase))
        return;
    const int64_t i = ((int64_t)blockIdx.x * BLOCK + threadIdx.x) / GGC_WARP;
    const bool first_lane = threadIdx.x % GGC_WARP == 0;
    double amplitude[1] = {0.0};
    if (i < p->count) {
        const ggc_state from = ggc_state_of(p, params, control->current);
        const ggc_state to = ggc_state_of(p, params, ggc_search_slot(control, phase));
        const float *mean = from.means + 2 * i, *factor = from.cholesky + 3 * i, *color = from.colors + CHANNELS * i;
        const int64_t row = ((int64_t)blockIdx.y * p->count + i) * COORDINATES;
        float d[COORDINATES], means[2], cholesky[3], colors[CHANNELS], own;
        if (phase == GGC_FIT_TRY) {
            if (control->restarts)
                turn_downhill(from, i, natural + row, control->reach, p->bounds.min_scale, d);
            else
                copy<COORDINATES>(direction + row, d);
            own = ggc_fit_move(mean, factor, color, CHANNELS, d, (float)control->step, &p->bounds, means, cholesky,
                               colors);
        } else {
            copy<2>(mean, means);
            copy<3>(factor, cholesky);
            copy<CHANNELS>(color, colors);
            own = ggc_penalized_area(factor) * ggc_square_norm(color, CHANNELS);
        }
        __syncwarp();
        if (first_lane && phase == GGC_FIT_TRY) {
            copy<COORDINATES>(d, direction + row);
            copy<2>(means, to.means + 2 * i);
            copy<3>(cholesky, to.cholesky + 3 * i);
            copy<CHANNELS>(colors, to.colors + CHANNELS * i);
        }
        const ggc_item item = ggc_item_of_image(p, means, cholesky, colors, CHANNELS);
        enter(p, &item, (uint32_t)i, counts, lists);
        share(p, control, &item, (uint32_t)i, spares, shares);
        amplitude[0] = first_lane ? own : 0.0;
    }
    ggc_block_sum(amplitude);
    if (threadIdx.x == 0)
        amplitudes[(int64_t)blockIdx.y * gridDim.x + blockIdx.x] = amplitude[0];
}
