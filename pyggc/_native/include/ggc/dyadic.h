/* Dyadic adaptive models: integer CDFs whose total is always 2^15.
 *
 * draft-terriberry-netvc-codingtools-01, sections 2.3 and 2.5.3; docs/spec_entropy.rst is normative.
 * A context holds one CDF, or two that adapt at different rates and are averaged for coding. A CDF is
 * sixteen uint16 lanes, lane j = fl[j + 1]; lanes from num_symbols - 1 on hold the total. Counters live in an
 * array of their own: a scalar store beside the lanes would break the store forwarding of the next vector load.
 */
#ifndef GGC_DYADIC_H
#define GGC_DYADIC_H

#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define GGC_CDF_BITS 15
#define GGC_CDF_TOTAL (1u << GGC_CDF_BITS)
#define GGC_LANES 16
#define GGC_MAX_RATES 2

/* A CDF in registers: two vectors of 16 bytes, which SSE2 and NEON have everywhere, or one of 32 where the including
 * file has AVX2 and does not ask for two. */
#if !defined(GGC_PARTS)
#if defined(__AVX2__)
#define GGC_PARTS 1
#else
#define GGC_PARTS 2
#endif
#endif
#define GGC_PART_LANES (GGC_LANES / GGC_PARTS)

typedef uint16_t ggc_u16_part __attribute__((vector_size(2 * GGC_PART_LANES)));
typedef int16_t ggc_i16_part __attribute__((vector_size(2 * GGC_PART_LANES)));

typedef struct {
    ggc_u16_part part[GGC_PARTS];
} ggc_cdf;

typedef struct {
    uint16_t *lanes;  /* [context][rate][GGC_LANES], 32-byte aligned */
    uint16_t *counts; /* [context]: symbols seen, saturating at `saturation` */
    uint32_t num_contexts;
    int num_symbols;
    int num_rates;
    int rate[GGC_MAX_RATES];              /* the steady state moves by 2^-rate */
    uint32_t num_gains[GGC_MAX_RATES];    /* counts below it use gains[count] instead */
    const uint16_t *gains[GGC_MAX_RATES]; /* in units of 2^-15, at most 2^15 */
    uint16_t saturation;                  /* the larger num_gains */
} ggc_dyadic;

/* What an update needs besides the CDF: the number of each lane, its highest value (every symbol above one unit wide),
 * and how much higher that is than its lowest (every symbol below one unit wide). */
typedef struct {
    ggc_cdf index, ceiling, reach;
} ggc_bounds;

static inline ggc_cdf ggc_load_cdf(const uint16_t *lanes) {
    ggc_cdf cdf;
    memcpy(&cdf, __builtin_assume_aligned(lanes, 2 * GGC_LANES), sizeof cdf);
    return cdf;
}

static inline void ggc_store_cdf(uint16_t *lanes, ggc_cdf cdf) {
    memcpy(__builtin_assume_aligned(lanes, 2 * GGC_LANES), &cdf, sizeof cdf);
}

static inline ggc_bounds ggc_bounds_of(int num_symbols) {
    uint16_t lanes[3][GGC_LANES] __attribute__((aligned(2 * GGC_LANES)));
    for (int j = 0; j < GGC_LANES; j++) {
        const int above = num_symbols - (j + 1);
        lanes[0][j] = (uint16_t)j;
        lanes[1][j] = (uint16_t)(GGC_CDF_TOTAL - (uint32_t)(above > 0 ? above : 0));
        lanes[2][j] = (uint16_t)(lanes[1][j] - (j + 1));
    }
    return (ggc_bounds){ggc_load_cdf(lanes[0]), ggc_load_cdf(lanes[1]), ggc_load_cdf(lanes[2])};
}

/* The average of two CDFs, rounded up. Both rise by at least 1 a lane, so their sum rises by at least 2 and the
 * rounded half by at least 1: the average is strictly increasing too. Written without a carry out of 16 bits. */
static inline ggc_cdf ggc_mix(ggc_cdf a, ggc_cdf b) {
    for (int p = 0; p < GGC_PARTS; p++)
        a.part[p] = (a.part[p] | b.part[p]) - ((a.part[p] ^ b.part[p]) >> 1);
    return a;
}

/* The lanes below a symbol, all ones there: from the symbol (encoder), or from a slot of its interval (decoder),
 * where the lanes at or below the slot are just those, and the update need not wait for the symbol's number. */
