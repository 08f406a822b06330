/* The fit around its hot loops: preparing Gaussians, binning them to tiles, and tiles to threads. */
#include <stdlib.h>
#include <string.h>

#include "ggc/fit.h"
#include "ggc/threads.h"

/* Sums of a tile stay in the first- or second-level cache; no more rows or columns than fit_tile.h has room for. */
#define TILE_WIDTH 128
#define TILE_HEIGHT 32
#define TILE_STRIDE (TILE_WIDTH + GGC_PADDING)

/* Tiles that a thread sums, and Gaussians that it gathers, at a time. No thread is woken for less than that many tiles,
 * or four times that many Gaussians: waking it would cost more. */
#define FORWARD_CHUNK 4
#define GATHER_CHUNK 16

const ggc_fit_variant *ggc_fit_variant_at(int index) {
    const ggc_fit_variant *found[3] = {&ggc_fit_baseline, NULL, NULL};
#if defined(__x86_64__)
    int count = 1;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        found[count++] = &ggc_fit_avx2;
    if (__builtin_cpu_supports("avx512f"))
        found[count++] = &ggc_fit_avx512;
#endif
    return index >= 0 && index < 3 ? found[index] : NULL;
}

/* The integers of [center - half, center + half] within [0, size), as [first, end); none if center is NaN. */
static void clip_range(float center, float half, int32_t size, int32_t *first, int32_t *end) {
    const float low = center - half + 0.99f, high = center + half + 1.01f, limit = (float)size;
    *first = low > 0.0f ? (low < limit ? (int32_t)low : size) : 0;
    *end = high > 0.0f ? (high < limit ? (int32_t)high : size) : 0;
}

ggc_fit_item ggc_fit_prepare(const ggc_params *params, int64_t index, int32_t width, int32_t height) {
    ggc_fit_item item;
    item.g = ggc_prepare(params->means + 2 * index, params->cholesky + 3 * index,
                         params->colors + params->channels * index, params->channels);
    for (int c = 0; c < GGC_MAX_CHANNELS; c++)
        item.g.k[c] *= 0x1p-20f;
    const float s = item.g.s, norm = __builtin_sqrtf(1.0f + s * s);
    item.l2 = params->cholesky[3 * index + 1];
    item.top = 3.0f * norm;
    item.top_at = 3.0f * s / norm;
    clip_range(item.g.mx, 3.0f * params->cholesky[3 * index], width, &item.x0, &item.x1);
    clip_range(item.g.my, item.l2 * item.top, height, &item.y0, &item.y1);
    return item;
}

static int is_empty(const ggc_fit_item *item) {
    return item->x0 >= item->x1 || item->y0 >= item->y1;
}

/* Bins: tile k's Gaussians are list[ends[k - 1]] to list[ends[k] - 1], in the order of their indices. */
typedef struct {
    ggc_fit_item *items;
    int64_t *ends;
    uint32_t *list;
    ggc_fit_sums *sums;
    float *acc;
    int32_t across, down;
} bins;

static void release(bins *b) {
    free(b->items);
    free(b->ends);
    free(b->list);
    free(b->sums);
    free(b->acc);
}

/* Calls for every tile that an item reaches: counts it, or enters it into the list. */
static void enter(bins *b, int64_t index, int counting) {
    const ggc_fit_item *item = b->items + index;
    if (is_empty(item))
        return;
    const int32_t x0 = item->x0 / TILE_WIDTH, x1 = (item->x1 - 1) / TILE_WIDTH, y1 = (item->y1 - 1) / TILE_HEIGHT;
    for (int32_t y = item->y0 / TILE_HEIGHT; y <= y1; y++)
        for (int32_t x = x0; x <= x1; x++) {
            int64_t *end = b->ends + (int64_t)y * b->across + x;
            if (counting)
                end[1]++;
            else
                b->list[(*end)++] = (uint32_t)index;
        }
}

/* Count, scan, fill. */
static int fill(bins *b, const ggc_params *params, const ggc_planes *image) {
    const int64_t tiles = (int64_t)b->across * b->down;
    b->items = malloc((params->count + 1) * sizeof *b->items);
    b->ends = calloc(tiles + 1, sizeof *b->ends);
    if (!b->items || !b->ends)
        return 0;
    for (int64_t i = 0; i < params->count; i++) {
        b->items[i] = ggc_fit_prepare(params, i, image->width, image->height);
        enter(b, i, 1);
    }
    for (int64_t i = 0; i < tiles; i++)
        b->ends[i + 1] += b->ends[i];
    b->list = malloc((b->ends[tiles] + 1) * sizeof *b->list);
    if (!b->list)
        return 0;
    for (int64_t i = 0; i < params->count; i++)
        enter(b, i, 0);
    return 1;
}

