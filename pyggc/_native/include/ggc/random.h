/* Chance without a state: a number for each place in a table, of which the seed is the key. */
#ifndef GGC_RANDOM_H
#define GGC_RANDOM_H

#include "ggc/portable.h"

/* The finalizer of SplitMix64 (Steele, Lea and Flood, 2014). */
GGC_INLINE uint64_t ggc_scramble(uint64_t v) {
    v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9u;
    v = (v ^ (v >> 27)) * 0x94d049bb133111ebu;
    return v ^ (v >> 31);
}

/* Evenly within [0, 1). */
GGC_INLINE double ggc_uniform(uint64_t seed, uint64_t index) {
    const uint64_t bits = ggc_scramble(ggc_scramble(seed) + (index + 1) * 0x9e3779b97f4a7c15u);
    return (double)(bits >> 11) * 0x1p-53;
}

#endif
