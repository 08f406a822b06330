/* Pixels drawn in proportion to a weight: the weights, blurred; the sums of their rows; and a pixel in each of equal
 * parts of the whole sum. Planes of weights have one channel. Every sum has a fixed order.
 */
#include "ggc/cuda_fit.h"
#include "ggc/fit_loss.h"
#include "ggc/random.h"

/* The most samples of a blur's window. */
#define MAX_TAPS 64

/* A thread's pixel; false beyond the image. */
GGC_INLINE bool find_pixel(const ggc_fit_problem *p, int32_t *x, int32_t *y) {
    const int64_t i = (int64_t)blockIdx.x * BLOCK + threadIdx.x;
    *x = (int32_t)(i % p->width);
    *y = (int32_t)(i / p->width);
    return i < (int64_t)p->width * p->height;
}

GGC_INLINE int32_t clamp(int32_t v, int32_t size) {
    return v < 0 ? 0 : v < size ? v : size - 1;
}

/* weights = the sum of squares over the channels. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_energy(const ggc_fit_problem *problem, const float *image, float *weights) {
    const ggc_fit_problem *p = problem;
    int32_t x, y;
    if (!find_pixel(p, &x, &y))
        return;
    const float *pixel = image + ggc_plane_offset(p, p->channels) + (int64_t)y * p->channels * p->stride + x;
    float sum = 0.0f;
    for (int32_t c = 0; c < p->channels; c++)
        sum += pixel[c * p->stride] * pixel[c * p->stride];
    weights[ggc_plane_offset(p, 1) + (int64_t)y * p->stride + x] = sum;
}

/* weights = the root of the summed squares of all channels' Sobel derivatives. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_edges(const ggc_fit_problem *problem, const float *image, float *weights) {
    const ggc_fit_problem *p = problem;
    int32_t x, y;
    if (!find_pixel(p, &x, &y))
        return;
    const int32_t columns[3] = {clamp(x - 1, p->width), x, clamp(x + 1, p->width)};
    float sum = 0.0f;
    for (int32_t c = 0; c < p->channels; c++) {
        float across = 0.0f, down = 0.0f;
        for (int32_t k = -1; k <= 1; k++) {
            const int64_t line = (int64_t)clamp(y + k, p->height) * p->channels + c;
            const float *row = image + ggc_plane_offset(p, p->channels) + line * p->stride;
            const float left = row[columns[0]], right = row[columns[2]];
            across += (float)(2 - k * k) * (right - left);
            down += (float)k * (left + 2.0f * row[x] + right);
        }
        sum += across * across + down * down;
    }
    weights[ggc_plane_offset(p, 1) + (int64_t)y * p->stride + x] = sqrtf(sum);
}

/* Of weights with the sums of rows that lie in starts, those that sum up to `share`, and the rest of 1 in equal parts.
 */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_level(const ggc_fit_problem *problem, const double *starts, float share, float *weights) {
    const ggc_fit_problem *p = problem;
    int32_t x, y;
    if (!find_pixel(p, &x, &y))
        return;
    const double total = starts[(int64_t)blockIdx.y * (p->height + 1) + p->height];
    const float even = (float)(1.0 / ((double)p->width * p->height));
    float *weight = weights + ggc_plane_offset(p, 1) + (int64_t)y * p->stride + x;
    *weight = total > 0.0 ? *weight * (float)(share / total) + (1.0f - share) * even : even;
}

/* values (count): what a plane of one channel has at the pixels. */
extern "C" __global__ void __launch_bounds__(BLOCK) ggc_fit_look(const ggc_fit_problem *problem, const float *plane,
                                                                 const int64_t *pixels, int32_t count, float *values) {
    const ggc_fit_problem *p = problem;
    const int64_t k = (int64_t)blockIdx.x * BLOCK + threadIdx.x, i = (int64_t)blockIdx.y * count + k;
    if (k < count)
        values[i] = plane[ggc_plane_offset(p, 1) + pixels[i] / p->width * p->stride + pixels[i] % p->width];
}

