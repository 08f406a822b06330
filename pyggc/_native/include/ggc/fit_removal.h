/* How much the loss would rise without a Gaussian, were its neighbors to take over what they can.
 *
 * Without neighbors, removing amplitude c from a residual r changes the loss by |c|^2 a - 2 c . (sum of w r). What the
 * neighbors can explain of w is its projection on their span; the rest is the fraction 1 - g' G^-1 g / g0, with the
 * Gram matrix of the untruncated kernels ("optimal brain surgeon": Hassibi and Stork, 1993).
 */
#ifndef GGC_FIT_REMOVAL_H
#define GGC_FIT_REMOVAL_H

#include "ggc/fit_step.h"

#define GGC_MAX_NEIGHBORS 16

/* Distances: this many pixels count as much as one in the logarithm of the size. */
#define GGC_PIXELS_PER_LOG 24.0f
/* Gaussians a cell of the grid, on average. */
#define GGC_CELL_COUNT 4

/* On the diagonal of the Gram matrix, so that nearly equal neighbors leave it regular. */
#define GGC_RIDGE 1.02

/* A fraction below this is not believed. */
#define GGC_LEAST_FRACTION 0.01

/* Gaussians sorted into square cells: cell k holds order[starts[k]] to order[starts[k + 1] - 1], in any order: the
 * cells are an optimization and never show in what is found. log_size has ggc_log_size of each Gaussian. */
typedef struct {
    float x0, y0, cell;
    int32_t across, down;
    const uint32_t *starts, *order;
    const float *log_size;
} ggc_cells;

/* The cells of a rectangle with that corner, for so many Gaussians. The longer side plus one bounds their number by the
 * area's, also where all lie on a line. */
GGC_INLINE ggc_cells ggc_cells_of(float x0, float y0, float width, float height, int64_t count) {
    ggc_cells cells = {x0, y0, 0.0f, 0, 0, 0, 0, 0};
    cells.cell = GGC_MATH(sqrtf)(width * height * GGC_CELL_COUNT / (float)count) + 0.5f;
    cells.across = (int32_t)(width / cells.cell) + 1;
    cells.down = (int32_t)(height / cells.cell) + 1;
    return cells;
}

GGC_INLINE int32_t ggc_cell_at(float v, float origin, float cell, int32_t count) {
    const float at = (v - origin) / cell;
    return at > 0.0f ? (at < (float)count ? (int32_t)at : count - 1) : 0;
}

GGC_INLINE int64_t ggc_cell_of(const ggc_cells *cells, const float *mean) {
    return (int64_t)ggc_cell_at(mean[1], cells->y0, cells->cell, cells->down) * cells->across +
           ggc_cell_at(mean[0], cells->x0, cells->cell, cells->across);
}

GGC_INLINE float ggc_log_size(const float *cholesky) {
    return 0.5f * GGC_PIXELS_PER_LOG * GGC_MATH(logf)(cholesky[0] * cholesky[1]);
}

/* The nearest found so far, by distance, then index. */
typedef struct {
    float distance[GGC_MAX_NEIGHBORS];
    uint32_t index[GGC_MAX_NEIGHBORS];
    int32_t count, capacity;
} ggc_neighbors;

GGC_INLINE void ggc_offer(ggc_neighbors *found, uint32_t index, float distance) {
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

GGC_INLINE void ggc_offer_cell(ggc_neighbors *found, const ggc_cells *g, const ggc_params *params, int64_t self,
                               int32_t column, int32_t row) {
    const int64_t cell = (int64_t)row * g->across + column;
    for (int64_t i = g->starts[cell]; i < g->starts[cell + 1]; i++) {
        const int64_t other = g->order[i];
        if (other == self)
            continue;
        const float dx = params->means[2 * other] - params->means[2 * self];
        const float dy = params->means[2 * other + 1] - params->means[2 * self + 1];
        const float ds = g->log_size[other] - g->log_size[self];
        ggc_offer(found, (uint32_t)other, dx * dx + dy * dy + ds * ds);
    }
}

/* Rings of cells around the Gaussian's own, until the next one can only hold what is farther than all found. */
GGC_INLINE void ggc_find_neighbors(ggc_neighbors *found, const ggc_cells *g, const ggc_params *params, int64_t self) {
    const int32_t column = ggc_cell_at(params->means[2 * self], g->x0, g->cell, g->across);
    const int32_t row = ggc_cell_at(params->means[2 * self + 1], g->y0, g->cell, g->down);
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
                    ggc_offer_cell(found, g, params, self, x, y);
        }
    }
}

