/* Transforms around their loops: blocks to tiles, tiles to threads. */
#include <string.h>

#include "ggc/transform.h"

#ifdef _OPENMP
#include <omp.h>
#endif

/* Samples of a tile, between its stages: they should stay in the first-level cache. The largest block and the largest
 * unit of any variant fit. */
#define TILE (1 << 12)
#define MAX_ITEMSIZE 4

/* No thread is woken for fewer samples: waking it would cost more. */
#define SAMPLES_A_THREAD (1 << 15)
/* More than this would rather make the runtime fail than finish sooner. */
#define THREADS_MAX 256

const ggc_transform_variant *ggc_transform_variant_at(int index) {
    const ggc_transform_variant *found[2] = {&ggc_transform_baseline, NULL};
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2"))
        found[1] = &ggc_transform_avx2;
#endif
    return index >= 0 && index < 2 ? found[index] : NULL;
}

static ggc_side_flow dct_of(int side) {
    return side == 32 ? GGC_DCT32 : side == 16 ? GGC_DCT16 : side == 8 ? GGC_DCT8 : side == 4 ? GGC_DCT4 : GGC_NO_FLOW;
}

ggc_transform ggc_dct(int rows, int columns, int inverse) {
    return (ggc_transform){
        .rows = rows, .columns = columns, .down = dct_of(rows), .across = dct_of(columns), .inverse = inverse};
}

/* Where samples are, and how far apart their rows. */
typedef struct {
    char *data;
    ptrdiff_t row;
} place;

/* A tile of whole blocks, side by side. */
typedef struct {
    const ggc_transform *transform;
    const ggc_stages *stages;
    ptrdiff_t itemsize;
    int blocks; /* at most so many in a tile, a multiple of `least` */
    int least;  /* what fills vectors and units */
    /* A unit of `across` has more rows than a block, so that they are taken from one line of memory, a vector or row
     * after the other. */
    int in_line;
} tiling;

static tiling tiling_of(const ggc_transform *t, const ggc_stages *stages, size_t itemsize) {
    const int unit_rows = t->across ? stages->unit_rows[t->across] : 1;
    const int unit_columns = t->across ? stages->unit_columns[t->across] : stages->lanes;
    const int in_line = unit_rows > t->rows;
    const int least = unit_columns / t->columns * (in_line ? unit_rows / t->rows : 1);
    return (tiling){t, stages, (ptrdiff_t)itemsize, TILE / (least * t->columns * t->rows) * least, least, in_line};
}

static void run_down(const tiling *g, place from, place to, int columns) {
    const ggc_transform *t = g->transform;
    g->stages->down[t->down][t->inverse](from.data, from.row, to.data, to.row, t->rows, columns);
}

/* If a unit has more rows than a block, they are taken from one line of memory. */
static void run_across(const tiling *g, place from, place to, int columns) {
    const ggc_transform *t = g->transform;
    ggc_stage *across = g->stages->across[t->across][t->inverse];
    if (g->in_line) {
        const int wide = g->stages->unit_columns[t->across];
        across(from.data, wide, to.data, wide, t->rows * columns / wide, wide);
    } else {
        across(from.data, from.row, to.data, to.row, t->rows, columns);
    }
}

static void run_quads(const tiling *g, place from, place to, int columns) {
    const ggc_transform *t = g->transform;
    g->stages->quads[t->inverse](from.data, from.row, to.data, to.row, t->rows, columns);
}

/* All stages of a tile, through `middle`, which may be one of the others. */
static void run_tile(const tiling *g, place from, place middle, place to, int columns) {
    typedef void runner(const tiling *, place, place, int);
    const ggc_transform *t = g->transform;
    runner *stages[3];
    int count = 0;
    if (t->quads)
        stages[count++] = run_quads;
    if (t->down)
        stages[count++] = run_down;
    if (t->across)
        stages[count++] = run_across;
    for (int i = 0; i < count; i++) {
        const place next = i + 1 < count ? middle : to;
        stages[t->inverse ? count - 1 - i : i](g, from, next, columns);
        from = next;
    }
}

/* Copies rows of some bytes, of which the compiler knows the usual numbers. */
static void copy_rows(char *to, ptrdiff_t to_row, const char *from, ptrdiff_t from_row, int rows, size_t bytes) {
#define COPY(n)                                                                                                        \
    for (int i = 0; i < rows; i++)                                                                                     \
        memcpy(to + i * to_row, from + i * from_row, n);                                                               \
    break
    switch (bytes) {
    case 8:
        COPY(8);
    case 16:
        COPY(16);
    case 32:
        COPY(32);
    case 64:
        COPY(64);
    default:
        COPY(bytes);
    }
#undef COPY
}

