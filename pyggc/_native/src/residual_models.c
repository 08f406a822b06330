/* The tables, models and surroundings that the encoder and the decoder of a tile start from. */
#include "ggc/residual.h"

#include <stdlib.h>

ggc_scan ggc_scans[GGC_NUM_SIZES][GGC_MAX_LEVELS];
uint8_t ggc_sum_contexts[GGC_MAX_SUM + 1];

static void make_scan(int log_size, ggc_scan *scan) {
    const int side = 1 << log_size, row = GGC_MAGNITUDE_ROW(log_size);
    for (int diagonal = 0; diagonal < 2 * side - 1; diagonal++)
        for (int i = 0; i <= diagonal; i++) {
            const int y = diagonal & 1 ? i : diagonal - i, x = diagonal - y;
            if (x >= side || y >= side)
                continue;
            const int band = (y * GGC_BAND_SIDE >> log_size) * GGC_BAND_SIDE + (x * GGC_BAND_SIDE >> log_size);
            *scan++ = (ggc_scan){
                .place = (uint16_t)(y << log_size | x),
                .magnitude = (uint16_t)((y + 1) * row + x + 1),
                .band = (uint8_t)band,
                .step_band = (uint8_t)(diagonal * (GGC_STEP_BANDS / 2) >> log_size),
            };
        }
}

/* Sums below 8 each have a context, then a quarter of an octave. */
static uint8_t context_of(uint32_t sum) {
    if (sum < 8)
        return (uint8_t)sum;
    const int length = ggc_bit_length(sum);
    const uint32_t context = 8 + (uint32_t)(length - 4) * 4 + (sum >> (length - 3) & 3);
    return (uint8_t)(context < GGC_LEVEL_CONTEXTS ? context : GGC_LEVEL_CONTEXTS - 1);
}

/* --------------------------------------------------------------------------------------------------------- models */

#define RATE 8
#define STEADY (1 << RATE)
/* What the initial CDFs are worth, in symbols. */
#define INITIAL_COUNT 12

/* The gains of counting for each size of alphabet, as those of the schedule "fast"; filled by ggc_residual_tables. */
static uint16_t gains[GGC_LANES + 1][STEADY];

static void set_model(ggc_dyadic *m, uint16_t **lanes, uint16_t **counts, uint32_t contexts, int num_symbols,
                      uint16_t count) {
    *m = (ggc_dyadic){.lanes = *lanes,
                      .counts = *counts,
                      .num_contexts = contexts,
                      .num_symbols = num_symbols,
                      .num_rates = 1,
                      .rate = {RATE},
                      .num_gains = {STEADY},
                      .gains = {gains[num_symbols]},
                      .saturation = STEADY};
    for (uint32_t c = 0; c < contexts; c++) {
        for (int j = 0; j < GGC_LANES; j++) {
            const uint32_t end = (uint32_t)(j + 1) * GGC_CDF_TOTAL / (uint32_t)num_symbols;
            (*lanes)[c * GGC_LANES + (uint32_t)j] = (uint16_t)(j < num_symbols ? end : GGC_CDF_TOTAL);
        }
        (*counts)[c] = count;
    }
    *lanes += (size_t)contexts * GGC_LANES;
    *counts += contexts;
}

/* The CDF of magnitudes with about this mean: geometric, each token at least 1/2048. */
static void set_geometric(uint16_t *lanes, uint32_t mean_q8) {
    /* The chance of going on, and its powers, in 2^-16. */
    const uint64_t ratio = ((uint64_t)mean_q8 << 16) / (mean_q8 + 256);
    uint64_t beyond = 1 << 16;
    uint32_t magnitude = 0;
    for (uint32_t token = 0; token < GGC_LANES - 1; token++) {
        for (; magnitude < ggc_token_base(token + 1); magnitude++)
            beyond = beyond * ratio >> 16;
        /* Of 2^15, less 16 for each token, what is not beyond the token. */
        const uint32_t share = (uint32_t)(((1 << 16) - beyond) * (GGC_CDF_TOTAL - 16 * GGC_LANES) >> 16);
        lanes[token] = (uint16_t)(share + 16 * (token + 1));
    }
    lanes[GGC_LANES - 1] = GGC_CDF_TOTAL;
}

/* The least sum of a context. */
static uint32_t least_sum(uint32_t context) {
    return context < 8 ? context : (4 + (context & 3)) << ((context - 8) / 4 + 1);
}

/* The CDF that each context of magnitudes starts from, whatever the plane and the size; filled by ggc_residual_tables.
 */
static uint16_t magnitudes[GGC_LEVEL_CONTEXTS][GGC_LANES];

void ggc_residual_tables(void) {
    for (int log_size = GGC_MIN_LOG; log_size <= GGC_MAX_LOG; log_size++)
        make_scan(log_size, ggc_scans[log_size - GGC_MIN_LOG]);
    for (uint32_t sum = 0; sum <= GGC_MAX_SUM; sum++)
        ggc_sum_contexts[sum] = context_of(sum);
    for (uint32_t symbols = 1; symbols <= GGC_LANES; symbols++)
        for (uint32_t count = 0; count < STEADY; count++)
            gains[symbols][count] = (uint16_t)(4 * GGC_CDF_TOTAL / (symbols + 4 * (count + 1)));
    for (uint32_t context = 0; context < GGC_LEVEL_CONTEXTS; context++)
        set_geometric(magnitudes[context], 12 + 12 * least_sum(context));
}

/* A model of magnitudes, in rows of so many contexts each. */
static void set_magnitudes(ggc_dyadic *m, uint32_t row) {
    for (uint32_t context = 0; context < m->num_contexts; context += row)
        memcpy(m->lanes + (size_t)context * GGC_LANES, magnitudes, row * sizeof *magnitudes);
}

