/* Quantization-aware fine-tuning: coordinate descent on the integers of a file, one Gaussian after the other. */
#ifndef GGC_REFINE_H
#define GGC_REFINE_H

#include "ggc/compact.h"
#include "ggc/fit.h"

/* Visits the rows of levels in the given order and moves each to integers that lower the squared residual: the shape
 * by a rounded step of its natural gradient, then the colors to the nearest of their least-squares values. A row
 * changes only if the residual, which is kept up to date, becomes smaller. Returns how many rows changed. */
int64_t ggc_fit_refine(const ggc_compact_plan *plan, int32_t *levels, const int64_t *order, int64_t count,
                       const ggc_planes *residual, double min_log_scale, int32_t limit, const ggc_fit_variant *variant);

#endif
