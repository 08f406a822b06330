/* Raw bits packed most significant first. */
#ifndef GGC_BITS_H
#define GGC_BITS_H

#include <stddef.h>
#include <stdint.h>

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
