/* The rows of the fit's image filters, included by each SIMD variant after fit_tile.h. */

/* Constants of SSIM for a range of 1: (0.01)^2 and (0.03)^2. */
#define SSIM_C1 1e-4f
#define SSIM_C2 9e-4f

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

/* S = A1 A2 / (B1 B2) with A1 = 2 x y + C1, A2 = 2 (xy - x y) + C2, B1 = x^2 + y^2 + C1 and
 * B2 = (xx - x^2) + (yy - y^2) + C2, of the means x, y and the second moments. */
static __attribute__((noinline)) void ssim_row(const float *restrict x, const float *restrict y,
                                               const float *restrict xx, const float *restrict yy,
                                               const float *restrict xy, float *restrict by_x, float *restrict by_xx,
                                               float *restrict by_xy, float *restrict values, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) {
        const float cross = x[i] * y[i], square_x = x[i] * x[i], square_y = y[i] * y[i];
        const float a1 = 2.0f * cross + SSIM_C1, a2 = 2.0f * (xy[i] - cross) + SSIM_C2;
        const float b1 = square_x + square_y + SSIM_C1, b2 = (xx[i] - square_x) + (yy[i] - square_y) + SSIM_C2;
        const float inverse = 1.0f / (b1 * b2), s = a1 * a2 * inverse;
        by_x[i] = 2.0f * inverse * (y[i] * (a2 - a1) + s * x[i] * (b1 - b2));
        by_xx[i] = -s * b1 * inverse;
        by_xy[i] = 2.0f * a1 * inverse;
        values[i] = s;
    }
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