static inline ggc_cdf ggc_below_symbol(const ggc_bounds *b, uint32_t symbol) {
    ggc_cdf below;
    for (int p = 0; p < GGC_PARTS; p++)
        below.part[p] = (ggc_u16_part)(b->index.part[p] < ((ggc_u16_part){0} + (uint16_t)symbol));
    return below;
}

static inline ggc_cdf ggc_below_slot(ggc_cdf cdf, uint32_t slot) {
    for (int p = 0; p < GGC_PARTS; p++)
        cdf.part[p] = (ggc_u16_part)(cdf.part[p] <= ((ggc_u16_part){0} + (uint16_t)slot));
    return cdf;
}

/* The number of lanes below: the symbol. The last lane is never one of them. */
static inline uint32_t ggc_count_below(ggc_cdf below) {
#if GGC_PARTS == 1
    return (uint32_t)__builtin_ctz(~(uint32_t)_mm256_movemask_epi8((__m256i)below.part[0])) / 2;
#elif defined(__SSE2__)
    return (uint32_t)__builtin_ctz(
        ~(uint32_t)_mm_movemask_epi8(_mm_packs_epi16((__m128i)below.part[0], (__m128i)below.part[1])));
#else
    uint32_t symbol = 0;
    for (int p = 0; p < GGC_PARTS; p++)
        for (int j = 0; j < GGC_PART_LANES; j++)
            symbol += below.part[p][j] & 1u;
    return symbol;
#endif
}

/* A CDF in memory: fl[0] = 0 stands just before the lanes, so that ends[symbol - 1] is fl[symbol] for every symbol. */
typedef struct {
    uint16_t room[2 * GGC_LANES] __attribute__((aligned(4 * GGC_LANES)));
} ggc_ends;

static inline const uint16_t *ggc_spread_cdf(ggc_ends *ends, ggc_cdf cdf) {
    ends->room[GGC_LANES - 1] = 0;
    ggc_store_cdf(ends->room + GGC_LANES, cdf);
    return ends->room + GGC_LANES;
}

/* An interval of a total of 2^15, or of the model's own, which is below 2^16. The frequency is at least 1. */
typedef struct {
    uint32_t start, frequency;
} ggc_interval;

/* The interval of a symbol that a slot is in, given both. */
static inline ggc_interval ggc_interval_at(ggc_cdf cdf, uint32_t slot, uint32_t symbol) {
#if GGC_PARTS == 2 && defined(__SSE4_1__)
    /* As unsigned numbers, the least distance to a lane below the slot, or to 0, and to one above: without the way
     * through memory, and without waiting for the symbol. */
    const ggc_u16_part at = (ggc_u16_part){0} + (uint16_t)slot;
    const __m128i under =
        _mm_min_epu16(_mm_min_epu16((__m128i)(at - cdf.part[0]), (__m128i)at), (__m128i)(at - cdf.part[1]));
    const __m128i above = _mm_min_epu16((__m128i)(cdf.part[0] - 1 - at), (__m128i)(cdf.part[1] - 1 - at));
    const uint32_t before = (uint16_t)_mm_cvtsi128_si32(_mm_minpos_epu16(under));
    const uint32_t after = (uint16_t)_mm_cvtsi128_si32(_mm_minpos_epu16(above));
    (void)symbol;
    return (ggc_interval){slot - before, before + after + 1};
#else
    ggc_ends room;
    const uint16_t *ends = ggc_spread_cdf(&room, cdf);
    const uint32_t start = *(ends + symbol - 1);
    return (ggc_interval){start, ends[symbol] - start};
#endif
}

/* floor(v * gain / 2^15) of each lane, for a gain below 2^15, or any v of zeros. */
static inline ggc_i16_part ggc_scale(ggc_i16_part v, int32_t gain) {
#if GGC_PARTS == 1
    const __m256i g = _mm256_set1_epi16((int16_t)gain);
    const __m256i high = _mm256_mulhi_epi16((__m256i)v, g), low = _mm256_mullo_epi16((__m256i)v, g);
    return (ggc_i16_part)_mm256_or_si256(_mm256_add_epi16(high, high), _mm256_srli_epi16(low, 15));
#elif defined(__SSE2__)
    const __m128i g = _mm_set1_epi16((int16_t)gain);
    const __m128i high = _mm_mulhi_epi16((__m128i)v, g), low = _mm_mullo_epi16((__m128i)v, g);
    return (ggc_i16_part)_mm_or_si128(_mm_add_epi16(high, high), _mm_srli_epi16(low, 15));
#else
    for (int j = 0; j < GGC_PART_LANES; j++)
        v[j] = (int16_t)((v[j] * gain) >> GGC_CDF_BITS);
    return v;
#endif
}

