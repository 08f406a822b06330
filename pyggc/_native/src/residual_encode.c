/* A tile's planes to streams.
 *
 * Every superblock is tried as a quadtree of blocks of all sizes, and the cheapest one is coded: the squared error plus
 * lambda times the bits, which are estimated from the models as they are at that moment. Floats decide here what is
 * coded, and reach nothing that a decoder sees.
 */
#include "ggc/residual.h"

#include <math.h>
#include <stdlib.h>

#include "ggc/memory.h"
#include "ggc/residual_blocks.h"

/* ------------------------------------------------------------------------------------------------------- raw bits */

typedef struct {
    uint8_t *bytes;
    size_t size, capacity;
    uint64_t window; /* the lowest `held` bits, fewer than 8 between calls */
    int held, failed;
} bit_writer;

/* 0 to 32 bits. */
static void write_bits(bit_writer *w, uint32_t value, int width) {
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

/* ---------------------------------------------------------------------------------------------------------- costs */

#define COST_BITS 12
static float bits_of[(1 << COST_BITS) + 1]; /* of a frequency, in 2^-COST_BITS */

void ggc_residual_costs(void) {
    for (int i = 0; i <= 1 << COST_BITS; i++)
        bits_of[i] = (float)(COST_BITS - log2(i + 0.5));
}

/* The bits of each symbol in each context of a model, as of the superblock in which they are first asked for. */
typedef struct {
    const ggc_dyadic *model;
    float (*rows)[GGC_LANES];
    uint32_t *stamps;
} costs;

static const float *costs_in(const costs *c, uint32_t context, uint32_t stamp) {
    float *row = c->rows[context];
    if (c->stamps[context] != stamp) {
        const uint16_t *lanes = c->model->lanes + (size_t)context * GGC_LANES;
        uint32_t start = 0;
        for (int j = 0; j < GGC_LANES; j++) {
            row[j] = bits_of[(lanes[j] - start) >> (GGC_CDF_BITS - COST_BITS)];
            start = lanes[j];
        }
        c->stamps[context] = stamp;
    }
    return row;
}

typedef struct {
    const ggc_residual_plan *plan;
    ggc_block_plans forward, inverse;
    float lambda; /* squared error a bit */
    ggc_residual_models models;
    ggc_surroundings around;
    costs levels, last, ends[GGC_NUM_SIZES], splits, factors;
    void *cost_memory;
    uint32_t stamp;
    ggc_step_log log;
    bit_writer raw;
    uint8_t magnitudes[GGC_MAGNITUDES];
    int32_t *planes;
    int32_t row;
    int failed;
    /* Candidates: for each size the levels of the superblock's blocks, one block after the other, and how many they
     * are; whether a block is divided. */
    int32_t tried[GGC_NUM_SIZES][GGC_MAX_PLANES][GGC_MAX_LEVELS];
    int32_t counts[GGC_NUM_SIZES][GGC_MAX_PLANES][GGC_CELLS * GGC_CELLS];
    uint8_t divided[GGC_NUM_SIZES][GGC_CELLS * GGC_CELLS];
    int8_t chosen_factors[GGC_NUM_SIZES][GGC_MAX_PLANES][GGC_CELLS * GGC_CELLS];
} encoder;

/* Of a magnitude, with its sign. */
static inline float level_cost(const float *row, uint32_t magnitude) {
    const uint32_t token = ggc_token_of(magnitude);
    float bits = row[token] + (magnitude ? 1.0f : 0.0f);
    if (token == GGC_ESCAPE)
        bits += (float)(2 * ggc_bit_length((magnitude - GGC_ESCAPE_BASE) >> GGC_ESCAPE_ORDER) + GGC_ESCAPE_ORDER + 1);
    else
        bits += (float)ggc_token_bits(token);
    return bits;
}

/* Of a block's number of levels: the bits after the class are nearly flat. */
static inline float count_cost(const float *row, int count) {
    const int length = ggc_bit_length((uint32_t)count);
    return row[length] + (length > 1 ? 0.95f * (float)(length - 1) : 0.0f);
}

/* ------------------------------------------------------------------------------------------- levels of one block */

/* A block of one plane, on the way from coefficients to levels. */
typedef struct {
    int plane, kind, log_size;
    const int32_t *coefficients;
    int32_t *levels;
    const float *count_costs;
    ggc_outlook outlook;
} block;

static const float *last_costs(const encoder *e, const block *b, const ggc_scan *at) {
    return costs_in(&e->last, ggc_last_context(b->kind, b->log_size, &b->outlook, at), e->stamp);
}

static const float *level_costs(const encoder *e, const block *b, const ggc_scan *at) {
    const uint8_t *m = e->magnitudes + at->magnitude;
    const uint32_t sum = ggc_neighbors(m, GGC_MAGNITUDE_ROW(b->log_size), b->log_size) + b->outlook.bands[at->band];
    return costs_in(&e->levels, ggc_level_row(b->kind, b->log_size) + ggc_sum_contexts[sum], e->stamp);
}

static void set_level(encoder *e, const block *b, const ggc_scan *at, uint32_t magnitude) {
    const int32_t signed_level = b->coefficients[at->place] < 0 ? -(int32_t)magnitude : (int32_t)magnitude;
    b->levels[at->place] = signed_level;
    e->magnitudes[at->magnitude] = ggc_counted(magnitude);
}

/* The least of error plus lambda times bits over a few magnitudes from `most` down to `least`. */
static inline float best_magnitude(const float *row, float lambda, float value, float step, uint32_t most,
                                   uint32_t least, uint32_t offset, uint32_t *best) {
    float lowest = INFINITY;
    for (uint32_t k = most;; k--) {
        const float error = value - (float)k * step;
        const float cost = error * error + lambda * level_cost(row, k - offset);
        if (cost < lowest)
            lowest = cost, *best = k;
        if (k <= least)
            return lowest;
    }
}

/* Chooses levels from the last to the first, each given those after it, and where the last one is: at each level that
 * may be the last, whatever has been chosen after it is given up if that is cheaper. Returns the cost. */
static float choose_levels(encoder *e, block *b, int *count) {
    const int log_size = b->log_size, number = 1 << 2 * log_size;
    const ggc_scan *scan = ggc_scans[log_size - GGC_MIN_LOG];
    const int32_t *steps = e->plan->step[b->plane];
    const float unit = 1.0f / (1 << GGC_STEP_BITS), lambda = e->lambda;
    float step[GGC_STEP_BANDS], half[GGC_STEP_BANDS], all = 0.0f;
    for (int i = 0; i < GGC_STEP_BANDS; i++)
        step[i] = (float)steps[i] * unit, half[i] = 0.5f * step[i];
    int end = 0;
    for (int i = 0; i < number; i++) {
        const float value = fabsf((float)b->coefficients[scan[i].place]);
        all += value * value;
        if (value >= half[scan[i].step_band])
            end = i + 1;
    }
    memset(b->levels, 0, (size_t)number * sizeof *b->levels);
    *count = 0;
    const float none = all + lambda * b->count_costs[0];
    if (end == 0)
        return none;
    memset(e->magnitudes, 0, (size_t)GGC_MAGNITUDE_ROW(log_size) * (size_t)GGC_MAGNITUDE_ROW(log_size));
    float after = 0.0f, cost = INFINITY; /* the squares beyond here; the cost of all beyond, with the number */
    for (int i = number; i-- > end;) {
        const float value = (float)b->coefficients[scan[i].place];
        after += value * value;
    }
    for (int i = end; i-- > 0;) {
        const ggc_scan *at = scan + i;
        const float value = fabsf((float)b->coefficients[at->place]), size = step[at->step_band];
        const uint32_t nearest = (uint32_t)(value / size + 0.5f);
        uint32_t chosen = 0, chosen_last = 0;
        if (*count) {
            const uint32_t least = nearest > 2 ? nearest - 1 : 0;
            cost += best_magnitude(level_costs(e, b, at), lambda, value, size, nearest, least, 0, &chosen);
        }
        if (nearest) {
            const float as_last = after + lambda * count_cost(b->count_costs, i + 1) +
                                  best_magnitude(last_costs(e, b, at), lambda, value, size, nearest,
                                                 nearest > 1 ? nearest - 1 : 1, 1, &chosen_last);
            if (as_last < cost) {
                for (int k = i + 1; k < *count; k++) {
                    b->levels[scan[k].place] = 0;
                    e->magnitudes[scan[k].magnitude] = 0;
                }
                *count = i + 1;
                cost = as_last;
                chosen = chosen_last;
            }
        }
        if (chosen)
            set_level(e, b, at, chosen);
        after += value * value;
    }
    if (none <= cost) {
        memset(b->levels, 0, (size_t)number * sizeof *b->levels);
        *count = 0;
        return none;
    }
    return cost;
}

/* Lossless: the levels are the coefficients, and only bits count. */
static float take_levels(encoder *e, block *b, int *count) {
    const int log_size = b->log_size;
    const ggc_scan *scan = ggc_scans[log_size - GGC_MIN_LOG];
    int end = 1 << 2 * log_size;
    memcpy(b->levels, b->coefficients, (size_t)end * sizeof *b->levels);
    while (end && !b->levels[scan[end - 1].place])
        end--;
    *count = end;
    float bits = count_cost(b->count_costs, end);
    memset(e->magnitudes, 0, (size_t)GGC_MAGNITUDE_ROW(log_size) * (size_t)GGC_MAGNITUDE_ROW(log_size));
    for (int i = end; i-- > 0;) {
        const ggc_scan *at = scan + i;
        const int32_t level = b->levels[at->place];
        const uint32_t magnitude = (uint32_t)(level < 0 ? -level : level);
        bits += i + 1 == end ? level_cost(last_costs(e, b, at), magnitude - 1)
                             : level_cost(level_costs(e, b, at), magnitude);
        set_level(e, b, at, magnitude);
    }
    return e->lambda * bits;
}

/* -------------------------------------------------------------------------------------------------------- choices */

/* A block's number among those of its size in the superblock, in the order of the quadtree. */
static inline uint32_t number_of(int x, int y, int log_size) {
    uint32_t number = 0;
    for (int bit = GGC_MAX_LOG - log_size; bit-- > 0;)
        number = number << 2 | (uint32_t)(y >> (log_size + bit) & 1) << 1 | (uint32_t)(x >> (log_size + bit) & 1);
    return number;
}

static int32_t *place_of(const encoder *e, int plane, int x, int y) {
    return e->planes + ((size_t)plane * (size_t)ggc_whole(e->plan->height) + (size_t)y) * (size_t)e->row + x;
}

static float take(encoder *e, block *b, int *count) {
    return e->plan->lossless ? take_levels(e, b, count) : choose_levels(e, b, count);
}

/* The coefficients of luma as a decoder has them. */
static void dequantize(const encoder *e, const block *b, int count, int32_t *luma) {
    const ggc_scan *scan = ggc_scans[b->log_size - GGC_MIN_LOG];
    for (int i = 0; i < count; i++) {
        const int32_t level = b->levels[scan[i].place];
        luma[i] = ggc_dequantize(e->plan->step[0], scan[i].step_band, level);
    }
}

/* Chroma with luma's part taken off, if that costs less; returns the cost. `luma` is in the order of the scan. */
static float try_factor(encoder *e, block *b, const int32_t *luma, int luma_count, float cost, int *count,
                        int8_t *best) {
    int32_t rest[GGC_MAX_LEVELS], levels[GGC_MAX_LEVELS];
    const int number = 1 << 2 * b->log_size;
    const ggc_scan *scan = ggc_scans[b->log_size - GGC_MIN_LOG];
    const float *costs = costs_in(&e->factors, ggc_factor_context(b->plane, b->log_size), e->stamp);
    float product = 0.0f, square = 0.0f;
    for (int i = 0; i < luma_count; i++) {
        product += (float)luma[i] * (float)b->coefficients[scan[i].place];
        square += (float)luma[i] * (float)luma[i];
    }
    cost += e->lambda * costs[GGC_FACTOR_ZERO];
    int factor = (int)rintf((float)GGC_FACTOR_ZERO * product / square);
    factor = factor < -GGC_FACTOR_ZERO ? -GGC_FACTOR_ZERO : factor >= GGC_FACTOR_ZERO ? GGC_FACTOR_ZERO - 1 : factor;
    *best = 0;
    if (factor == 0)
        return cost;
    memcpy(rest, b->coefficients, (size_t)number * sizeof *rest);
    for (int i = 0; i < luma_count; i++)
        rest[scan[i].place] -= ggc_expected_chroma(factor, luma[i]);
    block other = *b;
    int other_count;
    other.coefficients = rest, other.levels = levels;
    const float other_cost = take(e, &other, &other_count) + e->lambda * costs[factor + GGC_FACTOR_ZERO];
    if (other_cost >= cost)
        return cost;
    memcpy(b->levels, levels, (size_t)number * sizeof *levels);
    *count = other_count, *best = (int8_t)factor;
    return other_cost;
}

/* The cost of a block as a whole. */
static float try_block(encoder *e, int x, int y, int log_size) {
    int32_t coefficients[GGC_MAX_LEVELS] __attribute__((aligned(64)));
    const int size = log_size - GGC_MIN_LOG;
    const uint32_t number = number_of(x, y, log_size);
    float cost = 0.0f;
    int32_t luma[GGC_MAX_LEVELS];
    for (int plane = 0; plane < e->plan->planes; plane++) {
        block b = {plane,
                   ggc_plane_kind(e->plan->planes, plane),
                   log_size,
                   coefficients,
                   e->tried[size][plane] + ((size_t)number << 2 * log_size),
                   NULL,
                   {{0}, 0}};
        ggc_block_forward(&e->forward, log_size, place_of(e, plane, x, y), e->row, coefficients);
        ggc_look(&e->around, plane, b.kind, x, y, &b.outlook);
        b.count_costs = costs_in(&e->ends[size], (uint32_t)b.kind * GGC_END_CONTEXTS + b.outlook.end, e->stamp);
        int *count = &e->counts[size][plane][number];
        float of_plane = take(e, &b, count);
        if (e->plan->cross && plane == 0)
            dequantize(e, &b, *count, luma);
        if (e->plan->cross && b.kind == 1 && e->counts[size][0][number])
            of_plane = try_factor(e, &b, luma, e->counts[size][0][number], of_plane, count,
                                  &e->chosen_factors[size][plane][number]);
        cost += of_plane;
    }
    return cost;
}

/* The cost of a part of the superblock in the best way, which it notes. */
static float choose(encoder *e, int x, int y, int log_size) {
    if (x >= e->plan->width || y >= e->plan->height)
        return 0.0f;
    const float whole = try_block(e, x, y, log_size);
    if (log_size == GGC_MIN_LOG)
        return whole;
    const uint32_t context = (uint32_t)(log_size - GGC_MIN_LOG) * GGC_SPLIT_CONTEXTS;
    const float *split = costs_in(&e->splits, context + ggc_split_context(&e->around, x, y, log_size), e->stamp);
    float parts = e->lambda * split[1];
    const int half = 1 << (log_size - 1);
    for (int quarter = 0; quarter < 4; quarter++)
        parts += choose(e, x + half * (quarter & 1), y + half * (quarter >> 1), log_size - 1);
    const int divide = parts < whole + e->lambda * split[0];
    e->divided[log_size - GGC_MIN_LOG][number_of(x, y, log_size)] = (uint8_t)divide;
    return divide ? parts : whole + e->lambda * split[0];
}

/* --------------------------------------------------------------------------------------------------------- coding */

static void push(encoder *e, const ggc_dyadic *m, uint32_t context, uint32_t symbol) {
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

static void push_count(encoder *e, int kind, int log_size, uint32_t context, int count) {
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
static void write_rest(encoder *e, uint32_t token, uint32_t magnitude) {
    if (token == GGC_ESCAPE) {
        const uint32_t value = magnitude - GGC_ESCAPE_BASE + (1u << GGC_ESCAPE_ORDER);
        const int width = ggc_bit_length(value) - 1;
        write_bits(&e->raw, 1, width - GGC_ESCAPE_ORDER + 1);
        write_bits(&e->raw, value - (1u << width), width);
    } else {
        write_bits(&e->raw, magnitude - ggc_token_base(token), ggc_token_bits(token));
    }
}

static void push_magnitude(encoder *e, const ggc_dyadic *m, uint32_t context, uint32_t magnitude) {
    const uint32_t token = ggc_token_of(magnitude);
    push(e, m, context, token);
    write_rest(e, token, magnitude);
}

static void code_plane(encoder *e, int plane, int x, int y, int log_size) {
    const int size = log_size - GGC_MIN_LOG, kind = ggc_plane_kind(e->plan->planes, plane), side = 1 << log_size;
    const uint32_t number = number_of(x, y, log_size);
    const int32_t *steps = e->plan->step[plane];
    int32_t *levels = e->tried[size][plane] + ((size_t)number << 2 * log_size), *to = place_of(e, plane, x, y);
    const int count = e->counts[size][plane][number];
    const ggc_scan *scan = ggc_scans[size];
    ggc_outlook outlook;
    ggc_look(&e->around, plane, kind, x, y, &outlook);
    const int luma_count = e->counts[size][0][number], predicted = kind == 1 && e->plan->cross && luma_count;
    const int factor = predicted ? e->chosen_factors[size][plane][number] : 0;
    if (predicted)
        push(e, &e->models.factors, ggc_factor_context(plane, log_size), (uint32_t)(factor + GGC_FACTOR_ZERO));
    push_count(e, kind, log_size, outlook.end, count);
    memset(e->magnitudes, 0, (size_t)GGC_MAGNITUDE_ROW(log_size) * (size_t)GGC_MAGNITUDE_ROW(log_size));
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
    if (factor) {
        const int32_t *luma = e->tried[size][0] + ((size_t)number << 2 * log_size);
        for (int i = 0; i < luma_count; i++)
            levels[scan[i].place] += ggc_expected_chroma(factor, luma[scan[i].place]);
    }
    if (count || factor)
        ggc_block_inverse(&e->inverse, log_size, levels, to, e->row);
    else
        for (int i = 0; i < side; i++)
            memset(to + (ptrdiff_t)i * e->row, 0, (size_t)side * sizeof *to);
}

static void code(encoder *e, int x, int y, int log_size) {
    if (x >= e->plan->width || y >= e->plan->height)
        return;
    if (log_size > GGC_MIN_LOG) {
        const uint32_t context = (uint32_t)(log_size - GGC_MIN_LOG) * GGC_SPLIT_CONTEXTS;
        const int divide = e->divided[log_size - GGC_MIN_LOG][number_of(x, y, log_size)], half = 1 << (log_size - 1);
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

static int make_costs(encoder *e) {
    const ggc_dyadic *models[] = {&e->models.levels,  &e->models.last,    &e->models.ends[0], &e->models.ends[1],
                                  &e->models.ends[2], &e->models.ends[3], &e->models.splits,  &e->models.factors};
    costs *of[] = {&e->levels, &e->last, &e->ends[0], &e->ends[1], &e->ends[2], &e->ends[3], &e->splits, &e->factors};
    size_t contexts = 0;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        contexts += models[i]->num_contexts;
    e->cost_memory = calloc(contexts, sizeof *e->levels.rows + sizeof *e->levels.stamps);
    if (!e->cost_memory)
        return 0;
    float (*rows)[GGC_LANES] = e->cost_memory;
    uint32_t *stamps = (uint32_t *)(rows + contexts);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        *of[i] = (costs){models[i], rows, stamps};
        rows += models[i]->num_contexts;
        stamps += models[i]->num_contexts;
    }
    return 1;
}

static int finish(encoder *e, const ggc_reciprocal *table, ggc_residual_streams *out) {
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
                        const ggc_reciprocal *table, double lambda, int32_t *planes, ggc_residual_streams *out) {
    int status = GGC_RESIDUAL_MEMORY;
    encoder *e = calloc(1, sizeof *e);
    *out = (ggc_residual_streams){0};
    if (!e)
        return status;
    const double step = plan->step[0][0] / (double)(1 << GGC_STEP_BITS);
    e->plan = plan, e->planes = planes;
    e->lambda = plan->lossless ? 1.0f : (float)(lambda * step * step);
    e->row = ggc_whole(plan->width);
    ggc_block_plans_init(&e->forward, variant, 0);
    ggc_block_plans_init(&e->inverse, variant, 1);
    if (ggc_residual_models_init(&e->models) && ggc_surroundings_init(&e->around, plan) && make_costs(e)) {
        for (int y = 0; y < plan->height; y += GGC_SUPERBLOCK) {
            ggc_surroundings_next_row(&e->around);
            for (int x = 0; x < plan->width; x += GGC_SUPERBLOCK) {
                e->stamp++;
                choose(e, x, y, GGC_MAX_LOG);
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
