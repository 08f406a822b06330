/* The exact renderer around its hot loops: preparing, binning to strips, and strips to threads.
 *
 * Memory is bounded by the number of Gaussians and by one tile a thread, never by the size of the image: the strips
 * are binned a band at a time, and every tile's pixels are written as soon as they are complete.
 */
#include <stdlib.h>
#include <string.h>

#include "ggc/render.h"
#include "ggc/threads.h"

/* Entries of a band's bins a Gaussian; a band has at least one strip, which needs at most one. */
#define BIN_ENTRIES 16
/* Enough that a small image is one band, whatever the shapes. */
#define BIN_ENTRIES_MIN ((int64_t)1 << 18)

/* Tall strips repeat less work for each Gaussian; several for each thread share it out evenly. */
#define STRIPS_A_THREAD 4
#define STRIP_HEIGHT_MIN 16

/* Gaussians that are worth waking the other threads for, to prepare them. */
#define PARALLEL_COUNT 2048

const ggc_variant *ggc_variant_at(int index) {
    const ggc_variant *found[3] = {&ggc_baseline, NULL, NULL};
#if defined(__x86_64__)
    int count = 1;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) /* the fit's variant fuses */
        found[count++] = &ggc_avx2;
    if (__builtin_cpu_supports("avx512f"))
        found[count++] = &ggc_avx512;
#endif
    return index >= 0 && index < 3 ? found[index] : NULL;
}

static ggc_item prepare_item(const ggc_job *job, const ggc_box *region, int64_t index) {
    const ggc_gaussian g = ggc_prepare(job->means + 2 * index, job->cholesky + 3 * index,
                                       job->colors + job->channels * index, job->channels);
    return ggc_item_of(&g, region);
}

/* Accumulators from one row of a plane to the next: whole cache lines, an odd number of them, so that the rows of a
 * block of columns spread over all sets of the cache. */
static int32_t stride_of(int32_t columns) {
    return ((columns + GGC_ALIGN - 1) / GGC_ALIGN | 1) * GGC_ALIGN;
}

/* All that one call allocates. `counts` has the Gaussians of each strip; `list` the bins of the band's strips, one
 * after the other, and `ends` where each of them ends so far. */
typedef struct {
    ggc_item *items;
    int64_t *counts, *ends;
    uint32_t *list;
    int32_t *acc;
    int64_t capacity, acc_size;
    int32_t strips, strip_height, strip_rows, threads; /* strip_rows: of accumulators */
} plan;

static void release(plan *p) {
    free(p->items);
    free(p->counts);
    free(p->ends);
    free(p->list);
    free(p->acc);
}

/* Output rows of a strip: what the job says, or fewer where that would leave threads without work. */
static int32_t strip_height(const ggc_job *job, int32_t threads) {
    int32_t height = job->tile_height;
    while (height > STRIP_HEIGHT_MIN && job->height / height / STRIPS_A_THREAD < threads)
        height = (height + 1) / 2;
    return height;
}

static int allocate(plan *p, const ggc_job *job) {
    memset(p, 0, sizeof *p);
    const int32_t k = job->supersample;
    p->threads = ggc_threads(job->threads, job->height);
    p->strip_height = strip_height(job, p->threads);
    p->strip_rows = p->strip_height * k;
    p->strips = (job->height + p->strip_height - 1) / p->strip_height;
    p->threads = p->threads < p->strips ? p->threads : p->strips;
    p->capacity = job->count * BIN_ENTRIES > BIN_ENTRIES_MIN ? job->count * BIN_ENTRIES : BIN_ENTRIES_MIN;
    p->acc_size = (int64_t)p->strip_rows * job->channels * stride_of(job->tile_width * k);
    p->items = malloc((job->count + 1) * sizeof *p->items);
    p->counts = calloc(p->strips + 1, sizeof *p->counts);
    p->ends = calloc(p->strips + 1, sizeof *p->ends);
    p->list = malloc(p->capacity * sizeof *p->list);
    p->acc = aligned_alloc(64, p->threads * p->acc_size * sizeof *p->acc);
    return p->items && p->counts && p->ends && p->list && p->acc;
}

