/* Squared errors, and SSIM after Wang, Bovik, Sheikh and Simoncelli, 2004. */
#include <stdlib.h>

#include "ggc/evaluate.h"
#include "ggc/threads.h"

/* Rows of windows that a thread takes at a time. Fixed, because it fixes the order of the sums. */
#define STRIP 64
/* Samples of which a sum is made before it is added to the others. */
#define BLOCK (1 << 15)

/* Windows of a row that are worked on at a time, so that the memory taken does not grow with the width. */
#define COLUMNS 2048

/* E[x], E[y], E[xx], E[yy], E[xy]. */
#define MOMENTS 5

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
    threads = ggc_threads(threads, blocks / 4 < GROUPS ? blocks / 4 : GROUPS);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t g = 0; g < GROUPS; g++)
        for (int64_t i = g * group; i < (g + 1) * group && i < blocks; i++)
            sums[g] += block_squares(pair, i * BLOCK, samples - i * BLOCK < BLOCK ? samples - i * BLOCK : BLOCK);
    for (int g = 0; g < GROUPS; g++)
        total += sums[g];
    return total;
}

/* Samples of one channel of a row of both images as binary64. */
#define LOAD(sample)                                                                                                   \
    for (int64_t i = 0; i < count; i++) {                                                                              \
        x[i] = (double)((const sample *)pair->first)[at + i * pair->channels];                                         \
        y[i] = (double)((const sample *)pair->second)[at + i * pair->channels];                                        \
    }

static void load_row(const ggc_pair *pair, int64_t row, int64_t column, int64_t channel, int64_t count,
                     double *restrict x, double *restrict y) {
    const int64_t at = (row * pair->width + column) * pair->channels + channel;
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

enum { SCRATCH_ROW = COLUMNS + GGC_MAX_TAPS, SCRATCH = MOMENTS * (GGC_MAX_TAPS + 2) * SCRATCH_ROW };

static scratch divide(double *memory) {
    scratch s;
    for (int m = 0; m < MOMENTS; m++) {
        double *rows = memory + m * (GGC_MAX_TAPS + 2) * SCRATCH_ROW;
        s.products[m] = rows;
        s.means[m] = rows + SCRATCH_ROW;
        for (int k = 0; k < GGC_MAX_TAPS; k++)
            s.ring[m][k] = rows + (k + 2) * SCRATCH_ROW;
    }
    return s;
}

/* Windows of some rows and columns of a channel, named by their first ones. */
typedef struct {
    int64_t row, end_row, column, count, channel;
} windows;

static void enter_row(const ggc_pair *pair, const ggc_window *across, const windows *w, int64_t row, const scratch *s,
                      int32_t slot) {
    double *x = s->products[0], *y = s->products[1];
    const int64_t samples = w->count + across->taps - 1;
    load_row(pair, row, w->column, w->channel, samples, x, y);
    for (int64_t i = 0; i < samples; i++) {
        s->products[2][i] = x[i] * x[i];
        s->products[3][i] = y[i] * y[i];
        s->products[4][i] = x[i] * y[i];
    }
    for (int m = 0; m < MOMENTS; m++)
        combine_across(s->products[m], across, s->ring[m][slot], w->count);
}

static double ssim_windows(const ggc_pair *pair, const ggc_window *down, const ggc_window *across, double c1, double c2,
                           const windows *w, const scratch *s) {
    double sum = 0.0;
    for (int64_t row = w->row; row < w->end_row + down->taps - 1; row++) {
        enter_row(pair, across, w, row, s, (int32_t)((row - w->row) % down->taps));
        if (row - w->row < down->taps - 1)
            continue;
        for (int m = 0; m < MOMENTS; m++) {
            const double *rows[GGC_MAX_TAPS];
            for (int32_t k = 0; k < down->taps; k++)
                rows[k] = s->ring[m][(row - w->row + 1 + k) % down->taps];
            combine(rows, down, s->means[m], w->count);
        }
        sum += ssim_row(s->means, c1, c2, w->count);
    }
    return sum;
}

int ggc_ssim_sum(const ggc_pair *pair, const ggc_window *down, const ggc_window *across, double c1, double c2,
                 int threads, double *total) {
    const int64_t rows = pair->height - down->taps + 1, strips = (rows + STRIP - 1) / STRIP;
    threads = ggc_threads(threads, strips);
    const int64_t columns = pair->width - across->taps + 1;
    double *memory = malloc((size_t)threads * SCRATCH * sizeof *memory);
    double *sums = malloc((size_t)strips * sizeof *sums);
    const int ready = memory && sums;
    if (ready) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
        for (int64_t strip = 0; strip < strips; strip++) {
            const scratch s = divide(memory + (int64_t)ggc_thread_number() * SCRATCH);
            windows w = {.row = strip * STRIP};
            w.end_row = w.row + STRIP < rows ? w.row + STRIP : rows;
            sums[strip] = 0.0;
            for (w.channel = 0; w.channel < pair->channels; w.channel++)
                for (w.column = 0; w.column < columns; w.column += COLUMNS) {
                    w.count = columns - w.column < COLUMNS ? columns - w.column : COLUMNS;
                    sums[strip] += ssim_windows(pair, down, across, c1, c2, &w, &s);
                }
        }
        *total = 0.0;
        for (int64_t strip = 0; strip < strips; strip++)
            *total += sums[strip];
    }
    free(memory);
    free(sums);
    return ready ? GGC_EVALUATE_OK : GGC_EVALUATE_NO_MEMORY;
}
