/* How much the loss would rise without a Gaussian, were its neighbors to take over what they can.
 *
 * Without neighbors, removing amplitude c from a residual r changes the loss by |c|^2 a - 2 c . (sum of w r). What the
 * neighbors can explain of w is its projection on their span; the rest is the fraction 1 - g' G^-1 g / g0, with the
 * Gram matrix of the untruncated kernels ("optimal brain surgeon": Hassibi and Stork, 1993).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ggc/fit.h"

/* Distances: this many pixels count as much as one in the logarithm of the size. */
#define PIXELS_PER_LOG 24.0f
/* Gaussians a cell of the grid, on average. */
#define CELL_COUNT 4

/* On the diagonal of the Gram matrix, so that nearly equal neighbors leave it regular. */
#define RIDGE 1.02

/* A fraction below this is not believed. */
#define LEAST_FRACTION 0.01

/* Gaussians sorted into square cells: cell k holds order[ends[k - 1]] to order[ends[k] - 1]. */
typedef struct {
    float x0, y0, cell;
    int32_t across, down;
    int64_t *ends;
    uint32_t *order;
    float *log_size;
} grid;

static int32_t cell_of(float v, float origin, float cell, int32_t count) {
    const float at = (v - origin) / cell;
    return at > 0.0f ? (at < (float)count ? (int32_t)at : count - 1) : 0;
}

static int build(grid *g, const ggc_params *params) {
    const int64_t count = params->count;
    float x1 = params->means[0], y1 = params->means[1];
    g->x0 = x1;
    g->y0 = y1;
    for (int64_t i = 1; i < count; i++) {
        const float x = params->means[2 * i], y = params->means[2 * i + 1];
        g->x0 = x < g->x0 ? x : g->x0;
        g->y0 = y < g->y0 ? y : g->y0;
        x1 = x > x1 ? x : x1;
        y1 = y > y1 ? y : y1;
    }
    /* The longer side plus one bounds the number of cells by the area's, also where all lie on a line. */
    const float width = x1 - g->x0 + 1.0f, height = y1 - g->y0 + 1.0f;
    g->cell = sqrtf(width * height * CELL_COUNT / (float)count) + 0.5f;
    g->across = (int32_t)(width / g->cell) + 1;
    g->down = (int32_t)(height / g->cell) + 1;
    const int64_t cells = (int64_t)g->across * g->down;
    g->ends = calloc(cells + 1, sizeof *g->ends);
    g->order = malloc(count * sizeof *g->order);
    g->log_size = malloc(count * sizeof *g->log_size);
    if (!g->ends || !g->order || !g->log_size)
        return 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < count; i++) {
            const int32_t column = cell_of(params->means[2 * i], g->x0, g->cell, g->across);
            const int32_t row = cell_of(params->means[2 * i + 1], g->y0, g->cell, g->down);
            int64_t *end = g->ends + (int64_t)row * g->across + column;
            if (pass)
                g->order[(*end)++] = (uint32_t)i;
            else
                end[1]++;
        }
        for (int64_t i = 0; !pass && i < cells; i++)
            g->ends[i + 1] += g->ends[i];
    }
    for (int64_t i = 0; i < count; i++)
        g->log_size[i] = 0.5f * PIXELS_PER_LOG * logf(params->cholesky[3 * i] * params->cholesky[3 * i + 1]);
    return 1;
}

static void release(grid *g) {
    free(g->ends);
    free(g->order);
    free(g->log_size);
}

/* The nearest found so far, by distance, then index. */
typedef struct {
    float distance[GGC_MAX_NEIGHBORS];
    uint32_t index[GGC_MAX_NEIGHBORS];
    int32_t count, capacity;
} nearest;

static void offer(nearest *found, uint32_t index, float distance) {
    int32_t at = found->count;
    while (at > 0 && (distance < found->distance[at - 1] ||
                      (distance == found->distance[at - 1] && index < found->index[at - 1])))
        at--;
    if (at == found->capacity)
        return;
    if (found->count < found->capacity)
        found->count++;
    for (int32_t i = found->count - 1; i > at; i--) {
        found->distance[i] = found->distance[i - 1];
        found->index[i] = found->index[i - 1];
    }
    found->distance[at] = distance;
    found->index[at] = index;
}

static void offer_cell(nearest *found, const grid *g, const ggc_params *params, int64_t self, int32_t column,
                       int32_t row) {
    const int64_t cell = (int64_t)row * g->across + column;
    for (int64_t i = cell ? g->ends[cell - 1] : 0; i < g->ends[cell]; i++) {
        const int64_t other = g->order[i];
        if (other == self)
            continue;
        const float dx = params->means[2 * other] - params->means[2 * self];
        const float dy = params->means[2 * other + 1] - params->means[2 * self + 1];
        const float ds = g->log_size[other] - g->log_size[self];
        offer(found, (uint32_t)other, dx * dx + dy * dy + ds * ds);
    }
}

