/* The losses' image gradients, and SSIM, whose windows lie wholly within the image: of a tile and channel, a block.
 *
 * Samples around the tile are staged; along rows, then down columns, each window's five moments follow; and for the
 * gradient the windows' derivatives are spread the same way to the pixels that they see.
 */
#include "ggc/cuda_fit.h"
#include "ggc/fit_loss.h"

#define WIDTH 32
#define HEIGHT 8
#define REACH GGC_SSIM_RADIUS
#define TAPS (2 * REACH + 1)

static_assert(WIDTH * HEIGHT == BLOCK, "a thread has a pixel");

/* The block's tile, and the windows' radii and weights: zero beyond the radius. */
struct job {
    int32_t x0, y0, channel, radius_x, radius_y;
    float across[TAPS], down[TAPS];
};

GGC_INLINE void weigh(int32_t radius, float *weights) {
    double sum = 0.0;
    for (int32_t k = -radius; k <= radius; k++)
        sum += ggc_window_weight(k, GGC_SSIM_SIGMA);
    for (int32_t k = -REACH; k <= REACH; k++)
        weights[k + REACH] = k < -radius || k > radius ? 0.0f : (float)(ggc_window_weight(k, GGC_SSIM_SIGMA) / sum);
}

/* By one thread, for all of them. */
GGC_INLINE void prepare(const ggc_fit_problem *p, job *j) {
    const int32_t across = (p->width + WIDTH - 1) / WIDTH;
    j->channel = (int32_t)blockIdx.z;
    j->x0 = (int32_t)blockIdx.x % across * WIDTH;
    j->y0 = (int32_t)blockIdx.x / across * HEIGHT;
    j->radius_x = ggc_ssim_radius(p->width);
    j->radius_y = ggc_ssim_radius(p->height);
    weigh(j->radius_x, j->across);
    weigh(j->radius_y, j->down);
}

GGC_INLINE double windows_of(const ggc_fit_problem *p) {
    const double across = p->width - 2 * ggc_ssim_radius(p->width), down = p->height - 2 * ggc_ssim_radius(p->height);
    return across * down * p->channels;
}

/* Scratch of a block that computes windows up to MARGIN pixels around its tile. */
template <int MARGIN> struct scratch {
    static constexpr int columns = WIDTH + 2 * MARGIN, rows = HEIGHT + 2 * MARGIN;
    static constexpr int seen_columns = columns + 2 * REACH, seen_rows = rows + 2 * REACH;
    job j;
    float samples[2][seen_rows][seen_columns]; /* of the render, and of the image */
    union {
        float moments[5][seen_rows][columns]; /* along rows only */
        float spread[3][rows][WIDTH];
    };
    float slopes[3][rows][columns]; /* zero where there is no window */
};

template <int MARGIN>
GGC_INLINE void stage(const ggc_fit_problem *p, scratch<MARGIN> &s, const float *residual, const float *target) {
    using shape = scratch<MARGIN>;
    for (int32_t i = threadIdx.x; i < shape::seen_rows * shape::seen_columns; i += BLOCK) {
        const int32_t row = i / shape::seen_columns, column = i % shape::seen_columns;
        const int32_t x = s.j.x0 + column - MARGIN - REACH, y = s.j.y0 + row - MARGIN - REACH;
        float a = 0.0f, b = 0.0f;
        if (x >= 0 && y >= 0 && x < p->width && y < p->height) {
            const int64_t at =
                ggc_plane_offset(p, p->channels) + ((int64_t)y * p->channels + s.j.channel) * p->stride + x;
            b = target[at];
            a = residual[at] + b;
        }
        s.samples[0][row][column] = a;
        s.samples[1][row][column] = b;
    }
}

template <int MARGIN> GGC_INLINE void filter_rows(scratch<MARGIN> &s) {
    using shape = scratch<MARGIN>;
    for (int32_t i = threadIdx.x; i < shape::seen_rows * shape::columns; i += BLOCK) {
        const int32_t row = i / shape::columns, column = i % shape::columns;
        float sums[5] = {};
        for (int32_t k = 0; k < TAPS; k++) {
            const float weight = s.j.across[k], a = s.samples[0][row][column + k], b = s.samples[1][row][column + k];
            sums[0] += weight * a;
            sums[1] += weight * b;
            sums[2] += weight * (a * a);
            sums[3] += weight * (b * b);
            sums[4] += weight * (a * b);
        }
        for (int32_t m = 0; m < 5; m++)
            s.moments[m][row][column] = sums[m];
    }
}

