/* Streams of a tile to rows of its planes; included once by each variant (residual_loops.h), whose target decides how a
 * symbol is found. */
#ifndef GGC_RESIDUAL_DECODER_H
#define GGC_RESIDUAL_DECODER_H

#include <stdlib.h>

#include "residual.h"
#include "residual_blocks.h"
#include "residual_intra.h"

/* Raw bits, the most significant first. Beyond the end there are zeros, and `missing` counts them. */
typedef struct {
    const uint8_t *next, *end;
    uint64_t window; /* the next bits, from the top */
    int held;
    size_t missing;
} bit_reader;

static inline void refill(bit_reader *r) {
    if (r->end - r->next >= 8) { /* what comes along of one byte more is as it will be */
        uint64_t word = 0;
        for (int i = 0; i < 8; i++)
            word = word << 8 | r->next[i];
        r->window |= word >> r->held;
        const int bytes = (63 - r->held) >> 3;
        r->next += bytes;
        r->held += 8 * bytes;
        return;
    }
    while (r->held <= 56) {
        const int there = r->next < r->end;
        r->window |= (uint64_t)(there ? *r->next : 0) << (56 - r->held);
        r->next += there;
        r->missing += (size_t)!there;
        r->held += 8;
    }
}

/* 0 to 32 bits. */
static inline uint32_t read_bits(bit_reader *r, int width) {
    if (r->held < width)
        refill(r);
    const uint32_t value = (uint32_t)(r->window >> 32 >> (32 - width));
    r->window <<= width;
    r->held -= width;
    return value;
}

typedef struct {
    const ggc_residual_plan *plan;
    ggc_rans_reader rans;
    bit_reader raw;
    ggc_residual_models models;
    ggc_surroundings around;
    ggc_block_plans inverse;
    ggc_bounds bounds;
    ggc_band_sums sums; /* of the block's magnitudes */
    /* Of the block; between two blocks all are zero. */
    uint8_t magnitudes[GGC_MAGNITUDES];
    int32_t levels[GGC_MAX_LEVELS] __attribute__((aligned(64)));
    int32_t luma[GGC_MAX_LEVELS]; /* the coefficients of the block's luma, of which so many count */
    int luma_count;
    ggc_plane_rows planes;
    int bad; /* a code that no encoder writes */
} decoder;

static GGC_ALWAYS_INLINE uint32_t pop_from(const ggc_dyadic *m, uint32_t context, const ggc_bounds *bounds,
                                           uint64_t *x) {
    ggc_dyadic_cursor c;
    ggc_dyadic_open(m, 1, context, &c);
    const uint32_t slot = (uint32_t)*x & (GGC_CDF_TOTAL - 1);
    const ggc_cdf below = ggc_below_slot(c.cdf[0], slot);
    const uint32_t symbol = ggc_count_below(below);
    const ggc_interval at = ggc_interval_at(c.cdf[0], slot, symbol);
    ggc_dyadic_adapt(m, 1, bounds, below, &c);
    ggc_dyadic_close(m, 1, context, &c);
    *x = ggc_rans_get(*x, at);
    return symbol;
}

static uint32_t pop(decoder *d, const ggc_dyadic *m, uint32_t context, const ggc_bounds *bounds) {
    uint64_t *x = ggc_rans_current(&d->rans);
    const uint32_t symbol = pop_from(m, context, bounds, x);
    ggc_rans_advance(&d->rans, x, 1);
    return symbol;
}

/* The first of a code's bits are zeros; GGC_MAX_LEVEL + 1 for one that no encoder writes. */
static uint32_t read_escape(bit_reader *raw) {
    int width = GGC_ESCAPE_ORDER;
    while (!read_bits(raw, 1))
        if (++width > GGC_ESCAPE_WIDTH)
            return GGC_MAX_LEVEL + 1;
    return (1u << width | read_bits(raw, width)) - (1u << GGC_ESCAPE_ORDER) + GGC_ESCAPE_BASE;
}

