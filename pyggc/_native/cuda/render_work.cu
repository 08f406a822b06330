/* How many pixels Gaussians cover at most; see ggc_render_work of render.h, which gives the same number. */
#include "ggc/extent.h"

/* total[0] is zero at first. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_render_work(const float *means, const float *cholesky, int32_t count, int32_t x0, int32_t y0, int32_t x1,
                    int32_t y1, double *total) {
    const int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x;
    if (i >= count)
        return;
    const ggc_box region = {x0, y0, x1, y1};
    const ggc_gaussian g = ggc_prepare(means + 2 * i, cholesky + 3 * i, nullptr, 0);
    const ggc_item item = ggc_item_of(&g, &region);
    const double work = ggc_item_work(&item, &region);
    if (work > 0.0)
        atomicAdd(total, work);
}
