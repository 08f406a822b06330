/* The cost of every Gaussian's removal; fit_removal.h has that of one. */
#include <stdlib.h>

#include "ggc/fit.h"
#include "ggc/threads.h"

/* The cells, and the memory behind them. */
typedef struct {
    ggc_cells cells;
    uint32_t *starts, *order;
    float *log_size;
} grid;

static void release(grid *g) {
    free(g->starts);
    free(g->order);
    free(g->log_size);
}

static ggc_cells cells_around(const ggc_params *params) {
    float x0 = params->means[0], y0 = params->means[1], x1 = x0, y1 = y0;
    for (int64_t i = 1; i < params->count; i++) {
        const float x = params->means[2 * i], y = params->means[2 * i + 1];
        x0 = x < x0 ? x : x0;
        y0 = y < y0 ? y : y0;
        x1 = x > x1 ? x : x1;
        y1 = y > y1 ? y : y1;
    }
    return ggc_cells_of(x0, y0, x1 - x0 + 1.0f, y1 - y0 + 1.0f, params->count);
}

static int build(grid *g, const ggc_params *params) {
    const int64_t count = params->count;
    g->cells = cells_around(params);
    const int64_t cells = (int64_t)g->cells.across * g->cells.down;
    /* While cells are filled, starts[k + 1] is where the next of cell k goes; at first it is where the cell begins. */
    g->starts = calloc(cells + 2, sizeof *g->starts);
    g->order = malloc(count * sizeof *g->order);
    g->log_size = malloc(count * sizeof *g->log_size);
    if (!g->starts || !g->order || !g->log_size)
        return 0;
    for (int64_t i = 0; i < count; i++)
        g->starts[ggc_cell_of(&g->cells, params->means + 2 * i) + 2]++;
    for (int64_t k = 1; k < cells; k++)
        g->starts[k + 1] += g->starts[k];
    for (int64_t i = 0; i < count; i++) {
        g->order[g->starts[ggc_cell_of(&g->cells, params->means + 2 * i) + 1]++] = (uint32_t)i;
        g->log_size[i] = ggc_log_size(params->cholesky + 3 * i);
    }
    g->cells.starts = g->starts;
    g->cells.order = g->order;
    g->cells.log_size = g->log_size;
    return 1;
}

int ggc_fit_removal(const ggc_params *params, const float *g, int32_t neighbors, int threads, float *cost) {
    const int32_t n = params->channels + GGC_SHAPE_COORDINATES;
    grid found = {0};
    if (params->count == 0)
        return GGC_FIT_OK;
    if (!build(&found, params)) {
        release(&found);
        return GGC_FIT_NO_MEMORY;
    }
    threads = ggc_threads(threads, params->count / 64);
#pragma omp parallel for schedule(dynamic, 64) num_threads(threads)
    for (int64_t i = 0; i < params->count; i++)
        cost[i] = ggc_removal_cost(&found.cells, params, i, g + n * i, neighbors);
    release(&found);
    return GGC_FIT_OK;
}