/* How many levels a block has up to the last that is not zero. */
static int pop_count(decoder *d, int kind, int log_size, uint32_t context) {
    const ggc_dyadic *ends = &d->models.ends[log_size - GGC_MIN_LOG];
    const ggc_bounds bounds = ggc_bounds_of(ends->num_symbols);
    const int length = (int)pop(d, ends, (uint32_t)kind * GGC_END_CONTEXTS + context, &bounds);
    if (length < 2)
        return length;
    const int more = length - 1, modeled = more < 2 ? more : 2;
    const ggc_bounds four = ggc_bounds_of(4);
    const uint32_t top =
        pop(d, &d->models.end_bits, (uint32_t)(kind * GGC_END_CLASSES + length), &four) >> (2 - modeled);
    const uint32_t count = (1u << modeled | top) << (more - modeled) | read_bits(&d->raw, more - modeled);
    return count <= 1u << 2 * log_size ? (int)count : (d->bad = 1, 0);
}

/* What the loops over levels keep in registers, and their stores cannot alias. */
typedef struct {
    bit_reader raw;
    uint64_t x, other; /* the state of the next step, and that of the one after it */
    const uint8_t *next, *end;
    int bad;
} level_reader;

/* A level, of a magnitude of `more` than its token tells. Whether it is 0 is hard to predict, and makes no branch. */
static GGC_ALWAYS_INLINE void put_level(decoder *d, level_reader *r, const ggc_scan at, uint32_t token, uint32_t more,
                                        const int32_t *steps) {
    uint32_t magnitude = token;
    if (token >= GGC_DIRECT_TOKENS) {
        magnitude = token == GGC_ESCAPE ? read_escape(&r->raw)
                                        : ggc_token_base(token) + read_bits(&r->raw, ggc_token_bits(token));
        r->bad |= magnitude > GGC_MAX_LEVEL;
    }
    magnitude += more;
    const int64_t sign = -(int64_t)read_bits(&r->raw, magnitude > 0);
    const int64_t level = (magnitude ^ sign) - sign;
    const uint8_t counted = ggc_counted(magnitude);
    d->magnitudes[at.magnitude] = counted;
    d->sums.of[at.band] = (uint16_t)(d->sums.of[at.band] + counted);
    d->levels[at.place] = ggc_dequantize(steps, at.step_band, level);
}

/* The tokens from the last but one on: while every step may take a word, two states stay in registers. */
static GGC_ALWAYS_INLINE void pop_levels(decoder *d, const int log_size, int kind, int count,
                                         const ggc_outlook *outlook, const int32_t *steps) {
    const ggc_scan *scan = ggc_scans[log_size - GGC_MIN_LOG] + count - 1;
    const int row = GGC_MAGNITUDE_ROW(log_size);
    const uint32_t base = ggc_level_row(kind, log_size);
    const ggc_bounds bounds = d->bounds;
    const ggc_dyadic levels = d->models.levels;
    level_reader r = {.raw = d->raw, .next = d->rans.next, .end = d->rans.end};
    const uint32_t context = ggc_last_context(kind, log_size, outlook, scan);
    put_level(d, &r, *scan, pop(d, &d->models.last, context, &bounds), 1, steps);
    int left = count - 1;
#define CONTEXT(at)                                                                                                    \
    (base + ggc_sum_contexts[ggc_neighbors(d->magnitudes + (at).magnitude, row, log_size) + outlook->bands[(at).band]])
    if (d->rans.live == 2) {
        const uint32_t first = d->rans.step & 1;
        uint32_t done = 0;
        r.next = d->rans.next, r.x = d->rans.x[first], r.other = d->rans.x[first ^ 1];
        for (; left && r.end - r.next >= GGC_RANS_WORD_BYTES; left--, done++) {
            const ggc_scan at = *--scan;
            uint64_t x = r.x;
            const uint32_t token = pop_from(&levels, CONTEXT(at), &bounds, &x);
            if (x < GGC_RANS_LOWER) {
                x = x << GGC_RANS_WORD_BITS | ggc_load_word(r.next);
                r.next += GGC_RANS_WORD_BYTES;
            }
            r.x = r.other, r.other = x;
            put_level(d, &r, at, token, 0, steps);
        }
        const uint32_t current = first ^ (done & 1);
        d->rans.next = r.next, d->rans.x[current] = r.x, d->rans.x[current ^ 1] = r.other, d->rans.step += done;
    }
    while (left--) {
        const ggc_scan at = *--scan;
        put_level(d, &r, at, pop(d, &levels, CONTEXT(at), &bounds), 0, steps);
    }
#undef CONTEXT
    d->raw = r.raw;
    d->bad |= r.bad;
}