/* a * b >> 16 of each lane. */
static inline ggc_u16_part ggc_high_product(ggc_u16_part a, ggc_u16_part b) {
#if GGC_PARTS == 1
    return (ggc_u16_part)_mm256_mulhi_epu16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (ggc_u16_part)_mm_mulhi_epu16((__m128i)a, (__m128i)b);
#else
    for (int j = 0; j < GGC_PART_LANES; j++)
        a[j] = (uint16_t)((uint32_t)a[j] * b[j] >> 16);
    return a;
#endif
}

/* One step of adaptation toward a symbol, given the lanes below it. With `toward` = fl less its lowest value below the
 * symbol (>= 0), and less its highest at and above it (<= 0), both formulas of the draft are fl -= floor(toward *
 * gain), but that the steady state rounds away from zero below the symbol: ceil(g / 2^r) = floor((g - 1) / 2^r) + 1.
 * The shifts of negative numbers are arithmetic: they must floor. Neither step can pass the bound that it moves toward,
 * and both are monotonic in the distance to it, so a strictly increasing CDF stays one. */
static inline ggc_cdf ggc_adapt(ggc_cdf cdf, const ggc_bounds *b, ggc_cdf lanes_below, uint32_t count,
                                const uint16_t *gains, uint32_t num_gains, int rate) {
    if (count < num_gains) {
        const int32_t gain = gains[count];
        for (int p = 0; p < GGC_PARTS; p++) {
            const ggc_i16_part toward =
                (ggc_i16_part)(cdf.part[p] - b->ceiling.part[p] + (b->reach.part[p] & lanes_below.part[p]));
            cdf.part[p] -= (ggc_u16_part)ggc_scale(toward, gain);
        }
        return cdf;
    }
    /* A lane below is all ones, -1: what is added to `toward`, and what the step is more, in one term each; both do not
     * depend on the CDF, which has three operations from one symbol to the next. */
    for (int p = 0; p < GGC_PARTS; p++) {
        const ggc_u16_part below = lanes_below.part[p];
        const ggc_i16_part toward =
            (ggc_i16_part)(cdf.part[p] + (((b->reach.part[p] - 1) & below) - b->ceiling.part[p]));
        cdf.part[p] = (cdf.part[p] + below) - (ggc_u16_part)(toward >> rate);
    }
    return cdf;
}

/* A context on its way through a coder: in registers, and written back when another one's turn comes. */
typedef struct {
    ggc_cdf cdf[GGC_MAX_RATES];
    uint32_t count;
} ggc_dyadic_cursor;

static inline void ggc_dyadic_open(const ggc_dyadic *m, const int num_rates, uint32_t context, ggc_dyadic_cursor *c) {
    const uint16_t *lanes = m->lanes + (size_t)context * num_rates * GGC_LANES;
    for (int k = 0; k < num_rates; k++)
        c->cdf[k] = ggc_load_cdf(lanes + k * GGC_LANES);
    c->count = m->counts[context];
}

static inline void ggc_dyadic_close(const ggc_dyadic *m, const int num_rates, uint32_t context,
                                    const ggc_dyadic_cursor *c) {
    uint16_t *lanes = m->lanes + (size_t)context * num_rates * GGC_LANES;
    for (int k = 0; k < num_rates; k++)
        ggc_store_cdf(lanes + k * GGC_LANES, c->cdf[k]);
    m->counts[context] = (uint16_t)c->count;
}

/* The CDF that codes the next symbol. */
static inline ggc_cdf ggc_dyadic_coded(const int num_rates, const ggc_dyadic_cursor *c) {
    return num_rates == 2 ? ggc_mix(c->cdf[0], c->cdf[1]) : c->cdf[0];
}

static inline void ggc_dyadic_adapt(const ggc_dyadic *m, const int num_rates, const ggc_bounds *b, ggc_cdf below,
                                    ggc_dyadic_cursor *c) {
    for (int k = 0; k < num_rates; k++)
        c->cdf[k] = ggc_adapt(c->cdf[k], b, below, c->count, m->gains[k], m->num_gains[k], m->rate[k]);
    c->count += c->count < m->saturation;
}

#endif
