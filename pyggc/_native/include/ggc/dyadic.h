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
#if defined(__SSE2__)
#include <immintrin.h>
#endif

/* Vectors wider than the baseline's registers never cross a call: all that takes them is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"

#define GGC_CDF_BITS 15
#define GGC_CDF_TOTAL (1u << GGC_CDF_BITS)
#define GGC_LANES 16
#define GGC_MAX_RATES 2

typedef uint16_t ggc_u16x16 __attribute__((vector_size(2 * GGC_LANES)));
typedef int16_t ggc_i16x16 __attribute__((vector_size(2 * GGC_LANES)));

typedef struct {
    uint16_t *lanes;  /* [context][rate][GGC_LANES], 32-byte aligned */
    uint16_t *counts; /* [context]: symbols seen, saturating at `saturation` */
    uint32_t num_contexts;
    int num_symbols;
    int num_rates;
    int rate[GGC_MAX_RATES];               /* the steady state moves by 2^-rate */
    uint32_t num_gains[GGC_MAX_RATES];     /* counts below it use gains[count] instead */
    const uint16_t *gains[GGC_MAX_RATES];  /* in units of 2^-15, at most 2^15 */
    uint16_t saturation;                   /* the larger num_gains */
} ggc_dyadic;

/* What an update needs besides the CDF: the lowest value of each lane (every symbol below one unit wide), and
 * the highest (every symbol above one unit wide). */
typedef struct {
    ggc_u16x16 index, floor, ceiling;
} ggc_bounds;

static inline ggc_bounds ggc_bounds_of(int num_symbols)
{
    ggc_bounds b;
    for (int j = 0; j < GGC_LANES; j++) {
        int above = num_symbols - (j + 1);
        b.index[j] = (uint16_t)j;
        b.floor[j] = (uint16_t)(j + 1);
        b.ceiling[j] = (uint16_t)(GGC_CDF_TOTAL - (uint32_t)(above > 0 ? above : 0));
    }
    return b;
}

static inline ggc_u16x16 ggc_load_cdf(const uint16_t *lanes)
{
    return *(const ggc_u16x16 *)__builtin_assume_aligned(lanes, 2 * GGC_LANES);
}

static inline void ggc_store_cdf(uint16_t *lanes, ggc_u16x16 cdf)
{
    *(ggc_u16x16 *)__builtin_assume_aligned(lanes, 2 * GGC_LANES) = cdf;
}

/* The average of two CDFs, rounded up. Both rise by at least 1 a lane, so their sum rises by at least 2 and the
 * rounded half by at least 1: the average is strictly increasing too. Written without a carry out of 16 bits. */
static inline ggc_u16x16 ggc_mix(ggc_u16x16 a, ggc_u16x16 b)
{
    return (a | b) - ((a ^ b) >> 1);
}

/* The symbol whose interval holds `slot`: the number of lanes at or below it. */
static inline uint32_t ggc_search(ggc_u16x16 cdf, uint32_t slot)
{
    ggc_u16x16 passed = (ggc_u16x16)(cdf <= ((ggc_u16x16){0} + (uint16_t)slot));
#if defined(__AVX2__)
    return (uint32_t)__builtin_ctzll(~(uint64_t)(uint32_t)_mm256_movemask_epi8((__m256i)passed)) >> 1;
#elif defined(__SSE2__)
    union {
        ggc_u16x16 all;
        __m128i half[2];
    } u = {passed};
    return (uint32_t)__builtin_ctz(~(uint32_t)_mm_movemask_epi8(_mm_packs_epi16(u.half[0], u.half[1])));
#else
    uint32_t symbol = 0;
    for (int j = 0; j < GGC_LANES; j++)
        symbol += passed[j] & 1u;
    return symbol;
#endif
}

/* fl[symbol] of lanes in memory, without a branch on the most probable symbol. */
static inline uint32_t ggc_cdf_start(const uint16_t *lanes, uint32_t symbol)
{
    return lanes[(symbol - 1) & (GGC_LANES - 1)] & -(uint32_t)(symbol != 0);
}

/* One step of adaptation towards `symbol`. With `toward` = fl - floor below the symbol (>= 0) and fl - ceiling
 * at and above it (<= 0), both formulas of the draft are fl -= floor(toward * gain), but that the steady state
 * rounds away from zero below the symbol: ceil(g / 2^r) = floor((g - 1) / 2^r) + 1. The shifts of negative
 * numbers are arithmetic: they must floor. Neither step can pass the bound that it moves towards, and both are
 * monotonic in the distance to it, so a strictly increasing CDF stays one. */
static inline ggc_u16x16 ggc_adapt(ggc_u16x16 cdf, const ggc_bounds *b, uint32_t symbol, uint32_t count,
                                   const uint16_t *gains, uint32_t num_gains, int rate)
{
    ggc_u16x16 below = (ggc_u16x16)(b->index < ((ggc_u16x16){0} + (uint16_t)symbol));
    ggc_i16x16 toward = (ggc_i16x16)(cdf - ((b->floor & below) | (b->ceiling & ~below)));
    if (count < num_gains) {
        int32_t gain = gains[count];
        for (int j = 0; j < GGC_LANES; j++)
            toward[j] = (int16_t)((toward[j] * gain) >> GGC_CDF_BITS);
        return cdf - (ggc_u16x16)toward;
    }
    ggc_i16x16 one_below = (ggc_i16x16)below; /* -1 below the symbol, else 0 */
    return cdf - (ggc_u16x16)(((toward + one_below) >> rate) - one_below);
}

#endif