int ggc_fit_forward(const ggc_params *params, const ggc_planes *target, const ggc_planes *residual,
                    const ggc_fit_variant *variant, int threads, ggc_fit_sums *sums) {
    bins b = {.across = (target->width + TILE_WIDTH - 1) / TILE_WIDTH,
              .down = (target->height + TILE_HEIGHT - 1) / TILE_HEIGHT};
    const int64_t tiles = (int64_t)b.across * b.down;
    const int32_t channels = target->channels;
    const int64_t size = (int64_t)TILE_HEIGHT * TILE_STRIDE * channels;
    threads = ggc_threads(threads, tiles / FORWARD_CHUNK);
    b.sums = malloc(tiles * sizeof *b.sums);
    b.acc = aligned_alloc(64, threads * size * sizeof *b.acc);
    if (!b.sums || !b.acc || !fill(&b, params, target)) {
        release(&b);
        return GGC_FIT_NO_MEMORY;
    }
#pragma omp parallel for schedule(dynamic, FORWARD_CHUNK) num_threads(threads)
    for (int64_t i = 0; i < tiles; i++) {
        float *acc = b.acc + size * ggc_thread_number();
        const int32_t x0 = (int32_t)(i % b.across) * TILE_WIDTH, y0 = (int32_t)(i / b.across) * TILE_HEIGHT;
        const int32_t columns = target->width - x0, rows = target->height - y0;
        const ggc_fit_tile tile = {
            .acc = acc,
            .stride = TILE_STRIDE,
            .x0 = x0,
            .y0 = y0,
            .width = columns < TILE_WIDTH ? columns : TILE_WIDTH,
            .height = rows < TILE_HEIGHT ? rows : TILE_HEIGHT,
            .channels = channels,
        };
        const int64_t first = i ? b.ends[i - 1] : 0;
        memset(acc, 0, size * sizeof *acc);
        variant->accumulate(&tile, b.items, b.list + first, b.ends[i] - first);
        b.sums[i] = variant->subtract(&tile, target, residual);
    }
    *sums = (ggc_fit_sums){0.0, 0.0};
    for (int64_t i = 0; i < tiles; i++) {
        sums->squared += b.sums[i].squared;
        sums->absolute += b.sums[i].absolute;
    }
    release(&b);
    return GGC_FIT_OK;
}

/* The order in which Gaussians are gathered: by the tile of their center, so that those of one thread read the same
 * part of the image while it is in the cache. */
static int by_place(const ggc_params *params, const ggc_planes *image, uint32_t *order) {
    const int32_t across = image->width / TILE_WIDTH + 1, down = image->height / TILE_HEIGHT + 1;
    int64_t *ends = calloc((int64_t)across * down + 1, sizeof *ends);
    if (!ends)
        return 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < params->count; i++) {
            const float x = params->means[2 * i], y = params->means[2 * i + 1];
            const int32_t column = x > 0.0f ? (x < image->width ? (int32_t)x : image->width) / TILE_WIDTH : 0;
            const int32_t row = y > 0.0f ? (y < image->height ? (int32_t)y : image->height) / TILE_HEIGHT : 0;
            int64_t *end = ends + (int64_t)row * across + column;
            if (pass)
                order[(*end)++] = (uint32_t)i;
            else
                end[1]++;
        }
        for (int64_t i = 0; !pass && i < (int64_t)across * down; i++)
            ends[i + 1] += ends[i];
    }
    free(ends);
    return 1;
}

int ggc_fit_backward(const ggc_params *params, const ggc_planes *image, const ggc_fit_variant *variant, int threads,
                     float *out) {
    const int32_t coordinates = params->channels + GGC_SHAPE_COORDINATES;
    uint32_t *order = malloc((params->count + 1) * sizeof *order);
    if (!order || !by_place(params, image, order)) {
        free(order);
        return GGC_FIT_NO_MEMORY;
    }
    threads = ggc_threads(threads, params->count / (4 * GATHER_CHUNK));
#pragma omp parallel for schedule(dynamic, GATHER_CHUNK) num_threads(threads)
    for (int64_t i = 0; i < params->count; i++) {
        const ggc_fit_item item = ggc_fit_prepare(params, order[i], image->width, image->height);
        variant->gather(&item, image, out + (int64_t)order[i] * coordinates);
    }
    free(order);
    return GGC_FIT_OK;
}
