/* What becomes of a superblock.
 *
 * It is tried as a quadtree of blocks of all sizes, and the cheapest one is chosen: the squared error plus lambda times
 * the bits, which are estimated from the models as they are at that moment. Floats decide here what is coded, and reach
 * nothing that a decoder sees.
 */
#include "ggc/residual_encoder.h"

#include <math.h>
#include <stdlib.h>

/* ---------------------------------------------------------------------------------------------------------- costs */

#define COST_BITS 12
static float bits_of[(1 << COST_BITS) + 1]; /* of a frequency, in 2^-COST_BITS */

void ggc_residual_costs(void) {
    for (int i = 0; i <= 1 << COST_BITS; i++)
        bits_of[i] = (float)(COST_BITS - log2(i + 0.5));
}

static const float *costs_in(const ggc_costs *c, uint32_t context, uint32_t stamp) {
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

int ggc_residual_costs_init(ggc_encoder *e) {
    const ggc_dyadic *models[] = {&e->models.levels,  &e->models.last,    &e->models.ends[0],
                                  &e->models.ends[1], &e->models.ends[2], &e->models.ends[3],
                                  &e->models.splits,  &e->models.factors, &e->models.intra};
    ggc_costs *of[] = {&e->levels,  &e->last,   &e->ends[0], &e->ends[1], &e->ends[2],
                       &e->ends[3], &e->splits, &e->factors, &e->intra};
    size_t contexts = 0;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        contexts += models[i]->num_contexts;
    e->cost_memory = calloc(contexts, sizeof *e->levels.rows + sizeof *e->levels.stamps);
    if (!e->cost_memory)
        return 0;
    float (*rows)[GGC_LANES] = e->cost_memory;
    uint32_t *stamps = (uint32_t *)(rows + contexts);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        *of[i] = (ggc_costs){models[i], rows, stamps};
        rows += models[i]->num_contexts;
        stamps += models[i]->num_contexts;
    }
    return 1;
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

static const float *last_costs(const ggc_encoder *e, const block *b, const ggc_scan *at) {
    return costs_in(&e->last, ggc_last_context(b->kind, b->log_size, &b->outlook, at), e->stamp);
}

static const float *level_costs(const ggc_encoder *e, const block *b, const ggc_scan *at) {
    const uint8_t *m = e->magnitudes + at->magnitude;
    const uint32_t sum = ggc_neighbors(m, GGC_MAGNITUDE_ROW(b->log_size), b->log_size) + b->outlook.bands[at->band];
    return costs_in(&e->levels, ggc_level_row(b->kind, b->log_size) + ggc_sum_contexts[sum], e->stamp);
}

static void set_level(ggc_encoder *e, const block *b, const ggc_scan *at, uint32_t magnitude) {
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
static float choose_levels(ggc_encoder *e, block *b, int *count) {
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
    ggc_clear_magnitudes(e->magnitudes, log_size);
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
static float take_levels(ggc_encoder *e, block *b, int *count) {
    const int log_size = b->log_size;
    const ggc_scan *scan = ggc_scans[log_size - GGC_MIN_LOG];
    int end = 1 << 2 * log_size;
    memcpy(b->levels, b->coefficients, (size_t)end * sizeof *b->levels);
    while (end && !b->levels[scan[end - 1].place])
        end--;
    *count = end;
    float bits = count_cost(b->count_costs, end);
    ggc_clear_magnitudes(e->magnitudes, log_size);
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

/* The coefficients of luma as a decoder has them. */
static void dequantize(const ggc_encoder *e, const block *b, int count, int32_t *luma) {
    const ggc_scan *scan = ggc_scans[b->log_size - GGC_MIN_LOG];
    for (int i = 0; i < count; i++) {
        const int32_t level = b->levels[scan[i].place];
        luma[i] = ggc_dequantize(e->plan->step[0], scan[i].step_band, level);
    }
}

/* Chroma with luma's part taken off, if that costs less; returns the cost. `luma` is in the order of the scan. */
static float try_factor(ggc_encoder *e, block *b, const int32_t *luma, int luma_count, float cost, int *count,
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
    const float other_cost = choose_levels(e, &other, &other_count) + e->lambda * costs[factor + GGC_FACTOR_ZERO];
    if (other_cost >= cost)
        return cost;
    memcpy(b->levels, levels, (size_t)number * sizeof *levels);
    *count = other_count, *best = (int8_t)factor;
    return other_cost;
}

/* Lossless: what the best prediction leaves; returns the cost. The plane is as the decoder will have it. */
static float try_predictions(ggc_encoder *e, block *b, int x, int y, int *count, uint8_t *best) {
    int32_t rest[GGC_MAX_LEVELS] __attribute__((aligned(64))),
        coefficients[GGC_MAX_LEVELS] __attribute__((aligned(64)));
    int32_t levels[GGC_MAX_LEVELS];
    const int log_size = b->log_size, side = 1 << log_size;
    const int32_t *at = ggc_plane_row(&e->planes, b->plane, y) + x;
    const ggc_edges edges = ggc_edges_of(e->plan, at, e->planes.row, x, y, log_size);
    const float *costs = costs_in(&e->intra, ggc_size_context(b->kind, log_size), e->stamp);
    block other = *b;
    other.coefficients = coefficients, other.levels = levels;
    float lowest = INFINITY;
    for (uint8_t mode = 0; mode < GGC_NUM_INTRA; mode++) {
        int other_count;
        ggc_intra_predict(&edges, mode, log_size, rest);
        for (int i = 0; i < side; i++)
            for (int j = 0; j < side; j++)
                rest[i * side + j] = at[i * (ptrdiff_t)e->planes.row + j] - rest[i * side + j];
        ggc_block_forward(&e->forward, log_size, rest, side, coefficients);
        const float cost = take_levels(e, &other, &other_count) + e->lambda * costs[mode];
        if (cost < lowest) {
            lowest = cost, *count = other_count, *best = mode;
            memcpy(b->levels, levels, sizeof *levels << 2 * log_size);
        }
    }
    return lowest;
}

/* Lossy: levels of the block, chroma's given luma's; returns the cost. */
static float try_levels(ggc_encoder *e, block *b, int x, int y, uint32_t number, int32_t *luma) {
    int32_t coefficients[GGC_MAX_LEVELS] __attribute__((aligned(64)));
    const int size = b->log_size - GGC_MIN_LOG, luma_count = e->counts[size][0][number];
    int *count = &e->counts[size][b->plane][number];
    b->coefficients = coefficients;
    ggc_block_forward(&e->forward, b->log_size, ggc_plane_row(&e->planes, b->plane, y) + x, e->planes.row,
                      coefficients);
    const float cost = choose_levels(e, b, count);
    if (e->plan->cross && b->plane == 0)
        dequantize(e, b, *count, luma);
    if (e->plan->cross && b->kind == 1 && luma_count)
        return try_factor(e, b, luma, luma_count, cost, count, &e->chosen_factors[size][b->plane][number]);
    return cost;
}

/* The cost of a block as a whole. */
static float try_block(ggc_encoder *e, int x, int y, int log_size) {
    const int size = log_size - GGC_MIN_LOG;
    const uint32_t number = ggc_block_number(x, y, log_size);
    float cost = 0.0f;
    int32_t luma[GGC_MAX_LEVELS];
    for (int plane = 0; plane < e->plan->planes; plane++) {
        block b = {.plane = plane,
                   .kind = ggc_plane_kind(e->plan->planes, plane),
                   .log_size = log_size,
                   .levels = e->tried[size][plane] + ((size_t)number << 2 * log_size)};
        ggc_look(&e->around, plane, b.kind, x, y, &b.outlook);
        b.count_costs = costs_in(&e->ends[size], (uint32_t)b.kind * GGC_END_CONTEXTS + b.outlook.end, e->stamp);
        cost += e->plan->lossless ? try_predictions(e, &b, x, y, &e->counts[size][plane][number],
                                                    &e->chosen_modes[size][plane][number])
                                  : try_levels(e, &b, x, y, number, luma);
    }
    return cost;
}

/* The cost of a part of the superblock in the best way, which it notes. */
static float choose(ggc_encoder *e, int x, int y, int log_size) {
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
    e->divided[log_size - GGC_MIN_LOG][ggc_block_number(x, y, log_size)] = (uint8_t)divide;
    return divide ? parts : whole + e->lambda * split[0];
}

void ggc_residual_choose(ggc_encoder *e, int x, int y) {
    e->stamp++;
    choose(e, x, y, GGC_MAX_LOG);
}
