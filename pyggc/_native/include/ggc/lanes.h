/* Integers of 16 and 32 bits in the widest vectors that the including file is compiled for: what flows need of them.
 *
 * Lanes are unsigned, so that sums wrap around, and are taken for signed where something is shifted. Every operation
 * gives the same bits in any variant.
 */
#ifndef GGC_LANES_H
#define GGC_LANES_H

#include <stdint.h>

#include "ggc/gaussian.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#if defined(__AVX2__)
#define GGC_VECTOR_BYTES 32
#else
#define GGC_VECTOR_BYTES 16
#endif

typedef uint16_t ggc_v16 __attribute__((vector_size(GGC_VECTOR_BYTES)));
typedef int16_t ggc_s16 __attribute__((vector_size(GGC_VECTOR_BYTES)));
typedef uint32_t ggc_v32 __attribute__((vector_size(GGC_VECTOR_BYTES)));
typedef int32_t ggc_s32 __attribute__((vector_size(GGC_VECTOR_BYTES)));
typedef uint64_t ggc_v64 __attribute__((vector_size(GGC_VECTOR_BYTES)));
/* Pairs of lanes, the first one low. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "pairs of lanes are taken for little-endian"
#endif
typedef ggc_v32 ggc_pairs_16;
typedef ggc_v64 ggc_pairs_32;
/* In memory, where they may lie anywhere. */
typedef uint64_t ggc_m64 __attribute__((vector_size(GGC_VECTOR_BYTES), aligned(1), may_alias));
typedef uint16_t ggc_m16 __attribute__((vector_size(GGC_VECTOR_BYTES), aligned(2), may_alias));
typedef uint32_t ggc_m32 __attribute__((vector_size(GGC_VECTOR_BYTES), aligned(4), may_alias));

/* One lane, for what has too few to fill a vector in an easy way. */
GGC_INLINE uint16_t ggc_half_u16(uint16_t q) {
    return (uint16_t)((int16_t)(uint16_t)(q + (q >> 15)) >> 1);
}
GGC_INLINE uint32_t ggc_half_u32(uint32_t q) {
    return (uint32_t)((int32_t)(q + (q >> 31)) >> 1);
}
GGC_INLINE uint16_t ggc_shift_u16(uint16_t q, const int bits) {
    return (uint16_t)((int16_t)q >> bits);
}
GGC_INLINE uint32_t ggc_shift_u32(uint32_t q, const int bits) {
    return (uint32_t)((int32_t)q >> bits);
}
GGC_INLINE uint16_t ggc_lift_u16(uint16_t q, const int factor) {
    return (uint16_t)(((int64_t)(int16_t)q * factor + (1 << 14)) >> 15);
}
GGC_INLINE uint32_t ggc_lift_u32(uint32_t q, const int factor) {
    return (uint32_t)(((int64_t)(int32_t)q * factor + (1 << 14)) >> 15);
}

/* h(q): half of it, rounded toward zero. */
GGC_INLINE ggc_v16 ggc_half_v16(ggc_v16 q) {
    return (ggc_v16)((ggc_s16)(q + (q >> 15)) >> 1);
}
GGC_INLINE ggc_v32 ggc_half_v32(ggc_v32 q) {
    return (ggc_v32)((ggc_s32)(q + (q >> 31)) >> 1);
}
GGC_INLINE ggc_v16 ggc_shift_v16(ggc_v16 q, const int bits) {
    return (ggc_v16)((ggc_s16)q >> bits);
}
GGC_INLINE ggc_v32 ggc_shift_v32(ggc_v32 q, const int bits) {
    return (ggc_v32)((ggc_s32)q >> bits);
}

/* (factor q + 2^14) >> 15 of the exact product, 0 <= factor < 2^15. Of 16 bits that is one instruction where there is
 * SSSE3, and else made of the halves of the product. Of 32 bits q is 2^16 high + low, with the high half signed, and
 * the result 2 high factor + ((low factor + 2^14) >> 15); SSE2 multiplies signed halves only, so that low is taken as
 * low - 2^15 and the difference made up for in the constant. */
#if defined(__AVX2__)
#define GGC_X86_VECTOR __m256i
#define GGC_X86(name) _mm256_##name
#elif defined(__SSE2__)
#define GGC_X86_VECTOR __m128i
#define GGC_X86(name) _mm_##name
#endif