int ggc_residual_models_init(ggc_residual_models *m) {
    const uint32_t rows = GGC_PLANE_KINDS * GGC_NUM_SIZES;
    const uint32_t ends = GGC_PLANE_KINDS * GGC_END_CONTEXTS, end_bits = GGC_PLANE_KINDS * GGC_END_CLASSES;
    const uint32_t splits = GGC_NUM_SIZES * GGC_SPLIT_CONTEXTS, factors = 2 * GGC_NUM_SIZES;
    const size_t contexts =
        rows * (GGC_LEVEL_CONTEXTS + GGC_LAST_CONTEXTS + 1) + GGC_NUM_SIZES * ends + end_bits + splits + factors;
    const size_t lane_bytes = contexts * GGC_LANES * sizeof(uint16_t);
    const size_t bytes = (lane_bytes + contexts * sizeof(uint16_t) + 63) & ~(size_t)63;
    m->memory = aligned_alloc(64, bytes);
    if (!m->memory)
        return 0;
    uint16_t *lanes = m->memory, *counts = lanes + contexts * GGC_LANES;
    set_model(&m->levels, &lanes, &counts, rows * GGC_LEVEL_CONTEXTS, GGC_LANES, INITIAL_COUNT);
    set_magnitudes(&m->levels, GGC_LEVEL_CONTEXTS);
    set_model(&m->last, &lanes, &counts, rows * GGC_LAST_CONTEXTS, GGC_LANES, INITIAL_COUNT);
    set_magnitudes(&m->last, GGC_LAST_CONTEXTS);
    for (int size = 0; size < GGC_NUM_SIZES; size++)
        set_model(&m->ends[size], &lanes, &counts, ends, 2 * (size + GGC_MIN_LOG) + 2, 0);
    set_model(&m->end_bits, &lanes, &counts, end_bits, 4, 0);
    set_model(&m->splits, &lanes, &counts, splits, 2, 0);
    set_model(&m->factors, &lanes, &counts, factors, GGC_LANES, 0);
    set_model(&m->intra, &lanes, &counts, rows, GGC_NUM_INTRA, 0);
    return 1;
}

void ggc_residual_models_free(ggc_residual_models *m) {
    free(m->memory);
}

/* --------------------------------------------------------------------------------------------------- surroundings */

int ggc_surroundings_init(ggc_surroundings *s, const ggc_residual_plan *plan) {
    const size_t cells = (size_t)ggc_whole(plan->width) / GGC_CELL;
    *s = (ggc_surroundings){0};
    s->memory = calloc(cells, (size_t)plan->planes * sizeof(ggc_trace) + 1);
    if (!s->memory)
        return 0;
    for (int p = 0; p < plan->planes; p++)
        s->above[p] = (ggc_trace *)s->memory + (size_t)p * cells;
    s->above_size = (uint8_t *)((ggc_trace *)s->memory + (size_t)plan->planes * cells);
    return 1;
}

void ggc_surroundings_free(ggc_surroundings *s) {
    free(s->memory);
}

void ggc_surroundings_next_row(ggc_surroundings *s) {
    memset(s->left, 0, sizeof s->left);
    memset(s->left_size, 0, sizeof s->left_size);
}

void ggc_sum_bands(int log_size, const uint8_t *magnitudes, int count, ggc_band_sums *sums) {
    const ggc_scan *scan = ggc_scans[log_size - GGC_MIN_LOG];
    memset(sums, 0, sizeof *sums);
    for (int i = 0; i < count; i++)
        sums->of[scan[i].band] = (uint16_t)(sums->of[scan[i].band] + magnitudes[scan[i].magnitude]);
}

/* Twice the mean of the magnitudes in each band, rounded up. */
static void trace_bands(int log_size, const ggc_band_sums *sums, uint8_t *bands) {
    if (log_size == GGC_MIN_LOG) { /* a level is a square of four bands, of which it has named the first */
        for (int b = 0; b < GGC_BANDS; b += 2) { /* two of a row at a time */
            const uint16_t pair = (uint16_t)(2 * sums->of[b & ~GGC_BAND_SIDE] * 0x0101);
            memcpy(bands + b, &pair, sizeof pair);
        }
        return;
    }
    const int bits = 2 * (log_size - 3);
    const uint16_t less = (uint16_t)((1 << bits) - 1);
    for (int b = 0; b < GGC_BANDS; b++)
        bands[b] = (uint8_t)((uint16_t)(2 * sums->of[b] + less) >> bits);
}

void ggc_leave(ggc_surroundings *s, int plane, int x, int y, int log_size, const ggc_band_sums *sums, int count) {
    const int cells = 1 << (log_size - GGC_MIN_LOG), length = ggc_bit_length((uint32_t)count);
    ggc_trace *above = &s->above[plane][x / GGC_CELL], *left = &s->left[plane][y % GGC_SUPERBLOCK / GGC_CELL];
    ggc_trace trace = {.end = (uint8_t)(length ? length + 2 * (GGC_MAX_LOG - log_size) : 0)};
    if (count)
        trace_bands(log_size, sums, trace.bands);
    for (int c = 0; c < cells; c++)
        above[c] = left[c] = trace;
}

void ggc_leave_size(ggc_surroundings *s, int x, int y, int log_size) {
    const size_t cells = (size_t)1 << (log_size - GGC_MIN_LOG);
    memset(s->above_size + x / GGC_CELL, log_size, cells);
    memset(s->left_size + y % GGC_SUPERBLOCK / GGC_CELL, log_size, cells);
}