/* Rings of cells around the Gaussian's own, until the next one can only hold what is farther than all found. */
static void search(nearest *found, const grid *g, const ggc_params *params, int64_t self) {
    const int32_t column = cell_of(params->means[2 * self], g->x0, g->cell, g->across);
    const int32_t row = cell_of(params->means[2 * self + 1], g->y0, g->cell, g->down);
    const int32_t rings = g->across > g->down ? g->across : g->down;
    for (int32_t ring = 0; ring < rings; ring++) {
        const float near = (float)(ring - 1) * g->cell;
        if (ring > 1 && found->count == found->capacity && near * near > found->distance[found->count - 1])
            return;
        for (int32_t y = row - ring; y <= row + ring; y++) {
            if (y < 0 || y >= g->down)
                continue;
            const int32_t step = y == row - ring || y == row + ring || ring == 0 ? 1 : 2 * ring;
            for (int32_t x = column - ring; x <= column + ring; x += step)
                if (x >= 0 && x < g->across)
                    offer_cell(found, g, params, self, x, y);
        }
    }
}

/* The integral of the product of two untruncated Gaussians of amplitude 1. */
static double gram(const ggc_params *params, int64_t i, int64_t j) {
    const float *a = params->cholesky + 3 * i, *b = params->cholesky + 3 * j;
    const double dx = (double)params->means[2 * i] - params->means[2 * j];
    const double dy = (double)params->means[2 * i + 1] - params->means[2 * j + 1];
    const double xx = (double)a[0] * a[0] + (double)b[0] * b[0], xy = (double)a[0] * a[2] + (double)b[0] * b[2];
    const double yy = (double)a[1] * a[1] + (double)a[2] * a[2] + (double)b[1] * b[1] + (double)b[2] * b[2];
    const double det = xx * yy - xy * xy, areas = (double)a[0] * a[1] * b[0] * b[1];
    const double q = (yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy) / det;
    return 2.0 * GGC_PI * areas / sqrt(det) * exp(-0.5 * q);
}

/* 1 - g' G^-1 g / g0 by Cholesky factorization, whose forward substitution is all that is needed. */
static double unexplained(const ggc_params *params, int64_t self, const nearest *found) {
    double factor[GGC_MAX_NEIGHBORS][GGC_MAX_NEIGHBORS], y[GGC_MAX_NEIGHBORS];
    const double own = gram(params, self, self);
    double explained = 0.0;
    for (int32_t i = 0; i < found->count; i++) {
        for (int32_t j = 0; j <= i; j++) {
            double sum = gram(params, found->index[i], found->index[j]) * (i == j ? RIDGE : 1.0);
            for (int32_t k = 0; k < j; k++)
                sum -= factor[i][k] * factor[j][k];
            /* The ridge keeps the pivots positive; the floor keeps rounding from saying otherwise. */
            factor[i][j] = i == j ? sqrt(sum > 1e-12 ? sum : 1e-12) : sum / factor[j][j];
        }
        y[i] = gram(params, self, found->index[i]);
        for (int32_t k = 0; k < i; k++)
            y[i] -= factor[i][k] * y[k];
        y[i] /= factor[i][i];
        explained += y[i] * y[i];
    }
    return 1.0 - explained / own;
}

int ggc_fit_removal(const ggc_params *params, const float *g, int32_t neighbors, int threads, float *cost) {
    const int32_t channels = params->channels, n = channels + GGC_SHAPE_COORDINATES;
    grid cells = {0};
    if (params->count == 0)
        return GGC_FIT_OK;
    if (!build(&cells, params)) {
        release(&cells);
        return GGC_FIT_NO_MEMORY;
    }
    threads = ggc_fit_threads(threads, params->count / 64);
#pragma omp parallel for schedule(dynamic, 64) num_threads(threads)
    for (int64_t i = 0; i < params->count; i++) {
        const float *color = params->colors + channels * i;
        double square = 0.0, along = 0.0, fraction = 1.0;
        for (int32_t c = 0; c < channels; c++) {
            square += (double)color[c] * color[c];
            along += (double)color[c] * g[n * i + c];
        }
        if (neighbors > 0) {
            nearest found = {.capacity = neighbors};
            search(&found, &cells, params, i);
            fraction = unexplained(params, i, &found);
            fraction = fraction > LEAST_FRACTION ? fraction : LEAST_FRACTION;
        }
        const double area = (double)params->cholesky[3 * i] * params->cholesky[3 * i + 1];
        cost[i] = (float)((GGC_INT_COLOR * area * square - 2.0 * along) * fraction);
    }
    release(&cells);
    return GGC_FIT_OK;
}
