/* Single steps of the range coder, for the loops over symbols and those over raw bits. */
#ifndef GGC_RANGE_STEPS_H
#define GGC_RANGE_STEPS_H

#include <string.h>

#include "range.h"

/* Adds to the bytes before `end`. They are a number below 2^bits of a code that never overflows, so the carry stops. */
static inline void ggc_range_carry(uint8_t *end) {
    do
        --end;
    while (++*end == 0);
}

/* Bits are given out so many at a time: with the 15 or 16 of one step more, and a carry, low has 64 at most. */
static GGC_ALWAYS_INLINE int ggc_range_word(const int bits) {
    return bits == GGC_RANGE_BITS ? 32 : 16;
}

/* What changes with each step, in registers. */
typedef struct {
    uint64_t low;
    uint32_t range;
    int pending;
    uint8_t *next;
} ggc_range_cursor;

/* low <<= shift, and the word that is complete goes out. */
static GGC_ALWAYS_INLINE void ggc_range_shift(ggc_range_cursor *c, const int bits, int shift) {
    const int word = ggc_range_word(bits);
    c->low <<= shift;
    c->pending += shift;
    if (c->pending >= word) {
        const int rest = bits + c->pending - word;
        const uint64_t out = c->low >> rest;
        if (__builtin_expect(out >> word != 0, 0))
            ggc_range_carry(c->next);
        for (int i = word - 8; i >= 0; i -= 8)
            *c->next++ = (uint8_t)(out >> i);
        c->low &= ((uint64_t)1 << rest) - 1;
        c->pending -= word;
    }
}

static GGC_ALWAYS_INLINE void ggc_range_put(ggc_range_cursor *c, const int bits, uint32_t start, uint32_t end) {
    const uint32_t range = end - start;
    const int shift = __builtin_clz(range) - (32 - bits);
    c->low += start;
    c->range = range << shift;
    ggc_range_shift(c, bits, shift);
}

/* A raw value of at most GGC_RANGE_CHUNK bits: the range is scaled up by all of its values, and one of them kept. */
static GGC_ALWAYS_INLINE void ggc_range_put_chunk(ggc_range_cursor *c, const int bits, uint32_t value, int width) {
    c->low <<= width;
    c->pending += width;
    c->low += (uint64_t)c->range * value;
    ggc_range_shift(c, bits, 0);
}

static GGC_ALWAYS_INLINE ggc_range_cursor ggc_range_resume(const ggc_range_writer *w) {
    return (ggc_range_cursor){w->low, w->range, w->pending, w->data + w->size};
}

static GGC_ALWAYS_INLINE void ggc_range_suspend(ggc_range_writer *w, const ggc_range_cursor *c) {
    w->low = c->low, w->range = c->range, w->pending = c->pending;
    w->size = (size_t)(c->next - w->data);
}

static inline uint64_t ggc_load_be64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/* Fills the window to 56 bits at least and 63 at most, with zeros past the end. Three steps of 16 bits fit in between:
 * before the third of them 56 - 32 bits are there, as many as the widest range has. */
#define GGC_STEPS_A_FILL 3

static GGC_ALWAYS_INLINE void ggc_range_fill(ggc_range_reader *r) {
    for (; r->count < 56; r->count += 8, r->position++)
        if (r->position < r->size)
            r->window |= (uint64_t)r->data[r->position] << (56 - r->count);
}

/* The same where eight bytes are there, without a branch. Bits that did not count come a second time, as they were. */
static GGC_ALWAYS_INLINE void ggc_range_fill_fast(ggc_range_reader *r) {
    r->window |= ggc_load_be64(r->data + r->position) >> r->count;
    r->position += (size_t)(63 - r->count) >> 3;
    r->count |= 56;
}

static inline int ggc_range_is_dry(const ggc_range_reader *r) {
    return ggc_range_bits_read(r) > 8 * (uint64_t)r->size;
}

/* Takes the part of the range that holds the code. */
static GGC_ALWAYS_INLINE void ggc_range_narrow(ggc_range_reader *r, const int bits, uint32_t start, uint32_t end) {
    const uint32_t range = end - start;
    const int shift = __builtin_clz(range) - (32 - bits);
    r->window = (r->window - ((uint64_t)start << (64 - bits))) << shift;
    r->range = range << shift;
    r->count -= shift;
}

#endif
