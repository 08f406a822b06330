/* The rows of the fit's image filters, included by each SIMD variant after fit_tile.h. */
#include "ggc/fit_loss.h"

static void combine(const float *const *rows, const float *weights, int taps, float *out, ptrdiff_t count) {
    ptrdiff_t i = 0;
    /* Four sums at once, so that one need not wait for the other. */
    for (; i + 4 * GGC_LANES <= count; i += 4 * GGC_LANES) {
        ggc_vf a = {0}, b = {0}, c = {0}, d = {0};
        for (int k = 0; k < taps; k++) {
            const ggc_vf_any *row = (const ggc_vf_any *)(rows[k] + i);
            const float weight = weights[k];
            a += weight * row[0];
            b += weight * row[1];
            c += weight * row[2];
            d += weight * row[3];
        }
        ggc_vf_any *to = (ggc_vf_any *)(out + i);
        to[0] = a;
        to[1] = b;
        to[2] = c;
        to[3] = d;
    }
    for (; i < count; i += GGC_LANES) {
        ggc_vf sum = {0};
        for (int k = 0; k < taps; k++)
            sum += weights[k] * *(const ggc_vf_any *)(rows[k] + i);
        *(ggc_vf_any *)(out + i) = sum;
    }
}

static __attribute__((noinline)) void ssim_row(const float *restrict x, const float *restrict y,
                                               const float *restrict xx, const float *restrict yy,
                                               const float *restrict xy, float *restrict by_x, float *restrict by_xx,
                                               float *restrict by_xy, float *restrict values, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++)
        values[i] = ggc_ssim_of(x[i], y[i], xx[i], yy[i], xy[i], by_x + i, by_xx + i, by_xy + i);
}

static double ssim(float *const moments[5], float *const slope[3], float *values, ptrdiff_t count) {
    double total = 0.0;
    ssim_row(moments[0], moments[1], moments[2], moments[3], moments[4], slope[0], slope[1], slope[2], values, count);
    for (ptrdiff_t i = 0; i < count; i++)
        total += values[i];
    return total;
}

const ggc_fit_variant GGC_VARIANT = {GGC_VARIANT_NAME, accumulate, subtract, gather,
                                     gather_square,    splat,      combine,  ssim};
