/* Squared errors, and SSIM after Wang, Bovik, Sheikh and Simoncelli, 2004. */
#include <stdlib.h>

#include "ggc/evaluate.h"

#ifdef _OPENMP
#include <omp.h>
#endif

/* Rows of windows that a thread takes at a time. Fixed, because it fixes the order of the sums. */
#define STRIP 64
/* Samples of which a sum is made before it is added to the others. */
#define BLOCK (1 << 15)

/* E[x], E[y], E[xx], E[yy], E[xy]. */
#define MOMENTS 5

static int threads_for(int wanted, int64_t pieces) {
#ifdef _OPENMP
    const int threads = wanted > 0 ? wanted : omp_get_max_threads();
    return pieces < 1 ? 1 : threads < pieces ? threads : (int)pieces;
#else
    (void)wanted;
    (void)pieces;
    return 1;
#endif
}

/* A block's sum of squares; `accumulator` holds it without rounding where the samples are integers. */
#define DEFINE_SQUARES(name, sample, difference, accumulator)                                                          \
    static double name(const sample *a, const sample *b, int64_t count) {                                              \
        accumulator sum = 0;                                                                                           \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            const difference d = (difference)a[i] - (difference)b[i];                                                  \
            sum += (accumulator)(d * d);                                                                               \
        }                                                                                                              \
        return (double)sum;                                                                                            \
    }

DEFINE_SQUARES(squares_u8, uint8_t, int32_t, uint32_t) /* 2^15 of at most 2^16 each */
DEFINE_SQUARES(squares_u16, uint16_t, int64_t, uint64_t)
DEFINE_SQUARES(squares_f32, float, double, double)
DEFINE_SQUARES(squares_f64, double, double, double)

static double block_squares(const ggc_pair *pair, int64_t start, int64_t count) {
    switch (pair->type) {
    case GGC_SAMPLE_UINT8:
        return squares_u8((const uint8_t *)pair->first + start, (const uint8_t *)pair->second + start, count);
    case GGC_SAMPLE_UINT16:
        return squares_u16((const uint16_t *)pair->first + start, (const uint16_t *)pair->second + start, count);
    case GGC_SAMPLE_FLOAT32:
        return squares_f32((const float *)pair->first + start, (const float *)pair->second + start, count);
    default:
        return squares_f64((const double *)pair->first + start, (const double *)pair->second + start, count);
    }
}

double ggc_squared_error(const ggc_pair *pair, int threads) {
    const int64_t samples = pair->height * pair->width * pair->channels;
    /* At most so many groups of blocks, whose sums fit on the stack and are added in order. */
    enum { GROUPS = 64 };
    const int64_t blocks = (samples + BLOCK - 1) / BLOCK, group = (blocks + GROUPS - 1) / GROUPS;
    double sums[GROUPS] = {0.0}, total = 0.0;
    threads = threads_for(threads, blocks / 4);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t g = 0; g < GROUPS; g++)
        for (int64_t i = g * group; i < (g + 1) * group && i < blocks; i++)
            sums[g] += block_squares(pair, i * BLOCK, samples - i * BLOCK < BLOCK ? samples - i * BLOCK : BLOCK);
    for (int g = 0; g < GROUPS; g++)
        total += sums[g];
    return total;
}

/* One channel of a row of both images as binary64. */
#define LOAD(sample)                                                                                                   \
    for (int64_t i = 0; i < pair->width; i++) {                                                                        \
        x[i] = (double)((const sample *)pair->first)[at + i * pair->channels];                                         \
        y[i] = (double)((const sample *)pair->second)[at + i * pair->channels];                                        \
    }

static void load_row(const ggc_pair *pair, int64_t row, int64_t channel, double *restrict x, double *restrict y) {
    const int64_t at = row * pair->width * pair->channels + channel;
    switch (pair->type) {
    case GGC_SAMPLE_UINT8:
        LOAD(uint8_t)
        break;
    case GGC_SAMPLE_UINT16:
        LOAD(uint16_t)
        break;
    case GGC_SAMPLE_FLOAT32:
        LOAD(float)
        break;
    default:
        LOAD(double)
    }
}

/* out[i] = the sum over k of weights[k] rows[k][i]; of a symmetric window, so that two rows share a product. */
static void combine(const double *const *rows, const ggc_window *window, double *restrict out, int64_t count) {
    const int32_t middle = window->taps / 2;
    const double *center = rows[middle];
    for (int64_t i = 0; i < count; i++)
        out[i] = window->weights[middle] * center[i];
    for (int32_t k = 0; k < middle; k++) {
        const double weight = window->weights[k];
        const double *low = rows[k], *high = rows[window->taps - 1 - k];
        for (int64_t i = 0; i < count; i++)
            out[i] += weight * (low[i] + high[i]);
    }
}

