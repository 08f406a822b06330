/* Logistic mixing of predictions of one bit: adaptive probabilities and their mixer.
 *
 * docs/spec_lossless.rst is normative. Integers only, so the same bits everywhere. Per binary decision:
 *
 *     ggc_logistic tables;  ggc_logistic_init(&tables);                          once, at import
 *     ggc_stretch(t, *bits[i]) for each of at most GGC_MIX_INPUTS contexts -> inputs.at[i], the others 0
 *     int32_t x = ggc_mix_dot(weights, &inputs);                                 the blend, in the logistic domain
 *     uint32_t p = ggc_squash(t, x);                                             of a one, in 2^-16, never 0 or 2^16
 *     ... code the bit with p ...
 *     ggc_mix_update(weights, &inputs, ggc_mix_error(p, bit), shift);
 *     ggc_bit_update(t, bits[i], bit, limit) for each context
 *
 * A probability in the logistic domain ("stretched") is ln(p / (1 - p)) in steps of 2^-8.
 */
#ifndef GGC_MIX_H
#define GGC_MIX_H

#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#ifndef GGC_ALWAYS_INLINE
#define GGC_ALWAYS_INLINE inline __attribute__((always_inline))
#endif

#define GGC_MIX_INPUTS 8
#define GGC_MIX_ONE 65536      /* a weight of 1 */
#define GGC_STRETCH_BITS 12    /* of a probability, that choose its stretched value */
#define GGC_STRETCH_LIMIT 2815 /* 11.0: a probability of 2^-16 */

typedef struct {
    uint16_t squash[2 * GGC_STRETCH_LIMIT + 1]; /* [x + LIMIT]: in 2^-16, in [1, 65535], rising */
    int16_t stretch[1 << GGC_STRETCH_BITS];     /* at the middle of each interval of probabilities */
    uint32_t rate[256];                         /* [count]: 2^16 / (count + 1.5), rounded down */
} ggc_logistic;

/* e^-(1/256) in 2^-32 */
#define GGC_EXP_STEP 4278222805ull

/* squash(x) = 1 / (1 + e^-x). e^-x by repeated multiplication in 2^-32, rounded down; the other half by symmetry. */
static inline void ggc_logistic_init(ggc_logistic *t) {
    uint64_t power = (uint64_t)1 << 32;
    for (int x = 0; x <= GGC_STRETCH_LIMIT; x++) {
        const uint32_t p = (uint32_t)(((uint64_t)1 << 48) / (((uint64_t)1 << 32) + power));
        t->squash[GGC_STRETCH_LIMIT + x] = (uint16_t)p;
        t->squash[GGC_STRETCH_LIMIT - x] = (uint16_t)(65536 - p);
        power = power * GGC_EXP_STEP >> 32;
    }
    /* The least x whose squash reaches the middle of the interval; the other half by symmetry. */
    const uint32_t half = 1u << (GGC_STRETCH_BITS - 1);
    int x = 0;
    for (uint32_t i = 0; i < half; i++) {
        while (t->squash[GGC_STRETCH_LIMIT + x] < 32768 + ((2 * i + 1) << (15 - GGC_STRETCH_BITS)))
            x++;
        t->stretch[half + i] = (int16_t)x;
        t->stretch[half - 1 - i] = (int16_t)-x;
    }
    for (uint32_t n = 0; n < 256; n++)
        t->rate[n] = (2u << 16) / (2 * n + 3);
}

/* The probability of a one, learnt in one context: 24 bits of it above 8 bits that count what was seen. */
typedef uint32_t ggc_bit;
#define GGC_BIT_INIT (1u << 31)

static GGC_ALWAYS_INLINE int32_t ggc_stretch(const ggc_logistic *t, ggc_bit bit) {
    return t->stretch[bit >> (32 - GGC_STRETCH_BITS)];
}

/* The probability of a one in 2^-16, possibly 0. */
static GGC_ALWAYS_INLINE uint32_t ggc_bit_p16(ggc_bit bit) {
    return bit >> 16;
}

/* p moves by 1 / (count + 1.5) of the way to the bit, at least by 1 / (limit + 1.5); limit <= 255. The rate is at most
 * 2/3, so p stays in [0, 2^24). */
static GGC_ALWAYS_INLINE void ggc_bit_update(const ggc_logistic *t, ggc_bit *state, int bit, uint32_t limit) {
    const uint32_t s = *state, count = s & 255;
    const int64_t way = (int64_t)(bit ? 0xffffff : 0) - (int64_t)(s >> 8);
    const uint32_t p = (uint32_t)((int64_t)(s >> 8) + (way * (int64_t)t->rate[count] >> 16));
    *state = p << 8 | (count + (count < limit));
}

/* Stretched probabilities, within +-2^12; the unused ones are 0. Best set all at once, as .at = {...}: a vector that is
 * stored in pieces and loaded whole waits for the stores. */
typedef int16_t ggc_mix_lanes __attribute__((vector_size(2 * GGC_MIX_INPUTS)));

