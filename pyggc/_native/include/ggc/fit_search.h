/* The line search of a fit, as one step after the other of a machine whose state lies in a device's memory: so that no
 * step waits for a host. pyggc/fit/natural.py is the same search for the CPU, and docs/maths_fit.rst says why.
 *
 * One image's parameters are kept three times: the accepted ones, those on trial, and the best so far; the former and
 * the latter may be the same.
 */
#ifndef GGC_FIT_SEARCH_H
#define GGC_FIT_SEARCH_H

#include "ggc/fit_step.h"

#define GGC_FIT_SLOTS 3

/* A warp gathers from squares of so many pixels, and so many squares are a part. */
#define GGC_SQUARE_WIDTH 8
#define GGC_SQUARE_HEIGHT 4
#define GGC_PART 64

/* As in pyggc/fit/natural.py. */
#define GGC_FIT_HEADROOM 1.5
#define GGC_FIT_MAX_CHANGE 3.0
#define GGC_FIT_NEAR 0.5
#define GGC_FIT_MAX_TRIALS 4
#define GGC_FIT_LEAST_STEP 1e-3

/* Searches in a row that must fail for a fit to count as converged. */
#define GGC_FIT_MAX_STALLS 3

/* What does not change during a fit; pyggc/backends/cuda_layout.py has the same fields. Planes are as in fit.h, but
 * the stride is the width in whole squares of GGC_SQUARE_WIDTH. */
typedef struct {
    ggc_fit_bounds bounds;
    float l2, l1, ssim;
    int32_t count, channels, width, height, stride;
    int32_t across, tiles; /* tiles in a row, and in all */
    int32_t capacity;      /* entries of a tile's list */
    int32_t spare;         /* parts of large Gaussians that are gathered elsewhere, at most */
} ggc_fit_problem;

/* What a search is at; pyggc/backends/cuda_layout.py has the same fields. */
typedef struct {
    double loss;      /* what is made small: value times the samples, and the penalty of the amplitudes */
    double value;     /* the weighted loss */
    double squared;   /* the sum of the squared residual */
    double amplitude; /* the sum that is penalized */
    double penalty;   /* its weight */
    double least;     /* value of the best state */
    double step, slope;
    double product; /* of the gradient and the natural gradient */
    float beta, reach;
    int32_t current, trial, best; /* slots */
    int32_t trials;
    int32_t searching; /* a step is on trial */
    int32_t remembers; /* there is a direction to go on from */
    int32_t restarts;  /* the direction is the natural gradient's after all */
    int32_t evaluated; /* the residual is the current state's */
    int32_t graded;    /* the gradient is the current state's */
    int32_t stalls;    /* searches in a row that failed */
    uint32_t spares;   /* parts of large Gaussians to be gathered, of the state evaluated last */
    int32_t steps;     /* searches begun */
} ggc_fit_control;

/* What a kernel is launched for: to evaluate the current state, or one on trial. */
enum { GGC_FIT_PLACE, GGC_FIT_TRY };

GGC_INLINE int ggc_search_due(const ggc_fit_control *c, int32_t phase) {
    return phase == GGC_FIT_TRY ? c->searching : !c->evaluated;
}

GGC_INLINE int ggc_search_converged(const ggc_fit_control *c) {
    return c->stalls >= GGC_FIT_MAX_STALLS;
}

GGC_INLINE int32_t ggc_search_slot(const ggc_fit_control *c, int32_t phase) {
    return phase == GGC_FIT_TRY ? c->trial : c->current;
}

/* Other parameters become the current ones; what is on trial next overwrites neither them nor the best. */
GGC_INLINE void ggc_search_settle(ggc_fit_control *c, int32_t slot) {
    c->current = slot;
    c->trial = slot == c->best ? (slot + 1) % GGC_FIT_SLOTS : GGC_FIT_SLOTS - slot - c->best;
}

