/* Buffers of any integer type, and raw bits packed most significant first. */
#ifndef GGC_BITS_H
#define GGC_BITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Copies n integers of a numeric type to another, up to the first outside [0, limit]; returns how many it copied. */
#define GGC_NARROW(name, from, to)                                                                                     \
    static inline size_t name(const void *source, to *target, size_t n, uint64_t limit) {                              \
        const from *values = (const from *)source;                                                                     \
        int bad = 0;                                                                                                   \
        for (size_t i = 0; i < n; i++) {                                                                               \
            bad |= values[i] < 0 || (uint64_t)values[i] > limit;                                                       \
            target[i] = (to)values[i];                                                                                 \
        }                                                                                                              \
        size_t copied = n;                                                                                             \
        for (size_t i = 0; bad && i < copied; i++)                                                                     \
            if (values[i] < 0 || (uint64_t)values[i] > limit)                                                          \
                copied = i;                                                                                            \
        return copied;                                                                                                 \
    }

#define GGC_NARROW_ALL(suffix, to)                                                                                     \
    GGC_NARROW(ggc_i8_to_##suffix, int8_t, to)                                                                         \
    GGC_NARROW(ggc_i16_to_##suffix, int16_t, to)                                                                       \
    GGC_NARROW(ggc_i32_to_##suffix, int32_t, to)                                                                       \
    GGC_NARROW(ggc_i64_to_##suffix, int64_t, to)                                                                       \
    GGC_NARROW(ggc_u8_to_##suffix, uint8_t, to)                                                                        \
    GGC_NARROW(ggc_u16_to_##suffix, uint16_t, to)                                                                      \
    GGC_NARROW(ggc_u32_to_##suffix, uint32_t, to)                                                                      \
    GGC_NARROW(ggc_u64_to_##suffix, uint64_t, to)                                                                      \
    static inline size_t ggc_narrow_##suffix(const void *source, size_t size, int is_signed, to *target, size_t n,     \
                                             uint64_t limit) {                                                         \
        switch (size) {                                                                                                \
        case 1:                                                                                                        \
            return (is_signed ? ggc_i8_to_##suffix : ggc_u8_to_##suffix)(source, target, n, limit);                    \
        case 2:                                                                                                        \
            return (is_signed ? ggc_i16_to_##suffix : ggc_u16_to_##suffix)(source, target, n, limit);                  \
        case 4:                                                                                                        \
            return (is_signed ? ggc_i32_to_##suffix : ggc_u32_to_##suffix)(source, target, n, limit);                  \
        default:                                                                                                       \
            return (is_signed ? ggc_i64_to_##suffix : ggc_u64_to_##suffix)(source, target, n, limit);                  \
        }                                                                                                              \
    }

GGC_NARROW_ALL(u8, uint8_t)
GGC_NARROW_ALL(u32, uint32_t)

/* Writes the low widths[i] bits of each value; `bytes` must be zeroed. */
static inline void ggc_pack_bits(const uint64_t *values, const uint8_t *widths, size_t n, uint8_t *bytes) {
    uint64_t position = 0;
    for (size_t i = 0; i < n; i++) {
        int left = widths[i];
        while (left > 0) {
            const int room = 8 - (int)(position & 7), step = left < room ? left : room;
            const uint32_t chunk = (uint32_t)(values[i] >> (left - step)) & ((1u << step) - 1);
            bytes[position >> 3] |= (uint8_t)(chunk << (room - step));
            position += (uint64_t)step, left -= step;
        }
    }
}

/* The caller has checked that `bytes` holds the sum of the widths. */
static inline void ggc_unpack_bits(const uint8_t *bytes, const uint8_t *widths, size_t n, uint64_t *values) {
    uint64_t position = 0;
    for (size_t i = 0; i < n; i++) {
        int left = widths[i];
        uint64_t value = 0;
        while (left > 0) {
            const int room = 8 - (int)(position & 7), step = left < room ? left : room;
            const uint32_t chunk = (uint32_t)(bytes[position >> 3] >> (room - step)) & ((1u << step) - 1);
            value = value << step | chunk;
            position += (uint64_t)step, left -= step;
        }
        values[i] = value;
    }
}

#endif