#if defined(__SSE2__)
GGC_INLINE ggc_v16 ggc_product_v16(ggc_v16 q, const int factor) {
    const GGC_X86_VECTOR x = (GGC_X86_VECTOR)q, f = GGC_X86(set1_epi16)((short)factor);
#if defined(__AVX2__)
    return (ggc_v16)GGC_X86(mulhrs_epi16)(x, f);
#else
    const ggc_v16 high = (ggc_v16)GGC_X86(mulhi_epi16)(x, f), low = (ggc_v16)GGC_X86(mullo_epi16)(x, f);
    const ggc_v16 zero = {0};
    return high + high + (ggc_v16)GGC_X86(avg_epu16)((GGC_X86_VECTOR)(low >> 14), (GGC_X86_VECTOR)zero);
#endif
}
GGC_INLINE ggc_v32 ggc_product_v32(ggc_v32 q, const int factor) {
    const GGC_X86_VECTOR on_low = GGC_X86(set1_epi32)(factor), flipped = (GGC_X86_VECTOR)(q ^ 0x8000);
    const uint32_t rest = ((uint32_t)factor << 15) + (1u << 14);
    const ggc_v32 low = (ggc_v32)GGC_X86(madd_epi16)(flipped, on_low) + rest;
    /* Twice the factor where that is still a signed half. */
    const int twice = factor < 1 << 14;
    const GGC_X86_VECTOR on_high = GGC_X86(set1_epi32)((int)((uint32_t)factor << (16 + twice)));
    const ggc_v32 high = (ggc_v32)GGC_X86(madd_epi16)((GGC_X86_VECTOR)q, on_high);
    return (twice ? high : high + high) + (low >> 15);
}
#else
GGC_INLINE ggc_v16 ggc_product_v16(ggc_v16 q, const int factor) {
    for (int i = 0; i < GGC_VECTOR_BYTES / 2; i++)
        q[i] = (uint16_t)(((int16_t)q[i] * factor + (1 << 14)) >> 15);
    return q;
}
GGC_INLINE ggc_v32 ggc_product_v32(ggc_v32 q, const int factor) {
    const ggc_v32 high = (ggc_v32)((ggc_s32)q >> 15), low = q & 0x7fff;
    return high * (uint32_t)factor + ((low * (uint32_t)factor + (1u << 14)) >> 15);
}
#endif

/* h(q) for -2^14 <= q <= 2^14: a product with 1/2 - 2^-15, rounded to the nearest, is rounded toward zero. */
GGC_INLINE ggc_v16 ggc_half_v15(ggc_v16 q) {
#if defined(__AVX2__)
    return ggc_product_v16(q, (1 << 14) - 1);
#else
    return ggc_half_v16(q);
#endif
}

/* The rounded product for factors below 2^16: 1 + f gives q more. */
GGC_INLINE ggc_v16 ggc_lift_v16(ggc_v16 q, const int factor) {
    const ggc_v16 product = ggc_product_v16(q, factor & 0x7fff);
    return factor >> 15 ? q + product : product;
}
GGC_INLINE ggc_v32 ggc_lift_v32(ggc_v32 q, const int factor) {
    const ggc_v32 product = ggc_product_v32(q, factor & 0x7fff);
    return factor >> 15 ? q + product : product;
}

/* The smaller and the larger of signed lanes. */
#define GGC_DEFINE_EXTREMES(vector, signed_vector, bits)                                                               \
    GGC_INLINE vector ggc_min_v##bits(vector a, vector b) {                                                            \
        const vector less = (vector)((signed_vector)a < (signed_vector)b);                                             \
        return (a & less) | (b & ~less);                                                                               \
    }                                                                                                                  \
    GGC_INLINE vector ggc_max_v##bits(vector a, vector b) {                                                            \
        const vector less = (vector)((signed_vector)a < (signed_vector)b);                                             \
        return (b & less) | (a & ~less);                                                                               \
    }
#define GGC_DEFINE_X86_EXTREMES(vector, bits)                                                                          \
    GGC_INLINE vector ggc_min_v##bits(vector a, vector b) {                                                            \
        return (vector)GGC_X86(min_epi##bits)((GGC_X86_VECTOR)a, (GGC_X86_VECTOR)b);                                   \
    }                                                                                                                  \
    GGC_INLINE vector ggc_max_v##bits(vector a, vector b) {                                                            \
        return (vector)GGC_X86(max_epi##bits)((GGC_X86_VECTOR)a, (GGC_X86_VECTOR)b);                                   \
    }
#if defined(__SSE2__)
GGC_DEFINE_X86_EXTREMES(ggc_v16, 16)
#else
GGC_DEFINE_EXTREMES(ggc_v16, ggc_s16, 16)
#endif
#if defined(__AVX2__)
GGC_DEFINE_X86_EXTREMES(ggc_v32, 32)
#else
GGC_DEFINE_EXTREMES(ggc_v32, ggc_s32, 32)
#endif

/* Signed lanes of 32 bits to 16 bits, in each 128 bits those of a and then those of b; what is too large becomes the
 * nearest extreme. */
GGC_INLINE ggc_v16 ggc_narrow_v(ggc_v32 a, ggc_v32 b) {
#if defined(__SSE2__)
    return (ggc_v16)GGC_X86(packs_epi32)((GGC_X86_VECTOR)a, (GGC_X86_VECTOR)b);
#else
    ggc_v16 packed;
    for (int i = 0; i < GGC_VECTOR_BYTES / 4; i++) {
        const int32_t first = (int32_t)a[i], second = (int32_t)b[i];
        packed[i] = (uint16_t)(first < INT16_MIN ? INT16_MIN : first > INT16_MAX ? INT16_MAX : first);
        packed[GGC_VECTOR_BYTES / 4 + i] = (uint16_t)(second < INT16_MIN   ? INT16_MIN
                                                      : second > INT16_MAX ? INT16_MAX
                                                                           : second);
    }
    return packed;
#endif
}

