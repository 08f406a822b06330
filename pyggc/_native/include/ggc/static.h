/* Static models: CDFs of a total of 2^15 that never change, of alphabets of any size. */
#ifndef GGC_STATIC_H
#define GGC_STATIC_H

#include <stddef.h>
#include <stdint.h>

#include "dyadic.h"
#include "reciprocal.h"

/* What a rANS step of a symbol needs, in half a cache line. */
typedef struct {
    ggc_reciprocal frequency;
    uint64_t full;              /* the least state that must give up a word first */
    uint32_t start, complement; /* 2^15 - frequency */
} ggc_static_put;

typedef struct {
    const uint16_t *ends;       /* [context][num_symbols]: fl[1] to fl[num_symbols] */
    const uint32_t *steps;      /* [context][num_symbols]: start and frequency, as a step of a log */
    const uint16_t *first;      /* [context][2^lookup_bits]: the first symbol of each run of slots */
    const ggc_static_put *puts; /* [context][num_symbols], or NULL where they would be too large a table */
    uint32_t num_symbols;
    int lookup_bits; /* at most GGC_CDF_BITS */
} ggc_static;

/* The symbol of a slot: that of the run's first slot, or one of those after it that begin in the same run. */
static inline uint32_t ggc_static_symbol(const ggc_static *m, uint32_t context, uint32_t slot) {
    const uint16_t *ends = m->ends + (size_t)context * m->num_symbols;
    uint32_t symbol = m->first[((size_t)context << m->lookup_bits) + (slot >> (GGC_CDF_BITS - m->lookup_bits))];
    while (ends[symbol] <= slot)
        symbol++;
    return symbol;
}

/* Fills the tables from CDFs of num_symbols + 1 entries a context, which the caller has checked. */
static inline void ggc_static_fill(const uint16_t *cdfs, size_t num_contexts, uint32_t num_symbols, int lookup_bits,
                                   uint16_t *ends, uint32_t *steps, uint16_t *first, ggc_static_put *puts) {
    for (size_t c = 0; c < num_contexts; c++, cdfs += num_symbols + 1) {
        uint32_t symbol = 0;
        for (uint32_t s = 0; s < num_symbols; s++) {
            const uint32_t frequency = (uint32_t)(cdfs[s + 1] - cdfs[s]);
            ends[c * num_symbols + s] = cdfs[s + 1];
            steps[c * num_symbols + s] = (uint32_t)cdfs[s] << 16 | frequency;
            if (puts) {
                puts[c * num_symbols + s] = (ggc_static_put){ggc_reciprocal_of(frequency), (uint64_t)frequency << 49,
                                                             cdfs[s], GGC_CDF_TOTAL - frequency};
            }
        }
        for (uint32_t run = 0; run < 1u << lookup_bits; run++) {
            while (cdfs[symbol + 1] <= run << (GGC_CDF_BITS - lookup_bits))
                symbol++;
            first[(c << lookup_bits) + run] = (uint16_t)symbol;
        }
    }
}

#endif