/* The integral of the product of two untruncated Gaussians of amplitude 1. */
GGC_INLINE double ggc_gram(const ggc_params *params, int64_t i, int64_t j) {
    const float *a = params->cholesky + 3 * i, *b = params->cholesky + 3 * j;
    const double dx = (double)params->means[2 * i] - params->means[2 * j];
    const double dy = (double)params->means[2 * i + 1] - params->means[2 * j + 1];
    const double xx = (double)a[0] * a[0] + (double)b[0] * b[0], xy = (double)a[0] * a[2] + (double)b[0] * b[2];
    const double yy = (double)a[1] * a[1] + (double)a[2] * a[2] + (double)b[1] * b[1] + (double)b[2] * b[2];
    const double det = xx * yy - xy * xy, areas = (double)a[0] * a[1] * b[0] * b[1];
    const double q = (yy * dx * dx - 2.0 * xy * dx * dy + xx * dy * dy) / det;
    return 2.0 * GGC_PI * areas / GGC_MATH(sqrt)(det) * GGC_MATH(exp)(-0.5 * q);
}

/* 1 - g' G^-1 g / g0 by Cholesky factorization, whose forward substitution is all that is needed. */
GGC_INLINE double ggc_unexplained(const ggc_params *params, int64_t self, const ggc_neighbors *found) {
    double factor[GGC_MAX_NEIGHBORS * (GGC_MAX_NEIGHBORS + 1) / 2], y[GGC_MAX_NEIGHBORS]; /* rows of a triangle */
    const double own = ggc_gram(params, self, self);
    double explained = 0.0;
    for (int32_t i = 0; i < found->count; i++) {
        double *row = factor + i * (i + 1) / 2;
        for (int32_t j = 0; j <= i; j++) {
            const double *other = factor + j * (j + 1) / 2;
            double sum = ggc_gram(params, found->index[i], found->index[j]) * (i == j ? GGC_RIDGE : 1.0);
            for (int32_t k = 0; k < j; k++)
                sum -= row[k] * other[k];
            /* The ridge keeps the pivots positive; the floor keeps rounding from saying otherwise. */
            row[j] = i == j ? GGC_MATH(sqrt)(sum > 1e-12 ? sum : 1e-12) : sum / other[j];
        }
        y[i] = ggc_gram(params, self, found->index[i]);
        for (int32_t k = 0; k < i; k++)
            y[i] -= row[k] * y[k];
        y[i] /= row[i];
        explained += y[i] * y[i];
    }
    return 1.0 - explained / own;
}

/* What the loss would rise by; g has the half gradient by the Gaussian's colors. */
GGC_INLINE float ggc_removal_cost(const ggc_cells *cells, const ggc_params *params, int64_t i, const float *g,
                                  int32_t neighbors) {
    const int32_t channels = params->channels;
    const float *color = params->colors + channels * i;
    double square = 0.0, along = 0.0, fraction = 1.0;
    for (int32_t c = 0; c < channels; c++) {
        square += (double)color[c] * color[c];
        along += (double)color[c] * g[c];
    }
    if (neighbors > 0) {
        ggc_neighbors found;
        found.count = 0;
        found.capacity = neighbors;
        ggc_find_neighbors(&found, cells, params, i);
        fraction = ggc_unexplained(params, i, &found);
        fraction = fraction > GGC_LEAST_FRACTION ? fraction : GGC_LEAST_FRACTION;
    }
    const double area = (double)params->cholesky[3 * i] * params->cholesky[3 * i + 1];
    return (float)((GGC_INT_COLOR * area * square - 2.0 * along) * fraction);
}

#endif