static void pop_levels_of(decoder *d, int log_size, int kind, int count, const ggc_outlook *outlook,
                          const int32_t *steps) {
    switch (log_size) {
#define CASE(log)                                                                                                      \
    case log:                                                                                                          \
        pop_levels(d, log, kind, count, outlook, steps);                                                               \
        break;
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
#undef CASE
    }
}

static int pop_factor(decoder *d, int plane, int log_size) {
    return (int)pop(d, &d->models.factors, ggc_factor_context(plane, log_size), &d->bounds) - GGC_FACTOR_ZERO;
}

/* Only the first `count` places of the scan were written to. */
static void clear_levels(decoder *d, int log_size, int count) {
    const ggc_scan *scan = ggc_scans[log_size - GGC_MIN_LOG];
    if (8 * count > 1 << 2 * log_size) {
        ggc_clear_magnitudes(d->magnitudes, log_size);
        memset(d->levels, 0, sizeof *d->levels << 2 * log_size);
        return;
    }
    for (int i = 0; i < count; i++)
        d->magnitudes[scan[i].magnitude] = 0, d->levels[scan[i].place] = 0;
}

static void decode_plane(decoder *d, int plane, int x, int y, int log_size) {
    const ggc_residual_plan *plan = d->plan;
    const int kind = ggc_plane_kind(plan->planes, plane);
    int32_t *to = ggc_plane_row(&d->planes, plane, y) + x;
    ggc_outlook outlook;
    ggc_look(&d->around, plane, kind, x, y, &outlook);
    const int predicted = kind == 1 && plan->cross && d->luma_count;
    const int factor = predicted ? pop_factor(d, plane, log_size) : 0;
    const int count = pop_count(d, kind, log_size, outlook.end);
    if (plane == 0)
        d->luma_count = count;
    if (count == 0 && factor == 0) {
        ggc_leave(&d->around, plane, x, y, log_size, NULL, 0);
        ggc_block_clear(log_size, to, d->planes.row);
        return;
    }
    for (int b = 0; b < GGC_BANDS; b += 16) /* at once, compilers would make it a slow loop of its own */
        memset(d->sums.of + b, 0, 16 * sizeof *d->sums.of);
    if (count)
        pop_levels_of(d, log_size, kind, count, &outlook, plan->step[plane]);
    ggc_leave(&d->around, plane, x, y, log_size, &d->sums, count);
    if (plane == 0 && plan->cross)
        memcpy(d->luma, d->levels, sizeof *d->luma << 2 * log_size);
    if (factor)
        for (const ggc_scan *at = ggc_scans[log_size - GGC_MIN_LOG], *end = at + d->luma_count; at < end; at++) {
            int32_t *level = &d->levels[at->place];
            *level = (int32_t)((uint32_t)*level + (uint32_t)ggc_expected_chroma(factor, d->luma[at->place]));
        }
    ggc_block_inverse(&d->inverse, log_size, d->levels, to, d->planes.row);
    clear_levels(d, log_size, factor && d->luma_count > count ? d->luma_count : count);
}

