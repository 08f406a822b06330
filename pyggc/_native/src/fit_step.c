/* One step of the optimizer over all Gaussians; fit_step.h has what each of them does. */
#include "ggc/fit.h"

void ggc_fit_natural(const ggc_params *params, float *g, float *z, const float *previous, float lambda,
                     double products[2]) {
    const int32_t channels = params->channels, n = channels + GGC_SHAPE_COORDINATES;
    products[0] = products[1] = 0.0;
    for (int64_t i = 0; i < params->count; i++, g += n, z += n, previous += n) {
        const float *color = params->colors + channels * i, *cholesky = params->cholesky + 3 * i;
        ggc_fit_penalize(cholesky, color, channels, lambda, g);
        ggc_fit_solve(color, cholesky[0] * cholesky[1], g, channels, z);
        products[0] += ggc_dot(g, z, n);
        products[1] += ggc_dot(g, previous, n);
    }
}

/* direction = beta direction - z, shortened; returns g . direction. */
static double combine(const ggc_params *params, const float *g, const float *z, float *direction, float beta,
                      float reach, float min_scale) {
    const int32_t channels = params->channels, n = channels + GGC_SHAPE_COORDINATES;
    double slope = 0.0;
    for (int64_t i = 0; i < params->count; i++, direction += n, z += n, g += n) {
        for (int32_t k = 0; k < n; k++)
            direction[k] = beta * direction[k] - z[k];
        ggc_fit_shorten(direction, channels, params->cholesky + 3 * i, params->colors + channels * i, reach, min_scale);
        slope += ggc_dot(g, direction, n);
    }
    return slope;
}

double ggc_fit_conjugate(const ggc_params *params, const float *g, const float *z, float *direction, float beta,
                         float reach, float min_scale) {
    const double slope = combine(params, g, z, direction, beta, reach, min_scale);
    return slope < 0.0 ? slope : combine(params, g, z, direction, 0.0f, reach, min_scale);
}

double ggc_fit_retract(const ggc_params *params, const float *direction, float step, const ggc_fit_bounds *bounds,
                       float *means, float *cholesky, float *colors) {
    const int32_t channels = params->channels;
    double penalty = 0.0;
    for (int64_t i = 0; i < params->count; i++, direction += channels + GGC_SHAPE_COORDINATES)
        penalty += (double)ggc_fit_move(params->means + 2 * i, params->cholesky + 3 * i, params->colors + channels * i,
                                        channels, direction, step, bounds, means + 2 * i, cholesky + 3 * i,
                                        colors + channels * i);
    return penalty;
}
