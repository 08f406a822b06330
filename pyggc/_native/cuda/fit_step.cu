/* The fit's steps on the device: the conjugate direction, a step along it, and what becomes of it. A search that is
 * over, or a fit that has converged, makes every kernel return at once, so that an iteration is a fixed row of
 * launches.
 */
#include "ggc/cuda_fit.h"

/* Of each image: the sums of the rows of two products, and the search begins. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_turn(const ggc_fit_problem *problem, ggc_fit_control *controls, const double *products) {
    ggc_fit_control *control = controls + blockIdx.y;
    if (ggc_search_converged(control))
        return;
    double sums[2];
    ggc_sum_rows(products + 2 * (int64_t)blockIdx.y * problem->count, problem->count, sums);
    if (threadIdx.x == 0)
        ggc_search_begin(control, sums[0], sums[1]);
}

/* Of each image: the sums of the blocks' two slopes. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_aim(ggc_fit_control *controls, const double *slopes, int32_t blocks) {
    ggc_fit_control *control = controls + blockIdx.y;
    if (!control->searching)
        return;
    double sums[2];
    ggc_sum_rows(slopes + 2 * (int64_t)blockIdx.y * blocks, blocks, sums);
    if (threadIdx.x == 0)
        ggc_search_aim(control, sums[0], sums[1]);
}

/* A state was evaluated: the sums of its tiles, of its amplitudes and of its windows' SSIM. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_decide(const ggc_fit_problem *problem, ggc_fit_control *controls, int32_t phase, const double *residuals,
                   const double *amplitudes, int32_t blocks, const double *windows, int32_t window_blocks) {
    const ggc_fit_problem *p = problem;
    ggc_fit_control *control = controls + blockIdx.y;
    if (!ggc_search_due(control, phase))
        return;
    double sums[2], amplitude[1], similarity[1];
    ggc_sum_rows(residuals + 2 * (int64_t)blockIdx.y * p->tiles, p->tiles, sums);
    ggc_sum_rows(amplitudes + (int64_t)blockIdx.y * blocks, blocks, amplitude);
    double value = (p->l2 * sums[0] + p->l1 * sums[1]) / ggc_samples(p);
    if (p->ssim > 0.0f) {
        ggc_sum_rows(windows + (int64_t)blockIdx.y * window_blocks, window_blocks, similarity);
        value += p->ssim * (1.0 - similarity[0]);
    }
    if (threadIdx.x > 0)
        return;
    if (phase == GGC_FIT_TRY)
        ggc_search_decide(control, value, sums[0], amplitude[0], ggc_samples(p));
    else
        ggc_search_accept(control, value, sums[0], amplitude[0],
                          ggc_search_loss(control, value, amplitude[0], ggc_samples(p)));
}

/* What a host asks of all searches. */
enum { REPLACE, WEIGH, RUN, REST };

extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_manage(const ggc_fit_problem *problem, ggc_fit_control *controls, int32_t action, float weight) {
    ggc_fit_control *control = controls + blockIdx.y;
    if (threadIdx.x > 0)
        return;
    switch (action) {
    case REPLACE:
        if (!ggc_search_converged(control))
            ggc_search_replace(control, control->trial);
        break;
    case WEIGH:
        ggc_search_weigh(control, weight, ggc_samples(problem));
        break;
    case RUN:
        ggc_search_run(control);
        break;
    default:
        ggc_search_rest(control);
    }
}
