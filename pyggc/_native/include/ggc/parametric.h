/* Parametric models: the CDF of a symbol follows from one number, its context's expected value.
 *
 * draft-terriberry-netvc-codingtools-01, section 2.2, item 2; docs/spec_entropy.rst is normative. The expected value is
 * a moving average in fixed point. A table holds the CDFs of a grid of expected values, which is linear up to 2^-6 and
 * then has eight steps an octave; between two neighbors the CDF is interpolated.
 */
#ifndef GGC_PARAMETRIC_H
#define GGC_PARAMETRIC_H

#include <stddef.h>
#include <stdint.h>

#include "dyadic.h"

#define GGC_MEAN_BITS 16     /* after the point, of what the table is looked up with: at least those of the average */
#define GGC_GRID_MANTISSA 3  /* 2^3 steps an octave, so that every integer up to 15 is on the grid */
#define GGC_GRID_EXPONENT 10 /* below 2^10, in units of 2^-16, all steps are 2^(10 - 3) wide */
#define GGC_WEIGHT_BITS GGC_CDF_BITS

typedef struct {
    const uint16_t *lanes; /* [point of the grid][GGC_LANES], 32-byte aligned: as in a dyadic model */
    uint32_t *expected;    /* [context], in units of 2^-fraction_bits */
    uint16_t *counts;      /* [context]: symbols seen, saturating at `saturation` */
    int center;            /* a symbol counts as |symbol - center| */
    int fraction_bits;     /* at most GGC_MEAN_BITS */
    int rate;              /* the steady state moves by 2^-rate */
    int adapts;            /* or the expected values are given */
    uint16_t saturation;   /* the count from which on the state is steady */
} ggc_parametric;

typedef struct {
    uint32_t expected, count;
} ggc_parametric_cursor;

/* Two neighbors of the table, and how far the expected value is from the first to the second. */
typedef struct {
    const uint16_t *low, *high;
    int32_t weight; /* in [0, 2^15) */
} ggc_between;

static inline ggc_between ggc_parametric_between(const ggc_parametric *m, uint32_t expected) {
    const uint32_t x = expected << (GGC_MEAN_BITS - m->fraction_bits); /* below 2^20 */
    const uint32_t least = x | 1u << GGC_GRID_EXPONENT;
    const int exponent = 31 - __builtin_clz(least), width = exponent - GGC_GRID_MANTISSA;
    const size_t point = (x >> width) + ((size_t)(exponent - GGC_GRID_EXPONENT) << GGC_GRID_MANTISSA);
    const uint16_t *low = m->lanes + point * GGC_LANES;
    const uint32_t rest = x & ((1u << width) - 1); /* below 2^16 */
    return (ggc_between){low, low + GGC_LANES, (int32_t)(rest << GGC_WEIGHT_BITS >> width)};
}

/* a + floor((b - a) w / 2^15) = floor((a (2^15 - w) + b w) / 2^15). From one lane to the next a and b rise by at least
 * 1 each where they are CDFs, so the numerator rises by at least (2^15 - w) + w = 2^15 and the quotient by at least 1:
 * what lies between two strictly increasing CDFs of one total is another one. */
static inline ggc_cdf ggc_parametric_cdf(ggc_between between) {
    const ggc_cdf low = ggc_load_cdf(between.low);
    ggc_cdf cdf = ggc_load_cdf(between.high);
    for (int p = 0; p < GGC_PARTS; p++) {
        ggc_i16_part rise = (ggc_i16_part)(cdf.part[p] - low.part[p]); /* of values in [1, 2^15]: no overflow */
        rise = ggc_scale(rise, between.weight);
        cdf.part[p] = low.part[p] + (ggc_u16_part)rise;
    }
    return cdf;
}

/* One lane of it. */
static inline uint32_t ggc_parametric_end(ggc_between between, uint32_t lane) {
    const int32_t low = between.low[lane], high = between.high[lane];
    return (uint32_t)(low + (((high - low) * between.weight) >> GGC_WEIGHT_BITS));
}

static inline void ggc_parametric_open(const ggc_parametric *m, uint32_t context, ggc_parametric_cursor *c) {
    c->expected = m->expected[context];
    c->count = m->counts[context];
}

static inline void ggc_parametric_close(const ggc_parametric *m, uint32_t context, const ggc_parametric_cursor *c) {
    if (!m->adapts)
        return;
    m->expected[context] = c->expected;
    m->counts[context] = (uint16_t)c->count;
}

/* Moves twice by 1/2, four times by 1/4, eight times by 1/8 and so on, until that is 2^-rate. The shift of what may be
 * negative is arithmetic: it floors. The average stays between its old value and the symbol's, so it never leaves the
 * table. */
static inline void ggc_parametric_adapt(const ggc_parametric *m, uint32_t symbol, ggc_parametric_cursor *c) {
    if (!m->adapts)
        return;
    const int32_t distance = (int32_t)symbol - m->center, size = distance < 0 ? -distance : distance;
    const int early = 31 - __builtin_clz(c->count + 2), shift = early < m->rate ? early : m->rate;
    c->expected = (uint32_t)((int32_t)c->expected + (((size << m->fraction_bits) - (int32_t)c->expected) >> shift));
    c->count += c->count < m->saturation;
}

#endif