/* weights = in (of one channel) filtered down the columns, or along the rows; beyond its border the image goes on as
 * its border pixels. Along the rows, the second pass, it is zero where no mean may be. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_blur(const ggc_fit_problem *problem, const float *in, float *weights, double sigma, int32_t along) {
    __shared__ double window[MAX_TAPS];
    const ggc_fit_problem *p = problem;
    const int32_t radius = ggc_blur_radius(sigma), taps = 2 * radius + 1, step = along ? 1 : p->stride;
    if ((int32_t)threadIdx.x < taps)
        window[threadIdx.x] = ggc_window_weight((int32_t)threadIdx.x - radius, sigma);
    __syncthreads();
    int32_t x, y;
    if (!find_pixel(p, &x, &y))
        return;
    double whole = 0.0;
    for (int32_t k = 0; k < taps; k++)
        whole += window[k];
    const float *line = in + ggc_plane_offset(p, 1) + (along ? (int64_t)y * p->stride : x);
    const int32_t place = along ? x : y, size = along ? p->width : p->height;
    float sum = 0.0f;
    for (int32_t k = 0; k < taps; k++)
        sum += (float)(window[k] / whole) * line[(int64_t)clamp(place + k - radius, size) * step];
    const ggc_fit_bounds *b = &p->bounds;
    const bool inside = x >= b->x && y >= b->y && x < b->x + b->width && y < b->y + b->height;
    weights[ggc_plane_offset(p, 1) + (int64_t)y * p->stride + x] = inside || !along ? sum : 0.0f;
}

/* A block a row. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_row_sums(const ggc_fit_problem *problem, const float *weights, double *sums) {
    const ggc_fit_problem *p = problem;
    const float *row = weights + ggc_plane_offset(p, 1) + (int64_t)blockIdx.x * p->stride;
    double sum[1] = {0.0};
    for (int32_t x = threadIdx.x; x < p->width; x += BLOCK)
        sum[0] += row[x];
    ggc_block_sum(sum);
    if (threadIdx.x == 0)
        sums[(int64_t)blockIdx.y * p->height + blockIdx.x] = sum[0];
}

/* starts (height + 1): the sum of all rows before each, and of all. A block an image. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_row_starts(const ggc_fit_problem *problem, const double *sums, double *starts) {
    const int32_t height = problem->height, each = (height + BLOCK - 1) / BLOCK;
    const int32_t first = (int32_t)threadIdx.x * each, end = first + each < height ? first + each : height;
    double own = 0.0;
    sums += (int64_t)blockIdx.y * height;
    starts += (int64_t)blockIdx.y * (height + 1);
    for (int32_t y = first; y < end; y++)
        own += sums[y];
    double before = ggc_block_scan(own, 0.0, [](double a, double b) { return a + b; });
    for (int32_t y = first; y < end; y++) {
        starts[y] = before;
        before += sums[y];
        if (y == height - 1)
            starts[height] = before;
    }
}

/* The last row that starts at or before a threshold. */
GGC_INLINE int32_t row_at(const double *starts, int32_t height, double threshold) {
    int32_t low = 0, high = height;
    while (high - low > 1) {
        const int32_t middle = (low + high) / 2;
        if (starts[middle] <= threshold)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The first column at which the running sum, which begins with `sum`, passes a threshold; by a warp. */
GGC_INLINE int32_t column_at(const float *row, int32_t width, double sum, double threshold) {
    const int32_t lane = threadIdx.x % GGC_WARP;
    for (int32_t base = 0; base < width; base += GGC_WARP) {
        const double own = base + lane < width ? row[base + lane] : 0.0;
        const double running = ggc_warp_scan(own, [](double a, double b) { return a + b; });
        const uint32_t passed = __ballot_sync(GGC_ALL_LANES, own > 0.0 && sum + running > threshold);
        if (passed)
            return base + __ffs((int)passed) - 1;
        sum += __shfl_sync(GGC_ALL_LANES, running, GGC_WARP - 1);
    }
    return width - 1; /* rounding, or a row without weights */
}

/* pixels: y width + x, increasing, one in each of `count` equal parts of the weights' sum; where there is none, of the
 * pixels. A warp each. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_pick(const ggc_fit_problem *problem, const float *weights, const double *starts, int32_t count,
                 int64_t seed, int64_t *pixels) {
    const ggc_fit_problem *p = problem;
    const int64_t k = ((int64_t)blockIdx.x * BLOCK + threadIdx.x) / GGC_WARP;
    if (k >= count)
        return;
    const double quantile = ((double)k + ggc_uniform((uint64_t)seed, (uint64_t)k)) / count;
    int64_t pixel = (int64_t)(quantile * ((double)p->width * p->height));
    starts += (int64_t)blockIdx.y * (p->height + 1);
    if (starts[p->height] > 0.0) {
        const double threshold = quantile * starts[p->height];
        const int32_t y = row_at(starts, p->height, threshold);
        const float *row = weights + ggc_plane_offset(p, 1) + (int64_t)y * p->stride;
        pixel = (int64_t)y * p->width + column_at(row, p->width, starts[y], threshold);
    }
    if (threadIdx.x % GGC_WARP == 0)
        pixels[(int64_t)blockIdx.y * count + k] = pixel;
}

/* No pixel twice, while there are enough: the next one stands in. A block an image. */
extern "C" __global__ void __launch_bounds__(BLOCK)
    ggc_fit_distinct(const ggc_fit_problem *problem, int32_t count, int64_t *pixels) {
    const int64_t total = (int64_t)problem->width * problem->height;
    const int32_t each = (count + BLOCK - 1) / BLOCK, first = (int32_t)threadIdx.x * each;
    const int32_t end = first + each < count ? first + each : count;
    const int64_t none = -(int64_t)count;
    int64_t own = none;
    pixels += (int64_t)blockIdx.y * count;
    /* Each is at least one more than the one before: the greatest of all pixels so far, less their numbers. */
    for (int32_t k = first; k < end; k++)
        own = pixels[k] - k > own ? pixels[k] - k : own;
    int64_t most = ggc_block_scan(own, none, [](int64_t a, int64_t b) { return a > b ? a : b; });
    for (int32_t k = first; k < end; k++) {
        most = pixels[k] - k > most ? pixels[k] - k : most;
        pixels[k] = (most + k) % total;
    }
}
