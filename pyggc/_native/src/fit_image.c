/* Whole images for the fit: the Gaussian filter, SSIM with its gradient, and the mix of the other losses. */
#include <stdlib.h>
#include <string.h>

#include "ggc/fit.h"
#include "ggc/fit_loss.h"
#include "ggc/threads.h"

/* Rows that a thread filters at a time. */
#define STRIP 32

/* Rows around a strip that its gradient depends on: windows that see it, and what they see. */
#define SSIM_HALO (2 * GGC_SSIM_RADIUS)
#define SSIM_ROWS (STRIP + 2 * SSIM_HALO)

static int32_t least(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static int32_t most(int32_t a, int32_t b) {
    return a > b ? a : b;
}

static const float *row_of(const ggc_planes *image, int32_t y, int32_t c) {
    return image->data + ((ptrdiff_t)y * image->channels + c) * image->stride;
}

static float *target_row(const ggc_planes *image, int32_t y, int32_t c) {
    return image->data + ((ptrdiff_t)y * image->channels + c) * image->stride;
}

/* Weights of a window, 2 radius + 1 of them, that sum to one. */
static void window(double sigma, int radius, float *weights) {
    double sum = 0.0;
    for (int k = -radius; k <= radius; k++)
        sum += ggc_window_weight(k, sigma);
    for (int k = -radius; k <= radius; k++)
        weights[k + radius] = (float)(ggc_window_weight(k, sigma) / sum);
}

/* One row: down the columns into scratch, whose border is then continued, and along the row. */
static void blur_row(const ggc_planes *in, const ggc_planes *out, const ggc_fit_variant *variant, const float *weights,
                     int radius, int32_t y, int32_t c, const float **rows, float *scratch) {
    const int32_t width = in->width;
    float *middle = scratch + radius, *result = scratch + width + 2 * radius + GGC_PADDING;
    for (int k = -radius; k <= radius; k++)
        rows[k + radius] = row_of(in, most(0, least(in->height - 1, y + k)), c);
    variant->combine(rows, weights, 2 * radius + 1, middle, width);
    for (int k = 1; k <= radius; k++) {
        middle[-k] = middle[0];
        middle[width - 1 + k] = middle[width - 1];
    }
    for (int k = 0; k <= 2 * radius; k++)
        rows[k] = scratch + k;
    variant->combine(rows, weights, 2 * radius + 1, result, width);
    memcpy(target_row(out, y, c), result, width * sizeof *result);
}

int ggc_fit_blur(const ggc_planes *in, const ggc_planes *out, double sigma, const ggc_fit_variant *variant,
                 int threads) {
    const int radius = ggc_blur_radius(sigma), taps = 2 * radius + 1;
    const int64_t size = 2 * ((int64_t)in->width + 2 * radius + 2 * GGC_PADDING);
    threads = ggc_threads(threads, in->height / STRIP + 1);
    float *weights = malloc(taps * sizeof *weights);
    const float **rows = malloc((int64_t)threads * taps * sizeof *rows);
    float *scratch = malloc(threads * size * sizeof *scratch);
    const int ready = weights && rows && scratch;
    if (ready) {
        window(sigma, radius, weights);
#pragma omp parallel for schedule(static) num_threads(threads)
        for (int32_t y = 0; y < in->height; y++) {
            const int64_t thread = ggc_thread_number();
            for (int32_t c = 0; c < in->channels; c++)
                blur_row(in, out, variant, weights, radius, y, c, rows + thread * taps, scratch + thread * size);
        }
    }
    free(weights);
    free(rows);
    free(scratch);
    return ready ? GGC_FIT_OK : GGC_FIT_NO_MEMORY;
}

/* SSIM works on strips: one thread computes all windows that see the strip's rows, and from them the gradient at
 * those rows; windows between two strips are computed by both, and counted by the one that has their center. */
typedef struct {
    const ggc_planes *residual, *target, *gradient;
    const ggc_fit_variant *variant;
    float across[2 * GGC_SSIM_RADIUS + 1], down[2 * GGC_SSIM_RADIUS + 1];
    int radius_x, radius_y;
    ptrdiff_t pitch; /* of a row of scratch */
    float scale;
} ssim_job;

/* Along a row: `in` has radius_x valid or zero samples before and after the `count` of out. */
static void combine_across(const ssim_job *job, const float *in, float *out, ptrdiff_t count) {
    const float *rows[2 * GGC_SSIM_RADIUS + 1];
    for (int k = -job->radius_x; k <= job->radius_x; k++)
        rows[k + job->radius_x] = in + k;
    job->variant->combine(rows, job->across, 2 * job->radius_x + 1, out, count);
}

/* Scratch of a thread, in rows of job->pitch that begin with GGC_PADDING samples of margin. */
typedef struct {
    float *products[5]; /* x, y, xx, yy, xy of SSIM_ROWS rows */
    float *slopes[3];   /* of the windows around SSIM_ROWS rows, zero where there is no window */
    float *line, *moments[5];
} ssim_scratch;

#define SSIM_SCRATCH_ROWS (8 * SSIM_ROWS + 6)

static ssim_scratch divide(float *memory, ptrdiff_t pitch) {
    ssim_scratch s;
    float *next = memory + GGC_PADDING;
    for (int i = 0; i < 5; i++, next += SSIM_ROWS * pitch)
        s.products[i] = next;
    for (int i = 0; i < 3; i++, next += SSIM_ROWS * pitch)
        s.slopes[i] = next;
    for (int i = 0; i < 5; i++, next += pitch)
        s.moments[i] = next;
    s.line = next;
    return s;
}

/* The windows centered on row y, whose products begin with row `first`. */
static double ssim_windows(const ssim_job *job, const ssim_scratch *s, int32_t y, int32_t first) {
    const int r = job->radius_x;
    const ptrdiff_t width = job->target->width, count = width - 2 * r, at = (y - first) * job->pitch;
    float *slope[3];
    for (int i = 0; i < 5; i++) {
        const float *rows[2 * GGC_SSIM_RADIUS + 1];
        for (int k = -job->radius_y; k <= job->radius_y; k++)
            rows[k + job->radius_y] = s->products[i] + at + k * job->pitch;
        job->variant->combine(rows, job->down, 2 * job->radius_y + 1, s->line, width);
        combine_across(job, s->line + r, s->moments[i], count);
    }
    for (int i = 0; i < 3; i++)
        slope[i] = s->slopes[i] + at + r;
    return job->variant->ssim(s->moments, slope, s->line, count);
}

/* gradient += scale (W by_x + 2 x W by_xx + y W by_xy), where W is the window's transpose, itself. */
static void ssim_gradient(const ssim_job *job, const ssim_scratch *s, int32_t y, int32_t c, int32_t first) {
    const ptrdiff_t width = job->target->width, at = (y - first) * job->pitch;
    const float *x = s->products[0] + at, *other = s->products[1] + at;
    float *out = target_row(job->gradient, y, c);
    for (int i = 0; i < 3; i++) {
        const float *rows[2 * GGC_SSIM_RADIUS + 1];
        for (int k = -job->radius_y; k <= job->radius_y; k++)
            rows[k + job->radius_y] = s->slopes[i] + at + k * job->pitch;
        job->variant->combine(rows, job->down, 2 * job->radius_y + 1, s->line, width);
        memset(s->line + width, 0, GGC_PADDING * sizeof *s->line);
        combine_across(job, s->line, s->moments[i], width);
    }
    for (ptrdiff_t i = 0; i < width; i++)
        out[i] += job->scale * (s->moments[0][i] + 2.0f * x[i] * s->moments[1][i] + other[i] * s->moments[2][i]);
}

/* The rows [y0, y1) of a channel; returns the sum of SSIM over the windows centered there. */
static double ssim_strip(const ssim_job *job, const ssim_scratch *s, int32_t y0, int32_t y1, int32_t c) {
    const int32_t height = job->target->height, width = job->target->width, r = job->radius_y;
    const int32_t first = y0 - SSIM_HALO, low = most(0, y0 - 2 * r), high = least(height, y1 + 2 * r);
    double total = 0.0;
    for (int32_t y = low; y < high; y++) {
        const float *residual = row_of(job->residual, y, c), *target = row_of(job->target, y, c);
        const ptrdiff_t at = (y - first) * job->pitch;
        for (ptrdiff_t i = 0; i < width; i++) {
            const float b = target[i], a = residual[i] + b;
            s->products[0][at + i] = a;
            s->products[1][at + i] = b;
            s->products[2][at + i] = a * a;
            s->products[3][at + i] = b * b;
            s->products[4][at + i] = a * b;
        }
    }
    for (int i = 0; i < 3; i++)
        memset(s->slopes[i] - GGC_PADDING, 0, SSIM_ROWS * job->pitch * sizeof(float));
    for (int32_t y = most(r, y0 - r); y < least(height - r, y1 + r); y++) {
        const double sum = ssim_windows(job, s, y, first);
        total += y0 <= y && y < y1 ? sum : 0.0;
    }
    for (int32_t y = y0; y < y1; y++)
        ssim_gradient(job, s, y, c, first);
    return total;
}

int ggc_fit_ssim(const ggc_planes *residual, const ggc_planes *target, const ggc_planes *gradient, float scale,
                 const ggc_fit_variant *variant, int threads, double *ssim) {
    const int32_t height = target->height, width = target->width, strips = (height + STRIP - 1) / STRIP;
    ssim_job job = {residual, target, gradient, variant, .radius_x = ggc_ssim_radius(width)};
    job.radius_y = ggc_ssim_radius(height);
    job.pitch = (ptrdiff_t)width + 3 * GGC_PADDING;
    const double windows = ((double)height - 2 * job.radius_y) * ((double)width - 2 * job.radius_x);
    job.scale = (float)(scale / (windows * target->channels));
    window(GGC_SSIM_SIGMA, job.radius_x, job.across);
    window(GGC_SSIM_SIGMA, job.radius_y, job.down);
    threads = ggc_threads(threads, strips);
    const int64_t size = SSIM_SCRATCH_ROWS * job.pitch + GGC_PADDING;
    float *memory = calloc(threads * size, sizeof *memory);
    double *sums = calloc(strips, sizeof *sums);
    const int ready = memory && sums;
    if (ready) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (int32_t strip = 0; strip < strips; strip++) {
            const ssim_scratch s = divide(memory + ggc_thread_number() * size, job.pitch);
            for (int32_t c = 0; c < target->channels; c++)
                sums[strip] += ssim_strip(&job, &s, strip * STRIP, least(height, (strip + 1) * STRIP), c);
        }
        *ssim = 0.0;
        for (int32_t strip = 0; strip < strips; strip++)
            *ssim += sums[strip];
        *ssim /= windows * target->channels;
    }
    free(memory);
    free(sums);
    return ready ? GGC_FIT_OK : GGC_FIT_NO_MEMORY;
}

void ggc_fit_mix(const ggc_planes *residual, const ggc_planes *gradient, float l2, float l1, int threads) {
    const ptrdiff_t rows = (ptrdiff_t)residual->height * residual->channels;
    threads = ggc_threads(threads, rows / STRIP);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (ptrdiff_t row = 0; row < rows; row++) {
        const float *restrict in = residual->data + row * residual->stride;
        float *restrict out = gradient->data + row * gradient->stride;
        for (ptrdiff_t i = 0; i < residual->width; i++)
            out[i] = ggc_mix(in[i], l2, l1);
    }
}
