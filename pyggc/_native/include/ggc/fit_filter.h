/* The rows of the fit's image filters, included by each SIMD variant after fit_tile.h. */

/* Constants of SSIM for a range of 1: (0.01)^2 and (0.03)^2. */
#define SSIM_C1 1e-4f
#define SSIM_C2 9e-4f

static void combine(const float *const *rows, const float *weights, int taps, float *out, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i += GGC_LANES) {
        ggc_vf sum = {0};
        for (int k = 0; k < taps; k++)
            sum += weights[k] * *(const ggc_vf_any *)(rows[k] + i);
        *(ggc_vf_any *)(out + i) = sum;
    }
}

/* S = A1 A2 / (B1 B2) with A1 = 2 x y + C1, A2 = 2 (xy - x y) + C2, B1 = x^2 + y^2 + C1 and
 * B2 = (xx - x^2) + (yy - y^2) + C2, of the means x, y and the second moments. */
static double ssim(float *const moments[5], float *const slope[3], ptrdiff_t count) {
    const float *restrict x = moments[0], *restrict y = moments[1], *restrict xx = moments[2],
                          *restrict yy = moments[3], *restrict xy = moments[4];
    float *restrict by_x = slope[0], *restrict by_xx = slope[1], *restrict by_xy = slope[2];
    double total = 0.0;
    for (ptrdiff_t i = 0; i < count; i++) {
        const float cross = x[i] * y[i], square_x = x[i] * x[i], square_y = y[i] * y[i];
        const float a1 = 2.0f * cross + SSIM_C1, a2 = 2.0f * (xy[i] - cross) + SSIM_C2;
        const float b1 = square_x + square_y + SSIM_C1, b2 = (xx[i] - square_x) + (yy[i] - square_y) + SSIM_C2;
        const float inverse = 1.0f / (b1 * b2), s = a1 * a2 * inverse;
        by_x[i] = 2.0f * inverse * (y[i] * (a2 - a1) + s * x[i] * (b1 - b2));
        by_xx[i] = -s * b1 * inverse;
        by_xy[i] = 2.0f * a1 * inverse;
        moments[0][i] = s;
    }
    for (ptrdiff_t i = 0; i < count; i++)
        total += moments[0][i];
    return total;
}

const ggc_fit_variant GGC_VARIANT = {GGC_VARIANT_NAME, accumulate, subtract, gather,
                                     gather_square,    splat,      combine,  ssim};
