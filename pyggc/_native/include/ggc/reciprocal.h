/* Division by a frequency as a multiplication. */
#ifndef GGC_RECIPROCAL_H
#define GGC_RECIPROCAL_H

#include <stdint.h>

__extension__ typedef unsigned __int128 ggc_u128;

/* floor(x / f) = (x + add) * factor >> (64 + shift) for 1 <= f <= 2^15 and all x < f 2^49.
 *
 * With 2^(k-1) < f <= 2^k, k >= 1, let u = 2^(63+k) = q f + r. Rounding the factor up, to q + 1, errs by
 * x (f - r) / (f u) at most, which does not reach the next multiple of 1 / f as long as x (f - r) < u; rounding it down
 * and adding 1 to x needs (x + 1) r <= u. As x < f 2^49, one of them holds: f (f - r) 2^49 < u or f r 2^49 <= u, since
 * the smaller of r and f - r is at most f / 2 <= 2^(k-1), f <= 2^k, and 2k + 48 <= 63 + k for k <= 15. */
typedef struct {
    uint64_t factor;
    uint32_t shift, add;
} ggc_reciprocal;

static inline ggc_reciprocal ggc_reciprocal_of(uint32_t f) {
    if (f == 1)
        return (ggc_reciprocal){UINT64_MAX, 0, 1}; /* (x + 1) (2^64 - 1) >> 64 = x */
    const int k = 32 - __builtin_clz(f - 1);
    const ggc_u128 u = (ggc_u128)1 << (63 + k);
    const uint64_t rest = (uint64_t)(u % f);
    const int down = rest == 0 || f * (f - rest) >= (uint64_t)1 << (14 + k);
    return (ggc_reciprocal){(uint64_t)(u / f) + (uint64_t)!down, (uint32_t)k - 1, rest != 0 && down};
}

static inline uint64_t ggc_divide(uint64_t x, const ggc_reciprocal *r) {
    return (uint64_t)((ggc_u128)(x + r->add) * r->factor >> 64) >> r->shift;
}

#endif
