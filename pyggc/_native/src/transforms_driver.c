/* Transforms around their loops: blocks to tiles, tiles to threads. */
#include <string.h>

#include "ggc/flow_growth.h"
#include "ggc/threads.h"
#include "ggc/transform.h"

/* Samples of a tile, at most: what lies between its stages stays near the processor, and rows are long enough for its
 * prefetching. The largest block and the largest unit of any variant fit. */
#define TILE (1 << 13)

/* Of narrow ones, of which there are two: blocks, and what lies between their stages. */
#define NARROW_TILE (TILE / 2)

/* The first-level cache of most processors: bytes that its sets have in one way, and their number of ways. */
#define SETS_SPAN 4096
#define WAYS 8

/* Bytes between the rows of a tile, so that they share no sets. */
#define PAD 64

/* No thread is woken for fewer samples: waking it would cost more. */
#define SAMPLES_A_THREAD (1 << 15)

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

/* ------------------------------------------------------------------------------------------------------- ranges */

/* The largest L whose growth through all stages stays below 2^(bits - 1). */
static int32_t limit_of(const ggc_growth *const *stages, int count, int bits) {
    const double most = (double)((INT64_C(1) << (bits - 1)) - 1);
    double limit = most, factor = 1.0, error = 0.0;
    for (int i = 0; i < count; i++) {
        const ggc_growth *g = stages[i];
        const double here = ((most - g->inner_error) / g->inner - error) / factor;
        limit = here < limit ? here : limit;
        factor = g->outer * factor;
        error = g->outer * error + g->outer_error;
    }
    return (int32_t)limit;
}

static int32_t transform_limit(const ggc_transform *t, int bits) {
    static const ggc_growth *const of[GGC_NUM_FLOWS] = {
        NULL,
        &ggc_growth_dct4,
        &ggc_growth_dct8,
        &ggc_growth_dct16,
        &ggc_growth_dct32,
        &ggc_growth_wht4,
        &ggc_growth_wht8,
        &ggc_growth_wht16,
        &ggc_growth_wht32,
    };
    const ggc_growth *stages[3];
    int count = 0;
    if (t->quads)
        stages[count++] = &ggc_growth_wht4;
    if (t->down)
        stages[count++] = of[t->down];
    if (t->across)
        stages[count++] = of[t->across];
    return limit_of(stages, count, bits);
}

int32_t ggc_color_limit(ggc_color_flow flow, int bits) {
    const ggc_growth *stage = flow == GGC_RCT ? &ggc_growth_rct : &ggc_growth_ycocg_r;
    return limit_of(&stage, 1, bits);
}

/* -------------------------------------------------------------------------------------------------------- tiles */

/* Where samples are, and how far apart their rows. */
typedef struct {
    char *data;
    ptrdiff_t row;
} place;

static int is_square(const ggc_transform *t, const ggc_stages *stages) {
    return t->down == t->across && stages->square[t->down][0];
}

/* It has its own memory for what lies between, and takes longer runs than a tile. */
static int is_large(const ggc_transform *t, const ggc_stages *stages) {
    return is_square(t, stages) && t->rows == GGC_MAX_SIDE;
}

/* Tiles of so many samples at most. */
static ggc_tiling tiling_of(const ggc_transform *t, const ggc_stages *stages, int32_t limit, int samples) {
    const int unit_rows = t->across ? stages->unit_rows[t->across] : 1, in_line = unit_rows > t->rows;
    int columns = t->across ? stages->unit_columns[t->across] : stages->lanes;
    if (t->quads && !is_square(t, stages) && columns < 2 * stages->lanes)
        columns = 2 * stages->lanes;
    const int least = columns / t->columns * (in_line ? unit_rows / t->rows : 1);
    const int all = is_large(t, stages) ? GGC_RUN * t->rows : samples;
    return (ggc_tiling){stages, limit, all / (least * t->columns * t->rows) * least, least, in_line};
}

typedef int runner(const ggc_plan *p, const ggc_tiling *g, place from, place to, int rows, int columns);

static int run_quads(const ggc_plan *p, const ggc_tiling *g, place from, place to, int rows, int columns) {
    return g->stages->quads[p->transform.inverse](from.data, from.row, to.data, to.row, rows, columns, g->limit);
}

static int run_down(const ggc_plan *p, const ggc_tiling *g, place from, place to, int rows, int columns) {
    const ggc_transform *t = &p->transform;
    return g->stages->down[t->down][t->inverse](from.data, from.row, to.data, to.row, rows, columns, g->limit);
}

static int run_across(const ggc_plan *p, const ggc_tiling *g, place from, place to, int rows, int columns) {
    const ggc_transform *t = &p->transform;
    const int wide = g->stages->unit_columns[t->across];
    if (g->in_line)
        from.row = to.row = wide, rows = rows * columns / wide, columns = wide;
    return g->stages->across[t->across][t->inverse](from.data, from.row, to.data, to.row, rows, columns, g->limit);
}