/* Blocks that do not lie side by side, or are too few for whole vectors: they are gathered in the tile. */
static void run_gathered(const tiling *g, const ggc_blocks *blocks, int64_t first, int count, char *memory) {
    const ggc_transform *t = g->transform;
    const int columns = (count + g->least - 1) / g->least * g->least * t->columns;
    const ptrdiff_t size = g->itemsize, row = columns * size, block = t->columns * size;
    const char *source = (const char *)blocks->source + first * blocks->source_step * size;
    char *target = (char *)blocks->target + first * blocks->target_step * size;
    if (count % g->least)
        memset(memory, 0, (size_t)(t->rows * row));
    /* Neighbors are copied together. */
    const int from_line = blocks->source_step == t->columns, to_line = blocks->target_step == t->columns;
    for (int k = 0; k < (from_line ? 1 : count); k++)
        copy_rows(memory + k * block, row, source + k * blocks->source_step * size, blocks->source_row * size, t->rows,
                  (size_t)(from_line ? count * block : block));
    const place tile = {memory, columns};
    run_tile(g, tile, tile, tile, columns);
    for (int k = 0; k < (to_line ? 1 : count); k++)
        copy_rows(target + k * blocks->target_step * size, blocks->target_row * size, memory + k * block, row, t->rows,
                  (size_t)(to_line ? count * block : block));
}

/* Blocks side by side, in source and target, are read and written where they are. */
static void run_adjacent(const tiling *g, const ggc_blocks *blocks, int64_t first, int count, char *memory) {
    const place from = {(char *)blocks->source + first * blocks->source_step * g->itemsize, blocks->source_row};
    const place to = {(char *)blocks->target + first * blocks->target_step * g->itemsize, blocks->target_row};
    const int columns = count * g->transform->columns;
    run_tile(g, from, (place){memory, columns}, to, columns);
}

/* At most a tile's number of blocks. */
static void run_blocks(const tiling *g, const ggc_blocks *blocks, int64_t first, int count) {
    _Alignas(64) char memory[TILE * MAX_ITEMSIZE];
    const ggc_transform *t = g->transform;
    const int adjacent = blocks->source_step == t->columns && blocks->target_step == t->columns;
    const int whole = adjacent && (t->rows == 1 || !g->in_line) ? count / g->least * g->least : 0;
    if (whole)
        run_adjacent(g, blocks, first, whole, memory);
    if (whole < count)
        run_gathered(g, blocks, first + whole, count - whole, memory);
}

void ggc_transform_blocks(const ggc_transform *transform, const ggc_stages *stages, size_t itemsize,
                          const ggc_blocks *blocks) {
    const tiling g = tiling_of(transform, stages, itemsize);
    for (int64_t first = 0; first < blocks->count; first += g.blocks) {
        const int64_t left = blocks->count - first;
        run_blocks(&g, blocks, first, left < g.blocks ? (int)left : g.blocks);
    }
}

static int threads_for(int wanted, int64_t samples) {
#ifdef _OPENMP
    int threads = wanted > 0 ? wanted : omp_get_max_threads();
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    const int64_t worth = samples / SAMPLES_A_THREAD;
    return worth < 1 ? 1 : threads < worth ? threads : (int)worth;
#else
    (void)wanted;
    (void)samples;
    return 1;
#endif
}

/* The blocks of a run that begins so many samples after the first. */
static ggc_blocks moved(const ggc_blocks *blocks, size_t itemsize, ptrdiff_t samples) {
    ggc_blocks run = *blocks;
    run.source = (const char *)run.source + samples * (ptrdiff_t)itemsize;
    run.target = (char *)run.target + samples * (ptrdiff_t)itemsize;
    return run;
}

void ggc_transform_runs(const ggc_transform *transform, const ggc_stages *stages, size_t itemsize,
                        const ggc_blocks *blocks, int64_t runs, ptrdiff_t run, int threads) {
    const tiling g = tiling_of(transform, stages, itemsize);
    const int64_t tiles = (blocks->count + g.blocks - 1) / g.blocks;
    threads = threads_for(threads, runs * blocks->count * transform->rows * transform->columns);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < runs * tiles; i++) {
        const ggc_blocks here = moved(blocks, itemsize, i / tiles * run);
        const int64_t first = i % tiles * g.blocks, left = blocks->count - first;
        run_blocks(&g, &here, first, left < g.blocks ? (int)left : g.blocks);
    }
}

void ggc_color_runs(ggc_color_flow flow, int inverse, const ggc_stages *stages, size_t itemsize,
                    const ggc_pixels *pixels, int64_t runs, ptrdiff_t run, int threads) {
    const int64_t pieces = (pixels->count + TILE - 1) / TILE;
    threads = threads_for(threads, 3 * runs * pixels->count);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < runs * pieces; i++) {
        const int64_t first = i % pieces * TILE, left = pixels->count - first;
        const ptrdiff_t offset = (i / pieces * run + first * pixels->pixel) * (ptrdiff_t)itemsize;
        ggc_pixels here = *pixels;
        here.source = (const char *)here.source + offset;
        here.target = (char *)here.target + offset;
        here.count = left < TILE ? left : TILE;
        stages->color[flow][inverse](&here);
    }
}

int ggc_samples_within(const ggc_stages *stages, size_t itemsize, const void *samples, int64_t n, int64_t limit,
                       int threads) {
    int within = 1;
    const int64_t pieces = (n + SAMPLES_A_THREAD - 1) / SAMPLES_A_THREAD;
    threads = threads_for(threads, n);
#pragma omp parallel for schedule(static) num_threads(threads) reduction(&& : within) if (threads > 1)
    for (int64_t i = 0; i < pieces; i++) {
        const int64_t first = i * SAMPLES_A_THREAD, left = n - first;
        within = within && stages->within((const char *)samples + first * (ptrdiff_t)itemsize,
                                          left < SAMPLES_A_THREAD ? left : SAMPLES_A_THREAD, limit);
    }
    return within;
}