/* A block without loss: a prediction and what it leaves. */
static void decode_predicted(decoder *d, int plane, int x, int y, int log_size) {
    const int side = 1 << log_size, kind = ggc_plane_kind(d->plan->planes, plane);
    const ggc_bounds bounds = ggc_bounds_of(GGC_NUM_INTRA);
    int32_t predicted[GGC_MAX_LEVELS], *to = ggc_plane_row(&d->planes, plane, y) + x;
    const uint32_t mode = pop(d, &d->models.intra, ggc_size_context(kind, log_size), &bounds);
    decode_plane(d, plane, x, y, log_size);
    const ggc_edges edges = ggc_edges_of(d->plan, to, d->planes.row, x, y, log_size);
    ggc_intra_predict(&edges, mode, log_size, predicted);
    for (int i = 0; i < side; i++, to += d->planes.row)
        for (int j = 0; j < side; j++)
            to[j] = (int32_t)((uint32_t)to[j] + (uint32_t)predicted[i * side + j]);
}

static void decode_node(decoder *d, int x, int y, int log_size) {
    const ggc_bounds two = ggc_bounds_of(2);
    if (x >= d->plan->width || y >= d->plan->height || d->bad || d->rans.status != GGC_RANS_OK)
        return;
    if (log_size > GGC_MIN_LOG) {
        const uint32_t context = ggc_split_context(&d->around, x, y, log_size);
        if (pop(d, &d->models.splits, (uint32_t)(log_size - GGC_MIN_LOG) * GGC_SPLIT_CONTEXTS + context, &two)) {
            const int half = 1 << (log_size - 1);
            for (int quarter = 0; quarter < 4; quarter++)
                decode_node(d, x + half * (quarter & 1), y + half * (quarter >> 1), log_size - 1);
            return;
        }
    }
    ggc_leave_size(&d->around, x, y, log_size);
    for (int plane = 0; plane < d->plan->planes; plane++)
        (d->plan->lossless ? decode_predicted : decode_plane)(d, plane, x, y, log_size);
}

static int verdict(const decoder *d) {
    if (d->rans.status == GGC_RANS_TRUNCATED)
        return GGC_RESIDUAL_TRUNCATED;
    if (d->rans.status != GGC_RANS_OK)
        return GGC_RESIDUAL_BAD_RANS;
    /* All bits beyond the last are fewer than a byte, and zero. */
    const long long left = (long long)d->raw.held - 8 * (long long)d->raw.missing;
    if (left < 0)
        return GGC_RESIDUAL_TRUNCATED;
    if (d->bad || d->raw.next != d->raw.end || left > 7 || d->raw.window)
        return GGC_RESIDUAL_BAD_RAW;
    const int ended = d->rans.next == d->rans.end && d->rans.live == 1 && d->rans.x[0] == GGC_RANS_INITIAL;
    return ended ? GGC_RESIDUAL_OK : GGC_RESIDUAL_BAD_RANS;
}

/* Streams, at the start of their tile; NULL without memory. */
static decoder *open_decoder(const ggc_residual_plan *plan, const ggc_transform_variant *variant, const uint8_t *rans,
                             size_t rans_size, const uint8_t *raw, size_t raw_size) {
    decoder *d = aligned_alloc(64, (sizeof *d + 63) & ~(size_t)63);
    if (!d)
        return NULL;
    *d = (decoder){.plan = plan, .raw = {.next = raw, .end = raw + raw_size}};
    d->bounds = ggc_bounds_of(GGC_LANES);
    ggc_block_plans_init(&d->inverse, variant, 1);
    ggc_rans_open(&d->rans, rans, rans_size, 2, 0);
    if (ggc_residual_models_init(&d->models)) {
        if (ggc_surroundings_init(&d->around, plan))
            return d;
        ggc_residual_models_free(&d->models);
    }
    free(d);
    return NULL;
}

static void close_decoder(decoder *d) {
    ggc_surroundings_free(&d->around);
    ggc_residual_models_free(&d->models);
    free(d);
}

/* A row of superblocks; 0 if the streams are bad. */
static int decode_superblocks(decoder *d, int y) {
    ggc_surroundings_next_row(&d->around);
    for (int x = 0; x < d->plan->width; x += GGC_SUPERBLOCK)
        decode_node(d, x, y, GGC_MAX_LOG);
    return !d->bad && d->rans.status == GGC_RANS_OK;
}

#endif