static int run_square(const ggc_plan *p, const ggc_tiling *g, place from, place to, int rows, int columns) {
    const ggc_transform *t = &p->transform;
    return g->stages->square[t->down][t->inverse](from.data, from.row, to.data, to.row, rows, columns, g->limit);
}

/* All stages of a tile, through `middle`, which may be one of the others. 0: a sample exceeds the limit, if that is
 * checked, which is for forward transforms only. */
static int run_stages(const ggc_plan *p, const ggc_tiling *g, place from, place middle, place to, int rows, int columns,
                      int check) {
    const ggc_transform *t = &p->transform;
    runner *stages[3];
    int count = 0, within = 1;
    if (is_square(t, g->stages)) {
        stages[count++] = run_square;
    } else {
        if (t->quads)
            stages[count++] = run_quads;
        if (t->down)
            stages[count++] = run_down;
        if (t->across)
            stages[count++] = run_across;
    }
    if (check && stages[0] == run_across) /* the one that does not look */
        within = g->stages->within(from.data, from.row, rows, columns, g->limit);
    for (int i = 0; i < count; i++) {
        const place next = i + 1 < count ? middle : to;
        const int found = stages[t->inverse ? count - 1 - i : i](p, g, from, next, rows, columns);
        within = within && (i || !check || found);
        from = next;
    }
    return within;
}

static void copy_rows(place to, place from, int rows, size_t bytes) {
    for (int i = 0; i < rows; i++)
        memcpy(to.data + i * to.row, from.data + i * from.row, bytes);
}

/* Between blocks, stacked or not, and a tile of their rows. Rows of a place are counted in bytes here. */
static void copy_blocks(const ggc_plan *p, const ggc_tiling *g, place blocks, place tile, int count, int stacked,
                        int to_tile) {
    const ggc_transform *t = &p->transform;
    const int run = t->columns * g->stages->itemsize, in_vector = p->variant->vector / run;
    int done = 0;
    if (!stacked) {
        copy_rows(to_tile ? tile : blocks, to_tile ? blocks : tile, t->rows, (size_t)(count * run));
        return;
    }
    if (run >= 8 && in_vector > 1 && t->rows % in_vector == 0) {
        done = count / in_vector * in_vector;
        if (to_tile)
            p->variant->to_rows(blocks.data, tile.data, tile.row, t->rows, run, done);
        else
            p->variant->to_blocks(tile.data, blocks.data, tile.row, t->rows, run, done);
    }
    for (; done < count; done++) {
        const place block = {blocks.data + done * t->rows * run, run}, column = {tile.data + done * run, tile.row};
        copy_rows(to_tile ? column : block, to_tile ? block : column, t->rows, (size_t)run);
    }
}

/* Lines that a set of the first-level cache would have to hold for a column of so many rows, so many bytes apart. */
static ptrdiff_t crowd(int rows, ptrdiff_t row) {
    const ptrdiff_t apart = row & -row;
    return rows * (apart < SETS_SPAN ? apart : SETS_SPAN) / SETS_SPAN;
}

/* Columns of a row of blocks that fill vectors. Where rows lie so far apart that those of a block drive each other out
 * of the cache, they go to the tile row by row, or come from it if only the last stage takes columns. */
static int run_rows(const ggc_plan *p, const ggc_tiling *g, place from, char *memory, place to, int columns,
                    int check) {
    const ggc_transform *t = &p->transform;
    const ptrdiff_t size = g->stages->itemsize;
    const place tile = {memory, columns + PAD / size}, bytes = {memory, tile.row * size};
    const place from_bytes = {from.data, from.row * size}, to_bytes = {to.data, to.row * size};
    const int one_stage = !t->across || is_square(t, g->stages);
    const ptrdiff_t read = one_stage || !t->inverse ? crowd(t->rows, from_bytes.row) : 0;
    const ptrdiff_t written = one_stage || t->inverse ? crowd(t->rows, to_bytes.row) : 0;
    if (is_large(t, g->stages) || read + written <= WAYS)
        return run_stages(p, g, from, tile, to, t->rows, columns, check);
    if (read) {
        copy_rows(bytes, from_bytes, t->rows, (size_t)(columns * size));
        return run_stages(p, g, tile, tile, to, t->rows, columns, check);
    }
    const int within = run_stages(p, g, from, tile, tile, t->rows, columns, check);
    copy_rows(to_bytes, bytes, t->rows, (size_t)(columns * size));
    return within;
}

/* At most a tile's number of blocks. What fills vectors where it lies is read and written there; the rest is gathered
 * in the tile. 0: a sample exceeds the limit, if that is checked. */