typedef struct {
    ggc_mix_lanes at;
} ggc_mix_inputs;

/* Weights of 16 fraction bits, which add modulo 2^32. */
typedef struct {
    int32_t at[GGC_MIX_INPUTS];
} __attribute__((aligned(16))) ggc_mix_weights;

static inline void ggc_mix_init(ggc_mix_weights *weights, int32_t weight) {
    for (int i = 0; i < GGC_MIX_INPUTS; i++)
        weights->at[i] = weight;
}

/* sum of input * weight, the weight's `fraction` bits cut to 12 and its value to [-8, 8), modulo 2^32. `n` is a
 * multiple of 8, both blocks are aligned to 16 bytes. */
static GGC_ALWAYS_INLINE uint32_t ggc_weighted_sum(const int32_t *weights, const int16_t *inputs, const int n,
                                                   const int fraction) {
#if defined(__SSE2__)
    __m128i sum = _mm_setzero_si128();
    for (int i = 0; i < n; i += 8) {
        const __m128i *w = (const __m128i *)(weights + i);
        const __m128i low = _mm_srai_epi32(_mm_load_si128(w), fraction - 12),
                      high = _mm_srai_epi32(_mm_load_si128(w + 1), fraction - 12);
        const __m128i x = _mm_load_si128((const __m128i *)(inputs + i));
        sum = _mm_add_epi32(sum, _mm_madd_epi16(_mm_packs_epi32(low, high), x));
    }
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(sum);
#else
    uint32_t sum = 0;
    for (int i = 0; i < n; i++) {
        const int32_t w = weights[i] >> (fraction - 12);
        sum += (uint32_t)((w < INT16_MIN ? INT16_MIN : w > INT16_MAX ? INT16_MAX : w) * inputs[i]);
    }
    return sum;
#endif
}

/* weight += input * factor / 2^shift, rounded to the nearest: rounded down they would drift. The factor is in 16 bits,
 * the shift positive.
 */
static GGC_ALWAYS_INLINE void ggc_add_weighted(int32_t *weights, const int16_t *inputs, const int n, int32_t factor,
                                               const int shift) {
#if defined(__SSE2__)
    const __m128i f = _mm_set1_epi16((int16_t)factor), half = _mm_set1_epi32(1 << (shift - 1));
    for (int i = 0; i < n; i += 8) {
        __m128i *w = (__m128i *)(weights + i);
        const __m128i x = _mm_load_si128((const __m128i *)(inputs + i));
        const __m128i low = _mm_mullo_epi16(x, f), high = _mm_mulhi_epi16(x, f);
        const __m128i first = _mm_srai_epi32(_mm_add_epi32(_mm_unpacklo_epi16(low, high), half), shift);
        const __m128i second = _mm_srai_epi32(_mm_add_epi32(_mm_unpackhi_epi16(low, high), half), shift);
        _mm_store_si128(w, _mm_add_epi32(_mm_load_si128(w), first));
        _mm_store_si128(w + 1, _mm_add_epi32(_mm_load_si128(w + 1), second));
    }
#else
    for (int i = 0; i < n; i++)
        weights[i] = (int32_t)((uint32_t)weights[i] + (uint32_t)((inputs[i] * factor + (1 << (shift - 1))) >> shift));
#endif
}

/* The blend: in the logistic domain, within +-GGC_STRETCH_LIMIT. The sum of eight products is below 2^31. */
static GGC_ALWAYS_INLINE int32_t ggc_mix_dot(const ggc_mix_weights *weights, const ggc_mix_inputs *inputs) {
    const int32_t sum = (int32_t)ggc_weighted_sum(weights->at, (const int16_t *)&inputs->at, GGC_MIX_INPUTS, 16) >> 12;
    return sum < -GGC_STRETCH_LIMIT ? -GGC_STRETCH_LIMIT : sum > GGC_STRETCH_LIMIT ? GGC_STRETCH_LIMIT : sum;
}

/* Of a stretched value within +-GGC_STRETCH_LIMIT. */
static GGC_ALWAYS_INLINE uint32_t ggc_squash(const ggc_logistic *t, int32_t x) {
    return t->squash[x + GGC_STRETCH_LIMIT];
}

/* What the probability p, in 2^-16, missed the bit by, in 2^-15. */
static GGC_ALWAYS_INLINE int32_t ggc_mix_error(uint32_t p, int bit) {
    return ((bit << 16) - (int32_t)p) >> 1;
}

/* A step down the gradient of the code length: weight += input * error / 2^shift; a shift of 16 is slow
 * and steady, 12 fast, the factor of the gradient in natural units being 2^(7 - shift). */
static GGC_ALWAYS_INLINE void ggc_mix_update(ggc_mix_weights *weights, const ggc_mix_inputs *inputs, int32_t error,
                                             const int shift) {
    ggc_add_weighted(weights->at, (const int16_t *)&inputs->at, GGC_MIX_INPUTS, error, shift);
}

#endif
