/* From accumulators to samples: the last steps of the exact renderer, all in integers but for the last of float32. */
#ifndef GGC_SAMPLES_H
#define GGC_SAMPLES_H

#include "ggc/gaussian.h"

/* Types of samples. */
enum { GGC_UINT8, GGC_UINT16, GGC_FLOAT32, GGC_INT32 };

/* The mean of `area` accumulators, halves up. */
GGC_INLINE int32_t ggc_mean(int64_t sum, int64_t area) {
    /* floor(sum / area + 1/2); C divides toward zero, so the dividend is made positive first: |sum| < 2^31 area */
    return (int32_t)((2 * sum + area + (area << 33)) / (2 * area) - ((int64_t)1 << 32));
}

/* An accumulator clipped to [0, 1]. */
GGC_INLINE int32_t ggc_unit(int32_t value) {
    const int32_t one = 1 << GGC_FRACTION_BITS;
    value = value < 0 ? 0 : value;
    return value > one ? one : value;
}

/* round(value * maximum) of a clipped accumulator, halves up. The products need 28 and 37 bits. */
GGC_INLINE uint8_t ggc_uint8(int32_t value) {
    return (uint8_t)((ggc_unit(value) * 255 + (1 << (GGC_FRACTION_BITS - 1))) >> GGC_FRACTION_BITS);
}

GGC_INLINE uint16_t ggc_uint16(int32_t value) {
    return (uint16_t)((ggc_unit(value) * (int64_t)65535 + (1 << (GGC_FRACTION_BITS - 1))) >> GGC_FRACTION_BITS);
}

/* Exactly rounded: the conversion rounds to 24 bits, the product is exact. */
GGC_INLINE float ggc_float32(int32_t value) {
    return (float)value * 0x1p-20f;
}

#endif
