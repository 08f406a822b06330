/* The compact plan on the device: rows of integers to Gaussians, one thread a row. */
#include "ggc/compact.h"

/* The rows are valid, as ggc_levels_valid says. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_compact_dequantize(const ggc_compact_plan *plan, const int32_t *levels, int32_t count, float *means,
                           float *cholesky, float *colors) {
    const int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i < count)
        ggc_dequantize(plan, levels + (plan->channels + 5) * i, means + 2 * i, cholesky + 3 * i,
                       colors + plan->channels * i);
}