static int run_blocks(const ggc_plan *p, const ggc_tiling *g, const ggc_blocks *blocks, int count, int check) {
    _Alignas(64) char memory[TILE * sizeof(int32_t) + GGC_MAX_SIDE * PAD];
    const ggc_transform *t = &p->transform;
    const ptrdiff_t size = g->stages->itemsize;
    const place from = {(char *)blocks->source, blocks->source_row}, to = {blocks->target, blocks->target_row};
    int whole = 0, within = 1;
    if (blocks->stacked && g->least == 1)
        return run_stages(p, g, from, (place){memory, t->columns}, to, count * t->rows, t->columns, check);
    if (!blocks->stacked && (t->rows == 1 || !g->in_line)) {
        whole = count / g->least * g->least;
        const int columns = whole * t->columns;
        if (whole)
            within = run_rows(p, g, from, memory, to, columns, check);
    }
    if (whole == count)
        return within;
    const int left = count - whole, columns = (left + g->least - 1) / g->least * g->least * t->columns;
    const ptrdiff_t offset = whole * t->columns * size;
    const place tile = {memory, columns}, bytes = {memory, columns * size};
    if (left % g->least)
        memset(memory, 0, (size_t)(t->rows * columns * size));
    copy_blocks(p, g, (place){from.data + offset, from.row * size}, bytes, left, blocks->stacked, 1);
    within &= run_stages(p, g, tile, tile, tile, t->rows, columns, check);
    copy_blocks(p, g, (place){to.data + offset, to.row * size}, bytes, left, blocks->stacked, 0);
    return within;
}

/* ------------------------------------------------------------------------------------------------- narrow tiles */

/* Most samples of 32 bits need only 15, for which there are loops more than twice as fast. What stays within the limit
 * for 15 bits has the same coefficients there. And where their inverse gives samples within that limit, these are those
 * of 32 bits: the forward transform leads from them, and from no others, back to the coefficients, in either width. */
ggc_plan ggc_plan_of(const ggc_transform *transform, const ggc_transform_variant *variant, int itemsize) {
    const ggc_side_flow down = transform->down, across = transform->across;
    const int32_t limit = transform_limit(transform, 8 * itemsize);
    ggc_plan p = {
        .transform = *transform,
        .variant = variant,
        .wide = tiling_of(transform, itemsize == 2 ? variant->int16 : variant->int32, limit, TILE),
    };
    /* Without products 32 bits are as fast. */
    if (itemsize == 4 && ((down && down <= GGC_DCT32) || (across && across <= GGC_DCT32))) {
        p.narrow = tiling_of(transform, variant->int15, transform_limit(transform, 15), NARROW_TILE);
        /* Tiles have one number of blocks in both widths. */
        if (p.narrow.blocks < p.wide.blocks)
            p.wide.blocks = p.narrow.blocks;
        if (down == across)
            p.direct = variant->direct[GGC_SQUARE][down][transform->inverse];
        else if (transform->columns == 1)
            p.direct = variant->direct[GGC_DOWN][down][transform->inverse];
        else if (transform->rows == 1)
            p.direct = variant->direct[GGC_ACROSS][across][transform->inverse];
    }
    return p;
}

/* Rows of samples that blocks are made of. */
typedef struct {
    int64_t rows, columns;
} shape;

static shape shape_of(const ggc_transform *t, const ggc_blocks *blocks, int count) {
    return blocks->stacked ? (shape){1, (int64_t)count * t->rows * t->columns}
                           : (shape){t->rows, (int64_t)count * t->columns};
}

/* 0: this tile needs more bits, and nothing was written. */
static int run_narrow(const ggc_plan *p, const ggc_blocks *blocks, int count) {
    _Alignas(64) int16_t samples[NARROW_TILE];
    const ggc_transform *t = &p->transform;
    const ggc_transform_variant *variant = p->variant;
    const shape s = shape_of(t, blocks, count);
    const ptrdiff_t row = blocks->stacked ? t->columns : s.columns;
    const ggc_blocks here = {samples, samples, count, row, row, blocks->stacked};
    const int32_t limit = p->narrow.limit;
    if (!variant->narrow(blocks->source, blocks->source_row, samples, s.rows, s.columns,
                         t->inverse ? INT16_MAX - 1 : limit))
        return 0;
    run_blocks(p, &p->narrow, &here, count, 0);
    if (t->inverse && !p->narrow.stages->within(samples, 0, 1, s.rows * s.columns, limit))
        return 0;
    variant->widen(samples, blocks->target, blocks->target_row, s.rows, s.columns);
    return 1;
}

