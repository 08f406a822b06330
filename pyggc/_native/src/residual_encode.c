/* A tile's planes to streams. */
#include "ggc/residual_encoder.h"

#include <stdlib.h>

#include "ggc/memory.h"

/* ------------------------------------------------------------------------------------------------------- raw bits */

/* 0 to 32 bits. */
static void write_bits(ggc_bit_writer *w, uint32_t value, int width) {
    w->window = w->window << width | value;
    w->held += width;
    if (w->size + 8 > w->capacity) {
        uint8_t *grown = ggc_grown(w->bytes, w->size, &w->capacity, 8, 1 << 12, 1);
        if (!grown) {
            w->failed = 1;
            w->held &= 7;
            return;
        }
        w->bytes = grown;
    }
    for (; w->held >= 8; w->held -= 8)
        w->bytes[w->size++] = (uint8_t)(w->window >> (w->held - 8));
}

/* --------------------------------------------------------------------------------------------------------- coding */

static void push(ggc_encoder *e, const ggc_dyadic *m, uint32_t context, uint32_t symbol) {
    ggc_dyadic_cursor c;
    ggc_ends room;
    const ggc_bounds bounds = ggc_bounds_of(m->num_symbols);
    if (!ggc_log_reserve(&e->log, 1)) {
        e->failed = 1;
        return;
    }
    ggc_dyadic_open(m, 1, context, &c);
    const uint16_t *ends = ggc_spread_cdf(&room, c.cdf[0]) + symbol;
    const uint32_t start = ends[-1], end = ends[0];
    ggc_dyadic_adapt(m, 1, &bounds, ggc_below_symbol(&bounds, symbol), &c);
    ggc_dyadic_close(m, 1, context, &c);
    e->log.steps[e->log.size++] = GGC_STEP(start, end - start);
}

static void push_count(ggc_encoder *e, int kind, int log_size, uint32_t context, int count) {
    const int length = ggc_bit_length((uint32_t)count);
    push(e, &e->models.ends[log_size - GGC_MIN_LOG], (uint32_t)kind * GGC_END_CONTEXTS + context, (uint32_t)length);
    if (length < 2)
        return;
    const int more = length - 1, modeled = more < 2 ? more : 2;
    const uint32_t below = (uint32_t)count - (1u << more), top = below >> (more - modeled);
    push(e, &e->models.end_bits, (uint32_t)(kind * GGC_END_CLASSES + length), top << (2 - modeled));
    write_bits(&e->raw, below - (top << (more - modeled)), more - modeled);
}

/* The raw bits after a token. */
static void write_rest(ggc_encoder *e, uint32_t token, uint32_t magnitude) {
    if (token == GGC_ESCAPE) {
        const uint32_t value = magnitude - GGC_ESCAPE_BASE + (1u << GGC_ESCAPE_ORDER);
        const int width = ggc_bit_length(value) - 1;
        write_bits(&e->raw, 1, width - GGC_ESCAPE_ORDER + 1);
        write_bits(&e->raw, value - (1u << width), width);
    } else {
        write_bits(&e->raw, magnitude - ggc_token_base(token), ggc_token_bits(token));
    }
}

static void push_magnitude(ggc_encoder *e, const ggc_dyadic *m, uint32_t context, uint32_t magnitude) {
    const uint32_t token = ggc_token_of(magnitude);
    push(e, m, context, token);
    write_rest(e, token, magnitude);
}

static void code_plane(ggc_encoder *e, int plane, int x, int y, int log_size) {
    const int size = log_size - GGC_MIN_LOG, kind = ggc_plane_kind(e->plan->planes, plane);
    const uint32_t number = ggc_block_number(x, y, log_size);
    const int32_t *steps = e->plan->step[plane];
    int32_t *levels = e->tried[size][plane] + ((size_t)number << 2 * log_size),
            *to = ggc_plane_row(&e->planes, plane, y) + x;
    const int count = e->counts[size][plane][number];
    const ggc_scan *scan = ggc_scans[size];
    ggc_outlook outlook;
    ggc_look(&e->around, plane, kind, x, y, &outlook);
    const int luma_count = e->counts[size][0][number], predicted = kind == 1 && e->plan->cross && luma_count;
    const int factor = predicted ? e->chosen_factors[size][plane][number] : 0;
    if (predicted)
        push(e, &e->models.factors, ggc_factor_context(plane, log_size), (uint32_t)(factor + GGC_FACTOR_ZERO));
    if (e->plan->lossless)
        push(e, &e->models.intra, ggc_size_context(kind, log_size), e->chosen_modes[size][plane][number]);
    push_count(e, kind, log_size, outlook.end, count);
    ggc_clear_magnitudes(e->magnitudes, log_size);
    for (int i = count; i-- > 0;) {
        const ggc_scan *at = scan + i;
        const int32_t level = levels[at->place];
        const uint32_t magnitude = (uint32_t)(level < 0 ? -level : level);
        const uint8_t *m = e->magnitudes + at->magnitude;
        if (i + 1 == count) {
            push_magnitude(e, &e->models.last, ggc_last_context(kind, log_size, &outlook, at), magnitude - 1);
        } else {
            const uint32_t sum = ggc_neighbors(m, GGC_MAGNITUDE_ROW(log_size), log_size) + outlook.bands[at->band];
            push_magnitude(e, &e->models.levels, ggc_level_row(kind, log_size) + ggc_sum_contexts[sum], magnitude);
        }
        if (level) {
            write_bits(&e->raw, level < 0, 1);
            e->magnitudes[at->magnitude] = ggc_counted(magnitude);
            levels[at->place] = ggc_dequantize(steps, at->step_band, level);
        }
    }
    ggc_band_sums sums;
    ggc_sum_bands(log_size, e->magnitudes, count, &sums);
    ggc_leave(&e->around, plane, x, y, log_size, &sums, count);
    if (e->plan->lossless)
        return; /* the plane is as it was */
    if (factor) {
        const int32_t *luma = e->tried[size][0] + ((size_t)number << 2 * log_size);
        for (int i = 0; i < luma_count; i++)
            levels[scan[i].place] += ggc_expected_chroma(factor, luma[scan[i].place]);
    }
    if (count || factor)
        ggc_block_inverse(&e->inverse, log_size, levels, to, e->planes.row);
    else
        ggc_block_clear(log_size, to, e->planes.row);
}