static void combine_across(const double *row, const ggc_window *window, double *out, int64_t count) {
    const double *rows[GGC_MAX_TAPS];
    for (int32_t k = 0; k < window->taps; k++)
        rows[k] = row + k;
    combine(rows, window, out, count);
}

static double ssim_row(double *const moments[MOMENTS], double c1, double c2, int64_t count) {
    const double *x = moments[0], *y = moments[1], *xx = moments[2], *yy = moments[3], *xy = moments[4];
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const double xs = x[i] * x[i], ys = y[i] * y[i], cross = x[i] * y[i];
        const double numerator = (2.0 * cross + c1) * (2.0 * (xy[i] - cross) + c2);
        const double denominator = (xs + ys + c1) * ((xx[i] - xs) + (yy[i] - ys) + c2);
        sum += numerator / denominator;
    }
    return sum;
}

/* What a thread works in: a row of each product, the rows of moments that windows still need, and their means. */
typedef struct {
    double *products[MOMENTS], *ring[MOMENTS][GGC_MAX_TAPS], *means[MOMENTS];
} scratch;

enum { SCRATCH_ROWS = MOMENTS * (GGC_MAX_TAPS + 2) };

static scratch divide(double *memory, int64_t width) {
    scratch s;
    for (int m = 0; m < MOMENTS; m++) {
        double *rows = memory + (int64_t)m * (GGC_MAX_TAPS + 2) * width;
        s.products[m] = rows;
        s.means[m] = rows + width;
        for (int k = 0; k < GGC_MAX_TAPS; k++)
            s.ring[m][k] = rows + (k + 2) * width;
    }
    return s;
}

static void enter_row(const ggc_pair *pair, const ggc_window *across, int64_t row, int64_t channel, const scratch *s,
                      int32_t slot) {
    double *x = s->products[0], *y = s->products[1];
    load_row(pair, row, channel, x, y);
    for (int64_t i = 0; i < pair->width; i++) {
        s->products[2][i] = x[i] * x[i];
        s->products[3][i] = y[i] * y[i];
        s->products[4][i] = x[i] * y[i];
    }
    for (int m = 0; m < MOMENTS; m++)
        combine_across(s->products[m], across, s->ring[m][slot], pair->width - across->taps + 1);
}

/* The windows whose first rows are [first, end). */
static double ssim_strip(const ggc_pair *pair, const ggc_window *down, const ggc_window *across, double c1, double c2,
                         int64_t first, int64_t end, const scratch *s) {
    const int64_t count = pair->width - across->taps + 1;
    double sum = 0.0;
    for (int64_t channel = 0; channel < pair->channels; channel++)
        for (int64_t row = first; row < end + down->taps - 1; row++) {
            enter_row(pair, across, row, channel, s, (int32_t)((row - first) % down->taps));
            if (row - first < down->taps - 1)
                continue;
            for (int m = 0; m < MOMENTS; m++) {
                const double *rows[GGC_MAX_TAPS];
                for (int32_t k = 0; k < down->taps; k++)
                    rows[k] = s->ring[m][(row - first + 1 + k) % down->taps];
                combine(rows, down, s->means[m], count);
            }
            sum += ssim_row(s->means, c1, c2, count);
        }
    return sum;
}

int ggc_ssim_sum(const ggc_pair *pair, const ggc_window *down, const ggc_window *across, double c1, double c2,
                 int threads, double *total) {
    const int64_t rows = pair->height - down->taps + 1, strips = (rows + STRIP - 1) / STRIP;
    threads = threads_for(threads, strips);
    double *memory = malloc((size_t)threads * SCRATCH_ROWS * pair->width * sizeof *memory);
    double *sums = malloc((size_t)strips * sizeof *sums);
    const int ready = memory && sums;
    if (ready) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (int64_t strip = 0; strip < strips; strip++) {
#ifdef _OPENMP
            const int thread = omp_get_thread_num();
#else
            const int thread = 0;
#endif
            const scratch s = divide(memory + (int64_t)thread * SCRATCH_ROWS * pair->width, pair->width);
            const int64_t first = strip * STRIP, end = first + STRIP < rows ? first + STRIP : rows;
            sums[strip] = ssim_strip(pair, down, across, c1, c2, first, end, &s);
        }
        *total = 0.0;
        for (int64_t strip = 0; strip < strips; strip++)
            *total += sums[strip];
    }
    free(memory);
    free(sums);
    return ready ? GGC_EVALUATE_OK : GGC_EVALUATE_NO_MEMORY;
}