/* Whether there is a direct way for blocks where they lie. */
static int is_direct(const ggc_plan *p, const ggc_blocks *blocks) {
    const ggc_transform *t = &p->transform;
    if (!p->direct || (blocks->stacked && t->columns < p->narrow.stages->lanes))
        return 0;
    return crowd(t->rows, blocks->source_row * 4) + crowd(t->rows, blocks->target_row * 4) <= WAYS;
}

/* Blocks that fill vectors. 0: a sample exceeds the limit. */
static int run_direct(const ggc_plan *p, const ggc_blocks *blocks, int count) {
    const ggc_transform *t = &p->transform;
    const int lanes = p->narrow.stages->lanes;
    ptrdiff_t source_row = blocks->source_row, target_row = blocks->target_row;
    int rows = t->rows, columns = count * t->columns;
    if (p->narrow.in_line || blocks->stacked)
        source_row = target_row = lanes, rows = rows * columns / lanes, columns = lanes;
    return p->direct(blocks->source, source_row, blocks->target, target_row, rows, columns, p->narrow.limit,
                     p->wide.limit);
}

/* The tile that begins with a block, of a row of blocks so many samples further; how many blocks it has. */
static int tile_at(const ggc_plan *p, const ggc_blocks *blocks, int64_t first, ptrdiff_t run, ggc_blocks *tile) {
    const ggc_transform *t = &p->transform;
    const int64_t left = blocks->count - first;
    const ptrdiff_t step = blocks->stacked ? t->rows * t->columns : t->columns;
    const ptrdiff_t offset = (run + first * step) * p->wide.stages->itemsize;
    *tile = *blocks;
    tile->source = (const char *)tile->source + offset;
    tile->target = (char *)tile->target + offset;
    return left < p->wide.blocks ? (int)left : p->wide.blocks;
}

/* 0: a sample exceeds the limit, if that is checked. */
static int run_tile(const ggc_plan *p, const ggc_blocks *blocks, int count, int check) {
    const int whole = p->narrow.stages ? count / p->narrow.least * p->narrow.least : 0;
    if (whole && is_direct(p, blocks)) {
        ggc_blocks left;
        tile_at(p, blocks, whole, 0, &left);
        const int within = run_direct(p, blocks, whole) || !check;
        return (whole == count || run_blocks(p, &p->wide, &left, count - whole, check)) && within;
    }
    if (whole && run_narrow(p, blocks, count))
        return 1;
    return run_blocks(p, &p->wide, blocks, count, check);
}

void ggc_transform_blocks(const ggc_plan *plan, const ggc_blocks *blocks) {
    for (int64_t first = 0; first < blocks->count; first += plan->wide.blocks) {
        ggc_blocks tile;
        const int count = tile_at(plan, blocks, first, 0, &tile);
        run_tile(plan, &tile, count, 0);
    }
}

/* ------------------------------------------------------------------------------------------------------ threads */

int ggc_transform_runs(const ggc_plan *plan, const ggc_blocks *blocks, int64_t runs, ptrdiff_t run, int check,
                       int threads) {
    const int64_t tiles = (blocks->count + plan->wide.blocks - 1) / plan->wide.blocks;
    int within = 1;
    threads =
        ggc_threads(threads, runs * blocks->count * plan->transform.rows * plan->transform.columns / SAMPLES_A_THREAD);
#pragma omp parallel for schedule(static) num_threads(threads) reduction(&& : within) if (threads > 1)
    for (int64_t i = 0; i < runs * tiles; i++) {
        ggc_blocks tile;
        const int count = tile_at(plan, blocks, i % tiles * plan->wide.blocks, i / tiles * run, &tile);
        within = within && run_tile(plan, &tile, count, check);
    }
    return within;
}

int ggc_color_runs(ggc_color_flow flow, int inverse, const ggc_stages *stages, const ggc_pixels *pixels, int64_t runs,
                   ptrdiff_t run, int32_t limit, int threads) {
    const int64_t pieces = (pixels->count + TILE - 1) / TILE;
    int within = 1;
    threads = ggc_threads(threads, 3 * runs * pixels->count / SAMPLES_A_THREAD);
#pragma omp parallel for schedule(static) num_threads(threads) reduction(&& : within) if (threads > 1)
    for (int64_t i = 0; i < runs * pieces; i++) {
        const int64_t first = i % pieces * TILE, left = pixels->count - first, count = left < TILE ? left : TILE;
        const ptrdiff_t offset = (i / pieces * run + first * (pixels->alternate ? 3 : 1)) * stages->itemsize;
        ggc_pixels here = *pixels;
        here.source = (const char *)here.source + offset;
        here.target = (char *)here.target + offset;
        here.count = count;
        stages->color[flow][inverse](&here);
        if (limit >= 0)
            within = within && (pixels->alternate ? stages->within(here.source, 0, 1, 3 * count, limit)
                                                  : stages->within(here.source, pixels->channel, 3, count, limit));
    }
    return within;
}