/* The products of the gradient with the natural gradient, and with the one before. */
GGC_INLINE void ggc_search_begin(ggc_fit_control *c, double product, double overlap) {
    const double beta = c->remembers && c->product > 0.0 ? (product - overlap) / c->product : 0.0;
    c->beta = ggc_within((float)beta, 0.0f, 1.0f);
    c->reach = (float)(GGC_FIT_HEADROOM * c->step);
    c->product = product;
    c->graded = 1;
    c->spares = 0;
    c->trials = 0;
    c->steps++;
    c->searching = 1;
}

/* The products of the gradient with the conjugate direction, and with the natural gradient's. */
GGC_INLINE void ggc_search_aim(ggc_fit_control *c, double slope, double steepest) {
    c->restarts = !(slope < 0.0);
    c->slope = 2.0 * (c->restarts ? steepest : slope);
    c->remembers = 1;
}

GGC_INLINE double ggc_search_loss(const ggc_fit_control *c, double value, double amplitude, double samples) {
    return value * samples + c->penalty * amplitude;
}

/* Where the parabola through loss 0 with that slope, and `rise` after `step`, is least, within bounds. */
GGC_INLINE double ggc_search_minimum(double step, double rise, double slope) {
    const double curvature = rise - slope * step, low = step / GGC_FIT_MAX_CHANGE, high = step * GGC_FIT_MAX_CHANGE;
    const double best = curvature > 0.0 ? -0.5 * slope * step * step / curvature : high;
    return best > low ? (best < high ? best : high) : low;
}

GGC_INLINE void ggc_search_accept(ggc_fit_control *c, double value, double squared, double amplitude, double loss) {
    c->loss = loss;
    c->value = value;
    c->squared = squared;
    c->amplitude = amplitude;
    c->evaluated = 1;
}

GGC_INLINE void ggc_search_fail(ggc_fit_control *c) {
    c->searching = 0;
    c->remembers = 0;
    c->evaluated = 0;
    c->stalls++;
    c->step = c->step > GGC_FIT_LEAST_STEP ? c->step : GGC_FIT_LEAST_STEP;
}

/* The state on trial is evaluated. */
GGC_INLINE void ggc_search_decide(ggc_fit_control *c, double value, double squared, double amplitude, double samples) {
    const double loss = ggc_search_loss(c, value, amplitude, samples), step = c->step;
    const double best = ggc_search_minimum(step, loss - c->loss, c->slope), off = best / step - 1.0;
    const int falls = loss < c->loss;
    c->step = falls || best < 0.5 * step ? best : 0.5 * step;
    if (falls && (c->trials > 0 || (-GGC_FIT_NEAR < off && off < GGC_FIT_NEAR))) {
        ggc_search_settle(c, c->trial);
        ggc_search_accept(c, value, squared, amplitude, loss);
        c->searching = c->graded = c->stalls = 0;
    } else {
        c->spares = 0;
        if (++c->trials == GGC_FIT_MAX_TRIALS)
            ggc_search_fail(c);
    }
    if (!c->searching && c->value < c->least) {
        c->least = c->value;
        c->best = c->current;
        ggc_search_settle(c, c->current);
    }
}

/* Other parameters lie in that slot, of which nothing is known. */
GGC_INLINE void ggc_search_replace(ggc_fit_control *c, int32_t slot) {
    ggc_search_settle(c, slot);
    c->evaluated = c->graded = 0;
    c->spares = 0;
}

/* The amplitudes weigh anew, in units of the mean squared error or of the loss, whichever is less. */
GGC_INLINE void ggc_search_weigh(ggc_fit_control *c, double weight, double samples) {
    const double mean = c->squared / samples;
    c->penalty = weight * (mean < c->value ? mean : c->value);
    c->loss = ggc_search_loss(c, c->value, c->amplitude, samples);
}

/* A run begins: its best state is the current one. */
GGC_INLINE void ggc_search_run(ggc_fit_control *c) {
    c->stalls = 0;
    c->least = c->value;
    c->best = c->current;
    ggc_search_settle(c, c->current);
}

/* A run ends at its best state. */
GGC_INLINE void ggc_search_rest(ggc_fit_control *c) {
    c->stalls = 0;
    if (c->least < c->value) {
        ggc_search_replace(c, c->best);
        c->remembers = 0;
    }
}

#endif