static void code(ggc_encoder *e, int x, int y, int log_size) {
    if (x >= e->plan->width || y >= e->plan->height)
        return;
    if (log_size > GGC_MIN_LOG) {
        const uint32_t context = (uint32_t)(log_size - GGC_MIN_LOG) * GGC_SPLIT_CONTEXTS;
        const int divide = e->divided[log_size - GGC_MIN_LOG][ggc_block_number(x, y, log_size)],
                  half = 1 << (log_size - 1);
        push(e, &e->models.splits, context + ggc_split_context(&e->around, x, y, log_size), (uint32_t)divide);
        if (divide) {
            for (int quarter = 0; quarter < 4; quarter++)
                code(e, x + half * (quarter & 1), y + half * (quarter >> 1), log_size - 1);
            return;
        }
    }
    ggc_leave_size(&e->around, x, y, log_size);
    for (int plane = 0; plane < e->plan->planes; plane++)
        code_plane(e, plane, x, y, log_size);
}

/* ------------------------------------------------------------------------------------------------------- the tile */

static int finish(ggc_encoder *e, const ggc_reciprocal *table, ggc_residual_streams *out) {
    write_bits(&e->raw, 0, -e->raw.held & 7);
    if (e->failed || e->raw.failed || !ggc_log_reserve(&e->log, GGC_RANS_OVERHEAD / sizeof(uint32_t)))
        return GGC_RESIDUAL_MEMORY;
    const size_t room = 2 * e->log.size + GGC_RANS_OVERHEAD;
    uint64_t states[GGC_RANS_MAX_STATES];
    out->rans = malloc(room);
    if (!out->rans)
        return GGC_RESIDUAL_MEMORY;
    out->rans_size = ggc_rans_encode(table, 0, &e->log, 2, out->rans + room, states);
    memmove(out->rans, out->rans + room - out->rans_size, out->rans_size);
    out->raw = e->raw.bytes;
    out->raw_size = e->raw.size;
    return GGC_RESIDUAL_OK;
}

int ggc_residual_encode(const ggc_residual_plan *plan, const ggc_transform_variant *variant,
                        const ggc_reciprocal *table, double lambda, ggc_plane_rows planes, ggc_residual_streams *out) {
    int status = GGC_RESIDUAL_MEMORY;
    ggc_encoder *e = calloc(1, sizeof *e);
    *out = (ggc_residual_streams){0};
    if (!e)
        return status;
    const double step = plan->step[0][0] / (double)(1 << GGC_STEP_BITS);
    e->plan = plan, e->planes = planes;
    e->lambda = plan->lossless ? 1.0f : (float)(lambda * step * step);
    ggc_block_plans_init(&e->forward, variant, 0);
    ggc_block_plans_init(&e->inverse, variant, 1);
    if (ggc_residual_models_init(&e->models) && ggc_surroundings_init(&e->around, plan) && ggc_residual_costs_init(e)) {
        for (int y = 0; y < plan->height; y += GGC_SUPERBLOCK) {
            ggc_surroundings_next_row(&e->around);
            for (int x = 0; x < plan->width; x += GGC_SUPERBLOCK) {
                ggc_residual_choose(e, x, y);
                code(e, x, y, GGC_MAX_LOG);
            }
        }
        status = finish(e, table, out);
    }
    if (status != GGC_RESIDUAL_OK)
        free(e->raw.bytes);
    free(e->log.steps);
    free(e->cost_memory);
    ggc_surroundings_free(&e->around);
    ggc_residual_models_free(&e->models);
    free(e);
    return status;
}