/* The derivatives of the windows around the tile; returns the sum of SSIM over this thread's within it. */
template <int MARGIN> GGC_INLINE double compare(const ggc_fit_problem *p, scratch<MARGIN> &s) {
    using shape = scratch<MARGIN>;
    double sum = 0.0;
    for (int32_t i = threadIdx.x; i < shape::rows * shape::columns; i += BLOCK) {
        const int32_t row = i / shape::columns, column = i % shape::columns;
        const int32_t x = s.j.x0 + column - MARGIN, y = s.j.y0 + row - MARGIN;
        float m[5] = {}, *slopes[3];
        for (int32_t k = 0; k < TAPS; k++)
            for (int32_t n = 0; n < 5; n++)
                m[n] += s.j.down[k] * s.moments[n][row + k][column];
        for (int32_t n = 0; n < 3; n++) {
            slopes[n] = &s.slopes[n][row][column];
            *slopes[n] = 0.0f;
        }
        if (x < s.j.radius_x || y < s.j.radius_y || x >= p->width - s.j.radius_x || y >= p->height - s.j.radius_y)
            continue;
        const float value = ggc_ssim_of(m[0], m[1], m[2], m[3], m[4], slopes[0], slopes[1], slopes[2]);
        const bool own = column >= MARGIN && row >= MARGIN && column < MARGIN + WIDTH && row < MARGIN + HEIGHT;
        sum += own ? value : 0.0f;
    }
    return sum;
}

/* windows: of each image, tile and channel, its part of the mean SSIM. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_ssim(const ggc_fit_problem *problem, const ggc_fit_control *controls, int32_t phase, const float *residual,
                 const float *target, double *windows) {
    __shared__ scratch<0> s;
    if (!ggc_search_due(controls + blockIdx.y, phase))
        return;
    if (threadIdx.x == 0)
        prepare(problem, &s.j);
    __syncthreads();
    stage(problem, s, residual, target);
    __syncthreads();
    filter_rows(s);
    __syncthreads();
    double sum[1] = {compare(problem, s)};
    ggc_block_sum(sum);
    if (threadIdx.x == 0)
        windows[((int64_t)blockIdx.y * gridDim.z + blockIdx.z) * gridDim.x + blockIdx.x] = sum[0] / windows_of(problem);
}

/* Of one pixel: W S_x + 2 x W S_xx + y W S_xy, where W sums over the windows that see it. */
GGC_INLINE float ssim_slope(scratch<REACH> &s, int32_t row, int32_t column) {
    float sums[3] = {};
    for (int32_t n = 0; n < 3; n++)
        for (int32_t k = 0; k < TAPS; k++)
            sums[n] += s.j.down[k] * s.spread[n][row + k][column];
    const float x = s.samples[0][row + 2 * REACH][column + 2 * REACH];
    const float y = s.samples[1][row + 2 * REACH][column + 2 * REACH];
    return sums[0] + 2.0f * x * sums[1] + y * sums[2];
}

GGC_INLINE void spread_rows(scratch<REACH> &s) {
    using shape = scratch<REACH>;
    for (int32_t i = threadIdx.x; i < 3 * shape::rows * WIDTH; i += BLOCK) {
        const int32_t n = i / (shape::rows * WIDTH), row = i / WIDTH % shape::rows, column = i % WIDTH;
        float sum = 0.0f;
        for (int32_t k = 0; k < TAPS; k++)
            sum += s.j.across[k] * s.slopes[n][row][column + k];
        s.spread[n][row][column] = sum;
    }
}

/* gradient = half the gradient of the samples times the loss by the render, unless that is known. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_slope(const ggc_fit_problem *problem, const ggc_fit_control *controls, const float *residual,
                  const float *target, float *gradient) {
    __shared__ scratch<REACH> s;
    const ggc_fit_problem *p = problem;
    if (controls[blockIdx.y].graded || ggc_search_converged(controls + blockIdx.y))
        return;
    if (threadIdx.x == 0)
        prepare(p, &s.j);
    __syncthreads();
    if (p->ssim > 0.0f) {
        stage(p, s, residual, target);
        __syncthreads();
        filter_rows(s);
        __syncthreads();
        compare(p, s);
        __syncthreads();
        spread_rows(s);
        __syncthreads();
    }
    const int32_t row = threadIdx.x / WIDTH, column = threadIdx.x % WIDTH, x = s.j.x0 + column, y = s.j.y0 + row;
    if (x >= p->width || y >= p->height)
        return;
    const int64_t at = ggc_plane_offset(p, p->channels) + ((int64_t)y * p->channels + s.j.channel) * p->stride + x;
    float slope = ggc_mix(residual[at], p->l2, p->l1);
    if (p->ssim > 0.0f)
        slope -= (float)(0.5 * p->ssim * ggc_samples(p) / windows_of(p)) * ssim_slope(s, row, column);
    gradient[at] = slope;
}
