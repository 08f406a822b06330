/* Static models: CDFs of a total of 2^15 that never change, of alphabets of any size. */
#ifndef GGC_STATIC_H
#define GGC_STATIC_H

#include <stddef.h>
#include <stdint.h>

#include "dyadic.h"
#include "reciprocal.h"

/* What a rANS step of a symbol needs, for states other than 0, in half a cache line.
 *
 * A frequency of 1 is an exception to the general form, so that no 1 need be added to the state for it (which only a
 * frequency above 2^14 may need, of which a CDF has one at most): with the factor 2^64 - 1 the quotient comes out as x
 * - 1, and what is missing from its product with the complement is in `start`. */
typedef struct {
    uint64_t factor, full;      /* the reciprocal of the frequency; the least state that must give up a word first */
    uint32_t start, complement; /* 2^15 - frequency */
    uint32_t shift, add;
} ggc_static_put;

static inline ggc_static_put ggc_static_put_of(uint32_t start, uint32_t frequency) {
    const ggc_reciprocal r = ggc_reciprocal_of(frequency);
    const uint32_t complement = GGC_CDF_TOTAL - frequency, one = frequency == 1;
    return (ggc_static_put){.factor = r.factor,
                            .full = (uint64_t)frequency << 49,
                            .start = start + (one ? complement : 0),
                            .complement = complement,
                            .shift = r.shift,
                            .add = one ? 0 : r.add};
}

typedef struct {
    const uint16_t *ends;       /* [context][num_symbols]: fl[1] to fl[num_symbols] */
    const uint32_t *steps;      /* [context][num_symbols]: start and frequency, as a step of a log */
    const uint16_t *first;      /* [context][2^lookup_bits]: the first symbol of each run of slots */
    const ggc_static_put *puts; /* [context][num_symbols], or NULL where they would be too large a table */
    const uint8_t *adds;        /* [context]: whether any of the puts adds 1 */
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
                                   uint16_t *ends, uint32_t *steps, uint16_t *first, ggc_static_put *puts,
                                   uint8_t *adds) {
    for (size_t c = 0; c < num_contexts; c++, cdfs += num_symbols + 1) {
        uint32_t symbol = 0;
        adds[c] = 0;
        for (uint32_t s = 0; s < num_symbols; s++) {
            const uint32_t frequency = (uint32_t)(cdfs[s + 1] - cdfs[s]);
            ends[c * num_symbols + s] = cdfs[s + 1];
            steps[c * num_symbols + s] = (uint32_t)cdfs[s] << 16 | frequency;
            if (puts) {
                puts[c * num_symbols + s] = ggc_static_put_of(cdfs[s], frequency);
                adds[c] |= puts[c * num_symbols + s].add != 0;
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
