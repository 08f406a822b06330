/* Which Gaussians are needed least: sorted into cells, so that each finds its neighbors; their costs; their ranks. */
#include "ggc/cuda_fit.h"
#include "ggc/fit_removal.h"

GGC_INLINE ggc_cells cells_of(const ggc_fit_problem *p) {
    const ggc_fit_bounds *b = &p->bounds;
    return ggc_cells_of(b->x - 0.5f, b->y - 0.5f, b->width, b->height, p->count);
}

/* counts has a number for each cell, all zero at first and again when all are filled. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_cells_count(const ggc_fit_problem *problem, const ggc_fit_control *controls, float *params,
                        uint32_t *counts) {
    const ggc_fit_problem *p = problem;
    const int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= p->count)
        return;
    const ggc_cells cells = cells_of(p);
    const ggc_state state = ggc_state_of(p, params, controls[blockIdx.y].current);
    counts += (int64_t)blockIdx.y * cells.across * cells.down;
    atomicAdd(counts + ggc_cell_of(&cells, state.means + 2 * i), 1u);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_cells_fill(const ggc_fit_problem *problem, const ggc_fit_control *controls, float *params, uint32_t *counts,
                       const uint32_t *starts, uint32_t *order, float *log_size) {
    const ggc_fit_problem *p = problem;
    const int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= p->count)
        return;
    const ggc_cells cells = cells_of(p);
    const ggc_state state = ggc_state_of(p, params, controls[blockIdx.y].current);
    const int64_t total = (int64_t)cells.across * cells.down, cell = ggc_cell_of(&cells, state.means + 2 * i);
    const int64_t first = (int64_t)blockIdx.y * p->count;
    const uint32_t place = atomicSub(counts + blockIdx.y * total + cell, 1u) - 1u;
    order[first + starts[blockIdx.y * (total + 1) + cell] + place] = (uint32_t)i;
    log_size[first + i] = ggc_log_size(state.cholesky + 3 * i);
}

/* gradient: that of the squared residual. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_removal(const ggc_fit_problem *problem, const ggc_fit_control *controls, float *params,
                    const float *gradient, const uint32_t *starts, const uint32_t *order, const float *log_size,
                    int32_t neighbors, float *costs) {
    const ggc_fit_problem *p = problem;
    const int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= p->count)
        return;
    const int64_t first = (int64_t)blockIdx.y * p->count;
    const ggc_state state = ggc_state_of(p, params, controls[blockIdx.y].current);
    const ggc_params all = ggc_params_of(p, &state);
    ggc_cells cells = cells_of(p);
    cells.starts = starts + blockIdx.y * ((int64_t)cells.across * cells.down + 1);
    cells.order = order + first;
    cells.log_size = log_size + first;
    costs[first + i] = ggc_removal_cost(&cells, &all, i, gradient + (first + i) * (p->channels + 5), neighbors);
}

/* How many cost less than each, or as much and come before it. Counting them takes no longer than the fit's other work
 * up to some hundred thousand Gaussians, and needs no sort. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_rank(const ggc_fit_problem *problem, const float *costs, int32_t *ranks) {
    __shared__ float others[BLOCK];
    const int32_t count = problem->count, i = (int32_t)(blockIdx.x * BLOCK + threadIdx.x);
    const int64_t first = (int64_t)blockIdx.y * count;
    const float own = i < count ? costs[first + i] : 0.0f;
    int32_t rank = 0;
    for (int32_t base = 0; base < count; base += BLOCK) {
        const int32_t here = count - base < BLOCK ? count - base : BLOCK;
        if ((int32_t)threadIdx.x < here)
            others[threadIdx.x] = costs[first + base + threadIdx.x];
        __syncthreads();
        for (int32_t k = 0; k < here; k++)
            rank += others[k] < own || (others[k] == own && base + k < i);
        __syncthreads();
    }
    if (i < count)
        ranks[first + i] = rank;
}