static void render_strip(const plan *p, const ggc_job *job, int32_t strip, int32_t *acc, const uint32_t *list,
                         int64_t count) {
    static const int sizes[] = {[GGC_UINT8] = 1, [GGC_UINT16] = 2, [GGC_FLOAT32] = 4, [GGC_INT32] = 4};
    const int32_t k = job->supersample, pixel = job->channels * sizes[job->type], y = strip * p->strip_height;
    const int32_t rows = job->height - y < p->strip_height ? job->height - y : p->strip_height;
    for (int32_t x = 0; x < job->width; x += job->tile_width) {
        const int32_t columns = job->width - x < job->tile_width ? job->width - x : job->tile_width;
        const ggc_tile tile = {
            .acc = acc,
            .x0 = (job->x0 + x) * k,
            .y0 = (job->y0 + y) * k,
            .width = columns * k,
            .height = rows * k,
            .stride = stride_of(columns * k),
            .channels = job->channels,
        };
        const ggc_target target = {
            .out = (char *)job->out + ((int64_t)y * job->width + x) * pixel,
            .pitch = (int64_t)job->width * pixel,
            .supersample = k,
            .type = job->type,
            .clip = job->clip,
        };
        memset(acc, 0, rows * k * (int64_t)job->channels * tile.stride * sizeof *acc);
        job->variant->accumulate(&tile, p->items, list, count);
        job->variant->store(&tile, &target);
    }
}

/* Strips [first, end) of the image: fill their bins, then render them in parallel. */
static void render_band(plan *p, const ggc_job *job, const ggc_box *region, int32_t first, int32_t end) {
    int64_t total = 0;
    for (int32_t strip = first; strip < end; strip++) {
        p->ends[strip] = total;
        total += p->counts[strip];
    }
    for (int64_t i = 0; i < job->count; i++) {
        const ggc_item *item = p->items + i;
        if (ggc_is_empty(item))
            continue;
        int32_t a = (item->y0 - region->y0) / p->strip_rows, b = (item->y1 - 1 - region->y0) / p->strip_rows;
        a = a > first ? a : first;
        b = b < end ? b : end - 1;
        for (int32_t strip = a; strip <= b; strip++)
            p->list[p->ends[strip]++] = (uint32_t)i;
    }
#pragma omp parallel for schedule(dynamic, 1) num_threads(p->threads)
    for (int32_t strip = first; strip < end; strip++) {
        int32_t *acc = p->acc + p->acc_size * ggc_thread_number();
        const int64_t count = p->counts[strip];
        render_strip(p, job, strip, acc, p->list + p->ends[strip] - count, count);
    }
}

int ggc_render(const ggc_job *job) {
    const int32_t k = job->supersample;
    const ggc_box region = {job->x0 * k, job->y0 * k, (job->x0 + job->width) * k, (job->y0 + job->height) * k};
    plan p;
    if (!allocate(&p, job)) {
        release(&p);
        return GGC_NO_MEMORY;
    }
#pragma omp parallel for schedule(static) num_threads(p.threads) if (job->count >= PARALLEL_COUNT)
    for (int64_t i = 0; i < job->count; i++)
        p.items[i] = prepare_item(job, &region, i);
    for (int64_t i = 0; i < job->count; i++) {
        const ggc_item *item = p.items + i;
        if (ggc_is_empty(item))
            continue;
        const int32_t last = (item->y1 - 1 - region.y0) / p.strip_rows;
        for (int32_t strip = (item->y0 - region.y0) / p.strip_rows; strip <= last; strip++)
            p.counts[strip]++;
    }
    for (int32_t first = 0; first < p.strips;) {
        int32_t end = first + 1;
        int64_t entries = p.counts[first];
        while (end < p.strips && entries + p.counts[end] <= p.capacity)
            entries += p.counts[end++];
        render_band(&p, job, &region, first, end);
        first = end;
    }
    release(&p);
    return GGC_OK;
}

double ggc_render_work(const float *means, const float *cholesky, int64_t count, int32_t x0, int32_t y0, int32_t width,
                       int32_t height) {
    static const float none[GGC_MAX_CHANNELS];
    const ggc_box region = {x0, y0, x0 + width, y0 + height};
    double work = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const ggc_job one = {.means = means + 2 * i, .cholesky = cholesky + 3 * i, .colors = none, .channels = 1};
        const ggc_item item = prepare_item(&one, &region, 0);
        work += ggc_item_work(&item, &region);
    }
    return work;
}