/* Back to a and b. */
GGC_INLINE void ggc_widen_v(ggc_v16 v, ggc_v32 *a, ggc_v32 *b) {
#if defined(__SSE2__)
    const GGC_X86_VECTOR x = (GGC_X86_VECTOR)v;
    *a = (ggc_v32)GGC_X86(srai_epi32)(GGC_X86(unpacklo_epi16)(x, x), 16);
    *b = (ggc_v32)GGC_X86(srai_epi32)(GGC_X86(unpackhi_epi16)(x, x), 16);
#else
    for (int i = 0; i < GGC_VECTOR_BYTES / 4; i++) {
        (*a)[i] = (uint32_t)(int16_t)v[i];
        (*b)[i] = (uint32_t)(int16_t)v[GGC_VECTOR_BYTES / 4 + i];
    }
#endif
}

/* ggc_narrow_v with all of a before all of b. */
GGC_INLINE ggc_v16 ggc_pack(ggc_v32 a, ggc_v32 b) {
#if defined(__AVX2__)
    return (ggc_v16)_mm256_permute4x64_epi64((__m256i)ggc_narrow_v(a, b), 0xd8);
#else
    return ggc_narrow_v(a, b);
#endif
}

/* Back to a and b. */
GGC_INLINE void ggc_unpack(ggc_v16 v, ggc_v32 *a, ggc_v32 *b) {
#if defined(__AVX2__)
    v = (ggc_v16)_mm256_permute4x64_epi64((__m256i)v, 0xd8);
#endif
    ggc_widen_v(v, a, b);
}

/* In each 128 bits: the first or the second halves of a and b, one lane of each after the other. */
#if defined(__SSE2__)
#define GGC_DEFINE_ZIP(vector, bits)                                                                                   \
    GGC_INLINE void ggc_zip_v##bits(vector *a, vector *b) {                                                            \
        const GGC_X86_VECTOR x = (GGC_X86_VECTOR) * a, y = (GGC_X86_VECTOR) * b;                                       \
        *a = (vector)GGC_X86(unpacklo_epi##bits)(x, y);                                                                \
        *b = (vector)GGC_X86(unpackhi_epi##bits)(x, y);                                                                \
    }
#else
#define GGC_DEFINE_ZIP(vector, bits)                                                                                   \
    GGC_INLINE void ggc_zip_v##bits(vector *a, vector *b) {                                                            \
        const vector x = *a, y = *b;                                                                                   \
        for (int i = 0; i < 64 / bits; i++) {                                                                          \
            (*a)[2 * i] = x[i];                                                                                        \
            (*a)[2 * i + 1] = y[i];                                                                                    \
            (*b)[2 * i] = x[64 / bits + i];                                                                            \
            (*b)[2 * i + 1] = y[64 / bits + i];                                                                        \
        }                                                                                                              \
    }
#endif
GGC_DEFINE_ZIP(ggc_v16, 16)
GGC_DEFINE_ZIP(ggc_v32, 32)
GGC_DEFINE_ZIP(ggc_v64, 64)

/* The even lanes of the first, the odd ones of the second; in pairs. */
#if defined(__AVX2__)
GGC_INLINE ggc_pairs_16 ggc_alternate_16(ggc_pairs_16 even, ggc_pairs_16 odd) {
    return (ggc_pairs_16)_mm256_blend_epi16((__m256i)even, (__m256i)odd, 0xaa);
}
GGC_INLINE ggc_pairs_32 ggc_alternate_32(ggc_pairs_32 even, ggc_pairs_32 odd) {
    return (ggc_pairs_32)_mm256_blend_epi32((__m256i)even, (__m256i)odd, 0xaa);
}
#else
GGC_INLINE ggc_pairs_16 ggc_alternate_16(ggc_pairs_16 even, ggc_pairs_16 odd) {
    return (even & UINT16_MAX) | (odd & ~(uint32_t)UINT16_MAX);
}
GGC_INLINE ggc_pairs_32 ggc_alternate_32(ggc_pairs_32 even, ggc_pairs_32 odd) {
    return (even & UINT32_MAX) | (odd & ~(uint64_t)UINT32_MAX);
}
#endif

/* Exchanges the second 128 bits of a with the first of b, where there are any. */
#if defined(__AVX2__)
#define GGC_DEFINE_EXCHANGE(vector, bits)                                                                              \
    GGC_INLINE void ggc_exchange_v##bits(vector *a, vector *b) {                                                       \
        const __m256i x = (__m256i) * a, y = (__m256i) * b;                                                            \
        const __m256i middle = _mm256_permute2x128_si256(x, y, 0x21); /* blends take less than two permutations */     \
        *a = (vector)_mm256_blend_epi32(x, middle, 0xf0);                                                              \
        *b = (vector)_mm256_blend_epi32(middle, y, 0xf0);                                                              \
    }
GGC_DEFINE_EXCHANGE(ggc_v16, 16)
GGC_DEFINE_EXCHANGE(ggc_v32, 32)
GGC_DEFINE_EXCHANGE(ggc_v64, 64)
#endif

#endif
