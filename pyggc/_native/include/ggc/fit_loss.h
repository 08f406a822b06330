/* The losses at one pixel or window, and the weights of windows. */
#ifndef GGC_FIT_LOSS_H
#define GGC_FIT_LOSS_H

#include "ggc/portable.h"

/* The window of SSIM: 11 samples with a standard deviation of 1.5 (Wang et al., 2004). */
#define GGC_SSIM_RADIUS 5
#define GGC_SSIM_SIGMA 1.5

/* Constants of SSIM for a range of 1: (0.01)^2 and (0.03)^2. */
#define GGC_SSIM_C1 1e-4f
#define GGC_SSIM_C2 9e-4f

/* The greatest radius of a window of SSIM that fits a side. */
GGC_INLINE int32_t ggc_ssim_radius(int32_t side) {
    const int32_t half = (side - 1) / 2;
    return half < GGC_SSIM_RADIUS ? half : GGC_SSIM_RADIUS;
}

/* Samples on each side of a Gaussian filter's center. */
GGC_INLINE int32_t ggc_blur_radius(double sigma) {
    return (int32_t)(4.0 * sigma + 0.5);
}

/* A weight of a Gaussian window, k samples from its center, but for the factor that makes all sum to one. */
GGC_INLINE double ggc_window_weight(int32_t k, double sigma) {
    return GGC_MATH(exp)(-0.5 * k * k / (sigma * sigma));
}

/* half the derivative of l2 r^2 + l1 |r|. */
GGC_INLINE float ggc_mix(float r, float l2, float l1) {
    return l2 * r + 0.5f * l1 * (r > 0.0f ? 1.0f : r < 0.0f ? -1.0f : 0.0f);
}

/* S = A1 A2 / (B1 B2) with A1 = 2 x y + C1, A2 = 2 (xy - x y) + C2, B1 = x^2 + y^2 + C1 and
 * B2 = (xx - x^2) + (yy - y^2) + C2, of the means x, y and the second moments; and its derivatives by x, xx and xy. */
GGC_INLINE float ggc_ssim_of(float x, float y, float xx, float yy, float xy, float *by_x, float *by_xx, float *by_xy) {
    const float cross = x * y, square_x = x * x, square_y = y * y;
    const float a1 = 2.0f * cross + GGC_SSIM_C1, a2 = 2.0f * (xy - cross) + GGC_SSIM_C2;
    const float b1 = square_x + square_y + GGC_SSIM_C1, b2 = (xx - square_x) + (yy - square_y) + GGC_SSIM_C2;
    const float inverse = 1.0f / (b1 * b2), s = a1 * a2 * inverse;
    *by_x = 2.0f * inverse * (y * (a2 - a1) + s * x * (b1 - b2));
    *by_xx = -s * b1 * inverse;
    *by_xy = 2.0f * a1 * inverse;
    return s;
}

#endif
