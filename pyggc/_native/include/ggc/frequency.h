/* Frequency counts: adaptive models whose total grows with what was coded and is halved at a limit.
 *
 * draft-terriberry-netvc-codingtools-01, section 2.2; docs/spec_entropy_range.rst is normative. A context is a row of
 * uint16 lanes, lane j = fl[j + 1], as many as fill whole groups of GGC_LANES; lanes from num_symbols - 1 on hold the
 * total. The total is what coders of a total of 2^15 scale the intervals from, and what others use as it is.
 */
#ifndef GGC_FREQUENCY_H
#define GGC_FREQUENCY_H

#include <stddef.h>
#include <stdint.h>

#include "dyadic.h"

typedef struct {
    uint16_t *lanes; /* [context][stride], 32-byte aligned */
    uint32_t num_symbols;
    uint32_t stride; /* a multiple of GGC_LANES */
    uint32_t increment;
    uint32_t limit; /* of the total: at least num_symbols + 2 * increment, at most 2^16 - 1 */
} ggc_frequency;

static inline uint16_t *ggc_frequency_row(const ggc_frequency *m, uint32_t context) {
    return m->lanes + (size_t)context * m->stride;
}

static inline uint32_t ggc_frequency_total(const ggc_frequency *m, uint32_t context) {
    return ggc_frequency_row(m, context)[m->stride - 1];
}

static inline uint32_t ggc_frequency_start(const uint16_t *row, uint32_t symbol) {
    return symbol ? row[symbol - 1] : 0;
}

/* The symbol of a slot below the total: the number of lanes at or below it. */
static inline uint32_t ggc_frequency_symbol(const ggc_frequency *m, uint32_t context, uint32_t slot) {
    const uint16_t *row = ggc_frequency_row(m, context);
    if (m->stride == GGC_LANES)
        return ggc_count_below(ggc_below_slot(ggc_load_cdf(row), slot));
    ggc_u16_part count = {0};
    for (uint32_t j = 0; j < m->stride; j += GGC_LANES) {
        const ggc_cdf below = ggc_below_slot(ggc_load_cdf(row + j), slot);
        for (int p = 0; p < GGC_PARTS; p++)
            count -= below.part[p];
    }
    uint32_t symbol = 0;
    for (int j = 0; j < GGC_PART_LANES; j++)
        symbol += count[j];
    return symbol;
}

/* Halves all frequencies, rounding up: none becomes 0, and the total at most half of the sum of itself and the number
 * of symbols. */
static inline void ggc_frequency_halve(const ggc_frequency *m, uint16_t *row) {
    uint32_t before = 0, end = 0;
    for (uint32_t k = 0; k < m->num_symbols; k++) {
        end += (row[k] - before + 1) >> 1;
        before = row[k];
        row[k] = (uint16_t)end;
    }
    for (uint32_t k = m->num_symbols; k < m->stride; k++)
        row[k] = (uint16_t)end;
}

/* Adds to the lanes from `symbol` on. */
static inline __attribute__((always_inline)) void ggc_frequency_add(uint16_t *row, const uint32_t stride,
                                                                    uint32_t symbol, uint32_t increment) {
    for (uint32_t j = 0; j < stride; j += GGC_LANES) {
        ggc_cdf cdf = ggc_load_cdf(row + j);
        for (int p = 0; p < GGC_PARTS; p++) {
            ggc_u16_part index;
            for (int i = 0; i < GGC_PART_LANES; i++)
                index[i] = (uint16_t)(j + (uint32_t)(p * GGC_PART_LANES + i));
            cdf.part[p] += (ggc_u16_part)(index >= ((ggc_u16_part){0} + (uint16_t)symbol)) & (uint16_t)increment;
        }
        ggc_store_cdf(row + j, cdf);
    }
}

/* Counts a symbol. A total that it would carry past the limit is halved before: that leaves room for it, since
 * (limit + num_symbols) / 2 + increment <= limit. */
static inline void ggc_frequency_adapt(const ggc_frequency *m, uint32_t context, uint32_t symbol) {
    uint16_t *row = ggc_frequency_row(m, context);
    if (__builtin_expect(row[m->stride - 1] + m->increment > m->limit, 0))
        ggc_frequency_halve(m, row);
    if (m->stride == GGC_LANES)
        ggc_frequency_add(row, GGC_LANES, symbol, m->increment);
    else
        ggc_frequency_add(row, m->stride, symbol, m->increment);
}

/* An end of an interval scaled to a total of 2^15: strictly increasing in `end`, as no total is above 2^15 here. */
static inline uint32_t ggc_frequency_scaled(uint32_t end, uint32_t total) {
    return (end << GGC_CDF_BITS) / total;
}

/* The largest end that is scaled to a slot in [0, 2^15) or less: floor(end 2^15 / total) <= slot is
 * end 2^15 < (slot + 1) total. */
static inline uint32_t ggc_frequency_unscaled(uint32_t slot, uint32_t total) {
    return ((slot + 1) * total - 1) >> GGC_CDF_BITS;
}

/* The step of a symbol, start << 16 | frequency, of the context's total; it is counted. */
static inline uint32_t ggc_frequency_take(const ggc_frequency *m, uint32_t context, uint32_t symbol) {
    const uint16_t *row = ggc_frequency_row(m, context);
    const uint32_t start = ggc_frequency_start(row, symbol), end = row[symbol];
    ggc_frequency_adapt(m, context, symbol);
    return start << 16 | (end - start);
}

/* The symbol of a slot below the context's total, and its step; it is counted. */
static inline uint32_t ggc_frequency_find(const ggc_frequency *m, uint32_t context, uint32_t slot, uint32_t *step) {
    const uint32_t symbol = ggc_frequency_symbol(m, context, slot);
    *step = ggc_frequency_take(m, context, symbol);
    return symbol;
}

/* Both of a total of 2^15. */
static inline uint32_t ggc_frequency_take_scaled(const ggc_frequency *m, uint32_t context, uint32_t symbol) {
    const uint32_t total = ggc_frequency_total(m, context), step = ggc_frequency_take(m, context, symbol);
    const uint32_t start = ggc_frequency_scaled(step >> 16, total);
    return start << 16 | (ggc_frequency_scaled((step >> 16) + (step & 0xffff), total) - start);
}

static inline uint32_t ggc_frequency_find_scaled(const ggc_frequency *m, uint32_t context, uint32_t slot,
                                                 uint32_t *step) {
    const uint32_t total = ggc_frequency_total(m, context);
    const uint32_t symbol = ggc_frequency_symbol(m, context, ggc_frequency_unscaled(slot, total));
    *step = ggc_frequency_take_scaled(m, context, symbol);
    return symbol;
}

#endif
